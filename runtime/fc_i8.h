/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and dense int8 weights: rule N4. Four outputs at a time share the reading of x.
   x: rows x K; w: M x K; bias: M, or null; mul and shift: M, or one; y: rows x M. */
#ifndef MCUC_FC_I8_H
#define MCUC_FC_I8_H

#include <stdint.h>

#include "dot_four_i8.h"
#include "fc_i8_results.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#elif defined(__ARM_FEATURE_DSP)
#include <string.h>
#endif

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
      const int8_t *v = x, *const end = x + K, *p0 = p, *p1 = p + K, *p2 = p + 2 * K, *p3 = p + 3 * K;
#if defined(__ARM_FEATURE_MVE)
      for (; end - v >= 16; v += 16, p0 += 16, p1 += 16, p2 += 16, p3 += 16) {
        const int8x16_t e = vldrbq_s8(v);
        a0 = vmladavaq_s8(a0, e, vldrbq_s8(p0));
        a1 = vmladavaq_s8(a1, e, vldrbq_s8(p1));
        a2 = vmladavaq_s8(a2, e, vldrbq_s8(p2));
        a3 = vmladavaq_s8(a3, e, vldrbq_s8(p3));
      }
#elif defined(__ARM_FEATURE_DSP)
      for (; end - v >= 4; v += 4, p0 += 4, p1 += 4, p2 += 4, p3 += 4) {
        uint32_t e, odd, w0, w1, w2, w3;
        memcpy(&e, v, 4);
        odd = mcuc_odd_bytes(e);
        e = mcuc_even_bytes(e);
        memcpy(&w0, p0, 4);
        a0 = mcuc_dot_four(e, odd, w0, a0);
        memcpy(&w1, p1, 4);
        a1 = mcuc_dot_four(e, odd, w1, a1);
        memcpy(&w2, p2, 4);
        a2 = mcuc_dot_four(e, odd, w2, a2);
        memcpy(&w3, p3, 4);
        a3 = mcuc_dot_four(e, odd, w3, a3);
      }
#endif
      while (v != end) {
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
