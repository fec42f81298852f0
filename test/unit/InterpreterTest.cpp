// The rest of the float and plain operations against values computed by hand, and the interpreter itself: inputs,
// observers, threads, errors, encoded constants, conversions.
#include "mcuc/Exec/Interpreter.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "ExecTesting.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kInf = std::numeric_limits<double>::infinity();

auto Near(double v) { return testing::DoubleNear(v, 1e-6 * std::fabs(v)); }

std::vector<double> ResultOf(const Attributes& attrs, const std::vector<Tensor>& operands, Type result) {
  const auto y = OneNode(attrs, operands, std::move(result)).Run();
  EXPECT_TRUE(y.ok()) << y.status();
  return y.ok() ? Doubles(*y) : std::vector<double>();
}

std::string ErrorOf(const Attributes& attrs, const std::vector<Tensor>& operands, Type result) {
  const auto y = OneNode(attrs, operands, std::move(result)).Run();
  EXPECT_EQ(y.status().code(), absl::StatusCode::kInvalidArgument) << y.status();
  return std::string(y.status().message());
}

Tensor Reals(Shape shape, const std::vector<double>& values, ElementType element = ElementType::f32) {
  return Tensor::Of<double>(Plain(element, std::move(shape)), values);
}
Tensor IntsOf(Shape shape, const std::vector<int64_t>& values, ElementType element = ElementType::i64) {
  return Tensor::Of<int64_t>(Plain(element, std::move(shape)), values);
}

// ---------------------------------------------------------------------------------------------------- elementwise

TEST(Unary, FunctionsOnFloats) {
  struct Case {
    UnaryFn fn;
    float alpha, beta;
    std::vector<double> expected;  // of -3, -0.5, 0, 0.5, 4
  };
  const std::vector<double> x = {-3, -0.5, 0, 0.5, 4};
  for (const Case& c : {
           Case{UnaryFn::relu, 0, 0, {0, 0, 0, 0.5, 4}},
           Case{UnaryFn::clip, -1, 2, {-1, -0.5, 0, 0.5, 2}},
           Case{UnaryFn::leaky_relu, 0.25f, 0, {-0.75, -0.125, 0, 0.5, 4}},
           Case{UnaryFn::elu, 2, 0, {2 * (std::exp(-3) - 1), 2 * (std::exp(-0.5) - 1), 0, 0.5, 4}},
           Case{UnaryFn::sigmoid,
                0,
                0,
                {0.04742587317756678, 0.3775406687981454, 0.5, 0.6224593312018546, 0.9820137900379085}},
           Case{UnaryFn::hard_sigmoid, 0.25f, 0.5f, {0, 0.375, 0.5, 0.625, 1}},
           Case{UnaryFn::hard_swish, 0, 0, {0, -0.5 * (0.5 - 0.5 / 6), 0, 0.5 * (0.5 + 0.5 / 6), 4}},
           Case{UnaryFn::tanh,
                0,
                0,
                {-0.9950547536867305, -0.46211715726000973, 0, 0.46211715726000973, 0.999329299739067}},
           Case{UnaryFn::softplus,
                0,
                0,
                {0.04858735157374196, 0.4740769841801067, 0.6931471805599453, 0.9740769841801067, 4.0181499279178094}},
           Case{UnaryFn::exp,
                0,
                0,
                {0.049787068367863944, 0.6065306597126334, 1, 1.6487212707001282, 54.598150033144236}},
           Case{UnaryFn::abs, 0, 0, {3, 0.5, 0, 0.5, 4}},
           Case{UnaryFn::neg, 0, 0, {3, 0.5, 0, -0.5, -4}},
           Case{UnaryFn::floor, 0, 0, {-3, -1, 0, 0, 4}},
           Case{UnaryFn::ceil, 0, 0, {-3, 0, 0, 1, 4}},
           Case{UnaryFn::round, 0, 0, {-3, 0, 0, 0, 4}},
           Case{UnaryFn::sign, 0, 0, {-1, -1, 0, 1, 1}},
           Case{UnaryFn::erf,
                0,
                0,
                {-0.9999779095030014, -0.5204998778130465, 0, 0.5204998778130465, 0.9999999845827421}},
           Case{UnaryFn::sin,
                0,
                0,
                {-0.1411200080598672, -0.479425538604203, 0, 0.479425538604203, -0.7568024953079282}},
           Case{UnaryFn::cos,
                0,
                0,
                {-0.9899924966004454, 0.8775825618903728, 1, 0.8775825618903728, -0.6536436208636119}},
           Case{
               UnaryFn::tan, 0, 0, {0.1425465430742778, -0.5463024898437905, 0, 0.5463024898437905, 1.157821282349578}},
           Case{UnaryFn::atan,
                0,
                0,
                {-1.249045772398254, -0.4636476090008061, 0, 0.4636476090008061, 1.325817663668033}},
           Case{UnaryFn::sinh,
                0,
                0,
                {-10.01787492740990, -0.5210953054937474, 0, 0.5210953054937474, 27.28991719712775}},
           Case{UnaryFn::cosh, 0, 0, {10.06766199577777, 1.127625965206381, 1, 1.127625965206381, 27.30823283601649}},
           Case{UnaryFn::asinh,
                0,
                0,
                {-1.818446459232067, -0.4812118250596034, 0, 0.4812118250596034, 2.094712547261101}},
       }) {
    for (ElementType element : {ElementType::f32, ElementType::f64}) {
      SCOPED_TRACE(absl::StrCat(EnumName(c.fn), " ", ElementTypeName(element)));
      const auto y = ResultOf(UnaryAttrs{c.fn, c.alpha, c.beta}, {Reals({5}, x, element)}, Plain(element, {5}));
      ASSERT_EQ(y.size(), 5u);
      for (size_t i = 0; i < 5; ++i) {
        const double tolerance = element == ElementType::f32 ? 1e-6 * std::max(1.0, std::fabs(c.expected[i])) : 1e-13;
        EXPECT_NEAR(y[i], c.expected[i], tolerance) << i;
      }
    }
  }
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::sqrt, 0, 0}, {Reals({3}, {0, 2.25, 16})}, F32({3})), ElementsAre(0, 1.5, 4));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::log, 0, 0}, {Reals({2}, {0, 1})}, F32({2})), ElementsAre(-kInf, 0));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::asin, 0, 0}, {Reals({2}, {-1, 0.5})}, F32({2})),
              ElementsAre(Near(-1.5707963267948966), Near(0.5235987755982989)));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::acos, 0, 0}, {Reals({2}, {-1, 0.5})}, F32({2})),
              ElementsAre(Near(3.141592653589793), Near(1.0471975511965979)));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::acosh, 0, 0}, {Reals({1}, {3})}, F32({1})),
              ElementsAre(Near(1.762747174039086)));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::atanh, 0, 0}, {Reals({1}, {0.5})}, F32({1})),
              ElementsAre(Near(0.5493061443340549)));
}

