/* SPDX-License-Identifier: 0BSD */
/* Rows of every plane of x with padding around them, copied to where a convolution reads them without asking for
   borders. x: planes x height x width; to: planes x rows x (left + width + right), where row 0 is row `first` of x,
   which may lie above it. */
#ifndef MCUC_PAD_ROWS_I8_H
#define MCUC_PAD_ROWS_I8_H

#include <stdint.h>
#include <string.h>

static void mcuc_pad_rows_i8(const int8_t *x, int32_t planes, int32_t height, int32_t width, int32_t first,
                             int32_t rows, int32_t left, int32_t right, int32_t zero, int8_t *to) {
  const size_t row = (size_t)width;
  for (int32_t p = 0; p < planes; ++p, x += height * width) {
    for (int32_t r = first; r < first + rows; ++r) {
      if (r < 0 || r >= height) {
        memset(to, zero, (size_t)(left + width + right));
      } else {
        memset(to, zero, (size_t)left);
        memcpy(to + left, x + r * width, row);
        memset(to + left + width, zero, (size_t)right);
      }
      to += left + width + right;
    }
  }
}

#endif
