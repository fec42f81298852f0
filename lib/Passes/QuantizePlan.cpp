// Decides which nodes of a graph become integer, and which values share a scale and zero point.
#include <algorithm>
#include <cmath>
#include <limits>

#include "Quantize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc::quantize {

namespace {

constexpr int64_t kMostPoolElements = 2048;                // N8
constexpr int64_t kMostReduceElements = int64_t{1} << 22;  // N9
// A constant pad further out than this would take the resolution of everything else in the tensor.
constexpr double kMostPadValue = 1e4;

bool IsFloat32(const Value* value) {
  return value && value->type().element == ElementType::f32 && !value->type().is_quantized();
}
bool IsFloat64(const Value* value) { return value && value->type().element == ElementType::f64; }

bool IsActivation(const Type& type) {
  return type.element == ElementType::i8 && type.is_quantized() && type.quant->per_tensor();
}

// Only moves elements (or repeats or drops them).
bool IsMove(const Node& node) {
  return node.If<ReshapeAttrs>() || node.If<TransposeAttrs>() || node.If<SliceAttrs>() || node.If<PadAttrs>() ||
         node.If<GatherAttrs>() || node.If<IdentityAttrs>() ||
         (node.If<CastAttrs>() && IsFloat32(node.result()) && IsFloat32(node.operand(0)));
}

// The result has the operand's scale and zero point: its elements are among the operand's, or lie between them.
bool SharesScale(const Node& node) {
  if (const auto* reduce = node.If<ReduceAttrs>()) return reduce->fn == ReduceFn::max || reduce->fn == ReduceFn::min;
  return IsMove(node) || node.If<MaxPoolAttrs>() || node.If<ResizeAttrs>();
}

// Cutting the operand's range to the result's changes nothing: op(clamp(x)) = clamp(op(x)).
bool CommutesWithClamp(const Node& node) {
  const auto* resize = node.If<ResizeAttrs>();
  return !resize || resize->mode == ResizeMode::nearest;
}

const BinaryAttrs* IfMinMax(const Node& node) {
  const auto* binary = node.If<BinaryAttrs>();
  return binary && (binary->fn == BinaryFn::min || binary->fn == BinaryFn::max) ? binary : nullptr;
}

// The constant operand of a binary that is one number, where the result has the other operand's shape; -1: none.
int SingleConstant(const Node& node) {
  if (!node.If<BinaryAttrs>()) return -1;
  for (int i = 0; i < 2; ++i) {
    const Value* constant = node.operand(static_cast<size_t>(i));
    const Value* other = node.operand(static_cast<size_t>(1 - i));
    if (constant->is_constant() && IsFloat32(constant) && constant->type().elements() == 1 && !other->is_constant() &&
        other->type().shape == node.result()->type().shape && AllFinite(constant->tensor())) {
      return i;
    }
  }
  return -1;
}

// Only layers that were given float input before (N20) read the value, moved at most. They keep it.
bool FeedsFloatLayersOnly(const Graph& graph, const Value* value) {
  if (graph.IsOutput(value)) return false;
  const std::vector<Node*> users = graph.Users(value);
  return std::all_of(users.begin(), users.end(), [&](const Node* node) {
    if (IsMove(*node)) return FeedsFloatLayersOnly(graph, node->result());
    return (node->If<ConvAttrs>() || node->If<FcAttrs>()) && node->result()->type().is_quantized();
  });
}

double ApplyAct(const Act& act, double x) {
  if (act.kind == ActKind::relu) return x < 0 ? 0 : x;
  if (act.kind == ActKind::clip) return x < double{act.lo} ? double{act.lo} : x > double{act.hi} ? double{act.hi} : x;
  return x;
}

// By its own activation.
bool NeverNegative(const Node& node) {
  const auto by = [](const Act& act) {
    return act.kind == ActKind::relu || (act.kind == ActKind::clip && act.lo >= 0);
  };
  if (const auto* conv = node.If<ConvAttrs>()) return by(conv->act);
  if (const auto* fc = node.If<FcAttrs>()) return by(fc->act);
  if (const auto* binary = node.If<BinaryAttrs>()) return by(binary->act);
  const std::optional<UnaryAttrs> clamp = AsClamp(node);
  return clamp && (clamp->fn == UnaryFn::relu || clamp->alpha >= 0);
}

// The range of a function that saturates, chosen so that the scale is a power of two: sigmoid 1/256 with zero point
// -128, tanh 1/128 with zero point 0.
std::optional<Range> NaturalRange(const Node& node) {
  const auto* unary = node.If<UnaryAttrs>();
  if (!unary) return std::nullopt;
  if (unary->fn == UnaryFn::sigmoid || unary->fn == UnaryFn::hard_sigmoid) return Range{0, 255.0 / 256};
  if (unary->fn == UnaryFn::tanh) return Range{-1, 127.0 / 128};
  return std::nullopt;
}

}  // namespace

