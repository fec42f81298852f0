/* SPDX-License-Identifier: 0BSD */
/* From the float accumulators of a block to float32 or int8 results: rule N20. */
#ifndef MCUC_CONV_MIXED_RESULTS_H
#define MCUC_CONV_MIXED_RESULTS_H

#include <stdint.h>

#include "conv_blocks.h"
#include "mixed_f32.h"

/* What goes to one output channel. */
struct mcuc_channel_mixed {
  const float *scale, *bias;
  int32_t m;
  float pooled; /* of the window begun: the maximum or the sum */
  void *y;
  int32_t first; /* index in y of the channel's first result */
};

MCUC_INLINE void mcuc_conv_block_mixed(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q,
                                       struct mcuc_channel_mixed *c, const struct mcuc_block *b, const float *sums) {
  float a[4];
  for (int32_t i = 0; i < 4; ++i) a[i] = mcuc_mixed_result(q, c->scale, c->bias, c->m, sums[i]);
  for (int32_t i = 0; i < b->rows; ++i) {
    for (int32_t j = 0; j < b->columns; ++j) {
      const float result = a[2 * i + j];
      if (s->pool == MCUC_POOL_NONE) {
        mcuc_store_mixed(q, c->y, c->first + (b->y + i) * s->conv_w + b->x + j, result);
      } else if (b->first && i == 0 && j == 0) {
        c->pooled = result;
      } else if (s->pool == MCUC_POOL_AVG) {
        c->pooled += result;
      } else if (result > c->pooled) {
        c->pooled = result;
      }
    }
  }
  if (s->pool != MCUC_POOL_NONE && b->last) {
    if (s->pool == MCUC_POOL_AVG) c->pooled /= (float)(s->pool_h * s->pool_w);
    mcuc_store_mixed(q, c->y, c->first + b->unit_y * s->out_w + b->unit_x, c->pooled);
  }
}

/* x under one tap of one pixel of the convolution's output; 0 outside of x. x: the channel's plane. */
static inline float mcuc_tap_f32(const struct mcuc_conv *s, const float *x, int32_t pixel_y, int32_t pixel_x,
                                 int32_t tap_y, int32_t tap_x) {
  const int32_t row = pixel_y * s->stride_h - s->pad_top + tap_y, column = pixel_x * s->stride_w - s->pad_left + tap_x;
  const int32_t within = row >= 0 && row < s->height && column >= 0 && column < s->width;
  return within ? x[row * s->width + column] : 0.0f;
}

/* The products of a weight with what lies under its tap, for the pixels of two blocks. `x`: the channel's
   plane. */
MCUC_INLINE void mcuc_tap_products_f32(const struct mcuc_conv *s, const float *x, const struct mcuc_block *a,
                                       const struct mcuc_block *b, const struct mcuc_reach *reach, int32_t tap_y,
                                       int32_t tap_x, float w, float *sums_a, float *sums_b) {
  if ((uint32_t)(reach->top + tap_y) < reach->rows && (uint32_t)(reach->left + tap_x) < reach->columns) {
    const int32_t dy = s->stride_h * s->width, dx = s->stride_w;
    const float *p =
        x + ((a->y * s->stride_h - s->pad_top + tap_y) * s->width + a->x * s->stride_w - s->pad_left + tap_x);
    sums_a[0] += w * p[0];
    sums_a[1] += w * p[dx];
    sums_a[2] += w * p[dy];
    sums_a[3] += w * p[dy + dx];
    p += (b->y - a->y) * dy + (b->x - a->x) * dx;
    sums_b[0] += w * p[0];
    sums_b[1] += w * p[dx];
    sums_b[2] += w * p[dy];
    sums_b[3] += w * p[dy + dx];
    return;
  }
  for (int32_t i = 0; i < 4; ++i) {
    sums_a[i] += w * mcuc_tap_f32(s, x, a->y + i / 2, a->x + i % 2, tap_y, tap_x);
    sums_b[i] += w * mcuc_tap_f32(s, x, b->y + i / 2, b->x + i % 2, tap_y, tap_x);
  }
}

#endif
