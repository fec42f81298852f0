// The integer rules of docs/numerics.md, each as a plain function, and the integer forms of real multipliers.
#include "mcuc/Exec/Numerics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

// The range of an element type within int32.
int64_t Lowest(const Type& type) {
  return std::max<int64_t>(IntegerMin(type.element), std::numeric_limits<int32_t>::min());
}
int64_t Highest(const Type& type) {
  return std::min<int64_t>(IntegerMax(type.element), std::numeric_limits<int32_t>::max());
}

}  // namespace

int32_t RequantizeAcc(int32_t acc, int32_t mul, int32_t shift) {
  // |acc * mul| < 2^62 and the rounding term is at most 2^61: no overflow.
  const int64_t product = int64_t{acc} * mul;
  return static_cast<int32_t>((product + (int64_t{1} << (30 - shift))) >> (31 - shift));
}

absl::StatusOr<Multiplier> MultiplierOf(double real) {
  constexpr double kLeast = 1.0 / 4294967296.0;  // 2^-32, the factor of mul = 2^30, shift = -31
  constexpr int64_t kEnd = int64_t{1} << 31;
  if (!(real >= 0 && real < 128)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the factor ", DoubleText(real), " between scales has no integer multiplier; it must be in [0, 128)"));
  }
  if (real < kLeast) return Multiplier{};
  int exponent = 0;
  const double fraction = std::frexp(real, &exponent);  // real = fraction * 2^exponent, fraction in [1/2, 1)
  auto mul = static_cast<int64_t>(std::floor(fraction * static_cast<double>(kEnd) + 0.5));
  if (mul == kEnd) {  // rounded up to the next power of two; just below 128 there is none
    if (exponent == 7) {
      mul = kEnd - 1;
    } else {
      mul = kEnd / 2;
      ++exponent;
    }
  }
  return Multiplier{static_cast<int32_t>(mul), exponent};
}

absl::StatusOr<AddMultipliers> AddMultipliersOf(double a_over_out, double b_over_out) {
  constexpr double kMost = 2097152;  // 2^21
  const double largest = std::max(std::fabs(a_over_out), std::fabs(b_over_out));
  if (std::isfinite(a_over_out) && std::isfinite(b_over_out)) {
    for (int32_t shift = 30; shift >= 1; --shift) {
      if (std::floor(std::ldexp(largest, shift) + 0.5) > kMost) continue;
      // The sign is put on after rounding, so that a - b and b - a have the same magnitudes.
      const auto rounded = [&](double real) {
        return static_cast<int32_t>(std::copysign(std::floor(std::ldexp(std::fabs(real), shift) + 0.5), real));
      };
      return AddMultipliers{rounded(a_over_out), rounded(b_over_out), shift};
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the factors ", DoubleText(a_over_out), " and ", DoubleText(b_over_out),
                   " between scales have no 21-bit multipliers; at most 2^20 is possible"));
}

Clamp ClampOf(const Act& act, const Type& type) {
  Clamp clamp{static_cast<int32_t>(Lowest(type)), static_cast<int32_t>(Highest(type))};
  if (act.kind == ActKind::relu) clamp.lo = QuantizeReal(0.0f, type);
  if (act.kind == ActKind::clip) clamp = {QuantizeReal(act.lo, type), QuantizeReal(act.hi, type)};
  return clamp;
}

Clamp ClampOf(const UnaryAttrs& attrs, const Type& type) {
  if (attrs.fn == UnaryFn::relu) return ClampOf(Act{ActKind::relu, 0, 0}, type);
  if (attrs.fn == UnaryFn::clip) return ClampOf(Act{ActKind::clip, attrs.alpha, attrs.beta}, type);
  return ClampOf(Act{}, type);
}

int32_t RoundedDivide(int32_t a, int32_t n) {
  const int64_t sum = int64_t{a} + n / 2;
  const int64_t quotient = sum / n;
  return static_cast<int32_t>(sum % n < 0 ? quotient - 1 : quotient);  // C's division truncates
}

int32_t QuantizeReal(float x, const Type& type, int64_t channel) {
  const int64_t lo = Lowest(type);
  const int64_t hi = Highest(type);
  const int64_t zero_point = type.quant->zero_point(channel);
  const float t = x / type.quant->scale(channel);
  if (!(t > static_cast<float>(lo - zero_point))) return static_cast<int32_t>(lo);  // NaN too
  if (!(t < static_cast<float>(hi - zero_point))) return static_cast<int32_t>(hi);
  const float whole = std::trunc(t);
  const float rest = t - whole;
  const int64_t rounded = static_cast<int64_t>(whole) + (rest >= 0.5f ? 1 : rest < -0.5f ? -1 : 0);
  return static_cast<int32_t>(std::clamp(zero_point + rounded, lo, hi));
}

float DequantizeValue(int32_t q, const Type& type, int64_t channel) {
  return static_cast<float>(int64_t{q} - type.quant->zero_point(channel)) * type.quant->scale(channel);
}

}  // namespace mcuc
