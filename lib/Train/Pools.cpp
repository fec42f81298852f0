// Max and average pools over the windows that the interpreter uses.
#include "../Exec/Windows.h"

#include <limits>

#include "Layer.h"

namespace mcuc::train {

namespace {

class Pool : public Layer {
 public:
  Pool(const Shape& x, const exec::Windows& windows)
      : planes_(x[0] * x[1]), area_(x[2] * x[3]), windows_(windows.count[0] * windows.count[1]) {
    starts_.push_back(0);
    exec::ForEachWindow(windows, [&](int64_t, const std::vector<int64_t>& elements) {
      elements_.insert(elements_.end(), elements.begin(), elements.end());
      starts_.push_back(static_cast<int64_t>(elements_.size()));
    });
  }

 protected:
  int64_t planes_, area_, windows_;  // area_: elements of a plane
  std::vector<int64_t> elements_;    // of all windows of a plane, one window after another
  std::vector<int64_t> starts_;      // of each window in elements_, and the end
};

class MaxPool : public Pool {
 public:
  using Pool::Pool;

  // Of several equal elements the first is the maximum, and gets the gradient.
  absl::Status Forward(const Operands& x, Tensor& y, Scratch& scratch) const override {
    scratch.indices.resize(static_cast<size_t>(planes_ * windows_));
    int64_t* winner = scratch.indices.data();
    float* to = Floats(y);
    for (int64_t p = 0; p < planes_; ++p) {
      const float* plane = Floats(*x[0]) + p * area_;
      for (int64_t w = 0; w < windows_; ++w) {
        const int64_t *at = elements_.data() + starts_[static_cast<size_t>(w)],
                      *end = elements_.data() + starts_[static_cast<size_t>(w) + 1];
        int64_t best = -1;  // a window wholly in padding has none
        float most = -std::numeric_limits<float>::infinity();
        if (at != end) most = plane[best = *at++];
        for (; at != end; ++at) {
          if (plane[*at] > most) most = plane[best = *at];
        }
        *winner++ = best;
        *to++ = most;
      }
    }
    return absl::OkStatus();
  }

  void Backward(const Operands&, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch& scratch) const override {
    if (!dx[0]) return;
    const int64_t* winner = scratch.indices.data();
    for (int64_t p = 0; p < planes_; ++p) {
      for (int64_t w = 0; w < windows_; ++w, ++winner, ++dy) {
        if (*winner >= 0) dx[0][p * area_ + *winner] += *dy;
      }
    }
  }
};

class AvgPool : public Pool {
 public:
  AvgPool(const Shape& x, const exec::Windows& windows, bool count_include_pad) : Pool(x, windows) {
    for (int64_t divisor : exec::Divisors(windows, count_include_pad)) {
      factors_.push_back(divisor > 0 ? 1.0f / static_cast<float>(divisor) : 0.0f);
    }
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    float* to = Floats(y);
    for (int64_t p = 0; p < planes_; ++p) {
      const float* plane = Floats(*x[0]) + p * area_;
      for (size_t w = 0; w < factors_.size(); ++w) {
        float sum = 0;
        for (int64_t i = starts_[w]; i < starts_[w + 1]; ++i) sum += plane[elements_[static_cast<size_t>(i)]];
        *to++ = sum * factors_[w];
      }
    }
    return absl::OkStatus();
  }

  void Backward(const Operands&, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    for (int64_t p = 0; p < planes_; ++p) {
      float* plane = dx[0] + p * area_;
      for (size_t w = 0; w < factors_.size(); ++w) {
        const float share = *dy++ * factors_[w];
        for (int64_t i = starts_[w]; i < starts_[w + 1]; ++i) plane[elements_[static_cast<size_t>(i)]] += share;
      }
    }
  }

 private:
  std::vector<float> factors_;  // one a window
};

}  // namespace

std::unique_ptr<Layer> MakePool(const Node& node) {
  const Shape &x = node.operand(0)->type().shape, &y = node.result()->type().shape;
  if (const auto* max = node.If<MaxPoolAttrs>()) return std::make_unique<MaxPool>(x, exec::WindowsOf(*max, x, y));
  const auto& avg = node.As<AvgPoolAttrs>();
  return std::make_unique<AvgPool>(x, exec::WindowsOf(avg, x, y), avg.count_include_pad);
}

}  // namespace mcuc::train
