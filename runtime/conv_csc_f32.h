/* SPDX-License-Identifier: 0BSD */
/* conv with float32 activations and csc<u8> float32 weights, executed in place, for every shape and pool.
   x: N x (G C) x H x W; the encoding of G M columns; bias: G M, or null; y: N x (G M) x OH x OW, float32 or int8. */
#ifndef MCUC_CONV_CSC_F32_H
#define MCUC_CONV_CSC_F32_H

#include "conv_csc_tiles_f32.h"

static void mcuc_conv_csc_f32(const struct mcuc_conv *s, const struct mcuc_mixed_f32 *q, const float *x,
                              const void *count, int32_t count_bytes, const uint8_t *delta, const float *value,
                              const float *bias, void *y) {
  mcuc_conv_csc_tiles_f32(s, q, x, count, count_bytes, delta, 0, value, 0, bias, y);
}

#endif
