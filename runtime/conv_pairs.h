/* SPDX-License-Identifier: 0BSD */
/* Tiles of a convolution of stride 1 along a row whose sums fit 16 bits: two neighbouring sums share a word of 32 bits,
   and one product adds to both. For conv_csc_pairs_u8_i8.h and conv_csc_pairs_max_u8_i8.h. */
#ifndef MCUC_CONV_PAIRS_H
#define MCUC_CONV_PAIRS_H

#include <stdint.h>
#include <string.h>

#include "conv.h"
#include "conv_pairs_flat.h"
#include "conv_words.h"
#include "conv_words_results.h"

#define MCUC_PAIRS_FUNCTION MCUC_INLINE

#if defined(__ARM_ARCH_6M__) && MCUC_ASSEMBLY && !defined(__OPTIMIZE_SIZE__)
/* The words of a list here: the step is in the upper half, so that one instruction tells it from the end, and never 0;
   of the weight only the lower half counts, since sums are of 16 bits. */
#define MCUC_PAIRS_ARMV6M
enum { MCUC_PAIRS_FIRST = -1, MCUC_PAIRS_BACK = 0 };
MCUC_INLINE uint32_t mcuc_pairs_word(int32_t weight, int32_t step) { return mcuc_word(step, weight); }
#else
/* The words of a list: a tile leaves off one row below the last weight's first input; with SSE2, as where x is flat, at
   that input. */
#if defined(MCUC_PAIRS_SSE2)
enum { MCUC_PAIRS_FIRST = 0, MCUC_PAIRS_BACK = 0 };
#else
enum { MCUC_PAIRS_FIRST = 0, MCUC_PAIRS_BACK = 1 };
#endif
MCUC_INLINE uint32_t mcuc_pairs_word(int32_t weight, int32_t step) { return mcuc_word(weight, step); }
#endif

#if defined(MCUC_PAIRS_SSE2)
/* Four rows of four sums, each in a lane of its own; with MCUC_FAST where x is too large to be flat. */
enum { MCUC_PAIRS_ROWS = 4, MCUC_PAIRS_COLUMNS = 4, MCUC_PAIRS_RAISE = 0 };

/* Four bytes at x and four in the row below, as lanes of 16 bits. */
MCUC_INLINE __m128i mcuc_pairs_rows(const int8_t *x, int32_t dy) {
  int32_t upper, lower;
  memcpy(&upper, x, 4);
  memcpy(&lower, x + dy, 4);
  const __m128i both = _mm_unpacklo_epi32(_mm_cvtsi32_si128(upper), _mm_cvtsi32_si128(lower));
  return _mm_srai_epi16(_mm_unpacklo_epi8(both, both), 8);
}

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_pairs_tile(const struct mcuc_conv_words *s, int32_t dx, const struct mcuc_words_quant *q,
                                 const uint32_t *list, const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  const int32_t dy = s->dy;
  (void)raise, (void)dx;
  __m128i upper = _mm_set1_epi16((int16_t)q->start), lower = upper;
  int16_t sums[16];
  for (uint32_t word; (word = *list++) != 0;) {
    const __m128i w = _mm_set1_epi16((int16_t)mcuc_word_weight(word));
    x += mcuc_word_step(word);
    upper = _mm_add_epi16(upper, _mm_mullo_epi16(mcuc_pairs_rows(x, dy), w));
    lower = _mm_add_epi16(lower, _mm_mullo_epi16(mcuc_pairs_rows(x + 2 * dy, dy), w));
  }
  if (pool == MCUC_POOL_MAX) {
    const __m128i rows = _mm_max_epi16(_mm_unpacklo_epi64(upper, lower), _mm_unpackhi_epi64(upper, lower));
    mcuc_pairs_flat_store(sums, _mm_max_epi16(rows, _mm_srli_epi32(rows, 16)));
    for (int32_t i = 0; i < 4; ++i) y[(i >> 1) * s->columns + (i & 1)] = mcuc_words_result(q, 1, sums[2 * i]);
  } else {
    mcuc_pairs_flat_store(sums, upper);
    mcuc_pairs_flat_store(sums + 8, lower);
    for (int32_t i = 0; i < 16; ++i) y[(i >> 2) * s->columns + (i & 3)] = mcuc_words_result(q, 1, sums[i]);
  }
}
#elif (defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)) && \
    defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(MCUC_ALIGNED) &&           \
    !defined(__OPTIMIZE_SIZE__)
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
#if defined(__ARM_FEATURE_DSP) && MCUC_ASSEMBLY
  /* Compilers keep too few of the fourteen registers free. */
