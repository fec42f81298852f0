// Operators on quantized tensors whose scales and zero points are inputs: each is its float operator between the
// dequantized inputs and the quantized result, like a model of QuantizeLinear and DequantizeLinear nodes.
#include <algorithm>

#include "ComputedQuantization.h"
#include "Quantization.h"

namespace mcuc::importer {

namespace {

// Input i, whose scale and zero point are the next two, in float. `axis`: of several scales.
absl::StatusOr<Symbol*> Real(Lowering& l, size_t i, int64_t axis = 0) {
  if (!l.input(i)) return Unsupported("input ", i, " is missing");
  if (!HasConstantParameters(l, i + 1, i + 2)) {
    return DequantizeComputed(l, l.input(i), l.input(i + 1), l.input(i + 2), axis);
  }
  MCUC_ASSIGN_OR_RETURN(const Parameters parameters, ParametersOf(l, i + 1, i + 2, l.input(i)->type.element));
  return DequantizeSymbol(l, l.input(i), parameters, axis);
}

// Returns y in the scale and zero point of inputs i and i + 1. `otherwise`: the type where there is no zero point.
absl::Status ReturnQuantized(Lowering& l, absl::StatusOr<Symbol*> y, size_t i, ElementType otherwise) {
  MCUC_RETURN_IF_ERROR(y.status());
  if (!HasConstantParameters(l, i, i + 1)) {
    if (l.input(i + 1)) otherwise = l.input(i + 1)->type.element;
    return l.Return(QuantizeComputed(l, *y, l.input(i), l.input(i + 1), 0, otherwise));
  }
  MCUC_ASSIGN_OR_RETURN(const Parameters parameters, ParametersOf(l, i, i + 1, otherwise));
  if (!parameters.per_tensor())
    return Unsupported("the result has ", parameters.scales.size(), " scales; it must have 1");
  return l.Return(QuantizeSymbol(l, *y, parameters));
}

// The type in the model of input i.
ElementType ModelElement(const Lowering& l, size_t i) {
  return l.input(i)->shifted ? ElementType::u8 : l.input(i)->type.element;
}

// An int32 bias, whose scale is the product of the input's and the weights', one or one an output.
absl::StatusOr<Symbol*> RealBias(Lowering& l, size_t bias, size_t x_scale, size_t w_scale, float factor) {
  Symbol* b = l.input(bias);
  if (!b->is_constant() || !HasConstantParameters(l, x_scale, w_scale)) {
    Compose c(l);
    Symbol* scale =
        c.Mul(c.Mul(l.input(x_scale), l.input(w_scale)), c.Scalar(static_cast<double>(factor), l.input(x_scale)));
    if (!scale) return c.status();
    return DequantizeComputed(l, b, scale, nullptr, b->rank() - 1);
  }
  if (!b->is_constant() || b->type.element != ElementType::i32) {
    return Unsupported("input ", bias, " (bias) must be a constant of int32");
  }
  MCUC_ASSIGN_OR_RETURN(Parameters parameters, ParametersOf(l, w_scale, SIZE_MAX, ElementType::i32));
  MCUC_ASSIGN_OR_RETURN(const Parameters x, ParametersOf(l, x_scale, SIZE_MAX, ElementType::i32));
  if (!x.per_tensor()) return Unsupported("input ", x_scale, " has ", x.scales.size(), " scales; it must have 1");
  for (float& scale : parameters.scales) scale *= x.scales[0] * factor;
  MCUC_ASSIGN_OR_RETURN(Symbol * real, DequantizeSymbol(l, b, parameters, b->rank() - 1));
  real->name = b->name;
  return real;
}

absl::Status CheckInputs(const Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  if (l.Int("channels_last", 0) != 0) return Unsupported("channels_last = 1 is not supported; only N x C x H x W is");
  return absl::OkStatus();
}

// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B
absl::Status LowerQLinearConv(Lowering& l) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  MCUC_ASSIGN_OR_RETURN(Symbol * x, Real(l, 0));
  MCUC_ASSIGN_OR_RETURN(Symbol * w, Real(l, 3));
  std::vector<Symbol*> inputs = {x, w};
  if (l.input(8)) {
    MCUC_ASSIGN_OR_RETURN(Symbol * bias, RealBias(l, 8, 1, 4, 1.0f));
    inputs.push_back(bias);
  }
  return ReturnQuantized(l, l.Run("Conv", std::move(inputs), l.opset()), 6, ModelElement(l, 0));
}

// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point
absl::Status LowerQLinearMatMul(Lowering& l) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  MCUC_ASSIGN_OR_RETURN(Symbol * a, Real(l, 0, std::max<int64_t>(l.input(0)->rank() - 2, 0)));  // rows
  MCUC_ASSIGN_OR_RETURN(Symbol * b, Real(l, 3, l.input(3)->rank() - 1));                        // columns
  return ReturnQuantized(l, l.Run("MatMul", {a, b}, l.opset()), 6, ModelElement(l, 0));
}

// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point; without y_scale the result is float
absl::Status LowerQGemm(Lowering& l) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  MCUC_ASSIGN_OR_RETURN(Symbol * a, Real(l, 0));
  MCUC_ASSIGN_OR_RETURN(Symbol * b, Real(l, 3, l.Int("transB", 0) != 0 ? 0 : 1));
  std::vector<Symbol*> inputs = {a, b};
  if (l.input(6)) {
    MCUC_ASSIGN_OR_RETURN(Symbol * bias, RealBias(l, 6, 1, 4, l.Float("alpha", 1.0f)));
    inputs.push_back(bias);
  }
  absl::StatusOr<Symbol*> y = l.Run("Gemm", std::move(inputs), l.opset());
  if (!l.input(7)) return l.Return(std::move(y));
  return ReturnQuantized(l, std::move(y), 7, ModelElement(l, 0));
}

// A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point
absl::Status LowerBinary(Lowering& l, const char* op) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  MCUC_ASSIGN_OR_RETURN(Symbol * a, Real(l, 0));
  MCUC_ASSIGN_OR_RETURN(Symbol * b, Real(l, 3));
  return ReturnQuantized(l, l.Run(op, {a, b}, l.opset()), 6, ModelElement(l, 0));
}
absl::Status LowerQLinearAdd(Lowering& l) { return LowerBinary(l, "Add"); }
absl::Status LowerQLinearMul(Lowering& l) { return LowerBinary(l, "Mul"); }

// Y_scale, Y_zero_point, then a tensor, its scale and its zero point each
absl::Status LowerQLinearConcat(Lowering& l) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  if (l.inputs() < 5 || l.inputs() % 3 != 2) {
    return Unsupported("has ", l.inputs(), " inputs; supported: 2 and 3 for each tensor");
  }
  std::vector<Symbol*> tensors;
  for (size_t i = 2; i < l.inputs(); i += 3) {
    MCUC_ASSIGN_OR_RETURN(Symbol * x, Real(l, i));
    tensors.push_back(x);
  }
  return ReturnQuantized(l, l.Run("Concat", std::move(tensors), l.opset()), 0, ModelElement(l, 2));
}

// X, x_scale, x_zero_point, y_scale, y_zero_point
absl::Status LowerOne(Lowering& l, const char* op, int64_t opset) {
  MCUC_RETURN_IF_ERROR(CheckInputs(l));
  MCUC_ASSIGN_OR_RETURN(Symbol * x, Real(l, 0));
  return ReturnQuantized(l, l.Run(op, {x}, opset), 3, ModelElement(l, 0));
}
absl::Status LowerQLinearAveragePool(Lowering& l) { return LowerOne(l, "AveragePool", l.opset()); }
absl::Status LowerQLinearGlobalAveragePool(Lowering& l) { return LowerOne(l, "GlobalAveragePool", l.opset()); }
absl::Status LowerQLinearSigmoid(Lowering& l) { return LowerOne(l, "Sigmoid", l.opset()); }
absl::Status LowerQLinearLeakyRelu(Lowering& l) { return LowerOne(l, "LeakyRelu", l.opset()); }
// With its axes as an attribute.
absl::Status LowerQLinearReduceMean(Lowering& l) { return LowerOne(l, "ReduceMean", 13); }
// The attribute opset says which Softmax it is: up to 12 that of a matrix, from 13 that of an axis.
absl::Status LowerQLinearSoftmax(Lowering& l) {
  const int64_t opset = l.Int("opset", l.opset());
  if (opset < kMinOpset || opset > kMaxOpset) {
    return Unsupported("opset = ", opset, " is not supported; supported: ", kMinOpset, " to ", kMaxOpset);
  }
  return LowerOne(l, "Softmax", opset);
}

const Operator kOperators[] = {
    {"QLinearConv", 10, kMaxOpset, 8, 9, 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
     LowerQLinearConv},
    {"QLinearMatMul", 10, kMaxOpset, 8, 8, 1, "", LowerQLinearMatMul},
    {"com.microsoft.QGemm", 7, kMaxOpset, 5, 9, 1, "alpha:f transA:i transB:i", LowerQGemm},
    {"com.microsoft.QLinearAdd", 7, kMaxOpset, 2, 8, 1, "", LowerQLinearAdd},
    {"com.microsoft.QLinearMul", 7, kMaxOpset, 2, 8, 1, "", LowerQLinearMul},
    {"com.microsoft.QLinearConcat", 7, kMaxOpset, 1, 1000, 1, "axis:i", LowerQLinearConcat},
    {"com.microsoft.QLinearAveragePool", 7, kMaxOpset, 2, 5, 1,
     "auto_pad:s ceil_mode:i channels_last:i count_include_pad:i kernel_shape:I pads:I strides:I",
     LowerQLinearAveragePool},
    {"com.microsoft.QLinearGlobalAveragePool", 7, kMaxOpset, 2, 5, 1, "channels_last:i", LowerQLinearGlobalAveragePool},
    {"com.microsoft.QLinearSigmoid", 7, kMaxOpset, 2, 5, 1, "", LowerQLinearSigmoid},
    {"com.microsoft.QLinearLeakyRelu", 7, kMaxOpset, 2, 5, 1, "alpha:f", LowerQLinearLeakyRelu},
    {"com.microsoft.QLinearReduceMean", 7, kMaxOpset, 2, 5, 1, "axes:I keepdims:i", LowerQLinearReduceMean},
    {"com.microsoft.QLinearSoftmax", 7, kMaxOpset, 2, 5, 1, "axis:i opset:i", LowerQLinearSoftmax},
};

}  // namespace

std::span<const Operator> QLinearOperators() { return kOperators; }

}  // namespace mcuc::importer
