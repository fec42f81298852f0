/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 4 bits, -8 to -1 and 1 to 8: what is not negative stands for 1 more. */
#ifndef MCUC_VALUES_N4_H
#define MCUC_VALUES_N4_H

#include <stdint.h>

#include "inline.h"

typedef uint8_t mcuc_values_n4;

MCUC_INLINE int32_t mcuc_value_n4(const mcuc_values_n4 *values, int32_t *at) {
  const int32_t i = (*at)++;
  const int32_t value = (int32_t)((uint32_t)values[i >> 1] << (28 - (i & 1) * 4)) >> 28; /* arithmetic */
  return value + 1 + (value >> 31);
}

#endif
