// Comparisons, choices, bits, and operations with indices: values by hand in the interpreter, and the emitted C against
// it.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "EmitCheck.h"
#include "ExecTesting.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor Of(ElementType element, Shape shape, const std::vector<double>& values) {
  return Tensor::Of<double>(Plain(element, std::move(shape)), values);
}
Tensor Reals(Shape shape, const std::vector<double>& values) { return Of(ElementType::f32, std::move(shape), values); }
Tensor Bits(Shape shape, const std::vector<double>& values) { return Of(ElementType::b8, std::move(shape), values); }
Tensor Indices(Shape shape, const std::vector<double>& values) {
  return Of(ElementType::i64, std::move(shape), values);
}

std::vector<double> ResultOf(const Attributes& attrs, const std::vector<Tensor>& operands, Type result) {
  const auto y = OneNode(attrs, operands, std::move(result)).Run();
  EXPECT_TRUE(y.ok()) << y.status();
  return y.ok() ? Doubles(*y) : std::vector<double>();
}

BinaryAttrs Fn(BinaryFn fn) { return {fn, {}, {}, {}}; }

const std::vector<ElementType> kIntegers = {ElementType::i8,  ElementType::u8,  ElementType::i16, ElementType::u16,
                                            ElementType::i32, ElementType::u32, ElementType::i64, ElementType::u64};

TEST(Compare, OrdersAndKnowsThatNaNIsNothing) {
  const Tensor a = Reals({5}, {1, 2, 3, kNaN, kNaN}), b = Reals({5}, {2, 2, 2, 2, kNaN});
  const Type bits = Plain(ElementType::b8, {5});
  EXPECT_THAT(ResultOf(CompareAttrs{CompareFn::equal}, {a, b}, bits), ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(ResultOf(CompareAttrs{CompareFn::not_equal}, {a, b}, bits), ElementsAre(1, 0, 1, 1, 1));
  EXPECT_THAT(ResultOf(CompareAttrs{CompareFn::less}, {a, b}, bits), ElementsAre(1, 0, 0, 0, 0));
  EXPECT_THAT(ResultOf(CompareAttrs{CompareFn::less_equal}, {a, b}, bits), ElementsAre(1, 1, 0, 0, 0));
}

TEST(Compare, BroadcastsBothOperands) {
  EXPECT_THAT(ResultOf(CompareAttrs{CompareFn::less}, {Reals({2, 1}, {1, 2}), Reals({3}, {1, 2, 3})},
                       Plain(ElementType::b8, {2, 3})),
              ElementsAre(0, 1, 1, 0, 0, 1));
}

TEST(Select, TakesFromEitherOperandAndBroadcastsAllThree) {
  EXPECT_THAT(ResultOf(SelectAttrs{}, {Bits({2, 1}, {1, 0}), Reals({2}, {1, 2}), Reals({}, {-7})}, F32({2, 2})),
              ElementsAre(1, 2, -7, -7));
  EXPECT_THAT(
      ResultOf(SelectAttrs{}, {Bits({2}, {0, 1}), Bits({2}, {1, 1}), Bits({2}, {0, 0})}, Plain(ElementType::b8, {2})),
      ElementsAre(0, 1));
}

TEST(BitFunctions, OfBooleansAndIntegers) {
  const Tensor a = Bits({4}, {0, 0, 1, 1}), b = Bits({4}, {0, 1, 0, 1});
  const Type bits = Plain(ElementType::b8, {4});
  EXPECT_THAT(ResultOf(Fn(BinaryFn::bit_and), {a, b}, bits), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::bit_or), {a, b}, bits), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::bit_xor), {a, b}, bits), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::bit_not, 0, 0}, {a}, bits), ElementsAre(1, 1, 0, 0));
  const Tensor i = Of(ElementType::i8, {3}, {5, -1, -128}), j = Of(ElementType::i8, {3}, {3, 1, 7});
  const Type bytes = Plain(ElementType::i8, {3});
  EXPECT_THAT(ResultOf(Fn(BinaryFn::bit_and), {i, j}, bytes), ElementsAre(1, 1, 0));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::bit_not, 0, 0}, {i}, bytes), ElementsAre(-6, 0, 127));
  // -128 >> 7: the sign stays; 5 << 3 = 40; beyond 8 bits nothing is left but the sign.
  EXPECT_THAT(ResultOf(Fn(BinaryFn::shift_left), {i, j}, bytes), ElementsAre(40, -2, 0));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::shift_right), {i, j}, bytes), ElementsAre(0, -1, -1));
  const Tensor far = Of(ElementType::i8, {3}, {8, 9, 100});
  EXPECT_THAT(ResultOf(Fn(BinaryFn::shift_left), {i, far}, bytes), ElementsAre(0, 0, 0));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::shift_right), {i, far}, bytes), ElementsAre(0, -1, -1));
}

