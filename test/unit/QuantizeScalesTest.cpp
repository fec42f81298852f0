// quantize: ranges over the calibration set, scales and zero points, and layers within 32 bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "../../lib/Passes/Quantize.h"
#include "QuantizeTesting.h"
#include "absl/strings/str_replace.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Bounds.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- Scales.

TEST(QuantizeScales, OfARange) {
  using quantize::QuantizationOf;
  using quantize::Range;
  EXPECT_EQ(QuantizationOf(Range{0, 255}), (Quantization{{1.0f}, {-128}}));
  EXPECT_EQ(QuantizationOf(Range{0, 2.55}).zero_points[0], -128);
  EXPECT_EQ(QuantizationOf(Range{-255, 0}), (Quantization{{1.0f}, {127}}));
  EXPECT_EQ(QuantizationOf(Range{-1, 127.0 / 128}), (Quantization{{1.0f / 128}, {0}}));
  EXPECT_EQ(QuantizationOf(Range{-127.5, 127.5}), (Quantization{{1.0f}, {0}}));  // -0.5 goes up
  EXPECT_EQ(QuantizationOf(Range{-100, 155}), (Quantization{{1.0f}, {-28}}));
  // Zero is always within.
  EXPECT_EQ(QuantizationOf(Range{100, 255}), (Quantization{{1.0f}, {-128}}));
  EXPECT_EQ(QuantizationOf(Range{-255, -100}), (Quantization{{1.0f}, {127}}));
  EXPECT_EQ(QuantizationOf(Range{0, 0}), (Quantization{{1.0f / 256}, {-128}}));
  // Of one number, of zero, and of several.
  const auto constant = [](const std::vector<float>& values) {
    return QuantizationOf(Tensor::Of(Type{ElementType::f32, {static_cast<int64_t>(values.size())}}, values));
  };
  EXPECT_EQ(constant({-127, -127}), (Quantization{{1.0f}, {0}}));
  EXPECT_EQ(constant({0}), (Quantization{{1.0f}, {0}}));
  EXPECT_EQ(constant({1e-30f}).scales[0], 1e-18f);
  EXPECT_EQ(constant({100, 255}), (Quantization{{1.0f}, {-128}}));
  // Neither vanishing nor infinite.
  EXPECT_GT(QuantizationOf(Range{0, 1e-40}).scales[0], 0);
  EXPECT_TRUE(std::isfinite(QuantizationOf(Range{-3e38, 3e38}).scales[0]));
}

TEST(QuantizeScales, LeastErrorCutsAnOutlierAndKeepsTheRest) {
  // A hundred million values spread over [0, 0.5) and a single one at 16: the range ends far below 16.
  std::vector<int64_t> histogram(2048, 0);
  for (size_t b = 0; b < 64; ++b) histogram[b] = 1562500;
  histogram[2047] = 1;
  const quantize::Range cut = quantize::LeastErrorRange(histogram, {0, 16});
  EXPECT_EQ(cut.lo, 0);
  EXPECT_LT(cut.hi, 1);
  EXPECT_GE(cut.hi, 0.5);
  // Values spread evenly are not cut.
  const quantize::Range even = quantize::LeastErrorRange(std::vector<int64_t>(2048, 10), {-1, 3});
  EXPECT_EQ(even.lo, -1);
  EXPECT_EQ(even.hi, 3);
  // The outlier on the other side.
  std::reverse(histogram.begin(), histogram.end());
  const quantize::Range below = quantize::LeastErrorRange(histogram, {-16, 0});
  EXPECT_EQ(below.hi, 0);
  EXPECT_GT(below.lo, -1);
  EXPECT_LE(below.lo, -0.5);
}

