/* SPDX-License-Identifier: 0BSD */
/* Rounding, half to even, by the C library. */
#ifndef MCUC_ROUND_F32_H
#define MCUC_ROUND_F32_H

#include <math.h>

static inline float mcuc_round_f32(float x) { return rintf(x); }

#endif
