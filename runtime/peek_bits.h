/* SPDX-License-Identifier: 0BSD */
/* Bits of a stream from any place on, the lowest bit of a byte first. */
#ifndef MCUC_PEEK_BITS_H
#define MCUC_PEEK_BITS_H

#include <stdint.h>

#include "inline.h"

/* The bits from bit `at` on, 25 of them at least; up to three bytes behind them are read. Compilers make one load of it
   where words may lie at any address. */
MCUC_INLINE uint32_t mcuc_peek_bits(const uint8_t *stream, uint32_t at) {
  const uint8_t *const p = stream + (at >> 3);
  return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24) >> (at & 7);
}

/* How many ones `bits` begins with, `most` at most. */
MCUC_INLINE uint32_t mcuc_leading_ones(uint32_t bits, uint32_t most) {
#if defined(__GNUC__) && (defined(__ARM_FEATURE_CLZ) || defined(__x86_64__) || defined(__i386__))
  return (uint32_t)__builtin_ctz(~bits | (uint32_t)1 << most);
#else
  uint32_t ones = 0;
  for (; ones < most && (bits & 1) != 0; ++ones) bits >>= 1;
  return ones;
#endif
}

#endif
