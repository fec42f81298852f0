/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of int8: a byte each. */
#ifndef MCUC_VALUES_I8_H
#define MCUC_VALUES_I8_H

#include <stdint.h>

#include "inline.h"

typedef int8_t mcuc_values_i8;

MCUC_INLINE int32_t mcuc_value_i8(const mcuc_values_i8 *values, int32_t *at) { return values[(*at)++]; }

#endif
