// Elementwise operators: functions of one tensor, of two broadcast against each other, and of any number of them.
#include <cmath>
#include <limits>

#include "Lowering.h"

namespace mcuc::importer {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <UnaryFn kFn>
absl::Status LowerUnary(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(l.Add(UnaryAttrs{.fn = kFn}, {l.input(0)}));
}

absl::Status LowerLeakyRelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(l.Add(UnaryAttrs{.fn = UnaryFn::leaky_relu, .alpha = l.Float("alpha", 0.01f)}, {l.input(0)}));
}

absl::Status LowerElu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(l.Add(UnaryAttrs{.fn = UnaryFn::elu, .alpha = l.Float("alpha", 1.0f)}, {l.input(0)}));
}

absl::Status LowerHardSigmoid(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  UnaryAttrs attrs{.fn = UnaryFn::hard_sigmoid, .alpha = l.Float("alpha", 0.2f), .beta = l.Float("beta", 0.5f)};
  return l.Return(l.Add(attrs, {l.input(0)}));
}

absl::StatusOr<Symbol*> Clip(Lowering& l, Symbol* x, float lo, float hi) {
  if (std::isnan(lo) || std::isnan(hi)) return Unsupported("a bound of Clip is NaN");
  if (lo == 0.0f && hi == kInfinity) return l.Add(UnaryAttrs{.fn = UnaryFn::relu}, {x});
  lo = std::min(lo, hi);  // min(max(x, lo), hi) is hi wherever lo is above it
  return l.Add(UnaryAttrs{.fn = UnaryFn::clip, .alpha = lo, .beta = hi}, {x});
}

absl::Status LowerClipAttributes(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(Clip(l, l.input(0), l.Float("min", -kInfinity), l.Float("max", kInfinity)));
}

// Bounds as inputs: constant ones of a float tensor are a clip, others a maximum and a minimum.
absl::Status LowerClipInputs(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Symbol* x = l.input(0);
  Symbol* bounds[2] = {l.input(1), l.input(2)};
  float values[2] = {-kInfinity, kInfinity};
  bool constant = x->type.element == ElementType::f32;
  for (size_t i = 0; i < 2; ++i) {
    if (!bounds[i]) continue;
    if (Elements(bounds[i]->shape()) != 1) {
      return Unsupported("input ", 1 + i, " (", i == 0 ? "min" : "max", ") [", ShapeText(bounds[i]->shape()),
                         "] must be a scalar");
    }
    if (bounds[i]->is_constant()) {
      values[i] = static_cast<float>(bounds[i]->constant->AsDouble(0));
    } else {
      constant = false;
    }
  }
  if (constant) return l.Return(Clip(l, x, values[0], values[1]));
  for (size_t i = 0; i < 2; ++i) {
    if (!bounds[i]) continue;
    MCUC_ASSIGN_OR_RETURN(Symbol * bound, l.Reshape(bounds[i], {}));
    MCUC_ASSIGN_OR_RETURN(x, l.Add(BinaryAttrs{.fn = i == 0 ? BinaryFn::max : BinaryFn::min}, {x, bound}));
  }
  return l.Return(x);
}

template <BinaryFn kFn>
absl::Status LowerBinary(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(l.Add(BinaryAttrs{.fn = kFn}, {l.input(0), l.input(1)}));
}

// The exponent may be of another type; the result has that of the base.
absl::Status LowerPow(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Symbol *base = l.input(0), *exponent = l.input(1);
  const ElementType element = base->type.element;
  if (IsFloat(exponent->type.element) && !IsFloat(element)) {
    MCUC_ASSIGN_OR_RETURN(base, l.Cast(base, exponent->type.element));
  } else {
    MCUC_ASSIGN_OR_RETURN(exponent, l.Cast(exponent, element));
  }
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(BinaryAttrs{.fn = BinaryFn::pow}, {base, exponent}));
  return l.Return(l.Cast(y, element));
}

// The slope broadcasts to x, not x to it.
absl::Status LowerPRelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(BinaryAttrs{.fn = BinaryFn::prelu}, {l.input(0), l.input(1)}));
  if (y->shape() != l.shape(0)) {
    return Unsupported("slope [", ShapeText(l.shape(1)), "] does not broadcast to the input [", ShapeText(l.shape(0)),
                       "]");
  }
  return l.Return(y);
}

