// The integer kernels of runtime/ that are not convolutions or products, and the depthwise convolution, against the
// rules of docs/numerics.md written out here with 64-bit integers. Built with the address and undefined-behaviour
// sanitizers.
#include <gtest/gtest.h>

#include <cmath>

#include "../../runtime/avg_pool_i8.h"
#include "../../runtime/clamp_i32.h"
#include "../../runtime/conv_depthwise_i8.h"
#include "../../runtime/dequantize.h"
#include "../../runtime/max_pool_i8.h"
#include "../../runtime/quantize.h"
#include "../../runtime/requantize.h"
#include "../../runtime/resize_linear_i8.h"
#include "../../runtime/softmax_i8.h"
#include "KernelCases.h"

namespace mcuc::kernels {
namespace {

TEST(IntegerKernels, RequantizeRoundsHalfUp) {  // N2
  const int32_t half = 1 << 30;
  EXPECT_EQ(mcuc_requantize(3, half, 0), 2);    // 1.5
  EXPECT_EQ(mcuc_requantize(-3, half, 0), -1);  // -1.5
  EXPECT_EQ(mcuc_requantize(5, half, -1), 1);   // 1.25
  EXPECT_EQ(mcuc_requantize(6, half, -1), 2);   // 1.5
  EXPECT_EQ(mcuc_requantize(6, half, -2), 1);   // 0.75
  EXPECT_EQ(mcuc_requantize(-4, half, -2), 0);  // -0.5
  EXPECT_EQ(mcuc_requantize(-5, half, -2), -1);
  EXPECT_EQ(mcuc_requantize(7, half, 7), 448);
  EXPECT_EQ(mcuc_requantize(INT32_MAX, INT32_MAX, -31), 1);
  EXPECT_EQ(mcuc_requantize(1 << 30, half, -31), 0);  // a quarter
  EXPECT_EQ(mcuc_requantize(12345, 0, 0), 0);
  Random random(1);
  for (int32_t shift = -31; shift <= 7; ++shift) {
    const int32_t most = shift > 0 ? INT32_MAX >> shift : INT32_MAX;
    for (int i = 0; i < 4000; ++i) {
      const int32_t small = Between(random, -40, 40), wide = Between(random, -most, most);
      const int32_t mul = i % 3 == 0 ? half : i % 3 == 1 ? INT32_MAX : Between(random, half, INT32_MAX);
      for (const int32_t acc : {small, wide}) {
        ASSERT_EQ(mcuc_requantize(acc, mul, shift), Requantized(acc, mul, shift)) << acc << " " << mul << " " << shift;
      }
    }
  }
}

TEST(IntegerKernels, ClampAndShift) {
  EXPECT_EQ(mcuc_clamp_i32(-5, -4, 4), -4);
  EXPECT_EQ(mcuc_clamp_i32(-4, -4, 4), -4);
  EXPECT_EQ(mcuc_clamp_i32(0, -4, 4), 0);
  EXPECT_EQ(mcuc_clamp_i32(4, -4, 4), 4);
  EXPECT_EQ(mcuc_clamp_i32(5, -4, 4), 4);
  EXPECT_EQ(mcuc_shift_right(-1, 1), -1);
  EXPECT_EQ(mcuc_shift_right(-4, 1), -2);
  EXPECT_EQ(mcuc_shift_right(7, 2), 1);
}

TEST(IntegerKernels, QuantizeRoundsHalfUpAndSaturates) {  // N17, N18
  EXPECT_EQ(mcuc_quantize(0.75f, 0.5f, 0, -128, 127), 2);
  EXPECT_EQ(mcuc_quantize(-0.75f, 0.5f, 0, -128, 127), -1);
  EXPECT_EQ(mcuc_quantize(-0.76f, 0.5f, 0, -128, 127), -2);
  EXPECT_EQ(mcuc_quantize(0.74f, 0.5f, 0, -128, 127), 1);
  EXPECT_EQ(mcuc_quantize(-0.25f, 0.5f, 10, -128, 127), 10);
  EXPECT_EQ(mcuc_quantize(-0.26f, 0.5f, 10, -128, 127), 9);
  EXPECT_EQ(mcuc_quantize(0.0f, 0.5f, 10, -128, 127), 10);
  EXPECT_EQ(mcuc_quantize(58.0f, 0.5f, 10, -128, 127), 126);
  EXPECT_EQ(mcuc_quantize(58.5f, 0.5f, 10, -128, 127), 127);
  EXPECT_EQ(mcuc_quantize(1e30f, 0.5f, 10, -128, 127), 127);
  EXPECT_EQ(mcuc_quantize(-68.5f, 0.5f, 10, -128, 127), -127);
  EXPECT_EQ(mcuc_quantize(-69.0f, 0.5f, 10, -128, 127), -128);
  EXPECT_EQ(mcuc_quantize(-1e30f, 0.5f, 10, -128, 127), -128);
  EXPECT_EQ(mcuc_quantize(INFINITY, 0.5f, 0, 0, 255), 255);
  EXPECT_EQ(mcuc_quantize(-INFINITY, 0.5f, 0, 0, 255), 0);
  EXPECT_EQ(mcuc_quantize(NAN, 0.5f, 0, -128, 127), -128);
  EXPECT_EQ(mcuc_quantize(3.4f, 1.0f, 0, -32768, 32767), 3);
  EXPECT_EQ(mcuc_dequantize(-128, 0.25f, 12), -35.0f);
  EXPECT_EQ(mcuc_dequantize(127, 0.25f, -1), 32.0f);
}

TEST(IntegerKernels, PoolsOfEveryShape) {  // N7, N8
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    mcuc_pool s = {};
    s.channels = Between(random, 1, 2), s.height = Between(random, 1, 9), s.width = Between(random, 1, 9);
    s.kernel_h = Between(random, 1, 4), s.kernel_w = Between(random, 1, 4);
    s.stride_h = Between(random, 1, 3), s.stride_w = Between(random, 1, 3);
    s.dilation_h = Between(random, 1, 2), s.dilation_w = Between(random, 1, 2);
    const bool average = i % 2 == 0, ceil = Between(random, 0, 1) == 1, include = average && Between(random, 0, 1) == 1;
    if (average) s.dilation_h = s.dilation_w = 1;
    s.pad_top = Between(random, 0, s.kernel_h - 1), s.pad_left = Between(random, 0, s.kernel_w - 1);
    const int32_t bottom = Between(random, 0, s.kernel_h - 1), right = Between(random, 0, s.kernel_w - 1);
    s.out_h =
        static_cast<int32_t>(WindowCount(s.height, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, bottom, ceil));
    s.out_w = static_cast<int32_t>(WindowCount(s.width, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, right, ceil));
    if (s.out_h < 1 || s.out_w < 1) continue;
    if (include) s.padded_h = s.height + bottom, s.padded_w = s.width + right;
    const std::vector<int8_t> x = RandomBytes(random, int64_t{s.channels} * s.height * s.width);
    const int32_t x_zero = Between(random, -128, 127), y_zero = Between(random, -128, 127);
    const int32_t mul = Between(random, 1 << 30, INT32_MAX), shift = Between(random, -4, 1);
    std::vector<int8_t> expected;
    for (int32_t c = 0; c < s.channels; ++c) {
      for (int32_t oy = 0; oy < s.out_h; ++oy) {
        for (int32_t ox = 0; ox < s.out_w; ++ox) {
          int64_t acc = 0, inside = 0, padded = 0, most = -128;
          for (int32_t ky = 0; ky < s.kernel_h; ++ky) {
            for (int32_t kx = 0; kx < s.kernel_w; ++kx) {
              const int32_t y = oy * s.stride_h - s.pad_top + ky * s.dilation_h;
              const int32_t column = ox * s.stride_w - s.pad_left + kx * s.dilation_w;
              padded += y < s.height + bottom && column < s.width + right;
              if (y < 0 || y >= s.height || column < 0 || column >= s.width) continue;
              const int8_t e = x[static_cast<size_t>((c * s.height + y) * s.width + column)];
              acc += e - x_zero;
              most = std::max<int64_t>(most, e);
              ++inside;
            }
          }
          const int64_t whole = s.kernel_h * s.kernel_w, n = include ? padded : inside;
          if (n != whole && n > 0)
            acc = static_cast<int64_t>(std::floor(static_cast<double>(acc * whole + n / 2) / static_cast<double>(n)));
          const int64_t mean = std::clamp<int64_t>(y_zero + Requantized(acc, mul, shift), -128, 127);
          expected.push_back(static_cast<int8_t>(average ? mean : most));
        }
      }
    }
    std::vector<int8_t> y(expected.size(), 99);
    if (average) {
      mcuc_avg_pool_i8(&s, x.data(), x_zero, mul, shift, y_zero, y.data());
    } else {
      mcuc_max_pool_i8(&s, x.data(), y.data());
    }
    ASSERT_EQ(y, expected) << "case " << i;
  }
}

TEST(IntegerKernels, ResultsOfFour) {  // N2, N3
  Random random(4);
  for (int32_t shift = -31; shift <= 2; ++shift) {
    for (int32_t pixels = 1; pixels <= 4; ++pixels) {
      mcuc_conv_quant q = {};
      q.y_zero = Between(random, -128, 127), q.lo = Between(random, -128, -100), q.hi = Between(random, 100, 127);
      if (pixels % 2 == 0 && shift % 2 == 0) q.lo = -128, q.hi = 127;
      const int32_t mul = Between(random, 1 << 30, INT32_MAX),
                    most = shift < -8 ? 1 << std::min(8 - shift, 30) : 1 << 16;
      std::vector<int32_t> acc;
      for (int i = 0; i < 4; ++i) acc.push_back(Between(random, -most, most));
      std::vector<int8_t> y(5, 99), expected = y;
      for (int32_t i = 0; i < pixels; ++i) {
        const size_t at = static_cast<size_t>(i);
        expected[at] =
            static_cast<int8_t>(std::clamp<int64_t>(q.y_zero + Requantized(acc[at], mul, shift), q.lo, q.hi));
      }
      if (pixels == 4) {
        const mcuc_four_i8 four = mcuc_four_of(&q, mul, shift);
        mcuc_conv_results_four_i8(&q, &q, &four, shift, acc[0], acc[1], acc[2], acc[3], y.data());
      } else {
        mcuc_conv_few_i8(&q, mul, shift, pixels, acc.data(), y.data());
      }
      ASSERT_EQ(y, expected) << shift << " " << pixels;
    }
  }
}

TEST(IntegerKernels, DepthwiseConvolutions) {  // N4
  Random random(5);
  int rows_of_four = 0;
  for (int i = 0; i < 300; ++i) {
    ConvCase c;
    c.batch = Between(random, 1, 2), c.groups = Between(random, 1, 3), c.filters = Between(random, 1, 2);
    c.height = Between(random, 1, 9), c.width = Between(random, 1, 19);
    c.kernel_h = Between(random, 1, 5), c.kernel_w = i % 2 == 0 ? 3 : Between(random, 1, 5);
    c.stride_h = Between(random, 1, 3), c.stride_w = Between(random, 1, 3);
    c.dilation_h = Between(random, 1, 2), c.dilation_w = Between(random, 1, 3) == 3 ? 2 : 1;
    if (i % 5 == 0) {  // more than the buffer of 512 bytes holds, by rows and by columns
      c.height = Between(random, 20, 40), c.width = Between(random, 20, 300), c.batch = 1;
      if (i % 25 == 0) c.dilation_h = 6, c.dilation_w = 6, c.kernel_h = 5, c.kernel_w = 5;  // a window is too large
    }
    c.top = Between(random, 0, 4), c.left = Between(random, 0, 4);
    c.bottom = Between(random, 0, 4), c.right = Between(random, 0, 4);
    if (!c.Valid()) continue;
    SCOPED_TRACE(c.Text());
    const mcuc_conv s = c.Shape();
    rows_of_four += s.conv_w * s.stride_w > s.kernel_w * s.dilation_w + 4 * s.stride_w + s.pad_left;
    const int32_t outputs = s.groups * s.filters, taps = s.kernel_h * s.kernel_w;
    const std::vector<int8_t> w = RandomWeights(random, int64_t{outputs} * taps, 0.9);
    const std::vector<int8_t> x = RandomBytes(random, int64_t{s.batch} * s.groups * s.height * s.width);
    const bool per_channel = Between(random, 0, 1) == 1;
    const Multiplied m = RandomMultipliers(random, outputs, per_channel, taps);
    mcuc_conv_quant q = {};
    q.x_zero = Between(random, -128, 127), q.y_zero = Between(random, -128, 127);
    q.lo = Between(random, 0, 1) == 1 ? q.y_zero : -128, q.hi = 127, q.per_channel = per_channel;
    const int32_t* bias = Between(random, 0, 4) == 0 ? nullptr : m.bias.data();
    const std::vector<int64_t> sums = ConvSums<int64_t>(s, x, w, q.x_zero);
    std::vector<int8_t> expected;
    for (size_t j = 0; j < sums.size(); ++j) {
      const size_t channel = j / static_cast<size_t>(s.conv_h * s.conv_w) % static_cast<size_t>(outputs);
      const size_t k = per_channel ? channel : 0;
      const int64_t acc = sums[j] + (bias != nullptr ? bias[channel] : 0);
      expected.push_back(
          static_cast<int8_t>(std::clamp<int64_t>(q.y_zero + Requantized(acc, m.mul[k], m.shift[k]), q.lo, q.hi)));
    }
    std::vector<int8_t> y(expected.size(), 99);
    mcuc_conv_depthwise_i8(&s, &q, x.data(), w.data(), bias, m.mul.data(), m.shift.data(), y.data());
    ASSERT_EQ(y, expected);
  }
  EXPECT_GT(rows_of_four, 50);
}

TEST(IntegerKernels, RoundedDivideFloorsHalfUp) {  // N8
  for (int32_t n = 1; n < 30; ++n) {
    for (int32_t a = -200; a <= 200; ++a) {
      ASSERT_EQ(mcuc_rounded_divide(a, n), static_cast<int32_t>(std::floor((static_cast<double>(a) + n / 2) / n)));
    }
  }
}

TEST(IntegerKernels, SoftmaxInAndOutOfPlace) {  // N14
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    mcuc_softmax s = {};
    s.outer = Between(random, 1, 3), s.length = Between(random, 1, 20), s.inner = Between(random, 1, 3);
    const double scale = i % 3 == 0 ? 1.0 : 0.05;  // peaked rows saturate
    const int bits = std::min(22, 30 - static_cast<int>(std::ceil(std::log2(s.length))));
    std::vector<int32_t> table;
    for (int d = 0; d < 256; ++d)
      table.push_back(static_cast<int32_t>(std::floor(std::exp(-d * scale) * std::ldexp(1.0, bits) + 0.5)));
    std::vector<int8_t> x = RandomBytes(random, int64_t{s.outer} * s.length * s.inner), expected(x.size()), y(x.size());
    for (int32_t o = 0; o < s.outer; ++o) {
      for (int32_t k = 0; k < s.inner; ++k) {
        const auto at = [&](int32_t j) { return static_cast<size_t>((o * s.length + j) * s.inner + k); };
        int most = -128;
        int64_t sum = 0;
        for (int32_t j = 0; j < s.length; ++j) most = std::max<int>(most, x[at(j)]);
        for (int32_t j = 0; j < s.length; ++j) sum += table[static_cast<size_t>(most - x[at(j)])];
        for (int32_t j = 0; j < s.length; ++j) {
          const int64_t e = table[static_cast<size_t>(most - x[at(j)])];
          expected[at(j)] = static_cast<int8_t>(std::min<int64_t>(127, -128 + (256 * e + sum / 2) / sum));
        }
      }
    }
    mcuc_softmax_i8(&s, x.data(), table.data(), y.data());
    ASSERT_EQ(y, expected);
    mcuc_softmax_i8(&s, x.data(), table.data(), x.data());
    ASSERT_EQ(x, expected);
  }
}

TEST(IntegerKernels, LinearResize) {                 // N16
  const std::vector<int8_t> x = {-128, 127, 0, 100,  //
                                 50,   -50, 1, -1};
  const std::vector<int32_t> row_lo = {0, 0, 1}, row_hi = {0, 1, 1}, column_lo = {0, 1}, column_hi = {1, 1};
  const std::vector<int16_t> row_fraction = {0, 512, 0}, column_fraction = {256, 1024};
  std::vector<int8_t> y(12);
  mcuc_resize_linear_i8(2, 2, 2, 3, 2, x.data(), row_lo.data(), row_hi.data(), row_fraction.data(), column_lo.data(),
                        column_hi.data(), column_fraction.data(), y.data());
  // -128 + 255 / 4 = -64.25; rows mixed: (-64.25 + 25) / 2 = -19.625; (127 + 100) / 2 = 113.5 rounds up.
  EXPECT_EQ(y, (std::vector<int8_t>{-64, 127, -20, 114, 25, 100, 25, -50, 13, -25, 1, -1}));
}

}  // namespace
}  // namespace mcuc::kernels
