/* SPDX-License-Identifier: 0BSD */
/* Hyperbolic cosine, by the C library. */
#ifndef MCUC_COSH_F32_H
#define MCUC_COSH_F32_H

#include <math.h>

static inline float mcuc_cosh_f32(float x) { return coshf(x); }

#endif
