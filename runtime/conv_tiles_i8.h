/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and dense int8 weights: rules N4 to N6. A filter's weights lie row by row, column by
   column, the channels innermost. Each is read once for every two blocks; cores with the DSP extension or MVE have a
   way of their own. For conv_i8.h, conv_max_i8.h and conv_any_i8.h. */
#ifndef MCUC_CONV_TILES_I8_H
#define MCUC_CONV_TILES_I8_H

#include <stdint.h>

#include "conv_blocks.h"
#include "conv_i8_results.h"
#include "conv_im2col_i8.h"
#include "conv_tap_i8.h"
#include "noinline.h"

#if !defined(MCUC_IM2COL)
/* Keeps gcc from carrying inputs from one column of taps to the next, in registers that these cores do not have. */
#if defined(__GNUC__) && defined(__arm__)
#define MCUC_COLUMN __asm__ volatile("" ::: "memory")
#else
#define MCUC_COLUMN (void)0
#endif

/* acc[i] += the products of `rows` times `columns` taps, none in padding, with the pixels of two blocks; returns the
   weights behind. A function of its own, and one for each shape if the compiler likes, so that its sums stay in
   registers. */
static MCUC_NOINLINE const int8_t *mcuc_conv_run_i8(const struct mcuc_conv *s, const int8_t *x, int32_t b_from_a,
                                                    int32_t rows, int32_t columns, const int8_t *w, int32_t *acc) {
  const int32_t dy = s->stride_h * s->row, dx = s->stride_w, plane = s->plane;
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3], b0 = acc[4], b1 = acc[5], b2 = acc[6], b3 = acc[7];
  for (int32_t ky = 0; ky < rows; ++ky, x += s->dilation_h * s->row) {
    int32_t run = s->channels, runs = columns, step = plane;
    if (run == 1) {
      run = columns;
      runs = 1;
      step = s->dilation_w;
    }
    for (int32_t kx = 0; kx < runs; ++kx) {
      int32_t at = kx * s->dilation_w;
      MCUC_COLUMN;
      for (int32_t c = 0; c < run; ++c, at += step) {
        const int32_t v = *w++;
        const int8_t *p = x + at;
        a0 += v * p[0];
        a1 += v * p[dx];
        a2 += v * p[dy];
        a3 += v * p[dy + dx];
        p += b_from_a;
        b0 += v * p[0];
        b1 += v * p[dx];
        b2 += v * p[dy];
        b3 += v * p[dy + dx];
      }
    }
  }
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3, acc[4] = b0, acc[5] = b1, acc[6] = b2, acc[7] = b3;
  return w;
}
#endif

MCUC_INLINE void mcuc_conv_tiles_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                    const int8_t *weights, const int32_t *bias, const int32_t *mul, const int8_t *shift,
                                    int8_t *y, int32_t any, int32_t pool) {
#if defined(MCUC_IM2COL)
  (void)any, (void)mcuc_reach_of, (void)mcuc_tap_i8; /* what serves the other cores only */
  mcuc_conv_im2col_i8(s, q, x, weights, bias, mul, shift, y, pool);
#else
  (void)mcuc_four_of, (void)mcuc_conv_results_four_i8; /* what serves those only */
  const int32_t plane = s->plane, filter = s->channels * s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const int32_t k = q->per_channel ? m : 0;
      const int8_t *const group = x + (n * s->groups + m / s->filters) * s->channels * plane;
      struct mcuc_channel_i8 channel = {bias != 0 ? bias[m] : 0, mul[k], shift[k], 0, y};
      struct mcuc_block next = mcuc_first_block(s, any, pool);
      for (int32_t more = 1; more;) {
        const struct mcuc_block a = next;
        const int32_t two = mcuc_next_block(s, any, pool, &next);
        const struct mcuc_block b = next;
        more = two && mcuc_next_block(s, any, pool, &next);
        const struct mcuc_reach reach = mcuc_reach_of(s, &a, &b);
        const int32_t xa = (a.y * s->stride_h - s->pad_top) * s->row + a.x * s->stride_w - s->pad_left;
        const int32_t b_from_a = ((b.y - a.y) * s->stride_h) * s->row + (b.x - a.x) * s->stride_w;
        const int32_t start = channel.bias;
        int32_t acc[8] = {start, start, start, start, start, start, start, start};
        const int8_t *w_next = weights + m * filter;
        const int32_t last_y = (s->kernel_h - 1) * s->dilation_h, last_x = (s->kernel_w - 1) * s->dilation_w;
        if (!any || (reach.top >= 0 && (uint32_t)(reach.top + last_y) < reach.rows && reach.left >= 0 &&
                     (uint32_t)(reach.left + last_x) < reach.columns)) {
          w_next = mcuc_conv_run_i8(s, group + xa, b_from_a, s->kernel_h, s->kernel_w, w_next, acc);
        } else {
          for (int32_t ky = 0; ky < s->kernel_h; ++ky) {
            const int32_t tap_y = ky * s->dilation_h;
            const int32_t row_within = (uint32_t)(reach.top + tap_y) < reach.rows;
            for (int32_t kx = 0; kx < s->kernel_w; ++kx) {
              const int32_t tap_x = kx * s->dilation_w;
              if (row_within && (uint32_t)(reach.left + tap_x) < reach.columns) {
                const int8_t *const p = group + (xa + tap_y * s->row + tap_x);
                w_next = mcuc_conv_run_i8(s, p, b_from_a, 1, 1, w_next, acc);
                continue;
              }
              for (int32_t c = 0; c < s->channels; ++c) {
                const int32_t w = *w_next++;
                const int8_t *const xc = group + c * plane;
                for (int32_t i = 0; i < 4; ++i) {
                  acc[i] += w * mcuc_tap_i8(s, q, xc, a.y + i / 2, a.x + i % 2, tap_y, tap_x);
                  acc[4 + i] += w * mcuc_tap_i8(s, q, xc, b.y + i / 2, b.x + i % 2, tap_y, tap_x);
                }
              }
            }
          }
        }
        mcuc_conv_block_i8(s, pool, q, &channel, &a, acc[0], acc[1], acc[2], acc[3]);
        if (two) mcuc_conv_block_i8(s, pool, q, &channel, &b, acc[4], acc[5], acc[6], acc[7]);
      }
      y += s->out_plane;
    }
  }
#endif
}

#endif
