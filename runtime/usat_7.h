/* SPDX-License-Identifier: 0BSD */
/* The clamp to [0, 127] as one instruction of cores with the DSP extension. */
#ifndef MCUC_USAT_7_H
#define MCUC_USAT_7_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP)
static inline int32_t mcuc_usat_7(int32_t q) {
  __asm__("usat %0, #7, %0" : "+r"(q));
  return q;
}
#endif

#endif
