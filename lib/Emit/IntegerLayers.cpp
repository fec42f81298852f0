// Layers with integers or encodings in them that are calls of kernels: convolutions and products with quantized or
// encoded weights, pools, softmax and linear resize of int8. Rules N4 to N8, N14, N16 and N20 of docs/numerics.md.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "Lowering.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {
namespace {

std::string N(int64_t value) { return IntLiteral(value); }

bool IsI8(const Value& value) { return value.type().element == ElementType::i8; }

int32_t ZeroPoint(const Value& value) { return value.type().quant->zero_point(); }

// A table that is read element by element, without padding before it.
template <typename T>
std::string TightTable(const std::string& hint, const std::vector<T>& elements, Emission& out) {
  std::vector<std::string> literals;
  for (const T element : elements) literals.push_back(IntLiteral(element));
  const char* type = std::is_same_v<T, int16_t> ? "int16_t" : std::is_same_v<T, int8_t> ? "int8_t" : "uint8_t";
  out.Use("tight.h");
  return out.Table(hint, absl::StrCat("MCUC_TIGHT(", sizeof(T), ") ", type), sizeof(T), literals);
}

// The arguments by which a kernel reads its weights: the dense table, or the streams of gaps and of values. A book
// stands at the head of the values that are indices into it.
std::vector<std::string> WeightArguments(const Value& w, Emission& out) {
  if (w.type().encoding == Encoding::kDense) return {out.Read(w)};
  const EncodedData& data = w.tensor().encoded_data();
  const auto table = [&](auto zero, const char* stream, std::vector<std::byte> bytes) {
    using T = decltype(zero);
    bytes.resize(std::max(bytes.size(), sizeof(T)));  // C has no empty arrays; this element is not read
    std::vector<T> elements(bytes.size() / sizeof(T));
    std::memcpy(elements.data(), bytes.data(), bytes.size());
    const std::string hint = absl::StrCat(w.name(), "_", stream);
    if constexpr (sizeof(T) == 1)
      return TightTable(hint, elements, out);
    else
      return out.Table(hint, std::span<const T>(elements));
  };
  const Encoding encoding = w.type().encoding;
  const std::vector<std::byte> values = ValueTable(encoding.values, data);
  std::vector<std::byte> coded = data.gaps;
  if (encoding.gaps == GapCode::rice) coded.resize(coded.size() + 3);  // gaps_rice.h reads so far
  const std::string gaps =
      encoding.gaps == GapCode::all ? "0" : table(uint8_t{0}, InfoOf(encoding.gaps).stream, std::move(coded));
  if (encoding.values != ValueCode::element) return {gaps, table(uint8_t{0}, "value", values)};
  return {gaps, IsI8(w) ? table(int8_t{0}, "value", values) : table(0.0f, "value", values)};
}

// Filters as the dense int8 convolutions read them: row by row, column by column, the channels innermost.
std::string FilterTable(const Value& w, Emission& out) {
  const Shape& shape = w.type().shape;
  const int64_t channels = shape[1], area = shape[2] * shape[3];
  if (channels == 1 || area == 1) return out.Read(w);  // that is how they lie
  std::vector<int8_t> filters;
  for (int64_t m = 0; m < shape[0]; ++m) {
    for (int64_t tap = 0; tap < area; ++tap) {
      for (int64_t c = 0; c < channels; ++c) {
        filters.push_back(static_cast<int8_t>(w.tensor().AsInt((m * channels + c) * area + tap)));
      }
    }
  }
  return out.Table(w.name(), std::span<const int8_t>(filters));
}

// Which readers of runtime/ the kernel of encoded weights is made of: "_rice_n4"; "" for dense ones.
std::string ReaderSuffix(const Type& w) {
  if (w.encoding == Encoding::kDense) return "";
  const char* values =
      w.encoding.values != ValueCode::element ? InfoOf(w.encoding.values).name : ElementTypeName(w.element);
  return absl::StrCat("_", InfoOf(w.encoding.gaps).name, "_", values);
}

// The position of a weight is divided by the kernel's width and height through reciprocals of 32 bits (conv_csc.h).
bool PositionsDivide(const Shape& w) {
  constexpr int64_t kLimit = int64_t{1} << 32;
  const int64_t rows = w[1] * w[2];
  return (rows * w[3] + 1) * w[3] <= kLimit && (rows + 1) * w[2] <= kLimit;
}

std::string Bias(const Node& node, Emission& out) {
  return node.operand(2) == nullptr ? "0" : out.Read(*node.operand(2));
}

void Append(std::vector<std::string>& arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
}

// A table of multipliers and one of shifts: one for all, or one an output channel.
struct Multiplied {
  bool per_channel = false;
  std::string mul, shift;
};

Multiplied MultiplierTables(Multipliers mul, Multipliers shift, Emission& out) {
  const size_t n = std::max(mul.size(), shift.size());
  if (mul.size() < n) mul.assign(n, mul[0]);
  if (shift.size() < n) shift.assign(n, shift[0]);
  const std::vector<int8_t> shifts(shift.begin(), shift.end());  // [-31, 7]
  const std::string multipliers = out.Table(out.NodeName() + "_mul", std::span<const int32_t>(mul));
  const std::string right = out.Table(out.NodeName() + "_shift", std::span<const int8_t>(shifts));
  const std::string channel = n > 1 && !out.channel().empty() ? out.channel() : "0";
  return {n > 1, Offset(multipliers, channel), Offset(right, channel)};
}

// The clamp of rule N3.
Emission::Fields ResultFields(const Node& node, const Act& act) {
  const Clamp clamp = ClampOf(act, node.result()->type());
  return {{"y_zero", N(ZeroPoint(*node.result()))}, {"lo", N(clamp.lo)}, {"hi", N(clamp.hi)}};
}

// What of rule N20 is not in the shape: struct mcuc_mixed_f32. Adds the scales of int8 weights to `arguments`, a null
// pointer for float ones.
std::string MixedStruct(const std::string& hint, const Type& w, const Type& y, const Act& act, Emission& out,
                        std::vector<std::string>& arguments) {
  const auto [lo, hi] = ActBounds(act, ElementType::f32);
  Emission::Fields fields = {{"lo", lo}, {"hi", hi}};
  if (w.quant) {
    fields.push_back({"per_channel", w.quant->scales.size() > 1 ? "1" : "0"});
    arguments.push_back(out.Table(hint + "_scale", std::span<const float>(w.quant->scales)));
  } else {
    arguments.push_back("0");
  }
  if (y.quant) {
    fields.insert(fields.end(), {{"y_scale", FloatLiteral(y.quant->scale())},
                                 {"y_zero", N(y.quant->zero_point())},
                                 {"y_least", N(IntegerMin(y.element))},
                                 {"y_most", N(IntegerMax(y.element))}});
  }
  return out.Struct(hint + "_mixed", "struct mcuc_mixed_f32", fields);
}

std::string MixedStruct(const Node& node, const Act& act, Emission& out, std::vector<std::string>& arguments) {
  return MixedStruct(out.NodeName(), node.operand(1)->type(), node.result()->type(), act, out, arguments);
}

// What MCUC_CONV_WHOLE (runtime/conv_blocks.h) takes for granted, without a pool or with a max pool.
bool IsWhole(const ConvAttrs& attrs, const Shape& x, const Shape& w, const Shape& y) {
  const Pair size = ConvOutputSize(attrs, x, w);
  for (size_t d = 0; d < 2; ++d) {
    const int64_t reach = (size[d] - 1) * attrs.strides[d] + (w[d + 2] - 1) * attrs.dilations[d] + 1;
    if (attrs.pads[d] != 0 || reach > x[d + 2]) return false;
    if (attrs.pool.kind == PoolKind::none) {
      if (size[d] < 2) return false;
    } else if (attrs.pool.kind != PoolKind::max || attrs.pool.kernel[d] != 2 || attrs.pool.pads[d] != 0 ||
               (y[d + 2] - 1) * attrs.pool.strides[d] + 2 > size[d]) {
      return false;
    }
  }
  return true;
}

}  // namespace

