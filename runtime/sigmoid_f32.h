/* SPDX-License-Identifier: 0BSD */
/* 1 / (1 + exp(-x)); exp overflows to infinity where the result is 0. */
#ifndef MCUC_SIGMOID_F32_H
#define MCUC_SIGMOID_F32_H

#include <math.h>

static inline float mcuc_sigmoid_f32(float x) { return 1.0f / (1.0f + expf(-x)); }

#endif
