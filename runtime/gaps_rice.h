/* SPDX-License-Identifier: 0BSD */
/* The gaps of csc<rice>: the number of zeros before each nonzero, over all columns, as Rice codes: gap >> k ones, a
   zero, and the k lowest bits of the gap, the lowest bit of a byte first. The first byte is k. A last gap ends the
   weights. Up to three bytes behind the stream are read. */
#ifndef MCUC_GAPS_RICE_H
#define MCUC_GAPS_RICE_H

#include <stdint.h>

#include "inline.h"
#include "peek_bits.h"

struct mcuc_gaps_rice {
  const uint8_t *stream;
  uint32_t at; /* in bits */
};

MCUC_INLINE struct mcuc_gaps_rice mcuc_start_gaps_rice(const uint8_t *stream) {
  const struct mcuc_gaps_rice gaps = {stream, 8};
  return gaps;
}

MCUC_INLINE int32_t mcuc_gap_rice(struct mcuc_gaps_rice *gaps) {
  const uint32_t k = gaps->stream[0]; /* at most 15, so that the bits behind 7 ones and a zero are enough for it */
  uint32_t high = 0, bits, ones;      /* of these 8 at most at a time */
  do {
    bits = mcuc_peek_bits(gaps->stream, gaps->at);
    ones = mcuc_leading_ones(bits, 8);
    bits >>= ones;
    gaps->at += ones;
    high += ones;
  } while (ones == 8);
  gaps->at += 1 + k;
  return (int32_t)(high << k | (bits >> 1 & ((1u << k) - 1)));
}

#endif
