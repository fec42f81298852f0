/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights whose sums fit 16 bits: rules N4 and N5. An output channel's
   weights are decoded once, for all tiles of its pixels. For conv_csc_pairs_u8_i8.h and conv_csc_pairs_max_u8_i8.h. */
#ifndef MCUC_CONV_CSC_PAIRS_TILES_U8_I8_H
#define MCUC_CONV_CSC_PAIRS_TILES_U8_I8_H

#include <stdint.h>

#include "conv_csc_words_u8_i8.h"
#include "conv_pairs.h"

MCUC_INLINE void mcuc_conv_csc_pairs_tiles_u8_i8(const struct mcuc_conv_list *s, int32_t raise, int32_t y_zero,
                                                 int32_t lo, int32_t hi, int32_t per_channel, const int8_t *x,
                                                 const uint8_t *delta, const mcuc_values_i8 *value, const int32_t *bias,
                                                 const int32_t *mul, const int8_t *shift, uint32_t *list, int8_t *y,
                                                 int32_t pool) {
  const int32_t window = pool == MCUC_POOL_MAX ? 2 : 1; /* a side of it, and its stride */
  const int32_t rows = MCUC_PAIRS_ROWS / window, columns = MCUC_PAIRS_COLUMNS / window;
  struct mcuc_words_u8_i8 words = mcuc_start_words_u8_i8(delta, value);
  for (int32_t m = 0, in_group = 0; m < s->outputs; ++m, ++in_group, y += s->plane) {
    if (in_group == s->filters) {
      in_group = 0;
      x += s->group;
    }
    const int32_t sum = mcuc_next_words_u8_i8(&words, s, s->dy, list);
    const int32_t start = (bias != 0 ? bias[m] : 0) - (raise ? MCUC_PAIRS_RAISE * sum : 0), j = per_channel ? m : 0;
    const struct mcuc_pairs_quant channel = {start, mul[j], shift[j], y_zero, lo, hi};
    /* The last tiles are moved back into y: some results are computed twice. */
    for (int32_t row = 0;;) {
      for (int32_t column = 0;;) {
        mcuc_pairs_tile(s, &channel, list, x + row * window * s->dy + column * window, raise, pool,
                        y + row * s->columns + column);
        if (column == s->columns - columns) break;
        column += columns;
        if (column > s->columns - columns) column = s->columns - columns;
      }
      if (row == s->rows - rows) break;
      row += rows;
      if (row > s->rows - rows) row = s->rows - rows;
    }
  }
}

#endif
