// Quantized tensors, rule by rule of docs/numerics.md (the numbers in brackets), written for obviousness: operands are
// widened, the rule's formula is applied to each element, results are clamped and narrowed. Emitted C must give the
// same bits.
#include <algorithm>
#include <limits>

#include "Kernel.h"
#include "Windows.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Bounds.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::exec {

namespace {

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// The zero point of a value of one scale; 0 of one that is not quantized.
int32_t ZeroPoint(const Value* value) { return value->type().quant ? value->type().quant->zero_point() : 0; }

bool SameQuantization(const Value* a, const Value* b) {
  return a->type().element == b->type().element && a->type().quant == b->type().quant;
}

// Multipliers as the rules allow them: as many as `expected`, or one for all where that is allowed; each in range.
absl::Status CheckMultipliers(const Multipliers& mul, const Multipliers& shift, int64_t expected) {
  const auto fits = [&](const Multipliers& m) { return m.size() == 1 || static_cast<int64_t>(m.size()) == expected; };
  if (!fits(mul) || !fits(shift)) {
    return Invalid("mul has ", mul.size(), " and shift ", shift.size(), " entries; each must have 1 or ", expected);
  }
  for (int32_t m : mul) {
    if (m != 0 && m < (1 << 30)) return Invalid("mul holds ", m, "; it must be 0 or within [2^30, 2^31)");
  }
  for (int32_t s : shift) {
    if (s < -31 || s > 7) return Invalid("shift holds ", s, "; it must be within [-31, 7]");
  }
  return absl::OkStatus();
}

int32_t At(const Multipliers& m, int64_t i) { return m[m.size() == 1 ? 0 : static_cast<size_t>(i)]; }

// N2 and N3: q = clamp(zero_point + requantize(acc), lo, hi).
struct Output {
  const Multipliers& mul;
  const Multipliers& shift;
  int32_t zero_point;
  Clamp clamp;

  int32_t operator()(int32_t acc, int64_t channel = 0) const {
    const int64_t q = int64_t{zero_point} + RequantizeAcc(acc, At(mul, channel), At(shift, channel));
    return static_cast<int32_t>(std::clamp<int64_t>(q, clamp.lo, clamp.hi));
  }
};

// What conv and fc ask of their operands beyond the shapes [N1, N4].
absl::Status CheckWeighted(const Node& node, const Multipliers& mul, const Multipliers& shift) {
  const Type &x = node.operand(0)->type(), &w = node.operand(1)->type(), &y = node.result()->type();
  if (ElementTypeBytes(x.element) > 1 || w.element != ElementType::i8 || !w.is_quantized() || !y.is_quantized()) {
    return Invalid("a quantized ", node.op_name(), " takes 8-bit x, quantized i8 w and gives a quantized type, not ",
                   TypeText(x), ", ", TypeText(w), " -> ", TypeText(y));
  }
  const auto& zero_points = w.quant->zero_points;
  if (std::any_of(zero_points.begin(), zero_points.end(), [](int32_t z) { return z != 0; })) {
    return Invalid("w ", TypeText(w), " must have zero point 0");
  }
  if (const Value* b = node.operand(2);
      b && (!IsInteger(b->type().element) || ElementTypeBytes(b->type().element) > 4)) {
    return Invalid("b ", TypeText(b->type()), " must be i32, i16 or i8");
  }
  return CheckMultipliers(mul, shift, w.shape[0]);
}

// The bias of each output: 0 without one, else what is stored times 2^shift.
std::vector<int32_t> LoadBias(const Operands& operands, int64_t outputs, int64_t shift) {
  if (operands.size() < 3) return std::vector<int32_t>(static_cast<size_t>(outputs), 0);
  std::vector<int32_t> bias = Load<int32_t>(*operands[2]);
  for (int32_t& b : bias) b *= 1 << shift;
  return bias;
}

}  // namespace