TEST(Unary, ExtremesDoNotOverflow) {
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::softplus, 0, 0}, {Reals({2}, {200, -200})}, F32({2})),
              ElementsAre(200, testing::DoubleNear(0, 1e-30)));
  EXPECT_THAT(ResultOf(UnaryAttrs{UnaryFn::sigmoid, 0, 0}, {Reals({2}, {200, -200})}, F32({2})),
              ElementsAre(1, testing::DoubleNear(0, 1e-30)));
  // A float's elu near 0 keeps its digits.
  EXPECT_NEAR(ResultOf(UnaryAttrs{UnaryFn::elu, 1, 0}, {Reals({1}, {-1e-6})}, F32({1}))[0], -1e-6, 1e-12);
}

TEST(Unary, Integers) {
  const int64_t low = std::numeric_limits<int64_t>::min(), big = (int64_t{1} << 53) + 1;
  const auto run = [&](UnaryFn fn, float alpha, float beta) {
    const auto y =
        OneNode(UnaryAttrs{fn, alpha, beta}, {IntsOf({4}, {-5, low, big, 7})}, Plain(ElementType::i64, {4})).Run();
    EXPECT_TRUE(y.ok()) << y.status();
    return Integers(*y);
  };
  EXPECT_THAT(run(UnaryFn::relu, 0, 0), ElementsAre(0, 0, big, 7));
  EXPECT_THAT(run(UnaryFn::abs, 0, 0), ElementsAre(5, low, big, 7));
  EXPECT_THAT(run(UnaryFn::neg, 0, 0), ElementsAre(5, low, -big, -7));
  EXPECT_THAT(run(UnaryFn::floor, 0, 0), ElementsAre(-5, low, big, 7));
  EXPECT_THAT(run(UnaryFn::clip, -2.5f, 6.5f), ElementsAre(-2, -2, 6, 6));  // the integers within
  EXPECT_THAT(run(UnaryFn::clip, -std::numeric_limits<float>::infinity(), 1e30f), ElementsAre(-5, low, big, 7));
  const auto u =
      OneNode(UnaryAttrs{UnaryFn::sqrt, 0, 0}, {IntsOf({2}, {16, 17}, ElementType::u8)}, Plain(ElementType::u8, {2}))
          .Run();
  EXPECT_THAT(Integers(*u), ElementsAre(4, 4));
}

