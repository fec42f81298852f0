// A graph of single samples becomes one of batches.
//
//   graph @g(%x: f32[1x1x8x8]) -> (%y: f32[1x6x3x3])        ──►   graph @g(%x: f32[16x1x8x8]) -> …
//   %y: … = conv %x, @w {act = relu, pool = max{…}}                %y_conv = conv %x, @w
//                                                                  %y_act = unary %y_conv
//                                                                  %y = max_pool %y_act {…}
#include "Batched.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Verify.h"

namespace mcuc::train {

namespace {

// Where a batch must not be touched, why this node touches it; empty: it does not. Dimension 0 of every computed
// operand and of the result is 1 here.
std::string Obstacle(const Node& node) {
  const Type& y = node.result()->type();
  const auto computed = [&](size_t i) { return node.operand(i) && !node.operand(i)->is_constant(); };
  const auto rank = [&](size_t i) { return node.operand(i)->type().rank(); };
  switch (node.op()) {
    case Op::kConv:
    case Op::kConvTranspose:
    case Op::kFc:
      if (computed(1) || computed(2)) return "its weights or bias are computed";
      return rank(0) < 2 ? "its operand has no dimension for the batch" : "";
    case Op::kMatMul:
      // The batch is the rows of a, with one b for all of them, or the leading dimension.
      if (y.rank() == 2) return computed(1) ? "it sums over dimension 0" : "";
      [[fallthrough]];
    case Op::kBinary:
      for (size_t i = 0; i < 2; ++i) {
        if (computed(i) && rank(i) != y.rank()) return "dimension 0 of an operand is not that of the result";
      }
      return "";
    case Op::kSoftmax:
      return node.As<SoftmaxAttrs>().axis == 0 ? "it sums over dimension 0" : "";
    case Op::kReduce: {
      const Ints& axes = node.As<ReduceAttrs>().axes;
      return std::count(axes.begin(), axes.end(), 0) ? "it reduces dimension 0" : "";
    }
    case Op::kTranspose:
      return node.As<TransposeAttrs>().perm[0] != 0 ? "it moves dimension 0" : "";
    case Op::kConcat:
      return node.As<ConcatAttrs>().axis == 0 ? "it makes dimension 0 longer" : "";
    case Op::kPad:
      return node.As<PadAttrs>().before[0] != 0 || node.As<PadAttrs>().after[0] != 0 ? "it pads dimension 0" : "";
    case Op::kGather:
      if (computed(1)) return "its indices are computed, and have no gradient";
      if (!computed(0)) return "its first operand is constant";
      return node.As<GatherAttrs>().axis == 0 ? "it selects along dimension 0" : "";
    case Op::kMaxPool:
    case Op::kAvgPool:
    case Op::kUnary:
    case Op::kReshape:
    case Op::kSlice:
    case Op::kResize:
    case Op::kIdentity:
      return "";
    default:
      return "this operation has no gradient";
  }
}

absl::Status CannotBatch(const Node& node, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot be trained: ", NameOf(node), ": ", why,
                   "; training takes a float graph whose dimension 0, of size 1, is the batch throughout"));
}

bool IsFloat32(const Type& type) { return type.element == ElementType::f32 && !type.is_quantized(); }

absl::Status CheckNode(const Node& node) {
  if (std::all_of(node.operands().begin(), node.operands().end(), [](const Value* v) { return v->is_constant(); })) {
    return CannotBatch(node, "it computes from constants alone; run canonicalize first");
  }
  if (const std::string why = Obstacle(node); !why.empty()) return CannotBatch(node, why);
  for (size_t i = 0; i < node.operands().size(); ++i) {
    if (node.op() == Op::kGather && i == 1) continue;
    const Type& type = node.operand(i)->type();
    if (!IsFloat32(type)) return CannotBatch(node, absl::StrCat("operand ", i, " is ", TypeText(type), ", not f32"));
    if (type.encoding != Encoding::kDense) return CannotBatch(node, "a constant is encoded; train before csc-encode");
  }
  const Type& y = node.result()->type();
  if (!IsFloat32(y)) return CannotBatch(node, absl::StrCat("its result is ", TypeText(y), ", not f32"));
  if (y.shape.empty() || y.shape[0] != 1) {
    return CannotBatch(node, absl::StrCat("dimension 0 of its result [", ShapeText(y.shape), "] is not 1"));
  }
  return absl::OkStatus();
}

