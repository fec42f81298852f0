/* SPDX-License-Identifier: 0BSD */
/* Softmax of float32 along the middle one of three dimensions: outer x length x inner. y may be x. */
#ifndef MCUC_SOFTMAX_F32_H
#define MCUC_SOFTMAX_F32_H

#include <math.h>
#include <stdint.h>

#include "softmax.h"

static void mcuc_softmax_f32(const struct mcuc_softmax *s, const float *x, float *y) {
  for (int32_t row = 0; row < s->outer * s->inner; ++row) {
    const int32_t start = row / s->inner * s->length * s->inner + row % s->inner;
    const int32_t end = start + s->length * s->inner;
    float largest = x[start], sum = 0.0f;
    for (int32_t i = start; i < end; i += s->inner) {
      if (x[i] > largest) largest = x[i];
    }
    for (int32_t i = start; i < end; i += s->inner) {
      y[i] = expf(x[i] - largest);
      sum += y[i];
    }
    for (int32_t i = start; i < end; i += s->inner) y[i] /= sum;
  }
}

#endif
