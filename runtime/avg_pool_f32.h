/* SPDX-License-Identifier: 0BSD */
/* Average pool of float32. x: C x H x W; y: C x OH x OW. The divisor counts a window's elements within x or, where
   padded_h is not 0, those within x and its padding. */
#ifndef MCUC_AVG_POOL_F32_H
#define MCUC_AVG_POOL_F32_H

#include <stdint.h>

#include "pool.h"
#include "taps.h"

static void mcuc_avg_pool_f32(const struct mcuc_pool *s, const float *x, float *y) {
  for (int32_t c = 0; c < s->channels; ++c, x += s->height * s->width) {
    for (int32_t oy = 0; oy < s->out_h; ++oy) {
      const int32_t y0 = oy * s->stride_h - s->pad_top;
      const int32_t ky_begin = mcuc_first_tap(y0, 1), ky_end = mcuc_end_tap(y0, 1, s->kernel_h, s->height);
      for (int32_t ox = 0; ox < s->out_w; ++ox) {
        const int32_t x0 = ox * s->stride_w - s->pad_left;
        const int32_t kx_begin = mcuc_first_tap(x0, 1), kx_end = mcuc_end_tap(x0, 1, s->kernel_w, s->width);
        int32_t count = (ky_end - ky_begin) * (kx_end - kx_begin);
        float sum = 0.0f;
        for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
          for (int32_t kx = kx_begin; kx < kx_end; ++kx) sum += x[(y0 + ky) * s->width + x0 + kx];
        }
        if (s->padded_h != 0) {
          count = mcuc_end_tap(y0, 1, s->kernel_h, s->padded_h) * mcuc_end_tap(x0, 1, s->kernel_w, s->padded_w);
        }
        *y++ = sum / (float)count;
      }
    }
  }
}

#endif