std::optional<std::function<double(double)>> TableFunction(const Node& node) {
  if (const auto* unary = node.If<UnaryAttrs>()) {
    if (AsClamp(node)) return std::nullopt;
    return [attrs = *unary](double x) { return UnaryValue(attrs, x); };
  }
  const auto* binary = node.If<BinaryAttrs>();
  const int constant = SingleConstant(node);
  if (!binary || constant < 0 || AsClamp(node)) return std::nullopt;
  if (binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub || binary->fn == BinaryFn::mul) return std::nullopt;
  if (binary->fn == BinaryFn::prelu && constant != 1) return std::nullopt;
  const double c = node.operand(static_cast<size_t>(constant))->tensor().AsDouble(0);
  return [attrs = *binary, constant, c](double x) {
    return ApplyAct(attrs.act, constant == 0 ? BinaryValue(attrs.fn, c, x) : BinaryValue(attrs.fn, x, c));
  };
}

std::optional<UnaryAttrs> AsClamp(const Node& node) {
  if (const auto* unary = node.If<UnaryAttrs>()) {
    if (unary->fn == UnaryFn::relu || unary->fn == UnaryFn::clip) return *unary;
    return std::nullopt;
  }
  const BinaryAttrs* binary = IfMinMax(node);
  const int constant = SingleConstant(node);
  if (!binary || constant < 0 || binary->act.kind != ActKind::none) return std::nullopt;
  const auto c = static_cast<float>(node.operand(static_cast<size_t>(constant))->tensor().AsDouble(0));
  const float infinity = std::numeric_limits<float>::infinity();
  if (binary->fn == BinaryFn::min) return UnaryAttrs{UnaryFn::clip, -infinity, c};
  return UnaryAttrs{UnaryFn::clip, c, infinity};
}

Value* DataOperand(const Node& node) { return node.operand(SingleConstant(node) == 0 ? 1 : 0); }

Plan::Plan(Graph& graph, const Options& options, const Known& known) : graph_(graph), options_(options), known_(known) {
  for (Value* input : graph.inputs()) {
    if (!IsFloat32(input)) continue;
    AddValue(input);
    integer_[input] = wanted_[input] =
        options.input && !FeedsFloatLayersOnly(graph, input) && known.float_inputs.count(input) == 0;
  }
  for (const auto& node : graph.nodes()) {
    const Form form = Classify(*node);
    forms_[node.get()] = form;
    Value* result = node->result();
    if (IsFloat32(result)) AddValue(result);
    if (node->If<DequantizeAttrs>() && IsActivation(node->operand(0)->type())) {
      integer_[result] = true;
      groups_[group_of_.at(result)].fixed = node->operand(0)->type().quant;
    }
    if (form != Form::kInteger && form != Form::kFloatInput) continue;
    if (IsFloat32(result)) integer_[result] = wanted_[result] = true;
    if (form == Form::kInteger) {
      for (Value* operand : node->operands()) {
        if (IsFloat32(operand) && !operand->is_constant()) wanted_[operand] = true;
      }
      AddGroups(*node);
      if (const auto given = known.quantizations.find(result); given != known.quantizations.end()) {
        groups_[group_of_.at(result)].fixed = given->second;
      }
    }
  }
  for (Value* output : graph.outputs()) {
    if (options.output && IsFloat32(output) && !StaysFloat(output)) wanted_[output] = true;
  }
}

bool Plan::IsInteger(const Value* value) const {
  const auto found = integer_.find(value);
  return found != integer_.end() && found->second;
}

bool Plan::StaysFloat(const Value* value) const { return value->def() && known_.float_nodes.count(value->def()) != 0; }

bool Plan::IsFloatInput(const Value* value) const {
  if (IsInteger(value)) return false;
  if (value->is_input()) return IsFloat32(value);
  return value->def() && IsMove(*value->def()) && IsFloat32(value) && IsFloatInput(value->def()->operand(0));
}

