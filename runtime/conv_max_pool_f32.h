/* SPDX-License-Identifier: 0BSD */
/* Convolution of float32, then a clamp, then a max pool: each pooled output takes the maximum over its window while
   the convolution is computed, so that the convolution's own output is never stored (paper 2007.01348). Positions of a
   window outside of the convolution's output never win.
   x: N x (G C) x H x W; w: (G M) x C x KH x KW; bias: G M, or NULL; y: N x (G M) x OH x OW, pooled. */
#ifndef MCUC_CONV_MAX_POOL_F32_H
#define MCUC_CONV_MAX_POOL_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "conv_point_f32.h"

static void mcuc_conv_max_pool_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias,
                                   float lo, float hi, float *y) {
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const float *group = x + (n * s->groups + m / s->filters) * s->channels * s->height * s->width;
      const float *filter = w + m * s->channels * s->kernel_h * s->kernel_w;
      const float start = bias != 0 ? bias[m] : 0.0f;
      for (int32_t py = 0; py < s->out_h; ++py) {
        const int32_t y0 = py * s->pool_stride_h - s->pool_top;
        const int32_t y_begin = y0 > 0 ? y0 : 0;
        const int32_t y_end = y0 + s->pool_h < s->conv_h ? y0 + s->pool_h : s->conv_h;
        for (int32_t px = 0; px < s->out_w; ++px) {
          const int32_t x0 = px * s->pool_stride_w - s->pool_left;
          const int32_t x_begin = x0 > 0 ? x0 : 0;
          const int32_t x_end = x0 + s->pool_w < s->conv_w ? x0 + s->pool_w : s->conv_w;
          float best = mcuc_conv_point_f32(s, group, filter, start, y_begin, x_begin);
          for (int32_t oy = y_begin; oy < y_end; ++oy) {
            for (int32_t ox = oy == y_begin ? x_begin + 1 : x_begin; ox < x_end; ++ox) {
              const float sum = mcuc_conv_point_f32(s, group, filter, start, oy, ox);
              if (sum > best) best = sum;
            }
          }
          *y++ = mcuc_clamp_f32(best, lo, hi); /* monotone, so once behind the maximum */
        }
      }
    }
  }
}

#endif
