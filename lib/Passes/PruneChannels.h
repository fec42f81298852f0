// The parts of prune-channels: what is known of the values of a graph (PruneChannelsBounds.cpp), which elements of them
// can go (PruneChannelsKeep.cpp), and the rewriting (PruneChannels.cpp).
#ifndef MCUC_LIB_PASSES_PRUNE_CHANNELS_H
#define MCUC_LIB_PASSES_PRUNE_CHANNELS_H

#include <map>
#include <vector>

#include "mcuc/IR/Graph.h"

namespace mcuc::channels {

// The least and largest value of each element of a value, of the value's own type (infinite where nothing is known of a
// float). Exact for integers; where both are the same the element is a constant.
struct Bounds {
  Tensor lo, hi;
};
// Of every f32 and quantized int8 value. Inputs are taken to be finite.
std::map<const Value*, Bounds> BoundsOf(const Graph& graph);

// Element i of a value is kept; a value that is not listed is kept whole.
using Keep = std::map<const Value*, std::vector<char>>;
// Everything that an output depends on, and what must stay for the shapes' sake: what goes from a value are whole
// slices along one axis, the same ones as far as elementwise operations, pools, reshapes and concatenations carry them.
Keep KeptOf(const Graph& graph);

// The slices along one axis that stay of a value; axis -1: all.
struct Slices {
  int64_t axis = -1;
  std::vector<int64_t> kept;
};
// The axis along which most can go.
Slices SlicesOf(const Shape& shape, const std::vector<char>& keep);

// A conv, conv_transpose or fc of dense constant weights that nothing else reads and with a constant bias or none.
bool IsPlainLayer(const Graph& graph, const Node& node);

}  // namespace mcuc::channels

#endif  // MCUC_LIB_PASSES_PRUNE_CHANNELS_H
