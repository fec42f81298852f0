// Bounds on every element of every value, from the inputs on. Operations that are monotone are evaluated on the lower
// and on the upper bounds by the interpreter itself, so that a constant has the bits that running the graph would give;
// those of conv and fc are interval arithmetic on the accumulator.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "Canonicalize.h"
#include "PruneChannels.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc::channels {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool IsInt8(const Type& type) { return type.element == ElementType::i8 && type.is_quantized(); }
bool IsBounded(const Type& type) { return type.element == ElementType::f32 || IsInt8(type); }

Bounds Unknown(const Type& type) {
  Bounds bounds{Tensor(type), Tensor(type)};
  for (int64_t i = 0; i < type.elements(); ++i) {
    bounds.lo.Set(i, IsInt8(type) ? -128 : -kInfinity);
    bounds.hi.Set(i, IsInt8(type) ? 127 : kInfinity);
  }
  return bounds;
}

// inf - inf: nothing is known.
void ReplaceNaNs(Bounds& bounds) {
  if (!bounds.lo.type().is_float()) return;
  for (int64_t i = 0; i < bounds.lo.elements(); ++i) {
    if (!std::isnan(bounds.lo.AsDouble(i)) && !std::isnan(bounds.hi.AsDouble(i))) continue;
    bounds.lo.Set(i, -kInfinity);
    bounds.hi.Set(i, kInfinity);
  }
}

// Larger operands never make a result smaller, in the arithmetic of the kernels too: rounding is monotone.
bool IsMonotone(const Node& node) {
  if (const auto* unary = node.If<UnaryAttrs>()) return unary->fn == UnaryFn::relu || unary->fn == UnaryFn::clip;
  if (const auto* binary = node.If<BinaryAttrs>()) {
    return binary->fn == BinaryFn::add || binary->fn == BinaryFn::min || binary->fn == BinaryFn::max;
  }
  if (const auto* reduce = node.If<ReduceAttrs>()) return reduce->fn != ReduceFn::prod;
  switch (node.op()) {
    case Op::kMaxPool:
    case Op::kAvgPool:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kConcat:
    case Op::kSlice:
    case Op::kPad:
    case Op::kResize:
    case Op::kIdentity:
    case Op::kQuantize:
    case Op::kDequantize:
    case Op::kRequantize:
      return true;
    default:
      return false;
  }
}

struct Interval {
  double lo, hi;  // integers within 2^53 for int8 layers
};

// The hull of a channel's elements: x is seen as outer x channels x inner.
std::vector<Interval> Hulls(const Bounds& x, int64_t channels, int64_t inner) {
  std::vector<Interval> hulls(static_cast<size_t>(channels), {kInfinity, -kInfinity});
  for (int64_t i = 0; i < x.lo.elements(); ++i) {
    Interval& hull = hulls[static_cast<size_t>(i / inner % channels)];
    hull.lo = std::min(hull.lo, x.lo.AsDouble(i));
    hull.hi = std::max(hull.hi, x.hi.AsDouble(i));
  }
  return hulls;
}

// The bounds of a sum of products before rounding and activation.
Interval SumOf(const Tensor& w, int64_t row, const std::vector<Interval>& x, int64_t first, int64_t taps, double bias,
               bool rounds) {
  const int64_t length = ColumnLength(w.type());
  Interval sum{bias, bias};
  double magnitude = 0, least = 0, most = 0;  // of the terms
  bool constant = true;
  for (int64_t k = 0; k < length; ++k) {
    const double weight = w.AsDouble(row * length + k);
    if (weight == 0) continue;
    const Interval& hull = x[static_cast<size_t>(first + k / taps)];
    const double a = weight * hull.lo, b = weight * hull.hi;
    constant = constant && a == b;
    sum.lo += std::min(a, b);
    sum.hi += std::max(a, b);
    magnitude += std::max(std::fabs(a), std::fabs(b));
    least = std::min({least, a, b});
    most = std::max({most, a, b});
  }
  if (!rounds || constant) return sum;
  // Any order of float sums: each of them is off by at most 2^-24 of what it adds up to. Where no term is above 0 the
  // sum is not above the bias, exactly, because rounding is monotone; nor below it where no term is below 0.
  const double slack = static_cast<double>(length + 2) * std::ldexp(magnitude + std::fabs(bias), -23);
  const bool finite = std::isfinite(slack);
  return {least >= 0 ? bias
          : finite   ? sum.lo - slack
                     : -kInfinity,
          most <= 0 ? bias
          : finite  ? sum.hi + slack
                    : kInfinity};
}

