// Reshapes and transposes move towards the outputs, behind whatever does not care for the layout, until two of them
// meet and cancel (CanonicalizeMoves.cpp) or a fully connected layer takes them into the order of its weights. A
// reshape is a view and costs nothing to move; a transpose moves only if that does not double it.
//
//   %t: f32[1x8x8x4] = transpose %x {perm = {0, 2, 3, 1}}         %r: f32[1x4x8x8] = unary %x {fn = relu}
//   %r: f32[1x8x8x4] = unary %t {fn = relu}                  ->   %u: f32[1x4x8x8] = …
//   %u: f32[1x4x8x8] = transpose %r {perm = {0, 3, 1, 2}} …
#include <algorithm>
#include <numeric>

#include "Canonicalize.h"

namespace mcuc::canonicalize {

namespace {

// user(move(x), …) -> move(inner(x, …)): inner gets these attributes and operands, and its result this shape. True, for
// a rewrite to return.
bool Sink(Graph& graph, Node& user, const Node& move, Attributes attrs, std::vector<Value*> operands, Shape shape) {
  const Attributes moving = move.attrs();
  const std::string loc = move.loc();
  const Node* inner =
      Precede(graph, user, std::move(attrs), std::move(operands), WithShape(user.result()->type(), std::move(shape)));
  TakeName(graph, user, move.result());
  Become(graph, user, moving, {inner->result()}, user.result()->type());
  user.set_loc(loc);
  return true;
}

bool PerTensor(const Value* value) { return !value->type().is_quantized() || value->type().quant->per_tensor(); }

// The transpose that computes operand i, where it may sink below the node.
const Node* SinkingTranspose(const Graph& graph, const Node& node, size_t i = 0) {
  return PerTensor(node.result()) ? OwnProducer<TransposeAttrs>(graph, node, i) : nullptr;
}

// Where a value goes, through operations of one user each, to a transpose or into a fully connected layer.
bool LeadsToTranspose(const Graph& graph, const Value* value) {
  while (graph.HasOneUse(value)) {
    const Node* user = graph.Users(value).front();
    switch (user->op()) {
      case Op::kTranspose:
      case Op::kFc:
        return true;
      case Op::kUnary:
      case Op::kLut:
      case Op::kQuantize:
      case Op::kDequantize:
      case Op::kRequantize:
      case Op::kCast:
      case Op::kPad:
      case Op::kReshape:
        value = user->result();
        break;
      default:
        return false;
    }
  }
  return false;
}

// Elementwise operations of one operand (lut's second is its table).
bool SinkReshapeBelowElementwise(Graph& graph, Node& node) {
  const Node* reshape = Producer<ReshapeAttrs>(node);
  if (!reshape || !PerTensor(node.result()) || !PerTensor(node.operand(0))) return false;
  std::vector<Value*> operands = node.operands();
  operands[0] = reshape->operand(0);
  return Sink(graph, node, *reshape, node.attrs(), operands, operands[0]->type().shape);
}

bool SinkTransposeBelowElementwise(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose) return false;
  // Behind a conversion to a wider type it would have more bytes to move.
  const bool widens =
      ElementTypeBytes(node.result()->type().element) > ElementTypeBytes(node.operand(0)->type().element);
  if (widens && !LeadsToTranspose(graph, node.result())) return false;
  std::vector<Value*> operands = node.operands();
  operands[0] = transpose->operand(0);
  return Sink(graph, node, *transpose, node.attrs(), operands, operands[0]->type().shape);
}

// The shape that `part`, which broadcasts to `to`, must take to broadcast in the same way to `from`, a reshape of `to`.
// Where from and to split a run of dimensions differently, part must have all of the run or none of it.
//   part [8, 1] to [1, 8, 14], from [1, 8, 1, 14]: [1, 8, 1, 1]
std::optional<Shape> ReshapedPart(const Shape& part, const Shape& to, const Shape& from) {
  const Shape padded = Padded(part, to.size());
  Shape result;
  size_t i = 0, j = 0;
  while (i < to.size() || j < from.size()) {
    int64_t to_size = 1, from_size = 1;
    bool all = true, none = true;
    const size_t first = j;
    const auto take_to = [&] {
      to_size *= to[i];
      if (to[i] != 1) (padded[i] == to[i] ? none : all) = false;
      ++i;
    };
    if (i < to.size()) take_to();
    if (j < from.size()) from_size *= from[j++];
    while (to_size != from_size) {
      if (to_size < from_size) {
        take_to();
      } else {
        from_size *= from[j++];
      }
    }
    if (!all && !none) return std::nullopt;
    for (size_t d = first; d < j; ++d) result.push_back(all ? from[d] : 1);
  }
  return result;
}

// The value in another shape: a constant at once, or what a reshape is of, or by another reshape.
Value* WithPart(Graph& graph, const Node& node, Value* value, const Shape& shape) {
  if (value->type().shape == shape) return value;
  const Type type = WithShape(value->type(), shape);
  if (const Tensor* tensor = Dense(value)) {
    return NewConstant(graph, value, Tensor::FromBytes(type, {tensor->bytes().begin(), tensor->bytes().end()}));
  }
  if (value->def()->operand(0)->type().shape == shape) return value->def()->operand(0);
  return graph.AddNode(ReshapeAttrs{}, {value}, value->name(), type, value->def()->loc(), &node)->result();
}

// binary(reshape(x), c) -> reshape(binary(x, c')), where c is a constant, another reshape or of one element.
bool SinkReshapeBelowBinary(Graph& graph, Node& node) {
  const Shape to = node.result()->type().shape;
  for (size_t i = 0; i < 2; ++i) {
    const Node* reshape = Producer<ReshapeAttrs>(node, i);
    if (!reshape || node.operand(i)->type().shape != to) continue;
    Value* x = reshape->operand(0);
    Value* other = node.operand(1 - i);
    if (!PerTensor(other) || other->type().encoding != Encoding::kDense) continue;
    const Node* other_reshape = Producer<ReshapeAttrs>(node, 1 - i);
    if (!other->is_constant() && !other_reshape && other->type().elements() != 1) continue;
    Value* moved = nullptr;
    if (!other->is_constant() && !other_reshape) {
      if (other->type().rank() > x->type().rank()) continue;
      moved = other;
    } else {
      const auto part = ReshapedPart(other->type().shape, to, x->type().shape);
      if (!part) continue;
      moved = WithPart(graph, node, other, *part);
    }
    std::vector<Value*> operands = {x, moved};
    if (i == 1) std::swap(operands[0], operands[1]);
    return Sink(graph, node, *reshape, node.attrs(), operands, x->type().shape);
  }
  return false;
}

// binary(transpose(x), transpose(y)), binary(transpose(x), c)
bool SinkTransposeBelowBinary(Graph& graph, Node& node) {
  const Shape& result = node.result()->type().shape;
  const bool square = node.operand(0) == node.operand(1);
  for (size_t i = 0; i < 2; ++i) {
    const Node* transpose = Producer<TransposeAttrs>(node, i);
    if (!transpose || node.operand(i)->type().rank() != node.result()->type().rank()) continue;
    if (!graph.HasOneUse(transpose->result()) && !(square && graph.Users(transpose->result()).size() == 1)) continue;
    if (graph.IsOutput(transpose->result()) || !PerTensor(node.result())) continue;
    const Ints& perm = transpose->As<TransposeAttrs>().perm;
    Value* other = node.operand(1 - i);
    const Node* other_transpose = OwnProducer<TransposeAttrs>(graph, node, 1 - i);
    Value* moved = nullptr;
    if (square) {
      moved = transpose->operand(0);
    } else if (other_transpose && other_transpose->As<TransposeAttrs>().perm == perm) {
      moved = other_transpose->operand(0);
    } else if (other->type().elements() == 1 && other->type().rank() <= node.result()->type().rank()) {
      moved = other;
    } else if (const Tensor* tensor = Dense(other); tensor && PerTensor(other)) {
      const Shape padded = Padded(tensor->shape(), perm.size());
      const Ints inverse = Inverse(perm);
      Shape shape;
      for (int64_t axis : inverse) shape.push_back(padded[static_cast<size_t>(axis)]);
      moved = NewConstant(graph, other, Rearranged(*tensor, TransposeIndex(padded, inverse), shape));
    } else {
      continue;
    }
    Shape shape(result.size());
    for (size_t d = 0; d < perm.size(); ++d) shape[static_cast<size_t>(perm[d])] = result[d];
    std::vector<Value*> operands = {transpose->operand(0), moved};
    if (i == 1) std::swap(operands[0], operands[1]);
    return Sink(graph, node, *transpose, node.attrs(), operands, shape);
  }
  return false;
}

// The shape before a transpose of what has this shape behind it.
Shape Untransposed(const Shape& shape, const Ints& perm) {
  Shape result(shape.size());
  for (size_t d = 0; d < perm.size(); ++d) result[static_cast<size_t>(perm[d])] = shape[d];
  return result;
}

// concat of transposes, all by one permutation
bool SinkTransposeBelowConcat(Graph& graph, Node& node) {
  const Node* first = SinkingTranspose(graph, node);
  if (!first) return false;
  const Ints perm = first->As<TransposeAttrs>().perm;
  std::vector<Value*> operands;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const Node* transpose = SinkingTranspose(graph, node, i);
    if (!transpose || transpose->As<TransposeAttrs>().perm != perm) return false;
    operands.push_back(transpose->operand(0));
  }
  ConcatAttrs attrs = node.As<ConcatAttrs>();
  attrs.axis = perm[static_cast<size_t>(attrs.axis)];
  return Sink(graph, node, *first, attrs, operands, Untransposed(node.result()->type().shape, perm));
}

