// Activations that are made of other elementwise functions.
#include <cmath>

#include "Compose.h"

namespace mcuc::importer {

namespace {

// gamma * (x or alpha * (exp(x) - 1))
absl::Status LowerSelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* y = c.Unary(UnaryFn::elu, l.input(0), l.Float("alpha", 1.67326319217681884765625f));
  return c.Return(c.Mul(y, c.Scalar(static_cast<double>(l.Float("gamma", 1.05070102214813232421875f)), y)));
}

// alpha * elu(x / alpha): x, or alpha * (exp(x / alpha) - 1)
absl::Status LowerCelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* alpha = c.Scalar(static_cast<double>(l.Float("alpha", 1.0f)), l.input(0));
  return c.Return(c.Mul(c.Unary(UnaryFn::elu, c.Div(l.input(0), alpha), 1.0f), alpha));
}

absl::Status LowerMish(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Mul(l.input(0), c.Unary(UnaryFn::tanh, c.Unary(UnaryFn::softplus, l.input(0)))));
}

absl::Status LowerSwish(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* alpha = c.Scalar(static_cast<double>(l.Float("alpha", 1.0f)), l.input(0));
  return c.Return(c.Mul(l.input(0), c.Unary(UnaryFn::sigmoid, c.Mul(l.input(0), alpha))));
}

// x / (1 + |x|)
absl::Status LowerSoftsign(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = l.input(0);
  return c.Return(c.Div(x, c.Add(c.Unary(UnaryFn::abs, x), c.Scalar(1, x))));
}

absl::Status LowerThresholdedRelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* alpha = c.Scalar(static_cast<double>(l.Float("alpha", 1.0f)), x);
  return c.Return(c.Select(c.Compare(CompareFn::less, alpha, x), x, c.Scalar(0, x)));
}

// x + bias below -lambd, x - bias above lambd, else 0
absl::Status LowerShrink(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  Symbol* x = l.input(0);
  const auto lambd = static_cast<double>(l.Float("lambd", 0.5f)), bias = static_cast<double>(l.Float("bias", 0.0f));
  Symbol* above = c.Compare(CompareFn::less, c.Scalar(lambd, x), x);
  Symbol* below = c.Compare(CompareFn::less, x, c.Scalar(-lambd, x));
  Symbol* up = c.Select(above, c.Sub(x, c.Scalar(bias, x)), c.Scalar(0, x));
  return c.Return(c.Select(below, c.Add(x, c.Scalar(bias, x)), up));
}

// x / 2 * (1 + erf(x / sqrt(2))), or its approximation by tanh
absl::Status LowerGelu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const std::string approximate = l.String("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    return Unsupported("approximate = \"", approximate, "\"; supported: none, tanh");
  }
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* inner = nullptr;
  if (approximate == "none") {
    inner = c.Unary(UnaryFn::erf, c.Mul(x, c.Scalar(std::sqrt(0.5), x)));
  } else {
    Symbol* cube = c.Mul(c.Mul(x, x), x);
    inner = c.Add(x, c.Mul(cube, c.Scalar(0.044715, x)));
    inner = c.Unary(UnaryFn::tanh, c.Mul(inner, c.Scalar(std::sqrt(2 / std::acos(-1.0)), x)));
  }
  return c.Return(c.Mul(c.Mul(x, c.Scalar(0.5, x)), c.Add(inner, c.Scalar(1, x))));
}

const Operator kOperators[] = {
    {"Selu", 6, kMaxOpset, 1, 1, 1, "alpha:f gamma:f", LowerSelu},
    {"Celu", 12, kMaxOpset, 1, 1, 1, "alpha:f", LowerCelu},
    {"Mish", 18, kMaxOpset, 1, 1, 1, "", LowerMish},
    {"Softsign", 1, kMaxOpset, 1, 1, 1, "", LowerSoftsign},
    {"ThresholdedRelu", 10, kMaxOpset, 1, 1, 1, "alpha:f", LowerThresholdedRelu},
    {"Shrink", 9, kMaxOpset, 1, 1, 1, "bias:f lambd:f", LowerShrink},
    {"Gelu", 20, kMaxOpset, 1, 1, 1, "approximate:s", LowerGelu},
    {"com.microsoft.Gelu", 7, kMaxOpset, 1, 1, 1, "", LowerGelu},
    {"com.microsoft.QuickGelu", 7, kMaxOpset, 1, 1, 1, "alpha:f", LowerSwish},
};

}  // namespace

std::span<const Operator> ActivationOperators() { return kOperators; }

}  // namespace mcuc::importer
