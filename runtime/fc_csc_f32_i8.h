/* SPDX-License-Identifier: 0BSD */
/* fc with float32 activations and csc<u8> int8 weights, executed in place: rule N20.
   x: rows x K; the encoding of M columns of length K; scale: of the weights, M, or one; bias: M, or null;
   y: rows x M, float32 or int8. */
#ifndef MCUC_FC_CSC_F32_I8_H
#define MCUC_FC_CSC_F32_I8_H

#include <stdint.h>

#include "csc.h"
#include "mixed_f32.h"

static void mcuc_fc_csc_f32_i8(int32_t rows, int32_t K, int32_t M, const struct mcuc_mixed_f32 *q, const float *x,
                               const void *count, int32_t count_bytes, const uint8_t *delta, const int8_t *value,
                               const float *scale, const float *bias, void *y) {
  for (int32_t r = 0; r < rows; ++r, x += K) {
    const uint8_t *d = delta;
    const int8_t *v = value;
    for (int32_t m = 0; m < M; ++m) {
      const float *p = x;
      float sum = 0.0f;
      for (const int8_t *const end = v + mcuc_csc_count(count, count_bytes, m); v != end;) {
        p += mcuc_csc_gap(&d);
        sum += (float)*v++ * *p++;
      }
      mcuc_store_mixed(q, y, r * M + m, mcuc_mixed_result(q, scale, bias, m, sum));
    }
  }
}

#endif