// N4 to N6.
absl::Status IntegerConv(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ConvAttrs>();
  if (absl::Status s = CheckWeighted(node, attrs.mul, attrs.shift); !s.ok()) return s;
  const ConvShape s(attrs, operands[0]->shape(), operands[1]->shape());
  const auto zero_point = static_cast<int16_t>(ZeroPoint(node.operand(0)));
  const auto padded = PadPlanes(attrs, s, Load<int16_t>(*operands[0]), zero_point);
  if (!padded.ok()) return padded.status();
  const std::vector<int16_t> w = Load<int16_t>(*operands[1]);
  const std::vector<int32_t> bias = LoadBias(operands, s.outputs, attrs.bias_shift);
  const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(attrs.act, y.type())};
  const Windows windows = WindowsOf(attrs.pool, s.out, y.shape());

  std::vector<int32_t> acc, q;
  q.reserve(static_cast<size_t>(y.elements()));
  for (int64_t n = 0; n < s.samples; ++n) {
    for (int64_t m = 0; m < s.outputs; ++m) {
      acc.assign(static_cast<size_t>(s.out[0] * s.out[1]), bias[static_cast<size_t>(m)]);
      ConvolvePlane(attrs, s, *padded, w, n, m, acc);
      switch (attrs.pool.kind) {
        case PoolKind::none:
          for (int32_t a : acc) q.push_back(output(a, m));
          break;
        case PoolKind::max:  // N5
          ForEachWindow(windows, [&](int64_t, const std::vector<int64_t>& elements) {
            int32_t most = std::numeric_limits<int32_t>::min();
            for (int64_t i : elements) most = std::max(most, acc[static_cast<size_t>(i)]);
            q.push_back(output(most, m));
          });
          break;
        case PoolKind::avg:  // N6
          if (attrs.act.kind == ActKind::clip) return Invalid("clip is not fused with an average pool");
          ForEachWindow(windows, [&](int64_t, const std::vector<int64_t>& elements) {
            int32_t sum = 0;
            for (int64_t i : elements) {
              const int32_t a = acc[static_cast<size_t>(i)];
              sum += attrs.act.kind == ActKind::relu ? std::max(a, 0) : a;
            }
            q.push_back(output(sum, m));
          });
          break;
      }
    }
  }
  Store(q, y);
  return absl::OkStatus();
}

// N4.
absl::Status IntegerFc(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<FcAttrs>();
  if (absl::Status s = CheckWeighted(node, attrs.mul, attrs.shift); !s.ok()) return s;
  const int64_t outputs = operands[1]->shape()[0], inputs = operands[1]->shape()[1];
  const std::vector<int16_t> x = Load<int16_t>(*operands[0]), w = Load<int16_t>(*operands[1]);
  const std::vector<int32_t> bias = LoadBias(operands, outputs, attrs.bias_shift);
  const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(attrs.act, y.type())};
  std::vector<int32_t> q;
  for (int64_t row = 0; row < y.elements() / outputs; ++row) {
    for (int64_t m = 0; m < outputs; ++m) {
      const int16_t *xs = x.data() + row * inputs, *ws = w.data() + m * inputs;
      int32_t acc = bias[static_cast<size_t>(m)];
      for (int64_t k = 0; k < inputs; ++k) acc += xs[k] * ws[k];
      q.push_back(output(acc, m));
    }
  }
  Store(q, y);
  return absl::OkStatus();
}

// N8.
absl::Status IntegerAvgPool(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<AvgPoolAttrs>();
  if (absl::Status s = CheckMultipliers(attrs.mul, attrs.shift, 1); !s.ok()) return s;
  const Shape& xs = operands[0]->shape();
  const Windows windows = WindowsOf(attrs, xs, y.shape());
  const std::vector<int64_t> divisors = Divisors(windows, attrs.count_include_pad);
  const std::vector<int32_t> x = Load<int32_t>(*operands[0]);
  const int32_t zx = ZeroPoint(node.operand(0));
  const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(Act{}, y.type())};
  const int64_t whole = attrs.kernel[0] * attrs.kernel[1];  // N of the rule
  const bool partial = attrs.pads != Pads{} || attrs.ceil;
  if (whole > 4096 || (partial && 255 * whole * whole >= kAccumulatorLimit)) {
    return Invalid("a window of ", whole, " elements", partial ? ", some of them partial," : "",
                   " is too large to be averaged in 32 bits");
  }
  // Where the factor is 2^-k, a half is 2^(k - 1) more than a multiple of 2^k; an even one stays with it.
  const int32_t shift = attrs.shift[0];
  const int64_t tie = attrs.mul[0] == 1 << 30 && shift <= 0 && shift > -29 ? int64_t{1} << -shift : 0;
  std::vector<int32_t> q;
  for (int64_t plane = 0; plane < xs[0] * xs[1]; ++plane) {
    const int32_t* from = x.data() + plane * xs[2] * xs[3];
    ForEachWindow(windows, [&](int64_t window, const std::vector<int64_t>& elements) {
      int32_t acc = 0;
      for (int64_t i : elements) acc += from[i] - zx;
      const auto n = static_cast<int32_t>(divisors[static_cast<size_t>(window)]);
      if (n != whole && n > 0) acc = RoundedDivide(acc * static_cast<int32_t>(whole), n);
      if (tie > 0 && acc % (4 * tie) == (acc < 0 ? -3 * tie : tie)) --acc;
      q.push_back(output(acc));
    });
  }
  Store(q, y);
  return absl::OkStatus();
}

