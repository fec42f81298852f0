/* SPDX-License-Identifier: 0BSD */
/* Tiles of a convolution of stride 1 along a row whose sums fit 16 bits: two neighbouring sums share a word of 32 bits,
   and one product adds to both. For conv_csc_pairs_u8_i8.h and conv_csc_pairs_max_u8_i8.h. */
#ifndef MCUC_CONV_PAIRS_H
#define MCUC_CONV_PAIRS_H

#include <stdint.h>
#include <string.h>

#include "clamp_i32.h"
#include "conv.h"
#include "conv_list.h"
#include "requantize_16.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

/* What goes to one output channel. */
struct mcuc_pairs_quant {
  int32_t start; /* the bias, and what makes up for the 128 by which signed inputs are raised */
  int32_t mul, shift, y_zero, lo, hi;
};

MCUC_INLINE int8_t mcuc_pairs_result(const struct mcuc_pairs_quant *q, int32_t acc) {
  return (int8_t)mcuc_clamp_i32(q->y_zero + mcuc_requantize_16(acc, q->mul, q->shift), q->lo, q->hi);
}

#if (defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)) && \
    defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(MCUC_ALIGNED)
/* Four rows of four sums. Sums are kept 2^15 higher than they are, so that no lane is negative in the end; what is
   carried between lanes before cancels out. */
enum { MCUC_PAIRS_ROWS = 4, MCUC_PAIRS_COLUMNS = 4, MCUC_PAIRS_RAISE = 128 };

