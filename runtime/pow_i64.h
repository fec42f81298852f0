/* SPDX-License-Identifier: 0BSD */
/* base to the power of exponent in 64 bits, wrapping; with a negative exponent the real power, truncated. */
#ifndef MCUC_POW_I64_H
#define MCUC_POW_I64_H

#include <stdint.h>

#include "pow_u64.h"

static inline int64_t mcuc_pow_i64(int64_t base, int64_t exponent) {
  if (exponent >= 0) return (int64_t)mcuc_pow_u64((uint64_t)base, (uint64_t)exponent);
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  return base == 1 ? 1 : 0;
}

#endif
