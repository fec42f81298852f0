/* SPDX-License-Identifier: 0BSD */
/* The gaps of csc<u4>: the number of zeros before each nonzero, over all columns, in 4 bits, the low half of a byte
   first; 15 stands for 15 zeros and a further gap in 8 bits, of which 255 stands for 255 zeros and 8 further bits. A
   last gap ends the weights. */
#ifndef MCUC_GAPS_U4_H
#define MCUC_GAPS_U4_H

#include <stdint.h>

#include "inline.h"

struct mcuc_gaps_u4 {
  const uint8_t *stream;
  int32_t at; /* in halves of bytes */
};

MCUC_INLINE struct mcuc_gaps_u4 mcuc_start_gaps_u4(const uint8_t *stream) {
  const struct mcuc_gaps_u4 gaps = {stream, 0};
  return gaps;
}

MCUC_INLINE int32_t mcuc_half_u4(struct mcuc_gaps_u4 *gaps) {
  const int32_t half = gaps->stream[gaps->at >> 1] >> ((gaps->at & 1) * 4) & 15;
  ++gaps->at;
  return half;
}

MCUC_INLINE int32_t mcuc_gap_u4(struct mcuc_gaps_u4 *gaps) {
  int32_t gap = mcuc_half_u4(gaps);
  if (gap == 15) {
    int32_t byte;
    do {
      byte = mcuc_half_u4(gaps);
      byte |= mcuc_half_u4(gaps) << 4;
      gap += byte;
    } while (byte == 255);
  }
  return gap;
}

#endif
