// Emitted C of every quantized operation, and of those with encoded weights, against the interpreter: bit for bit, but
// by one where a float sum is rounded to an int8 (rule N20).
#include <cmath>
#include <functional>

#include "EmitCheck.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {
namespace {

Type Q8(Shape shape, float scale = 0.05f, int32_t zero = -3) {
  return Type{ElementType::i8, std::move(shape), Quantization{{scale}, {zero}}};
}

class IntegerBench : public Bench {
 public:
  using Bench::Bench;

  int64_t Pick(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random()() % static_cast<uint64_t>(hi - lo + 1));
  }
  Value* X(Shape shape) { return Input(Q8(std::move(shape), 0.05f, static_cast<int32_t>(Pick(-128, 127)))); }
  Type Y() { return Q8({}, 0.1f, static_cast<int32_t>(Pick(-128, 127))); }

  // Weights of this density, a scale a channel or one; encoded where asked for.
  Value* Weights(const Shape& shape, double density, bool per_channel, bool csc) {
    Quantization quant{{}, {0}, per_channel ? 0 : -1};
    for (int64_t c = 0; c < (per_channel ? shape[0] : 1); ++c)
      quant.scales.push_back(0.01f * static_cast<float>(Pick(1, 9)));
    Tensor w(Type{ElementType::i8, shape, quant});
    for (int64_t i = 0; i < w.elements(); ++i) {
      if (static_cast<double>(Pick(0, 999)) < density * 1000) w.SetInt(i, Pick(-128, 127));
    }
    return Constant(Stored(w, csc));
  }
  Value* FloatWeights(const Shape& shape, double density) {
    Tensor w(Type{ElementType::f32, shape});
    for (int64_t i = 0; i < w.elements(); ++i) {
      if (static_cast<double>(Pick(0, 999)) < density * 1000) w.Set(i, static_cast<double>(Pick(-100, 100)) / 64);
    }
    return Constant(Stored(w, true));
  }
  Value* Bias(int64_t channels) {
    Tensor b(Type{ElementType::i32, {channels}});
    for (int64_t i = 0; i < channels; ++i) b.SetInt(i, Pick(-9000, 9000));
    return Constant(b);
  }
  template <typename Attrs>
  void SetMultipliers(Attrs& attrs, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      attrs.mul.push_back(static_cast<int32_t>(Pick(1 << 30, INT32_MAX)));
      attrs.shift.push_back(static_cast<int32_t>(Pick(-9, -7)));
    }
  }

 private:
  static Tensor Stored(const Tensor& dense, bool csc) {
    if (!csc) return dense;
    const auto encoded = Encode(dense, {GapCode::u8});
    EXPECT_TRUE(encoded.ok()) << encoded.status();
    return *encoded;
  }
};

EmitCheckOptions Exact() { return {}; }
EmitCheckOptions ByOne() {
  EmitCheckOptions options;
  options.integer_error = 1;
  options.lowest = -8, options.highest = 8;
  return options;
}

// The shapes of convolutions that the kernels treat differently.
std::vector<ConvAttrs> ConvShapes() {
  std::vector<ConvAttrs> shapes(12);
  shapes[1].pads = {1, 1, 1, 1};
  shapes[2].pads = {2, 0, 1, 3}, shapes[2].strides = {2, 1}, shapes[2].dilations = {1, 2};
  shapes[3].pool = {PoolKind::max, {2, 2}, {2, 2}};
  shapes[4].pool = {PoolKind::max, {2, 2}, {2, 2}}, shapes[4].pads = {1, 1, 1, 1};
  shapes[5].pool = {PoolKind::max, {3, 2}, {2, 3}, {1, 1, 1, 1}, true};
  shapes[6].pool = {PoolKind::avg, {2, 2}, {2, 2}};
  shapes[7].pool = {PoolKind::avg, {3, 5}, {1, 1}}, shapes[7].pads = {1, 1, 1, 1};
  shapes[8].group = 2;
  shapes[9].group = 4, shapes[9].pads = {1, 0, 1, 0}, shapes[9].strides = {2, 2};
  shapes[10].pool = {PoolKind::max, {2, 2}, {1, 3}};
  shapes[11].pool = {PoolKind::max, {2, 2}, {2, 2}, {0, 0, 1, 1}, true};
  return shapes;
}

std::vector<Act> Acts(const Pool& pool) {
  if (pool.kind == PoolKind::avg) return {{}, {ActKind::relu, 0, 0}};
  return {{}, {ActKind::relu, 0, 0}, {ActKind::clip, -1.5f, 3.0f}};
}

