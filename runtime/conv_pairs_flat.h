/* SPDX-License-Identifier: 0BSD */
/* A convolution whose sums fit 16 bits, on x86: x is widened to 16 bits once, and an output channel's sums are computed
   along all of x as if it were one row, eight in a vector; those between the rows of the result are left out behind it.
   For conv_pairs.h. */
#ifndef MCUC_CONV_PAIRS_FLAT_H
#define MCUC_CONV_PAIRS_FLAT_H

#include <stdint.h>
#include <string.h>

#include "conv.h"
#include "conv_words.h"
#include "conv_words_results.h"

#if defined(__SSE2__) && !defined(MCUC_PORTABLE) && !defined(__OPTIMIZE_SIZE__)
#include <emmintrin.h>
#define MCUC_PAIRS_SSE2

MCUC_INLINE void mcuc_pairs_flat_store(int16_t *sums, __m128i v) { _mm_storeu_si128((__m128i *)(void *)sums, v); }
#endif

/* Without, it takes twice the time and 1.6 KB of code less. */
#if defined(MCUC_PAIRS_SSE2) && defined(MCUC_FAST)
#define MCUC_PAIRS_FLAT 8192          /* elements of x, at most */
enum { MCUC_PAIRS_FLAT_BEYOND = 64 }; /* that are read behind it */

MCUC_INLINE __m128i mcuc_pairs_flat_load(const int16_t *x) { return _mm_loadu_si128((const __m128i *)(const void *)x); }

static void mcuc_pairs_flat_widen(const int8_t *x, int32_t n, int16_t *lanes) {
  int32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)(x + i));
    mcuc_pairs_flat_store(lanes + i, _mm_srai_epi16(_mm_unpacklo_epi8(eight, eight), 8));
  }
  for (; i < n; ++i) lanes[i] = x[i];
  memset(lanes + n, 0, MCUC_PAIRS_FLAT_BEYOND * sizeof *lanes);
}

#define MCUC_PAIRS_FLAT_STEP(a, i) a = _mm_add_epi16(a, _mm_mullo_epi16(mcuc_pairs_flat_load(x + 8 * (i)), w))

/* 64 sums, or 32 of them; lanes may wrap on the way. */
MCUC_INLINE void mcuc_pairs_flat_sums(const uint32_t *list, const int16_t *x, int32_t start, int32_t all,
                                      int16_t *sums) {
  __m128i a = _mm_set1_epi16((int16_t)start), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (uint32_t word; (word = *list++) != 0;) {
    const __m128i w = _mm_set1_epi16((int16_t)mcuc_word_weight(word));
    x += mcuc_word_step(word);
    MCUC_PAIRS_FLAT_STEP(a, 0);
    MCUC_PAIRS_FLAT_STEP(b, 1);
    MCUC_PAIRS_FLAT_STEP(c, 2);
    MCUC_PAIRS_FLAT_STEP(d, 3);
    if (all) {
      MCUC_PAIRS_FLAT_STEP(e, 4);
      MCUC_PAIRS_FLAT_STEP(f, 5);
      MCUC_PAIRS_FLAT_STEP(g, 6);
      MCUC_PAIRS_FLAT_STEP(h, 7);
    }
  }
  mcuc_pairs_flat_store(sums, a);
  mcuc_pairs_flat_store(sums + 8, b);
  mcuc_pairs_flat_store(sums + 16, c);
  mcuc_pairs_flat_store(sums + 24, d);
  if (all) {
    mcuc_pairs_flat_store(sums + 32, e);
    mcuc_pairs_flat_store(sums + 40, f);
    mcuc_pairs_flat_store(sums + 48, g);
    mcuc_pairs_flat_store(sums + 56, h);
  }
}

