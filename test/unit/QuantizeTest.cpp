// quantize: exact integer forms computed by hand, what shares a scale, what stays float and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "QuantizeTesting.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// ---- Exact integer forms. The model's own quantize and dequantize nodes give the scales: x 1/256, y 1/64.

std::string Between(const std::string& constants, const std::string& computation, const std::string& x_shape,
                    const std::string& y_shape) {
  return absl::StrReplaceAll(
      R"(graph @g(%x: f32[XS]) -> (%yq: i8<0.015625:-128>[YS]) {
    CONSTANTS
    %xq: i8<0.00390625:-128>[XS] = quantize %x
    %xd: f32[XS] = dequantize %xq
    %y: f32[YS] = COMPUTATION
    %yq: i8<0.015625:-128>[YS] = quantize %y
  })",
      {{"XS", x_shape}, {"YS", y_shape}, {"CONSTANTS", constants}, {"COMPUTATION", computation}});
}

TEST(QuantizeExact, Fc) {
  // Scales 1/128 and 1/256 from the rows' largest |w|, 127/128 and 127/256. Weights in steps: 127, -64; 127, 0.3 -> 0.
  const auto graph = Parse(Between(R"(const @w: f32[2x2] = {0.9921875, -0.5, 0.49609375, 0.001171875}
                                      const @b: f32[2] = {0.25, -0.125})",
                                   "fc %xd, @w, @b {act = relu} loc(\"fc1\")", "1x2", "1x2"));
  ASSERT_TRUE(graph);
  const Outcome outcome = Quantize(*graph, nullptr);
  ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  EXPECT_THAT(outcome.remarks, IsEmpty());
  // No float is left, and no quantize node: the input is the integers.
  EXPECT_THAT(OpsOf(*graph), ElementsAre("fc"));
  EXPECT_EQ(TypeOf(*graph, "x"), "i8<0.00390625:-128>[1x2]");
  EXPECT_EQ(TypeOf(*graph, "yq"), "i8<0.015625:-128>[1x2]");
  EXPECT_EQ(TypeOf(*graph, "w"), "i8<{0.0078125, 0.00390625}:0 axis=0>[2x2]");
  EXPECT_THAT(IntsOf(Named(*graph, "w")->tensor()), ElementsAre(127, -64, 127, 0));
  // b / (sx sw): 0.25 * 256 * 128 = 8192, -0.125 * 256 * 256 = -8192. zx = -128: + 128 * (127 - 64), + 128 * 127.
  EXPECT_EQ(TypeOf(*graph, "b"), "i32[2]");
  EXPECT_THAT(IntsOf(Named(*graph, "b")->tensor()), ElementsAre(8192 + 128 * 63, -8192 + 128 * 127));
  // sx sw / sy = 2^-8 2^-7 2^6 = 2^-9 = 2^30 * 2^(-8 - 31), and 2^-10.
  const auto& attrs = Def(*graph, "yq").As<FcAttrs>();
  EXPECT_THAT(attrs.mul, ElementsAre(1 << 30, 1 << 30));
  EXPECT_THAT(attrs.shift, ElementsAre(-8, -9));
  EXPECT_EQ(attrs.act.kind, ActKind::relu);
  EXPECT_EQ(Def(*graph, "yq").loc(), "fc1");
  EXPECT_FALSE(*Quantize(*graph, nullptr).changed);
}

TEST(QuantizeExact, PerTensorWeightsHaveOneScale) {
  const auto graph =
      Parse(Between("const @w: f32[2x2] = {0.9921875, -0.5, 0.49609375, 0.00390625}", "fc %xd, @w", "1x2", "1x2"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr, {{"per-channel", "false"}}).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "w"), "i8<0.0078125:0>[2x2]");
  // 0.49609375 is 63.5 steps and 0.00390625 half a step: half goes up.
  EXPECT_THAT(IntsOf(Named(*graph, "w")->tensor()), ElementsAre(127, -64, 64, 1));
  // There was no bias; the zero point needs one.
  EXPECT_EQ(Def(*graph, "yq").operand(2)->name(), "y_b");
  EXPECT_THAT(IntsOf(Def(*graph, "yq").operand(2)->tensor()), ElementsAre(128 * 63, 128 * 65));
  EXPECT_THAT(Def(*graph, "yq").As<FcAttrs>().mul, ElementsAre(1 << 30));
  EXPECT_THAT(Def(*graph, "yq").As<FcAttrs>().shift, ElementsAre(-8));
}

