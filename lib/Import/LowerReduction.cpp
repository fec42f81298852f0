// Reductions, ArgMax and ArgMin, Softmax and LogSoftmax, Hardmax, CumSum.
#include <algorithm>
#include <numeric>

#include "Compose.h"

namespace mcuc::importer {

namespace {

// The axes that are reduced; none where nothing is (of a scalar, or with noop_with_empty_axes). They are an attribute
// before opset `since` and an input from it on.
struct Reduction {
  Ints axes;
  bool keepdims = true;
};

absl::StatusOr<Reduction> ReductionOf(Lowering& l, int64_t since) {
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 0, 32));
  if (Elements(l.shape(0)) == 0) return Unsupported("input 0 [", ShapeText(l.shape(0)), "] has no elements");
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("axes", since, 1));
  MCUC_ASSIGN_OR_RETURN(const bool noop, l.Flag("noop_with_empty_axes", false));
  Reduction reduction;
  MCUC_ASSIGN_OR_RETURN(reduction.keepdims, l.Flag("keepdims", true));
  if (given && !given->empty()) {
    MCUC_ASSIGN_OR_RETURN(reduction.axes, NormalizeAxes(*given, l.input(0)->rank()));
  } else if (!noop) {
    reduction.axes = AxesFrom(0, l.input(0)->rank());
  }
  return reduction;
}

template <ReduceFn kFn, int64_t kSince>
absl::Status LowerReduce(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Reduction r, ReductionOf(l, kSince));
  Compose c(l);
  return c.Return(c.Reduce(kFn, l.input(0), r.axes, r.keepdims));
}

// Reductions of functions of the elements, and functions of these.
enum class Norm { kL1, kL2, kSumSquare, kLogSum, kLogSumExp };

template <Norm kNorm>
absl::Status LowerNorm(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Reduction r, ReductionOf(l, 18));
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* most = nullptr;
  if (kNorm == Norm::kL1) x = c.Unary(UnaryFn::abs, x);
  if (kNorm == Norm::kL2 || kNorm == Norm::kSumSquare) x = c.Mul(x, x);
  if (kNorm == Norm::kLogSumExp) {  // less the largest, so that nothing overflows
    most = c.Reduce(ReduceFn::max, x, r.axes);
    x = c.Unary(UnaryFn::exp, c.Sub(x, most));
  }
  Symbol* y = c.Reduce(ReduceFn::sum, x, r.axes, r.keepdims);
  if (kNorm == Norm::kL2) y = c.Unary(UnaryFn::sqrt, y);
  if (kNorm == Norm::kLogSum || kNorm == Norm::kLogSumExp) y = c.Unary(UnaryFn::log, y);
  if (most && y) y = c.Add(y, c.Reshape(most, y->shape()));
  return c.Return(y);
}

// 1 at the first of the largest elements along the axis, else 0; before opset 13 of a matrix split at the axis.
absl::Status LowerHardmax(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const Shape shape = l.shape(0);
  const bool matrix = l.opset() < 13;
  MCUC_ASSIGN_OR_RETURN(int64_t axis, NormalizeAxis(l.Int("axis", matrix ? 1 : -1), l.input(0)->rank()));
  Compose c(l);
  Symbol* x = l.input(0);
  if (matrix) {
    const auto split = shape.begin() + axis;
    x = c.Reshape(x, {Elements(Shape(shape.begin(), split)), Elements(Shape(split, shape.end()))});
    axis = 1;
  }
  if (!x) return c.status();
  Symbol* best = c.ArgMax(x, axis, true);
  Shape along(x->shape().size(), 1);
  along[static_cast<size_t>(axis)] = x->shape()[static_cast<size_t>(axis)];
  Symbol* hot = c.Compare(CompareFn::equal, best, c.Integers(AxesFrom(0, Elements(along)), along));
  return c.Return(c.Reshape(c.Cast(hot, x->type.element), shape));
}

absl::Status LowerCumSum(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const Ints axes, l.ConstantInts(1, "axis"));
  if (axes.size() != 1) return Unsupported("axis must be a scalar");
  CumSumAttrs attrs;
  MCUC_ASSIGN_OR_RETURN(attrs.axis, NormalizeAxis(axes[0], l.input(0)->rank()));
  MCUC_ASSIGN_OR_RETURN(attrs.exclusive, l.Flag("exclusive", false));
  MCUC_ASSIGN_OR_RETURN(attrs.reverse, l.Flag("reverse", false));
  return l.Return(l.Add(attrs, {l.input(0)}));
}

