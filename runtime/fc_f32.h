/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer of float32, then a clamp: y[r][m] = bias[m] + sum over k of x[r][k] w[m][k]. Four outputs at a
   time share the reading of x, and each has four sums, of every fourth product.
   x: rows x inputs; w: outputs x inputs; bias: outputs, or NULL; y: rows x outputs. */
#ifndef MCUC_FC_F32_H
#define MCUC_FC_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "fc.h"
#include "four_f32.h"
#include "inline.h"

/* acc + the products of four inputs with their weights. */
static inline struct mcuc_four_f32 mcuc_fc_four_f32(struct mcuc_four_f32 acc, struct mcuc_four_f32 x, const float *w) {
  acc.v0 += x.v0 * w[0];
  acc.v1 += x.v1 * w[1];
  acc.v2 += x.v2 * w[2];
  acc.v3 += x.v3 * w[3];
  return acc;
}

static inline float mcuc_fc_sum_f32(struct mcuc_four_f32 a, const float *bias, float lo, float hi) {
  const float sum = (a.v0 + a.v1) + (a.v2 + a.v3);
  return mcuc_clamp_f32(bias != 0 ? sum + *bias : sum, lo, hi);
}

/* Four outputs, or one. */
MCUC_INLINE void mcuc_fc_outputs_f32(const float *x, const float *w, const float *bias, int32_t inputs, float lo,
                                     float hi, int32_t many, float *y) {
  const int32_t next = many ? inputs : 0;
  const float *const w1 = w + next, *const w2 = w1 + next, *const w3 = w2 + next;
  struct mcuc_four_f32 a0 = mcuc_four_of_f32(0.0f), a1 = a0, a2 = a0, a3 = a0;
  int32_t k = 0;
  for (; k + 4 <= inputs; k += 4) {
    const struct mcuc_four_f32 e = {x[k], x[k + 1], x[k + 2], x[k + 3]};
    a0 = mcuc_fc_four_f32(a0, e, w + k);
    if (many) {
      a1 = mcuc_fc_four_f32(a1, e, w1 + k);
      a2 = mcuc_fc_four_f32(a2, e, w2 + k);
      a3 = mcuc_fc_four_f32(a3, e, w3 + k);
    }
  }
  for (; k < inputs; ++k) {
    a0.v0 += x[k] * w[k];
    if (many) {
      a1.v0 += x[k] * w1[k];
      a2.v0 += x[k] * w2[k];
      a3.v0 += x[k] * w3[k];
    }
  }
  y[0] = mcuc_fc_sum_f32(a0, bias, lo, hi);
  if (many) {
    y[1] = mcuc_fc_sum_f32(a1, bias != 0 ? bias + 1 : 0, lo, hi);
    y[2] = mcuc_fc_sum_f32(a2, bias != 0 ? bias + 2 : 0, lo, hi);
    y[3] = mcuc_fc_sum_f32(a3, bias != 0 ? bias + 3 : 0, lo, hi);
  }
}

static void mcuc_fc_f32(const struct mcuc_fc *s, const float *x, const float *w, const float *bias, float lo, float hi,
                        float *y) {
  for (int32_t r = 0; r < s->rows; ++r, x += s->inputs) {
    for (int32_t m = 0; m < s->outputs;) {
      const float *const row = w + m * s->inputs, *const b = bias != 0 ? bias + m : 0;
      if (s->outputs - m >= 4) {
        mcuc_fc_outputs_f32(x, row, b, s->inputs, lo, hi, 1, y);
        m += 4;
        y += 4;
      } else {
        mcuc_fc_outputs_f32(x, row, b, s->inputs, lo, hi, 0, y);
        ++m;
        ++y;
      }
    }
  }
}

#endif