TEST(QuantizeExact, NoBiasWhereNothingIsToAdd) {
  // The rows add up to 0, so the zero point of x cancels; the model's bias rounds to 0.
  const auto graph = Parse(Between(R"(const @w: f32[1x2] = {0.9921875, -0.9921875}
                                      const @b: f32[1] = {0.00001})",
                                   "fc %xd, @w, @b", "1x2", "1x1"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_EQ(Def(*graph, "yq").operands().size(), 2u);
}

TEST(QuantizeExact, ConvWithAveragePool) {
  // Factor 2^-9 / 4 windows.
  const auto graph =
      Parse(Between("const @w: f32[1x1x1x1] = {0.9921875}",
                    "conv %xd, @w {act = relu, pool = avg{kernel = {2, 2}, strides = {2, 2}}}", "1x1x4x4", "1x1x2x2"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(Def(*graph, "yq").As<ConvAttrs>().mul, ElementsAre(1 << 30));
  EXPECT_THAT(Def(*graph, "yq").As<ConvAttrs>().shift, ElementsAre(-10));
}

TEST(QuantizeExact, AvgPoolAndReduce) {
  // sx / sy = 1/4; by 2 * 3 = 6 elements: 1/24; a mean of 4: 1/16; a sum: 1/4.
  auto graph = Parse(Between("", "avg_pool %xd {kernel = {2, 3}, strides = {2, 3}}", "1x1x2x3", "1x1x1x1"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(Def(*graph, "yq").As<AvgPoolAttrs>().mul, ElementsAre(MultiplierOf(1.0 / 24)->mul));
  EXPECT_THAT(Def(*graph, "yq").As<AvgPoolAttrs>().shift, ElementsAre(-4));
  graph = Parse(Between("", "reduce %xd {fn = mean, axes = {1}}", "1x4", "1x1"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(Def(*graph, "yq").As<ReduceAttrs>().mul, ElementsAre(1 << 30));
  EXPECT_THAT(Def(*graph, "yq").As<ReduceAttrs>().shift, ElementsAre(-3));
  graph = Parse(Between("", "reduce %xd {fn = sum, axes = {1}}", "1x4", "1x1"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(Def(*graph, "yq").As<ReduceAttrs>().shift, ElementsAre(-1));
}

TEST(QuantizeExact, Add) {
  // 1/4 of x and of the constant: [0, 255/128] has scale 1/128 and zero point -128, so 1/2. 2^22 halves are 2^21.
  const auto graph =
      Parse(Between("const @c: f32[3] = {0, 1.9921875, 0.5}", "binary %xd, @c {fn = sub}", "1x3", "1x3"));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "c"), "i8<0.0078125:-128>[3]");
  EXPECT_THAT(IntsOf(Named(*graph, "c")->tensor()), ElementsAre(-128, 127, -64));
  EXPECT_THAT(Def(*graph, "yq").As<BinaryAttrs>().mul, ElementsAre(1 << 20, -(1 << 21)));
  EXPECT_THAT(Def(*graph, "yq").As<BinaryAttrs>().shift, ElementsAre(22));
}

TEST(QuantizeExact, MulByOneNumberIsExactInIt) {
  // 0.5 is 127 steps of 0.5/127, -0.5 is -127; the factor is sx * s / sy.
  for (const double c : {0.5, -0.5}) {
    const auto graph =
        Parse(Between(absl::StrCat("const @c: f32[1] = {", c, "}"), "binary %xd, @c {fn = mul}", "1x3", "1x3"));
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
    EXPECT_THAT(IntsOf(Named(*graph, "c")->tensor()), ElementsAre(c > 0 ? 127 : -127));
    const float step = static_cast<float>(0.5 / 127);
    EXPECT_EQ(Named(*graph, "c")->type().quant->scale(), step);
    const Multiplier m = MultiplierOf(double{step} / 4).value();
    EXPECT_THAT(Def(*graph, "yq").As<BinaryAttrs>().mul, ElementsAre(m.mul));
    EXPECT_THAT(Def(*graph, "yq").As<BinaryAttrs>().shift, ElementsAre(m.shift));
  }
}

// The real function behind each table, written independently of the pass.
TEST(QuantizeExact, TablesHoldTheFunctionOfEveryValue) {
  struct Case {
    const char* attributes;
    double (*f)(double);
  };
  const Case cases[] = {
      {"unary %xd {fn = leaky_relu, alpha = 0.25}", [](double x) { return x < 0 ? x / 4 : x; }},
      {"unary %xd {fn = elu, alpha = 0.5}", [](double x) { return x < 0 ? (std::exp(x) - 1) / 2 : x; }},
      {"unary %xd {fn = sigmoid}", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"unary %xd {fn = hard_sigmoid, alpha = 0.25, beta = 0.5}",
       [](double x) { return std::fmax(0, std::fmin(1, x / 4 + 0.5)); }},
      {"unary %xd {fn = hard_swish}", [](double x) { return x * std::fmax(0, std::fmin(1, (x + 3) / 6)); }},
      {"unary %xd {fn = tanh}", [](double x) { return std::tanh(x); }},
      {"unary %xd {fn = softplus}", [](double x) { return std::log(1 + std::exp(x)); }},
      {"unary %xd {fn = exp}", [](double x) { return std::exp(x); }},
      {"unary %xd {fn = log}", [](double x) { return std::log(x); }},
      {"unary %xd {fn = sqrt}", [](double x) { return std::sqrt(x); }},
      {"unary %xd {fn = abs}", [](double x) { return std::fabs(x); }},
      {"unary %xd {fn = neg}", [](double x) { return -x; }},
      {"unary %xd {fn = floor}", [](double x) { return std::floor(x); }},
      {"binary %xd, @c {fn = div}", [](double x) { return x / 2; }},
      {"binary @c, %xd {fn = div}", [](double x) { return 2 / x; }},
      {"binary %xd, @c {fn = pow}", [](double x) { return x * x; }},
      {"binary @c, %xd {fn = pow}", [](double x) { return std::pow(2, x); }},
      {"binary %xd, @c {fn = prelu}", [](double x) { return x < 0 ? 2 * x : x; }},
      {"binary %xd, @c {fn = div, act = relu}", [](double x) { return std::fmax(0, x / 2); }},
      {"binary %xd, @c {fn = div, act = clip(-0.5, 0.75)}",
       [](double x) { return std::fmax(-0.5, std::fmin(0.75, x / 2)); }},
  };
  for (const Case& c : cases) {
    // x in steps of 1/32 about zero point 3, y in steps of 1/32 about 0.
    const auto graph = Parse(absl::StrReplaceAll(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%yq: i8<0.03125:0>[4]) {
      const @c: f32[1] = {2}
      %xd: f32[4] = dequantize %xq
      %y: f32[4] = COMPUTATION
      %yq: i8<0.03125:0>[4] = quantize %y
    })",
                                                 {{"COMPUTATION", c.attributes}}));
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
    ASSERT_THAT(OpsOf(*graph), ElementsAre("lut")) << c.attributes;
    const Tensor& table = Def(*graph, "yq").operand(1)->tensor();
    const Type type{ElementType::i8, {4}, Quantization{{0.03125f}, {0}}};
    for (int q = -128; q < 128; ++q) {
      // Within one step of rounding differences of the two ways to compute it.
      EXPECT_NEAR(static_cast<double>(table.AsInt(q + 128)),
                  QuantizeReal(static_cast<float>(c.f((q - 3) / 32.0)), type), 1e-9)
          << c.attributes << " of " << (q - 3) / 32.0;
    }
  }
}

TEST(QuantizeExact, Softmax) {
  // A row of 5: 30 - 3 = 27 > 22 bits. table[d] = exp(-d / 256) * 2^22.
  const auto graph = Parse(R"(graph @g(%xq: i8<0.00390625:-128>[2x5]) -> (%y: f32[2x5]) {
    %xd: f32[2x5] = dequantize %xq
    %y: f32[2x5] = softmax %xd {axis = 1}
  })");
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "y"), "i8<0.00390625:-128>[2x5]");
  const Tensor& table = Def(*graph, "y").operand(1)->tensor();
  for (int d = 0; d < 256; ++d) {
    EXPECT_EQ(table.AsInt(d), static_cast<int64_t>(std::floor(std::exp(-d / 256.0) * 4194304 + 0.5))) << d;
  }
}

TEST(QuantizeExact, SoftmaxOfALongRowHasASmallerTable) {
  // 300 elements: 2^9 >= 300, 30 - 9 = 21 bits; 256: exactly 22; 257: 21.
  for (const auto& [n, bits] : std::vector<std::pair<int, int>>{{300, 21}, {256, 22}, {257, 21}, {1, 22}}) {
    const auto graph = Parse(absl::StrReplaceAll(R"(graph @g(%xq: i8<0.00390625:-128>[1xN]) -> (%y: f32[1xN]) {
      %xd: f32[1xN] = dequantize %xq
      %y: f32[1xN] = softmax %xd {axis = 1}
    })",
                                                 {{"N", absl::StrCat(n)}}));
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
    EXPECT_EQ(Def(*graph, "y").operand(1)->tensor().AsInt(0), int64_t{1} << bits) << n;
  }
}

