/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 4 bits, each an index into the 16 bytes of int8 that the stream begins with. */
#ifndef MCUC_VALUES_BOOK4_H
#define MCUC_VALUES_BOOK4_H

#include "bits_4.h"

typedef uint8_t mcuc_values_book4;

MCUC_INLINE int32_t mcuc_value_book4(const mcuc_values_book4 *values, int32_t *at) {
  return (int8_t)values[mcuc_bits_4(values + 16, (*at)++)];
}

#endif
