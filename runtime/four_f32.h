/* SPDX-License-Identifier: 0BSD */
/* Four floats that compilers keep in registers, or in one of four lanes, whatever they unroll. */
#ifndef MCUC_FOUR_F32_H
#define MCUC_FOUR_F32_H

#include "clamp_f32.h"

struct mcuc_four_f32 {
  float v0, v1, v2, v3;
};

static inline struct mcuc_four_f32 mcuc_four_of_f32(float v) {
  const struct mcuc_four_f32 four = {v, v, v, v};
  return four;
}

/* acc + w * x. */
static inline struct mcuc_four_f32 mcuc_add_four_f32(struct mcuc_four_f32 acc, float w, struct mcuc_four_f32 x) {
  acc.v0 += w * x.v0;
  acc.v1 += w * x.v1;
  acc.v2 += w * x.v2;
  acc.v3 += w * x.v3;
  return acc;
}

#endif