TEST(QuantizeScales, LeastErrorIsTheLeastOfAllCuts) {
  // Against the error of every cut at the same grid, summed element by element.
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    std::vector<int64_t> histogram(64, 0);
    for (int64_t& n : histogram) n = static_cast<int64_t>(random() % 50) * (random() % 4 == 0 ? 1000 : 1);
    histogram[0] = 1;
    histogram[63] = 2;
    const double lo = -3, hi = 5, width = (hi - lo) / 64;
    const auto error = [&](double a, double b) {
      const double step = (b - a) / 255;
      double sum = 0;
      for (int i = 0; i < 64; ++i) {
        const double c = lo + (i + 0.5) * width;
        const double e = c < a ? (c - a) * (c - a) : c > b ? (c - b) * (c - b) : step * step / 12;
        sum += static_cast<double>(histogram[static_cast<size_t>(i)]) * e;
      }
      return sum;
    };
    double least = 1e300;
    for (int i = 0; lo + i * width <= 0; i += 8) {
      for (int j = 64; lo + j * width >= 0 && j > i; j -= 8)
        least = std::min(least, error(lo + i * width, lo + j * width));
    }
    const quantize::Range range = quantize::LeastErrorRange(histogram, {lo, hi});
    EXPECT_NEAR(error(range.lo, range.hi), least, least * 1e-9);
  }
}

TEST(QuantizeScales, RangesAreObserved) {
  const char* text = R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {
    const @w: f32[2x2] = {1, 0, 0, 1}
    %h: f32[1x2] = fc %x, @w
    %y: f32[1x2] = fc %h, @w
  })";
  const Dataset data = Samples({1, 2}, {{-0.5f, 0.25f}, {2.05f, 1}});
  for (const char* ranges : {"minmax", "mse"}) {
    const auto graph = Parse(text);
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, &data, {{"ranges", ranges}}).changed.ok());
    // [-0.5, 2.05]: scale 0.01 and zero point -128 + 50. Graph inputs and outputs are never cut.
    for (const char* name : {"x", "y"}) {
      EXPECT_NEAR(Named(*graph, name)->type().quant->scale(), 0.01, 1e-7);
      EXPECT_EQ(Named(*graph, name)->type().quant->zero_point(), -78);
    }
  }
}

TEST(QuantizeScales, SamplesLimitsWhatIsRun) {
  const char* text = "graph @g(%x: f32[1x1]) -> (%y: f32[1x1]) {\n  %y: f32[1x1] = identity %x\n}";
  const Dataset data = Samples({1, 1}, {{1.275f}, {2.55f}, {5.1f}});
  for (const auto& [samples, scale] : std::vector<std::pair<std::string, double>>{
           {"1", 0.005}, {"2", 0.01}, {"3", 0.02}, {"0", 0.02}, {"512", 0.02}}) {
    const auto graph = Parse(text);
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, &data, {{"samples", samples}}).changed.ok());
    EXPECT_NEAR(Named(*graph, "x")->type().quant->scale(), scale, 1e-7) << samples;
  }
  const auto graph = Parse(text);
  const auto bad = Quantize(*graph, &data, {{"samples", "-1"}});
  ASSERT_FALSE(bad.changed.ok());
  EXPECT_EQ(bad.changed.status().message(), "samples=-1 is negative; 0 means all");
}

TEST(QuantizeScales, ThreadsDoNotMatter) {
  const char* text = R"(graph @g(%x: f32[1x8]) -> (%y: f32[1x8]) {
    %h: f32[1x8] = binary %x, %x {fn = mul}
    %y: f32[1x8] = binary %h, %x {fn = add}
  })";
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> samples(37, std::vector<float>(8));
  for (auto& sample : samples) {
    for (float& x : sample) x = normal(random);
  }
  const Dataset data = Samples({1, 8}, samples);
  std::string first;
  for (int threads : {1, 2, 5, 64}) {
    const auto graph = Parse(text);
    ASSERT_TRUE(graph);
    ASSERT_TRUE(Quantize(*graph, &data, {}, threads).changed.ok());
    if (first.empty()) first = PrintGraph(*graph);
    EXPECT_EQ(PrintGraph(*graph), first) << threads;
  }
}

TEST(QuantizeScales, WhatIsNotFiniteIsNotCounted) {
  // log(0) = -inf is left out; the table maps it to the least value.
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {
    %y: f32[1x2] = unary %x {fn = log}
  })");
  const Dataset data = Samples({1, 2}, {{0, 2.5f}, {1, 0}});
  ASSERT_TRUE(Quantize(*graph, &data).changed.ok());
  EXPECT_NEAR(Named(*graph, "y")->type().quant->scale(), std::log(2.5) / 255, 1e-6);
  EXPECT_EQ(Def(*graph, "y").operand(1)->tensor().AsInt(0), -128);
}

// ---- Layers within 32 bits.