// What keeps a node that computes with floats from becoming integer; nothing: it has an integer form.
std::optional<std::string> Plan::WhyFloat(const Node& node) const {
  for (const Value* operand : node.operands()) {
    if (operand->is_constant() && IsFloat32(operand) && !AllFinite(operand->tensor())) {
      return absl::StrCat(operand->Text(), " holds an infinity or a NaN");
    }
  }
  const Value* w = node.operand(1);
  if (node.If<ConvAttrs>() || node.If<FcAttrs>()) {
    if (!w->is_constant()) return "its weights are computed";
    if (node.operand(2) && !node.operand(2)->is_constant()) return "its bias is computed";
    const bool int8 = w->type().element == ElementType::i8 && w->type().is_quantized();
    if (!int8 && !IsFloat32(w)) return absl::StrCat("its weights are ", ElementTypeName(w->type().element));
    if (node.operand(2) && !IsFloat32(node.operand(2))) return "its bias is not f32";
    return std::nullopt;
  }
  if (const auto* pool = node.If<AvgPoolAttrs>()) {
    if (pool->kernel[0] * pool->kernel[1] > kMostPoolElements) {
      return absl::StrCat("its window of ", pool->kernel[0] * pool->kernel[1], " elements is over ", kMostPoolElements);
    }
    return std::nullopt;
  }
  if (const auto* reduce = node.If<ReduceAttrs>()) {
    const int64_t n = node.operand(0)->type().elements() / node.result()->type().elements();
    const bool adds = reduce->fn == ReduceFn::sum || reduce->fn == ReduceFn::mean;
    if (reduce->fn == ReduceFn::prod) return "a product of elements has no integer form";
    if (adds && n > kMostReduceElements) return absl::StrCat("it adds ", n, " elements, over ", kMostReduceElements);
    return std::nullopt;
  }
  if (const auto* binary = node.If<BinaryAttrs>()) {
    const bool integer = binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub || binary->fn == BinaryFn::mul ||
                         IfMinMax(node) || TableFunction(node);
    if (!integer) return absl::StrCat(EnumName(binary->fn), " has an integer form only with a single constant");
    return std::nullopt;
  }
  if (const auto* pad = node.If<PadAttrs>()) {
    if (pad->mode == PadMode::constant && !(std::fabs(pad->value) <= kMostPadValue)) {
      return absl::StrCat("its padding of ", DoubleText(pad->value), " would take the resolution of 8 bits");
    }
    return std::nullopt;
  }
  if (const auto* softmax = node.If<SoftmaxAttrs>()) {
    if (softmax->log) return "the logarithm of a softmax has no integer form";
    return std::nullopt;
  }
  if (SharesScale(node) || node.If<UnaryAttrs>() || node.If<ConcatAttrs>() || node.If<ArgReduceAttrs>()) {
    return std::nullopt;
  }
  if (node.If<RecurrentAttrs>()) return "states and gates are; its weights become int8 [N20]";
  return absl::StrCat(node.op_name(), " has no integer form");
}

Form Plan::Classify(const Node& node) {
  if (node.If<DequantizeAttrs>()) return Form::kKeep;
  const Value* result = node.result();
  if (node.If<QuantizeAttrs>()) {
    return IsActivation(result->type()) && IsInteger(node.operand(0)) ? Form::kInteger : Form::kKeep;
  }
  bool computes_float = IsFloat32(result), any_integer = false, any_float = false, float_input = false;
  bool f64 = IsFloat64(result);
  for (const Value* operand : node.operands()) {
    f64 |= IsFloat64(operand);
    if (operand->is_constant() || !IsFloat32(operand)) continue;
    computes_float = true;
    any_integer |= IsInteger(operand);
    any_float |= !IsInteger(operand);
    float_input |= IsFloatInput(operand);
  }
  if (f64) {
    kept_float_.emplace_back(&node, "f64 has no integer form");
    return Form::kFloat;
  }
  if (!computes_float || result->type().is_quantized()) return Form::kKeep;
  if (known_.float_nodes.count(&node) != 0) {
    kept_float_.emplace_back(&node, "the model says no range for it, and there is no calibration data");
    return Form::kFloat;
  }
  if (const std::optional<std::string> why = WhyFloat(node)) {
    kept_float_.emplace_back(&node, *why);
    return Form::kFloat;
  }
  if (node.If<ConvAttrs>() || node.If<FcAttrs>()) {
    return !options_.input && IsFloatInput(node.operand(0)) ? Form::kFloatInput : Form::kInteger;
  }
  // The others are not worth a quantize node of their own, but a float graph input goes no further than its first
  // layer.
  if (any_integer || !any_float || (float_input && !IsMove(node))) return Form::kInteger;
  if (!IsMove(node)) kept_float_.emplace_back(&node, "its operands are float");
  return Form::kFloat;
}

