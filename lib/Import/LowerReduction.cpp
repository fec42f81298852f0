// Reductions, ArgMax and ArgMin, Softmax and LogSoftmax.
#include <algorithm>
#include <numeric>

#include "Lowering.h"

namespace mcuc::importer {

namespace {

// Axes are an attribute before opset `kSince` and an input from it on.
template <ReduceFn kFn, int64_t kSince>
absl::Status LowerReduce(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 0, 32));
  if (Elements(l.shape(0)) == 0) return Unsupported("input 0 [", ShapeText(l.shape(0)), "] has no elements");
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("axes", kSince, 1));
  MCUC_ASSIGN_OR_RETURN(const bool keepdims, l.Flag("keepdims", true));
  MCUC_ASSIGN_OR_RETURN(const bool noop, l.Flag("noop_with_empty_axes", false));
  ReduceAttrs attrs;
  attrs.fn = kFn;
  attrs.keepdims = keepdims;
  if (given && !given->empty()) {
    MCUC_ASSIGN_OR_RETURN(attrs.axes, NormalizeAxes(*given, l.input(0)->rank()));
  } else if (noop) {
    return l.Return(l.input(0));
  } else {
    attrs.axes.resize(l.shape(0).size());
    std::iota(attrs.axes.begin(), attrs.axes.end(), 0);
  }
  if (attrs.axes.empty()) return l.Return(l.input(0));  // a scalar
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
    {"ReduceMean", 7, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::mean, 18>},
    {"ReduceMean", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::mean, 18>},
    {"ReduceSum", 7, 12, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::sum, 13>},
    {"ReduceSum", 13, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::sum, 13>},
    {"ReduceMax", 7, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::max, 18>},
    {"ReduceMax", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::max, 18>},
    {"ReduceMin", 7, 17, 1, 1, 1, "axes:I keepdims:i", LowerReduce<ReduceFn::min, 18>},
    {"ReduceMin", 18, kMaxOpset, 1, 2, 1, "keepdims:i noop_with_empty_axes:i", LowerReduce<ReduceFn::min, 18>},
    {"ArgMax", 7, kMaxOpset, 1, 1, 1, "axis:i keepdims:i select_last_index:i", LowerArg<false>},
    {"ArgMin", 7, kMaxOpset, 1, 1, 1, "axis:i keepdims:i select_last_index:i", LowerArg<true>},
    {"Softmax", 7, kMaxOpset, 1, 1, 1, "axis:i", LowerSoftmax<false>},
    {"LogSoftmax", 7, kMaxOpset, 1, 1, 1, "axis:i", LowerSoftmax<true>},
};

}  // namespace

std::span<const Operator> ReductionOperators() { return kOperators; }

}  // namespace mcuc::importer