TEST(EmitInteger, ConvDenseAndEncoded) {
  for (const bool csc : {false, true}) {
    IntegerBench bench(csc ? 1 : 2);
    int i = 0;
    for (ConvAttrs attrs : ConvShapes()) {
      for (const Act& act : Acts(attrs.pool)) {
        attrs.act = act, attrs.mul.clear(), attrs.shift.clear();
        const bool per_channel = i % 2 == 0;
        const double density = std::vector<double>{0.2, 1, 0, 0.03}[static_cast<size_t>(i) % 4];
        bench.SetMultipliers(attrs, per_channel ? 4 : 1);
        std::vector<Value*> operands = {bench.X({1 + i % 2, 4, 7 + i % 3, 9}),
                                        bench.Weights({4, 4 / attrs.group, 3, 2}, density, per_channel, csc)};
        if (i % 5 != 0) operands.push_back(bench.Bias(4));
        bench.Add(attrs, operands, bench.Y());
        ++i;
      }
    }
    // Filters of over 255 elements, with gaps beyond 255 and counts beyond a byte; one row, one column, one pixel.
    for (const Shape& x : {Shape{1, 60, 3, 3}, Shape{1, 60, 2, 9}, Shape{1, 60, 5, 3}}) {
      for (const double density : {0.004, 1.0}) {
        ConvAttrs attrs;
        bench.SetMultipliers(attrs, 1);
        bench.Add(attrs, {bench.X(x), bench.Weights({3, 60, 2, 3}, density, false, csc), bench.Bias(3)}, bench.Y());
      }
    }
    bench.Check(Exact());
  }
}

TEST(EmitInteger, ConvOfComputedWeights) {
  IntegerBench bench(3);
  ConvAttrs attrs;
  bench.SetMultipliers(attrs, 1);
  Value* w = bench.Add(ReshapeAttrs{}, {bench.Constant(Tensor::Of<int>(Q8({8}, 0.1f, 0), {1, -2, 3, 4, -5, 6, 7, -8}))},
                       Q8({2, 1, 2, 2}, 0.1f, 0));
  const auto run = [&] { bench.Add(attrs, {bench.X({1, 1, 4, 4}), w}, bench.Y()); };
  // Bounds are proved from constants (N4): computed weights are refused before emission.
  run();
  EXPECT_FALSE(VerifyGraph(bench.graph()).ok());
}

TEST(EmitInteger, FcDenseAndEncoded) {
  for (const bool csc : {false, true}) {
    IntegerBench bench(csc ? 4 : 5);
    for (int i = 0; i < 24; ++i) {
      FcAttrs attrs;
      const bool per_channel = i % 2 == 0;
      const int64_t outputs = 1 + i % 7, inputs = i % 6 == 5 ? 700 : 1 + 3 * i;
      bench.SetMultipliers(attrs, per_channel ? outputs : 1);
      attrs.act = Acts(Pool{})[static_cast<size_t>(i) % 3];
      const double density = std::vector<double>{0.1, 1, 0, 0.01, 0.5}[static_cast<size_t>(i) % 5];
      std::vector<Value*> operands = {bench.X(i % 3 == 0 ? Shape{2, 3, inputs} : Shape{inputs}),
                                      bench.Weights({outputs, inputs}, density, per_channel, csc)};
      if (i % 4 != 0) operands.push_back(bench.Bias(outputs));
      bench.Add(attrs, operands, bench.Y());
    }
    bench.Check(Exact());
  }
}

// N20 and float sparse weights.
TEST(EmitInteger, FloatOperandsWithQuantizedOrEncodedWeights) {
  IntegerBench bench(6);
  int i = 0;
  for (ConvAttrs attrs : ConvShapes()) {
    attrs.act = Acts(attrs.pool)[static_cast<size_t>(i) % Acts(attrs.pool).size()];
    for (const int kind : {0, 1, 2}) {  // dense int8, encoded int8, encoded float
      const bool quantized = kind < 2 && i % 2 == 0;
      Value* w = kind == 2 ? bench.FloatWeights({4, 4 / attrs.group, 3, 2}, 0.3)
                           : bench.Weights({4, 4 / attrs.group, 3, 2}, 0.4, i % 3 == 0, kind == 1);
      std::vector<Value*> operands = {bench.Float({1 + i % 2, 4, 8, 9}), w};
      if (i % 4 != 1) operands.push_back(bench.FloatConstant({4}));
      bench.Add(attrs, operands, quantized ? bench.Y() : Type{ElementType::f32, {}});
      FcAttrs fc;
      fc.act = attrs.act;
      Value* m = kind == 2 ? bench.FloatWeights({5, 30}, 0.3) : bench.Weights({5, 30}, 0.4, i % 3 == 0, kind == 1);
      operands = {bench.Float(i % 2 == 0 ? Shape{2, 30} : Shape{30}), m};
      if (i % 4 != 2) operands.push_back(bench.FloatConstant({5}));
      bench.Add(fc, operands, quantized ? bench.Y() : Type{ElementType::f32, {}});
      ++i;
    }
  }
  bench.Check(ByOne());
}

