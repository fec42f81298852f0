/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and csc<u8> int8 weights, executed in place: rule N4. Made for the other encodings by
   exchanging the readers of gaps and values.
   x: rows x K; delta and value: the streams of M x K; bias: M, or null; mul and shift: M, or one; y: rows x M. */
#ifndef MCUC_FC_CSC_U8_I8_H
#define MCUC_FC_CSC_U8_I8_H

#include <stdint.h>

#include "fc_i8_results.h"
#include "gaps_u8.h"
#include "values_i8.h"

static void mcuc_fc_csc_u8_i8(const struct mcuc_fc_quant *s, const int8_t *x, const uint8_t *delta,
                              const mcuc_values_i8 *value, const int32_t *bias, const int32_t *mul, const int8_t *shift,
                              int8_t *y) {
  for (int32_t r = 0; r < s->rows; ++r) {
    struct mcuc_gaps_u8 gaps = mcuc_start_gaps_u8(delta);
    int32_t i = 0, k = mcuc_gap_u8(&gaps); /* the next nonzero's position in column m */
    for (int32_t m = 0; m < s->outputs; ++m) {
      int32_t acc = bias != 0 ? bias[m] : 0;
      for (; k < s->inputs; k += 1 + mcuc_gap_u8(&gaps)) acc += mcuc_value_i8(value, &i) * x[k];
      k -= s->inputs;
      *y++ = mcuc_fc_result_i8(s, m, acc, mul, shift);
    }
    x += s->inputs;
  }
}

#endif
