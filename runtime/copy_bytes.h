/* SPDX-License-Identifier: 0BSD */
/* Short copies and fills, by words where they may lie at any address. The libraries of small cores go byte by byte, and
   the compiler, but for the empty assembly, would call them. */
#ifndef MCUC_COPY_BYTES_H
#define MCUC_COPY_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void mcuc_copy_bytes(const int8_t *from, int32_t n, int8_t *to) {
#if defined(__ARM_FEATURE_UNALIGNED) && defined(__GNUC__)
  uint32_t word;
  if (n >= 4) {
    const int8_t *const last = from + n - 4;
    int8_t *const last_to = to + n - 4;
    for (; from < last; from += 4, to += 4) {
      memcpy(&word, from, 4);
      __asm__("" : "+r"(word));
      memcpy(to, &word, 4);
    }
    memcpy(&word, last, 4);
    memcpy(last_to, &word, 4);
    return;
  }
  for (; n > 0; --n) {
    int32_t byte = *from++;
    __asm__("" : "+r"(byte));
    *to++ = (int8_t)byte;
  }
#else
  if (n > 0) memcpy(to, from, (size_t)n);
#endif
}

static inline void mcuc_fill_bytes(int32_t value, int32_t n, int8_t *to) {
#if defined(__ARM_FEATURE_UNALIGNED) && defined(__GNUC__)
  uint32_t word = (uint8_t)value * UINT32_C(0x01010101);
  for (; n >= 4; n -= 4, to += 4) {
    __asm__("" : "+r"(word));
    memcpy(to, &word, 4);
  }
  for (; n > 0; --n) {
    __asm__("" : "+r"(value));
    *to++ = (int8_t)value;
  }
#else
  if (n > 0) memset(to, value, (size_t)n);
#endif
}

#endif
