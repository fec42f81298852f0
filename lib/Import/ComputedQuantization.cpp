// Scales and zero points as operands of elementwise operations.
#include "ComputedQuantization.h"

namespace mcuc::importer {

namespace {

// In the shape that broadcasts along an axis of x, in float.
Symbol* Along(Compose& c, Symbol* values, const Symbol* x, int64_t axis) {
  if (!values) return nullptr;
  const int64_t n = Elements(values->shape());
  Shape shape;
  if (n > 1) {
    if (axis < 0 || axis >= x->rank() || x->shape()[static_cast<size_t>(axis)] != n) {
      c.Fail(Unsupported(n, " scales do not fit axis ", axis, " of the tensor [", ShapeText(x->shape()), "]"));
      return nullptr;
    }
    shape.assign(static_cast<size_t>(x->rank() - axis), 1);
    shape[0] = n;
  }
  return c.Cast(c.Reshape(values, shape), ElementType::f32);
}

}  // namespace

bool HasConstantParameters(const Lowering& l, size_t scale, size_t zero_point) {
  const auto constant = [&](size_t i) { return !l.input(i) || l.input(i)->is_constant(); };
  return constant(scale) && constant(zero_point);
}

absl::StatusOr<Symbol*> DequantizeComputed(Lowering& l, Symbol* x, Symbol* scale, Symbol* zero_point, int64_t axis) {
  if (!scale) return Unsupported("a scale is missing");
  if (x->type.quant) return Unsupported("a tensor of a constant scale is read with a computed one");
  Compose c(l);
  Symbol* y = c.Cast(x, ElementType::f32);
  if (zero_point) y = c.Sub(y, Along(c, zero_point, x, axis));
  y = c.Mul(y, Along(c, scale, x, axis));
  if (!y) return c.status();
  return y;
}

absl::StatusOr<Symbol*> QuantizeComputed(Lowering& l, Symbol* x, Symbol* scale, Symbol* zero_point, int64_t axis,
                                         ElementType element) {
  if (!scale) return Unsupported("a scale is missing");
  if (!IsInteger(element) || ElementTypeBytes(element) > 2) {
    return Unsupported("quantizing to ", ElementTypeName(element), " is not supported; supported: 8 and 16 bits");
  }
  Compose c(l);
  Symbol* y = c.Unary(UnaryFn::round, c.Div(c.Cast(x, ElementType::f32), Along(c, scale, x, axis)));
  if (zero_point) y = c.Add(y, Along(c, zero_point, x, axis));
  y = c.Unary(UnaryFn::clip, y, static_cast<float>(IntegerMin(element)), static_cast<float>(IntegerMax(element)));
  y = c.Cast(y, element);
  if (!y) return c.status();
  return y;
}

}  // namespace mcuc::importer
