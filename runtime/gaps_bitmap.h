/* SPDX-License-Identifier: 0BSD */
/* The gaps of csc<bitmap>: a bit a weight, the lowest of a byte first, 1 for a nonzero, and a last 1 behind the
   weights. */
#ifndef MCUC_GAPS_BITMAP_H
#define MCUC_GAPS_BITMAP_H

#include <stdint.h>

#include "inline.h"

struct mcuc_gaps_bitmap {
  const uint8_t *at;
  int32_t bits, left; /* of the byte before `at`: those not read yet, and their number */
};

MCUC_INLINE struct mcuc_gaps_bitmap mcuc_start_gaps_bitmap(const uint8_t *stream) {
  const struct mcuc_gaps_bitmap gaps = {stream, 0, 0};
  return gaps;
}

MCUC_INLINE int32_t mcuc_gap_bitmap(struct mcuc_gaps_bitmap *gaps) {
  int32_t gap = 0;
  while (gaps->bits == 0) {
    gap += gaps->left;
    gaps->bits = *gaps->at++;
    gaps->left = 8;
  }
  for (;;) {
    const int32_t bit = gaps->bits & 1;
    gaps->bits >>= 1;
    --gaps->left;
    if (bit != 0) return gap;
    ++gap;
  }
}

#endif