TEST(QuantizeExact, ConcatRequantizesWhatIsReadElsewhereToo) {
  // x is also an output, so it keeps its scale of 1/256: factor 1/4. The constant takes the result's.
  const auto graph = Parse(R"(graph @g(%xq: i8<0.00390625:-128>[1x2]) -> (%yq: i8<0.015625:-128>[1x3], %z: f32[1x2]) {
    const @c: f32[1x1] = {0.5}
    %xd: f32[1x2] = dequantize %xq
    %z: f32[1x2] = identity %xd
    %y: f32[1x3] = concat %xd, @c {axis = 1}
    %yq: i8<0.015625:-128>[1x3] = quantize %y
  })");
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  const auto& attrs = Def(*graph, "yq").As<ConcatAttrs>();
  EXPECT_THAT(attrs.mul, ElementsAre(1 << 30, 1 << 30));
  EXPECT_THAT(attrs.shift, ElementsAre(-1, 1));  // 1/4 and 1
  EXPECT_THAT(IntsOf(Named(*graph, "c")->tensor()), ElementsAre(-96));
  EXPECT_EQ(TypeOf(*graph, "z"), "i8<0.00390625:-128>[1x2]");
}

// ---- What shares a scale.

TEST(QuantizeGroups, MovesShareTheirOperandsScale) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2x4x4]) -> (%y: f32[1x16]) {
    const @w: f32[2x2x1x1] = {1, 2, -1, 0.5}
    %c: f32[1x2x4x4] = conv %x, @w
    %p: f32[1x2x2x2] = max_pool %c {kernel = {2, 2}, strides = {2, 2}}
    %t: f32[1x2x2x2] = transpose %p {perm = {0, 2, 3, 1}}
    %q: f32[1x2x4x2] = pad %t {before = {0, 0, 1, 0}, after = {0, 0, 1, 0}}
    %y: f32[1x16] = reshape %q
  })");
  ASSERT_TRUE(graph);
  std::vector<float> sample(32);
  for (size_t i = 0; i < 32; ++i) sample[i] = static_cast<float>(i) / 16 - 1;
  const Dataset data = Samples({1, 2, 4, 4}, {sample});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  EXPECT_THAT(OpsOf(*graph), ElementsAre("conv", "max_pool", "transpose", "pad", "reshape"));
  const Quantization& quant = *Named(*graph, "y")->type().quant;
  for (const char* name : {"c", "p", "t", "q"}) EXPECT_EQ(*Named(*graph, name)->type().quant, quant) << name;
}

