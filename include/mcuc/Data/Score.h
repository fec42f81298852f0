// Scores a graph on a data set: the one metric behind prune-search, reports and --test.
#ifndef MCUC_DATA_SCORE_H
#define MCUC_DATA_SCORE_H

#include <functional>
#include <optional>
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
  double spread = 1;  // of an error: the variance of the values it was taken against

  std::string ToString() const;  // "98.82 % of 10000", "mse 0.0123 over 100"
};

// How much worse `score` is than `reference`: the difference of two fractions, or the growth of the mean squared error
// as a fraction of the variance of the values compared with (the loss of R squared). Infinite where an output is NaN.
double DropOf(const Score& reference, const Score& score);

// `reference`: the float model's outputs on the same data; used only without labels and targets, or where the metric
// is asked for. `metric`: the one to take instead of the one that the data set calls for.
absl::StatusOr<Score> ScoreOf(const Outputs& outputs, const Dataset& data, const Outputs* reference,
                              std::optional<MetricKind> metric = std::nullopt);

// The standard error of DropOf by the differences of single samples (a paired test): what chance in the choice of the
// samples makes of the drop. `score` says the metric that both were scored with; 0 for one sample.
double DropErrorOf(const Outputs& reference, const Outputs& outputs, const Dataset& data, const Score& score);

}  // namespace mcuc

#endif  // MCUC_DATA_SCORE_H
