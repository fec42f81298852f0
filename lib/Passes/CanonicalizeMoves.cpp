// Rewrites of operations that only move data: what moves nothing goes, what moves in steps moves at once, and each move
// has one form. All of them copy elements as they are stored, so they hold for quantized values too.
//
//   %a: f32[4x6] = transpose %x {perm = {1, 0}}         ->   %b: f32[24] = reshape %x
//   %t: f32[6x4] = transpose %a {perm = {1, 0}}
//   %b: f32[24] = reshape %t
#include <algorithm>

#include "Canonicalize.h"

namespace mcuc::canonicalize {

namespace {

bool ForwardIdentity(Graph& graph, Node& node) { return Forward(graph, node, node.operand(0)); }

// Of equal types these do nothing: cast, reshape, requantize.
bool ForwardEqualType(Graph& graph, Node& node) {
  if (const auto* attrs = node.If<RequantizeAttrs>(); attrs && !attrs->mul.empty()) return false;
  return Forward(graph, node, node.operand(0));
}

// reshape(reshape(x)) -> reshape(x)
bool ReshapeOfReshape(Graph& graph, Node& node) {
  const Node* inner = Producer<ReshapeAttrs>(node);
  if (!inner) return false;
  return SetOperand(graph, node, 0, inner->operand(0));
}

bool IsAscending(const Ints& perm) { return std::is_sorted(perm.begin(), perm.end()); }

// transpose(transpose(x)) -> transpose(x)
bool TransposeOfTranspose(Graph& graph, Node& node) {
  const Node* inner = Producer<TransposeAttrs>(node);
  if (!inner) return false;
  Ints perm;
  for (int64_t axis : node.As<TransposeAttrs>().perm)
    perm.push_back(inner->As<TransposeAttrs>().perm[static_cast<size_t>(axis)]);
  node.As<TransposeAttrs>().perm = perm;
  return SetOperand(graph, node, 0, inner->operand(0));
}

// A transpose that keeps the order of the dimensions over 1 moves no element.
bool TransposeToReshape(Graph& graph, Node& node) {
  const Value* x = node.operand(0);
  Ints order;
  for (int64_t axis : node.As<TransposeAttrs>().perm) {
    if (x->type().shape[static_cast<size_t>(axis)] != 1) order.push_back(axis);
  }
  if (!IsAscending(order) || (x->type().is_quantized() && !x->type().quant->per_tensor())) return false;
  if (Forward(graph, node, node.operand(0))) return true;  // equal shapes: it is no reshape either
  node.attrs() = ReshapeAttrs{};
  return true;
}

Shape WithoutOnes(Shape shape) {
  std::erase(shape, 1);
  return shape;
}

// A transpose behind a reshape that only adds or drops dimensions of 1 goes before it, where it may meet another.
//   x: [1, 8, 14], reshape to [1, 8, 1, 14], perm {0, 2, 3, 1}  ->  perm {0, 2, 1}, reshape to [1, 1, 14, 8]
bool TransposeOfUnitReshape(Graph& graph, Node& node) {
  const Node* reshape = Producer<ReshapeAttrs>(node);
  if (!reshape) return false;
  Value* x = reshape->operand(0);
  const Shape &from = x->type().shape, &to = reshape->result()->type().shape;
  if (WithoutOnes(from) != WithoutOnes(to)) return false;
  std::vector<int64_t> from_dims, to_dims;  // those over 1
  for (size_t d = 0; d < from.size(); ++d) {
    if (from[d] != 1) from_dims.push_back(static_cast<int64_t>(d));
  }
  for (size_t d = 0; d < to.size(); ++d) {
    if (to[d] != 1) to_dims.push_back(static_cast<int64_t>(d));
  }
  // Dimensions of 1 stay where they are; the others follow the order of perm.
  Ints order;
  for (int64_t axis : node.As<TransposeAttrs>().perm) {
    const auto at = std::find(to_dims.begin(), to_dims.end(), axis);
    if (at != to_dims.end()) order.push_back(from_dims[static_cast<size_t>(at - to_dims.begin())]);
  }
  TransposeAttrs attrs;
  Shape shape;
  size_t next = 0;
  for (size_t d = 0; d < from.size(); ++d) {
    attrs.perm.push_back(from[d] == 1 ? static_cast<int64_t>(d) : order[next++]);
    shape.push_back(from[static_cast<size_t>(attrs.perm.back())]);
  }
  const Node* inner = Precede(graph, node, attrs, {x}, WithShape(x->type(), shape));
  TakeName(graph, node, reshape->result());
  return Become(graph, node, ReshapeAttrs{}, {inner->result()}, node.result()->type());
}

int64_t StepOf(const SliceAttrs& attrs, size_t d) { return attrs.steps.empty() ? 1 : attrs.steps[d]; }

// A slice of all of x, in order. Steps of 1 are left out.
bool SliceOfAll(Graph& graph, Node& node) {
  auto& attrs = node.As<SliceAttrs>();
  bool changed = false;
  if (!attrs.steps.empty() && std::all_of(attrs.steps.begin(), attrs.steps.end(), [](int64_t s) { return s == 1; })) {
    attrs.steps.clear();
    changed = true;
  }
  const Shape& shape = node.result()->type().shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (attrs.starts[d] != 0 || (StepOf(attrs, d) < 0 && shape[d] > 1)) return changed;
  }
  return Forward(graph, node, node.operand(0)) || changed;
}

// slice(slice(x)) -> slice(x)
bool SliceOfSlice(Graph& graph, Node& node) {
  const Node* inner = Producer<SliceAttrs>(node);
  if (!inner) return false;
  const auto &first = inner->As<SliceAttrs>(), &then = node.As<SliceAttrs>();
  SliceAttrs both;
  for (size_t d = 0; d < first.starts.size(); ++d) {
    both.starts.push_back(first.starts[d] + then.starts[d] * StepOf(first, d));
    both.steps.push_back(StepOf(first, d) * StepOf(then, d));
  }
  if (!Fits(both, {inner->operand(0)}, node.result()->type().shape)) return false;  // a product of steps out of range
  node.attrs() = both;
  return SetOperand(graph, node, 0, inner->operand(0));
}

// The indices of a gather as first + i * step; false where they are none.
bool IsProgression(const std::vector<int64_t>& indices, int64_t* step) {
  *step = indices.size() > 1 ? indices[1] - indices[0] : 1;
  for (size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] - indices[i - 1] != *step) return false;
  }
  return *step != 0;
}

