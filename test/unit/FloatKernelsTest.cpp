// Emitted C of every unquantized operation against the interpreter, over swept shapes and attributes.
#include "EmitCheck.h"
#include "mcuc/Emit/RuntimeText.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Type Of(ElementType element, Shape shape) { return Type{element, std::move(shape)}; }

const std::vector<ElementType>& NumericTypes() {
  static const std::vector<ElementType> types = {ElementType::f32, ElementType::f64, ElementType::i8,  ElementType::u8,
                                                 ElementType::i16, ElementType::u16, ElementType::i32, ElementType::u32,
                                                 ElementType::i64, ElementType::u64};
  return types;
}

TEST(FloatKernels, ConvOverKernelsStridesPadsDilationsAndGroups) {
  Bench bench;
  const std::vector<Act> acts = {{}, {ActKind::relu, 0, 0}, {ActKind::clip, -0.5f, 0.75f}};
  int i = 0;
  for (const Pair kernel : {Pair{1, 1}, Pair{3, 3}, Pair{2, 5}, Pair{1, 4}}) {
    for (const Pair strides : {Pair{1, 1}, Pair{2, 3}}) {
      for (const Pads pads : {Pads{}, Pads{1, 2, 0, 3}, Pads{3, 0, 2, 1}}) {
        for (const Pair dilations : {Pair{1, 1}, Pair{2, 1}, Pair{1, 3}}) {
          ConvAttrs attrs;
          attrs.strides = strides, attrs.pads = pads, attrs.dilations = dilations;
          attrs.act = acts[static_cast<size_t>(i) % acts.size()];
          attrs.group = i % 4 == 3 ? 2 : 1;
          const int64_t channels = i % 4 == 3 ? 4 : 3;
          std::vector<Value*> operands = {bench.Float({1 + i % 2, channels, 7, 14}),
                                          bench.FloatConstant({4, channels / attrs.group, kernel[0], kernel[1]})};
          if (i % 3 != 0) operands.push_back(bench.FloatConstant({4}));
          bench.Add(attrs, operands);
          ++i;
        }
      }
    }
  }
  bench.Check();
}

TEST(FloatKernels, ConvDepthwiseAndWithAPaddingWiderThanTheKernel) {
  Bench bench;
  ConvAttrs depthwise;
  depthwise.group = 5, depthwise.pads = {1, 1, 1, 1};
  bench.Add(depthwise, {bench.Float({1, 5, 4, 6}), bench.FloatConstant({5, 1, 3, 3}), bench.FloatConstant({5})});
  depthwise.group = 3;  // channel multiplier 2
  bench.Add(depthwise, {bench.Float({2, 3, 4, 6}), bench.FloatConstant({6, 1, 3, 3}), bench.FloatConstant({6})});
  ConvAttrs wide;
  wide.pads = {4, 5, 3, 4};
  bench.Add(wide, {bench.Float({1, 2, 2, 3}), bench.FloatConstant({2, 2, 2, 3})});
  ConvAttrs sparse_taps;
  sparse_taps.dilations = {3, 4}, sparse_taps.pads = {3, 4, 3, 4}, sparse_taps.strides = {1, 2};
  bench.Add(sparse_taps, {bench.Float({1, 1, 3, 3}), bench.FloatConstant({1, 1, 3, 3})});
  // Weights and bias that are computed.
  bench.Add(ConvAttrs{}, {bench.Float({1, 2, 5, 5}), bench.Float({3, 2, 3, 3}), bench.Float({3})});
  bench.Check();
}

TEST(FloatKernels, ConvWithFusedPooling) {
  Bench bench;
  int i = 0;
  for (const PoolKind kind : {PoolKind::max, PoolKind::avg}) {
    for (const Pair kernel : {Pair{2, 2}, Pair{3, 2}, Pair{1, 3}}) {
      for (const Pair strides : {Pair{2, 2}, Pair{1, 1}, Pair{3, 4}}) {
        ConvAttrs attrs;
        attrs.pads = i % 2 == 0 ? Pads{1, 1, 1, 1} : Pads{};
        attrs.pool = {kind, kernel, strides, {}, false};
        if (kind == PoolKind::max && i % 3 != 0) attrs.pool.pads = {0, kernel[1] - 1, kernel[0] - 1, 0};
        if (kind == PoolKind::max) attrs.pool.ceil = i % 2 == 1;
        attrs.act = i % 3 == 1                            ? Act{ActKind::relu, 0, 0}
                    : i % 3 == 2 && kind == PoolKind::max ? Act{ActKind::clip, -1, 1}
                                                          : Act{};
        attrs.group = i % 4 == 1 ? 2 : 1;
        std::vector<Value*> operands = {bench.Float({1 + i % 2, 2, 9, 8}),
                                        bench.FloatConstant({4, 2 / attrs.group, 3, 3})};
        if (i % 2 == 0) operands.push_back(bench.FloatConstant({4}));
        bench.Add(attrs, operands);
        ++i;
      }
    }
  }
  bench.Check();
}

