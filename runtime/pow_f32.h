/* SPDX-License-Identifier: 0BSD */
/* Power, by the C library. */
#ifndef MCUC_POW_F32_H
#define MCUC_POW_F32_H

#include <math.h>

static inline float mcuc_pow_f32(float x, float exponent) { return powf(x, exponent); }

#endif
