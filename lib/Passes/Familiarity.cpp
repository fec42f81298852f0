// Whether a model was trained on the validation samples.
#include "Familiarity.h"

#include <algorithm>
#include <cmath>

namespace mcuc::prune {

namespace {

// Standard errors beyond which a difference is not by chance.
constexpr double kDoubtful = 2, kSure = 3;

double VarianceOf(const Score& score) {
  return score.value * (1 - score.value) / static_cast<double>(std::max<int64_t>(1, score.samples));
}

}  // namespace

absl::StatusOr<Familiarity> TestFamiliarity(const Graph& graph, const Outputs& outputs, const Score& score,
                                            const Retrain& retrain, PassContext& context) {
  Familiarity result{false, {}, {}, {}, context.train->Thinned(std::max<int64_t>(1, context.validate->size())), {}};
  const Dataset& seen = result.seen;
  absl::StatusOr<Outputs> on_seen = RunGraph(graph, seen, context.threads);
  if (!on_seen.ok()) return on_seen.status();
  const absl::StatusOr<Score> train = ScoreOf(*on_seen, seen, nullptr, MetricKind::kTop1);
  if (!train.ok()) return train.status();
  result.train = *train;
  const double gap = train->value - score.value;
  if (gap > kDoubtful * std::sqrt(VarianceOf(*train) + VarianceOf(score))) return result;

  const absl::StatusOr<std::unique_ptr<Graph>> control = retrain(context);
  if (!control.ok()) return control.status();
  const absl::StatusOr<Outputs> control_seen = RunGraph(**control, seen, context.threads);
  if (!control_seen.ok()) return control_seen.status();
  const absl::StatusOr<Outputs> control_outputs = RunGraph(**control, *context.validate, context.threads);
  if (!control_outputs.ok()) return control_outputs.status();
  const absl::StatusOr<Score> control_train = ScoreOf(*control_seen, seen, nullptr, MetricKind::kTop1);
  if (!control_train.ok()) return control_train.status();
  const absl::StatusOr<Score> control_score = ScoreOf(*control_outputs, *context.validate, nullptr, MetricKind::kTop1);
  if (!control_score.ok()) return control_score.status();
  result.control_train = *control_train;
  result.control = *control_score;

  // Both differences are between the same samples, of two models.
  const double lost = DropOf(score, *control_score), lost_seen = DropOf(*train, *control_train);
  const double error = DropErrorOf(outputs, *control_outputs, *context.validate, score);
  const double error_seen = DropErrorOf(*on_seen, *control_seen, seen, *train);
  result.known = lost > kSure * error && lost - lost_seen > kSure * std::hypot(error, error_seen);
  result.outputs = *std::move(on_seen);
  return result;
}

}  // namespace mcuc::prune
