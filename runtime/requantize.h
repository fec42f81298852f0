/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_REQUANTIZE_H
#define MCUC_REQUANTIZE_H

#include <stdint.h>

#include "shift_right.h"

/* N2: acc * mul * 2^(shift - 31), half rounded up. mul is 0 or in [2^30, 2^31), shift in [-31, 7]. Where more than 32
   bits are shifted out, the rounding constant lies in the product's upper word, and the lower one cannot carry. */
static inline int32_t mcuc_requantize(int32_t acc, int32_t mul, int32_t shift) {
  const int64_t product = (int64_t)acc * mul;
  if (shift < -1) {
    const int32_t high = (int32_t)(product >> 32); /* arithmetic: see mcuc_shift_right */
    return mcuc_shift_right(high + ((int32_t)1 << (-2 - shift)), -1 - shift);
  }
  return (int32_t)((product + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

#endif
