// Sliding windows over H x W planes: the pools', and the sums of a convolution over a padded copy of its operand.
// Shared by the float and the integer kernels, so that both agree on which elements a window holds.
#ifndef MCUC_LIB_EXEC_WINDOWS_H
#define MCUC_LIB_EXEC_WINDOWS_H

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc::exec {

// Windows over a plane of size[0] x size[1].
struct Windows {
  Pair size;
  Pair kernel;
  Pair strides;
  Pair dilations;
  Pads pads;
  Pair count;  // of windows, vertically and horizontally
};

Windows WindowsOf(const MaxPoolAttrs& attrs, const Shape& x, const Shape& y);
Windows WindowsOf(const AvgPoolAttrs& attrs, const Shape& x, const Shape& y);
Windows WindowsOf(const Pool& pool, Pair size, const Shape& y);  // a fused pool over a plane of this size

// Calls f(window, elements): the index of the window and the indices of its elements inside the plane, in order.
template <typename F>
void ForEachWindow(const Windows& w, F&& f) {
  std::vector<int64_t> elements;
  for (int64_t oh = 0; oh < w.count[0]; ++oh) {
    for (int64_t ow = 0; ow < w.count[1]; ++ow) {
      elements.clear();
      for (int64_t kh = 0; kh < w.kernel[0]; ++kh) {
        const int64_t h = oh * w.strides[0] - w.pads[0] + kh * w.dilations[0];
        if (h < 0 || h >= w.size[0]) continue;
        for (int64_t kw = 0; kw < w.kernel[1]; ++kw) {
          const int64_t column = ow * w.strides[1] - w.pads[1] + kw * w.dilations[1];
          if (column >= 0 && column < w.size[1]) elements.push_back(h * w.size[1] + column);
        }
      }
      f(oh * w.count[1] + ow, elements);
    }
  }
}

// What the mean over each window is divided by: the elements inside the plane, or inside the plane and its padding
// (never those beyond it, where the number of windows was rounded up).
std::vector<int64_t> Divisors(const Windows& w, bool count_include_pad);

// Max or mean over windows of each plane of x: N x C x H x W, of any element type (integer means truncate).
void MaxOverWindows(const Windows& w, const Tensor& x, Tensor& y);
void MeanOverWindows(const Windows& w, bool count_include_pad, const Tensor& x, Tensor& y);
// A convolution's fused pool, from its output (activation applied) into the result.
void FusedPool(const Pool& pool, const Tensor& x, Tensor& y);

// The geometry of a convolution, and x with its padding filled in.
struct ConvShape {
  ConvShape(const ConvAttrs& attrs, const Shape& x, const Shape& w);
  int64_t samples, channels, height, width;                      // of x
  int64_t padded_height, padded_width;                           // of x with its padding
  int64_t outputs, group_channels, kernel_height, kernel_width;  // of w
  Pair out;                                                      // H x W before a fused pool
  int64_t taps() const { return group_channels * kernel_height * kernel_width; }
};

template <typename T>
absl::StatusOr<std::vector<T>> PadPlanes(const ConvAttrs& attrs, const ConvShape& s, const std::vector<T>& x, T fill) {
  const auto elements = CheckedElements({s.samples, s.channels, s.padded_height, s.padded_width});
  if (!elements.ok()) return elements.status();
  std::vector<T> padded(static_cast<size_t>(*elements), fill);
  for (int64_t plane = 0; plane < s.samples * s.channels; ++plane) {
    for (int64_t h = 0; h < s.height; ++h) {
      const auto row = x.begin() + (plane * s.height + h) * s.width;
      std::copy(row, row + s.width,
                padded.begin() + (plane * s.padded_height + h + attrs.pads[0]) * s.padded_width + attrs.pads[1]);
    }
  }
  return padded;
}

// Adds to `sums` (out[0] x out[1]) the products of output channel m of sample n: padded planes times the filter.
template <typename T, typename Sum>
void ConvolvePlane(const ConvAttrs& attrs, const ConvShape& s, const std::vector<T>& padded, const std::vector<T>& w,
                   int64_t n, int64_t m, std::vector<Sum>& sums) {
  const int64_t group = m / (s.outputs / attrs.group);
  const T* filter = w.data() + m * s.taps();
  for (int64_t c = 0; c < s.group_channels; ++c) {
    const T* plane = padded.data() + (n * s.channels + group * s.group_channels + c) * s.padded_height * s.padded_width;
    for (int64_t kh = 0; kh < s.kernel_height; ++kh) {
      for (int64_t kw = 0; kw < s.kernel_width; ++kw) {
        const T weight = *filter++;
        if (std::is_integral_v<T> && weight == T{0}) continue;  // pruned; in floats 0 * inf is not 0
        for (int64_t oh = 0; oh < s.out[0]; ++oh) {
          const T* row =
              plane + (oh * attrs.strides[0] + kh * attrs.dilations[0]) * s.padded_width + kw * attrs.dilations[1];
          Sum* sum = sums.data() + oh * s.out[1];
          if (attrs.strides[1] == 1) {  // apart, so that the compiler vectorizes it
            for (int64_t ow = 0; ow < s.out[1]; ++ow) sum[ow] += static_cast<Sum>(weight) * static_cast<Sum>(row[ow]);
          } else {
            for (int64_t ow = 0; ow < s.out[1]; ++ow) {
              sum[ow] += static_cast<Sum>(weight) * static_cast<Sum>(row[ow * attrs.strides[1]]);
            }
          }
        }
      }
    }
  }
}

}  // namespace mcuc::exec

#endif  // MCUC_LIB_EXEC_WINDOWS_H
