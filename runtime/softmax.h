/* SPDX-License-Identifier: 0BSD */
/* The dimensions before, of and behind the axis of a softmax. */
#ifndef MCUC_SOFTMAX_H
#define MCUC_SOFTMAX_H

#include <stdint.h>

struct mcuc_softmax {
  int32_t outer, length, inner;
};

#endif
