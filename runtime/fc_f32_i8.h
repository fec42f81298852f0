/* SPDX-License-Identifier: 0BSD */
/* fc with float32 activations and dense weights of int8: rule N20.
   x: rows x K; w: M x K; scale: of the weights, M, or one; bias: M, or null; y: rows x M, float32 or int8. */
#ifndef MCUC_FC_F32_I8_H
#define MCUC_FC_F32_I8_H

#include <stdint.h>

#include "mixed_f32.h"

static void mcuc_fc_f32_i8(int32_t rows, int32_t K, int32_t M, const struct mcuc_mixed_f32 *q, const float *x,
                           const int8_t *w, const float *scale, const float *bias, void *y) {
  for (int32_t r = 0; r < rows; ++r, x += K) {
    const int8_t *p = w;
    for (int32_t m = 0; m < M; ++m) {
      float sum = 0.0f;
      for (int32_t k = 0; k < K; ++k) sum += (float)*p++ * x[k];
      mcuc_store_mixed(q, y, r * M + m, mcuc_mixed_result(q, scale, bias, m, sum));
    }
  }
}

#endif
