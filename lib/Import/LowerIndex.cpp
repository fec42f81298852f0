// Operators with indices of single elements or of slices: GatherElements, GatherND, ScatterElements, ScatterND,
// Compress, TopK. Indices become indices into a tensor of one leading dimension, which gather and scatter take.
#include <algorithm>
#include <numeric>

#include "Indexing.h"

namespace mcuc::importer {

Symbol* LinearIndices(Compose& c, Symbol* indices, const Shape& x, int64_t axis) {
  if (!indices) return nullptr;
  const std::vector<int64_t> strides = Strides(x);
  const auto a = static_cast<size_t>(axis);
  const ElementType element = indices->type.element;
  const Shape shape = indices->shape();
  Symbol* linear = c.Wrapped(indices, x[a]);
  if (strides[a] != 1) linear = c.Mul(linear, c.Scalar(static_cast<double>(strides[a]), linear));
  // What the positions before and behind the axis add.
  const auto offsets = [&](size_t first, size_t last) {
    Ints values = {0};
    for (size_t d = first; d < last; ++d) {
      Ints wider;
      for (int64_t value : values) {
        for (int64_t i = 0; i < shape[d]; ++i) wider.push_back(value + i * strides[d]);
      }
      values = std::move(wider);
    }
    Shape part(shape.begin() + static_cast<std::ptrdiff_t>(first), shape.begin() + static_cast<std::ptrdiff_t>(last));
    part.resize(shape.size() - first, 1);
    if (values.size() > 1) linear = c.Add(linear, c.Integers(values, part, element));
  };
  offsets(0, a);
  offsets(a + 1, shape.size());
  return linear;
}

Symbol* GatherElements(Compose& c, Symbol* x, Symbol* indices, int64_t axis) {
  if (!x || !indices) return nullptr;
  Symbol* flat = c.Reshape(x, {Elements(x->shape())});
  return c.Gather(flat, LinearIndices(c, indices, x->shape(), axis), 0);
}

namespace {

absl::Status CheckIndices(const Lowering& l, size_t i) {
  const ElementType element = l.input(i)->type.element;
  if (element == ElementType::i32 || element == ElementType::i64) return absl::OkStatus();
  return Unsupported("input ", i, " (indices) is ", ElementTypeName(element), "; it must be int32 or int64");
}

// Whether indices have the rank of x and fit it in every dimension but the axis.
absl::Status CheckElementIndices(const Lowering& l, int64_t axis) {
  MCUC_RETURN_IF_ERROR(CheckIndices(l, 1));
  const Shape &x = l.shape(0), &indices = l.shape(1);
  bool fits = x.size() == indices.size();
  for (size_t d = 0; fits && d < x.size(); ++d) fits = static_cast<int64_t>(d) == axis || indices[d] <= x[d];
  if (fits) return absl::OkStatus();
  return Unsupported("indices [", ShapeText(indices), "] do not fit the input [", ShapeText(x), "] along axis ", axis);
}

absl::Status LowerGatherElements(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 0), l.input(0)->rank()));
  MCUC_RETURN_IF_ERROR(CheckElementIndices(l, axis));
  Compose c(l);
  return c.Return(GatherElements(c, l.input(0), l.input(1), axis));
}

absl::StatusOr<ScatterFn> ReductionOf(const Lowering& l) {
  const std::string reduction = l.String("reduction", "none");
  ScatterFn fn = ScatterFn::set;
  if (reduction == "none" || (reduction != "set" && ParseEnum(reduction, &fn))) return fn;
  return Unsupported("reduction = \"", reduction, "\"; supported: none, add, mul, min, max");
}

Symbol* Scatter(Lowering& l, Compose& c, ScatterFn fn, Symbol* x, Symbol* indices, Symbol* updates) {
  if (!c.ok() || !x || !indices || !updates) return nullptr;
  return c.Take(l.Add(ScatterAttrs{fn}, {x, indices, updates}));
}

absl::Status LowerScatterElements(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const ScatterFn fn, ReductionOf(l));
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 0), l.input(0)->rank()));
  MCUC_RETURN_IF_ERROR(CheckElementIndices(l, axis));
  const Shape& x = l.shape(0);
  Compose c(l);
  Symbol* indices = LinearIndices(c, l.input(1), x, axis);
  return c.Return(c.Reshape(Scatter(l, c, fn, c.Reshape(l.input(0), {Elements(x)}), indices, l.input(2)), x));
}

// Tuples of `k` indices, in the last dimension, into dimensions first to first + k of x, as indices of slices.
Symbol* TupleIndices(Compose& c, Symbol* indices, const Shape& x, size_t first, size_t k) {
  Ints sizes, steps(k, 1);
  for (size_t i = 0; i < k; ++i) sizes.push_back(x[first + i]);
  for (size_t i = k; i-- > 1;) steps[i - 1] = steps[i] * sizes[i];
  const ElementType element = indices->type.element;
  const Shape shape = {static_cast<int64_t>(k)};
  Symbol* negative = c.Compare(CompareFn::less, indices, c.Scalar(0, indices));
  Symbol* wrapped = c.Select(negative, c.Add(indices, c.Integers(sizes, shape, element)), indices);
  return c.Reduce(ReduceFn::sum, c.Mul(wrapped, c.Integers(steps, shape, element)), {indices->rank() - 1}, false);
}