TEST(FloatKernels, ConvTranspose) {
  Bench bench;
  int i = 0;
  for (const Pair strides : {Pair{1, 1}, Pair{2, 3}}) {
    for (const Pair dilations : {Pair{1, 1}, Pair{2, 3}}) {
      for (const Pads pads : {Pads{}, Pads{1, 0, 2, 1}}) {
        ConvTransposeAttrs attrs;
        attrs.strides = strides, attrs.dilations = dilations, attrs.pads = pads;
        if (strides[0] > 1) attrs.output_pads = {1, 2};
        attrs.group = i % 2 == 1 ? 2 : 1;
        attrs.act = i % 3 == 2 ? Act{ActKind::relu, 0, 0} : Act{};
        std::vector<Value*> operands = {bench.Float({1 + i % 2, 4, 3, 5}), bench.FloatConstant({4, 3, 3, 2})};
        if (i % 2 == 0) operands.push_back(bench.FloatConstant({3 * attrs.group}));
        bench.Add(attrs, operands);
        ++i;
      }
    }
  }
  bench.Check();
}

TEST(FloatKernels, FcAndMatMul) {
  Bench bench;
  const Act relu = {ActKind::relu, 0, 0}, clip = {ActKind::clip, -0.25f, 0.5f};
  bench.Add(FcAttrs{}, {bench.Float({5}), bench.FloatConstant({3, 5}), bench.FloatConstant({3})});
  bench.Add(FcAttrs{}, {bench.Float({1, 5}), bench.FloatConstant({3, 5})});
  FcAttrs fc;
  fc.act = relu;
  bench.Add(fc, {bench.Float({2, 3, 4}), bench.FloatConstant({7, 4}), bench.FloatConstant({7})});
  fc.act = clip;
  bench.Add(fc, {bench.Float({4, 1}), bench.FloatConstant({1, 1}), bench.FloatConstant({1})});
  bench.Add(MatMulAttrs{}, {bench.Float({3, 4}), bench.Float({4, 2})});
  bench.Add(MatMulAttrs{}, {bench.Float({2, 3, 4}), bench.FloatConstant({4, 5})});
  bench.Add(MatMulAttrs{}, {bench.Float({3, 1, 3, 4}), bench.Float({2, 4, 2})});
  MatMulAttrs matmul;
  matmul.act = relu;
  bench.Add(matmul, {bench.Float({1, 4}), bench.Float({2, 5, 4, 1})});
  bench.Check();
}

TEST(FloatKernels, Pools) {
  Bench bench;
  int i = 0;
  for (const Pair kernel : {Pair{2, 2}, Pair{3, 1}, Pair{2, 4}, Pair{7, 9}}) {
    for (const Pair strides : {Pair{1, 1}, Pair{2, 3}}) {
      for (const bool padded : {false, true}) {
        for (const bool ceil : {false, true}) {
          const Pads pads = padded ? Pads{kernel[0] / 2, kernel[1] / 2, (kernel[0] - 1) / 2, 0} : Pads{};
          MaxPoolAttrs max;
          max.kernel = kernel, max.strides = strides, max.pads = pads, max.ceil = ceil;
          bench.Add(max, {bench.Float({1 + i % 2, 2, 7, 9})});
          AvgPoolAttrs avg;
          avg.kernel = kernel, avg.strides = strides, avg.pads = pads, avg.ceil = ceil;
          avg.count_include_pad = i % 2 == 0;
          bench.Add(avg, {bench.Float({1 + i % 2, 2, 7, 9})});
          avg.count_include_pad = !avg.count_include_pad;
          bench.Add(avg, {bench.Float({1, 3, 7, 9})});
          ++i;
        }
      }
    }
  }
  MaxPoolAttrs dilated;
  dilated.kernel = {3, 2}, dilated.dilations = {2, 3}, dilated.pads = {1, 1, 2, 1};
  bench.Add(dilated, {bench.Float({1, 2, 7, 9})});
  bench.Check();
}

