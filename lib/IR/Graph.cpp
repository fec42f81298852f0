// The graph's containers and edits. Linear scans throughout: graphs have tens to hundreds of nodes.
#include "mcuc/IR/Graph.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Recurrent.h"

namespace mcuc {

std::string Value::Text() const { return NameText(is_constant() ? '@' : '%', name_); }

std::string Graph::UniqueName(const std::string& name, bool constant) const {
  const std::string base = name.empty() ? "v" : name;
  const auto has = [&](const auto& value) { return value->is_constant() == constant && value->name() == base; };
  if (std::none_of(values_.begin(), values_.end(), has)) return base;
  std::unordered_set<std::string> taken;
  for (const auto& value : values_) {
    if (value->is_constant() == constant) taken.insert(value->name());
  }
  for (int i = 2;; ++i) {
    std::string candidate = absl::StrCat(base, "_", i);
    if (!taken.count(candidate)) return candidate;
  }
}

Value* Graph::NewValue(const std::string& name, ValueKind kind) {
  auto value = std::make_unique<Value>();
  value->name_ = UniqueName(name, kind == ValueKind::kConstant);
  value->kind_ = kind;
  values_.push_back(std::move(value));
  return values_.back().get();
}

Value* Graph::AddInput(const std::string& name, Type type) {
  Value* value = NewValue(name, ValueKind::kInput);
  value->set_type(std::move(type));
  inputs_.push_back(value);
  return value;
}

Value* Graph::AddConstant(const std::string& name, Tensor tensor) {
  Value* value = NewValue(name, ValueKind::kConstant);
  value->set_tensor(std::move(tensor));
  return value;
}

Node* Graph::AddNode(Attributes attrs, std::vector<Value*> operands, const std::string& result_name, Type result_type,
                     const std::string& loc, const Node* before) {
  auto node = std::make_unique<Node>();
  while (!operands.empty() && operands.back() == nullptr) operands.pop_back();
  node->attrs_ = std::move(attrs);
  node->operands_ = std::move(operands);
  node->loc_ = loc;
  node->result_ = NewValue(result_name, ValueKind::kResult);
  node->result_->set_type(std::move(result_type));
  node->result_->def_ = node.get();
  Node* added = node.get();
  nodes_.insert(before ? Find(before) : nodes_.end(), std::move(node));
  return added;
}

std::vector<Value*> Graph::constants() const {
  std::vector<Value*> constants;
  for (const auto& value : values_) {
    if (value->is_constant()) constants.push_back(value.get());
  }
  return constants;
}

std::vector<Value*> Graph::values() const {
  std::vector<Value*> all = inputs_;
  for (Value* value : constants()) all.push_back(value);
  for (const auto& node : nodes_) all.push_back(node->result());
  return all;
}

std::vector<Node*> Graph::node_vector() const {
  std::vector<Node*> all;
  for (const auto& node : nodes_) all.push_back(node.get());
  return all;
}

bool Graph::IsOutput(const Value* value) const {
  return std::find(outputs_.begin(), outputs_.end(), value) != outputs_.end();
}

std::vector<Node*> Graph::Users(const Value* value) const {
  std::vector<Node*> users;
  for (const auto& node : nodes_) {
    const auto& operands = node->operands();
    if (std::find(operands.begin(), operands.end(), value) != operands.end()) users.push_back(node.get());
  }
  return users;
}

bool Graph::HasOneUse(const Value* value) const {
  if (IsOutput(value)) return false;
  int64_t uses = 0;
  for (const auto& node : nodes_) uses += std::count(node->operands().begin(), node->operands().end(), value);
  return uses == 1;
}

void Graph::ReplaceOperands(const Value* from, Value* to) {
  for (const auto& node : nodes_)
    std::replace(node->operands_.begin(), node->operands_.end(), const_cast<Value*>(from), to);
}

bool Graph::CanReplace(const Value* from, const Value* to) const {
  if (!IsOutput(from)) return true;
  return to->kind() == ValueKind::kResult && !IsOutput(to);
}

void Graph::ReplaceAllUses(Value* from, Value* to) {
  ReplaceOperands(from, to);
  ReplaceOutput(from, to);
}

void Graph::ReplaceOutput(Value* from, Value* to) {
  const auto output = std::find(outputs_.begin(), outputs_.end(), from);
  if (output == outputs_.end()) return;
  *output = to;
  std::swap(from->name_, to->name_);
}

Graph::NodeList::iterator Graph::Find(const Node* node) {
  return std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n.get() == node; });
}

void Graph::Erase(Node* node) {
  const Value* result = node->result();
  nodes_.erase(Find(node));
  std::erase_if(values_, [&](const auto& value) { return value.get() == result; });
}

void Graph::EraseConstant(Value* constant) {
  std::erase_if(values_, [&](const auto& value) { return value.get() == constant; });
}

bool Graph::EraseDead() {
  std::unordered_set<const Value*> live(outputs_.begin(), outputs_.end());
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (!live.count((*node)->result())) continue;
    live.insert((*node)->operands().begin(), (*node)->operands().end());
  }
  const size_t before = values_.size();
  nodes_.remove_if([&](const auto& node) { return !live.count(node->result()); });
  std::erase_if(values_, [&](const auto& value) { return !value->is_input() && !live.count(value.get()); });
  return values_.size() != before;
}