TEST(EmitInteger, Pools) {
  IntegerBench bench(7);
  for (int i = 0; i < 24; ++i) {
    const Shape x = {1 + i % 2, 2, 5 + i % 4, 6};
    MaxPoolAttrs max;
    max.kernel = {1 + i % 3, 1 + i % 4}, max.strides = {1 + i % 2, 1 + i % 3}, max.dilations = {1 + i % 2, 1};
    max.pads = {i % (1 + i % 3), i % (1 + i % 4), 0, i % (1 + i % 4)}, max.ceil = i % 2 == 1;
    bench.Add(max, {bench.X(x)});
    AvgPoolAttrs avg;
    avg.kernel = max.kernel, avg.strides = max.strides, avg.pads = max.pads, avg.ceil = i % 4 >= 2;
    avg.count_include_pad = i % 3 == 0;
    avg.mul = {static_cast<int32_t>(bench.Pick(1 << 30, INT32_MAX))}, avg.shift = {-static_cast<int32_t>(i % 4)};
    bench.Add(avg, {bench.X(x)}, bench.Y());
  }
  bench.Check(Exact());
}

TEST(EmitInteger, Reductions) {
  IntegerBench bench(8);
  for (const ReduceFn fn : {ReduceFn::sum, ReduceFn::mean, ReduceFn::max, ReduceFn::min}) {
    for (const Ints& axes : {Ints{0}, Ints{1}, Ints{3}, Ints{2, 3}, Ints{1, 3}, Ints{0, 1, 2, 3}}) {
      ReduceAttrs attrs;
      attrs.fn = fn, attrs.axes = axes, attrs.keepdims = axes.size() % 2 == 0;
      Value* x = bench.X({2, 3, 4, 5});
      if (fn == ReduceFn::max || fn == ReduceFn::min) {
        bench.Add(attrs, {x});
        continue;
      }
      attrs.mul = {static_cast<int32_t>(bench.Pick(1 << 30, INT32_MAX))},
      attrs.shift = {-static_cast<int32_t>(axes.size())};
      bench.Add(attrs, {x}, bench.Y());
    }
  }
  bench.Check(Exact());
}

TEST(EmitInteger, UnaryAndTables) {
  IntegerBench bench(9);
  bench.Add(UnaryAttrs{UnaryFn::relu}, {bench.X({3, 50})});
  bench.Add(UnaryAttrs{UnaryFn::clip, -1.0f, 2.5f}, {bench.X({150})});
  bench.Add(UnaryAttrs{UnaryFn::clip, 0.0f, std::numeric_limits<float>::infinity()}, {bench.X({300})});
  std::vector<int> table;
  for (int i = 0; i < 256; ++i) table.push_back((i * 37 + 11) % 256 - 128);
  bench.Add(LutAttrs{}, {bench.X({2, 300}), bench.Constant(Tensor::Of(Type{ElementType::i8, {256}}, table))},
            bench.Y());
  bench.Check(Exact());
}

TEST(EmitInteger, Binary) {
  IntegerBench bench(10);
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {3, 1}}, {{1, 4}, {5, 3, 1}}, {{300}, {1}}, {{}, {6}}};
  int i = 0;
  for (const BinaryFn fn : {BinaryFn::add, BinaryFn::sub, BinaryFn::mul, BinaryFn::min, BinaryFn::max}) {
    for (const auto& [a, b] : shapes) {
      BinaryAttrs attrs;
      attrs.fn = fn;
      attrs.act = Acts(Pool{})[static_cast<size_t>(i++) % 3];
      if (fn == BinaryFn::min || fn == BinaryFn::max) {
        const Type type = Q8({}, 0.05f, 17);
        bench.Add(attrs, {bench.Input(WithShape(type, a)), bench.Input(WithShape(type, b))}, type);
        continue;
      }
      if (fn == BinaryFn::mul) {
        attrs.mul = {static_cast<int32_t>(bench.Pick(1 << 30, INT32_MAX))}, attrs.shift = {-7};
      } else {
        const auto m = AddMultipliersOf(0.5 + 0.1 * i, fn == BinaryFn::sub ? -0.3 : 0.7);
        ASSERT_TRUE(m.ok());
        attrs.mul = {m->mul_a, m->mul_b}, attrs.shift = {m->shift};
      }
      bench.Add(attrs, {bench.X(a), bench.X(b)}, bench.Y());
    }
  }
  bench.Check(Exact());
}

