// Emitted C of the kernels that select-kernels chooses, against the interpreter, bit for bit: shapes, strides,
// dilations, groups, pools and encodings swept, sums up to the limit of their 16 bits. Also as compiled for cores that
// load words only from their own addresses.
#include "EmitCheck.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {
namespace {

class KernelBench : public Bench {
 public:
  using Bench::Bench;

  int64_t Pick(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random()() % static_cast<uint64_t>(hi - lo + 1));
  }
  Type Quantized(Shape shape, int32_t zero_point) {
    return Type{ElementType::i8, std::move(shape), Quantization{{0.1f}, {zero_point}}};
  }

  // An input, or one behind a relu, which is not negative.
  Value* X(const Shape& shape) {
    const Type type = Quantized(shape, Pick(0, 1) ? 0 : static_cast<int32_t>(Pick(-128, 127)));
    Value* x = Input(type);
    return Pick(0, 1) ? x : Add(UnaryAttrs{}, {x}, type);
  }

  // Weights and a bias whose sums lie as close to 16 bits as these encodings get, for inputs of 8 bits.
  struct Layer {
    Value *w, *b;
  };
  Layer Weighted(const Shape& shape, double density, Encoding encoding) {
    Tensor w(Type{ElementType::i8, shape, Quantization{{0.1f}, {0}}}), b(Type{ElementType::i32, {shape[0]}});
    const ValueCodeInfo& info = InfoOf(encoding.values);
    const int64_t half = info.bits > 0 ? int64_t{1} << (info.bits - 1) : 127, length = w.elements() / shape[0];
    for (int64_t c = 0; c < shape[0]; ++c) {
      int64_t room = 250 - Pick(0, 1) * Pick(0, 100);  // the sum of |w| * 128 is up to 32000
      for (int64_t i = 0; i < length; ++i) {
        if (static_cast<double>(Pick(0, 999)) >= density * 1000) continue;
        const bool negative = Pick(0, 1) == 1;
        int64_t value = info.form == ValueForm::kBook
                            ? 3 * Pick(1, half - 1)
                            : Pick(1, negative || info.form != ValueForm::kSigned ? half : half - 1);
        if (value > room) continue;
        room -= value;
        w.SetInt(c * length + i, negative ? -value : value);
      }
      b.SetInt(c, Pick(-700, 700));
    }
    const auto encoded = Encode(w, encoding);
    EXPECT_TRUE(encoded.ok()) << encoded.status();
    return {Constant(*encoded), Constant(b)};
  }

  template <typename Attrs>
  void AddLayer(Attrs attrs, LayerKernel kernel, Value* x, const Layer& layer, int64_t channels) {
    const bool per_channel = Pick(0, 1) == 1;
    for (int64_t c = 0; c < (per_channel ? channels : 1); ++c) {
      attrs.mul.push_back(Pick(0, 9) ? static_cast<int32_t>(Pick(1 << 30, INT32_MAX)) : 0);
      attrs.shift.push_back(static_cast<int32_t>(Pick(0, 9) ? Pick(-10, -6) : Pick(-16, 7)));
    }
    attrs.act = Pick(0, 1) ? Act{ActKind::relu, 0, 0} : Pick(0, 1) ? Act{ActKind::clip, -1, 2} : Act{};
    std::vector<Value*> operands = {x, layer.w};
    if (Pick(0, 3)) operands.push_back(layer.b);
    Value* y = Add(attrs, operands, Quantized({}, static_cast<int32_t>(Pick(-128, 127))));
    const absl::Status status = CheckKernel(*y->def(), kernel);
    ++layers_;
    if (!status.ok()) return;
    std::get<Attrs>(y->def()->attrs()).kernel = kernel;
    ++chosen_;
  }

  void AddConv(Encoding encoding, double density) {
    ConvAttrs attrs;
    attrs.group = Pick(0, 3) ? 1 : 2;
    attrs.strides = {Pick(1, 2), 1};
    attrs.dilations = {Pick(1, 2), Pick(1, 2)};
    const Pair kernel = {Pick(1, 3), Pick(1, 4)};
    const int64_t pool = Pick(1, 2);
    if (pool == 2) attrs.pool = {PoolKind::max, {2, 2}, {2, 2}};
    const Pair size = {Pick(4, 11), Pick(4, 11)};  // the convolution's output
    Shape x = {Pick(0, 4) ? 1 : 2, attrs.group * Pick(1, 3), 0, 0};
    for (size_t d = 0; d < 2; ++d) {
      x[d + 2] = (size[d] - 1) * attrs.strides[d] + (kernel[d] - 1) * attrs.dilations[d] + 1 + Pick(0, 1);
    }
    const int64_t channels = attrs.group * Pick(1, 3);
    AddLayer(attrs, LayerKernel::pairs, X(x),
             Weighted({channels, x[1] / attrs.group, kernel[0], kernel[1]}, density, encoding), channels);
  }
  void AddFc(Encoding encoding, double density) {
    const int64_t inputs = Pick(0, 3) ? Pick(1, 60) : Pick(300, 900), outputs = Pick(1, 6);
    AddLayer(FcAttrs{}, LayerKernel::narrow, X({Pick(0, 2) ? 1 : 3, inputs}),
             Weighted({outputs, inputs}, density, encoding), outputs);
  }

  int layers_ = 0, chosen_ = 0;
};

class EmitListKernels : public testing::TestWithParam<GapCode> {};

TEST_P(EmitListKernels, EqualTheInterpreter) {
  for (const char* flags : {"", " -DMCUC_ALIGNED"}) {
    KernelBench bench(static_cast<uint64_t>(GetParam()) + 5);
    for (const Encoding encoding : AllEncodings()) {
      if (encoding.gaps != GetParam() || encoding == Encoding::kDense) continue;
      for (const double density : {0.0, 0.05, 0.2, 0.6, 1.0}) {
        for (int i = 0; i < 3; ++i) bench.AddConv(encoding, density);
        bench.AddFc(encoding, density);
      }
    }
    EmitCheckOptions options;
    options.compiler += flags;
    bench.Check(options);
    EXPECT_GT(bench.chosen_, bench.layers_ * 2 / 3);
  }
}

INSTANTIATE_TEST_SUITE_P(AllGaps, EmitListKernels,
                         testing::Values(GapCode::all, GapCode::u8, GapCode::u4, GapCode::bitmap, GapCode::rice),
                         [](const auto& test) { return std::string(InfoOf(test.param).name); });

}  // namespace
}  // namespace mcuc
