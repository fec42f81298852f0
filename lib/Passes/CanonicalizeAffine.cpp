// Scales and shifts by constants (what a batch normalization is imported as) go into the weights and biases of the
// convolution or fully connected layer before or behind them. Float only: quantized weights would round differently.
//
//   %c: f32[1x4x8x8] = conv %x, @w                                   # @w, @b: with a and b in them
//   %m: f32[1x4x8x8] = binary %c, @a {fn = mul}              ->      %s: f32[1x4x8x8] = conv %x, @w, @b
//   %s: f32[1x4x8x8] = binary %m, @b {fn = add}
#include <algorithm>
#include <cmath>

#include "Canonicalize.h"

namespace mcuc::canonicalize {

namespace {

// A conv, conv_transpose or fc in float with constant weights and bias.
struct Layer {
  Node* node;
  const Tensor* w;
  const Tensor* b;     // null: none
  int64_t outputs;     // channels, of the bias
  size_t output_axis;  // of the result
  size_t input_axis;   // of x
  int64_t group = 1;
  bool transposed = false;  // w: C x M/group …
};

std::optional<Layer> LayerOf(Node* node) {
  if (!node) return std::nullopt;
  const bool conv = node->If<ConvAttrs>() || node->If<ConvTransposeAttrs>();
  if (!conv && !node->If<FcAttrs>()) return std::nullopt;
  Layer layer{node, DenseFloat32(node->operand(1)), DenseFloat32(node->operand(2)), 0, 0, 0};
  if (!layer.w || (node->operand(2) && !layer.b)) return std::nullopt;
  layer.output_axis = conv ? 1 : node->result()->type().shape.size() - 1;
  layer.input_axis = layer.output_axis;
  layer.outputs = node->result()->type().shape[layer.output_axis];
  if (const auto* attrs = node->If<ConvAttrs>()) layer.group = attrs->group;
  if (const auto* attrs = node->If<ConvTransposeAttrs>()) {
    layer.group = attrs->group;
    layer.transposed = true;
  }
  return layer;
}

Act* ActField(Node& node) {
  if (auto* attrs = node.If<ConvAttrs>()) return &attrs->act;
  if (auto* attrs = node.If<ConvTransposeAttrs>()) return &attrs->act;
  if (auto* attrs = node.If<FcAttrs>()) return &attrs->act;
  return nullptr;
}

bool IsPlain(const Node& node) {  // nothing fused behind the sum
  if (const auto* conv = node.If<ConvAttrs>(); conv && conv->pool.kind != PoolKind::none) return false;
  return ActField(const_cast<Node&>(node))->kind == ActKind::none;
}

// The output and input channel that weight i belongs to.
struct Channels {
  size_t output, input;
};
Channels ChannelsOf(const Layer& layer, int64_t i) {
  const Shape& w = layer.w->shape();
  const int64_t taps = w.size() == 4 ? w[2] * w[3] : 1;
  const int64_t outer = i / (w[1] * taps), inner = i / taps % w[1];
  // The group is that of the outer index; the inner one counts within it.
  const int64_t across = inner + outer / (w[0] / layer.group) * w[1];
  return layer.transposed ? Channels{static_cast<size_t>(across), static_cast<size_t>(outer)}
                          : Channels{static_cast<size_t>(outer), static_cast<size_t>(across)};
}

// The weights, each by a factor of its channels.
template <typename F>
std::optional<Tensor> ScaledWeights(const Layer& layer, F factor) {
  std::vector<double> values(static_cast<size_t>(layer.w->elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = layer.w->AsDouble(static_cast<int64_t>(i)) * factor(ChannelsOf(layer, static_cast<int64_t>(i)));
  }
  return FiniteTensor(layer.w->shape(), values);
}

std::vector<double> BiasOf(const Layer& layer) {
  std::vector<double> bias(static_cast<size_t>(layer.outputs), 0.0);
  for (size_t m = 0; layer.b && m < bias.size(); ++m) bias[m] = layer.b->AsDouble(static_cast<int64_t>(m));
  return bias;
}

void SetBias(Graph& graph, const Layer& layer, Tensor bias) {
  Node& node = *layer.node;
  if (node.operand(2)) {
    SetConstant(graph, node, 2, std::move(bias));
    return;
  }
  std::vector<Value*> operands = node.operands();
  operands.push_back(graph.AddConstant(node.result()->name() + "_bias", std::move(bias)));
  node.set_operands(std::move(operands));
}

// A float binary operation with a constant that leaves the shape of its other operand.
struct WithConstant {
  BinaryFn fn;
  size_t x;  // which operand is not the constant
  const Tensor* constant;
};
std::optional<WithConstant> ConstantOf(const Node& node) {
  const auto& attrs = node.As<BinaryAttrs>();
  for (size_t x = 0; x < 2; ++x) {
    const Tensor* constant = DenseFloat32(node.operand(1 - x));
    const Value* other = node.operand(x);
    if (!constant || other->is_constant() || other->type() != node.result()->type()) continue;
    return WithConstant{attrs.fn, x, constant};
  }
  return std::nullopt;
}

bool AllWithin(const std::vector<double>& values, double limit) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return std::abs(v) <= limit; });
}

