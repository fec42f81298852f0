/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 4 bits, -8 to 7. */
#ifndef MCUC_VALUES_I4_H
#define MCUC_VALUES_I4_H

#include <stdint.h>

#include "inline.h"

typedef uint8_t mcuc_values_i4;

MCUC_INLINE int32_t mcuc_value_i4(const mcuc_values_i4 *values, int32_t *at) {
  const int32_t i = (*at)++;
  return (int32_t)((uint32_t)values[i >> 1] << (28 - (i & 1) * 4)) >> 28; /* arithmetic: the sign is extended */
}

#endif
