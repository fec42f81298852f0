/* SPDX-License-Identifier: 0BSD */
/* Products of four bytes with four bytes on cores with the DSP extension. For fc_i8.h. */
#ifndef MCUC_DOT_FOUR_I8_H
#define MCUC_DOT_FOUR_I8_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

/* Bytes 0 and 2 of four as halfwords. */
static inline uint32_t mcuc_even_bytes(uint32_t four) {
  __asm__("sxtb16 %0, %0" : "+r"(four));
  return four;
}

/* Bytes 1 and 3. In assembly, since gcc does not fold the rotation. */
static inline uint32_t mcuc_odd_bytes(uint32_t four) {
  uint32_t odd;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(four));
  return odd;
}

/* acc + the products of four weights with four inputs, given as mcuc_even_bytes and mcuc_odd_bytes have them. */
static inline int32_t mcuc_dot_four(uint32_t even, uint32_t odd, uint32_t four, int32_t acc) {
  uint32_t part;
  __asm__(
      "sxtb16 %[part], %[four]\n\t"
      "sxtb16 %[four], %[four], ror #8\n\t"
      "smlad %[acc], %[part], %[even], %[acc]\n\t"
      "smlad %[acc], %[four], %[odd], %[acc]"
      : [acc] "+r"(acc), [four] "+r"(four), [part] "=&r"(part)
      : [even] "r"(even), [odd] "r"(odd));
  return acc;
}

#endif

#endif