TEST(Binary, FunctionsOnFloats) {
  const Tensor a = Reals({4}, {-6, -2, 3, 8}), b = Reals({4}, {2, 3, -4, 0.5});
  const auto run = [&](BinaryFn fn, Act act = {}) { return ResultOf(BinaryAttrs{fn, act, {}, {}}, {a, b}, F32({4})); };
  EXPECT_THAT(run(BinaryFn::add), ElementsAre(-4, 1, -1, 8.5));
  EXPECT_THAT(run(BinaryFn::sub), ElementsAre(-8, -5, 7, 7.5));
  EXPECT_THAT(run(BinaryFn::mul), ElementsAre(-12, -6, -12, 4));
  EXPECT_THAT(run(BinaryFn::div), ElementsAre(-3, Near(-2.0f / 3), -0.75, 16));
  EXPECT_THAT(run(BinaryFn::min), ElementsAre(-6, -2, -4, 0.5));
  EXPECT_THAT(run(BinaryFn::max), ElementsAre(2, 3, 3, 8));
  EXPECT_THAT(run(BinaryFn::pow), ElementsAre(36, -8, Near(1.0f / 81), Near(std::sqrt(8.0f))));
  EXPECT_THAT(run(BinaryFn::prelu), ElementsAre(-12, -6, 3, 8));
  EXPECT_THAT(run(BinaryFn::add, Act{ActKind::relu, 0, 0}), ElementsAre(0, 1, 0, 8.5));
  EXPECT_THAT(run(BinaryFn::add, Act{ActKind::clip, -1.5f, 2}), ElementsAre(-1.5, 1, -1, 2));
}

TEST(Binary, Integers) {
  const auto run = [](BinaryFn fn, std::vector<int64_t> a, std::vector<int64_t> b, ElementType element) {
    const Shape shape = {static_cast<int64_t>(a.size())};
    const auto y = OneNode(BinaryAttrs{fn, {}, {}, {}}, {IntsOf(shape, a, element), IntsOf(shape, b, element)},
                           Plain(element, shape))
                       .Run();
    EXPECT_TRUE(y.ok()) << y.status();
    return y.ok() ? Integers(*y) : std::vector<int64_t>();
  };
  const int64_t low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
  EXPECT_THAT(run(BinaryFn::add, {high, -7}, {1, 3}, ElementType::i32), ElementsAre(low, -4));
  EXPECT_THAT(run(BinaryFn::sub, {low, 2}, {1, 3}, ElementType::i32), ElementsAre(high, -1));
  EXPECT_THAT(run(BinaryFn::mul, {65536, -7}, {65536, 3}, ElementType::i32), ElementsAre(0, -21));
  EXPECT_THAT(run(BinaryFn::div, {-7, low, 7}, {2, -1, -2}, ElementType::i32), ElementsAre(-3, low, -3));
  EXPECT_THAT(run(BinaryFn::div, {200, 255}, {3, 255}, ElementType::u8), ElementsAre(66, 1));
  EXPECT_THAT(run(BinaryFn::min, {-7, 4}, {2, 3}, ElementType::i64), ElementsAre(-7, 3));
  EXPECT_THAT(run(BinaryFn::max, {-7, 4}, {2, 3}, ElementType::i64), ElementsAre(2, 4));
  EXPECT_THAT(run(BinaryFn::pow, {3, -2, 2, 7, 5}, {4, 3, 63, 0, 1}, ElementType::i64),
              ElementsAre(81, -8, std::numeric_limits<int64_t>::min(), 1, 5));
  EXPECT_THAT(run(BinaryFn::pow, {1, -1, -1, 2}, {-5, -5, -4, -1}, ElementType::i64), ElementsAre(1, -1, 1, 0));
  EXPECT_THAT(run(BinaryFn::prelu, {-3, 3}, {2, 2}, ElementType::i32), ElementsAre(-6, 3));
  EXPECT_THAT(ErrorOf(BinaryAttrs{BinaryFn::div, {}, {}, {}}, {IntsOf({2}, {1, 2}), IntsOf({2}, {1, 0})},
                      Plain(ElementType::i64, {2})),
              HasSubstr("integer division by zero: element 1 of b"));
}

