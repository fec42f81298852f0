// Convolutions as sums of shifted planes.
#include "SparseConv.h"

#include <algorithm>

namespace mcuc::train {

SparseConv::SparseConv(const Geometry& geometry) : g_(geometry), phases_(g_.strides[0] * g_.strides[1]) {
  const int64_t last_row = (g_.kernel_height - 1) * g_.dilations[0] / g_.strides[0];
  const int64_t last_column = (g_.kernel_width - 1) * g_.dilations[1] / g_.strides[1];
  rows_ = g_.count[0] + last_row;
  pitch_ = g_.count[1] + last_column;
  length_ = (g_.count[0] - 1) * pitch_ + g_.count[1];
  reach_ = last_row * pitch_ + last_column;
  for (int64_t kh = 0; kh < g_.kernel_height; ++kh) {
    for (int64_t kw = 0; kw < g_.kernel_width; ++kw) {
      const int64_t h = kh * g_.dilations[0], v = kw * g_.dilations[1];
      taps_.push_back(
          {h % g_.strides[0] * g_.strides[1] + v % g_.strides[1], h / g_.strides[0] * pitch_ + v / g_.strides[1]});
    }
  }
}

template <typename T, typename F>
void SparseConv::ForEachRow(T* x, F&& f) const {
  const int64_t step = g_.strides[1];
  int64_t to = 0;
  for (int64_t c = 0; c < g_.channels; ++c) {
    for (int64_t phase = 0; phase < phases_; ++phase) {
      const int64_t top = phase / step - g_.pads[0], left = phase % step - g_.pads[1];
      // Columns of the plane whose pixel left + column * step is within the image.
      const int64_t first = std::min(pitch_, left >= 0 ? 0 : (-left + step - 1) / step);
      const int64_t last = std::max(first, std::min(pitch_, left >= g_.width ? 0 : (g_.width - 1 - left) / step + 1));
      for (int64_t r = 0; r < rows_; ++r, to += pitch_) {
        const int64_t h = r * g_.strides[0] + top;
        const bool inside = h >= 0 && h < g_.height && first < last;
        f(to, inside ? x + (c * g_.height + h) * g_.width + left + first * step : nullptr, first, last);
      }
    }
  }
}

void SparseConv::Spread(const float* x, float* planes) const {
  ForEachRow(x, [&](int64_t to, const float* from, int64_t first, int64_t last) {
    float* row = planes + to;
    if (!from) {
      std::fill_n(row, pitch_, 0.0f);
      return;
    }
    std::fill_n(row, first, 0.0f);
    std::fill(row + last, row + pitch_, 0.0f);
    if (g_.strides[1] == 1) {
      std::copy_n(from, last - first, row + first);
    } else {
      for (int64_t i = first; i < last; ++i, from += g_.strides[1]) row[i] = *from;
    }
  });
}

void SparseConv::Forward(const std::vector<Weight>& weights, const float* w, const float* x, float* y,
                         Scratch& scratch) const {
  const int64_t plane = rows_ * pitch_, planes = g_.channels * phases_ * plane;
  scratch.floats.resize(static_cast<size_t>(planes + length_));
  float *from = scratch.floats.data(), *sum = from + planes;
  Spread(x, from);
  std::vector<Term> terms;
  for (size_t k = 0; k < weights.size();) {
    const int64_t output = weights[k].output;
    terms.clear();
    for (; k < weights.size() && weights[k].output == output; ++k) {
      terms.push_back({from + weights[k].plane * plane + weights[k].shift, w[weights[k].index]});
    }
    std::fill_n(sum, length_, 0.0f);
    AddTerms(terms, length_, sum);
    float* to = y + output * g_.count[0] * g_.count[1];
    for (int64_t r = 0; r < g_.count[0]; ++r) {
      for (int64_t i = 0; i < g_.count[1]; ++i) *to++ += sum[r * pitch_ + i];
    }
  }
}

void SparseConv::Backward(const std::vector<Weight>& weights, const std::vector<Weight>& wanted, const float* w,
                          const float* x, const float* dy, float* dx, float* dw, Scratch& scratch) const {
  const int64_t plane = rows_ * pitch_, planes = g_.channels * phases_ * plane;
  // An output's gradient with the planes' pitch, and zeros around it for every shift.
  const int64_t wide = reach_ + plane;
  scratch.floats.resize(static_cast<size_t>(planes + g_.outputs * wide));
  float *spread = scratch.floats.data(), *dy_wide = spread + planes;
  std::fill_n(dy_wide, g_.outputs * wide, 0.0f);
  for (int64_t o = 0; o < g_.outputs; ++o) {
    for (int64_t r = 0; r < g_.count[0]; ++r) {
      std::copy_n(dy + (o * g_.count[0] + r) * g_.count[1], g_.count[1], dy_wide + o * wide + reach_ + r * pitch_);
    }
  }
  if (dw) {
    Spread(x, spread);
    std::vector<const float*> stretches;
    std::vector<float*> sums;
    for (size_t k = 0; k < wanted.size();) {
      const int64_t output = wanted[k].output;
      stretches.clear();
      sums.clear();
      for (; k < wanted.size() && wanted[k].output == output; ++k) {
        stretches.push_back(spread + wanted[k].plane * plane + wanted[k].shift);
        sums.push_back(dw + wanted[k].index);
      }
      AddDots(dy_wide + output * wide + reach_, stretches, length_, sums);
    }
  }
  if (!dx) return;
  std::vector<std::vector<Term>> terms(static_cast<size_t>(g_.channels * phases_));
  for (const Weight& weight : weights) {
    terms[static_cast<size_t>(weight.plane)].push_back(
        {dy_wide + weight.output * wide + reach_ - weight.shift, w[weight.index]});
  }
  std::fill_n(spread, planes, 0.0f);
  for (size_t p = 0; p < terms.size(); ++p) AddTerms(terms[p], plane, spread + static_cast<int64_t>(p) * plane);
  ForEachRow(dx, [&](int64_t from, float* to, int64_t first, int64_t last) {
    if (!to) return;
    for (int64_t i = first; i < last; ++i, to += g_.strides[1]) *to += spread[from + i];
  });
}

}  // namespace mcuc::train
