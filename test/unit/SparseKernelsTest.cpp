// The kernels that execute csc<u8> weights in place, and the dense ones of the same shapes, against plain loops over
// the dense weights: swept over shapes, strides, padding, dilations, groups, pools and densities. Built with the
// address and undefined-behaviour sanitizers.
#include <gtest/gtest.h>

#include <cmath>

#include "../../runtime/conv_any_i8.h"
#include "../../runtime/conv_csc_any_i8.h"
#include "../../runtime/conv_csc_f32.h"
#include "../../runtime/conv_csc_f32_i8.h"
#include "../../runtime/conv_csc_i8.h"
#include "../../runtime/conv_csc_max_i8.h"
#include "../../runtime/conv_f32_i8.h"
#include "../../runtime/conv_i8.h"
#include "../../runtime/conv_max_i8.h"
#include "../../runtime/fc_csc_f32.h"
#include "../../runtime/fc_csc_f32_i8.h"
#include "../../runtime/fc_csc_i8.h"
#include "../../runtime/fc_f32_i8.h"
#include "../../runtime/fc_i8.h"
#include "KernelCases.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc::kernels {
namespace {

constexpr double kDensities[] = {0.0, 0.01, 0.1, 0.5, 1.0};

// The streams of an encoding in buffers of exactly their size.
template <typename T>
struct Streams {
  std::vector<uint8_t> count8;
  std::vector<uint16_t> count16;
  int32_t count_bytes = 0;
  std::vector<uint8_t> delta;
  std::vector<T> value;

