/* SPDX-License-Identifier: 0BSD */
/* Arc cosine, by the C library. */
#ifndef MCUC_ACOS_F32_H
#define MCUC_ACOS_F32_H

#include <math.h>

static inline float mcuc_acos_f32(float x) { return acosf(x); }

#endif
