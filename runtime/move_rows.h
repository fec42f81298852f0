/* SPDX-License-Identifier: 0BSD */
/* A window of rows that moves on: `kept` bytes at x + step go to x, and padding behind them, up to `size` bytes. */
#ifndef MCUC_MOVE_ROWS_H
#define MCUC_MOVE_ROWS_H

#include <stdint.h>
#include <string.h>

static void mcuc_move_rows(void *x, int32_t step, int32_t kept, int32_t size, int32_t fill) {
  uint8_t *to = x;
  for (int32_t left = kept; left > 0; left -= step, to += step)
    memcpy(to, to + step, (size_t)(left < step ? left : step));
  memset((uint8_t *)x + kept, fill, (size_t)(size - kept));
}

#endif
