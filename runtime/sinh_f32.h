/* SPDX-License-Identifier: 0BSD */
/* Hyperbolic sine, by the C library. */
#ifndef MCUC_SINH_F32_H
#define MCUC_SINH_F32_H

#include <math.h>

static inline float mcuc_sinh_f32(float x) { return sinhf(x); }

#endif
