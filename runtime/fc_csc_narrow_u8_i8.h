/* SPDX-License-Identifier: 0BSD */
/* fc with int8 activations and csc<u8> int8 weights whose sums fit 16 bits, executed in place: rule N4. Made for the
   other encodings by exchanging the readers of gaps and values.
   x: K; delta and value: the streams of M x K; bias: M, or null; mul and shift: M, or one; y: M. */
#ifndef MCUC_FC_CSC_NARROW_U8_I8_H
#define MCUC_FC_CSC_NARROW_U8_I8_H

#include <stdint.h>

#include "clamp_i32.h"
#include "gaps_u8.h"
#include "requantize_16.h"
#include "values_i8.h"

static void mcuc_fc_csc_narrow_u8_i8(int32_t inputs, int32_t outputs, int32_t y_zero, int32_t lo, int32_t hi,
                                     int32_t per_channel, const int8_t *x, const uint8_t *delta,
                                     const mcuc_values_i8 *value, const int32_t *bias, const int32_t *mul,
                                     const int8_t *shift, int8_t *y) {
  struct mcuc_gaps_u8 gaps = mcuc_start_gaps_u8(delta);
  int32_t i = 0, k = mcuc_gap_u8(&gaps); /* the next nonzero's position in column m */
  for (int32_t m = 0; m < outputs; ++m, k -= inputs) {
    int32_t acc = bias != 0 ? bias[m] : 0;
    const int32_t j = per_channel ? m : 0;
    for (; k < inputs; k += 1 + mcuc_gap_u8(&gaps)) acc += mcuc_value_i8(value, i++) * x[k];
    y[m] = (int8_t)mcuc_clamp_i32(y_zero + mcuc_requantize_16(acc, mul[j], shift[j]), lo, hi);
  }
}

#endif
