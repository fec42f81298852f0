// Fits samples to a graph's input. A 32x32x3 sample (rows of RGB pixels) becomes 3x32x32 for an input of 1x3x32x32; a
// 28x28 image becomes one channel, resized if that is asked for; elements of two shapes that differ only in dimensions
// of 1 stay as they are.
#include <algorithm>

#include "Input.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

// One way to see the dimensions of a sample.
struct View {
  int64_t channels = 1;
  bool channels_last = false;
  Shape rest;  // without the channels; H x W of an image
};

// A view and whether the graph has the channels at the other end.
struct Attempt {
  View view;
  bool move = false;
};

Shape Squeezed(Shape shape) {
  std::erase(shape, 1);
  return shape;
}

Shape Joined(int64_t channels, bool channels_last, const Shape& rest) {
  Shape shape = rest;
  shape.insert(channels_last ? shape.end() : shape.begin(), channels);
  return shape;
}

// Same elements in the same order: equal but for dimensions of 1, or one of them flat and the other no more than a
// matrix (flattening channels would leave open which order the model was trained with).
bool SameOrder(const Shape& a, const Shape& b) {
  const Shape x = Squeezed(a), y = Squeezed(b);
  if (x == y) return true;
  return std::min(x.size(), y.size()) == 1 && std::max(x.size(), y.size()) == 2 && Elements(x) == Elements(y);
}

View First(const Shape& sample) { return {sample.front(), false, {sample.begin() + 1, sample.end()}}; }
View Last(const Shape& sample) { return {sample.back(), true, {sample.begin(), sample.end() - 1}}; }

std::vector<Attempt> Attempts(const Shape& sample, const std::string& layout, size_t moments) {
  if (sample.size() == 3) {
    // The graph's own order is channels first where nothing else is known: ONNX is.
    if (layout == "nhwc") return {{Last(sample), true}, {Last(sample), false}};
    if (layout == "nchw") return {{First(sample), false}, {First(sample), true}};
    return {{First(sample), false}, {Last(sample), false}, {Last(sample), true}, {First(sample), true}};
  }
  std::vector<Attempt> attempts;
  if (moments <= 1) attempts.push_back({{1, false, sample}, false});
  if (sample.empty()) return attempts;
  const bool explicit_layout = !layout.empty() && sample.size() > 1;
  if (layout != "nhwc" && (moments > 1 || explicit_layout)) attempts.push_back({First(sample), false});
  if (layout != "nchw" && (moments > 1 || explicit_layout)) attempts.push_back({Last(sample), false});
  if (explicit_layout) attempts.push_back({layout == "nhwc" ? Last(sample) : First(sample), true});
  return attempts;
}

absl::StatusOr<SampleMap> TryFit(const Shape& given, const std::string& layout, const DatasetSpec& spec,
                                 const Shape& input_shape) {
  Shape sample = given;
  while (sample.size() > 3 && sample.front() == 1) sample.erase(sample.begin());
  const size_t moments = std::max(spec.mean.size(), spec.std_dev.size());
  const auto counts_fit = [&](const std::vector<float>& values, int64_t channels) {
    return values.size() <= 1 || static_cast<int64_t>(values.size()) == channels;
  };
  for (const Attempt& attempt : Attempts(sample, layout, moments)) {
    const View& view = attempt.view;
    if (!counts_fit(spec.mean, view.channels) || !counts_fit(spec.std_dev, view.channels)) continue;
    if (!spec.resize.empty() && view.rest.size() != 2) continue;
    const Shape rest = spec.resize.empty() ? view.rest : spec.resize;
    const bool out_last = view.channels_last != attempt.move;
    if (!SameOrder(Joined(view.channels, out_last, rest), input_shape)) continue;

    SampleMap map;
    map.size = Elements(given);
    map.out_size = Elements(input_shape);
    map.channels = view.channels;
    map.channels_last = view.channels_last;
    map.out_channels_last = out_last;
    if (view.rest.size() == 2) {
      map.in_h = view.rest[0];
      map.in_w = view.rest[1];
    } else {
      map.in_w = Elements(view.rest);
    }
    map.resize = !spec.resize.empty() && spec.resize != view.rest;
    map.out_h = map.resize ? spec.resize[0] : map.in_h;
    map.out_w = map.resize ? spec.resize[1] : map.in_w;
    if (map.resize) {
      ResizeAttrs linear;
      linear.mode = ResizeMode::linear;
      const auto axis = [&](int64_t in, int64_t out) {
        return ResizeAxisOf(linear, in, out, static_cast<float>(out) / static_cast<float>(in));
      };
      map.rows = axis(map.in_h, map.out_h);
      map.columns = axis(map.in_w, map.out_w);
    }
    map.scale = spec.scale;
    map.divisor = spec.divisor;
    map.mean = spec.mean;
    map.std_dev = spec.std_dev;
    return map;
  }
  return absl::InvalidArgumentError("");
}

