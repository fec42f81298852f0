// Runs a graph over a data set and scores its outputs.
#include "mcuc/Data/Score.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Support/Spread.h"

namespace mcuc {

namespace {

// The class of the greatest value, the first of several; -1 where a value is NaN, which agrees with no class.
int64_t TopOne(const std::vector<float>& output) {
  if (std::any_of(output.begin(), output.end(), [](float v) { return std::isnan(v); })) return -1;
  return std::max_element(output.begin(), output.end()) - output.begin();
}

// A model that ends in an arg max gives the class itself.
int64_t ClassOf(const std::vector<float>& output) {
  if (output.size() > 1) return TopOne(output);
  return std::isnan(output[0]) ? -1 : std::lround(output[0]);
}

std::string Number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

// How wrong one sample's output is: 0 or 1 for a class, else the mean squared error.
double LossOf(const std::vector<float>& output, const std::vector<float>& reference, const Dataset& data, size_t i,
              MetricKind kind) {
  if (kind == MetricKind::kTop1) return ClassOf(output) == data.labels()[i] ? 0 : 1;
  if (kind == MetricKind::kAgreement) {
    const int64_t expected = ClassOf(reference);
    return expected >= 0 && ClassOf(output) == expected ? 0 : 1;
  }
  double squares = 0;
  for (size_t j = 0; j < output.size(); ++j) {
    const double expected = data.has_targets()
                                ? static_cast<double>(data.targets()[0].data<float>()[i * output.size() + j])
                                : static_cast<double>(reference[j]);
    const double error = static_cast<double>(output[j]) - expected;
    squares += error * error;
  }
  return squares / static_cast<double>(output.size());
}

}  // namespace

absl::StatusOr<Outputs> RunGraph(const Graph& graph, const Dataset& data, int threads) {
  if (graph.outputs().empty()) return absl::InvalidArgumentError("the model has no outputs to score");
  absl::StatusOr<std::unique_ptr<Interpreter>> interpreter = Interpreter::Create(graph);
  if (!interpreter.ok()) return interpreter.status();
  Outputs outputs(static_cast<size_t>(data.size()));
  const absl::Status status =
      (*interpreter)
          ->RunMany(
              data.size(), [&](int64_t i) { return data.Sample(i, graph); },
              [&](int64_t i, std::vector<Tensor> results) {
                const Tensor real = ConvertTensor(results[0], Type{ElementType::f32, results[0].shape()});
                const auto values = real.data<float>();
                outputs[static_cast<size_t>(i)].assign(values.begin(), values.end());
              },
              threads);
  if (!status.ok()) return status;
  return outputs;
}

std::string Score::ToString() const {
  switch (kind) {
    case MetricKind::kTop1:
      return absl::StrCat(Number("%.2f", 100 * value), " % of ", samples);
    case MetricKind::kAgreement:
      return absl::StrCat(Number("%.2f", 100 * value), " % agreement on ", samples);
    case MetricKind::kMinusMse:
      break;
  }
  return absl::StrCat("mse ", Number("%.4g", -value), " over ", samples);
}

double DropOf(const Score& reference, const Score& score) {
  const double drop = reference.value - score.value;
  if (score.kind != MetricKind::kMinusMse) return drop;
  if (std::isnan(drop)) return std::numeric_limits<double>::infinity();
  if (drop <= 0 || score.spread > 0) return score.spread > 0 ? drop / score.spread : 0;
  return std::numeric_limits<double>::infinity();  // constant values, and yet an error
}

double DropErrorOf(const Outputs& reference, const Outputs& outputs, const Dataset& data, const Score& score) {
  const auto n = static_cast<double>(outputs.size());
  if (outputs.size() < 2) return 0;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const double difference =
        LossOf(outputs[i], reference[i], data, i, score.kind) - LossOf(reference[i], reference[i], data, i, score.kind);
    sum += difference;
    squares += difference * difference;
  }
  const double variance = std::max(0.0, squares - sum * sum / n) / (n - 1);
  const double error = std::sqrt(variance / n);
  if (score.kind != MetricKind::kMinusMse || error == 0) return error;
  return score.spread > 0 ? error / score.spread : std::numeric_limits<double>::infinity();
}

absl::StatusOr<Score> ScoreOf(const Outputs& outputs, const Dataset& data, const Outputs* reference,
                              std::optional<MetricKind> metric) {
  const size_t n = static_cast<size_t>(data.size());
  if (outputs.size() != n || n == 0) {
    return absl::InternalError(absl::StrCat(outputs.size(), " outputs for ", n, " samples"));
  }
  const size_t length = outputs[0].size();
  const bool against_targets = data.has_targets() && (!metric || *metric == MetricKind::kMinusMse);
  Score score;
  score.samples = data.size();
  if (metric) {
    score.kind = *metric;
  } else if (!data.has_labels()) {
    score.kind = data.has_targets() || length < 2 ? MetricKind::kMinusMse : MetricKind::kAgreement;
  }
  if (score.kind == MetricKind::kTop1 && !data.has_labels()) {
    return absl::InvalidArgumentError(absl::StrCat(data.name(), ": has no labels for a top-1 score; give labels="));
  }
  if (score.kind != MetricKind::kTop1 && !against_targets && !reference) {
    return absl::InvalidArgumentError(absl::StrCat(
        data.name(), ": has neither labels nor expected outputs, and there is no reference model to compare with"));
  }
  if (score.kind != MetricKind::kTop1 && !against_targets && reference->size() != n) {
    return absl::InternalError(absl::StrCat(reference->size(), " reference outputs for ", n, " samples"));
  }

  int64_t right = 0;
  double squares = 0;
  Spread expectation;
  for (size_t i = 0; i < n; ++i) {
    if (score.kind == MetricKind::kTop1) {
      right += ClassOf(outputs[i]) == data.labels()[i];
      continue;
    }
    if (score.kind == MetricKind::kAgreement) {
      const int64_t expected = ClassOf((*reference)[i]);
      right += expected >= 0 && ClassOf(outputs[i]) == expected;
      continue;
    }
    if (!against_targets && (*reference)[i].size() != outputs[i].size()) {
      return absl::InternalError("outputs and reference outputs differ in length");
    }
    for (size_t j = 0; j < outputs[i].size(); ++j) {
      const double expected = against_targets ? static_cast<double>(data.targets()[0].data<float>()[i * length + j])
                                              : static_cast<double>((*reference)[i][j]);
      const double error = static_cast<double>(outputs[i][j]) - expected;
      squares += error * error;
      expectation.Add(expected);
    }
  }
  if (score.kind == MetricKind::kMinusMse) {
    score.value = -squares / expectation.n;
    score.spread = expectation.squares / expectation.n;
  } else {
    score.value = static_cast<double>(right) / static_cast<double>(n);
  }
  return score;
}

}  // namespace mcuc
