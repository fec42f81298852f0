// Brings a graph to one plain form that the other passes can count on: nothing constant is computed, nothing that does
// nothing is left, batch normalizations are in the weights, pads in the windows, and what can be written in two ways is
// written in one. Here: the walk over the tables of rewrites, constant folding, common subexpressions.
//
//   %c: f32[1x6x28x28] = conv %x, @w                                %y: f32[1x1176] = reshape %r
//   %i: f32[1x6x28x28] = identity %c                      ->        %r: f32[1x6x14x14] = …
#include <algorithm>
#include <unordered_map>

#include "Canonicalize.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

using canonicalize::Rewrite;
using canonicalize::Rewrites;

// A graph comes to rest after a few walks; this many mean that two rewrites undo each other.
constexpr int kMaxWalks = 200;

class Canonicalize : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override;
  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }
  void Options(PassOptions& options) override {
    options.Add("fold-limit", "bytes up to which a constant is folded even if it grows more than fourfold",
                &fold_limit_);
  }
  const char* Details() const override;

 private:
  bool FoldConstant(Graph& graph, Node& node) const;
  bool Walk(Graph& graph);

  int64_t fold_limit_ = 1024;
  const char* last_ = "";  // the last rewrite that changed something
};

const char* Canonicalize::Details() const {
  return R"(One walk after another goes over the nodes in order, trying the rewrites of each operation, until nothing changes:

- Nodes on constants are computed, where the result is at most four times as large or small (`fold-limit`).
- What does nothing goes: identities, casts to the same type, no-op reshapes, transposes, slices, pads, pools and clamps,
  additions of 0. Chains of reshapes, transposes, slices, pads, concatenations and clamps become one.
- Reshapes and transposes move towards the outputs until they meet and cancel; a transpose before a fully connected layer
  goes into the order of its weights; one that exchanges height and width goes behind convolutions and pools; one that
  moves no data is a reshape.
- Scales and shifts by constants (batch normalization) go into the convolution or fully connected layer before or behind
  them: a shift goes into a layer behind only if that has no padding. Not on quantized graphs.
- Pads of zeros go into convolutions and average pools, and into max-pools where they provably never win.
- Means and maxima over height and width become pools. `x - c` is `x + -c`, constants come second, `max(x, 0)` is relu.
  Relu goes before a max-pool where it can then fuse, other growing functions behind it.
- Of equal nodes on equal operands one is kept, as of equal constants. What no output needs goes.

On quantized values only rewrites are made that keep every bit (docs/numerics.md). Encoded constants are left alone.)";
}

bool AllConstant(const Node& node) {
  return std::all_of(node.operands().begin(), node.operands().end(),
                     [](const Value* v) { return canonicalize::Dense(v); });
}

// int8 constants that are added to, multiplied with or joined to what is dequantized too: quantize makes integer
// operations of these, on the constant as it is.
bool IsIntegerOperand(const Graph& graph, const Node& node) {
  if (!node.If<DequantizeAttrs>() || node.operand(0)->type().element != ElementType::i8) return false;
  const std::vector<Node*> users = graph.Users(node.result());
  return std::any_of(users.begin(), users.end(), [&](const Node* user) {
    const auto* binary = user->If<BinaryAttrs>();
    const bool sum_or_product =
        binary && (binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub || binary->fn == BinaryFn::mul);
    if (!sum_or_product && !user->If<ConcatAttrs>()) return false;
    return std::any_of(user->operands().begin(), user->operands().end(), [](const Value* operand) {
      return operand->def() && operand->def()->If<DequantizeAttrs>() && !operand->def()->operand(0)->is_constant();
    });
  });
}

