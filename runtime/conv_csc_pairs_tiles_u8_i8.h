/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights whose sums fit 16 bits: rules N4 and N5. An output channel's
   weights are decoded once, for all tiles of its pixels. For conv_csc_pairs_u8_i8.h and conv_csc_pairs_max_u8_i8.h. */
#ifndef MCUC_CONV_CSC_PAIRS_TILES_U8_I8_H
#define MCUC_CONV_CSC_PAIRS_TILES_U8_I8_H

#include <stdint.h>

#include "bias_b32.h"
#include "conv_pairs.h"
#include "gaps_u8.h"
#include "values_i8.h"

/* How far an encoding has been read. */
struct mcuc_conv_csc_pairs_place_u8_i8 {
  struct mcuc_gaps_u8 gaps;
  int32_t k, i; /* the nonzero before: its tap, of the channel that is next; values read */
};

/* The nonzeros of the next output channel to `list`; returns their sum. */
MCUC_PAIRS_FUNCTION int32_t mcuc_conv_csc_pairs_decode_u8_i8(const struct mcuc_conv_words *s, int32_t dilation_w,
                                                             uint32_t per_row, uint32_t per_plane,
                                                             struct mcuc_conv_csc_pairs_place_u8_i8 *place,
                                                             const mcuc_values_i8 *value, uint32_t *list) {
  const int32_t taps = s->taps, row_step = s->row_step, plane_step = s->plane_step, back = MCUC_PAIRS_BACK * s->dy;
  struct mcuc_gaps_u8 gaps = place->gaps, gaps_before;
  int32_t k = place->k, i = place->i, k_before, before = MCUC_PAIRS_FIRST, sum = 0;
  for (;;) {
    gaps_before = gaps;
    k_before = k;
    k += 1 + mcuc_gap_u8(&gaps);
    if (k >= taps) break;
    const int32_t at = mcuc_tap_at(row_step, plane_step, dilation_w, per_row, per_plane, k);
    const int32_t w = mcuc_value_i8(value, &i);
    if (w == 0) continue; /* some codes hold zeros */
    *list++ = mcuc_pairs_word(w, at - before);
    before = at + back; /* where a tile leaves off */
    sum += w;
  }
  list[0] = list[1] = 0;
  place->gaps = gaps_before; /* the gap is read again: it may lead beyond the next channel too */
  place->k = k_before - taps;
  place->i = i;
  return sum;
}

/* All tiles of an output channel. The last ones are moved back into y: some results are computed twice. */
MCUC_PAIRS_FUNCTION void mcuc_conv_csc_pairs_channel_u8_i8(const struct mcuc_conv_words *s, int32_t dx,
                                                           const struct mcuc_words_quant *quant, const uint32_t *list,
                                                           const int8_t *x, int32_t raise, int32_t pool, int8_t *y) {
  const struct mcuc_words_quant q = *quant;             /* a copy, which no store is taken to change */
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1; /* a side of it, and its stride */
  const int32_t rows = MCUC_PAIRS_ROWS / window;
#if defined(MCUC_PAIRS_WIDE)
  const int32_t wide = s->width >= MCUC_PAIRS_WIDE / window;
  const int32_t columns = (wide ? MCUC_PAIRS_WIDE : MCUC_PAIRS_COLUMNS) / window;
#else
  const int32_t columns = MCUC_PAIRS_COLUMNS / window;
#endif
  for (int32_t below = s->rows - rows;;) {
    const int8_t *from = x;
    int8_t *to = y;
    for (int32_t right = s->width - columns;;) {
#if defined(MCUC_PAIRS_WIDE)
      if (wide) {
        mcuc_pairs_wide_tile(s, &q, list, from, pool, to);
      } else
#endif
      {
        mcuc_pairs_tile(s, dx, &q, list, from, raise, pool, to);
      }
      if (right <= 0) break;
      const int32_t step = right < columns ? right : columns;
      from += step * dx * window;
      to += step;
      right -= step;
    }
    if (below <= 0) break;
    const int32_t step = below < rows ? below : rows;
    x += step * s->dy * window;
    y += step * s->columns;
    below -= step;
  }
}

/* filters, group: where there are groups, the output channels of one and its bytes of x; else 0. dx: from an output to
   the next one, in x; 1 here. per_row, per_plane: 65535 / kernel_w and 65535 / kernel_h. raise: x may be negative. mul,
   shift: where multipliers and shifts are null, those of all channels. list: the longest list of a channel, in words.
   */
MCUC_INLINE void mcuc_conv_csc_pairs_tiles_u8_i8(const struct mcuc_conv_words *s, int32_t filters, int32_t group,
                                                 int32_t dx, int32_t dilation_w, uint32_t per_row, uint32_t per_plane,
                                                 int32_t raise, int32_t y_zero, int32_t lo, int32_t hi, const int8_t *x,
                                                 const uint8_t *delta, const mcuc_values_i8 *value,
                                                 const mcuc_bias_b32 *bias, int32_t bias_shift, int32_t mul,
                                                 int32_t shift, const int32_t *multipliers, const int8_t *shifts,
                                                 uint32_t *list, int8_t *y, int32_t pool) {
#if defined(MCUC_PAIRS_WIDE)
  const int32_t wide = s->width >= MCUC_PAIRS_WIDE / (pool == MCUC_POOL_MAX ? 2 : 1), raised = raise && !wide;
#else
  const int32_t raised = raise;
#endif
  struct mcuc_conv_csc_pairs_place_u8_i8 place = {mcuc_start_gaps_u8(delta), -1, 0};
  struct mcuc_words_quant q = {.mul = mul, .shift = shift, .y_zero = y_zero, .lo = lo, .hi = hi};
  mcuc_words_channel(&q);
#if defined(MCUC_PAIRS_FLAT)
  int16_t lanes[MCUC_PAIRS_FLAT + MCUC_PAIRS_FLAT_BEYOND];
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1;
  const int32_t reach = mcuc_tap_at(s->row_step, s->plane_step, dilation_w, per_row, per_plane, s->taps - 1) +
                        (s->rows * window - 1) * s->dy + s->columns * window;
  const int32_t flat = filters == 0 && reach <= MCUC_PAIRS_FLAT;
  if (flat) mcuc_pairs_flat_widen(x, reach, lanes);
#endif
  int32_t in_group = 0;
  for (int32_t m = 0; m < s->outputs; ++m, y += s->plane) {
    const int32_t sum = mcuc_conv_csc_pairs_decode_u8_i8(s, dilation_w, per_row, per_plane, &place, value, list);
    q.start = (bias != 0 ? bias[m] * ((int32_t)1 << bias_shift) : 0) - (raised ? MCUC_PAIRS_RAISE * sum : 0);
    if (multipliers != 0) q.mul = multipliers[m];
    if (shifts != 0) q.shift = shifts[m];
    if (multipliers != 0 || shifts != 0) mcuc_words_channel(&q);
#if defined(MCUC_PAIRS_FLAT)
    if (flat) {
      mcuc_pairs_flat(s, &q, list, lanes, pool, y);
      continue;
    }
#endif
    mcuc_conv_csc_pairs_channel_u8_i8(s, dx, &q, list, x, raise, pool, y);
    if (filters != 0 && ++in_group == filters) {
      in_group = 0;
      x += group;
    }
  }
}

#endif