// A layer's result scaled and shifted for each output channel: result * scale + shift.
struct Affine {
  std::vector<double> scale, shift;
};
std::optional<Affine> AffineOf(const WithConstant& with, const Shape& shape, size_t axis) {
  const auto c = AlongAxis(*with.constant, shape, axis);
  if (!c) return std::nullopt;
  Affine affine{std::vector<double>(c->size(), 1.0), std::vector<double>(c->size(), 0.0)};
  for (size_t i = 0; i < c->size(); ++i) {
    const double v = (*c)[i];
    switch (with.fn) {
      case BinaryFn::add:
        affine.shift[i] = v;
        break;
      case BinaryFn::sub:
        affine.shift[i] = with.x == 0 ? -v : v;
        if (with.x == 1) affine.scale[i] = -1;
        break;
      case BinaryFn::mul:
        affine.scale[i] = v;
        break;
      case BinaryFn::div:
        if (with.x == 1) return std::nullopt;
        affine.scale[i] = 1 / v;
        break;
      default:
        return std::nullopt;
    }
  }
  if (!AllWithin(affine.shift, kLargestShift)) return std::nullopt;
  return affine;
}

bool IsScale(const Affine& affine) {
  return std::any_of(affine.scale.begin(), affine.scale.end(), [](double v) { return v != 1; });
}
bool IsShift(const Affine& affine) {
  return std::any_of(affine.shift.begin(), affine.shift.end(), [](double v) { return v != 0; });
}

// Whether affine can go into the layer, and if so does it.
bool ApplyToResult(Graph& graph, const Layer& layer, const Affine& affine) {
  const bool scales = IsScale(affine);
  if (scales && !graph.HasOneUse(layer.node->operand(1))) return false;  // the weights would be there twice
  std::optional<Tensor> weights, bias;
  if (scales) {
    weights = ScaledWeights(layer, [&](const Channels& c) { return affine.scale[c.output]; });
    if (!weights) return false;
  }
  std::vector<double> sums = BiasOf(layer);
  for (size_t m = 0; m < sums.size(); ++m) sums[m] = sums[m] * affine.scale[m] + affine.shift[m];
  if (layer.b || IsShift(affine)) {
    bias = FiniteTensor({layer.outputs}, sums);
    if (!bias) return false;
  }
  if (bias) SetBias(graph, layer, std::move(*bias));
  if (weights) SetConstant(graph, *layer.node, 1, std::move(*weights));
  return true;
}

// layer(x) * c, layer(x) + c and their like -> layer(x); the activation behind them becomes the layer's.
bool IntoLayerBefore(Graph& graph, Node& node) {
  const auto with = ConstantOf(node);
  if (!with) return false;
  const Value* x = node.operand(with->x);
  if (!x->def() || !graph.HasOneUse(x)) return false;
  const auto layer = LayerOf(x->def());
  if (!layer || !IsPlain(*layer->node)) return false;
  const auto affine = AffineOf(*with, x->type().shape, layer->output_axis);
  if (!affine || !graph.CanReplace(node.result(), layer->node->result())) return false;
  if (!ApplyToResult(graph, *layer, *affine)) return false;
  *ActField(*layer->node) = node.As<BinaryAttrs>().act;
  return Forward(graph, node, layer->node->result());
}

// The same with a max-pool between: max_pool(x) + c = max_pool(x + c), and for c >= 0 max_pool(x) * c = max_pool(x *
// c).
bool IntoLayerBeforeMaxPool(Graph& graph, Node& node) {
  const auto with = ConstantOf(node);
  if (!with || node.As<BinaryAttrs>().act.kind != ActKind::none) return false;
  Node* pool = OwnProducer<MaxPoolAttrs>(graph, node, with->x);
  if (!pool) return false;
  const Value* x = pool->operand(0);
  if (!x->def() || !graph.HasOneUse(x)) return false;
  const auto layer = LayerOf(x->def());
  if (!layer || !IsPlain(*layer->node)) return false;
  const auto affine = AffineOf(*with, node.result()->type().shape, layer->output_axis);
  if (!affine || !graph.CanReplace(node.result(), pool->result())) return false;
  if (std::any_of(affine->scale.begin(), affine->scale.end(), [](double v) { return v < 0; })) return false;
  return ApplyToResult(graph, *layer, *affine) && Forward(graph, node, pool->result());
}

