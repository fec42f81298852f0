/* SPDX-License-Identifier: 0BSD */
/* Convolutions with a fused pool walked in blocks of 2 x 2 outputs of the convolution, in the order in which the
   results need them. A kernel computes two blocks at a time, eight accumulators, so that what it does for each weight
   is shared by eight products. */
#ifndef MCUC_CONV_BLOCKS_H
#define MCUC_CONV_BLOCKS_H

#include <stdint.h>

#include "conv.h"
#include "inline.h"

/* What a kernel may take for granted, a constant in each call. WHOLE: no tap lies in padding, and the blocks are whole:
   without a pool the convolution's output has two rows and columns at least, and a pool's windows are 2 x 2 and lie
   within it. ANY: nothing. The pool (`pool` of mcuc_conv) is a constant too where it is known. */
enum { MCUC_CONV_WHOLE = 0, MCUC_CONV_ANY = 1 };

/* The pixels (y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1) of the convolution's output, of which `rows` and `columns`
   (1 or 2) count. Without a pool a block is stored as it is; with one, a window is made of blocks, from `first` to
   `last`. */
struct mcuc_block {
  int32_t y, x, rows, columns;
  int32_t first, last;
  int32_t unit_y, unit_x;        /* the result of the pool */
  int32_t end_y, start_x, end_x; /* its window in the convolution's output, clipped to it */
};

MCUC_INLINE void mcuc_pool_window(const struct mcuc_conv *s, struct mcuc_block *b) {
  const int32_t y = b->unit_y * s->pool_stride_h - s->pool_top, x = b->unit_x * s->pool_stride_w - s->pool_left;
  b->y = y < 0 ? 0 : y;
  b->start_x = x < 0 ? 0 : x;
  b->end_y = y + s->pool_h < s->conv_h ? y + s->pool_h : s->conv_h;
  b->end_x = x + s->pool_w < s->conv_w ? x + s->pool_w : s->conv_w;
  b->x = b->start_x;
  b->first = 1;
}

MCUC_INLINE void mcuc_pool_block(struct mcuc_block *b) {
  b->rows = b->y + 1 < b->end_y ? 2 : 1;
  b->columns = b->x + 1 < b->end_x ? 2 : 1;
  b->last = b->x + 2 >= b->end_x && b->y + 2 >= b->end_y;
}

MCUC_INLINE struct mcuc_block mcuc_first_block(const struct mcuc_conv *s, int32_t any, int32_t pool) {
  struct mcuc_block b = {0, 0, 2, 2, 1, 1, 0, 0, 0, 0, 0};
  if (any) {
    if (pool != MCUC_POOL_NONE) {
      mcuc_pool_window(s, &b);
      mcuc_pool_block(&b);
    } else {
      b.rows = s->conv_h > 1 ? 2 : 1;
      b.columns = s->conv_w > 1 ? 2 : 1;
    }
  }
  return b;
}

/* The block after *b; 0, and *b as it was, where there is none. Without a pool the last block of an odd number of rows
   or columns is moved back into the output: some pixels are computed twice, to the same result. */
MCUC_INLINE int32_t mcuc_next_block(const struct mcuc_conv *s, int32_t any, int32_t pool, struct mcuc_block *b) {
  if (pool == MCUC_POOL_NONE) {
    int32_t x = b->x + 2, y = b->y;
    if (x >= s->conv_w) {
      x = 0;
      y += 2;
      if (y >= s->conv_h) return 0;
      if (y == s->conv_h - 1) --y;
    } else if (x == s->conv_w - 1) {
      --x;
    }
    b->y = y;
    b->x = x;
    return 1;
  }
  if (any && !b->last) {
    if (b->x + 2 < b->end_x) {
      b->x += 2;
    } else {
      b->x = b->start_x;
      b->y += 2;
    }
    b->first = 0;
    mcuc_pool_block(b);
    return 1;
  }
  if (b->unit_x + 1 < s->out_w) {
    ++b->unit_x;
  } else {
    if (b->unit_y + 1 == s->out_h) return 0;
    b->unit_x = 0;
    ++b->unit_y;
  }
  if (any) {
    mcuc_pool_window(s, b);
    mcuc_pool_block(b);
  } else {
    b->y = b->unit_y * s->pool_stride_h;
    b->x = b->unit_x * s->pool_stride_w;
  }
  return 1;
}

/* Where a tap lies for a pair of blocks, seen from the tap of their topmost and leftmost pixel: the taps at
   top + ky * dilation_h in [0, rows) and left + kx * dilation_w in [0, columns) lie within x for every pixel of both.
 */
struct mcuc_reach {
  int32_t top, left;
  uint32_t rows, columns;
};

MCUC_INLINE struct mcuc_reach mcuc_reach_of(const struct mcuc_conv *s, const struct mcuc_block *a,
                                            const struct mcuc_block *b) {
  const int32_t y = a->y < b->y ? a->y : b->y, x = a->x < b->x ? a->x : b->x;
  const int32_t y_last = (a->y < b->y ? b->y : a->y) + 1, x_last = (a->x < b->x ? b->x : a->x) + 1;
  const int32_t rows = s->height - (y_last - y) * s->stride_h, columns = s->width - (x_last - x) * s->stride_w;
  struct mcuc_reach r;
  r.top = y * s->stride_h - s->pad_top;
  r.left = x * s->stride_w - s->pad_left;
  r.rows = rows < 0 ? 0 : (uint32_t)rows;
  r.columns = columns < 0 ? 0 : (uint32_t)columns;
  return r;
}

#endif
