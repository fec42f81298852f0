// The integer arithmetic of docs/numerics.md as plain functions: the reference that the interpreter is made of and the
// runtime kernels are tested against. Also how real multipliers become integers (used by quantize).
#ifndef MCUC_EXEC_NUMERICS_H
#define MCUC_EXEC_NUMERICS_H

#include <cstdint>

#include "absl/status/statusor.h"
#include "mcuc/IR/Ops.h"
#include "mcuc/IR/Type.h"

namespace mcuc {

// N2: floor((acc * mul + 2^(30 - shift)) / 2^(31 - shift)); mul in [2^30, 2^31) or 0, shift in [-31, 7].
int32_t RequantizeAcc(int32_t acc, int32_t mul, int32_t shift);

// The multiplier and shift nearest a real factor in [0, 128); below 2^-32 they are 0 and 0.
struct Multiplier {
  int32_t mul = 0;
  int32_t shift = 0;
};
absl::StatusOr<Multiplier> MultiplierOf(double real);

// N11: the two 21-bit multipliers and the common shift of a quantized add or sub (b's is negative for sub).
struct AddMultipliers {
  int32_t mul_a = 0;
  int32_t mul_b = 0;
  int32_t shift = 0;  // [1, 30]
};
absl::StatusOr<AddMultipliers> AddMultipliersOf(double a_over_out, double b_over_out);

// N3: the bounds of a result of this quantized type behind this activation.
struct Clamp {
  int32_t lo = 0;
  int32_t hi = 0;
};
Clamp ClampOf(const Act& act, const Type& type);
// The same for a unary relu or clip.
Clamp ClampOf(const UnaryAttrs& attrs, const Type& type);

// The functions of unary and binary on real numbers, in double precision: what the tables of N13 are made of.
double UnaryValue(const UnaryAttrs& attrs, double x);
double BinaryValue(BinaryFn fn, double a, double b);

// Of N8: floor((a + floor(n / 2)) / n), n > 0.
int32_t RoundedDivide(int32_t a, int32_t n);

// N17 and N18, for the range of the element type.
int32_t QuantizeReal(float x, const Type& type, int64_t channel = 0);
float DequantizeValue(int32_t q, const Type& type, int64_t channel = 0);

}  // namespace mcuc

#endif  // MCUC_EXEC_NUMERICS_H
