/* SPDX-License-Identifier: 0BSD */
/* Three taps in a row of a depthwise filter with four outputs, on cores with the DSP extension: in assembly, since gcc
   loads everything before it multiplies, and spills. For depthwise_four_i8.h. */
#ifndef MCUC_DEPTHWISE_PART_I8_H
#define MCUC_DEPTHWISE_PART_I8_H

#include <stdint.h>

#include "inline.h"

/* Defined where words of bytes may be loaded from any address. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && !defined(__ARM_BIG_ENDIAN) && \
    !defined(__ARM_FEATURE_MVE)
#define MCUC_DEPTHWISE_PARTS
#endif

#if defined(MCUC_DEPTHWISE_PARTS)

/* The weights at *words, which is moved on: the outer two as halfwords, and the middle one. For each of two outputs
   side by side, halfwords with the inputs of the outer taps come from one load, or from the load of the other, rotated.
 */
#define MCUC_DEPTHWISE_RESULTS                                                                                    \
  [words] "+r"(*words), [a0] "+r"(a[0]), [a1] "+r"(a[1]), [a2] "+r"(a[2]), [a3] "+r"(a[3]), [outer] "=&r"(outer), \
      [middle] "=&r"(middle), [even] "=&r"(even), [odd] "=&r"(odd)

/* a[i] += the products with p[i], p[i + 1], p[i + 2]. */
MCUC_INLINE void mcuc_depthwise_part_1(const int8_t *p, const uint32_t **words, int32_t *a) {
  uint32_t outer, middle, even, odd;
  __asm__(
      "ldrd %[outer], %[middle], [%[words]], #8\n\t"
      "ldr %[odd], [%[p]]\n\t"
      "sxtb16 %[even], %[odd]\n\t" /* 0 and 2 */
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlad %[a0], %[even], %[outer], %[a0]\n\t"
      "smlabb %[a0], %[odd], %[middle], %[a0]\n\t"
      "smlad %[a1], %[odd], %[outer], %[a1]\n\t"
      "ldr %[odd], [%[p], #2]\n\t"
      "sxtb16 %[even], %[odd]\n\t" /* 2 and 4 */
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlabb %[a1], %[even], %[middle], %[a1]\n\t"
      "smlad %[a2], %[even], %[outer], %[a2]\n\t"
      "smlabb %[a2], %[odd], %[middle], %[a2]\n\t"
      "smlad %[a3], %[odd], %[outer], %[a3]\n\t"
      "smlatb %[a3], %[even], %[middle], %[a3]"
      : MCUC_DEPTHWISE_RESULTS
      : [p] "r"(p)
      : "memory");
}

/* a[i] += the products with p[2 i], p[2 i + 1], p[2 i + 2]. */
MCUC_INLINE void mcuc_depthwise_part_2(const int8_t *p, const uint32_t **words, int32_t *a) {
  uint32_t outer, middle, even, odd;
  __asm__(
      "ldrd %[outer], %[middle], [%[words]], #8\n\t"
      "ldr %[odd], [%[p]]\n\t"
      "sxtb16 %[even], %[odd]\n\t" /* 0 and 2 */
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlad %[a0], %[even], %[outer], %[a0]\n\t"
      "ldr %[even], [%[p], #1]\n\t"
      "smlabb %[a0], %[odd], %[middle], %[a0]\n\t"
      "sxtb16 %[even], %[even], ror #8\n\t" /* 2 and 4 */
      "smlatb %[a1], %[odd], %[middle], %[a1]\n\t"
      "smlad %[a1], %[even], %[outer], %[a1]\n\t"
      "ldr %[odd], [%[p], #4]\n\t"
      "sxtb16 %[even], %[odd]\n\t"
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlad %[a2], %[even], %[outer], %[a2]\n\t"
      "ldr %[even], [%[p], #5]\n\t"
      "smlabb %[a2], %[odd], %[middle], %[a2]\n\t"
      "sxtb16 %[even], %[even], ror #8\n\t"
      "smlatb %[a3], %[odd], %[middle], %[a3]\n\t"
      "smlad %[a3], %[even], %[outer], %[a3]"
      : MCUC_DEPTHWISE_RESULTS
      : [p] "r"(p)
      : "memory");
}

#undef MCUC_DEPTHWISE_RESULTS

/* acc + the products with p[0], p[1], p[2]; p[-1] is read too. */
MCUC_INLINE int32_t mcuc_depthwise_part_of_one(const int8_t *p, const uint32_t *words, int32_t acc) {
  uint32_t even, odd;
  __asm__(
      "ldr %[odd], [%[p], #-1]\n\t"
      "sxtb16 %[even], %[odd]\n\t" /* -1 and 1 */
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlad %[acc], %[odd], %[outer], %[acc]\n\t"
      "smlatb %[acc], %[even], %[middle], %[acc]"
      : [acc] "+r"(acc), [even] "=&r"(even), [odd] "=&r"(odd)
      : [p] "r"(p), [outer] "r"(words[0]), [middle] "r"(words[1])
      : "memory");
  return acc;
}

#endif

#endif
