/* SPDX-License-Identifier: 0BSD */
/* Four pixels of a convolution's output at a time: where they lie, the copy of their inputs (im2col) in the order in
   which the core's instructions take them, and the sum of products with one filter. For conv_im2col_i8.h. */
#ifndef MCUC_IM2COL_I8_H
#define MCUC_IM2COL_I8_H

#include <stdint.h>

#include "conv.h"
#include "conv_blocks.h"
#include "im2col_four_i8.h"
#include "noinline.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

#if defined(MCUC_IM2COL)

/* The bytes of one tap of all four pixels, and the taps that are multiplied at a time. MVE: 16 taps of a pixel, then of
   the next. DSP: taps 0, 2, 1, 3 of a pixel as halfwords, as SXTB16 unpacks the weights, then of the next. */
#if defined(__ARM_FEATURE_MVE)
enum { MCUC_IM2COL_WORDS = 128, MCUC_IM2COL_TAP_BYTES = 4, MCUC_IM2COL_STEP = 16 };
#else
enum { MCUC_IM2COL_WORDS = 128, MCUC_IM2COL_TAP_BYTES = 8, MCUC_IM2COL_STEP = 4 };
#endif

/* The inputs under the first tap of each pixel: row, column, and place in the channel's plane, which a checked pixel
   may have outside of it. */
struct mcuc_im2col_pixels {
  int32_t row[4], column[4], at[4];
  int32_t inside; /* no tap of any lies in padding */
  /* Where top + ky * dilation_h is in [0, rows) and left + kx * dilation_w in [0, columns), the tap lies in padding for
     none of them. */
  int32_t top, left;
  uint32_t rows, columns;
};

/* The tap that is read next: its place from that of the first one, its row and its column in a window, and how many are
   left in its row of the filter, and rows in its channel. */
struct mcuc_im2col_tap {
  int32_t at, y, x, in_row, rows;
};

static inline void mcuc_im2col_place(const struct mcuc_conv *s, int32_t i, int32_t y, int32_t x,
                                     struct mcuc_im2col_pixels *p) {
  const int32_t row = y * s->stride_h - s->pad_top, column = x * s->stride_w - s->pad_left;
  p->row[i] = row;
  p->column[i] = column;
  p->at[i] = row * s->width + column;
}

static inline void mcuc_im2col_reach(const struct mcuc_conv *s, struct mcuc_im2col_pixels *p) {
  int32_t bottom = p->row[0], right = p->column[0];
  p->top = bottom;
  p->left = right;
  for (int32_t i = 1; i < 4; ++i) { /* rows ascend */
    if (p->column[i] < p->left) p->left = p->column[i];
    if (p->column[i] > right) right = p->column[i];
  }
  bottom = p->row[3];
  p->rows = bottom - p->top < s->height ? (uint32_t)(s->height - bottom + p->top) : 0;
  p->columns = right - p->left < s->width ? (uint32_t)(s->width - right + p->left) : 0;
  p->inside = p->top >= 0 && bottom + (s->kernel_h - 1) * s->dilation_h < s->height && p->left >= 0 &&
              right + (s->kernel_w - 1) * s->dilation_w < s->width;
}

/* Four neighbours of an output plane in memory's order; where it has fewer, the last one repeated. */
static inline void mcuc_im2col_neighbours(const struct mcuc_conv *s, int32_t pixel, struct mcuc_im2col_pixels *p) {
  int32_t y = pixel / s->conv_w, x = pixel - y * s->conv_w;
  for (int32_t i = 0; i < 4; ++i) {
    mcuc_im2col_place(s, i, y, x, p);
    if (x + 1 < s->conv_w) {
      ++x;
    } else if (y + 1 < s->conv_h) {
      x = 0;
      ++y;
    }
  }
  mcuc_im2col_reach(s, p);
}

/* The pixels of a block; for those that it lacks, others. */
static inline void mcuc_im2col_block(const struct mcuc_conv *s, const struct mcuc_block *b,
                                     struct mcuc_im2col_pixels *p) {
  const int32_t y = b->y + b->rows - 1, x = b->x + b->columns - 1;
  mcuc_im2col_place(s, 0, b->y, b->x, p);
  mcuc_im2col_place(s, 1, b->y, x, p);
  mcuc_im2col_place(s, 2, y, b->x, p);
  mcuc_im2col_place(s, 3, y, x, p);
  mcuc_im2col_reach(s, p);
}

/* How far the pixels are from each other, and where tap k of the first one lies: among those of one step, and of all.
 */