namespace {

std::string Flag(bool value) { return value ? "1" : "0"; }

// Multiplier and shift of all output channels, and the tables of those that differ: "mul", "shift", "0", "0".
std::vector<std::string> MultiplierArguments(const Multipliers& mul, const Multipliers& shift, Emission& out) {
  const std::vector<int8_t> shifts(shift.begin(), shift.end());  // [-31, 7]
  return {N(mul.size() > 1 ? 0 : mul[0]), N(shift.size() > 1 ? 0 : shift[0]),
          mul.size() > 1 ? out.Table(out.NodeName() + "_mul", std::span<const int32_t>(mul)) : "0",
          shift.size() > 1 ? out.Table(out.NodeName() + "_shift", std::span<const int8_t>(shifts)) : "0"};
}

// The bias as the kernels of encoded weights read it.
std::string ListBias(const Node& node, Emission& out) {
  const Value* b = node.operand(2);
  if (b == nullptr || b->type().element == ElementType::i32) return Bias(node, out);
  const auto table = [&](auto zero) {
    std::vector<decltype(zero)> elements;
    for (int64_t c = 0; c < b->type().elements(); ++c) {
      elements.push_back(static_cast<decltype(zero)>(b->tensor().AsInt(c)));
    }
    return TightTable(b->name(), elements, out);
  };
  return b->type().element == ElementType::i8 ? table(int8_t{0}) : table(int16_t{0});
}

// The kernel's name ends in what it reads: "_rice_n4_b16".
std::string ListKernel(const std::string& name, const Node& node) {
  const Value* b = node.operand(2);
  const int64_t bits = 8 * ElementTypeBytes(b != nullptr ? b->type().element : ElementType::i32);
  return absl::StrCat(name, ReaderSuffix(node.operand(1)->type()), "_b", bits);
}

// A conv whose weights are decoded to a list (runtime/conv_words.h): one call a sample and band.
absl::Status LowerConvList(const Node& node, Emission& out) {
  const ConvAttrs& attrs = node.As<ConvAttrs>();
  const Value &x = *node.operand(0), &w = *node.operand(1), &y = *node.result();
  const Shape &in = x.type().shape, &filter = w.type().shape, &size = y.type().shape;
  const Band band = BandOf(attrs, in, filter, size);
  const KernelMemory memory = MemoryOf(node);
  const Pitch x_pitch = ListPitch(node, attrs), y_pitch = PitchOf(y);
  const int64_t dy = attrs.dilations[0] * x_pitch.row, pool = ListPool(attrs.pool);
  const std::string kernel =
      ListKernel(absl::StrCat("conv_csc_", EnumName(attrs.kernel), pool > 1 ? "_max" : ""), node);
  out.Use("tight.h");
  out.Use("conv_words.h");
  std::vector<std::string> arguments = {out.Struct(out.NodeName() + "_shape", "MCUC_TIGHT(2) struct mcuc_conv_words",
                                                   {{"outputs", N(filter[0])},
                                                    {"taps", N(filter[1] * filter[2] * filter[3])},
                                                    {"row_step", N(dy - filter[3] * attrs.dilations[1])},
                                                    {"plane_step", N(x_pitch.plane - filter[2] * dy)},
                                                    {"dy", N(attrs.strides[0] * x_pitch.row)},
                                                    {"rows", N(band.rows)},
                                                    {"width", N(size[3])},
                                                    {"columns", N(y_pitch.row)},
                                                    {"plane", N(y_pitch.plane)}})};
  const Clamp clamp = ClampOf(attrs.act, y.type());
  Append(arguments,
         {N(attrs.group > 1 ? filter[0] / attrs.group : 0), N(attrs.group > 1 ? filter[1] * x_pitch.plane : 0),
          N(attrs.strides[1]), N(attrs.dilations[1]), N(65535 / filter[3]), N(65535 / filter[2]),
          Flag(RangeOf(x).lo < 0), N(ZeroPoint(y)), N(clamp.lo), N(clamp.hi)});
  const std::vector<std::string> weights = WeightArguments(w, out);
  out.Use(kernel + ".h");
  std::string from = out.Read(x), to = out.Write(y);
  const std::string list =
      memory.list_bytes > 0 ? out.Arena("uint32_t", attrs.scratch) : out.Scratch("uint32_t", ListWords(w.tensor()));
  const std::string bias = ListBias(node, out);
  const std::vector<std::string> multipliers = MultiplierArguments(attrs.mul, attrs.shift, out);
  int loops = 0;
  if (in[0] > 1) {
    const std::string n = out.OpenLoop(loops++, in[0]);
    from = absl::StrCat(from, " + ", n, " * ", in[1] * in[2] * in[3]);
    to = absl::StrCat(to, " + ", n, " * ", size[1] * size[2] * size[3]);
  }
  if (memory.band_bytes > 0) {
    out.Use("pad_rows_i8.h");
    std::string row = "0", first = N(-attrs.pads[0]);
    if (band.rows < size[2]) {  // the last band is moved back into y
      const int64_t most = size[2] - band.rows;
      const std::string i = out.OpenLoop(loops++, (size[2] + band.rows - 1) / band.rows);
      row = out.Local("row");
      out.Line(absl::StrCat("const int32_t ", row, " = ", i, " * ", band.rows, " < ", most, " ? ", i, " * ", band.rows,
                            " : ", most, ";"));
      to = absl::StrCat(to, " + ", row, " * ", size[3]);
      first = absl::StrCat(row, " * ", pool * attrs.strides[0], " - ", attrs.pads[0]);
    }
    const std::string copy = out.Arena("int8_t", attrs.scratch + memory.list_bytes);
    out.Call("mcuc_pad_rows_i8", {from, N(in[1]), N(in[2]), N(in[3]), first, N(band.in_rows), N(attrs.pads[1]),
                                  N(attrs.pads[3]), N(ZeroPoint(x)), copy});
    from = copy;
  }
  arguments.push_back(from);
  Append(arguments, weights);
  Append(arguments, {bias, N(attrs.bias_shift)});
  Append(arguments, multipliers);
  Append(arguments, {list, to});
  out.Call("mcuc_" + kernel, arguments);
  for (; loops > 0; --loops) out.Close();
  return absl::OkStatus();
}

// An fc whose sums fit 16 bits: one call a row.
absl::Status LowerFcNarrow(const Node& node, Emission& out) {
  const FcAttrs& attrs = node.As<FcAttrs>();
  const Value &x = *node.operand(0), &w = *node.operand(1), &y = *node.result();
  const int64_t outputs = w.type().shape[0], inputs = w.type().shape[1], rows = x.type().elements() / inputs;
  const std::string kernel = ListKernel("fc_csc_narrow", node);
  const Clamp clamp = ClampOf(attrs.act, y.type());
  const std::vector<std::string> weights = WeightArguments(w, out);
  std::vector<std::string> arguments = {N(inputs), N(outputs), N(ZeroPoint(y)), N(clamp.lo), N(clamp.hi)};
  out.Use(kernel + ".h");
  std::string from = out.Read(x), to = out.Write(y);
  const std::string bias = ListBias(node, out);
  const std::vector<std::string> multipliers = MultiplierArguments(attrs.mul, attrs.shift, out);
  if (rows > 1) {
    const std::string row = out.OpenLoop(0, rows);
    from = absl::StrCat(from, " + ", row, " * ", inputs);
    to = absl::StrCat(to, " + ", row, " * ", outputs);
  }
  arguments.push_back(from);
  Append(arguments, weights);
  Append(arguments, {bias, N(attrs.bias_shift)});
  Append(arguments, multipliers);
  arguments.push_back(to);
  out.Call("mcuc_" + kernel, arguments);
  if (rows > 1) out.Close();
  return absl::OkStatus();
}

}  // namespace