// The operand's range is its own where it is an input, something else reads it too, or the result lies between its
// values.
TEST(QuantizeGroups, MovedValuesKeepTheRangeThatOthersSee) {
  const struct {
    const char* text;
    double range;  // of x, 0 included
  } kCases[] = {
      {"%y: f32[1x1x1x2] = max_pool %x {kernel = {1, 2}, strides = {1, 2}}", 18},
      {"%h: f32[1x1x1x4] = binary %x, %x {fn = add}\n"
       "%y: f32[1x1x1x2] = max_pool %h {kernel = {1, 2}, strides = {1, 2}}",
       24},
      {"%h: f32[1x1x1x4] = binary %x, %x {fn = add}\n"
       "%y: f32[1x1x1x2] = max_pool %h {kernel = {1, 2}, strides = {1, 2}}\n%z: f32[1x1x1x4] = binary %h, %x {fn = "
       "mul}",
       36},
      {"%h: f32[1x1x1x4] = binary %x, %x {fn = add}\n%y: f32[1x1x1x2] = resize %h {mode = linear}", 36},
      {"%h: f32[1x1x1x4] = binary %x, %x {fn = add}\n%y: f32[1x1x1x2] = resize %h", 8},
  };
  for (const auto& test : kCases) {
    const auto graph = Parse(absl::StrCat("graph @g(%x: f32[1x1x1x4]) -> (%y: f32[1x1x1x2]",
                                          absl::StrContains(test.text, "%z") ? ", %z: f32[1x1x1x4]" : "", ") {\n",
                                          test.text, "\n}\n"));
    ASSERT_TRUE(graph);
    const Dataset data = Samples({1, 1, 1, 4}, {{2, -8, 1, -8}, {-2, 10, -2, -2}});
    ASSERT_TRUE(Quantize(*graph, &data, {{"ranges", "minmax"}}).changed.ok());
    EXPECT_NEAR(Named(*graph, "y")->type().quant->scale(), test.range / 255, 1e-6) << PrintGraph(*graph);
    EXPECT_EQ(Def(*graph, "y").operand(0)->type().quant, Named(*graph, "y")->type().quant);
  }
}

TEST(QuantizeGroups, PaddingIsRepresented) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x4]) {
    %y: f32[1x4] = pad %x {before = {0, 1}, after = {0, 1}, value = 5.1}
  })");
  const Dataset data = Samples({1, 2}, {{0, 1}});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  EXPECT_NEAR(Named(*graph, "x")->type().quant->scale(), 5.1 / 255, 1e-7);
}

TEST(QuantizeGroups, ReluDictatesTheRangeOfWhatItAloneReads) {
  const char* text = R"(graph @g(%x: f32[1x2]) -> (OUTPUTS) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    %h: f32[1x2] = fc %x, @w
    %r: f32[1x2] = unary %h {fn = relu}
    %y: f32[1x2] = fc %r, @w
  })";
  const Dataset data = Samples({1, 2}, {{-5, 2.55f}, {1, 0.5f}});
  auto graph = Parse(absl::StrReplaceAll(text, {{"OUTPUTS", "%y: f32[1x2]"}}));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, &data, {{"ranges", "minmax"}}).changed.ok());
  for (const char* name : {"h", "r"}) {
    EXPECT_NEAR(Named(*graph, name)->type().quant->scale(), 0.01, 1e-7) << name;
    EXPECT_EQ(Named(*graph, name)->type().quant->zero_point(), -128) << name;
  }
  EXPECT_THAT(OpsOf(*graph), ElementsAre("fc", "unary", "fc"));
  // Where h is read elsewhere, the relu is the saturation of a requantize.
  graph = Parse(absl::StrReplaceAll(text, {{"OUTPUTS", "%y: f32[1x2], %h: f32[1x2]"}}));
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, &data, {{"ranges", "minmax"}}).changed.ok());
  EXPECT_NEAR(Named(*graph, "h")->type().quant->scale(), 7.55 / 255, 1e-7);
  EXPECT_NEAR(Named(*graph, "r")->type().quant->scale(), 0.01, 1e-7);
  EXPECT_THAT(OpsOf(*graph), ElementsAre("fc", "requantize", "fc"));
  const Multiplier m =
      MultiplierOf(double{Named(*graph, "h")->type().quant->scale()} / Named(*graph, "r")->type().quant->scale())
          .value();
  EXPECT_THAT(Def(*graph, "r").As<RequantizeAttrs>().mul, ElementsAre(m.mul));
  EXPECT_THAT(Def(*graph, "r").As<RequantizeAttrs>().shift, ElementsAre(m.shift));
}