  Streams(const std::vector<T>& dense, int64_t columns) {
    const ElementType element = sizeof(T) == 1 ? ElementType::i8 : ElementType::f32;
    const Shape shape = {columns, static_cast<int64_t>(dense.size()) / columns};
    const auto encoded = EncodeCsc(Tensor::Of(Type{element, shape}, dense));
    EXPECT_TRUE(encoded.ok());
    const CscData& csc = encoded->csc();
    count_bytes = static_cast<int32_t>(csc.count_bytes_each());
    (count_bytes == 1 ? void(count8.assign(csc.count.begin(), csc.count.end()))
                      : void(count16.assign(csc.count.begin(), csc.count.end())));
    delta = csc.delta;
    value.resize(csc.values.size() / sizeof(T));
    std::copy(csc.values.begin(), csc.values.end(), reinterpret_cast<std::byte*>(value.data()));
  }
  const void* count() const {
    return count_bytes == 1 ? static_cast<const void*>(count8.data()) : static_cast<const void*>(count16.data());
  }
};

size_t Size(const mcuc_conv& s) { return static_cast<size_t>(s.batch * s.groups * s.filters * s.out_h * s.out_w); }

TEST(SparseKernels, IntegerConvolutionsOfEveryShape) {
  Random random(1);
  int whole = 0;
  for (const ConvCase& c : ConvCases(random, 160)) {
    const mcuc_conv s = c.Shape();
    const int32_t outputs = s.groups * s.filters, filter = s.channels * s.kernel_h * s.kernel_w;
    for (const double density : kDensities) {
      SCOPED_TRACE(absl::StrCat(c.Text(), " density ", density));
      const bool per_channel = Between(random, 0, 1) == 1, relu = Between(random, 0, 1) == 1;
      std::vector<int8_t> w = RandomWeights(random, int64_t{outputs} * filter, density);
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

      const Streams<int8_t> csc(w, outputs);
      std::vector<int8_t> y(Size(s), 99);
      mcuc_conv_csc_any_i8(&s, &q, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(), bias,
                           m.mul.data(), m.shift.data(), y.data());
      ASSERT_EQ(y, expected);
      y.assign(Size(s), 99);
      mcuc_conv_any_i8(&s, &q, x.data(), w.data(), bias, m.mul.data(), m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "dense";
      if (!IsWhole(s) || s.pool == MCUC_POOL_AVG) continue;
      ++whole;
      y.assign(Size(s), 99);
      (s.pool == MCUC_POOL_MAX ? mcuc_conv_csc_max_i8 : mcuc_conv_csc_i8)(
          &s, &q, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(), bias, m.mul.data(),
          m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "whole";
      y.assign(Size(s), 99);
      (s.pool == MCUC_POOL_MAX ? mcuc_conv_max_i8 : mcuc_conv_i8)(&s, &q, x.data(), w.data(), bias, m.mul.data(),
                                                                  m.shift.data(), y.data());
      ASSERT_EQ(y, expected) << "whole, dense";
    }
  }
  EXPECT_GT(whole, 30);
}

// N20 and float sparse weights; the sums' order is theirs, and the values are such that floats hold them exactly.
TEST(SparseKernels, FloatConvolutionsOfEveryShape) {
  Random random(2);
  for (const ConvCase& c : ConvCases(random, 80)) {
    const mcuc_conv s = c.Shape();
    const int32_t outputs = s.groups * s.filters, filter = s.channels * s.kernel_h * s.kernel_w;
    for (const double density : {0.0, 0.2, 1.0}) {
      SCOPED_TRACE(absl::StrCat(c.Text(), " density ", density));
      const std::vector<int8_t> w = RandomWeights(random, int64_t{outputs} * filter, density);
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
      const std::vector<float> expected = expect(true);
      const Streams<int8_t> csc(w, outputs);
      std::vector<float> y(Size(s), -1e9f);
      const auto check = [&](const std::vector<float>& want, const char* kernel) {
        for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(y[i], want[i], 1e-5 + 1e-5 * std::fabs(want[i])) << kernel;
        y.assign(Size(s), -1e9f);
      };
      mcuc_conv_csc_f32_i8(&s, &q, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(),
                           scale.data(), b, y.data());
      check(expected, "csc, int8");
      mcuc_conv_f32_i8(&s, &q, x.data(), w.data(), scale.data(), b, y.data());
      check(expected, "dense, int8");
      const std::vector<float> wide = Floats(w, 1.0f);
      const Streams<float> floats(wide, outputs);
      mcuc_conv_csc_f32(&s, &q, x.data(), floats.count(), floats.count_bytes, floats.delta.data(), floats.value.data(),
                        b, y.data());
      check(expect(false), "csc, float");

      // int8 results: N17 behind activation and pool.
      q.y_scale = 0.5f, q.y_zero = 3, q.y_least = -128, q.y_most = 127;
      std::vector<int8_t> y8(Size(s), 99);
      mcuc_conv_csc_f32_i8(&s, &q, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(),
                           scale.data(), b, y8.data());
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
    SCOPED_TRACE(absl::StrCat(rows, " x ", inputs, " x ", outputs, " density ", density));
    std::vector<int8_t> w = RandomWeights(random, int64_t{outputs} * inputs, density);
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
    const Streams<int8_t> csc(w, outputs);
    const Streams<float> floats(wf, outputs);
    std::vector<int8_t> y(expected.size(), 99);
    mcuc_fc_csc_i8(&s, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(), bias, m.mul.data(),
                   m.shift.data(), y.data());
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
    mcuc_fc_csc_f32_i8(rows, inputs, outputs, &q, xf.data(), csc.count(), csc.count_bytes, csc.delta.data(),
                       csc.value.data(), scale.data(), offset.data(), yf.data());
    ASSERT_EQ(yf, expect(true));
    mcuc_fc_f32_i8(rows, inputs, outputs, &q, xf.data(), w.data(), scale.data(), offset.data(), yf.data());
    ASSERT_EQ(yf, expect(true));
    mcuc_fc_csc_f32(rows, inputs, outputs, &q, xf.data(), floats.count(), floats.count_bytes, floats.delta.data(),
                    floats.value.data(), offset.data(), yf.data());
    ASSERT_EQ(yf, expect(false));
  }
}

// Gaps around the escape, counts around a byte: where the streams change their form.
TEST(SparseKernels, EscapesAndWideCounts) {
  for (const int gap : {0, 1, 254, 255, 256, 509, 510, 511, 765}) {
    std::vector<int8_t> w(800, 0), x(800);
    w[0] = 2;
    w[static_cast<size_t>(gap) + 1] = 3;
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(i * 7 % 101);
    const Streams<int8_t> csc(w, 1);
    const uint8_t* delta = csc.delta.data();
    EXPECT_EQ(mcuc_csc_gap(&delta), 0);
    EXPECT_EQ(mcuc_csc_gap(&delta), gap);
    EXPECT_EQ(delta, csc.delta.data() + csc.delta.size());
    mcuc_fc_quant s = {};
    s.rows = 1, s.inputs = 800, s.outputs = 1, s.lo = -128, s.hi = 127;
    const int32_t mul = 1 << 30;
    const int8_t shift = -2;  // an eighth
    int8_t y = 0;
    mcuc_fc_csc_i8(&s, x.data(), csc.count(), csc.count_bytes, csc.delta.data(), csc.value.data(), nullptr, &mul,
                   &shift, &y);
    EXPECT_EQ(y, Requantized(2 * x[0] + 3 * x[static_cast<size_t>(gap) + 1], mul, shift));
  }
  for (const int32_t n : {254, 255, 256, 257}) {
    const std::vector<int8_t> w(static_cast<size_t>(n), 1);
    const Streams<int8_t> csc(w, 1);
    EXPECT_EQ(csc.count_bytes, n > 255 ? 2 : 1);
    EXPECT_EQ(mcuc_csc_count(csc.count(), csc.count_bytes, 0), n);
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
