/* SPDX-License-Identifier: 0BSD */
/* The gaps of csc<u8>: the number of zeros before each nonzero, over all columns, in bytes; 255 stands for 255 zeros
   and a further byte. A last gap ends the weights. */
#ifndef MCUC_GAPS_U8_H
#define MCUC_GAPS_U8_H

#include <stdint.h>

#include "inline.h"

struct mcuc_gaps_u8 {
  const uint8_t *at;
};

MCUC_INLINE struct mcuc_gaps_u8 mcuc_start_gaps_u8(const uint8_t *stream) {
  const struct mcuc_gaps_u8 gaps = {stream};
  return gaps;
}

MCUC_INLINE int32_t mcuc_gap_u8(struct mcuc_gaps_u8 *gaps) {
  int32_t gap = *gaps->at++;
  if (gap == 255) { /* not a loop at once: compilers would keep registers free for it in the caller's loop */
    int32_t byte;
    do {
      byte = *gaps->at++;
      gap += byte;
    } while (byte == 255);
  }
  return gap;
}

#endif