quantize::Layer LayerOf(const std::vector<float>& weights, const std::vector<float>& bias, double x_scale,
                        double y_scale, int64_t windows = 1, bool per_channel = true) {
  const auto channels = static_cast<int64_t>(bias.size());
  const Tensor w =
      Tensor::Of(Type{ElementType::f32, {channels, static_cast<int64_t>(weights.size()) / channels}}, weights);
  const Tensor b = Tensor::Of(Type{ElementType::f32, {channels}}, bias);
  quantize::LayerInput input;
  input.weights = &w;
  input.bias = &b;
  input.x_scale = x_scale;
  input.x_zero_point = -128;
  input.y_scale = y_scale;
  input.windows = windows;
  input.per_channel = per_channel;
  absl::StatusOr<quantize::Layer> layer = quantize::IntegerLayer(input);
  EXPECT_TRUE(layer.ok()) << layer.status();
  // The bound of N4 holds in any case, and the multipliers that the layer asks for exist.
  for (int64_t c = 0; layer.ok() && c < channels; ++c) {
    int64_t sum = 0;
    for (int64_t k = 0; k < ColumnLength(layer->weights.type()); ++k) {
      sum += std::abs(layer->weights.AsInt(c * ColumnLength(layer->weights.type()) + k));
    }
    const int64_t bound = (sum * 128 + std::abs(int64_t{layer->bias[static_cast<size_t>(c)]})) * windows;
    EXPECT_LT(bound, kAccumulatorLimit) << c;
    const double y = std::max(y_scale, layer->least_y_scale);
    const auto m = MultiplierOf(layer->factors[static_cast<size_t>(c)] * y_scale / y);
    EXPECT_TRUE(m.ok()) << c;
    if (m.ok()) {
      EXPECT_LT(bound << std::max(m->shift, 0), kAccumulatorLimit) << c;
    }
  }
  return *layer;
}

TEST(QuantizeLayer, AChannelOfZerosKeepsItsBias) {
  const quantize::Layer layer = LayerOf({1, -1, 0, 0}, {0, 0.75f}, 0.01, 0.01);
  EXPECT_THAT(IntsOf(layer.weights), ElementsAre(127, -127, 0, 0));
  EXPECT_NEAR(layer.bias[1] * layer.factors[1], 75, 1e-3);
  EXPECT_NEAR(layer.factors[1], 1.0 / 4096, 1e-9);
  EXPECT_EQ(layer.remark, "");
}

TEST(QuantizeLayer, ATinyChannelKeepsItsBias) {
  // 1 / (0.01 * 1e-9 / 127) is 1.3e13: the weights' scale grows until the bias fits 32 bits.
  const quantize::Layer layer = LayerOf({1, -1, 1e-9f, 0}, {0, 1}, 0.01, 0.01);
  EXPECT_NEAR(layer.bias[1] * layer.factors[1], 100, 1e-3);
  EXPECT_EQ(layer.weights.AsInt(2), 0);
  EXPECT_EQ(layer.remark, "the weights of channel 1 use fewer than 8 bits, so that 32 hold the sums");
  // Of one scale for all channels just the bias could not be held; the scale is the large channel's.
  const quantize::Layer one = LayerOf({1, -1, 1e-9f, 0}, {0, 1}, 0.01, 0.01, 1, false);
  EXPECT_NEAR(one.bias[1] * one.factors[1], 100, 1e-2);
}

TEST(QuantizeLayer, LongSumsUseFewerBits) {
  // n weights of 127 and a zero point of -128: |acc| <= n * 127 * 128 and as much of bias. 2^31 - 2^8 is reached after
  // n = 66052.
  const std::vector<float> weights(66052, 1.0f), more(66053, 1.0f);
  EXPECT_EQ(LayerOf(weights, {0}, 0.01, 1).remark, "");
  EXPECT_EQ(LayerOf(weights, {0}, 0.01, 1).weights.AsInt(0), 127);
  EXPECT_NE(LayerOf(more, {0}, 0.01, 1).remark, "");
  EXPECT_EQ(LayerOf(more, {0}, 0.01, 1).weights.AsInt(0), 126);
  // So does the average of two windows.
  const quantize::Layer half = LayerOf(weights, {0}, 0.01, 1, 2);
  EXPECT_NE(half.remark, "");
  EXPECT_LT(half.weights.AsInt(0), 127);
  EXPECT_GT(half.weights.AsInt(0), 50);
}

