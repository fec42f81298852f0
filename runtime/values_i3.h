/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of 3 bits, -4 to 3. */
#ifndef MCUC_VALUES_I3_H
#define MCUC_VALUES_I3_H

#include "bits_3.h"

typedef uint8_t mcuc_values_i3;

MCUC_INLINE int32_t mcuc_value_i3(const mcuc_values_i3 *values, int32_t *at) {
  return (mcuc_bits_3(values, (*at)++) ^ 4) - 4;
}

#endif