TEST(FloatKernels, SoftmaxAlongEachAxis) {
  Bench bench;
  for (int64_t axis = 0; axis < 3; ++axis) {
    for (const bool log : {false, true}) bench.Add(SoftmaxAttrs{axis, log}, {bench.Float({3, 4, 5})});
  }
  bench.Add(SoftmaxAttrs{0, false}, {bench.Float({1})});
  EmitCheckOptions options;
  options.lowest = -100, options.highest = 100;  // exp(100) is no float32
  bench.Check(options);
}

TEST(FloatKernels, ResizeInEveryMode) {
  Bench bench;
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
    for (const ResizeTransform transform : {ResizeTransform::half_pixel, ResizeTransform::pytorch_half_pixel,
                                            ResizeTransform::asymmetric, ResizeTransform::align_corners}) {
      for (const Shape& size : {Shape{2, 2, 8, 15}, Shape{2, 2, 3, 2}, Shape{2, 2, 1, 1}}) {
        ResizeAttrs attrs;
        attrs.mode = mode, attrs.transform = transform;
        bench.Add(attrs, {bench.Float({2, 2, 4, 5})}, Of(ElementType::f32, size));
        attrs.round = ResizeRound::ceil;
        attrs.scales = {1, 1, 2.25f, 3.1f};
        bench.Add(attrs, {bench.Float({2, 2, 4, 5})}, Of(ElementType::f32, size));
      }
    }
  }
  // Indices beyond 16 bits.
  bench.Add(ResizeAttrs{}, {bench.Float({1, 1, 200, 200})}, Of(ElementType::f32, {1, 1, 100, 2}));
  bench.Check();
}

TEST(FloatKernels, UnaryOfFloats) {
  for (const ElementType element : {ElementType::f32, ElementType::f64}) {
    Bench bench;
    for (const std::string& name : EnumNames(UnaryFn{})) {
      UnaryAttrs attrs;
      ASSERT_TRUE(ParseEnum(name, &attrs.fn));
      if (attrs.fn == UnaryFn::bit_not) continue;  // of integers
      attrs.alpha = attrs.fn == UnaryFn::clip ? -0.75f : 0.3f;
      attrs.beta = 0.6f;
      const bool positive = attrs.fn == UnaryFn::log || attrs.fn == UnaryFn::sqrt;
      Value* x = bench.Input(Of(element, {3, 37}));
      if (positive) x = bench.Inner(UnaryAttrs{UnaryFn::abs, 0, 0}, {x});
      bench.Add(attrs, {x});
    }
    bench.Add(UnaryAttrs{UnaryFn::clip, -kInfinity, 0.5f}, {bench.Input(Of(element, {}))});
    bench.Check();
    EmitCheckOptions extreme;
    extreme.lowest = -200, extreme.highest = 200;
    bench.Check(extreme);
  }
}

TEST(FloatKernels, UnaryOfIntegers) {
  Bench bench;
  for (const ElementType element : NumericTypes()) {
    if (IsFloat(element)) continue;
    const Type type = Of(element, {41});
    bench.Add(UnaryAttrs{UnaryFn::relu, 0, 0}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::abs, 0, 0}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::neg, 0, 0}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::clip, -20.5f, 30.5f}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::clip, 3, kInfinity}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::clip, -kInfinity, 17}, {bench.Input(type)});
    bench.Add(UnaryAttrs{UnaryFn::clip, -1e20f, 1e20f}, {bench.Input(type)});
  }
  EmitCheckOptions options;
  options.lowest = -128, options.highest = 127;
  bench.Check(options);
}

bool IsIntegral(BinaryFn fn) {
  return fn == BinaryFn::mod || fn == BinaryFn::bit_and || fn == BinaryFn::bit_or || fn == BinaryFn::bit_xor ||
         fn == BinaryFn::shift_left || fn == BinaryFn::shift_right;
}

