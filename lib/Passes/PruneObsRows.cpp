// Optimal Brain Surgeon on one row of weights: the greedy order of removal with the exact update of the inverse, and
// least squares on what is left.
//
//   H = {{2, 1}, {1, 2}}, w = {1, 1}:  w_p^2 / (2 [H^-1]_pp) is 3/4 for both; 0 goes first, w becomes {0, 1.5}, and the
//   inverse {{2, -1}, {-1, 2}} / 3 becomes {1/2}; then 1.5^2 / (2 * 1/2) = 9/4 for the other: together 3 = w H w / 2.
#include <algorithm>
#include <numeric>

#include <Eigen/Cholesky>

#include "PruneObs.h"

namespace mcuc::obs {

void RemoveFromInverse(Matrix& inverse, Eigen::Index n, Eigen::Index p) {
  const Vector column = inverse.col(p).head(n);
  const double pivot = column(p);
  const Eigen::Index last = n - 1;
  for (Eigen::Index j = 0; j < n; ++j) {
    if (j != p) inverse.col(j).head(n).noalias() -= (column(j) / pivot) * column;
  }
  if (p == last) return;
  inverse.col(p).head(n) = inverse.col(last).head(n);
  inverse.row(p).head(last) = inverse.row(last).head(last);
}

Trace RemovalTrace(Matrix inverse, Vector w) {
  Eigen::Index n = w.size();
  std::vector<int32_t> index(static_cast<size_t>(n));
  std::iota(index.begin(), index.end(), 0);
  Trace trace;
  for (; n > 0; --n) {
    // Of equal ones the first in the row's own order.
    Eigen::Index p = 0;
    double least = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      const double loss = w(i) * w(i) / inverse(i, i);
      if (i == 0 || loss < least || (loss == least && index[static_cast<size_t>(i)] < index[static_cast<size_t>(p)])) {
        p = i, least = loss;
      }
    }
    trace.order.push_back(index[static_cast<size_t>(p)]);
    trace.loss.push_back(least / 2);
    w.head(n) -= (w(p) / inverse(p, p)) * inverse.col(p).head(n);
    RemoveFromInverse(inverse, n, p);
    w(p) = w(n - 1);
    index[static_cast<size_t>(p)] = index[static_cast<size_t>(n - 1)];
  }
  return trace;
}

struct RowSolver::Factor {
  Eigen::LLT<Matrix> llt;
};

std::optional<Vector> RowSolver::Solve(const std::vector<int32_t>& kept, const Vector& target) {
  const auto n = static_cast<Eigen::Index>(kept.size());
  Vector result = Vector::Zero(h_.cols());
  if (n == 0) return result;
  if (!factor_ || kept != kept_) {
    Matrix part(n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = 0; i < n; ++i) part(i, j) = h_(kept[static_cast<size_t>(i)], kept[static_cast<size_t>(j)]);
    }
    factor_ = std::make_shared<Factor>();
    factor_->llt.compute(part);
    kept_ = kept;
  }
  if (factor_->llt.info() != Eigen::Success) return std::nullopt;
  Vector rhs(n);
  for (Eigen::Index i = 0; i < n; ++i) rhs(i) = target(kept[static_cast<size_t>(i)]);
  factor_->llt.solveInPlace(rhs);
  if (!rhs.allFinite()) return std::nullopt;
  for (Eigen::Index i = 0; i < n; ++i) result(kept[static_cast<size_t>(i)]) = rhs(i);
  return result;
}

}  // namespace mcuc::obs