TEST(Binary, Broadcasts) {
  const BinaryAttrs sub{BinaryFn::sub, {}, {}, {}};
  const Tensor a = Reals({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_THAT(ResultOf(sub, {a, Reals({3}, {10, 20, 30})}, F32({2, 3})), ElementsAre(-10, -19, -28, -7, -16, -25));
  EXPECT_THAT(ResultOf(sub, {a, Reals({2, 1}, {10, 20})}, F32({2, 3})), ElementsAre(-10, -9, -8, -17, -16, -15));
  EXPECT_THAT(ResultOf(sub, {a, Reals({}, {1})}, F32({2, 3})), ElementsAre(-1, 0, 1, 2, 3, 4));
  EXPECT_THAT(ResultOf(sub, {Reals({}, {1}), Reals({}, {3})}, F32({})), ElementsAre(-2));
  EXPECT_THAT(ResultOf(sub, {Reals({2, 1, 1}, {100, 200}), Reals({2, 2}, {1, 2, 3, 4})}, F32({2, 2, 2})),
              ElementsAre(99, 98, 97, 96, 199, 198, 197, 196));
  EXPECT_THAT(ResultOf(sub, {Reals({2, 1, 2}, {1, 2, 3, 4}), Reals({3, 1}, {0, 10, 20})}, F32({2, 3, 2})),
              ElementsAre(1, 2, -9, -8, -19, -18, 3, 4, -7, -6, -17, -16));
}

TEST(Cast, TruncatesSaturatesAndWraps) {
  const auto cast = [](const Tensor& x, ElementType to) { return ResultOf(CastAttrs{}, {x}, Plain(to, x.shape())); };
  const double nan = std::nan("");
  EXPECT_THAT(cast(Reals({6}, {-1.9, 1.9, 300, -300, nan, 127.5}), ElementType::i8),
              ElementsAre(-1, 1, 127, -128, 0, 127));
  EXPECT_THAT(cast(Reals({3}, {-1, 255.9, 256}), ElementType::u8), ElementsAre(0, 255, 255));
  EXPECT_THAT(cast(Reals({2}, {3e9, -3e9}), ElementType::i32), ElementsAre(2147483647, -2147483648.0));
  const auto wide = OneNode(CastAttrs{}, {Reals({2}, {1e30, -1e30})}, Plain(ElementType::i64, {2})).Run();
  EXPECT_THAT(Integers(*wide), ElementsAre(std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(cast(IntsOf({3}, {257, -1, 128}), ElementType::i8), ElementsAre(1, -1, -128));
  EXPECT_THAT(cast(Reals({3}, {0, 0.25, nan}), ElementType::b8), ElementsAre(0, 1, 1));
  EXPECT_THAT(cast(IntsOf({2}, {0, 256}), ElementType::b8), ElementsAre(0, 1));
  EXPECT_THAT(cast(IntsOf({2}, {0, 1}, ElementType::b8), ElementType::f32), ElementsAre(0, 1));
  EXPECT_THAT(cast(Reals({1}, {0.1}, ElementType::f64), ElementType::f32), ElementsAre(double{0.1f}));
}

// ---------------------------------------------------------------------------------------------- reductions, softmax

TEST(Reduce, FunctionsAndAxes) {
  const Tensor x = Reals({2, 3, 2}, {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -12});
  const auto run = [&](ReduceFn fn, Ints axes, Shape y, bool keep = true) {
    return ResultOf(ReduceAttrs{fn, std::move(axes), keep, {}, {}}, {x}, F32(std::move(y)));
  };
  EXPECT_THAT(run(ReduceFn::sum, {1}, {2, 1, 2}), ElementsAre(9, 12, -9, -18));
  EXPECT_THAT(run(ReduceFn::mean, {1}, {2, 2}, false), ElementsAre(3, 4, -3, -6));
  EXPECT_THAT(run(ReduceFn::max, {0, 2}, {1, 3, 1}), ElementsAre(2, 4, 6));
  EXPECT_THAT(run(ReduceFn::min, {0, 2}, {3}, false), ElementsAre(-2, -4, -12));
  EXPECT_THAT(run(ReduceFn::max, {2}, {2, 3}, false), ElementsAre(2, 4, 6, -1, -3, -5));
  EXPECT_THAT(run(ReduceFn::sum, {0, 1, 2}, {}, false), ElementsAre(-6));
  EXPECT_EQ(run(ReduceFn::mean, {}, {2, 3, 2}), Doubles(x));
  const auto i =
      OneNode(ReduceAttrs{ReduceFn::mean, {0}, true, {}, {}}, {IntsOf({3}, {-3, -3, -2})}, Plain(ElementType::i64, {1}))
          .Run();
  EXPECT_THAT(Integers(*i), ElementsAre(-2));  // -8 / 3 truncates
  const auto u = OneNode(ReduceAttrs{ReduceFn::sum, {0}, true, {}, {}}, {IntsOf({2}, {200, 100}, ElementType::u8)},
                         Plain(ElementType::u8, {1}))
                     .Run();
  EXPECT_THAT(Integers(*u), ElementsAre(44));
}

TEST(ArgReduce, TiesAndAxes) {
  const Tensor x = Reals({2, 3}, {1, 5, 5, -2, -2, 7});
  const auto run = [&](bool min, int64_t axis, bool last, Shape y, bool keep) {
    return ResultOf(ArgReduceAttrs{min, axis, keep, last}, {x}, Plain(ElementType::i64, std::move(y)));
  };
  EXPECT_THAT(run(false, 1, false, {2, 1}, true), ElementsAre(1, 2));
  EXPECT_THAT(run(false, 1, true, {2}, false), ElementsAre(2, 2));
  EXPECT_THAT(run(true, 1, false, {2}, false), ElementsAre(0, 0));
  EXPECT_THAT(run(true, 1, true, {2}, false), ElementsAre(0, 1));
  EXPECT_THAT(run(false, 0, false, {3}, false), ElementsAre(0, 0, 1));
  const Tensor q = Tensor::Of<int64_t>(Q8({3}, 0.5f, 4), {-128, 127, -1});
  EXPECT_THAT(ResultOf(ArgReduceAttrs{false, 0, true, false}, {q}, Plain(ElementType::i64, {1})), ElementsAre(1));
}

TEST(Softmax, AlongAnyAxis) {
  const Tensor x = Reals({2, 2}, {1000, 0, 1000 + std::log(3.0), 0}, ElementType::f64);
  const auto near = [](double v) { return testing::DoubleNear(v, 1e-12); };
  EXPECT_THAT(ResultOf(SoftmaxAttrs{0, false}, {x}, Plain(ElementType::f64, {2, 2})),
              ElementsAre(near(0.25), near(0.5), near(0.75), near(0.5)));
  EXPECT_THAT(ResultOf(SoftmaxAttrs{1, true}, {Reals({1, 2}, {0, std::log(3.0)}, ElementType::f64)},
                       Plain(ElementType::f64, {1, 2})),
              ElementsAre(near(-std::log(4.0)), near(std::log(0.75))));
  EXPECT_THAT(ResultOf(SoftmaxAttrs{0, false}, {Reals({3}, {5, 5, -kInf})}, F32({3})), ElementsAre(0.5, 0.5, 0));
}

// -------------------------------------------------------------------------------------------------------------- moves

TEST(Moves, ByHand) {
  const Tensor x = IntsOf({2, 3}, {0, 1, 2, 3, 4, 5}, ElementType::i16);
  const auto type = [](Shape s) { return Plain(ElementType::i16, std::move(s)); };
  EXPECT_THAT(ResultOf(ReshapeAttrs{}, {x}, type({3, 2})), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(ResultOf(IdentityAttrs{}, {x}, type({2, 3})), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(ResultOf(TransposeAttrs{{1, 0}}, {x}, type({3, 2})), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(ResultOf(SliceAttrs{{1, 2}, {1, -2}}, {x}, type({1, 2})), ElementsAre(5, 3));
  EXPECT_THAT(ResultOf(SliceAttrs{{0, 1}, {}}, {x}, type({2, 2})), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(ResultOf(ConcatAttrs{1, {}, {}}, {x, IntsOf({2, 1}, {7, 8}, ElementType::i16)}, type({2, 4})),
              ElementsAre(0, 1, 2, 7, 3, 4, 5, 8));
  EXPECT_THAT(ResultOf(ConcatAttrs{0, {}, {}}, {x, IntsOf({1, 3}, {7, 8, 9}, ElementType::i16), x}, type({5, 3})),
              ElementsAre(0, 1, 2, 3, 4, 5, 7, 8, 9, 0, 1, 2, 3, 4, 5));
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::constant, {1, 0}, {0, 2}, -9}, {x}, type({3, 5})),
              ElementsAre(-9, -9, -9, -9, -9, 0, 1, 2, -9, -9, 3, 4, 5, -9, -9));
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::edge, {0, 2}, {1, 1}, 0}, {x}, type({3, 6})),
              ElementsAre(0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5, 3, 3, 3, 4, 5, 5));
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::reflect, {1, 2}, {0, 1}, 0}, {x}, type({3, 6})),
              ElementsAre(5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4));
  EXPECT_THAT(ResultOf(GatherAttrs{1}, {x, IntsOf({2}, {-1, 0})}, type({2, 2})), ElementsAre(2, 0, 5, 3));
  EXPECT_THAT(ResultOf(GatherAttrs{0}, {x, IntsOf({}, {1}, ElementType::i32)}, type({3})), ElementsAre(3, 4, 5));
  EXPECT_THAT(ResultOf(GatherAttrs{0}, {x, IntsOf({1, 2}, {1, 1})}, type({1, 2, 3})), ElementsAre(3, 4, 5, 3, 4, 5));
  EXPECT_THAT(ErrorOf(GatherAttrs{1}, {x, IntsOf({1}, {3})}, type({2, 1})),
              HasSubstr("index 3 (element 0 of indices) is outside [-3, 3)"));
  EXPECT_THAT(ErrorOf(GatherAttrs{1}, {x, IntsOf({1}, {-4})}, type({2, 1})), HasSubstr("index -4"));
}

