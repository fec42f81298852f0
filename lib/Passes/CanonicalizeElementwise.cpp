// Rewrites of elementwise operations: clamps merge and go where they clamp nothing, a binary operation has its constant
// second and no constant that does nothing, and a few compositions become the function they compute.
//
//   %a: f32[8] = binary @c, %x {fn = max}         # @c: {0}      ->   %c: f32[8] = unary %x {fn = clip, beta = 6}
//   %c: f32[8] = unary %a {fn = clip, alpha = -1, beta = 6}
#include <algorithm>
#include <cmath>
#include <limits>

#include "Canonicalize.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::canonicalize {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// clip(-inf, inf) -> identity, clip(0, inf) -> relu, leaky_relu with a slope of 0 or 1
bool PlainUnary(Graph& graph, Node& node) {
  const auto& attrs = node.As<UnaryAttrs>();
  Attributes plain = attrs;
  if (const auto interval = IntervalOf(attrs)) {
    plain = UnaryOf(*interval);
  } else if (attrs.fn == UnaryFn::leaky_relu) {
    if (attrs.alpha == 0) plain = UnaryAttrs{UnaryFn::relu, 0, 0};
    if (attrs.alpha == 1) plain = IdentityAttrs{};
  }
  if (plain == Attributes(attrs)) return false;
  return Become(graph, node, plain, node.operands(), node.result()->type());
}

// relu and clip of what lies within their bounds
bool ClampOfNothing(Graph& graph, Node& node) {
  const auto& attrs = node.As<UnaryAttrs>();
  const auto clamp = IntervalOf(attrs);
  const Value* x = node.operand(0);
  if (!clamp) return false;
  if (IsFloat32(x)) {
    const Interval range = RangeOf(x);
    if (range.lo < clamp->lo || range.hi > clamp->hi) return false;
  } else if (x->type().is_quantized()) {
    const IntegerRange range = IntegerRangeOf(x);
    const Clamp bounds = ClampOf(attrs, x->type());
    if (range.lo < bounds.lo || range.hi > bounds.hi) return false;
  } else {
    return false;
  }
  return Forward(graph, node, node.operand(0));
}

// clip(clip(x)) -> clip(x)
bool ClampOfClamp(Graph& graph, Node& node) {
  const Node* inner = Producer<UnaryAttrs>(node);
  const auto outer = IntervalOf(node.As<UnaryAttrs>());
  if (!inner || !outer) return false;
  const auto first = IntervalOf(inner->As<UnaryAttrs>());
  if (!first) return false;
  node.attrs() = UnaryOf(Compose(*first, *outer));
  return SetOperand(graph, node, 0, inner->operand(0));
}

bool IsCommutative(BinaryFn fn) {
  return fn == BinaryFn::add || fn == BinaryFn::mul || fn == BinaryFn::min || fn == BinaryFn::max;
}

// A constant comes second.
bool ConstantSecond(Graph&, Node& node) {
  auto& attrs = node.As<BinaryAttrs>();
  if (!IsCommutative(attrs.fn) || !node.operand(0)->is_constant() || node.operand(1)->is_constant()) return false;
  if (attrs.fn == BinaryFn::add && attrs.mul.size() == 2) std::swap(attrs.mul[0], attrs.mul[1]);  // N11: one each
  node.set_operands({node.operand(1), node.operand(0)});
  return true;
}

template <typename F>
Tensor Mapped(const Tensor& tensor, F f) {
  Tensor result(tensor.type());
  for (int64_t i = 0; i < tensor.elements(); ++i) result.Set(i, f(tensor.AsDouble(i)));
  return result;
}

// x - c -> x + -c, exactly
bool SubToAdd(Graph& graph, Node& node) {
  auto& attrs = node.As<BinaryAttrs>();
  const Tensor* c = DenseFloat32(node.operand(1));
  if (attrs.fn != BinaryFn::sub || !c) return false;
  attrs.fn = BinaryFn::add;
  SetConstant(graph, node, 1, Mapped(*c, [](double v) { return -v; }));
  return true;
}

