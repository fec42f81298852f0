/* SPDX-License-Identifier: 0BSD */
/* Exponential, by the C library. */
#ifndef MCUC_EXP_F32_H
#define MCUC_EXP_F32_H

#include <math.h>

static inline float mcuc_exp_f32(float x) { return expf(x); }

#endif