// The value that the loss is taken of: the first output or, behind reshapes and copies, the operand of its softmax.
const Value* LossValue(const Graph& graph, bool stop, bool* stopped) {
  const Value* output = graph.outputs()[0];
  if (!stop) return output;
  const Node* node = output->def();
  while (node && (node->op() == Op::kReshape || node->op() == Op::kIdentity)) node = node->operand(0)->def();
  const auto* softmax = node ? node->If<SoftmaxAttrs>() : nullptr;
  if (!softmax || node->operands().size() != 1) return output;
  // Over the whole sample: what a cross-entropy over all of an output's elements is of.
  const Shape& shape = node->result()->type().shape;
  if (shape[static_cast<size_t>(softmax->axis)] != node->result()->type().elements()) return output;
  const Value* x = node->operand(0);
  if (x->kind() != ValueKind::kResult) return output;
  *stopped = true;
  return x;
}

std::unordered_set<const Node*> NodesFor(const Value* value) {
  std::unordered_set<const Node*> needed;
  std::vector<const Value*> todo = {value};
  while (!todo.empty()) {
    const Node* node = todo.back()->def();
    todo.pop_back();
    if (!node || !needed.insert(node).second) continue;
    todo.insert(todo.end(), node->operands().begin(), node->operands().end());
  }
  return needed;
}

class Builder {
 public:
  Builder(const Graph& graph, const PlanOptions& options) : graph_(graph), options_(options) {}

