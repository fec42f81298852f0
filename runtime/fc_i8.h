/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and dense int8 weights: rule N4. Four outputs at a time share the reading of x.
   x: rows x K; w: M x K; bias: M, or null; mul and shift: M, or one; y: rows x M. */
#ifndef MCUC_FC_I8_H
#define MCUC_FC_I8_H

#include <stdint.h>

#include "fc_i8_results.h"

static void mcuc_fc_i8(const struct mcuc_fc_quant *s, const int8_t *x, const int8_t *w, const int32_t *bias,
                       const int32_t *mul, const int8_t *shift, int8_t *y) {
  const int32_t K = s->inputs;
  for (int32_t r = 0; r < s->rows; ++r, x += K) {
    const int8_t *p = w;
    for (int32_t m = 0; m < s->outputs;) {
      if (s->outputs - m < 4) {
        int32_t acc = bias != 0 ? bias[m] : 0;
        for (int32_t k = 0; k < K; ++k) acc += x[k] * *p++;
        *y++ = mcuc_fc_result_i8(s, m++, acc, mul, shift);
        continue;
      }
      int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
      const int8_t *p0 = p, *p1 = p + K, *p2 = p + 2 * K, *p3 = p + 3 * K;
      for (const int8_t *v = x, *const end = x + K; v != end;) {
        const int32_t e = *v++;
        a0 += e * *p0++;
        a1 += e * *p1++;
        a2 += e * *p2++;
        a3 += e * *p3++;
      }
      p = p3;
      if (bias != 0) {
        a0 += bias[m];
        a1 += bias[m + 1];
        a2 += bias[m + 2];
        a3 += bias[m + 3];
      }
      *y++ = mcuc_fc_result_i8(s, m, a0, mul, shift);
      *y++ = mcuc_fc_result_i8(s, m + 1, a1, mul, shift);
      *y++ = mcuc_fc_result_i8(s, m + 2, a2, mul, shift);
      *y++ = mcuc_fc_result_i8(s, m + 3, a3, mul, shift);
      m += 4;
    }
  }
}

#endif
