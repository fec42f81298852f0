/* SPDX-License-Identifier: 0BSD */
/* x under one tap of one pixel of a convolution's output; outside of x its zero point (rule N4). */
#ifndef MCUC_CONV_TAP_I8_H
#define MCUC_CONV_TAP_I8_H

#include <stdint.h>

#include "conv.h"
#include "conv_i8_results.h"

/* x: the channel's plane; (y, x_): the pixel; the tap lies tap_y rows and tap_x columns from the window's corner. */
static inline int32_t mcuc_tap_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                  int32_t pixel_y, int32_t pixel_x, int32_t tap_y, int32_t tap_x) {
  const int32_t row = pixel_y * s->stride_h - s->pad_top + tap_y, column = pixel_x * s->stride_w - s->pad_left + tap_x;
  const int32_t within = row >= 0 && row < s->height && column >= 0 && column < s->width;
  return within ? x[row * s->row + column] : q->x_zero;
}

#endif
