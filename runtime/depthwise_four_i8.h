/* SPDX-License-Identifier: 0BSD */
/* The sums of products of a depthwise convolution for four neighbours in a row of its output, none of whose taps lies
   in padding. For conv_depthwise_i8.h. */
#ifndef MCUC_DEPTHWISE_FOUR_I8_H
#define MCUC_DEPTHWISE_FOUR_I8_H

#include <stdint.h>

#include "conv.h"
#include "depthwise_part_i8.h"
#include "inline.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

#if defined(MCUC_DEPTHWISE_PARTS)

/* Rows of the filter in parts of three taps, missing ones zero; for each part a word with the outer two and one with
   the middle one. */
enum { MCUC_DEPTHWISE_WORDS = 42 };

/* How many parts a row has; 0: this kernel goes tap by tap. */
static inline int32_t mcuc_depthwise_parts(const struct mcuc_conv *s) {
  const int32_t parts = (s->kernel_w + 2) / 3;
  if (s->dilation_w != 1 || s->stride_w > 2 || s->kernel_w == 1) return 0;
  return s->kernel_h <= MCUC_DEPTHWISE_WORDS / 2 && 2 * parts * s->kernel_h <= MCUC_DEPTHWISE_WORDS ? parts : 0;
}

/* Bytes that the last part reads behind the last tap. */
static inline int32_t mcuc_depthwise_excess(const struct mcuc_conv *s) {
  return mcuc_depthwise_parts(s) != 0 ? 3 * mcuc_depthwise_parts(s) - s->kernel_w : 0;
}

static inline void mcuc_depthwise_pack(const struct mcuc_conv *s, const int8_t *w, uint32_t *words) {
  for (int32_t r = 0; r < s->kernel_h; ++r, w += s->kernel_w) {
    for (int32_t k = 0; k < s->kernel_w; k += 3) {
      const uint32_t last = k + 2 < s->kernel_w ? (uint32_t)(int32_t)w[k + 2] << 16 : 0;
      *words++ = (uint16_t)(int16_t)w[k] | last;
      *words++ = k + 1 < s->kernel_w ? (uint32_t)(int32_t)w[k + 1] : 0;
    }
  }
}

/* a[i] += the products for output i. down: from a row of taps to the next; stride: 1 or 2. */
MCUC_INLINE void mcuc_depthwise_rows(const int8_t *p, int32_t stride, int32_t down, const uint32_t *words, int32_t rows,
                                     int32_t parts, int32_t *a) {
  for (int32_t r = 0; r < rows; ++r, p += down) {
    for (int32_t k = 0; k < parts; ++k) {
      if (stride == 1) {
        mcuc_depthwise_part_1(p + 3 * k, &words, a);
      } else {
        mcuc_depthwise_part_2(p + 3 * k, &words, a);
      }
    }
  }
}

#else

static inline int32_t mcuc_depthwise_excess(const struct mcuc_conv *s) {
  (void)s;
  return 0;
}

#endif

#if !defined(__ARM_FEATURE_MVE)
/* In three steps, each of which is one instruction. */
static inline int32_t mcuc_three(int32_t acc, int32_t w0, int32_t w1, int32_t w2, int32_t x0, int32_t x1, int32_t x2) {
  acc += w0 * x0;
  acc += w1 * x1;
  acc += w2 * x2;
  return acc;
}
#endif

/* a[i] += the sum of w * x, tap by tap; output i lies i * s->stride_w from x. */
MCUC_INLINE void mcuc_depthwise_four_i8(const struct mcuc_conv *s, const int8_t *x, int32_t down, const int8_t *w,
                                        int32_t *a) {
  const int32_t dx = s->stride_w, taps = s->kernel_w;
  int32_t rows = s->kernel_h;
#if defined(__ARM_FEATURE_MVE)
  const uint32x4_t at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)dx);
  int32x4_t sums = vldrwq_s32(a);
  for (; rows > 0; --rows, x += down) {
    const int8_t *p = x;
    for (int32_t kx = 0; kx < taps; ++kx, p += s->dilation_w) {
      sums = vmlaq_n_s32(sums, vldrbq_gather_offset_s32(p, at), *w++);
    }
  }
  vstrwq_s32(a, sums);
#else
  int32_t a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
  if (taps == 3 && s->dilation_w == 1) {
    for (; rows > 0; --rows, x += down, w += 3) {
      const int32_t w0 = w[0], w1 = w[1], w2 = w[2];
      const int8_t *p = x;
      if (dx == 1) {
        const int32_t x2 = p[2], x3 = p[3];
        a0 = mcuc_three(a0, w0, w1, w2, p[0], p[1], x2);
        a1 = mcuc_three(a1, w0, w1, w2, p[1], x2, x3);
        a2 = mcuc_three(a2, w0, w1, w2, x2, x3, p[4]);
        a3 = mcuc_three(a3, w0, w1, w2, x3, p[4], p[5]);
        continue;
      }
      a0 = mcuc_three(a0, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a1 = mcuc_three(a1, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a2 = mcuc_three(a2, w0, w1, w2, p[0], p[1], p[2]);
      p += dx;
      a3 = mcuc_three(a3, w0, w1, w2, p[0], p[1], p[2]);
    }
  }
  for (; rows > 0; --rows, x += down) {
    const int8_t *p = x;
    for (int32_t kx = 0; kx < taps; ++kx, p += s->dilation_w) {
      const int32_t v = *w++;
      a0 += v * p[0];
      a1 += v * p[dx];
      a2 += v * p[2 * dx];
      a3 += v * p[3 * dx];
    }
  }
  a[0] = a0, a[1] = a1, a[2] = a2, a[3] = a3;
#endif
}

#endif
