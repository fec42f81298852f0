/* SPDX-License-Identifier: 0BSD */
/* alpha x + beta within [0, 1]. */
#ifndef MCUC_HARD_SIGMOID_F32_H
#define MCUC_HARD_SIGMOID_F32_H

#include "clamp_f32.h"

static inline float mcuc_hard_sigmoid_f32(float x, float alpha, float beta) {
  return mcuc_clamp_f32(alpha * x + beta, 0.0f, 1.0f);
}

#endif
