/* SPDX-License-Identifier: 0BSD */
/* Square root, by the C library. */
#ifndef MCUC_SQRT_F32_H
#define MCUC_SQRT_F32_H

#include <math.h>

static inline float mcuc_sqrt_f32(float x) { return sqrtf(x); }

#endif
