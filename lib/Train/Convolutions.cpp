// Convolutions, forwards and transposed, as matrix products over columns (im2col): column p holds the elements that
// window p sees. This serves every stride, dilation, pad and group alike, and leaves oneDNN's matrix product the work.
// Forward ones of few weights are sums of shifted planes instead (SparseConv.h), those of many channels primitives of
// oneDNN (DenseConv.h).
#include <algorithm>
#include <cstring>

#include "DenseConv.h"
#include "Layer.h"
#include "SparseConv.h"

namespace mcuc::train {

namespace {

// Windows over the H x W planes of `channels` channels of one group.
struct Columns {
  int64_t channels, height, width, kernel_height, kernel_width;
  Pair strides, dilations;
  Pads pads;
  Pair count;  // of windows

  int64_t taps() const { return channels * kernel_height * kernel_width; }
  int64_t windows() const { return count[0] * count[1]; }
  int64_t elements() const { return channels * height * width; }
  // The planes are the columns already.
  bool trivial() const {
    return kernel_height == 1 && kernel_width == 1 && strides == Pair{1, 1} && pads == Pads{} &&
           count == Pair{height, width};
  }

  // Calls f(row of the columns, plane's row or -1, first window within it, last + 1, column of the first one's element)
  // for each row of windows of each tap.
  template <typename F>
  void ForEachRow(F&& f) const {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t kh = 0; kh < kernel_height; ++kh) {
        for (int64_t kw = 0; kw < kernel_width; ++kw) {
          const int64_t tap = (c * kernel_height + kh) * kernel_width + kw;
          const int64_t left = kw * dilations[1] - pads[1];  // of window 0
          const int64_t step = strides[1];
          const int64_t first = std::min(count[1], left >= 0 ? 0 : (-left + step - 1) / step);
          const int64_t last = std::max(first, std::min(count[1], left >= width ? 0 : (width - 1 - left) / step + 1));
          for (int64_t oh = 0; oh < count[0]; ++oh) {
            const int64_t h = oh * strides[0] - pads[0] + kh * dilations[0];
            const bool inside = h >= 0 && h < height;
            f(tap * windows() + oh * count[1], inside ? (c * height + h) * width : -1, first, last,
              left + first * step);
          }
        }
      }
    }
  }

  void Gather(const float* x, float* columns) const {
    ForEachRow([&](int64_t to, int64_t from, int64_t first, int64_t last, int64_t at) {
      float* row = columns + to;
      if (from < 0) {
        std::fill_n(row, count[1], 0.0f);
        return;
      }
      std::fill(row, row + first, 0.0f);
      std::fill(row + last, row + count[1], 0.0f);
      const float* source = x + from + at;
      if (strides[1] == 1) {
        std::copy_n(source, last - first, row + first);
      } else {
        for (int64_t i = first; i < last; ++i, source += strides[1]) row[i] = *source;
      }
    });
  }

  // The adjoint: adds each element of the columns to the element that it was taken from.
  void Scatter(const float* columns, float* x) const {
    ForEachRow([&](int64_t from, int64_t to, int64_t first, int64_t last, int64_t at) {
      if (to < 0) return;
      const float* row = columns + from;
      float* target = x + to + at;
      if (strides[1] == 1) {
        for (int64_t i = first; i < last; ++i) target[i - first] += row[i];
      } else {
        for (int64_t i = first; i < last; ++i, target += strides[1]) *target += row[i];
      }
    });
  }
};

float Sum(const float* x, int64_t n) {
  float lanes[8] = {};  // a fixed order that vectorizes
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t k = 0; k < 8; ++k) lanes[k] += x[i + k];
  }
  float sum = 0;
  for (; i < n; ++i) sum += x[i];
  for (float lane : lanes) sum += lane;
  return sum;
}

void AddBias(const Operands& x, int64_t samples, int64_t channels, int64_t area, float* y) {
  if (x.size() < 3) {
    std::fill_n(y, samples * channels * area, 0.0f);
    return;
  }
  const float* bias = Floats(*x[2]);
  for (int64_t plane = 0; plane < samples * channels; ++plane) {
    std::fill_n(y + plane * area, area, bias[plane % channels]);
  }
}