TEST(Moves, ScalarsAndEveryWidth) {
  for (ElementType element : {ElementType::u8, ElementType::i16, ElementType::f32, ElementType::f64, ElementType::b8}) {
    SCOPED_TRACE(ElementTypeName(element));
    const Tensor x = IntsOf({1, 2, 2}, {0, 1, 1, 0}, element);
    EXPECT_THAT(ResultOf(TransposeAttrs{{2, 0, 1}}, {x}, Plain(element, {2, 1, 2})), ElementsAre(0, 1, 1, 0));
    EXPECT_THAT(ResultOf(PadAttrs{PadMode::constant, {0, 0, 1}, {0, 0, 0}, 1}, {x}, Plain(element, {1, 2, 3})),
                ElementsAre(1, 0, 1, 1, 1, 0));
    EXPECT_THAT(ResultOf(TransposeAttrs{{}}, {IntsOf({}, {1}, element)}, Plain(element, {})), ElementsAre(1));
  }
  const Tensor x =
      IntsOf({2, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23});
  EXPECT_THAT(ResultOf(TransposeAttrs{{1, 2, 0}}, {x}, Plain(ElementType::i64, {3, 4, 2})),
              ElementsAre(0, 12, 1, 13, 2, 14, 3, 15, 4, 16, 5, 17, 6, 18, 7, 19, 8, 20, 9, 21, 10, 22, 11, 23));
}

