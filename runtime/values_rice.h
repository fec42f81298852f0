/* SPDX-License-Identifier: 0BSD */
/* Encoded weights as Rice codes of indices into a book of int8, in which the most frequent ones come first. The stream
   begins with k, the number of elements in the book, and the book. A code is index >> k ones, at most 16, a zero, and
   the k lowest bits of the index, the lowest bit of a byte first. Up to three bytes behind the stream are read. */
#ifndef MCUC_VALUES_RICE_H
#define MCUC_VALUES_RICE_H

#include "peek_bits.h"

typedef uint8_t mcuc_values_rice;

MCUC_INLINE int32_t mcuc_value_rice(const mcuc_values_rice *values, int32_t *at) {
  const uint32_t k = values[0]; /* at most 7: 16 ones, a zero and 7 bits are at hand */
  const uint32_t bits = mcuc_peek_bits(values + 2 + values[1], (uint32_t)*at), ones = mcuc_leading_ones(bits, 16);
  *at += (int32_t)(ones + 1 + k);
  return (int8_t)values[2 + (ones << k | (bits >> ones >> 1 & ((1u << k) - 1)))];
}

#endif
