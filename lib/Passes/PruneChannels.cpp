// Removes channels that make no difference: those that nothing reads, and those whose value is the same for every
// input.
//
//   const @w: f32[2x1x1x1] = {0.5, 0}                const @b: f32[2] = {0, 3}
//   %h: f32[1x2x4x4] = conv %x, @w, @b {act = relu}                        channel 1 is always 3
//   const @v: f32[1x2x1x1] = {2, 4}                  const @c: f32[1] = {1}
//   %y: f32[1x1x4x4] = conv %h, @v, @c
//   ──►
//   %h: f32[1x1x4x4] = conv %x, @w, @b {act = relu}                        w = {0.5}, b = {0}
//   %y: f32[1x1x4x4] = conv %h, @v, @c                                     v = {2}, c = {1 + 4 * 3}
#include "PruneChannels.h"

#include <cmath>
#include <optional>

#include "Canonicalize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

using channels::Slices;

// The kept slices of a tensor along an axis, its scales too.
Tensor Sliced(const Tensor& tensor, int64_t axis, const std::vector<int64_t>& kept) {
  const auto d = static_cast<size_t>(axis);
  const Shape& shape = tensor.shape();
  Shape smaller = shape;
  smaller[d] = static_cast<int64_t>(kept.size());
  const int64_t inner = Strides(shape)[d];
  std::vector<int64_t> index;
  for (int64_t i = 0; i < Elements(smaller); ++i) {
    const int64_t outer = i / (inner * smaller[d]), slice = i / inner % smaller[d];
    index.push_back((outer * shape[d] + kept[static_cast<size_t>(slice)]) * inner + i % inner);
  }
  Type type = tensor.type();
  type.shape = smaller;
  if (type.quant && type.quant->axis == axis) {
    const auto take = [&](auto& list) {
      if (static_cast<int64_t>(list.size()) != shape[d]) return;
      const auto all = list;
      list.clear();
      for (int64_t k : kept) list.push_back(all[static_cast<size_t>(k)]);
    };
    take(type.quant->scales);
    take(type.quant->zero_points);
  }
  Tensor result(type);
  const auto bytes = static_cast<size_t>(ElementTypeBytes(type.element));
  for (size_t i = 0; i < index.size(); ++i) {
    const auto from = tensor.bytes().subspan(static_cast<size_t>(index[i]) * bytes, bytes);
    std::copy(from.begin(), from.end(), result.bytes().begin() + static_cast<std::ptrdiff_t>(i * bytes));
  }
  return result;
}