/* Eight sums that go to a result each: those of x, or behind a max pool those of two rows of 16. */
MCUC_INLINE __m128i mcuc_pairs_flat_eight(const int16_t *sums, int32_t dy, int32_t pool) {
  if (pool != MCUC_POOL_MAX) return mcuc_pairs_flat_load(sums);
  __m128i a = _mm_max_epi16(mcuc_pairs_flat_load(sums), mcuc_pairs_flat_load(sums + dy));
  __m128i b = _mm_max_epi16(mcuc_pairs_flat_load(sums + 8), mcuc_pairs_flat_load(sums + dy + 8));
  a = _mm_max_epi16(a, _mm_srli_epi32(a, 16));
  b = _mm_max_epi16(b, _mm_srli_epi32(b, 16));
  return _mm_packs_epi32(_mm_srai_epi32(_mm_slli_epi32(a, 16), 16), _mm_srai_epi32(_mm_slli_epi32(b, 16), 16));
}

/* An output channel to y. lanes: x, widened. */
static void mcuc_pairs_flat(const struct mcuc_conv_words *s, const struct mcuc_words_quant *q, const uint32_t *list,
                            const int16_t *lanes, int32_t pool, int8_t *y) {
  int16_t sums[MCUC_PAIRS_FLAT + MCUC_PAIRS_FLAT_BEYOND];
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1, dy = s->dy, columns = s->columns;
  const int32_t n = (s->rows * window - 1) * dy + columns * window;
  int32_t i = 0;
  for (; n - i > 32; i += 64) mcuc_pairs_flat_sums(list, lanes + i, q->start, 1, sums + i);
  if (i < n) mcuc_pairs_flat_sums(list, lanes + i, q->start, 0, sums + i);
  /* requantize_16 in vectors: acc * mul / 2^16 from the halves of mul, the lower one signed. */
  const int32_t low = (int16_t)(uint16_t)(q->mul & 0xffff), high = (q->mul >> 16) + (low < 0);
  const __m128i lows = _mm_set1_epi16((int16_t)low), highs = _mm_set1_epi32((high & 0xffff) | 0x10000);
  const __m128i half = _mm_set1_epi32((int32_t)1 << (14 - q->shift)), right = _mm_cvtsi32_si128(15 - q->shift);
  const __m128i zero = _mm_set1_epi16((int16_t)q->y_zero);
  const __m128i least = _mm_set1_epi16((int16_t)q->lo), most = _mm_set1_epi16((int16_t)q->hi);
  for (int32_t r = 0; r < s->rows; ++r, y += columns) {
    const int16_t *const row = sums + r * window * dy;
    for (int32_t c = 0; c < columns; c += 8) {
      /* The last eight are moved back into the row. */
      if (c + 8 > columns && columns >= 8) c = columns - 8;
      const __m128i acc = mcuc_pairs_flat_eight(row + c * window, dy, pool);
      int8_t eight[8];
      if (high <= INT16_MAX) {
        const __m128i below = _mm_mulhi_epi16(acc, lows);
        const __m128i a = _mm_madd_epi16(_mm_unpacklo_epi16(acc, below), highs);
        const __m128i b = _mm_madd_epi16(_mm_unpackhi_epi16(acc, below), highs);
        __m128i v =
            _mm_packs_epi32(_mm_sra_epi32(_mm_add_epi32(a, half), right), _mm_sra_epi32(_mm_add_epi32(b, half), right));
        v = _mm_max_epi16(_mm_min_epi16(_mm_adds_epi16(v, zero), most), least);
        _mm_storel_epi64((__m128i *)(void *)eight, _mm_packs_epi16(v, v));
      } else {
        int16_t each[8];
        mcuc_pairs_flat_store(each, acc);
        for (int32_t k = 0; k < 8; ++k) eight[k] = mcuc_words_result(q, 1, each[k]);
      }
      if (columns >= 8) {
        memcpy(y + c, eight, 8);
      } else {
        for (int32_t k = 0; k < columns; ++k) y[k] = eight[k];
      }
    }
  }
}
#endif

#endif