#if defined(__ARM_FEATURE_MVE)
typedef int8_t mcuc_im2col_element;
enum { MCUC_IM2COL_PIXEL = 16 };
static inline int32_t mcuc_im2col_in_step(int32_t k) { return k; }
#else
typedef int16_t mcuc_im2col_element;
enum { MCUC_IM2COL_PIXEL = 4 };
static inline int32_t mcuc_im2col_in_step(int32_t k) { return ((k & 1) << 1) + (k >> 1); }
#endif
static inline int32_t mcuc_im2col_index(int32_t k) {
  const int32_t in_step = k & (MCUC_IM2COL_STEP - 1);
  return 4 * (k - in_step) + mcuc_im2col_in_step(in_step);
}

/* How a tap moves on; a copy of the shape that no store is taken to change. */
struct mcuc_im2col_steps {
  int32_t kernel_h, kernel_w, dilation_h, dilation_w, row, plane;
};

static inline struct mcuc_im2col_steps mcuc_im2col_steps_of(const struct mcuc_conv *s, int32_t inside) {
  const int32_t row = s->dilation_h * s->width - s->kernel_w * s->dilation_w;
  struct mcuc_im2col_steps steps = {s->kernel_h,   s->kernel_w, s->dilation_h,
                                    s->dilation_w, row,         (s->height - s->kernel_h * s->dilation_h) * s->width};
  if (inside && s->kernel_h * s->kernel_w == 1) { /* the channels are one row */
    steps.kernel_w = s->channels;
    steps.dilation_w = s->height * s->width;
  }
  return steps;
}

/* `at` alone, and how many are left. */
static inline void mcuc_im2col_next_place(const struct mcuc_im2col_steps *s, struct mcuc_im2col_tap *t) {
  t->at += s->dilation_w;
  if (--t->in_row != 0) return;
  t->in_row = s->kernel_w;
  t->at += s->row;
  if (--t->rows != 0) return;
  t->rows = s->kernel_h;
  t->at += s->plane;
}

static inline void mcuc_im2col_next(const struct mcuc_im2col_steps *s, struct mcuc_im2col_tap *t) {
  const int32_t last_in_row = t->in_row == 1, last = t->rows == 1;
  mcuc_im2col_next_place(s, t);
  t->x += s->dilation_w;
  if (last_in_row) {
    t->x = 0;
    t->y = last ? 0 : t->y + s->dilation_h;
  }
}

/* One tap of the four pixels, none of which lies in padding. */
static inline void mcuc_im2col_copy(const int8_t *from, int32_t at1, int32_t at2, int32_t at3, mcuc_im2col_element *e) {
  const int8_t e0 = from[0], e1 = from[at1], e2 = from[at2], e3 = from[at3];
  e[0] = e0;
  e[MCUC_IM2COL_PIXEL] = e1;
  e[2 * MCUC_IM2COL_PIXEL] = e2;
  e[3 * MCUC_IM2COL_PIXEL] = e3;
}

/* One tap of the four pixels, some of which may lie in padding. */
static inline void mcuc_im2col_checked(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                       const struct mcuc_im2col_pixels *p, const struct mcuc_im2col_tap *t,
                                       mcuc_im2col_element *e) {
  const uint32_t height = (uint32_t)s->height, width = (uint32_t)s->width;
  for (int32_t i = 0; i < 4; ++i, e += MCUC_IM2COL_PIXEL) {
    const int32_t within = (uint32_t)(p->row[i] + t->y) < height && (uint32_t)(p->column[i] + t->x) < width;
    *e = (mcuc_im2col_element)(within ? x[p->at[i] + t->at] : x_zero);
  }
}

/* The next `taps` taps of pixels that have none in padding. */
static MCUC_NOINLINE void mcuc_im2col_inside_i8(const struct mcuc_conv *s, const int8_t *x,
                                                const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap,
                                                int32_t taps, mcuc_im2col_element *to) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s, 1);
  const int32_t at0 = p->at[0], at1 = p->at[1] - at0, at2 = p->at[2] - at0, at3 = p->at[3] - at0;
  struct mcuc_im2col_tap t = *tap;
  int32_t k = taps / MCUC_IM2COL_STEP;
  x += at0;
  for (; k != 0; --k, to += 4 * MCUC_IM2COL_STEP) {
    for (int32_t i = 0; i < MCUC_IM2COL_STEP; ++i) {
      mcuc_im2col_copy(x + t.at, at1, at2, at3, to + mcuc_im2col_in_step(i));
      mcuc_im2col_next_place(&steps, &t);
    }
  }
  for (int32_t i = 0; i < taps % MCUC_IM2COL_STEP; ++i) {
    mcuc_im2col_copy(x + t.at, at1, at2, at3, to + mcuc_im2col_in_step(i));
    mcuc_im2col_next_place(&steps, &t);
  }
  *tap = t;
}