void Plan::AddValue(const Value* value) {
  group_of_[value] = groups_.size();
  groups_.push_back({{value}, std::nullopt, std::nullopt, {}});
}

void Plan::Unite(const Value* a, const Value* b) {
  const size_t into = group_of_.at(a), from = group_of_.at(b);
  if (into == from) return;
  Group& group = groups_[into];
  Group& other = groups_[from];
  if (group.fixed && other.fixed && *group.fixed != *other.fixed) return;
  if (!group.fixed) group.fixed = other.fixed;
  if (other.extra) group.extra = group.extra ? Join(*group.extra, *other.extra) : *other.extra;
  for (const Value* member : other.members) {
    group_of_[member] = into;
    group.members.push_back(member);
  }
  other = {};
}

// Nothing but one operand of one node depends on the scale of the value's group, so that node may dictate it.
bool Plan::IsPrivate(const Value* value) const {
  const Group& group = groups_[group_of_.at(value)];
  return !group.fixed && graph_.HasOneUse(value) &&
         std::all_of(group.members.begin(), group.members.end(), [&](const Value* member) {
           return !member->is_input() && (member == value || covered_.count(member) != 0);
         });
}

bool Plan::IsMovedInput(const Value* value) const {
  if (!graph_.HasOneUse(value)) return false;
  return value->is_input() || (value->def() && IsMove(*value->def()) && IsMovedInput(value->def()->operand(0)));
}

void Plan::AddGroups(const Node& node) {
  const Value* y = node.result();
  const auto covered_by_result = [&](const Value* x) {
    if (!IsPrivate(x)) return false;
    Unite(y, x);
    covered_[x] = true;
    return true;
  };
  if (node.If<QuantizeAttrs>()) {
    AddValue(y);
    groups_[group_of_.at(y)].fixed = y->type().quant;
    // A graph input that the model quantizes at once, moved at most, takes that quantization.
    const Value* x = node.operand(0);
    if (!covered_by_result(x) && IsMovedInput(x)) Unite(y, x);
    return;
  }
  if (!IsFloat32(y)) return;  // arg_reduce
  if (node.If<SoftmaxAttrs>()) {
    groups_[group_of_.at(y)].fixed = Quantization{{1.0f / 256}, {-128}};
    return;
  }
  if (const auto* pad = node.If<PadAttrs>(); pad && pad->mode == PadMode::constant) {
    groups_[group_of_.at(y)].extra = Range{pad->value, pad->value};
  }
  if (SharesScale(node)) {
    const Value* x = node.operand(0);
    if (x->is_constant()) return;
    if (!x->is_input() && CommutesWithClamp(node) && graph_.HasOneUse(x)) covered_[x] = true;
    Unite(y, x);
    return;
  }
  if (AsClamp(node)) {
    const Value* x = DataOperand(node);
    if (!x->is_constant() && (groups_[group_of_.at(x)].fixed || graph_.HasOneUse(x)) && !covered_by_result(x)) {
      Unite(y, x);
    }
    return;
  }
  if (node.If<ConcatAttrs>() || IfMinMax(node)) {
    // Where every operand is given one and the same quantization, the result takes it too.
    const std::optional<Quantization>* fixed = nullptr;
    bool same = true;
    for (const Value* x : node.operands()) {
      if (x->is_constant()) {
        same = false;
        continue;
      }
      const auto& given = groups_[group_of_.at(x)].fixed;
      same &= given.has_value() && (!fixed || **fixed == *given);
      fixed = &given;
    }
    if (same && fixed) {
      groups_[group_of_.at(y)].fixed = *fixed;
      return;
    }
    for (const Value* x : node.operands()) {
      if (!x->is_constant()) covered_by_result(x);
    }
  }
}

std::optional<Range> Plan::KnownRange(const Value* value) const {
  const Node* def = value->def();
  if (!def) return std::nullopt;
  if (SharesScale(*def)) {
    const Value* x = def->operand(0);
    return x->is_constant() ? RangeOf(x->tensor()) : KnownRange(x);
  }
  return NaturalRange(*def);
}

bool Plan::IsLive(const Group& group) const {
  return std::any_of(group.members.begin(), group.members.end(), [&](const Value* member) {
    const auto found = wanted_.find(member);
    return found != wanted_.end() && found->second;
  });
}

