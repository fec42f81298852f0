/* SPDX-License-Identifier: 0BSD */
/* What is left of x after the whole multiples of y, of the sign of y; 0 where y is 0. */
#ifndef MCUC_MOD_I64_H
#define MCUC_MOD_I64_H

#include <stdint.h>

static inline int64_t mcuc_mod_i64(int64_t x, int64_t y) {
  const int64_t rest = y == 0 || y == -1 ? 0 : x % y;
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

#endif