// gather at constant indices in equal steps -> slice, and a reshape where the indices are a scalar
bool GatherToSlice(Graph& graph, Node& node) {
  const Tensor* tensor = Dense(node.operand(1));
  Value* x = node.operand(0);
  if (!tensor || tensor->shape().size() > 1) return false;
  if (x->type().is_quantized() && !x->type().quant->per_tensor()) return false;
  const size_t axis = static_cast<size_t>(node.As<GatherAttrs>().axis);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < tensor->elements(); ++i) {
    const int64_t index = tensor->AsInt(i);
    indices.push_back(index < 0 ? index + x->type().shape[axis] : index);
  }
  int64_t step = 1;
  if (!IsProgression(indices, &step)) return false;
  SliceAttrs attrs;
  attrs.starts.assign(x->type().shape.size(), 0);
  attrs.starts[axis] = indices[0];
  if (step != 1) {
    attrs.steps.assign(x->type().shape.size(), 1);
    attrs.steps[axis] = step;
  }
  Shape shape = x->type().shape;
  shape[axis] = static_cast<int64_t>(indices.size());
  if (!Fits(attrs, {x}, shape)) return false;
  const Type type = node.result()->type();
  if (type.shape == shape) {
    return Become(graph, node, attrs, {x}, type);
  }
  const Node* slice = Precede(graph, node, attrs, {x}, WithShape(type, shape));
  return Become(graph, node, ReshapeAttrs{}, {slice->result()}, type);
}

