// Random convolutions for the tests of the kernels in runtime/, and what they should compute: written from the rules of
// docs/numerics.md with plain loops and 64-bit sums, sharing nothing with the kernels but the parameter structs.
#ifndef MCUC_TEST_UNIT_KERNELCASES_H
#define MCUC_TEST_UNIT_KERNELCASES_H

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../../runtime/conv.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::kernels {

using Random = std::mt19937;

inline int32_t Between(Random& random, int32_t lo, int32_t hi) {
  return std::uniform_int_distribution<int32_t>(lo, hi)(random);
}

inline std::vector<int8_t> RandomBytes(Random& random, int64_t n) {
  std::vector<int8_t> bytes(static_cast<size_t>(n));
  for (int8_t& b : bytes) b = static_cast<int8_t>(Between(random, -128, 127));
  return bytes;
}

// Weights, not zero with this probability.
inline std::vector<int8_t> RandomWeights(Random& random, int64_t n, double density) {
  std::vector<int8_t> weights(static_cast<size_t>(n));
  std::bernoulli_distribution keep(density);
  for (int8_t& w : weights) {
    if (!keep(random)) continue;
    do w = static_cast<int8_t>(Between(random, -128, 127));
    while (w == 0);
  }
  return weights;
}

inline std::vector<float> Floats(const std::vector<int8_t>& bytes, float step) {
  std::vector<float> floats;
  for (const int8_t b : bytes) floats.push_back(static_cast<float>(b) * step);
  return floats;
}

// N2 with a flooring division.
inline int64_t Requantized(int64_t acc, int64_t mul, int32_t shift) {
  const int64_t sum = acc * mul + (int64_t{1} << (30 - shift)), divisor = int64_t{1} << (31 - shift);
  return sum / divisor - (sum % divisor < 0 ? 1 : 0);
}

struct Multiplied {
  std::vector<int32_t> bias, mul;
  std::vector<int8_t> shift;
};

// Factors that bring accumulators of `terms` products into the range of int8, some out of it.
inline Multiplied RandomMultipliers(Random& random, int32_t channels, bool per_channel, int64_t terms) {
  Multiplied m;
  int32_t bits = 0;
  while ((int64_t{1} << (2 * bits)) < terms) ++bits;
  for (int32_t c = 0; c < channels; ++c) m.bias.push_back(Between(random, -20000, 20000));
  for (int32_t c = 0; c < (per_channel ? channels : 1); ++c) {
    m.mul.push_back(Between(random, 0, 15) == 0 ? 0 : Between(random, 1 << 30, INT32_MAX));
    m.shift.push_back(static_cast<int8_t>(Between(random, -7 - bits, -5 - bits)));
  }
  return m;
}

// A convolution's parameters by name, the others at their defaults.
struct ConvCase {
  int32_t batch = 1, groups = 1, channels = 1, height = 1, width = 1, filters = 1;
  int32_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int32_t top = 0, left = 0, bottom = 0, right = 0;
  int32_t pool = MCUC_POOL_NONE, pool_h = 1, pool_w = 1, pool_stride_h = 1, pool_stride_w = 1;
  int32_t pool_top = 0, pool_left = 0, pool_bottom = 0, pool_right = 0;
  bool ceil = false;

  mcuc_conv Shape() const {
    mcuc_conv s = {};
    s.batch = batch, s.groups = groups, s.channels = channels, s.height = height, s.width = width, s.filters = filters;
    s.kernel_h = kernel_h, s.kernel_w = kernel_w, s.stride_h = stride_h, s.stride_w = stride_w;
    s.dilation_h = dilation_h, s.dilation_w = dilation_w, s.pad_top = top, s.pad_left = left;
    s.conv_h = static_cast<int32_t>(WindowCount(height, kernel_h, stride_h, dilation_h, top, bottom, false));
    s.conv_w = static_cast<int32_t>(WindowCount(width, kernel_w, stride_w, dilation_w, left, right, false));
    s.out_h = s.conv_h, s.out_w = s.conv_w;
    if (pool != MCUC_POOL_NONE) {
      s.pool = pool, s.pool_h = pool_h, s.pool_w = pool_w;
      s.pool_stride_h = pool_stride_h, s.pool_stride_w = pool_stride_w, s.pool_top = pool_top, s.pool_left = pool_left;
      s.out_h = static_cast<int32_t>(WindowCount(s.conv_h, pool_h, pool_stride_h, 1, pool_top, pool_bottom, ceil));
      s.out_w = static_cast<int32_t>(WindowCount(s.conv_w, pool_w, pool_stride_w, 1, pool_left, pool_right, ceil));
    }
    s.row = s.width, s.plane = s.height * s.width, s.out_plane = s.out_h * s.out_w;
    return s;
  }
  bool Valid() const {
    const mcuc_conv s = Shape();
    return s.conv_h > 0 && s.conv_w > 0 && s.out_h > 0 && s.out_w > 0;
  }
  std::string Text() const {
    return absl::StrCat("N", batch, " G", groups, " C", channels, " ", height, "x", width, " M", filters, " k",
                        kernel_h, "x", kernel_w, " s", stride_h, "x", stride_w, " d", dilation_h, "x", dilation_w, " p",
                        top, ",", left, ",", bottom, ",", right) +
           absl::StrCat(" pool", pool, " ", pool_h, "x", pool_w, " s", pool_stride_h, "x", pool_stride_w, " p",
                        pool_top, ",", pool_left, ",", pool_bottom, ",", pool_right, ceil ? " ceil" : "");
  }
};

// What a kernel of MCUC_CONV_WHOLE takes for granted.
inline bool IsWhole(const mcuc_conv& s) {
  const bool inside = s.pad_top == 0 && s.pad_left == 0 &&
                      (s.conv_h - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h < s.height &&
                      (s.conv_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w < s.width;
  if (s.pool == MCUC_POOL_NONE) return inside && s.conv_h >= 2 && s.conv_w >= 2;
  return inside && s.pool_h == 2 && s.pool_w == 2 && s.pool_top == 0 && s.pool_left == 0 &&
         (s.out_h - 1) * s.pool_stride_h + 2 <= s.conv_h && (s.out_w - 1) * s.pool_stride_w + 2 <= s.conv_w;
}

// The named corners, then random ones.
inline std::vector<ConvCase> ConvCases(Random& random, int32_t count) {
  std::vector<ConvCase> cases;
  cases.push_back({.channels = 2, .height = 8, .width = 9, .filters = 3, .kernel_h = 3, .kernel_w = 3});
  cases.push_back({.height = 12,
                   .width = 10,
                   .filters = 2,
                   .kernel_h = 5,
                   .kernel_w = 3,
                   .pool = MCUC_POOL_MAX,
                   .pool_h = 2,
                   .pool_w = 2,
                   .pool_stride_h = 2,
                   .pool_stride_w = 2});  // whole windows
  cases.push_back({.channels = 3,
                   .height = 9,
                   .width = 11,
                   .filters = 2,
                   .kernel_h = 3,
                   .kernel_w = 3,
                   .pool = MCUC_POOL_AVG,
                   .pool_h = 2,
                   .pool_w = 2,
                   .pool_stride_h = 2,
                   .pool_stride_w = 2});
  cases.push_back({.height = 8,
                   .width = 8,
                   .kernel_h = 3,
                   .kernel_w = 3,
                   .pool = MCUC_POOL_MAX,
                   .pool_h = 2,
                   .pool_w = 2,
                   .pool_stride_h = 1,
                   .pool_stride_w = 3});
  cases.push_back({.channels = 2,
                   .height = 7,
                   .width = 7,
                   .filters = 2,
                   .kernel_h = 3,
                   .kernel_w = 3,
                   .top = 1,
                   .left = 1,
                   .bottom = 1,
                   .right = 1});
  cases.push_back({.channels = 2,
                   .height = 7,
                   .width = 6,
                   .filters = 2,
                   .kernel_h = 3,
                   .kernel_w = 3,
                   .top = 2,
                   .left = 0,
                   .bottom = 0,
                   .right = 2,
                   .pool = MCUC_POOL_MAX,
                   .pool_h = 3,
                   .pool_w = 3,
                   .pool_stride_h = 2,
                   .pool_stride_w = 2,
                   .pool_top = 1,
                   .pool_left = 1,
                   .ceil = true});
  cases.push_back({.groups = 5,
                   .height = 6,
                   .width = 6,
                   .kernel_h = 3,
                   .kernel_w = 3,
                   .top = 1,
                   .left = 1,
                   .bottom = 1,
                   .right = 1});                                            // depthwise
  cases.push_back({.channels = 9, .height = 2, .width = 2, .filters = 4});  // pointwise
  cases.push_back(
      {.channels = 3, .height = 1, .width = 17, .filters = 2, .kernel_w = 5, .left = 2, .right = 2});  // 1-D
  cases.push_back({.height = 3, .width = 3, .filters = 2, .kernel_h = 3, .kernel_w = 3});              // one output
  cases.push_back({.height = 4, .width = 3, .filters = 2, .kernel_h = 3, .kernel_w = 3});              // a column
  cases.push_back({.height = 3, .width = 4, .filters = 2, .kernel_h = 3, .kernel_w = 3});              // a row
  cases.push_back({.channels = 300, .height = 3, .width = 2, .filters = 2, .kernel_h = 2});  // gaps and counts over 255
  cases.push_back({.batch = 2,
                   .groups = 2,
                   .channels = 2,
                   .height = 6,
                   .width = 5,
                   .filters = 3,
                   .kernel_h = 2,
                   .kernel_w = 2,
                   .stride_h = 2,
                   .dilation_w = 2});
  // Filters longer than the buffer of conv_im2col_i8.h, and more of them than it takes at a time; those that just fit.
  const ConvCase long_filters = {.channels = 41,
                                 .height = 5,
                                 .width = 4,
                                 .filters = 19,
                                 .kernel_h = 3,
                                 .kernel_w = 3,
                                 .top = 1,
                                 .left = 1,
                                 .bottom = 1,
                                 .right = 1};
  cases.push_back(long_filters);
  for (const int32_t pool : {MCUC_POOL_MAX, MCUC_POOL_AVG}) {
    ConvCase c = long_filters;
    c.batch = c.groups = 2, c.channels = 15, c.pool = pool, c.pool_h = c.pool_w = 3;
    cases.push_back(c);
    c.filters = 8, c.kernel_h = c.kernel_w = 2;
    cases.push_back(c);
    c.channels = 16, c.filters = 64;
    cases.push_back(c);
  }
  for (const int32_t channels : {63, 64, 65, 127, 128, 129}) {
    cases.push_back({.channels = channels, .height = 2, .width = 3, .filters = 2});
  }
  while (static_cast<int32_t>(cases.size()) < count) {
    ConvCase c;
    c.batch = Between(random, 1, 2), c.groups = Between(random, 1, 3), c.channels = Between(random, 1, 3);
    c.filters = Between(random, 1, 3), c.height = Between(random, 1, 9), c.width = Between(random, 1, 9);
    if (Between(random, 0, 9) == 0) {
      c.channels = Between(random, 4, 70), c.filters = Between(random, 4, 40);
      c.height = Between(random, 1, 5), c.width = Between(random, 1, 5);
    }
    c.kernel_h = Between(random, 1, 4), c.kernel_w = Between(random, 1, 4);
    c.stride_h = Between(random, 1, 3), c.stride_w = Between(random, 1, 3);
    c.dilation_h = Between(random, 1, 2), c.dilation_w = Between(random, 1, 2);
    if (Between(random, 0, 1)) {
      c.top = Between(random, 0, 2), c.left = Between(random, 0, 2);
      c.bottom = Between(random, 0, 2), c.right = Between(random, 0, 2);
    }
    c.pool = Between(random, 0, 2);
    if (c.pool != MCUC_POOL_NONE) {
      c.pool_h = Between(random, 1, 4), c.pool_w = Between(random, 1, 4);
      c.pool_stride_h = Between(random, 1, 3), c.pool_stride_w = Between(random, 1, 3);
      if (c.pool == MCUC_POOL_MAX) {  // padding below the kernel: every window holds something
        c.pool_top = Between(random, 0, c.pool_h - 1), c.pool_left = Between(random, 0, c.pool_w - 1);
        c.pool_bottom = Between(random, 0, c.pool_h - 1), c.pool_right = Between(random, 0, c.pool_w - 1);
        c.ceil = Between(random, 0, 1) == 1;
      }
    }
    if (c.Valid()) cases.push_back(c);
  }
  return cases;
}

// The convolution's sums before activation and pool, for each output channel's whole plane; padding reads `zero`.
template <typename Sum, typename X, typename W>
std::vector<Sum> ConvSums(const mcuc_conv& s, const std::vector<X>& x, const std::vector<W>& w, Sum zero) {
  std::vector<Sum> sums;
  const int32_t all = s.groups * s.channels;
  for (int32_t n = 0; n < s.batch; ++n) {
    for (int32_t m = 0; m < s.groups * s.filters; ++m) {
      for (int32_t oy = 0; oy < s.conv_h; ++oy) {
        for (int32_t ox = 0; ox < s.conv_w; ++ox) {
          Sum sum = 0;
          for (int32_t c = 0; c < s.channels; ++c) {
            for (int32_t ky = 0; ky < s.kernel_h; ++ky) {
              for (int32_t kx = 0; kx < s.kernel_w; ++kx) {
                const int32_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
                const int32_t ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
                const int32_t plane = n * all + m / s.filters * s.channels + c;
                const bool inside = iy >= 0 && iy < s.height && ix >= 0 && ix < s.width;
                const Sum e =
                    inside ? static_cast<Sum>(x[static_cast<size_t>((plane * s.height + iy) * s.width + ix)]) : zero;
                sum += e * static_cast<Sum>(
                               w[static_cast<size_t>(((m * s.channels + c) * s.kernel_h + ky) * s.kernel_w + kx)]);
              }
            }
          }
          sums.push_back(sum);
        }
      }
    }
  }
  return sums;
}

// Pools each plane: the maximum over the window's positions inside, or their sum.
template <typename Sum>
std::vector<Sum> Pooled(const mcuc_conv& s, const std::vector<Sum>& planes) {
  if (s.pool == MCUC_POOL_NONE) return planes;
  std::vector<Sum> pooled;
  for (int32_t plane = 0; plane < s.batch * s.groups * s.filters; ++plane) {
    for (int32_t py = 0; py < s.out_h; ++py) {
      for (int32_t px = 0; px < s.out_w; ++px) {
        Sum most = std::numeric_limits<Sum>::lowest(), sum = 0;
        for (int32_t i = 0; i < s.pool_h; ++i) {
          for (int32_t j = 0; j < s.pool_w; ++j) {
            const int32_t y = py * s.pool_stride_h - s.pool_top + i, x = px * s.pool_stride_w - s.pool_left + j;
            if (y < 0 || y >= s.conv_h || x < 0 || x >= s.conv_w) continue;
            const Sum value = planes[static_cast<size_t>((plane * s.conv_h + y) * s.conv_w + x)];
            most = std::max(most, value);
            sum += value;
          }
        }
        pooled.push_back(s.pool == MCUC_POOL_MAX ? most : sum);
      }
    }
  }
  return pooled;
}

}  // namespace mcuc::kernels

#endif  // MCUC_TEST_UNIT_KERNELCASES_H