std::string ShapeOrScalar(const Shape& shape) { return shape.empty() ? "a scalar" : ShapeText(shape); }

// What would make the two fit.
std::string Remedy(const Shape& sample, const std::string& layout, const DatasetSpec& spec, const Shape& input_shape) {
  DatasetSpec other = spec;
  other.mean.clear();
  other.std_dev.clear();
  if (TryFit(sample, layout, other, input_shape).ok()) {
    return absl::StrCat("mean= and std= have ", spec.mean.size(), " and ", spec.std_dev.size(),
                        " values; give one or one a channel");
  }
  Shape without_batch = Squeezed(input_shape);
  if (!spec.resize.empty()) {
    other.resize.clear();
    if (TryFit(sample, layout, other, input_shape).ok()) return "leave out resize=";
  }
  if (Elements(sample) == Elements(input_shape) && spec.resize.empty()) {
    return absl::StrCat("shape=", ShapeText(without_batch), " takes their elements in the order of the file");
  }
  const size_t rank = input_shape.size();
  for (const bool last : {false, true}) {
    if (rank < 3) break;
    other.resize = last ? Shape{input_shape[rank - 3], input_shape[rank - 2]}
                        : Shape{input_shape[rank - 2], input_shape[rank - 1]};
    if (other.resize == spec.resize || !TryFit(sample, layout, other, input_shape).ok()) continue;
    return absl::StrCat("add resize=", ShapeText(other.resize));
  }
  return "the data set and the model do not belong together";
}

}  // namespace

absl::StatusOr<SampleMap> FitSample(const Shape& sample, const std::string& layout, const DatasetSpec& spec,
                                    const Shape& input_shape, const std::string& what, const std::string& input) {
  absl::StatusOr<SampleMap> map = TryFit(sample, layout, spec, input_shape);
  if (map.ok()) return map;
  const std::string resized = spec.resize.empty() ? "" : absl::StrCat(", resized to ", ShapeText(spec.resize), ",");
  return absl::InvalidArgumentError(absl::StrCat(what, ": samples of ", ShapeOrScalar(sample), resized,
                                                 " do not fit input \"", input, "\" of ", ShapeOrScalar(input_shape),
                                                 "; ", Remedy(sample, layout, spec, input_shape)));
}

std::vector<float> SampleMap::Values(const Tensor& raw, int64_t i) const {
  const int64_t pixels = in_h * in_w, out_pixels = out_h * out_w;
  std::vector<float> values(static_cast<size_t>(out_size));
  Dispatch(raw.type().element, [&](auto zero) {
    using T = decltype(zero);
    const auto sample = raw.data<T>().subspan(static_cast<size_t>(i * size), static_cast<size_t>(size));
    for (int64_t c = 0; c < channels; ++c) {
      const auto at = [&](int64_t y, int64_t x) {
        const int64_t pixel = y * in_w + x;
        return static_cast<float>(
            sample[static_cast<size_t>(channels_last ? pixel * channels + c : c * pixels + pixel)]);
      };
      const float m = mean.empty() ? 0.0f : mean[mean.size() == 1 ? 0 : static_cast<size_t>(c)];
      const float s = std_dev.empty() ? 1.0f : std_dev[std_dev.size() == 1 ? 0 : static_cast<size_t>(c)];
      for (int64_t y = 0; y < out_h; ++y) {
        for (int64_t x = 0; x < out_w; ++x) {
          float value = 0;
          if (resize) {
            const size_t row = static_cast<size_t>(y), column = static_cast<size_t>(x);
            const int64_t y0 = rows.lo[row], y1 = rows.hi[row], x0 = columns.lo[column], x1 = columns.hi[column];
            const float fy = rows.fraction[row], fx = columns.fraction[column];
            value =
                (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) + fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1));
          } else {
            value = at(y, x);
          }
          // The product of two floats is exact in double: scale and divisor together round once.
          value = static_cast<float>(static_cast<double>(value) * static_cast<double>(scale) /
                                     static_cast<double>(divisor));
          const int64_t pixel = y * out_w + x;
          values[static_cast<size_t>(out_channels_last ? pixel * channels + c : c * out_pixels + pixel)] =
              (value - m) / s;
        }
      }
    }
  });
  return values;
}

}  // namespace mcuc
