/* SPDX-License-Identifier: 0BSD */
/* Four pixels of a convolution's output at a time: where they lie, the copy of their inputs (im2col) in the order in
   which the core's instructions take them, and the sums of products with filters. For conv_im2col_i8.h. */
#ifndef MCUC_IM2COL_I8_H
#define MCUC_IM2COL_I8_H

#include <stdint.h>

#include "conv.h"
#include "conv_blocks.h"
#include "conv_four_i8.h"
#include "conv_i8_results.h"
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

/* The tap that is read next. Filters lie row by row, column by column, the channels innermost. `at`: its place from
   that of the first one; y, x: its row and column in a window, in pixels of x. in_run: how many are left of a run of
   taps at one distance from each other (the channels); runs: how many such runs are left in its row of the filter. */
struct mcuc_im2col_tap {
  int32_t at, y, x, in_run, runs;
};

static inline void mcuc_im2col_place(const struct mcuc_conv *s, int32_t i, int32_t y, int32_t x,
                                     struct mcuc_im2col_pixels *p) {
  const int32_t row = y * s->stride_h - s->pad_top, column = x * s->stride_w - s->pad_left;
  p->row[i] = row;
  p->column[i] = column;
  p->at[i] = row * s->row + column;
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
  int32_t run, runs;         /* taps of a run, runs of a row */
  int32_t step, column, row; /* from a tap to the next in its run; what the next run is further on, and the next row */
  int32_t tap_x, tap_y;
};

static inline struct mcuc_im2col_steps mcuc_im2col_steps_of(const struct mcuc_conv *s) {
  const int32_t plane = s->plane, down = s->dilation_h * s->row - s->kernel_w * s->dilation_w;
  struct mcuc_im2col_steps steps = {s->channels, s->kernel_w,   plane,        s->dilation_w - s->channels * plane,
                                    down,        s->dilation_w, s->dilation_h};
  if (s->channels == 1) { /* a row of the filter is one run */
    steps.run = s->kernel_w;
    steps.runs = 1;
    steps.step = s->dilation_w;
    steps.column = 0;
  }
  return steps;
}

/* `at` alone, and how many are left. */
static inline void mcuc_im2col_next_place(const struct mcuc_im2col_steps *s, struct mcuc_im2col_tap *t) {
  t->at += s->step;
  if (--t->in_run != 0) return;
  t->in_run = s->run;
  t->at += s->column;
  if (--t->runs != 0) return;
  t->runs = s->runs;
  t->at += s->row;
}

/* The same behind the last tap of a run, and its row and column. */
static inline void mcuc_im2col_next_run(const struct mcuc_im2col_steps *s, struct mcuc_im2col_tap *t) {
  t->in_run = s->run;
  t->at += s->column;
  t->x += s->tap_x;
  if (--t->runs != 0) return;
  t->runs = s->runs;
  t->at += s->row;
  t->x = 0;
  t->y += s->tap_y;
}

/* One tap of the four pixels, none of which lies in padding. */
static inline void mcuc_im2col_copy(const int8_t *from, int32_t at1, int32_t at2, int32_t at3, mcuc_im2col_element *e) {
  const int8_t e0 = from[0], e1 = from[at1], e2 = from[at2], e3 = from[at3];
  e[0] = e0;
  e[MCUC_IM2COL_PIXEL] = e1;
  e[2 * MCUC_IM2COL_PIXEL] = e2;
  e[3 * MCUC_IM2COL_PIXEL] = e3;
}

/* The tap of pixel i does not lie in padding. */
static inline int32_t mcuc_im2col_within(const struct mcuc_conv *s, const struct mcuc_im2col_pixels *p,
                                         const struct mcuc_im2col_tap *t, int32_t i) {
  return (uint32_t)(p->row[i] + t->y) < (uint32_t)s->height && (uint32_t)(p->column[i] + t->x) < (uint32_t)s->width;
}

/* One tap of the four pixels, some of which may lie in padding. */
static inline void mcuc_im2col_checked(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                       const struct mcuc_im2col_pixels *p, const struct mcuc_im2col_tap *t,
                                       mcuc_im2col_element *e) {
  for (int32_t i = 0; i < 4; ++i, e += MCUC_IM2COL_PIXEL) {
    *e = (mcuc_im2col_element)(mcuc_im2col_within(s, p, t, i) ? x[p->at[i] + t->at] : x_zero);
  }
}