template <bool kMin>
absl::Status LowerArg(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  ArgReduceAttrs attrs;
  attrs.min = kMin;
  MCUC_ASSIGN_OR_RETURN(attrs.axis, NormalizeAxis(l.Int("axis", 0), l.input(0)->rank()));
  MCUC_ASSIGN_OR_RETURN(attrs.keepdims, l.Flag("keepdims", true));
  MCUC_ASSIGN_OR_RETURN(attrs.last, l.Flag("select_last_index", false));
  return l.Return(l.AddTyped(attrs, {l.input(0)}, Type{ElementType::i64, {}}));
}

template <bool kLog>
absl::Status LowerSoftmax(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Symbol* x = l.input(0);
  const Shape& shape = x->shape();
  if (l.opset() >= 13) {
    MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", -1), x->rank()));
    return l.Return(l.Add(SoftmaxAttrs{.axis = axis, .log = kLog}, {x}));
  }
  // Before opset 13 the tensor is a matrix split at the axis, and each of its rows has one softmax. Where at most one
  // of the dimensions from the axis on is over 1 that is the softmax along this dimension.
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 1), x->rank()));
  const auto from = shape.begin() + axis;
  if (std::count_if(from, shape.end(), [](int64_t dim) { return dim > 1; }) <= 1) {
    const auto wide = std::find_if(from, shape.end(), [](int64_t dim) { return dim > 1; });
    const int64_t along = wide == shape.end() ? axis : wide - shape.begin();
    return l.Return(l.Add(SoftmaxAttrs{.axis = along, .log = kLog}, {x}));
  }
  const Shape matrix = {Elements(Shape(shape.begin(), from)), Elements(Shape(from, shape.end()))};
  MCUC_ASSIGN_OR_RETURN(Symbol * rows, l.Reshape(x, matrix));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(SoftmaxAttrs{.axis = 1, .log = kLog}, {rows}));
  return l.Return(l.Reshape(y, shape));
}

const Operator kOperators[] = {
    {"ReduceMean", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::mean, 18>},
    {"ReduceMean", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::mean, 18>},
    {"ReduceSum", 1, 12, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::sum, 13>},
    {"ReduceSum", 13, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::sum, 13>},
    {"ReduceMax", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::max, 18>},
    {"ReduceMax", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::max, 18>},
    {"ReduceMin", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::min, 18>},
    {"ReduceMin", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::min, 18>},
    {"ReduceProd", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::prod, 18>},
    {"ReduceProd", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::prod, 18>},
    {"ReduceL1", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerNorm<Norm::kL1>},
    {"ReduceL1", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerNorm<Norm::kL1>},
    {"ReduceL2", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerNorm<Norm::kL2>},
    {"ReduceL2", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerNorm<Norm::kL2>},
    {"ReduceSumSquare", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerNorm<Norm::kSumSquare>},
    {"ReduceSumSquare", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerNorm<Norm::kSumSquare>},
    {"ReduceLogSum", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerNorm<Norm::kLogSum>},
    {"ReduceLogSum", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerNorm<Norm::kLogSum>},
    {"ReduceLogSumExp", 1, 17, 1, 1, 1, "axes:I keepdims:i", LowerNorm<Norm::kLogSumExp>},
    {"ReduceLogSumExp", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerNorm<Norm::kLogSumExp>},
    {"Hardmax", 1, kMaxOpset, 1, 1, 1, "axis:i", LowerHardmax},
    {"CumSum", 11, kMaxOpset, 2, 2, 1, "exclusive:i reverse:i", LowerCumSum},
    {"ArgMax", 1, kMaxOpset, 1, 1, 1, "axis:i keepdims:i select_last_index:i", LowerArg<false>},
    {"ArgMin", 1, kMaxOpset, 1, 1, 1, "axis:i keepdims:i select_last_index:i", LowerArg<true>},
    {"Softmax", 1, kMaxOpset, 1, 1, 1, "axis:i", LowerSoftmax<false>},
    {"LogSoftmax", 1, kMaxOpset, 1, 1, 1, "axis:i", LowerSoftmax<true>},
};

}  // namespace

std::span<const Operator> ReductionOperators() { return kOperators; }

}  // namespace mcuc::importer
