// How much each layer of a quantized graph differs from the same layer in float, to find what quantization hurts.
#ifndef MCUC_TOOLS_COMPARE_LAYERS_H
#define MCUC_TOOLS_COMPARE_LAYERS_H

#include <string>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// A table, worst layer first: over at most 256 samples the signal-to-noise ratio in dB, 10 log10 of the sum of the
// squares of the float layer's results by that of their differences from `graph`'s, and the largest difference as a
// part of the largest float result. Layers are matched by name and shape; those that have none of the same are counted
// below the table. `reference`: the imported model in float.
absl::StatusOr<std::string> CompareLayers(const Graph& reference, const Graph& graph, const Dataset& data, int threads);

}  // namespace mcuc

#endif  // MCUC_TOOLS_COMPARE_LAYERS_H
