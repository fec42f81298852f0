/* SPDX-License-Identifier: 0BSD */
/* The clamp to int8's bounds as one instruction of cores with the DSP extension. */
#ifndef MCUC_SSAT_I8_H
#define MCUC_SSAT_I8_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP)
static inline int32_t mcuc_ssat_i8(int32_t q) {
  __asm__("ssat %0, #8, %0" : "+r"(q));
  return q;
}
#endif

#endif
