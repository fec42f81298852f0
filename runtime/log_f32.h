/* SPDX-License-Identifier: 0BSD */
/* Natural logarithm, by the C library. */
#ifndef MCUC_LOG_F32_H
#define MCUC_LOG_F32_H

#include <math.h>

static inline float mcuc_log_f32(float x) { return logf(x); }

#endif
