/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_SHIFT_RIGHT_H
#define MCUC_SHIFT_RIGHT_H

#include <stdint.h>

/* x >> n, rounding down. The standard leaves the shift of a negative number to the compiler; every compiler for the
   cores in question shifts arithmetically, and this and mcuc_requantize are the places that count on it. */
static inline int32_t mcuc_shift_right(int32_t x, int32_t n) { return x >> n; }

#endif