/* The next `taps` taps of pixels that have none in padding. */
static MCUC_NOINLINE void mcuc_im2col_inside_i8(const struct mcuc_conv *s, const int8_t *x,
                                                const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap,
                                                int32_t taps, mcuc_im2col_element *to) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s);
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
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s);
  const int32_t at0 = p->at[0], at1 = p->at[1] - at0, at2 = p->at[2] - at0, at3 = p->at[3] - at0;
  const int32_t top = p->top, left = p->left;
  const uint32_t rows = p->rows, columns = p->columns;
  struct mcuc_im2col_tap t = *tap;
  const int32_t in_row = s->channels == 1 ? steps.step : 0; /* from a tap of a run to the next, in columns */
  for (int32_t k = 0; k < taps;) {
    const int32_t n = taps - k < t.in_run ? taps - k : t.in_run, end = k + n, first = left + t.x;
    const int32_t whole =
        (uint32_t)first < columns && (uint32_t)(first + (n - 1) * in_row) < columns && (uint32_t)(top + t.y) < rows;
    t.in_run -= n;
    for (; k < end; ++k, t.at += steps.step, t.x += in_row) {
      mcuc_im2col_element *const e = to + mcuc_im2col_index(k);
      if (whole) {
        mcuc_im2col_copy(x + (at0 + t.at), at1, at2, at3, e);
      } else {
        mcuc_im2col_checked(s, x_zero, x, p, &t, e);
      }
    }
    if (t.in_run == 0) mcuc_im2col_next_run(&steps, &t);
  }
  *tap = t;
}

/* Whether the channels of a tap are whole steps, so that they are copied by steps: mcuc_im2col_runs_i8. A filter of one
   tap is one run, which may end within a step. */
static inline int32_t mcuc_im2col_by_runs(const struct mcuc_conv *s) {
  const int32_t steps = s->channels % MCUC_IM2COL_STEP == 0 || s->kernel_h * s->kernel_w == 1;
#if defined(__ARM_FEATURE_MVE)
  return steps && s->plane <= UINT16_MAX / 7; /* the offsets of a gather */
#else
  return steps;
#endif
}

/* `taps` taps of a run for all four pixels, from x's place of the first one; none lies in padding. */
static inline void mcuc_im2col_run_i8(const int8_t *from, const struct mcuc_im2col_pixels *p, int32_t plane,
                                      int32_t taps, mcuc_im2col_element *to) {
  const int32_t at0 = p->at[0], at1 = p->at[1] - at0, at2 = p->at[2] - at0, at3 = p->at[3] - at0;
  int32_t k = taps / MCUC_IM2COL_STEP;
  from += at0;
#if defined(__ARM_FEATURE_MVE)
  const uint16x8_t channels = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)plane);
  for (; k != 0; --k, from += 16 * plane, to += 64) {
    const int8_t *const eight = from + 8 * plane;
    vstrbq_s16(to, vldrbq_gather_offset_s16(from, channels));
    vstrbq_s16(to + 8, vldrbq_gather_offset_s16(eight, channels));
    vstrbq_s16(to + 16, vldrbq_gather_offset_s16(from + at1, channels));
    vstrbq_s16(to + 24, vldrbq_gather_offset_s16(eight + at1, channels));
    vstrbq_s16(to + 32, vldrbq_gather_offset_s16(from + at2, channels));
    vstrbq_s16(to + 40, vldrbq_gather_offset_s16(eight + at2, channels));
    vstrbq_s16(to + 48, vldrbq_gather_offset_s16(from + at3, channels));
    vstrbq_s16(to + 56, vldrbq_gather_offset_s16(eight + at3, channels));
  }
#else
  if (at1 == 1 && at2 == 2 && at3 == 3) {
    for (; k != 0; --k) mcuc_im2col_copy_four(&from, plane, &to);
  }
  for (; k != 0; --k, to += 16) {
    for (int32_t i = 0; i < 4; ++i, from += plane) mcuc_im2col_copy(from, at1, at2, at3, to + mcuc_im2col_in_step(i));
  }
#endif
  for (int32_t i = 0; i < taps % MCUC_IM2COL_STEP; ++i, from += plane) {
    mcuc_im2col_copy(from, at1, at2, at3, to + mcuc_im2col_in_step(i));
  }
}

/* The next `taps` taps of any pixels where mcuc_im2col_by_runs. */
static MCUC_NOINLINE void mcuc_im2col_runs_i8(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                              const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap,
                                              int32_t taps, mcuc_im2col_element *to) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s);
  struct mcuc_im2col_tap t = *tap;
  while (taps > 0) {
    const int32_t n = taps < t.in_run ? taps : t.in_run;
    if (p->inside || ((uint32_t)(p->left + t.x) < p->columns && (uint32_t)(p->top + t.y) < p->rows)) {
      mcuc_im2col_run_i8(x + t.at, p, steps.step, n, to);
    } else {
      for (int32_t i = 0; i < 4; ++i) {
        mcuc_im2col_element *e = to + i * MCUC_IM2COL_PIXEL;
        const int8_t *from = x + (p->at[i] + t.at);
        const int8_t zero = (int8_t)x_zero;
        const int32_t within = mcuc_im2col_within(s, p, &t, i), step = within ? steps.step : 0;
        if (!within) from = &zero;
        for (int32_t k = n / MCUC_IM2COL_STEP; k != 0; --k, e += 4 * MCUC_IM2COL_STEP) {
          for (int32_t j = 0; j < MCUC_IM2COL_STEP; ++j, from += step) e[mcuc_im2col_in_step(j)] = *from;
        }
        for (int32_t j = 0; j < n % MCUC_IM2COL_STEP; ++j, from += step) e[mcuc_im2col_in_step(j)] = *from;
      }
    }
    to += 4 * n;
    taps -= n;
    t.in_run -= n;
    t.at += n * steps.step;
    if (t.in_run == 0) mcuc_im2col_next_run(&steps, &t);
  }
  *tap = t;
}

