// Quantization-aware training: codes and straight-through gradients by values computed by hand, the choice of scales,
// groups of activations within a plan, and a training that ends on the values of its integers.
#include "mcuc/Train/FakeQuantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../../lib/Passes/TrainQuantized.h"
#include "ExecTesting.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pipeline.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;
using namespace train;

constexpr CodeRange kSeven{0, 127, false}, kEight{-128, 127, false}, kFour{-8, 8, true};

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = ParseGraph(text, "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

Tensor Log(double scale) { return Tensor::Of(F32({1}), std::vector<float>{static_cast<float>(std::log(scale))}); }

TEST(FakeQuantizeTest, Codes) {
  EXPECT_EQ(CodeOf(1.2f, 0.5f, kEight), 2);
  EXPECT_EQ(CodeOf(1.25f, 0.5f, kEight), 3);  // half up
  EXPECT_EQ(CodeOf(-1.25f, 0.5f, kEight), -2);
  EXPECT_EQ(CodeOf(-1.3f, 0.5f, kEight), -3);
  EXPECT_EQ(CodeOf(100, 0.5f, kEight), 127);
  EXPECT_EQ(CodeOf(-100, 0.5f, kEight), -128);
  EXPECT_EQ(CodeOf(-1, 0.5f, kSeven), 0);
  EXPECT_EQ(CodeOf(0, 0.5f, kFour), 0);
  EXPECT_EQ(CodeOf(0.01f, 0.5f, kFour), 1);
  EXPECT_EQ(CodeOf(-0.01f, 0.5f, kFour), -1);
  EXPECT_EQ(CodeOf(9, 0.5f, kFour), 8);
  EXPECT_EQ(CodeOf(-9, 0.5f, kFour), -8);
  EXPECT_EQ(CodeOf(0.01f, 0.5f, kEight), 0);
  EXPECT_EQ(CodeOf(std::numeric_limits<float>::quiet_NaN(), 0.5f, kEight), -128);
}

TEST(FakeQuantizeTest, ValuesAndGradients) {
  const std::vector<float> x = {-1, 0.2f, 0.3f, 63.5f, 64};
  std::vector<float> y(x.size());
  FakeQuantize(x, 0.5f, kSeven, y);
  EXPECT_THAT(y, ElementsAre(0, 0, 0.5f, 63.5f, 63.5f));
  // Below the range 0 - 0, within it y - x, above it y.
  std::vector<float> dy = {3, 5, 7, 11, 2};
  EXPECT_NEAR(FakeQuantizeGradient(x, 0.5f, kSeven, dy), 5 * -0.2 + 7 * 0.2 + 11 * 0 + 2 * 63.5, 1e-4);
  EXPECT_THAT(dy, ElementsAre(0, 5, 7, 11, 0));

  const std::vector<float> w = {0, 0.1f, -0.1f, 5};
  std::vector<float> q(w.size()), dq = {1, 1, 2, 1};
  FakeQuantize(w, 0.5f, kFour, q);
  EXPECT_THAT(q, ElementsAre(0, 0.5f, -0.5f, 4));
  EXPECT_NEAR(FakeQuantizeGradient(w, 0.5f, kFour, dq), 0.4 - 2 * 0.4 + 4, 1e-6);
  EXPECT_THAT(dq, ElementsAre(1, 1, 2, 0));
}

TEST(FakeQuantizeTest, LeastErrorScale) {
  // Multiples of a quarter up to 8 of them, and zeros, which count for nothing.
  EXPECT_FLOAT_EQ(LeastErrorScale(std::vector<float>{0, 0.25f, -2, 1.5f, 0.5f}, kFour), 0.25f);
  // One outlier is cut off for the sake of many.
  std::vector<float> many(400, 0.1f);
  many.push_back(2);
  EXPECT_LT(LeastErrorScale(many, kFour), 0.2f);
  EXPECT_EQ(LeastErrorScale(std::vector<float>{0, 0}, kFour), 1);
  EXPECT_EQ(LeastErrorScale(std::vector<float>{}, kFour), 1);
}

TEST(FakeQuantizeTest, AGroupWithinAPlan) {
  const auto graph = Parse(
      "graph @g(%x: f32[1x2]) -> (%y: f32[1x1]) {\n  const @w: f32[2x2] = {1, 0, 0, 1}\n  const @v: f32[1x2] = {3, 5}\n"
      "  %h: f32[1x2] = fc %x, @w {act = relu}\n  %y: f32[1x1] = fc %h, @v\n}\n");
  PlanOptions options;
  ActivationGroup input, hidden;
  input.values = {graph->inputs()[0]};
  hidden.values = {graph->node_vector()[0]->result()};
  hidden.lo = 0, hidden.hi = 3;
  options.groups = {input, hidden};
  const auto plan = GradientPlan::Create(*graph, options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->groups(), 2u);
  const auto ws = (*plan)->NewWorkspace();
  std::vector<Tensor> values = (*plan)->Values();
  const auto forward = [&] {
    ws->input(0)[0] = 0.7f, ws->input(0)[1] = 1.4f;
    EXPECT_TRUE((*plan)->Forward(values, *ws).ok());
    return ws->output()[0];
  };
  EXPECT_FLOAT_EQ(forward(), 3 * 0.7f + 5 * 1.4f);  // without scales
  EXPECT_THAT(ws->group(1)[0], ElementsAre(FloatEq(0.7f), FloatEq(1.4f)));
  values.push_back(Log(1.0 / 64));
  values.push_back(Log(0.4));
  EXPECT_NEAR(forward(), 3 * 0.8f + 5 * 1.2f, 1e-5);  // 1.4 is cut to three steps
  EXPECT_NEAR(ws->group(1)[0][0], 45.0 / 64, 1e-5);

  std::vector<Tensor> gradients;
  for (const Tensor& value : values) gradients.emplace_back(value.type());
  ws->output_gradient()[0] = 1;
  (*plan)->Backward(values, *ws, gradients);
  // To w only where it was not cut; to the scale 3 (0.8 - 0.7) + 5 * 1.2; not to the input's.
  EXPECT_THAT(gradients[0].data<float>(),
              ElementsAre(FloatNear(3 * 45.0f / 64, 1e-4f), FloatNear(3 * 90.0f / 64, 1e-4f), 0, 0));
  EXPECT_THAT(gradients[1].data<float>(), ElementsAre(FloatNear(0.8f, 1e-5f), FloatNear(1.2f, 1e-5f)));
  EXPECT_EQ(gradients[2].AsDouble(0), 0);
  EXPECT_NEAR(gradients[3].AsDouble(0), 3 * (0.8 - ws->group(1)[0][0]) + 5 * 1.2, 1e-4);
}

// Points in the unit square, labelled by the side of a line on which they are.
Dataset Sides(int64_t n) {
  Tensor x = RandomReals(F32({n, 2}), 5);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    x.Set(2 * i, std::fabs(x.AsDouble(2 * i))), x.Set(2 * i + 1, std::fabs(x.AsDouble(2 * i + 1)));
    labels.push_back(x.AsDouble(2 * i) > x.AsDouble(2 * i + 1) ? 1 : 0);
  }
  return Dataset::FromTensors({x}, labels);
}

