/* SPDX-License-Identifier: 0BSD */
/* Probabilities p of n classes from those r of pairs, by Wu, Lin and Weng, "Probability Estimates for Multi-class
 * Classification by Pairwise Coupling" (2004), algorithm 2: p' Q p becomes least. A row of x has r[0][1], r[0][2], …;
 * r[j][i] = 1 - r[i][j]. `work` has n * n elements for Q and n for Q p. */
#ifndef MCUC_COUPLE_F32_H
#define MCUC_COUPLE_F32_H

#include <math.h>
#include <stdint.h>

static void mcuc_couple_f32(int32_t rows, int32_t n, const float *x, float *work, float *y) {
  float *const q = work, *const qp = work + n * n;
  for (float *p = y; p < y + rows * n; p += n) {
    for (int32_t i = 0; i < n; ++i) {
      p[i] = 1.0f / (float)n;
      q[i * n + i] = 0.0f;
    }
    for (int32_t i = 0; i < n; ++i) {
      for (int32_t j = i + 1; j < n; ++j) {
        const float r = *x++, rest = 1.0f - r;
        q[j * n + j] += r * r;
        q[i * n + i] += rest * rest;
        q[i * n + j] = q[j * n + i] = -r * rest;
      }
    }
    for (int32_t step = 0; step < 100; ++step) {
      float pqp = 0.0f, error = 0.0f;
      for (int32_t i = 0; i < n; ++i) {
        qp[i] = 0.0f;
        for (int32_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
        pqp += p[i] * qp[i];
      }
      for (int32_t i = 0; i < n; ++i) {
        if (fabsf(qp[i] - pqp) > error) error = fabsf(qp[i] - pqp);
      }
      if (error < 0.005f / (float)n) break; /* as libsvm, so that results agree to more than that */
      for (int32_t i = 0; i < n; ++i) {
        const float change = (pqp - qp[i]) / q[i * n + i], whole = 1.0f + change;
        p[i] += change;
        pqp = (pqp + change * (change * q[i * n + i] + 2.0f * qp[i])) / whole / whole;
        for (int32_t j = 0; j < n; ++j) {
          qp[j] = (qp[j] + change * q[i * n + j]) / whole;
          p[j] /= whole;
        }
      }
    }
  }
}

#endif