TEST(Remainders, HaveTheSignOfTheDivisorOrOfTheDividend) {
  const Tensor a = Of(ElementType::i32, {6}, {7, -7, 7, -7, 6, -2147483648.0});
  const Tensor b = Of(ElementType::i32, {6}, {3, 3, -3, -3, 3, -1});
  const Type type = Plain(ElementType::i32, {6});
  EXPECT_THAT(ResultOf(Fn(BinaryFn::mod), {a, b}, type), ElementsAre(1, 2, -2, -1, 0, 0));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::fmod), {a, b}, type), ElementsAre(1, -1, 1, -1, 0, 0));
  EXPECT_THAT(ResultOf(Fn(BinaryFn::fmod), {Reals({2}, {5.5, -5.5}), Reals({2}, {2, 2})}, F32({2})),
              ElementsAre(1.5, -1.5));
  const auto zero = OneNode(Fn(BinaryFn::mod), {a, Of(ElementType::i32, {1}, {0})}, type).Run();
  EXPECT_THAT(std::string(zero.status().message()), HasSubstr("integer division by zero"));
}

TEST(Rounding, HalvesGoToTheEvenNeighbour) {
  const Tensor x = Reals({7}, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.6});
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::round, 0, 0}, {x}, F32({7})), ElementsAre(-2, -2, 0, 0, 2, 2, 3));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::ceil, 0, 0}, {x}, F32({7})), ElementsAre(-2, -1, 0, 1, 2, 3, 3));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::sign, 0, 0}, {Reals({3}, {-4, 0, 0.1})}, F32({3})), ElementsAre(-1, 0, 1));
}