TEST(QuantizeGroups, ConcatUnitesOperandsThatItAloneReads) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x6], %b: f32[1x2]) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    const @v: f32[2x2] = {0, 10, 10, 0}
    %a: f32[1x2] = fc %x, @w {act = relu}
    %b: f32[1x2] = fc %x, @w
    %c: f32[1x2] = fc %x, @v
    %y: f32[1x6] = concat %a, %b, %c {axis = 1}
  })");
  const Dataset data = Samples({1, 2}, {{-1, 1.5f}});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  const Quantization& y = *Named(*graph, "y")->type().quant;
  EXPECT_NEAR(y.scale(), 25.0 / 255, 1e-6);
  EXPECT_EQ(*Named(*graph, "a")->type().quant, y);
  EXPECT_EQ(*Named(*graph, "c")->type().quant, y);
  EXPECT_NEAR(Named(*graph, "b")->type().quant->scale(), 2.5 / 255, 1e-7);
  const auto& attrs = Def(*graph, "y").As<ConcatAttrs>();
  EXPECT_THAT(attrs.mul, ElementsAre(1 << 30, testing::_, 1 << 30));
  EXPECT_THAT(attrs.shift, ElementsAre(1, testing::_, 1));
}

TEST(QuantizeGroups, ConcatOfOneScaleNeedsNoMultipliers) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x4]) {
    %a: f32[1x2] = unary %x {fn = sigmoid}
    %b: f32[1x2] = softmax %x {axis = 1}
    %d: f32[1x2] = identity %b
    %y: f32[1x4] = concat %b, %d {axis = 1}
  })");
  const Dataset data = Samples({1, 2}, {{-1, 1.5f}});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "y"), "i8<0.00390625:-128>[1x4]");
  EXPECT_THAT(Def(*graph, "y").As<ConcatAttrs>().mul, IsEmpty());
}

TEST(QuantizeGroups, NaturalRangesNeedNoData) {
  const auto graph = Parse(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%a: f32[4], %b: f32[4], %c: f32[2x2]) {
    %x: f32[4] = dequantize %xq
    %a: f32[4] = unary %x {fn = sigmoid}
    %b: f32[4] = unary %x {fn = tanh}
    %h: f32[4] = unary %x {fn = hard_sigmoid, alpha = 0.2, beta = 0.5}
    %c: f32[2x2] = reshape %h
  })");
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "a"), "i8<0.00390625:-128>[4]");
  EXPECT_EQ(TypeOf(*graph, "b"), "i8<0.0078125:0>[4]");
  EXPECT_EQ(TypeOf(*graph, "c"), "i8<0.00390625:-128>[2x2]");
}

TEST(QuantizeGroups, EqualTablesAreOneConstant) {
  const auto graph = Parse(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%a: f32[4], %b: f32[4], %c: f32[4]) {
    %x: f32[4] = dequantize %xq
    %a: f32[4] = unary %x {fn = sigmoid}
    %b: f32[4] = unary %x {fn = sigmoid}
    %c: f32[4] = unary %x {fn = tanh}
  })");
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_EQ(Def(*graph, "a").operand(1), Def(*graph, "b").operand(1));
  EXPECT_NE(Def(*graph, "a").operand(1), Def(*graph, "c").operand(1));
}

TEST(QuantizeGroups, MinAndMaxShareOneScale) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2], %z: f32[1x2]) -> (%y: f32[1x2], %m: f32[1x2], %k: f32[1x2]) {
    const @c: f32[1] = {0.5}
    const @d: f32[2] = {0.25, 0.75}
    %y: f32[1x2] = binary %x, %z {fn = max}
    %m: f32[1x2] = binary %x, @c {fn = min}
    %k: f32[1x2] = binary %x, @d {fn = max}
  })");
  const Dataset data = Dataset::FromTensors({Tensor::Of(Type{ElementType::f32, {1, 2}}, std::vector<float>{-1, 2}),
                                             Tensor::Of(Type{ElementType::f32, {1, 2}}, std::vector<float>{4, -3})},
                                            {});
  const Outcome outcome = Quantize(*graph, &data);
  ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  for (const char* name : {"y", "k"}) {
    for (const Value* operand : Def(*graph, name).operands()) {
      EXPECT_EQ(operand->type().quant, Named(*graph, name)->type().quant) << name;
    }
  }
  // min(x, c) is the saturation of a requantize: [-1, 0.5] ends at c.
  EXPECT_TRUE(Def(*graph, "m").If<RequantizeAttrs>());
  EXPECT_NEAR(Named(*graph, "m")->type().quant->scale(), 1.5 / 255, 1e-7);
}

TEST(QuantizeGroups, MinAndMaxWithANumberAreClips) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto& [fn, lo, hi] :
       std::vector<std::tuple<std::string, float, float>>{{"min", -infinity, 0.5f}, {"max", 0.5f, infinity}}) {
    const auto graph = Parse(absl::StrReplaceAll(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%y: f32[4]) {
      const @c: f32[1] = {0.5}
      %x: f32[4] = dequantize %xq
      %y: f32[4] = binary @c, %x {fn = FN}
    })",
                                                 {{"FN", fn}}));
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
    EXPECT_THAT(OpsOf(*graph), ElementsAre("unary"));
    EXPECT_EQ(Def(*graph, "y").As<UnaryAttrs>(), (UnaryAttrs{UnaryFn::clip, lo, hi}));
    EXPECT_EQ(TypeOf(*graph, "y"), "i8<0.03125:3>[4]");
  }
}

