// Fuses activations into what computes their operand, and pooling into the convolution before it, so that neither has a
// buffer of its own.
//
//   %c: f32[1x6x28x28] = conv %x, @w                    ->   %p: f32[1x6x14x14] = conv %x, @w {act = relu, pool =
//   max{…}} %r: f32[1x6x28x28] = unary %c {fn = relu} %p: f32[1x6x14x14] = max_pool %r {kernel = {2, 2}, strides = {2,
//   2}}
#include <algorithm>

#include "Canonicalize.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

using namespace canonicalize;

class Fuse : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override;
  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }
  void Options(PassOptions& options) override {
    options.Add("overlap", "fuse pools whose windows overlap too: less RAM, outputs are computed more than once",
                &overlap_);
  }
  const char* Details() const override {
    return R"(- relu and clip into the conv, conv_transpose, fc, matmul or binary operation that alone feeds them, also through a max-pool
  fused before. On quantized graphs where both results have the same scale and zero point.
- max_pool into the convolution before it (N5), with its pads and rounding.
- avg_pool into the float convolution before it (N6): every window wholly inside, activation none or relu, and sums that stay
  within 32 bits once quantized. Not on quantized graphs, where the sum would be rounded once instead of twice.

A pool is fused where the convolution's result has no other use and its windows do not overlap: with `overlap=true`, also
where they do.)";
  }

 private:
  bool FuseClamp(Graph& graph, Node& node) const;
  bool FuseMaxPool(Graph& graph, Node& node) const;
  bool FuseAvgPool(Graph& graph, Node& node) const;
  bool FusePool(Graph& graph, Node& node, Node& conv, const Pool& pool) const;

  bool overlap_ = false;
};

// The activation that is fused behind this node, if it can have one; null: it can't.
Act* ActOfProducer(Node& node) {
  if (auto* conv = node.If<ConvAttrs>()) return conv->pool.kind == PoolKind::avg ? nullptr : &conv->act;
  if (auto* conv = node.If<ConvTransposeAttrs>()) return &conv->act;
  if (auto* fc = node.If<FcAttrs>()) return &fc->act;
  if (auto* matmul = node.If<MatMulAttrs>()) return &matmul->act;
  if (auto* binary = node.If<BinaryAttrs>()) return &binary->act;
  return nullptr;
}

// relu or clip; a max-pool fused before it makes no difference, because clamping keeps the order of values.
bool Fuse::FuseClamp(Graph& graph, Node& node) const {
  const UnaryAttrs* attrs = node.If<UnaryAttrs>();
  Value* x = node.operand(0);
  if (!attrs || !x->def() || !graph.HasOneUse(x)) return false;
  const auto clamp = IntervalOf(*attrs);
  Act* act = ActOfProducer(*x->def());
  if (!clamp || !act || !(x->type().is_float() || x->type().is_quantized())) return false;  // integers take no act
  // On quantized values too: N3 rounds each bound, which keeps their order.
  *act = ActOf(Compose(IntervalOf(*act), *clamp));
  return Forward(graph, node, x);
}

// The convolution that computes the pool's operand for it alone and has no pool yet.
Node* PoolableConv(const Graph& graph, const Node& node) {
  Node* conv = OwnProducer<ConvAttrs>(graph, node);
  return conv && conv->As<ConvAttrs>().pool.kind == PoolKind::none ? conv : nullptr;
}

bool Fuse::FusePool(Graph& graph, Node& node, Node& conv, const Pool& pool) const {
  const Shape &shape = node.result()->type().shape, &before = conv.result()->type().shape;
  // A single window along a dimension overlaps nothing.
  for (size_t d = 0; d < 2 && !overlap_; ++d) {
    if (pool.strides[d] < pool.kernel[d] && shape[2 + d] > 1) return false;
  }
  ConvAttrs attrs = conv.As<ConvAttrs>();
  attrs.pool = pool;
  if (before == shape && pool.kernel == Pair{1, 1}) return false;  // canonicalize removes it
  if (!Fits(attrs, conv.operands(), shape) || !graph.CanReplace(node.result(), conv.result())) return false;
  conv.attrs() = attrs;
  const Type type = node.result()->type();
  conv.result()->set_type(type);
  return Forward(graph, node, conv.result());
}

bool Fuse::FuseMaxPool(Graph& graph, Node& node) const {
  const auto* attrs = node.If<MaxPoolAttrs>();
  Node* conv = PoolableConv(graph, node);
  if (!attrs || !conv || attrs->dilations != Pair{1, 1}) return false;
  return FusePool(graph, node, *conv, {PoolKind::max, attrs->kernel, attrs->strides, attrs->pads, attrs->ceil});
}

// N4: |accumulator| is at most the sum of |weights| * 128; half of 2^31 leaves room for the bias.
bool SumFitsOnceQuantized(const Node& conv, const Pair& kernel) {
  const Shape& w = conv.operand(1)->type().shape;
  constexpr int64_t kRoom = (int64_t{1} << 30) / (127 * 128);
  int64_t products = 1;
  for (int64_t factor : {w[1], w[2], w[3], kernel[0], kernel[1]}) {
    if (factor > kRoom / products) return false;
    products *= factor;
  }
  return true;
}

bool Fuse::FuseAvgPool(Graph& graph, Node& node) const {
  const auto* attrs = node.If<AvgPoolAttrs>();
  Node* conv = PoolableConv(graph, node);
  if (!attrs || !conv || attrs->pads != Pads{}) return false;
  for (size_t i = 0; i < conv->operands().size(); ++i) {
    if (!IsFloat32(conv->operand(i))) return false;
  }
  if (conv->As<ConvAttrs>().act.kind == ActKind::clip || !SumFitsOnceQuantized(*conv, attrs->kernel)) return false;
  // With ceil, a last window that hangs over the end makes one window more than there are without: Fits sees it.
  return FusePool(graph, node, *conv, {PoolKind::avg, attrs->kernel, attrs->strides, {}, false});
}

absl::StatusOr<bool> Fuse::Run(Graph& graph, PassContext&) {
  bool changed = false;
  // In schedule order a chain of conv, relu, pool, clip fuses in one walk.
  for (Node* node : graph.node_vector()) {
    if (IsUnlinked(*node)) continue;
    if (node->If<UnaryAttrs>()) changed |= FuseClamp(graph, *node);
    if (node->If<MaxPoolAttrs>()) changed |= FuseMaxPool(graph, *node);
    if (node->If<AvgPoolAttrs>()) changed |= FuseAvgPool(graph, *node);
  }
  changed |= graph.EraseDead();
  return changed;
}

}  // namespace

std::unique_ptr<Pass> CreateFuse() { return std::make_unique<Fuse>(); }

}  // namespace mcuc
