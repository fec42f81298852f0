// Retraining for prune-search: of a candidate pruned in one go, and while a candidate is pruned gradually.
#ifndef MCUC_LIB_PASSES_RETRAIN_H
#define MCUC_LIB_PASSES_RETRAIN_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Magnitude.h"
#include "Search.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc::prune {

enum class Saliency : uint8_t {
  kMagnitude,  // |w|
  kGradient,   // |w| times the root of Adam's second moment: what a weight does to the loss, to first order
};

// What gradual pruning is to save.
enum class Objective : uint8_t { kBalanced, kSize, kSpeed };

struct RetrainOptions {
  train::TrainOptions train;
  Saliency saliency = Saliency::kGradient;
  Objective objective = Objective::kBalanced;
  double rank = 0.5;            // of gradual pruning: the fraction of the training during which the sparsity grows
  int weight_bits = 0;          // of quantization-aware training in gradual pruning; 0: none
  double quantize_from = 0.55;  // the fraction of the training after which it starts
};

class Retrainer {
 public:
  // Needs context.train. The graph before pruning, which must outlive the retrainer, is the teacher.
  static absl::StatusOr<std::unique_ptr<Retrainer>> Create(const Graph& graph, const PassContext& context,
                                                           const RetrainOptions& options);

  // How many epochs of gradual pruning take this many seconds on this machine, at least 1 and at most as many as the
  // options say; found by some steps on a copy of the graph.
  absl::StatusOr<int64_t> EpochsWithin(double seconds, const Graph& graph, PassContext& context);

  // The graph trained as a candidate is, quantization-aware at the end, with nothing pruned (Familiarity.h).
  absl::StatusOr<std::unique_ptr<Graph>> Control(PassContext& context) const;

  // Trains what the masks keep.
  absl::Status Recover(Graph& candidate, const std::vector<Mask>& masks, PassContext& context) const;

  // Prunes the tensors together while training (Zhu and Gupta, "To prune, or not to prune", 2017, section 3): at the
  // fraction t of the ranking phase the weights of least saliency become zero until their share is s (1 - (1 - t)^3);
  // after it the masks stay. At its end `glance`, where not null, may end the training. `seed` of the samples' order.
  absl::StatusOr<Pruned> PruneGradually(Graph& candidate, const std::vector<Value*>& weights, double sparsity,
                                        int64_t seed, const Glance& glance, PassContext& context) const;

 private:
  Retrainer(const Graph& graph, const RetrainOptions& options) : graph_(graph), options_(options) {}
  absl::StatusOr<std::unique_ptr<train::Trainer>> NewTrainer(const Graph& candidate, const PassContext& context,
                                                             const train::Quantized* quantized = nullptr,
                                                             std::optional<int64_t> seed = std::nullopt) const;
  // What quantization-aware training quantizes; nothing where it is not to be.
  absl::StatusOr<train::Quantized> PartsOf(Graph& candidate) const;

  const Graph& graph_;
  RetrainOptions options_;
  std::unique_ptr<train::Samples> samples_;
};

// The sparsity of gradual pruning at step `step` of a ranking phase of `steps`.
double GradualSparsity(double sparsity, int64_t step, int64_t steps);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_RETRAIN_H
