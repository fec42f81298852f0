/* SPDX-License-Identifier: 0BSD */
/* Rows of an image that lies in stripes of rows, copied with padding around them to where a kernel reads them: to
   copied x rows x (left + width + right). Row 0 is row `first` of the image, which may lie above it. Widths are in
   bytes. */
#ifndef MCUC_COPY_ROWS_H
#define MCUC_COPY_ROWS_H

#include <stdint.h>
#include <string.h>

#include "rows.h"

static void mcuc_copy_rows(const struct mcuc_rows *s, const void *x, int32_t first, void *to) {
  const int32_t pitch = s->left + s->width + s->right;
  uint8_t *row = to;
  for (int32_t r = first; r < first + s->rows; ++r, row += pitch) {
    const int32_t inside = r >= 0 && r < s->height;
    const uint8_t *from = inside ? (const uint8_t *)x + mcuc_row_at(s, r) : x;
    uint8_t *at = row;
    for (int32_t c = 0; c < s->copied; ++c, at += s->rows * pitch) {
      if (!inside) {
        memset(at, s->fill, (size_t)pitch);
        continue;
      }
      memset(at, s->fill, (size_t)s->left);
      memcpy(at + s->left, from, (size_t)s->width);
      memset(at + s->left + s->width, s->fill, (size_t)s->right);
      from += s->stripe * s->width;
    }
  }
}

#endif