TEST(FloatKernels, BinaryOfEveryTypeAndBroadcast) {
  const std::vector<std::pair<Shape, Shape>> shapes = {{{2, 3, 4}, {2, 3, 4}},
                                                       {{2, 3, 4}, {4}},
                                                       {{3, 1}, {2, 1, 4}},
                                                       {{}, {2, 3}},
                                                       {{1, 3, 1}, {2, 3, 4}},
                                                       {{}, {}},
                                                       {{2, 1, 3, 1, 2}, {1, 4, 3, 5, 1}}};
  for (const bool integers : {false, true}) {
    Bench bench;
    size_t i = 0;
    for (const ElementType element : NumericTypes()) {
      if (IsFloat(element) == integers) continue;
      for (const std::string& name : EnumNames(BinaryFn{})) {
        BinaryAttrs attrs;
        ASSERT_TRUE(ParseEnum(name, &attrs.fn));
        if (integers ? attrs.fn == BinaryFn::prelu : IsIntegral(attrs.fn)) continue;
        const auto& [a_shape, b_shape] = shapes[i++ % shapes.size()];
        Value *a = bench.Input(Of(element, a_shape)), *b = bench.Input(Of(element, b_shape));
        const bool divides = attrs.fn == BinaryFn::div || attrs.fn == BinaryFn::mod || attrs.fn == BinaryFn::fmod;
        if (divides && integers) {  // by nothing that is 0, but by -1
          b = bench.Inner(BinaryAttrs{BinaryFn::mul, {}, {}, {}}, {b, b});
          b = bench.Inner(BinaryAttrs{BinaryFn::sub, {}, {}, {}},
                          {b, bench.Constant(Tensor::Of(Of(element, {}), std::vector<int64_t>{2}))});
          b = bench.Inner(UnaryAttrs{UnaryFn::clip, -kInfinity, -1}, {b});
          if (!Dispatch(element, [](auto zero) { return std::is_signed_v<decltype(zero)>; })) {
            b = bench.Constant(Tensor::Of(Of(element, {}), std::vector<int64_t>{3}));
          }
        }
        if (attrs.fn == BinaryFn::pow && !integers) a = bench.Inner(UnaryAttrs{UnaryFn::exp, 0, 0}, {a});
        bench.Add(attrs, {a, b});
        if (integers) continue;
        attrs.act = i % 2 == 0 ? Act{ActKind::relu, 0, 0} : Act{ActKind::clip, -0.5f, 0.25f};
        bench.Add(attrs, {a, b});
      }
    }
    EmitCheckOptions options;
    if (integers) options.lowest = -6, options.highest = 6;
    bench.Check(options);
  }
}

TEST(FloatKernels, MinAndMaxOfAValueAndItselfCompileWithoutAWarning) {
  for (const char* compiler : {"gcc", "clang"}) {
    EmitCheckOptions options;
    options.compiler = absl::StrCat(compiler, " -O1 ", kContractFlags);
    ExpectEmittedMatches(R"(graph @g(%x: f32[3], %i: i32[3], %q: i8<0.5:1>[3])
          -> (%a: f32[3], %b: f32[3], %c: i32[3], %d: i32[3], %e: i8<0.5:1>[3], %f: i8<0.5:1>[3]) {
      %a: f32[3] = binary %x, %x {fn = min}
      %b: f32[3] = binary %x, %x {fn = max}
      %c: i32[3] = binary %i, %i {fn = min}
      %d: i32[3] = binary %i, %i {fn = max}
      %e: i8<0.5:1>[3] = binary %q, %q {fn = min}
      %f: i8<0.5:1>[3] = binary %q, %q {fn = max, act = relu}
    })",
                         options);
  }
}

