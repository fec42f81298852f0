/* SPDX-License-Identifier: 0BSD */
/* The gaps of csc<rice>: the number of zeros before each nonzero, over all columns, as Rice codes: gap >> k ones, a
   zero, and the k lowest bits of the gap, the lowest bit of a byte first. The first byte is k. A last gap ends the
   weights. */
#ifndef MCUC_GAPS_RICE_H
#define MCUC_GAPS_RICE_H

#include <stdint.h>

#include "inline.h"

struct mcuc_gaps_rice {
  const uint8_t *at;
  uint32_t bits; /* read from the stream, but not used yet */
  int32_t left, k;
};

MCUC_INLINE struct mcuc_gaps_rice mcuc_start_gaps_rice(const uint8_t *stream) {
  const struct mcuc_gaps_rice gaps = {stream + 1, 0, 0, stream[0]};
  return gaps;
}

MCUC_INLINE int32_t mcuc_gap_rice(struct mcuc_gaps_rice *gaps) {
  int32_t gap = 0, one;
  do {
    if (gaps->left == 0) {
      gaps->bits = *gaps->at++;
      gaps->left = 8;
    }
    one = (int32_t)(gaps->bits & 1);
    gaps->bits >>= 1;
    --gaps->left;
    gap += one;
  } while (one != 0);
  while (gaps->left < gaps->k) {
    gaps->bits |= (uint32_t)*gaps->at++ << gaps->left;
    gaps->left += 8;
  }
  gap = (int32_t)((uint32_t)gap << gaps->k | (gaps->bits & ((1u << gaps->k) - 1)));
  gaps->bits >>= gaps->k;
  gaps->left -= gaps->k;
  return gap;
}

#endif
