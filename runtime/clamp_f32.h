/* SPDX-License-Identifier: 0BSD */
/* The fused activations of float kernels: relu is lo = 0, no activation lo = -INFINITY, hi = INFINITY. */
#ifndef MCUC_CLAMP_F32_H
#define MCUC_CLAMP_F32_H

static inline float mcuc_clamp_f32(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }

#endif
