// The kernels that execute encoded weights in place, and the dense ones of the same shapes, against plain loops over
// the dense weights: swept over shapes, strides, padding, dilations, groups, pools and densities. Built with the
// address and undefined-behaviour sanitizers.
#include <gtest/gtest.h>

#include <cmath>

#include "../../runtime/conv_any_i8.h"
#include "../../runtime/conv_f32_i8.h"
#include "../../runtime/conv_i8.h"
#include "../../runtime/conv_max_i8.h"
#include "../../runtime/fc_f32_i8.h"
#include "../../runtime/fc_i8.h"
#include "KernelCases.h"

#define GAPS u8
#define VALUES i8
#define CODE element
#include "EncodedKernels.h"
#define GAPS u4
#define VALUES n4
#define CODE n4
#include "EncodedKernels.h"
#define GAPS bitmap
#define VALUES book4
#define CODE book4
#include "EncodedKernels.h"
#define GAPS rice
#define VALUES n3
#define CODE n3
#include "EncodedKernels.h"
#define GAPS all
#define VALUES i4
#define CODE i4
#include "EncodedKernels.h"
#define GAPS all
#define VALUES i3
#define CODE i3
#include "EncodedKernels.h"
#define GAPS rice
#define VALUES book3
#define CODE book3
#include "EncodedKernels.h"
#define GAPS u8
#define VALUES rice
#define CODE rice
#include "EncodedKernels.h"
#define GAPS all
#define VALUES rice
#define CODE rice
#include "EncodedKernels.h"
#define FLOAT_ONLY
#define GAPS u8
#define VALUES f32
#define CODE element
#include "EncodedKernels.h"
#define GAPS bitmap
#define VALUES f32
#define CODE element
#include "EncodedKernels.h"
#undef FLOAT_ONLY

namespace mcuc::kernels {
namespace {

constexpr size_t kIntegerKernels = 9;  // of AllEncodedKernels(), the first ones
constexpr double kDensities[] = {0.0, 0.01, 0.1, 0.5, 1.0};

// The streams of an encoding in buffers of exactly the size that their readers take.
struct Streams {
  std::vector<uint8_t> gaps, values;

