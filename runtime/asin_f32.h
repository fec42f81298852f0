/* SPDX-License-Identifier: 0BSD */
/* Arc sine, by the C library. */
#ifndef MCUC_ASIN_F32_H
#define MCUC_ASIN_F32_H

#include <math.h>

static inline float mcuc_asin_f32(float x) { return asinf(x); }

#endif