absl::Status LowerConvQuantized(const Node& node, Emission& out) {
  const ConvAttrs& attrs = node.As<ConvAttrs>();
  if (attrs.kernel != LayerKernel::plain) return LowerConvList(node, out);
  const Value &x = *node.operand(0), &w = *node.operand(1);
  const bool csc = w.type().encoding != Encoding::kDense;
  if (csc && !PositionsDivide(w.type().shape)) {
    return absl::UnimplementedError(absl::StrCat("node \"", out.NodeName(), "\" (conv): filters of ",
                                                 ShapeText(w.type().shape), " are too large to be encoded"));
  }
  std::vector<std::string> arguments = {ConvShape(node, out)};
  std::vector<std::string> weights =
      IsI8(x) && !csc ? std::vector<std::string>{FilterTable(w, out)} : WeightArguments(w, out);
  std::string kernel = csc ? "conv_csc" : "conv";
  if (IsI8(x)) {
    const bool whole = IsWhole(attrs, x.type().shape, w.type().shape, node.result()->type().shape);
    const bool depthwise = !csc && (attrs.group > 1 || !out.channel().empty()) && w.type().shape[1] == 1 &&
                           attrs.pool.kind == PoolKind::none;
    kernel += depthwise ? "_depthwise" : !whole ? "_any" : attrs.pool.kind == PoolKind::max ? "_max" : "";
    kernel += csc ? ReaderSuffix(w.type()) : "_i8";
    const Multiplied m = MultiplierTables(attrs.mul, attrs.shift, out);
    Emission::Fields fields = {{"x_zero", N(ZeroPoint(x))}};
    const Emission::Fields result = ResultFields(node, attrs.act);
    fields.insert(fields.end(), result.begin(), result.end());
    fields.insert(fields.end(),
                  {{"relu", attrs.act.kind == ActKind::relu ? "1" : "0"}, {"per_channel", m.per_channel ? "1" : "0"}});
    arguments.push_back(out.Struct(out.NodeName() + "_quant", "struct mcuc_conv_quant", fields));
    Append(weights, {Bias(node, out), m.mul, m.shift});
  } else {
    kernel += csc ? "_f32" + ReaderSuffix(w.type()) : IsI8(w) ? "_f32_i8" : "_f32";
    arguments.push_back(MixedStruct(node, attrs.act, out, weights));
    weights.push_back(Bias(node, out));
  }
  out.Use(kernel + ".h");
  arguments.push_back(out.Read(x));
  Append(arguments, weights);
  arguments.push_back(out.Write(*node.result()));
  out.Call("mcuc_" + kernel, arguments);
  return absl::OkStatus();
}

