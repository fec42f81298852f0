// The integer path rule by rule of docs/numerics.md: small cases computed by hand, and sweeps against a second
// derivation from the text of the rules in 64-bit integers with divisions written as floors.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "ExecTesting.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int32_t kHalf = 1 << 30;  // shift 0: 1/2, 1: 1, -1: 1/4

std::vector<int64_t> ResultOf(const Attributes& attrs, const std::vector<Tensor>& operands, Type result) {
  const OneNode one(attrs, operands, std::move(result));
  const auto y = one.Run(), alone = one.Evaluate();
  EXPECT_TRUE(y.ok()) << y.status();
  EXPECT_TRUE(alone.ok()) << alone.status();
  if (!y.ok() || !alone.ok()) return {};
  EXPECT_EQ(Integers(*y), Integers(*alone));
  return Integers(*y);
}

std::string ErrorOf(const Attributes& attrs, const std::vector<Tensor>& operands, Type result) {
  const auto y = OneNode(attrs, operands, std::move(result)).Run();
  EXPECT_EQ(y.status().code(), absl::StatusCode::kInvalidArgument) << y.status();
  return std::string(y.status().message());
}

Tensor Quants(Type type, const std::vector<int64_t>& values) { return Tensor::Of<int64_t>(std::move(type), values); }
Tensor Bias(const std::vector<int64_t>& values) {
  return Quants(Plain(ElementType::i32, {static_cast<int64_t>(values.size())}), values);
}
Type Weights(Shape shape, std::vector<float> scales = {0.01f}) {
  const int axis = scales.size() > 1 ? 0 : -1;
  return Type{ElementType::i8, std::move(shape), Quantization{std::move(scales), {0}, axis}};
}

int64_t FloorDivide(int64_t a, int64_t n) { return a >= 0 ? a / n : -((-a + n - 1) / n); }

// N2 and N3 from their text: the factor is mul / 2^(31 - shift), half up.
int64_t Scaled(int64_t acc, const Multipliers& mul, const Multipliers& shift, size_t channel, int64_t zero_point,
               int64_t lo, int64_t hi) {
  const int64_t m = mul[mul.size() == 1 ? 0 : channel], s = shift[shift.size() == 1 ? 0 : channel];
  const int64_t denominator = int64_t{1} << (31 - s);
  return std::min(hi, std::max(lo, zero_point + FloorDivide(acc * m + denominator / 2, denominator)));
}

TEST(IntegerConv, ByHand) {  // N3, N4
  // One row, zero point 2, one zero of padding on each side: windows (2 3 5), (3 5 -4), (5 -4 2) of raw integers.
  const Tensor x = Quants(Q8({1, 1, 1, 3}, 0.5f, 2), {3, 5, -4});
  const Tensor w = Quants(Weights({1, 1, 1, 3}), {1, 2, -3});
  ConvAttrs attrs;
  attrs.pads = {0, 1, 0, 1};
  attrs.mul = {kHalf};
  attrs.shift = {0};
  // 10 + (2 + 6 - 15, 3 + 10 + 12, 5 - 8 - 6) = 3, 35, 1; halved half up 2, 18, 1; zero point -5.
  EXPECT_THAT(ResultOf(attrs, {x, w, Bias({10})}, Q8({1, 1, 1, 3}, 1, -5)), ElementsAre(-3, 13, -4));
  attrs.act = {ActKind::relu, 0, 0};  // raises to the zero point: lo = 1 here
  EXPECT_THAT(ResultOf(attrs, {x, w, Bias({-10})}, Q8({1, 1, 1, 3}, 1, 1)), ElementsAre(1, 9, 1));
  attrs.act = {ActKind::clip, -4, 6};
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 1)), ElementsAre(-2, 7, -3));  // -3.5 -> -3, 12.5, -4.5 -> -4
  attrs.act = {};
  attrs.shift = {7};  // 64 times: saturates
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 1)), ElementsAre(-128, 127, -128));
}

TEST(IntegerConv, FusedPoolsByHand) {  // N5, N6
  const Tensor x = Quants(Q8({1, 1, 1, 6}, 0.5f, 0), {1, -7, 4, 3, -5, -6});
  const Tensor w = Quants(Weights({1, 1, 1, 1}), {3});
  ConvAttrs attrs;
  attrs.mul = {kHalf};
  attrs.shift = {0};
  attrs.pool = {PoolKind::max, {1, 2}, {1, 2}, {}, false};
  // 3x: 3 -21 12 9 -15 -18; maxima 3 12 -15; halved 2 6 -7.
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 0)), ElementsAre(2, 6, -7));
  attrs.pool.pads = {0, 1, 0, 1};  // (3) (-21 12) (9 -15) (-18): what is beyond never wins
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 4}, 1, 0)), ElementsAre(2, 6, 5, -9));
  attrs.pool = {PoolKind::avg, {1, 2}, {1, 2}, {}, false};
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 0)), ElementsAre(-9, 11, -16));  // -18 21 -33, halved
  attrs.act = {ActKind::relu, 0, 0};
  EXPECT_THAT(ResultOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 0)), ElementsAre(2, 11, 0));  // 3 21 0
  attrs.act = {ActKind::clip, 0, 6};
  EXPECT_THAT(ErrorOf(attrs, {x, w}, Q8({1, 1, 1, 3}, 1, 0)), HasSubstr("clip is not fused with an average pool"));
}

