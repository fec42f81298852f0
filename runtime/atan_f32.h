/* SPDX-License-Identifier: 0BSD */
/* Arc tangent, by the C library. */
#ifndef MCUC_ATAN_F32_H
#define MCUC_ATAN_F32_H

#include <math.h>

static inline float mcuc_atan_f32(float x) { return atanf(x); }

#endif