// ---- Inputs, outputs, and what stays float.

TEST(QuantizeBorders, FloatInputIsReadByTheFirstLayer) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2x2]) -> (%y: f32[1x2]) {
    const @w: f32[2x4] = {1, 0, 0, 0.5, 0, 1, -2, 0}
    const @b: f32[2] = {0.5, 1}
    %f: f32[1x4] = reshape %x
    %y: f32[1x2] = fc %f, @w, @b {act = relu}
  })");
  const Dataset data = Samples({1, 2, 2}, {{1, 2, 3, 4}, {0, 0, 0, 0}});
  ASSERT_TRUE(Quantize(*graph, &data, {{"input", "false"}}).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "x"), "f32[1x2x2]");
  EXPECT_EQ(TypeOf(*graph, "f"), "f32[1x4]");
  EXPECT_EQ(TypeOf(*graph, "b"), "f32[2]");
  EXPECT_THAT(IntsOf(Named(*graph, "w")->tensor()), ElementsAre(127, 0, 0, 64, 0, 64, -127, 0));
  EXPECT_THAT(Def(*graph, "y").As<FcAttrs>().mul, IsEmpty());
  EXPECT_TRUE(Named(*graph, "y")->type().is_quantized());
  // Once more with input=true: the layer that was given float input keeps it.
  EXPECT_FALSE(*Quantize(*graph, nullptr).changed);
}

TEST(QuantizeBorders, FloatInputIsQuantizedForAnythingElse) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {
    %y: f32[1x2] = binary %x, %x {fn = add}
  })");
  const Dataset data = Samples({1, 2}, {{1, 2}});
  ASSERT_TRUE(Quantize(*graph, &data, {{"input", "false"}}).changed.ok());
  EXPECT_EQ(TypeOf(*graph, "x"), "f32[1x2]");
  EXPECT_THAT(OpsOf(*graph), ElementsAre("quantize", "binary"));
}

TEST(QuantizeBorders, FloatOutputIsDequantized) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x2], %h: f32[1x2]) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    %h: f32[1x2] = fc %x, @w
    %y: f32[1x2] = fc %h, @w
  })");
  const Dataset data = Samples({1, 2}, {{1, 2}});
  ASSERT_TRUE(Quantize(*graph, &data, {{"output", "false"}}).changed.ok());
  EXPECT_THAT(OpsOf(*graph), ElementsAre("fc", "fc", "dequantize", "dequantize"));
  EXPECT_EQ(graph->outputs()[0]->name(), "y");
  EXPECT_EQ(graph->outputs()[1]->name(), "h");
  for (const Value* output : graph->outputs()) {
    EXPECT_EQ(TypeText(output->type()), "f32[1x2]");
    EXPECT_TRUE(output->def()->If<DequantizeAttrs>());
  }
  // With output=true the dequantize nodes go.
  ASSERT_TRUE(*Quantize(*graph, nullptr).changed);
  EXPECT_THAT(OpsOf(*graph), ElementsAre("fc", "fc"));
  EXPECT_EQ(graph->outputs()[0]->name(), "y");
  EXPECT_EQ(graph->outputs()[1]->name(), "h");
}

TEST(QuantizeBorders, WhatHasNoIntegerFormStaysFloatWithARemark) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x1x2x2]) -> (%y: f32[1x1x4x4], %l: f32[1x16]) {
    const @w: f32[1x1x3x3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}
    const @k: f32[1x1x1x1] = {0.5}
    %t: f32[1x1x4x4] = conv_transpose %x, @w loc("deconv")
    %r: f32[1x1x4x4] = unary %t {fn = tanh} loc("act")
    %y: f32[1x1x4x4] = conv %r, @k
    %f: f32[1x16] = reshape %t
    %l: f32[1x16] = softmax %f {axis = 1, log = true} loc("lsm")
  })");
  const Dataset data = Samples({1, 1, 2, 2}, {{-1, 0, 0.5f, 1}});
  const Outcome outcome = Quantize(*graph, &data);
  ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  EXPECT_THAT(outcome.remarks, ElementsAre("deconv: kept float: conv_transpose has no integer form",
                                           "act: kept float: its operands are float",
                                           "lsm: kept float: the logarithm of a softmax has no integer form"));
  EXPECT_EQ(TypeOf(*graph, "x"), "i8<0.007843138:0>[1x1x2x2]");
  EXPECT_THAT(OpsOf(*graph), ElementsAre("dequantize", "conv_transpose", "unary", "quantize", "conv", "reshape",
                                         "softmax", "quantize"));
  EXPECT_EQ(graph->outputs()[1]->name(), "l");
  EXPECT_TRUE(graph->outputs()[1]->type().is_quantized());
}

