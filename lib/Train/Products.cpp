// Fully connected layers and products of two computed matrices, by oneDNN's matrix product.
#include <algorithm>

#include "../Exec/Kernel.h"
#include "Layer.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace mcuc::train {

void Multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
              bool add, float* c) {
  // Row-major. It fails only for dimensions below 0 or leading dimensions that are too small.
  dnnl::sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a, transpose_a ? m : k, b,
              transpose_b ? k : n, add ? 1.0f : 0.0f, c, n);
}

namespace {

class Fc : public Layer {
 public:
  explicit Fc(const Node& node)
      : outputs_(node.operand(1)->type().shape[0]),
        length_(node.operand(1)->type().shape[1]),
        rows_(node.operand(0)->type().elements() / length_) {}

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    const bool bias = x.size() > 2;
    for (int64_t r = 0; bias && r < rows_; ++r) std::copy_n(Floats(*x[2]), outputs_, Floats(y) + r * outputs_);
    Multiply(false, true, rows_, outputs_, length_, Floats(*x[0]), Floats(*x[1]), bias, Floats(y));
    return absl::OkStatus();
  }

  void Backward(const Operands& x, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (dx[0]) Multiply(false, false, rows_, length_, outputs_, dy, Floats(*x[1]), true, dx[0]);
    if (dx[1]) Multiply(true, false, outputs_, length_, rows_, dy, Floats(*x[0]), true, dx[1]);
    if (dx.size() < 3 || !dx[2]) return;
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t m = 0; m < outputs_; ++m) dx[2][m] += dy[r * outputs_ + m];
    }
  }

 private:
  int64_t outputs_, length_, rows_;
};

class MatMul : public Layer {
 public:
  explicit MatMul(const Node& node) {
    const Shape &a = node.operand(0)->type().shape, &b = node.operand(1)->type().shape;
    const Shape& y = node.result()->type().shape;
    m_ = a[a.size() - 2];
    k_ = a.back();
    n_ = b.back();
    const auto leading = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
    const exec::BroadcastRows batches(leading(a), leading(b), leading(y));
    for (const auto& row : batches.rows) {
      for (int64_t i = 0; i < batches.length; ++i) {
        matrices_.push_back({row.a + i * batches.a_step, row.b + i * batches.b_step, row.y + i});
      }
    }
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    for (const Matrices& at : matrices_) {
      Multiply(false, false, m_, n_, k_, Floats(*x[0]) + at.a * m_ * k_, Floats(*x[1]) + at.b * k_ * n_, false,
               Floats(y) + at.y * m_ * n_);
    }
    return absl::OkStatus();
  }

  void Backward(const Operands& x, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    for (const Matrices& at : matrices_) {
      const float* dy_i = dy + at.y * m_ * n_;
      if (dx[0]) {
        Multiply(false, true, m_, k_, n_, dy_i, Floats(*x[1]) + at.b * k_ * n_, true, dx[0] + at.a * m_ * k_);
      }
      if (dx[1]) {
        Multiply(true, false, k_, n_, m_, Floats(*x[0]) + at.a * m_ * k_, dy_i, true, dx[1] + at.b * k_ * n_);
      }
    }
  }

 private:
  struct Matrices {
    int64_t a, b, y;  // their indices
  };
  int64_t m_, k_, n_;
  std::vector<Matrices> matrices_;
};

}  // namespace

std::unique_ptr<Layer> MakeFc(const Node& node) { return std::make_unique<Fc>(node); }
std::unique_ptr<Layer> MakeMatMul(const Node& node) { return std::make_unique<MatMul>(node); }

}  // namespace mcuc::train
