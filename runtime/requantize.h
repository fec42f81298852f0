/* SPDX-License-Identifier: 0BSD */
/* Rules N2 and N3: from an int32 accumulator to an int8 result. */
#ifndef MCUC_REQUANTIZE_H
#define MCUC_REQUANTIZE_H

#include <stdint.h>

/* x >> n, rounding down. The standard leaves the shift of a negative number to the compiler; every compiler for the
   cores in question shifts arithmetically, and this is the one place that counts on it. */
static inline int32_t mcuc_shift_right(int32_t x, int32_t n) { return x >> n; }
static inline int64_t mcuc_shift_right_64(int64_t x, int32_t n) { return x >> n; }

/* N2: acc * mul * 2^(shift - 31), half rounded up. mul is 0 or in [2^30, 2^31), shift in [-31, 7]. Where more than 32
   bits are shifted out, the rounding constant lies in the product's upper word, and the lower one cannot carry. */
static inline int32_t mcuc_requantize(int32_t acc, int32_t mul, int32_t shift) {
  const int64_t product = (int64_t)acc * mul;
  if (shift < -1) {
    const int32_t high = (int32_t)mcuc_shift_right_64(product, 32);
    return mcuc_shift_right(high + ((int32_t)1 << (-2 - shift)), -1 - shift);
  }
  return (int32_t)mcuc_shift_right_64(product + ((int64_t)1 << (30 - shift)), 31 - shift);
}

/* N3: the clamp. */
static inline int32_t mcuc_clamp(int32_t q, int32_t lo, int32_t hi) { return q < lo ? lo : q > hi ? hi : q; }
static inline int8_t mcuc_clamp_i8(int32_t q, int32_t lo, int32_t hi) { return (int8_t)mcuc_clamp(q, lo, hi); }

#endif
