// The tools that the rewrites of canonicalize are made of: edits that keep the graph valid, bounds of values, and
// rearranged constants.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "Canonicalize.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::canonicalize {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Interval kAll = {-kInfinity, kInfinity};
// How far RangeOf and IntegerRangeOf look back.
constexpr int kRangeDepth = 16;

void UnlinkIfUnused(Graph& graph, Value* value) {
  if (!value || !value->def() || IsUnlinked(*value->def())) return;
  if (!graph.IsOutput(value) && graph.Users(value).empty()) Unlink(graph, *value->def());
}

}  // namespace

bool IsUnlinked(const Node& node) { return node.operands().empty(); }

void Unlink(Graph& graph, Node& node) {
  const std::vector<Value*> operands = node.operands();
  node.set_operands({});
  for (Value* operand : operands) UnlinkIfUnused(graph, operand);
}

bool Forward(Graph& graph, Node& node, Value* to) {
  Value* from = node.result();
  if (from == to || from->type() != to->type()) return false;
  if (!graph.CanReplace(from, to)) {
    if (node.If<IdentityAttrs>()) return false;
    return Become(graph, node, IdentityAttrs{}, {to}, from->type());
  }
  graph.ReplaceAllUses(from, to);
  Unlink(graph, node);
  return true;
}

bool SetOperand(Graph& graph, Node& node, size_t i, Value* value) {
  Value* old = node.operand(i);
  node.set_operand(i, value);
  UnlinkIfUnused(graph, old);
  return true;
}

bool Become(Graph& graph, Node& node, Attributes attrs, std::vector<Value*> operands, Type type) {
  const std::vector<Value*> old = node.operands();
  node.attrs() = std::move(attrs);
  node.set_operands(std::move(operands));
  node.result()->set_type(std::move(type));
  for (Value* operand : old) UnlinkIfUnused(graph, operand);
  return true;
}

Node* Precede(Graph& graph, Node& node, Attributes attrs, std::vector<Value*> operands, Type type) {
  Node* added =
      graph.AddNode(std::move(attrs), std::move(operands), node.result()->name(), std::move(type), node.loc(), &node);
  if (!graph.IsOutput(node.result())) graph.SwapNames(added->result(), node.result());
  return added;
}

void TakeName(Graph& graph, Node& node, Value* from) {
  if (!graph.IsOutput(node.result()) && graph.HasOneUse(from)) graph.SwapNames(node.result(), from);
}

Value* NewConstant(Graph& graph, Value* old, Tensor tensor) {
  Value* added = graph.AddConstant(old->name(), std::move(tensor));
  if (graph.HasOneUse(old)) graph.SwapNames(added, old);
  return added;
}

void SetConstant(Graph& graph, Node& node, size_t i, Tensor tensor) {
  Value* old = node.operand(i);
  if (graph.HasOneUse(old)) {
    old->set_tensor(std::move(tensor));
  } else {
    node.set_operand(i, graph.AddConstant(old->name(), std::move(tensor)));
  }
}

bool Fits(const Attributes& attrs, const std::vector<Value*>& operands, const Shape& shape) {
  std::vector<const Type*> types;
  for (const Value* operand : operands) types.push_back(&operand->type());
  const auto inferred = InferShape(attrs, types, &shape);
  return inferred.ok() && *inferred == shape;
}

bool IsFloat32(const Value* value) {
  return value && value->type().element == ElementType::f32 && !value->type().is_quantized();
}

const Tensor* Dense(const Value* value) {
  return value && value->is_constant() && !value->tensor().encoded() ? &value->tensor() : nullptr;
}

const Tensor* DenseFloat32(const Value* value) { return IsFloat32(value) ? Dense(value) : nullptr; }

std::optional<double> Uniform(const Value* value) {
  const Tensor* tensor = Dense(value);
  if (!tensor || tensor->type().is_quantized()) return std::nullopt;
  const double first = tensor->AsDouble(0);
  for (int64_t i = 1; i < tensor->elements(); ++i) {
    if (tensor->AsDouble(i) != first) return std::nullopt;
  }
  return first;
}

Interval IntervalOf(const Act& act) {
  switch (act.kind) {
    case ActKind::none:
      return kAll;
    case ActKind::relu:
      return {0, kInfinity};
    case ActKind::clip:
      return {act.lo, act.hi};
  }
  return kAll;
}

std::optional<Interval> IntervalOf(const UnaryAttrs& attrs) {
  if (attrs.fn == UnaryFn::relu) return Interval{0, kInfinity};
  if (attrs.fn == UnaryFn::clip) return Interval{attrs.alpha, attrs.beta};
  return std::nullopt;
}

Interval Compose(const Interval& inner, const Interval& outer) {
  return {std::clamp(inner.lo, outer.lo, outer.hi), std::clamp(inner.hi, outer.lo, outer.hi)};
}

