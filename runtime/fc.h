/* SPDX-License-Identifier: 0BSD */
/* The shape of a fully connected layer: x: rows x inputs, w: outputs x inputs, y: rows x outputs. */
#ifndef MCUC_FC_H
#define MCUC_FC_H

#include <stdint.h>

struct mcuc_fc {
  int32_t rows, inputs, outputs;
};

#endif