TEST(QuantizeBorders, Reasons) {
  const auto reason = [](const std::string& constants, const std::string& type, const std::string& computation) {
    const auto graph =
        Parse(absl::StrReplaceAll(R"(graph @g(%x: f32[1x4]) -> (%y: TYPE) {
      const @w: f32[4x4] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}
      CONSTANTS
      %h: f32[1x4] = fc %x, @w
      %y: TYPE = COMPUTATION loc("n")
    })",
                                  {{"CONSTANTS", constants}, {"TYPE", type}, {"COMPUTATION", computation}}));
    if (!graph) return std::string("?");
    const Dataset data = Samples({1, 4}, {{1, 2, 3, 4}});
    const Outcome outcome = Quantize(*graph, &data);
    EXPECT_TRUE(outcome.changed.ok()) << outcome.changed.status();
    return outcome.remarks.empty() ? "" : outcome.remarks[0];
  };
  EXPECT_EQ(reason("", "f32[1x4]", "binary %h, %h {fn = div}"),
            "n: kept float: div has an integer form only with a single constant");
  EXPECT_EQ(reason("const @c: f32[4] = {1, 2, 3, 4}", "f32[1x4]", "binary %h, @c {fn = pow}"),
            "n: kept float: pow has an integer form only with a single constant");
  EXPECT_EQ(reason("const @c: f32[4] = {1, 2, 3, 4}", "f32[1x4]", "binary %h, @c {fn = prelu}"),
            "n: kept float: prelu has an integer form only with a single constant");
  EXPECT_EQ(reason("const @c: f32[1] = {2}", "f32[1x4]", "binary @c, %h {fn = prelu}"),
            "n: kept float: prelu has an integer form only with a single constant");
  EXPECT_EQ(reason("const @c: f32[4] = {1, inf, 3, 4}", "f32[1x4]", "binary %h, @c {fn = mul}"),
            "n: kept float: @c holds an infinity or a NaN");
  EXPECT_EQ(reason("", "f32[1x5]", "pad %h {before = {0, 1}, after = {0, 0}, value = 10001}"),
            "n: kept float: its padding of 10001 would take the resolution of 8 bits");
  EXPECT_EQ(reason("", "f32[1x5]", "pad %h {before = {0, 1}, after = {0, 0}, value = -inf}"),
            "n: kept float: its padding of -inf would take the resolution of 8 bits");
  EXPECT_EQ(reason("", "f32[1x5]", "pad %h {before = {0, 1}, after = {0, 0}, value = -10000}"), "");
  EXPECT_EQ(reason("", "f32[1x5]", "pad %h {before = {0, 1}, after = {0, 0}, mode = edge}"), "");
  EXPECT_EQ(reason("", "f64[1x4]", "cast %h"), "n: kept float: f64 has no integer form");
  EXPECT_EQ(reason("", "i32[1x4]", "cast %h"), "n: kept float: cast has no integer form");
  EXPECT_EQ(reason("", "i64[1x1]", "arg_reduce %h {axis = 1}"), "");
  EXPECT_EQ(reason("", "f32[1x1]", "fc %h, %h"), "n: kept float: its weights are computed");
}

TEST(QuantizeBorders, LargeWindowsStayFloat) {
  // 2048 elements are averaged in integers, 2049 are not.
  for (const auto& [width, remarks] : std::vector<std::pair<int, size_t>>{{2048, 0}, {2049, 1}}) {
    const auto graph = Parse(absl::StrReplaceAll(R"(graph @g(%xq: i8<1:0>[1x1x1xW]) -> (%yq: i8<1:0>[1x1x1x1]) {
      %x: f32[1x1x1xW] = dequantize %xq
      %y: f32[1x1x1x1] = avg_pool %x {kernel = {1, W}}
      %yq: i8<1:0>[1x1x1x1] = quantize %y
    })",
                                                 {{"W", absl::StrCat(width)}}));
    ASSERT_TRUE(graph);
    EXPECT_EQ(Quantize(*graph, nullptr).remarks.size(), remarks) << width;
  }
}

TEST(QuantizeBorders, IntegersThatAreNoActivationsAreLeftAlone) {
  const char* text = R"(graph @g(%i: i64[3]) -> (%y: i64[2]) {
  const @k: i64[2] = {2, 0}

  %y: i64[2] = gather %i, @k
}
)";
  const auto graph = Parse(text);
  ASSERT_TRUE(graph);
  EXPECT_FALSE(*Quantize(*graph, nullptr).changed);
}

TEST(QuantizeBorders, ACastFromIntegersIsQuantizedBehindIt) {
  const auto graph = Parse(R"(graph @g(%i: i64[1x2]) -> (%y: f32[1x2]) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    %x: f32[1x2] = cast %i loc("c")
    %y: f32[1x2] = fc %x, @w
  })");
  ASSERT_TRUE(graph);
  const Dataset data =
      Dataset::FromTensors({Tensor::Of(Type{ElementType::i64, {1, 2}}, std::vector<int64_t>{3, 255})}, {});
  const Outcome outcome = Quantize(*graph, &data);
  ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  EXPECT_THAT(outcome.remarks, ElementsAre("c: kept float: cast has no integer form"));
  EXPECT_THAT(OpsOf(*graph), ElementsAre("cast", "quantize", "fc"));
  EXPECT_EQ(TypeOf(*graph, "x_q"), "i8<1:-128>[1x2]");
}