TEST(Expand, RepeatsDimensionsOfOneAndAddsLeadingOnes) {
  EXPECT_THAT(ResultOf(ExpandAttrs{}, {Reals({2, 1}, {1, 2})}, F32({2, 2, 3})),
              ElementsAre(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
}

TEST(Scatter, ReplacesOrCombinesSlicesInOrder) {
  const Tensor x = Reals({3, 2}, {1, 2, 3, 4, 5, 6}), updates = Reals({2, 2}, {10, 20, 30, 40});
  const Tensor twice = Indices({2}, {-1, 2});  // both the last slice
  EXPECT_THAT(ResultOf(ScatterAttrs{}, {x, Indices({2}, {0, 2}), updates}, F32({3, 2})),
              ElementsAre(10, 20, 3, 4, 30, 40));
  EXPECT_THAT(ResultOf(ScatterAttrs{ScatterFn::set}, {x, twice, updates}, F32({3, 2})),
              ElementsAre(1, 2, 3, 4, 30, 40));
  EXPECT_THAT(ResultOf(ScatterAttrs{ScatterFn::add}, {x, twice, updates}, F32({3, 2})),
              ElementsAre(1, 2, 3, 4, 45, 66));
  EXPECT_THAT(ResultOf(ScatterAttrs{ScatterFn::mul}, {x, twice, updates}, F32({3, 2})),
              ElementsAre(1, 2, 3, 4, 1500, 4800));
  EXPECT_THAT(ResultOf(ScatterAttrs{ScatterFn::min}, {x, twice, updates}, F32({3, 2})), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(ResultOf(ScatterAttrs{ScatterFn::max}, {x, twice, updates}, F32({3, 2})),
              ElementsAre(1, 2, 3, 4, 30, 40));
  const auto beyond = OneNode(ScatterAttrs{}, {x, Indices({2}, {0, 3}), updates}, F32({3, 2})).Run();
  EXPECT_THAT(std::string(beyond.status().message()), HasSubstr("index 3 (element 1 of indices) is outside [-3, 3)"));
}

TEST(CumSum, RunsEitherWayWithOrWithoutTheElement) {
  const Tensor x = Reals({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(ResultOf(CumSumAttrs{1, false, false}, {x}, F32({2, 3})), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(ResultOf(CumSumAttrs{1, true, false}, {x}, F32({2, 3})), ElementsAre(0, 1, 3, 0, 4, 9));
  EXPECT_THAT(ResultOf(CumSumAttrs{1, false, true}, {x}, F32({2, 3})), ElementsAre(6, 5, 3, 15, 11, 6));
  EXPECT_THAT(ResultOf(CumSumAttrs{0, true, true}, {x}, F32({2, 3})), ElementsAre(4, 5, 6, 0, 0, 0));
}

TEST(TopK, KeepsTheOrderOfEqualOnesAndPassesOverNaN) {
  const Tensor x = Reals({6}, {3, 1, 4, 1, 4, 2});
  const auto indices = [](int64_t k) { return Plain(ElementType::i64, {k}); };
  EXPECT_THAT(ResultOf(TopKAttrs{0, 4, false}, {x}, indices(4)), ElementsAre(2, 4, 0, 5));
  EXPECT_THAT(ResultOf(TopKAttrs{0, 6, true}, {x}, indices(6)), ElementsAre(1, 3, 5, 0, 2, 4));
  EXPECT_THAT(ResultOf(TopKAttrs{0, 3, false}, {Reals({3}, {kNaN, 5, 7})}, indices(3)), ElementsAre(2, 1, 0));
}

// Tree 0: x0 <= 1.5 ? leaf 0 : (x1 <= 0 ? leaf 1 : leaf 2); tree 1 is leaf 3 alone. Leaf 2 adds to two outputs.
std::vector<Tensor> Trees(const Tensor& x) {
  const auto ints = [](Shape shape, const std::vector<double>& values) {
    return Of(ElementType::i32, std::move(shape), values);
  };
  return {x,
          ints({2, 3}, {0, -1, 1, 1, -2, -3}),
          Reals({2}, {1.5, 0}),
          ints({2}, {0, -4}),
          ints({5}, {0, 1, 2, 4, 5}),
          ints({5}, {0, 1, 0, 1, 1}),
          Reals({5}, {10, 20, 30, 31, 0.5})};
}

TEST(Trees, AddTheEntriesOfTheLeavesTheyReach) {
  const Tensor x = Reals({4, 2}, {1.5, 9, 2, 0, 2, 1, kNaN, kNaN});
  EXPECT_THAT(ResultOf(TreesAttrs{2}, Trees(x), F32({4, 2})), ElementsAre(10, 0.5, 0, 20.5, 30, 31.5, 30, 31.5));
}

TEST(Trees, NaNIsBelowTheThresholdWhereTheFeatureIsNegative) {
  std::vector<Tensor> operands = Trees(Reals({3, 2}, {kNaN, kNaN, 1.5, kNaN, 2, 0}));
  operands[1].Set(0, -1);  // feature 0
  operands[1].Set(3, -2);  // feature 1
  EXPECT_THAT(ResultOf(TreesAttrs{2}, operands, F32({3, 2})), ElementsAre(10, 0.5, 10, 0.5, 0, 20.5));
  operands[1].Set(0, -3);
  EXPECT_THAT(std::string(VerifyGraph(OneNode(TreesAttrs{2}, operands, F32({3, 2})).graph).message()),
              HasSubstr("node 0 reads feature 2 of 2"));
}

TEST(Distance, OfEachRowToEachRow) {
  const Tensor x = Reals({2, 2}, {0, 0, 1, -1}), w = Reals({3, 2}, {3, 4, 0, 0, 1, 1});
  EXPECT_THAT(ResultOf(DistanceAttrs{}, {x, w}, F32({2, 3})), ElementsAre(25, 0, 2, 29, 2, 4));
}

TEST(Couple, MakesProbabilitiesOfPairs) {
  // Pairs of true probabilities p are p[i] / (p[i] + p[j]), and come back as p but for the 0.005 / 3 of the end.
  const auto pair = [](double a, double b) { return a / (a + b); };
  const Tensor x = Reals({1, 3}, {pair(0.2, 0.5), pair(0.2, 0.3), pair(0.5, 0.3)});
  const auto p = ResultOf(CoupleAttrs{3}, {x}, F32({1, 3}));
  ASSERT_EQ(p.size(), 3);
  EXPECT_NEAR(p[0], 0.2, 0.005);
  EXPECT_NEAR(p[1], 0.5, 0.005);
  EXPECT_NEAR(p[2], 0.3, 0.005);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-6);
  // Of two classes the pair itself.
  EXPECT_NEAR(ResultOf(CoupleAttrs{2}, {Reals({1, 1}, {0.9})}, F32({1, 2}))[0], 0.9, 0.005);
  EXPECT_THAT(std::string(VerifyGraph(OneNode(CoupleAttrs{4}, {x}, F32({1, 4})).graph).message()),
              HasSubstr("must be N x the pairs of 4 classes"));
}

TEST(Trees, TablesThatLeadNowhereAreRefused) {
  const auto error = [](size_t table, int64_t at, double value) {
    std::vector<Tensor> operands = Trees(Reals({1, 2}, {0, 0}));
    operands[table].Set(at, value);
    return std::string(VerifyGraph(OneNode(TreesAttrs{2}, operands, F32({1, 2})).graph).message());
  };
  EXPECT_THAT(error(1, 2, 0), HasSubstr("node 0 leads to no later node and to no leaf"));  // a cycle
  EXPECT_THAT(error(1, 2, 2), HasSubstr("node 0 leads to no later node"));
  EXPECT_THAT(error(1, 1, -5), HasSubstr("node 0 leads to no later node"));
  EXPECT_THAT(error(1, 0, 2), HasSubstr("node 0 reads feature 2 of 2"));
  EXPECT_THAT(error(3, 0, 2), HasSubstr("a root is neither node nor leaf: 2"));
  EXPECT_THAT(error(4, 1, 9), HasSubstr("leaves must ascend within the 5 entries"));
  EXPECT_THAT(error(5, 0, 2), HasSubstr("target 2 is outside [0, 2)"));
}

// --- Emitted C.

TEST(IndexedKernels, Comparisons) {
  Bench bench;
  for (const std::string& name : EnumNames(CompareFn{})) {
    CompareAttrs attrs;
    ASSERT_TRUE(ParseEnum(name, &attrs.fn));
    std::vector<ElementType> types = kIntegers;
    types.insert(types.end(), {ElementType::f32, ElementType::f64, ElementType::b8});
    for (const ElementType type : types) {
      bench.Add(attrs, {bench.Input(Plain(type, {3, 1, 5})), bench.Input(Plain(type, {4, 5}))},
                Plain(ElementType::b8, {}));
      Value* x = bench.Input(Plain(type, {9}));
      bench.Add(attrs, {x, x}, Plain(ElementType::b8, {}));  // no warning either
    }
  }
  bench.Check();
}

TEST(IndexedKernels, Selections) {
  Bench bench;
  std::vector<ElementType> types = kIntegers;
  types.insert(types.end(), {ElementType::f32, ElementType::f64, ElementType::b8});
  for (const ElementType type : types) {
    Value* c = bench.Input(Plain(ElementType::b8, {2, 1, 4}));
    bench.Add(SelectAttrs{}, {c, bench.Input(Plain(type, {3, 1})), bench.Input(Plain(type, {}))}, Plain(type, {}));
  }
  bench.Check();
}

TEST(IndexedKernels, BitsShiftsAndRemainders) {
  Bench bench;
  for (const BinaryFn fn :
       {BinaryFn::bit_and, BinaryFn::bit_or, BinaryFn::bit_xor, BinaryFn::shift_left, BinaryFn::shift_right}) {
    for (const ElementType type : kIntegers) {
      std::vector<double> a, b;
      for (int i = 0; i < 40; ++i) {
        a.push_back(i % 2 == 0 ? i : type == ElementType::i8 || type == ElementType::i32 ? -i : 3 * i);
        b.push_back(i < 30 ? i : 60 + i);
      }
      bench.Add(Fn(fn), {bench.Constant(Of(type, {40}, a)), bench.Constant(Of(type, {40}, b))});
    }
  }
  for (const BinaryFn fn : {BinaryFn::mod, BinaryFn::fmod}) {
    for (const ElementType type : kIntegers) {
      const bool has_negative =
          type == ElementType::i8 || type == ElementType::i16 || type == ElementType::i32 || type == ElementType::i64;
      const double sign = has_negative ? -1 : 1;
      const std::vector<double> lowest = {static_cast<double>(IntegerMin(type))};
      bench.Add(Fn(fn), {bench.Constant(Of(type, {6}, {7, sign * 7, 7, sign * 7, 6, 100})),
                         bench.Constant(Of(type, {6}, {3, 3, sign * 3, sign * 3, 3, 7}))});
      if (has_negative && type != ElementType::i64) {
        bench.Add(Fn(fn), {bench.Constant(Of(type, {1}, lowest)), bench.Constant(Of(type, {1}, {-1}))});
      }
    }
  }
  for (const ElementType type : {ElementType::f32, ElementType::f64}) {
    bench.Add(Fn(BinaryFn::fmod), {bench.Input(Plain(type, {50})), bench.Input(Plain(type, {50}))});
  }
  for (const BinaryFn fn : {BinaryFn::bit_and, BinaryFn::bit_or, BinaryFn::bit_xor}) {
    bench.Add(Fn(fn), {bench.Input(Plain(ElementType::b8, {9})), bench.Input(Plain(ElementType::b8, {9}))});
  }
  for (const ElementType type : kIntegers) {
    bench.Add(UnaryAttrs{UnaryFn::bit_not, 0, 0}, {bench.Input(Plain(type, {9}))});
    bench.Add(UnaryAttrs{UnaryFn::sign, 0, 0}, {bench.Input(Plain(type, {9}))});
  }
  bench.Add(UnaryAttrs{UnaryFn::bit_not, 0, 0}, {bench.Input(Plain(ElementType::b8, {9}))});
  bench.Check();
}

TEST(IndexedKernels, ExpandScatterCumSumAndTopK) {
  Bench bench;
  const std::vector<Type> moved = {Plain(ElementType::f32, {}), Plain(ElementType::i8, {}), Plain(ElementType::u16, {}),
                                   Plain(ElementType::f64, {}), Q8({}, 0.5f, 3)};
  for (const Type& type : moved) {
    const Shape wide = {2, 3, 4, 5};
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 1, 5}, Shape{2, 1, 1, 1}, Shape{4, 5}}) {
      bench.Add(ExpandAttrs{}, {bench.Input(WithShape(type, shape))}, WithShape(type, wide));
    }
    const Tensor indices = Indices({2, 2}, {3, -1, 0, -4});
    Type updates = WithShape(type, {2, 2, 3});
    bench.Add(ScatterAttrs{}, {bench.Input(WithShape(type, {4, 3})), bench.Constant(indices), bench.Input(updates)});
  }
  for (const std::string& name : EnumNames(ScatterFn{})) {
    ScatterAttrs attrs;
    ASSERT_TRUE(ParseEnum(name, &attrs.fn));
    for (const ElementType type : {ElementType::f32, ElementType::i8, ElementType::u32, ElementType::i64}) {
      bench.Add(attrs, {bench.Input(Plain(type, {5})), bench.Constant(Indices({4}, {0, 2, 2, -1})),
                        bench.Input(Plain(type, {4}))});
    }
  }
  bench.Add(ScatterAttrs{},
            {bench.Constant(Reals({3}, {0, 0, 0})), bench.Constant(Indices({1}, {1})), bench.Float({1})});
  for (int64_t axis = 0; axis < 3; ++axis) {
    for (const bool exclusive : {false, true}) {
      for (const bool reverse : {false, true}) {
        for (const ElementType type : {ElementType::f32, ElementType::i8, ElementType::u64}) {
          bench.Add(CumSumAttrs{axis, exclusive, reverse}, {bench.Input(Plain(type, {3, 4, 2}))});
        }
      }
    }
    for (const bool min : {false, true}) {
      for (const ElementType type : {ElementType::f32, ElementType::i8}) {
        bench.Add(TopKAttrs{axis, 2, min}, {bench.Input(Plain(type, {3, 4, 2}))}, Plain(ElementType::i64, {}));
      }
    }
  }
  bench.Add(TopKAttrs{0, 3, false}, {bench.Constant(Reals({4}, {kNaN, 5, kNaN, 7}))}, Plain(ElementType::i64, {}));
  bench.Check();
}

TEST(IndexedKernels, AnIndexBeyondTheTensorScattersNothing) {
  const Tensor x = Reals({2}, {1, 2});
  OneNode one(ScatterAttrs{}, {x, Indices({3}, {0, 2, -3}), Reals({3}, {7, 8, 9})}, F32({2}), true);
  PlanTrivially(one.graph);
  const auto model = CompiledModel::Build(one.graph, {}, absl::StrCat("gcc -O1 ", kContractFlags));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto y = (*model)->Run(one.inputs);
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(Doubles((*y)[0]), ElementsAre(7, 2));
}

TEST(IndexedKernels, Trees) {
  Bench bench;
  std::vector<Value*> operands = {bench.Float({50, 2})};
  const std::vector<Tensor> tables = Trees(Reals({1, 2}, {0, 0}));
  for (size_t i = 1; i < tables.size(); ++i) operands.push_back(bench.Constant(tables[i]));
  bench.Add(TreesAttrs{2}, operands, F32({}));
  Tensor nodes = tables[1];
  nodes.Set(0, -1);
  operands[1] = bench.Constant(nodes);
  bench.Add(TreesAttrs{2}, operands, F32({}));
  bench.Check();
}

TEST(IndexedKernels, DistanceAndCouple) {
  Bench bench;
  bench.Add(DistanceAttrs{}, {bench.Float({4, 3}), bench.Float({5, 3})});
  UnaryAttrs clip;  // pairs are within (0, 1)
  clip.fn = UnaryFn::sigmoid;
  for (int64_t classes : {2, 3, 5}) {
    Value* x = bench.Add(clip, {bench.Float({4, classes * (classes - 1) / 2})});
    bench.Add(CoupleAttrs{classes}, {x});
  }
  bench.Check();
}

TEST(IndexedKernels, InPlace) {
  // Each result takes its operand's bytes.
  ExpectEmittedMatches(R"(graph @inplace(%x: f32[3x4], %c: b8[3x4]) -> (%y: f32[3x4], %z: b8[3x4]) {arena = 64} {
    %a: f32[3x4] in arena+0 = unary %x {fn = neg}
    %s: f32[3x4] in arena+0 = cumsum %a {axis = 1, exclusive = true, reverse = true}
    %t: f32[3x4] in arena+0 = select %c, %s, %x
    %n: b8[3x4] in arena+48 = unary %c {fn = bit_not}
    %y: f32[3x4] = unary %t
    %z: b8[3x4] = unary %n {fn = bit_not}
  })");
}

}  // namespace
}  // namespace mcuc
