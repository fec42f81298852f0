// If, Loop and Scan. A known condition takes one branch, a computed one both and chooses between their results; loops
// of a known number of steps are unrolled.
#include <algorithm>

#include "Compose.h"

namespace mcuc::importer {

namespace {

constexpr int64_t kMaxSteps = 4096;

absl::StatusOr<bool> ConstantFlag(const Symbol* symbol, const char* what) {
  if (!symbol->is_constant() || symbol->constant->elements() != 1) {
    return Unsupported(what, " is computed; it must be constant: only loops of a known number of steps are supported");
  }
  return symbol->constant->AsInt(0) != 0;
}

absl::Status CheckOutputs(const Lowering& l, size_t has) {
  if (l.outputs().size() <= has) return absl::OkStatus();
  return Unsupported("has ", l.outputs().size(), " outputs, its graph ", has);
}

absl::Status LowerIf(Lowering& l) {
  const Symbol* condition = l.input(0);
  if (Elements(condition->shape()) != 1) return Unsupported("the condition must have one element");
  if (condition->is_constant()) {
    const char* branch = condition->constant->AsInt(0) != 0 ? "then_branch" : "else_branch";
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> outputs, l.Inline(branch, {}));
    MCUC_RETURN_IF_ERROR(CheckOutputs(l, outputs.size()));
    for (size_t i = 0; i < l.outputs().size(); ++i) MCUC_RETURN_IF_ERROR(l.Return(outputs[i], i));
    return absl::OkStatus();
  }
  MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> yes, l.Inline("then_branch", {}));
  MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> no, l.Inline("else_branch", {}));
  MCUC_RETURN_IF_ERROR(CheckOutputs(l, std::min(yes.size(), no.size())));
  Compose c(l);
  Symbol* flag = c.Reshape(l.input(0), {});
  for (size_t i = 0; i < l.outputs().size(); ++i) {
    if (yes[i]->shape() != no[i]->shape() || Elements(yes[i]->shape()) == 0) {
      return Unsupported("output ", i, " is [", ShapeText(yes[i]->shape()), "] in one branch and [",
                         ShapeText(no[i]->shape()), "] in the other; where the condition is computed they must be the ",
                         "same");
    }
    MCUC_RETURN_IF_ERROR(c.Return(c.Select(flag, yes[i], no[i]), i));
  }
  return absl::OkStatus();
}

// The results of all steps along a new first dimension.
Symbol* Stacked(Compose& c, const std::vector<Symbol*>& steps, int64_t axis = 0) {
  std::vector<Symbol*> rows;
  for (Symbol* step : steps) {
    Shape shape = step->shape();
    if (axis < 0 || axis > static_cast<int64_t>(shape.size())) {
      c.Fail(Unsupported("axis ", axis, " is outside the output"));
      return nullptr;
    }
    shape.insert(shape.begin() + axis, 1);
    if (Elements(shape) == 0) {
      c.Fail(Unsupported("the body's output has no elements"));
      return nullptr;
    }
    rows.push_back(c.Reshape(step, shape));
  }
  if (rows.empty()) {
    c.Fail(Unsupported("no step is made: the output has no elements"));
    return nullptr;
  }
  return c.Concat(rows, axis);
}

