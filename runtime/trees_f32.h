/* SPDX-License-Identifier: 0BSD */
/* Sums over decision trees. A node is three numbers: a feature, what is next where x <= threshold, and what is else: a
 * node, or -1 - leaf. -1 - feature for the feature: where x is NaN, too, what is next where x <= threshold. A leaf's
 * entries, from leaves[leaf] to leaves[leaf + 1], each add a weight to an output. */
#ifndef MCUC_TREES_F32_H
#define MCUC_TREES_F32_H

#include <stdint.h>

struct mcuc_trees {
  int32_t rows, features, outputs, trees;
  const int16_t *nodes;
  const float *thresholds;
  const int16_t *roots;
  const uint16_t *leaves;
  const uint16_t *targets;
  const float *weights;
};

static void mcuc_trees_f32(const struct mcuc_trees *s, const float *x, float *y) {
  for (int32_t n = 0; n < s->rows; ++n, x += s->features, y += s->outputs) {
    for (int32_t i = 0; i < s->outputs; ++i) y[i] = 0.0f;
    for (int32_t t = 0; t < s->trees; ++t) {
      int32_t at = s->roots[t];
      while (at >= 0) {
        const int16_t *node = s->nodes + 3 * at;
        const int low = node[0] < 0 ? !(x[-1 - node[0]] > s->thresholds[at]) : x[node[0]] <= s->thresholds[at];
        at = node[low ? 1 : 2];
      }
      for (int32_t e = s->leaves[-1 - at]; e < s->leaves[-at]; ++e) y[s->targets[e]] += s->weights[e];
    }
  }
}

#endif
