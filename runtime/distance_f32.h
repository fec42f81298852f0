/* SPDX-License-Identifier: 0BSD */
/* Squared Euclidean distances of rows of x to rows of w; y: rows x outputs. */
#ifndef MCUC_DISTANCE_F32_H
#define MCUC_DISTANCE_F32_H

#include <stdint.h>

#include "fc.h"

static void mcuc_distance_f32(const struct mcuc_fc *s, const float *x, const float *w, float *y) {
  for (int32_t row = 0; row < s->rows; ++row, x += s->inputs) {
    for (int32_t m = 0; m < s->outputs; ++m) {
      const float *other = w + m * s->inputs;
      float sum = 0.0f;
      for (int32_t k = 0; k < s->inputs; ++k) sum += (x[k] - other[k]) * (x[k] - other[k]);
      *y++ = sum;
    }
  }
}

#endif
