/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and dense int8 weights on cores with the DSP extension or MVE: rules N4 to N6, for every
   shape. The inputs of four pixels are copied (im2col) to a buffer of 512 bytes on the stack, in the order in which the
   core's instructions take them, and every output channel reads them there. Where a filter is too long for the buffer
   it is taken in parts, and the accumulators of up to 16 channels wait in the buffer too. For conv_tiles_i8.h. */
#ifndef MCUC_CONV_IM2COL_I8_H
#define MCUC_CONV_IM2COL_I8_H

#include <stdint.h>

#include "conv_blocks.h"
#include "conv_four_i8.h"
#include "conv_i8_results.h"
#include "im2col_i8.h"

#if defined(MCUC_IM2COL)

/* Of the buffer of MCUC_IM2COL_WORDS words: the output channels and the taps that are computed at a time. First lie the
   inputs, then four accumulators a channel where the filter is in parts, then one word a channel where a window of the
   pool is made of several blocks. */
struct mcuc_im2col_parts {
  int32_t channels, taps; /* taps: a multiple of MCUC_IM2COL_STEP */
};

static inline struct mcuc_im2col_parts mcuc_im2col_parts_of(const struct mcuc_conv *s, int32_t filter, int32_t pooled) {
  const int32_t whole = (filter + MCUC_IM2COL_STEP - 1) / MCUC_IM2COL_STEP * MCUC_IM2COL_STEP;
  struct mcuc_im2col_parts p = {s->filters, whole};
  if (whole * MCUC_IM2COL_TAP_BYTES + p.channels * 4 * pooled > MCUC_IM2COL_WORDS * 4) {
    const int32_t blocks = (s->filters + 15) / 16;
    p.channels = (s->filters + blocks - 1) / blocks;
    p.taps = (MCUC_IM2COL_WORDS - p.channels * (4 + pooled)) * 4 / MCUC_IM2COL_TAP_BYTES;
    p.taps = p.taps / MCUC_IM2COL_STEP * MCUC_IM2COL_STEP;
    if (p.taps > whole) p.taps = whole;
  }
  return p;
}

/* The output channels of one group, of one image. w, bias: the group's; first: its first output channel. */
MCUC_INLINE void mcuc_conv_im2col_group_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                           const int8_t *weights, const int32_t *bias, const int32_t *mul,
                                           const int8_t *shift, int8_t *y, int32_t first, int32_t pool) {
  uint64_t buffer[MCUC_IM2COL_WORDS / 2];
  const int32_t filter = s->channels * s->kernel_h * s->kernel_w, plane = s->out_plane;
  const int32_t pooled = pool != MCUC_POOL_NONE && (s->pool_h > 2 || s->pool_w > 2);
  const struct mcuc_im2col_parts parts = mcuc_im2col_parts_of(s, filter, pooled);
  const int32_t in_parts = parts.taps < filter;
  int32_t *const partial = (int32_t *)buffer + parts.taps * MCUC_IM2COL_TAP_BYTES / 4;
  int32_t *const windows = partial + (in_parts ? 4 * parts.channels : 0);
  const int32_t pixels = s->conv_h * s->conv_w;
  for (int32_t begin = 0; begin < s->filters; begin += parts.channels) {
    const int32_t end = begin + parts.channels < s->filters ? begin + parts.channels : s->filters;
    struct mcuc_block block = mcuc_first_block(s, MCUC_CONV_ANY, pool);
    int32_t pixel = 0, more = 1;
    while (more) {
      struct mcuc_im2col_pixels p;
      if (pool == MCUC_POOL_NONE) {
        mcuc_im2col_neighbours(s, pixel, &p);
      } else {
        mcuc_im2col_block(s, &block, &p);
      }
      struct mcuc_im2col_tap tap = mcuc_im2col_first(s);
      const int32_t k0 = q->per_channel ? first + begin : 0;
      struct mcuc_im2col_filters f = {weights + begin * filter, filter, parts.taps, end - begin, 0, 0};
      if (bias != 0) f.bias = bias + first + begin;
      if (in_parts) {
        f.partial = partial;
        for (int32_t m = 0; m < f.channels; ++m) {
          int32_t *const acc = partial + 4 * m;
          acc[0] = acc[1] = acc[2] = acc[3] = f.bias != 0 ? f.bias[m] : 0;
        }
        for (int32_t k = 0; k < filter; k += parts.taps) {
          if (k != 0) mcuc_im2col_dots_i8(buffer, &f); /* of the part before */
          f.w = weights + begin * filter + k;
          f.taps = filter - k < parts.taps ? filter - k : parts.taps;
          mcuc_im2col_i8(s, q->x_zero, x, &p, &tap, f.taps, buffer);
        }
      } else {
        f.taps = filter;
        mcuc_im2col_i8(s, q->x_zero, x, &p, &tap, filter, buffer);
      }
      if (pool == MCUC_POOL_NONE) {
        mcuc_im2col_results_i8(buffer, &f, q, mul + k0, shift + k0, pixels < 4 ? pixels : 4, plane,
                               y + begin * plane + pixel);
      } else {
        if (in_parts) mcuc_im2col_dots_i8(buffer, &f);
        for (int32_t m = begin; m < end; ++m) {
          const int32_t channel = q->per_channel ? first + m : 0;
          int32_t *acc = partial + 4 * (m - begin), sums[4];
          if (!in_parts) {
            sums[0] = sums[1] = sums[2] = sums[3] = bias != 0 ? bias[first + m] : 0;
            const int8_t *w = weights + m * filter;
            mcuc_im2col_dot_i8(buffer, &w, filter, sums);
            acc = sums;
          }
          struct mcuc_channel_i8 c = {0, mul[channel], shift[channel], 0, 0};
          if (pooled) c.pooled = windows[m - begin];
          c.y = y + m * plane + block.unit_y * s->out_w + block.unit_x;
          mcuc_conv_block_i8(s, pool, q, &c, &block, acc[0], acc[1], acc[2], acc[3]);
          if (pooled) windows[m - begin] = c.pooled;
        }
      }
      if (pool == MCUC_POOL_NONE) { /* the last four are moved back into the output */
        more = pixel + 4 < pixels;
        pixel = pixel + 8 <= pixels ? pixel + 4 : pixels - 4;
      } else {
        more = mcuc_next_block(s, MCUC_CONV_ANY, pool, &block);
      }
    }
  }
}

MCUC_INLINE void mcuc_conv_im2col_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                     const int8_t *weights, const int32_t *bias, const int32_t *mul,
                                     const int8_t *shift, int8_t *y, int32_t pool) {
  const int32_t filter = s->channels * s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t g = 0; g < s->groups; ++g) {
      const int32_t first = g * s->filters;
      mcuc_conv_im2col_group_i8(s, q, x, weights + first * filter, bias, mul, shift, y, first, pool);
      x += s->channels * s->plane;
      y += s->filters * s->out_plane;
    }
  }
}

#endif

#endif
