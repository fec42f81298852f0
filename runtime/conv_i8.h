/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and dense int8 weights: rules N4 to N6, without a pool, for shapes of MCUC_CONV_WHOLE
   (conv_blocks.h). x: N x (G C) x H x W; w: (G M) x KH x KW x C; bias: G M, or null; mul and shift: G M, or one; y: N x
   (G M) x OH x OW. */
#ifndef MCUC_CONV_I8_H
#define MCUC_CONV_I8_H

#include "conv_tiles_i8.h"

static void mcuc_conv_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x, const int8_t *w,
                         const int32_t *bias, const int32_t *mul, const int8_t *shift, int8_t *y) {
  mcuc_conv_tiles_i8(s, q, x, w, bias, mul, shift, y, MCUC_CONV_WHOLE, MCUC_POOL_NONE);
}

#endif