// layer(x * c) -> layer(x) with the weights of each input scaled; layer(x + c) -> layer(x) with a larger bias, where
// nothing is padded (padding is zeros behind the addition). For fc also with a reshape between.
bool IntoLayerBehind(Graph& graph, Node& node) {
  const auto layer = LayerOf(&node);
  if (!layer) return false;
  const bool is_fc = node.If<FcAttrs>() != nullptr;
  const Node* reshape = is_fc ? OwnProducer<ReshapeAttrs>(graph, node) : nullptr;
  const Node* binary = OwnProducer<BinaryAttrs>(graph, reshape ? *reshape : node);
  if (!binary || binary->As<BinaryAttrs>().act.kind != ActKind::none) return false;
  const auto with = ConstantOf(*binary);
  if (!with) return false;
  // Through a reshape, c for each element; every row of the fc must see the same.
  std::optional<Affine> affine;
  if (is_fc) {
    const std::vector<double> all = Expanded(*with->constant, binary->result()->type().shape);
    const size_t k = static_cast<size_t>(layer->w->shape()[1]);
    for (size_t i = k; i < all.size(); ++i) {
      if (all[i] != all[i % k]) return false;
    }
    const auto row =
        FiniteTensor({static_cast<int64_t>(k)}, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k)});
    if (row) affine = AffineOf({with->fn, with->x, &*row}, {static_cast<int64_t>(k)}, 0);
  } else {
    affine = AffineOf(*with, binary->result()->type().shape, layer->input_axis);
  }
  if (!affine) return false;
  std::optional<Tensor> weights, bias;
  if (IsScale(*affine)) {
    if (!graph.HasOneUse(node.operand(1))) return false;
    weights = ScaledWeights(*layer, [&](const Channels& c) { return affine->scale[c.input]; });
    if (!weights) return false;
  }
  if (IsShift(*affine)) {
    const auto* conv = node.If<ConvAttrs>();
    if (layer->transposed || (conv && conv->pads != Pads{})) return false;
    std::vector<double> sums = BiasOf(*layer);
    for (int64_t i = 0; i < layer->w->elements(); ++i) {
      const Channels c = ChannelsOf(*layer, i);
      sums[c.output] += layer->w->AsDouble(i) * affine->shift[c.input];
    }
    bias = FiniteTensor({layer->outputs}, sums);
    if (!bias) return false;
  }
  if (bias) SetBias(graph, *layer, std::move(*bias));
  if (weights) SetConstant(graph, node, 1, std::move(*weights));
  Value* x = binary->operand(with->x);
  if (reshape) {
    Node* inner =
        graph.AddNode(ReshapeAttrs{}, {x}, reshape->result()->name(), node.operand(0)->type(), reshape->loc(), &node);
    TakeName(graph, *inner, node.operand(0));
    x = inner->result();
  }
  return SetOperand(graph, node, 0, x);
}

// matmul with a constant matrix -> fc with its transpose
bool MatMulToFc(Graph& graph, Node& node) {
  const Tensor* b = DenseFloat32(node.operand(1));
  Value* a = node.operand(0);
  if (!b || a->is_constant()) return false;
  const Shape& shape = b->shape();
  if (std::any_of(shape.begin(), shape.end() - 2, [](int64_t d) { return d != 1; })) return false;
  if (shape.size() > a->type().shape.size()) return false;
  const Shape matrix = {shape[shape.size() - 2], shape.back()};
  FcAttrs attrs;
  attrs.act = node.As<MatMulAttrs>().act;
  Tensor w = Rearranged(*b, TransposeIndex(matrix, {1, 0}), {matrix[1], matrix[0]});
  Value* weights = NewConstant(graph, node.operand(1), std::move(w));
  return Become(graph, node, attrs, {a, weights}, node.result()->type());
}

}  // namespace

const Rewrites& AffineRewrites() {
  static const Rewrites rewrites = {
      {Op::kBinary, "IntoLayerBefore", IntoLayerBefore},
      {Op::kBinary, "IntoLayerBeforeMaxPool", IntoLayerBeforeMaxPool},
      {Op::kConv, "IntoLayerBehind", IntoLayerBehind},
      {Op::kConvTranspose, "IntoLayerBehind", IntoLayerBehind},
      {Op::kFc, "IntoLayerBehind", IntoLayerBehind},
      {Op::kMatMul, "MatMulToFc", MatMulToFc},
  };
  return rewrites;
}

}  // namespace mcuc::canonicalize
