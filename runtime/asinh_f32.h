/* SPDX-License-Identifier: 0BSD */
/* Inverse hyperbolic sine, by the C library. */
#ifndef MCUC_ASINH_F32_H
#define MCUC_ASINH_F32_H

#include <math.h>

static inline float mcuc_asinh_f32(float x) { return asinhf(x); }

#endif
