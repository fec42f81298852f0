// Shared by the files of the canonicalize pass: the tables of rewrites, one a family, and the tools they are made of.
//
// A rewrite looks at one node and either leaves the graph alone and returns false, or brings the node closer to the
// plain form and returns true. It keeps the schedule valid and the results of every output the same: on quantized
// values bit for bit under docs/numerics.md, on float ones up to rounding. A rewrite erases nothing, because the driver
// walks over a snapshot of the nodes: it unlinks what has become unused (Unlink), and the driver sweeps that up.
#ifndef MCUC_LIB_PASSES_CANONICALIZE_H
#define MCUC_LIB_PASSES_CANONICALIZE_H

#include <optional>
#include <vector>

#include "mcuc/IR/Graph.h"

namespace mcuc::canonicalize {

// Sums of constants beyond this may be a trick to round (x + 2^23 - 2^23): such additions stay apart.
constexpr double kLargestShift = 1 << 20;

struct Rewrite {
  Op op;             // of the nodes it looks at
  const char* name;  // for the remark about a pass that does not come to rest
  bool (*apply)(Graph& graph, Node& node);
};
using Rewrites = std::vector<Rewrite>;

const Rewrites& MoveRewrites();         // copies, reshapes, transposes, slices, concatenations, pads
const Rewrites& SinkRewrites();         // reshapes and transposes move towards the outputs until two of them meet
const Rewrites& ElementwiseRewrites();  // clips, and binary operations with a constant
const Rewrites& AffineRewrites();       // scales and shifts by constants into weights and biases
const Rewrites& WindowRewrites();       // pads into windows, reductions as pools, the order of activation and pool

// Graph edits.

// Uses of the node's result become uses of `to`, of the same type, and the node is unlinked. Where the result is an
// output that `to` cannot stand for (an input, a constant, another output) the node becomes an identity instead.
// False: nothing left to do.
bool Forward(Graph& graph, Node& node, Value* to);
// Takes the operands away from a node whose result nothing uses, so that they no longer count as uses, and from what
// becomes unused by that.
void Unlink(Graph& graph, Node& node);
bool IsUnlinked(const Node& node);
// Sets an operand and unlinks what computed the old one if nothing else uses it. True, for a rewrite to return.
bool SetOperand(Graph& graph, Node& node, size_t i, Value* value);
// Makes the node another operation on other operands; its result stays, with this type. True, for a rewrite to return.
bool Become(Graph& graph, Node& node, Attributes attrs, std::vector<Value*> operands, Type type);
// A new node before `node` that takes over the name of its result (unless that is an output), which is free to become
// something else.
Node* Precede(Graph& graph, Node& node, Attributes attrs, std::vector<Value*> operands, Type type);
// A constant to stand in one place for `old`, whose name it takes over where that is old's one use.
Value* NewConstant(Graph& graph, Value* old, Tensor tensor);
// Gives the node's result the name of a value that is about to become unused.
void TakeName(Graph& graph, Node& node, Value* from);
// Gives an operand that is a constant other contents: in place where this is its one use.
void SetConstant(Graph& graph, Node& node, size_t i, Tensor tensor);

// Questions.

// The node computing an operand of this node, if its attributes are of type T, else null.
template <typename T>
Node* Producer(const Node& node, size_t i = 0) {
  const Value* value = node.operand(i);
  Node* def = value ? value->def() : nullptr;
  return def && def->If<T>() ? def : nullptr;
}
// The same, where this is the only use of what it computes.
template <typename T>
Node* OwnProducer(const Graph& graph, const Node& node, size_t i = 0) {
  Node* def = Producer<T>(node, i);
  return def && graph.HasOneUse(def->result()) ? def : nullptr;
}
// True where the attributes fit these operands and give a result of this shape.
bool Fits(const Attributes& attrs, const std::vector<Value*>& operands, const Shape& shape);
bool IsFloat32(const Value* value);  // f32; null: false
// The tensor of a constant that is stored dense, else null.
const Tensor* Dense(const Value* value);
const Tensor* DenseFloat32(const Value* value);  // and is f32
// The one value of all elements of a constant that is not quantized.
std::optional<double> Uniform(const Value* value);

// The interval of an activation: none is (-inf, inf), relu [0, inf).
struct Interval {
  float lo, hi;
  bool operator==(const Interval&) const = default;
};
Interval IntervalOf(const Act& act);
std::optional<Interval> IntervalOf(const UnaryAttrs& attrs);  // of relu and clip
// First the inner clamp, then the outer one: again a clamp.
Interval Compose(const Interval& inner, const Interval& outer);
Act ActOf(const Interval& interval);
Attributes UnaryOf(const Interval& interval);  // identity, relu or clip
// Bounds of a float value proved from what computes it.
Interval RangeOf(const Value* value);
// Bounds of a per-tensor quantized value as stored, proved the same way.
struct IntegerRange {
  int32_t lo, hi;
};
IntegerRange IntegerRangeOf(const Value* value);

// Constants.

// The tensor with element i taken from element index[i] of the other (same element type and quantization).
Tensor Rearranged(const Tensor& tensor, const std::vector<int64_t>& index, Shape shape);
// For each element of a transposed tensor the element of the original.
std::vector<int64_t> TransposeIndex(const Shape& shape, const Ints& perm);
Ints Inverse(const Ints& perm);
// A constant broadcast to `shape` that varies along `axis` only: its values along it.
std::optional<std::vector<double>> AlongAxis(const Tensor& tensor, const Shape& shape, size_t axis);
// Every element of a constant broadcast to `shape`.
std::vector<double> Expanded(const Tensor& tensor, const Shape& shape);
// An f32 tensor; none where a value is not finite as a float.
std::optional<Tensor> FiniteTensor(Shape shape, const std::vector<double>& values);
// shape with leading 1s up to this rank.
Shape Padded(const Shape& shape, size_t rank);

}  // namespace mcuc::canonicalize

#endif  // MCUC_LIB_PASSES_CANONICALIZE_H
