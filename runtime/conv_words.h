/* SPDX-License-Identifier: 0BSD */
/* What the convolutions share that decode the nonzero weights of an output channel once into a list of words, and then
   run over that list for every tile of output pixels. No tap lies in padding. */
#ifndef MCUC_CONV_WORDS_H
#define MCUC_CONV_WORDS_H

#include <stdint.h>

#include "inline.h"

/* Whether loops may be in assembly that takes all registers there are: of GCC where it optimizes, unless flags reserve
   a register. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(__PIC__) && !defined(MCUC_NO_ASSEMBLY)
#define MCUC_ASSEMBLY 1
#else
#define MCUC_ASSEMBLY 0
#endif

/* What is seldom the same in two layers; the rest is arguments, of which compilers make constants where it is. A
   convolution of x, planes of rows of bytes. Tap k of a filter lies dilation_w * k + row_step * (k / kernel_w) +
   plane_step * (k / (kernel_w * kernel_h)) bytes behind a window's first one. */
struct mcuc_conv_words {
  uint16_t outputs; /* output channels */
  uint16_t taps;    /* of a filter: channels x kernel_h x kernel_w */
  int16_t row_step, plane_step;
  uint16_t dy;             /* from an output of the convolution to the one below, in x */
  uint16_t rows, width;    /* results of a call, of a channel */
  uint16_t columns, plane; /* from a row of y to the next one, from one channel to the next */
};

/* floor(n / d) = ((n + 1) * floor(65535 / d)) >> 16, for (n + 1) * d <= 65536. */
MCUC_INLINE int32_t mcuc_quotient_16(int32_t n, uint32_t reciprocal) {
  return (int32_t)((((uint32_t)n + 1) * reciprocal) >> 16);
}

/* Where tap k of a filter lies behind the first one. The steps are those of the shape, which a caller keeps in
   registers. */
MCUC_INLINE int32_t mcuc_tap_at(int32_t row_step, int32_t plane_step, int32_t dilation_w, uint32_t per_row,
                                uint32_t per_plane, int32_t k) {
  const int32_t row = mcuc_quotient_16(k, per_row), plane = mcuc_quotient_16(row, per_plane);
  return k * dilation_w + row * row_step + plane * plane_step;
}

/* A word of a list: in its lower half the step in x from where the word before has left off, in the upper one the
   weight, which is not 0. Two words of 0 end the list. */
MCUC_INLINE uint32_t mcuc_word(int32_t weight, int32_t step) {
  return (uint32_t)weight << 16 | ((uint32_t)step & 0xffff);
}
MCUC_INLINE int32_t mcuc_word_step(uint32_t word) { return (int16_t)(word & 0xffff); }
MCUC_INLINE int32_t mcuc_word_weight(uint32_t word) { return (int32_t)word >> 16; /* arithmetic */ }

#endif
