/* SPDX-License-Identifier: 0BSD */
/* Depthwise conv with int8 activations and dense int8 weights, without a pool: rule N4. No loop over taps knows of
   padding: where x has some, a part of a channel's plane at a time is copied to a buffer of 512 bytes on the stack,
   with x's zero point around it. Parameters as in conv_i8.h, with one input channel a group. y may lie over
   channels of x before the one it is computed from: outputs are written a channel at a time, in order. */
#ifndef MCUC_CONV_DEPTHWISE_I8_H
#define MCUC_CONV_DEPTHWISE_I8_H

#include <stdint.h>

#include "conv.h"
#include "conv_four_i8.h"
#include "conv_i8_results.h"
#include "conv_tap_i8.h"
#include "copy_bytes.h"
#include "depthwise_four_i8.h"
#include "noinline.h"

enum { MCUC_DEPTHWISE_BYTES = 512 };

/* The outputs that are computed at a time, and the input that they read. */
struct mcuc_depthwise_tile {
  int32_t rows, columns; /* of the output; 0: a window is too large for the buffer */
  int32_t copied;
  int32_t pitch; /* from a row of the input to the next */
};

static struct mcuc_depthwise_tile mcuc_depthwise_tile_of(const struct mcuc_conv *s) {
  struct mcuc_depthwise_tile t = {s->conv_h, s->conv_w, 0, s->width};
  const int32_t high = (s->kernel_h - 1) * s->dilation_h + 1, wide = (s->kernel_w - 1) * s->dilation_w + 1;
  const int32_t excess = mcuc_depthwise_excess(s);
  const int32_t bottom = (s->conv_h - 1) * s->stride_h - s->pad_top + high;
  const int32_t right = (s->conv_w - 1) * s->stride_w - s->pad_left + wide;
  int32_t most;
  if (s->pad_top == 0 && s->pad_left == 0 && bottom <= s->height && right <= s->width && excess == 0) return t;
  t.copied = 1;
  most = MCUC_DEPTHWISE_BYTES / high - excess;
  if (most < wide) {
    t.rows = t.columns = 0;
    return t;
  }
  most = (most - wide) / s->stride_w + 1;
  if (most < t.columns) t.columns = most > 4 ? most / 4 * 4 : most;
  t.pitch = (t.columns - 1) * s->stride_w + wide + excess;
  most = (MCUC_DEPTHWISE_BYTES / t.pitch - high) / s->stride_h + 1;
  if (most < t.rows) t.rows = most;
  return t;
}

/* `rows` rows of `pitch` bytes that start at a row and a column of the plane x, either of which may lie outside. */
static MCUC_NOINLINE void mcuc_depthwise_copy_i8(const struct mcuc_conv *s, const int8_t *x, int32_t row,
                                                 int32_t column, int32_t rows, int32_t pitch, int32_t zero,
                                                 int8_t *to) {
  const int32_t width = s->width, from = column > 0 ? column : 0;
  const int32_t end = column + pitch < width ? column + pitch : width, inside = end - from;
  const int32_t left = inside > 0 ? from - column : 0, right = inside > 0 ? pitch - left - inside : 0;
  for (; rows > 0; --rows, ++row, to += pitch) {
    if (inside <= 0 || (uint32_t)row >= (uint32_t)s->height) {
      mcuc_fill_bytes(zero, pitch, to);
    } else {
      mcuc_fill_bytes(zero, left, to);
      mcuc_copy_bytes(x + (row * width + from), inside, to + left);
      mcuc_fill_bytes(zero, right, to + left + inside);
    }
  }
}

/* What goes to one output channel. */
struct mcuc_depthwise_channel {
  const int8_t *w;
  const uint32_t *words; /* its weights as mcuc_depthwise_pack has them */
  int32_t start, mul, shift;
};

/* The results of a tile, row by row. x: under the first tap of the first one; stride, kernel_h, parts: of s, or
   constants. */
MCUC_INLINE void mcuc_depthwise_results_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *quant,
                                           const struct mcuc_depthwise_tile *tile,
                                           const struct mcuc_depthwise_channel *channel, const int8_t *x, int32_t rows,
                                           int32_t columns, int32_t stride, int32_t kernel_h, int32_t parts,
                                           int8_t *y) {
  const struct mcuc_conv_quant q = *quant; /* copies, which no store is taken to change */
  const struct mcuc_depthwise_channel c = *channel;
  const struct mcuc_four_i8 four = mcuc_four_of(&q, c.mul, c.shift);
  const int32_t pitch = tile->pitch, down = s->dilation_h * pitch, next = s->stride_h * pitch, width = s->conv_w;
  for (; rows > 0; --rows, x += next, y += width) {
    for (int32_t i = 0; i < columns;) {
      int32_t a[4] = {c.start, c.start, c.start, c.start};
      if (columns - i == 1 || columns < 4) {
        const int8_t *p = x + i * s->stride_w, *w = c.w;
#if defined(MCUC_DEPTHWISE_PARTS)
        if (parts != 0 && i > 0) {
          const uint32_t *words = c.words;
          for (int32_t r = 0; r < kernel_h; ++r, p += down) {
            for (int32_t k = 0; k < parts; ++k, words += 2) {
              a[0] = mcuc_depthwise_part_of_one(p + 3 * k, words, a[0]);
            }
          }
          y[i++] = (int8_t)(four.quick ? mcuc_four_one(&q, &four, a[0])
                                       : mcuc_clamp_i32(q.y_zero + mcuc_requantize(a[0], c.mul, c.shift), q.lo, q.hi));
          continue;
        }
#endif
        for (int32_t r = 0; r < s->kernel_h; ++r, p += down) {
          for (int32_t k = 0; k < s->kernel_w; ++k) a[0] += *w++ * p[k * s->dilation_w];
        }
        y[i] = (int8_t)mcuc_clamp_i32(q.y_zero + mcuc_requantize(a[0], c.mul, c.shift), q.lo, q.hi);
        ++i;
        continue;
      }
      if (columns - i < 4) i = columns - 4; /* moved back: some are computed twice */
#if defined(MCUC_DEPTHWISE_PARTS)
      if (parts != 0) {
        mcuc_depthwise_rows(x + i * stride, stride, down, c.words, kernel_h, parts, a);
      } else {
        mcuc_depthwise_four_i8(s, x + i * stride, down, c.w, a);
      }
#else
      (void)kernel_h, (void)parts;
      mcuc_depthwise_four_i8(s, x + i * stride, down, c.w, a);
#endif
      mcuc_conv_results_four_i8(quant, &q, &four, c.shift, a[0], a[1], a[2], a[3], y + i);
      i += 4;
    }
  }
}

