// The search for the highest sparsity within a tolerated loss: candidates are pruned, made good for (retrained), taken
// through the rest of the pipeline, and scored on the validation set.
#ifndef MCUC_LIB_PASSES_SEARCH_H
#define MCUC_LIB_PASSES_SEARCH_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Magnitude.h"
#include "absl/status/statusor.h"
#include "mcuc/Data/Score.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc::prune {

// What wins back accuracy between pruning and scoring a candidate: retraining that leaves masked weights at zero.
using Recover =
    std::function<absl::Status(Graph& candidate, const std::vector<Mask>& masks, int64_t seed, PassContext&)>;

// Asked half-way, with all weights gone that are to go, in float, whether to go on: Aborted where there is no hope.
using Glance = std::function<absl::Status(const Graph& candidate)>;

// What prunes a candidate to a sparsity where PruneMagnitude with Scope::kLayer does not. May ask `glance`.
using PruneTo =
    std::function<absl::StatusOr<Pruned>(Graph& candidate, const std::vector<Value*>& weights, double sparsity,
                                         int64_t seed, const Glance& glance, PassContext&)>;

// The graph retrained as candidates are, with nothing pruned.
using Retrain = std::function<absl::StatusOr<std::unique_ptr<Graph>>(PassContext&)>;

using mcuc::Candidate;

enum class Strategy : uint8_t {
  kHalving,    // from sparsity 0 by steps of 0.5, 0.25, … down to min_step
  kGalloping,  // from 0.9375 the density is halved or doubled until it is bracketed, then bisected down to `precision`
  // For candidates that take minutes, from 0.9375 or, the more often weights are used, less: the loss is taken to grow
  // as a power of 1 / density, which two candidates tell, and the next one is where that reaches the tolerated loss. At
  // the end what was missed by less than its standard errors is tried once more, with the next seed.
  kPowerLaw,
  // The highest density whose estimated flash is within `flash`: a line through the candidates' bytes leads to it.
  kFlash,
};

struct SearchOptions {
  double max_drop = 0.01;
  // A candidate's drop on the samples at hand and this many standard errors of it must be within max_drop.
  double standard_errors = 1;
  double min_step = 0.01;
  std::vector<std::string> skip;
  std::optional<MetricKind> metric;  // none: the one that the data set calls for
  int64_t seed = 0;
  Strategy strategy = Strategy::kHalving;
  double precision = 0.1;          // the rejected density is above 1 - precision of the accepted one
  double seconds = 0;              // no candidate is begun that would probably end later; 0: no limit
  std::optional<int64_t> flash;    // bytes, of kFlash
  std::optional<double> sparsity;  // no search: this candidate is kept whatever its drop, scored if there is a set
  // Tells whether the graph was trained on the validation samples (see Familiarity.h); null: that is not asked.
  Retrain retrain;
};

struct SearchResult {
  Score reference;                    // what drops are measured from
  std::vector<Candidate> candidates;  // in the order tried
  std::optional<size_t> best;         // index of the accepted candidate of the highest sparsity
  std::unique_ptr<Graph> graph;       // pruned to it, before the passes that follow; null without one
  bool changed = false;               // the graph differs from the one searched
};

// kHalving is Algorithm 1 of "Deep Compression for PyTorch Model Deployment on Microcontrollers" (Dogan, Ugurdag,
// Unlu, 2021), section 2: a binary search for the sparsity. `recover` and `prune_to` may be null. Needs
// context.validate. Stops with what it has where context.stop says so, or the time is up.
absl::StatusOr<SearchResult> SearchSparsity(const Graph& graph, PassContext& context, const SearchOptions& options,
                                            const Recover& recover, const PruneTo& prune_to = nullptr);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_SEARCH_H
