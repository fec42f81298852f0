/* SPDX-License-Identifier: 0BSD */
/* Hyperbolic tangent, by the C library. */
#ifndef MCUC_TANH_F32_H
#define MCUC_TANH_F32_H

#include <math.h>

static inline float mcuc_tanh_f32(float x) { return tanhf(x); }

#endif
