// Scores: every metric by hand, ties and NaN, the drop between two scores, and a graph run over a data set.
#include "mcuc/Data/Score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Dataset Samples(int64_t n, std::vector<int32_t> labels = {}) {
  return Dataset::FromTensors({Tensor(Type{ElementType::f32, {n, 1}})}, std::move(labels));
}

std::string ErrorOf(const absl::StatusOr<Score>& score) {
  return score.ok() ? "no error" : std::string(score.status().message());
}

TEST(ScoreOf, TopOneWithLabels) {
  // Right; wrong; the first of two equal ones; a NaN agrees with nothing.
  const Outputs outputs = {{0, 1, 0.5f}, {0, 1, 2}, {3, 1, 3}, {kNan, 1, 0}};
  absl::StatusOr<Score> score = ScoreOf(outputs, Samples(4, {1, 1, 0, 1}), nullptr);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->kind, MetricKind::kTop1);
  EXPECT_EQ(score->value, 0.5);
  EXPECT_EQ(score->samples, 4);
  EXPECT_EQ(score->ToString(), "50.00 % of 4");
  EXPECT_EQ(ScoreOf(outputs, Samples(4, {1, 1, 2, 0}), nullptr)->value, 0.25);
}

TEST(ScoreOf, ClassGivenByTheModel) {
  const absl::StatusOr<Score> score = ScoreOf({{3}, {4}, {kNan}}, Samples(3, {3, 5, 0}), nullptr);
  ASSERT_TRUE(score.ok());
  EXPECT_NEAR(score->value, 1.0 / 3, 1e-12);
}

TEST(ScoreOf, AgreementWithoutLabels) {
  const Outputs reference = {{0, 1}, {1, 0}, {kNan, 0}, {0, 1}};
  const Outputs outputs = {{0, 2}, {0, 2}, {kNan, 0}, {-1, 0}};
  const absl::StatusOr<Score> score = ScoreOf(outputs, Samples(4), &reference);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->kind, MetricKind::kAgreement);
  EXPECT_EQ(score->value, 0.5);
  EXPECT_EQ(score->ToString(), "50.00 % agreement on 4");
  EXPECT_THAT(ErrorOf(ScoreOf(outputs, Samples(4), nullptr)), HasSubstr("neither labels nor expected outputs"));
}

TEST(ScoreOf, ErrorOfARegression) {
  const Outputs reference = {{1}, {2}, {6}};
  const absl::StatusOr<Score> score = ScoreOf({{1}, {4}, {5}}, Samples(3), &reference);
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->kind, MetricKind::kMinusMse);
  EXPECT_NEAR(score->value, -5.0 / 3, 1e-12);
  EXPECT_NEAR(score->spread, 41.0 / 3 - 9, 1e-12);
  // Two values a sample: 1, 2, 6, 7 have the mean 4 and squared deviations of 9 + 4 + 4 + 9.
  const Outputs pairs = {{1, 2}, {6, 7}};
  const absl::StatusOr<Score> shifted = ScoreOf({{1, 2}, {6, 9}}, Samples(2), &pairs, MetricKind::kMinusMse);
  ASSERT_TRUE(shifted.ok()) << shifted.status();
  EXPECT_EQ(shifted->value, -1);
  EXPECT_NEAR(shifted->spread, 26.0 / 4, 1e-12);
  EXPECT_EQ(score->ToString(), "mse 1.667 over 3");
}

