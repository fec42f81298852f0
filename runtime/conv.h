/* SPDX-License-Identifier: 0BSD */
/* The shape of a convolution with its fused pool, as the convolution kernels take it.
   x: batch x (groups channels) x height x width; y: batch x (groups filters) x out_h x out_w. */
#ifndef MCUC_CONV_H
#define MCUC_CONV_H

#include <stdint.h>

enum { MCUC_POOL_NONE = 0, MCUC_POOL_MAX = 1, MCUC_POOL_AVG = 2 };

struct mcuc_conv {
  int32_t batch, groups;
  int32_t channels, height, width; /* of x; the channels of one group */
  int32_t filters;                 /* output channels of one group */
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t conv_h, conv_w; /* the convolution's output */
  int32_t pool, pool_h, pool_w, pool_stride_h, pool_stride_w, pool_top, pool_left;
  int32_t out_h, out_w; /* behind the pool */
  /* Of int8: in x, from a row to the next one and from a channel to the next; in y, from a channel to the next. */
  int32_t row, plane, out_plane;
};

#endif
