/* SPDX-License-Identifier: 0BSD */
/* Matrix product of float32, then a clamp. a: rows x inner; b: inner x columns; y: rows x columns. */
#ifndef MCUC_MATMUL_F32_H
#define MCUC_MATMUL_F32_H

#include <stdint.h>

#include "clamp_f32.h"

struct mcuc_matmul {
  int32_t rows, inner, columns;
};

static void mcuc_matmul_f32(const struct mcuc_matmul *s, const float *a, const float *b, float lo, float hi, float *y) {
  for (int32_t r = 0; r < s->rows; ++r, a += s->inner) {
    for (int32_t c = 0; c < s->columns; ++c) {
      float sum = 0.0f;
      for (int32_t k = 0; k < s->inner; ++k) sum += a[k] * b[k * s->columns + c];
      *y++ = mcuc_clamp_f32(sum, lo, hi);
    }
  }
}

#endif
