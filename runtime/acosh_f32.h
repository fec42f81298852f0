/* SPDX-License-Identifier: 0BSD */
/* Inverse hyperbolic cosine, by the C library. */
#ifndef MCUC_ACOSH_F32_H
#define MCUC_ACOSH_F32_H

#include <math.h>

static inline float mcuc_acosh_f32(float x) { return acoshf(x); }

#endif
