/* SPDX-License-Identifier: 0BSD */
/* One output of a convolution before pooling: bias + the sum over a group's channels and a kernel's taps.
   x: the channels of the group, C x H x W; w: the filter, C x KH x KW; (oy, ox): the output's row and column. Taps in
   the padding are left out by the range of the loops. */
#ifndef MCUC_CONV_POINT_F32_H
#define MCUC_CONV_POINT_F32_H

#include <stdint.h>

#include "conv.h"
#include "taps.h"

static inline float mcuc_conv_point_f32(const struct mcuc_conv *s, const float *x, const float *w, float bias,
                                        int32_t oy, int32_t ox) {
  const int32_t y0 = oy * s->stride_h - s->pad_top, x0 = ox * s->stride_w - s->pad_left;
  const int32_t ky_begin = mcuc_first_tap(y0, s->dilation_h), kx_begin = mcuc_first_tap(x0, s->dilation_w);
  const int32_t ky_end = mcuc_end_tap(y0, s->dilation_h, s->kernel_h, s->height);
  const int32_t kx_end = mcuc_end_tap(x0, s->dilation_w, s->kernel_w, s->width);
  float sum = bias;
  for (int32_t c = 0; c < s->channels; ++c) {
    for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
      const float *row = x + (c * s->height + y0 + ky * s->dilation_h) * s->width + x0;
      const float *taps = w + (c * s->kernel_h + ky) * s->kernel_w;
      for (int32_t kx = kx_begin; kx < kx_end; ++kx) sum += taps[kx] * row[kx * s->dilation_w];
    }
  }
  return sum;
}

#endif
