// Rewrites of windows: a pad becomes the padding of the window behind it, a reduction over height and width becomes a
// pool, and activation and max-pool stand in the order that costs least or lets the activation fuse.
//
//   %p: f32[1x1x30x30] = pad %x {before = {0, 0, 1, 1}, …}   ->   %c: f32[1x6x28x28] = conv %x, @w {pads = {1, 1, 1,
//   1}} %c: f32[1x6x28x28] = conv %p, @w
#include <algorithm>

#include "Canonicalize.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc::canonicalize {

namespace {

// N8: a quantized average pool has at most this many elements a window; larger means stay a reduce (N9).
constexpr int64_t kLargestWindow = 4096;

// The pad with a constant that computes the node's operand.
const Node* ConstantPad(const Node& node) {
  const Node* pad = Producer<PadAttrs>(node);
  return pad && pad->As<PadAttrs>().mode == PadMode::constant ? pad : nullptr;
}

Pads Sum(const Pads& pads, const PadAttrs& pad) {
  return {pads[0] + pad.before[2], pads[1] + pad.before[3], pads[2] + pad.after[2], pads[3] + pad.after[3]};
}

bool IsZeroPad(const Node& pad) { return pad.As<PadAttrs>().value == 0; }

// The node with other attributes straight on what the pad pads, where that is a valid node of the same shape: where the
// pad adds rows and columns only.
bool ReplacePad(Graph& graph, Node& node, const Node& pad, const Attributes& attrs) {
  std::vector<Value*> operands = node.operands();
  operands[0] = pad.operand(0);
  if (!Fits(attrs, operands, node.result()->type().shape)) return false;
  node.attrs() = attrs;
  return SetOperand(graph, node, 0, operands[0]);
}

// A convolution pads with zeros (N4: with the zero point, which a pad of 0 is stored as too).
bool PadIntoConv(Graph& graph, Node& node) {
  const Node* pad = ConstantPad(node);
  if (!pad || !IsZeroPad(*pad)) return false;
  ConvAttrs attrs = node.As<ConvAttrs>();
  attrs.pads = Sum(attrs.pads, pad->As<PadAttrs>());
  return ReplacePad(graph, node, *pad, attrs);
}

// In an average pool padding counts as the pad's zeros did, if it counts at all; so the pool must have none of its own
// that does not.
bool PadIntoAvgPool(Graph& graph, Node& node) {
  const Node* pad = ConstantPad(node);
  if (!pad || !IsZeroPad(*pad)) return false;
  AvgPoolAttrs attrs = node.As<AvgPoolAttrs>();
  if (!attrs.count_include_pad && attrs.pads != Pads{}) return false;
  attrs.pads = Sum(attrs.pads, pad->As<PadAttrs>());
  attrs.count_include_pad = true;
  return ReplacePad(graph, node, *pad, attrs);
}

// A max-pool's padding never wins. Nor does a pad that is nowhere above x, if every window has an element of x in it
// (which the shape rule of max_pool demands).
bool PadIntoMaxPool(Graph& graph, Node& node) {
  const Node* pad = ConstantPad(node);
  if (!pad) return false;
  const Value* x = pad->operand(0);
  const float value = static_cast<float>(pad->As<PadAttrs>().value);
  if (IsFloat32(x)) {
    if (!(value <= RangeOf(x).lo)) return false;
  } else if (QuantizeReal(value, x->type()) > IntegerRangeOf(x).lo) {
    return false;
  }
  MaxPoolAttrs attrs = node.As<MaxPoolAttrs>();
  attrs.pads = Sum(attrs.pads, pad->As<PadAttrs>());
  return ReplacePad(graph, node, *pad, attrs);
}

// What an integer mean or sum of one element does is nothing, if its factor is 1 (N2).
bool IsFactorOne(const Multipliers& mul, const Multipliers& shift) {
  return mul.empty() || (mul == Multipliers{int32_t{1} << 30} && shift == Multipliers{1});
}

// Windows of one element at every element.
bool PoolOfNothing(Graph& graph, Node& node) {
  if (const auto* max = node.If<MaxPoolAttrs>(); max && max->kernel != Pair{1, 1}) return false;
  if (const auto* avg = node.If<AvgPoolAttrs>()) {
    if (avg->kernel != Pair{1, 1} || avg->pads != Pads{} || !IsFactorOne(avg->mul, avg->shift)) return false;
  }
  return Forward(graph, node, node.operand(0));
}

// A reduction keeps its dimensions; a reshape drops them.
bool KeepDims(Graph& graph, Node& node) {
  ReduceAttrs* reduce = node.If<ReduceAttrs>();
  ArgReduceAttrs* arg_reduce = node.If<ArgReduceAttrs>();
  bool& keepdims = reduce ? reduce->keepdims : arg_reduce->keepdims;
  if (keepdims) return false;
  const Ints axes = reduce ? reduce->axes : Ints{arg_reduce->axis};
  Shape shape = node.operand(0)->type().shape;
  for (int64_t axis : axes) shape[static_cast<size_t>(axis)] = 1;
  keepdims = true;
  const Type type = node.result()->type();
  const Node* inner = Precede(graph, node, node.attrs(), node.operands(), WithShape(type, shape));
  return Become(graph, node, ReshapeAttrs{}, {inner->result()}, type);
}

// Axes of one element are nothing to reduce over.
bool ReduceOfOne(Graph& graph, Node& node) {
  auto& attrs = node.As<ReduceAttrs>();
  const Value* x = node.operand(0);
  if (!attrs.keepdims) return false;
  Ints axes;
  for (int64_t axis : attrs.axes) {
    if (x->type().shape[static_cast<size_t>(axis)] != 1) axes.push_back(axis);
  }
  if (axes.empty() && IsFactorOne(attrs.mul, attrs.shift) && Forward(graph, node, node.operand(0))) return true;
  if (axes == attrs.axes || (axes.empty() && x->type().is_quantized())) return false;
  attrs.axes = axes;
  return true;
}

// Mean and maximum over height, width or both are a pool of one window: the one form that has fast kernels and fuses.
// The mean of a sequence, N x C x L over L, is seen as N x C x 1 x L.
bool ReduceToPool(Graph& graph, Node& node) {
  const auto& attrs = node.As<ReduceAttrs>();
  Value* x = node.operand(0);
  const Shape& shape = x->type().shape;
  if (attrs.fn != ReduceFn::mean && attrs.fn != ReduceFn::max) return false;
  if (!attrs.keepdims || attrs.axes.empty() || !(IsFloat32(x) || x->type().is_quantized())) return false;
  if (shape.size() != 3 && shape.size() != 4) return false;
  Pair kernel = {1, 1};
  for (int64_t axis : attrs.axes) {
    if (axis < 2) return false;
    kernel[static_cast<size_t>(axis) + 2 - shape.size()] = shape[static_cast<size_t>(axis)];
  }
  if (kernel[0] * kernel[1] > kLargestWindow) return false;
  Attributes pool;
  if (attrs.fn == ReduceFn::mean) {
    AvgPoolAttrs avg;
    avg.kernel = kernel;
    avg.mul = attrs.mul;  // N8 and N9 have the same factor, 1 / n included
    avg.shift = attrs.shift;
    pool = avg;
  } else {
    MaxPoolAttrs max;
    max.kernel = kernel;
    pool = max;
  }
  const Type type = node.result()->type();
  if (shape.size() == 4) {
    return Become(graph, node, pool, {x}, type);
  }
  const Node* wide = graph.AddNode(ReshapeAttrs{}, {x}, x->name(),
                                   WithShape(x->type(), {shape[0], shape[1], 1, shape[2]}), node.loc(), &node);
  const Node* inner = Precede(graph, node, pool, {wide->result()}, WithShape(type, {shape[0], shape[1], 1, 1}));
  return Become(graph, node, ReshapeAttrs{}, {inner->result()}, type);
}

// An activation fuses into these, or merges with the one there is.
bool TakesClamp(const Node& node) {
  if (const auto* unary = node.If<UnaryAttrs>()) return IntervalOf(*unary).has_value();
  return node.If<ConvAttrs>() || node.If<ConvTransposeAttrs>() || node.If<BinaryAttrs>();
}

// relu(max_pool(conv(x))) -> max_pool(relu(conv(x))): the same values, and the activation can fuse into the producer.
bool ClampBeforeMaxPool(Graph& graph, Node& node) {
  if (!IntervalOf(node.As<UnaryAttrs>())) return false;
  Node* pool = OwnProducer<MaxPoolAttrs>(graph, node);
  if (!pool) return false;
  Value* x = pool->operand(0);
  if (!x->def() || !graph.HasOneUse(x) || !TakesClamp(*x->def())) return false;
  const Attributes max_pool = pool->attrs();
  const std::string loc = pool->loc();
  const Node* clamp = Precede(graph, node, node.attrs(), {x}, x->type());
  TakeName(graph, node, pool->result());
  Become(graph, node, max_pool, {clamp->result()}, node.result()->type());
  node.set_loc(loc);
  return true;
}

// Functions that grow with x, and cost more than a comparison.
bool IsGrowing(const UnaryAttrs& attrs) {
  switch (attrs.fn) {
    case UnaryFn::sigmoid:
    case UnaryFn::tanh:
    case UnaryFn::softplus:
    case UnaryFn::exp:
    case UnaryFn::log:
    case UnaryFn::sqrt:
    case UnaryFn::floor:
      return true;
    case UnaryFn::leaky_relu:
    case UnaryFn::elu:
    case UnaryFn::hard_sigmoid:
      return attrs.alpha >= 0;
    default:
      return false;
  }
}

bool IsGrowingTable(const Node& lut) {
  const Tensor* table = Dense(lut.operand(1));
  if (!table) return false;
  for (int64_t i = 1; i < table->elements(); ++i) {
    if (table->AsInt(i) < table->AsInt(i - 1)) return false;
  }
  return true;
}

// max_pool(tanh(x)) -> tanh(max_pool(x)): the maximum of a growing function is that of its operand, at fewer places.
bool MaxPoolBeforeGrowing(Graph& graph, Node& node) {
  Node* function = OwnProducer<UnaryAttrs>(graph, node);
  if (function && !IsGrowing(function->As<UnaryAttrs>())) return false;
  if (!function) {
    function = OwnProducer<LutAttrs>(graph, node);
    if (!function || !IsGrowingTable(*function)) return false;
  }
  if (node.result()->type().elements() >= function->result()->type().elements()) return false;  // no fewer places
  const Attributes attrs = function->attrs();
  const std::string loc = function->loc();
  std::vector<Value*> operands = function->operands();
  const Value* x = operands[0];
  const Node* pool =
      Precede(graph, node, node.attrs(), {operands[0]}, WithShape(x->type(), node.result()->type().shape));
  operands[0] = pool->result();
  TakeName(graph, node, function->result());
  Become(graph, node, attrs, operands, node.result()->type());
  node.set_loc(loc);
  return true;
}

}  // namespace

const Rewrites& WindowRewrites() {
  static const Rewrites rewrites = {
      {Op::kConv, "PadIntoConv", PadIntoConv},
      {Op::kAvgPool, "PadIntoAvgPool", PadIntoAvgPool},
      {Op::kMaxPool, "PadIntoMaxPool", PadIntoMaxPool},
      {Op::kMaxPool, "PoolOfNothing", PoolOfNothing},
      {Op::kAvgPool, "PoolOfNothing", PoolOfNothing},
      {Op::kReduce, "KeepDims", KeepDims},
      {Op::kArgReduce, "KeepDims", KeepDims},
      {Op::kReduce, "ReduceOfOne", ReduceOfOne},
      {Op::kReduce, "ReduceToPool", ReduceToPool},
      {Op::kUnary, "ClampBeforeMaxPool", ClampBeforeMaxPool},
      {Op::kMaxPool, "MaxPoolBeforeGrowing", MaxPoolBeforeGrowing},
  };
  return rewrites;
}

}  // namespace mcuc::canonicalize
