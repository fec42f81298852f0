/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and csc<u8> int8 weights whose sums fit 16 bits, executed in place: rule N4. Made for the
   other encodings by exchanging the readers of gaps and values. x: K; delta and value: the streams of M x K; bias: M,
   or null; multipliers and shifts: M, or null where mul and shift are those of all outputs; y: M. */
#ifndef MCUC_FC_CSC_NARROW_U8_I8_H
#define MCUC_FC_CSC_NARROW_U8_I8_H

#include <stdint.h>

#include "bias_b32.h"
#include "clamp_i32.h"
#include "gaps_u8.h"
#include "requantize_16.h"
#include "values_i8.h"

static void mcuc_fc_csc_narrow_u8_i8(int32_t inputs, int32_t outputs, int32_t y_zero, int32_t lo, int32_t hi,
                                     const int8_t *x, const uint8_t *delta, const mcuc_values_i8 *value,
                                     const mcuc_bias_b32 *bias, int32_t bias_shift, int32_t mul, int32_t shift,
                                     const int32_t *multipliers, const int8_t *shifts, int8_t *y) {
  struct mcuc_gaps_u8 gaps = mcuc_start_gaps_u8(delta);
  int32_t i = 0, k = -1, m = 0, acc = 0;
  for (;;) {
    k += 1 + mcuc_gap_u8(&gaps);
    while (k >= inputs) { /* output m is complete */
      if (bias != 0) acc += bias[m] * ((int32_t)1 << bias_shift);
      if (multipliers != 0) mul = multipliers[m];
      if (shifts != 0) shift = shifts[m];
      y[m] = (int8_t)mcuc_clamp_i32(y_zero + mcuc_requantize_16(acc, mul, shift), lo, hi);
      if (++m == outputs) return;
      acc = 0;
      k -= inputs;
    }
    acc += mcuc_value_i8(value, &i) * x[k];
  }
}

#endif
