// Reads and checks window attributes, and turns auto_pad into pads.
#include "Windows.h"

#include <algorithm>

namespace mcuc::importer {

absl::StatusOr<size_t> SpatialDims(const Lowering& l) {
  const int64_t rank = l.input(0)->rank();
  if (rank < 3 || rank > 5) {
    return Unsupported("input 0 [", ShapeText(l.shape(0)), "] has rank ", rank,
                       "; supported: 3 (N x C x L), 4 (N x C x H x W) and 5 (N x C x D x H x W)");
  }
  return static_cast<size_t>(rank - 2);
}

Ints KernelOfWeights(const Shape& w) { return w.size() < 2 ? Ints() : Ints(w.begin() + 2, w.end()); }

absl::StatusOr<WindowAttrs> WindowAttrsOf(const Lowering& l, const Ints& kernel) {
  const size_t dims = static_cast<size_t>(l.input(0)->rank() - 2);
  WindowAttrs windows;
  if (kernel.empty()) {
    if (!l.Has("kernel_shape")) return Unsupported("kernel_shape is missing");
    MCUC_ASSIGN_OR_RETURN(windows.kernel, l.IntsWithin("kernel_shape", dims, 1, kMaxWindow, 1));
  } else {
    windows.kernel = kernel;
    if (kernel.size() != dims) {
      return Unsupported("weights [", ShapeText(l.shape(1)), "] and input [", ShapeText(l.shape(0)),
                         "] must have the same rank");
    }
    for (int64_t k : kernel) {
      if (k > kMaxWindow) return Unsupported("a kernel of ", k, " is not supported; at most ", kMaxWindow);
    }
    if (l.Has("kernel_shape") && l.IntList("kernel_shape") != kernel) {
      return Unsupported("kernel_shape [", ShapeText(l.IntList("kernel_shape")), "] is not that of the weights [",
                         ShapeText(l.shape(1)), "]");
    }
  }
  MCUC_ASSIGN_OR_RETURN(windows.strides, l.IntsWithin("strides", dims, 1, kMaxWindow, 1));
  MCUC_ASSIGN_OR_RETURN(windows.dilations, l.IntsWithin("dilations", dims, 1, kMaxWindow, 1));
  MCUC_ASSIGN_OR_RETURN(windows.pads, l.IntsWithin("pads", 2 * dims, 0, kMaxWindow, 0));
  const std::string auto_pad = l.String("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET" || auto_pad.empty()) {
    windows.auto_pad = AutoPad::kNotSet;
  } else if (auto_pad == "SAME_UPPER") {
    windows.auto_pad = AutoPad::kSameUpper;
  } else if (auto_pad == "SAME_LOWER") {
    windows.auto_pad = AutoPad::kSameLower;
  } else if (auto_pad == "VALID") {
    windows.auto_pad = AutoPad::kValid;
  } else {
    return Unsupported("auto_pad = \"", auto_pad, "\"; supported: NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }
  if (windows.auto_pad != AutoPad::kNotSet) windows.pads.assign(2 * dims, 0);
  return windows;
}

Pads PlacedPads(const WindowAttrs& windows, const Shape& x) { return AsPads(PlacedPadList(windows, x)); }

Ints PlacedPadList(const WindowAttrs& windows, const Shape& x) {
  Ints pads = windows.pads;
  const size_t dims = windows.kernel.size();
  if (windows.auto_pad == AutoPad::kSameUpper || windows.auto_pad == AutoPad::kSameLower) {
    for (size_t d = 0; d < dims; ++d) {
      const int64_t in = x[2 + d], stride = windows.strides[d];
      const int64_t out = (in + stride - 1) / stride;
      const int64_t reach = (windows.kernel[d] - 1) * windows.dilations[d] + 1;
      const int64_t total = std::max<int64_t>((out - 1) * stride + reach - in, 0);
      const int64_t smaller = total / 2;
      pads[d] = windows.auto_pad == AutoPad::kSameUpper ? smaller : total - smaller;
      pads[dims + d] = total - pads[d];
    }
  }
  return pads;
}

Pair AsPair(const Ints& values, int64_t height) {
  return values.size() == 1 ? Pair{height, values[0]} : Pair{values[0], values[1]};
}

Pads AsPads(const Ints& pads) {
  return pads.size() == 2 ? Pads{0, pads[0], 0, pads[1]} : Pads{pads[0], pads[1], pads[2], pads[3]};
}

absl::StatusOr<Symbol*> ToPlane(Lowering& l, Symbol* x) {
  const Shape& s = x->shape();
  if (s.size() != 3) return x;
  return l.Reshape(x, {s[0], s[1], 1, s[2]});
}

absl::StatusOr<Symbol*> FromPlane(Lowering& l, Symbol* y, size_t dims) {
  const Shape& s = y->shape();
  if (dims != 1) return y;
  return l.Reshape(y, {s[0], s[1], s[3]});
}

absl::StatusOr<Ints> OutputShape(const Lowering& l, size_t dims) {
  if (!l.Has("output_shape")) return Ints();
  Ints shape = l.IntList("output_shape");
  // Some exporters list the whole N x C x … shape.
  if (shape.size() == dims + 2) shape.erase(shape.begin(), shape.begin() + 2);
  if (shape.size() != dims) return Unsupported("output_shape has ", shape.size(), " entries; it must have ", dims);
  for (int64_t size : shape) {
    if (size < 1 || size > kMaxElements) return Unsupported("output_shape holds ", size, "; it must be positive");
  }
  return shape;
}

}  // namespace mcuc::importer
