/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and csc<u8> int8 weights, executed in place, and a max pool: rules N4 and N5, for shapes
   of MCUC_CONV_WHOLE (conv_blocks.h). Parameters as in conv_csc_u8_i8.h. */
#ifndef MCUC_CONV_CSC_MAX_U8_I8_H
#define MCUC_CONV_CSC_MAX_U8_I8_H

#include "conv_csc_tiles_u8_i8.h"

static void mcuc_conv_csc_max_u8_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                                    const uint8_t *delta, const mcuc_values_i8 *value, const int32_t *bias,
                                    const int32_t *mul, const int8_t *shift, int8_t *y) {
  mcuc_conv_csc_tiles_u8_i8(s, q, x, delta, value, bias, mul, shift, y, MCUC_CONV_WHOLE, MCUC_POOL_MAX);
}

#endif