// Operations along axes: their attributes follow the permutation.
bool SinkTransposeBelowSoftmax(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose) return false;
  const Ints perm = transpose->As<TransposeAttrs>().perm;
  SoftmaxAttrs attrs = node.As<SoftmaxAttrs>();
  attrs.axis = perm[static_cast<size_t>(attrs.axis)];
  std::vector<Value*> operands = node.operands();
  operands[0] = transpose->operand(0);
  return Sink(graph, node, *transpose, attrs, operands, operands[0]->type().shape);
}

bool SinkTransposeBelowReduce(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose || !node.As<ReduceAttrs>().keepdims) return false;
  const Ints perm = transpose->As<TransposeAttrs>().perm;
  ReduceAttrs attrs = node.As<ReduceAttrs>();
  for (int64_t& axis : attrs.axes) axis = perm[static_cast<size_t>(axis)];
  std::sort(attrs.axes.begin(), attrs.axes.end());
  return Sink(graph, node, *transpose, attrs, {transpose->operand(0)}, Untransposed(node.result()->type().shape, perm));
}

bool SinkTransposeBelowArgReduce(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose || !node.As<ArgReduceAttrs>().keepdims) return false;
  const Ints perm = transpose->As<TransposeAttrs>().perm;
  ArgReduceAttrs attrs = node.As<ArgReduceAttrs>();
  attrs.axis = perm[static_cast<size_t>(attrs.axis)];
  return Sink(graph, node, *transpose, attrs, {transpose->operand(0)}, Untransposed(node.result()->type().shape, perm));
}