bool Canonicalize::FoldConstant(Graph& graph, Node& node) const {
  if (!AllConstant(node) || IsIntegerOperand(graph, node)) return false;
  Value* result = node.result();
  if (graph.IsOutput(result) && node.If<IdentityAttrs>()) return false;  // an output is the result of a node
  if (result->type().is_quantized() && !result->type().quant->per_tensor() && !node.If<IdentityAttrs>()) return false;
  int64_t bytes = 0;
  std::vector<const Tensor*> operands;
  for (const Value* operand : node.operands()) {
    bytes += operand->type().bytes();
    operands.push_back(&operand->tensor());
  }
  if (result->type().bytes() > std::max(4 * bytes, fold_limit_)) return false;
  absl::StatusOr<Tensor> tensor = EvaluateNode(node, operands);
  if (!tensor.ok() || tensor->type() != result->type()) return false;
  Value* constant = graph.AddConstant(result->name(), std::move(*tensor));
  return canonicalize::Forward(graph, node, constant);
}

bool SameNode(const Node& a, const Node& b) {
  return a.attrs() == b.attrs() && a.operands() == b.operands() && a.result()->type() == b.result()->type();
}

// Of nodes that compute the same from the same, the first.
bool MergeEqualNodes(Graph& graph) {
  bool changed = false;
  std::unordered_map<const Value*, std::vector<Node*>> by_operand;
  for (Node* node : graph.node_vector()) {
    if (canonicalize::IsUnlinked(*node)) continue;
    std::vector<Node*>& candidates = by_operand[node->operand(0)];
    const auto same = std::find_if(candidates.begin(), candidates.end(), [&](const Node* other) {
      return !canonicalize::IsUnlinked(*other) && SameNode(*other, *node);
    });
    if (same != candidates.end()) {
      changed |= canonicalize::Forward(graph, *node, (*same)->result());
    } else {
      candidates.push_back(node);
    }
  }
  return changed;
}

// Of constants of the same type and bits, the first.
bool MergeEqualConstants(Graph& graph) {
  bool changed = false;
  std::vector<Value*> kept;
  for (Value* constant : graph.constants()) {
    const auto same = std::find_if(kept.begin(), kept.end(),
                                   [&](const Value* other) { return other->tensor() == constant->tensor(); });
    if (same == kept.end()) {
      kept.push_back(constant);
      continue;
    }
    graph.ReplaceOperands(constant, *same);
    changed = true;
  }
  if (changed) graph.EraseDead();
  return changed;
}

// The rewrites of each operation, in the order of the families.
std::vector<Rewrites> RewritesByOp() {
  std::vector<Rewrites> by_op(static_cast<size_t>(OpCount()));
  for (const Rewrites* family :
       {&canonicalize::MoveRewrites(), &canonicalize::ElementwiseRewrites(), &canonicalize::AffineRewrites(),
        &canonicalize::WindowRewrites(), &canonicalize::SinkRewrites()}) {
    for (const Rewrite& rewrite : *family) by_op[static_cast<size_t>(rewrite.op)].push_back(rewrite);
  }
  return by_op;
}

bool Canonicalize::Walk(Graph& graph) {
  static const std::vector<Rewrites> by_op = RewritesByOp();
  bool changed = false;
  for (Node* node : graph.node_vector()) {
    if (canonicalize::IsUnlinked(*node)) continue;
    if (FoldConstant(graph, *node)) {
      changed = true;
      last_ = "FoldConstant";
      continue;
    }
    const Op op = node->op();
    for (const Rewrite& rewrite : by_op[static_cast<size_t>(op)]) {
      if (canonicalize::IsUnlinked(*node) || node->op() != op) break;
      if (!rewrite.apply(graph, *node)) continue;
      changed = true;
      last_ = rewrite.name;
    }
  }
  changed |= MergeEqualNodes(graph);
  changed |= graph.EraseDead();
  return changed;
}

absl::StatusOr<bool> Canonicalize::Run(Graph& graph, PassContext& context) {
  bool changed = graph.EraseDead();
  for (int walks = 0; walks < kMaxWalks; ++walks) {
    // Equal constants merge last: while two layers have weights of their own, each can take a scale into them.
    if (!Walk(graph) && !MergeEqualConstants(graph)) return changed;
    changed = true;
  }
  context.Remark(graph, nullptr, std::string("canonicalize did not come to rest; last was ") + last_);
  return changed;
}

}  // namespace

std::unique_ptr<Pass> CreateCanonicalize() { return std::make_unique<Canonicalize>(); }

}  // namespace mcuc
