/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights whose sums fit 16 bits, and a max pool of 2 x 2. Parameters as in
   conv_csc_pairs_tiles_u8_i8.h. */
#ifndef MCUC_CONV_CSC_PAIRS_MAX_U8_I8_H
#define MCUC_CONV_CSC_PAIRS_MAX_U8_I8_H

#include "conv_csc_pairs_tiles_u8_i8.h"

static void mcuc_conv_csc_pairs_max_u8_i8(const struct mcuc_conv_words *s, int32_t filters, int32_t group, int32_t dx,
                                          int32_t dilation_w, uint32_t per_row, uint32_t per_plane, int32_t raise,
                                          int32_t y_zero, int32_t lo, int32_t hi, const int8_t *x, const uint8_t *delta,
                                          const mcuc_values_i8 *value, const mcuc_bias_b32 *bias, int32_t bias_shift,
                                          int32_t mul, int32_t shift, const int32_t *multipliers, const int8_t *shifts,
                                          uint32_t *list, int8_t *y) {
  mcuc_conv_csc_pairs_tiles_u8_i8(s, filters, group, dx, dilation_w, per_row, per_plane, raise, y_zero, lo, hi, x,
                                  delta, value, bias, bias_shift, mul, shift, multipliers, shifts, list, y,
                                  MCUC_POOL_MAX);
}

#endif