TEST(Moves, QuantizedPadTakesARealValue) {
  const Tensor x = Tensor::Of<int64_t>(Q8({1}, 0.5f, 10), {77});
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::constant, {1}, {1}, 0}, {x}, Q8({3}, 0.5f, 10)), ElementsAre(10, 77, 10));
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::constant, {1}, {0}, 1.25}, {x}, Q8({2}, 0.5f, 10)), ElementsAre(13, 77));
  EXPECT_THAT(ResultOf(PadAttrs{PadMode::constant, {0}, {1}, -kInf}, {x}, Q8({2}, 0.5f, 10)), ElementsAre(77, -128));
}

TEST(Resize, NearestAndLinear) {
  const Tensor x = Reals({1, 1, 2, 2}, {0, 4, 8, 20});
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::nearest, ResizeTransform::asymmetric, ResizeRound::floor, {}}, {x},
                       F32({1, 1, 4, 2})),
              ElementsAre(0, 4, 0, 4, 8, 20, 8, 20));
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::nearest, ResizeTransform::asymmetric, ResizeRound::floor, {1, 1, 1, 2}},
                       {x}, F32({1, 1, 2, 4})),
              ElementsAre(0, 0, 4, 4, 8, 8, 20, 20));
  // Half-pixel centres, twice as wide: -0.25 (clamped), 0.25, 0.75, 1.25 (clamped).
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::half_pixel, ResizeRound::floor, {}}, {x},
                       F32({1, 1, 2, 4})),
              ElementsAre(0, 1, 3, 4, 8, 11, 17, 20));
  // Corners aligned, three rows and columns: the middle ones are means.
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::align_corners, ResizeRound::floor, {}}, {x},
                       F32({1, 1, 3, 3})),
              ElementsAre(0, 2, 4, 4, 8, 12, 8, 14, 20));
  const Tensor two = Reals({1, 2, 1, 2}, {1, 3, 10, 30});
  EXPECT_THAT(ResultOf(ResizeAttrs{ResizeMode::linear, ResizeTransform::asymmetric, ResizeRound::floor, {1, 1, 1, 2}},
                       {two}, F32({1, 2, 1, 4})),
              ElementsAre(1, 2, 3, 3, 10, 20, 30, 30));
}

// --------------------------------------------------------------------------------------------------- ConvertTensor

TEST(ConvertTensor, BetweenKinds) {
  const Tensor x = Reals({4}, {-1, 0.25, 0.3, 100});
  const Tensor q = ConvertTensor(x, Q8({4}, 0.5f, 3));
  EXPECT_THAT(Integers(q), ElementsAre(1, 4, 4, 127));
  EXPECT_EQ(q.type(), Q8({4}, 0.5f, 3));
  EXPECT_THAT(Doubles(ConvertTensor(q, F32({4}))), ElementsAre(-1, 0.5, 0.5, 62));
  EXPECT_THAT(Doubles(ConvertTensor(q, F32({2, 2}))), ElementsAre(-1, 0.5, 0.5, 62));
  EXPECT_THAT(Integers(ConvertTensor(q, Q8({4}, 0.25f, 0))), ElementsAre(-4, 2, 2, 127));
  EXPECT_THAT(Integers(ConvertTensor(q, Q8({4}, 0.5f, 3))), ElementsAre(1, 4, 4, 127));
  EXPECT_THAT(Integers(ConvertTensor(q, Plain(ElementType::i32, {4}))), ElementsAre(-1, 0, 0, 62));
  EXPECT_THAT(Integers(ConvertTensor(IntsOf({2}, {200, 7}, ElementType::u8), Q8({2}, 2.0f, -28))),
              ElementsAre(72, -24));
  EXPECT_THAT(Doubles(ConvertTensor(IntsOf({2}, {200, 7}, ElementType::u8), F32({2}))), ElementsAre(200, 7));
  const Type channels{ElementType::i8, {2, 2}, Quantization{{0.5f, 2.0f}, {0}, 1}};
  const Tensor c = ConvertTensor(Reals({2, 2}, {1, 4, 2, 8}), channels);
  EXPECT_THAT(Integers(c), ElementsAre(2, 2, 4, 4));
  EXPECT_THAT(Doubles(ConvertTensor(c, F32({2, 2}))), ElementsAre(1, 4, 2, 8));
  EXPECT_THAT(Doubles(ConvertTensor(*Encode(Reals({2, 2}, {0, 4, 2, 0}), {GapCode::u8}), F32({2, 2}))),
              ElementsAre(0, 4, 2, 0));
}