// Inputs: the most steps, the first condition, carried values. The body takes the step's number, the condition and the
// carried values, and gives the condition, the carried values, and what is stacked.
absl::Status LowerLoop(Lowering& l) {
  int64_t most = kMaxSteps + 1;
  if (l.input(0)) {
    MCUC_ASSIGN_OR_RETURN(const Ints trips, l.ConstantInts(0, "M"));
    if (trips.size() != 1) return Unsupported("M must be one number");
    most = std::min(most, trips[0]);
  }
  bool go_on = true;
  if (l.input(1)) {
    MCUC_ASSIGN_OR_RETURN(go_on, ConstantFlag(l.input(1), "the condition"));
  }
  std::vector<Symbol*> carried;
  for (size_t i = 2; i < l.inputs(); ++i) carried.push_back(l.input(i));
  std::vector<std::vector<Symbol*>> stacked;
  int64_t step = 0;
  for (; step < most && go_on; ++step) {
    if (step == kMaxSteps) return Unsupported("the loop makes more than ", kMaxSteps, " steps");
    std::vector<Symbol*> inputs = {l.Constant(Tensor::Of<int64_t>(Type{ElementType::i64, {}}, {step})),
                                   l.Constant(Tensor::Of<int64_t>(Type{ElementType::b8, {}}, {1}))};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> outputs, l.Inline("body", inputs));
    if (outputs.size() < 1 + carried.size()) return Unsupported("the body has too few outputs");
    MCUC_ASSIGN_OR_RETURN(go_on, ConstantFlag(outputs[0], "the condition of the next step"));
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = outputs[1 + i];
    stacked.resize(outputs.size() - 1 - carried.size());
    for (size_t i = 0; i < stacked.size(); ++i) stacked[i].push_back(outputs[1 + carried.size() + i]);
  }
  Compose c(l);
  for (size_t i = 0; i < l.outputs().size(); ++i) {
    if (!l.output_used(i)) continue;
    if (i < carried.size()) {
      MCUC_RETURN_IF_ERROR(l.Return(carried[i], i));
    } else if (i - carried.size() < stacked.size()) {
      MCUC_RETURN_IF_ERROR(c.Return(Stacked(c, stacked[i - carried.size()]), i));
    } else {
      return Unsupported("output ", i, " is of no step: none is made");
    }
  }
  return absl::OkStatus();
}

// Element i of a dimension, without the dimension.
Symbol* Element(Compose& c, Symbol* x, int64_t axis, int64_t i) {
  Symbol* part = c.Part(x, axis, i, 1);
  if (!part) return nullptr;
  Shape shape = part->shape();
  shape.erase(shape.begin() + axis);
  return c.Reshape(part, shape);
}

Ints AttributeOrZeros(const Lowering& l, const char* name, size_t n) {
  Ints values = l.IntList(name);
  values.resize(n, 0);
  return values;
}

// The states after all steps, then the stacked outputs; `states` and `scans` are of one batch.
absl::StatusOr<std::vector<Symbol*>> Scan(Lowering& l, std::vector<Symbol*> states, const std::vector<Symbol*>& scans,
                                          const Ints& axes, const Ints& directions, const Ints& output_axes,
                                          const Ints& output_directions) {
  Compose c(l);
  if (scans.empty()) return Unsupported("scans no input");
  const int64_t steps = scans[0]->shape()[static_cast<size_t>(axes[0])];
  if (steps > kMaxSteps) return Unsupported("makes ", steps, " steps; supported: ", kMaxSteps);
  std::vector<std::vector<Symbol*>> stacked;
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<Symbol*> inputs = states;
    for (size_t i = 0; i < scans.size(); ++i) {
      if (scans[i]->shape()[static_cast<size_t>(axes[i])] != steps)
        return Unsupported("the scanned axes differ in size");
      inputs.push_back(Element(c, scans[i], axes[i], directions[i] != 0 ? steps - 1 - step : step));
    }
    if (!c.ok()) return c.status();
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> outputs, l.Inline("body", inputs));
    if (outputs.size() < states.size()) return Unsupported("the body has too few outputs");
    std::copy(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(states.size()), states.begin());
    stacked.resize(outputs.size() - states.size());
    for (size_t i = 0; i < stacked.size(); ++i) stacked[i].push_back(outputs[states.size() + i]);
  }
  std::vector<Symbol*> results = states;
  for (size_t i = 0; i < stacked.size(); ++i) {
    if (i < output_directions.size() && output_directions[i] != 0) std::reverse(stacked[i].begin(), stacked[i].end());
    int64_t axis = i < output_axes.size() ? output_axes[i] : 0;
    if (axis < 0 && !stacked[i].empty()) axis += stacked[i][0]->rank() + 1;
    results.push_back(Stacked(c, stacked[i], axis));
  }
  if (!c.ok()) return c.status();
  return results;
}

