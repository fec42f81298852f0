/* SPDX-License-Identifier: 0BSD */
/* conv with int8 activations and dense int8 weights, and a max pool: rules N4 and N5, for shapes of
   MCUC_CONV_WHOLE (conv_blocks.h). Parameters as in conv_i8.h. */
#ifndef MCUC_CONV_MAX_I8_H
#define MCUC_CONV_MAX_I8_H

#include "conv_tiles_i8.h"

static void mcuc_conv_max_i8(const struct mcuc_conv *s, const struct mcuc_conv_quant *q, const int8_t *x,
                             const int8_t *w, const int32_t *bias, const int32_t *mul, const int8_t *shift, int8_t *y) {
  mcuc_conv_tiles_i8(s, q, x, w, bias, mul, shift, y, MCUC_CONV_WHOLE, MCUC_POOL_MAX);
}

#endif
