// The integer rules against values computed by hand, at ties, signs, extremes and range ends.
#include "mcuc/Exec/Numerics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace mcuc {
namespace {

constexpr int32_t kHalf = 1 << 30;  // with shift 0 the factor 1/2

Type Quantized(float scale, int32_t zero_point, ElementType element = ElementType::i8) {
  return Type{element, {1}, Quantization{{scale}, {zero_point}, -1}};
}

TEST(Requantize, RoundsHalfUp) {  // N2
  EXPECT_EQ(RequantizeAcc(4, kHalf, 0), 2);
  EXPECT_EQ(RequantizeAcc(3, kHalf, 0), 2);    // 1.5
  EXPECT_EQ(RequantizeAcc(1, kHalf, 0), 1);    // 0.5
  EXPECT_EQ(RequantizeAcc(-1, kHalf, 0), 0);   // -0.5
  EXPECT_EQ(RequantizeAcc(-3, kHalf, 0), -1);  // -1.5
  EXPECT_EQ(RequantizeAcc(-4, kHalf, 0), -2);
  // Factor 1/4: 2 -> 0.5, 1 -> 0.25, -2 -> -0.5, -3 -> -0.75, 6 -> 1.5.
  EXPECT_EQ(RequantizeAcc(2, kHalf, -1), 1);
  EXPECT_EQ(RequantizeAcc(1, kHalf, -1), 0);
  EXPECT_EQ(RequantizeAcc(-2, kHalf, -1), 0);
  EXPECT_EQ(RequantizeAcc(-3, kHalf, -1), -1);
  EXPECT_EQ(RequantizeAcc(6, kHalf, -1), 2);
}

TEST(Requantize, ExtremesOfItsDomain) {
  EXPECT_EQ(RequantizeAcc(12345, 0, 0), 0);
  EXPECT_EQ(RequantizeAcc(100, kHalf, 1), 100);  // factor 1 is exact
  EXPECT_EQ(RequantizeAcc(-100, kHalf, 1), -100);
  EXPECT_EQ(RequantizeAcc(100, kHalf, 7), 6400);  // 64
  // 3/4 * 2^7 = 96.
  EXPECT_EQ(RequantizeAcc(1000, 3 << 29, 7), 96000);
  // shift -31: factor 2^30 * 2^-62 = 2^-32; 2^31 - 1 gives just below 1/2, -2^31 gives -1/2.
  EXPECT_EQ(RequantizeAcc(std::numeric_limits<int32_t>::max(), kHalf, -31), 0);
  EXPECT_EQ(RequantizeAcc(std::numeric_limits<int32_t>::min(), kHalf, -31), 0);
  // Just below 2^-31: (2^31 - 1)^2 / 2^62 is just below 1.
  EXPECT_EQ(RequantizeAcc(std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::max(), -31), 1);
  EXPECT_EQ(RequantizeAcc(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(), -31), -1);
  EXPECT_EQ(RequantizeAcc(std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::max(), 0), 2147483646);
}

TEST(MultiplierOf, NearestWithinOneBit) {
  const auto check = [](double real, int32_t mul, int32_t shift) {
    const auto m = MultiplierOf(real);
    ASSERT_TRUE(m.ok()) << m.status();
    EXPECT_EQ(m->mul, mul) << real;
    EXPECT_EQ(m->shift, shift) << real;
  };
  check(0.5, 1 << 30, 0);
  check(1.0, 1 << 30, 1);
  check(0.75, 3 << 29, 0);
  check(64.0, 1 << 30, 7);
  check(0.3, 1288490189, -1);  // 0.6 * 2^31 = 1288490188.8
  check(0.0, 0, 0);
  check(std::ldexp(1.0, -32), 1 << 30, -31);
  check(std::nextafter(std::ldexp(1.0, -32), 0.0), 0, 0);
  check(std::ldexp(1.5, -32), 3 << 29, -31);
}

TEST(MultiplierOf, RoundsTiesUpAndIntoTheNextPower) {
  // (2^30 + 1/2) / 2^31 is a tie.
  const auto tie = MultiplierOf((1073741824.0 + 0.5) / 2147483648.0);
  EXPECT_EQ(tie->mul, 1073741825);
  EXPECT_EQ(tie->shift, 0);
  const auto below = MultiplierOf((1073741824.0 + 0.49) / 2147483648.0);
  EXPECT_EQ(below->mul, 1073741824);
  // Just below 1: rounds to 2^31, which is 2^30 with the next shift.
  const auto one = MultiplierOf(std::nextafter(1.0, 0.0));
  EXPECT_EQ(one->mul, 1 << 30);
  EXPECT_EQ(one->shift, 1);
  // Just below 128 there is no next shift.
  const auto most = MultiplierOf(std::nextafter(128.0, 0.0));
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(most->mul, 2147483647);
  EXPECT_EQ(most->shift, 7);
}

TEST(MultiplierOf, RefusesOthers) {
  for (double real : {128.0, 1e30, -0.001, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(MultiplierOf(real).status().code(), absl::StatusCode::kInvalidArgument) << real;
  }
  EXPECT_THAT(std::string(MultiplierOf(130.5).status().message()), testing::HasSubstr("130.5"));
}

TEST(AddMultipliersOf, LargestShiftThatFits) {  // N11
  // 2^21 itself fits: 1 at shift 21.
  auto m = AddMultipliersOf(1.0, 0.25);
  ASSERT_TRUE(m.ok()) << m.status();
  EXPECT_EQ(m->mul_a, 1 << 21);
  EXPECT_EQ(m->mul_b, 1 << 19);
  EXPECT_EQ(m->shift, 21);
  // The larger one decides, whichever it is: 3 * 2^19 <= 2^21 < 3 * 2^20. A negative factor (sub) keeps its sign.
  m = AddMultipliersOf(0.5, -3.0);
  EXPECT_EQ(m->mul_a, 1 << 18);
  EXPECT_EQ(m->mul_b, -3 * (1 << 19));
  EXPECT_EQ(m->shift, 19);
  // Capped at 30; 2^-31 * 2^30 = 1/2 rounds up, also where it is subtracted.
  m = AddMultipliersOf(std::ldexp(1.0, -31), -std::ldexp(1.0, -31));
  EXPECT_EQ(m->mul_a, 1);
  EXPECT_EQ(m->mul_b, -1);
  EXPECT_EQ(m->shift, 30);
  m = AddMultipliersOf(std::ldexp(0.99, -31), 0);
  EXPECT_EQ(m->mul_a, 0);
  EXPECT_EQ(m->mul_b, 0);
  // (2^21 + 0.5) / 2^21 rounds up to 2^21 + 1 at shift 21, so the shift is 20.
  m = AddMultipliersOf(1.0 + std::ldexp(1.0, -22), 1.0);
  EXPECT_EQ(m->shift, 20);
  EXPECT_EQ(m->mul_a, 1 << 20);  // 2^20 + 1/4
}

TEST(AddMultipliersOf, Limits) {
  const auto most = AddMultipliersOf(1048576.0, 1.0);  // 2^20 at shift 1
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(most->shift, 1);
  EXPECT_EQ(most->mul_a, 1 << 21);
  EXPECT_EQ(most->mul_b, 2);
  EXPECT_FALSE(AddMultipliersOf(1048577.0, 1.0).ok());
  EXPECT_FALSE(AddMultipliersOf(1.0, -1048577.0).ok());
  EXPECT_FALSE(AddMultipliersOf(std::nan(""), 1.0).ok());
  EXPECT_FALSE(AddMultipliersOf(1.0, HUGE_VAL).ok());
}

TEST(ClampOf, Activations) {  // N3
  const Type type = Quantized(0.5f, -28);
  const auto expect = [](Clamp clamp, int32_t lo, int32_t hi) {
    EXPECT_EQ(clamp.lo, lo);
    EXPECT_EQ(clamp.hi, hi);
  };
  const float inf = std::numeric_limits<float>::infinity();
  expect(ClampOf(Act{}, type), -128, 127);
  expect(ClampOf(Act{ActKind::relu, 0, 0}, type), -28, 127);
  expect(ClampOf(Act{ActKind::clip, 0, 6}, type), -28, -16);
  expect(ClampOf(Act{ActKind::clip, -1.25f, 6.25f}, type), -30, -15);  // -2.5 -> -2, 12.5 -> 13
  expect(ClampOf(Act{ActKind::clip, -inf, 6}, type), -128, -16);
  expect(ClampOf(Act{ActKind::clip, 0, inf}, type), -28, 127);
  expect(ClampOf(Act{ActKind::clip, -1000, 1000}, type), -128, 127);
  expect(ClampOf(Act{ActKind::clip, 1000, 2000}, type), 127, 127);  // beyond the range: the nearest of it
  expect(ClampOf(Act{ActKind::relu, 0, 0}, Quantized(0.5f, 5, ElementType::i16)), 5, 32767);
  expect(ClampOf(Act{}, Quantized(0.5f, 5, ElementType::u8)), 0, 255);
}

TEST(ClampOf, Unary) {
  const Type type = Quantized(1.0f, 3);
  UnaryAttrs attrs;
  attrs.fn = UnaryFn::clip;
  attrs.alpha = -2;
  attrs.beta = 7;
  EXPECT_EQ(ClampOf(attrs, type).lo, 1);
  EXPECT_EQ(ClampOf(attrs, type).hi, 10);
  attrs.fn = UnaryFn::relu;
  EXPECT_EQ(ClampOf(attrs, type).lo, 3);
  EXPECT_EQ(ClampOf(attrs, type).hi, 127);
  attrs.fn = UnaryFn::neg;
  EXPECT_EQ(ClampOf(attrs, type).lo, -128);
}

TEST(RoundedDivide, FloorsAfterAddingHalf) {  // N8: floor((a + floor(n / 2)) / n)
  EXPECT_EQ(RoundedDivide(5, 2), 3);          // 6 / 2
  EXPECT_EQ(RoundedDivide(-5, 2), -2);        // -4 / 2
  EXPECT_EQ(RoundedDivide(-6, 4), -1);        // -4 / 4
  EXPECT_EQ(RoundedDivide(-7, 4), -2);        // floor(-5 / 4)
  EXPECT_EQ(RoundedDivide(4, 3), 1);          // floor(5 / 3)
  EXPECT_EQ(RoundedDivide(5, 3), 2);          // 6 / 3
  EXPECT_EQ(RoundedDivide(-4, 3), -1);        // floor(-3 / 3)
  EXPECT_EQ(RoundedDivide(-5, 3), -2);        // floor(-4 / 3)
  EXPECT_EQ(RoundedDivide(7, 1), 7);
  EXPECT_EQ(RoundedDivide(-7, 1), -7);
  EXPECT_EQ(RoundedDivide(std::numeric_limits<int32_t>::max(), 2), 1 << 30);
}

TEST(QuantizeReal, TiesGoUp) {  // N17
  const Type type = Quantized(0.5f, 10);
  EXPECT_EQ(QuantizeReal(0.0f, type), 10);
  EXPECT_EQ(QuantizeReal(0.25f, type), 11);    // 0.5
  EXPECT_EQ(QuantizeReal(0.2499f, type), 10);  // below 0.5
  EXPECT_EQ(QuantizeReal(-0.25f, type), 10);   // -0.5
  EXPECT_EQ(QuantizeReal(-0.2501f, type), 9);
  EXPECT_EQ(QuantizeReal(-0.75f, type), 9);  // -1.5 -> -1
  EXPECT_EQ(QuantizeReal(0.75f, type), 12);  // 1.5 -> 2
  // Adding 1/2 and truncating in float would round this one up.
  EXPECT_EQ(QuantizeReal(std::nextafter(0.5f, 0.0f), Quantized(1.0f, 0)), 0);
}

TEST(QuantizeReal, SaturatesAndTakesNanForTheLowest) {
  const Type type = Quantized(0.5f, 10);
  EXPECT_EQ(QuantizeReal(58.0f, type), 126);
  EXPECT_EQ(QuantizeReal(58.5f, type), 127);
  EXPECT_EQ(QuantizeReal(58.75f, type), 127);  // 117.5 would be 128
  EXPECT_EQ(QuantizeReal(1e30f, type), 127);
  EXPECT_EQ(QuantizeReal(-68.5f, type), -127);
  EXPECT_EQ(QuantizeReal(-69.0f, type), -128);
  EXPECT_EQ(QuantizeReal(-1e30f, type), -128);
  EXPECT_EQ(QuantizeReal(std::numeric_limits<float>::infinity(), type), 127);
  EXPECT_EQ(QuantizeReal(-std::numeric_limits<float>::infinity(), type), -128);
  EXPECT_EQ(QuantizeReal(std::nanf(""), type), -128);
  EXPECT_EQ(QuantizeReal(300.0f, Quantized(1.0f, 0, ElementType::u8)), 255);
  EXPECT_EQ(QuantizeReal(-3.0f, Quantized(1.0f, 0, ElementType::u8)), 0);
  EXPECT_EQ(QuantizeReal(4e9f, Quantized(1.0f, 0, ElementType::i32)), 2147483647);
  EXPECT_EQ(QuantizeReal(2147483392.0f, Quantized(1.0f, 100, ElementType::i32)), 2147483492);
}

TEST(QuantizeReal, PerChannel) {
  const Type type{ElementType::i8, {2}, Quantization{{0.5f, 0.25f}, {1, -1}, 0}};
  EXPECT_EQ(QuantizeReal(2.0f, type, 0), 5);
  EXPECT_EQ(QuantizeReal(2.0f, type, 1), 7);
  EXPECT_EQ(DequantizeValue(5, type, 0), 2.0f);
  EXPECT_EQ(DequantizeValue(7, type, 1), 2.0f);
}

TEST(DequantizeValue, SubtractsTheZeroPoint) {  // N18
  const Type type = Quantized(0.1f, -128);
  EXPECT_EQ(DequantizeValue(-128, type), 0.0f);
  EXPECT_EQ(DequantizeValue(127, type), 255.0f * 0.1f);
  EXPECT_EQ(DequantizeValue(-3, Quantized(0.5f, 1)), -2.0f);
}

}  // namespace
}  // namespace mcuc
