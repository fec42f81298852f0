/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_REQUANTIZE_16_H
#define MCUC_REQUANTIZE_16_H

#include <stdint.h>

#include "shift_right.h"

/* N2 for acc in [-2^15, 2^15) and shift in [-16, 7], in products of 32 bits: floor(acc * mul / 2^16) is taken from the
   upper and the lower half of mul, then rounded and shifted. */
static inline int32_t mcuc_requantize_16(int32_t acc, int32_t mul, int32_t shift) {
  const int32_t product = acc * (mul >> 16) + mcuc_shift_right(acc * (mul & 0xffff), 16);
  return mcuc_shift_right(product + ((int32_t)1 << (14 - shift)), 15 - shift);
}

#endif
