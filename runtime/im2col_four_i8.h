/* SPDX-License-Identifier: 0BSD */
/* Four taps of one filter with those of four pixels on cores with the DSP extension: in assembly, since gcc neither
   folds the rotation into SXTB16 nor loads four words by one instruction. For im2col_i8.h. */
#ifndef MCUC_IM2COL_FOUR_I8_H
#define MCUC_IM2COL_FOUR_I8_H

#include <stdint.h>

#include "inline.h"

/* Defined where im2col_i8.h is there: the DSP path loads words of bytes from any address. */
#if defined(__ARM_FEATURE_MVE) || \
    (defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && !defined(__ARM_BIG_ENDIAN))
#define MCUC_IM2COL
#endif

#if defined(MCUC_IM2COL) && !defined(__ARM_FEATURE_MVE)

#define MCUC_IM2COL_FOUR                 \
  "sxtb16 %[even], %[odd]\n\t"           \
  "sxtb16 %[odd], %[odd], ror #8\n\t"    \
  "ldmia %[x]!, {r8, r9, r10, r11}\n\t"  \
  "smlad %[a0], r8, %[even], %[a0]\n\t"  \
  "smlad %[a1], r10, %[even], %[a1]\n\t" \
  "smlad %[a0], r9, %[odd], %[a0]\n\t"   \
  "smlad %[a1], r11, %[odd], %[a1]\n\t"  \
  "ldmia %[x]!, {r8, r9, r10, r11}\n\t"  \
  "smlad %[a2], r8, %[even], %[a2]\n\t"  \
  "smlad %[a3], r10, %[even], %[a3]\n\t" \
  "smlad %[a2], r9, %[odd], %[a2]\n\t"   \
  "smlad %[a3], r11, %[odd], %[a3]\n\t"
#define MCUC_IM2COL_SUMS [a0] "+r"(*a0), [a1] "+r"(*a1), [a2] "+r"(*a2), [a3] "+r"(*a3), [x] "+r"(*x)
#define MCUC_IM2COL_CLOBBERS "r8", "r9", "r10", "r11", "memory"

/* *a0 to *a3 += the products with the four weights in `four`, the first in its lowest byte. *x: the inputs, moved on.
 */
MCUC_INLINE void mcuc_im2col_four(const uint64_t **x, uint32_t four, int32_t *a0, int32_t *a1, int32_t *a2,
                                  int32_t *a3) {
  uint32_t even;
  __asm__(MCUC_IM2COL_FOUR : MCUC_IM2COL_SUMS, [even] "=&r"(even), [odd] "+r"(four) : : MCUC_IM2COL_CLOBBERS);
}

/* The same with the weights at *w, which is moved on. */
MCUC_INLINE void mcuc_im2col_next_four(const uint64_t **x, const int8_t **w, int32_t *a0, int32_t *a1, int32_t *a2,
                                       int32_t *a3) {
  uint32_t even, odd;
  __asm__("ldr %[odd], [%[w]], #4\n\t" MCUC_IM2COL_FOUR
          : MCUC_IM2COL_SUMS, [w] "+r"(*w), [even] "=&r"(even), [odd] "=&r"(odd)
          :
          : MCUC_IM2COL_CLOBBERS);
}

/* Four taps at `plane` bytes from each other, of four pixels side by side, to where the products read them; both
   pointers are moved on. */
MCUC_INLINE void mcuc_im2col_copy_four(const int8_t **from, int32_t plane, int16_t **to) {
  uint32_t t0, t1, t2, t3, s0, s1, s2, s3, word;
  __asm__(
      "ldr %[t0], [%[x]]\n\t"
      "ldr %[t1], [%[x], %[plane]]\n\t"
      "add %[x], %[x], %[plane], lsl #1\n\t"
      "ldr %[t2], [%[x]]\n\t"
      "ldr %[t3], [%[x], %[plane]]\n\t"
      "add %[x], %[x], %[plane], lsl #1\n\t"
      "sxtb16 %[s0], %[t0], ror #8\n\t"
      "sxtb16 %[t0], %[t0]\n\t"
      "sxtb16 %[s1], %[t1], ror #8\n\t"
      "sxtb16 %[t1], %[t1]\n\t"
      "sxtb16 %[s2], %[t2], ror #8\n\t"
      "sxtb16 %[t2], %[t2]\n\t"
      "sxtb16 %[s3], %[t3], ror #8\n\t"
      "sxtb16 %[t3], %[t3]\n\t"
      "pkhbt %[word], %[t0], %[t2], lsl #16\n\t" /* pixel 0: taps 0 and 2 */
      "pkhtb %[t2], %[t2], %[t0], asr #16\n\t"   /* pixel 2 */
      "pkhbt %[t0], %[t1], %[t3], lsl #16\n\t"   /* pixel 0: taps 1 and 3 */
      "pkhtb %[t3], %[t3], %[t1], asr #16\n\t"
      "strd %[word], %[t0], [%[to]], #8\n\t"
      "pkhbt %[word], %[s0], %[s2], lsl #16\n\t" /* pixel 1 */
      "pkhtb %[s2], %[s2], %[s0], asr #16\n\t"   /* pixel 3 */
      "pkhbt %[s0], %[s1], %[s3], lsl #16\n\t"
      "pkhtb %[s3], %[s3], %[s1], asr #16\n\t"
      "strd %[word], %[s0], [%[to]], #8\n\t"
      "strd %[t2], %[t3], [%[to]], #8\n\t"
      "strd %[s2], %[s3], [%[to]], #8"
      : [x] "+r"(*from), [to] "+r"(*to), [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [s0] "=&r"(s0),
        [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [word] "=&r"(word)
      : [plane] "r"(plane)
      : "memory");
}

#undef MCUC_IM2COL_FOUR
#undef MCUC_IM2COL_SUMS
#undef MCUC_IM2COL_CLOBBERS

#endif

#endif
