// Pools, and global pools as pools whose window is the whole plane.
#include <numeric>

#include "Lowering.h"
#include "Windows.h"

namespace mcuc::importer {

namespace {

absl::Status LowerMaxPool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, {}));
  MCUC_ASSIGN_OR_RETURN(const bool ceil, l.Flag("ceil_mode", false));
  MaxPoolAttrs attrs;
  attrs.kernel = AsPair(windows.kernel);
  attrs.strides = AsPair(windows.strides);
  attrs.dilations = AsPair(windows.dilations);
  attrs.pads = PlacedPads(windows, l.shape(0));
  attrs.ceil = ceil && windows.auto_pad == AutoPad::kNotSet;  // auto_pad alone decides the number of windows
  MCUC_ASSIGN_OR_RETURN(Symbol * x, ToPlane(l, l.input(0)));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(attrs, {x}));
  return l.Return(FromPlane(l, y, dims));
}

absl::Status LowerAveragePool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, {}));
  MCUC_ASSIGN_OR_RETURN(const bool ceil, l.Flag("ceil_mode", false));
  AvgPoolAttrs attrs;
  MCUC_ASSIGN_OR_RETURN(attrs.count_include_pad, l.Flag("count_include_pad", false));
  if (windows.dilations != Ints(dims, 1)) {
    return Unsupported("dilations [", ShapeText(windows.dilations), "] are not supported; only 1 is");
  }
  attrs.kernel = AsPair(windows.kernel);
  attrs.strides = AsPair(windows.strides);
  attrs.pads = PlacedPads(windows, l.shape(0));
  attrs.ceil = ceil && windows.auto_pad == AutoPad::kNotSet;
  MCUC_ASSIGN_OR_RETURN(Symbol * x, ToPlane(l, l.input(0)));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(attrs, {x}));
  return l.Return(FromPlane(l, y, dims));
}

// Ranks without a pool of their own are reduced.
absl::Status LowerGlobalPool(Lowering& l, bool max) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 3, 32));
  if (l.input(0)->rank() > 4) {
    ReduceAttrs attrs;
    attrs.fn = max ? ReduceFn::max : ReduceFn::mean;
    attrs.axes.resize(l.shape(0).size() - 2);
    std::iota(attrs.axes.begin(), attrs.axes.end(), 2);
    return l.Return(l.Add(attrs, {l.input(0)}));
  }
  const size_t dims = static_cast<size_t>(l.input(0)->rank() - 2);
  MCUC_ASSIGN_OR_RETURN(Symbol * x, ToPlane(l, l.input(0)));
  const Pair kernel = {x->shape()[2], x->shape()[3]};
  Attributes attrs = AvgPoolAttrs{.kernel = kernel};
  if (max) attrs = MaxPoolAttrs{.kernel = kernel};
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(attrs, {x}));
  return l.Return(FromPlane(l, y, dims));
}

absl::Status LowerGlobalAveragePool(Lowering& l) { return LowerGlobalPool(l, false); }
absl::Status LowerGlobalMaxPool(Lowering& l) { return LowerGlobalPool(l, true); }

// storage_order only concerns the output Indices.
const Operator kOperators[] = {
    {"MaxPool", 7, kMaxOpset, 1, 1, 1,
     "auto_pad:s ceil_mode:i dilations:I kernel_shape:I pads:I storage_order:i strides:I", LowerMaxPool},
    {"AveragePool", 7, kMaxOpset, 1, 1, 1,
     "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I pads:I strides:I", LowerAveragePool},
    {"GlobalAveragePool", 7, kMaxOpset, 1, 1, 1, "", LowerGlobalAveragePool},
    {"GlobalMaxPool", 7, kMaxOpset, 1, 1, 1, "", LowerGlobalMaxPool},
};

}  // namespace

std::span<const Operator> PoolOperators() { return kOperators; }

}  // namespace mcuc::importer
