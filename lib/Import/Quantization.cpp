// Scales and zero points, and the int8 form of what has them.
#include "Quantization.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mcuc/Exec/Numerics.h"

namespace mcuc::importer {

namespace {

constexpr int32_t kShift = 128;  // from uint8 to int8

bool IsByte(ElementType element) { return element == ElementType::i8 || element == ElementType::u8; }

Type QuantizedType(ElementType element, const Shape& shape, Quantization quant) {
  Type type{element, shape};
  type.quant = std::move(quant);
  return type;
}

// The index along `axis` of each element.
class AxisIndex {
 public:
  AxisIndex(const Shape& shape, int64_t axis, bool per_tensor) {
    if (per_tensor) return;
    size_ = shape[static_cast<size_t>(axis)];
    for (size_t d = static_cast<size_t>(axis) + 1; d < shape.size(); ++d) inner_ *= shape[d];
  }
  size_t operator()(int64_t i) const { return static_cast<size_t>(i / inner_ % size_); }

 private:
  int64_t size_ = 1, inner_ = 1;
};

bool AllPositive(const std::vector<float>& scales) {
  return std::all_of(scales.begin(), scales.end(), [](float s) { return std::isfinite(s) && s > 0; });
}

// A scale or an offset for each slice of an axis, to broadcast against a tensor of this rank.
Symbol* Broadcastable(Lowering& l, const std::vector<double>& values, int64_t axis, int64_t rank) {
  Shape shape(values.size() == 1 ? 0 : static_cast<size_t>(rank - axis), 1);
  if (!shape.empty()) shape[0] = static_cast<int64_t>(values.size());
  return l.Constant(Tensor::Of(Type{ElementType::f32, shape}, values));
}

// x * factor + offset, of which what changes nothing is left out.
absl::StatusOr<Symbol*> Affine(Lowering& l, Symbol* x, const std::vector<double>& factors,
                               const std::vector<double>& offsets, int64_t axis) {
  if (std::any_of(factors.begin(), factors.end(), [](double f) { return f != 1; })) {
    Symbol* factor = Broadcastable(l, factors, axis, x->rank());
    MCUC_ASSIGN_OR_RETURN(x, l.Add(BinaryAttrs{.fn = BinaryFn::mul}, {x, factor}));
  }
  if (std::any_of(offsets.begin(), offsets.end(), [](double o) { return o != 0; })) {
    Symbol* offset = Broadcastable(l, offsets, axis, x->rank());
    MCUC_ASSIGN_OR_RETURN(x, l.Add(BinaryAttrs{.fn = BinaryFn::add}, {x, offset}));
  }
  return x;
}

absl::Status CheckAxis(const Parameters& parameters, const Shape& shape, int64_t axis) {
  if (parameters.per_tensor()) return absl::OkStatus();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) ||
      shape[static_cast<size_t>(axis)] != static_cast<int64_t>(parameters.scales.size())) {
    return Unsupported(parameters.scales.size(), " scales do not fit axis ", axis, " of the tensor [", ShapeText(shape),
                       "]");
  }
  return absl::OkStatus();
}

// The values of 8-bit constants less their zero points, which are within [-255, 255].
std::vector<int32_t> Differences(const Tensor& q, const Parameters& parameters, int64_t axis) {
  const AxisIndex slice(q.shape(), axis, parameters.per_tensor());
  std::vector<int32_t> differences;
  for (int64_t i = 0; i < q.elements(); ++i) {
    differences.push_back(static_cast<int32_t>(q.AsInt(i)) - parameters.zero_points[slice(i)]);
  }
  return differences;
}

bool FitInt8(const std::vector<int32_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int32_t v) { return v >= -128 && v <= 127; });
}