absl::Status LowerGatherND(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(CheckIndices(l, 1));
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 1, 32));
  const Shape x = l.shape(0), indices = l.shape(1);
  const int64_t batch_dims = l.Int("batch_dims", 0);
  const auto k = static_cast<size_t>(indices.back());
  if (batch_dims < 0 || batch_dims >= static_cast<int64_t>(std::min(x.size(), indices.size())) ||
      k + static_cast<size_t>(batch_dims) > x.size()) {
    return Unsupported("indices [", ShapeText(indices), "] with batch_dims = ", batch_dims, " do not fit the input [",
                       ShapeText(x), "]");
  }
  const auto b = static_cast<size_t>(batch_dims);
  if (!std::equal(x.begin(), x.begin() + batch_dims, indices.begin())) {
    return Unsupported("the first ", b, " dimensions of the input and of the indices must be the same");
  }
  Compose c(l);
  Symbol* slices = TupleIndices(c, l.input(1), x, b, k);
  if (b > 0) {
    const Shape batch(x.begin(), x.begin() + batch_dims);
    const Shape inner(x.begin() + batch_dims, x.begin() + batch_dims + static_cast<std::ptrdiff_t>(k));
    Ints starts;
    for (int64_t i = 0; i < Elements(batch); ++i) starts.push_back(i * Elements(inner));
    Shape shape = batch;
    shape.resize(indices.size() - 1, 1);
    slices = c.Add(slices, c.Integers(starts, shape, l.input(1)->type.element));
  }
  Shape flat(x.begin() + batch_dims + static_cast<std::ptrdiff_t>(k), x.end());
  flat.insert(flat.begin(), Elements(x) / Elements(flat));
  return c.Return(c.Gather(c.Reshape(l.input(0), flat), slices, 0));
}

absl::Status LowerScatterND(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const ScatterFn fn, ReductionOf(l));
  MCUC_RETURN_IF_ERROR(CheckIndices(l, 1));
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 1, 32));
  const Shape x = l.shape(0);
  const auto k = static_cast<size_t>(l.shape(1).back());
  if (k > x.size()) {
    return Unsupported("indices [", ShapeText(l.shape(1)), "] do not fit the input [", ShapeText(x), "]");
  }
  Compose c(l);
  Shape flat(x.begin() + static_cast<std::ptrdiff_t>(k), x.end());
  flat.insert(flat.begin(), Elements(x) / Elements(flat));
  Symbol* slices = TupleIndices(c, l.input(1), x, 0, k);
  return c.Return(c.Reshape(Scatter(l, c, fn, c.Reshape(l.input(0), flat), slices, l.input(2)), x));
}

// The slices whose condition holds, which must be known.
absl::Status LowerCompress(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  if (!l.input(1)->is_constant()) {
    return Unsupported("the condition is computed; it must be constant, since it decides the shape of the result");
  }
  Compose c(l);
  Symbol* x = l.input(0);
  int64_t axis = 0;
  if (l.Has("axis")) {
    MCUC_ASSIGN_OR_RETURN(axis, NormalizeAxis(l.Int("axis", 0), x->rank()));
  } else {
    x = c.Reshape(x, {Elements(x->shape())});
  }
  if (!x) return c.status();
  const Tensor& condition = *l.input(1)->constant;
  Ints indices;
  for (int64_t i = 0; i < condition.elements(); ++i) {
    if (condition.AsInt(i) == 0) continue;
    if (i >= x->shape()[static_cast<size_t>(axis)]) return Unsupported("the condition is longer than axis ", axis);
    indices.push_back(i);
  }
  if (indices.empty()) return Unsupported("the condition holds nowhere: the result has no elements");
  return c.Return(c.Pick(x, indices, axis));
}

absl::Status TopK(Lowering& l, int64_t k) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", -1), l.input(0)->rank()));
  MCUC_ASSIGN_OR_RETURN(const bool largest, l.Flag("largest", true));
  TopKAttrs attrs;
  attrs.axis = axis;
  attrs.k = k;
  attrs.min = !largest;
  MCUC_ASSIGN_OR_RETURN(Symbol * indices, l.AddTyped(attrs, {l.input(0)}, Type{ElementType::i64, {}}));
  Compose c(l);
  if (l.output_used(0)) MCUC_RETURN_IF_ERROR(c.Return(GatherElements(c, l.input(0), indices, axis)));
  return c.Return(indices, 1);
}

absl::Status LowerTopKAttribute(Lowering& l) { return TopK(l, l.Int("k", 0)); }

absl::Status LowerTopKInput(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Ints k, l.ConstantInts(1, "K"));
  if (k.size() != 1) return Unsupported("K must be one number");
  return TopK(l, k[0]);
}

const Operator kOperators[] = {
    {"GatherElements", 11, kMaxOpset, 2, 2, 1, "axis:i", LowerGatherElements},
    {"GatherND", 11, kMaxOpset, 2, 2, 1, "batch_dims:i", LowerGatherND},
    {"Scatter", 9, 10, 3, 3, 1, "axis:i", LowerScatterElements},
    {"ScatterElements", 11, kMaxOpset, 3, 3, 1, "axis:i reduction:s", LowerScatterElements},
    {"ScatterND", 11, kMaxOpset, 3, 3, 1, "reduction:s", LowerScatterND},
    {"Compress", 9, kMaxOpset, 2, 2, 1, "axis:i", LowerCompress},
    {"TopK", 7, 9, 1, 1, 2, "axis:i k:i", LowerTopKAttribute},
    {"TopK", 10, kMaxOpset, 2, 2, 2, "axis:i largest:i sorted:i", LowerTopKInput},
};

}  // namespace

std::span<const Operator> IndexOperators() { return kOperators; }

}  // namespace mcuc::importer