void CallFloatFc(Emission& out, const std::string& hint, const Value& w, const std::string& x, const std::string& bias,
                 const std::string& y) {
  const std::string inputs = N(w.type().shape[1]), outputs = N(w.type().shape[0]);
  std::vector<std::string> arguments, weights = WeightArguments(w, out);
  std::string kernel = "fc_f32";
  if (w.type().encoding == Encoding::kDense && !IsI8(w)) {
    const auto [lo, hi] = ActBounds(Act{});
    const std::string shape =
        out.Struct(hint + "_shape", "struct mcuc_fc", {{"rows", "1"}, {"inputs", inputs}, {"outputs", outputs}});
    arguments = {shape, x, weights[0], bias, lo, hi, y};
  } else {
    kernel = w.type().encoding == Encoding::kDense ? "fc_f32_i8" : "fc_csc_f32" + ReaderSuffix(w.type());
    const Type real{ElementType::f32, {}};
    arguments = {"1", inputs, outputs, MixedStruct(hint, w.type(), real, Act{}, out, weights), x};
    Append(arguments, weights);
    Append(arguments, {bias, y});
  }
  out.Use(kernel + ".h");
  out.Call("mcuc_" + kernel, arguments);
}

absl::Status LowerFcQuantized(const Node& node, Emission& out) {
  const FcAttrs& attrs = node.As<FcAttrs>();
  if (attrs.kernel != LayerKernel::plain) return LowerFcNarrow(node, out);
  const Value &x = *node.operand(0), &w = *node.operand(1);
  const bool csc = w.type().encoding != Encoding::kDense;
  const int64_t outputs = w.type().shape[0], inputs = w.type().shape[1], rows = x.type().elements() / inputs;
  std::vector<std::string> arguments, weights = WeightArguments(w, out);
  std::string kernel = csc ? "fc_csc" : "fc";
  if (IsI8(x)) {
    kernel += csc ? ReaderSuffix(w.type()) : "_i8";
    const Multiplied m = MultiplierTables(attrs.mul, attrs.shift, out);
    Emission::Fields fields = {{"rows", N(rows)}, {"inputs", N(inputs)}, {"outputs", N(outputs)}};
    const Emission::Fields result = ResultFields(node, attrs.act);
    fields.insert(fields.end(), result.begin(), result.end());
    fields.push_back({"per_channel", m.per_channel ? "1" : "0"});
    arguments.push_back(out.Struct(out.NodeName() + "_shape", "struct mcuc_fc_quant", fields));
    Append(weights, {Bias(node, out), m.mul, m.shift});
  } else {
    kernel += csc ? "_f32" + ReaderSuffix(w.type()) : IsI8(w) ? "_f32_i8" : "_f32";
    arguments = {N(rows), N(inputs), N(outputs), MixedStruct(node, attrs.act, out, weights)};
    weights.push_back(Bias(node, out));
  }
  out.Use(kernel + ".h");
  arguments.push_back(out.Read(x));
  Append(arguments, weights);
  arguments.push_back(out.Write(*node.result()));
  out.Call("mcuc_" + kernel, arguments);
  return absl::OkStatus();
}

