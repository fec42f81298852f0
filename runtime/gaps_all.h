/* SPDX-License-Identifier: 0BSD */
/* The gaps where every weight has a value: dense<…>. There is no stream. */
#ifndef MCUC_GAPS_ALL_H
#define MCUC_GAPS_ALL_H

#include <stdint.h>

#include "inline.h"

struct mcuc_gaps_all {
  int32_t gap;
};

MCUC_INLINE struct mcuc_gaps_all mcuc_start_gaps_all(const uint8_t *stream) {
  const struct mcuc_gaps_all gaps = {0};
  (void)stream;
  return gaps;
}

MCUC_INLINE int32_t mcuc_gap_all(struct mcuc_gaps_all *gaps) { return gaps->gap; }

#endif
