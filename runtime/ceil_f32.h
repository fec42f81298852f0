/* SPDX-License-Identifier: 0BSD */
/* Rounding up, by the C library. */
#ifndef MCUC_CEIL_F32_H
#define MCUC_CEIL_F32_H

#include <math.h>

static inline float mcuc_ceil_f32(float x) { return ceilf(x); }

#endif
