/* SPDX-License-Identifier: 0BSD */
/* How an image of channels x height x width bytes lies in stripes of rows: each stripe channels x stripe x width, one
   behind the other, or over the one that is `slots` before it. And what copy_rows.h and store_rows.h move. */
#ifndef MCUC_ROWS_H
#define MCUC_ROWS_H

#include <stdint.h>

struct mcuc_rows {
  int32_t channels, height, width, stripe, slots;
  int32_t copied, rows, left, right, fill; /* channels and rows that are moved; bytes of padding, and their value */
};

static inline int32_t mcuc_row_at(const struct mcuc_rows *s, int32_t row) {
  return (row / s->stripe % s->slots * s->channels * s->stripe + row % s->stripe) * s->width;
}

#endif
