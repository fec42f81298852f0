// Zeroes the weights of least magnitude.
//
//   const @w: f32[2x4] = {0.5, 0.01, 0, 0.75, -0.02, 0.25, 0.03, -1}      sparsity 0.5, a layer at a time
//   ──►
//   const @w: f32[2x4] = {0.5, 0, 0, 0.75, 0, 0.25, 0, -1}
#include "Magnitude.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace mcuc::prune {

namespace {

bool IsNamed(const std::string& name, const Value* weights, const Graph& graph) {
  if (weights->name() == name) return true;
  for (const Node* node : graph.Users(weights)) {
    if (node->loc() == name || node->result()->name() == name) return true;
  }
  return false;
}

// Why a tensor can't be pruned; empty: it can.
std::string Obstacle(const Graph& graph, const Value* weights) {
  const Type& type = weights->type();
  const bool quantized = type.element == ElementType::i8 && type.is_quantized();
  if (type.element != ElementType::f32 && !quantized) return absl::StrCat("weights of ", TypeText(type));
  for (const Node* node : graph.Users(weights)) {
    const auto& operands = node->operands();
    const auto at = static_cast<size_t>(std::find(operands.begin(), operands.end(), weights) - operands.begin());
    if (std::count(operands.begin(), operands.end(), weights) != 1 || !ReadsAsWeights(*node, at)) {
      return absl::StrCat("something else reads ", weights->Text(), " too");
    }
  }
  return "";
}

struct Entry {
  double magnitude = 0;
  size_t tensor = 0;
  int64_t index = 0;
};

bool Smaller(const Entry& a, const Entry& b) {
  if (a.magnitude != b.magnitude) return a.magnitude < b.magnitude;
  return a.tensor != b.tensor ? a.tensor < b.tensor : a.index < b.index;
}

// |w| as a real number. A NaN counts as infinite: it stays, and shows.
double MagnitudeOf(const Tensor& tensor, int64_t i) {
  double magnitude = std::fabs(tensor.AsDouble(i));
  if (const auto& quant = tensor.type().quant) {
    int64_t channel = 0;
    if (quant->axis >= 0) {
      const size_t axis = static_cast<size_t>(quant->axis);
      channel = i / Strides(tensor.shape())[axis] % tensor.shape()[axis];
    }
    magnitude *= static_cast<double>(quant->scale(channel));
  }
  return std::isnan(magnitude) ? std::numeric_limits<double>::infinity() : magnitude;
}

// Takes the removed weights' share of the zero point out of the bias: it holds -zero_point * (sum of the weights). The
// verifier sees to it that an integer layer's bias is constant.
void AdjustBias(Graph& graph, Node* node, const Tensor& before, const Tensor& after) {
  const Type& x = node->operand(0)->type();
  if (!before.type().is_quantized() || !x.is_quantized() || x.quant->zero_point() == 0) return;
  const int64_t columns = Columns(before.type()), length = ColumnLength(before.type());
  Value* bias = node->operand(2);
  Tensor values = bias ? bias->tensor() : Tensor(Type{ElementType::i32, {columns}});
  bool changed = false;
  for (int64_t m = 0; m < columns; ++m) {
    int64_t removed = 0;
    for (int64_t i = m * length; i < (m + 1) * length; ++i) removed += before.AsInt(i) - after.AsInt(i);
    if (removed == 0) continue;
    // |bias| grows by no more than the bound of N4 shrinks by the weights, so the sum stays within 32 bits.
    values.SetInt(m, values.AsInt(m) + x.quant->zero_point() * removed);
    changed = true;
  }
  if (!changed) return;
  if (bias && graph.HasOneUse(bias)) {
    bias->set_tensor(std::move(values));
    return;
  }
  Value* own = graph.AddConstant(bias ? bias->name() : node->operand(1)->name() + "_bias", std::move(values));
  std::vector<Value*> operands = {node->operand(0), node->operand(1), own};
  node->set_operands(std::move(operands));
}

}  // namespace

absl::StatusOr<std::vector<Value*>> PrunableWeights(const Graph& graph, const std::vector<std::string>& skip,
                                                    const PassContext& context) {
  const std::vector<Value*> all = WeightsOf(graph);
  for (const std::string& name : skip) {
    if (std::none_of(all.begin(), all.end(), [&](const Value* w) { return IsNamed(name, w, graph); })) {
      return absl::InvalidArgumentError(absl::StrCat("skip=", name, ": no weights and no layer of that name"));
    }
  }
  std::vector<Value*> weights;
  for (Value* w : all) {
    if (std::any_of(skip.begin(), skip.end(), [&](const std::string& name) { return IsNamed(name, w, graph); }))
      continue;
    if (const std::string obstacle = Obstacle(graph, w); !obstacle.empty()) {
      context.Remark(graph, graph.Users(w)[0], absl::StrCat(w->Text(), " is not pruned: ", obstacle));
      continue;
    }
    weights.push_back(w);
  }
  return weights;
}

int64_t ZerosOf(double sparsity, int64_t n) {
  return std::min(n, static_cast<int64_t>(std::floor(sparsity * static_cast<double>(n) + 1e-6)));
}

absl::StatusOr<Pruned> PruneMagnitude(Graph& graph, const std::vector<Value*>& weights, double sparsity, Scope scope) {
  if (!(sparsity >= 0 && sparsity <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("sparsity=", DoubleText(sparsity), " is outside [0, 1]"));
  }
  std::vector<Tensor> after;
  Pruned result;
  std::vector<Entry> entries;
  const auto zero_smallest = [&] {
    const int64_t zeros = ZerosOf(sparsity, static_cast<int64_t>(entries.size()));
    if (zeros < static_cast<int64_t>(entries.size())) {
      std::nth_element(entries.begin(), entries.begin() + zeros, entries.end(), Smaller);
    }
    for (int64_t i = 0; i < zeros; ++i) {
      const Entry& entry = entries[static_cast<size_t>(i)];
      after[entry.tensor].SetInt(entry.index, 0);
      result.masks[entry.tensor].kept[static_cast<size_t>(entry.index)] = false;
    }
    entries.clear();
  };
  for (size_t t = 0; t < weights.size(); ++t) {
    const Tensor& tensor = weights[t]->tensor();
    after.push_back(tensor);
    result.masks.push_back({weights[t]->name(), std::vector<bool>(static_cast<size_t>(tensor.elements()), true)});
    for (int64_t i = 0; i < tensor.elements(); ++i) entries.push_back({MagnitudeOf(tensor, i), t, i});
    if (scope == Scope::kLayer) zero_smallest();
  }
  if (scope == Scope::kGlobal) zero_smallest();

  for (size_t t = 0; t < weights.size(); ++t) {
    const Tensor before = weights[t]->tensor();
    if (before == after[t]) continue;
    result.changed = true;
    for (Node* node : graph.Users(weights[t])) AdjustBias(graph, node, before, after[t]);
    weights[t]->set_tensor(std::move(after[t]));
  }
  return result;
}

}  // namespace mcuc::prune
