/* SPDX-License-Identifier: 0BSD */
/* From the accumulators of up to four neighbours in one output plane to their results: rules N2 and N3. */
#ifndef MCUC_CONV_FOUR_I8_H
#define MCUC_CONV_FOUR_I8_H

#include <stdint.h>

#include "clamp_i32.h"
#include "conv_i8_results.h"
#include "noinline.h"
#include "requantize.h"
#include "shift_right.h"
#include "ssat_i8.h"

/* The clamp of rule N3; the bounds of int8, in which most results end, take one instruction of an Arm core. */
static inline int32_t mcuc_saturate_i8(int32_t q, int32_t lo, int32_t hi) {
#if defined(__ARM_FEATURE_DSP)
  if (lo == INT8_MIN && hi == INT8_MAX) return mcuc_ssat_i8(q);
#endif
  return mcuc_clamp_i32(q, lo, hi);
}

static MCUC_NOINLINE void mcuc_conv_few_i8(const struct mcuc_conv_quant *q, int32_t mul, int32_t shift, int32_t pixels,
                                           const int32_t *acc, int8_t *y) {
  for (int32_t i = 0; i < pixels; ++i) {
    y[i] = (int8_t)mcuc_clamp_i32(q->y_zero + mcuc_requantize(acc[i], mul, shift), q->lo, q->hi);
  }
}

/* The results of `pixels`, 1 to 4. */
static inline void mcuc_conv_four_i8(const struct mcuc_conv_quant *q, int32_t mul, int32_t shift, int32_t pixels,
                                     const int32_t *acc, int8_t *y) {
  if (pixels == 4 && shift < -1) { /* as in mcuc_requantize, with what the four have in common taken out */
    const int32_t half = (int32_t)1 << (-2 - shift), zero = q->y_zero, lo = q->lo, hi = q->hi, right = -1 - shift;
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t high = (int32_t)(((int64_t)acc[i] * mul) >> 32);
      y[i] = (int8_t)mcuc_saturate_i8(zero + mcuc_shift_right(high + half, right), lo, hi);
    }
    return;
  }
  mcuc_conv_few_i8(q, mul, shift, pixels, acc, y);
}

#endif