void BiasGradient(const std::vector<float*>& dx, int64_t samples, int64_t channels, int64_t area, const float* dy) {
  if (dx.size() < 3 || !dx[2]) return;
  for (int64_t plane = 0; plane < samples * channels; ++plane) dx[2][plane % channels] += Sum(dy + plane * area, area);
}

// Below these densities of a group's weights SparseConv is faster than products over columns, and than DenseConv.
constexpr double kSparseOfColumns = 0.3, kSparseOfDense = 0.1;

class Conv : public Layer {
 public:
  explicit Conv(const Node& node)
      : Conv(node.As<ConvAttrs>(), node.operand(0)->type().shape, node.operand(1)->type().shape,
             node.operands().size() > 2) {}

  absl::Status Forward(const Operands& x, Tensor& y, Scratch& scratch) const override {
    const int64_t taps = columns_.taps(), windows = columns_.windows(), filters = outputs_ * taps;
    if (dense_ && !IsSparse(Floats(*x[1]))) {
      dense_->Forward(Floats(*x[0]), Floats(*x[1]), x.size() < 3 ? nullptr : Floats(*x[2]), Floats(y), scratch);
      return absl::OkStatus();
    }
    AddBias(x, samples_, group_ * outputs_, windows, Floats(y));
    for (int64_t g = 0; g < group_; ++g) {
      const float* w = Floats(*x[1]) + g * filters;
      const bool sparse = IsSparse(w);
      std::vector<SparseConv::Weight> weights;
      if (sparse) weights = sparse_.Choose([&](int64_t i) { return w[i] != 0; });
      for (int64_t i = g; i < samples_ * group_; i += group_) {
        const float* from = Floats(*x[0]) + i * columns_.elements();
        float* to = Floats(y) + i * outputs_ * windows;
        if (sparse) {
          sparse_.Forward(weights, w, from, to, scratch);
        } else {
          Multiply(false, false, outputs_, windows, taps, w, ColumnsOf(from, scratch), true, to);
        }
      }
    }
    return absl::OkStatus();
  }

  void Backward(const Operands& x, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch& scratch) const override {
    const int64_t taps = columns_.taps(), windows = columns_.windows(), filters = outputs_ * taps;
    BiasGradient(dx, samples_, group_ * outputs_, windows, dy);
    for (int64_t g = 0; g < group_; ++g) {
      const float* w = Floats(*x[1]) + g * filters;
      float* dw = dx[1] ? dx[1] + g * filters : nullptr;
      const bool sparse = IsSparse(w);
      // Where only the weights that stay are trained, or there are few anyway.
      const bool few = dw && sparse && (!kept_.empty() || outputs_ == 1);
      if (dense_ && dw && !few) {
        dense_->AddWeightsGradient(Floats(*x[0]), dy, dw, scratch);
        dw = nullptr;
      }
      if (dense_ && dx[0] && !sparse) dense_->AddDataGradient(w, dy, dx[0], scratch);
      if (dense_ && !sparse) continue;
      std::vector<SparseConv::Weight> weights, wanted;
      if (sparse) weights = sparse_.Choose([&](int64_t i) { return w[i] != 0; });
      if (few) {
        wanted =
            sparse_.Choose([&](int64_t i) { return kept_.empty() || kept_[static_cast<size_t>(g * filters + i)]; });
      }
      for (int64_t i = g; i < samples_ * group_; i += group_) {
        const float* from = Floats(*x[0]) + i * columns_.elements();
        const float* dy_i = dy + i * outputs_ * windows;
        float* to = dx[0] ? dx[0] + i * columns_.elements() : nullptr;
        if (dw && !few) {
          Multiply(false, true, outputs_, taps, windows, dy_i, ColumnsOf(from, scratch), true, dw);
        }
        if (sparse) {
          if (few || to) sparse_.Backward(weights, wanted, w, from, dy_i, to, few ? dw : nullptr, scratch);
        } else if (to && columns_.trivial()) {
          Multiply(true, false, taps, windows, outputs_, w, dy_i, true, to);
        } else if (to) {
          scratch.floats.resize(static_cast<size_t>(taps * windows));
          Multiply(true, false, taps, windows, outputs_, w, dy_i, false, scratch.floats.data());
          columns_.Scatter(scratch.floats.data(), to);
        }
      }
    }
  }

  void Freeze(std::vector<uint8_t> kept) override { kept_ = std::move(kept); }

