/* SPDX-License-Identifier: 0BSD */
/* conv with float32 activations and csc<u8> weights of float32 or (rule N20) int8. The encoding is read in place, once
   for every two blocks. For conv_csc_f32.h and conv_csc_f32_i8.h. */
#ifndef MCUC_CONV_CSC_TILES_F32_H
#define MCUC_CONV_CSC_TILES_F32_H

#include <stdint.h>

#include "conv_csc.h"
#include "conv_mixed_results.h"

/* values_i8, values_f32: one of them, the other null. */
MCUC_INLINE void mcuc_conv_csc_tiles_f32(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q, const float *x,
                                         const void *count, int32_t count_bytes, const uint8_t *delta,
                                         const int8_t *values_i8, const float *values_f32, const float *scale,
                                         const float *bias, void *y) {
  const int32_t plane = s->height * s->width;
  const uint32_t per_row = mcuc_reciprocal(s->kernel_w), per_plane = mcuc_reciprocal(s->kernel_h);
  for (int32_t n = 0; n < s->batch; ++n) {
    const uint8_t *column_delta = delta;
    int32_t column_value = 0;
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const float *const group = x + (n * s->groups + m / s->filters) * s->channels * plane;
      struct mcuc_channel_mixed channel = {scale, bias, m,
                                           0.0f,  y,    (n * s->groups * s->filters + m) * s->out_h * s->out_w};
      const uint8_t *d = column_delta;
      const int32_t end = column_value + mcuc_csc_count(count, count_bytes, m);
      struct mcuc_block next = mcuc_first_block(s, MCUC_CONV_ANY, s->pool);
      for (int32_t more = 1; more;) {
        const struct mcuc_block a = next;
        const int32_t two = mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_block b = next;
        more = two && mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_reach reach = mcuc_reach_of(s, &a, &b);
        float sums_a[4] = {0.0f, 0.0f, 0.0f, 0.0f}, sums_b[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        int32_t position = -1;
        d = column_delta;
        for (int32_t i = column_value; i < end; ++i) {
          position += 1 + mcuc_csc_gap(&d);
          const int32_t row = (int32_t)mcuc_quotient((uint32_t)position + 1, per_row);
          const int32_t c = (int32_t)mcuc_quotient((uint32_t)row + 1, per_plane);
          const float w = values_i8 != 0 ? (float)values_i8[i] : values_f32[i];
          mcuc_tap_products_f32(s, group + c * plane, &a, &b, &reach, (row - c * s->kernel_h) * s->dilation_h,
                                (position - row * s->kernel_w) * s->dilation_w, w, sums_a, sums_b);
        }
        mcuc_conv_block_mixed(s, q, &channel, &a, sums_a);
        if (two) mcuc_conv_block_mixed(s, q, &channel, &b, sums_b);
      }
      column_delta = d;
      column_value = end;
    }
  }
}

#endif
