/* SPDX-License-Identifier: 0BSD */
/* Average pool of int8: rule N8. x: C x H x W; y: C x OH x OW. The divisor counts a window's elements within x or,
   where padded_h is not 0, those within x and its padding; the multiplier holds 1 / (KH KW). y may
   lie over channels of x before the one it is computed from. */
#ifndef MCUC_AVG_POOL_I8_H
#define MCUC_AVG_POOL_I8_H

#include <stdint.h>

#include "clamp_i32.h"
#include "pool.h"
#include "requantize.h"
#include "taps.h"

/* Of N8: floor((a + floor(n / 2)) / n), n > 0. */
static inline int32_t mcuc_rounded_divide(int32_t a, int32_t n) {
  const int32_t b = a + n / 2, quotient = b / n;
  return b % n < 0 ? quotient - 1 : quotient;
}

static void mcuc_avg_pool_i8(const struct mcuc_pool *s, const int8_t *x, int32_t x_zero, int32_t mul, int32_t shift,
                             int32_t y_zero, int8_t *y) {
  const int32_t whole = s->kernel_h * s->kernel_w;
  /* A factor of 2^-k, k = 1 - shift: half a unit more than an even number stays with it. */
  const int halves = mul == INT32_C(1) << 30 && shift <= 0 && shift > -29;
  const uint32_t tie = UINT32_C(1) << (halves ? -shift : 0), period = 4 * tie - 1;
  for (int32_t c = 0; c < s->channels; ++c, x += s->height * s->width) {
    for (int32_t oy = 0; oy < s->out_h; ++oy) {
      const int32_t y0 = oy * s->stride_h - s->pad_top;
      const int32_t ky_begin = mcuc_first_tap(y0, 1), ky_end = mcuc_end_tap(y0, 1, s->kernel_h, s->height);
      for (int32_t ox = 0; ox < s->out_w; ++ox) {
        const int32_t x0 = ox * s->stride_w - s->pad_left;
        const int32_t kx_begin = mcuc_first_tap(x0, 1), kx_end = mcuc_end_tap(x0, 1, s->kernel_w, s->width);
        int32_t acc = 0, n = 0;
        for (int32_t ky = ky_begin; ky < ky_end; ++ky) {
          const int8_t *const row = x + (y0 + ky) * s->width;
          for (int32_t kx = kx_begin; kx < kx_end; ++kx) {
            acc += row[x0 + kx] - x_zero;
            ++n;
          }
        }
        if (s->padded_h != 0) {
          n = mcuc_end_tap(y0, 1, s->kernel_h, s->padded_h) * mcuc_end_tap(x0, 1, s->kernel_w, s->padded_w);
        }
        if (n != whole && n > 0) acc = mcuc_rounded_divide(acc * whole, n);
        if (halves && ((uint32_t)acc & period) == tie) --acc;
        *y++ = (int8_t)mcuc_clamp_i32(y_zero + mcuc_requantize(acc, mul, shift), INT8_MIN, INT8_MAX);
      }
    }
  }
}

#endif
