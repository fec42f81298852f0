/* SPDX-License-Identifier: 0BSD */
/* Element i of a stream of 4 bits each, the low half of a byte first. */
#ifndef MCUC_BITS_4_H
#define MCUC_BITS_4_H

#include <stdint.h>

#include "inline.h"

MCUC_INLINE int32_t mcuc_bits_4(const uint8_t *stream, int32_t i) { return stream[i >> 1] >> ((i & 1) * 4) & 15; }

#endif
