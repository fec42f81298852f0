// Whether a model is found to know its validation samples: models of one threshold, and samples placed around it.
#include "../../lib/Passes/Familiarity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../../lib/Passes/Search.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::HasSubstr;

// Class 1 where x is above the threshold.
std::unique_ptr<Graph> Above(double threshold) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(absl::StrCat("graph @g(%x: f32[1x1]) -> (%y: f32[1x2]) {\n  const @w: f32[2x1] = {-1, 1}\n",
                                       "  const @b: f32[2] = {", threshold, ", ", -threshold, "}\n",
                                       "  %y: f32[1x2] = fc %x, @w, @b loc(\"fc\")\n}\n"),
                          "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  graph->set_source("t.mcu");
  return graph;
}

// So many samples of class 1 at 2 and at 0.25, and of class 1 at -2, which no model here gets right.
Dataset Samples(int64_t clear, int64_t near, int64_t wrong) {
  const int64_t n = clear + near + wrong;
  Tensor x(Type{ElementType::f32, {n, 1}});
  for (int64_t i = 0; i < n; ++i) x.Set(i, i < clear ? 2 : i < clear + near ? 0.25 : -2);
  return Dataset::FromTensors({x}, std::vector<int32_t>(static_cast<size_t>(n), 1));
}

class FamiliarityTest : public testing::Test {
 protected:
  FamiliarityTest() : target_(*Target::ByName("generic")) {
    context_.diagnostics = &diagnostics_;
    context_.target = &target_;
    context_.threads = 1;
  }

  // The model's threshold is 0, the control's 0.5: what lies between is what the control loses.
  prune::Familiarity Test(const Dataset& train, const Dataset& validate) {
    context_.train = &train;
    context_.validate = &validate;
    const auto graph = Above(0);
    const Outputs outputs = *RunGraph(*graph, validate);
    const Score score = *ScoreOf(outputs, validate, nullptr, MetricKind::kTop1);
    const auto result = prune::TestFamiliarity(*graph, outputs, score, Control(), context_);
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  }
  prune::Retrain Control() {
    return [this](PassContext&) {
      ++controls_;
      return Above(0.5);
    };
  }

  Diagnostics diagnostics_;
  Target target_;
  PassContext context_;
  int controls_ = 0;
};

TEST_F(FamiliarityTest, KnownWhereOnlyTheOthersAreLost) {
  const prune::Familiarity found = Test(Samples(190, 10, 0), Samples(140, 60, 0));
  EXPECT_TRUE(found.known);
  EXPECT_EQ(found.train.value, 1);
  EXPECT_EQ(found.control_train.value, 0.95);
  EXPECT_EQ(found.control.value, 0.7);
  EXPECT_EQ(found.seen.size(), 200);
  ASSERT_EQ(found.outputs.size(), 200u);  // the model's
  EXPECT_EQ(found.outputs[0][1], 2.0f);
}

TEST_F(FamiliarityTest, RetrainingThatCostsAsMuchEverywhereSaysNothing) {
  EXPECT_FALSE(Test(Samples(140, 60, 0), Samples(140, 60, 0)).known);
}

TEST_F(FamiliarityTest, WhatChanceMayDoSaysNothing) {
  EXPECT_FALSE(Test(Samples(200, 0, 0), Samples(195, 5, 0)).known);
  EXPECT_TRUE(Test(Samples(200, 0, 0), Samples(185, 15, 0)).known);
}

TEST_F(FamiliarityTest, AModelThatScoresLessThereNeedsNoControl) {
  EXPECT_FALSE(Test(Samples(200, 0, 0), Samples(100, 60, 40)).known);
  EXPECT_EQ(controls_, 0);
  Test(Samples(160, 0, 40), Samples(100, 60, 40));
  EXPECT_EQ(controls_, 1);
}

TEST_F(FamiliarityTest, AsManyTrainingSamplesAsValidationSamples) {
  // Of the training samples in a row, each fifth: the 200 of 1,000 that are near lie together.
  const prune::Familiarity found = Test(Samples(800, 200, 0), Samples(140, 60, 0));
  EXPECT_EQ(found.train.samples, 200);
  EXPECT_EQ(found.control_train.value, 0.8);
}

TEST_F(FamiliarityTest, DropsAreMeasuredOnBoth) {
  const Dataset train = Samples(190, 10, 0), validate = Samples(140, 60, 0);
  context_.train = &train;
  context_.validate = &validate;
  const auto graph = Above(0);
  prune::SearchOptions options;
  options.standard_errors = 0;
  options.retrain = Control();
  // A candidate that is what the control is: 30 points below the model on the validation samples, 5 on the others.
  const prune::PruneTo same = [&](Graph& candidate, const std::vector<Value*>&, double, int64_t, const prune::Glance&,
                                  PassContext&) {
    candidate.Swap(*Above(0.5));
    return prune::Pruned{};
  };
  for (const bool tolerated : {true, false}) {
    options.max_drop = tolerated ? 0.1751 : 0.1749;
    const auto result = prune::SearchSparsity(*graph, context_, options, nullptr, same);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->reference.value, 1);
    EXPECT_EQ(result->candidates[0].score.value, 0.7);
    EXPECT_NEAR(result->candidates[0].drop, 0.175, 1e-12);
    // Of 60 and of 10 in 200 that are lost: sqrt(p (1 - p) / 199).
    EXPECT_NEAR(result->candidates[0].error, std::sqrt((0.3 * 0.7 + 0.05 * 0.95) / 199) / 2, 1e-4);
    EXPECT_EQ(result->candidates[0].accepted, tolerated);
  }
  EXPECT_THAT(diagnostics_.all()[0].message,
              HasSubstr("it scores 100.00 % of 200 there and 100.00 % of 200 training samples; retrained without them, "
                        "70.00 % of 200 and 95.00 % of 200. Drops are measured on as many samples of both"));

  options.retrain = nullptr;
  const auto result = prune::SearchSparsity(*graph, context_, options, nullptr, same);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_DOUBLE_EQ(result->candidates[0].drop, 0.3);
}

}  // namespace
}  // namespace mcuc
