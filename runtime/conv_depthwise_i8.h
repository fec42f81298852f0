/* SPDX-License-Identifier: 0BSD */
/* Depthwise conv with int8 activations and dense int8 weights, without a pool: rule N4. Rows of four outputs share the
   reading of a weight; taps in padding, which read as x's zero point, are told apart a row and a column at a time.
   Parameters as in conv_i8.h, with one input channel a group. */
#ifndef MCUC_CONV_DEPTHWISE_I8_H
#define MCUC_CONV_DEPTHWISE_I8_H

#include <stdint.h>

#include "conv.h"
#include "conv_four_i8.h"
#include "conv_i8_results.h"
#include "noinline.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#else
/* In three steps, each of which is one instruction. */
static inline int32_t mcuc_three(int32_t acc, int32_t w0, int32_t w1, int32_t w2, int32_t x0, int32_t x1, int32_t x2) {
  acc += w0 * x0;
  acc += w1 * x1;
  acc += w2 * x2;
  return acc;
}
#endif

/* acc[i] += the sum of w * x over `rows` rows of taps; pixel i lies i * s->stride_w from x. No tap is in padding. */
static MCUC_NOINLINE void mcuc_depthwise_four_i8(const struct mcuc_conv *s, const int8_t *x, const int8_t *w,
                                                 int32_t rows, int32_t *acc) {
  const int32_t dx = s->stride_w, down = s->dilation_h * s->width, taps = s->kernel_w;
#if defined(__ARM_FEATURE_MVE)
  const uint32x4_t at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)dx);
  int32x4_t sums = vldrwq_s32(acc);
  for (; rows > 0; --rows, x += down) {
    const int8_t *p = x;
    for (int32_t kx = 0; kx < taps; ++kx, p += s->dilation_w) {
      sums = vmlaq_n_s32(sums, vldrbq_gather_offset_s32(p, at), *w++);
    }
  }
  vstrwq_s32(acc, sums);
#else
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
  if (taps == 3 && s->dilation_w == 1) {
    for (; rows > 0; --rows, x += down, w += 3) {
      const int32_t w0 = w[0], w1 = w[1], w2 = w[2];
      const int8_t *p = x;
      if (dx == 1) {
        const int32_t x2 = p[2], x3 = p[3];
        a0 = mcuc_three(a0, w0, w1, w2, p[0], p[1], x2);
        a1 = mcuc_three(a1, w0, w1, w2, p[1], x2, x3);
        a2 = mcuc_three(a2, w0, w1, w2, x2, x3, p[4]);
        a3 = mcuc_three(a3, w0, w1, w2, x3, p[4], p[5]);
        continue;
      }
      a0 = mcuc_three(a0, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a1 = mcuc_three(a1, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a2 = mcuc_three(a2, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a3 = mcuc_three(a3, w0, w1, w2, p[0], p[1], p[2]);
    }
  }
  for (; rows > 0; --rows, x += down) {
    const int8_t *p = x;
    for (int32_t kx = 0; kx < taps; ++kx, p += s->dilation_w) {
      const int32_t v = *w++;
      a0 += v * p[0];
      a1 += v * p[dx];
      a2 += v * p[2 * dx];
      a3 += v * p[3 * dx];
    }
  }
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
#endif
}

/* The sum for one pixel, whose first tap is in x's column `column`; taps in other columns than x's read `zero`. */
static int32_t mcuc_depthwise_one_i8(const struct mcuc_conv *s, const int8_t *x, const int8_t *w, int32_t rows,
                                     int32_t column, int32_t zero) {
  const int32_t down = s->dilation_h * s->width, step = s->dilation_w, end = column + s->kernel_w * step;
  int32_t acc = 0;
  if (column >= 0 && end - step < s->width) {
    if (s->kernel_w == 3) {
      for (x += column; rows > 0; --rows, x += down, w += 3) acc += w[0] * x[0] + w[1] * x[step] + w[2] * x[2 * step];
      return acc;
    }
    for (; rows > 0; --rows, x += down) {
      for (int32_t c = column; c != end; c += step) acc += *w++ * x[c];
    }
    return acc;
  }
  for (; rows > 0; --rows, x += down) {
    for (int32_t c = column; c != end; c += step) acc += *w++ * ((uint32_t)c < (uint32_t)s->width ? x[c] : zero);
  }
  return acc;
}

/* The sum of `taps` products with the zero point. */
static int32_t mcuc_depthwise_padding(const int8_t *w, int32_t taps, int32_t zero) {
  int32_t sum = 0;
  for (const int8_t *const end = w + taps; w != end;) sum += *w++;
  return sum * zero;
}

static void mcuc_conv_depthwise_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                   const int8_t *weights, const int32_t *bias, const int32_t *mul, const int8_t *shift,
                                   int8_t *y) {
  const int32_t outputs = s->groups * s->filters, filter = s->kernel_h * s->kernel_w;
  /* A row of four that starts in x's columns [0, inside) has no tap in padding. */
  const int32_t columns = s->width - (s->kernel_w - 1) * s->dilation_w - 3 * s->stride_w;
  const int32_t inside = columns > 0 ? columns : 0;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < outputs; ++m) {
      const int32_t k = q->per_channel ? m : 0, start = bias != 0 ? bias[m] : 0;
      const int8_t *const plane = x + (n * s->groups + m / s->filters) * s->height * s->width;
      const int8_t *const w = weights + m * filter;
      int32_t acc[8] = {0}, ready = 0; /* the results of neighbours are made by fours */
      for (int32_t oy = 0; oy < s->conv_h; ++oy) {
        int32_t row = oy * s->stride_h - s->pad_top, first = 0, rows = 0, sum = start;
        for (; first < s->kernel_h && row < 0; row += s->dilation_h) ++first;
        const int8_t *const from = plane + row * s->width, *const taps = w + first * s->kernel_w;
        for (; first + rows < s->kernel_h && row < s->height; row += s->dilation_h) ++rows;
        if (rows < s->kernel_h) {
          const int32_t end = (first + rows) * s->kernel_w;
          sum += mcuc_depthwise_padding(w, first * s->kernel_w, q->x_zero);
          sum += mcuc_depthwise_padding(w + end, filter - end, q->x_zero);
        }
        int32_t column = -s->pad_left;
        for (int32_t ox = 0; ox < s->conv_w;) {
          if ((uint32_t)column < (uint32_t)inside && ox + 4 <= s->conv_w) {
            int32_t *const a = acc + ready;
            a[0] = a[1] = a[2] = a[3] = sum;
            mcuc_depthwise_four_i8(s, from + column, taps, rows, a);
            ready += 4;
            ox += 4;
            column += 4 * s->stride_w;
          } else {
            acc[ready++] = sum + mcuc_depthwise_one_i8(s, from, taps, rows, column, q->x_zero);
            ++ox;
            column += s->stride_w;
          }
          if (ready >= 4) {
            mcuc_conv_four_i8(q, mul[k], shift[k], 4, acc, y);
            y += 4;
            ready -= 4;
            acc[0] = acc[4], acc[1] = acc[5], acc[2] = acc[6]; /* no loop, of which gcc makes a call */
          }
        }
      }
      mcuc_conv_four_i8(q, mul[k], shift[k], ready, acc, y);
      y += ready;
    }
  }
}

#endif
