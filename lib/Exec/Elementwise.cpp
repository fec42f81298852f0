// Elementwise functions of one and two operands, activations, casts, and conversions to and from quantized types.
// Floats compute in their own precision; other element types by value, integers wrapping as in C.
#include <algorithm>
#include <cmath>
#include <limits>

#include "Kernel.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc::exec {

namespace {

// A value of another type: integers wrap, floats truncate towards zero and saturate (NaN: 0), b8 is "not 0".
template <typename To, typename From>
To ConvertValue(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(v)) return 0;
    // The highest value may round up to a power of two, which is then already beyond the range.
    if (v >= static_cast<From>(Limits::max())) return Limits::max();
    if (v <= static_cast<From>(Limits::lowest())) return Limits::lowest();
    return static_cast<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

template <typename T>
T Sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

// The functions as ONNX defines them; alpha and beta are their parameters, the importer fills in ONNX's defaults.
// Inlined, so that each loop has its one function alone.
template <typename T>
[[gnu::always_inline]] inline T Compute(UnaryFn fn, T x, T alpha, T beta) {
  switch (fn) {
    case UnaryFn::relu:
      return x < 0 ? T(0) : x;
    case UnaryFn::clip:
      return x < alpha ? alpha : x > beta ? beta : x;
    case UnaryFn::leaky_relu:
      return x < 0 ? alpha * x : x;
    case UnaryFn::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryFn::sigmoid:
      return Sigmoid(x);
    case UnaryFn::hard_sigmoid:
      return std::max(T(0), std::min(T(1), alpha * x + beta));
    case UnaryFn::hard_swish:
      return x * std::max(T(0), std::min(T(1), x / T(6) + T(0.5)));
    case UnaryFn::tanh:
      return std::tanh(x);
    case UnaryFn::softplus:  // log(1 + exp(x)) without overflow
      return std::max(x, T(0)) + std::log1p(std::exp(-std::fabs(x)));
    case UnaryFn::exp:
      return std::exp(x);
    case UnaryFn::log:
      return std::log(x);
    case UnaryFn::sqrt:
      return std::sqrt(x);
    case UnaryFn::abs:
      return std::fabs(x);
    case UnaryFn::neg:
      return -x;
    case UnaryFn::floor:
      return std::floor(x);
    case UnaryFn::ceil:
      return std::ceil(x);
    case UnaryFn::round:  // half to even
      return std::nearbyint(x);
    case UnaryFn::erf:
      return std::erf(x);
    case UnaryFn::sin:
      return std::sin(x);
    case UnaryFn::cos:
      return std::cos(x);
    case UnaryFn::tan:
      return std::tan(x);
    case UnaryFn::asin:
      return std::asin(x);
    case UnaryFn::acos:
      return std::acos(x);
    case UnaryFn::atan:
      return std::atan(x);
    case UnaryFn::sinh:
      return std::sinh(x);
    case UnaryFn::cosh:
      return std::cosh(x);
    case UnaryFn::asinh:
      return std::asinh(x);
    case UnaryFn::acosh:
      return std::acosh(x);
    case UnaryFn::atanh:
      return std::atanh(x);
    case UnaryFn::sign:
      return static_cast<T>((x > 0) - (x < 0));
    case UnaryFn::bit_not:
      break;  // integers only (Verify)
  }
  return x;
}

// Bounds of a clip of integers: the integers within the real bounds.
template <typename T>
T Bounded(T x, float lo, float hi) {
  const T least = ConvertValue<T>(std::ceil(static_cast<double>(lo)));
  const T most = ConvertValue<T>(std::floor(static_cast<double>(hi)));
  return x < least ? least : x > most ? most : x;
}

// Integers: what is exact stays in integers, the rest goes through double.
template <typename T>
T ComputeInteger(UnaryFn fn, T x, float alpha, float beta) {
  switch (fn) {
    case UnaryFn::relu:
      return x < T{0} ? T{0} : x;
    case UnaryFn::clip:
      return Bounded(x, alpha, beta);
    case UnaryFn::abs:
      return x < T{0} ? static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x)) : x;
    case UnaryFn::neg:
      return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x));
    case UnaryFn::floor:
      return x;
    case UnaryFn::sign:
      return static_cast<T>((x > T{0}) - (x < T{0}));
    case UnaryFn::bit_not:
      if constexpr (std::is_same_v<T, bool>) {
        return !x;
      } else {
        return static_cast<T>(~static_cast<uint64_t>(x));
      }
    default:
      return ConvertValue<T>(Compute<double>(fn, static_cast<double>(x), alpha, beta));
  }
}

