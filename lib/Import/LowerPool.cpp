// Pools, and global pools as pools whose window is the whole plane.
#include <cmath>
#include <limits>
#include <numeric>

#include "Compose.h"
#include "Windows.h"

namespace mcuc::importer {

namespace {

// Pools compute with float32. Integers of up to 16 bits are exact there.
absl::StatusOr<Symbol*> AsPooled(Lowering& l, Symbol* x) {
  const ElementType element = x->type.element;
  if (x->type.quant || element == ElementType::f32) return x;
  if (!IsInteger(element) || ElementTypeBytes(element) > 2) {
    return Unsupported("a pool of ", ElementTypeName(element), "; supported: float and integers of at most 16 bits");
  }
  return l.Cast(x, ElementType::f32);
}

absl::StatusOr<Symbol*> Pool(Lowering& l, Symbol* x, const WindowAttrs& windows, const Attributes& attrs) {
  const ElementType element = x->type.element;
  const bool quantized = x->type.quant.has_value();
  MCUC_ASSIGN_OR_RETURN(x, AsPooled(l, x));
  const size_t dims = windows.kernel.size();
  if (dims == 3) {
    MCUC_ASSIGN_OR_RETURN(x, PoolVolume(l, x, windows, attrs));
  } else {
    MCUC_ASSIGN_OR_RETURN(x, ToPlane(l, x));
    MCUC_ASSIGN_OR_RETURN(x, l.Add(attrs, {x}));
    MCUC_ASSIGN_OR_RETURN(x, FromPlane(l, x, dims));
  }
  return quantized ? x : l.Cast(x, element);
}

// The indices of the maxima among all elements of x: the elements of each window gathered by a table, the largest of
// them, and its place looked up in the same table.
absl::Status ReturnIndices(Lowering& l, const WindowAttrs& windows, const Shape& y) {
  const Shape& x = l.shape(0);
  const size_t dims = windows.kernel.size();
  const Ints pads = PlacedPadList(windows, x);
  const Shape plane(x.begin() + 2, x.end()), counts(y.begin() + 2, y.end());
  const int64_t taps = Elements(windows.kernel), places = Elements(counts), planes = x[0] * x[1];
  MCUC_RETURN_IF_ERROR(CheckedElements({planes, places, taps}).status());
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::i64, {places, taps}}));
  MCUC_ASSIGN_OR_RETURN(const bool columns_first, l.Flag("storage_order", false));
  Shape named = plane;  // the strides of the indices that are returned
  if (columns_first) std::reverse(named.begin(), named.end());
  std::vector<int64_t> strides = Strides(plane), named_strides = Strides(named);
  if (columns_first) std::reverse(named_strides.begin(), named_strides.end());
  const std::vector<int64_t> place_strides = Strides(counts), tap_strides = Strides(windows.kernel);
  Ints from, names;
  std::vector<double> outside;
  bool any_outside = false;
  for (int64_t i = 0; i < places * taps; ++i) {
    int64_t at = 0, name = 0;
    bool inside = true;
    for (size_t d = 0; d < dims; ++d) {
      const int64_t place = i / taps / place_strides[d] % counts[d],
                    tap = i % taps / tap_strides[d] % windows.kernel[d];
      const int64_t position = place * windows.strides[d] - pads[d] + tap * windows.dilations[d];
      inside &= position >= 0 && position < plane[d];
      at += position * strides[d];
      name += position * named_strides[d];
    }
    from.push_back(inside ? at : 0);
    names.push_back(inside ? name : 0);
    outside.push_back(inside ? 0 : 1);
    any_outside |= !inside;
  }
  Compose c(l);
  Symbol* values = c.Take(AsPooled(l, l.input(0)));
  values = c.Pick(c.Reshape(values, {planes, Elements(plane)}), from, 1);
  values = c.Reshape(values, {planes, places, taps});
  if (any_outside) {
    Symbol* mask = c.Floats(outside, {places, taps}, ElementType::b8);
    values = c.Select(mask, c.Scalar(-std::numeric_limits<double>::infinity(), values), values);
  }
  if (!c.ok()) return c.status();
  Symbol* best = c.ArgMax(values, 2);
  Ints rows(static_cast<size_t>(places)), starts(static_cast<size_t>(planes));
  for (int64_t i = 0; i < places; ++i) rows[static_cast<size_t>(i)] = i * taps;
  for (int64_t i = 0; i < planes; ++i) starts[static_cast<size_t>(i)] = i * Elements(plane);
  Symbol* index = c.Gather(c.Integers(names, {places * taps}), c.Add(best, c.Integers(rows, {places})), 0);
  index = c.Add(index, c.Integers(starts, {planes, 1}));
  return c.Return(c.Reshape(index, y), 1);
}

absl::Status LowerMaxPool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, {}));
  MCUC_ASSIGN_OR_RETURN(const bool ceil, l.Flag("ceil_mode", false));
  MaxPoolAttrs attrs;
  if (dims < 3) {
    attrs.kernel = AsPair(windows.kernel);
    attrs.strides = AsPair(windows.strides);
    attrs.dilations = AsPair(windows.dilations);
    attrs.pads = PlacedPads(windows, l.shape(0));
  }
  attrs.ceil = ceil && windows.auto_pad == AutoPad::kNotSet;  // auto_pad alone decides the number of windows
  MCUC_ASSIGN_OR_RETURN(Symbol * y, Pool(l, l.input(0), windows, attrs));
  MCUC_RETURN_IF_ERROR(l.Return(y));
  return l.output_used(1) ? ReturnIndices(l, windows, y->shape()) : absl::OkStatus();
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
  if (dims < 3) {
    attrs.kernel = AsPair(windows.kernel);
    attrs.strides = AsPair(windows.strides);
    attrs.pads = PlacedPads(windows, l.shape(0));
  }
  attrs.ceil = ceil && windows.auto_pad == AutoPad::kNotSet;
  return l.Return(Pool(l, l.input(0), windows, attrs));
}

