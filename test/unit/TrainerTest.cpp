// Training: losses and optimizer steps by values computed by hand, the schedule, masks, distillation, that bits depend
// on the seed and not on threads or caches, that a loss falls, and the messages.
#include "mcuc/Train/Trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "../../lib/Train/Loss.h"
#include "ExecTesting.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::HasSubstr;
using namespace train;

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = ParseGraph(text, "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

// y = w x.
std::unique_ptr<Graph> Line(const std::string& w) {
  return Parse("graph @l(%x: f32[1x1]) -> (%y: f32[1x1]) {\n  const @w: f32[1x1] = {" + w +
               "}\n  %y: f32[1x1] = fc %x, @w\n}\n");
}

Dataset Points(const std::vector<float>& x) {
  return Dataset::FromTensors({Tensor::Of(F32({static_cast<int64_t>(x.size()), 1}), x)}, {});
}

std::unique_ptr<Samples> SamplesOf(const Dataset& data, const Graph& graph, int64_t cache = int64_t{1} << 30) {
  auto samples = Samples::Create(data, graph, 1, cache);
  EXPECT_TRUE(samples.ok()) << samples.status();
  return *std::move(samples);
}

TrainOptions Sgd(double lr, int64_t epochs, int64_t batch) {
  TrainOptions options;
  options.optimizer = OptimizerKind::kSgd;
  options.lr = lr;
  options.epochs = epochs;
  options.batch = batch;
  options.warmup = 0;
  options.momentum = 0;
  options.threads = 1;
  return options;
}

// 300 points of 4 numbers in three classes, that a small net with a hidden layer separates.
Dataset Classes(int64_t n = 300) {
  Tensor x = RandomReals(F32({n, 4}), 3);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const double a = x.AsDouble(4 * i) + x.AsDouble(4 * i + 1), b = x.AsDouble(4 * i + 2) * x.AsDouble(4 * i + 3);
    labels.push_back(b > 0.05 ? 0 : a > 0 ? 1 : 2);
  }
  return Dataset::FromTensors({x}, labels);
}

std::unique_ptr<Graph> Net(bool softmax = false) {
  auto graph = std::make_unique<Graph>("net");
  Value* x = graph->AddInput("x", F32({1, 4}));
  const auto constant = [&](const std::string& name, Shape shape, unsigned seed) {
    return graph->AddConstant(name, RandomReals(F32(std::move(shape)), seed));
  };
  FcAttrs hidden;
  hidden.act.kind = ActKind::relu;
  Node* h = graph->AddNode(hidden, {x, constant("w1", {16, 4}, 7), constant("b1", {16}, 8)}, "h", F32({1, 16}));
  Node* y = graph->AddNode(FcAttrs{}, {h->result(), constant("w2", {3, 16}, 9)}, "y", F32({1, 3}));
  if (softmax) y = graph->AddNode(SoftmaxAttrs{1, false}, {y->result()}, "p", F32({1, 3}));
  graph->AddOutput(y->result());
  return graph;
}

// The trained graph's text and the losses of its epochs.
struct Outcome {
  std::string text;
  std::vector<double> losses;
};
Outcome TrainNet(const TrainOptions& options, const Dataset& data, const Graph* teacher = nullptr, bool softmax = false,
                 int64_t cache = int64_t{1} << 30) {
  const auto graph = Net(softmax);
  const auto samples = SamplesOf(data, *graph, cache);
  auto trainer = Trainer::Create(*graph, *samples, teacher, options);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  Outcome outcome;
  const absl::Status status =
      (*trainer)->Run(nullptr, [&](const EpochReport& report) { outcome.losses.push_back(report.loss); });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE((*trainer)->Store(*graph).ok());
  outcome.text = PrintGraph(*graph);
  return outcome;
}