/* The larger of two words, lane by lane. */
MCUC_INLINE uint32_t mcuc_pairs_max(uint32_t a, uint32_t b) {
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
  uint32_t most;
  __asm__("usub16 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(most) : "r"(a), "r"(b) : "cc");
  return most;
#else
  const uint32_t low_a = a & 0xffff, low_b = b & 0xffff;
  return ((a > b ? a : b) & 0xffff0000) | (low_a > low_b ? low_a : low_b);
#endif
}

/* The sums of the tile at x: even[r] has columns 0 and 2 of row r, odd[r] columns 1 and 3. */
MCUC_INLINE void mcuc_pairs_sums(const uint32_t *list, const int8_t *x, int32_t dy, int32_t raise, uint32_t start,
                                 uint32_t *even, uint32_t *odd) {
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && defined(__OPTIMIZE__) && !defined(MCUC_NO_ASM)
  /* Compilers keep too few of the fourteen registers free. */
#define MCUC_PAIRS_ROW(address, raised, even, odd) \
  "ldr %[u], [" address "]\n\t" raised             \
  "uxtb16 %[t], %[u]\n\t"                          \
  "mla %[" even "], %[t], %[w], %[" even           \
  "]\n\t"                                          \
  "uxtb16 %[u], %[u], ror #8\n\t"                  \
  "mla %[" odd "], %[u], %[w], %[" odd "]\n\t"
#define MCUC_PAIRS_ASM(raised) \
  __asm__("b 2f\n"                                                                                                 \
          "1:\n\t" MCUC_PAIRS_ROW("%[x]", raised, "e0", "o0") MCUC_PAIRS_ROW("%[x], %[dy]", raised, "e1", "o1")    \
              MCUC_PAIRS_ROW("%[x], %[dy], lsl #1", raised, "e2", "o2") "add %[x], %[x], %[dy]\n\t"                \
                  MCUC_PAIRS_ROW("%[x], %[dy], lsl #1", raised, "e3", "o3") "2:\n\t"                               \
          "ldr %[w], [%[q]], #4\n\t"                                                                               \
          "sxtah %[x], %[x], %[w]\n\t"                                                                             \
          "asrs %[w], %[w], #16\n\t"                                                                               \
          "bne 1b"                                                                                                 \
          : [e0] "+r"(e0), [e1] "+r"(e1), [e2] "+r"(e2), [e3] "+r"(e3), [o0] "+r"(o0), [o1] "+r"(o1),              \
            [o2] "+r"(o2), [o3] "+r"(o3), [q] "+r"(list), [x] "+r"(x), [w] "=&r"(w), [u] "=&r"(u), [t] "=&r"(t)    \
          : [dy] "r"(dy)                                                                                           \
          : "cc", "memory")
  uint32_t e0 = start, e1 = start, e2 = start, e3 = start, o0 = start, o1 = start, o2 = start, o3 = start, w, u, t;
  if (raise) {
    MCUC_PAIRS_ASM("eor %[u], %[u], #0x80808080\n\t");
  } else {
    MCUC_PAIRS_ASM("");
  }
  even[0] = e0, even[1] = e1, even[2] = e2, even[3] = e3;
  odd[0] = o0, odd[1] = o1, odd[2] = o2, odd[3] = o3;
#else
  const uint32_t sign = raise ? 0x80808080u : 0;
  for (int32_t r = 0; r < 4; ++r) even[r] = odd[r] = start;
  for (uint32_t word; (word = *list++) != 0;) {
    const uint32_t w = (uint32_t)mcuc_word_weight(word);
    x += mcuc_word_step(word);
    for (int32_t r = 0; r < 4; ++r) {
      uint32_t four;
      memcpy(&four, x + r * dy, 4);
      four ^= sign;
      even[r] += (four & 0xff00ff) * w;
      odd[r] += (four >> 8 & 0xff00ff) * w;
    }
    x += dy;
  }
#endif
}

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_pairs_tile(const struct mcuc_conv_list *s, const struct mcuc_pairs_quant *q, const uint32_t *list,
                                 const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  uint32_t even[4], odd[4];
  mcuc_pairs_sums(list, x, s->dy, raise, ((uint32_t)q->start + 32768) * 65537, even, odd);
  if (pool == MCUC_POOL_MAX) {
    for (int32_t r = 0; r < 2; ++r, y += s->columns) {
      const uint32_t most =
          mcuc_pairs_max(mcuc_pairs_max(even[2 * r], odd[2 * r]), mcuc_pairs_max(even[2 * r + 1], odd[2 * r + 1])) ^
          0x80008000u;
      y[0] = mcuc_pairs_result(q, (int16_t)(most & 0xffff));
      y[1] = mcuc_pairs_result(q, (int32_t)most >> 16);
    }
  } else {
    for (int32_t r = 0; r < 4; ++r, y += s->columns) {
      const uint32_t e = even[r] ^ 0x80008000u, o = odd[r] ^ 0x80008000u;
      y[0] = mcuc_pairs_result(q, (int16_t)(e & 0xffff));
      y[1] = mcuc_pairs_result(q, (int16_t)(o & 0xffff));
      y[2] = mcuc_pairs_result(q, (int32_t)e >> 16);
      y[3] = mcuc_pairs_result(q, (int32_t)o >> 16);
    }
  }
}
#else
/* Where words lie at their own addresses only, a load a pixel costs less than what makes words of bytes. */
enum { MCUC_PAIRS_ROWS = 2, MCUC_PAIRS_COLUMNS = 2, MCUC_PAIRS_RAISE = 0 };

MCUC_INLINE void mcuc_pairs_tile(const struct mcuc_conv_list *s, const struct mcuc_pairs_quant *q, const uint32_t *list,
                                 const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  const int32_t dy = s->dy;
  int32_t a0 = q->start, a1 = a0, a2 = a0, a3 = a0;
  for (uint32_t word; (word = *list++) != 0;) {
    const int32_t w = mcuc_word_weight(word);
    x += mcuc_word_step(word);
    a0 += w * x[0];
    a1 += w * x[1];
    x += dy;
    a2 += w * x[0];
    a3 += w * x[1];
  }
  (void)raise;
  if (pool == MCUC_POOL_MAX) {
    if (a1 > a0) a0 = a1;
    if (a2 > a0) a0 = a2;
    if (a3 > a0) a0 = a3;
    y[0] = mcuc_pairs_result(q, a0);
  } else {
    y[0] = mcuc_pairs_result(q, a0);
    y[1] = mcuc_pairs_result(q, a1);
    y[s->columns] = mcuc_pairs_result(q, a2);
    y[s->columns + 1] = mcuc_pairs_result(q, a3);
  }
}
#endif

#endif