// --------------------------------------------------------------------------------------------------- the interpreter

// x -> fc (relu) -> h; outputs: h + x, and h.
struct SmallNet {
  explicit SmallNet(bool encoded) {
    Value* x = graph.AddInput("x", F32({4}));
    Tensor w = Reals({4, 4}, {1, 0, 0, 0, 0, 0, 2, 0, 0, -1, 0, 0, 0.5, 0, 0, 3});
    Value* c = graph.AddConstant("w", encoded ? *Encode(w, {GapCode::u8}) : w);
    Node* fc = graph.AddNode(FcAttrs{Act{ActKind::relu, 0, 0}, {}, {}}, {x, c}, "h", F32({4}));
    Node* sum = graph.AddNode(BinaryAttrs{}, {fc->result(), x}, "y", F32({4}));
    graph.AddOutput(sum->result());
    graph.AddOutput(fc->result());
  }
  Graph graph{"net"};
};

TEST(Interpreter, RunsAGraphWithDenseAndEncodedConstants) {
  for (bool encoded : {false, true}) {
    const SmallNet net(encoded);
    const auto interpreter = Interpreter::Create(net.graph);
    ASSERT_TRUE(interpreter.ok()) << interpreter.status();
    std::vector<std::string> seen;
    const auto outputs =
        (*interpreter)->Run({Reals({4}, {1, 2, 3, -4})}, [&](const Value& value, const Tensor& tensor) {
          seen.push_back(absl::StrCat(value.Text(), " ", tensor.AsDouble(1)));
        });
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    ASSERT_EQ(outputs->size(), 2u);
    EXPECT_THAT(Doubles((*outputs)[0]), ElementsAre(2, 8, 3, -4));
    EXPECT_THAT(Doubles((*outputs)[1]), ElementsAre(1, 6, 0, 0));
    EXPECT_THAT(seen, ElementsAre("%x 2", "%h 6", "%y 8"));
  }
}

TEST(Interpreter, RefusesWrongInputs) {
  const SmallNet net(false);
  const auto interpreter = Interpreter::Create(net.graph);
  ASSERT_TRUE(interpreter.ok());
  const auto error = [&](const std::vector<Tensor>& inputs) {
    const auto status = (*interpreter)->Run(inputs).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error({}), HasSubstr("@net takes 1 inputs, but was given 0"));
  EXPECT_THAT(error({Reals({5}, {1, 2, 3, 4, 5})}), HasSubstr("input %x takes f32[4], but was given f32[5]"));
  EXPECT_THAT(error({Reals({4}, {1, 2, 3, 4}, ElementType::f64)}), HasSubstr("takes f32[4], but was given f64[4]"));
}

TEST(Interpreter, RefusesBrokenConstants) {
  Graph graph;
  Value* x = graph.AddInput("x", F32({2}));
  Value* w = graph.AddConstant("w", Tensor::FromEncoded(Type{ElementType::f32, {1, 2}, std::nullopt, {GapCode::u8}},
                                                        EncodedData{{std::byte{7}}, {}, std::vector<std::byte>(4)}));
  graph.AddOutput(graph.AddNode(FcAttrs{}, {x, w}, "y", F32({1}))->result());
  const auto status = Interpreter::Create(graph).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("@w: csc<u8>: gap 0 goes beyond the 2 elements of the type"));
}

TEST(Interpreter, RefusesTypesThatDoNotFit) {
  EXPECT_THAT(ErrorOf(BinaryAttrs{}, {Reals({2}, {1, 2}), IntsOf({2}, {1, 2})}, F32({2})),
              HasSubstr("binary \"here\": operand 1 is i64[2] and the result f32[2]"));
  EXPECT_THAT(ErrorOf(UnaryAttrs{}, {Reals({2}, {1, 2})}, F32({3})),
              HasSubstr("the result is [3], the operands make it [2]"));
  EXPECT_THAT(ErrorOf(UnaryAttrs{}, {Reals({2}, {1, 2})}, Q8({2}, 1, 0)), HasSubstr("does not take these together"));
  EXPECT_THAT(ErrorOf(ReshapeAttrs{}, {RandomInts(Q8({2}, 1, 0), 1)}, Q8({2}, 2, 0)), HasSubstr("does not take these"));
  EXPECT_THAT(ErrorOf(CastAttrs{}, {RandomInts(Q8({2}, 1, 0), 1)}, F32({2})), HasSubstr("cast does not go from"));
  EXPECT_THAT(ErrorOf(QuantizeAttrs{}, {Reals({2}, {1, 2})}, F32({2})), HasSubstr("quantize does not go from"));
  EXPECT_THAT(ErrorOf(DequantizeAttrs{}, {Reals({2}, {1, 2})}, F32({2})), HasSubstr("dequantize does not go from"));
  EXPECT_THAT(ErrorOf(ArgReduceAttrs{}, {Reals({2}, {1, 2})}, F32({1})), HasSubstr("arg_reduce does not go from"));
  EXPECT_THAT(ErrorOf(GatherAttrs{}, {Reals({2}, {1, 2}), Reals({1}, {0})}, F32({1})), HasSubstr("must be integers"));
}

