/* SPDX-License-Identifier: 0BSD */
/* Convolution of float32, then a clamp, then a max pool: each pooled output takes the maximum over its window while
   the convolution is computed, so that the convolution's own output is never stored (paper 2007.01348). Positions of a
   window outside of the convolution's output never win. Windows of 2 x 2 without padding are computed at once, of four
   filters where a group has as many.
   x: N x (G C) x H x W; w: (G M) x C x KH x KW; bias: G M, or NULL; y: N x (G M) x OH x OW, pooled. */
#ifndef MCUC_CONV_MAX_POOL_F32_H
#define MCUC_CONV_MAX_POOL_F32_H

#include <math.h>
#include <stdint.h>

#include "clamp_f32.h"
#include "conv_point_f32.h"
#include "conv_tile_f32.h"

/* Raises each of *best to the other's. */
static inline void mcuc_raise_four_f32(struct mcuc_four_f32 *best, struct mcuc_four_f32 other) {
  if (other.v0 > best->v0) best->v0 = other.v0;
  if (other.v1 > best->v1) best->v1 = other.v1;
  if (other.v2 > best->v2) best->v2 = other.v2;
  if (other.v3 > best->v3) best->v3 = other.v3;
}

/* The maxima of any window, of four filters or, the others alike, of one. */
MCUC_INLINE struct mcuc_four_f32 mcuc_conv_window_f32(const struct mcuc_conv *s, const float *x, const float *w,
                                                      const float *bias, int32_t many, int32_t py, int32_t px) {
  const int32_t y0 = py * s->pool_stride_h - s->pool_top, x0 = px * s->pool_stride_w - s->pool_left;
  const int32_t y_begin = y0 > 0 ? y0 : 0, x_begin = x0 > 0 ? x0 : 0;
  const int32_t y_end = y0 + s->pool_h < s->conv_h ? y0 + s->pool_h : s->conv_h;
  const int32_t x_end = x0 + s->pool_w < s->conv_w ? x0 + s->pool_w : s->conv_w;
  const float start = bias != 0 ? bias[0] : 0.0f;
  struct mcuc_four_f32 best = mcuc_four_of_f32(-INFINITY);
  for (int32_t oy = y_begin; oy < y_end; ++oy) {
    for (int32_t ox = x_begin; ox < x_end; ++ox) {
      mcuc_raise_four_f32(&best, many ? mcuc_conv_points_f32(s, x, w, bias, oy, ox)
                                      : mcuc_four_of_f32(mcuc_conv_point_f32(s, x, w, start, oy, ox)));
    }
  }
  return best;
}

static inline float mcuc_conv_most_f32(struct mcuc_four_f32 sums, float lo, float hi) {
  float best = sums.v0;
  if (sums.v1 > best) best = sums.v1;
  if (sums.v2 > best) best = sums.v2;
  if (sums.v3 > best) best = sums.v3;
  return mcuc_clamp_f32(best, lo, hi); /* monotone, so once behind the maximum */
}

/* Four output planes, or one. x: the channels of their group. */
MCUC_INLINE void mcuc_conv_max_planes_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias,
                                          float lo, float hi, int32_t many, float *y) {
  const int32_t plane = s->out_h * s->out_w;
  const int32_t dx = s->stride_w, dy = s->stride_h * s->width;
  const struct mcuc_tile_f32 window = {dx, dy, dy + dx};
  int32_t top, bottom, left, right; /* of the convolution's outputs without padding */
  mcuc_conv_inside(s->height, s->conv_h, s->stride_h, s->pad_top, (s->kernel_h - 1) * s->dilation_h + 1, &top, &bottom);
  mcuc_conv_inside(s->width, s->conv_w, dx, s->pad_left, (s->kernel_w - 1) * s->dilation_w + 1, &left, &right);
  for (int32_t py = 0; py < s->out_h; ++py) {
    for (int32_t px = 0; px < s->out_w; ++px, ++y) {
      const int32_t oy = py * s->pool_stride_h - s->pool_top, ox = px * s->pool_stride_w - s->pool_left;
      if (s->pool_h == 2 && s->pool_w == 2 && oy >= top && oy + 2 <= bottom && ox >= left && ox + 2 <= right) {
        const int32_t at = (oy * s->stride_h - s->pad_top) * s->width + ox * dx - s->pad_left;
        const struct mcuc_tile_sums_f32 sums = mcuc_conv_tile_f32(s, x, at, window, w, bias, 0, s->kernel_h, many);
        y[0] = mcuc_conv_most_f32(sums.f0, lo, hi);
        if (many) {
          y[plane] = mcuc_conv_most_f32(sums.f1, lo, hi);
          y[2 * plane] = mcuc_conv_most_f32(sums.f2, lo, hi);
          y[3 * plane] = mcuc_conv_most_f32(sums.f3, lo, hi);
        }
      } else {
        const struct mcuc_four_f32 best = mcuc_conv_window_f32(s, x, w, bias, many, py, px);
        y[0] = mcuc_clamp_f32(best.v0, lo, hi);
        if (many) {
          y[plane] = mcuc_clamp_f32(best.v1, lo, hi);
          y[2 * plane] = mcuc_clamp_f32(best.v2, lo, hi);
          y[3 * plane] = mcuc_clamp_f32(best.v3, lo, hi);
        }
      }
    }
  }
}

static void mcuc_conv_max_pool_f32(const struct mcuc_conv *s, const float *x, const float *w, const float *bias,
                                   float lo, float hi, float *y) {
  const int32_t filter = s->channels * s->kernel_h * s->kernel_w;
  for (int32_t n = 0; n < s->batch; ++n) {
    for (int32_t g = 0; g < s->groups; ++g, x += s->channels * s->height * s->width) {
      for (int32_t m = g * s->filters, left = s->filters; left > 0;) {
        const float *const b = bias != 0 ? bias + m : 0;
        const int32_t step = left >= 4 ? 4 : 1;
        if (step == 4) {
          mcuc_conv_max_planes_f32(s, x, w + m * filter, b, lo, hi, 1, y);
        } else {
          mcuc_conv_max_planes_f32(s, x, w + m * filter, b, lo, hi, 0, y);
        }
        y += step * s->out_h * s->out_w;
        m += step;
        left -= step;
      }
    }
  }
}

#endif
