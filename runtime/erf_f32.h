/* SPDX-License-Identifier: 0BSD */
/* The error function, by the C library. */
#ifndef MCUC_ERF_F32_H
#define MCUC_ERF_F32_H

#include <math.h>

static inline float mcuc_erf_f32(float x) { return erff(x); }

#endif