// The p-norm of each window: a mean of powers times their number.
absl::Status LowerLpPool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, {}));
  MCUC_ASSIGN_OR_RETURN(const bool ceil, l.Flag("ceil_mode", false));
  const int64_t p = l.Int("p", 2);
  if (p < 1 || p > 64) return Unsupported("p = ", p, "; supported: 1 to 64");
  if (dims == 3 || ceil || windows.dilations != Ints(dims, 1)) {
    return Unsupported("three dimensions, ceil_mode and dilations are not supported");
  }
  Compose c(l);
  Symbol* x = c.Unary(UnaryFn::abs, l.input(0));
  const auto power = static_cast<double>(p);
  AvgPoolAttrs attrs;
  attrs.kernel = AsPair(windows.kernel);
  attrs.strides = AsPair(windows.strides);
  attrs.pads = PlacedPads(windows, l.shape(0));
  attrs.count_include_pad = true;
  x = c.Binary(BinaryFn::pow, x, c.Scalar(power, x));
  if (!c.ok()) return c.status();
  Symbol* mean = c.Take(Pool(l, x, windows, attrs));
  Symbol* sum = c.Mul(mean, c.Scalar(static_cast<double>(Elements(windows.kernel)), mean));
  return c.Return(c.Binary(BinaryFn::pow, sum, c.Scalar(1 / power, sum)));
}

absl::Status LowerGlobalLpPool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 3, 32));
  const int64_t p = l.Int("p", 2);
  if (p < 1 || p > 64) return Unsupported("p = ", p, "; supported: 1 to 64");
  Compose c(l);
  Symbol* x = c.Unary(UnaryFn::abs, l.input(0));
  const auto power = static_cast<double>(p);
  Symbol* sum =
      c.Reduce(ReduceFn::sum, c.Binary(BinaryFn::pow, x, c.Scalar(power, x)), AxesFrom(2, l.input(0)->rank()));
  return c.Return(c.Binary(BinaryFn::pow, sum, c.Scalar(1 / power, sum)));
}

// Elements go to the places that the indices of a MaxPool name, all others are 0.
absl::Status LowerMaxUnpool(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, {}));
  const Shape& x = l.shape(0);
  if (l.shape(1) != x) return Unsupported("the indices must have the shape of the input");
  Shape pooled = {x[0], x[1]};
  for (size_t d = 0; d < dims; ++d) {
    pooled.push_back((x[2 + d] - 1) * windows.strides[d] + windows.kernel[d] - windows.pads[d] -
                     windows.pads[dims + d]);
    if (pooled.back() < 1) return Unsupported("the pads cut off the whole output");
  }
  MCUC_RETURN_IF_ERROR(CheckedElements(pooled).status());
  Compose c(l);
  const int64_t n = Elements(x);
  Symbol* zeros = c.Expand(c.Reshape(c.Scalar(0, l.input(0)), {1}), {Elements(pooled)});
  if (!c.ok()) return c.status();
  Symbol* y =
      c.Take(l.Add(ScatterAttrs{ScatterFn::set}, {zeros, c.Reshape(l.input(1), {n}), c.Reshape(l.input(0), {n})}));
  y = c.Reshape(y, pooled);
  if (!l.input(2)) return c.Return(y);
  MCUC_ASSIGN_OR_RETURN(const Ints wanted, l.ConstantInts(2, "output_shape"));
  Ints after;
  bool fits = wanted.size() == pooled.size();
  for (size_t d = 0; fits && d < wanted.size(); ++d) {
    fits = wanted[d] >= pooled[d] && wanted[d] <= kMaxElements;
    after.push_back(wanted[d] - pooled[d]);
  }
  if (!fits) return Unsupported("output_shape [", ShapeText(wanted), "] must be at least [", ShapeText(pooled), "]");
  return c.Return(c.Pad(y, Ints(pooled.size(), 0), after, 0));
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

const Operator kOperators[] = {
    {"MaxPool", 1, kMaxOpset, 1, 1, 2,
     "auto_pad:s ceil_mode:i dilations:I kernel_shape:I pads:I storage_order:i strides:I", LowerMaxPool},
    {"AveragePool", 7, kMaxOpset, 1, 1, 1,
     "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I pads:I strides:I", LowerAveragePool},
    {"LpPool", 7, kMaxOpset, 1, 1, 1, "auto_pad:s ceil_mode:i dilations:I kernel_shape:I p:i pads:I strides:I",
     LowerLpPool},
    {"GlobalAveragePool", 1, kMaxOpset, 1, 1, 1, "", LowerGlobalAveragePool},
    {"GlobalMaxPool", 1, kMaxOpset, 1, 1, 1, "", LowerGlobalMaxPool},
    {"GlobalLpPool", 2, kMaxOpset, 1, 1, 1, "p:i", LowerGlobalLpPool},
    {"MaxUnpool", 9, kMaxOpset, 2, 3, 1, "kernel_shape:I pads:I strides:I", LowerMaxUnpool},
};

}  // namespace

std::span<const Operator> PoolOperators() { return kOperators; }

}  // namespace mcuc::importer
