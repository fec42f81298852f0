/* SPDX-License-Identifier: 0BSD */
/* From the sums of a tile to its results, for the convolutions of conv_words.h: rules N2, N3 and N5. */
#ifndef MCUC_CONV_WORDS_RESULTS_H
#define MCUC_CONV_WORDS_RESULTS_H

#include <stdint.h>

#include "clamp_i32.h"
#include "conv_words.h"
#include "noinline.h"
#include "requantize.h"
#include "requantize_16.h"
#include "shift_right.h"
#include "smmla.h"
#include "ssat_i8.h"
#include "usat_7.h"

#if defined(__ARM_FEATURE_DSP) && !defined(__OPTIMIZE_SIZE__)
#define MCUC_WORDS_QUICK
#endif

/* What goes to one output channel. */
struct mcuc_words_quant {
  int32_t start; /* the bias, less what raised inputs add */
  int32_t mul, shift, y_zero, lo, hi;
#if defined(MCUC_WORDS_QUICK)
  /* A result is clamp((floor(acc * mul / 2^32) + base) >> right), where base holds the rounding and the zero point:
     below 2^29 + 2^21 in magnitude, so that the sum fits 32 bits. -right: where the bounds are 0 and 127, not those of
     int8. 0: other bounds, or other shifts. */
  int32_t base, right;
#endif
};

/* To be called where mul and shift are new. */
MCUC_INLINE void mcuc_words_channel(struct mcuc_words_quant *q) {
#if defined(MCUC_WORDS_QUICK)
  const int32_t half = -2 - q->shift;
  q->right = 0;
  if ((uint32_t)half <= 21 && q->hi == INT8_MAX && (q->lo == INT8_MIN || q->lo == 0)) {
    q->base = (2 * q->y_zero + 1) * ((int32_t)1 << half);
    q->right = q->lo == 0 ? -1 - half : half + 1;
  }
#else
  (void)q;
#endif
}

/* narrow: acc is of 16 bits. */
MCUC_INLINE int8_t mcuc_words_result(const struct mcuc_words_quant *q, int32_t narrow, int32_t acc) {
  const int32_t y = narrow ? mcuc_requantize_16(acc, q->mul, q->shift) : mcuc_requantize(acc, q->mul, q->shift);
  return (int8_t)mcuc_clamp_i32(q->y_zero + y, q->lo, q->hi);
}

#if defined(MCUC_WORDS_QUICK)
MCUC_INLINE int32_t mcuc_words_quick(const struct mcuc_words_quant *q, int32_t acc, int32_t right) {
  return mcuc_shift_right(mcuc_smmla(acc, q->mul, q->base), right);
}

static MCUC_NOINLINE void mcuc_words_few(const struct mcuc_words_quant *q, const int32_t *sums, int32_t rows,
                                         int32_t columns, int32_t pitch, int8_t *y) {
  for (int32_t r = 0; r < rows; ++r, y += pitch) {
    for (int32_t c = 0; c < columns; ++c) y[c] = mcuc_words_result(q, 0, *sums++);
  }
}
#endif

/* rows x columns results to y, whose rows are `pitch` bytes apart. narrow: sums are of 16 bits. quick: there are so
   many of them that more code pays. */
MCUC_INLINE void mcuc_words_results(const struct mcuc_words_quant *q, int32_t narrow, int32_t quick,
                                    const int32_t *sums, int32_t rows, int32_t columns, int32_t pitch, int8_t *y) {
#if defined(MCUC_WORDS_QUICK)
  if (quick && q->right > 0) {
    for (int32_t r = 0; r < rows; ++r, y += pitch) {
      for (int32_t c = 0; c < columns; ++c) y[c] = (int8_t)mcuc_ssat_i8(mcuc_words_quick(q, *sums++, q->right));
    }
  } else if (quick && q->right < 0) {
    for (int32_t r = 0; r < rows; ++r, y += pitch) {
      for (int32_t c = 0; c < columns; ++c) y[c] = (int8_t)mcuc_usat_7(mcuc_words_quick(q, *sums++, -q->right));
    }
  } else if (quick) {
    mcuc_words_few(q, sums, rows, columns, pitch, y);
  } else
#endif
  {
    (void)quick;
    for (int32_t r = 0; r < rows; ++r, y += pitch) {
      for (int32_t c = 0; c < columns; ++c) y[c] = mcuc_words_result(q, narrow, *sums++);
    }
  }
}

#if defined(MCUC_WORDS_QUICK) && defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
/* Four results. */
MCUC_INLINE void mcuc_words_four(const struct mcuc_words_quant *q, int32x4_t acc, int8_t *y) {
  if (q->right != 0) {
    const int32_t left = q->right < 0 ? q->right : -q->right;
    const int32x4_t v = vshlq_s32(vaddq_n_s32(vmulhq_s32(acc, vdupq_n_s32(q->mul)), q->base), vdupq_n_s32(left));
    vstrbq_s32(y, vminq_s32(vmaxq_s32(v, vdupq_n_s32(q->lo)), vdupq_n_s32(q->hi)));
  } else {
    int32_t sums[4];
    vst1q_s32(sums, acc);
    mcuc_words_few(q, sums, 1, 4, 0, y);
  }
}
#endif

#endif
