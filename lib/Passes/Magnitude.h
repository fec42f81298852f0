// Magnitude pruning, shared by prune (to a given sparsity) and prune-search (to the highest tolerated one). The
// smallest weights become zero: floor(sparsity * n) of the n of a layer, of equal ones the first.
#ifndef MCUC_LIB_PASSES_MAGNITUDE_H
#define MCUC_LIB_PASSES_MAGNITUDE_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc::prune {

// The weights that can be pruned: dense f32 or int8 constants of conv, conv_transpose, fc and recurrent that nothing
// else reads, without those named in `skip` by their own name or their layer's. Others are remarked on; an unknown name
// is an error.
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

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_MAGNITUDE_H
