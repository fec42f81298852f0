// The rows of the matrices follow the reference implementation of the ONNX standard (Resize, operators.md).
#include "Resample.h"

#include <algorithm>
#include <cmath>

namespace mcuc::importer {

namespace {

struct Axis {
  int64_t in, out;
  double scale, begin, end;  // begin, end: of tf_crop_and_resize
};

// The input coordinate of an output coordinate.
absl::StatusOr<double> CoordinateOf(const std::string& transform, const Axis& a, int64_t i) {
  const auto x = static_cast<double>(i), in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  if (transform == "half_pixel") return (x + 0.5) / a.scale - 0.5;
  if (transform == "asymmetric") return x / a.scale;
  if (transform == "tf_half_pixel_for_nn") return (x + 0.5) / a.scale;
  if (transform == "pytorch_half_pixel") return out > 1 ? (x + 0.5) / a.scale - 0.5 : -0.5;
  if (transform == "align_corners") {
    const double resized = in * a.scale;  // not rounded
    return resized == 1 ? 0 : x * (in - 1) / (resized - 1);
  }
  if (transform == "half_pixel_symmetric") {
    const double adjustment = out / (a.scale * in);
    return in / 2 * (1 - adjustment) + (x + 0.5) / a.scale - 0.5;
  }
  if (transform == "tf_crop_and_resize") {
    if (a.out == 1) return (a.end + a.begin) * (in - 1) / 2;
    return a.begin * (in - 1) + x * (a.end - a.begin) * (in - 1) / (out - 1);
  }
  return Unsupported("coordinate_transformation_mode = \"", transform,
                     "\"; supported: half_pixel, half_pixel_symmetric, pytorch_half_pixel, asymmetric, align_corners, ",
                     "tf_half_pixel_for_nn, tf_crop_and_resize");
}

absl::StatusOr<int64_t> Rounded(const std::string& round, double x) {
  const double below = std::floor(x);
  if (round == "floor") return static_cast<int64_t>(below);
  if (round == "ceil") return static_cast<int64_t>(std::ceil(x));
  if (round == "round_prefer_floor") return static_cast<int64_t>(std::ceil(x - 0.5));
  if (round == "round_prefer_ceil") return static_cast<int64_t>(std::floor(x + 0.5));
  return Unsupported("nearest_mode = \"", round, "\"; supported: round_prefer_floor, round_prefer_ceil, floor, ceil");
}

// The weights of the elements from `first` on that an output coordinate is interpolated from (Keys 1981 for cubic).
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

Taps TapsOf(const ResampleOptions& options, double x) {
  const double below = std::floor(x), r = x - below;
  if (options.mode == "linear") return {static_cast<int64_t>(below), {1 - r, r}};
  const auto a = static_cast<double>(options.cubic_a);
  const auto near = [&](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  const auto far = [&](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  return {static_cast<int64_t>(below) - 1, {far(r + 1), near(r), near(1 - r), far(2 - r)}};
}

// One axis. Where coordinates lie outside of a crop, `outside` is set.
absl::StatusOr<Symbol*> ResampleAxis(Lowering& l, Compose& c, const ResampleOptions& options, Symbol* x, int64_t axis,
                                     const Axis& a) {
  Ints nearest;
  std::vector<double> outside(static_cast<size_t>(a.out), 0);
  bool any_outside = false;
  const bool interpolates = options.mode != "nearest";
  if (interpolates) {
    MCUC_RETURN_IF_ERROR(CheckedElements({a.out, a.in}).status());
    MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::f32, {a.out, a.in}}));
  }
  Tensor matrix(Type{ElementType::f32, interpolates ? Shape{a.out, a.in} : Shape{1}});
  for (int64_t i = 0; i < a.out; ++i) {
    MCUC_ASSIGN_OR_RETURN(const double at, CoordinateOf(options.transform, a, i));
    if (!std::isfinite(at) || std::fabs(at) > 1e9) return Unsupported("a coordinate is out of range");
    if (options.transform == "tf_crop_and_resize" && (at < 0 || at > static_cast<double>(a.in - 1))) {
      outside[static_cast<size_t>(i)] = 1;
      any_outside = true;
    }
    if (!interpolates) {
      MCUC_ASSIGN_OR_RETURN(const int64_t from, Rounded(options.round, at));
      nearest.push_back(std::clamp<int64_t>(from, 0, a.in - 1));
      continue;
    }
    Taps taps = TapsOf(options, at);
    double sum = 0;
    for (size_t k = 0; k < taps.weights.size(); ++k) {
      const int64_t from = taps.first + static_cast<int64_t>(k);
      if (options.exclude_outside && (from < 0 || from >= a.in)) taps.weights[k] = 0;
      sum += taps.weights[k];
    }
    for (size_t k = 0; k < taps.weights.size(); ++k) {
      const int64_t from = std::clamp<int64_t>(taps.first + static_cast<int64_t>(k), 0, a.in - 1);
      const double weight = options.exclude_outside ? taps.weights[k] / sum : taps.weights[k];
      matrix.Set(i * a.in + from, matrix.AsDouble(i * a.in + from) + weight);
    }
  }
  Symbol* y = nullptr;
  if (interpolates) {
    const Ints perm = AxisLast(axis, x->rank());
    y = c.Transpose(c.Linear(c.Transpose(x, perm), std::move(matrix)), Inverse(perm));
  } else {
    y = c.Pick(x, nearest, axis);
  }
  if (!y) return c.status();
  if (any_outside) {
    Shape along(static_cast<size_t>(x->rank()), 1);
    along[static_cast<size_t>(axis)] = a.out;
    Symbol* mask = c.Floats(outside, along, ElementType::b8);
    y = c.Select(mask, c.Scalar(options.extrapolation_value, y), y);
  }
  if (!y) return c.status();
  return y;
}

}  // namespace

absl::Status Resample(Lowering& l, const ResampleOptions& options, const Floats& scales, const Shape& shape) {
  if (Elements(l.shape(0)) == 0) return Unsupported("the input has no elements");  // others may have none
  if (options.mode != "nearest" && options.mode != "linear" && options.mode != "cubic") {
    return Unsupported("mode = \"", options.mode, "\"; supported: nearest, linear, cubic");
  }
  Symbol* x = l.input(0);
  const bool crops = options.transform == "tf_crop_and_resize";
  if (crops && (options.begin.size() != shape.size() || options.end.size() != shape.size())) {
    return Unsupported("tf_crop_and_resize takes a roi of ", 2 * shape.size(), " constants");
  }
  Compose c(l);
  for (size_t d = 0; d < shape.size(); ++d) {
    Axis axis = {l.shape(0)[d], shape[d], static_cast<double>(scales[d]), 0, 1};
    if (crops) {
      axis.begin = options.begin[d];
      axis.end = options.end[d];
    }
    if (axis.in == axis.out && scales[d] == 1.0f && axis.begin == 0 && axis.end == 1) continue;
    MCUC_ASSIGN_OR_RETURN(x, ResampleAxis(l, c, options, x, static_cast<int64_t>(d), axis));
  }
  return c.Return(x);
}

}  // namespace mcuc::importer
