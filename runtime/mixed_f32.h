/* SPDX-License-Identifier: 0BSD */
/* What conv and fc with float32 operands do beyond dense float weights: rule N20, int8 weights of a scale each output,
   and int8 results. */
#ifndef MCUC_MIXED_F32_H
#define MCUC_MIXED_F32_H

#include <stdint.h>

#include "clamp_f32.h"
#include "quantize.h"

struct mcuc_mixed_f32 {
  float lo, hi;                    /* the activation's bounds */
  int32_t per_channel;             /* a scale of the weights an output channel, or one for all */
  float y_scale;                   /* 0: y is float32, else int8 of this scale, */
  int32_t y_zero, y_least, y_most; /* zero point and range */
};

/* Stores result i of y, which is float32 or int8. */
static inline void mcuc_store_mixed(const struct mcuc_mixed_f32 *q, void *y, int32_t i, float result) {
  if (q->y_scale > 0.0f) {
    ((int8_t *)y)[i] = (int8_t)mcuc_quantize(result, q->y_scale, q->y_zero, q->y_least, q->y_most);
  } else {
    ((float *)y)[i] = result;
  }
}

/* bias[m] + scale[m] * sum, the activation's bounds; scale null: 1, bias null: 0. */
static inline float mcuc_mixed_result(const struct mcuc_mixed_f32 *q, const float *scale, const float *bias, int32_t m,
                                      float sum) {
  if (scale != 0) sum *= scale[q->per_channel ? m : 0];
  if (bias != 0) sum += bias[m];
  return mcuc_clamp_f32(sum, q->lo, q->hi);
}

#endif