std::unique_ptr<Graph> Net() {
  return Parse(
      "graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {\n"
      "  const @w: f32[4x2] = {1, -0.5, -0.7, 0.9, 0.3, 0, -0.2, 0.6}\n  const @b: f32[4] = {0.1, 0, -0.03, 0.2}\n"
      "  const @v: f32[2x4] = {-0.6, 0.9, 0.2, 0.4, 1.1, -0.8, 0.1, -0.3}\n  const @c: f32[2] = {0.3, -0.01}\n"
      "  %h: f32[1x4] = fc %x, @w, @b {act = relu} loc(\"one\")\n  %y: f32[1x2] = fc %h, @v, @c loc(\"two\")\n}\n");
}

TEST(TrainQuantizedTest, EndsOnTheValuesOfItsIntegers) {
  const auto graph = Net();
  const Dataset data = Sides(300);
  const auto samples = Samples::Create(data, *graph, 1);
  ASSERT_TRUE(samples.ok());
  const auto quantized = prune::QuantizedParts(*graph, **samples, 4);
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  ASSERT_EQ(quantized->activations.size(), 3u);
  ASSERT_EQ(quantized->layers.size(), 2u);
  // The input has eight bits and all of its range; what relu makes has no negative codes, the outputs have.
  EXPECT_EQ(quantized->activations[0].zero_point, -128);
  EXPECT_EQ(quantized->activations[0].group.lo, 0);
  EXPECT_EQ(quantized->activations[0].group.hi, 255);
  EXPECT_NEAR(*quantized->activations[0].fixed_scale, 1.0 / 255, 1e-4);
  EXPECT_EQ(quantized->activations[1].group.lo, 0);
  EXPECT_EQ(quantized->activations[1].group.hi, 127);
  EXPECT_EQ(quantized->activations[2].group.lo, -128);
  EXPECT_FALSE(quantized->activations[1].fixed_scale);
  EXPECT_EQ(quantized->layers[0].weights, "w");
  EXPECT_EQ(quantized->layers[0].bias, "b");
  EXPECT_EQ(quantized->layers[0].input, 0);
  EXPECT_EQ(quantized->layers[1].input, 1);

  TrainOptions options;
  options.epochs = 30;
  options.batch = 20;
  options.lr = 0.02;
  options.threads = 1;
  const auto run = [&](Graph& trained, int threads) {
    const auto parts = prune::QuantizedParts(trained, **samples, 4);
    options.threads = threads;
    const auto trainer = Trainer::Create(trained, **samples, nullptr, options, &*parts);
    EXPECT_TRUE(trainer.ok()) << trainer.status();
    EXPECT_FALSE((*trainer)->quantizing());
    float first_scale = 0;
    const auto before = [&](int64_t step) {
      if (step == 40) first_scale = (*trainer)->ActivationScale(1);
      return step == 20 ? (*trainer)->StartQuantizing() : absl::OkStatus();
    };
    double loss = 0;
    EXPECT_TRUE((*trainer)->Run(before, [&](const EpochReport& report) { loss = report.loss; }).ok());
    EXPECT_TRUE((*trainer)->quantizing());
    EXPECT_FALSE((*trainer)->StartQuantizing().ok());
    EXPECT_LT(loss, 0.2);
    EXPECT_NE((*trainer)->ActivationScale(1), first_scale);
    EXPECT_EQ((*trainer)->ActivationScale(0), *parts->activations[0].fixed_scale);
    EXPECT_TRUE((*trainer)->Store(trained).ok());
    for (size_t l = 0; l < 2; ++l) {
      const Tensor& w = trained.node_vector()[l]->operand(1)->tensor();
      for (int64_t i = 0; i < w.elements(); ++i) {
        const double code = w.AsDouble(i) / (*trainer)->WeightScale(l);
        EXPECT_NEAR(code, std::round(code), 1e-5);
        EXPECT_LE(std::fabs(code), 8.001);
        EXPECT_EQ(std::round(code) == 0, l == 0 && i == 5 && w.AsDouble(i) == 0);
      }
    }
    EXPECT_TRUE(prune::WriteScales(trained, *parts, **trainer).ok());
    EXPECT_EQ(VerifyGraph(trained), absl::OkStatus());
  };
  const auto trained = Net(), again = Net();
  run(*trained, 1);
  run(*again, 3);
  EXPECT_EQ(PrintGraph(*again), PrintGraph(*trained));

  // quantize takes it as it is, and the integers compute what was trained.
  const auto integer = trained->Clone();
  auto pipeline = Pipeline::Parse("quantize,csc-encode{objective=size code=false}");
  PassContext context;
  Diagnostics diagnostics;
  const auto target = Target::ByName("generic");
  context.diagnostics = &diagnostics;
  context.target = &*target;
  ASSERT_EQ(pipeline->Run(*integer, context), absl::OkStatus());
  ASSERT_EQ(integer->nodes().size(), 2u);
  for (const auto& node : integer->nodes()) {
    EXPECT_EQ(node->operand(1)->type().encoding.values, ValueCode::n4) << PrintGraph(*integer);
  }
  const auto reference = Interpreter::Create(*trained), compiled = Interpreter::Create(*integer);
  ASSERT_TRUE(reference.ok() && compiled.ok());
  for (int64_t i = 0; i < 40; ++i) {
    const auto want = (*reference)->Run(data.Sample(i, *trained)), got = (*compiled)->Run(data.Sample(i, *integer));
    ASSERT_TRUE(want.ok() && got.ok());
    const Quantization& quant = *(*got)[0].type().quant;
    for (int64_t k = 0; k < 2; ++k) {
      EXPECT_NEAR(double{quant.scale()} * static_cast<double>((*got)[0].AsInt(k) - quant.zero_point()),
                  (*want)[0].AsDouble(k), 1.5 * double{quant.scale()});
    }
  }
}

TEST(TrainQuantizedTest, Errors) {
  const auto graph = Net();
  const Dataset data = Sides(20);
  const auto samples = Samples::Create(data, *graph, 1);
  Quantized quantized;
  const auto message = [&] {
    return std::string(Trainer::Create(*graph, **samples, nullptr, {}, &quantized).status().message());
  };
  quantized.layers = {{"u", "", -1}};
  EXPECT_EQ(message(), "@u is to be quantized, but is not trained");
  quantized.layers = {{"w", "u", -1}};
  EXPECT_EQ(message(), "@u is to be quantized, but is not trained");
  quantized.layers = {{"w", "", 0}};
  EXPECT_EQ(message(), "@w: there is no group 0");
  quantized.layers = {{"w", "", -1}};
  EXPECT_EQ(message(), "");
  for (const int bits : {1, 9}) {
    quantized.weight_bits = bits;
    EXPECT_THAT(message(), HasSubstr("weights of " + std::to_string(bits) + " bits and biases of 8: outside [2, 8]"));
  }
  const auto trainer = Trainer::Create(*graph, **samples, nullptr, {});
  EXPECT_FALSE((*trainer)->StartQuantizing().ok());
}

}  // namespace
}  // namespace mcuc