// An 8-bit constant as int8: without a zero point wherever the values fit without one.
Tensor AsInt8(const Tensor& q, const Parameters& parameters, int64_t axis) {
  std::vector<int32_t> values = Differences(q, parameters, axis);
  Quantization quant{parameters.scales, {0}, parameters.per_tensor() ? -1 : static_cast<int>(axis)};
  if (!FitInt8(values)) {
    const int32_t shift = q.type().element == ElementType::u8 ? kShift : 0;
    quant.zero_points = parameters.zero_points;
    for (int32_t& z : quant.zero_points) z -= shift;
    for (int64_t i = 0; i < q.elements(); ++i) {
      values[static_cast<size_t>(i)] = static_cast<int32_t>(q.AsInt(i)) - shift;
    }
  }
  return Tensor::Of(QuantizedType(ElementType::i8, q.shape(), std::move(quant)), values);
}

absl::StatusOr<Symbol*> DequantizeConstant(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis) {
  const Tensor& q = *x->constant;
  const Type type{ElementType::f32, q.shape()};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor reals(type);
  const AxisIndex slice(q.shape(), axis, parameters.per_tensor());
  const auto data = reals.data<float>();
  for (int64_t i = 0; i < q.elements(); ++i) {
    const size_t s = slice(i);
    data[static_cast<size_t>(i)] =
        static_cast<float>(q.AsInt(i) - int64_t{parameters.zero_points[s]}) * parameters.scales[s];
  }
  Symbol* y = l.Constant(std::move(reals));
  if (IsByte(q.type().element) && AllPositive(parameters.scales)) {
    y->quantized = l.Constant(AsInt8(q, parameters, axis), x->name);
  }
  return y;
}

// Half to even, as ONNX has it, and saturated.
absl::StatusOr<Symbol*> QuantizeConstant(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis) {
  const Type type{parameters.element, x->shape()};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor q(type);
  const AxisIndex slice(x->shape(), axis, parameters.per_tensor());
  const auto lo = static_cast<double>(IntegerMin(type.element)), hi = static_cast<double>(IntegerMax(type.element));
  for (int64_t i = 0; i < q.elements(); ++i) {
    const size_t s = slice(i);
    const float steps = std::nearbyint(static_cast<float>(x->constant->AsDouble(i)) / parameters.scales[s]);
    if (std::isnan(steps)) return Unsupported("element ", i, " of the constant is NaN; it has no quantized value");
    q.Set(i, std::clamp(static_cast<double>(steps) + parameters.zero_points[s], lo, hi));
  }
  return l.Constant(std::move(q), x->name);
}

// A computed tensor of integers as a value of a quantized type, uint8 as int8; null where its type is not ours to
// choose.
absl::StatusOr<Symbol*> QuantizedForm(Lowering& l, Symbol* x, const Parameters& parameters) {
  Quantization quant{parameters.scales, parameters.zero_points};
  if (x->type.quant) {
    if (x->shifted) quant.zero_points[0] -= kShift;
    if (*x->type.quant != quant) return nullptr;
  } else if (ElementTypeBytes(x->type.element) > 2 || !l.Retype(x, quant)) {
    return nullptr;
  }
  if (x->type.element != ElementType::u8) return x;
  if (!x->as_int8) {
    quant.zero_points[0] -= kShift;
    MCUC_ASSIGN_OR_RETURN(const Multiplier one, MultiplierOf(1.0));
    RequantizeAttrs attrs;
    attrs.mul = {one.mul};
    attrs.shift = {one.shift};
    const Type type = QuantizedType(ElementType::i8, x->shape(), std::move(quant));
    MCUC_ASSIGN_OR_RETURN(x->as_int8, l.AddTyped(attrs, {x}, type));
    x->as_int8->shifted = true;
  }
  return x->as_int8;
}

}  // namespace