struct ConvCase {
  Shape x, w;
  ConvAttrs a;  // without multipliers
  Shape y;
};
class IntegerConvTest : public testing::TestWithParam<ConvCase> {};

TEST_P(IntegerConvTest, EqualsTheRules) {
  const ConvCase& c = GetParam();
  const int64_t zx = -7, zy = 11;
  const auto outputs = static_cast<size_t>(c.w[0]);
  for (bool per_channel : {false, true}) {
    SCOPED_TRACE(per_channel ? "a multiplier a channel" : "one multiplier");
    ConvAttrs a = c.a;
    for (size_t m = 0; m < (per_channel ? outputs : 1); ++m) {
      a.mul.push_back(1500000000 + static_cast<int32_t>(m) * 100000001);
      a.shift.push_back((a.pool.kind == PoolKind::avg ? -9 : -7) - static_cast<int32_t>(m % 3));
    }
    const Tensor x = RandomInts(Q8(c.x, 0.1f, zx), 1, -128, 127), w = RandomInts(Weights(c.w), 2);
    const Tensor b = RandomInts(Plain(ElementType::i32, {c.w[0]}), 3, -3000, 3000);
    const Type result = Q8(c.y, 0.05f, zy);
    int64_t lo = -128, hi = 127;
    if (a.act.kind == ActKind::relu) lo = zy;
    if (a.act.kind == ActKind::clip) lo = zy + std::llround(a.act.lo / 0.05), hi = zy + std::llround(a.act.hi / 0.05);
    // The accumulator of an output of the convolution; padding reads as the zero point.
    const auto acc = [&](int64_t n, int64_t m, int64_t i, int64_t j) {
      int64_t sum = b.AsInt(m);
      const int64_t first = m / (c.w[0] / a.group) * c.w[1];
      for (int64_t k = 0; k < c.w[1] * c.w[2] * c.w[3]; ++k) {
        const int64_t ch = first + k / (c.w[2] * c.w[3]);
        const int64_t h = i * a.strides[0] - a.pads[0] + k / c.w[3] % c.w[2] * a.dilations[0];
        const int64_t v = j * a.strides[1] - a.pads[1] + k % c.w[3] * a.dilations[1];
        const bool inside = h >= 0 && h < c.x[2] && v >= 0 && v < c.x[3];
        const int64_t q = inside ? x.AsInt(((n * c.x[1] + ch) * c.x[2] + h) * c.x[3] + v) : zx;
        sum += q * w.AsInt(m * c.w[1] * c.w[2] * c.w[3] + k);
      }
      return sum;
    };
    const Pair conv = ConvOutputSize(a, c.x, c.w);
    std::vector<int64_t> expected;
    for (int64_t n = 0; n < c.y[0]; ++n)
      for (int64_t m = 0; m < c.y[1]; ++m)
        for (int64_t i = 0; i < c.y[2]; ++i)
          for (int64_t j = 0; j < c.y[3]; ++j) {
            int64_t pooled = 0, most = INT64_MIN;
            for (int64_t ph = 0; ph < a.pool.kernel[0]; ++ph)
              for (int64_t pw = 0; pw < a.pool.kernel[1]; ++pw) {
                const int64_t h = i * a.pool.strides[0] - a.pool.pads[0] + ph;
                const int64_t v = j * a.pool.strides[1] - a.pool.pads[1] + pw;
                if (h < 0 || v < 0 || h >= conv[0] || v >= conv[1]) continue;
                const int64_t s = acc(n, m, h, v);
                most = std::max(most, s);
                pooled += a.act.kind == ActKind::relu && s < 0 ? 0 : s;
              }
            expected.push_back(Scaled(a.pool.kind == PoolKind::avg ? pooled : most, a.mul, a.shift,
                                      static_cast<size_t>(m), zy, lo, hi));
          }
    EXPECT_EQ(ResultOf(a, {x, w, b}, result), expected);
    EXPECT_EQ(ResultOf(a, {x, *Encode(w, {GapCode::u8}), b}, result), expected);
    // The sweep is no test where every result saturates.
    EXPECT_GT(std::count_if(expected.begin(), expected.end(), [&](int64_t q) { return q > lo && q < hi; }),
              static_cast<int64_t>(expected.size()) / 8);
  }
}

const Act kRelu{ActKind::relu, 0, 0};
const Act kClip{ActKind::clip, -1.5f, 4};

