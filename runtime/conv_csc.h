/* SPDX-License-Identifier: 0BSD */
/* Where an encoded weight of a convolution belongs: its position in the flattened channels x kernel_h x kernel_w is
   taken apart by two divisions. */
#ifndef MCUC_CONV_CSC_H
#define MCUC_CONV_CSC_H

#include <stdint.h>

/* floor(n / d) = high word of (n + 1) * floor((2^32 - 1) / d), for (n + 1) * d <= 2^32. */
static inline uint32_t mcuc_reciprocal(int32_t d) { return UINT32_MAX / (uint32_t)d; }
static inline uint32_t mcuc_quotient(uint32_t n_plus_1, uint32_t reciprocal) {
  return (uint32_t)(((uint64_t)n_plus_1 * reciprocal) >> 32);
}

#endif
