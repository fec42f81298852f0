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
#include "smmla.h"
#include "ssat_i8.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

static MCUC_NOINLINE void mcuc_conv_few_i8(const struct mcuc_conv_quant *q, int32_t mul, int32_t shift, int32_t pixels,
                                           const int32_t *acc, int8_t *y) {
  for (int32_t i = 0; i < pixels; ++i) {
    y[i] = (int8_t)mcuc_clamp_i32(q->y_zero + mcuc_requantize(acc[i], mul, shift), q->lo, q->hi);
  }
}

/* What four results of one output channel have in common: q = clamp((floor(acc * mul / 2^32) + base) >> right), where
   base holds the rounding and the zero point: below 2^29 + 2^21 in magnitude, so that the sum fits 32 bits. */
struct mcuc_four_i8 {
  int32_t quick; /* it is so; else they are computed one by one */
  int32_t mul, base, right;
};

static inline struct mcuc_four_i8 mcuc_four_of(const struct mcuc_conv_quant *q, int32_t mul, int32_t shift) {
  struct mcuc_four_i8 f = {0, mul, 0, 0};
  const int32_t half = -2 - shift;
  if ((uint32_t)half <= 21) {
    f.quick = 1;
    f.base = (2 * q->y_zero + 1) * ((int32_t)1 << half);
    f.right = half + 1;
  }
  return f;
}

static inline int32_t mcuc_four_one(const struct mcuc_conv_quant *q, const struct mcuc_four_i8 *f, int32_t acc) {
#if defined(__ARM_FEATURE_DSP)
  acc = mcuc_ssat_i8(mcuc_shift_right(mcuc_smmla(acc, f->mul, f->base), f->right));
  return q->lo == INT8_MIN && q->hi == INT8_MAX ? acc : mcuc_clamp_i32(acc, q->lo, q->hi);
#else
  const int32_t high = (int32_t)(((int64_t)acc * f->mul) >> 32);
  return mcuc_clamp_i32(mcuc_shift_right(high + f->base, f->right), q->lo, q->hi);
#endif
}

/* Four results. q: a copy of *quant, or the same; f: mcuc_four_of it. */
static inline void mcuc_conv_results_four_i8(const struct mcuc_conv_quant *quant, const struct mcuc_conv_quant *q,
                                             const struct mcuc_four_i8 *f, int32_t shift, int32_t a0, int32_t a1,
                                             int32_t a2, int32_t a3, int8_t *y) {
  if (f->quick) {
#if defined(__ARM_FEATURE_MVE)
    const int32_t sums[4] = {a0, a1, a2, a3};
    int32x4_t v = vaddq_n_s32(vmulhq_s32(vldrwq_s32(sums), vdupq_n_s32(f->mul)), f->base);
    v = vmaxq_s32(vminq_s32(vshlq_r_s32(v, -f->right), vdupq_n_s32(q->hi)), vdupq_n_s32(q->lo));
    vstrbq_s32(y, v);
    (void)mcuc_four_one;
#else
    y[0] = (int8_t)mcuc_four_one(q, f, a0);
    y[1] = (int8_t)mcuc_four_one(q, f, a1);
    y[2] = (int8_t)mcuc_four_one(q, f, a2);
    y[3] = (int8_t)mcuc_four_one(q, f, a3);
#endif
  } else {
    const int32_t acc[4] = {a0, a1, a2, a3};
    mcuc_conv_few_i8(quant, f->mul, shift, 4, acc, y);
  }
}

#endif
