/* SPDX-License-Identifier: 0BSD */
/* log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)) so that nothing overflows. */
#ifndef MCUC_SOFTPLUS_F32_H
#define MCUC_SOFTPLUS_F32_H

#include <math.h>

static inline float mcuc_softplus_f32(float x) { return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))); }

#endif