template <typename T>
T ComputeFloat(BinaryFn fn, T a, T b) {
  switch (fn) {
    case BinaryFn::add:
      return a + b;
    case BinaryFn::sub:
      return a - b;
    case BinaryFn::mul:
      return a * b;
    case BinaryFn::div:
      return a / b;
    case BinaryFn::min:
      return b < a ? b : a;
    case BinaryFn::max:
      return b > a ? b : a;
    case BinaryFn::pow:
      return std::pow(a, b);
    case BinaryFn::prelu:
      return a < 0 ? a * b : a;
    case BinaryFn::fmod:
      return std::fmod(a, b);
    case BinaryFn::mod:
    case BinaryFn::bit_and:
    case BinaryFn::bit_or:
    case BinaryFn::bit_xor:
    case BinaryFn::shift_left:
    case BinaryFn::shift_right:
      break;  // integers only (Verify)
  }
  return a;
}

template <typename T>
T IntegerPower(T base, T exponent) {
  if (exponent < T{0}) {  // the real power, truncated
    if (base == T{1}) return 1;
    if constexpr (std::is_signed_v<T>) {
      if (base == T{-1}) return exponent % T{2} == T{0} ? T{1} : T{-1};
    }
    return 0;
  }
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  for (auto e = static_cast<uint64_t>(exponent); e != 0; e >>= 1, square *= square) {
    if (e & 1) result *= square;
  }
  return static_cast<T>(result);
}

template <typename T>
T ComputeInteger(BinaryFn fn, T a, T b) {
  const auto u = static_cast<uint64_t>(a), v = static_cast<uint64_t>(b);
  switch (fn) {
    case BinaryFn::add:
      return static_cast<T>(u + v);
    case BinaryFn::sub:
      return static_cast<T>(u - v);
    case BinaryFn::mul:
      return static_cast<T>(u * v);
    case BinaryFn::div:  // not 0: see Binary
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return static_cast<T>(uint64_t{0} - u);  // the lowest value wraps
      }
      return static_cast<T>(a / b);
    case BinaryFn::min:
      return std::min(a, b);
    case BinaryFn::max:
      return std::max(a, b);
    case BinaryFn::pow:
      return IntegerPower(a, b);
    case BinaryFn::prelu:
      return a < T{0} ? static_cast<T>(u * v) : a;
    case BinaryFn::mod:  // of the divisor's sign; the divisor is not 0: see Binary
    case BinaryFn::fmod: {
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return 0;
      }
      const T rest = static_cast<T>(a % b);
      const bool other_sign = fn == BinaryFn::mod && rest != T{0} && (rest < T{0}) != (b < T{0});
      return other_sign ? static_cast<T>(rest + b) : rest;
    }
    case BinaryFn::bit_and:
      return static_cast<T>(u & v);
    case BinaryFn::bit_or:
      return static_cast<T>(u | v);
    case BinaryFn::bit_xor:
      return static_cast<T>(u ^ v);
    case BinaryFn::shift_left:  // beyond the type's bits, everything is shifted out
      return v < 8 * sizeof(T) ? static_cast<T>(u << v) : T{0};
    case BinaryFn::shift_right:
      return v < 8 * sizeof(T) ? static_cast<T>(a >> v) : a < T{0} ? static_cast<T>(~uint64_t{0}) : T{0};
  }
  return a;
}