std::vector<Plan::Watched> Plan::ToCalibrate() const {
  std::vector<Watched> watched;
  for (const Value* value : graph_.values()) {
    const auto found = group_of_.find(value);
    if (found == group_of_.end()) continue;
    const Group& group = groups_[found->second];
    if (group.fixed || !IsLive(group) || covered_.count(value) || KnownRange(value)) continue;
    // Inputs are the application's numbers, and cutting the largest outputs would make ties of clear decisions.
    const bool exact = std::any_of(group.members.begin(), group.members.end(),
                                   [&](const Value* member) { return member->is_input() || graph_.IsOutput(member); });
    watched.push_back({value, options_.ranges == "mse" && !exact});
  }
  return watched;
}

std::vector<Plan::Free> Plan::FreeGroups() const {
  std::vector<Free> result;
  for (const Value* first : graph_.values()) {
    const auto found = group_of_.find(first);
    if (found == group_of_.end()) continue;
    const Group& group = groups_[found->second];
    if (group.members[0] != first || group.fixed || group.extra || !IsLive(group)) continue;
    Free free;
    bool natural = false;
    for (const Value* member : group.members) {
      const Node* def = member->def();
      natural |= KnownRange(member).has_value();
      free.input |= member->is_input();
      if (def && (SharesScale(*def) || form(def) != Form::kInteger)) continue;
      free.values.push_back(member);
      free.negative |= !def || !NeverNegative(*def);
    }
    if (!natural && !free.values.empty()) result.push_back(std::move(free));
  }
  return result;
}

int Plan::FreeGroup(const std::vector<Free>& groups, const Value* value) const {
  const auto mine = group_of_.find(value);
  for (size_t g = 0; mine != group_of_.end() && g < groups.size(); ++g) {
    if (group_of_.at(groups[g].values[0]) == mine->second) return static_cast<int>(g);
  }
  return -1;
}

bool Plan::DoWithout(const std::vector<Watched>& watched, Known& known) const {
  // A mean lies between the values that it is made of, so their quantization has room for it.
  const auto given_operand = [&](const Node& node) -> const Quantization* {
    const auto* reduce = node.If<ReduceAttrs>();
    if (!node.If<AvgPoolAttrs>() && !(reduce && reduce->fn == ReduceFn::mean)) return nullptr;
    const auto group = group_of_.find(node.operand(0));
    return group != group_of_.end() && groups_[group->second].fixed ? &*groups_[group->second].fixed : nullptr;
  };
  bool found = false;
  for (const Watched& watch : watched) {
    const Node* def = watch.value->def();
    const Quantization* given = def && form(def) == Form::kInteger ? given_operand(*def) : nullptr;
    if (given) found |= known.quantizations.emplace(watch.value, *given).second;
  }
  if (found) return true;  // others may follow from these
  for (const Watched& watch : watched) {
    const Value* value = watch.value;
    if (value->is_input()) found |= known.float_inputs.insert(value).second;
    if (value->def()) found |= known.float_nodes.insert(value->def()).second;
    if (value->def() && form(value->def()) == Form::kInteger) continue;  // what reads it can do so through a quantize
    for (const Node* user : graph_.Users(value)) found |= known.float_nodes.insert(user).second;
  }
  return found;
}

void Plan::SetRanges(const std::map<const Value*, Range>& observed) {
  for (Group& group : groups_) {
    if (group.fixed) {
      group.quant = *group.fixed;
      continue;
    }
    Range range = group.extra.value_or(Range{});
    for (const Value* member : group.members) {
      if (covered_.count(member)) continue;
      if (const auto found = observed.find(member); found != observed.end()) {
        range = Join(range, found->second);
      } else if (const std::optional<Range> known = KnownRange(member)) {
        range = Join(range, *known);
      }
    }
    group.quant = QuantizationOf(range);
  }
}

absl::StatusOr<bool> Plan::EnlargeScale(const Value* value, double least) {
  Group& group = groups_[group_of_.at(value)];
  float& scale = group.quant.scales[0];
  if (!(double{scale} < least)) return false;
  if (group.fixed) {
    return absl::InvalidArgumentError(absl::StrCat("the scale ", FloatText(scale), " of ", value->Text(),
                                                   " is given and would have to be at least ", DoubleText(least)));
  }
  scale = static_cast<float>(least * (1 + 1e-6));  // float32 rounds by less
  return true;
}

}  // namespace mcuc::quantize
