/* SPDX-License-Identifier: 0BSD */
/* Whole channels, copied x height x width bytes, to their rows in an image that lies in stripes. */
#ifndef MCUC_STORE_ROWS_H
#define MCUC_STORE_ROWS_H

#include <stdint.h>
#include <string.h>

#include "rows.h"

static void mcuc_store_rows(const struct mcuc_rows *s, const void *from, void *y) {
  const uint8_t *row = from;
  for (int32_t c = 0; c < s->copied; ++c) {
    uint8_t *const channel = (uint8_t *)y + c * s->stripe * s->width;
    for (int32_t r = 0; r < s->height; ++r, row += s->width) memcpy(channel + mcuc_row_at(s, r), row, (size_t)s->width);
  }
}

#endif