INSTANTIATE_TEST_SUITE_P(
    Sweep, IntegerConvTest,
    testing::Values(
        ConvCase{{1, 1, 5, 5}, {2, 1, 3, 3}, {}, {1, 2, 3, 3}},
        ConvCase{{2, 3, 7, 6}, {4, 3, 3, 2}, {{2, 1}, {1, 1}, {1, 0, 2, 1}}, {2, 4, 4, 6}},
        ConvCase{{1, 4, 9, 8}, {6, 2, 3, 3}, {{1, 2}, {2, 1}, {2, 1, 0, 1}, 2, kRelu}, {1, 6, 7, 4}},
        ConvCase{{1, 5, 6, 6}, {5, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1, 1, 1}, 5, kClip}, {1, 5, 6, 6}},
        ConvCase{{1, 1, 2, 2}, {1, 1, 2, 2}, {{1, 1}, {1, 1}, {3, 3, 3, 3}}, {1, 1, 7, 7}},
        ConvCase{
            {1, 2, 8, 8}, {3, 2, 2, 2}, {{1, 1}, {1, 1}, {}, 1, kRelu, {PoolKind::max, {2, 2}, {2, 2}}}, {1, 3, 3, 3}},
        ConvCase{{1, 2, 8, 8},
                 {3, 2, 2, 2},
                 {{1, 1}, {1, 1}, {}, 1, kClip, {PoolKind::max, {3, 2}, {2, 2}, {1, 0, 1, 1}, true}},
                 {1, 3, 4, 4}},
        ConvCase{
            {2, 2, 8, 7}, {4, 1, 3, 3}, {{1, 1}, {1, 1}, {}, 2, kRelu, {PoolKind::avg, {3, 2}, {3, 3}}}, {2, 4, 2, 2}},
        ConvCase{
            {1, 1, 4, 4}, {2, 1, 1, 1}, {{1, 1}, {1, 1}, {}, 1, {}, {PoolKind::avg, {2, 2}, {1, 1}}}, {1, 2, 3, 3}}));

TEST(IntegerFc, ByHandAndEncoded) {  // N4
  const Tensor x = Quants(Q8({2, 3}, 0.5f, -4), {1, 2, 3, -128, 127, 0});
  const Tensor w = Quants(Weights({2, 3}, {0.5f, 0.25f}), {1, 0, -2, 127, -127, 5});
  FcAttrs attrs;
  attrs.mul = {kHalf, 3 << 29};
  attrs.shift = {0, -8};  // 1/2 and 3/4 / 256
  // Row 0: 100 + 1 - 6 = 95 -> 47.5 -> 48; -50 + 127 - 254 + 15 = -162 -> -0.47 -> 0.
  // Row 1: 100 - 128 = -28 -> -14; -50 - 16256 - 16129 = -32435 -> -95.02 -> -95.
  const Type y = Q8({2, 2}, 1, 3);
  EXPECT_THAT(ResultOf(attrs, {x, w, Bias({100, -50})}, y), ElementsAre(51, 3, -11, -92));
  EXPECT_THAT(ResultOf(attrs, {x, *Encode(w, {GapCode::u8}), Bias({100, -50})}, y), ElementsAre(51, 3, -11, -92));
  attrs.act = kRelu;
  EXPECT_THAT(ResultOf(attrs, {x, w, Bias({100, -50})}, y), ElementsAre(51, 3, 3, 3));
  // Without a bias: -5 -> -2.5 -> -2 and -112 -> -0.33 -> 0; -128 -> -64 and -32385 -> -94.9 -> -95.
  attrs.act = {};
  EXPECT_THAT(ResultOf(attrs, {x, w}, y), ElementsAre(1, 3, -61, -92));
}

TEST(IntegerConvAndFc, RefuseWhatTheRulesDoNot) {
  const Tensor x = Quants(Q8({1, 2}, 0.5f, 0), {1, 2}), w = Quants(Weights({1, 2}), {1, 2});
  FcAttrs attrs;
  attrs.mul = {kHalf};
  attrs.shift = {0};
  const Type y = Q8({1, 1}, 1, 0);
  EXPECT_THAT(ResultOf(attrs, {x, w}, y), ElementsAre(3));  // 2.5
  EXPECT_THAT(ErrorOf(attrs, {x, w}, F32({1, 1})), HasSubstr("gives a quantized type"));
  const Type wide{ElementType::i16, {1, 2}, Quantization{{0.5f}, {0}, -1}};
  EXPECT_THAT(ErrorOf(attrs, {Quants(wide, {1, 2}), w}, y), HasSubstr("takes 8-bit x"));
  EXPECT_THAT(ErrorOf(attrs, {x, Quants(Plain(ElementType::i8, {1, 2}), {1, 2})}, y), HasSubstr("quantized i8 w"));
  EXPECT_THAT(ErrorOf(attrs, {x, Quants(Q8({1, 2}, 1, 1), {1, 2})}, y), HasSubstr("must have zero point 0"));
  EXPECT_THAT(ErrorOf(attrs, {x, w, Tensor::Of<double>(F32({1}), {1})}, y), HasSubstr("must be i32"));
  attrs.mul = {};
  EXPECT_THAT(ErrorOf(attrs, {x, w}, y), HasSubstr("mul has 0 and shift 1 entries"));
  attrs.mul = {kHalf, kHalf};
  EXPECT_THAT(ErrorOf(attrs, {x, w}, y), HasSubstr("each must have 1 or 1"));
  attrs.mul = {kHalf - 1};
  EXPECT_THAT(ErrorOf(attrs, {x, w}, y), HasSubstr("mul holds 1073741823"));
  attrs.mul = {0};
  EXPECT_THAT(ResultOf(attrs, {x, w}, y), ElementsAre(0));
  for (int32_t shift : {-32, 8}) {
    attrs.shift = {shift};
    EXPECT_THAT(ErrorOf(attrs, {x, w}, y), HasSubstr("must be within [-31, 7]"));
  }
}

