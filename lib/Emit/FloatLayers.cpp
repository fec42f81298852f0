// Float layers that are calls of kernels: convolutions, products, pools, softmax, linear resize.
#include "Lowering.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Infer.h"

namespace mcuc {
namespace {

std::string N(int64_t value) { return IntLiteral(value); }

// The bias's expression; a null pointer where there is none.
std::string Bias(const Node& node, Emission& out) {
  return node.operand(2) == nullptr ? "0" : out.Read(*node.operand(2));
}

int64_t Product(const Shape& shape, size_t first, size_t last) {
  int64_t product = 1;
  for (size_t d = first; d < last; ++d) product *= shape[d];
  return product;
}

}  // namespace

std::pair<std::string, std::string> ActBounds(const Act& act, ElementType element) {
  const auto literal = [&](float value) {
    return element == ElementType::f64 ? DoubleLiteral(double{value}) : FloatLiteral(value);
  };
  switch (act.kind) {
    case ActKind::none:
      return {"-INFINITY", "INFINITY"};
    case ActKind::relu:
      return {literal(0), "INFINITY"};
    case ActKind::clip:
      return {literal(act.lo), literal(act.hi)};
  }
  return {"", ""};
}

std::string ConvShape(const Node& node, Emission& out) {
  const ConvAttrs& attrs = node.As<ConvAttrs>();
  const Shape &x = node.operand(0)->type().shape, &w = node.operand(1)->type().shape;
  const Shape& y = node.result()->type().shape;
  const Pair size = ConvOutputSize(attrs, x, w);
  const Pool& pool = attrs.pool;
  out.Use("conv.h");
  Emission::Fields fields = {{"batch", N(x[0])},
                             {"groups", N(attrs.group)},
                             {"channels", N(w[1])},
                             {"height", N(x[2])},
                             {"width", N(x[3])},
                             {"filters", N(w[0] / attrs.group)},
                             {"kernel_h", N(w[2])},
                             {"kernel_w", N(w[3])},
                             {"stride_h", N(attrs.strides[0])},
                             {"stride_w", N(attrs.strides[1])},
                             {"dilation_h", N(attrs.dilations[0])},
                             {"dilation_w", N(attrs.dilations[1])},
                             {"pad_top", N(attrs.pads[0])},
                             {"pad_left", N(attrs.pads[1])},
                             {"conv_h", N(size[0])},
                             {"conv_w", N(size[1])}};
  if (pool.kind != PoolKind::none) {
    fields.insert(fields.end(), {{"pool", pool.kind == PoolKind::max ? "1" : "2"},
                                 {"pool_h", N(pool.kernel[0])},
                                 {"pool_w", N(pool.kernel[1])},
                                 {"pool_stride_h", N(pool.strides[0])},
                                 {"pool_stride_w", N(pool.strides[1])},
                                 {"pool_top", N(pool.pads[0])},
                                 {"pool_left", N(pool.pads[1])}});
  }
  fields.insert(fields.end(), {{"out_h", N(y[2])}, {"out_w", N(y[3])}});
  if (node.operand(0)->type().element == ElementType::i8) {
    const Pitch from = PitchOf(*node.operand(0)), to = PitchOf(*node.result());
    fields.insert(fields.end(), {{"row", N(from.row)}, {"plane", N(from.plane)}, {"out_plane", N(to.plane)}});
  }
  return out.Struct(out.NodeName() + "_shape", "struct mcuc_conv", fields);
}

std::string PoolShape(const Node& node, Emission& out) {
  const Shape &x = node.operand(0)->type().shape, &y = node.result()->type().shape;
  Pair kernel, strides, dilations = {1, 1}, padded = {0, 0};
  Pads pads;
  if (const MaxPoolAttrs* max = node.If<MaxPoolAttrs>(); max != nullptr) {
    kernel = max->kernel, strides = max->strides, dilations = max->dilations, pads = max->pads;
  } else {
    const AvgPoolAttrs& avg = node.As<AvgPoolAttrs>();
    kernel = avg.kernel, strides = avg.strides, pads = avg.pads;
    if (avg.count_include_pad) padded = {x[2] + pads[2], x[3] + pads[3]};
  }
  out.Use("pool.h");
  return out.Struct(out.NodeName() + "_shape", "struct mcuc_pool",
                    {{"channels", N(x[0] * x[1])},
                     {"height", N(x[2])},
                     {"width", N(x[3])},
                     {"out_h", N(y[2])},
                     {"out_w", N(y[3])},
                     {"kernel_h", N(kernel[0])},
                     {"kernel_w", N(kernel[1])},
                     {"stride_h", N(strides[0])},
                     {"stride_w", N(strides[1])},
                     {"dilation_h", N(dilations[0])},
                     {"dilation_w", N(dilations[1])},
                     {"pad_top", N(pads[0])},
                     {"pad_left", N(pads[1])},
                     {"padded_h", N(padded[0])},
                     {"padded_w", N(padded[1])}});
}

absl::Status LowerConvFloat(const Node& node, Emission& out) {
  const ConvAttrs& attrs = node.As<ConvAttrs>();
  const std::string kernel = attrs.pool.kind == PoolKind::max   ? "conv_max_pool_f32"
                             : attrs.pool.kind == PoolKind::avg ? "conv_avg_pool_f32"
                                                                : "conv_f32";
  out.Use(kernel + ".h");
  const std::string weights = out.Read(*node.operand(1)), bias = Bias(node, out), shape = ConvShape(node, out);
  const auto [lo, hi] = ActBounds(attrs.act);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_" + kernel, {shape, x, weights, bias, lo, hi, y});
  return absl::OkStatus();
}

absl::Status LowerConvTransposeFloat(const Node& node, Emission& out) {
  const ConvTransposeAttrs& attrs = node.As<ConvTransposeAttrs>();
  const Shape &x_shape = node.operand(0)->type().shape, &w = node.operand(1)->type().shape;
  const Shape& y_shape = node.result()->type().shape;
  out.Use("conv_transpose_f32.h");
  const std::string weights = out.Read(*node.operand(1)), bias = Bias(node, out);
  const std::string shape = out.Struct(out.NodeName() + "_shape", "struct mcuc_conv_transpose",
                                       {{"batch", N(x_shape[0])},
                                        {"groups", N(attrs.group)},
                                        {"channels", N(x_shape[1] / attrs.group)},
                                        {"height", N(x_shape[2])},
                                        {"width", N(x_shape[3])},
                                        {"filters", N(w[1])},
                                        {"out_h", N(y_shape[2])},
                                        {"out_w", N(y_shape[3])},
                                        {"kernel_h", N(w[2])},
                                        {"kernel_w", N(w[3])},
                                        {"stride_h", N(attrs.strides[0])},
                                        {"stride_w", N(attrs.strides[1])},
                                        {"dilation_h", N(attrs.dilations[0])},
                                        {"dilation_w", N(attrs.dilations[1])},
                                        {"pad_top", N(attrs.pads[0])},
                                        {"pad_left", N(attrs.pads[1])}});
  const auto [lo, hi] = ActBounds(attrs.act);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_conv_transpose_f32", {shape, x, weights, bias, lo, hi, y});
  return absl::OkStatus();
}

absl::Status LowerFcFloat(const Node& node, Emission& out) {
  const Type &x_type = node.operand(0)->type(), &w = node.operand(1)->type();
  out.Use("fc_f32.h");
  const std::string weights = out.Read(*node.operand(1)), bias = Bias(node, out);
  const std::string shape =
      out.Struct(out.NodeName() + "_shape", "struct mcuc_fc",
                 {{"rows", N(x_type.elements() / w.shape[1])}, {"inputs", N(w.shape[1])}, {"outputs", N(w.shape[0])}});
  const auto [lo, hi] = ActBounds(node.As<FcAttrs>().act);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_fc_f32", {shape, x, weights, bias, lo, hi, y});
  return absl::OkStatus();
}

absl::Status LowerMatMulFloat(const Node& node, Emission& out) {
  const Shape &a_shape = node.operand(0)->type().shape, &b_shape = node.operand(1)->type().shape;
  const Shape& y_shape = node.result()->type().shape;
  const size_t leading = y_shape.size() - 2;
  const int64_t rows = y_shape[leading], columns = y_shape[leading + 1], inner = a_shape.back();
  out.Use("matmul_f32.h");
  const std::string a = out.Read(*node.operand(0)), b = out.Read(*node.operand(1));
  const std::string shape = out.Struct(out.NodeName() + "_shape", "struct mcuc_matmul",
                                       {{"rows", N(rows)}, {"inner", N(inner)}, {"columns", N(columns)}});
  const std::pair<std::string, std::string> bounds = ActBounds(node.As<MatMulAttrs>().act);
  const std::string y = out.Write(*node.result());
  // One product for each element of the leading dimensions.
  const Shape batch(y_shape.begin(), y_shape.end() - 2);
  const auto access = [&](const Shape& operand, int64_t matrix) {
    Access result = BroadcastAccess(Shape(operand.begin(), operand.end() - 2), batch);
    for (int64_t& stride : result.strides) stride *= matrix;
    return result;
  };
  Loops(out, 0, batch,
        {access(y_shape, rows * columns), access(a_shape, rows * inner), access(b_shape, inner * columns)},
        [&](const std::vector<std::string>& index, int) {
          out.Call("mcuc_matmul_f32",
                   {shape, Offset(a, index[1]), Offset(b, index[2]), bounds.first, bounds.second, Offset(y, index[0])});
        });
  return absl::OkStatus();
}

absl::Status LowerPoolFloat(const Node& node, Emission& out) {
  const std::string kernel = node.op() == Op::kMaxPool ? "max_pool_f32" : "avg_pool_f32";
  out.Use(kernel + ".h");
  const std::string shape = PoolShape(node, out);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_" + kernel, {shape, x, y});
  return absl::OkStatus();
}

absl::Status LowerSoftmaxFloat(const Node& node, Emission& out) {
  const SoftmaxAttrs& attrs = node.As<SoftmaxAttrs>();
  const Shape& shape = node.result()->type().shape;
  const size_t axis = static_cast<size_t>(attrs.axis);
  const std::string kernel = attrs.log ? "log_softmax_f32" : "softmax_f32";
  out.Use(kernel + ".h");
  const std::string dims = out.Struct(out.NodeName() + "_shape", "struct mcuc_softmax",
                                      {{"outer", N(Product(shape, 0, axis))},
                                       {"length", N(shape[axis])},
                                       {"inner", N(Product(shape, axis + 1, shape.size()))}});
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_" + kernel, {dims, x, y});
  return absl::OkStatus();
}

namespace {

float ScaleOf(const ResizeAttrs& attrs, const Shape& x, const Shape& y, size_t d) {
  return attrs.scales.empty() ? static_cast<float>(y[d]) / static_cast<float>(x[d]) : attrs.scales[d];
}

}  // namespace

absl::Status LowerResizePlain(const Node& node, Emission& out) {
  const ResizeAttrs& attrs = node.As<ResizeAttrs>();
  if (attrs.mode == ResizeMode::nearest) return LowerResizeNearest(node, out);
  const Shape &in = node.operand(0)->type().shape, &size = node.result()->type().shape;
  out.Use("resize_linear_f32.h");
  std::vector<std::string> arguments = {out.Struct(out.NodeName() + "_shape", "struct mcuc_resize",
                                                   {{"channels", N(in[0] * in[1])},
                                                    {"height", N(in[2])},
                                                    {"width", N(in[3])},
                                                    {"out_h", N(size[2])},
                                                    {"out_w", N(size[3])}}),
                                        out.Read(*node.operand(0))};
  for (const size_t d : {2, 3}) {
    const ResizeAxis axis = ResizeAxisOf(attrs, in[d], size[d], ScaleOf(attrs, in, size, d));
    const std::string hint = absl::StrCat(out.NodeName(), d == 2 ? "_row" : "_column");
    arguments.push_back(
        out.Table(hint + "_lo", std::span<const int32_t>(std::vector<int32_t>(axis.lo.begin(), axis.lo.end()))));
    arguments.push_back(
        out.Table(hint + "_hi", std::span<const int32_t>(std::vector<int32_t>(axis.hi.begin(), axis.hi.end()))));
    arguments.push_back(out.Table(hint + "_fraction", std::span<const float>(axis.fraction)));
  }
  arguments.push_back(out.Write(*node.result()));
  out.Call("mcuc_resize_linear_f32", arguments);
  return absl::OkStatus();
}

absl::Status LowerResizeNearest(const Node& node, Emission& out) {
  const ResizeAttrs& attrs = node.As<ResizeAttrs>();
  const Type& type = node.operand(0)->type();
  const Shape &in = type.shape, &size = node.result()->type().shape;
  Access from = {0, {in[2] * in[3], in[3], 1}, {"", "", ""}};
  for (const size_t d : {2, 3}) {
    const ResizeAxis axis = ResizeAxisOf(attrs, in[d], size[d], ScaleOf(attrs, in, size, d));
    std::vector<int64_t> indices = axis.lo;
    for (int64_t& index : indices) index *= from.strides[d - 1];
    from.tables[d - 1] =
        IndexTable(out, absl::StrCat(out.NodeName(), d == 2 ? "_rows" : "_columns"), indices, type.elements());
  }
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  const Shape dims = {in[0] * in[1], size[2], size[3]};
  CopyLoops(out, type.element, y, x, dims, AccessOf(dims), from);
  return absl::OkStatus();
}

}  // namespace mcuc
