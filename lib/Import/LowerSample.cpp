// GridSample and RoiAlign: samples of images at computed places. The elements around a place are gathered and weighted;
// RoiAlign's places form a grid, so that its weights are two matrices.
#include <cmath>
#include <numeric>

#include "Compose.h"

namespace mcuc::importer {

namespace {

enum class Padding { kZeros, kBorder, kReflection };

struct Sampler {
  Compose& c;
  Padding padding;
  bool align;

  Symbol* Constant(double value, const Symbol* like) { return c.Scalar(value, like); }
  Symbol* Clip(Symbol* x, int64_t size) { return c.Unary(UnaryFn::clip, x, 0, static_cast<float>(size - 1)); }
  // Reflected at the borders until inside: with t the distance from the lower border, |t - 2 span round(t / (2 span))|.
  Symbol* Reflect(Symbol* x, int64_t size) {
    const double low = align ? 0 : -0.5, span = static_cast<double>(size) - (align ? 1 : 0);
    if (!x || span == 0) return x ? c.Mul(x, Constant(0, x)) : nullptr;
    Symbol* t = c.Sub(x, Constant(low, x));
    Symbol* periods = c.Unary(UnaryFn::round, c.Mul(t, Constant(0.5 / span, t)));
    Symbol* distance = c.Unary(UnaryFn::abs, c.Sub(t, c.Mul(periods, Constant(2 * span, t))));
    return Clip(c.Add(distance, Constant(low, x)), size);
  }
  // A coordinate of [-1, 1] as one of elements.
  Symbol* Denormalized(Symbol* g, int64_t size) {
    const auto n = static_cast<double>(size);
    if (align) return c.Mul(c.Add(g, Constant(1, g)), Constant((n - 1) / 2, g));
    return c.Sub(c.Mul(c.Add(g, Constant(1, g)), Constant(n / 2, g)), Constant(0.5, g));
  }
  // A whole coordinate within the border, and where it was not outside (null: everywhere, or it does not matter).
  Symbol* Inside(Symbol* x, int64_t size, Symbol*& valid) {
    if (padding == Padding::kReflection) return Reflect(x, size);
    if (padding == Padding::kZeros) {
      Symbol* above = c.Compare(CompareFn::less_equal, Constant(0, x), x);
      Symbol* below = c.Compare(CompareFn::less_equal, x, Constant(static_cast<double>(size - 1), x));
      Symbol* both = c.Binary(BinaryFn::bit_and, above, below);
      valid = valid ? c.Binary(BinaryFn::bit_and, valid, both) : both;
    }
    return Clip(x, size);
  }
};

// The weights of the neighbours of a fraction r, from the first of them on (Keys 1981 with a = -0.75 for cubic).
std::vector<Symbol*> WeightsOf(Compose& c, const std::string& mode, Symbol* r) {
  if (!r) return {};
  Symbol* rest = c.Sub(c.Scalar(1, r), r);
  if (mode == "bilinear") return {rest, r};
  const double a = -0.75;
  const auto near = [&](Symbol* t) {
    return c.Add(c.Mul(c.Mul(c.Sub(c.Mul(t, c.Scalar(a + 2, r)), c.Scalar(a + 3, r)), t), t), c.Scalar(1, r));
  };
  const auto far = [&](Symbol* t) {  // of t + 1
    Symbol* u = c.Add(t, c.Scalar(1, r));
    Symbol* v = c.Sub(c.Mul(u, c.Scalar(a, r)), c.Scalar(5 * a, r));
    v = c.Add(c.Mul(v, u), c.Scalar(8 * a, r));
    return c.Sub(c.Mul(v, u), c.Scalar(4 * a, r));
  };
  return {far(r), near(r), near(rest), far(rest)};
}

absl::Status LowerGridSample(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 4, 4));
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 4, 4));
  const Shape x = l.shape(0), grid = l.shape(1);
  if (grid[0] != x[0] || grid[3] != 2) {
    return Unsupported("grid [", ShapeText(grid), "] does not fit the input [", ShapeText(x), "]");
  }
  std::string mode = l.String("mode", l.opset() < 20 ? "bilinear" : "linear");
  if (mode == "linear") mode = "bilinear";
  if (mode == "cubic") mode = "bicubic";
  if (mode != "bilinear" && mode != "nearest" && mode != "bicubic") {
    return Unsupported("mode = \"", mode, "\"; supported: bilinear, nearest, bicubic");
  }
  const std::string padding = l.String("padding_mode", "zeros");
  if (padding != "zeros" && padding != "border" && padding != "reflection") {
    return Unsupported("padding_mode = \"", padding, "\"; supported: zeros, border, reflection");
  }
  MCUC_ASSIGN_OR_RETURN(const bool align, l.Flag("align_corners", false));
  Compose c(l);
  Sampler sampler{c,
                  padding == "zeros"    ? Padding::kZeros
                  : padding == "border" ? Padding::kBorder
                                        : Padding::kReflection,
                  align};
  const int64_t places = grid[1] * grid[2], height = x[2], width = x[3];
  Symbol* both = c.Reshape(l.input(1), {x[0], places, 2});
  Symbol* columns = sampler.Denormalized(c.Reshape(c.Part(both, 2, 0, 1), {x[0], places}), width);
  Symbol* rows = sampler.Denormalized(c.Reshape(c.Part(both, 2, 1, 1), {x[0], places}), height);
  if (mode != "bicubic" && padding != "zeros") {  // the place itself is moved inside, not each neighbour
    const auto move = [&](Symbol* at, int64_t size) {
      return padding == "border" ? sampler.Clip(at, size) : sampler.Reflect(at, size);
    };
    columns = move(columns, width);
    rows = move(rows, height);
  }
  // Slices of all channels, N H W x C.
  Symbol* image = c.Reshape(c.Transpose(l.input(0), {0, 2, 3, 1}), {x[0] * height * width, x[1]});
  Ints starts;
  for (int64_t n = 0; n < x[0]; ++n) starts.push_back(n * height * width);
  Symbol* first = c.Integers(starts, {x[0], 1});
  const auto taken = [&](Symbol* row, Symbol* column) -> Symbol* {
    Symbol* valid = nullptr;
    row = sampler.Inside(row, height, valid);
    column = sampler.Inside(column, width, valid);
    Symbol* at = c.Add(c.Mul(c.Cast(row, ElementType::i64), c.Integers({width}, {})), c.Cast(column, ElementType::i64));
    Symbol* values = c.Gather(image, c.Add(at, first), 0);  // N x places x C
    if (!valid) return values;
    return c.Select(c.Reshape(valid, {x[0], places, 1}), values, c.Scalar(0, values));
  };
  Symbol* y = nullptr;
  if (mode == "nearest") {
    y = taken(c.Unary(UnaryFn::round, rows), c.Unary(UnaryFn::round, columns));
  } else {
    Symbol *row0 = c.Unary(UnaryFn::floor, rows), *column0 = c.Unary(UnaryFn::floor, columns);
    const std::vector<Symbol*> row_weights = WeightsOf(c, mode, c.Sub(rows, row0));
    const std::vector<Symbol*> column_weights = WeightsOf(c, mode, c.Sub(columns, column0));
    const double before = mode == "bicubic" ? 1 : 0;
    for (size_t i = 0; i < row_weights.size(); ++i) {
      for (size_t j = 0; j < column_weights.size(); ++j) {
        Symbol* row = c.Add(row0, c.Scalar(static_cast<double>(i) - before, row0));
        Symbol* column = c.Add(column0, c.Scalar(static_cast<double>(j) - before, column0));
        Symbol* weight = c.Reshape(c.Mul(row_weights[i], column_weights[j]), {x[0], places, 1});
        Symbol* term = c.Mul(taken(row, column), weight);
        y = y ? c.Add(y, term) : term;
      }
    }
  }
  y = c.Transpose(y, {0, 2, 1});
  return c.Return(c.Reshape(y, {x[0], x[1], grid[1], grid[2]}));
}