 private:
  Conv(const ConvAttrs& attrs, const Shape& x, const Shape& w, bool bias)
      : columns_{w[1], x[2], x[3], w[2], w[3], attrs.strides, attrs.dilations, attrs.pads, ConvOutputSize(attrs, x, w)},
        samples_(x[0]),
        group_(attrs.group),
        outputs_(w[0] / attrs.group),
        sparse_({w[1], x[2], x[3], w[2], w[3], outputs_, attrs.strides, attrs.dilations, attrs.pads, columns_.count}),
        dense_(DenseConv::Create(attrs, x, w, columns_.count, bias)) {}

  // A group's weights. Those of a depthwise convolution are few however many are zero.
  bool IsSparse(const float* w) const {
    const int64_t n = outputs_ * columns_.taps();
    const int64_t zeros = std::count(w, w + n, 0.0f);
    return outputs_ == 1 ||
           static_cast<double>(n - zeros) < (dense_ ? kSparseOfDense : kSparseOfColumns) * static_cast<double>(n);
  }

  const float* ColumnsOf(const float* x, Scratch& scratch) const {
    if (columns_.trivial()) return x;
    scratch.floats.resize(static_cast<size_t>(columns_.taps() * columns_.windows()));
    columns_.Gather(x, scratch.floats.data());
    return scratch.floats.data();
  }

  Columns columns_;
  int64_t samples_, group_, outputs_;  // outputs_: of a group
  SparseConv sparse_;
  std::unique_ptr<DenseConv> dense_;  // of one group; null: columns
  std::vector<uint8_t> kept_;         // the weights whose gradients are wanted; empty: all
};

// The adjoint of a convolution: its windows lie in the result, one for each pixel of x.
class ConvTranspose : public Layer {
 public:
  explicit ConvTranspose(const Node& node) {
    const auto& attrs = node.As<ConvTransposeAttrs>();
    const Shape &x = node.operand(0)->type().shape, &w = node.operand(1)->type().shape;
    const Shape& y = node.result()->type().shape;
    columns_ = {w[1], y[2], y[3], w[2], w[3], attrs.strides, attrs.dilations, attrs.pads, {x[2], x[3]}};
    samples_ = x[0];
    group_ = attrs.group;
    inputs_ = x[1] / attrs.group;
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch& scratch) const override {
    const int64_t taps = columns_.taps(), windows = columns_.windows();
    AddBias(x, samples_, group_ * columns_.channels, columns_.height * columns_.width, Floats(y));
    scratch.floats.resize(static_cast<size_t>(taps * windows));
    for (int64_t i = 0; i < samples_ * group_; ++i) {
      Multiply(true, false, taps, windows, inputs_, Floats(*x[1]) + i % group_ * inputs_ * taps,
               Floats(*x[0]) + i * inputs_ * windows, false, scratch.floats.data());
      columns_.Scatter(scratch.floats.data(), Floats(y) + i * columns_.elements());
    }
    return absl::OkStatus();
  }

  void Backward(const Operands& x, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch& scratch) const override {
    const int64_t taps = columns_.taps(), windows = columns_.windows();
    BiasGradient(dx, samples_, group_ * columns_.channels, columns_.height * columns_.width, dy);
    scratch.floats.resize(static_cast<size_t>(taps * windows));
    for (int64_t i = 0; i < samples_ * group_; ++i) {
      columns_.Gather(dy + i * columns_.elements(), scratch.floats.data());
      const int64_t pixels = i * inputs_ * windows, filters = i % group_ * inputs_ * taps;
      if (dx[1]) {
        Multiply(false, true, inputs_, taps, windows, Floats(*x[0]) + pixels, scratch.floats.data(), true,
                 dx[1] + filters);
      }
      if (dx[0]) {
        Multiply(false, false, inputs_, windows, taps, Floats(*x[1]) + filters, scratch.floats.data(), true,
                 dx[0] + pixels);
      }
    }
  }

 private:
  Columns columns_;
  int64_t samples_, group_, inputs_;  // inputs_: of a group
};

}  // namespace

std::unique_ptr<Layer> MakeConv(const Node& node) { return std::make_unique<Conv>(node); }
std::unique_ptr<Layer> MakeConvTranspose(const Node& node) { return std::make_unique<ConvTranspose>(node); }

}  // namespace mcuc::train
