// Operators that repeat elements, rearrange blocks of them, or make tensors from shapes: Expand, Tile, DepthToSpace,
// SpaceToDepth, Range, EyeLike, OneHot, Trilu, ReverseSequence.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "Compose.h"
#include "TensorData.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::importer {

namespace {

absl::Status LowerExpand(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const Ints wanted, l.ConstantInts(1, "shape"));
  MCUC_ASSIGN_OR_RETURN(const int64_t elements, CheckedHostElements(wanted));
  if (elements == 0) return Unsupported("the shape [", ShapeText(wanted), "] has no elements");
  MCUC_ASSIGN_OR_RETURN(const Shape shape, BroadcastShapes(l.shape(0), wanted));
  MCUC_RETURN_IF_ERROR(CheckedElements(shape).status());
  Compose c(l);
  return c.Return(c.Expand(l.input(0), shape));
}

// Each dimension d of `repeats[d]` copies: [d0, d1] -> [1, d0, 1, d1] -> [r0, d0, r1, d1] -> [r0 d0, r1 d1]
absl::Status LowerTile(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const Ints repeats, l.ConstantInts(1, "repeats"));
  const Shape& x = l.shape(0);
  if (repeats.size() != x.size()) {
    return Unsupported("repeats has ", repeats.size(), " entries; it must have ", x.size());
  }
  Shape apart, repeated, result;
  for (size_t d = 0; d < x.size(); ++d) {
    if (repeats[d] < 1 || repeats[d] > kMaxElements / x[d]) {
      return Unsupported("repeats holds ", repeats[d], " for dimension ", d, " of [", ShapeText(x), "]");
    }
    if (repeats[d] > 1 && x[d] > 1) {
      apart.push_back(1);
      repeated.push_back(repeats[d]);
    }
    apart.push_back(x[d]);
    repeated.push_back(x[d] > 1 ? x[d] : repeats[d]);
    result.push_back(x[d] * repeats[d]);
  }
  MCUC_RETURN_IF_ERROR(CheckedElements(result).status());
  MCUC_RETURN_IF_ERROR(CheckedHostElements(repeated).status());  // the rank
  Compose c(l);
  return c.Return(c.Reshape(c.Expand(c.Reshape(l.input(0), apart), repeated), result));
}

absl::StatusOr<int64_t> BlockSize(const Lowering& l) {
  const int64_t block = l.Int("blocksize", 0);
  if (block < 1 || block > 1 << 15) return Unsupported("blocksize = ", block, "; it must be positive");
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 4, 4));
  return block;
}

absl::Status LowerDepthToSpace(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t b, BlockSize(l));
  const Shape& x = l.shape(0);
  const std::string mode = l.String("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return Unsupported("mode = \"", mode, "\"; supported: DCR, CRD");
  if (x[1] % (b * b) != 0) return Unsupported("the ", x[1], " channels are no multiple of ", b * b);
  const int64_t channels = x[1] / (b * b);
  Compose c(l);
  Symbol* y = nullptr;
  if (mode == "DCR") {
    y = c.Transpose(c.Reshape(l.input(0), {x[0], b, b, channels, x[2], x[3]}), {0, 3, 4, 1, 5, 2});
  } else {
    y = c.Transpose(c.Reshape(l.input(0), {x[0], channels, b, b, x[2], x[3]}), {0, 1, 4, 2, 5, 3});
  }
  return c.Return(c.Reshape(y, {x[0], channels, x[2] * b, x[3] * b}));
}

absl::Status LowerSpaceToDepth(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t b, BlockSize(l));
  const Shape& x = l.shape(0);
  if (x[2] % b != 0 || x[3] % b != 0) return Unsupported("blocksize ", b, " does not divide ", x[2], "x", x[3]);
  Compose c(l);
  Symbol* y = c.Reshape(l.input(0), {x[0], x[1], x[2] / b, b, x[3] / b, b});
  return c.Return(c.Reshape(c.Transpose(y, {0, 3, 5, 1, 2, 4}), {x[0], x[1] * b * b, x[2] / b, x[3] / b}));
}