bool SinkTransposeBelowSlice(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose) return false;
  const Ints perm = transpose->As<TransposeAttrs>().perm;
  SliceAttrs attrs = node.As<SliceAttrs>();
  attrs.starts = Untransposed(attrs.starts, perm);
  if (!attrs.steps.empty()) attrs.steps = Untransposed(attrs.steps, perm);
  return Sink(graph, node, *transpose, attrs, {transpose->operand(0)}, Untransposed(node.result()->type().shape, perm));
}

// Behind a pad a transpose has more to move: only where it will meet another.
bool SinkTransposeBelowPad(Graph& graph, Node& node) {
  const Node* transpose = SinkingTranspose(graph, node);
  if (!transpose || !LeadsToTranspose(graph, node.result())) return false;
  const Ints perm = transpose->As<TransposeAttrs>().perm;
  PadAttrs attrs = node.As<PadAttrs>();
  attrs.before = Untransposed(attrs.before, perm);
  attrs.after = Untransposed(attrs.after, perm);
  return Sink(graph, node, *transpose, attrs, {transpose->operand(0)}, Untransposed(node.result()->type().shape, perm));
}

// softmax(reshape(x)) along the last dimension, which is that of x too
bool SinkReshapeBelowSoftmax(Graph& graph, Node& node) {
  const Node* reshape = Producer<ReshapeAttrs>(node);
  SoftmaxAttrs attrs = node.As<SoftmaxAttrs>();
  if (!reshape || !PerTensor(node.result()) || attrs.axis + 1 != node.result()->type().rank()) return false;
  Value* x = reshape->operand(0);
  if (x->type().shape.empty() || x->type().shape.back() != node.result()->type().shape.back()) return false;
  attrs.axis = x->type().rank() - 1;
  std::vector<Value*> operands = node.operands();
  operands[0] = x;
  return Sink(graph, node, *reshape, attrs, operands, x->type().shape);
}