// N9.
absl::Status IntegerReduce(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ReduceAttrs>();
  if (attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min) {
    if (!SameQuantization(node.operand(0), node.result())) {
      return Invalid(EnumName(attrs.fn), " keeps scale and zero point: x is ", TypeText(node.operand(0)->type()),
                     ", the result ", TypeText(node.result()->type()));
    }
    return Reduce(node, operands, y);
  }
  if (absl::Status s = CheckMultipliers(attrs.mul, attrs.shift, 1); !s.ok()) return s;
  if (operands[0]->elements() / y.elements() > (1 << 22)) {
    return Invalid("a sum of ", operands[0]->elements() / y.elements(),
                   " elements; at most 2^22 are added in integers");
  }
  const std::vector<int64_t> targets = ReductionTargets(operands[0]->shape(), attrs.axes);
  const std::vector<int32_t> x = Load<int32_t>(*operands[0]);
  const int32_t zx = ZeroPoint(node.operand(0));
  const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(Act{}, y.type())};
  std::vector<int32_t> acc(static_cast<size_t>(y.elements()), 0);
  for (size_t i = 0; i < x.size(); ++i) acc[static_cast<size_t>(targets[i])] += x[i] - zx;
  for (int32_t& a : acc) a = output(a);
  Store(acc, y);
  return absl::OkStatus();
}

// N10.
absl::Status IntegerUnary(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<UnaryAttrs>();
  if ((attrs.fn != UnaryFn::relu && attrs.fn != UnaryFn::clip) || !SameQuantization(node.operand(0), node.result())) {
    return Invalid("a quantized unary is relu or clip that keeps scale and zero point (others: lut), not ",
                   EnumName(attrs.fn), " ", TypeText(node.operand(0)->type()), " -> ", TypeText(node.result()->type()));
  }
  const Clamp clamp = ClampOf(attrs, y.type());
  std::vector<int32_t> q = Load<int32_t>(*operands[0]);
  for (int32_t& v : q) v = std::clamp(v, clamp.lo, clamp.hi);
  Store(q, y);
  return absl::OkStatus();
}

