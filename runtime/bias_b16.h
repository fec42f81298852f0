/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_BIAS_B16_H
#define MCUC_BIAS_B16_H

#include <stdint.h>

/* A bias as it is stored: without a number of zero bits at its end. */
typedef int16_t mcuc_bias_b16;

#endif
