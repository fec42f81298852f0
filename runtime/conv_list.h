/* SPDX-License-Identifier: 0BSD */
/* Tiles of a convolution whose sums are of 32 bits. For conv_csc_list_u8_i8.h and conv_csc_list_max_u8_i8.h, which are
   made of conv_csc_pairs_u8_i8.h and conv_csc_pairs_max_u8_i8.h by exchanging the names. */
#ifndef MCUC_CONV_LIST_H
#define MCUC_CONV_LIST_H

#include <stdint.h>

#include "conv.h"
#include "conv_words.h"
#include "conv_words_results.h"
#include "noinline.h"

/* Decoding and tiles are functions of their own, so that neither loop's registers are kept from the other. */
#if defined(__OPTIMIZE_SIZE__)
#define MCUC_LIST_FUNCTION MCUC_INLINE
#else
#define MCUC_LIST_FUNCTION static MCUC_NOINLINE
#endif

enum { MCUC_LIST_FIRST = 0 };
MCUC_INLINE uint32_t mcuc_list_word(int32_t weight, int32_t step) { return mcuc_word(weight, step); }

#if defined(__ARM_FEATURE_MVE) && !defined(MCUC_PORTABLE) && !defined(__OPTIMIZE_SIZE__)
#include <arm_mve.h>
/* Four rows of four sums, each in a lane of its own. Where there are fewer, the lower two are the last ones, and some
   are computed twice. */
enum { MCUC_LIST_ROWS = 4, MCUC_LIST_COLUMNS = 4, MCUC_LIST_RAISE = 0, MCUC_LIST_BACK = 1 };

MCUC_INLINE int32x4_t mcuc_list_bytes(const int8_t *x, int32_t dx, uint32x4_t offsets) {
  return dx == 1 ? vldrbq_s32(x) : vldrbq_gather_offset_s32(x, offsets);
}

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_list_tile(const struct mcuc_conv_words *s, int32_t dx, const struct mcuc_words_quant *q,
                                const uint32_t *list, const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  const int32_t dy = s->dy, height = s->rows * (pool == MCUC_POOL_MAX ? 2 : 1);
  const int32_t missing = height < 4 ? 4 - height : 0, half = (2 - missing) * dy;
  const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)dx);
  int32x4_t a = vdupq_n_s32(q->start), b = a, c = a, d = a;
  for (uint32_t word; (word = *list++) != 0;) {
    const int32_t w = mcuc_word_weight(word);
    x += mcuc_word_step(word);
    a = vmlaq_n_s32(a, mcuc_list_bytes(x, dx, offsets), w);
    b = vmlaq_n_s32(b, mcuc_list_bytes(x + dy, dx, offsets), w);
    c = vmlaq_n_s32(c, mcuc_list_bytes(x + half, dx, offsets), w);
    d = vmlaq_n_s32(d, mcuc_list_bytes(x + dy + half, dx, offsets), w);
    x += dy;
  }
  (void)raise;
  if (pool == MCUC_POOL_MAX) {
    int32_t sums[4];
    a = vmaxq_s32(a, b);
    c = vmaxq_s32(c, d);
    a = vmaxq_s32(a, vrev64q_s32(a));
    c = vmaxq_s32(c, vrev64q_s32(c));
    sums[0] = vgetq_lane_s32(a, 0), sums[1] = vgetq_lane_s32(a, 2);
    sums[2] = vgetq_lane_s32(c, 0), sums[3] = vgetq_lane_s32(c, 2);
    mcuc_words_results(q, 0, 1, sums, missing != 0 ? 1 : 2, 2, s->columns, y);
  } else {
    mcuc_words_four(q, a, y);
    mcuc_words_four(q, b, y + s->columns);
    mcuc_words_four(q, c, y + (2 - missing) * s->columns);
    mcuc_words_four(q, d, y + (3 - missing) * s->columns);
  }
}
#else
/* Two rows of sums, of as many columns as most compilers keep in registers. */
#if defined(__ARM_ARCH_6M__) || (defined(__arm__) && defined(__OPTIMIZE_SIZE__))
enum { MCUC_LIST_ROWS = 2, MCUC_LIST_COLUMNS = 2, MCUC_LIST_RAISE = 0, MCUC_LIST_BACK = 1 };
#elif defined(__ARM_FEATURE_DSP)
enum { MCUC_LIST_ROWS = 2, MCUC_LIST_COLUMNS = 4, MCUC_LIST_RAISE = 0, MCUC_LIST_BACK = 0 };
#else
enum { MCUC_LIST_ROWS = 2, MCUC_LIST_COLUMNS = 4, MCUC_LIST_RAISE = 0, MCUC_LIST_BACK = 1 };
#endif

/* The sums of the tile at x, row by row. */
MCUC_INLINE void mcuc_list_sums(const uint32_t *list, const int8_t *x, int32_t dy, int32_t dx, int32_t start,
                                int32_t *sums) {
  int32_t a0 = start, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (uint32_t word; (word = *list++) != 0;) {
    const int32_t w = mcuc_word_weight(word);
    x += mcuc_word_step(word);
    a0 += w * x[0];
    a1 += w * x[dx];
    if (MCUC_LIST_COLUMNS > 2) {
      a2 += w * x[2 * dx];
      a3 += w * x[3 * dx];
    }
    const int8_t *const below = x + dy;
    b0 += w * below[0];
    b1 += w * below[dx];
    if (MCUC_LIST_COLUMNS > 2) {
      b2 += w * below[2 * dx];
      b3 += w * below[3 * dx];
    }
    if (MCUC_LIST_BACK) x = below;
  }
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[MCUC_LIST_COLUMNS] = b0, sums[MCUC_LIST_COLUMNS + 1] = b1;
  if (MCUC_LIST_COLUMNS > 2) sums[6] = b2, sums[7] = b3;
}

