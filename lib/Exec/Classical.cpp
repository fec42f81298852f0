// What classical models are made of: decision trees, distances, and probabilities of classes from those of pairs.
#include <algorithm>
#include <cmath>

#include "Kernel.h"

namespace mcuc::exec {

absl::Status Trees(const Node&, const Operands& operands, Tensor& y) {
  const int64_t features = operands[0]->shape()[1], outputs = y.shape()[1];
  const auto nodes = operands[1]->data<int32_t>(), roots = operands[3]->data<int32_t>();
  const auto leaves = operands[4]->data<int32_t>(), targets = operands[5]->data<int32_t>();
  const auto thresholds = operands[2]->data<float>(), weights = operands[6]->data<float>();
  for (int64_t n = 0; n < y.shape()[0]; ++n) {
    const auto x = operands[0]->data<float>().subspan(static_cast<size_t>(n * features));
    const auto row = y.data<float>().subspan(static_cast<size_t>(n * outputs));
    for (int32_t at : roots) {
      while (at >= 0) {
        const auto node = static_cast<size_t>(at);
        const int32_t feature = nodes[3 * node];  // -1 - feature: where NaN is below
        const float value = x[static_cast<size_t>(feature < 0 ? -1 - feature : feature)];
        const bool low = value <= thresholds[node] || (feature < 0 && std::isnan(value));
        at = nodes[3 * node + (low ? 1 : 2)];
      }
      const auto leaf = static_cast<size_t>(-1 - at);
      for (auto e = static_cast<size_t>(leaves[leaf]); e < static_cast<size_t>(leaves[leaf + 1]); ++e) {
        row[static_cast<size_t>(targets[e])] += weights[e];
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Distance(const Node&, const Operands& operands, Tensor& y) {
  const auto n = static_cast<size_t>(operands[0]->shape()[1]);
  const auto x = operands[0]->data<float>(), w = operands[1]->data<float>();
  const auto result = y.data<float>();
  size_t at = 0;
  for (size_t row = 0; row < x.size(); row += n) {
    for (size_t other = 0; other < w.size(); other += n) {
      double sum = 0;
      for (size_t i = 0; i < n; ++i) {
        const double difference = static_cast<double>(x[row + i]) - static_cast<double>(w[other + i]);
        sum += difference * difference;
      }
      result[at++] = static_cast<float>(sum);
    }
  }
  return absl::OkStatus();
}

// Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling" (2004), algorithm 2:
// the p that makes p' Q p least, where Q[i][i] = sum of r[j][i]^2 over j and Q[i][j] = -r[j][i] r[i][j]. It ends where
// every (Q p)[i] is within 0.005 / n of p' Q p, as libsvm's does, so that results agree to more than that.
absl::Status Couple(const Node& node, const Operands& operands, Tensor& y) {
  const auto n = static_cast<size_t>(node.As<CoupleAttrs>().classes);
  const auto pairs = operands[0]->data<float>();
  size_t next = 0;
  std::vector<float> r(n * n), q(n * n), qp(n);
  for (size_t row = 0; row < y.data<float>().size(); row += n) {
    const auto p = y.data<float>().subspan(row, n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        r[i * n + j] = pairs[next++];
        r[j * n + i] = 1.0F - r[i * n + j];
      }
    }
    for (size_t i = 0; i < n; ++i) {
      q[i * n + i] = 0.0F;
      for (size_t j = 0; j < n; ++j) {
        if (j == i) continue;
        q[i * n + i] += r[j * n + i] * r[j * n + i];
        q[i * n + j] = -r[j * n + i] * r[i * n + j];
      }
    }
    std::fill(p.begin(), p.end(), 1.0F / static_cast<float>(n));
    for (int step = 0; step < 100; ++step) {
      float pqp = 0.0F, error = 0.0F;
      for (size_t i = 0; i < n; ++i) {
        qp[i] = 0.0F;
        for (size_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
        pqp += p[i] * qp[i];
      }
      for (size_t i = 0; i < n; ++i) error = std::max(error, std::fabs(qp[i] - pqp));
      if (error < 0.005F / static_cast<float>(n)) break;
      for (size_t i = 0; i < n; ++i) {
        const float change = (pqp - qp[i]) / q[i * n + i], whole = 1.0F + change;
        p[i] += change;
        pqp = (pqp + change * (change * q[i * n + i] + 2.0F * qp[i])) / whole / whole;
        for (size_t j = 0; j < n; ++j) {
          qp[j] = (qp[j] + change * q[i * n + j]) / whole;
          p[j] /= whole;
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace mcuc::exec