class PruneChannels : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    bool changed = false, again = true;
    while (again) {  // ends: each round takes weights or channels away
      again = Fold(graph, context);
      again |= Remove(graph, context);
      changed |= again;
    }
    return changed;
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "The outputs stay the same: of an integer graph bit for bit, of a float graph up to the rounding of the "
           "sums that go into a bias.\n\n"
           "*Constants.* Bounds on every element of every value are computed from the inputs on; a channel whose "
           "bounds meet is constant: one whose weights are all zero, or which its activation or the range of int8 "
           "always cuts off. Where a `conv` or `fc` reads a constant, weight times constant goes into the bias and "
           "the weight becomes zero. A padded `conv` sees the constant only in part near the edges, so its weights "
           "stay unless the constant is what padding reads as.\n\n"
           "*Channels.* Elements that no output depends on, through weights that are not zero, are dead. Dead slices "
           "along one axis of a value (channels of a convolution, outputs of an `fc`) are removed with the weights "
           "that make and read them, through activations, pools, reshapes, transposes, concatenations and elementwise "
           "operations as far as both operands lose the same ones. Of a grouped convolution only whole groups go (of "
           "a depthwise one, channels); inputs, outputs, and what softmax, matmul, gather and the like read or make "
           "keep their shapes, and so do layers that share their weights.\n\n"
           "Both repeat until nothing changes. Inputs are taken to be finite: 0 times infinity is not 0.";
  }

 private:
  // Weights that read a constant go into the bias.
  bool Fold(Graph& graph, PassContext& context) {
    const auto bounds = channels::BoundsOf(graph);
    bool changed = false;
    for (Node* node : graph.node_vector()) {
      if ((!node->If<ConvAttrs>() && !node->If<FcAttrs>()) || !channels::IsPlainLayer(graph, *node)) continue;
      const auto found = bounds.find(node->operand(0));
      if (found == bounds.end()) continue;
      if (const int64_t weights = FoldInto(graph, *node, found->second); weights > 0) {
        context.Remark(graph, node, absl::StrCat(weights, " weights read constants and went into the bias"));
        changed = true;
      }
    }
    return changed;
  }

  // The number of weights that became zero.
  static int64_t FoldInto(Graph& graph, Node& node, const channels::Bounds& x) {
    Tensor w = node.operand(1)->tensor();
    const Type& xt = node.operand(0)->type();
    const int64_t outputs = Columns(w.type()), length = ColumnLength(w.type());
    int64_t taps = 1, groups = 1, inner = 1, inputs = length;
    bool padded = false;
    if (const auto* conv = node.If<ConvAttrs>()) {
      taps = w.shape()[2] * w.shape()[3];
      groups = conv->group;
      inner = xt.shape[2] * xt.shape[3];
      inputs = xt.shape[1];
      padded = conv->pads != Pads{};
    }
    // The constant of each input channel.
    std::vector<std::optional<double>> constant(static_cast<size_t>(inputs));
    std::vector<char> varies(static_cast<size_t>(inputs), 0);
    for (int64_t i = 0; i < xt.elements(); ++i) {
      const auto c = static_cast<size_t>(i / inner % inputs);
      const double lo = x.lo.AsDouble(i);
      if (lo != x.hi.AsDouble(i) || !std::isfinite(lo) || (constant[c] && *constant[c] != lo)) varies[c] = 1;
      constant[c] = lo;
    }
    const double pad = xt.is_quantized() ? xt.quant->zero_point() : 0;
    const bool mixed = xt.is_float() && w.type().is_quantized();  // N20 rounds each product: only zeros go
    const bool integer = xt.is_quantized();
    Tensor bias = node.operand(2) ? node.operand(2)->tensor()
                                  : Tensor(Type{integer ? ElementType::i32 : ElementType::f32, {outputs}});
    int64_t folded = 0;
    bool moved = false;
    for (int64_t m = 0; m < outputs; ++m) {
      const int64_t first = m / (outputs / groups) * (inputs / groups);
      double sum = 0;
      std::vector<int64_t> gone;
      for (int64_t k = 0; k < length; ++k) {
        const auto c = static_cast<size_t>(first + k / taps);
        const double weight = w.AsDouble(m * length + k);
        if (weight == 0 || varies[c] || (padded && *constant[c] != pad) || (mixed && *constant[c] != 0)) continue;
        sum += weight * *constant[c];  // integers: exact, below 2^53
        gone.push_back(m * length + k);
      }
      // |bias| grows by no more than the bound of N4 shrinks by the weights, so that it stays within 32 bits.
      const double total = bias.AsDouble(m) + sum;
      if (gone.empty() || (!integer && !std::isfinite(static_cast<float>(total)))) continue;
      for (int64_t i : gone) w.SetInt(i, 0);
      folded += static_cast<int64_t>(gone.size());
      if (sum != 0) bias.Set(m, total), moved = true;
    }
    if (folded == 0) return 0;
    node.operand(1)->set_tensor(std::move(w));
    if (moved && node.operand(2)) {
      canonicalize::SetConstant(graph, node, 2, std::move(bias));
    } else if (moved) {
      Value* added = graph.AddConstant(node.operand(1)->name() + "_bias", std::move(bias));
      node.set_operands({node.operand(0), node.operand(1), added});
    }
    return folded;
  }

  bool Remove(Graph& graph, PassContext& context) {
    std::map<const Value*, Slices> slices;
    for (const auto& [value, keep] : channels::KeptOf(graph)) {
      Slices of = channels::SlicesOf(value->type().shape, keep);
      if (of.axis >= 0) slices.emplace(value, std::move(of));
    }
    if (slices.empty()) return false;
    for (Node* node : graph.node_vector()) {
      const auto x = slices.find(node->operand(0)), y = slices.find(node->result());
      const Slices* in = x == slices.end() ? nullptr : &x->second;
      const Slices* out = y == slices.end() ? nullptr : &y->second;
      if (node->If<ConvAttrs>() || node->If<ConvTransposeAttrs>() || node->If<FcAttrs>()) {
        if (out) {
          context.Remark(
              graph, node,
              absl::StrCat(out->kept.size(), " of ", node->result()->type().shape[static_cast<size_t>(out->axis)],
                           " output channels are left"));
        }
        ShrinkLayer(graph, *node, in, out);
      } else if (node->If<BinaryAttrs>() && out) {
        ShrinkConstants(graph, *node, *out);
      }
    }
    for (Node* node : graph.node_vector()) {
      const auto y = slices.find(node->result());
      if (y == slices.end()) continue;
      Type type = node->result()->type();
      type.shape[static_cast<size_t>(y->second.axis)] = static_cast<int64_t>(y->second.kept.size());
      node->result()->set_type(std::move(type));
    }
    return true;
  }

  // Weights, bias and multipliers of a layer of which input channels (in) and output channels (out) are left.
  static void ShrinkLayer(Graph& graph, Node& node, const Slices* in, const Slices* out) {
    Tensor w = node.operand(1)->tensor();
    const auto* transposed = node.If<ConvTransposeAttrs>();
    const auto* conv = node.If<ConvAttrs>();
    const int64_t group = conv ? conv->group : transposed ? transposed->group : 1;
    const int64_t in_axis = transposed ? 0 : 1, out_axis = transposed ? 1 : 0;
    // With groups one axis of the weights runs over all channels, the other within a group; groups go as a whole.
    if (in && (group == 1 || transposed)) w = Sliced(w, in_axis, in->kept);
    if (out && (group == 1 || !transposed)) w = Sliced(w, out_axis, out->kept);
    if (group > 1 && out) {
      const int64_t outputs = node.result()->type().shape[1];
      const int64_t left = static_cast<int64_t>(out->kept.size()) * group / outputs;
      if (conv) node.As<ConvAttrs>().group = left;
      if (transposed) node.As<ConvTransposeAttrs>().group = left;
    }
    node.operand(1)->set_tensor(std::move(w));
    if (!out) return;
    if (node.operand(2)) canonicalize::SetConstant(graph, node, 2, Sliced(node.operand(2)->tensor(), 0, out->kept));
    const auto shrink = [&](Multipliers& list) {
      if (list.size() < 2) return;  // one for all
      const Multipliers all = list;
      list.clear();
      for (int64_t m : out->kept) list.push_back(all[static_cast<size_t>(m)]);
    };
    if (conv) shrink(node.As<ConvAttrs>().mul), shrink(node.As<ConvAttrs>().shift);
    if (node.If<FcAttrs>()) shrink(node.As<FcAttrs>().mul), shrink(node.As<FcAttrs>().shift);
  }

  // Constant operands are broadcast from the right.
  static void ShrinkConstants(Graph& graph, Node& node, const Slices& out) {
    const int64_t rank = node.result()->type().rank();
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const Value* operand = node.operand(i);
      const int64_t axis = out.axis - (rank - operand->type().rank());
      if (!operand->is_constant() || axis < 0 || operand->type().shape[static_cast<size_t>(axis)] == 1) continue;
      canonicalize::SetConstant(graph, node, i, Sliced(operand->tensor(), axis, out.kept));
    }
  }
};

}  // namespace

std::unique_ptr<Pass> CreatePruneChannels() { return std::make_unique<PruneChannels>(); }

}  // namespace mcuc