#if defined(__thumb2__) && MCUC_ASSEMBLY && !defined(MCUC_PORTABLE) && !defined(__OPTIMIZE_SIZE__)
/* The same for a distance of one byte, of which compilers keep too few of the fourteen registers free. */
#if defined(__ARM_FEATURE_DSP)
/* Two words at a time: the first one's weight is moved to the lower half, which tells it from the end; behind the last
   of an odd number there are two words of 0. */
#define MCUC_LIST_ROW(address, half, a0, a1, a2, a3) \
  "ldr %[u], [%[x]" address                          \
  "]\n\t"                                            \
  "sxtb16 %[t], %[u]\n\t"                            \
  "smlab" half " %[" a0 "], %[t], %[w], %[" a0       \
  "]\n\t"                                            \
  "sxtb16 %[u], %[u], ror #8\n\t"                    \
  "smlat" half " %[" a2 "], %[t], %[w], %[" a2       \
  "]\n\t"                                            \
  "smlab" half " %[" a1 "], %[u], %[w], %[" a1       \
  "]\n\t"                                            \
  "smlat" half " %[" a3 "], %[u], %[w], %[" a3 "]\n\t"
#define MCUC_LIST_ROWS_OF(half) \
  MCUC_LIST_ROW("", half, "a0", "a1", "a2", "a3") MCUC_LIST_ROW(", %[dy]", half, "b0", "b1", "b2", "b3")
#define MCUC_LIST_NEXT       \
  "ldr %[w], [%[q]], #4\n\t" \
  "sxtah %[x], %[x], %[w]\n\t"
#define MCUC_LIST_BODY MCUC_LIST_ROWS_OF("b") MCUC_LIST_NEXT MCUC_LIST_ROWS_OF("t")
#else
#define MCUC_LIST_SUM(offset, sum) \
  "ldrsb %[u], [%[x], #" offset    \
  "]\n\t"                          \
  "mla %[" sum "], %[u], %[w], %[" sum "]\n\t"
#define MCUC_LIST_ROW(a0, a1, a2, a3) \
  MCUC_LIST_SUM("0", a0) MCUC_LIST_SUM("1", a1) MCUC_LIST_SUM("2", a2) MCUC_LIST_SUM("3", a3)
#define MCUC_LIST_BODY \
  MCUC_LIST_ROW("a0", "a1", "a2", "a3") "add %[x], %[x], %[dy]\n\t" MCUC_LIST_ROW("b0", "b1", "b2", "b3")
#define MCUC_LIST_NEXT       \
  "ldr %[w], [%[q]], #4\n\t" \
  "sxth %[t], %[w]\n\t"      \
  "add %[x], %[x], %[t]\n\t"
#endif
MCUC_INLINE void mcuc_list_near_sums(const uint32_t *list, const int8_t *x, int32_t dy, int32_t start, int32_t *sums) {
  int32_t a0 = start, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, w, u, t;
  __asm__(
      "b 2f\n"
      "1:\n\t" MCUC_LIST_BODY "2:\n\t" MCUC_LIST_NEXT
      "asrs %[w], %[w], #16\n\t"
      "bne 1b"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1), [b2] "+r"(b2),
        [b3] "+r"(b3), [q] "+r"(list), [x] "+r"(x), [w] "=&r"(w), [u] "=&r"(u), [t] "=&r"(t)
      : [dy] "r"(dy)
      : "cc", "memory");
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3, sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
}
#else
MCUC_INLINE void mcuc_list_near_sums(const uint32_t *list, const int8_t *x, int32_t dy, int32_t start, int32_t *sums) {
  mcuc_list_sums(list, x, dy, 1, start, sums); /* constant distances are cheaper */
}
#endif

/* The tile whose first window begins at x, to y. */
MCUC_INLINE void mcuc_list_tile(const struct mcuc_conv_words *s, int32_t dx, const struct mcuc_words_quant *q,
                                const uint32_t *list, const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  int32_t sums[8];
  (void)raise;
  if (dx == 1) {
    mcuc_list_near_sums(list, x, s->dy, q->start, sums);
  } else {
    mcuc_list_sums(list, x, s->dy, dx, q->start, sums);
  }
  if (pool == MCUC_POOL_MAX) {
    for (int32_t c = 0; c < MCUC_LIST_COLUMNS; c += 2) {
      int32_t most = sums[c];
      if (sums[c + 1] > most) most = sums[c + 1];
      if (sums[MCUC_LIST_COLUMNS + c] > most) most = sums[MCUC_LIST_COLUMNS + c];
      if (sums[MCUC_LIST_COLUMNS + c + 1] > most) most = sums[MCUC_LIST_COLUMNS + c + 1];
      sums[c >> 1] = most;
    }
    mcuc_words_results(q, 0, 1, sums, 1, MCUC_LIST_COLUMNS / 2, 0, y);
  } else {
    mcuc_words_results(q, 0, 1, sums, 2, MCUC_LIST_COLUMNS, s->columns, y);
  }
}
#endif

#endif