static inline struct mcuc_im2col_tap mcuc_im2col_first(const struct mcuc_conv *s) {
  const struct mcuc_im2col_steps steps = mcuc_im2col_steps_of(s);
  const struct mcuc_im2col_tap t = {0, 0, 0, steps.run, steps.runs};
  return t;
}

/* The next `taps` taps of all four pixels, and zeros up to a multiple of MCUC_IM2COL_STEP. x: the group's planes. */
static inline void mcuc_im2col_i8(const struct mcuc_conv *s, int32_t x_zero, const int8_t *x,
                                  const struct mcuc_im2col_pixels *p, struct mcuc_im2col_tap *tap, int32_t taps,
                                  uint64_t *buffer) {
  mcuc_im2col_element *const to = (mcuc_im2col_element *)(void *)buffer;
  if (mcuc_im2col_by_runs(s)) {
    mcuc_im2col_runs_i8(s, x_zero, x, p, tap, taps, to);
  } else if (p->inside) {
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

/* acc[i] += the sum of w * x over the taps of pixel i; *weights is moved on. */
static inline void mcuc_im2col_dot_i8(const uint64_t *buffer, const int8_t **weights, int32_t taps, int32_t *acc) {
  const int8_t *x = (const int8_t *)buffer, *w = *weights;
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
  *weights += taps;
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

/* acc[i] += the sum of w * x over the taps of pixel i; *weights is moved on. */
static inline void mcuc_im2col_dot_i8(const uint64_t *x, const int8_t **weights, int32_t taps, int32_t *acc) {
  const int8_t *w = *weights;
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
    w += taps;
  }
  *weights = w;
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
}

#endif

/* The output channels of one group of which all taps, or a part, are in the buffer. */
struct mcuc_im2col_filters {
  const int8_t *w; /* the part's taps of the first filter */
  int32_t filter;  /* from a filter to the next */
  int32_t taps, channels;
  int32_t *partial;    /* accumulators, four a channel, of the parts before; 0: they start with the bias */
  const int32_t *bias; /* or 0 */
};

/* partial[4 m + i] += the sum of the products of pixel i and filter m. */
static MCUC_NOINLINE void mcuc_im2col_dots_i8(const uint64_t *buffer, const struct mcuc_im2col_filters *f) {
  const int8_t *w = f->w;
  int32_t *acc = f->partial;
  const int32_t taps = f->taps, rest = f->filter - taps;
  for (int32_t *const end = acc + 4 * f->channels; acc != end; acc += 4, w += rest) {
    mcuc_im2col_dot_i8(buffer, &w, taps, acc);
  }
}

/* The results of four pixels, or of the first `pixels` of them, from their place y in the first channel's plane. mul,
   shift: the first channel's. */
static MCUC_NOINLINE void mcuc_im2col_results_i8(const uint64_t *buffer, const struct mcuc_im2col_filters *f,
                                                 const struct mcuc_conv_quant *quant, const int32_t *mul,
                                                 const int8_t *shift, int32_t pixels, int32_t plane, int8_t *y) {
  const struct mcuc_conv_quant q = *quant; /* copies, which no store is taken to change */
  const int32_t taps = f->taps, rest = f->filter - taps, *const bias = f->bias;
  const int8_t *w = f->w;
  int32_t *partial = f->partial;
  for (int32_t m = 0, end = f->channels; m < end; ++m, w += rest, y += plane) {
    const int32_t k = q.per_channel ? m : 0;
    int32_t acc[4];
    if (partial != 0) {
      acc[0] = partial[0], acc[1] = partial[1], acc[2] = partial[2], acc[3] = partial[3];
      partial += 4;
    } else {
      acc[0] = acc[1] = acc[2] = acc[3] = bias != 0 ? bias[m] : 0;
    }
    mcuc_im2col_dot_i8(buffer, &w, taps, acc);
    if (pixels == 4) {
      const struct mcuc_four_i8 four = mcuc_four_of(&q, mul[k], shift[k]);
      mcuc_conv_results_four_i8(quant, &q, &four, shift[k], acc[0], acc[1], acc[2], acc[3], y);
    } else {
      const int32_t few[4] = {acc[0], acc[1], acc[2], acc[3]};
      mcuc_conv_few_i8(quant, mul[k], shift[k], pixels, few, y);
    }
  }
}

#endif

#endif
