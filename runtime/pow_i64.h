/* SPDX-License-Identifier: 0BSD */
/* base to the power of exponent in 64 bits, wrapping; with a negative exponent the real power, truncated. */
#ifndef MCUC_POW_I64_H
#define MCUC_POW_I64_H

#include <stdint.h>

static inline int64_t mcuc_pow_i64(int64_t base, int64_t exponent) {
  uint64_t result = 1, square = (uint64_t)base;
  if (exponent < 0) {
    if (base == 1) return 1;
    return base != -1 ? 0 : exponent % 2 == 0 ? 1 : -1;
  }
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= square;
    square *= square;
  }
  return (int64_t)result;
}

#endif
