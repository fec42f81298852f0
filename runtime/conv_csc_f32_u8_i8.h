/* SPDX-License-Identifier: 0BSD */
/* conv with float32 activations and csc<u8> int8 weights, executed in place, for every shape and pool: rule N20. Made
   for the other encodings, float values among them, by exchanging the readers of gaps and values. The encoding is read
   once for every two blocks.
   x: N x (G C) x H x W; delta and value: the streams of G M columns; scale: of the weights, one a column, or one, or
   null; bias: G M, or null; y: N x (G M) x OH x OW, float32 or int8. */
#ifndef MCUC_CONV_CSC_F32_U8_I8_H
#define MCUC_CONV_CSC_F32_U8_I8_H

#include <stdint.h>

#include "conv_csc.h"
#include "conv_mixed_results.h"
#include "gaps_u8.h"
#include "values_i8.h"

static void mcuc_conv_csc_f32_u8_i8(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q, const float *x,
                                    const uint8_t *delta, const mcuc_values_i8 *value, const float *scale,
                                    const float *bias, void *y) {
  const int32_t plane = s->height * s->width, filter = s->channels * s->kernel_h * s->kernel_w;
  const uint32_t per_row = mcuc_reciprocal(s->kernel_w), per_plane = mcuc_reciprocal(s->kernel_h);
  for (int32_t n = 0; n < s->batch; ++n) {
    struct mcuc_gaps_u8 column = mcuc_start_gaps_u8(delta);
    int32_t column_k = mcuc_gap_u8(&column), column_i = 0;
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const float *const group = x + (n * s->groups + m / s->filters) * s->channels * plane;
      struct mcuc_channel_mixed channel = {scale, bias, m,
                                           0.0f,  y,    (n * s->groups * s->filters + m) * s->out_h * s->out_w};
      struct mcuc_gaps_u8 gaps = column;
      int32_t k = column_k, i = column_i;
      struct mcuc_block next = mcuc_first_block(s, MCUC_CONV_ANY, s->pool);
      for (int32_t more = 1; more;) {
        const struct mcuc_block a = next;
        const int32_t two = mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_block b = next;
        more = two && mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_reach reach = mcuc_reach_of(s, &a, &b);
        float sums_a[4] = {0.0f, 0.0f, 0.0f, 0.0f}, sums_b[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        gaps = column;
        i = column_i;
        for (k = column_k; k < filter; k += 1 + mcuc_gap_u8(&gaps)) {
          const int32_t row = (int32_t)mcuc_quotient((uint32_t)k + 1, per_row);
          const int32_t c = (int32_t)mcuc_quotient((uint32_t)row + 1, per_plane);
          mcuc_tap_products_f32(s, group + c * plane, &a, &b, &reach, (row - c * s->kernel_h) * s->dilation_h,
                                (k - row * s->kernel_w) * s->dilation_w, (float)mcuc_value_i8(value, &i), sums_a,
                                sums_b);
        }
        mcuc_conv_block_mixed(s, q, &channel, &a, sums_a);
        if (two) mcuc_conv_block_mixed(s, q, &channel, &b, sums_b);
      }
      column = gaps;
      column_k = k - filter;
      column_i = i;
    }
  }
}

#endif
