/* SPDX-License-Identifier: 0BSD */
/* Bilinear resampling of float32. x: C x H x W; y: C x OH x OW. Row i of y lies between rows row_lo[i] and row_hi[i]
   of x, row_fraction[i] of the way; columns alike. */
#ifndef MCUC_RESIZE_LINEAR_F32_H
#define MCUC_RESIZE_LINEAR_F32_H

#include <stdint.h>

struct mcuc_resize {
  int32_t channels, height, width, out_h, out_w; /* channels: of all samples */
};

static void mcuc_resize_linear_f32(const struct mcuc_resize *s, const float *x, const int32_t *row_lo,
                                   const int32_t *row_hi, const float *row_fraction, const int32_t *column_lo,
                                   const int32_t *column_hi, const float *column_fraction, float *y) {
  for (int32_t c = 0; c < s->channels; ++c, x += s->height * s->width) {
    for (int32_t oy = 0; oy < s->out_h; ++oy) {
      const float *above = x + row_lo[oy] * s->width, *below = x + row_hi[oy] * s->width;
      for (int32_t ox = 0; ox < s->out_w; ++ox) {
        const int32_t lo = column_lo[ox], hi = column_hi[ox];
        const float f = column_fraction[ox];
        const float top = above[lo] * (1.0f - f) + above[hi] * f, bottom = below[lo] * (1.0f - f) + below[hi] * f;
        *y++ = top * (1.0f - row_fraction[oy]) + bottom * row_fraction[oy];
      }
    }
  }
}

#endif
