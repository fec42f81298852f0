/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_DEQUANTIZE_H
#define MCUC_DEQUANTIZE_H

#include <stdint.h>

/* N18: the real value of q. */
static inline float mcuc_dequantize(int32_t q, float scale, int32_t zero) { return (float)(q - zero) * scale; }

#endif