// x / c -> x * (1 / c) where that is exact: for powers of two
bool DivToMul(Graph& graph, Node& node) {
  auto& attrs = node.As<BinaryAttrs>();
  const Tensor* c = DenseFloat32(node.operand(1));
  if (attrs.fn != BinaryFn::div || !c) return false;
  for (float v : c->data<float>()) {
    int exponent = 0;
    if (!std::isnormal(v) || std::abs(std::frexp(v, &exponent)) != 0.5f || !std::isnormal(1 / v)) return false;
  }
  attrs.fn = BinaryFn::mul;
  SetConstant(graph, node, 1, Mapped(*c, [](double v) { return 1 / v; }));
  return true;
}

// A constant that a function leaves its first operand with: x + 0, x * 1, x / 1, x ^ 1
bool IsNeutral(BinaryFn fn, double c) {
  switch (fn) {
    case BinaryFn::add:
    case BinaryFn::sub:
      return c == 0;
    case BinaryFn::mul:
    case BinaryFn::div:
    case BinaryFn::pow:
      return c == 1;
    default:
      return false;
  }
}

bool NeutralConstant(Graph& graph, Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  const auto c = Uniform(node.operand(1));
  Value* x = node.operand(0);
  if (!c || x->type() != node.result()->type() || !IsNeutral(attrs.fn, *c)) return false;
  if (attrs.act.kind == ActKind::none) return Forward(graph, node, x);
  return Become(graph, node, UnaryOf(IntervalOf(attrs.act)), {x}, x->type());
}

// max(x, c), min(x, c) -> a clamp; the activation behind it becomes part of it
bool MinMaxToClip(Graph& graph, Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  if (attrs.fn != BinaryFn::min && attrs.fn != BinaryFn::max) return false;
  const auto c = Uniform(node.operand(1));
  Value* x = node.operand(0);
  if (!c || std::isnan(*c) || !IsFloat32(x) || x->type() != node.result()->type()) return false;
  const float bound = static_cast<float>(*c);
  const Interval clamp = attrs.fn == BinaryFn::max ? Interval{bound, kInfinity} : Interval{-kInfinity, bound};
  return Become(graph, node, UnaryOf(Compose(clamp, IntervalOf(attrs.act))), {x}, x->type());
}

// prelu with one slope -> leaky_relu
bool PreluToLeakyRelu(Graph& graph, Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  const auto slope = Uniform(node.operand(1));
  Value* x = node.operand(0);
  if (attrs.fn != BinaryFn::prelu || attrs.act.kind != ActKind::none || !slope) return false;
  if (!IsFloat32(x) || x->type() != node.result()->type()) return false;
  return Become(graph, node, UnaryAttrs{UnaryFn::leaky_relu, static_cast<float>(*slope), 0}, {x}, x->type());
}

// x ^ 2 -> x * x, x ^ 0.5 -> sqrt(x)
bool PowToPlain(Graph& graph, Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  const auto exponent = Uniform(node.operand(1));
  Value* x = node.operand(0);
  if (attrs.fn != BinaryFn::pow || !exponent || !IsFloat32(x) || x->type() != node.result()->type()) return false;
  if (*exponent == 2) {
    BinaryAttrs square;
    square.fn = BinaryFn::mul;
    square.act = attrs.act;
    return Become(graph, node, square, {x, x}, x->type());
  }
  if (*exponent == 0.5 && attrs.act.kind == ActKind::none) {
    return Become(graph, node, UnaryAttrs{UnaryFn::sqrt, 0, 0}, {x}, x->type());
  }
  return false;
}

