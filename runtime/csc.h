/* SPDX-License-Identifier: 0BSD */
/* The csc<u8> encoding of weights, one column an output: counts of nonzeros; for each nonzero a byte, the number of
   zeros before it, where 255 skips 255 zeros and stands for no nonzero; and the nonzeros. Trailing zeros are not
   stored. */
#ifndef MCUC_CSC_H
#define MCUC_CSC_H

#include <stdint.h>

/* The number of nonzeros of a column: counts are bytes, or words of 16 bits where one is over 255. */
static inline int32_t mcuc_csc_count(const void *count, int32_t bytes_each, int32_t column) {
  return bytes_each == 1 ? ((const uint8_t *)count)[column] : ((const uint16_t *)count)[column];
}

/* The number of zeros before the next nonzero. */
static inline int32_t mcuc_csc_gap(const uint8_t **delta) {
  int32_t gap = *(*delta)++;
  if (gap == 255) {
    while (**delta == 255) {
      gap += 255;
      ++*delta;
    }
    gap += *(*delta)++;
  }
  return gap;
}

#endif
