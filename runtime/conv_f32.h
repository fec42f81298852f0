/* SPDX-License-Identifier: 0BSD */
/* Convolution of float32, then a clamp. Of the outputs that have no padding to their left and right four at a time are
   computed, of four filters where a group has as many.
   x: N x (G C) x H x W; w: (G M) x C x KH x KW; bias: G M, or NULL; y: N x (G M) x OH x OW. */
#ifndef MCUC_CONV_F32_H
#define MCUC_CONV_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "conv_point_f32.h"
#include "conv_tile_f32.h"

static inline void mcuc_conv_put_f32(struct mcuc_four_f32 sums, float lo, float hi, float *y) {
  y[0] = mcuc_clamp_f32(sums.v0, lo, hi);
  y[1] = mcuc_clamp_f32(sums.v1, lo, hi);
  y[2] = mcuc_clamp_f32(sums.v2, lo, hi);
  y[3] = mcuc_clamp_f32(sums.v3, lo, hi);
}

/* Four output planes, or one. x: the channels of their group. */
MCUC_INLINE void mcuc_conv_planes_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias,
                                      float lo, float hi, int32_t many, float *y) {
  const int32_t plane = s->conv_h * s->conv_w, dx = s->stride_w;
  const struct mcuc_tile_f32 next = {1, 2, 3}, apart = {dx, 2 * dx, 3 * dx};
  int32_t begin, end;
  mcuc_conv_inside(s->width, s->conv_w, dx, s->pad_left, (s->kernel_w - 1) * s->dilation_w + 1, &begin, &end);
  for (int32_t oy = 0; oy < s->conv_h; ++oy, y += s->conv_w) {
    const int32_t y0 = oy * s->stride_h - s->pad_top;
    const int32_t ky_begin = mcuc_first_tap(y0, s->dilation_h);
    const int32_t ky_end = mcuc_end_tap(y0, s->dilation_h, s->kernel_h, s->height);
    for (int32_t ox = 0; ox < s->conv_w;) {
      struct mcuc_tile_sums_f32 sums;
      int32_t at;
      if (ox < begin || ox >= end || end - begin < 4) {
        if (many) {
          const struct mcuc_four_f32 points = mcuc_conv_points_f32(s, x, w, bias, oy, ox);
          y[ox] = mcuc_clamp_f32(points.v0, lo, hi);
          y[plane + ox] = mcuc_clamp_f32(points.v1, lo, hi);
          y[2 * plane + ox] = mcuc_clamp_f32(points.v2, lo, hi);
          y[3 * plane + ox] = mcuc_clamp_f32(points.v3, lo, hi);
        } else {
          y[ox] = mcuc_clamp_f32(mcuc_conv_point_f32(s, x, w, bias != 0 ? bias[0] : 0.0f, oy, ox), lo, hi);
        }
        ++ox;
        continue;
      }
      if (end - ox < 4) ox = end - 4; /* moved back: some are computed twice */
      at = y0 * s->width + ox * dx - s->pad_left;
      sums = dx == 1 ? mcuc_conv_tile_f32(s, x, at, next, w, bias, ky_begin, ky_end, many)
                     : mcuc_conv_tile_f32(s, x, at, apart, w, bias, ky_begin, ky_end, many);
      mcuc_conv_put_f32(sums.f0, lo, hi, y + ox);
      if (many) {
        mcuc_conv_put_f32(sums.f1, lo, hi, y + plane + ox);
        mcuc_conv_put_f32(sums.f2, lo, hi, y + 2 * plane + ox);
        mcuc_conv_put_f32(sums.f3, lo, hi, y + 3 * plane + ox);
      }
      ox += 4;
    }
  }
}

static void mcuc_conv_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias, float lo,
                          float hi, float *y) {
  const int32_t filter = s->channels * s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t g = 0; g < s->groups; ++g, x += s->channels * s->height * s->width) {
      for (int32_t m = g * s->filters, left = s->filters; left > 0;) {
        const float *const b = bias != 0 ? bias + m : 0;
        const int32_t step = left >= 4 ? 4 : 1;
        if (step == 4) {
          mcuc_conv_planes_f32(s, x, w + m * filter, b, lo, hi, 1, y);
        } else {
          mcuc_conv_planes_f32(s, x, w + m * filter, b, lo, hi, 0, y);
        }
        y += step * s->conv_h * s->conv_w;
        m += step;
        left -= step;
      }
    }
  }
}

#endif