// x * hard_sigmoid(x) with slope 1/6 and offset 1/2 -> hard_swish(x)
bool MulToHardSwish(Graph& graph, Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  if (attrs.fn != BinaryFn::mul || attrs.act.kind != ActKind::none) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Node* gate = Producer<UnaryAttrs>(node, i);
    if (!gate || gate->As<UnaryAttrs>().fn != UnaryFn::hard_sigmoid) continue;
    const auto& sigmoid = gate->As<UnaryAttrs>();
    if (sigmoid.alpha != 1.0f / 6 || sigmoid.beta != 0.5f) continue;
    Value* x = node.operand(1 - i);
    if (gate->operand(0) != x) continue;
    return Become(graph, node, UnaryAttrs{UnaryFn::hard_swish, 0, 0}, {x}, x->type());
  }
  return false;
}

// A constant operand without what broadcasting makes up for: dimensions along which it is the same, leading 1s.
bool ShrinkConstant(Graph& graph, Node& node) {
  for (size_t i = 0; i < 2; ++i) {
    const Tensor* tensor = Dense(node.operand(i));
    if (!tensor) continue;
    if (tensor->type().is_quantized() && !tensor->type().quant->per_tensor()) continue;
    const Shape& other = Padded(node.operand(1 - i)->type().shape, tensor->shape().size());
    const size_t offset = other.size() - tensor->shape().size();
    Shape shape = tensor->shape();
    const std::vector<int64_t> strides = Strides(shape);
    std::vector<int64_t> keep(static_cast<size_t>(tensor->elements()));
    for (size_t e = 0; e < keep.size(); ++e) keep[e] = static_cast<int64_t>(e);
    const size_t width = static_cast<size_t>(ElementTypeBytes(tensor->type().element));
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 1 || other[offset + d] != shape[d]) continue;
      const bool same = std::all_of(keep.begin(), keep.end(), [&](int64_t e) {
        const int64_t first = e - e / strides[d] % tensor->shape()[d] * strides[d];
        const auto bytes = tensor->bytes();
        return std::equal(bytes.begin() + e * static_cast<int64_t>(width),
                          bytes.begin() + (e + 1) * static_cast<int64_t>(width),
                          bytes.begin() + first * static_cast<int64_t>(width));
      });
      if (!same) continue;
      std::erase_if(keep, [&](int64_t e) { return e / strides[d] % tensor->shape()[d] != 0; });
      shape[d] = 1;
    }
    const size_t least = node.operand(1 - i)->type().shape.size();
    while (shape.size() > 1 && shape[0] == 1 && least >= shape.size()) shape.erase(shape.begin());
    if (shape == tensor->shape()) continue;
    SetConstant(graph, node, i, Rearranged(*tensor, keep, shape));
    return true;
  }
  return false;
}

// The constant of a float binary operation with it, and nothing behind it.
const Tensor* ConstantOf(const Node& node, BinaryFn fn) {
  const auto& attrs = node.As<BinaryAttrs>();
  return attrs.fn == fn ? DenseFloat32(node.operand(1)) : nullptr;
}

// c1 and c2 combined elementwise, where that is no larger than the larger of them.
template <typename F>
std::optional<Tensor> Combined(const Tensor& a, const Tensor& b, F f) {
  const auto shape = BroadcastShapes(a.shape(), b.shape());
  if (!shape.ok() || Elements(*shape) > std::max(a.elements(), b.elements())) return std::nullopt;
  std::vector<double> values = Expanded(a, *shape);
  const std::vector<double> others = Expanded(b, *shape);
  for (size_t i = 0; i < values.size(); ++i) values[i] = f(values[i], others[i]);
  return FiniteTensor(*shape, values);
}

bool IsSmallShift(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return std::all_of(data.begin(), data.end(), [](float v) { return std::abs(v) <= kLargestShift; });
}

