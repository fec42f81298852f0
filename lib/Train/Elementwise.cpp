// Elementwise functions, softmax and reductions: the interpreter's kernels forwards, derivatives backwards.
#include <algorithm>
#include <cmath>

#include "../Exec/Kernel.h"
#include "Layer.h"

namespace mcuc::train {

namespace {

// Runs forwards by the interpreter's kernel.
class Interpreted : public Layer {
 public:
  absl::Status Prepare(const Node& node) {
    auto kernel = exec::MakeKernel(node, exec::Operands(node.operands().size(), nullptr));
    if (!kernel.ok()) return kernel.status();
    kernel_ = *std::move(kernel);
    return absl::OkStatus();
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    std::fill_n(Floats(y), y.elements(), 0.0f);
    return kernel_->Run(x, y);
  }

 private:
  std::unique_ptr<exec::Kernel> kernel_;
};

// dy/dx; where the function bends, that of one side, and 0 at the ends of what is cut off.
float Derivative(const UnaryAttrs& attrs, float x, float y) {
  switch (attrs.fn) {
    case UnaryFn::clip:
      return x > attrs.alpha && x < attrs.beta ? 1.0f : 0.0f;
    case UnaryFn::leaky_relu:
      return x < 0 ? attrs.alpha : 1.0f;
    case UnaryFn::elu:
      return x < 0 ? attrs.alpha * std::exp(x) : 1.0f;
    case UnaryFn::sigmoid:
      return y * (1.0f - y);
    case UnaryFn::hard_sigmoid:
      return y > 0 && y < 1 ? attrs.alpha : 0.0f;
    case UnaryFn::hard_swish:
      return x <= -3 ? 0.0f : x >= 3 ? 1.0f : x / 3.0f + 0.5f;
    case UnaryFn::tanh:
      return 1.0f - y * y;
    case UnaryFn::softplus:
      return 1.0f / (1.0f + std::exp(-x));
    case UnaryFn::exp:
      return y;
    case UnaryFn::log:
      return 1.0f / x;
    case UnaryFn::sqrt:
      return 0.5f / y;
    case UnaryFn::abs:
      return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;
    case UnaryFn::neg:
      return -1.0f;
    case UnaryFn::erf:
      return 1.12837917f * std::exp(-x * x);
    case UnaryFn::sin:
      return std::cos(x);
    case UnaryFn::cos:
      return -std::sin(x);
    case UnaryFn::tan:
      return 1.0f + y * y;
    case UnaryFn::asin:
      return 1.0f / std::sqrt(1.0f - x * x);
    case UnaryFn::acos:
      return -1.0f / std::sqrt(1.0f - x * x);
    case UnaryFn::atan:
      return 1.0f / (1.0f + x * x);
    case UnaryFn::sinh:
      return std::cosh(x);
    case UnaryFn::cosh:
      return std::sinh(x);
    case UnaryFn::asinh:
      return 1.0f / std::sqrt(x * x + 1.0f);
    case UnaryFn::acosh:
      return 1.0f / std::sqrt(x * x - 1.0f);
    case UnaryFn::atanh:
      return 1.0f / (1.0f - x * x);
    default:  // floor, ceil, round, sign; relu is below
      return 0.0f;
  }
}

class Unary : public Interpreted {
 public:
  explicit Unary(const Node& node) : attrs_(node.As<UnaryAttrs>()) {}

  void Backward(const Operands& x, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    const float *from = Floats(*x[0]), *to = Floats(y);
    const int64_t n = y.elements();
    if (attrs_.fn == UnaryFn::relu) {  // apart, so that the compiler vectorizes it
      float* __restrict sum = dx[0];
      for (int64_t i = 0; i < n; ++i) {
        const float all = dy[i];
        sum[i] += from[i] > 0 ? all : 0.0f;
      }
      return;
    }
    for (int64_t i = 0; i < n; ++i) dx[0][i] += dy[i] * Derivative(attrs_, from[i], to[i]);
  }

 private:
  UnaryAttrs attrs_;
};

struct Partials {
  float a, b;
};

Partials DerivativesOf(BinaryFn fn, float a, float b) {
  switch (fn) {
    case BinaryFn::add:
      return {1, 1};
    case BinaryFn::sub:
      return {1, -1};
    case BinaryFn::mul:
      return {b, a};
    case BinaryFn::div:
      return {1 / b, -a / (b * b)};
    case BinaryFn::min:
      return b < a ? Partials{0, 1} : Partials{1, 0};
    case BinaryFn::max:
      return b > a ? Partials{0, 1} : Partials{1, 0};
    case BinaryFn::pow:
      return {b == 0 ? 0 : b * std::pow(a, b - 1), a > 0 ? std::pow(a, b) * std::log(a) : 0};
    case BinaryFn::prelu:
      return a < 0 ? Partials{b, a} : Partials{1, 0};
    case BinaryFn::fmod:
      return {1, -std::trunc(a / b)};
    case BinaryFn::mod:
    case BinaryFn::bit_and:
    case BinaryFn::bit_or:
    case BinaryFn::bit_xor:
    case BinaryFn::shift_left:
    case BinaryFn::shift_right:
      break;  // of integers only
  }
  return {0, 0};
}

class Binary : public Interpreted {
 public:
  explicit Binary(const Node& node)
      : fn_(node.As<BinaryAttrs>().fn),
        rows_(node.operand(0)->type().shape, node.operand(1)->type().shape, node.result()->type().shape) {}

