/* SPDX-License-Identifier: 0BSD */
/* Transposed convolution of float32, then a clamp. Each output gathers from the inputs whose kernels reach it.
   x: N x (G C) x H x W; w: (G C) x M x KH x KW; bias: G M, or NULL; y: N x (G M) x OH x OW. */
#ifndef MCUC_CONV_TRANSPOSE_F32_H
#define MCUC_CONV_TRANSPOSE_F32_H

#include <stdint.h>

#include "clamp_f32.h"

struct mcuc_conv_transpose {
  int32_t batch, groups;
  int32_t channels, height, width; /* of x; the channels of one group */
  int32_t filters, out_h, out_w;   /* of y; the channels of one group */
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
};

static void mcuc_conv_transpose_f32(const struct mcuc_conv_transpose *s, const float *x, const float *w,
                                    const float *bias, float lo, float hi, float *y) {
  const int32_t area = s->height * s->width, taps = s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t m = 0; m < s->groups * s->filters; ++m) {
      const int32_t first_channel = m / s->filters * s->channels;
      const float *group = x + (n * s->groups * s->channels + first_channel) * area;
      const float *filter = w + (first_channel * s->filters + m % s->filters) * taps;
      for (int32_t oy = 0; oy < s->out_h; ++oy) {
        for (int32_t ox = 0; ox < s->out_w; ++ox) {
          float sum = bias != 0 ? bias[m] : 0.0f;
          for (int32_t ky = 0; ky < s->kernel_h; ++ky) {
            const int32_t iy = oy + s->pad_top - ky * s->dilation_h;
            if (iy < 0 || iy % s->stride_h != 0 || iy / s->stride_h >= s->height) continue;
            for (int32_t kx = 0; kx < s->kernel_w; ++kx) {
              const int32_t ix = ox + s->pad_left - kx * s->dilation_w;
              if (ix < 0 || ix % s->stride_w != 0 || ix / s->stride_w >= s->width) continue;
              const float *pixel = group + iy / s->stride_h * s->width + ix / s->stride_w;
              const float *tap = filter + ky * s->kernel_w + kx;
              for (int32_t c = 0; c < s->channels; ++c) sum += tap[c * s->filters * taps] * pixel[c * area];
            }
          }
          *y++ = mcuc_clamp_f32(sum, lo, hi);
        }
      }
    }
  }
}

#endif
