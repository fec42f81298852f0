// Emitted C of the kernels that select-kernels chooses, against the interpreter, bit for bit: shapes, strides,
// dilations, padding, groups, pools, biases and encodings swept. As compiled for this machine, in portable C, and in
// that for cores that load words only from their own addresses.
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

  struct Layer {
    Value *w, *b;
  };
  // Weights and a bias: for sums of 16 bits as close to these as the encodings get, with inputs of 8 bits.
  Layer Weighted(const Shape& shape, double density, Encoding encoding, bool narrow, LayerKernel kernel) {
    Tensor w(Type{ElementType::i8, shape, Quantization{{0.1f}, {0}}});
    const ValueCodeInfo& info = InfoOf(encoding.values);
    const int64_t half = info.bits > 0 ? int64_t{1} << (info.bits - 1) : 127, length = w.elements() / shape[0];
    for (int64_t c = 0; c < shape[0]; ++c) {
      int64_t room = narrow ? 240 - Pick(0, 1) * Pick(0, 100) : 1 << 20;  // the sum of |w| * 128 is up to 30720
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
    }
    const auto encoded = Encode(w, encoding);
    EXPECT_TRUE(encoded.ok()) << encoded.status();
    const int64_t width = kernel == LayerKernel::plain ? 2 : Pick(0, 2);
    Tensor b(Type{width == 0 ? ElementType::i8 : width == 1 ? ElementType::i16 : ElementType::i32, {shape[0]}});
    bias_shift_ = width == 0 ? 4 : width == 1 ? 1 : 0;
    for (int64_t c = 0; c < shape[0]; ++c) b.SetInt(c, width == 0 ? Pick(-128, 127) : Pick(-1000, 1000));
    return {Constant(*encoded), Constant(b)};
  }

  template <typename Attrs>
  void AddLayer(Attrs attrs, LayerKernel kernel, Value* x, const Layer& layer, int64_t channels) {
    const bool per_channel = Pick(0, 1) == 1;
    for (int64_t c = 0; c < (per_channel ? channels : 1); ++c) {
      // The largest one too: its halves, the lower one signed, do not fit 16 bits.
      const int64_t least = Pick(0, 4) ? 1 << 30 : INT32_MAX;
      attrs.mul.push_back(Pick(0, 9) ? static_cast<int32_t>(Pick(least, INT32_MAX)) : 0);
      attrs.shift.push_back(static_cast<int32_t>(Pick(0, 9) ? Pick(-10, -6) : Pick(-16, 7)));
    }
    attrs.act = Pick(0, 1) ? Act{ActKind::relu, 0, 0} : Pick(0, 1) ? Act{ActKind::clip, -1, 2} : Act{};
    std::vector<Value*> operands = {x, layer.w};
    if (Pick(0, 3)) operands.push_back(layer.b);
    Value* y = Add(attrs, operands, Quantized({}, static_cast<int32_t>(Pick(-128, 127))));
    Attrs& chosen = std::get<Attrs>(y->def()->attrs());
    chosen.bias_shift = operands.size() > 2 ? bias_shift_ : 0;
    chosen.kernel = kernel;
    const absl::Status status = CheckKernel(*y->def(), kernel);
    EXPECT_TRUE(status.ok()) << status;
  }

  void AddConv(Encoding encoding, double density, LayerKernel kernel) {
    ConvAttrs attrs;
    attrs.group = Pick(0, 3) ? 1 : 2;
    attrs.strides = {Pick(1, 2), kernel == LayerKernel::list ? Pick(1, 3) : 1};
    attrs.dilations = {Pick(1, 2), Pick(1, 2)};
    const Pair window = {Pick(1, 3), Pick(1, 4)};
    const int64_t pool = Pick(1, 2);
    if (pool == 2) attrs.pool = {PoolKind::max, {2, 2}, {2, 2}};
    const int64_t least = kernel == LayerKernel::list ? 2 : 4;
    const Pair size = {Pick(least, least + 7), Pick(4, 11)};  // the convolution's output
    Shape x = {Pick(0, 4) ? 1 : 2, attrs.group * Pick(1, 3), 0, 0};
    const bool padded = Pick(0, 1) == 1;
    for (size_t d = 0; d < 2; ++d) {
      int64_t reach = (size[d] - 1) * attrs.strides[d] + (window[d] - 1) * attrs.dilations[d] + 1 + Pick(0, 1);
      for (const size_t side : {d, d + 2}) {
        if (!padded || reach < 2) continue;
        attrs.pads[side] = Pick(0, std::min<int64_t>(2, reach - 1));
        reach -= attrs.pads[side];
      }
      x[d + 2] = reach;
    }
    if (attrs.pads != Pads{}) attrs.band = Pick(least / pool, size[0] / pool);
    const int64_t channels = attrs.group * Pick(1, 3);
    AddLayer(attrs, kernel, X(x),
             Weighted({channels, x[1] / attrs.group, window[0], window[1]}, density, encoding,
                      kernel == LayerKernel::pairs, kernel),
             channels);
  }
  void AddFc(Encoding encoding, double density) {
    const int64_t inputs = Pick(0, 3) ? Pick(1, 60) : Pick(300, 900), outputs = Pick(1, 6);
    AddLayer(FcAttrs{}, LayerKernel::narrow, X({Pick(0, 2) ? 1 : 3, inputs}),
             Weighted({outputs, inputs}, density, encoding, true, LayerKernel::narrow), outputs);
  }
  // More nonzeros in a channel than the stack has room for.
  void AddLongList(Encoding encoding) {
    ConvAttrs attrs;
    attrs.pads = {1, 0, 0, 1};
    attrs.band = 4;
    AddLayer(attrs, LayerKernel::list, X({1, 33, 6, 5}),
             Weighted({2, 33, 3, 3}, 1.0, encoding, false, LayerKernel::list), 2);
  }

  // An input that is too large to be widened on the stack.
  void AddLarge(Encoding encoding) {
    ConvAttrs attrs;
    AddLayer(attrs, LayerKernel::pairs, X({1, 3, 55, 52}),
             Weighted({2, 3, 3, 3}, 0.3, encoding, true, LayerKernel::pairs), 2);
  }

  int64_t bias_shift_ = 0;
};

class EmitListKernels : public testing::TestWithParam<GapCode> {};

TEST_P(EmitListKernels, EqualTheInterpreter) {
  for (const char* flags : {"", " -DMCUC_FAST", " -DMCUC_PORTABLE", " -DMCUC_PORTABLE -DMCUC_ALIGNED"}) {
    KernelBench bench(static_cast<uint64_t>(GetParam()) + 5);
    for (const Encoding encoding : AllEncodings()) {
      if (encoding.gaps != GetParam() || encoding == Encoding::kDense) continue;
      for (const double density : {0.0, 0.1, 1.0}) {
        for (int i = 0; i < 2; ++i) bench.AddConv(encoding, density, LayerKernel::pairs);
        bench.AddConv(encoding, density, LayerKernel::list);
        bench.AddFc(encoding, density);
      }
      bench.AddLongList(encoding);
      bench.AddLarge(encoding);
    }
    EmitCheckOptions options;
    options.compiler += flags;
    bench.Check(options);
  }
}

INSTANTIATE_TEST_SUITE_P(AllGaps, EmitListKernels,
                         testing::Values(GapCode::all, GapCode::u8, GapCode::u4, GapCode::bitmap, GapCode::rice),
                         [](const auto& test) { return std::string(InfoOf(test.param).name); });

}  // namespace
}  // namespace mcuc
