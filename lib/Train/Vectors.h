// Loops over rows of floats that the products of sparse weights are made of. Compiled for several instruction sets, of
// which the loader takes the best; the order of additions is fixed within each.
#ifndef MCUC_LIB_TRAIN_VECTORS_H
#define MCUC_LIB_TRAIN_VECTORS_H

#include <cstdint>
#include <vector>

namespace mcuc::train {

// A row of floats times a factor.
struct Term {
  const float* x;
  float w;
};

// y[i] += sum of terms[k].w * terms[k].x[i], 0 <= i < n.
void AddTerms(const std::vector<Term>& terms, int64_t n, float* y);
// Adds to *sums[k] the sum of a[i] * b[k][i], 0 <= i < n.
void AddDots(const float* a, const std::vector<const float*>& b, int64_t n, const std::vector<float*>& sums);

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_VECTORS_H