TEST(ScoreOf, MetricAskedFor) {
  const Outputs reference = {{1, 3}, {3, 1}};
  const Outputs outputs = {{1, 5}, {1, 2}};
  const Dataset labelled = Samples(2, {1, 1});
  EXPECT_EQ(ScoreOf(outputs, labelled, &reference)->value, 1.0);
  EXPECT_EQ(ScoreOf(outputs, labelled, &reference, MetricKind::kAgreement)->value, 0.5);
  const absl::StatusOr<Score> mse = ScoreOf(outputs, labelled, &reference, MetricKind::kMinusMse);
  EXPECT_EQ(mse->value, -(4.0 + 4 + 1) / 4);
  EXPECT_EQ(mse->spread, 1.0);
  EXPECT_THAT(ErrorOf(ScoreOf(outputs, Samples(2), &reference, MetricKind::kTop1)), HasSubstr("has no labels"));
  EXPECT_THAT(ErrorOf(ScoreOf(outputs, labelled, nullptr, MetricKind::kMinusMse)), HasSubstr("no reference model"));
}

TEST(ScoreOf, OurOwnMistakes) {
  const Outputs two = {{1}, {2}}, longer = {{1, 2}, {2, 3}};
  EXPECT_EQ(ScoreOf(two, Samples(3), &two).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ScoreOf({}, Samples(0), nullptr).status().code(), absl::StatusCode::kInternal);
  const Outputs one = {{1}};
  EXPECT_EQ(ScoreOf(two, Samples(2), &one).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ScoreOf(two, Samples(2), &longer, MetricKind::kMinusMse).status().code(), absl::StatusCode::kInternal);
}

TEST(DropOf, DifferenceOrLossOfRSquared) {
  const Score a{MetricKind::kTop1, 0.75, 4, 1}, b{MetricKind::kTop1, 0.5, 4, 1};
  EXPECT_EQ(DropOf(a, b), 0.25);
  EXPECT_EQ(DropOf(b, a), -0.25);
  const Score exact{MetricKind::kMinusMse, -0.5, 4, 4}, worse{MetricKind::kMinusMse, -1.5, 4, 4};
  EXPECT_EQ(DropOf(exact, worse), 0.25);
  EXPECT_EQ(DropOf(worse, exact), -0.25);
  // Nothing varies: any error is too much, none is none.
  const Score flat{MetricKind::kMinusMse, 0, 4, 0}, off{MetricKind::kMinusMse, -1, 4, 0};
  EXPECT_EQ(DropOf(flat, flat), 0);
  EXPECT_EQ(DropOf(flat, off), std::numeric_limits<double>::infinity());
  const Score nan{MetricKind::kMinusMse, std::nan(""), 4, 4};
  EXPECT_EQ(DropOf(exact, nan), std::numeric_limits<double>::infinity());
}

TEST(RunGraph, GivesTheFirstOutputAsFloats) {
  Diagnostics diagnostics;
  const auto graph = ParseGraph(R"(graph @g(%x: f32[1x2]) -> (%y: i8<0.5:1>[1x2], %z: f32[1x2]) {
  %z: f32[1x2] = unary %x {fn = neg}
  %y: i8<0.5:1>[1x2] = quantize %z
}
)",
                                "g.mcu", diagnostics);
  ASSERT_TRUE(graph) << diagnostics.ToStatus();
  const Dataset data =
      Dataset::FromTensors({Tensor::Of<float>(Type{ElementType::f32, {3, 2}}, {1, 2, 3, 4, 1000, -1000})}, {});
  for (int threads : {1, 2}) {
    const absl::StatusOr<Outputs> outputs = RunGraph(*graph, data, threads);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_THAT(*outputs, ElementsAre(ElementsAre(-1, -2), ElementsAre(-3, -4), ElementsAre(-64.5f, 63)));
  }
}

TEST(RunGraph, RefusesOtherShapes) {
  Diagnostics diagnostics;
  const auto graph = ParseGraph("graph @g(%x: f32[1x3]) -> (%z: f32[1x3]) {\n  %z: f32[1x3] = unary %x {fn = neg}\n}\n",
                                "g.mcu", diagnostics);
  ASSERT_TRUE(graph) << diagnostics.ToStatus();
  EXPECT_FALSE(RunGraph(*graph, Samples(2)).ok());
}

}  // namespace
}  // namespace mcuc
