// RNN, GRU and LSTM: an operation recurrent a direction, and slices of its result.
#include <algorithm>

#include "Compose.h"
#include "mcuc/IR/Recurrent.h"

namespace mcuc::importer {

namespace {

struct Activation {
  UnaryFn fn;
  float alpha, beta;
};

struct NamedActivation {
  const char* name;
  Activation activation;  // with ONNX's defaults
};

constexpr NamedActivation kActivations[] = {
    {"Tanh", {UnaryFn::tanh, 0, 0}},
    {"Sigmoid", {UnaryFn::sigmoid, 0, 0}},
    {"Relu", {UnaryFn::relu, 0, 0}},
    {"LeakyRelu", {UnaryFn::leaky_relu, 0.01f, 0}},
    {"HardSigmoid", {UnaryFn::hard_sigmoid, 0.2f, 0.5f}},
    {"Elu", {UnaryFn::elu, 1, 0}},
    {"Softplus", {UnaryFn::softplus, 0, 0}},
};

// One layer. Inputs of the node: X, W, R, B, sequence_lens, initial_h and, of an LSTM, initial_c and P.
class Recurrent {
 public:
  Recurrent(Lowering& l, CellKind cell)
      : l_(l),
        c_(l),
        cell_(cell),
        gates_(GatesOf(cell)),
        functions_(HasCellState(cell)      ? 3
                   : cell == CellKind::rnn ? 1
                                           : 2) {}

  absl::Status Lower();

 private:
  absl::Status ReadShapes();
  absl::Status ReadActivations();
  // The operation of the current direction.
  Symbol* Direction();
  Symbol* Bias();
  Symbol* State();
  Symbol* Lengths();

  // Of a tensor whose first dimension is the direction, the current direction's part; null for an absent one.
  Symbol* Mine(Symbol* x) {
    Symbol* part = x ? c_.Part(x, 0, direction_, 1) : nullptr;
    return part ? c_.Reshape(part, Shape(part->shape().begin() + 1, part->shape().end())) : nullptr;
  }
  Symbol* Rows(Symbol* w, int64_t first, int64_t count) { return w ? c_.Part(w, 0, first, count) : nullptr; }