absl::Status LowerPoolQuantized(const Node& node, Emission& out) {
  const Value& x = *node.operand(0);
  const std::string kernel = node.op() == Op::kMaxPool ? "max_pool_i8" : "avg_pool_i8";
  out.Use(kernel + ".h");
  std::vector<std::string> arguments = {PoolShape(node, out), out.Read(x)};
  if (const AvgPoolAttrs* avg = node.If<AvgPoolAttrs>(); avg != nullptr) {
    Append(arguments, {N(ZeroPoint(x)), N(avg->mul[0]), N(avg->shift[0]), N(ZeroPoint(*node.result()))});
  }
  arguments.push_back(out.Write(*node.result()));
  out.Call("mcuc_" + kernel, arguments);
  return absl::OkStatus();
}

absl::Status LowerSoftmaxQuantized(const Node& node, Emission& out) {
  const size_t axis = static_cast<size_t>(node.As<SoftmaxAttrs>().axis);
  const Shape& shape = node.result()->type().shape;
  const auto product = [&](size_t first, size_t last) {
    return N(Elements(
        Shape(shape.begin() + static_cast<std::ptrdiff_t>(first), shape.begin() + static_cast<std::ptrdiff_t>(last))));
  };
  out.Use("softmax_i8.h");
  const std::string dims =
      out.Struct(out.NodeName() + "_shape", "struct mcuc_softmax",
                 {{"outer", product(0, axis)}, {"length", N(shape[axis])}, {"inner", product(axis + 1, shape.size())}});
  const std::string x = out.Read(*node.operand(0)), table = out.Read(*node.operand(1));
  out.Call("mcuc_softmax_i8", {dims, x, table, out.Write(*node.result())});
  return absl::OkStatus();
}

