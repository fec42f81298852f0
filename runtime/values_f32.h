/* SPDX-License-Identifier: 0BSD */
/* Encoded weights of float32. */
#ifndef MCUC_VALUES_F32_H
#define MCUC_VALUES_F32_H

#include <stdint.h>

#include "inline.h"

typedef float mcuc_values_f32;

MCUC_INLINE float mcuc_value_f32(const mcuc_values_f32 *values, int32_t *at) { return values[(*at)++]; }

#endif
