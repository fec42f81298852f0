/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and dense int8 weights: rules N4 to N6. Each weight is read once for every two blocks;
   cores with the DSP extension or MVE have a way of their own. For conv_i8.h, conv_max_i8.h and conv_any_i8.h. */
#ifndef MCUC_CONV_TILES_I8_H
#define MCUC_CONV_TILES_I8_H

#include <stdint.h>

#include "conv_blocks.h"
#include "conv_i8_results.h"
#include "conv_im2col_i8.h"
#include "conv_tap_i8.h"

MCUC_INLINE void mcuc_conv_tiles_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                    const int8_t *weights, const int32_t *bias, const int32_t *mul, const int8_t *shift,
                                    int8_t *y, int32_t any, int32_t pool) {
#if defined(MCUC_IM2COL)
  (void)any, (void)mcuc_reach_of, (void)mcuc_tap_i8; /* what serves the other cores only */
  mcuc_conv_im2col_i8(s, q, x, weights, bias, mul, shift, y, pool);
#else
  (void)mcuc_conv_four_i8; /* what serves those only */
  const int32_t plane = s->height * s->width, filter = s->channels * s->kernel_h * s->kernel_w;
  const int32_t dy = s->stride_h * s->width, dx = s->stride_w;
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
        const int32_t xa = (a.y * s->stride_h - s->pad_top) * s->width + a.x * s->stride_w - s->pad_left;
        const int32_t b_from_a = (b.y - a.y) * dy + (b.x - a.x) * dx;
        int32_t a0 = channel.bias, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        const int8_t *w_next = weights + m * filter;
        for (int32_t c = 0; c < s->channels; ++c) {
          for (int32_t ky = 0; ky < s->kernel_h; ++ky) {
            const int32_t tap_y = ky * s->dilation_h;
            const int32_t row_within = (uint32_t)(reach.top + tap_y) < reach.rows;
            const int32_t at = c * plane + xa + tap_y * s->width;
            for (int32_t kx = 0; kx < s->kernel_w; ++kx) {
              const int32_t w = *w_next++, tap_x = kx * s->dilation_w;
              if (any && !(row_within && (uint32_t)(reach.left + tap_x) < reach.columns)) {
                const int8_t *const xc = group + c * plane;
                a0 += w * mcuc_tap_i8(s, q, xc, a.y, a.x, tap_y, tap_x);
                a1 += w * mcuc_tap_i8(s, q, xc, a.y, a.x + 1, tap_y, tap_x);
                a2 += w * mcuc_tap_i8(s, q, xc, a.y + 1, a.x, tap_y, tap_x);
                a3 += w * mcuc_tap_i8(s, q, xc, a.y + 1, a.x + 1, tap_y, tap_x);
                b0 += w * mcuc_tap_i8(s, q, xc, b.y, b.x, tap_y, tap_x);
                b1 += w * mcuc_tap_i8(s, q, xc, b.y, b.x + 1, tap_y, tap_x);
                b2 += w * mcuc_tap_i8(s, q, xc, b.y + 1, b.x, tap_y, tap_x);
                b3 += w * mcuc_tap_i8(s, q, xc, b.y + 1, b.x + 1, tap_y, tap_x);
                continue;
              }
              const int8_t *p = group + (at + tap_x);
              a0 += w * p[0];
              a1 += w * p[dx];
              a2 += w * p[dy];
              a3 += w * p[dy + dx];
              p += b_from_a;
              b0 += w * p[0];
              b1 += w * p[dx];
              b2 += w * p[dy];
              b3 += w * p[dy + dx];
            }
          }
        }
        mcuc_conv_block_i8(s, pool, q, &channel, &a, a0, a1, a2, a3);
        if (two) mcuc_conv_block_i8(s, pool, q, &channel, &b, b0, b1, b2, b3);
      }
      y += s->out_h * s->out_w;
    }
  }
#endif
}

#endif
