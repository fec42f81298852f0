/* SPDX-License-Identifier: 0BSD */
/* Max pool of int8: rule N7. x: C x H x W; y: C x OH x OW. Padding never wins. y may lie over channels of x before the
   one it is computed from. */
#ifndef MCUC_MAX_POOL_I8_H
#define MCUC_MAX_POOL_I8_H

#include <stdint.h>

#include "pool.h"
#include "taps.h"

static void mcuc_max_pool_i8(const struct mcuc_pool *s, const int8_t *x, int8_t *y) {
  for (int32_t c = 0; c < s->channels; ++c, x += s->height * s->width) {
    for (int32_t oy = 0; oy < s->out_h; ++oy) {
      const int32_t y0 = oy * s->stride_h - s->pad_top;
      const int32_t ky_begin = mcuc_first_tap(y0, s->dilation_h);
      const int32_t ky_end = mcuc_end_tap(y0, s->dilation_h, s->kernel_h, s->height);
      for (int32_t ox = 0; ox < s->out_w; ++ox) {
        const int32_t x0 = ox * s->stride_w - s->pad_left;
        const int32_t kx_begin = mcuc_first_tap(x0, s->dilation_w);
        const int32_t kx_end = mcuc_end_tap(x0, s->dilation_w, s->kernel_w, s->width);
        int8_t best = INT8_MIN;
        for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
          const int8_t *const row = x + (y0 + ky * s->dilation_h) * s->width;
          for (int32_t kx = kx_begin; kx < kx_end; ++kx) {
            const int8_t e = row[x0 + kx * s->dilation_w];
            if (e > best) best = e;
          }
        }
        *y++ = best;
      }
    }
  }
}

#endif
