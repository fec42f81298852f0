// Convolutions and pools over three spatial dimensions, N x C x D x H x W, as those over two. A convolution takes the
// planes that its kernel covers in depth as channels; a pool goes over the planes first and then over the depth.
#include "Compose.h"
#include "Products.h"
#include "Windows.h"

namespace mcuc::importer {

namespace {

// The last two of three spatial dimensions.
WindowAttrs PlaneOf(const WindowAttrs& windows) {
  WindowAttrs plane = windows;
  for (Ints* list : {&plane.kernel, &plane.strides, &plane.dilations}) list->erase(list->begin());
  plane.pads = {windows.pads[1], windows.pads[2], windows.pads[4], windows.pads[5]};
  plane.auto_pad = AutoPad::kNotSet;
  return plane;
}

}  // namespace

absl::Status LowerConvVolume(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(WindowAttrs windows, WindowAttrsOf(l, KernelOfWeights(l.shape(1))));
  const Shape x = l.shape(0), w = l.shape(1);
  windows.pads = PlacedPadList(windows, x);
  const int64_t step = windows.strides[0], dilation = windows.dilations[0], kernel = windows.kernel[0];
  const int64_t padded = x[2] + windows.pads[0] + windows.pads[3];
  const int64_t depth = (padded - ((kernel - 1) * dilation + 1)) / step + 1;
  if (padded < (kernel - 1) * dilation + 1) return Unsupported("the kernel does not fit into the depth ", x[2]);
  MCUC_RETURN_IF_ERROR(CheckedElements({depth, kernel, x[0], x[1], x[3], x[4]}).status());
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::i64, {depth, kernel}}));
  Compose c(l);
  Symbol* volume = c.Pad(l.input(0), {0, 0, windows.pads[0], 0, 0}, {0, 0, windows.pads[3], 0, 0}, 0);
  Ints planes;
  for (int64_t d = 0; d < depth; ++d) {
    for (int64_t k = 0; k < kernel; ++k) planes.push_back(d * step + k * dilation);
  }
  Symbol* taken = c.Reshape(c.Pick(volume, planes, 2), {x[0], x[1], depth, kernel, x[3] * x[4]});
  taken = c.Reshape(c.Transpose(taken, {0, 2, 1, 3, 4}), {x[0] * depth, x[1] * kernel, x[3], x[4]});
  const WindowAttrs plane = PlaneOf(windows);
  ConvAttrs attrs;
  attrs.strides = AsPair(plane.strides);
  attrs.dilations = AsPair(plane.dilations);
  attrs.pads = AsPads(plane.pads);
  attrs.group = l.Int("group", 1);
  std::vector<Symbol*> operands = {taken, c.Reshape(l.input(1), {w[0], w[1] * kernel, w[3], w[4]})};
  if (l.input(2)) operands.push_back(l.input(2));
  if (!c.ok()) return c.status();
  Symbol* y = c.Take(l.Add(attrs, operands));
  if (!y) return c.status();
  const int64_t height = y->shape()[2], width = y->shape()[3];
  y = c.Transpose(c.Reshape(y, {x[0], depth, w[0], height * width}), {0, 2, 1, 3});
  return c.Return(c.Reshape(y, {x[0], w[0], depth, height, width}));
}

