/* SPDX-License-Identifier: 0BSD */
/* fc with float32 activations and csc<u8> float32 weights, executed in place.
   x: rows x K; the encoding of M columns of length K; bias: M, or null; y: rows x M, float32 or int8. */
#ifndef MCUC_FC_CSC_F32_H
#define MCUC_FC_CSC_F32_H

#include <stdint.h>

#include "csc.h"
#include "mixed_f32.h"

static void mcuc_fc_csc_f32(int32_t rows, int32_t K, int32_t M, const struct mcuc_mixed_f32 *q, const float *x,
                            const void *count, int32_t count_bytes, const uint8_t *delta, const float *value,
                            const float *bias, void *y) {
  for (int32_t r = 0; r < rows; ++r, x += K) {
    const uint8_t *d = delta;
    const float *v = value;
    for (int32_t m = 0; m < M; ++m) {
      const float *p = x;
      float sum = 0.0f;
      for (const float *const end = v + mcuc_csc_count(count, count_bytes, m); v != end;) {
        p += mcuc_csc_gap(&d);
        sum += *v++ * *p++;
      }
      mcuc_store_mixed(q, y, r * M + m, mcuc_mixed_result(q, 0, bias, m, sum));
    }
  }
}

#endif