// Weights of the elements of an axis for each bin, R x bins x size: the mean over the samples of a bin of
// max(0, 1 - |place - element|), nothing for samples more than 1 outside.
Symbol* BinWeights(Compose& c, Symbol* start, Symbol* length, int64_t bins, int64_t samples, int64_t size) {
  if (!start || !length) return nullptr;
  const int64_t rois = start->shape()[0];
  std::vector<double> fractions, elements(static_cast<size_t>(size));
  for (int64_t i = 0; i < bins * samples; ++i) {
    fractions.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(bins * samples));
  }
  std::iota(elements.begin(), elements.end(), 0);
  Symbol* place =
      c.Add(c.Reshape(start, {rois, 1}), c.Mul(c.Reshape(length, {rois, 1}), c.Floats(fractions, {bins * samples})));
  place = c.Reshape(place, {rois, bins, samples, 1});
  if (!place) return nullptr;
  Symbol* low = c.Compare(CompareFn::less_equal, c.Scalar(-1, place), place);
  Symbol* high = c.Compare(CompareFn::less_equal, place, c.Scalar(static_cast<double>(size), place));
  Symbol* inside = c.Unary(UnaryFn::clip, place, 0, static_cast<float>(size - 1));
  Symbol* distance = c.Unary(UnaryFn::abs, c.Sub(inside, c.Floats(elements, {size})));
  Symbol* weight = c.Unary(UnaryFn::relu, c.Sub(c.Scalar(1, place), distance));
  weight = c.Select(c.Binary(BinaryFn::bit_and, low, high), weight, c.Scalar(0, place));
  return c.Reduce(ReduceFn::mean, weight, {2}, false);
}