absl::StatusOr<Parameters> ParametersOf(const Lowering& l, size_t scale, size_t zero_point, ElementType otherwise) {
  Parameters parameters;
  parameters.element = otherwise;
  const Symbol *s = l.input(scale), *z = l.input(zero_point);
  for (const auto& [symbol, index] : {std::pair(s, scale), std::pair(z, zero_point)}) {
    const char* what = index == scale ? "scale" : "zero point";
    if (!symbol && index == zero_point) continue;
    if (!symbol) return Unsupported("input ", index, " (", what, ") is missing");
    if (!symbol->is_constant()) {
      return Unsupported("input ", index, " (", what, ") is computed; it must be constant (quantize the model ",
                         "statically, or import the float model and quantize it here with --calibrate)");
    }
    if (symbol->constant->elements() < 1) return Unsupported("input ", index, " (", what, ") has no elements");
  }
  if (!IsFloat(s->type.element)) return Unsupported("input ", scale, " (scale) must be of a float type");
  for (int64_t i = 0; i < s->constant->elements(); ++i) {
    parameters.scales.push_back(static_cast<float>(s->constant->AsDouble(i)));
  }
  parameters.zero_points.assign(parameters.scales.size(), 0);
  if (!z) return parameters;
  parameters.element = z->type.element;
  if (!IsInteger(parameters.element) || ElementTypeBytes(parameters.element) > 4) {
    return Unsupported("input ", zero_point, " (zero point) is ", ElementTypeName(parameters.element),
                       "; supported: integers of at most 32 bits");
  }
  const int64_t zero_points = z->constant->elements();
  const auto scales = static_cast<int64_t>(parameters.scales.size());
  if (scales == 1 && zero_points > 1) {
    parameters.scales.resize(static_cast<size_t>(zero_points), parameters.scales[0]);
    parameters.zero_points.resize(static_cast<size_t>(zero_points));
  } else if (zero_points != 1 && zero_points != scales) {
    return Unsupported("there are ", scales, " scales and ", zero_points, " zero points; there must be as many");
  }
  for (size_t i = 0; i < parameters.zero_points.size(); ++i) {
    const int64_t value = z->constant->AsInt(zero_points == 1 ? 0 : static_cast<int64_t>(i));
    if (value < INT32_MIN || value > INT32_MAX) return Unsupported("a zero point of ", value, " is not supported");
    parameters.zero_points[i] = static_cast<int32_t>(value);
  }
  return parameters;
}

absl::StatusOr<Symbol*> DequantizeSymbol(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis) {
  if (!IsInteger(x->type.element)) {
    return Unsupported("the tensor to dequantize is ", ElementTypeName(x->type.element), "; it must be of integers");
  }
  MCUC_RETURN_IF_ERROR(CheckAxis(parameters, x->shape(), axis));
  if (x->is_constant()) return DequantizeConstant(l, x, parameters, axis);
  const Type real{ElementType::f32, x->shape()};
  if (!AllPositive(parameters.scales)) return Unsupported("a scale is not over 0, or not finite");
  if (parameters.per_tensor()) {
    MCUC_ASSIGN_OR_RETURN(Symbol * form, QuantizedForm(l, x, parameters));
    if (form) {
      MCUC_ASSIGN_OR_RETURN(Symbol * y, l.AddTyped(DequantizeAttrs{}, {form}, real));
      y->dequantized = true;
      return y;
    }
  }
  // Another quantization than the one the tensor has, or integers that are computed as such: scale * (q - zero point)
  // in float, where q itself is x, or x as a real number in its own scale and zero point.
  std::vector<double> factors, offsets;
  double own_scale = 1, own_zero_point = 0;
  Symbol* y = nullptr;
  if (x->type.quant) {
    own_scale = static_cast<double>(x->type.quant->scale());
    own_zero_point = x->type.quant->zero_point() + (x->shifted ? kShift : 0);
    MCUC_ASSIGN_OR_RETURN(y, l.AddTyped(DequantizeAttrs{}, {x}, real));
  } else {
    MCUC_ASSIGN_OR_RETURN(y, l.Cast(x, ElementType::f32));
  }
  for (size_t i = 0; i < parameters.scales.size(); ++i) {
    const auto scale = static_cast<double>(parameters.scales[i]);
    factors.push_back(scale / own_scale);
    offsets.push_back(scale * (own_zero_point - parameters.zero_points[i]));
  }
  return Affine(l, y, factors, offsets, axis);
}