// fc(reshape(x)) where x ends in the same dimension -> reshape(fc(x))
bool SinkReshapeBelowFc(Graph& graph, Node& node) {
  const Node* reshape = Producer<ReshapeAttrs>(node);
  if (!reshape || !PerTensor(node.result())) return false;
  Value* x = reshape->operand(0);
  if (x->type().shape.empty() || x->type().shape.back() != node.operand(0)->type().shape.back()) return false;
  Shape shape = x->type().shape;
  shape.back() = node.result()->type().shape.back();
  std::vector<Value*> operands = node.operands();
  operands[0] = x;
  return Sink(graph, node, *reshape, node.attrs(), operands, shape);
}

// Height and width change places.
void Swap(Pair& pair) { std::swap(pair[0], pair[1]); }
void Swap(Pads& pads) { pads = {pads[1], pads[0], pads[3], pads[2]}; }
bool SwapHeightAndWidth(Attributes& attributes) {
  if (auto* conv = std::get_if<ConvAttrs>(&attributes)) {
    Swap(conv->strides), Swap(conv->dilations), Swap(conv->pads);
    Swap(conv->pool.kernel), Swap(conv->pool.strides), Swap(conv->pool.pads);
  } else if (auto* transposed = std::get_if<ConvTransposeAttrs>(&attributes)) {
    Swap(transposed->strides), Swap(transposed->dilations), Swap(transposed->pads), Swap(transposed->output_pads);
  } else if (auto* max = std::get_if<MaxPoolAttrs>(&attributes)) {
    Swap(max->kernel), Swap(max->strides), Swap(max->dilations), Swap(max->pads);
  } else if (auto* avg = std::get_if<AvgPoolAttrs>(&attributes)) {
    Swap(avg->kernel), Swap(avg->strides), Swap(avg->pads);
  } else {
    return false;
  }
  return true;
}

// A convolution or pool of an image whose rows and columns are exchanged, perhaps with a reshape that adds dimensions
// of 1: with exchanged windows and weights the exchange can come later, where the image is smaller.
//   conv(transpose(x) {perm = {0, 1, 3, 2}}, w) -> transpose(conv(x, w'))
bool SinkExchangeBelowWindow(Graph& graph, Node& node) {
  const Node* reshape = OwnProducer<ReshapeAttrs>(graph, node);
  const Node* transpose = SinkingTranspose(graph, reshape ? *reshape : node);
  if (!transpose || !PerTensor(node.operand(0))) return false;
  Value* w = node.operand(1);
  const Tensor* weights = Dense(w);
  if (w && (!weights || !graph.HasOneUse(w))) return false;
  Value* x = transpose->operand(0);
  const Shape& image = node.operand(0)->type().shape;
  const Shape before = {image[0], image[1], image[3], image[2]};
  const Ints exchange = {0, 1, 3, 2};
  if (TransposeIndex(x->type().shape, transpose->As<TransposeAttrs>().perm) != TransposeIndex(before, exchange))
    return false;
  Attributes attrs = node.attrs();
  if (!SwapHeightAndWidth(attrs)) return false;
  std::vector<Value*> operands = node.operands();
  const std::string loc = transpose->loc();
  if (x->type().shape != before) {
    const std::string reshape_loc = reshape ? reshape->loc() : loc;
    x = graph.AddNode(ReshapeAttrs{}, {x}, node.operand(0)->name(), WithShape(x->type(), before), reshape_loc, &node)
            ->result();
  }
  operands[0] = x;
  if (w) {
    const Shape& taps = weights->shape();
    operands[1] = NewConstant(
        graph, w, Rearranged(*weights, TransposeIndex(taps, exchange), {taps[0], taps[1], taps[3], taps[2]}));
  }
  const Type type = node.result()->type();
  const Shape& shape = type.shape;
  const Node* inner = Precede(graph, node, attrs, operands, WithShape(type, {shape[0], shape[1], shape[3], shape[2]}));
  Become(graph, node, TransposeAttrs{exchange}, {inner->result()}, type);
  node.set_loc(loc);
  return true;
}

