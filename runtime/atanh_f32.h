/* SPDX-License-Identifier: 0BSD */
/* Inverse hyperbolic tangent, by the C library. */
#ifndef MCUC_ATANH_F32_H
#define MCUC_ATANH_F32_H

#include <math.h>

static inline float mcuc_atanh_f32(float x) { return atanhf(x); }

#endif
