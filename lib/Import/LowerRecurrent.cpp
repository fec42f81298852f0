// RNN, GRU and LSTM, step by step: each is a fully connected layer of the input, of all steps at once, one of the
// state, and elementwise functions of their sum. The layers of all steps share their weights.
#include <algorithm>
#include <optional>

#include "Compose.h"

namespace mcuc::importer {

namespace {

constexpr int64_t kMaxSteps = 512;  // that are unrolled, in all directions

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

// What a step takes on to the next: B x H; null: zeros.
struct State {
  Symbol *h = nullptr, *cell = nullptr;
};

// One layer. Inputs of the node: X, W, R, B, sequence_lens, initial_h and, of an LSTM, initial_c and P.
class Recurrent {
 public:
  Recurrent(Lowering& l, int64_t gates, size_t functions) : l_(l), c_(l), gates_(gates), functions_(functions) {}
  virtual ~Recurrent() = default;

  absl::Status Lower();

 protected:
  // The next state from `in`, the input's part of the gates with its bias, B x gates H.
  virtual State Step(Symbol* in, const State& state) = 0;
  virtual void Prepare() {}  // one direction's parameters

  // Of a tensor whose first dimension is the direction, the current direction's part; null for an absent one.
  Symbol* Mine(Symbol* x) {
    Symbol* part = x ? c_.Part(x, 0, direction_, 1) : nullptr;
    return part ? c_.Reshape(part, Shape(part->shape().begin() + 1, part->shape().end())) : nullptr;
  }
  Symbol* Gate(Symbol* gates, int64_t i) {
    return gates ? c_.Part(gates, gates->rank() - 1, i * hidden_, hidden_) : nullptr;
  }
  Symbol* Rows(Symbol* w, int64_t first, int64_t count) { return w ? c_.Part(w, 0, first, count) : nullptr; }
  Symbol* Linear(Symbol* x, Symbol* w, Symbol* bias) {
    if (!x || !w || !c_.ok()) return nullptr;
    std::vector<Symbol*> operands = {x, w};
    if (bias) operands.push_back(bias);
    return c_.Take(l_.Add(FcAttrs{}, operands));
  }
  Symbol* Sum(Symbol* a, Symbol* b) { return a && b ? c_.Add(a, b) : a ? a : b; }
  // The i-th of a direction's functions, behind the clip.
  Symbol* Activate(size_t i, Symbol* x) {
    if (clip_) x = c_.Unary(UnaryFn::clip, x, -*clip_, *clip_);
    const Activation& a = activations_[static_cast<size_t>(direction_) * functions_ + i];
    return c_.Unary(a.fn, x, a.alpha, a.beta);
  }
  // a * x + (1 - a) * y
  Symbol* Blend(Symbol* a, Symbol* x, Symbol* y) {
    Symbol* rest = c_.Mul(c_.Sub(c_.Scalar(1, a), a), y);
    return x ? c_.Add(c_.Mul(a, x), rest) : rest;
  }

  Lowering& l_;
  Compose c_;
  int64_t hidden_ = 0, direction_ = 0;
  Symbol *r_ = nullptr, *recurrent_bias_ = nullptr;  // of the direction
  bool separate_bias_ = false;                       // the recurrent bias is not part of `in`

 private:
  absl::Status ReadShapes();
  absl::Status ReadActivations();
  // The states of all steps, in the order of time, and the last one.
  absl::Status Run(std::vector<Symbol*>& steps, State& last);