TEST(QuantizeLayer, TheOutputScaleIsLargeEnough) {
  // sx sw / sy must be below 128; sw = 1/127.
  const quantize::Layer layer = LayerOf({1, 1}, {0}, 1, 1e-6);
  EXPECT_NEAR(layer.least_y_scale, 1.0 / 127 / 128, 1e-7);
  // A bias of 1.067e9 steps, below 2^30, leaves room for one shift to the left, one of 1.08e9 for none.
  EXPECT_NEAR(LayerOf({1, 1}, {8.4e6f}, 1, 1e-6).least_y_scale, 1.0 / 127 / 2, 1e-7);
  EXPECT_NEAR(LayerOf({1, 1}, {8.5e6f}, 1, 1e-6).least_y_scale, 1.0 / 127, 1e-7);
}

TEST(QuantizeLayer, GivenInt8WeightsStayAndTheBiasIsCut) {
  const Tensor w = Tensor::Of(Type{ElementType::i8, {1, 2}, Quantization{{1e-6f}, {0}}}, std::vector<int>{3, -5});
  const Tensor b = Tensor::Of(Type{ElementType::f32, {1}}, std::vector<float>{1e6f});
  quantize::LayerInput input;
  input.weights = &w;
  input.bias = &b;
  input.x_zero_point = 7;
  const auto layer = quantize::IntegerLayer(input);
  ASSERT_TRUE(layer.ok());
  EXPECT_EQ(layer->weights, w);
  EXPECT_EQ(layer->bias[0], kAccumulatorLimit - 1 - 8 * 128);
  EXPECT_EQ(layer->remark, "the bias of channel 0 is cut to 32 bits");
  EXPECT_NEAR(layer->least_y_scale, 1e-6, 1e-11);  // no room for a shift to the left
  // Two windows of a fused average pool: half of it. (2^31 - 2^8 - 1) / 2 - 8 * 128.
  input.windows = 2;
  EXPECT_EQ(IntegerLayer(input)->bias[0], 1073741695 - 1024);
}

TEST(IntegerLayer, GivenWeightsWhoseSumsNeverFitAreAnError) {
  // 4096 windows leave floor((2^31 - 257) / 4096) = 524287 to one sum: 32 weights of 127 reach 520192, 33 do not fit.
  for (int64_t count : {32, 33}) {
    const Tensor w = Tensor::Of(Type{ElementType::i8, {1, count}, Quantization{{0.5f}, {0}, -1}},
                                std::vector<int32_t>(static_cast<size_t>(count), 127));
    quantize::LayerInput input;
    input.weights = &w;
    input.x_scale = 1;
    input.x_zero_point = 0;
    input.y_scale = 1e6;
    input.windows = 4096;
    const absl::StatusOr<quantize::Layer> layer = quantize::IntegerLayer(input);
    EXPECT_EQ(layer.ok(), count == 32) << layer.status();
    if (!layer.ok()) {
      EXPECT_EQ(layer.status().message(), "the sums of channel 0 overflow 32 bits with the given int8 weights");
    }
  }
}

// Where calibration leaves a result at zero, its scale is 1/256, and too small beside operands of a large scale.
float ScaleOfZeros(const std::string& shape, const std::string& computation, const std::string& result_shape,
                   const std::vector<float>& sample, size_t remarks, const std::string& extra_output = "") {
  const auto graph = Parse(absl::StrReplaceAll(
      R"(graph @g(%x: f32[XS]) -> (%y: f32[YS]EXTRA) {
    COMPUTATION
  })",
      {{"XS", shape}, {"YS", result_shape}, {"EXTRA", extra_output}, {"COMPUTATION", computation}}));
  if (!graph) return 0;
  const Dataset data = Samples(graph->inputs()[0]->type().shape, {sample});
  const Outcome outcome = Quantize(*graph, &data);
  EXPECT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  EXPECT_EQ(outcome.remarks.size(), remarks) << PrintGraph(*graph);
  return Named(*graph, "y")->type().quant->scale();
}

