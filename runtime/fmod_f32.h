/* SPDX-License-Identifier: 0BSD */
/* What is left of x after the whole multiples of y, of the sign of x; by the C library. */
#ifndef MCUC_FMOD_F32_H
#define MCUC_FMOD_F32_H

#include <math.h>

static inline float mcuc_fmod_f32(float x, float y) { return fmodf(x, y); }

#endif
