// QuantizeLinear and DequantizeLinear, and products of plain integers. A pair around an operator says in which scales
// the operator computes; the pass quantize makes integer operations of the float ones between them:
//
//   q = DequantizeLinear(x, scale, zero_point)          %q: f32[…] = dequantize %x        (x: i8<scale:zero_point>[…])
//   y = Conv(q, w)                                ──►   %y: f32[…] = conv %q, @w          (w: i8<{…}:0 axis=0>[…])
//   z = QuantizeLinear(y, scale2, zero_point2)          %z: i8<scale2:zero_point2>[…] = quantize %y
#include <cmath>

#include "ComputedQuantization.h"
#include "Quantization.h"
#include "TensorData.h"

namespace mcuc::importer {

namespace {

// The axis that scales lie along; of one scale, any.
absl::StatusOr<int64_t> AxisOf(const Lowering& l, const Parameters& parameters) {
  if (l.Int("block_size", 0) != 0) {
    return Unsupported("block_size = ", l.Int("block_size", 0),
                       " is not supported; scales must be one a tensor or one a slice of an axis");
  }
  if (parameters.per_tensor()) return 0;
  return NormalizeAxis(l.Int("axis", 1), l.input(0)->rank());
}

// The same of scales that are computed.
absl::StatusOr<int64_t> ComputedAxisOf(const Lowering& l) {
  if (l.Int("block_size", 0) != 0) return Unsupported("block_size = ", l.Int("block_size", 0), " is not supported");
  if (Elements(l.shape(1)) == 1) return 0;
  return NormalizeAxis(l.Int("axis", 1), l.input(0)->rank());
}

absl::Status LowerQuantizeLinear(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  ElementType element = ElementType::u8;
  if (const int64_t data_type = l.Int("output_dtype", 0); data_type != 0) {
    const auto given = ElementTypeOf(static_cast<int>(data_type));
    if (!given || !IsInteger(*given)) {
      return Unsupported("output_dtype = ", DataTypeName(static_cast<int>(data_type)),
                         " is not supported; supported: int8, uint8, int16, uint16");
    }
    element = *given;
  }
  if (!HasConstantParameters(l, 1, 2)) {
    if (l.input(2)) element = l.input(2)->type.element;
    MCUC_ASSIGN_OR_RETURN(const int64_t axis, ComputedAxisOf(l));
    return l.Return(QuantizeComputed(l, l.input(0), l.input(1), l.input(2), axis, element));
  }
  MCUC_ASSIGN_OR_RETURN(const Parameters parameters, ParametersOf(l, 1, 2, element));
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, AxisOf(l, parameters));
  return l.Return(QuantizeSymbol(l, l.input(0), parameters, axis));
}

absl::Status LowerDequantizeLinear(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Symbol* x = l.input(0);
  if (!HasConstantParameters(l, 1, 2)) {
    MCUC_ASSIGN_OR_RETURN(const int64_t axis, ComputedAxisOf(l));
    return l.Return(DequantizeComputed(l, x, l.input(1), l.input(2), axis));
  }
  MCUC_ASSIGN_OR_RETURN(const Parameters parameters, ParametersOf(l, 1, 2, x->type.element));
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, AxisOf(l, parameters));
  return l.Return(DequantizeSymbol(l, x, parameters, axis));
}

// Every partial sum of the products is an integer of at most this, so that float32 computes them exactly.
constexpr double kExactInFloat = 1 << 24;

// The integers of input i less the zero point (input `zero_point`), in float32. Zero points of several elements lie
// along `axis`.
absl::StatusOr<Symbol*> Difference(Lowering& l, size_t i, size_t zero_point, int64_t axis) {
  Symbol* z = l.input(zero_point);
  if (z && (!z->is_constant() || z->constant->elements() != 1)) {
    return DequantizeComputed(l, l.input(i), l.Scalar(1, ElementType::f32), z, axis);
  }
  Parameters parameters;
  parameters.element = l.input(i)->type.element;
  parameters.scales = {1.0f};
  parameters.zero_points = {z ? static_cast<int32_t>(z->constant->AsInt(0)) : 0};
  if (ElementTypeBytes(parameters.element) != 1 || !IsInteger(parameters.element)) {
    return Unsupported("input ", i, " is ", ElementTypeName(parameters.element), "; it must be int8 or uint8");
  }
  if (l.input(i)->is_constant()) return DequantizeSymbol(l, l.input(i), parameters);
  MCUC_ASSIGN_OR_RETURN(Symbol * x, l.Cast(l.input(i), ElementType::f32));
  if (parameters.zero_points[0] == 0) return x;
  return l.Add(BinaryAttrs{.fn = BinaryFn::sub}, {x, l.Scalar(parameters.zero_points[0], ElementType::f32)});
}

// The int32 sums are computed in float32 where that is exact.
absl::Status LowerInteger(Lowering& l, const char* op, int64_t products) {
  const Symbol* w = l.input(1);
  double largest = 255;
  const Symbol* zero_point = l.input(3);
  const bool known = !zero_point || (zero_point->is_constant() && zero_point->constant->elements() == 1);
  if (w->is_constant() && known) {
    largest = 0;
    const double z = zero_point ? zero_point->constant->AsDouble(0) : 0;
    for (int64_t i = 0; i < w->constant->elements(); ++i) {
      largest = std::max(largest, std::fabs(w->constant->AsDouble(i) - z));
    }
  }
  const double most = 255.0 * largest * static_cast<double>(products);
  if (most > kExactInFloat) {
    return Unsupported("sums of ", products, " products may reach ", static_cast<int64_t>(most),
                       ", beyond 2^24; quantize the model ",
                       "statically (QLinearConv, QLinearMatMul, or QuantizeLinear and DequantizeLinear)");
  }
  // Rows and columns of a product, outputs of a convolution.
  const bool conv = std::string(op) == "Conv";
  MCUC_ASSIGN_OR_RETURN(Symbol * x, Difference(l, 0, 2, l.input(0)->rank() - 2));
  MCUC_ASSIGN_OR_RETURN(Symbol * difference, Difference(l, 1, 3, conv ? 0 : l.input(1)->rank() - 1));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Run(op, {x, difference}, l.opset()));
  return l.Return(l.Cast(y, ElementType::i32));
}

absl::Status LowerConvInteger(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 3, 4));
  return LowerInteger(l, "Conv", Elements(l.shape(1)) / l.shape(1)[0]);
}

absl::Status LowerMatMulInteger(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 1, kMaxRank));
  return LowerInteger(l, "MatMul", l.shape(0).back());
}

const Operator kOperators[] = {
    {"QuantizeLinear", 10, kMaxOpset, 2, 3, 1, "axis:i block_size:i output_dtype:i saturate:i", LowerQuantizeLinear},
    {"DequantizeLinear", 10, kMaxOpset, 2, 3, 1, "axis:i block_size:i", LowerDequantizeLinear},
    {"com.microsoft.QuantizeLinear", 7, kMaxOpset, 2, 3, 1, "axis:i block_size:i", LowerQuantizeLinear},
    {"com.microsoft.DequantizeLinear", 7, kMaxOpset, 2, 3, 1, "axis:i block_size:i", LowerDequantizeLinear},
    {"ConvInteger", 10, kMaxOpset, 2, 4, 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
     LowerConvInteger},
    {"MatMulInteger", 10, kMaxOpset, 2, 4, 1, "", LowerMatMulInteger},
};

}  // namespace

std::span<const Operator> QuantizeOperators() { return kOperators; }

}  // namespace mcuc::importer