TEST(HybridConvAndFc, ScaleTheSum) {  // N20
  const Tensor x = Tensor::Of<double>(F32({1, 1, 1, 4}), {1, -2, 0.5, 3});
  const Tensor w = Quants(Weights({2, 1, 1, 2}, {0.5f, 0.25f}), {1, 2, -4, 0});
  const Tensor b = Tensor::Of<double>(F32({2}), {1, -1});
  ConvAttrs attrs;
  attrs.pads = {0, 1, 0, 0};
  const auto floats = [&](const std::vector<Tensor>& operands, Shape shape) {
    const auto y = OneNode(attrs, operands, F32(std::move(shape))).Run();
    EXPECT_TRUE(y.ok()) << y.status();
    return Doubles(*y);
  };
  // Channel 0: 2, -3, -1, 6.5 -> 1 + half; channel 1: 0, -4, 8, -2 -> -1 + a quarter.
  EXPECT_THAT(floats({x, w, b}, {1, 2, 1, 4}), ElementsAre(2, -0.5, 0.5, 4.25, -1, -2, 1, -1.5));
  EXPECT_THAT(floats({x, w}, {1, 2, 1, 4}), ElementsAre(1, -1.5, -0.5, 3.25, 0, -1, 2, -0.5));
  EXPECT_THAT(floats({x, *Encode(w, {GapCode::u8}), b}, {1, 2, 1, 4}),
              ElementsAre(2, -0.5, 0.5, 4.25, -1, -2, 1, -1.5));
  // N17 behind it: scale 0.5, zero point 1; -1.5 and 4.25 / 0.5 are -3 and 8.5 -> 9.
  EXPECT_THAT(ResultOf(attrs, {x, w, b}, Q8({1, 2, 1, 4}, 0.5f, 1)), ElementsAre(5, 0, 2, 10, -1, -3, 3, -2));
  attrs.act = kRelu;
  attrs.pool = {PoolKind::max, {1, 2}, {1, 2}};
  EXPECT_THAT(floats({x, w, b}, {1, 2, 1, 2}), ElementsAre(2, 4.25, 0, 1));
  EXPECT_THAT(ResultOf(attrs, {x, w, b}, Q8({1, 2, 1, 2}, 0.5f, 1)), ElementsAre(5, 10, 1, 3));
  attrs.pool.kind = PoolKind::avg;
  EXPECT_THAT(floats({x, w, b}, {1, 2, 1, 2}), ElementsAre(1, 2.375, 0, 0.5));

  const Tensor row = Tensor::Of<double>(F32({1, 2}), {3, -1});
  const Tensor w2 = Quants(Weights({2, 2}, {0.5f, 0.25f}), {1, 2, -4, 0});
  FcAttrs fc;
  const auto y = OneNode(fc, {row, w2, b}, F32({1, 2})).Run();
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(Doubles(*y), ElementsAre(1.5, -4));
  fc.act = {ActKind::clip, -2, 1};
  EXPECT_THAT(ResultOf(fc, {row, w2, b}, Q8({1, 2}, 0.5f, 1)), ElementsAre(3, -3));
  EXPECT_THAT(ErrorOf(fc, {row, w2, Bias({1, 2})}, F32({1, 2})), HasSubstr("take float32 x and b"));
  EXPECT_THAT(ErrorOf(fc, {row, Quants(Q8({2, 2}, 1, 1), {1, 2, 3, 4}), b}, F32({1, 2})), HasSubstr("zero point 0"));
}

