/* SPDX-License-Identifier: 0BSD */
/* fc with float32 activations and csc<u8> int8 weights, executed in place: rule N20. Made for the other encodings,
   float values among them, by exchanging the readers of gaps and values. x: rows x K; delta and value: the streams of M
   x K; scale: of the weights, M, or one, or null; bias: M, or null; y: rows x M, float32 or int8. */
#ifndef MCUC_FC_CSC_F32_U8_I8_H
#define MCUC_FC_CSC_F32_U8_I8_H

#include <stdint.h>

#include "gaps_u8.h"
#include "mixed_f32.h"
#include "values_i8.h"

static void mcuc_fc_csc_f32_u8_i8(int32_t rows, int32_t K, int32_t M, const struct mcuc_mixed_f32 *q, const float *x,
                                  const uint8_t *delta, const mcuc_values_i8 *value, const float *scale,
                                  const float *bias, void *y) {
  for (int32_t r = 0; r < rows; ++r, x += K) {
    struct mcuc_gaps_u8 gaps = mcuc_start_gaps_u8(delta);
    int32_t i = 0, k = mcuc_gap_u8(&gaps);
    for (int32_t m = 0; m < M; ++m, k -= K) {
      float sum = 0.0f;
      for (; k < K; k += 1 + mcuc_gap_u8(&gaps)) sum += (float)mcuc_value_i8(value, &i) * x[k];
      mcuc_store_mixed(q, y, r * M + m, mcuc_mixed_result(q, scale, bias, m, sum));
    }
  }
}

#endif