// A concatenation of one.
bool ConcatOfOne(Graph& graph, Node& node) {
  if (node.operands().size() != 1 || !node.As<ConcatAttrs>().mul.empty()) return false;
  return Forward(graph, node, node.operand(0));
}

// concat(concat(a, b), c) along one axis -> concat(a, b, c)
bool ConcatOfConcat(Graph& graph, Node& node) {
  const auto& attrs = node.As<ConcatAttrs>();
  if (!attrs.mul.empty()) return false;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const Node* inner = OwnProducer<ConcatAttrs>(graph, node, i);
    if (!inner || inner->As<ConcatAttrs>().axis != attrs.axis || !inner->As<ConcatAttrs>().mul.empty()) continue;
    std::vector<Value*> operands = node.operands();
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(i));
    operands.insert(operands.begin() + static_cast<std::ptrdiff_t>(i), inner->operands().begin(),
                    inner->operands().end());
    return Become(graph, node, attrs, operands, node.result()->type());
  }
  return false;
}

bool PadOfNothing(Graph& graph, Node& node) { return Forward(graph, node, node.operand(0)); }

// Two pads with the same constant -> one
bool PadOfPad(Graph& graph, Node& node) {
  const Node* inner = OwnProducer<PadAttrs>(graph, node);
  if (!inner) return false;
  PadAttrs attrs = node.As<PadAttrs>();
  const auto& first = inner->As<PadAttrs>();
  if (attrs.mode != PadMode::constant || first.mode != PadMode::constant || attrs.value != first.value) return false;
  for (size_t d = 0; d < attrs.before.size(); ++d) {
    attrs.before[d] += first.before[d];
    attrs.after[d] += first.after[d];
  }
  if (!Fits(attrs, {inner->operand(0)}, node.result()->type().shape)) return false;
  node.attrs() = attrs;
  return SetOperand(graph, node, 0, inner->operand(0));
}

// A resize to the same size at a scale of 1 reads every element where it is, however coordinates are mapped.
bool ResizeOfNothing(Graph& graph, Node& node) {
  for (float scale : node.As<ResizeAttrs>().scales) {
    if (scale != 1) return false;
  }
  return Forward(graph, node, node.operand(0));
}

// quantize(dequantize(x)) of the same type: N17 of (q - z) * s / s is q for every q of 8 bits.
bool QuantizeOfDequantize(Graph& graph, Node& node) {
  const Node* inner = Producer<DequantizeAttrs>(node);
  if (!inner || ElementTypeBytes(node.result()->type().element) != 1) return false;
  return Forward(graph, node, inner->operand(0));
}

}  // namespace

const Rewrites& MoveRewrites() {
  static const Rewrites rewrites = {
      {Op::kIdentity, "ForwardIdentity", ForwardIdentity},
      {Op::kCast, "ForwardEqualType", ForwardEqualType},
      {Op::kRequantize, "ForwardEqualType", ForwardEqualType},
      {Op::kReshape, "ReshapeOfReshape", ReshapeOfReshape},
      {Op::kReshape, "ForwardEqualType", ForwardEqualType},
      {Op::kTranspose, "TransposeOfTranspose", TransposeOfTranspose},
      {Op::kTranspose, "TransposeToReshape", TransposeToReshape},
      {Op::kTranspose, "TransposeOfUnitReshape", TransposeOfUnitReshape},
      {Op::kSlice, "SliceOfSlice", SliceOfSlice},
      {Op::kSlice, "SliceOfAll", SliceOfAll},
      {Op::kGather, "GatherToSlice", GatherToSlice},
      {Op::kConcat, "ConcatOfOne", ConcatOfOne},
      {Op::kConcat, "ConcatOfConcat", ConcatOfConcat},
      {Op::kPad, "PadOfNothing", PadOfNothing},
      {Op::kPad, "PadOfPad", PadOfPad},
      {Op::kResize, "ResizeOfNothing", ResizeOfNothing},
      {Op::kQuantize, "QuantizeOfDequantize", QuantizeOfDequantize},
  };
  return rewrites;
}

}  // namespace mcuc::canonicalize