template <BinaryFn kFn>
absl::StatusOr<Symbol*> Chain(Lowering& l) {
  Symbol* y = l.input(0);
  for (size_t i = 1; i < l.inputs(); ++i) {
    MCUC_ASSIGN_OR_RETURN(y, l.Add(BinaryAttrs{.fn = kFn}, {y, l.input(i)}));
  }
  return y;
}

template <BinaryFn kFn>
absl::Status LowerVariadic(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(Chain<kFn>(l));
}

absl::Status LowerMean(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(Symbol * sum, Chain<BinaryFn::add>(l));
  if (l.inputs() == 1) return l.Return(sum);
  Symbol* count = l.Scalar(static_cast<double>(l.inputs()), sum->type.element);
  return l.Return(l.Add(BinaryAttrs{.fn = BinaryFn::div}, {sum, count}));
}

absl::Status LowerReciprocal(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Symbol* one = l.Scalar(1.0, l.input(0)->type.element);
  return l.Return(l.Add(BinaryAttrs{.fn = BinaryFn::div}, {one, l.input(0)}));
}

const Operator kOperators[] = {
    {"Relu", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::relu>},
    {"LeakyRelu", 6, kMaxOpset, 1, 1, 1, "alpha:f", LowerLeakyRelu},
    {"Elu", 6, kMaxOpset, 1, 1, 1, "alpha:f", LowerElu},
    {"Sigmoid", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::sigmoid>},
    {"HardSigmoid", 6, kMaxOpset, 1, 1, 1, "alpha:f beta:f", LowerHardSigmoid},
    {"HardSwish", 14, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::hard_swish>},
    {"Tanh", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::tanh>},
    {"Softplus", 1, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::softplus>},
    {"Exp", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::exp>},
    {"Log", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::log>},
    {"Sqrt", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::sqrt>},
    {"Abs", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::abs>},
    {"Neg", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::neg>},
    {"Floor", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::floor>},
    {"Ceil", 6, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::ceil>},
    {"Round", 11, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::round>},
    {"Sign", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::sign>},
    {"Erf", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::erf>},
    {"Sin", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::sin>},
    {"Cos", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::cos>},
    {"Tan", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::tan>},
    {"Asin", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::asin>},
    {"Acos", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::acos>},
    {"Atan", 7, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::atan>},
    {"Sinh", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::sinh>},
    {"Cosh", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::cosh>},
    {"Asinh", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::asinh>},
    {"Acosh", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::acosh>},
    {"Atanh", 9, kMaxOpset, 1, 1, 1, "", LowerUnary<UnaryFn::atanh>},
    {"Reciprocal", 6, kMaxOpset, 1, 1, 1, "", LowerReciprocal},
    {"Clip", 6, 10, 1, 1, 1, "max:f min:f", LowerClipAttributes},
    {"Clip", 11, kMaxOpset, 1, 3, 1, "", LowerClipInputs},
    {"Add", 7, kMaxOpset, 2, 2, 1, "", LowerBinary<BinaryFn::add>},
    {"Sub", 7, kMaxOpset, 2, 2, 1, "", LowerBinary<BinaryFn::sub>},
    {"Mul", 7, kMaxOpset, 2, 2, 1, "", LowerBinary<BinaryFn::mul>},
    {"Div", 7, kMaxOpset, 2, 2, 1, "", LowerBinary<BinaryFn::div>},
    {"Pow", 7, kMaxOpset, 2, 2, 1, "", LowerPow},
    {"PRelu", 7, kMaxOpset, 2, 2, 1, "", LowerPRelu},
    {"Min", 6, kMaxOpset, 1, kAny, 1, "", LowerVariadic<BinaryFn::min>},
    {"Max", 6, kMaxOpset, 1, kAny, 1, "", LowerVariadic<BinaryFn::max>},
    {"Sum", 6, kMaxOpset, 1, kAny, 1, "", LowerVariadic<BinaryFn::add>},
    {"Mean", 6, kMaxOpset, 1, kAny, 1, "", LowerMean},
};

}  // namespace

std::span<const Operator> ElementwiseOperators() { return kOperators; }

}  // namespace mcuc::importer
