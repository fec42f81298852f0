/* SPDX-License-Identifier: 0BSD */
/* From csc<u8> int8 weights to the list of words of conv_list.h, an output channel at a time. Made for the other
   encodings by exchanging the readers of gaps and values. */
#ifndef MCUC_CONV_CSC_WORDS_U8_I8_H
#define MCUC_CONV_CSC_WORDS_U8_I8_H

#include <stdint.h>

#include "conv_list.h"
#include "gaps_u8.h"
#include "values_i8.h"

struct mcuc_words_u8_i8 {
  struct mcuc_gaps_u8 gaps;
  const mcuc_values_i8 *value;
  int32_t i, k; /* the next nonzero, and its position in the channel */
};

MCUC_INLINE struct mcuc_words_u8_i8 mcuc_start_words_u8_i8(const uint8_t *delta, const mcuc_values_i8 *value) {
  struct mcuc_words_u8_i8 words = {mcuc_start_gaps_u8(delta), value, 0, 0};
  words.k = mcuc_gap_u8(&words.gaps);
  return words;
}

/* Writes the next channel's list; `back`: what x moves between a word's step and the next one's. Returns the sum of the
   weights. */
MCUC_INLINE int32_t mcuc_next_words_u8_i8(struct mcuc_words_u8_i8 *words, const struct mcuc_conv_list *s, int32_t back,
                                          uint32_t *list) {
  int32_t before = 0, sum = 0;
  for (; words->k < s->taps; words->k += 1 + mcuc_gap_u8(&words->gaps)) {
    const int32_t row = mcuc_quotient_16(words->k, s->per_row), plane = mcuc_quotient_16(row, s->per_plane);
    const int32_t at = words->k * s->dilation_w + row * s->row_step + plane * s->plane_step;
    const int32_t w = mcuc_value_i8(words->value, words->i++);
    if (w == 0) continue; /* some codes hold zeros */
    *list++ = (uint32_t)w << 16 | ((uint32_t)(at - before) & 0xffff);
    before = at + back;
    sum += w;
  }
  words->k -= s->taps;
  *list = 0;
  return sum;
}

#endif