absl::Status LowerResizeQuantized(const Node& node, Emission& out) {
  const ResizeAttrs& attrs = node.As<ResizeAttrs>();
  if (attrs.mode == ResizeMode::nearest) return LowerResizeNearest(node, out);
  const Shape &in = node.operand(0)->type().shape, &size = node.result()->type().shape;
  out.Use("resize_linear_i8.h");
  std::vector<std::string> arguments = {N(in[0] * in[1]), N(in[2]),   N(in[3]),
                                        N(size[2]),       N(size[3]), out.Read(*node.operand(0))};
  for (const size_t d : {2, 3}) {
    const float scale =
        attrs.scales.empty() ? static_cast<float>(size[d]) / static_cast<float>(in[d]) : attrs.scales[d];
    const ResizeAxis axis = ResizeAxisOf(attrs, in[d], size[d], scale);
    const std::string hint = absl::StrCat(out.NodeName(), d == 2 ? "_row" : "_column");
    arguments.push_back(
        out.Table(hint + "_lo", std::span<const int32_t>(std::vector<int32_t>(axis.lo.begin(), axis.lo.end()))));
    arguments.push_back(
        out.Table(hint + "_hi", std::span<const int32_t>(std::vector<int32_t>(axis.hi.begin(), axis.hi.end()))));
    std::vector<int16_t> fractions;  // N16
    for (const float f : axis.fraction) fractions.push_back(static_cast<int16_t>(double{f} * 1024 + 0.5));
    arguments.push_back(out.Table(hint + "_fraction", std::span<const int16_t>(fractions)));
  }
  arguments.push_back(out.Write(*node.result()));
  out.Call("mcuc_resize_linear_i8", arguments);
  return absl::OkStatus();
}

}  // namespace mcuc