// One loop a function, so that the choice of the function is outside of it; BinaryLoop likewise.
template <typename T>
void UnaryLoop(const UnaryAttrs& attrs, std::span<const T> x, std::span<T> y) {
  const auto compute = [&](UnaryFn fn, T v) {
    if constexpr (std::is_floating_point_v<T>) {
      return Compute<T>(fn, v, T(attrs.alpha), T(attrs.beta));
    } else {
      return ComputeInteger<T>(fn, v, attrs.alpha, attrs.beta);
    }
  };
  switch (attrs.fn) {
#define X(name)                                                                \
  case UnaryFn::name:                                                          \
    for (size_t i = 0; i < x.size(); ++i) y[i] = compute(UnaryFn::name, x[i]); \
    break;
    MCUC_UNARY_FNS(X)
#undef X
  }
}

template <typename T>
void BinaryLoop(BinaryFn fn, const BroadcastRows& rows, const T* a, const T* b, T* y) {
  const auto loop = [&](auto f) {
    for (const auto& row : rows.rows) {
      const T *from_a = a + row.a, *from_b = b + row.b;
      T* to = y + row.y;
      for (int64_t i = 0; i < rows.length; ++i) to[i] = f(from_a[i * rows.a_step], from_b[i * rows.b_step]);
    }
  };
  const auto compute = [](BinaryFn which, T l, T r) {
    if constexpr (std::is_floating_point_v<T>) {
      return ComputeFloat(which, l, r);
    } else {
      return ComputeInteger(which, l, r);
    }
  };
  switch (fn) {
#define X(name)                                                    \
  case BinaryFn::name:                                             \
    loop([&](T l, T r) { return compute(BinaryFn::name, l, r); }); \
    break;
    MCUC_BINARY_FNS(X)
#undef X
  }
}

}  // namespace

BroadcastRows::BroadcastRows(const Shape& a, const Shape& b, const Shape& y) {
  if (y.empty()) {
    rows.push_back({0, 0, 0});
    return;
  }
  // Steps of a and b along each dimension of y; 0 where they are broadcast.
  const auto steps = [&](const Shape& s) {
    std::vector<int64_t> result(y.size(), 0);
    const std::vector<int64_t> strides = Strides(s);
    for (size_t d = 0; d < s.size(); ++d) {
      if (s[d] != 1) result[y.size() - s.size() + d] = strides[d];
    }
    return result;
  };
  const std::vector<int64_t> a_steps = steps(a), b_steps = steps(b);
  length = y.back();
  a_step = a_steps.back();
  b_step = b_steps.back();
  std::vector<int64_t> at(y.size() - 1, 0);
  Row row{0, 0, 0};
  for (;;) {
    rows.push_back(row);
    row.y += length;
    size_t d = at.size();
    for (; d-- > 0;) {
      row.a += a_steps[d];
      row.b += b_steps[d];
      if (++at[d] < y[d]) break;
      row.a -= y[d] * a_steps[d];
      row.b -= y[d] * b_steps[d];
      at[d] = 0;
    }
    if (d == static_cast<size_t>(-1)) return;
  }
}

void ApplyAct(const Act& act, Tensor& y) {
  if (act.kind == ActKind::none) return;
  const UnaryFn fn = act.kind == ActKind::relu ? UnaryFn::relu : UnaryFn::clip;
  Dispatch(y.type().element, [&](auto zero) {
    using T = decltype(zero);
    for (T& v : y.data<T>()) {
      if constexpr (std::is_floating_point_v<T>) {
        v = fn == UnaryFn::relu ? (v < 0 ? T(0) : v) : Compute<T>(UnaryFn::clip, v, T(act.lo), T(act.hi));
      } else {
        v = ComputeInteger<T>(fn, v, act.lo, act.hi);
      }
    }
  });
}

absl::Status Unary(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<UnaryAttrs>();
  Dispatch(y.type().element, [&](auto zero) {
    using T = decltype(zero);
    UnaryLoop<T>(attrs, operands[0]->data<T>(), y.data<T>());
  });
  return absl::OkStatus();
}