// Of a conv or fc, float or int8, each output channel one interval.
template <typename Attrs>
std::optional<Bounds> LayerBounds(const Node& node, const Attrs& attrs, const Bounds& x) {
  const Type &type = node.result()->type(), &wt = node.operand(1)->type(), &xt = node.operand(0)->type();
  const bool integer = IsInt8(xt) && IsInt8(wt) && IsInt8(type);
  const bool real = IsBounded(xt) && xt.is_float() && wt.is_float() && type.is_float();
  if (!integer && !real) return std::nullopt;
  int64_t taps = 1, groups = 1, out_inner = 1, windows = 1, in_inner = 1, in_channels = xt.shape.back();
  bool padded = false, average = false;
  if constexpr (std::is_same_v<Attrs, ConvAttrs>) {
    taps = wt.shape[2] * wt.shape[3];
    groups = attrs.group;
    in_channels = xt.shape[1];
    in_inner = xt.shape[2] * xt.shape[3];
    out_inner = type.shape[2] * type.shape[3];
    padded = attrs.pads != Pads{};
    average = attrs.pool.kind == PoolKind::avg;
    windows = average ? attrs.pool.kernel[0] * attrs.pool.kernel[1] : 1;
  }
  std::vector<Interval> hulls = Hulls(x, in_channels, in_inner);
  if (padded) {
    const double pad = integer ? xt.quant->zero_point() : 0;
    for (Interval& hull : hulls) hull = {std::min(hull.lo, pad), std::max(hull.hi, pad)};
  }
  const Tensor& w = node.operand(1)->tensor();
  const int64_t outputs = wt.shape[0], group_channels = in_channels / groups;
  std::vector<Interval> results;
  for (int64_t m = 0; m < outputs; ++m) {
    const double bias = node.operand(2) ? node.operand(2)->tensor().AsDouble(m) : 0;
    const int64_t first = m / (outputs / groups) * group_channels;
    const Interval sum = SumOf(w, m, hulls, first, taps, bias, real);
    const auto result = [&](double acc) -> double {
      if (real) {
        const canonicalize::Interval act = canonicalize::IntervalOf(attrs.act);
        return static_cast<float>(std::min(std::max(acc, double{act.lo}), double{act.hi}));
      }
      if (average && attrs.act.kind == ActKind::relu) acc = std::max(acc, 0.0);
      const auto at = [m](const Multipliers& v) { return v[v.size() == 1 ? 0 : static_cast<size_t>(m)]; };
      const int64_t q =
          int64_t{type.quant->zero_point()} +
          RequantizeAcc(static_cast<int32_t>(acc) * static_cast<int32_t>(windows), at(attrs.mul), at(attrs.shift));
      const Clamp clamp = ClampOf(attrs.act, type);
      return static_cast<double>(std::clamp<int64_t>(q, clamp.lo, clamp.hi));
    };
    results.push_back({result(sum.lo), result(sum.hi)});
  }
  Bounds bounds{Tensor(type), Tensor(type)};
  for (int64_t i = 0; i < type.elements(); ++i) {
    const Interval& of = results[static_cast<size_t>(i / out_inner % outputs)];
    bounds.lo.Set(i, of.lo);
    bounds.hi.Set(i, of.hi);
  }
  return bounds;
}

}  // namespace

std::map<const Value*, Bounds> BoundsOf(const Graph& graph) {
  std::map<const Value*, Bounds> known;
  for (const Value* input : graph.inputs()) {
    if (IsBounded(input->type())) known.emplace(input, Unknown(input->type()));
  }
  for (const auto& node : graph.nodes()) {
    const Value* result = node->result();
    if (!IsBounded(result->type())) continue;
    std::vector<const Tensor*> lo, hi;
    bool all = true, constant = true;
    for (const Value* operand : node->operands()) {
      if (const auto found = known.find(operand); found != known.end()) {
        lo.push_back(&found->second.lo);
        hi.push_back(&found->second.hi);
        constant = constant && found->second.lo == found->second.hi;
      } else if (operand->is_constant() && !operand->tensor().encoded()) {
        lo.push_back(&operand->tensor());
        hi.push_back(&operand->tensor());
      } else {
        all = false;
      }
    }
    Bounds bounds = Unknown(result->type());
    if (node->If<ConvAttrs>() || node->If<FcAttrs>()) {
      if (all && IsPlainLayer(graph, *node)) {
        const Bounds& x = known.at(node->operand(0));
        auto found = node->If<ConvAttrs>() ? LayerBounds(*node, node->As<ConvAttrs>(), x)
                                           : LayerBounds(*node, node->As<FcAttrs>(), x);
        if (found) bounds = *std::move(found);
      }
    } else if (all && (IsMonotone(*node) || constant)) {
      auto least = EvaluateNode(*node, lo), most = EvaluateNode(*node, hi);
      if (least.ok() && most.ok()) bounds = {*std::move(least), *std::move(most)};
    }
    ReplaceNaNs(bounds);
    known.emplace(result, std::move(bounds));
  }
  return known;
}

}  // namespace mcuc::channels
