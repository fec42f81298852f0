/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_BIAS_B8_H
#define MCUC_BIAS_B8_H

#include <stdint.h>

/* A bias as it is stored: without a number of zero bits at its end. */
typedef int8_t mcuc_bias_b8;

#endif