TEST(QuantizeFit, FactorsStayBelow128) {
  // x has a scale of 4 and zero point 0 (-510 … 510); factors of at most 127.
  const std::vector<float> x = {510, -510};
  EXPECT_NEAR(ScaleOfZeros("1x2", "%y: f32[1x1] = reduce %x {fn = sum, axes = {1}}", "1x1", x, 1), 4.0 / 127, 1e-6);
  EXPECT_NEAR(ScaleOfZeros("1x2", "%y: f32[1x1] = reduce %x {fn = mean, axes = {1}}", "1x1", x, 1), 2.0 / 127, 1e-6);
  EXPECT_NEAR(ScaleOfZeros("1x1x1x2", "%y: f32[1x1x1x1] = avg_pool %x {kernel = {1, 2}}", "1x1x1x1", x, 1), 2.0 / 127,
              1e-6);
  // 4 * 4 = 16: x times a constant that is zero where x is not.
  EXPECT_NEAR(ScaleOfZeros("1x3", "const @c: f32[3] = {0, 0, 1020}\n%y: f32[1x3] = binary %x, @c {fn = mul}", "1x3",
                           {510, -510, 0}, 1),
              16.0 / 127, 1e-6);
  // A scale of 0.25 is fine beside 1/256: 64.
  EXPECT_EQ(ScaleOfZeros("1x2", "%y: f32[1x1] = reduce %x {fn = sum, axes = {1}}", "1x1", {31.875f, -31.875f}, 0),
            1.0f / 256);
  // A requantize for a relu: h is read elsewhere too, and nothing of it is over zero.
  EXPECT_NEAR(ScaleOfZeros("1x2", "%h: f32[1x2] = unary %x {fn = neg}\n%y: f32[1x2] = unary %h {fn = relu}", "1x2",
                           {1020, 0}, 1, ", %h: f32[1x2]"),
              4.0 / 127, 1e-6);
  // A table has no factor.
  EXPECT_EQ(ScaleOfZeros("1x2",
                         "%h: f32[1x2] = unary %x {fn = floor}\n"
                         "%y: f32[1x2] = unary %h {fn = hard_swish}",
                         "1x2", {-1020, 0}, 0),
            1.0f / 256);
}

TEST(QuantizeFit, LongSumsLeaveLessRoom) {
  // 255 * 2^16 * 127 is over 2^31 with a shift of 7, 255 * 2^16 * 63.5 with one of 6 is not.
  std::vector<float> x(65536, 510);
  for (size_t i = 0; i < x.size(); i += 2) x[i] = -510;
  EXPECT_NEAR(ScaleOfZeros("1x65536", "%y: f32[1x1] = reduce %x {fn = sum, axes = {1}}", "1x1", x, 1), 4.0 / 63.5,
              1e-6);
}

TEST(QuantizeFit, SumsHaveRatiosOfAtMost2To19) {
  // x - x is zero: a scale of 2^12 over one of 2^-8 is 2^20.
  const float half = 127.5f * 4096;
  const char* difference = "%h: f32[1x2] = identity %x\n%y: f32[1x2] = binary %x, %h {fn = sub}";
  EXPECT_NEAR(ScaleOfZeros("1x2", difference, "1x2", {half, -half}, 1), 1.0 / 128, 1e-7);
  EXPECT_EQ(ScaleOfZeros("1x2", difference, "1x2", {half / 2, -half / 2}, 0), 1.0f / 256);
}

TEST(QuantizeLayer, AnIdleLayersScaleIsEnlargedWithARemark) {
  // The calibration data never excites the layer: its outputs are 1e-9 at most, its weights are not small.
  const auto graph = Parse(R"(graph @g(%x: f32[1x2]) -> (%y: f32[1x1]) {
    const @w: f32[1x2] = {1, -1}
    const @v: f32[1x1] = {1000}
    %h: f32[1x1] = fc %x, @w loc("idle")
    %y: f32[1x1] = fc %h, @v
  })");
  const Dataset data = Samples({1, 2}, {{1, 1}, {2, 2.0000002f}});
  const Outcome outcome = Quantize(*graph, &data);
  ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status();
  ASSERT_FALSE(outcome.remarks.empty());
  EXPECT_THAT(outcome.remarks[0], HasSubstr("idle: its output scale was enlarged to "));
}

}  // namespace
}  // namespace mcuc