TEST(FloatKernels, IntegerArithmeticWrapsAndQuotientsByMinusOneDoToo) {
  Bench bench;
  for (const ElementType element : {ElementType::i8, ElementType::i16, ElementType::i32}) {
    const int64_t least = IntegerMin(element), most = IntegerMax(element);
    const Type four = Of(element, {4});
    Value* a = bench.Constant(Tensor::Of(four, std::vector<int64_t>{least, most, least, most}));
    Value* b = bench.Constant(Tensor::Of(four, std::vector<int64_t>{-1, -1, most, 2}));
    for (const BinaryFn fn : {BinaryFn::add, BinaryFn::sub, BinaryFn::mul, BinaryFn::div}) {
      bench.Add(BinaryAttrs{fn, {}, {}, {}}, {a, b});
    }
    bench.Add(UnaryAttrs{UnaryFn::abs, 0, 0}, {a});
    bench.Add(UnaryAttrs{UnaryFn::neg, 0, 0}, {a});
  }
  Value* least = bench.Constant(Tensor::Of(Of(ElementType::i64, {1}), std::vector<int64_t>{INT64_MIN}));
  Value* minus = bench.Constant(Tensor::Of(Of(ElementType::i64, {1}), std::vector<int64_t>{-1}));
  bench.Add(BinaryAttrs{BinaryFn::div, {}, {}, {}}, {least, minus});
  bench.Check();
}

TEST(FloatKernels, PowerOfIntegers) {
  Bench bench;
  const auto constant = [&](ElementType element, const std::vector<int64_t>& values) {
    return bench.Constant(Tensor::Of(Of(element, {static_cast<int64_t>(values.size())}), values));
  };
  for (const ElementType element : {ElementType::i8, ElementType::i32, ElementType::i64}) {
    bench.Add(BinaryAttrs{BinaryFn::pow, {}, {}, {}}, {constant(element, {0, 0, 1, -1, -1, -1, -1, 2, 2, -3, 5, 7}),
                                                       constant(element, {0, 3, -5, -4, -3, 4, 5, 6, -1, 3, 5, 11})});
  }
  bench.Add(BinaryAttrs{BinaryFn::pow, {}, {}, {}},
            {constant(ElementType::u64, {0, 3, 10, 2}), constant(ElementType::u64, {0, 5, 12, 63})});
  bench.Check();
}

TEST(FloatKernels, CastsBetweenAllTypes) {
  Bench bench;
  std::vector<ElementType> types = NumericTypes();
  types.push_back(ElementType::b8);
  for (const ElementType from : types) {
    for (const ElementType to : types) bench.Add(CastAttrs{}, {bench.Input(Of(from, {65}))}, Of(to, {65}));
  }
  for (const double range : {3.0, 200.0, 1e20}) {
    EmitCheckOptions options;
    options.lowest = -range, options.highest = range;
    if (range > 1e10) options.lowest = -9e18, options.highest = 9.1e18;
    bench.Check(options);
  }
}

TEST(FloatKernels, CastsOfSpecialFloats) {
  Bench bench;
  for (const ElementType from : {ElementType::f32, ElementType::f64}) {
    const std::vector<double> values = {NAN,
                                        kInfinity,
                                        -kInfinity,
                                        0.99,
                                        -0.99,
                                        127.5,
                                        128,
                                        -128.5,
                                        -129,
                                        255.9,
                                        256,
                                        -0.0,
                                        65535.5,
                                        2147483648.0,
                                        -2147483648.0,
                                        9223372036854775808.0,
                                        1.8446744073709552e19,
                                        1e30,
                                        -1e30};
    Value* x = bench.Constant(Tensor::Of(Of(from, {static_cast<int64_t>(values.size())}), values));
    for (const ElementType to : NumericTypes()) bench.Add(CastAttrs{}, {x}, Of(to, x->type().shape));
    bench.Add(CastAttrs{}, {x}, Of(ElementType::b8, x->type().shape));
  }
  bench.Check();
}

TEST(FloatKernels, ReductionsOverEveryKindOfAxes) {
  Bench bench;
  for (const std::string& name : EnumNames(ReduceFn{})) {
    ReduceAttrs attrs;
    ASSERT_TRUE(ParseEnum(name, &attrs.fn));
    for (const Ints& axes : {Ints{0}, Ints{1}, Ints{2}, Ints{0, 2}, Ints{1, 2}, Ints{0, 1, 2}, Ints{}}) {
      attrs.axes = axes;
      attrs.keepdims = axes.size() % 2 == 1;
      bench.Add(attrs, {bench.Float({3, 4, 5})});
    }
    attrs.axes = {0};
    for (const ElementType element : NumericTypes()) bench.Add(attrs, {bench.Input(Of(element, {5, 3}))});
  }
  EmitCheckOptions options;
  options.lowest = -100, options.highest = 100;
  bench.Check(options);
}

