/* SPDX-License-Identifier: 0BSD */
/* x where it is not negative, else alpha (exp(x) - 1). */
#ifndef MCUC_ELU_F32_H
#define MCUC_ELU_F32_H

#include <math.h>

static inline float mcuc_elu_f32(float x, float alpha) { return x < 0.0f ? alpha * expm1f(x) : x; }

#endif
