/* SPDX-License-Identifier: 0BSD */
/* Tangent, by the C library. */
#ifndef MCUC_TAN_F32_H
#define MCUC_TAN_F32_H

#include <math.h>

static inline float mcuc_tan_f32(float x) { return tanf(x); }

#endif
