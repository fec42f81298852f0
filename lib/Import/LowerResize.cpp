// Resize and Upsample. The IR resamples the last two dimensions of N x C x H x W; a tensor of another rank or with
// other dimensions to scale is brought into that form by a transpose and a reshape, and back.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "Resample.h"

namespace mcuc::importer {

namespace {

// What a node asks for: for each dimension of the input its scale and the output's size.
struct Resampling {
  ResizeAttrs attrs;  // without scales
  Floats scales;
  Shape shape;
};

bool Changes(const Resampling& r, const Shape& x, size_t d) { return r.scales[d] != 1.0f || r.shape[d] != x[d]; }

absl::Status ResamplePlanes(Lowering& l, Resampling r) {
  Symbol* x = l.input(0);
  const Shape in = x->shape();
  MCUC_RETURN_IF_ERROR(CheckedElements(r.shape).status());
  Ints perm, plane;  // the dimensions that come first, and the last one or two
  for (size_t d = 0; d < in.size(); ++d) {
    (Changes(r, in, d) ? plane : perm).push_back(static_cast<int64_t>(d));
  }
  if (plane.empty()) return l.Return(x);
  if (plane.size() > 2) {
    return Unsupported("resizes ", plane.size(), " dimensions of [", ShapeText(in), "] to [", ShapeText(r.shape),
                       "]; at most two are supported in this opset");
  }
  if (const int64_t rank = x->rank(); rank == 4 && plane.size() == 1 && plane[0] >= 2) {
    plane = {2, 3};  // an image that keeps its height or width stays as it is
    perm = {0, 1};
  }
  const int64_t n = perm.size() == 2 ? in[static_cast<size_t>(perm[0])] : 1;
  perm.insert(perm.end(), plane.begin(), plane.end());
  MCUC_ASSIGN_OR_RETURN(x, l.Transpose(x, perm));
  const size_t h = static_cast<size_t>(plane[0]), w = static_cast<size_t>(plane.back());
  const bool flat = plane.size() == 1;  // a height of 1
  const int64_t height = flat ? 1 : in[h], width = in[w];
  const int64_t out_height = flat ? 1 : r.shape[h], out_width = r.shape[w];
  Shape result;
  for (int64_t d : perm) result.push_back(r.shape[static_cast<size_t>(d)]);
  const int64_t channels = Elements(in) / (n * height * width);
  MCUC_ASSIGN_OR_RETURN(x, l.Reshape(x, {n, channels, height, width}));
  const Floats scales = {1, 1, flat ? 1 : r.scales[h], r.scales[w]};
  // Scales that are just the ratio of the sizes are left out.
  const auto ratio = [](int64_t out, int64_t size) { return static_cast<float>(out) / static_cast<float>(size); };
  if (scales[2] != ratio(out_height, height) || scales[3] != ratio(out_width, width)) r.attrs.scales = scales;
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.AddShaped(r.attrs, {x}, {n, channels, out_height, out_width}));
  MCUC_ASSIGN_OR_RETURN(y, l.Reshape(y, result));
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return l.Return(l.Transpose(y, inverse));
}

absl::Status ReadMode(const Lowering& l, ResizeAttrs& attrs) {
  const std::string mode = l.String("mode", "nearest");
  // Upsample before opset 9 and TensorFlow exporters say bilinear.
  if (!ParseEnum(mode == "bilinear" ? "linear" : mode, &attrs.mode)) {
    return Unsupported("mode = \"", mode, "\"; supported: nearest, linear");
  }
  return absl::OkStatus();
}

// Output sizes are floor(size * scale).
absl::Status ApplyScales(const Floats& scales, const Shape& x, const Ints& axes, Resampling& r) {
  if (scales.size() != axes.size()) {
    return Unsupported("scales has ", scales.size(), " entries; it must have ", axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t d = static_cast<size_t>(axes[i]);
    if (!std::isfinite(scales[i]) || !(scales[i] > 0)) {
      return Unsupported("scales holds ", FloatText(scales[i]), "; it must be positive");
    }
    const double size = std::floor(static_cast<double>(static_cast<float>(x[d]) * scales[i]));
    if (!(size >= 1 && size <= static_cast<double>(kMaxElements))) {
      return Unsupported("scale ", FloatText(scales[i]), " makes dimension ", d, " of [", ShapeText(x), "] ",
                         size < 1 ? "empty" : "too large");
    }
    r.scales[d] = scales[i];
    r.shape[d] = static_cast<int64_t>(size);
  }
  return absl::OkStatus();
}

absl::Status ApplySizes(const Lowering& l, const Ints& sizes, const Shape& x, const Ints& axes, Resampling& r) {
  if (sizes.size() != axes.size()) {
    return Unsupported("sizes has ", sizes.size(), " entries; it must have ", axes.size());
  }
  for (int64_t size : sizes) {
    if (size < 1 || size > kMaxElements) return Unsupported("sizes holds ", size, "; it must be positive");
  }
  // All axes get the smallest or largest of the scales where the aspect ratio is to be kept (Resize-18).
  const std::string policy = l.String("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    return Unsupported("keep_aspect_ratio_policy = \"", policy, "\"; supported: stretch, not_larger, not_smaller");
  }
  float common = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const float scale = static_cast<float>(sizes[i]) / static_cast<float>(x[static_cast<size_t>(axes[i])]);
    common = i == 0 ? scale : policy == "not_larger" ? std::min(common, scale) : std::max(common, scale);
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t d = static_cast<size_t>(axes[i]);
    const float size = static_cast<float>(x[d]);
    if (policy == "stretch") {
      r.shape[d] = sizes[i];
      r.scales[d] = static_cast<float>(sizes[i]) / size;
    } else {
      const double rounded = std::floor(static_cast<double>(common * size) + 0.5);
      if (!(rounded >= 1 && rounded <= static_cast<double>(kMaxElements))) {
        return Unsupported("sizes [", ShapeText(sizes), "] make dimension ", d, " of [", ShapeText(x), "] too small ",
                           "or too large");
      }
      r.shape[d] = static_cast<int64_t>(rounded);
      r.scales[d] = common;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Floats> ConstantScales(const Lowering& l, size_t i) {
  MCUC_ASSIGN_OR_RETURN(const std::vector<double> values, l.ConstantReals(i, "scales"));
  Floats scales;
  for (double value : values) scales.push_back(static_cast<float>(value));
  return scales;
}

Resampling Unchanged(const Shape& x) { return {{}, Floats(x.size(), 1.0f), x}; }

Ints AllAxes(const Shape& x) {
  Ints axes(x.size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// Upsample and Resize-10: output coordinate i reads input coordinate i / scale; nearest rounds down, and up where it
// shrinks (as ONNX Runtime does; the standard leaves it open).
absl::Status LowerSimple(Lowering& l, const Floats& scales, bool may_shrink) {
  const Shape& x = l.shape(0);
  Resampling r = Unchanged(x);
  MCUC_RETURN_IF_ERROR(ReadMode(l, r.attrs));
  MCUC_RETURN_IF_ERROR(ApplyScales(scales, x, AllAxes(x), r));
  r.attrs.transform = ResizeTransform::asymmetric;
  const bool shrinks = std::any_of(scales.begin(), scales.end(), [](float s) { return s < 1; });
  const bool grows = std::any_of(scales.begin(), scales.end(), [](float s) { return s > 1; });
  if (shrinks && !may_shrink) return Unsupported("a scale is below 1; Upsample can only enlarge");
  if (shrinks && grows && r.attrs.mode == ResizeMode::nearest) {
    return Unsupported("enlarges one dimension and shrinks another; convert the model to opset 11 or later");
  }
  r.attrs.round = shrinks ? ResizeRound::ceil : ResizeRound::floor;
  return ResamplePlanes(l, std::move(r));
}

absl::Status LowerUpsampleAttributes(Lowering& l) { return LowerSimple(l, l.FloatList("scales"), false); }

absl::Status LowerUpsampleInputs(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Floats scales, ConstantScales(l, 1));
  return LowerSimple(l, scales, false);
}

absl::Status LowerResize10(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Floats scales, ConstantScales(l, 1));
  return LowerSimple(l, scales, true);
}

// What the operation resize does not do.
absl::Status ResampleGenerally(Lowering& l, const std::string& transform, const Ints& axes, const Resampling& r) {
  ResampleOptions options;
  options.mode = l.String("mode", "nearest");
  options.transform = transform;
  options.round = l.String("nearest_mode", "round_prefer_floor");
  options.cubic_a = l.Float("cubic_coeff_a", -0.75f);
  MCUC_ASSIGN_OR_RETURN(options.exclude_outside, l.Flag("exclude_outside", false));
  options.extrapolation_value = static_cast<double>(l.Float("extrapolation_value", 0));
  if (transform == "tf_crop_and_resize") {  // begins and then ends, of the axes
    MCUC_ASSIGN_OR_RETURN(const std::vector<double> roi, l.ConstantReals(1, "roi"));
    if (roi.size() != 2 * axes.size())
      return Unsupported("roi has ", roi.size(), " entries; it must have ", 2 * axes.size());
    options.begin.assign(r.shape.size(), 0);
    options.end.assign(r.shape.size(), 1);
    for (size_t i = 0; i < axes.size(); ++i) {
      options.begin[static_cast<size_t>(axes[i])] = roi[i];
      options.end[static_cast<size_t>(axes[i])] = roi[axes.size() + i];
    }
  }
  return Resample(l, options, r.scales, r.shape);
}

// Inputs x, roi, scales, sizes; the roi only concerns tf_crop_and_resize.
absl::Status LowerResize(Lowering& l) {
  const Shape& x = l.shape(0);
  Resampling r = Unchanged(x);
  const bool cubic = l.String("mode", "nearest") == "cubic";
  if (!cubic) MCUC_RETURN_IF_ERROR(ReadMode(l, r.attrs));
  Ints axes = AllAxes(x);
  if (l.Has("axes")) {
    const Ints given = l.IntList("axes");
    MCUC_RETURN_IF_ERROR(NormalizeAxes(given, l.input(0)->rank()).status());  // each once
    axes.clear();
    for (int64_t axis : given) axes.push_back(axis < 0 ? axis + l.input(0)->rank() : axis);
  }
  const bool has_scales = l.input(2) && Elements(l.shape(2)) > 0;
  const bool has_sizes = l.input(3) && Elements(l.shape(3)) > 0;
  if (has_scales == has_sizes) return Unsupported("must have either scales or sizes");
  if (has_scales) {
    MCUC_ASSIGN_OR_RETURN(const Floats scales, ConstantScales(l, 2));
    MCUC_RETURN_IF_ERROR(ApplyScales(scales, x, axes, r));
  } else {
    MCUC_ASSIGN_OR_RETURN(const Ints sizes, l.ConstantInts(3, "sizes"));
    MCUC_RETURN_IF_ERROR(ApplySizes(l, sizes, x, axes, r));
  }
  std::string transform = l.String("coordinate_transformation_mode", "half_pixel");
  if (transform == "half_pixel_symmetric") {
    // The same as half_pixel where no size was rounded.
    bool exact = true;
    for (size_t d = 0; d < x.size(); ++d) {
      exact &= static_cast<float>(r.shape[d]) == r.scales[d] * static_cast<float>(x[d]);
    }
    if (exact) transform = "half_pixel";
  }
  const bool shrinks = std::any_of(r.scales.begin(), r.scales.end(), [](float s) { return s < 1; });
  if (l.Int("antialias", 0) != 0 && shrinks && (cubic || r.attrs.mode == ResizeMode::linear)) {
    return Unsupported("antialias = 1 is not supported where a dimension shrinks");
  }
  int64_t changed = 0;
  for (size_t d = 0; d < x.size(); ++d) changed += Changes(r, x, d) ? 1 : 0;
  if (cubic || changed > 2 || !ParseEnum(transform, &r.attrs.transform)) {
    return ResampleGenerally(l, transform, axes, r);
  }
  const std::string round = l.String("nearest_mode", "round_prefer_floor");
  if (!ParseEnum(round, &r.attrs.round)) {
    return Unsupported("nearest_mode = \"", round, "\"; supported: round_prefer_floor, round_prefer_ceil, floor, ceil");
  }
  if (r.attrs.mode == ResizeMode::linear) r.attrs.round = ResizeRound::round_prefer_floor;  // says nothing here
  return ResamplePlanes(l, std::move(r));
}

const Operator kOperators[] = {
    {"Upsample", 7, 8, 1, 1, 1, "mode:s scales:F", LowerUpsampleAttributes},
    {"Upsample", 9, 9, 2, 2, 1, "mode:s", LowerUpsampleInputs},
    {"Resize", 10, 10, 2, 2, 1, "mode:s", LowerResize10},
    {"Resize", 11, 17, 1, 4, 1,
     "coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f mode:s nearest_mode:s",
     LowerResize},
    {"Resize", 18, kMaxOpset, 1, 4, 1,
     "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f "
     "keep_aspect_ratio_policy:s mode:s nearest_mode:s",
     LowerResize},
};

}  // namespace

std::span<const Operator> ResizeOperators() { return kOperators; }

}  // namespace mcuc::importer