static MCUC_NOINLINE void mcuc_depthwise_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q,
                                            const struct mcuc_depthwise_tile *tile,
                                            const struct mcuc_depthwise_channel *c, const int8_t *x, int32_t rows,
                                            int32_t columns, int8_t *y) {
#if defined(MCUC_DEPTHWISE_PARTS)
  const int32_t parts = mcuc_depthwise_parts(s);
  if (parts == 1 && s->kernel_h == 3 && s->stride_w == 1) {
    mcuc_depthwise_results_i8(s, q, tile, c, x, rows, columns, 1, 3, 1, y);
    return;
  }
  mcuc_depthwise_results_i8(s, q, tile, c, x, rows, columns, s->stride_w, s->kernel_h, parts, y);
#else
  mcuc_depthwise_results_i8(s, q, tile, c, x, rows, columns, s->stride_w, s->kernel_h, 0, y);
#endif
}

/* One plane, whose windows are too large for the buffer. */
static MCUC_NOINLINE void mcuc_depthwise_large_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q,
                                                  const struct mcuc_depthwise_channel *c, const int8_t *x, int8_t *y) {
  for (int32_t oy = 0; oy < s->conv_h; ++oy) {
    for (int32_t ox = 0; ox < s->conv_w; ++ox) {
      const int8_t *w = c->w;
      int32_t acc = c->start;
      for (int32_t ky = 0; ky < s->kernel_h; ++ky) {
        for (int32_t kx = 0; kx < s->kernel_w; ++kx) {
          acc += *w++ * mcuc_tap_i8(s, q, x, oy, ox, ky * s->dilation_h, kx * s->dilation_w);
        }
      }
      *y++ = (int8_t)mcuc_clamp_i32(q->y_zero + mcuc_requantize(acc, c->mul, c->shift), q->lo, q->hi);
    }
  }
}

static void mcuc_conv_depthwise_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                   const int8_t *weights, const int32_t *bias, const int32_t *mul, const int8_t *shift,
                                   int8_t *y) {
  int8_t buffer[MCUC_DEPTHWISE_BYTES];
  const int32_t outputs = s->groups * s->filters;
  const struct mcuc_depthwise_tile tile = mcuc_depthwise_tile_of(s);
  const int32_t high = (s->kernel_h - 1) * s->dilation_h + 1;
  struct mcuc_depthwise_channel c = {0, 0, 0, 0, 0};
#if defined(MCUC_DEPTHWISE_PARTS)
  uint32_t words[MCUC_DEPTHWISE_WORDS];
  c.words = words;
#endif
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < outputs; ++m, y += s->conv_h * s->conv_w) {
      const int32_t k = q->per_channel ? m : 0;
      const int8_t *const plane = x + (n * s->groups + m / s->filters) * s->height * s->width;
      c.w = weights + m * s->kernel_h * s->kernel_w;
      c.start = bias != 0 ? bias[m] : 0;
      c.mul = mul[k];
      c.shift = shift[k];
      if (tile.columns == 0) {
        mcuc_depthwise_large_i8(s, q, &c, plane, y);
        continue;
      }
#if defined(MCUC_DEPTHWISE_PARTS)
      if (mcuc_depthwise_parts(s) != 0) mcuc_depthwise_pack(s, c.w, words);
#endif
      for (int32_t oy = 0; oy < s->conv_h; oy += tile.rows) {
        const int32_t rows = s->conv_h - oy < tile.rows ? s->conv_h - oy : tile.rows;
        for (int32_t ox = 0; ox < s->conv_w; ox += tile.columns) {
          const int32_t columns = s->conv_w - ox < tile.columns ? s->conv_w - ox : tile.columns;
          const int32_t row = oy * s->stride_h - s->pad_top, column = ox * s->stride_w - s->pad_left;
          const int8_t *from = buffer;
          if (!tile.copied) {
            from = plane + (row * s->width + column);
          } else {
            mcuc_depthwise_copy_i8(s, plane, row, column, (rows - 1) * s->stride_h + high, tile.pitch, q->x_zero,
                                   buffer);
          }
          mcuc_depthwise_i8(s, q, &tile, &c, from, rows, columns, y + oy * s->conv_w + ox);
        }
      }
    }
  }
}

#endif