/* The same for pixels some of which may have taps there. */
static MCUC_NOINLINE void mcuc_im2col_border_i8(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                                const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap,
                                                int32_t taps, mcuc_im2col_element *to) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s, 0);
  const int32_t at0 = p->at[0], at1 = p->at[1] - at0, at2 = p->at[2] - at0, at3 = p->at[3] - at0;
  const int32_t top = p->top, left = p->left;
  const uint32_t rows = p->rows, columns = p->columns;
  struct mcuc_im2col_tap t = *tap;
  for (int32_t k = 0; k < taps; ++k) {
    mcuc_im2col_element *const e = to + mcuc_im2col_index(k);
    if ((uint32_t)(left + t.x) < columns && (uint32_t)(top + t.y) < rows) {
      mcuc_im2col_copy(x + (at0 + t.at), at1, at2, at3, e);
    } else {
      mcuc_im2col_checked(s, x_zero, x, p, &t, e);
    }
    mcuc_im2col_next(&steps, &t);
  }
  *tap = t;
}

static inline struct mcuc_im2col_tap mcuc_im2col_first(const struct mcuc_conv *s, const struct mcuc_im2col_pixels *p) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s, p->inside);
  const struct mcuc_im2col_tap t = {0, 0, 0, steps.kernel_w, steps.kernel_h};
  return t;
}

/* The next `taps` taps of all four pixels, and zeros up to a multiple of MCUC_IM2COL_STEP. x: the group's planes. */
static inline void mcuc_im2col_i8(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                  const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap, int32_t taps,
                                  uint64_t *buffer) {
  mcuc_im2col_element *const to = (mcuc_im2col_element *)(void *)buffer;
  if (p->inside) {
    mcuc_im2col_inside_i8(s, x, p, tap, taps, to);
  } else {
    mcuc_im2col_border_i8(s, x_zero, x, p, tap, taps, to);
  }
  for (int32_t k = taps; k % MCUC_IM2COL_STEP != 0; ++k) {
    mcuc_im2col_element *const e = to + mcuc_im2col_index(k);
    for (int32_t i = 0; i < 4; ++i) e[i * MCUC_IM2COL_PIXEL] = 0;
  }
}

#if defined(__ARM_FEATURE_MVE)

/* acc[i] += the sum of w * x over the taps of pixel i. */
static inline void mcuc_im2col_dot_i8(const uint64_t *buffer, const int8_t *w, int32_t taps, int32_t *acc) {
  const int8_t *x = (const int8_t *)buffer;
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
  for (; taps >= 16; taps -= 16, w += 16, x += 64) {
    const int8x16_t v = vldrbq_s8(w);
    a0 = vmladavaq_s8(a0, v, vldrbq_s8(x));
    a1 = vmladavaq_s8(a1, v, vldrbq_s8(x + 16));
    a2 = vmladavaq_s8(a2, v, vldrbq_s8(x + 32));
    a3 = vmladavaq_s8(a3, v, vldrbq_s8(x + 48));
  }
  if (taps > 0) {
    const int8x16_t v = vldrbq_z_s8(w, vctp8q((uint32_t)taps));
    a0 = vmladavaq_s8(a0, v, vldrbq_s8(x));
    a1 = vmladavaq_s8(a1, v, vldrbq_s8(x + 16));
    a2 = vmladavaq_s8(a2, v, vldrbq_s8(x + 32));
    a3 = vmladavaq_s8(a3, v, vldrbq_s8(x + 48));
  }
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
}

#else

/* acc[i] += the sum of w * x over the taps of pixel i. */
static inline void mcuc_im2col_dot_i8(const uint64_t *x, const int8_t *w, int32_t taps, int32_t *acc) {
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
  for (; taps >= 16; taps -= 16) {
    mcuc_im2col_next_four(&x, &w, &a0, &a1, &a2, &a3);
    mcuc_im2col_next_four(&x, &w, &a0, &a1, &a2, &a3);
    mcuc_im2col_next_four(&x, &w, &a0, &a1, &a2, &a3);
    mcuc_im2col_next_four(&x, &w, &a0, &a1, &a2, &a3);
  }
  for (; taps >= 4; taps -= 4) mcuc_im2col_next_four(&x, &w, &a0, &a1, &a2, &a3);
  if (taps > 0) { /* nothing behind the filter is read; x holds zeros there */
    uint32_t four = (uint8_t)w[0];
    if (taps > 1) four |= (uint32_t)(uint8_t)w[1] << 8;
    if (taps > 2) four |= (uint32_t)(uint8_t)w[2] << 16;
    mcuc_im2col_four(&x, four, &a0, &a1, &a2, &a3);
  }
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
}

#endif

/* acc[4 m + i] += the sum of the products of pixel i and filter m, for `channels` filters. w: their taps in the buffer;
   filter: from one to the next. */
static MCUC_NOINLINE void mcuc_im2col_dots_i8(const uint64_t *buffer, const int8_t *w, int32_t filter, int32_t taps,
                                              int32_t channels, int32_t *acc) {
  for (int32_t *const end = acc + 4 * channels; acc != end; acc += 4, w += filter) {
    mcuc_im2col_dot_i8(buffer, w, taps, acc);
  }
}

#endif

#endif