  void Backward(const Operands& x, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    const float *a = Floats(*x[0]), *b = Floats(*x[1]);
    for (const auto& row : rows_.rows) {
      for (int64_t i = 0; i < rows_.length; ++i) {
        const int64_t at_a = row.a + i * rows_.a_step, at_b = row.b + i * rows_.b_step;
        const Partials partials = DerivativesOf(fn_, a[at_a], b[at_b]);
        if (dx[0]) dx[0][at_a] += dy[row.y + i] * partials.a;
        if (dx[1]) dx[1][at_b] += dy[row.y + i] * partials.b;
      }
    }
  }

 private:
  BinaryFn fn_;
  exec::BroadcastRows rows_;
};

class Softmax : public Interpreted {
 public:
  explicit Softmax(const Node& node)
      : log_(node.As<SoftmaxAttrs>().log), view_(node.result()->type().shape, node.As<SoftmaxAttrs>().axis) {}

  void Backward(const Operands&, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    const float* result = Floats(y);
    for (int64_t o = 0; o < view_.outer; ++o) {
      for (int64_t k = 0; k < view_.inner; ++k) {
        const int64_t first = o * view_.n * view_.inner + k, end = first + view_.n * view_.inner;
        float sum = 0;
        for (int64_t i = first; i < end; i += view_.inner) sum += log_ ? dy[i] : dy[i] * result[i];
        for (int64_t i = first; i < end; i += view_.inner) {
          dx[0][i] += log_ ? dy[i] - std::exp(result[i]) * sum : result[i] * (dy[i] - sum);
        }
      }
    }
  }

 private:
  bool log_;
  exec::AxisView view_;
};

class Reduce : public Interpreted {
 public:
  explicit Reduce(const Node& node)
      : fn_(node.As<ReduceAttrs>().fn),
        targets_(exec::ReductionTargets(node.operand(0)->type().shape, node.As<ReduceAttrs>().axes)) {}

  void Backward(const Operands& x, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                Scratch& scratch) const override {
    if (!dx[0]) return;
    if (fn_ == ReduceFn::sum || fn_ == ReduceFn::mean) {
      const float n = fn_ == ReduceFn::mean ? static_cast<float>(x[0]->elements() / y.elements()) : 1.0f;
      for (size_t i = 0; i < targets_.size(); ++i) dx[0][i] += dy[targets_[i]] / n;
      return;
    }
    if (fn_ == ReduceFn::prod) {
      for (size_t i = 0; i < targets_.size(); ++i) {
        float others = 1;
        for (size_t j = 0; j < targets_.size(); ++j) {
          if (j != i && targets_[j] == targets_[i]) others *= Floats(*x[0])[j];
        }
        dx[0][i] += dy[targets_[i]] * others;
      }
      return;
    }
    // The first of the elements that are the maximum or minimum.
    scratch.indices.assign(static_cast<size_t>(y.elements()), 0);
    const float *from = Floats(*x[0]), *to = Floats(y);
    for (size_t i = 0; i < targets_.size(); ++i) {
      int64_t& taken = scratch.indices[static_cast<size_t>(targets_[i])];
      if (taken || from[i] != to[targets_[i]]) continue;
      taken = 1;
      dx[0][i] += dy[targets_[i]];
    }
  }

 private:
  ReduceFn fn_;
  std::vector<int64_t> targets_;
};

template <typename T>
absl::StatusOr<std::unique_ptr<Layer>> MakeInterpreted(const Node& node) {
  auto layer = std::make_unique<T>(node);
  if (absl::Status status = layer->Prepare(node); !status.ok()) return status;
  return layer;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeUnary(const Node& node) { return MakeInterpreted<Unary>(node); }
absl::StatusOr<std::unique_ptr<Layer>> MakeBinary(const Node& node) { return MakeInterpreted<Binary>(node); }
absl::StatusOr<std::unique_ptr<Layer>> MakeSoftmax(const Node& node) { return MakeInterpreted<Softmax>(node); }
absl::StatusOr<std::unique_ptr<Layer>> MakeReduce(const Node& node) { return MakeInterpreted<Reduce>(node); }

}  // namespace mcuc::train