TEST(EmitInteger, Softmax) {
  IntegerBench bench(11);
  for (const double scale : {0.02, 0.5}) {
    for (const int64_t axis : {0, 1, 2}) {
      const Shape shape = {3, 10, 7};
      const int64_t n = shape[static_cast<size_t>(axis)];
      const int k = std::min(22, 30 - static_cast<int>(std::ceil(std::log2(static_cast<double>(n)))));
      std::vector<int> table;
      for (int d = 0; d < 256; ++d)
        table.push_back(static_cast<int>(std::floor(std::ldexp(std::exp(-d * scale), k) + 0.5)));
      SoftmaxAttrs attrs;
      attrs.axis = axis;
      bench.Add(attrs, {bench.X(shape), bench.Constant(Tensor::Of(Type{ElementType::i32, {256}}, table))},
                Q8(shape, 1.0f / 256, -128));
    }
  }
  bench.Check(Exact());
}

TEST(EmitInteger, ConcatAndRequantize) {
  IntegerBench bench(12);
  for (const int64_t axis : {0, 1, 2}) {
    ConcatAttrs attrs;
    attrs.axis = axis;
    const Type type = Q8({}, 0.05f, 9);
    const auto shape = [&](int64_t n) {
      Shape s = {2, 3, 4};
      s[static_cast<size_t>(axis)] = n;
      return s;
    };
    bench.Add(attrs, {bench.Input(WithShape(type, shape(1))), bench.Input(WithShape(type, shape(3)))}, type);
    bench.SetMultipliers(attrs, 3);
    attrs.shift = {-1, 0, 1};
    bench.Add(attrs, {bench.X(shape(2)), bench.X(shape(1)), bench.X(shape(5))}, bench.Y());
  }
  RequantizeAttrs attrs;
  Value* x = bench.X({4, 100});
  bench.Add(attrs, {x}, x->type());
  for (const int shift : {-5, -1, 0, 1}) {
    attrs.mul = {static_cast<int32_t>(bench.Pick(1 << 30, INT32_MAX))}, attrs.shift = {shift};
    bench.Add(attrs, {bench.X({400})}, bench.Y());
  }
  bench.Check(Exact());
}

TEST(EmitInteger, Resize) {
  IntegerBench bench(13);
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
    for (const Shape& to : {Shape{2, 3, 8, 10}, Shape{2, 3, 3, 2}, Shape{2, 3, 4, 13}}) {
      for (const ResizeTransform transform : {ResizeTransform::half_pixel, ResizeTransform::align_corners}) {
        ResizeAttrs attrs;
        attrs.mode = mode, attrs.transform = transform;
        Value* x = bench.X({2, 3, 4, 5});
        bench.Add(attrs, {x}, WithShape(x->type(), to));
      }
    }
  }
  bench.Check(Exact());
}

TEST(EmitInteger, QuantizeAndDequantize) {
  IntegerBench bench(14);
  for (const ElementType element : {ElementType::i8, ElementType::u8, ElementType::i16, ElementType::u16}) {
    Type type{element, {500}, Quantization{{0.013f}, {IsInteger(element) && IntegerMin(element) < 0 ? -7 : 12}}};
    bench.Add(QuantizeAttrs{}, {bench.Float({500})}, type);
    bench.Add(DequantizeAttrs{}, {bench.Input(type)}, Type{ElementType::f32, {500}});
  }
  bench.Add(DequantizeAttrs{}, {bench.Input(Type{ElementType::i32, {9}, Quantization{{0.5f}, {0}}})},
            Type{ElementType::f32, {9}});
  bench.Check(Exact());
}

// Moves copy integers (N19); pad's constant is quantized.
TEST(EmitInteger, Moves) {
  IntegerBench bench(15);
  Value* x = bench.X({2, 3, 4});
  bench.Add(TransposeAttrs{{2, 0, 1}}, {x});
  bench.Add(SliceAttrs{{0, 1, 3}, {1, 1, -2}}, {x}, WithShape(x->type(), {2, 2, 2}));
  bench.Add(PadAttrs{PadMode::constant, {0, 1, 2}, {1, 0, 1}, 0.5}, {x});
  bench.Add(PadAttrs{PadMode::reflect, {0, 1, 2}, {0, 0, 1}, 0}, {x});
  bench.Check(Exact());
}

