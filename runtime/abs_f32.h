/* SPDX-License-Identifier: 0BSD */
/* Absolute value, by the C library. */
#ifndef MCUC_ABS_F32_H
#define MCUC_ABS_F32_H

#include <math.h>

static inline float mcuc_abs_f32(float x) { return fabsf(x); }

#endif