absl::Status LowerRange(Lowering& l) {
  static const char* const kNames[] = {"start", "limit", "delta"};
  double values[3];
  for (size_t i = 0; i < 3; ++i) {
    MCUC_ASSIGN_OR_RETURN(const std::vector<double> value, l.ConstantReals(i, kNames[i]));
    if (value.size() != 1) return Unsupported("input ", i, " (", kNames[i], ") must be a scalar");
    values[i] = value[0];
  }
  const ElementType element = l.input(0)->type.element;
  const double steps = std::ceil((values[1] - values[0]) / values[2]);
  if (!std::isfinite(steps) || steps > static_cast<double>(kMaxElements)) {
    return Unsupported("a range from ", values[0], " to ", values[1], " by ", values[2], " is too long or endless");
  }
  const auto count = static_cast<int64_t>(std::max(steps, 0.0));
  const Type type{element, {count}};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor tensor(type);
  for (int64_t i = 0; i < count; ++i) tensor.Set(i, values[0] + static_cast<double>(i) * values[2]);
  return l.Return(l.Constant(std::move(tensor)));
}

absl::Status LowerEyeLike(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 2));
  ElementType element = l.input(0)->type.element;
  if (l.Has("dtype")) {
    const auto given = ElementTypeOf(static_cast<int>(std::clamp<int64_t>(l.Int("dtype", 0), -1, 1000)));
    if (!given) return Unsupported("dtype = ", l.Int("dtype", 0), " is not supported");
    element = *given;
  }
  const Type type{element, l.shape(0)};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor tensor(type);
  const int64_t k = std::clamp<int64_t>(l.Int("k", 0), -kMaxElements, kMaxElements);
  for (int64_t row = 0; row < type.shape[0]; ++row) {
    const int64_t column = row + k;
    if (column >= 0 && column < type.shape[1]) tensor.Set(row * type.shape[1] + column, 1);
  }
  return l.Return(l.Constant(std::move(tensor)));
}

constexpr int kMaxDepth = 1 << 20;

// [off, on][index == position along the axis]
absl::Status LowerOneHot(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const std::vector<double> depths, l.ConstantReals(1, "depth"));
  if (depths.size() != 1 || !(depths[0] >= 1) || depths[0] > kMaxDepth) {
    return Unsupported("depth must be one number from 1 to ", kMaxDepth);
  }
  if (l.shape(2) != Shape{2}) return Unsupported("values [", ShapeText(l.shape(2)), "] must be [2]");
  const auto depth = static_cast<int64_t>(depths[0]);
  const int64_t rank = l.input(0)->rank() + 1;
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", -1), rank));
  Compose c(l);
  Shape shape = l.shape(0), positions(static_cast<size_t>(rank), 1);
  shape.insert(shape.begin() + axis, 1);
  positions[static_cast<size_t>(axis)] = depth;
  Ints range(static_cast<size_t>(depth));
  std::iota(range.begin(), range.end(), 0);
  Symbol* indices = c.Wrapped(c.Cast(c.Reshape(l.input(0), shape), ElementType::i64), depth);
  Symbol* hot = c.Compare(CompareFn::equal, indices, c.Integers(range, positions));
  Symbol* on = c.Reshape(c.Part(l.input(2), 0, 1, 1), {});
  Symbol* off = c.Reshape(c.Part(l.input(2), 0, 0, 1), {});
  return c.Return(c.Select(hot, on, off));
}

