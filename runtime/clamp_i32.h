/* SPDX-License-Identifier: 0BSD */
/* The clamp of rule N3. */
#ifndef MCUC_CLAMP_I32_H
#define MCUC_CLAMP_I32_H

#include <stdint.h>

static inline int32_t mcuc_clamp_i32(int32_t q, int32_t lo, int32_t hi) { return q < lo ? lo : q > hi ? hi : q; }

#endif
