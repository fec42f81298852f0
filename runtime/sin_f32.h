/* SPDX-License-Identifier: 0BSD */
/* Sine, by the C library. */
#ifndef MCUC_SIN_F32_H
#define MCUC_SIN_F32_H

#include <math.h>

static inline float mcuc_sin_f32(float x) { return sinf(x); }

#endif