absl::StatusOr<Symbol*> QuantizeSymbol(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis) {
  const ElementType element = parameters.element;
  if (ElementTypeBytes(element) > 2) {
    return Unsupported("quantizing to ", ElementTypeName(element), " is not supported; supported: 8 and 16 bits");
  }
  MCUC_RETURN_IF_ERROR(CheckAxis(parameters, x->shape(), axis));
  if (!AllPositive(parameters.scales)) return Unsupported("a scale is not over 0, or not finite");
  if (x->is_constant()) return QuantizeConstant(l, x, parameters, axis);
  MCUC_ASSIGN_OR_RETURN(x, l.Cast(x, ElementType::f32));
  const bool shifted = element == ElementType::u8;
  const int32_t shift = shifted ? kShift : 0;
  Quantization quant{{1.0f}, {0}};
  if (parameters.per_tensor()) {
    quant.scales = parameters.scales;
    quant.zero_points[0] = parameters.zero_points[0] - shift;
  } else {  // computed values have one scale: the others are taken off before
    std::vector<double> factors, offsets;
    for (size_t i = 0; i < parameters.scales.size(); ++i) {
      factors.push_back(1 / static_cast<double>(parameters.scales[i]));
      offsets.push_back(parameters.zero_points[i] - shift);
    }
    MCUC_ASSIGN_OR_RETURN(x, Affine(l, x, factors, offsets, axis));
  }
  const Type type = QuantizedType(shifted ? ElementType::i8 : element, x->shape(), std::move(quant));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.AddTyped(QuantizeAttrs{}, {x}, type));
  y->shifted = shifted;
  return y;
}

namespace {

// n copies of x along an axis; of dimension 1 in groups, group by group.
absl::StatusOr<Symbol*> Repeat(Lowering& l, Symbol* x, size_t n, int64_t group, bool fc) {
  const std::vector<Symbol*> copies(n, x);
  if (fc || group == 1) return l.Add(ConcatAttrs{.axis = fc ? x->rank() - 1 : 1}, copies);
  const Shape s = x->shape();
  MCUC_ASSIGN_OR_RETURN(Symbol * groups, l.Reshape(x, {s[0], group, s[1] / group, s[2] * s[3]}));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(ConcatAttrs{.axis = 2}, std::vector<Symbol*>(n, groups)));
  return l.Reshape(y, {s[0], static_cast<int64_t>(n) * s[1], s[2], s[3]});
}

}  // namespace

