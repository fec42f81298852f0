// Retraining of pruned candidates, and pruning while training.
//
//   const @w: f32[2x4] = {0.5, 0, 0, 0.75, 0, 0.25, 0, -1}      masks from magnitudes
//   ──►  epochs against labels and the dense graph's outputs
//   const @w: f32[2x4] = {0.53, 0, 0, 0.71, 0, 0.29, 0, -1.1}   zeros stay zeros
#include "Retrain.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "TrainQuantized.h"
#include "Watch.h"
#include "absl/strings/str_cat.h"

namespace mcuc::prune {

namespace {

struct Entry {
  float saliency = 0;
  size_t tensor = 0;
  size_t index = 0;
};

bool Smaller(const Entry& a, const Entry& b) {
  if (a.saliency != b.saliency) return a.saliency < b.saliency;
  return a.tensor != b.tensor ? a.tensor < b.tensor : a.index < b.index;
}

// Of a balanced cost: a product is worth less than its share, since it takes few weights to make most products.
constexpr double kTimeShare = 0.25;

// What keeping a weight of each tensor costs, as a share of what all that are kept cost now.
std::vector<double> CostsOf(const std::vector<train::Parameter*>& parameters, const std::vector<double>& uses,
                            Objective objective) {
  double weights = 0, products = 0;
  for (size_t t = 0; t < parameters.size(); ++t) {
    const auto w = std::as_const(parameters[t]->value).data<float>();
    const auto kept = static_cast<double>(w.size() - static_cast<size_t>(std::count(w.begin(), w.end(), 0.0f)));
    weights += kept;
    products += kept * uses[t];
  }
  std::vector<double> costs;
  for (double n : uses) {
    const double bytes = 1 / std::max(weights, 1.0), time = n / std::max(products, 1.0);
    costs.push_back(objective == Objective::kSize    ? bytes
                    : objective == Objective::kSpeed ? time
                                                     : bytes + kTimeShare * time);
  }
  return costs;
}

// Holds the weights of least saliency at zero, `sparsity` of all. Squares of saliencies are what a loss grows by, and
// are compared for the same cost.
void Rank(const std::vector<train::Parameter*>& parameters, const std::vector<double>& costs, Saliency kind,
          double sparsity) {
  std::vector<Entry> entries;
  for (size_t t = 0; t < parameters.size(); ++t) {
    const train::Parameter& p = *parameters[t];
    const auto w = p.value.data<float>();
    const auto dear = static_cast<float>(std::sqrt(costs[0] / costs[t]));
    const bool gradient = kind == Saliency::kGradient && !p.second.empty();
    for (size_t i = 0; i < w.size(); ++i) {
      // A weight that counts for nothing by its gradient still counts for more than one that is gone.
      const float scale = gradient ? std::sqrt(p.second[i]) + 1e-12f : 1.0f;
      entries.push_back({std::fabs(w[i]) * scale * dear, t, i});
    }
  }
  const int64_t zeros = ZerosOf(sparsity, static_cast<int64_t>(entries.size()));
  if (zeros < static_cast<int64_t>(entries.size())) {
    std::nth_element(entries.begin(), entries.begin() + zeros, entries.end(), Smaller);
  }
  std::vector<std::vector<uint8_t>> kept;
  for (const train::Parameter* p : parameters) kept.emplace_back(static_cast<size_t>(p->value.elements()), uint8_t{1});
  for (int64_t i = 0; i < zeros; ++i) {
    const Entry& entry = entries[static_cast<size_t>(i)];
    kept[entry.tensor][entry.index] = 0;
  }
  for (size_t t = 0; t < parameters.size(); ++t) train::Trainer::Hold(*parameters[t], std::move(kept[t]));
}

// The step at a fraction of the training.
int64_t StepAt(double fraction, const train::Trainer& trainer) {
  return static_cast<int64_t>(std::floor(fraction * static_cast<double>(trainer.steps() - 1)));
}

absl::StatusOr<train::Parameter*> ParameterOf(train::Trainer& trainer, const std::string& name) {
  if (train::Parameter* parameter = trainer.Find(name)) return parameter;
  return absl::InvalidArgumentError(
      absl::StrCat("@", name, " does not lead to the first output, which alone is trained; name it in skip="));
}

}  // namespace

double GradualSparsity(double sparsity, int64_t step, int64_t steps) {
  if (step >= steps) return sparsity;
  const double rest = 1 - static_cast<double>(step) / static_cast<double>(steps);
  return sparsity * (1 - rest * rest * rest);
}

absl::StatusOr<std::unique_ptr<Retrainer>> Retrainer::Create(const Graph& graph, const PassContext& context,
                                                             const RetrainOptions& options) {
  if (!context.train) {
    return absl::FailedPreconditionError("needs training data; give --train=PATH, with labels for a classifier");
  }
  if (!(options.rank >= 0 && options.rank <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("rank=", DoubleText(options.rank), " is outside [0, 1]"));
  }
  std::unique_ptr<Retrainer> retrainer(new Retrainer(graph, options));
  auto samples = train::Samples::Create(*context.train, graph, context.threads);
  if (!samples.ok()) return samples.status();
  retrainer->samples_ = *std::move(samples);
  return retrainer;
}

absl::StatusOr<std::unique_ptr<train::Trainer>> Retrainer::NewTrainer(const Graph& candidate,
                                                                      const PassContext& context,
                                                                      const train::Quantized* quantized,
                                                                      std::optional<int64_t> seed) const {
  train::TrainOptions options = options_.train;
  if (seed) options.seed = static_cast<uint64_t>(*seed);
  options.threads = context.threads;
  return train::Trainer::Create(candidate, *samples_, &graph_, options, quantized);
}

absl::StatusOr<train::Quantized> Retrainer::PartsOf(Graph& candidate) const {
  if (options_.weight_bits == 0) return train::Quantized{};
  return QuantizedParts(candidate, *samples_, options_.weight_bits);
}

absl::StatusOr<int64_t> Retrainer::EpochsWithin(double seconds, const Graph& graph, PassContext& context) {
  constexpr int64_t kWarm = 2, kSteps = 12;
  const auto candidate = graph.Clone();
  absl::StatusOr<train::Quantized> quantized = QuantizedParts(*candidate, *samples_, std::max(2, options_.weight_bits));
  if (!quantized.ok()) return quantized.status();
  const bool quantizes = options_.weight_bits != 0 && !quantized->layers.empty();
  const auto trainer = NewTrainer(*candidate, context, quantizes ? &*quantized : nullptr);
  if (!trainer.ok()) return trainer.status();
  std::chrono::steady_clock::time_point start;
  const auto before_step = [&](int64_t step) -> absl::Status {
    // The first step on all samples' values is not like the others.
    if (step == kWarm - 1 && quantizes) return (*trainer)->StartQuantizing();
    if (step == kWarm) start = std::chrono::steady_clock::now();
    return step == kWarm + kSteps ? absl::CancelledError() : absl::OkStatus();
  };
  const absl::Status status = (*trainer)->Run(before_step);
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  if (status.ok()) return options_.train.epochs;  // all of the training took no more steps than these
  const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double steps_an_epoch = static_cast<double>((*trainer)->steps()) / static_cast<double>(options_.train.epochs);
  const double epochs = seconds / (spent / kSteps * steps_an_epoch);
  options_.train.epochs = std::clamp(static_cast<int64_t>(epochs), int64_t{1}, options_.train.epochs);
  return options_.train.epochs;
}

absl::StatusOr<std::unique_ptr<Graph>> Retrainer::Control(PassContext& context) const {
  std::unique_ptr<Graph> control = graph_.Clone();
  const absl::StatusOr<train::Quantized> quantized = PartsOf(*control);
  if (!quantized.ok()) return quantized.status();
  const bool quantizes = !quantized->layers.empty();
  const auto trainer = NewTrainer(*control, context, quantizes ? &*quantized : nullptr);
  if (!trainer.ok()) return trainer.status();
  const int64_t quantizing = StepAt(options_.quantize_from, **trainer);
  const auto before_step = [&](int64_t step) {
    if (absl::Status status = CheckStop(context); !status.ok()) return status;
    return quantizes && step == quantizing ? (*trainer)->StartQuantizing() : absl::OkStatus();
  };
  if (absl::Status status = (*trainer)->Run(before_step, Watch(context)); !status.ok()) return status;
  if (absl::Status status = (*trainer)->Store(*control); !status.ok()) return status;
  return control;
}

absl::Status Retrainer::Recover(Graph& candidate, const std::vector<Mask>& masks, PassContext& context) const {
  const auto trainer = NewTrainer(candidate, context);
  if (!trainer.ok()) return trainer.status();
  for (const Mask& mask : masks) {
    const absl::StatusOr<train::Parameter*> parameter = ParameterOf(**trainer, mask.weights);
    if (!parameter.ok()) return parameter.status();
    train::Trainer::Hold(**parameter, std::vector<uint8_t>(mask.kept.begin(), mask.kept.end()));
  }
  (*trainer)->FreezeMasks();
  const auto before_step = [&](int64_t) { return CheckStop(context); };
  if (absl::Status status = (*trainer)->Run(before_step, Watch(context)); !status.ok()) return status;
  return (*trainer)->Store(candidate);
}

absl::StatusOr<Pruned> Retrainer::PruneGradually(Graph& candidate, const std::vector<Value*>& weights, double sparsity,
                                                 int64_t seed, const Glance& glance, PassContext& context) const {
  if (!(sparsity >= 0 && sparsity <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("sparsity=", DoubleText(sparsity), " is outside [0, 1]"));
  }
  if (options_.saliency == Saliency::kGradient && options_.train.optimizer != train::OptimizerKind::kAdam) {
    return absl::InvalidArgumentError(
        "saliency=gradient takes Adam's second moment; give saliency=magnitude or optimizer=adam");
  }
  const absl::StatusOr<train::Quantized> quantized = PartsOf(candidate);
  if (!quantized.ok()) return quantized.status();
  const bool quantizes = !quantized->layers.empty();
  const auto trainer = NewTrainer(candidate, context, quantizes ? &*quantized : nullptr, seed);
  if (!trainer.ok()) return trainer.status();
  std::vector<train::Parameter*> parameters;
  std::vector<double> uses;  // products with each weight in one inference
  for (const Value* w : weights) {
    double macs = 0;
    for (const Node* node : candidate.Users(w)) macs += static_cast<double>(MacsOf(*node));
    uses.push_back(macs / static_cast<double>(w->type().elements()));
    const absl::StatusOr<train::Parameter*> parameter = ParameterOf(**trainer, w->name());
    if (!parameter.ok()) return parameter.status();
    parameters.push_back(*parameter);
  }
  const int64_t ranking = StepAt(options_.rank, **trainer);
  const int64_t interval = std::clamp<int64_t>(ranking / 20, 1, 25);  // steps between two rankings
  // Not before the weights are chosen.
  const int64_t quantizing = std::max(ranking, StepAt(options_.quantize_from, **trainer));
  const auto before_step = [&](int64_t step) {
    if (absl::Status status = CheckStop(context); !status.ok()) return status;
    if (step <= ranking && (step % interval == 0 || step == ranking)) {
      Rank(parameters, CostsOf(parameters, uses, options_.objective), options_.saliency,
           GradualSparsity(sparsity, step, ranking));
      if (step == ranking) {
        (*trainer)->FreezeMasks();
        if (glance) {
          if (absl::Status status = (*trainer)->Store(candidate); !status.ok()) return status;
          if (absl::Status status = glance(candidate); !status.ok()) return status;
        }
      }
    }
    return quantizes && step == quantizing ? (*trainer)->StartQuantizing() : absl::OkStatus();
  };
  if (absl::Status status = (*trainer)->Run(before_step, Watch(context)); !status.ok()) return status;
  if (absl::Status status = (*trainer)->Store(candidate); !status.ok()) return status;
  if (quantizes) {
    if (absl::Status status = WriteScales(candidate, *quantized, **trainer); !status.ok()) return status;
  }
  Pruned pruned;
  pruned.changed = true;
  for (const train::Parameter* p : parameters) {
    pruned.masks.push_back({p->name, std::vector<bool>(p->kept.begin(), p->kept.end())});
  }
  return pruned;
}

}  // namespace mcuc::prune
