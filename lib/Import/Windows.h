// The attributes that convolutions and pools share: kernels, strides, dilations, pads and auto_pad over one or two
// spatial dimensions.
#ifndef MCUC_LIB_IMPORT_WINDOWS_H
#define MCUC_LIB_IMPORT_WINDOWS_H

#include "Lowering.h"

namespace mcuc::importer {

// The most that a stride, dilation, kernel or pad may be (that of InferShape).
inline constexpr int64_t kMaxWindow = int64_t{1} << 20;

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

struct WindowAttrs {
  Ints kernel, strides, dilations;  // one for each spatial dimension
  Ints pads;                        // befores, then afters
  AutoPad auto_pad = AutoPad::kNotSet;
};

// The spatial dimensions of input 0, N x C x …: 1 to 3; an error for others.
absl::StatusOr<size_t> SpatialDims(const Lowering& l);
// The kernel of weights M x C x ….
Ints KernelOfWeights(const Shape& w);
// `kernel`: the weights'; empty for pools, which take it from kernel_shape.
absl::StatusOr<WindowAttrs> WindowAttrsOf(const Lowering& l, const Ints& kernel);
// The pads that auto_pad means for this size of x, befores and then afters; and those of one or two dimensions.
Ints PlacedPadList(const WindowAttrs& windows, const Shape& x);
Pads PlacedPads(const WindowAttrs& windows, const Shape& x);

Pair AsPair(const Ints& values, int64_t height = 1);  // of one dimension: {height, value}
Pads AsPads(const Ints& pads);

// A x B x L to A x B x 1 x L; planes stay. And back for one dimension.
absl::StatusOr<Symbol*> ToPlane(Lowering& l, Symbol* x);
absl::StatusOr<Symbol*> FromPlane(Lowering& l, Symbol* y, size_t dims);

// Three spatial dimensions, N x C x D x H x W, as operations of two (LowerVolume.cpp).
absl::Status LowerConvVolume(Lowering& l);
absl::Status LowerConvTransposeVolume(Lowering& l);
absl::StatusOr<Symbol*> PoolVolume(Lowering& l, Symbol* x, const WindowAttrs& windows, const Attributes& pool);

// The attribute output_shape of ConvTranspose for the spatial dimensions; empty where absent.
absl::StatusOr<Ints> OutputShape(const Lowering& l, size_t dims);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_WINDOWS_H
