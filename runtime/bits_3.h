/* SPDX-License-Identifier: 0BSD */
/* Element i of a stream of 3 bits each, the lowest bits of a byte first. */
#ifndef MCUC_BITS_3_H
#define MCUC_BITS_3_H

#include <stdint.h>

#include "inline.h"

MCUC_INLINE int32_t mcuc_bits_3(const uint8_t *stream, int32_t i) {
  const uint32_t at = (uint32_t)i * 3;
  const uint8_t *const p = stream + (at >> 3);
  int32_t bits = p[0] >> (at & 7);
  if ((at & 7) > 5) bits |= p[1] << (8 - (at & 7)); /* it may be the stream's last byte otherwise */
  return bits & 7;
}

#endif
