// Scores a graph on a data set: the one metric behind prune-search, reports and --test.
#ifndef MCUC_DATA_SCORE_H
#define MCUC_DATA_SCORE_H

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// The first output of each sample as floats (dequantized), computed by whatever runs the model.
using Outputs = std::vector<std::vector<float>>;
absl::StatusOr<Outputs> RunGraph(const Graph& graph, const Dataset& data, int threads = 0);

struct Score {
  MetricKind kind = MetricKind::kTop1;
  double value = 0;  // higher is better: a fraction of 1, or minus the mean squared error
  int64_t samples = 0;

  std::string ToString() const;  // "98.82 % of 10000", "mse 0.0123 over 100"
};

// `reference`: the float model's outputs on the same data; used only without labels and targets.
absl::StatusOr<Score> ScoreOf(const Outputs& outputs, const Dataset& data, const Outputs* reference);

}  // namespace mcuc

#endif  // MCUC_DATA_SCORE_H
