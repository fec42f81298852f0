/* SPDX-License-Identifier: 0BSD */
/* The shape of an integer fc, and from its accumulators to results: rules N2 and N3. */
#ifndef MCUC_FC_I8_RESULTS_H
#define MCUC_FC_I8_RESULTS_H

#include <stdint.h>

#include "clamp_i32.h"
#include "requantize.h"

struct mcuc_fc_quant {
  int32_t rows, inputs, outputs; /* x: rows x inputs, y: rows x outputs */
  int32_t y_zero, lo, hi;        /* zero point and bounds of the result */
  int32_t per_channel;           /* a multiplier and a shift an output, or one for all */
};

static inline int8_t mcuc_fc_result_i8(const struct mcuc_fc_quant *s, int32_t m, int32_t acc, const int32_t *mul,
                                       const int8_t *shift) {
  const int32_t i = s->per_channel ? m : 0;
  return (int8_t)mcuc_clamp_i32(s->y_zero + mcuc_requantize(acc, mul[i], shift[i]), s->lo, s->hi);
}

#endif