  absl::StatusOr<Batched> Build() {
    if (graph_.outputs().empty()) return absl::InvalidArgumentError("cannot be trained: the graph has no output");
    batched_.graph = std::make_unique<Graph>(graph_.name());
    const Value* output = LossValue(graph_, options_.stop_before_softmax, &batched_.stopped_before_softmax);
    const std::unordered_set<const Node*> needed = NodesFor(output);
    for (const Value* input : graph_.inputs()) {
      const Type& type = input->type();
      const bool read = std::any_of(needed.begin(), needed.end(), [&](const Node* node) {
        return std::count(node->operands().begin(), node->operands().end(), input) > 0;
      });
      if (!read) {
        batched_.inputs.push_back(nullptr);
        continue;
      }
      if (!IsFloat32(type) || type.shape.empty() || type.shape[0] != 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("cannot be trained: input ", input->Text(), " is ", TypeText(type),
                         ", but training takes f32 inputs whose dimension 0, of size 1, is the batch"));
      }
      Type wide = type;
      if (absl::Status status = Widen(wide); !status.ok()) return status;
      values_[input] = batched_.graph->AddInput(input->name(), wide);
      batched_.inputs.push_back(values_[input]);
    }
    for (const auto& node : graph_.nodes()) {
      if (!needed.count(node.get())) continue;
      if (absl::Status status = CheckNode(*node); !status.ok()) return status;
      if (absl::Status status = Add(*node); !status.ok()) return status;
    }
    batched_.output = values_.at(output);
    for (const ActivationGroup& group : options_.groups) {
      batched_.groups.emplace_back();
      for (const Value* value : group.values) {
        if (const auto mine = values_.find(value); mine != values_.end())
          batched_.groups.back().push_back(mine->second);
      }
    }
    batched_.graph->AddOutput(batched_.output);
    if (absl::Status status = VerifyGraph(*batched_.graph); !status.ok()) {
      return absl::InternalError(absl::StrCat("the batched form is broken:\n", std::string(status.message())));
    }
    return std::move(batched_);
  }

 private:
  absl::Status Widen(Type& type) const {
    type.shape[0] = options_.batch;
    const absl::StatusOr<int64_t> elements = CheckedElements(type.shape);
    if (elements.ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("a batch of ", options_.batch, " is too large: ", std::string(elements.status().message())));
  }

  Value* Constant(const Value* value) {
    Value*& mine = values_[value];
    if (!mine) mine = batched_.graph->AddConstant(value->name(), value->tensor());
    return mine;
  }

  // A constant among the operands of a concat: the same for each sample.
  Value* Repeated(const Value* value) {
    Tensor tensor(WithShape(value->type(), [&] {
      Shape shape = value->type().shape;
      shape[0] = options_.batch;
      return shape;
    }()));
    const auto from = value->tensor().data<float>();
    const auto to = tensor.data<float>();
    for (size_t i = 0; i < to.size(); ++i) to[i] = from[i % from.size()];
    return batched_.graph->AddConstant(value->name() + "_batch", std::move(tensor));
  }

  bool IsParameter(const Node& node, size_t i) const {
    const Value* value = node.operand(i);
    if (!value->is_constant()) return false;
    if (node.op() == Op::kConv || node.op() == Op::kConvTranspose || node.op() == Op::kFc) return i > 0;
    const auto* binary = node.If<BinaryAttrs>();
    if (!binary || value->type().elements() == 1 || !trained_.count(node.operand(1 - i))) return false;
    return binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub || binary->fn == BinaryFn::mul;
  }

  absl::Status Add(const Node& node) {
    std::vector<Value*> operands;
    bool trained = false;
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const Value* value = node.operand(i);
      if (!value->is_constant()) {
        operands.push_back(values_.at(value));
        trained |= trained_.count(value) > 0;
      } else if (node.op() == Op::kConcat) {
        operands.push_back(Repeated(value));
      } else {
        operands.push_back(Constant(value));
        if (IsParameter(node, i)) {
          trained = true;
          auto& all = batched_.parameters;
          if (std::find(all.begin(), all.end(), operands.back()) == all.end()) {
            all.push_back(operands.back());
            batched_.names.push_back(value->name());
          }
        }
      }
    }
    Type type = node.result()->type();
    if (absl::Status status = Widen(type); !status.ok()) return status;
    Attributes attrs = node.attrs();
    Act act;
    Pool pool;
    Type before_pool = type;
    if (auto* conv = std::get_if<ConvAttrs>(&attrs)) {
      std::swap(act, conv->act);
      std::swap(pool, conv->pool);
      const Pair size = ConvOutputSize(*conv, operands[0]->type().shape, operands[1]->type().shape);
      before_pool.shape = {type.shape[0], type.shape[1], size[0], size[1]};
      if (const auto elements = CheckedElements(before_pool.shape); !elements.ok()) return elements.status();
    }
    if (auto* transposed = std::get_if<ConvTransposeAttrs>(&attrs)) std::swap(act, transposed->act);
    if (auto* fc = std::get_if<FcAttrs>(&attrs)) std::swap(act, fc->act);
    if (auto* matmul = std::get_if<MatMulAttrs>(&attrs)) std::swap(act, matmul->act);
    if (auto* binary = std::get_if<BinaryAttrs>(&attrs)) std::swap(act, binary->act);
    if (auto* slice = std::get_if<SliceAttrs>(&attrs)) {  // of one element, starts[0] is 0 and any step will do
      if (!slice->steps.empty()) slice->steps[0] = 1;
    }

    const std::string& name = node.result()->name();
    const auto add = [&](Attributes of, std::vector<Value*> from, const Type& to) {
      return batched_.graph->AddNode(std::move(of), std::move(from), name, to, NameOf(node))->result();
    };
    Value* value = add(std::move(attrs), std::move(operands), before_pool);
    if (act.kind == ActKind::relu) value = add(UnaryAttrs{UnaryFn::relu}, {value}, before_pool);
    if (act.kind == ActKind::clip) value = add(UnaryAttrs{UnaryFn::clip, act.lo, act.hi}, {value}, before_pool);
    if (pool.kind == PoolKind::max) {
      value = add(MaxPoolAttrs{pool.kernel, pool.strides, {1, 1}, pool.pads, pool.ceil}, {value}, type);
    } else if (pool.kind == PoolKind::avg) {
      value = add(AvgPoolAttrs{pool.kernel, pool.strides, pool.pads, pool.ceil, false, {}, {}}, {value}, type);
    }
    values_[node.result()] = value;
    if (trained) trained_.insert(node.result());
    return absl::OkStatus();
  }

  const Graph& graph_;
  const PlanOptions& options_;
  Batched batched_;
  std::unordered_map<const Value*, Value*> values_;  // of the original to those of the form
  std::unordered_set<const Value*> trained_;         // values of the original that depend on a parameter
};

}  // namespace

std::string NameOf(const Node& node) {
  return absl::StrCat(node.op_name(), " \"", node.loc().empty() ? node.result()->name() : node.loc(), "\"");
}

absl::StatusOr<Batched> MakeBatched(const Graph& graph, const PlanOptions& options) {
  if (options.batch < 1) return absl::InvalidArgumentError(absl::StrCat("a batch of ", options.batch, " is below 1"));
  return Builder(graph, options).Build();
}

}  // namespace mcuc::train
