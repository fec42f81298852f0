/* SPDX-License-Identifier: 0BSD */
/* The C library's floorf. */
#ifndef MCUC_FLOOR_F32_H
#define MCUC_FLOOR_F32_H

#include <math.h>

static inline float mcuc_floor_f32(float x) { return floorf(x); }

#endif
