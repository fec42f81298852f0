/* SPDX-License-Identifier: 0BSD */
/* base to the power of exponent in 64 bits, wrapping. */
#ifndef MCUC_POW_U64_H
#define MCUC_POW_U64_H

#include <stdint.h>

static inline uint64_t mcuc_pow_u64(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

#endif
