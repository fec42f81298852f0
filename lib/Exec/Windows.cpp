// Pools over windows, plainly.
#include "Windows.h"

#include <limits>

namespace mcuc::exec {

Windows WindowsOf(const MaxPoolAttrs& attrs, const Shape& x, const Shape& y) {
  return {{x[2], x[3]}, attrs.kernel, attrs.strides, attrs.dilations, attrs.pads, {y[2], y[3]}};
}

Windows WindowsOf(const AvgPoolAttrs& attrs, const Shape& x, const Shape& y) {
  return {{x[2], x[3]}, attrs.kernel, attrs.strides, {1, 1}, attrs.pads, {y[2], y[3]}};
}

Windows WindowsOf(const Pool& pool, Pair size, const Shape& y) {
  return {size, pool.kernel, pool.strides, {1, 1}, pool.pads, {y[2], y[3]}};
}

std::vector<int64_t> Divisors(const Windows& w, bool count_include_pad) {
  // The divisor of a window is the product of those of its rows and its columns.
  std::vector<int64_t> each[2];
  for (size_t d = 0; d < 2; ++d) {
    const int64_t least = count_include_pad ? -w.pads[d] : 0;
    const int64_t end = w.size[d] + (count_include_pad ? w.pads[2 + d] : 0);
    for (int64_t i = 0; i < w.count[d]; ++i) {
      const int64_t start = i * w.strides[d] - w.pads[d];
      each[d].push_back(std::min(start + w.kernel[d], end) - std::max(start, least));
    }
  }
  std::vector<int64_t> divisors;
  for (int64_t rows : each[0]) {
    for (int64_t columns : each[1]) divisors.push_back(rows * columns);
  }
  return divisors;
}

void MaxOverWindows(const Windows& w, const Tensor& x, Tensor& y) {
  Dispatch(x.type().element, [&](auto zero) {
    using T = decltype(zero);
    using Limits = std::numeric_limits<T>;
    const T least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    const T* plane = x.data<T>().data();
    T* result = y.data<T>().data();
    for (int64_t c = 0; c < x.shape()[0] * x.shape()[1]; ++c) {
      ForEachWindow(w, [&](int64_t window, const std::vector<int64_t>& elements) {
        T most = elements.empty() ? least : plane[elements[0]];
        for (int64_t i : elements) most = std::max(most, plane[i]);
        result[window] = most;
      });
      plane += w.size[0] * w.size[1];
      result += w.count[0] * w.count[1];
    }
  });
}

void MeanOverWindows(const Windows& w, bool count_include_pad, const Tensor& x, Tensor& y) {
  const std::vector<int64_t> divisors = Divisors(w, count_include_pad);
  Dispatch(x.type().element, [&](auto zero) {
    using T = decltype(zero);
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
    const T* plane = x.data<T>().data();
    T* result = y.data<T>().data();
    for (int64_t c = 0; c < x.shape()[0] * x.shape()[1]; ++c) {
      ForEachWindow(w, [&](int64_t window, const std::vector<int64_t>& elements) {
        Sum sum = 0;
        for (int64_t i : elements) sum += static_cast<Sum>(plane[i]);
        const int64_t divisor = divisors[static_cast<size_t>(window)];
        result[window] = divisor > 0 ? static_cast<T>(sum / static_cast<Sum>(divisor)) : T{};
      });
      plane += w.size[0] * w.size[1];
      result += w.count[0] * w.count[1];
    }
  });
}

void FusedPool(const Pool& pool, const Tensor& x, Tensor& y) {
  const Windows windows = WindowsOf(pool, {x.shape()[2], x.shape()[3]}, y.shape());
  if (pool.kind == PoolKind::max) {
    MaxOverWindows(windows, x, y);
  } else {
    MeanOverWindows(windows, false, x, y);
  }
}

ConvShape::ConvShape(const ConvAttrs& attrs, const Shape& x, const Shape& w)
    : samples(x[0]),
      channels(x[1]),
      height(x[2]),
      width(x[3]),
      padded_height(x[2] + attrs.pads[0] + attrs.pads[2]),
      padded_width(x[3] + attrs.pads[1] + attrs.pads[3]),
      outputs(w[0]),
      group_channels(w[1]),
      kernel_height(w[2]),
      kernel_width(w[3]),
      out(ConvOutputSize(attrs, x, w)) {}

}  // namespace mcuc::exec