TEST(IntegerAvgPool, ByHand) {  // N8
  // zero point 1: 1 2 3 4 5 6 7 8 9 minus 1.
  const Tensor x = Quants(Q8({1, 1, 3, 3}, 0.5f, 1), {1, 2, 3, 4, 5, 6, 7, 8, 9});
  AvgPoolAttrs attrs;
  attrs.kernel = {2, 2};
  attrs.strides = {2, 2};
  attrs.mul = {kHalf};
  attrs.shift = {-1};  // sx / sy = 1, over N = 4
  attrs.ceil = true;
  // Sums 0+1+3+4 = 8; 2+5 = 7 of 2 -> floor((28 + 1) / 2) = 14; 6+7 = 13 of 2 -> floor(53 / 2) = 26; 8 of 1 -> 32.
  // A quarter, halves to even: 2, 3.5 -> 4, 6.5 -> 6, 8; zero point -3.
  EXPECT_THAT(ResultOf(attrs, {x}, Q8({1, 1, 2, 2}, 0.5f, -3)), ElementsAre(-1, 1, 3, 5));
  // Padding of 1 above and left: 0 of 1 (or 4); 1+2 of 2 (or 4); 3+6 of 2 (or 4); 4+5+7+8 = 24.
  attrs.ceil = false;
  attrs.pads = {1, 1, 0, 0};
  EXPECT_THAT(ResultOf(attrs, {x}, Q8({1, 1, 2, 2}, 0.5f, 0)), ElementsAre(0, 2, 4, 6));  // 0, 1.5, 4.5, 6
  attrs.count_include_pad = true;
  EXPECT_THAT(ResultOf(attrs, {x}, Q8({1, 1, 2, 2}, 0.5f, 0)), ElementsAre(0, 1, 2, 6));  // 0, 0.75, 2.25, 6
  // With ceil a window reaches beyond the padding: 1 row of padding counts, what lies beyond does not.
  const Tensor column = Quants(Q8({1, 1, 4, 1}, 0.5f, 0), {4, 8, 12, 20});
  AvgPoolAttrs over;
  over.kernel = {3, 1};
  over.strides = {3, 1};
  over.pads = {0, 0, 1, 0};
  over.ceil = true;
  over.count_include_pad = true;
  over.mul = {1431655765};  // 2/3 * 2^31, so 1/3 with shift -1
  over.shift = {-1};
  // 24 / 3 = 8; 20 of 2 -> floor((60 + 1) / 2) = 30 -> 10.
  EXPECT_THAT(ResultOf(over, {column}, Q8({1, 1, 2, 1}, 0.5f, 0)), ElementsAre(8, 10));
  over.count_include_pad = false;
  EXPECT_THAT(ResultOf(over, {column}, Q8({1, 1, 2, 1}, 0.5f, 0)), ElementsAre(8, 20));
}

TEST(IntegerAvgPool, NegativeSumsRoundToEvenAtTies) {
  const Tensor x = Quants(Q8({1, 1, 1, 3}, 1, 0), {-3, -4, -5});
  AvgPoolAttrs attrs;
  attrs.kernel = {1, 2};
  attrs.strides = {1, 2};
  attrs.ceil = true;
  attrs.mul = {kHalf};
  attrs.shift = {0};
  // -7 / 2 = -3.5 -> -4; -5 of 1: -10 / 2.
  EXPECT_THAT(ResultOf(attrs, {x}, Q8({1, 1, 1, 2}, 1, 0)), ElementsAre(-4, -5));
  const Tensor ties = Quants(Q8({1, 1, 1, 8}, 1, 0), {0, 1, 1, 2, -1, 0, -2, -1});
  attrs.ceil = false;  // 0.5, 1.5, -0.5, -1.5
  EXPECT_THAT(ResultOf(attrs, {ties}, Q8({1, 1, 1, 4}, 1, 0)), ElementsAre(0, 2, 0, -2));
  // By 8, from sums of 2: the halves are at 4 more than a multiple of 8.
  attrs.shift = {-2};
  const Tensor wide = Quants(Q8({1, 1, 1, 8}, 1, 0), {2, 2, 6, 6, -2, -2, 3, 2});
  EXPECT_THAT(ResultOf(attrs, {wide}, Q8({1, 1, 1, 4}, 1, 0)), ElementsAre(0, 2, 0, 1));
}

TEST(IntegerAvgPool, EveryPlane) {
  AvgPoolAttrs attrs;
  attrs.kernel = {1, 2};
  attrs.mul = {kHalf};
  attrs.shift = {0};
  const Tensor x = Quants(Q8({2, 3, 1, 2}, 1, 0), {1, 3, 10, 30, -1, -3, 5, 7, 100, 120, -128, -128});
  EXPECT_THAT(ResultOf(attrs, {x}, Q8({2, 3, 1, 1}, 1, 0)), ElementsAre(2, 20, -2, 6, 110, -128));
}

TEST(IntegerAvgPool, WindowLimits) {
  const auto error = [](int64_t size, bool partial) {
    AvgPoolAttrs attrs;
    attrs.kernel = {1, size};
    attrs.strides = {1, size};
    attrs.ceil = partial;
    attrs.mul = {kHalf};
    attrs.shift = {-10};
    return OneNode(attrs, {RandomInts(Q8({1, 1, 1, size}, 1, 0), 1)}, Q8({1, 1, 1, 1}, 1, 0)).Run().ok();
  };
  EXPECT_TRUE(error(4096, false));
  EXPECT_FALSE(error(4097, false));
  EXPECT_TRUE(error(2901, true));  // 255 * 2901^2 < 2^31 - 2^8 < 255 * 2902^2
  EXPECT_FALSE(error(2902, true));
}