  template <typename T>
  Streams(const std::vector<T>& dense, int64_t columns, Encoding encoding) {
    const ElementType element = sizeof(T) == 1 ? ElementType::i8 : ElementType::f32;
    const Shape shape = {columns, static_cast<int64_t>(dense.size()) / columns};
    const auto encoded = Encode(Tensor::Of(Type{element, shape}, dense), encoding);
    EXPECT_TRUE(encoded.ok()) << encoded.status();
    const EncodedData& data = encoded->encoded_data();
    const auto append = [](std::vector<uint8_t>& to, const std::vector<std::byte>& bytes) {
      for (const std::byte b : bytes) to.push_back(std::to_integer<uint8_t>(b));
      to.shrink_to_fit();
    };
    append(gaps, data.gaps);
    if (encoding.gaps == GapCode::rice) gaps.resize(gaps.size() + 3);  // its reader takes words of 4 bytes
    gaps.shrink_to_fit();
    append(values, ValueTable(encoding.values, data));
  }
};

// Random weights that the values' code can hold.
std::vector<int8_t> Weights(Random& random, int64_t n, double density, ValueCode code) {
  const ValueCodeInfo& info = InfoOf(code);
  std::vector<int8_t> w = RandomWeights(random, n, density);
  if (info.form == ValueForm::kRanked) {
    for (int8_t& value : w) {
      // Small ones more often than large ones, and a place for zero in the book.
      const int divisor = 1 << Between(random, 0, 7), smaller = std::max<int>(value, -127) / divisor;
      if (value != 0 && smaller != 0) value = static_cast<int8_t>(smaller);
      if (value == -128) value = -127;
    }
  }
  if (info.bits == 0) return w;
  const int half = 1 << (info.bits - 1);
  for (int8_t& value : w) {
    if (value == 0) continue;
    if (info.form == ValueForm::kBook) {
      // Half of the book is negative; zero needs a place too where all elements have values.
      value = static_cast<int8_t>(Between(random, 1, half - 1) * (value < 0 ? -17 : 15));
    } else {
      value = static_cast<int8_t>(value < 0 ? Between(random, -half, -1)
                                            : Between(random, 1, info.form == ValueForm::kNonzero ? half : half - 1));
    }
  }
  return w;
}

// Filters as the dense int8 convolutions read them, the channels innermost.
std::vector<int8_t> ChannelsInnermost(const mcuc_conv& s, const std::vector<int8_t>& w) {
  const auto channels = static_cast<size_t>(s.channels), area = static_cast<size_t>(s.kernel_h * s.kernel_w);
  std::vector<int8_t> filters(w.size());
  for (size_t i = 0; i < w.size(); ++i) {
    const size_t m = i / (channels * area), c = i / area % channels, tap = i % area;
    filters[(m * area + tap) * channels + c] = w[i];
  }
  return filters;
}

size_t Size(const mcuc_conv& s) { return static_cast<size_t>(s.batch * s.groups * s.filters * s.out_h * s.out_w); }

TEST(SparseKernels, IntegerConvolutionsOfEveryShape) {
  Random random(1);
  int whole = 0;
  size_t turn = 0;
  for (const ConvCase& c : ConvCases(random, 160)) {
    const mcuc_conv s = c.Shape();
    const int32_t outputs = s.groups * s.filters, filter = s.channels * s.kernel_h * s.kernel_w;
    for (const double density : kDensities) {
      const EncodedKernels& kernels = AllEncodedKernels()[turn++ % kIntegerKernels];
      SCOPED_TRACE(absl::StrCat(c.Text(), " density ", density, " ", EncodingText(kernels.encoding)));
      const bool per_channel = Between(random, 0, 1) == 1, relu = Between(random, 0, 1) == 1;
      std::vector<int8_t> w = Weights(random, int64_t{outputs} * filter, density, kernels.encoding.values);
      if (outputs > 1) std::fill_n(w.begin() + Between(random, 0, outputs - 1) * filter, filter, int8_t{0});
      const std::vector<int8_t> x = RandomBytes(random, int64_t{s.batch} * s.groups * s.channels * s.height * s.width);
      const int64_t terms = filter * (s.pool == MCUC_POOL_AVG ? s.pool_h * s.pool_w : 1);
      const Multiplied m = RandomMultipliers(random, outputs, per_channel, terms);
      mcuc_conv_quant q = {};
      q.x_zero = Between(random, -128, 127), q.y_zero = Between(random, -128, 127);
      q.lo = relu ? q.y_zero : -128, q.hi = Between(random, 0, 3) == 0 ? std::min(127, q.y_zero + 50) : 127;
      q.relu = relu, q.per_channel = per_channel;
      const int32_t* bias = Between(random, 0, 4) == 0 ? nullptr : m.bias.data();

      // N4 to N6.
      std::vector<int64_t> sums = ConvSums<int64_t>(s, x, w, q.x_zero);
      const auto plane = static_cast<size_t>(s.conv_h * s.conv_w);
      for (size_t i = 0; i < sums.size(); ++i) {
        if (bias != nullptr) sums[i] += bias[i / plane % static_cast<size_t>(outputs)];
        if (s.pool == MCUC_POOL_AVG && relu) sums[i] = std::max<int64_t>(sums[i], 0);
      }
      std::vector<int8_t> expected;
      for (const int64_t acc : Pooled(s, sums)) {
        const size_t channel = expected.size() / static_cast<size_t>(s.out_h * s.out_w) % static_cast<size_t>(outputs);
        const size_t k = per_channel ? channel : 0;
        const int64_t result = q.y_zero + Requantized(acc, m.mul[k], m.shift[k]);
        expected.push_back(static_cast<int8_t>(std::min<int64_t>(std::max<int64_t>(result, q.lo), q.hi)));
      }

      const Streams csc(w, outputs, kernels.encoding);
      const std::vector<int8_t> filters = ChannelsInnermost(s, w);
      std::vector<int8_t> y(Size(s), 99);
      kernels.conv_any(&s, &q, x.data(), csc.gaps.data(), csc.values.data(), bias, m.mul.data(), m.shift.data(),
                       y.data());
      ASSERT_EQ(y, expected);
      y.assign(Size(s), 99);
      mcuc_conv_any_i8(&s, &q, x.data(), filters.data(), bias, m.mul.data(), m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "dense";
      if (!IsWhole(s) || s.pool == MCUC_POOL_AVG) continue;
      ++whole;
      y.assign(Size(s), 99);
      (s.pool == MCUC_POOL_MAX ? kernels.conv_max : kernels.conv)(&s, &q, x.data(), csc.gaps.data(), csc.values.data(),
                                                                  bias, m.mul.data(), m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "whole";
      y.assign(Size(s), 99);
      (s.pool == MCUC_POOL_MAX ? mcuc_conv_max_i8 : mcuc_conv_i8)(&s, &q, x.data(), filters.data(), bias, m.mul.data(),
                                                                  m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "whole, dense";
    }
  }
  EXPECT_GT(whole, 30);
}

// N20 and float sparse weights; the sums' order is theirs, and the values are such that floats hold them exactly.
TEST(SparseKernels, FloatConvolutionsOfEveryShape) {
  Random random(2);
  size_t turn = 0;
  for (const ConvCase& c : ConvCases(random, 80)) {
    const mcuc_conv s = c.Shape();
    const int32_t outputs = s.groups * s.filters, filter = s.channels * s.kernel_h * s.kernel_w;
    for (const double density : {0.0, 0.2, 1.0}) {
      const EncodedKernels& kernels = AllEncodedKernels()[turn++ % AllEncodedKernels().size()];
      const bool integers = kernels.element == ElementType::i8;
      SCOPED_TRACE(absl::StrCat(c.Text(), " density ", density, " ", EncodingText(kernels.encoding)));
      const std::vector<int8_t> w = Weights(random, int64_t{outputs} * filter, density, kernels.encoding.values);
      const std::vector<float> x =
          Floats(RandomBytes(random, int64_t{s.batch} * s.groups * s.channels * s.height * s.width), 0.25f);
      const bool per_channel = Between(random, 0, 1) == 1, biased = Between(random, 0, 2) > 0;
      mcuc_mixed_f32 q = {};
      q.lo = Between(random, 0, 1) ? 0.0f : -INFINITY, q.hi = Between(random, 0, 1) ? 30.0f : INFINITY;
      q.per_channel = per_channel;
      std::vector<float> scale, bias;
      for (int32_t i = 0; i < (per_channel ? outputs : 1); ++i)
        scale.push_back(std::ldexp(1.0f, Between(random, -9, -6)));
      for (int32_t i = 0; i < outputs; ++i) bias.push_back(static_cast<float>(Between(random, -40, 40)) * 0.125f);
      const auto plane = static_cast<size_t>(s.conv_h * s.conv_w);
      const auto expect = [&](bool scaled) {
        std::vector<double> sums = ConvSums<double>(s, x, w, 0.0);
        for (size_t i = 0; i < sums.size(); ++i) {
          const size_t channel = i / plane % static_cast<size_t>(outputs);
          if (scaled) sums[i] *= static_cast<double>(scale[per_channel ? channel : 0]);
          if (biased) sums[i] += static_cast<double>(bias[channel]);
          sums[i] = std::min(std::max(sums[i], static_cast<double>(q.lo)), static_cast<double>(q.hi));
        }
        std::vector<float> expected;
        for (const double v : Pooled(s, sums)) {
          expected.push_back(static_cast<float>(s.pool == MCUC_POOL_AVG ? v / (s.pool_h * s.pool_w) : v));
        }
        return expected;
      };
      const float* const b = biased ? bias.data() : nullptr;
      const std::vector<float> expected = expect(integers);
      const Streams csc =
          integers ? Streams(w, outputs, kernels.encoding) : Streams(Floats(w, 1.0f), outputs, kernels.encoding);
      const float* const scales = integers ? scale.data() : nullptr;
      std::vector<float> y(Size(s), -1e9f);
      const auto check = [&](const std::vector<float>& want, const char* kernel) {
        for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(y[i], want[i], 1e-5 + 1e-5 * std::fabs(want[i])) << kernel;
        y.assign(Size(s), -1e9f);
      };
      kernels.conv_f32(&s, &q, x.data(), csc.gaps.data(), csc.values.data(), scales, b, y.data());
      check(expected, "encoded");
      mcuc_conv_f32_i8(&s, &q, x.data(), w.data(), scale.data(), b, y.data());
      check(expect(true), "dense, int8");

      // int8 results: N17 behind activation and pool.
      q.y_scale = 0.5f, q.y_zero = 3, q.y_least = -128, q.y_most = 127;
      std::vector<int8_t> y8(Size(s), 99);
      kernels.conv_f32(&s, &q, x.data(), csc.gaps.data(), csc.values.data(), scales, b, y8.data());
      for (size_t i = 0; i < y8.size(); ++i) {
        const double real = 3 + static_cast<double>(expected[i]) / 0.5;
        if (std::fabs(real - std::floor(real) - 0.5) < 1e-4) continue;  // where the sums' order may decide
        ASSERT_EQ(y8[i], std::min(std::max(std::floor(real + 0.5), -128.0), 127.0));
      }
    }
  }
}

TEST(SparseKernels, FcOfEveryShape) {
  Random random(3);
  for (int i = 0; i < 120; ++i) {
    const int32_t rows = Between(random, 1, 3),
                  inputs = Between(random, 0, 5) == 0 ? Between(random, 500, 900) : Between(random, 1, 40);
    const int32_t outputs = Between(random, 1, 9);
    const double density = kDensities[i % 5];
    const EncodedKernels& kernels = AllEncodedKernels()[static_cast<size_t>(i) % kIntegerKernels];
    const EncodedKernels& floats = AllEncodedKernels()[kIntegerKernels + static_cast<size_t>(i) % 2];
    SCOPED_TRACE(
        absl::StrCat(rows, " x ", inputs, " x ", outputs, " density ", density, " ", EncodingText(kernels.encoding)));
    std::vector<int8_t> w = Weights(random, int64_t{outputs} * inputs, density, kernels.encoding.values);
    if (outputs > 1) std::fill_n(w.begin() + Between(random, 0, outputs - 1) * inputs, inputs, int8_t{0});
    const std::vector<int8_t> x = RandomBytes(random, int64_t{rows} * inputs);
    const bool per_channel = Between(random, 0, 1) == 1;
    const Multiplied m = RandomMultipliers(random, outputs, per_channel, inputs);
    const int32_t* const bias = Between(random, 0, 4) == 0 ? nullptr : m.bias.data();
    mcuc_fc_quant s = {};
    s.rows = rows, s.inputs = inputs, s.outputs = outputs, s.y_zero = Between(random, -128, 127);
    s.lo = Between(random, 0, 1) ? s.y_zero : -128, s.hi = Between(random, 0, 1) ? 100 : 127,
    s.per_channel = per_channel;
    if (s.lo > s.hi) s.lo = s.hi;
    std::vector<int8_t> expected;
    std::vector<float> expected_float, xf = Floats(x, 0.25f), wf = Floats(w, 1.0f);
    for (int32_t r = 0; r < rows; ++r) {
      for (int32_t o = 0; o < outputs; ++o) {
        int64_t acc = 0;
        for (int32_t k = 0; k < inputs; ++k)
          acc += x[static_cast<size_t>(r * inputs + k)] * w[static_cast<size_t>(o * inputs + k)];
        expected_float.push_back(static_cast<float>(acc) * 0.25f);
        if (bias != nullptr) acc += bias[o];
        const size_t k = per_channel ? static_cast<size_t>(o) : 0;
        const int64_t result = s.y_zero + Requantized(acc, m.mul[k], m.shift[k]);
        expected.push_back(static_cast<int8_t>(std::min<int64_t>(std::max<int64_t>(result, s.lo), s.hi)));
      }
    }
    const Streams csc(w, outputs, kernels.encoding), reals(wf, outputs, floats.encoding);
    std::vector<int8_t> y(expected.size(), 99);
    kernels.fc(&s, x.data(), csc.gaps.data(), csc.values.data(), bias, m.mul.data(), m.shift.data(), y.data());
    ASSERT_EQ(y, expected);
    y.assign(expected.size(), 99);
    mcuc_fc_i8(&s, x.data(), w.data(), bias, m.mul.data(), m.shift.data(), y.data());
    ASSERT_EQ(y, expected) << "dense";

    // Powers of two and sums below 2^24: floats are exact.
    mcuc_mixed_f32 q = {};
    q.lo = -1000.0f, q.hi = 2000.0f, q.per_channel = per_channel;
    std::vector<float> scale, offset;
    for (int32_t o = 0; o < (per_channel ? outputs : 1); ++o) scale.push_back(std::ldexp(1.0f, Between(random, -4, 0)));
    for (int32_t o = 0; o < outputs; ++o) offset.push_back(static_cast<float>(Between(random, -100, 100)));
    const auto expect = [&](bool scaled) {
      std::vector<float> result;
      for (size_t j = 0; j < expected_float.size(); ++j) {
        const size_t o = j % static_cast<size_t>(outputs);
        result.push_back(std::min(
            std::max(expected_float[j] * (scaled ? scale[per_channel ? o : 0] : 1.0f) + offset[o], q.lo), q.hi));
      }
      return result;
    };
    std::vector<float> yf(expected.size());
    kernels.fc_f32(rows, inputs, outputs, &q, xf.data(), csc.gaps.data(), csc.values.data(), scale.data(),
                   offset.data(), yf.data());
    ASSERT_EQ(yf, expect(true));
    mcuc_fc_f32_i8(rows, inputs, outputs, &q, xf.data(), w.data(), scale.data(), offset.data(), yf.data());
    ASSERT_EQ(yf, expect(true));
    floats.fc_f32(rows, inputs, outputs, &q, xf.data(), reals.gaps.data(), reals.values.data(), nullptr, offset.data(),
                  yf.data());
    ASSERT_EQ(yf, expect(false));
  }
}

// Gaps around the escapes of each code, and where they cross bytes.
TEST(SparseKernels, GapsAtTheirLimits) {
  const std::vector<int> limits = {0,   1,   13,  14,  15,  16,  31,  253, 254, 255, 256,
                                   268, 269, 270, 271, 509, 510, 511, 524, 525, 526, 765};
  for (size_t kind = 0; kind < kIntegerKernels; ++kind) {
    const EncodedKernels& kernels = AllEncodedKernels()[kind];
    for (const int gap : limits) {
      SCOPED_TRACE(absl::StrCat(EncodingText(kernels.encoding), " gap ", gap));
      // Two columns; the second gap reaches from one into the other, or is the last one.
      std::vector<int8_t> w(1000, 0), x(500);
      w[3] = 2;
      w[static_cast<size_t>(gap) + 4] = 3;
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(i * 7 % 101);
      const Streams csc(w, 2, kernels.encoding);
      mcuc_fc_quant s = {};
      s.rows = 1, s.inputs = 500, s.outputs = 2, s.lo = -128, s.hi = 127;
      const int32_t mul = 1 << 30;
      const int8_t shift = -2;  // an eighth
      int8_t y[2] = {0, 0};
      kernels.fc(&s, x.data(), csc.gaps.data(), csc.values.data(), nullptr, &mul, &shift, y);
      const size_t at = static_cast<size_t>(gap) + 4;
      EXPECT_EQ(y[0], Requantized(2 * x[3] + (at < 500 ? 3 * x[at] : 0), mul, shift));
      EXPECT_EQ(y[1], Requantized(at < 500 ? 0 : 3 * x[at - 500], mul, shift));
    }
  }
}

TEST(SparseKernels, QuotientsByReciprocals) {
  for (int32_t d = 1; d <= 70; ++d) {
    const uint32_t r = mcuc_reciprocal(d);
    for (uint32_t n = 0; n < 20000; ++n) ASSERT_EQ(mcuc_quotient(n + 1, r), n / static_cast<uint32_t>(d));
    // (n + 1) d <= 2^32 and n + 1 < 2^32
    const auto most = static_cast<uint32_t>((uint64_t{1} << 32) / static_cast<uint64_t>(d) - (d == 1 ? 2 : 1));
    for (uint32_t n = most; n > most - 1000; --n) ASSERT_EQ(mcuc_quotient(n + 1, r), n / static_cast<uint32_t>(d));
  }
}

}  // namespace
}  // namespace mcuc::kernels
