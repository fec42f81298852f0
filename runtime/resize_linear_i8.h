/* SPDX-License-Identifier: 0BSD */
/* Bilinear resampling of int8: rule N16. x: C x H x W; y: C x OH x OW. Row i of y lies between rows row_lo[i] and
   row_hi[i] of x, row_fraction[i] / 1024 of the way; columns alike. Scale and zero point stay. */
#ifndef MCUC_RESIZE_LINEAR_I8_H
#define MCUC_RESIZE_LINEAR_I8_H

#include <stdint.h>

#include "shift_right.h"

static void mcuc_resize_linear_i8(int32_t channels, int32_t height, int32_t width, int32_t out_h, int32_t out_w,
                                  const int8_t *x, const int32_t *row_lo, const int32_t *row_hi,
                                  const int16_t *row_fraction, const int32_t *column_lo, const int32_t *column_hi,
                                  const int16_t *column_fraction, int8_t *y) {
  for (int32_t c = 0; c < channels; ++c, x += height * width) {
    for (int32_t oy = 0; oy < out_h; ++oy) {
      const int8_t *const above = x + row_lo[oy] * width, *const below = x + row_hi[oy] * width;
      const int32_t fy = row_fraction[oy];
      for (int32_t ox = 0; ox < out_w; ++ox) {
        const int32_t lo = column_lo[ox], hi = column_hi[ox], fx = column_fraction[ox];
        const int32_t acc =
            (1024 - fy) * ((1024 - fx) * above[lo] + fx * above[hi]) + fy * ((1024 - fx) * below[lo] + fx * below[hi]);
        *y++ = (int8_t)mcuc_shift_right(acc + ((int32_t)1 << 19), 20);
      }
    }
  }
}

#endif