TEST(EvaluateNode, ChecksOperands) {
  const Tensor x = Reals({2}, {-1, 2});
  const OneNode one(UnaryAttrs{}, {x}, F32({2}));
  EXPECT_THAT(Doubles(*one.Evaluate()), ElementsAre(0, 2));
  EXPECT_THAT(std::string(EvaluateNode(*one.node, {}).status().message()),
              HasSubstr("was given 0 operands, the node has 1"));
  const Tensor other = Reals({3}, {1, 2, 3});
  EXPECT_THAT(std::string(EvaluateNode(*one.node, {&other}).status().message()),
              HasSubstr("f32[3], the node takes f32[2]"));
  // Encoded operands are decoded.
  const Tensor w = *Encode(Reals({2, 2}, {0, 3, 5, 0}), {GapCode::u8});
  const OneNode fc(FcAttrs{}, {x, w}, F32({2}));
  EXPECT_THAT(Doubles(*fc.Evaluate()), ElementsAre(6, -5));
}

// A convolution large enough for oneDNN to split it, were it allowed to.
TEST(RunMany, BitsDoNotDependOnThreads) {
  Graph graph;
  Value* x = graph.AddInput("x", F32({1, 8, 16, 16}));
  Value* w = graph.AddConstant("w", RandomReals(F32({16, 8, 3, 3}), 1));
  Value* h = graph.AddNode(ConvAttrs{}, {x, w}, "h", F32({1, 16, 14, 14}))->result();
  Value* flat = graph.AddNode(ReshapeAttrs{}, {h}, "flat", F32({1, 3136}))->result();
  Value* w2 = graph.AddConstant("w2", RandomReals(F32({10, 3136}), 2));
  graph.AddOutput(graph.AddNode(FcAttrs{}, {flat, w2}, "y", F32({1, 10}))->result());
  const auto interpreter = Interpreter::Create(graph);
  ASSERT_TRUE(interpreter.ok());
  const auto input = [](int64_t i) {
    return std::vector<Tensor>{RandomReals(F32({1, 8, 16, 16}), static_cast<unsigned>(i))};
  };
  std::vector<Tensor> expected;
  for (int64_t i = 0; i < 12; ++i) expected.push_back((*(*interpreter)->Run(input(i)))[0]);
  for (int threads : {0, 1, 2, 5, 40}) {
    std::vector<Tensor> outputs(12);
    std::atomic<int> calls = 0;
    const absl::Status status = (*interpreter)
                                    ->RunMany(
                                        12, input,
                                        [&](int64_t i, std::vector<Tensor> y) {
                                          outputs[static_cast<size_t>(i)] = y[0];
                                          ++calls;
                                        },
                                        threads);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(calls, 12);
    EXPECT_EQ(outputs, expected) << threads << " threads";
  }
}

TEST(RunMany, ReportsTheFirstFailingSample) {
  const SmallNet net(false);
  const auto interpreter = Interpreter::Create(net.graph);
  for (int threads : {1, 3}) {
    const absl::Status status =
        (*interpreter)
            ->RunMany(
                50,
                [](int64_t i) {
                  return std::vector<Tensor>{i >= 20 ? Reals({1}, {1}) : Reals({4}, {1, 2, 3, 4})};
                },
                [](int64_t i, const std::vector<Tensor>&) { EXPECT_LT(i, 20); }, threads);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("sample 20: input %x"));
  }
  EXPECT_TRUE((*interpreter)->RunMany(0, nullptr, nullptr).ok());
}

TEST(ParallelFor, RunsEachOnceAndPassesExceptionsOn) {
  for (int threads : {0, 1, 4}) {
    std::vector<std::atomic<int>> counts(1000);
    ParallelFor(1000, threads, [&](int64_t i) { ++counts[static_cast<size_t>(i)]; });
    for (const auto& count : counts) ASSERT_EQ(count, 1);
    try {
      ParallelFor(100, threads, [](int64_t i) {
        if (i >= 7) throw std::runtime_error(absl::StrCat("at ", i));
      });
      FAIL() << "no exception";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "at 7");
    }
  }
  ParallelFor(0, 0, [](int64_t) { FAIL(); });
}

}  // namespace
}  // namespace mcuc