TEST(IntegerReduce, ByHand) {  // N9
  const Tensor x = Quants(Q8({2, 3}, 0.5f, 1), {3, 2, 4, -5, 7, 127});
  const auto run = [&](ReduceFn fn, Ints axes, Shape shape, int32_t shift) {
    return ResultOf(ReduceAttrs{fn, std::move(axes), false, {kHalf}, {shift}}, {x}, Q8(std::move(shape), 0.5f, -2));
  };
  EXPECT_THAT(run(ReduceFn::sum, {1}, {2}, 0), ElementsAre(1, 61));       // 6 and 126 halved -> 3, 63
  EXPECT_THAT(run(ReduceFn::mean, {0}, {3}, 0), ElementsAre(-4, 2, 63));  // -4 7 129 -> -2 4 65
  EXPECT_THAT(run(ReduceFn::sum, {0, 1}, {}, 1), ElementsAre(127));       // 132
  const Type same = Q8({2}, 0.5f, 1);
  EXPECT_THAT(ResultOf(ReduceAttrs{ReduceFn::max, {1}, false, {}, {}}, {x}, same), ElementsAre(4, 127));
  EXPECT_THAT(ResultOf(ReduceAttrs{ReduceFn::min, {1}, false, {}, {}}, {x}, same), ElementsAre(2, -5));
  EXPECT_THAT(ErrorOf(ReduceAttrs{ReduceFn::min, {1}, false, {}, {}}, {x}, Q8({2}, 0.5f, 2)), HasSubstr("keeps scale"));
}

TEST(IntegerUnary, Clamps) {  // N10
  const Tensor x = Quants(Q8({5}, 0.5f, 3), {-128, 2, 3, 4, 127});
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::relu, 0, 0}, {x}, Q8({5}, 0.5f, 3)), ElementsAre(3, 3, 3, 4, 127));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::clip, -0.5f, 2}, {x}, Q8({5}, 0.5f, 3)), ElementsAre(2, 2, 3, 4, 7));
  EXPECT_THAT(ErrorOf(UnaryAttrs{UnaryFn::tanh, 0, 0}, {x}, Q8({5}, 0.5f, 3)), HasSubstr("not tanh"));
  EXPECT_THAT(ErrorOf(UnaryAttrs{UnaryFn::relu, 0, 0}, {x}, Q8({5}, 0.5f, 4)), HasSubstr("keeps scale and zero point"));
}

TEST(IntegerBinary, AddAndSub) {  // N11
  const Tensor a = Quants(Q8({2, 2}, 0.5f, 1), {1, 4, -6, 127}), b = Quants(Q8({2}, 0.25f, -1), {-1, 6});
  BinaryAttrs attrs;
  attrs.mul = {4, 1};  // sa / sy = 1, sb / sy = 1/4 over 2^2
  attrs.shift = {2};
  // (0 + 0, 12 + 7, -28 + 0, 504 + 7) / 4 half up: 0, 4.75 -> 5, -7, 127.75 -> 128; zero point 2.
  EXPECT_THAT(ResultOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 2)), ElementsAre(2, 7, -5, 127));
  attrs.fn = BinaryFn::sub;
  attrs.mul = {4, -1};  // 12 - 7 = 5 -> 1.25; 504 - 7 = 497 -> 124.25
  EXPECT_THAT(ResultOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 2)), ElementsAre(2, 3, -5, 126));
  attrs.act = kRelu;
  EXPECT_THAT(ResultOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 2)), ElementsAre(2, 3, 2, 126));
  attrs.act = {};
  attrs.mul = {2, 0};  // halves of 0, 3, -7, 126: ties go up
  EXPECT_THAT(ResultOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 0)), ElementsAre(0, 2, -3, 63));
  attrs.mul = {1 << 21, -(1 << 21)};  // the largest: |sum| just below 2^30
  attrs.shift = {21};
  EXPECT_THAT(ResultOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 0)), ElementsAre(0, -4, -7, 119));
  for (const auto& [mul, shift] :
       {std::pair(Multipliers{(1 << 21) + 1, 0}, 1), std::pair(Multipliers{0, -(1 << 21) - 1}, 1),
        std::pair(Multipliers{1}, 1), std::pair(Multipliers{1, 1}, 0), std::pair(Multipliers{1, 1}, 31)}) {
    attrs.mul = mul;
    attrs.shift = {shift};
    EXPECT_THAT(ErrorOf(attrs, {a, b}, Q8({2, 2}, 0.5f, 0)), HasSubstr("two multipliers"));
  }
}

TEST(IntegerBinary, MulMinMax) {  // N12
  const Tensor a = Quants(Q8({4}, 0.5f, 1), {1, 4, -6, 127}), b = Quants(Q8({}, 0.25f, -1), {2});
  // (0, 3, -7, 126) * 3 = 0 9 -21 378, a quarter: 0, 2.25, -5.25, 94.5 -> 95; zero point 5.
  EXPECT_THAT(ResultOf(BinaryAttrs{BinaryFn::mul, {}, {kHalf}, {-1}}, {a, b}, Q8({4}, 0.5f, 5)),
              ElementsAre(5, 7, 0, 100));
  EXPECT_THAT(ResultOf(BinaryAttrs{BinaryFn::mul, {ActKind::clip, -1, 1}, {kHalf}, {-1}}, {a, b}, Q8({4}, 0.5f, 5)),
              ElementsAre(5, 7, 3, 7));
  const Tensor c = Quants(Q8({4}, 0.5f, 1), {2, 2, 2, 2});
  EXPECT_THAT(ResultOf(BinaryAttrs{BinaryFn::min, {}, {}, {}}, {a, c}, Q8({4}, 0.5f, 1)), ElementsAre(1, 2, -6, 2));
  EXPECT_THAT(ResultOf(BinaryAttrs{BinaryFn::max, {ActKind::clip, 0, 4}, {}, {}}, {a, c}, Q8({4}, 0.5f, 1)),
              ElementsAre(2, 4, 2, 9));
  EXPECT_THAT(ErrorOf(BinaryAttrs{BinaryFn::max, {}, {}, {}}, {a, Quants(Q8({}, 0.25f, 1), {2})}, Q8({4}, 0.5f, 1)),
              HasSubstr("not max"));
  EXPECT_THAT(ErrorOf(BinaryAttrs{BinaryFn::div, {}, {}, {}}, {a, c}, Q8({4}, 0.5f, 1)), HasSubstr("not div"));
}