TEST(QuantizeBorders, AModelsQuantizeOfWhatIsReadElsewhereRequantizes) {
  // %a keeps its natural scale of 1/256; its other reader is no business of the model's quantize node.
  const auto graph = Parse(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%b: i8<0.0078125:-128>[4], %a: f32[4]) {
    %x: f32[4] = dequantize %xq
    %a: f32[4] = unary %x {fn = sigmoid}
    %b: i8<0.0078125:-128>[4] = quantize %a
  })");
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(OpsOf(*graph), ElementsAre("lut", "requantize"));
  EXPECT_EQ(TypeOf(*graph, "a"), "i8<0.00390625:-128>[4]");
  EXPECT_EQ(TypeOf(*graph, "b"), "i8<0.0078125:-128>[4]");
  EXPECT_THAT(Def(*graph, "b").As<RequantizeAttrs>().shift, ElementsAre(0));  // a half is 2^30 * 2^(0 - 31)
}

TEST(QuantizeBorders, OtherQuantizedTypesAreQuantizedAnew) {
  const auto graph = Parse(R"(graph @g(%u: u8<0.5:0>[1x2]) -> (%y: f32[1x2]) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    %x: f32[1x2] = dequantize %u
    %y: f32[1x2] = fc %x, @w
  })");
  ASSERT_TRUE(graph);
  const Dataset data =
      Dataset::FromTensors({Tensor::Of(Type{ElementType::f32, {1, 2}}, std::vector<float>{0, 127.5f})}, {});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  EXPECT_THAT(OpsOf(*graph), ElementsAre("dequantize", "quantize", "fc"));
  EXPECT_EQ(TypeOf(*graph, "x_q"), "i8<0.5:-128>[1x2]");
}

TEST(QuantizeBorders, ACastThatDoesNothingIsACopy) {
  const auto graph = Parse(R"(graph @g(%xq: i8<0.03125:3>[4]) -> (%y: f32[4]) {
    %x: f32[4] = dequantize %xq
    %y: f32[4] = cast %x
  })");
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Quantize(*graph, nullptr).changed.ok());
  EXPECT_THAT(OpsOf(*graph), ElementsAre("identity"));
}

TEST(QuantizeBorders, AGatherFromAConstantQuantizesTheTable) {
  const auto graph = Parse(R"(graph @g(%i: i64[2]) -> (%y: f32[2x2]) {
    const @e: f32[3x2] = {0, 2.55, 1, 0.5, 0.25, 2}
    %y: f32[2x2] = gather @e, %i
  })");
  ASSERT_TRUE(graph);
  ASSERT_TRUE(*Quantize(*graph, nullptr).changed);
  EXPECT_NEAR(Named(*graph, "y")->type().quant->scale(), 0.01, 1e-7);
  EXPECT_THAT(IntsOf(Named(*graph, "e")->tensor()), ElementsAre(-128, 127, -28, -78, -103, 72));
}

TEST(QuantizeBorders, SharedWeightsStayShared) {
  // Both layers quantize @w alike; the third computes in float and keeps the original.
  const auto graph = Parse(R"(graph @g(%x: f32[1x1x4x4]) -> (%a: f32[1x1x2x2], %b: f32[1x1x2x2]) {
    const @w: f32[1x1x3x3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}
    %a: f32[1x1x2x2] = conv %x, @w
    %b: f32[1x1x2x2] = conv %x, @w {act = relu}
  })");
  const Dataset data = Samples({1, 1, 4, 4}, {std::vector<float>(16, 1.0f)});
  ASSERT_TRUE(*Quantize(*graph, &data).changed);
  EXPECT_EQ(Def(*graph, "a").operand(1), Def(*graph, "b").operand(1));
  EXPECT_EQ(Def(*graph, "a").operand(1)->name(), "w");
  const auto mixed = Parse(R"(graph @g(%x: f32[1x1x4x4]) -> (%a: f32[1x1x2x2], %b: f32[1x1x6x6]) {
    const @w: f32[1x1x3x3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}
    %a: f32[1x1x2x2] = conv %x, @w
    %b: f32[1x1x6x6] = conv_transpose %x, @w
  })");
  ASSERT_TRUE(*Quantize(*mixed, &data).changed);
  EXPECT_TRUE(Def(*mixed, "a").operand(1)->type().is_quantized());
  EXPECT_EQ(TypeOf(*mixed, "w"), "f32[1x1x3x3]");
}

TEST(QuantizeBorders, MissingDataIsSaid) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {
    %y: f32[1x2] = binary %x, %x {fn = add}
  })");
  const Outcome outcome = Quantize(*graph, nullptr);
  ASSERT_FALSE(outcome.changed.ok());
  EXPECT_EQ(outcome.changed.status().message(),
            "the ranges of 2 activations, %x the first, come from a calibration data set and none is given; give one "
            "with --calibrate=PATH (some hundred typical inputs, without labels)");
}

TEST(QuantizeBorders, DataWithoutAFiniteValueIsSaid) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x1]) -> (%y: f32[1x1]) {
    %y: f32[1x1] = binary %x, %x {fn = add}
  })");
  const Dataset data = Samples({1, 1}, {{NAN}, {INFINITY}});
  const Outcome outcome = Quantize(*graph, &data);
  ASSERT_FALSE(outcome.changed.ok());
  EXPECT_THAT(std::string(outcome.changed.status().message()), HasSubstr("%x has no finite value over 2 samples"));
}

TEST(QuantizeBorders, RefusesEncodingsAndPlacements) {
  const auto pass = FindPass("quantize")->create();
  EXPECT_TRUE(pass->Needs().no_encodings);
  EXPECT_TRUE(pass->Needs().no_placements);
}

}  // namespace
}  // namespace mcuc
