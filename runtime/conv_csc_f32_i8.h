/* SPDX-License-Identifier: 0BSD */
/* conv with float32 activations and csc<u8> int8 weights, executed in place, for every shape and pool: rule N20.
   scale: of the weights, one a column, or one; the others as in conv_csc_f32.h. */
#ifndef MCUC_CONV_CSC_F32_I8_H
#define MCUC_CONV_CSC_F32_I8_H

#include "conv_csc_tiles_f32.h"

static void mcuc_conv_csc_f32_i8(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q, const float *x,
                                 const void *count, int32_t count_bytes, const uint8_t *delta, const int8_t *value,
                                 const float *scale, const float *bias, void *y) {
  mcuc_conv_csc_tiles_f32(s, q, x, count, count_bytes, delta, value, 0, scale, bias, y);
}

#endif
