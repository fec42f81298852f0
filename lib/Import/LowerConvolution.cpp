// Conv and ConvTranspose. One-dimensional ones get a height of 1: x: N x C x L becomes N x C x 1 x L, and back.
#include <algorithm>

#include "Quantization.h"
#include "Windows.h"

namespace mcuc::importer {

namespace {

absl::Status LowerConv(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  if (dims == 3) return LowerConvVolume(l);
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, KernelOfWeights(l.shape(1))));
  ConvAttrs attrs;
  attrs.strides = AsPair(windows.strides);
  attrs.dilations = AsPair(windows.dilations);
  attrs.pads = PlacedPads(windows, l.shape(0));
  attrs.group = l.Int("group", 1);
  MCUC_ASSIGN_OR_RETURN(Symbol * x, ToPlane(l, l.input(0)));
  MCUC_ASSIGN_OR_RETURN(Symbol * w, ToPlane(l, l.input(1)));
  MCUC_ASSIGN_OR_RETURN(const auto layer, LayerOperands(l, x, w, attrs.group, false));
  std::vector<Symbol*> operands = {layer.first, layer.second};
  if (l.input(2)) operands.push_back(l.input(2));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(attrs, operands));
  return l.Return(FromPlane(l, y, dims));
}

absl::Status LowerConvTranspose(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const size_t dims, SpatialDims(l));
  if (dims == 3) return LowerConvTransposeVolume(l);
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, KernelOfWeights(l.shape(1))));
  MCUC_ASSIGN_OR_RETURN(Ints output_pads, l.IntsWithin("output_padding", dims, 0, kMaxWindow, 0));
  MCUC_ASSIGN_OR_RETURN(const Ints output_shape, OutputShape(l, dims));
  Ints pads = windows.pads;
  for (size_t d = 0; d < dims; ++d) {
    const int64_t in = l.shape(0)[2 + d];
    int64_t out = 0;
    if (!output_shape.empty()) {
      out = output_shape[d];
    } else if (windows.auto_pad == AutoPad::kSameUpper || windows.auto_pad == AutoPad::kSameLower) {
      out = in * windows.strides[d];
    } else {
      continue;  // the pads are given
    }
    // The output's size decides the pads. Of an odd number the larger part is cut off at the end for SAME_UPPER and at
    // the beginning otherwise (ConvTranspose-11; ONNX Runtime does the same for all opsets).
    const int64_t full =
        (in - 1) * windows.strides[d] + output_pads[d] + (windows.kernel[d] - 1) * windows.dilations[d] + 1;
    const int64_t total = std::max<int64_t>(full - out, 0);
    if (full < out) output_pads[d] += out - full;
    const int64_t smaller = total / 2, larger = total - smaller;
    const bool upper = windows.auto_pad == AutoPad::kSameUpper;
    pads[d] = upper ? smaller : larger;
    pads[dims + d] = upper ? larger : smaller;
  }
  ConvTransposeAttrs attrs;
  attrs.strides = AsPair(windows.strides);
  attrs.dilations = AsPair(windows.dilations);
  attrs.pads = AsPads(pads);
  attrs.output_pads = AsPair(output_pads, 0);
  attrs.group = l.Int("group", 1);
  MCUC_ASSIGN_OR_RETURN(Symbol * x, ToPlane(l, l.input(0)));
  MCUC_ASSIGN_OR_RETURN(Symbol * w, ToPlane(l, l.input(1)));
  std::vector<Symbol*> operands = {x, w};
  if (l.input(2)) operands.push_back(l.input(2));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(attrs, operands));
  return l.Return(FromPlane(l, y, dims));
}

const Operator kOperators[] = {
    {"Conv", 1, kMaxOpset, 2, 3, 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I", LowerConv},
    {"ConvTranspose", 1, kMaxOpset, 2, 3, 1,
     "auto_pad:s dilations:I group:i kernel_shape:I output_padding:I output_shape:I pads:I strides:I",
     LowerConvTranspose},
};

}  // namespace

std::span<const Operator> ConvolutionOperators() { return kOperators; }

}  // namespace mcuc::importer
