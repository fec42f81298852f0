// The form of a graph that is trained: dimension 0 widened to a batch, fused activations and pools nodes of their own,
// only what the first output needs.
#ifndef MCUC_LIB_TRAIN_BATCHED_H
#define MCUC_LIB_TRAIN_BATCHED_H

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Train/Gradient.h"

namespace mcuc::train {

struct Batched {
  std::unique_ptr<Graph> graph;             // names of inputs and constants are those of the original
  std::vector<Value*> inputs;               // one a graph input of the original; null: not read
  std::vector<Value*> parameters;           // constants of `graph`
  std::vector<std::string> names;           // of the parameters
  std::vector<std::vector<Value*>> groups;  // values of `graph`, by PlanOptions::groups
  Value* output = nullptr;                  // what the loss is taken of
  bool stopped_before_softmax = false;
};

absl::StatusOr<Batched> MakeBatched(const Graph& graph, const PlanOptions& options);

// `conv "conv1"`: how messages name a node.
std::string NameOf(const Node& node);

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_BATCHED_H
