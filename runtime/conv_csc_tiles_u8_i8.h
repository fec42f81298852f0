/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights: rules N4 to N6. The encoding is read in place, once for every
   two blocks. For conv_csc_u8_i8.h, conv_csc_max_u8_i8.h and conv_csc_any_u8_i8.h. Made for the other encodings by
   exchanging the readers of gaps and values. */
#ifndef MCUC_CONV_CSC_TILES_U8_I8_H
#define MCUC_CONV_CSC_TILES_U8_I8_H

#include <stdint.h>

#include "conv_blocks.h"
#include "conv_csc.h"
#include "conv_i8_results.h"
#include "conv_tap_i8.h"
#include "gaps_u8.h"
#include "values_i8.h"

MCUC_INLINE void mcuc_conv_csc_tiles_u8_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                           const uint8_t *delta, const mcuc_values_i8 *value, const int32_t *bias,
                                           const int32_t *mul, const int8_t *shift, int8_t *y, int32_t any,
                                           int32_t pool) {
  const int32_t plane = s->plane, filter = s->channels * s->kernel_h * s->kernel_w;
  const int32_t dy = s->stride_h * s->row, dx = s->stride_w;
  const uint32_t per_row = mcuc_reciprocal(s->kernel_w), per_plane = mcuc_reciprocal(s->kernel_h);
  /* k * dilation_w + row * row_step + channel * plane_step is the tap's place in x; row counts over all channels */
  const int32_t row_step = s->dilation_h * s->row - s->kernel_w * s->dilation_w;
  const int32_t plane_step = plane - s->kernel_h * s->dilation_h * s->row;
  for (int32_t n = 0; n < s->batch; ++n) {
    struct mcuc_gaps_u8 column = mcuc_start_gaps_u8(delta);
    int32_t column_k = -1, column_i = 0; /* the nonzero before the column's first one */
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const int32_t j = q->per_channel ? m : 0;
      const int8_t *const xg = x + (n * s->groups + m / s->filters) * s->channels * plane;
      struct mcuc_channel_i8 channel = {bias != 0 ? bias[m] : 0, mul[j], shift[j], 0, y};
      struct mcuc_gaps_u8 before = column;
      int32_t before_k = column_k, i = column_i;
      struct mcuc_block next = mcuc_first_block(s, any, pool);
      for (int32_t more = 1; more;) {
        const struct mcuc_block a = next;
        const int32_t two = mcuc_next_block(s, any, pool, &next);
        const struct mcuc_block b = next;
        more = two && mcuc_next_block(s, any, pool, &next);
        const struct mcuc_reach reach = mcuc_reach_of(s, &a, &b);
        const int32_t xa = (a.y * s->stride_h - s->pad_top) * s->row + a.x * s->stride_w - s->pad_left;
        const int32_t b_from_a = (b.y - a.y) * dy + (b.x - a.x) * dx;
        int32_t a0 = channel.bias, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        struct mcuc_gaps_u8 gaps = column;
        int32_t k = column_k;
        i = column_i;
        for (;;) {
          before = gaps;
          before_k = k;
          k += 1 + mcuc_gap_u8(&gaps);
          if (k >= filter) break;
          const int32_t row = (int32_t)mcuc_quotient((uint32_t)k + 1, per_row);
          const int32_t c = (int32_t)mcuc_quotient((uint32_t)row + 1, per_plane);
          const int32_t w = mcuc_value_i8(value, &i);
          if (any) {
            const int32_t tap_y = (row - c * s->kernel_h) * s->dilation_h;
            const int32_t tap_x = (k - row * s->kernel_w) * s->dilation_w;
            if ((uint32_t)(reach.top + tap_y) >= reach.rows || (uint32_t)(reach.left + tap_x) >= reach.columns) {
              const int8_t *const xc = xg + c * plane;
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
          }
          const int8_t *p = xg + (xa + k * s->dilation_w + row * row_step + c * plane_step);
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
        mcuc_conv_block_i8(s, pool, q, &channel, &a, a0, a1, a2, a3);
        if (two) mcuc_conv_block_i8(s, pool, q, &channel, &b, b0, b1, b2, b3);
      }
      column = before;
      column_k = before_k - filter;
      column_i = i;
      y += s->out_plane;
    }
  }
}

#endif