// Kept or made anew, every sample is its own.
TEST(SamplesTest, AreTheSameWhateverIsKept) {
  Dataset data = Dataset::FromTensors({RandomReals(F32({5, 3}), 1)}, {});
  const auto graph = Parse("graph @s(%x: f32[1x3]) -> (%y: f32[1x3]) {\n  %y: f32[1x3] = unary %x {fn = exp}\n}\n");
  const Tensor all = RandomReals(F32({5, 3}), 1);
  for (const int64_t kept : {0, 1, 2, 5, 100}) {
    const auto samples = SamplesOf(data, *graph, kept * 12);
    for (int64_t i = 0; i < 5; ++i) {
      std::vector<float> sample(3, -7);
      samples->Copy(i, {sample.data()});
      for (size_t k = 0; k < 3; ++k) EXPECT_EQ(sample[k], all.AsDouble(i * 3 + static_cast<int64_t>(k))) << kept << i;
      samples->Copy(i, {nullptr});
    }
  }
}

TEST(LossTest, CrossEntropy) {
  const float x[] = {std::log(2.0f), 0, 0};  // probabilities 1/2, 1/4, 1/4
  float gradient[] = {1, 0, 0};
  EXPECT_NEAR(CrossEntropy(x, 3, 1, 2, gradient), 2 * std::log(4), 1e-6);
  EXPECT_THAT(gradient, ElementsAre(FloatEq(2), FloatEq(-1.5), FloatEq(0.5)));
  const float far[] = {1000, -1000};
  float none[] = {0, 0};
  EXPECT_EQ(CrossEntropy(far, 2, 1, 1, none), 2000);
}

TEST(LossTest, Distillation) {
  // At temperature 2 the student's probabilities are 1/2, 1/4, 1/4, the teacher's 1/4, 1/4, 1/2.
  const float l = 2 * std::log(2.0f), x[] = {l, 0, 0}, teacher[] = {0, 0, l};
  float gradient[] = {0, 0, 1};
  EXPECT_NEAR(Distillation(x, teacher, 3, 2, 0.5, gradient), 0.5 * 4 * 0.25 * std::log(2), 1e-6);
  EXPECT_THAT(gradient, ElementsAre(FloatEq(0.25), FloatNear(0, 1e-7f), FloatEq(0.75)));
  float none[] = {0, 0, 0};
  EXPECT_NEAR(Distillation(x, x, 3, 2, 1, none), 0, 1e-12);
}

TEST(LossTest, MeanSquaredError) {
  const float x[] = {1, 5}, target[] = {3, 4};
  float gradient[] = {0, 1};
  EXPECT_EQ(MeanSquaredError(x, target, 2, 3, gradient), 7.5);
  EXPECT_THAT(gradient, ElementsAre(-6, 4));
}

TEST(OptimizerTest, Schedule) {
  TrainOptions options;
  options.lr = 4;
  options.warmup = 0.5;
  EXPECT_DOUBLE_EQ(LearningRate(options, 0, 8), 1);
  EXPECT_DOUBLE_EQ(LearningRate(options, 1, 8), 2 * 0.5 * (1 + std::cos(M_PI / 8)));
  EXPECT_DOUBLE_EQ(LearningRate(options, 4, 8), 2);
  EXPECT_DOUBLE_EQ(LearningRate(options, 6, 8), 2 * (1 - std::sqrt(0.5)));
  options.warmup = 0;
  EXPECT_DOUBLE_EQ(LearningRate(options, 0, 8), 4);
}

TEST(OptimizerTest, SgdWithMomentum) {
  Parameter p{"w", Tensor::Of<float>(F32({2}), {1, 1}), {}, {}, {}};
  TrainOptions options = Sgd(1, 1, 1);
  options.momentum = 0.5;
  const float first[] = {2, 0}, second[] = {4, 0};
  UpdateParameter(options, 0.125, 0, first, p);
  EXPECT_THAT(p.value.data<float>(), ElementsAre(0.75, 1));
  UpdateParameter(options, 0.25, 1, second, p);  // velocity 5
  EXPECT_THAT(p.value.data<float>(), ElementsAre(-0.5, 1));
  options.weight_decay = 0.5;
  const float none[] = {0, 0};
  UpdateParameter(options, 0.25, 2, none, p);  // velocity 2.5; decay by an eighth
  EXPECT_THAT(p.value.data<float>(), ElementsAre(-0.5 - 0.625 + 0.0625, 0.875));
  EXPECT_TRUE(p.second.empty());
}