TEST(IntegerSoftmax, ByHand) {  // N14
  std::vector<int64_t> entries(256, 0);
  entries[0] = 100, entries[1] = 50, entries[3] = 25, entries[255] = 1;
  const Tensor table = Quants(Plain(ElementType::i32, {256}), entries);
  const Type y = Q8({2, 2}, 1.0f / 256, -128);
  const Tensor x = Quants(Q8({2, 2}, 0.1f, 9), {5, 4, 2, 5});
  // Rows (100 50): floor((25600 + 75) / 150) = 171, floor((12800 + 75) / 150) = 85. (25 100): 51, floor((25600 + 62) /
  // 125) = 205.
  EXPECT_THAT(ResultOf(SoftmaxAttrs{1, false}, {x, table}, y), ElementsAre(43, -43, -77, 77));
  // Columns (100 25), (50 100).
  EXPECT_THAT(ResultOf(SoftmaxAttrs{0, false}, {x, table}, y), ElementsAre(77, -43, -77, 43));
  // All the weight on one: 256 saturates at 127. d = 255 is the table's end.
  EXPECT_THAT(
      ResultOf(SoftmaxAttrs{1, false}, {Quants(Q8({1, 2}, 0.1f, 9), {-100, 100}), table}, Q8({1, 2}, 1.0f / 256, -128)),
      ElementsAre(-128, 127));
  EXPECT_THAT(
      ResultOf(SoftmaxAttrs{1, false}, {Quants(Q8({1, 2}, 0.1f, 9), {127, -128}), table}, Q8({1, 2}, 1.0f / 256, -128)),
      ElementsAre(125, -125));  // (25600 + 50) / 101 = 253, (256 + 50) / 101 = 3
  EXPECT_THAT(ErrorOf(SoftmaxAttrs{1, false}, {x}, y), HasSubstr("has a table"));
  EXPECT_THAT(ErrorOf(SoftmaxAttrs{1, true}, {x, table}, y), HasSubstr("not a logarithm"));
  EXPECT_THAT(ErrorOf(SoftmaxAttrs{1, false}, {x, Quants(Plain(ElementType::i32, {256}), {0})}, y),
              HasSubstr("table[0]"));
}

TEST(IntegerSoftmax, FullRangeOfUnsigned32) {
  // k = 22: e = 2^22 each, 256 of them: S = 2^30, 256 e + S / 2 = 2^30 + 2^29.
  const Tensor table = Quants(Plain(ElementType::i32, {256}), std::vector<int64_t>(256, 1 << 22));
  const Tensor x = Quants(Q8({256}, 0.1f, 0), std::vector<int64_t>(256, 3));
  EXPECT_EQ(ResultOf(SoftmaxAttrs{0, false}, {x, table}, Q8({256}, 1.0f / 256, -128)), std::vector<int64_t>(256, -127));
}

TEST(IntegerLut, Looks128Further) {  // N13
  std::vector<int64_t> entries;
  for (int64_t i = 0; i < 256; ++i) entries.push_back((i * 7) % 251 - 125);
  const Tensor x = Quants(Q8({4}, 0.1f, 0), {-128, 0, 1, 127});
  const Tensor table = Quants(Plain(ElementType::i8, {256}), entries);
  EXPECT_THAT(ResultOf(LutAttrs{}, {x, table}, Q8({4}, 1, 0)),
              ElementsAre(-125, 128 * 7 % 251 - 125, 129 * 7 % 251 - 125, 255 * 7 % 251 - 125));
  EXPECT_THAT(ErrorOf(LutAttrs{}, {Tensor::Of<double>(F32({1}), {1}), table}, Q8({1}, 1, 0)),
              HasSubstr("lut takes an i8"));
}

