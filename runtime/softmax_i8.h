/* SPDX-License-Identifier: 0BSD */
/* Softmax of int8 along the middle one of three dimensions: rule N14. x and y: outer x length x inner; y may be x.
   table[d]: the exponential of d steps below the largest element, scaled so that a row's sum fits 31 bits. The result
   has scale 1/256 and zero point -128. */
#ifndef MCUC_SOFTMAX_I8_H
#define MCUC_SOFTMAX_I8_H

#include <stdint.h>

#include "softmax.h"

static void mcuc_softmax_i8(const struct mcuc_softmax *s, const int8_t *x, const int32_t *table, int8_t *y) {
  for (int32_t row = 0; row < s->outer * s->inner; ++row) {
    const int32_t start = row / s->inner * s->length * s->inner + row % s->inner;
    const int32_t end = start + s->length * s->inner;
    int32_t largest = x[start];
    uint32_t sum = 0;
    for (int32_t i = start; i < end; i += s->inner) {
      if (x[i] > largest) largest = x[i];
    }
    for (int32_t i = start; i < end; i += s->inner) sum += (uint32_t)table[largest - x[i]];
    for (int32_t i = start; i < end; i += s->inner) {
      const uint32_t e = (uint32_t)table[largest - x[i]];
      const uint32_t q = (256 * e + sum / 2) / sum;
      y[i] = (int8_t)(q < 255 ? (int32_t)q - 128 : 127);
    }
  }
}

#endif