TEST(FloatKernels, ArgReduceWithTies) {
  Bench bench;
  for (int64_t axis = 0; axis < 3; ++axis) {
    for (const bool min : {false, true}) {
      for (const bool last : {false, true}) {
        for (const ElementType element : {ElementType::f32, ElementType::i8, ElementType::u64}) {
          const ArgReduceAttrs attrs = {min, axis, axis != 1, last};
          bench.Add(attrs, {bench.Input(Of(element, {3, 6, 4}))}, Of(ElementType::i64, {}));
        }
      }
    }
  }
  bench.Add(ArgReduceAttrs{false, 0, true, false}, {bench.Float({1})}, Of(ElementType::i64, {}));
  const Type quantized = {ElementType::i8, {2, 9}, Quantization{{0.5f}, {3}, -1}};
  bench.Add(ArgReduceAttrs{false, 1, true, false}, {bench.Input(quantized)}, Of(ElementType::i64, {}));
  bench.Check();
}

// Moves of elements of 1, 2, 4 and 8 bytes, quantized ones among them.
std::vector<Type> MovedTypes() {
  return {{ElementType::f32, {}},
          {ElementType::f64, {}},
          {ElementType::i16, {}},
          {ElementType::b8, {}},
          {ElementType::i8, {}, Quantization{{0.5f}, {-7}, -1}}};
}

TEST(FloatKernels, Moves) {
  Bench bench;
  for (const Type& type : MovedTypes()) {
    const auto input = [&](const Shape& shape) { return bench.Input(WithShape(type, shape)); };
    for (const Ints& perm : {Ints{0, 1, 2}, Ints{2, 1, 0}, Ints{0, 2, 1}, Ints{1, 2, 0}, Ints{1, 0, 2}}) {
      bench.Add(TransposeAttrs{perm}, {input({3, 4, 5})});
    }
    bench.Add(TransposeAttrs{{0, 3, 1, 4, 2}}, {input({2, 1, 3, 2, 5})});
    for (int64_t axis = 0; axis < 3; ++axis) {
      Shape a = {2, 3, 4}, b = a, c = a;
      b[static_cast<size_t>(axis)] = 1, c[static_cast<size_t>(axis)] = 5;
      bench.Add(ConcatAttrs{axis, {}, {}}, {input(a), input(b), input(c)});
    }
    bench.Add(SliceAttrs{{1, 0, 2}, {}}, {input({3, 4, 5})}, WithShape(type, {2, 4, 3}));
    bench.Add(SliceAttrs{{0, 3, 4}, {2, -1, -2}}, {input({3, 4, 5})}, WithShape(type, {2, 4, 3}));
    bench.Add(SliceAttrs{{2}, {}}, {input({3})}, WithShape(type, {1}));
    for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::edge}) {
      bench.Add(PadAttrs{mode, {1, 0, 2}, {0, 0, 3}, mode == PadMode::constant ? 1.0 : 0.0}, {input({2, 3, 4})});
      bench.Add(PadAttrs{mode, {0, 2}, {1, 0}, 0.0}, {input({5, 6})});
    }
    for (int64_t axis = 0; axis < 3; ++axis) {
      Value* constant =
          bench.Constant(Tensor::Of(Of(ElementType::i64, {2, 2}), std::vector<int64_t>{0, -1, 1, axis == 1 ? -4 : -3}));
      bench.Add(GatherAttrs{axis}, {input({3, 4, 5}), constant});
      bench.Add(GatherAttrs{axis}, {input({3, 4, 5}), bench.Input(Of(ElementType::i64, {3}))});
      bench.Add(GatherAttrs{axis}, {input({3, 4, 5}), bench.Input(Of(ElementType::i32, {}))});
    }
    bench.Add(ReshapeAttrs{}, {input({3, 4})}, WithShape(type, {2, 6}));
    bench.Add(IdentityAttrs{}, {input({3, 4})});
  }
  bench.Add(ResizeAttrs{}, {bench.Input({ElementType::i8, {1, 2, 3, 3}, Quantization{{0.5f}, {-7}, -1}})},
            Type{ElementType::i8, {1, 2, 6, 7}, Quantization{{0.5f}, {-7}, -1}});
  bench.Check();
}