TEST(IntegerRequantizeAndConcat, ByHand) {  // N15
  const Tensor a = Quants(Q8({1, 3}, 0.5f, 1), {1, 4, -6}), b = Quants(Q8({1, 2}, 1, -2), {-2, 127});
  EXPECT_THAT(ResultOf(RequantizeAttrs{{kHalf}, {0}}, {a}, Q8({1, 3}, 1, 10)),
              ElementsAre(10, 12, 7));  // 1.5 -> 2, -3.5 -> -3
  EXPECT_THAT(ResultOf(RequantizeAttrs{{}, {}}, {a}, Q8({1, 3}, 0.5f, 1)), ElementsAre(1, 4, -6));
  EXPECT_THAT(ErrorOf(RequantizeAttrs{{}, {}}, {a}, Q8({1, 3}, 0.5f, 0)), HasSubstr("scale and zero point stay"));
  EXPECT_THAT(ErrorOf(RequantizeAttrs{{kHalf}, {0}}, {a}, Plain(ElementType::i8, {1, 3})),
              HasSubstr("gives a quantized type"));
  EXPECT_THAT(ResultOf(ConcatAttrs{1, {kHalf, kHalf}, {0, 1}}, {a, b}, Q8({1, 5}, 1, 10)),
              ElementsAre(10, 12, 7, 10, 127));
  EXPECT_THAT(ResultOf(ConcatAttrs{0, {}, {}}, {a, a}, Q8({2, 3}, 0.5f, 1)), ElementsAre(1, 4, -6, 1, 4, -6));
  EXPECT_THAT(ErrorOf(ConcatAttrs{1, {}, {}}, {a, b}, Q8({1, 5}, 0.5f, 1)),
              HasSubstr("every operand has the result's type"));
  EXPECT_THAT(ErrorOf(ConcatAttrs{1, {kHalf, kHalf, kHalf}, {0}}, {a, b}, Q8({1, 5}, 1, 1)), HasSubstr("mul has 3"));
}

TEST(IntegerResize, NearestAndLinear) {  // N16
  const Type t = Q8({1, 1, 2, 2}, 0.5f, 3), wide = Q8({1, 1, 2, 4}, 0.5f, 3);
  const Tensor x = Quants(t, {0, 3, -128, 127});
  EXPECT_THAT(
      ResultOf(ResizeAttrs{ResizeMode::nearest, ResizeTransform::asymmetric, ResizeRound::floor, {}}, {x}, wide),
      ElementsAre(0, 0, 3, 3, -128, -128, 127, 127));
  // Quarters: 0.75, 2.25 -> 1, 2; -128 + 63.75 = -64.25, 63.25.
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::half_pixel, ResizeRound::floor, {}}, {x}, wide),
              ElementsAre(0, 1, 2, 3, -128, -64, 63, 127));
  // Three rows, corners aligned: means, ties up: -64, 65; and the centre (1.5 - 0.5) / 2 = 0.5 -> 1.
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::align_corners, ResizeRound::floor, {}}, {x},
                       Q8({1, 1, 3, 3}, 0.5f, 3)),
              ElementsAre(0, 2, 3, -64, 1, 65, -128, 0, 127));
  // A third: F = floor(1024 / 3 + 1/2) = 341; 683 * 0 + 341 * 3 = 1023 / 1024 -> 1; 2/3: 683 * 3 = 2049 / 1024 -> 2.
  EXPECT_THAT(
      ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::align_corners, ResizeRound::floor, {}}, {x}, wide),
      ElementsAre(0, 1, 2, 3, -128, -43, 42, 127));
  const Tensor planes = Quants(Q8({2, 2, 1, 2}, 0.5f, 3), {0, 4, 8, 16, -4, 0, 100, 120});
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::align_corners, ResizeRound::floor, {}},
                       {planes}, Q8({2, 2, 1, 3}, 0.5f, 3)),
              ElementsAre(0, 2, 4, 8, 12, 16, -4, -2, 0, 100, 110, 120));
  EXPECT_THAT(ErrorOf(ResizeAttrs{}, {x}, Q8({1, 1, 2, 4}, 0.5f, 2)), HasSubstr("resize keeps scale"));
}

TEST(Moves, MayCarrySeveralScalesToAnotherAxis) {  // N19
  const Type from{ElementType::i8, {2, 3}, Quantization{{0.5f, 0.25f}, {0}, 0}};
  const Type to{ElementType::i8, {3, 2}, Quantization{{0.5f, 0.25f}, {0}, 1}};
  EXPECT_THAT(ResultOf(TransposeAttrs{{1, 0}}, {Quants(from, {1, 2, 3, 4, 5, 6})}, to), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(IntegerEdges, QuantizeAndDequantize) {  // N17, N18
  const Tensor x = Tensor::Of<double>(F32({2, 2}), {0.25, -0.25, 0.75, 1000});
  EXPECT_THAT(ResultOf(QuantizeAttrs{}, {x}, Q8({2, 2}, 0.5f, -10)), ElementsAre(-9, -10, -8, 127));
  const Type channels{ElementType::i8, {2, 2}, Quantization{{0.5f, 0.25f}, {0, 1}, 0}};
  EXPECT_THAT(ResultOf(QuantizeAttrs{}, {x}, channels), ElementsAre(1, 0, 4, 127));
  const auto y = OneNode(DequantizeAttrs{}, {Quants(channels, {1, 0, 4, 127})}, F32({2, 2})).Run();
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(Doubles(*y), ElementsAre(0.5, 0, 0.75, 31.5));
}

}  // namespace
}  // namespace mcuc
