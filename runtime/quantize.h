/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_QUANTIZE_H
#define MCUC_QUANTIZE_H

#include <stdint.h>

/* N17: x / scale to the nearest integer, half up, within
   [lo, hi]; a NaN becomes lo. |lo - zero| and |hi - zero| are below 2^24. */
static inline int32_t mcuc_quantize(float x, float scale, int32_t zero, int32_t lo, int32_t hi) {
  const float t = x / scale;
  if (!(t > (float)(lo - zero))) return lo;
  if (!(t < (float)(hi - zero))) return hi;
  const int32_t r = (int32_t)t;
  const float d = t - (float)r;
  return zero + (d >= 0.5f ? r + 1 : d < -0.5f ? r - 1 : r);
}

#endif