TEST(OptimizerTest, RatesAreInProportionToTheValues) {
  const float small[] = {0.003f, 0, -0.004f, 0}, zeros[] = {0, 0};
  EXPECT_NEAR(RateOf(small), 0.025, 1e-8);
  EXPECT_EQ(RateOf(zeros), 1);
  Parameter p{"w", Tensor::Of<float>(F32({1}), {1}), {}, {}, {}, RateOf(small)};
  const float gradient[] = {7};
  UpdateParameter(TrainOptions(), 0.5, 0, gradient, p);
  EXPECT_NEAR(p.value.AsDouble(0), 1 - 0.0125, 1e-6);
}

TEST(OptimizerTest, Adam) {
  Parameter p{"w", Tensor::Of<float>(F32({3}), {1, 1, 1}), {1, 1, 0}, {}, {}};
  TrainOptions options;
  const float first[] = {2, -0.001f, 5};
  UpdateParameter(options, 0.5, 0, first, p);
  // The first step is the rate, whatever the gradient; a weight held is zero, but its gradient counts.
  EXPECT_THAT(p.value.data<float>(), ElementsAre(FloatNear(0.5f, 1e-6f), FloatNear(1.5f, 2e-5f), 0));
  EXPECT_THAT(p.second, ElementsAre(FloatNear(0.04f, 1e-6f), FloatNear(1e-8f, 1e-12f), FloatNear(0.25f, 1e-6f)));
  const float second[] = {0, 0, 0};
  options.weight_decay = 0.1;
  UpdateParameter(options, 0.5, 1, second, p);
  // m = 0.18 / 0.19, v = 0.0396 / 0.0199, and a decay of 0.5 * 0.1 of 0.5.
  const double step = 0.5 * (0.18 / 0.19) / std::sqrt(0.0396 / 0.0199);
  EXPECT_NEAR(p.value.AsDouble(0), 0.5 - step - 0.025, 1e-6);
  EXPECT_EQ(p.value.AsDouble(2), 0);
}

TEST(TrainerTest, OneStepByHand) {
  // Student y = x, teacher y = 2 x, at x = 1 and 2: errors -1 and -2, gradient 2 (-1 - 4) / 2 = -5.
  const auto graph = Line("1"), teacher = Line("2");
  const Dataset data = Points({1, 2});
  const auto samples = SamplesOf(data, *graph);
  auto trainer = Trainer::Create(*graph, *samples, teacher.get(), Sgd(0.125, 1, 2));
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  EXPECT_EQ((*trainer)->steps(), 1);
  std::vector<int64_t> steps;
  std::vector<double> losses;
  ASSERT_TRUE((*trainer)
                  ->Run(
                      [&](int64_t step) {
                        steps.push_back(step);
                        return absl::OkStatus();
                      },
                      [&](const EpochReport& report) {
                        losses.push_back(report.loss);
                        EXPECT_EQ(report.epoch, 1);
                        EXPECT_EQ(report.epochs, 1);
                        EXPECT_EQ(report.seconds_left, 0);
                      })
                  .ok());
  EXPECT_THAT(steps, ElementsAre(0));
  EXPECT_THAT(losses, ElementsAre(2.5));
  ASSERT_TRUE((*trainer)->Store(*graph).ok());
  EXPECT_EQ(WeightsOf(*graph)[0]->tensor().AsDouble(0), 1.625);
  EXPECT_EQ((*trainer)->Find("w")->name, "w");
  EXPECT_EQ((*trainer)->Find("v"), nullptr);
  EXPECT_EQ((*trainer)->Store(*Net()).code(), absl::StatusCode::kInternal);
}

