/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights whose sums fit 16 bits, without a pool. */
#ifndef MCUC_CONV_CSC_PAIRS_U8_I8_H
#define MCUC_CONV_CSC_PAIRS_U8_I8_H

#include "conv_csc_pairs_tiles_u8_i8.h"

static void mcuc_conv_csc_pairs_u8_i8(const struct mcuc_conv_list *s, int32_t raise, int32_t y_zero, int32_t lo,
                                      int32_t hi, int32_t per_channel, const int8_t *x, const uint8_t *delta,
                                      const mcuc_values_i8 *value, const int32_t *bias, const int32_t *mul,
                                      const int8_t *shift, uint32_t *list, int8_t *y) {
  mcuc_conv_csc_pairs_tiles_u8_i8(s, raise, y_zero, lo, hi, per_channel, x, delta, value, bias, mul, shift, list, y,
                                  MCUC_POOL_NONE);
}

#endif