Act ActOf(const Interval& interval) {
  if (interval == kAll) return {};
  if (interval == Interval{0, kInfinity}) return {ActKind::relu, 0, 0};
  return {ActKind::clip, interval.lo, interval.hi};
}

Attributes UnaryOf(const Interval& interval) {
  if (interval == kAll) return IdentityAttrs{};
  if (interval == Interval{0, kInfinity}) return UnaryAttrs{UnaryFn::relu, 0, 0};
  return UnaryAttrs{UnaryFn::clip, interval.lo, interval.hi};
}

namespace {

Interval Union(const Interval& a, const Interval& b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

// -inf + inf proves nothing.
Interval Ordered(float lo, float hi) { return {std::isnan(lo) ? -kInfinity : lo, std::isnan(hi) ? kInfinity : hi}; }

Interval Range(const Value* value, int depth);

Interval UnaryRange(const UnaryAttrs& attrs, const Interval& x) {
  switch (attrs.fn) {
    case UnaryFn::relu:
    case UnaryFn::clip:
      return Compose(x, *IntervalOf(attrs));
    case UnaryFn::sigmoid:
    case UnaryFn::hard_sigmoid:
      return {0, 1};
    case UnaryFn::tanh:
      return {-1, 1};
    case UnaryFn::exp:
    case UnaryFn::abs:
    case UnaryFn::sqrt:
    case UnaryFn::softplus:
      return {0, kInfinity};
    case UnaryFn::leaky_relu:
      return x.lo >= 0 ? x : kAll;
    case UnaryFn::floor:
      return {std::floor(x.lo), std::floor(x.hi)};
    default:
      return kAll;
  }
}

Interval BinaryRange(const Node& node, int depth) {
  const auto& attrs = node.As<BinaryAttrs>();
  const Interval a = Range(node.operand(0), depth), b = Range(node.operand(1), depth);
  Interval range = kAll;
  switch (attrs.fn) {
    case BinaryFn::add:
      range = Ordered(a.lo + b.lo, a.hi + b.hi);
      break;
    case BinaryFn::mul:
      if (node.operand(0) == node.operand(1) || (a.lo >= 0 && b.lo >= 0)) range = {0, kInfinity};
      break;
    case BinaryFn::min:
      range = {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
      break;
    case BinaryFn::max:
      range = {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
      break;
    default:
      break;
  }
  return Compose(range, IntervalOf(attrs.act));
}

Interval ConstantRange(const Value* value) {
  const Tensor* tensor = Dense(value);
  if (!tensor) return kAll;
  Interval range = {kInfinity, -kInfinity};
  for (int64_t i = 0; i < tensor->elements(); ++i) {
    const float v = static_cast<float>(tensor->AsDouble(i));
    if (std::isnan(v)) return kAll;
    range = Union(range, {v, v});
  }
  return range;
}

Interval NodeRange(const Node& node, int depth) {
  switch (node.op()) {
    case Op::kUnary:
      return UnaryRange(node.As<UnaryAttrs>(), Range(node.operand(0), depth));
    case Op::kBinary:
      return BinaryRange(node, depth);
    case Op::kConv:
      return IntervalOf(node.As<ConvAttrs>().act);
    case Op::kConvTranspose:
      return IntervalOf(node.As<ConvTransposeAttrs>().act);
    case Op::kFc:
      return IntervalOf(node.As<FcAttrs>().act);
    case Op::kMatMul:
      return IntervalOf(node.As<MatMulAttrs>().act);
    case Op::kSoftmax:
      return node.As<SoftmaxAttrs>().log ? kAll : Interval{0, 1};
    case Op::kMaxPool:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kGather:
    case Op::kIdentity:
      return Range(node.operand(0), depth);
    case Op::kAvgPool:  // a mean may round over a bound other than 0
    case Op::kResize: {
      const Interval x = Range(node.operand(0), depth);
      return {x.lo >= 0 ? 0 : -kInfinity, x.hi <= 0 ? 0 : kInfinity};
    }
    case Op::kPad: {
      const Interval x = Range(node.operand(0), depth);
      const auto& attrs = node.As<PadAttrs>();
      const float v = static_cast<float>(attrs.value);
      if (std::isnan(v)) return kAll;
      return attrs.mode == PadMode::constant ? Union(x, {v, v}) : x;
    }
    case Op::kConcat: {
      Interval range = {kInfinity, -kInfinity};
      for (const Value* operand : node.operands()) range = Union(range, Range(operand, depth));
      return range;
    }
    default:
      return kAll;
  }
}

Interval Range(const Value* value, int depth) {
  if (!IsFloat32(value)) return kAll;
  if (value->is_constant()) return ConstantRange(value);
  if (!value->def() || depth == 0 || IsUnlinked(*value->def())) return kAll;
  return NodeRange(*value->def(), depth - 1);
}

IntegerRange AsRange(const Clamp& clamp) { return {clamp.lo, clamp.hi}; }

IntegerRange Range8(const Value* value, int depth) {
  const Type& type = value->type();
  const IntegerRange all = AsRange(ClampOf(Act{}, type));
  const Node* def = value->def();
  if (!def || depth == 0 || IsUnlinked(*def)) return all;
  switch (def->op()) {
    case Op::kUnary:
      return AsRange(ClampOf(def->As<UnaryAttrs>(), type));
    case Op::kConv:
      // A mean of clamped accumulators is rounded once more, but not across the bound 0 of relu.
      return AsRange(ClampOf(def->As<ConvAttrs>().act, type));
    case Op::kFc:
      return AsRange(ClampOf(def->As<FcAttrs>().act, type));
    case Op::kBinary:
      return AsRange(ClampOf(def->As<BinaryAttrs>().act, type));
    case Op::kMaxPool:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kIdentity:
      return Range8(def->operand(0), depth - 1);
    default:
      return all;
  }
}

}  // namespace

Interval RangeOf(const Value* value) { return Range(value, kRangeDepth); }

IntegerRange IntegerRangeOf(const Value* value) { return Range8(value, kRangeDepth); }

Tensor Rearranged(const Tensor& tensor, const std::vector<int64_t>& index, Shape shape) {
  Type type = tensor.type();
  type.shape = std::move(shape);
  const size_t width = static_cast<size_t>(ElementTypeBytes(type.element));
  std::vector<std::byte> bytes(index.size() * width);
  for (size_t i = 0; i < index.size(); ++i) {
    std::memcpy(&bytes[i * width], &tensor.bytes()[static_cast<size_t>(index[i]) * width], width);
  }
  return Tensor::FromBytes(std::move(type), std::move(bytes));
}

std::vector<int64_t> TransposeIndex(const Shape& shape, const Ints& perm) {
  const std::vector<int64_t> strides = Strides(shape);
  Shape result;
  for (int64_t axis : perm) result.push_back(shape[static_cast<size_t>(axis)]);
  std::vector<int64_t> index(static_cast<size_t>(Elements(shape)));
  std::vector<int64_t> at(shape.size(), 0);
  for (int64_t& element : index) {
    element = 0;
    for (size_t d = 0; d < perm.size(); ++d) element += at[d] * strides[static_cast<size_t>(perm[d])];
    for (size_t d = perm.size(); d-- > 0;) {
      if (++at[d] < result[d]) break;
      at[d] = 0;
    }
  }
  return index;
}

Ints Inverse(const Ints& perm) {
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return inverse;
}

Shape Padded(const Shape& shape, size_t rank) {
  Shape padded = shape;
  while (padded.size() < rank) padded.insert(padded.begin(), 1);
  return padded;
}

std::optional<std::vector<double>> AlongAxis(const Tensor& tensor, const Shape& shape, size_t axis) {
  const Shape padded = Padded(tensor.shape(), shape.size());
  const int64_t stride = Strides(padded)[axis];
  std::vector<double> values(static_cast<size_t>(shape[axis]));
  std::vector<bool> known(values.size(), false);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const size_t at = static_cast<size_t>(i / stride % padded[axis]);
    const double value = tensor.AsDouble(i);
    if (known[at] && values[at] != value) return std::nullopt;
    values[at] = value;
    known[at] = true;
  }
  if (padded[axis] == 1) std::fill(values.begin() + 1, values.end(), values[0]);
  return values;
}

std::vector<double> Expanded(const Tensor& tensor, const Shape& shape) {
  const Shape padded = Padded(tensor.shape(), shape.size());
  std::vector<int64_t> strides = Strides(padded);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (padded[d] == 1) strides[d] = 0;
  }
  std::vector<double> values(static_cast<size_t>(Elements(shape)));
  std::vector<int64_t> at(shape.size(), 0);
  int64_t element = 0;
  for (double& value : values) {
    value = tensor.AsDouble(element);
    for (size_t d = shape.size(); d-- > 0;) {
      element += strides[d];
      if (++at[d] < shape[d]) break;
      element -= at[d] * strides[d];
      at[d] = 0;
    }
  }
  return values;
}

std::optional<Tensor> FiniteTensor(Shape shape, const std::vector<double>& values) {
  Tensor tensor(Type{ElementType::f32, std::move(shape)});
  auto data = tensor.data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    data[i] = static_cast<float>(values[i]);
    if (!std::isfinite(data[i])) return std::nullopt;
  }
  return tensor;
}

}  // namespace mcuc::canonicalize