#define MCUC_PAIRS_ROW(address, raised, even, odd) \
  "ldr %[u], [" address "]\n\t" raised             \
  "uxtb16 %[t], %[u]\n\t"                          \
  "mla %[" even "], %[t], %[w], %[" even           \
  "]\n\t"                                          \
  "uxtb16 %[u], %[u], ror #8\n\t"                  \
  "mla %[" odd "], %[u], %[w], %[" odd "]\n\t"
#define MCUC_PAIRS_ASM(raised) \
  __asm__(                                                                     \
      "b 2f\n"                                                                 \
      "1:\n\t" MCUC_PAIRS_ROW("%[x]", raised, "e0", "o0")                      \
          MCUC_PAIRS_ROW("%[x], %[dy]", raised, "e1", "o1") MCUC_PAIRS_ROW(    \
              "%[x], %[dy], lsl #1", raised, "e2",                             \
              "o2") "add %[x], %[x], %[dy]\n\t" MCUC_PAIRS_ROW("%[x], %[dy], " \
                                                               "lsl #1",       \
                                                               raised, "e3",   \
                                                               "o3") "2:\n\t"  \
                                                                     "ldr "    \
                                                                     "%[w], "  \
                                                                     "[%[q]]," \
                                                                     " #4\n\t" \
                                                                     "sxtah "  \
                                                                     "%[x], "  \
                                                                     "%[x], "  \
                                                                     "%[w]"    \
                                                                     "\n\t"    \
                                                                     "asrs "   \
                                                                     "%[w], "  \
                                                                     "%[w], "  \
                                                                     "#16\n\t" \
                                                                     "bne 1b"  \
      : [e0] "+r"(e0), [e1] "+r"(e1), [e2] "+r"(e2), [e3] "+r"(e3),            \
        [o0] "+r"(o0), [o1] "+r"(o1), [o2] "+r"(o2), [o3] "+r"(o3),            \
        [q] "+r"(list), [x] "+r"(x), [w] "=&r"(w), [u] "=&r"(u), [t] "=&r"(t)  \
      : [dy] "r"(dy)                                                           \
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

#if defined(__ARM_FEATURE_MVE) && !defined(MCUC_PORTABLE)
#include <arm_mve.h>
#define MCUC_PAIRS_WIDE 8 /* columns of a tile of vectors */

MCUC_INLINE int32x4_t mcuc_pairs_results(const struct mcuc_words_quant *q, int32x4_t acc) {
  const int32x4_t low = vshrq_n_s32(vmulq_n_s32(acc, q->mul & 0xffff), 16);
  const int32x4_t product = vaddq_n_s32(vmlaq_n_s32(low, acc, q->mul >> 16), (int32_t)1 << (14 - q->shift));
  const int32x4_t result = vaddq_n_s32(vshlq_s32(product, vdupq_n_s32(q->shift - 15)), q->y_zero);
  return vminq_s32(vmaxq_s32(result, vdupq_n_s32(q->lo)), vdupq_n_s32(q->hi));
}

/* Four rows of eight sums, each in a lane of its own. */
MCUC_INLINE void mcuc_pairs_wide_tile(const struct mcuc_conv_words *s, const struct mcuc_words_quant *q,
                                      const uint32_t *list, const int8_t *x, int32_t pool, int8_t *y) {
  const int32_t dy = s->dy;
  int16x8_t a = vdupq_n_s16((int16_t)q->start), b = a, c = a, d = a;
  for (uint32_t word; (word = *list++) != 0;) {
    const int16_t w = (int16_t)mcuc_word_weight(word);
    x += mcuc_word_step(word);
    a = vmlaq_n_s16(a, vldrbq_s16(x), w);
    b = vmlaq_n_s16(b, vldrbq_s16(x + dy), w);
    c = vmlaq_n_s16(c, vldrbq_s16(x + 2 * dy), w);
    d = vmlaq_n_s16(d, vldrbq_s16(x + 3 * dy), w);
    x += dy;
  }
  if (pool == MCUC_POOL_MAX) {
    a = vmaxq_s16(a, b);
    c = vmaxq_s16(c, d);
    a = vmaxq_s16(a, vrev32q_s16(a));
    c = vmaxq_s16(c, vrev32q_s16(c));
    vstrbq_s32(y, mcuc_pairs_results(q, vmovlbq_s16(a)));
    vstrbq_s32(y + s->columns, mcuc_pairs_results(q, vmovlbq_s16(c)));
  } else {
    const uint32x4_t even = vidupq_n_u32(0, 2), odd = vaddq_n_u32(even, 1);
    const int16x8_t rows[4] = {a, b, c, d};
    for (int32_t r = 0; r < 4; ++r, y += s->columns) {
      vstrbq_scatter_offset_s32(y, even, mcuc_pairs_results(q, vmovlbq_s16(rows[r])));
      vstrbq_scatter_offset_s32(y, odd, mcuc_pairs_results(q, vmovltq_s16(rows[r])));
    }
  }
}
#endif

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_pairs_tile(const struct mcuc_conv_words *s, int32_t dx, const struct mcuc_words_quant *q,
                                 const uint32_t *list, const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  uint32_t even[4], odd[4];
  int32_t sums[8];
  (void)dx;
  mcuc_pairs_sums(list, x, s->dy, raise, ((uint32_t)q->start + 32768) * 65537, even, odd);
  if (pool == MCUC_POOL_MAX) {
    for (int32_t r = 0; r < 2; ++r) {
      const uint32_t most =
          mcuc_pairs_max(mcuc_pairs_max(even[2 * r], odd[2 * r]), mcuc_pairs_max(even[2 * r + 1], odd[2 * r + 1])) ^
          0x80008000u;
      sums[2 * r] = (int16_t)(most & 0xffff);
      sums[2 * r + 1] = (int32_t)most >> 16;
    }
    mcuc_words_results(q, 1, 0, sums, 2, 2, s->columns, y);
  } else {
    for (int32_t r = 0; r < 4; r += 2, y += 2 * s->columns) {
      for (int32_t i = 0; i < 2; ++i) {
        const uint32_t e = even[r + i] ^ 0x80008000u, o = odd[r + i] ^ 0x80008000u;
        sums[4 * i] = (int16_t)(e & 0xffff);
        sums[4 * i + 1] = (int16_t)(o & 0xffff);
        sums[4 * i + 2] = (int32_t)e >> 16;
        sums[4 * i + 3] = (int32_t)o >> 16;
      }
      mcuc_words_results(q, 1, 1, sums, 2, 4, s->columns, y);
    }
  }
}
#else
/* Where words lie at their own addresses only, a load a pixel costs less than what makes words of bytes. It is also the
   least code. */
#if defined(__ARM_ARCH_6M__) || (defined(__arm__) && defined(__OPTIMIZE_SIZE__))
enum { MCUC_PAIRS_ROWS = 2, MCUC_PAIRS_COLUMNS = 2, MCUC_PAIRS_RAISE = 0 };
#else
enum { MCUC_PAIRS_ROWS = 2, MCUC_PAIRS_COLUMNS = 4, MCUC_PAIRS_RAISE = 0 };
#endif

/* Keeps compilers from loading all of a tile before its first product, for which they lack the registers. */
#if defined(__GNUC__)
#define MCUC_PAIRS_ORDER __asm__ volatile("" : : : "memory")
#else
#define MCUC_PAIRS_ORDER (void)0
#endif

/* The sums of the tile at x, row by row. */
MCUC_INLINE void mcuc_pairs_sums(const uint32_t *list, const int8_t *x, int32_t dy, int32_t raise, int32_t start,
                                 int32_t *sums) {
#if defined(MCUC_PAIRS_ARMV6M)
  /* Compilers keep the sums in the eight lower registers, where there is no room for them. */
#define MCUC_PAIRS_SUM(offset, sum) \
  "ldrsb %[u], [%[x], %[" offset    \
  "]]\n\t"                          \
  "muls %[u], %[w]\n\t"             \
  "add %[" sum "], %[u]\n\t"
  int32_t a0 = start, a1 = a0, a2 = a0, a3 = a0, w, u;
  __asm__(".syntax unified\n\t"
          "subs %[x], #1\n\t"
          "b 2f\n"
          "1:\n\t" MCUC_PAIRS_SUM("zero", "a0") MCUC_PAIRS_SUM("one", "a1") MCUC_PAIRS_SUM("below", "a2")
              MCUC_PAIRS_SUM("next", "a3") "2:\n\t"
          "ldmia %[q]!, {%[w]}\n\t"
          "asrs %[u], %[w], #16\n\t"
          "add %[x], %[u]\n\t"
          "bne 1b"
          : [a0] "+h"(a0), [a1] "+h"(a1), [a2] "+h"(a2), [a3] "+h"(a3), [q] "+l"(list), [x] "+l"(x), [w] "=&l"(w),
            [u] "=&l"(u)
          : [zero] "l"(0), [one] "l"(1), [below] "l"(dy), [next] "l"(dy + 1)
          : "cc", "memory");
  (void)raise;
  sums[0] = (int16_t)(a0 & 0xffff), sums[1] = (int16_t)(a1 & 0xffff);
  sums[2] = (int16_t)(a2 & 0xffff), sums[3] = (int16_t)(a3 & 0xffff);
#elif defined(__riscv) && __riscv_xlen == 32 && MCUC_ASSEMBLY
#define MCUC_PAIRS_SUM(offset, sum) \
  "lb %[u], " offset                \
  "(%[x])\n\t"                      \
  "mul %[u], %[u], %[w]\n\t"        \
  "add %[" sum "], %[" sum "], %[u]\n\t"
  int32_t a0 = start, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, w, u;
  (void)raise;
  __asm__(
      "j 2f\n"
      "1:\n\t" MCUC_PAIRS_SUM("0", "a0") MCUC_PAIRS_SUM("1", "a1")
          MCUC_PAIRS_SUM("2", "a2") MCUC_PAIRS_SUM(
              "3", "a3") "add %[x], %[x], %[dy]\n\t" MCUC_PAIRS_SUM("0", "b0")
              MCUC_PAIRS_SUM("1", "b1") MCUC_PAIRS_SUM("2", "b2")
                  MCUC_PAIRS_SUM("3", "b3") "2:\n\t"
                                            "lw %[w], 0(%[q])\n\t"
                                            "addi %[q], %[q], 4\n\t"
                                            "slli %[u], %[w], 16\n\t"
                                            "srai %[u], %[u], 16\n\t"
                                            "add %[x], %[x], %[u]\n\t"
                                            "srai %[w], %[w], 16\n\t"
                                            "bnez %[w], 1b"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3),
        [b0] "+r"(b0), [b1] "+r"(b1), [b2] "+r"(b2), [b3] "+r"(b3),
        [q] "+r"(list), [x] "+r"(x), [w] "=&r"(w), [u] "=&r"(u)
      : [dy] "r"(dy)
      : "memory");
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3, sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
#else
  int32_t a0 = start, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  (void)raise;
  for (uint32_t word; (word = *list++) != 0;) {
    const int32_t w = mcuc_word_weight(word);
    x += mcuc_word_step(word);
    a0 += w * x[0];
    a1 += w * x[1];
    if (MCUC_PAIRS_COLUMNS > 2) {
      a2 += w * x[2];
      a3 += w * x[3];
    }
    MCUC_PAIRS_ORDER;
    x += dy;
    b0 += w * x[0];
    b1 += w * x[1];
    if (MCUC_PAIRS_COLUMNS > 2) {
      b2 += w * x[2];
      b3 += w * x[3];
    }
  }
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[MCUC_PAIRS_COLUMNS] = b0, sums[MCUC_PAIRS_COLUMNS + 1] = b1;
  if (MCUC_PAIRS_COLUMNS > 2) sums[6] = b2, sums[7] = b3;
#endif
}

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_pairs_tile(const struct mcuc_conv_words *s, int32_t dx, const struct mcuc_words_quant *q,
                                 const uint32_t *list, const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  int32_t sums[8];
  (void)dx;
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1;
  mcuc_pairs_sums(list, x, s->dy, raise, q->start, sums);
  for (int32_t r = 0; r < MCUC_PAIRS_ROWS; r += window, y += s->columns) {
    for (int32_t c = 0; c < MCUC_PAIRS_COLUMNS; c += window) {
      const int32_t *const sum = sums + r * MCUC_PAIRS_COLUMNS + c;
      int32_t most = sum[0];
      if (pool == MCUC_POOL_MAX) {
        if (sum[1] > most) most = sum[1];
        if (sum[MCUC_PAIRS_COLUMNS] > most) most = sum[MCUC_PAIRS_COLUMNS];
        if (sum[MCUC_PAIRS_COLUMNS + 1] > most) most = sum[MCUC_PAIRS_COLUMNS + 1];
      }
      y[c / window] = mcuc_words_result(q, 1, most);
    }
  }
}
#endif

#endif