TEST(TrainerTest, TheLastBatchMayBeSmaller) {
  // 21 equal points, batches of 10: three steps an epoch, the last on one sample, its gradient as large as the others'.
  const auto graph = Line("1"), teacher = Line("2");
  const Dataset data = Points(std::vector<float>(21, 1.0f));
  const auto samples = SamplesOf(data, *graph);
  TrainOptions options = Sgd(0.25, 1, 10);
  auto trainer = Trainer::Create(*graph, *samples, teacher.get(), options);
  ASSERT_TRUE(trainer.ok());
  EXPECT_EQ((*trainer)->steps(), 3);
  double loss = 0;
  ASSERT_TRUE((*trainer)->Run(nullptr, [&](const EpochReport& report) { loss = report.loss; }).ok());
  // Errors -1, -0.5 and -0.5 (1 - 2 * 0.75 * 0.25): rates 0.25, 0.1875, 0.0625.
  EXPECT_NEAR(loss, (10 * 1 + 10 * 0.25 + 0.3125 * 0.3125) / 21, 1e-6);
  EXPECT_NEAR((*trainer)->Find("w")->value.AsDouble(0), 2 - 0.3125 * (1 - 2 * 0.0625), 1e-6);
}

TEST(TrainerTest, ExpectedOutputsAndATeacherShareTheLoss) {
  const auto graph = Line("1"), teacher = Line("2");
  const std::string stem = testing::TempDir() + "train_targets";
  std::filesystem::create_directories(stem);
  // Two samples as TensorProtos: dims, float, raw_data. x = 1 and 2, expected 3 and 0.
  const auto write = [&](const std::string& name, float value) {
    std::ofstream file(stem + "/" + name, std::ios::binary);
    file << std::string("\x08\x01\x08\x01\x10\x01\x4a\x04", 8);
    file.write(reinterpret_cast<const char*>(&value), 4);
  };
  for (int i = 0; i < 2; ++i) {
    std::filesystem::create_directories(stem + "/test_data_set_" + std::to_string(i));
    write("test_data_set_" + std::to_string(i) + "/input_0.pb", i == 0 ? 1.0f : 2.0f);
    write("test_data_set_" + std::to_string(i) + "/output_0.pb", i == 0 ? 3.0f : 0.0f);
  }
  const auto data = Dataset::Load(stem, *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_TRUE(data->has_targets());
  const auto samples = SamplesOf(*data, *graph);
  const auto run = [&](const Graph* with, double distill) {
    TrainOptions options = Sgd(0.125, 1, 2);
    options.distill = distill;
    auto trainer = Trainer::Create(*graph, *samples, with, options);
    EXPECT_TRUE(trainer.ok()) << trainer.status();
    std::pair<double, double> result;
    EXPECT_TRUE((*trainer)->Run(nullptr, [&](const EpochReport& report) { result.first = report.loss; }).ok());
    result.second = (*trainer)->Find("w")->value.AsDouble(0);
    return result;
  };
  // Errors -2 and 2: loss 4, gradient (-4 + 8) / 2 = 2.
  EXPECT_EQ(run(nullptr, 0.5), std::make_pair(4.0, 0.75));
  EXPECT_EQ(run(teacher.get(), 0.0), std::make_pair(4.0, 0.75));
  EXPECT_EQ(run(teacher.get(), 1.0), std::make_pair(2.5, 1.625));
  EXPECT_EQ(run(teacher.get(), 0.25), std::make_pair(0.75 * 4 + 0.25 * 2.5, 1 - 0.125 * (0.75 * 2 - 0.25 * 5)));
}

TEST(TrainerTest, TheLossFallsAndBitsDependOnTheSeedAlone) {
  const Dataset data = Classes();
  TrainOptions options;
  options.epochs = 12;
  options.batch = 20;
  options.lr = 0.03;
  options.threads = 1;
  const Outcome one = TrainNet(options, data);
  ASSERT_EQ(one.losses.size(), 12u);
  EXPECT_LT(one.losses.back(), 0.35);
  EXPECT_LT(one.losses.back(), one.losses.front() / 2);
  options.threads = 2;
  EXPECT_EQ(TrainNet(options, data).text, one.text);
  options.threads = 5;
  EXPECT_EQ(TrainNet(options, data).text, one.text);
  EXPECT_EQ(TrainNet(options, data, nullptr, false, 16 * 100).text, one.text);  // 100 of the 300 samples are kept
  EXPECT_EQ(TrainNet(options, data, nullptr, false, 0).losses, one.losses);
  options.seed = 1;
  EXPECT_NE(TrainNet(options, data).text, one.text);
  options.optimizer = OptimizerKind::kSgd;
  EXPECT_LT(TrainNet(options, data).losses.back(), 0.6);
  // A softmax at the end takes no part in the loss, and its operand is trained as the output would be without it.
  options = {};
  options.threads = 1;
  EXPECT_EQ(TrainNet(options, data, nullptr, true).losses, TrainNet(options, data).losses);
}

TEST(TrainerTest, DistilsWithoutLabels) {
  const auto teacher = Net();
  for (Value* weights : WeightsOf(*teacher)) {
    Tensor tensor = weights->tensor();
    for (float& w : tensor.data<float>()) w *= 1.5f;
    weights->set_tensor(std::move(tensor));
  }
  Dataset labelled = Classes(), data = Dataset::FromTensors({RandomReals(F32({300, 4}), 3)}, {});
  TrainOptions options;
  options.epochs = 8;
  options.batch = 25;
  options.lr = 0.02;
  const Outcome outcome = TrainNet(options, data, teacher.get());
  EXPECT_GT(outcome.losses.front(), 0.02);
  EXPECT_LT(outcome.losses.back(), outcome.losses.front() / 10);
  // With labels the teacher has its share, all of it, or none.
  options.epochs = 2;
  options.distill = 1;
  EXPECT_EQ(TrainNet(options, labelled, teacher.get()).text, TrainNet(options, data, teacher.get()).text);
  options.distill = 0;
  EXPECT_EQ(TrainNet(options, labelled, teacher.get()).text, TrainNet(options, labelled).text);
  options.distill = 0.5;
  options.temperature = 4;
  const std::string mixed = TrainNet(options, labelled, teacher.get()).text;
  EXPECT_NE(mixed, TrainNet(options, labelled).text);
  options.temperature = 2;
  EXPECT_NE(mixed, TrainNet(options, labelled, teacher.get()).text);
}

TEST(TrainerTest, HeldWeightsStayZero) {
  const auto graph = Net();
  const Dataset data = Classes();
  const auto samples = SamplesOf(data, *graph);
  TrainOptions options;
  options.epochs = 2;
  options.lr = 0.05;
  auto trainer = Trainer::Create(*graph, *samples, graph.get(), options);
  ASSERT_TRUE(trainer.ok());
  std::vector<uint8_t> kept(64);
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = i % 3 == 0;
  Parameter& w = *(*trainer)->Find("w1");
  Trainer::Hold(w, kept);
  EXPECT_EQ(w.value.nonzeros(), 22);
  int64_t seen = -1;
  ASSERT_TRUE((*trainer)
                  ->Run([&](int64_t step) {
                    EXPECT_EQ(step, ++seen);
                    EXPECT_EQ(w.value.nonzeros(), 22);
                    if (step == 3) {  // a mask may change on the way
                      kept[0] = 0;
                      Trainer::Hold(w, kept);
                      EXPECT_EQ(w.value.AsDouble(0), 0);
                      kept[0] = 1;
                      kept[1] = 1;
                      kept[3] = 0;
                      Trainer::Hold(w, kept);
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(seen + 1, (*trainer)->steps());
  ASSERT_TRUE((*trainer)->Store(*graph).ok());
  const Tensor& trained = WeightsOf(*graph)[0]->tensor();
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(trained.AsDouble(static_cast<int64_t>(i)) != 0, kept[i] != 0) << i;
}

TEST(TrainerTest, AStepMayEndTheTraining) {
  const auto graph = Line("1");
  const Dataset data = Points({1, 2});
  const auto samples = SamplesOf(data, *graph);
  const auto trainer = Trainer::Create(*graph, *samples, graph.get(), Sgd(0.1, 3, 1));
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  int64_t last = -1;
  const absl::Status status = (*trainer)->Run([&](int64_t step) {
    last = step;
    return step == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::CancelledError("enough"));
  EXPECT_EQ(last, 2);
}

TEST(TrainerTest, Errors) {
  const auto message = [](const Graph& graph, const Dataset& data, const Graph* teacher, const TrainOptions& options) {
    const auto samples = Samples::Create(data, graph, 1);
    if (!samples.ok()) return std::string(samples.status().message());
    const auto trainer = Trainer::Create(graph, **samples, teacher, options);
    if (!trainer.ok()) return std::string(trainer.status().message());
    return std::string((*trainer)->Run().message());
  };
  const auto net = Net(), line = Line("1");
  const Dataset classes = Classes(), plain = Points({1, 2});
  EXPECT_EQ(message(*net, classes, nullptr, {}), "");
  EXPECT_EQ(message(*net, Dataset::FromTensors({RandomReals(F32({9, 4}), 3)}, {}), nullptr, {}),
            "the training samples have no labels; give labels=PATH, or distil");
  EXPECT_EQ(message(*line, plain, nullptr, {}), "the training samples have no expected outputs to train against");
  EXPECT_EQ(message(*net, Dataset::FromTensors({RandomReals(F32({2, 4}), 3)}, {0, 3}), nullptr, {}),
            "training sample 1 has label 3, but the model has 3 classes");
  EXPECT_EQ(message(*net, Dataset::FromTensors({RandomReals(F32({2, 4}), 3)}, {-1, 2}), nullptr, {}),
            "training sample 0 has label -1, but the model has 3 classes");
  EXPECT_THAT(message(*line, Dataset::FromTensors({RandomReals(F32({2, 1}), 3)}, {0, 0}), nullptr, {}),
              HasSubstr("at least two classes"));
  EXPECT_EQ(message(*net, Dataset::FromTensors({Tensor()}, {}), nullptr, {}), "there are no samples to train on");
  EXPECT_THAT(message(*net, plain, nullptr, {}), HasSubstr("the training samples do not fit input %x of f32[1x4]"));
  EXPECT_EQ(message(*line, plain, net.get(), {}), "the teacher's inputs are not those of the graph");
  const auto two = Parse(
      "graph @t(%x: f32[1x1]) -> (%y: f32[1x2]) {\n  const @w: f32[2x1] = {1, 2}\n  %y: f32[1x2] = fc %x, @w\n}\n");
  EXPECT_THAT(message(*line, plain, two.get(), {}),
              HasSubstr("the teacher's output has 2 elements a sample and the graph's 1"));
  TrainOptions diverging = Sgd(90, 40, 1);
  EXPECT_THAT(message(*line, Points({50, 20}), Line("3").get(), diverging), HasSubstr("; lower lr=90"));
  const auto option = [&](auto set) {
    TrainOptions options;
    set(options);
    return message(*net, classes, nullptr, options);
  };
  EXPECT_EQ(option([](TrainOptions& o) { o.epochs = 0; }), "epochs=0 is outside [1, 100000]");
  EXPECT_EQ(option([](TrainOptions& o) { o.batch = 0; }), "batch=0 is outside [1, 65536]");
  EXPECT_EQ(option([](TrainOptions& o) { o.batch = 65537; }), "batch=65537 is outside [1, 65536]");
  EXPECT_EQ(option([](TrainOptions& o) { o.lr = 0; }), "lr=0 is outside (0, 100]");
  EXPECT_EQ(option([](TrainOptions& o) { o.warmup = 1; }), "warmup=1 is outside [0, 1)");
  EXPECT_EQ(option([](TrainOptions& o) { o.momentum = -1; }), "momentum=-1 is outside [0, 1)");
  EXPECT_EQ(option([](TrainOptions& o) { o.second_decay = 1; }), "second-decay=1 is outside [0, 1)");
  EXPECT_EQ(option([](TrainOptions& o) { o.weight_decay = 2; }), "weight-decay=2 is outside [0, 1]");
  EXPECT_EQ(option([](TrainOptions& o) { o.distill = 1.5; }), "distill=1.5 is outside [0, 1]");
  EXPECT_EQ(option([](TrainOptions& o) { o.temperature = 0; }), "temperature=0 is outside (0, 1000]");
  EXPECT_EQ(option([](TrainOptions& o) { o.lr = std::nan(""); }), "lr=nan is outside (0, 100]");
}

}  // namespace
}  // namespace mcuc
