/* SPDX-License-Identifier: 0BSD */
/* From the int32 accumulators of a block to int8 results: rules N2, N3, N5 and N6. */
#ifndef MCUC_CONV_I8_RESULTS_H
#define MCUC_CONV_I8_RESULTS_H

#include <stdint.h>

#include "clamp_i32.h"
#include "conv_blocks.h"
#include "requantize.h"

struct mcuc_conv_quant {
  int32_t x_zero, y_zero, lo, hi; /* zero points; bounds of the result */
  int32_t relu;                   /* raise accumulators to 0 before they are averaged */
  int32_t per_channel;            /* a multiplier and a shift an output channel, or one for all */
};

/* What goes to one output channel. */
struct mcuc_channel_i8 {
  int32_t bias, mul, shift;
  int32_t pooled; /* of the window begun: the maximum or the sum */
  int8_t *y;
};

MCUC_INLINE int8_t mcuc_conv_result_i8(const struct mcuc_conv_quant *q, const struct mcuc_channel_i8 *c, int32_t acc) {
  return (int8_t)mcuc_clamp_i32(q->y_zero + mcuc_requantize(acc, c->mul, c->shift), q->lo, q->hi);
}

MCUC_INLINE void mcuc_conv_block_i8(const struct mcuc_conv *s, int32_t pool, const struct mcuc_conv_quant *q,
                                    struct mcuc_channel_i8 *c, const struct mcuc_block *b, int32_t a0, int32_t a1,
                                    int32_t a2, int32_t a3) {
  if (pool == MCUC_POOL_NONE) {
    int8_t *const y = c->y + b->y * s->conv_w + b->x;
    y[0] = mcuc_conv_result_i8(q, c, a0);
    if (b->columns == 2) y[1] = mcuc_conv_result_i8(q, c, a1);
    if (b->rows == 2) {
      y[s->conv_w] = mcuc_conv_result_i8(q, c, a2);
      if (b->columns == 2) y[s->conv_w + 1] = mcuc_conv_result_i8(q, c, a3);
    }
    return;
  }
  if (pool == MCUC_POOL_MAX) {
    if (b->columns == 2) {
      if (a1 > a0) a0 = a1;
      if (a3 > a2) a2 = a3;
    }
    if (b->rows == 2 && a2 > a0) a0 = a2;
    if (b->first || a0 > c->pooled) c->pooled = a0;
  } else {
    if (q->relu) {
      if (a0 < 0) a0 = 0;
      if (a1 < 0) a1 = 0;
      if (a2 < 0) a2 = 0;
      if (a3 < 0) a3 = 0;
    }
    if (b->columns == 2) {
      a0 += a1;
      a2 += a3;
    }
    if (b->rows == 2) a0 += a2;
    c->pooled = b->first ? a0 : c->pooled + a0;
  }
  if (b->last) *c->y++ = mcuc_conv_result_i8(q, c, c->pooled);
}

#endif
