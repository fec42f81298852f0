/* SPDX-License-Identifier: 0BSD */
/* The sums of four outputs of a float convolution, of one filter or of four at a time, in registers: each input and
   each weight is loaded once for all of them. For conv_f32.h and conv_max_pool_f32.h. */
#ifndef MCUC_CONV_TILE_F32_H
#define MCUC_CONV_TILE_F32_H

#include <stdint.h>

#include "conv.h"
#include "four_f32.h"
#include "inline.h"
#include "taps.h"

/* Where the other three outputs of a tile read, from the first one. */
struct mcuc_tile_f32 {
  int32_t at1, at2, at3;
};

/* Of each filter the four outputs. */
struct mcuc_tile_sums_f32 {
  struct mcuc_four_f32 f0, f1, f2, f3;
};

/* The sums and the products of `taps` taps, `step` apart in x and side by side in w. many: four filters, `filter`
   apart; else one. */
MCUC_INLINE struct mcuc_tile_sums_f32 mcuc_conv_taps_f32(const float *x, struct mcuc_tile_f32 t, int32_t step,
                                                         const float *w, int32_t filter, int32_t taps, int32_t many,
                                                         struct mcuc_tile_sums_f32 a) {
  for (int32_t at = 0; taps > 0; --taps, at += step, ++w) {
    const float *const p = x + at;
    const struct mcuc_four_f32 e = {p[0], p[t.at1], p[t.at2], p[t.at3]};
    a.f0 = mcuc_add_four_f32(a.f0, w[0], e);
    if (many) {
      a.f1 = mcuc_add_four_f32(a.f1, w[filter], e);
      a.f2 = mcuc_add_four_f32(a.f2, w[2 * filter], e);
      a.f3 = mcuc_add_four_f32(a.f3, w[3 * filter], e);
    }
  }
  return a;
}

/* Each filter's bias and the sum over a group's channels and the rows [ky_begin, ky_end) of the kernel, in which no tap
   lies in padding. x: the group's channels; at: the place under the first tap of the first output, which may lie
   outside of them. bias: may be null. */
MCUC_INLINE struct mcuc_tile_sums_f32 mcuc_conv_tile_f32(const struct mcuc_conv *s, const float *x, int32_t at,
                                                         struct mcuc_tile_f32 t, const float *w, const float *bias,
                                                         int32_t ky_begin, int32_t ky_end, int32_t many) {
  const int32_t plane = s->height * s->width, area = s->kernel_h * s->kernel_w, filter = s->channels * area;
  struct mcuc_tile_sums_f32 a;
  a.f0 = a.f1 = a.f2 = a.f3 = mcuc_four_of_f32(bias != 0 ? bias[0] : 0.0f);
  if (many && bias != 0) {
    a.f1 = mcuc_four_of_f32(bias[1]);
    a.f2 = mcuc_four_of_f32(bias[2]);
    a.f3 = mcuc_four_of_f32(bias[3]);
  }
  if (area == 1) return ky_begin < ky_end ? mcuc_conv_taps_f32(x + at, t, plane, w, filter, s->channels, many, a) : a;
  for (int32_t c = 0; c < s->channels; ++c, at += plane, w += area) {
    for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
      a = mcuc_conv_taps_f32(x + (at + ky * s->dilation_h * s->width), t, s->dilation_w, w + ky * s->kernel_w, filter,
                             s->kernel_w, many, a);
    }
  }
  return a;
}

/* One output of four filters, some of whose taps may lie in padding: mcuc_conv_point_f32 of each. */
static inline struct mcuc_four_f32 mcuc_conv_points_f32(const struct mcuc_conv *s, const float *x, const float *w,
                                                        const float *bias, int32_t oy, int32_t ox) {
  const int32_t filter = s->channels * s->kernel_h * s->kernel_w;
  const int32_t y0 = oy * s->stride_h - s->pad_top, x0 = ox * s->stride_w - s->pad_left;
  const int32_t ky_begin = mcuc_first_tap(y0, s->dilation_h), kx_begin = mcuc_first_tap(x0, s->dilation_w);
  const int32_t ky_end = mcuc_end_tap(y0, s->dilation_h, s->kernel_h, s->height);
  const int32_t kx_end = mcuc_end_tap(x0, s->dilation_w, s->kernel_w, s->width);
  struct mcuc_four_f32 sums = mcuc_four_of_f32(0.0f);
  if (bias != 0) {
    sums.v0 = bias[0];
    sums.v1 = bias[1];
    sums.v2 = bias[2];
    sums.v3 = bias[3];
  }
  for (int32_t c = 0; c < s->channels; ++c) {
    for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
      const float *const row = x + (c * s->height + y0 + ky * s->dilation_h) * s->width;
      const float *taps = w + ((c * s->kernel_h + ky) * s->kernel_w + kx_begin);
      for (int32_t kx = kx_begin; kx < kx_end; ++kx, ++taps) {
        const float e = row[x0 + kx * s->dilation_w];
        sums.v0 += taps[0] * e;
        sums.v1 += taps[filter] * e;
        sums.v2 += taps[2 * filter] * e;
        sums.v3 += taps[3 * filter] * e;
      }
    }
  }
  return sums;
}

/* The outputs [*begin, *end) along a side of which no tap lies in padding. reach: of a window along this side. */
static inline void mcuc_conv_inside(int32_t size, int32_t outputs, int32_t stride, int32_t pad, int32_t reach,
                                    int32_t *begin, int32_t *end) {
  const int32_t last = size + pad - reach; /* of the starts of windows that end within x, from the padding's start */
  *begin = (pad + stride - 1) / stride;
  *end = last < 0 ? 0 : last / stride + 1;
  if (*end > outputs) *end = outputs;
  if (*begin > *end) *begin = *end;
}

#endif