// X: N x C x H x W, rois: R x {x1, y1, x2, y2}, batch_indices: R.
absl::Status LowerRoiAlign(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 4, 4));
  const Shape x = l.shape(0);
  const int64_t rois = Elements(l.shape(2));
  if (l.shape(1) != Shape{rois, 4}) return Unsupported("rois [", ShapeText(l.shape(1)), "] must be [", rois, "x4]");
  if (l.String("mode", "avg") != "avg") return Unsupported("mode = \"", l.String("mode", "avg"), "\"; supported: avg");
  const std::string transform =
      l.String("coordinate_transformation_mode", l.opset() < 16 ? "output_half_pixel" : "half_pixel");
  if (transform != "half_pixel" && transform != "output_half_pixel") {
    return Unsupported("coordinate_transformation_mode = \"", transform,
                       "\"; supported: half_pixel, output_half_pixel");
  }
  const int64_t height = l.Int("output_height", 1), width = l.Int("output_width", 1);
  const int64_t samples = l.Int("sampling_ratio", 0);
  if (samples < 1 || samples > 64) {
    return Unsupported("sampling_ratio = ", samples, "; supported: 1 to 64 (0 depends on the sizes of the rois)");
  }
  if (x[2] > 1 << 16 || x[3] > 1 << 16) return Unsupported("an input of ", x[2], "x", x[3]);
  if (height < 1 || width < 1 || height > 1 << 12 || width > 1 << 12) {
    return Unsupported("an output of ", height, "x", width);
  }
  Compose c(l);
  const bool half = transform == "half_pixel";
  Symbol* scaled = c.Mul(l.input(1), c.Scalar(static_cast<double>(l.Float("spatial_scale", 1.0f)), l.input(1)));
  if (half) scaled = c.Sub(scaled, c.Scalar(0.5, l.input(1)));
  const auto corner = [&](int64_t i) { return c.Reshape(c.Part(scaled, 1, i, 1), {rois}); };
  const auto weights = [&](int64_t axis, int64_t bins) {
    Symbol *start = corner(axis), *length = c.Sub(corner(axis + 2), start);
    // Rois are at least 1 long where they are not measured from the middle of elements.
    if (!half && length) length = c.Binary(BinaryFn::max, length, c.Scalar(1, length));
    return BinWeights(c, start, length, bins, samples, x[static_cast<size_t>(3 - axis)]);
  };
  Symbol* rows = c.Reshape(weights(1, height), {rois, 1, height, x[2]});
  Symbol* columns = c.Transpose(c.Reshape(weights(0, width), {rois, 1, width, x[3]}), {0, 1, 3, 2});
  Symbol* images = c.Gather(l.input(0), c.Reshape(l.input(2), {rois}), 0);
  return c.Return(c.MatMul(c.MatMul(rows, images), columns));
}

const Operator kOperators[] = {
    {"GridSample", 16, kMaxOpset, 2, 2, 1, "align_corners:i mode:s padding_mode:s", LowerGridSample},
    {"RoiAlign", 10, kMaxOpset, 3, 3, 1,
     "coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f",
     LowerRoiAlign},
};

}  // namespace

std::span<const Operator> SampleOperators() { return kOperators; }

}  // namespace mcuc::importer
