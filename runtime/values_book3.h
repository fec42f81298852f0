/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 3 bits, each an index into the 8 bytes of int8 that the stream begins with. */
#ifndef MCUC_VALUES_BOOK3_H
#define MCUC_VALUES_BOOK3_H

#include "bits_3.h"

typedef uint8_t mcuc_values_book3;

MCUC_INLINE int32_t mcuc_value_book3(const mcuc_values_book3 *values, int32_t *at) {
  return (int8_t)values[mcuc_bits_3(values + 8, (*at)++)];
}

#endif