// (x + c1) + c2 -> x + (c1 + c2), (x * c1) * c2 -> x * (c1 * c2)
bool MergeConstants(Graph& graph, Node& node) {
  for (BinaryFn fn : {BinaryFn::add, BinaryFn::mul}) {
    const Tensor* outer = ConstantOf(node, fn);
    const Node* below = OwnProducer<BinaryAttrs>(graph, node);
    if (!outer || !below || below->As<BinaryAttrs>().act.kind != ActKind::none) continue;
    const Tensor* inner = ConstantOf(*below, fn);
    if (!inner) continue;
    if (fn == BinaryFn::add && (!IsSmallShift(*inner) || !IsSmallShift(*outer))) continue;
    auto both = Combined(*inner, *outer, [&](double a, double b) { return fn == BinaryFn::add ? a + b : a * b; });
    if (!both || !Fits(node.attrs(), {below->operand(0), below->operand(1)}, below->result()->type().shape)) continue;
    // The constant may have broadcast x to the result's shape: the combined one does it too.
    if (auto shape = BroadcastShapes(below->operand(0)->type().shape, both->shape());
        !shape.ok() || *shape != node.result()->type().shape) {
      continue;
    }
    SetConstant(graph, node, 1, std::move(*both));
    return SetOperand(graph, node, 0, below->operand(0));
  }
  return false;
}

// (x * c1 + c2) * c3 -> (x * c1) * c3 + c2 * c3, whose factors then merge
bool ScaleBeforeShift(Graph& graph, Node& node) {
  const Tensor* outer = ConstantOf(node, BinaryFn::mul);
  const Node* add = OwnProducer<BinaryAttrs>(graph, node);
  if (!outer || !add || add->As<BinaryAttrs>().act.kind != ActKind::none) return false;
  const Tensor* shift = ConstantOf(*add, BinaryFn::add);
  const Node* mul = OwnProducer<BinaryAttrs>(graph, *add);
  if (!shift || !IsSmallShift(*shift) || !mul || mul->As<BinaryAttrs>().act.kind != ActKind::none) return false;
  if (!ConstantOf(*mul, BinaryFn::mul) || add->operand(0)->type() != node.result()->type()) return false;
  auto scaled = Combined(*shift, *outer, [](double a, double b) { return a * b; });
  if (!scaled) return false;
  BinaryAttrs scale;
  scale.fn = BinaryFn::mul;
  BinaryAttrs sum = node.As<BinaryAttrs>();
  sum.fn = BinaryFn::add;
  Value* shifted = NewConstant(graph, add->operand(1), std::move(*scaled));
  const Node* inner = graph.AddNode(scale, {add->operand(0), node.operand(1)}, add->operand(0)->name(),
                                    node.result()->type(), node.loc(), &node);
  return Become(graph, node, sum, {inner->result(), shifted}, node.result()->type());
}

}  // namespace

const Rewrites& ElementwiseRewrites() {
  static const Rewrites rewrites = {
      {Op::kUnary, "PlainUnary", PlainUnary},
      {Op::kUnary, "ClampOfClamp", ClampOfClamp},
      {Op::kUnary, "ClampOfNothing", ClampOfNothing},
      {Op::kBinary, "ConstantSecond", ConstantSecond},
      {Op::kBinary, "SubToAdd", SubToAdd},
      {Op::kBinary, "DivToMul", DivToMul},
      {Op::kBinary, "NeutralConstant", NeutralConstant},
      {Op::kBinary, "MinMaxToClip", MinMaxToClip},
      {Op::kBinary, "PreluToLeakyRelu", PreluToLeakyRelu},
      {Op::kBinary, "PowToPlain", PowToPlain},
      {Op::kBinary, "MulToHardSwish", MulToHardSwish},
      {Op::kBinary, "ShrinkConstant", ShrinkConstant},
      {Op::kBinary, "MergeConstants", MergeConstants},
      {Op::kBinary, "ScaleBeforeShift", ScaleBeforeShift},
  };
  return rewrites;
}

}  // namespace mcuc::canonicalize