  const int64_t gates_;
  const size_t functions_;  // a direction
  int64_t time_ = 0, batch_ = 0, directions_ = 1;
  bool reverse_ = false, batch_first_ = false;
  std::vector<Activation> activations_;
  std::optional<float> clip_;
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
  if (time_ * directions_ > kMaxSteps) {
    return Unsupported(time_, " steps in ", directions_, " directions are more than ", kMaxSteps,
                       ", the most that are unrolled; run the model on shorter pieces, with the state as inputs and ",
                       "outputs");
  }
  if (l_.Has("clip")) {
    clip_ = l_.Float("clip", 0);
    if (!(*clip_ > 0)) return Unsupported("clip = ", FloatText(*clip_), "; it must be over 0");
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

absl::Status Recurrent::Run(std::vector<Symbol*>& steps, State& last) {
  const Shape state = {batch_, hidden_};
  Symbol *w = Mine(l_.input(1)), *bias = Mine(l_.input(3));
  r_ = Mine(l_.input(2));
  Symbol* input_bias = Rows(bias, 0, gates_ * hidden_);
  recurrent_bias_ = Rows(bias, gates_ * hidden_, gates_ * hidden_);
  if (bias && !separate_bias_) input_bias = c_.Add(input_bias, recurrent_bias_);
  Symbol* all = Linear(x_, w, input_bias);  // T x B x gates H
  Prepare();
  const auto initial = [&](size_t i) -> Symbol* {
    if (!l_.input(i)) return nullptr;
    return Mine(batch_first_ ? c_.Transpose(l_.input(i), {1, 0, 2}) : l_.input(i));
  };
  last = {initial(5), initial(6)};
  Symbol* lengths = l_.input(4);
  if (lengths && lengths->is_constant()) {
    bool whole = true;
    for (int64_t i = 0; i < batch_; ++i) whole &= lengths->constant->AsInt(i) >= time_;
    if (whole) lengths = nullptr;
  }
  if (lengths) lengths = c_.Reshape(lengths, {batch_, 1});
  Symbol* zeros =
      lengths || !last.h ? c_.Floats(std::vector<double>(static_cast<size_t>(batch_ * hidden_)), state) : nullptr;
  const bool backwards = reverse_ || direction_ == 1;
  steps.assign(static_cast<size_t>(time_), nullptr);
  for (int64_t i = 0; i < time_; ++i) {
    const int64_t t = backwards ? time_ - 1 - i : i;
    Symbol* part = c_.Part(all, 0, t, 1);
    if (!c_.ok()) return c_.status();
    State next = Step(c_.Reshape(part, {batch_, gates_ * hidden_}), last);
    Symbol* y = next.h;
    if (lengths) {  // beyond its end a sequence keeps its state
      Symbol* inside = c_.Compare(CompareFn::less, c_.Scalar(static_cast<double>(t), lengths), lengths);
      y = c_.Select(inside, next.h, zeros);
      next.h = c_.Select(inside, next.h, last.h ? last.h : zeros);
      if (next.cell) next.cell = c_.Select(inside, next.cell, last.cell ? last.cell : zeros);
    }
    steps[static_cast<size_t>(t)] = y;
    last = next;
  }
  return c_.status();
}

absl::Status Recurrent::Lower() {
  MCUC_RETURN_IF_ERROR(ReadShapes());
  MCUC_RETURN_IF_ERROR(ReadActivations());
  std::vector<Symbol*> all, last_h, last_cell;
  for (direction_ = 0; direction_ < directions_; ++direction_) {
    std::vector<Symbol*> steps;
    State last;
    MCUC_RETURN_IF_ERROR(Run(steps, last));
    if (l_.output_used(0)) {
      for (Symbol*& step : steps) step = c_.Reshape(step, {1, 1, batch_, hidden_});
      all.push_back(c_.Concat(steps, 0));
    }
    last_h.push_back(c_.Reshape(last.h, {1, batch_, hidden_}));
    if (last.cell) last_cell.push_back(c_.Reshape(last.cell, {1, batch_, hidden_}));
  }
  if (l_.output_used(0)) {
    Symbol* y = c_.Concat(all, 1);  // T x D x B x H
    MCUC_RETURN_IF_ERROR(c_.Return(batch_first_ ? c_.Transpose(y, {2, 0, 1, 3}) : y));
  }
  const auto ordered = [&](Symbol* state) { return batch_first_ ? c_.Transpose(state, {1, 0, 2}) : state; };
  if (l_.output_used(1)) MCUC_RETURN_IF_ERROR(c_.Return(ordered(c_.Concat(last_h, 0)), 1));
  if (l_.output_used(2)) MCUC_RETURN_IF_ERROR(c_.Return(ordered(c_.Concat(last_cell, 0)), 2));
  return absl::OkStatus();
}

class Rnn : public Recurrent {
 public:
  explicit Rnn(Lowering& l) : Recurrent(l, 1, 1) {}

 private:
  State Step(Symbol* in, const State& s) override {
    return {Activate(0, Sum(in, s.h ? Linear(s.h, r_, nullptr) : nullptr)), nullptr};
  }
};

// Gates z, r, h: h' = (1 - z) * g(h gate) + z * h.
class Gru : public Recurrent {
 public:
  explicit Gru(Lowering& l) : Recurrent(l, 3, 2) {
    separate_bias_ = reset_after_ = l.Int("linear_before_reset", 0) != 0;
  }

 private:
  State Step(Symbol* in, const State& s) override {
    const int64_t n = hidden_;
    Symbol *z = nullptr, *candidate = Gate(in, 2);
    if (reset_after_) {  // r * (h R + b)
      Symbol* of_state = s.h ? Linear(s.h, r_, recurrent_bias_) : recurrent_bias_;
      z = Activate(0, Sum(Gate(in, 0), Gate(of_state, 0)));
      if (of_state) {
        Symbol* reset = Activate(0, c_.Add(Gate(in, 1), Gate(of_state, 1)));
        candidate = c_.Add(candidate, c_.Mul(reset, Gate(of_state, 2)));
      }
    } else {  // (r * h) R
      Symbol* of_state = s.h ? Linear(s.h, Rows(r_, 0, 2 * n), nullptr) : nullptr;
      z = Activate(0, Sum(Gate(in, 0), Gate(of_state, 0)));
      if (s.h) {
        Symbol* reset = Activate(0, c_.Add(Gate(in, 1), Gate(of_state, 1)));
        candidate = c_.Add(candidate, Linear(c_.Mul(reset, s.h), Rows(r_, 2 * n, n), nullptr));
      }
    }
    return {Blend(z, s.h, Activate(1, candidate)), nullptr};
  }

  bool reset_after_ = false;
};

// Gates i, o, f, c.
class Lstm : public Recurrent {
 public:
  explicit Lstm(Lowering& l) : Recurrent(l, 4, 3), coupled_(l.Int("input_forget", 0) != 0) {}

 private:
  void Prepare() override { peepholes_ = Mine(l_.input(7)); }  // of i, o, f

  Symbol* WithPeephole(Symbol* gate, Symbol* cell, int64_t i) {
    return cell && peepholes_ ? c_.Add(gate, c_.Mul(cell, Gate(peepholes_, i))) : gate;
  }

  State Step(Symbol* in, const State& s) override {
    Symbol* gates = Sum(in, s.h ? Linear(s.h, r_, nullptr) : nullptr);
    Symbol* input = Activate(0, WithPeephole(Gate(gates, 0), s.cell, 0));
    Symbol* cell = c_.Mul(input, Activate(1, Gate(gates, 3)));
    if (s.cell) {
      Symbol* forget =
          coupled_ ? c_.Sub(c_.Scalar(1, input), input) : Activate(0, WithPeephole(Gate(gates, 2), s.cell, 2));
      cell = c_.Add(c_.Mul(forget, s.cell), cell);
    }
    Symbol* output = Activate(0, WithPeephole(Gate(gates, 1), cell, 1));
    return {c_.Mul(output, Activate(2, cell)), cell};
  }

  const bool coupled_;
  Symbol* peepholes_ = nullptr;
};

template <typename Layer>
absl::Status LowerLayer(Lowering& l) {
  return Layer(l).Lower();
}

const Operator kOperators[] = {
    {"RNN", 7, kMaxOpset, 3, 6, 2,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i", LowerLayer<Rnn>},
    {"GRU", 7, kMaxOpset, 3, 6, 2,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i layout:i "
     "linear_before_reset:i",
     LowerLayer<Gru>},
    {"LSTM", 7, kMaxOpset, 3, 8, 3,
     "activation_alpha:F activation_beta:F activations:S clip:f direction:s hidden_size:i input_forget:i layout:i",
     LowerLayer<Lstm>},
};

}  // namespace

std::span<const Operator> RecurrentOperators() { return kOperators; }

}  // namespace mcuc::importer
