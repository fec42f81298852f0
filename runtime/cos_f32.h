/* SPDX-License-Identifier: 0BSD */
/* Cosine, by the C library. */
#ifndef MCUC_COS_F32_H
#define MCUC_COS_F32_H

#include <math.h>

static inline float mcuc_cos_f32(float x) { return cosf(x); }

#endif
