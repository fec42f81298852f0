/* SPDX-License-Identifier: 0BSD */
/* x times the hard sigmoid of slope 1/6 and offset 1/2. */
#ifndef MCUC_HARD_SWISH_F32_H
#define MCUC_HARD_SWISH_F32_H

#include "clamp_f32.h"

static inline float mcuc_hard_swish_f32(float x) { return x * mcuc_clamp_f32(x / 6.0f + 0.5f, 0.0f, 1.0f); }

#endif
