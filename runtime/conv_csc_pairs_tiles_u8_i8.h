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
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1; /* a side of it, and its stride */
  const int32_t rows = MCUC_PAIRS_ROWS / window;
#if defined(MCUC_PAIRS_WIDE)
  const int32_t wide = s->columns >= MCUC_PAIRS_WIDE / window;
  const int32_t columns = wide ? MCUC_PAIRS_WIDE / window : MCUC_PAIRS_COLUMNS / window, raised = raise && !wide;
#else
  const int32_t raised = raise;
  const int32_t columns = MCUC_PAIRS_COLUMNS / window;
#endif
  struct mcuc_gaps_u8 gaps = mcuc_start_gaps_u8(delta);
  struct mcuc_pairs_quant q = {0, mul, shift, y_zero, lo, hi};
  uint32_t *end = list;
  int32_t k = -1, i = 0, m = 0, in_group = 0, before = MCUC_PAIRS_FIRST, sum = 0;
  for (;;) {
    k += 1 + mcuc_gap_u8(&gaps);
    while (k >= s->taps) { /* the list is whole */
      *end = 0;
      q.start = (bias != 0 ? bias[m] * ((int32_t)1 << bias_shift) : 0) - (raised ? MCUC_PAIRS_RAISE * sum : 0);
      if (multipliers != 0) q.mul = multipliers[m];
      if (shifts != 0) q.shift = shifts[m];
      /* The last tiles are moved back into y: some results are computed twice. */
      const int8_t *row_x = x;
      int8_t *row_y = y;
      for (int32_t below = s->rows - rows;;) {
        const int8_t *from = row_x;
        int8_t *to = row_y;
        for (int32_t right = s->columns - columns;;) {
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
        row_x += step * s->dy * window;
        row_y += step * s->columns;
        below -= step;
      }
      if (++m == s->outputs) return;
      y += s->plane;
      if (filters != 0 && ++in_group == filters) {
        in_group = 0;
        x += group;
      }
      end = list;
      before = MCUC_PAIRS_FIRST;
      sum = 0;
      k -= s->taps;
    }
    const int32_t row = mcuc_quotient_16(k, per_row), plane = mcuc_quotient_16(row, per_plane);
    const int32_t at = k * dilation_w + row * s->row_step + plane * s->plane_step;
    const int32_t w = mcuc_value_i8(value, i++);
    if (w == 0) continue; /* some codes hold zeros */
    *end++ = mcuc_pairs_word(w, at - before);
    before = at + MCUC_PAIRS_BACK * s->dy; /* where a tile leaves off */
    sum += w;
  }
}

#endif
