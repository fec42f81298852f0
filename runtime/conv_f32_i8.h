/* SPDX-License-Identifier: 0BSD */
/* conv with float32 activations and dense weights of int8 (rule N20), for every shape and pool.
   x: N x (G C) x H x W; w: (G M) x C x KH x KW; scale: of the weights, G M, or one; bias: G M, or null;
   y: N x (G M) x OH x OW, float32 or int8. */
#ifndef MCUC_CONV_F32_I8_H
#define MCUC_CONV_F32_I8_H

#include <stdint.h>

#include "conv_mixed_results.h"

static void mcuc_conv_f32_i8(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q, const float *x, const int8_t *w,
                             const float *scale, const float *bias, void *y) {
  const int32_t plane = s->height * s->width, filter = s->channels * s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const float *const group = x + (n * s->groups + m / s->filters) * s->channels * plane;
      struct mcuc_channel_mixed channel = {scale, bias, m,
                                           0.0f,  y,    (n * s->groups * s->filters + m) * s->out_h * s->out_w};
      struct mcuc_block next = mcuc_first_block(s, MCUC_CONV_ANY, s->pool);
      for (int32_t more = 1; more;) {
        const struct mcuc_block a = next;
        const int32_t two = mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_block b = next;
        more = two && mcuc_next_block(s, MCUC_CONV_ANY, s->pool, &next);
        const struct mcuc_reach reach = mcuc_reach_of(s, &a, &b);
        float sums_a[4] = {0.0f, 0.0f, 0.0f, 0.0f}, sums_b[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        const int8_t *w_next = w + m * filter;
        for (int32_t c = 0; c < s->channels; ++c) {
          for (int32_t ky = 0; ky < s->kernel_h; ++ky) {
            for (int32_t kx = 0; kx < s->kernel_w; ++kx) {
              mcuc_tap_products_f32(s, group + c * plane, &a, &b, &reach, ky * s->dilation_h, kx * s->dilation_w,
                                    (float)*w_next++, sums_a, sums_b);
            }
          }
        }
        mcuc_conv_block_mixed(s, q, &channel, &a, sums_a);
        if (two) mcuc_conv_block_mixed(s, q, &channel, &b, sums_b);
      }
    }
  }
}

#endif