TEST(FloatKernels, GatherBeyondTheAxisReadsItsBorder) {
  // The interpreter refuses what the C, which has no way to report it, must survive.
  auto graph = ParseOrFail(R"(
graph @g(%x: f32[3], %i: i64[4]) -> (%y: f32[4]) {
  %y: f32[4] = gather %x, %i
}
)");
  ASSERT_NE(graph, nullptr);
  graph->set_arena_bytes(0);
  const auto model = CompiledModel::Build(*graph, {});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto got = (*model)->Run({Tensor::Of(Of(ElementType::f32, {3}), std::vector<float>{10, 20, 30}),
                                  Tensor::Of(Of(ElementType::i64, {4}), std::vector<int64_t>{3, -4, INT64_MAX, -1})});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ((*got)[0], Tensor::Of(Of(ElementType::f32, {4}), std::vector<float>{30, 10, 30, 30}));
}

// Chains planned by plan-buffers: values in place, views, results in the place of outputs, parameters in the arena.
constexpr char kChain[] = R"(
graph @chain(%x: f32[1x2x6x6], %z: f32[4x9]) -> (%y: f32[1x36], %p: f32[36], %top: i64[1]) {
  const @k: f32[4x2x3x3] = {
    0.1, -0.2, 0.3, 0.4, -0.5, 0.6, -0.7, 0.8, 0.9, 0.1, 0.2, -0.3, 0.4, 0.5, -0.6, 0.7, 0.8, -0.9,
    0.2, -0.1, 0.4, 0.3, -0.6, 0.5, -0.8, 0.7, 0.1, 0.9, 0.3, -0.2, 0.5, 0.4, -0.7, 0.6, 0.9, -0.8,
    -0.3, 0.5, 0.1, 0.7, 0.2, -0.4, 0.6, 0.8, -0.1, 0.3, -0.9, 0.5, 0.7, -0.2, 0.1, 0.4, -0.6, 0.8,
    0.6, 0.1, -0.8, 0.2, 0.9, -0.3, 0.4, 0.5, 0.7, -0.1, 0.3, 0.2, -0.5, 0.6, 0.8, -0.7, 0.9, 0.4}
  %c: f32[1x4x3x3] = conv %x, @k {pads = {1, 1, 1, 1}, pool = max{kernel = {2, 2}, strides = {2, 2}}}
  %r: f32[4x9] = reshape %c
  %t: f32[4x9] = unary %r {fn = tanh}
  %s: f32[4x9] = binary %t, %z {fn = add}
  %m: f32[4x9] = softmax %s {axis = 1}
  %f: f32[1x36] = reshape %m
  %y: f32[1x36] = unary %f {fn = leaky_relu, alpha = 0.1}
  %p: f32[36] = reshape %z
  %top: i64[1] = arg_reduce %y {axis = 1, keepdims = false}
}
)";

absl::Status RunPasses(Graph& graph, const std::string& passes) {
  auto pipeline = Pipeline::Parse(passes);
  if (!pipeline.ok()) return pipeline.status();
  Diagnostics diagnostics;
  const auto target = Target::ByName(Target::All().front()->name);
  if (!target.ok()) return target.status();
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  if (absl::Status status = pipeline->Run(graph, context); !status.ok()) return status;
  return diagnostics.ToStatus();
}

TEST(FloatKernels, PlannedGraphs) {
  for (const char* passes : {"plan-buffers", "plan-buffers{io=true}", "plan-buffers{in-place=false}"}) {
    SCOPED_TRACE(passes);
    auto graph = ParseOrFail(kChain);
    ASSERT_NE(graph, nullptr);
    ASSERT_EQ(RunPasses(*graph, passes), absl::OkStatus());
    ExpectEmittedMatches(*graph);
    EmitCheckOptions optimized;
    optimized.compiler = absl::StrCat("clang -O2 ", kContractFlags);
    ExpectEmittedMatches(*graph, optimized);
  }
}

TEST(FloatKernels, FilesOpenWithTheirLicence) {
  EXPECT_FALSE(RuntimeFiles().empty());
  for (const RuntimeFile& file : RuntimeFiles()) {
    EXPECT_EQ(file.text.rfind("/* SPDX-License-Identifier: 0BSD */\n", 0), 0u) << file.name;
  }
}

}  // namespace
}  // namespace mcuc