void Graph::MoveBefore(Node* node, const Node* before) {
  nodes_.splice(before ? Find(before) : nodes_.end(), nodes_, Find(node));
}

std::unique_ptr<Graph> Graph::Clone() const {
  auto copy = std::make_unique<Graph>(name_);
  copy->source_ = source_;
  copy->arena_bytes_ = arena_bytes_;
  std::unordered_map<const Value*, Value*> values;
  std::unordered_map<const Node*, Node*> nodes;
  for (const auto& value : values_) {
    copy->values_.push_back(std::make_unique<Value>(*value));
    values[value.get()] = copy->values_.back().get();
  }
  for (const auto& node : nodes_) {
    auto clone = std::make_unique<Node>(*node);
    for (Value*& operand : clone->operands_) operand = operand ? values.at(operand) : nullptr;
    clone->result_ = values.at(clone->result_);
    clone->result_->def_ = clone.get();
    copy->nodes_.push_back(std::move(clone));
  }
  for (const auto& value : copy->values_) {
    if (value->placement_ && value->placement_->storage_of) {
      value->placement_->storage_of = values.at(value->placement_->storage_of);
    }
  }
  for (const Value* input : inputs_) copy->inputs_.push_back(values.at(input));
  for (const Value* output : outputs_) copy->outputs_.push_back(values.at(output));
  return copy;
}

void Graph::Swap(Graph& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(source_, other.source_);
  std::swap(arena_bytes_, other.arena_bytes_);
  std::swap(values_, other.values_);
  std::swap(inputs_, other.inputs_);
  std::swap(outputs_, other.outputs_);
  std::swap(nodes_, other.nodes_);
}

GraphState StateOf(const Graph& graph) {
  GraphState state;
  for (const Value* value : graph.values()) {
    state.quantized |= value->type().is_quantized();
    state.floating |= value->type().is_float() && !value->is_constant();
    state.encoded |= value->type().encoding != Encoding::kDense;
    state.placed |= value->placement().has_value();
  }
  state.placed |= graph.arena_bytes().has_value();
  return state;
}

Pair ConvOutputSize(const ConvAttrs& attrs, const Shape& x, const Shape& w) {
  Pair size;
  for (size_t d = 0; d < 2; ++d) {
    size[d] =
        WindowCount(x[2 + d], w[2 + d], attrs.strides[d], attrs.dilations[d], attrs.pads[d], attrs.pads[2 + d], false);
  }
  return size;
}

int64_t MacsOf(const Node& node, bool executed) {
  const Value* result = node.result();
  const Value* w = node.operand(1);
  if (const auto* conv = node.If<ConvAttrs>()) {
    const Shape& x = node.operand(0)->type().shape;
    const Pair size = ConvOutputSize(*conv, x, w->type().shape);
    const int64_t weights = executed && w->is_constant() ? w->tensor().nonzeros() : w->type().elements();
    return x[0] * size[0] * size[1] * weights;
  }
  if (node.If<ConvTransposeAttrs>()) {
    const Shape& x = node.operand(0)->type().shape;
    const int64_t weights = executed && w->is_constant() ? w->tensor().nonzeros() : w->type().elements();
    return x[0] * x[2] * x[3] * weights;
  }
  if (node.If<FcAttrs>()) {
    const int64_t rows = result->type().elements() / w->type().shape[0];
    return rows * (executed && w->is_constant() ? w->tensor().nonzeros() : w->type().elements());
  }
  if (node.If<RecurrentAttrs>()) {
    const Shape& x = node.operand(0)->type().shape;
    int64_t weights = 0;
    for (size_t i = 0; i < node.operands().size(); ++i) {
      if (!ReadsAsWeights(node, i)) continue;
      const Value* matrix = node.operand(i);
      weights += executed && matrix->is_constant() ? matrix->tensor().nonzeros() : matrix->type().elements();
    }
    return x[0] * x[1] * weights;
  }
  if (node.If<MatMulAttrs>()) return result->type().elements() * node.operand(0)->type().shape.back();
  return 0;
}

bool ReadsAsWeights(const Node& node, size_t operand) {
  if (const auto* recurrent = node.If<RecurrentAttrs>()) {
    return operand == 1 || operand == 2 || PlacesOf(*recurrent).candidate == operand;
  }
  return operand == 1 && (node.If<ConvAttrs>() || node.If<ConvTransposeAttrs>() || node.If<FcAttrs>());
}

std::vector<Value*> WeightsOf(const Graph& graph) {
  std::vector<Value*> weights;
  for (const auto& node : graph.nodes()) {
    for (size_t i = 0; i < node->operands().size(); ++i) {
      Value* w = node->operand(i);
      if (!ReadsAsWeights(*node, i) || !w->is_constant()) continue;
      if (std::find(weights.begin(), weights.end(), w) == weights.end()) weights.push_back(w);
    }
  }
  return weights;
}

}  // namespace mcuc