// A kernel file holds nothing that a graph of this one operation leaves unused: clang would say so.
TEST(EmitInteger, EachKernelAloneIsCleanUnderClang) {
  const auto attrs_of = [](IntegerBench& bench, auto attrs) {
    bench.SetMultipliers(attrs, 1);
    return attrs;
  };
  std::vector<std::function<void(IntegerBench&)>> graphs;
  for (const bool csc : {false, true}) {
    graphs.push_back([=](IntegerBench& b) {
      b.Add(attrs_of(b, ConvAttrs{}), {b.X({1, 2, 4, 4}), b.Weights({2, 2, 2, 2}, 0.5, false, csc)}, b.Y());
    });
    graphs.push_back([=](IntegerBench& b) {
      b.Add(attrs_of(b, ConvAttrs{{1, 1}, {1, 1}, {1, 1, 1, 1}}),
            {b.X({1, 2, 4, 4}), b.Weights({2, 2, 2, 2}, 0.5, false, csc)}, b.Y());
    });
    graphs.push_back([=](IntegerBench& b) {
      b.Add(attrs_of(b, FcAttrs{}), {b.X({9}), b.Weights({3, 9}, 0.5, false, csc)}, b.Y());
    });
    graphs.push_back([=](IntegerBench& b) {
      b.Add(ConvAttrs{}, {b.Float({1, 2, 4, 4}), b.Weights({2, 2, 2, 2}, 0.5, false, csc)}, b.Y());
    });
    graphs.push_back([=](IntegerBench& b) { b.Add(FcAttrs{}, {b.Float({9}), b.Weights({3, 9}, 0.5, false, csc)}); });
  }
  graphs.push_back([](IntegerBench& b) {
    b.Add(ConvAttrs{}, {b.Float({1, 2, 4, 4}), b.FloatWeights({2, 2, 2, 2}, 0.5)});
  });
  graphs.push_back([](IntegerBench& b) { b.Add(FcAttrs{}, {b.Float({9}), b.FloatWeights({3, 9}, 0.5)}); });
  graphs.push_back([](IntegerBench& b) { b.Add(MaxPoolAttrs{{2, 2}}, {b.X({1, 2, 4, 4})}); });
  graphs.push_back([=](IntegerBench& b) { b.Add(attrs_of(b, AvgPoolAttrs{{2, 2}}), {b.X({1, 2, 4, 4})}, b.Y()); });
  graphs.push_back([=](IntegerBench& b) {
    b.Add(attrs_of(b, ReduceAttrs{ReduceFn::mean, {0}}), {b.X({5, 2})}, b.Y());
  });
  graphs.push_back([](IntegerBench& b) { b.Add(UnaryAttrs{UnaryFn::relu}, {b.X({5})}); });
  graphs.push_back([](IntegerBench& b) {
    BinaryAttrs add;
    add.mul = {1000000, 900000}, add.shift = {20};
    b.Add(add, {b.X({5}), b.X({5})}, b.Y());
  });
  graphs.push_back([=](IntegerBench& b) {
    BinaryAttrs mul;
    mul.fn = BinaryFn::mul;
    b.Add(attrs_of(b, mul), {b.X({5}), b.X({5})}, b.Y());
  });
  graphs.push_back([](IntegerBench& b) {
    Value* x = b.X({1, 1, 2, 2});
    b.Add(ResizeAttrs{ResizeMode::linear}, {x}, WithShape(x->type(), {1, 1, 3, 3}));
  });
  graphs.push_back([=](IntegerBench& b) { b.Add(attrs_of(b, RequantizeAttrs{}), {b.X({5})}, b.Y()); });
  graphs.push_back([](IntegerBench& b) { b.Add(QuantizeAttrs{}, {b.Float({5})}, Q8({5})); });
  graphs.push_back([](IntegerBench& b) { b.Add(DequantizeAttrs{}, {b.X({5})}, Type{ElementType::f32, {5}}); });
  EmitCheckOptions options = ByOne();
  options.compiler = absl::StrCat("clang -O0 ", kContractFlags);
  options.trap = false;
  options.runs = 1;
  for (size_t i = 0; i < graphs.size(); ++i) {
    SCOPED_TRACE(i);
    IntegerBench bench(i);
    graphs[i](bench);
    bench.Check(options);
  }
}

}  // namespace
}  // namespace mcuc