absl::Status Binary(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<BinaryAttrs>();
  const Tensor &a = *operands[0], &b = *operands[1];
  const bool divides = attrs.fn == BinaryFn::div || attrs.fn == BinaryFn::mod || attrs.fn == BinaryFn::fmod;
  if (divides && !y.type().is_float()) {
    for (int64_t i = 0; i < b.elements(); ++i) {
      if (b.AsInt(i) == 0)
        return absl::InvalidArgumentError(absl::StrCat("integer division by zero: element ", i, " of b"));
    }
  }
  const BroadcastRows rows(a.shape(), b.shape(), y.shape());
  Dispatch(y.type().element, [&](auto zero) {
    using T = decltype(zero);
    BinaryLoop<T>(attrs.fn, rows, a.data<T>().data(), b.data<T>().data(), y.data<T>().data());
  });
  ApplyAct(attrs.act, y);
  return absl::OkStatus();
}

absl::Status Cast(const Node&, const Operands& operands, Tensor& y) {
  Dispatch(operands[0]->type().element, [&](auto zero) {
    using From = decltype(zero);
    const auto from = operands[0]->data<From>();
    Dispatch(y.type().element, [&](auto to_zero) {
      using To = decltype(to_zero);
      const auto to = y.data<To>();
      for (size_t i = 0; i < from.size(); ++i) to[i] = ConvertValue<To>(from[i]);
    });
  });
  return absl::OkStatus();
}

absl::Status Convert(const Node& node, const Operands& operands, Tensor& y) {
  Tensor x = *operands[0];
  x.mutable_type().quant = node.operand(0)->type().quant;
  y = ConvertTensor(x, Type(y.type()));
  return absl::OkStatus();
}

}  // namespace mcuc::exec

namespace mcuc {

double UnaryValue(const UnaryAttrs& attrs, double x) {
  return exec::Compute<double>(attrs.fn, x, attrs.alpha, attrs.beta);
}

double BinaryValue(BinaryFn fn, double a, double b) { return exec::ComputeFloat<double>(fn, a, b); }

namespace {

// Calls f(i, channel) for each element; the channel is its index along the axis of the scales.
template <typename F>
void ForEachChannel(const Type& type, F&& f) {
  const int axis = type.quant->per_tensor() ? -1 : type.quant->axis;
  const exec::AxisView view(type.shape, axis);
  int64_t i = 0;
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t c = 0; c < view.n; ++c) {
      for (int64_t k = 0; k < view.inner; ++k) f(i++, c);
    }
  }
}

// N18; other types by value. The reals of an integer type beyond 2^24 round.
std::vector<float> Reals(const Tensor& x) {
  std::vector<float> reals = exec::Load<float>(x);
  if (x.type().quant) {
    const std::vector<int64_t> q = exec::Load<int64_t>(x);
    ForEachChannel(x.type(), [&](int64_t i, int64_t channel) {
      const auto at = static_cast<size_t>(i);
      reals[at] = DequantizeValue(static_cast<int32_t>(q[at]), x.type(), channel);
    });
  }
  return reals;
}

}  // namespace

Tensor ConvertTensor(const Tensor& tensor, const Type& type) {
  if (tensor.encoded()) return ConvertTensor(Decode(tensor).value(), type);
  Type dense = type;
  dense.encoding = Encoding::kDense;
  Tensor y(dense);
  const Type& from = tensor.type();
  if (from.element == type.element && from.quant == type.quant) {
    std::copy(tensor.bytes().begin(), tensor.bytes().end(), y.bytes().begin());
  } else if (type.quant) {
    const std::vector<float> reals = Reals(tensor);
    std::vector<int32_t> q(reals.size());
    ForEachChannel(type, [&](int64_t i, int64_t channel) {
      q[static_cast<size_t>(i)] = QuantizeReal(reals[static_cast<size_t>(i)], type, channel);
    });
    exec::Store(q, y);
  } else {
    Tensor reals = tensor;
    if (from.quant) {
      Type float_type{ElementType::f32, from.shape};
      const std::vector<float> values = Reals(tensor);
      reals = Tensor(float_type);
      exec::Store(values, reals);
    }
    static_cast<void>(exec::Cast(Node(), {&reals}, y));  // never fails
  }
  return y;
}

}  // namespace mcuc
