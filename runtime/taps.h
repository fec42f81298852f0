/* SPDX-License-Identifier: 0BSD */
/* The taps of a window that lie within an input of `size`, where tap k reads position start + k * dilation. */
#ifndef MCUC_TAPS_H
#define MCUC_TAPS_H

#include <stdint.h>

/* The first tap at a position >= 0. */
static inline int32_t mcuc_first_tap(int32_t start, int32_t dilation) {
  return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}

/* One behind the last tap at a position < size; not above `taps`. */
static inline int32_t mcuc_end_tap(int32_t start, int32_t dilation, int32_t taps, int32_t size) {
  const int32_t end = start >= size ? 0 : (size - start + dilation - 1) / dilation;
  return end < taps ? end : taps;
}

#endif
