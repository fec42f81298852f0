/* SPDX-License-Identifier: 0BSD */
/* Convolution of float32, then a clamp, then an average pool whose windows lie within the convolution's output, which
   is never stored.
   x: N x (G C) x H x W; w: (G M) x C x KH x KW; bias: G M, or NULL; y: N x (G M) x OH x OW, pooled. */
#ifndef MCUC_CONV_AVG_POOL_F32_H
#define MCUC_CONV_AVG_POOL_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "conv_point_f32.h"

static void mcuc_conv_avg_pool_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias,
                                   float lo, float hi, float *y) {
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const float *group = x + (n * s->groups + m / s->filters) * s->channels * s->height * s->width;
      const float *filter = w + m * s->channels * s->kernel_h * s->kernel_w;
      const float start = bias != 0 ? bias[m] : 0.0f;
      for (int32_t py = 0; py < s->out_h; ++py) {
        for (int32_t px = 0; px < s->out_w; ++px) {
          float sum = 0.0f;
          for (int32_t i = 0; i < s->pool_h; ++i) {
            for (int32_t j = 0; j < s->pool_w; ++j) {
              const int32_t oy = py * s->pool_stride_h + i, ox = px * s->pool_stride_w + j;
              sum += mcuc_clamp_f32(mcuc_conv_point_f32(s, group, filter, start, oy, ox), lo, hi);
            }
          }
          *y++ = sum / (float)(s->pool_h * s->pool_w);
        }
      }
    }
  }
}

#endif