absl::Status LowerScan(Lowering& l) {
  const int64_t n = l.Int("num_scan_inputs", 0);
  if (n < 1 || n > static_cast<int64_t>(l.inputs())) return Unsupported("num_scan_inputs = ", n);
  const auto scanned = static_cast<size_t>(n);
  std::vector<Symbol*> states, scans;
  for (size_t i = 0; i < l.inputs(); ++i) (i + scanned < l.inputs() ? states : scans).push_back(l.input(i));
  Ints axes = AttributeOrZeros(l, "scan_input_axes", scanned);
  for (size_t i = 0; i < scanned; ++i) {
    MCUC_ASSIGN_OR_RETURN(axes[i], NormalizeAxis(axes[i], scans[i]->rank()));
  }
  MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> results,
                        Scan(l, states, scans, axes, AttributeOrZeros(l, "scan_input_directions", scanned),
                             l.IntList("scan_output_axes"), l.IntList("scan_output_directions")));
  MCUC_RETURN_IF_ERROR(CheckOutputs(l, results.size()));
  for (size_t i = 0; i < l.outputs().size(); ++i) MCUC_RETURN_IF_ERROR(l.Return(results[i], i));
  return absl::OkStatus();
}

// With a batch in front of everything, and lengths of its sequences, which must be left out.
absl::Status LowerScan8(Lowering& l) {
  if (l.input(0)) return Unsupported("sequence_lens is not supported; leave it out");
  const int64_t n = l.Int("num_scan_inputs", 0);
  if (n < 1 || n >= static_cast<int64_t>(l.inputs())) return Unsupported("num_scan_inputs = ", n);
  const auto scanned = static_cast<size_t>(n);
  for (size_t i = 1; i < l.inputs(); ++i) MCUC_RETURN_IF_ERROR(l.CheckRank(i, i + scanned < l.inputs() ? 1 : 2, 32));
  const int64_t batch = l.shape(1)[0];
  Compose c(l);
  std::vector<std::vector<Symbol*>> results;
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<Symbol*> states, scans;
    for (size_t i = 1; i < l.inputs(); ++i) {
      if (l.shape(i)[0] != batch) return Unsupported("the inputs differ in their batch");
      (i + scanned < l.inputs() ? states : scans).push_back(Element(c, l.input(i), 0, b));
    }
    if (!c.ok()) return c.status();
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> of_one,
                          Scan(l, states, scans, Ints(scanned, 0), AttributeOrZeros(l, "directions", scanned), {}, {}));
    results.resize(of_one.size());
    for (size_t i = 0; i < of_one.size(); ++i) results[i].push_back(of_one[i]);
  }
  MCUC_RETURN_IF_ERROR(CheckOutputs(l, results.size()));
  for (size_t i = 0; i < l.outputs().size(); ++i) {
    MCUC_RETURN_IF_ERROR(c.Return(Stacked(c, results[i]), i));
  }
  return absl::OkStatus();
}

const Operator kOperators[] = {
    {"If", 7, kMaxOpset, 1, 1, kAny, "else_branch:g then_branch:g", LowerIf},
    {"Loop", 7, kMaxOpset, 0, 10000, kAny, "body:g", LowerLoop},
    {"Scan", 8, 8, 0, 10000, kAny, "body:g directions:I num_scan_inputs:i", LowerScan8},
    {"Scan", 9, kMaxOpset, 1, kAny, kAny,
     "body:g num_scan_inputs:i scan_input_axes:I scan_input_directions:I scan_output_axes:I scan_output_directions:I",
     LowerScan},
};

}  // namespace

std::span<const Operator> ControlOperators() { return kOperators; }

}  // namespace mcuc::importer
