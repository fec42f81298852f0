/* SPDX-License-Identifier: 0BSD */
/* The upper word of a product, added to: one instruction of cores with the DSP extension. */
#ifndef MCUC_SMMLA_H
#define MCUC_SMMLA_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP)
/* acc + floor(x * y / 2^32). */
static inline int32_t mcuc_smmla(int32_t x, int32_t y, int32_t acc) {
  int32_t sum;
  __asm__("smmla %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
  return sum;
}
#endif

#endif
