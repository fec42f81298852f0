/* SPDX-License-Identifier: 0BSD */
/* Rounding down, by the C library. */
#ifndef MCUC_FLOOR_F32_H
#define MCUC_FLOOR_F32_H

#include <math.h>

static inline float mcuc_floor_f32(float x) { return floorf(x); }

#endif
