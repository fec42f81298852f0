/* SPDX-License-Identifier: 0BSD */
/* x where it is not negative, else alpha x. */
#ifndef MCUC_LEAKY_RELU_F32_H
#define MCUC_LEAKY_RELU_F32_H

static inline float mcuc_leaky_relu_f32(float x, float alpha) { return x < 0.0f ? alpha * x : x; }

#endif
