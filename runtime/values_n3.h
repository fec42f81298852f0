/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 3 bits, -4 to -1 and 1 to 4: what is not negative stands for 1 more. */
#ifndef MCUC_VALUES_N3_H
#define MCUC_VALUES_N3_H

#include "bits_3.h"

typedef uint8_t mcuc_values_n3;

MCUC_INLINE int32_t mcuc_value_n3(const mcuc_values_n3 *values, int32_t *at) {
  const int32_t value = (mcuc_bits_3(values, (*at)++) ^ 4) - 4;
  return value + 1 + (value >> 31);
}

#endif