// N11 and N12.
absl::Status IntegerBinary(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<BinaryAttrs>();
  const bool sum = attrs.fn == BinaryFn::add || attrs.fn == BinaryFn::sub;
  const bool extreme = attrs.fn == BinaryFn::min || attrs.fn == BinaryFn::max;
  if (sum) {
    constexpr int32_t kMost = 1 << 21;
    const auto fits = [](int32_t m) { return m >= -kMost && m <= kMost; };
    if (attrs.mul.size() != 2 || attrs.shift.size() != 1 || !fits(attrs.mul[0]) || !fits(attrs.mul[1]) ||
        attrs.shift[0] < 1 || attrs.shift[0] > 30) {
      return Invalid("a quantized ", EnumName(attrs.fn),
                     " has two multipliers within [-2^21, 2^21] and one shift within [1, 30]");
    }
  } else if (attrs.fn == BinaryFn::mul) {
    if (absl::Status s = CheckMultipliers(attrs.mul, attrs.shift, 1); !s.ok()) return s;
  } else if (!extreme || !SameQuantization(node.operand(0), node.result()) ||
             !SameQuantization(node.operand(1), node.result())) {
    return Invalid("a quantized binary is add, sub or mul, or min or max of one scale and zero point, not ",
                   EnumName(attrs.fn), " ", TypeText(node.operand(0)->type()), ", ", TypeText(node.operand(1)->type()),
                   " -> ", TypeText(node.result()->type()));
  }
  const std::vector<int32_t> a = Load<int32_t>(*operands[0]), b = Load<int32_t>(*operands[1]);
  const int32_t za = ZeroPoint(node.operand(0)), zb = ZeroPoint(node.operand(1)), zy = ZeroPoint(node.result());
  const Clamp clamp = ClampOf(attrs.act, y.type());
  const Output output{attrs.mul, attrs.shift, zy, clamp};
  const auto compute = [&](int32_t l, int32_t r) {
    if (sum) {  // N11: |acc| < 2^31
      const int32_t acc = (l - za) * attrs.mul[0] + (r - zb) * attrs.mul[1] + (1 << (attrs.shift[0] - 1));
      return std::clamp(zy + (acc >> attrs.shift[0]), clamp.lo, clamp.hi);
    }
    if (extreme) return std::clamp(attrs.fn == BinaryFn::min ? std::min(l, r) : std::max(l, r), clamp.lo, clamp.hi);
    return output((l - za) * (r - zb));  // N12
  };
  const BroadcastRows rows(operands[0]->shape(), operands[1]->shape(), y.shape());
  std::vector<int32_t> q;
  for (const auto& row : rows.rows) {
    for (int64_t i = 0; i < rows.length; ++i) {
      q.push_back(
          compute(a[static_cast<size_t>(row.a + i * rows.a_step)], b[static_cast<size_t>(row.b + i * rows.b_step)]));
    }
  }
  Store(q, y);
  return absl::OkStatus();
}

// N14.
absl::Status IntegerSoftmax(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<SoftmaxAttrs>();
  if (operands.size() < 2 || operands[1]->type().element != ElementType::i32 || attrs.log) {
    return Invalid("a quantized softmax has a table of i32[256] and is not a logarithm");
  }
  const auto table = operands[1]->data<int32_t>();
  const AxisView view(y.shape(), attrs.axis);
  const std::vector<int32_t> x = Load<int32_t>(*operands[0]);
  std::vector<int32_t> q(x.size());
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t k = 0; k < view.inner; ++k) {
      const auto at = [&](int64_t i) { return static_cast<size_t>((o * view.n + i) * view.inner + k); };
      int32_t most = x[at(0)];
      for (int64_t i = 1; i < view.n; ++i) most = std::max(most, x[at(i)]);
      const auto e = [&](int64_t i) { return static_cast<uint32_t>(table[static_cast<size_t>(most - x[at(i)])]); };
      uint32_t sum = 0;
      for (int64_t i = 0; i < view.n; ++i) sum += e(i);
      if (sum == 0) return Invalid("the exponentials of a row add up to 0; table[0] must be over 0");
      for (int64_t i = 0; i < view.n; ++i) {
        const uint32_t quotient = (256 * e(i) + sum / 2) / sum;
        q[at(i)] = static_cast<int32_t>(std::min<int64_t>(127, int64_t{quotient} - 128));
      }
    }
  }
  Store(q, y);
  return absl::OkStatus();
}

// N13.
absl::Status IntegerLut(const Node&, const Operands& operands, Tensor& y) {
  if (operands[0]->type().element != ElementType::i8 || operands[1]->type().element != y.type().element) {
    return Invalid("lut takes an i8 and a table of the result's element type, not ", TypeText(operands[0]->type()),
                   ", ", TypeText(operands[1]->type()), " -> ", TypeText(y.type()));
  }
  const std::vector<int32_t> x = Load<int32_t>(*operands[0]), table = Load<int32_t>(*operands[1]);
  std::vector<int32_t> q;
  for (int32_t v : x) q.push_back(table[static_cast<size_t>(v + 128)]);
  Store(q, y);
  return absl::OkStatus();
}