// Planes of all taps in depth, each added to the planes that it reaches: a product with a matrix of zeros and ones.
absl::Status LowerConvTransposeVolume(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const WindowAttrs windows, WindowAttrsOf(l, KernelOfWeights(l.shape(1))));
  MCUC_ASSIGN_OR_RETURN(const Ints output_pads, l.IntsWithin("output_padding", 3, 0, kMaxWindow, 0));
  if (windows.auto_pad != AutoPad::kNotSet || l.Has("output_shape")) {
    return Unsupported("auto_pad and output_shape are not supported in three dimensions; give pads");
  }
  const Shape x = l.shape(0), w = l.shape(1);
  const int64_t group = l.Int("group", 1);
  if (group < 1 || group > kMaxElements / w[1]) return Unsupported("group = ", group);
  const WindowAttrs plane = PlaneOf(windows);
  ConvTransposeAttrs attrs;
  attrs.strides = AsPair(plane.strides);
  attrs.dilations = AsPair(plane.dilations);
  attrs.pads = AsPads(plane.pads);
  attrs.output_pads = {output_pads[1], output_pads[2]};
  attrs.group = group;
  const int64_t kernel = windows.kernel[0], step = windows.strides[0], outputs = w[1] * group;
  const int64_t depth =
      (x[2] - 1) * step + (kernel - 1) * windows.dilations[0] + 1 - windows.pads[0] - windows.pads[3] + output_pads[0];
  if (depth < 1) return Unsupported("pads cut off the whole depth");
  MCUC_RETURN_IF_ERROR(CheckedElements({depth, x[2] * kernel}).status());
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::f32, {depth, x[2] * kernel}}));
  Tensor reach(Type{ElementType::f32, {depth, x[2] * kernel}});
  for (int64_t d = 0; d < x[2]; ++d) {
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t to = d * step + k * windows.dilations[0] - windows.pads[0];
      if (to >= 0 && to < depth) reach.Set((to * x[2] + d) * kernel + k, 1);
    }
  }
  Compose c(l);
  Symbol* planes = c.Transpose(c.Reshape(l.input(0), {x[0], x[1], x[2], x[3] * x[4]}), {0, 2, 1, 3});
  planes = c.Reshape(planes, {x[0] * x[2], x[1], x[3], x[4]});
  Symbol* weights = c.Reshape(l.input(1), {w[0], w[1] * kernel, w[3], w[4]});
  if (!c.ok()) return c.status();
  Symbol* taps = c.Take(l.Add(attrs, {planes, weights}));
  if (!taps) return c.status();
  const int64_t height = taps->shape()[2], width = taps->shape()[3];
  taps = c.Transpose(c.Reshape(taps, {x[0], x[2], outputs, kernel, height * width}), {0, 2, 4, 1, 3});
  taps = c.Reshape(taps, {x[0], outputs, height * width, x[2] * kernel});
  Symbol* y = c.Transpose(c.Linear(taps, std::move(reach)), {0, 1, 3, 2});
  y = c.Reshape(y, {x[0], outputs, depth, height, width});
  if (l.input(2)) y = c.Add(y, c.Reshape(l.input(2), {outputs, 1, 1, 1}));
  return c.Return(y);
}

absl::StatusOr<Symbol*> PoolVolume(Lowering& l, Symbol* x, const WindowAttrs& windows, const Attributes& pool) {
  const Shape shape = x->shape();
  WindowAttrs placed = windows;
  placed.pads = PlacedPadList(windows, shape);
  const WindowAttrs plane = PlaneOf(placed);
  const Pair depth_pads = {placed.pads[0], placed.pads[3]};
  Attributes over_plane = pool, over_depth = pool;
  const auto fill = [&](auto& planes, auto& depths) {
    planes.kernel = AsPair(plane.kernel);
    planes.strides = AsPair(plane.strides);
    planes.pads = AsPads(plane.pads);
    depths.kernel = {windows.kernel[0], 1};
    depths.strides = {windows.strides[0], 1};
    depths.pads = {depth_pads[0], 0, depth_pads[1], 0};
  };
  if (auto* max = std::get_if<MaxPoolAttrs>(&over_plane)) {
    fill(*max, std::get<MaxPoolAttrs>(over_depth));
    max->dilations = AsPair(plane.dilations);
    std::get<MaxPoolAttrs>(over_depth).dilations = {windows.dilations[0], 1};
  } else {
    fill(std::get<AvgPoolAttrs>(over_plane), std::get<AvgPoolAttrs>(over_depth));
  }
  Compose c(l);
  x = c.Reshape(x, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
  if (!x) return c.status();
  x = c.Take(l.Add(over_plane, {x}));
  if (!x) return c.status();
  const int64_t height = x->shape()[2], width = x->shape()[3];
  x = c.Reshape(x, {shape[0], shape[1], shape[2], height * width});
  if (!x) return c.status();
  x = c.Take(l.Add(over_depth, {x}));
  if (!x) return c.status();
  x = c.Reshape(x, {shape[0], shape[1], x->shape()[2], height, width});
  if (!x) return c.status();
  return x;
}

}  // namespace mcuc::importer
