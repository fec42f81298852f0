// Emitted C of every encoding of weights against the interpreter, bit for bit, over densities from 0 to 1: convolutions
// that the kernels treat differently, and fc of one and of several rows; int8 and float operands.
#include "EmitCheck.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

class EncodingBench : public Bench {
 public:
  using Bench::Bench;

  int64_t Pick(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random()() % static_cast<uint64_t>(hi - lo + 1));
  }
  Type Quantized(Shape shape, float scale) {
    return Type{ElementType::i8, std::move(shape), Quantization{{scale}, {static_cast<int32_t>(Pick(-128, 127))}}};
  }
  Value* X(Shape shape) { return Input(Quantized(std::move(shape), 0.05f)); }

  // Weights that the code of the values can hold; one column is empty.
  Value* Weights(const Shape& shape, double density, Encoding encoding, ElementType element = ElementType::i8) {
    Type type{element, shape};
    if (element == ElementType::i8) type.quant = Quantization{{0.02f}, {0}};
    Tensor w(type);
    const ValueCodeInfo& info = InfoOf(encoding.values);
    const int64_t half = info.bits > 0 ? int64_t{1} << (info.bits - 1) : 127;
    const int64_t length = w.elements() / shape[0], empty = shape[0] > 1 ? Pick(0, shape[0] - 1) : -1;
    for (int64_t i = 0; i < w.elements(); ++i) {
      if (i / length == empty || static_cast<double>(Pick(0, 999)) >= density * 1000) continue;
      const bool negative = Pick(0, 1) == 1;
      int64_t value = info.form == ValueForm::kBook
                          ? 13 * Pick(1, half - 1)
                          : Pick(1, negative || info.form != ValueForm::kSigned ? half : half - 1);
      w.SetInt(i, negative ? -value : value);
    }
    const auto encoded = Encode(w, encoding);
    EXPECT_TRUE(encoded.ok()) << encoded.status();
    return Constant(*encoded);
  }
  Value* Bias(int64_t channels) {
    Tensor b(Type{ElementType::i32, {channels}});
    for (int64_t i = 0; i < channels; ++i) b.SetInt(i, Pick(-9000, 9000));
    return Constant(b);
  }
  template <typename Attrs>
  Attrs WithMultiplier(Attrs attrs) {
    attrs.mul = {static_cast<int32_t>(Pick(1 << 30, INT32_MAX))};
    attrs.shift = {static_cast<int32_t>(Pick(-9, -5))};
    return attrs;
  }

  void AddLayers(Encoding encoding, double density) {
    ConvAttrs plain, max, any;
    max.pool = {PoolKind::max, {2, 2}, {2, 2}};
    any.pads = {1, 0, 1, 2}, any.strides = {2, 1}, any.group = 2, any.dilations = {1, 2};
    for (const ConvAttrs& attrs : {plain, max, any}) {
      Add(WithMultiplier(attrs), {X({1, 4, 6, 7}), Weights({4, 4 / attrs.group, 3, 2}, density, encoding), Bias(4)},
          Quantized({}, 0.1f));
    }
    Add(WithMultiplier(FcAttrs{}), {X({2, 45}), Weights({5, 45}, density, encoding)}, Quantized({}, 0.1f));
    Add(WithMultiplier(FcAttrs{}), {X({1, 700}), Weights({2, 700}, density, encoding), Bias(2)}, Quantized({}, 0.1f));
  }
  void AddFloatLayers(Encoding encoding, double density, ElementType element) {
    ConvAttrs conv;
    conv.pads = {1, 1, 0, 0};
    Add(conv, {Float({1, 3, 5, 5}), Weights({2, 3, 2, 2}, density, encoding, element), FloatConstant({2})});
    Add(FcAttrs{}, {Float({2, 30}), Weights({4, 30}, density, encoding, element)});
  }
};

constexpr double kDensities[] = {0, 0.02, 0.2, 0.6, 1};

class EmitEncodings : public testing::TestWithParam<GapCode> {};

TEST_P(EmitEncodings, IntegerOperands) {
  EncodingBench bench(static_cast<uint64_t>(GetParam()) + 1);
  for (const Encoding encoding : AllEncodings()) {
    if (encoding.gaps != GetParam() || encoding == Encoding::kDense) continue;
    for (const double density : kDensities) bench.AddLayers(encoding, density);
  }
  bench.Check();
}

TEST_P(EmitEncodings, FloatOperands) {
  EncodingBench bench(static_cast<uint64_t>(GetParam()) + 11);
  for (const Encoding encoding : AllEncodings()) {
    if (encoding.gaps != GetParam() || encoding == Encoding::kDense) continue;
    for (const double density : {0.0, 0.3, 1.0}) {
      bench.AddFloatLayers(encoding, density, ElementType::i8);
      if (encoding.values == ValueCode::element) bench.AddFloatLayers(encoding, density, ElementType::f32);
    }
  }
  EmitCheckOptions options;
  options.lowest = -8, options.highest = 8;
  bench.Check(options);
}

INSTANTIATE_TEST_SUITE_P(AllGaps, EmitEncodings,
                         testing::Values(GapCode::all, GapCode::u8, GapCode::u4, GapCode::bitmap, GapCode::rice),
                         [](const auto& test) { return std::string(InfoOf(test.param).name); });

}  // namespace
}  // namespace mcuc