// fc(reshape(transpose(x))): the order in which x arrives becomes the order of the weights' columns, so that the
// transpose goes. Every row of the fc must see the same order.
bool TransposeIntoFc(Graph& graph, Node& node) {
  const Tensor* weights = Dense(node.operand(1));
  if (!weights || !graph.HasOneUse(node.operand(1))) return false;
  const Node* reshape = OwnProducer<ReshapeAttrs>(graph, node);
  const Node* transpose = OwnProducer<TransposeAttrs>(graph, reshape ? *reshape : node);
  if (!transpose) return false;
  Value* x = transpose->operand(0);
  const int64_t rows = weights->shape()[0], k = weights->shape()[1];
  // order[i]: where element i of the fc's operand was before the transpose.
  const std::vector<int64_t> order = TransposeIndex(x->type().shape, transpose->As<TransposeAttrs>().perm);
  for (int64_t i = 0; i < static_cast<int64_t>(order.size()); ++i) {
    const int64_t row = i / k;
    if (order[static_cast<size_t>(i)] != row * k + order[static_cast<size_t>(i % k)]) return false;
    if (order[static_cast<size_t>(i)] / k != row) return false;
  }
  std::vector<int64_t> index(static_cast<size_t>(rows * k));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < k; ++i) index[static_cast<size_t>(row * k + order[static_cast<size_t>(i)])] = row * k + i;
  }
  SetConstant(graph, node, 1, Rearranged(*weights, index, weights->shape()));
  Value* old = node.operand(0);
  const std::string loc = reshape ? reshape->loc() : transpose->loc();
  Node* inner = graph.AddNode(ReshapeAttrs{}, {x}, old->name(), old->type(), loc, &node);
  TakeName(graph, *inner, old);
  return SetOperand(graph, node, 0, inner->result());
}

}  // namespace

const Rewrites& SinkRewrites() {
  static const Rewrites rewrites = [] {
    Rewrites all;
    for (Op op : {Op::kUnary, Op::kLut, Op::kQuantize, Op::kDequantize, Op::kRequantize, Op::kCast}) {
      all.push_back({op, "SinkReshapeBelowElementwise", SinkReshapeBelowElementwise});
      all.push_back({op, "SinkTransposeBelowElementwise", SinkTransposeBelowElementwise});
    }
    const Rewrites rest = {
        {Op::kBinary, "SinkReshapeBelowBinary", SinkReshapeBelowBinary},
        {Op::kBinary, "SinkTransposeBelowBinary", SinkTransposeBelowBinary},
        {Op::kConcat, "SinkTransposeBelowConcat", SinkTransposeBelowConcat},
        {Op::kSoftmax, "SinkReshapeBelowSoftmax", SinkReshapeBelowSoftmax},
        {Op::kSoftmax, "SinkTransposeBelowSoftmax", SinkTransposeBelowSoftmax},
        {Op::kReduce, "SinkTransposeBelowReduce", SinkTransposeBelowReduce},
        {Op::kArgReduce, "SinkTransposeBelowArgReduce", SinkTransposeBelowArgReduce},
        {Op::kSlice, "SinkTransposeBelowSlice", SinkTransposeBelowSlice},
        {Op::kPad, "SinkTransposeBelowPad", SinkTransposeBelowPad},
        {Op::kConv, "SinkExchangeBelowWindow", SinkExchangeBelowWindow},
        {Op::kConvTranspose, "SinkExchangeBelowWindow", SinkExchangeBelowWindow},
        {Op::kMaxPool, "SinkExchangeBelowWindow", SinkExchangeBelowWindow},
        {Op::kAvgPool, "SinkExchangeBelowWindow", SinkExchangeBelowWindow},
        {Op::kFc, "SinkReshapeBelowFc", SinkReshapeBelowFc},
        {Op::kFc, "TransposeIntoFc", TransposeIntoFc},
    };
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }();
  return rewrites;
}

}  // namespace mcuc::canonicalize
