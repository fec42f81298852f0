/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and csc<u8> int8 weights, executed in place: rule N4.
   x: rows x K; the encoding of M columns of length K; bias: M, or null; mul and shift: M, or one; y: rows x M. */
#ifndef MCUC_FC_CSC_I8_H
#define MCUC_FC_CSC_I8_H

#include <stdint.h>

#include "csc.h"
#include "fc_i8_results.h"

static void mcuc_fc_csc_i8(const struct mcuc_fc_quant *s, const int8_t *x, const void *count, int32_t count_bytes,
                           const uint8_t *delta, const int8_t *value, const int32_t *bias, const int32_t *mul,
                           const int8_t *shift, int8_t *y) {
  for (int32_t r = 0; r < s->rows; ++r) {
    const uint8_t *d = delta;
    const int8_t *v = value;
    for (int32_t m = 0; m < s->outputs; ++m) {
      const int8_t *p = x;
      int32_t acc = bias != 0 ? bias[m] : 0;
      for (const int8_t *const end = v + mcuc_csc_count(count, count_bytes, m); v != end;) {
        p += mcuc_csc_gap(&d);
        acc += *v++ * *p++;
      }
      *y++ = mcuc_fc_result_i8(s, m, acc, mul, shift);
    }
    x += s->inputs;
  }
}

#endif
