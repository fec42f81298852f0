/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer of float32, then a clamp: y[r][m] = bias[m] + sum over k of x[r][k] w[m][k].
   x: rows x inputs; w: outputs x inputs; bias: outputs, or NULL; y: rows x outputs. */
#ifndef MCUC_FC_F32_H
#define MCUC_FC_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "fc.h"

static void mcuc_fc_f32(const struct mcuc_fc *s, const float *x, const float *w, const float *bias, float lo, float hi,
                        float *y) {
  for (int32_t r = 0; r < s->rows; ++r, x += s->inputs) {
    for (int32_t m = 0; m < s->outputs; ++m) {
      const float *row = w + m * s->inputs;
      float sum = bias != 0 ? bias[m] : 0.0f;
      for (int32_t k = 0; k < s->inputs; ++k) sum += x[k] * row[k];
      *y++ = mcuc_clamp_f32(sum, lo, hi);
    }
  }
}

#endif
