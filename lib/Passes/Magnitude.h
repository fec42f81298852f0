// Magnitude pruning, shared by prune (to a given sparsity) and prune-search (to the highest tolerated one), and the
// search's parts. The smallest weights become zero: floor(sparsity * n) of the n of a layer, of equal ones the first.
#ifndef MCUC_LIB_PASSES_MAGNITUDE_H
#define MCUC_LIB_PASSES_MAGNITUDE_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Score.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc::prune {

// The weights that can be pruned: dense f32 or int8 constants of conv, conv_transpose and fc that nothing else reads,
// without those named in `skip` by their own name or their layer's. Others are remarked on; an unknown name is an
// error.
absl::StatusOr<std::vector<Value*>> PrunableWeights(const Graph& graph, const std::vector<std::string>& skip,
                                                    const PassContext& context);

// Which weights of a constant are left; retraining keeps the others at zero.
struct Mask {
  std::string weights;  // the constant's name
  std::vector<bool> kept;
};

enum class Scope : uint8_t {
  kLayer,   // each tensor to this sparsity
  kGlobal,  // all tensors together: |w| is compared across layers, of int8 weights as a real number
};

// How many of n weights become zero: floor(sparsity * n), where 0.29 * 100 is 29 whatever binary fractions make of it.
int64_t ZerosOf(double sparsity, int64_t n);

struct Pruned {
  bool changed = false;
  std::vector<Mask> masks;  // one a tensor, in order
};
// Zeroes weights; for a quantized layer the zero point's share of them leaves the bias too (N4), so that a zero weight
// means zero. `sparsity` is within [0, 1].
absl::StatusOr<Pruned> PruneMagnitude(Graph& graph, const std::vector<Value*>& weights, double sparsity, Scope scope);

// What wins back accuracy between pruning and scoring a candidate: retraining that leaves masked weights at zero.
using Recover =
    std::function<absl::Status(Graph& candidate, const std::vector<Mask>& masks, int64_t seed, PassContext&)>;

// What prunes a candidate to a sparsity where PruneMagnitude with Scope::kLayer does not.
using PruneTo = std::function<absl::StatusOr<Pruned>(Graph& candidate, const std::vector<Value*>& weights,
                                                     double sparsity, PassContext&)>;

enum class Strategy : uint8_t {
  kHalving,    // from sparsity 0 by steps of 0.5, 0.25, … down to min_step
  kGalloping,  // from 0.9375 the density is halved or doubled until it is bracketed, then bisected down to `precision`
};

struct SearchOptions {
  double max_drop = 0.01;
  double min_step = 0.01;
  std::vector<std::string> skip;
  std::optional<MetricKind> metric;  // none: the one that the data set calls for
  int64_t seed = 0;
  Strategy strategy = Strategy::kHalving;
  double precision = 0.1;          // of galloping: the rejected density is above 1 - precision of the accepted one
  std::optional<double> sparsity;  // no search: this candidate is kept whatever its drop, scored if there is a set
};

struct Candidate {
  double sparsity = 0;
  Score score;
  double drop = 0;
  bool accepted = false;
};

struct SearchResult {
  Score reference;
  std::vector<Candidate> candidates;  // in the order tried
  std::optional<size_t> best;         // index of the accepted candidate of the highest sparsity
  std::unique_ptr<Graph> graph;       // pruned to it, before the passes that follow; null without one
  bool changed = false;               // the graph differs from the one searched
};

// Algorithm 1 of "Deep Compression for PyTorch Model Deployment on Microcontrollers" (Dogan, Ugurdag, Unlu, 2021),
// section 2: a binary search for the sparsity. `recover` and `prune_to` may be null. Needs context.validate.
absl::StatusOr<SearchResult> SearchSparsity(const Graph& graph, PassContext& context, const SearchOptions& options,
                                            const Recover& recover, const PruneTo& prune_to = nullptr);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_MAGNITUDE_H
