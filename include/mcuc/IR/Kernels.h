// What the kernels that `select-kernels` chooses from take for granted, proved from the graph alone: the pass, the
// verifier and the emitter ask here.
#ifndef MCUC_IR_KERNELS_H
#define MCUC_IR_KERNELS_H

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

// Both ends included.
struct Interval {
  int64_t lo = 0, hi = 0;
};

// The integers that an int8 value may hold, by its type and the activations behind which it was computed.
Interval RangeOf(const Value& value);

// For an integer conv or fc with constant weights and bias: between which sums each output channel's accumulators lie,
// by the range of x. A fused average pool counts as its largest sum.
std::vector<Interval> AccumulatorRanges(const Node& node);

// Whether this kernel may run the node, an integer conv or fc; the message says why not.
absl::Status CheckKernel(const Node& node, LayerKernel kernel);

// The kernel that select-kernels would choose for the node if its weights were encoded.
LayerKernel KernelIfEncoded(const Node& node);

// The sides of a fused pool as the list kernels know it: 1 (none) or 2 (max, 2 x 2); 0: another one.
int64_t ListPool(const Pool& pool);

// How the kernels `list` and `pairs` walk over x: in place, or through a padded copy of the rows that `band` rows of
// the result need.
struct Band {
  int64_t rows = 0;            // of the result, a call
  int64_t in_rows = 0, width;  // of x as it is read
  int64_t bytes = 0;           // of the copy; 0: x is read in place
};
Band BandOf(const ConvAttrs& attrs, const Shape& x, const Shape& w, const Shape& y);
// How x lies where these kernels read it.
Pitch ListPitch(const Node& node, const ConvAttrs& attrs);

// What a kernel needs of the arena while it runs: its list of words, unless that lies on the stack, and then its band
// or, of a node that walks by stripes or channels (Walk.h), the copy of a step's input and a step's result.
struct KernelMemory {
  int64_t list_bytes = 0, band_bytes = 0;
  int64_t bytes() const { return list_bytes + band_bytes; }
};
KernelMemory MemoryOf(const Node& node);
// The attribute that says where that lies; null: an operation without such memory.
int64_t* ScratchOf(Node& node);
inline int64_t ScratchOf(const Node& node) {
  const int64_t* scratch = ScratchOf(const_cast<Node&>(node));
  return scratch ? *scratch : -1;
}
inline constexpr int64_t kMostStackWords = 256;
inline constexpr int64_t kScratchAlignment = 4;

// The longest list of words (runtime/conv_words.h) of an output channel of `w`, the two that end it included.
int64_t ListWords(const Tensor& w);

}  // namespace mcuc

#endif  // MCUC_IR_KERNELS_H
