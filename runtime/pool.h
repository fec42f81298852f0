/* SPDX-License-Identifier: 0BSD */
/* The shape of a pooling, as the pooling kernels take it. */
#ifndef MCUC_POOL_H
#define MCUC_POOL_H

#include <stdint.h>

struct mcuc_pool {
  int32_t channels, height, width, out_h, out_w; /* channels: of all samples */
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int32_t padded_h, padded_w; /* average with padding counted: rows and columns up to the end of the padding, else 0 */
};

#endif
