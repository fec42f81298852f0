// Rows of floats: weighted sums and scalar products, four at a time, so that what they share is loaded once.
#include "Vectors.h"

#include <cstddef>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define MCUC_FOR_EACH_ISA __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MCUC_FOR_EACH_ISA
#endif

namespace mcuc::train {

// No anonymous namespace: gcc 12 takes clones within one for unused functions.
namespace vectors {

constexpr int64_t kLanes = 16;

MCUC_FOR_EACH_ISA void AddFour(const Term* t, int64_t n, float* __restrict y) {
  const float *a = t[0].x, *b = t[1].x, *c = t[2].x, *d = t[3].x;
  const float wa = t[0].w, wb = t[1].w, wc = t[2].w, wd = t[3].w;
  for (int64_t i = 0; i < n; ++i) y[i] += (wa * a[i] + wb * b[i]) + (wc * c[i] + wd * d[i]);
}

MCUC_FOR_EACH_ISA void AddOne(const Term* t, int64_t n, float* __restrict y) {
  const float* a = t->x;
  const float w = t->w;
  for (int64_t i = 0; i < n; ++i) y[i] += w * a[i];
}

MCUC_FOR_EACH_ISA float Dot(const float* a, const float* b, int64_t n) {
  float lanes[kLanes] = {};  // a fixed order that vectorizes
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] += a[i + k] * b[i + k];
  }
  float sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (float lane : lanes) sum += lane;
  return sum;
}

}  // namespace vectors

void AddTerms(const std::vector<Term>& terms, int64_t n, float* y) {
  std::size_t k = 0;
  for (; k + 4 <= terms.size(); k += 4) vectors::AddFour(&terms[k], n, y);
  for (; k < terms.size(); ++k) vectors::AddOne(&terms[k], n, y);
}

void AddDots(const float* a, const std::vector<const float*>& b, int64_t n, const std::vector<float*>& sums) {
  for (std::size_t k = 0; k < b.size(); ++k) *sums[k] += vectors::Dot(a, b[k], n);
}

}  // namespace mcuc::train