// N15.
absl::Status IntegerConcat(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ConcatAttrs>();
  const auto count = static_cast<int64_t>(operands.size());
  if (attrs.mul.empty() && attrs.shift.empty()) {
    for (const Value* x : node.operands()) {
      if (!SameQuantization(x, node.result())) {
        return Invalid("without multipliers every operand has the result's type: ", TypeText(x->type()), " -> ",
                       TypeText(y.type()));
      }
    }
    return Concat(node, operands, y);
  }
  if (absl::Status s = CheckMultipliers(attrs.mul, attrs.shift, count); !s.ok()) return s;
  const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(Act{}, y.type())};
  std::vector<Tensor> converted;
  for (int64_t i = 0; i < count; ++i) {
    const Tensor& x = *operands[static_cast<size_t>(i)];
    const int32_t zx = ZeroPoint(node.operand(static_cast<size_t>(i)));
    std::vector<int32_t> q = Load<int32_t>(x);
    for (int32_t& v : q) v = output(v - zx, i);
    Store(q, converted.emplace_back(WithShape(y.type(), x.shape())));
  }
  Operands pointers;
  for (const Tensor& x : converted) pointers.push_back(&x);
  return Concat(node, pointers, y);
}

// N15.
absl::Status IntegerRequantize(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<RequantizeAttrs>();
  if (!y.type().is_quantized()) return Invalid("requantize gives a quantized type, not ", TypeText(y.type()));
  std::vector<int32_t> q = Load<int32_t>(*operands[0]);
  if (attrs.mul.empty() && attrs.shift.empty()) {
    if (!SameQuantization(node.operand(0), node.result())) {
      return Invalid("without multipliers scale and zero point stay: ", TypeText(node.operand(0)->type()), " -> ",
                     TypeText(y.type()));
    }
  } else {
    if (absl::Status s = CheckMultipliers(attrs.mul, attrs.shift, 1); !s.ok()) return s;
    const int32_t zx = ZeroPoint(node.operand(0));
    const Output output{attrs.mul, attrs.shift, ZeroPoint(node.result()), ClampOf(Act{}, y.type())};
    for (int32_t& v : q) v = output(v - zx);
  }
  Store(q, y);
  return absl::OkStatus();
}

// N16.
absl::Status IntegerResize(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ResizeAttrs>();
  if (!SameQuantization(node.operand(0), node.result())) {
    return Invalid("resize keeps scale and zero point: ", TypeText(node.operand(0)->type()), " -> ",
                   TypeText(y.type()));
  }
  if (attrs.mode == ResizeMode::nearest) {
    ResizeNearest(attrs, *operands[0], y);
    return absl::OkStatus();
  }
  const Shape &xs = operands[0]->shape(), &ys = y.shape();
  const ResizeAxis rows = ResizeAxisOf(attrs, xs[2], ys[2], ResizeScale(attrs, xs, ys, 2));
  const ResizeAxis columns = ResizeAxisOf(attrs, xs[3], ys[3], ResizeScale(attrs, xs, ys, 3));
  const auto fixed = [](float fraction) { return static_cast<int32_t>(double{fraction} * 1024 + 0.5); };
  const std::vector<int32_t> x = Load<int32_t>(*operands[0]);
  std::vector<int32_t> q;
  for (int64_t plane = 0; plane < xs[0] * xs[1]; ++plane) {
    const int32_t* from = x.data() + plane * xs[2] * xs[3];
    for (size_t h = 0; h < rows.lo.size(); ++h) {
      const int32_t *above = from + rows.lo[h] * xs[3], *below = from + rows.hi[h] * xs[3];
      const int32_t fy = fixed(rows.fraction[h]);
      for (size_t w = 0; w < columns.lo.size(); ++w) {
        const int64_t left = columns.lo[w], right = columns.hi[w];
        const int32_t fx = fixed(columns.fraction[w]);
        const int32_t acc = (1024 - fy) * ((1024 - fx) * above[left] + fx * above[right]) +
                            fy * ((1024 - fx) * below[left] + fx * below[right]);
        q.push_back((acc + (1 << 19)) >> 20);
      }
    }
  }
  Store(q, y);
  return absl::OkStatus();
}

}  // namespace mcuc::exec