absl::StatusOr<std::pair<Symbol*, Symbol*>> LayerOperands(Lowering& l, Symbol* x, Symbol* w, int64_t group, bool fc) {
  const std::pair<Symbol*, Symbol*> as_they_are(x, w);
  if (!w->quantized || x->is_constant() || x->type.element != ElementType::f32) return as_they_are;
  const Tensor& q = *w->quantized->constant;
  const Quantization& quant = *q.type().quant;
  if (quant.axis > 0) return as_they_are;
  if (std::all_of(quant.zero_points.begin(), quant.zero_points.end(), [](int32_t z) { return z == 0; })) {
    return std::pair(x, w->quantized);
  }
  // The verifier reports what does not fit.
  if (!fc && (x->rank() != 4 || group < 1 || x->shape()[1] % group != 0)) return as_they_are;
  Parameters parameters{ElementType::i8, quant.scales, quant.zero_points};
  parameters.zero_points.resize(quant.scales.size(), quant.zero_points[0]);
  std::vector<int32_t> rest = Differences(q, parameters, 0);
  std::vector<std::vector<int32_t>> parts;
  while (parts.empty() || std::any_of(rest.begin(), rest.end(), [](int32_t v) { return v != 0; })) {
    auto& part = parts.emplace_back();
    for (int32_t& v : rest) {
      part.push_back(std::clamp(v, -128, 127));
      v -= part.back();
    }
  }
  // M x K x …: the parts of an output stand one after another, as the copies of the input do.
  Shape shape = q.shape();
  const auto outputs = static_cast<size_t>(shape[0]), length = rest.size() / outputs;
  shape[1] *= static_cast<int64_t>(parts.size());
  std::vector<int32_t> values;
  for (size_t m = 0; m < outputs; ++m) {
    for (const auto& part : parts) {
      const auto first = part.begin() + static_cast<std::ptrdiff_t>(m * length);
      values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(length));
    }
  }
  const Type type = QuantizedType(ElementType::i8, shape, {quant.scales, {0}, quant.axis});
  MCUC_RETURN_IF_ERROR(CheckedElements(shape).status());
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  l.Remark(absl::StrCat("the weights reach beyond int8 without their zero point: they are split in ", parts.size(),
                        " parts, with as many times the multiplications; quantize weights symmetrically to avoid it"));
  MCUC_ASSIGN_OR_RETURN(Symbol * repeated, Repeat(l, x, parts.size(), group, fc));
  return std::pair(repeated, l.Constant(Tensor::Of(type, values), w->quantized->name));
}

Symbol* ScaledQuantized(Lowering& l, const Symbol& quantized, float factor) {
  Tensor tensor = *quantized.constant;
  std::vector<float>& scales = tensor.mutable_type().quant->scales;
  for (float& scale : scales) scale *= factor;
  return AllPositive(scales) ? l.Constant(std::move(tensor), quantized.name) : nullptr;
}

Symbol* TransposedQuantized(Lowering& l, const Symbol& quantized, const Ints& perm) {
  const Tensor& from = *quantized.constant;
  const std::vector<int64_t> strides = Strides(from.shape());
  Shape shape;
  for (int64_t d : perm) shape.push_back(from.shape()[static_cast<size_t>(d)]);
  Quantization quant = *from.type().quant;
  if (quant.axis >= 0) quant.axis = static_cast<int>(std::find(perm.begin(), perm.end(), quant.axis) - perm.begin());
  Tensor to(QuantizedType(from.type().element, shape, std::move(quant)));
  std::vector<int64_t> at(perm.size(), 0);
  for (int64_t i = 0; i < to.elements(); ++i) {
    int64_t element = 0;
    for (size_t d = 0; d < perm.size(); ++d) element += at[d] * strides[static_cast<size_t>(perm[d])];
    to.SetInt(i, from.AsInt(element));
    for (size_t d = perm.size(); d-- > 0 && ++at[d] == shape[d];) at[d] = 0;
  }
  return l.Constant(std::move(to), quantized.name);
}

Symbol* ReshapedQuantized(Lowering& l, const Symbol& quantized, const Shape& shape) {
  Tensor tensor = *quantized.constant;
  const Shape from = tensor.shape();
  tensor.mutable_type().shape = shape;
  int& axis = tensor.mutable_type().quant->axis;
  if (axis >= 0) {
    // The axis of as many slices with as many elements behind each.
    const auto old = static_cast<size_t>(axis);
    const int64_t inner = std::accumulate(from.begin() + axis + 1, from.end(), int64_t{1}, std::multiplies<>());
    axis = -1;
    int64_t behind = 1;
    for (size_t d = shape.size(); d-- > 0; behind *= shape[d]) {
      if (behind == inner && shape[d] == from[old]) axis = static_cast<int>(d);
    }
    if (axis < 0) return nullptr;
  }
  return l.Constant(std::move(tensor), quantized.name);
}

}  // namespace mcuc::importer