  Lowering& l_;
  Compose c_;
  const CellKind cell_;
  const int64_t gates_;
  const size_t functions_;  // a direction
  int64_t hidden_ = 0, direction_ = 0, time_ = 0, batch_ = 0, directions_ = 1;
  bool reverse_ = false, batch_first_ = false;
  std::vector<Activation> activations_;
  float clip_ = 0;       // 0: none
  Symbol* x_ = nullptr;  // T x B x I
};

absl::Status Recurrent::ReadShapes() {
  MCUC_RETURN_IF_ERROR(l_.CheckNotEmpty());
  for (size_t i : {0, 1, 2}) MCUC_RETURN_IF_ERROR(l_.CheckRank(i, 3, 3));
  const std::string direction = l_.String("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    return Unsupported("direction = \"", direction, "\"; supported: forward, reverse, bidirectional");
  }
  reverse_ = direction == "reverse";
  directions_ = direction == "bidirectional" ? 2 : 1;
  MCUC_ASSIGN_OR_RETURN(batch_first_, l_.Flag("layout", false));
  x_ = batch_first_ ? c_.Transpose(l_.input(0), {1, 0, 2}) : l_.input(0);
  if (!x_) return c_.status();
  time_ = x_->shape()[0];
  batch_ = x_->shape()[1];
  const int64_t inputs = x_->shape()[2];
  hidden_ = l_.shape(2)[2];
  if (l_.Int("hidden_size", hidden_) != hidden_) return Unsupported("hidden_size is not that of R, ", hidden_);
  if (l_.shape(1) != Shape{directions_, gates_ * hidden_, inputs} ||
      l_.shape(2) != Shape{directions_, gates_ * hidden_, hidden_}) {
    return Unsupported("W [", ShapeText(l_.shape(1)), "] and R [", ShapeText(l_.shape(2)), "] do not fit X [",
                       ShapeText(l_.shape(0)), "] and ", directions_, " directions");
  }
  if (l_.input(3) && l_.shape(3) != Shape{directions_, 2 * gates_ * hidden_}) {
    return Unsupported("B [", ShapeText(l_.shape(3)), "] must be [", directions_, "x", 2 * gates_ * hidden_, "]");
  }
  if (l_.input(4) && l_.shape(4) != Shape{batch_}) return Unsupported("sequence_lens must be [", batch_, "]");
  const Shape state = batch_first_ ? Shape{batch_, directions_, hidden_} : Shape{directions_, batch_, hidden_};
  for (size_t i : {5, 6}) {
    if (l_.input(i) && l_.shape(i) != state) {
      return Unsupported("input ", i, " [", ShapeText(l_.shape(i)), "] must be [", ShapeText(state), "]");
    }
  }
  if (l_.Has("clip")) {
    clip_ = l_.Float("clip", 0);
    if (!(clip_ > 0)) return Unsupported("clip = ", FloatText(clip_), "; it must be over 0");
  }
  return absl::OkStatus();
}

absl::Status Recurrent::ReadActivations() {
  std::vector<std::string> names = l_.StringList("activations");
  if (names.empty()) {
    for (int64_t d = 0; d < directions_; ++d) {
      if (functions_ > 1) names.push_back("Sigmoid");
      names.push_back("Tanh");
      if (functions_ > 2) names.push_back("Tanh");
    }
  }
  if (names.size() != functions_ * static_cast<size_t>(directions_)) {
    return Unsupported("activations has ", names.size(), " entries; it must have ",
                       functions_ * static_cast<size_t>(directions_));
  }
  const Floats alphas = l_.FloatList("activation_alpha"), betas = l_.FloatList("activation_beta");
  size_t alpha = 0, beta = 0;  // the lists have an entry for each function that takes one
  for (const std::string& name : names) {
    const auto* found = std::find_if(std::begin(kActivations), std::end(kActivations),
                                     [&](const NamedActivation& a) { return name == a.name; });
    if (found == std::end(kActivations)) {
      return Unsupported("activation \"", name, "\"; supported: Tanh, Sigmoid, Relu, LeakyRelu, HardSigmoid, Elu, ",
                         "Softplus");
    }
    Activation a = found->activation;
    const bool takes_alpha = a.alpha != 0, takes_beta = a.beta != 0;
    if (takes_alpha && alpha < alphas.size()) a.alpha = alphas[alpha++];
    if (takes_beta && beta < betas.size()) a.beta = betas[beta++];
    activations_.push_back(a);
  }
  return absl::OkStatus();
}

// The biases of both products as one, but for that of the product that a GRU resets.
Symbol* Recurrent::Bias() {
  Symbol* bias = Mine(l_.input(3));
  const int64_t n = gates_ * hidden_;
  Symbol *of_input = Rows(bias, 0, n), *of_state = Rows(bias, n, n);
  if (!bias || cell_ != CellKind::gru_after) return bias ? c_.Add(of_input, of_state) : nullptr;
  const int64_t both = 2 * hidden_;
  Symbol* sum = c_.Add(Rows(of_input, 0, both), Rows(of_state, 0, both));
  return c_.Concat({sum, Rows(of_input, both, hidden_), Rows(of_state, both, hidden_)}, 0);
}

bool IsZero(const Symbol* x) {
  if (!x->is_constant()) return false;
  for (int64_t i = 0; i < x->constant->elements(); ++i) {
    if (x->constant->AsDouble(i) != 0) return false;
  }
  return true;
}

// The initial hidden state and an LSTM's cell; null: zeros.
Symbol* Recurrent::State() {
  bool any = false;
  std::vector<Symbol*> states;
  for (size_t i : {5, 6}) {
    if (i == 6 && !HasCellState(cell_)) break;
    Symbol* x = l_.input(i);
    if (x && IsZero(x)) x = nullptr;
    any |= x != nullptr;
    Symbol* mine = x ? Mine(batch_first_ ? c_.Transpose(x, {1, 0, 2}) : x)
                     : c_.Floats(std::vector<double>(static_cast<size_t>(batch_ * hidden_)), {batch_, hidden_});
    states.push_back(c_.Reshape(mine, {1, batch_, hidden_}));
  }
  return any ? c_.Concat(states, 0) : nullptr;
}

// The lengths of the sequences; null: all of them are T.
Symbol* Recurrent::Lengths() {
  Symbol* lengths = l_.input(4);
  if (!lengths) return nullptr;
  bool whole = lengths->is_constant();
  for (int64_t i = 0; whole && i < batch_; ++i) whole = lengths->constant->AsInt(i) >= time_;
  return whole ? nullptr : c_.Cast(lengths, ElementType::i32);
}

Symbol* Recurrent::Direction() {
  RecurrentAttrs attrs;
  attrs.cell = cell_;
  // The state of one step is the last one.
  attrs.all = l_.output_used(0) && time_ > 1;
  attrs.last = !attrs.all || l_.output_used(1) || l_.output_used(2);
  attrs.reverse = reverse_ || direction_ == 1;
  attrs.clip = clip_;
  const Activation* own = &activations_[static_cast<size_t>(direction_) * functions_];
  UnaryFn* const functions[] = {&attrs.f, &attrs.g, &attrs.h};
  Floats alpha(3, 0), beta(3, 0);
  bool parameters = false;
  for (size_t i = 0; i < functions_; ++i) {
    *functions[i] = own[i].fn;
    alpha[i] = own[i].alpha;
    beta[i] = own[i].beta;
    parameters |= alpha[i] != 0 || beta[i] != 0;
  }
  if (parameters) attrs.alpha = alpha, attrs.beta = beta;
  Symbol* r = Mine(l_.input(2));
  std::vector<Symbol*> operands = {x_, Mine(l_.input(1)), r};
  if (cell_ == CellKind::gru) {
    operands[2] = Rows(r, 0, 2 * hidden_);
    operands.push_back(Rows(r, 2 * hidden_, hidden_));
  }
  const auto add = [&](bool& flag, Symbol* operand) {
    flag = operand != nullptr;
    if (flag) operands.push_back(operand);
  };
  add(attrs.bias, Bias());
  add(attrs.peepholes, HasCellState(cell_) ? Mine(l_.input(7)) : nullptr);
  add(attrs.state, State());
  add(attrs.lengths, Lengths());
  return c_.ok() ? c_.Take(l_.Add(attrs, operands)) : nullptr;
}

absl::Status Recurrent::Lower() {
  MCUC_RETURN_IF_ERROR(ReadShapes());
  MCUC_RETURN_IF_ERROR(ReadActivations());
  std::vector<Symbol*> all, last_h, last_cell;
  for (direction_ = 0; direction_ < directions_; ++direction_) {
    Symbol* states = Direction();
    if (!states) return c_.status();
    const int64_t steps = time_ > 1 && l_.output_used(0) ? time_ : 0;
    if (l_.output_used(0)) {
      all.push_back(c_.Reshape(c_.Part(states, 0, 0, time_), {time_, 1, batch_, hidden_}));
    }
    if (l_.output_used(1)) last_h.push_back(c_.Part(states, 0, steps, 1));
    if (l_.output_used(2)) last_cell.push_back(c_.Part(states, 0, steps + 1, 1));
  }
  if (l_.output_used(0)) {
    Symbol* y = c_.Concat(all, 1);  // T x D x B x H
    MCUC_RETURN_IF_ERROR(c_.Return(batch_first_ ? c_.Transpose(y, {2, 0, 1, 3}) : y));
  }
  const auto ordered = [&](Symbol* state) { return batch_first_ ? c_.Transpose(state, {1, 0, 2}) : state; };
  if (l_.output_used(1)) MCUC_RETURN_IF_ERROR(c_.Return(ordered(c_.Concat(last_h, 0)), 1));
  if (l_.output_used(2)) MCUC_RETURN_IF_ERROR(c_.Return(ordered(c_.Concat(last_cell, 0)), 2));
  return c_.status();
}

absl::Status LowerRnn(Lowering& l) { return Recurrent(l, CellKind::rnn).Lower(); }

absl::Status LowerGru(Lowering& l) {
  return Recurrent(l, l.Int("linear_before_reset", 0) != 0 ? CellKind::gru_after : CellKind::gru).Lower();
}

absl::Status LowerLstm(Lowering& l) {
  return Recurrent(l, l.Int("input_forget", 0) != 0 ? CellKind::lstm_coupled : CellKind::lstm).Lower();
}

const Operator kOperators[] = {
    {"RNN", 7, kMaxOpset, 3, 6, 2,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i", LowerRnn},
    {"GRU", 7, kMaxOpset, 3, 6, 2,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i "
     "linear_before_reset:i",
     LowerGru},
    {"LSTM", 7, kMaxOpset, 3, 8, 3,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i input_forget:i layout:i",
     LowerLstm},
};

}  // namespace

std::span<const Operator> RecurrentOperators() { return kOperators; }

}  // namespace mcuc::importer