absl::Status LowerTrilu(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  MCUC_ASSIGN_OR_RETURN(const bool upper, l.Flag("upper", true));
  int64_t k = 0;
  if (l.input(1)) {
    MCUC_ASSIGN_OR_RETURN(const Ints given, l.ConstantInts(1, "k"));
    if (given.size() != 1) return Unsupported("k must be a scalar");
    k = std::clamp<int64_t>(given[0], -kMaxElements, kMaxElements);
  }
  const Shape& x = l.shape(0);
  const int64_t rows = x[x.size() - 2], columns = x.back();
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::b8, {rows, columns}}));
  Tensor keep(Type{ElementType::b8, {rows, columns}});
  for (int64_t i = 0; i < rows * columns; ++i) {
    const int64_t diagonal = i % columns - i / columns;
    keep.SetInt(i, upper ? diagonal >= k : diagonal <= k);
  }
  Compose c(l);
  return c.Return(c.Select(l.Constant(std::move(keep)), l.input(0), c.Scalar(0, l.input(0))));
}

// Element t of sequence b comes from its element length - 1 - t, or t beyond the length.
absl::Status LowerReverseSequence(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  const int64_t time_axis = l.Int("time_axis", 0), batch_axis = l.Int("batch_axis", 1);
  if (time_axis + batch_axis != 1 || time_axis * batch_axis != 0) {
    return Unsupported("time_axis = ", time_axis, " and batch_axis = ", batch_axis, "; one must be 0 and one 1");
  }
  const Shape& x = l.shape(0);
  const int64_t time = x[static_cast<size_t>(time_axis)], batch = x[static_cast<size_t>(batch_axis)];
  if (l.shape(1) != Shape{batch}) return Unsupported("sequence_lens must be [", batch, "]");
  Ints times(static_cast<size_t>(time)), batches(static_cast<size_t>(batch));
  std::iota(times.begin(), times.end(), 0);
  std::iota(batches.begin(), batches.end(), 0);
  Compose c(l);
  const Shape along_time = time_axis == 0 ? Shape{time, 1} : Shape{1, time};
  const Shape along_batch = time_axis == 0 ? Shape{1, batch} : Shape{batch, 1};
  Symbol *t = c.Integers(times, along_time), *b = c.Integers(batches, along_batch);
  Symbol* length = c.Cast(c.Reshape(l.input(1), along_batch), ElementType::i64);
  Symbol* reversed = c.Sub(c.Sub(length, c.Scalar(1, length)), t);
  Symbol* from = c.Select(c.Compare(CompareFn::less, t, length), reversed, t);
  Symbol* slice = time_axis == 0 ? c.Add(c.Mul(from, c.Scalar(static_cast<double>(batch), from)), b)
                                 : c.Add(c.Mul(b, c.Scalar(static_cast<double>(time), b)), from);
  Shape slices(x.begin() + 1, x.end());
  slices[0] = time * batch;
  return c.Return(c.Reshape(c.Gather(c.Reshape(l.input(0), slices), slice, 0), x));
}

const Operator kOperators[] = {
    {"Expand", 8, kMaxOpset, 2, 2, 1, "", LowerExpand},
    {"Tile", 6, kMaxOpset, 2, 2, 1, "", LowerTile},
    {"DepthToSpace", 1, kMaxOpset, 1, 1, 1, "blocksize:i mode:s", LowerDepthToSpace},
    {"SpaceToDepth", 1, kMaxOpset, 1, 1, 1, "blocksize:i", LowerSpaceToDepth},
    {"Range", 11, kMaxOpset, 3, 3, 1, "", LowerRange},
    {"EyeLike", 9, kMaxOpset, 1, 1, 1, "dtype:i k:i", LowerEyeLike},
    {"OneHot", 9, kMaxOpset, 3, 3, 1, "axis:i", LowerOneHot},
    {"Trilu", 14, kMaxOpset, 1, 2, 1, "upper:i", LowerTrilu},
    {"ReverseSequence", 10, kMaxOpset, 2, 2, 1, "batch_axis:i time_axis:i", LowerReverseSequence},
};

}  // namespace

std::span<const Operator> ExpandOperators() { return kOperators; }

}  // namespace mcuc::importer
