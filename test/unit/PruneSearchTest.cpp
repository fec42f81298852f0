// The search for a sparsity: which candidates it tries, accepts and keeps, by metrics computed by hand; what it does
// with the rest of the pipeline and the recovering step; its messages. And what lit can't see of magnitude pruning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "../../lib/Passes/Magnitude.h"
#include "../../lib/Passes/Search.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr int64_t kClasses = 8;

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = ParseGraph(text, "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

// An fc of 64 weights, diag(1, …, 8). The output for the unit vector of class k is k + 1 at k, 0 elsewhere. Of sparsity
// s the first 56 of floor(64 s) zeros are the others; then the diagonal goes from class 0 on. Class 0 is still right
// without its weight: all outputs are equal, and the first wins.
std::unique_ptr<Graph> Classifier() {
  auto graph = Parse(R"(graph @c(%x: f32[1x8]) -> (%y: f32[1x8]) {
  const @w: f32[8x8] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,
    0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 8}
  %y: f32[1x8] = fc %x, @w loc("layer")
}
)");
  return graph;
}

Dataset UnitVectors(bool labels, int64_t n = kClasses) {
  Tensor x(Type{ElementType::f32, {n, n}});
  std::vector<int32_t> classes;
  for (int64_t i = 0; i < n; ++i) {
    x.Set(i * n + i, 1);
    classes.push_back(static_cast<int32_t>(i));
  }
  return Dataset::FromTensors({x}, labels ? classes : std::vector<int32_t>());
}

// A drop as it is, whatever the samples' number.
prune::SearchOptions Exact() {
  prune::SearchOptions options;
  options.standard_errors = 0;
  return options;
}

class PruneSearchTest : public testing::Test {
 protected:
  PruneSearchTest() : target_(*Target::ByName("generic")), data_(UnitVectors(true)) {
    context_.diagnostics = &diagnostics_;
    context_.target = &target_;
    context_.validate = &data_;
    context_.threads = 1;
  }

  absl::StatusOr<prune::SearchResult> Search(const Graph& graph, const prune::SearchOptions& options = Exact(),
                                             const prune::Recover& recover = nullptr,
                                             const prune::PruneTo& prune_to = nullptr) {
    return prune::SearchSparsity(graph, context_, options, recover, prune_to);
  }
  static std::vector<double> Sparsities(const prune::SearchResult& result) {
    std::vector<double> all;
    for (const prune::Candidate& c : result.candidates) all.push_back(c.accepted ? c.sparsity : -c.sparsity);
    return all;
  }
  std::vector<std::string> Messages(Severity severity) const {
    std::vector<std::string> all;
    for (const Diagnostic& d : diagnostics_.all()) {
      if (d.severity == severity) all.push_back(d.message);
    }
    return all;
  }

  // A net that is right for every one of so many samples, and what makes it wrong for a share of them: it is given the
  // output 0 a weight at which x[0], which grows from 0 to 1 over the samples, is above the right one's 1.
  std::unique_ptr<Graph> NetThatLoses(int64_t samples) {
    Tensor x(Type{ElementType::f32, {samples, 8}});
    for (int64_t i = 0; i < samples; ++i) {
      const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(samples);
      for (int64_t k = 0; k < 8; ++k) x.Set(8 * i + k, k == 7 ? 1 : at);
    }
    data_ = Dataset::FromTensors({x}, std::vector<int32_t>(static_cast<size_t>(samples), 7));
    return Parse(R"(graph @c(%x: f32[1x8]) -> (%y: f32[1x8]) {
  const @w: f32[8x8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
  %y: f32[1x8] = fc %x, @w loc("layer")
}
)");
  }
  static void Lose(double share, Value& weights) {
    Tensor w = weights.tensor();
    w.Set(0, 1 / (1 - share));
    weights.set_tensor(w);
  }

  Diagnostics diagnostics_;
  Target target_;
  Dataset data_;
  PassContext context_;
};

TEST_F(PruneSearchTest, HalvesItsStep) {
  const auto graph = Classifier();
  prune::SearchOptions options = Exact();
  options.max_drop = 0.125;  // one of eight, reached exactly: 58 zeros leave class 1 out
  absl::StatusOr<prune::SearchResult> result = Search(*graph, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reference.value, 1.0);
  // Accepted ones positive: 32, 48 and 56 zeros lose nothing, 60 lose 3 of 8, 58 one, 59 two.
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75, 0.875, -0.9375, 0.90625, -0.921875));
  EXPECT_EQ(result->candidates[3].drop, 0.375);
  EXPECT_EQ(result->candidates[4].drop, 0.125);
  EXPECT_EQ(result->candidates[5].drop, 0.25);
  EXPECT_EQ(result->best, 4u);
  ASSERT_TRUE(result->graph);
  EXPECT_TRUE(result->changed);
  const Tensor& w = WeightsOf(*result->graph)[0]->tensor();
  EXPECT_EQ(w.nonzeros(), 6);
  EXPECT_EQ(w.AsDouble(9), 0);
  EXPECT_EQ(w.AsDouble(18), 3);
  EXPECT_EQ(WeightsOf(*graph)[0]->tensor().nonzeros(), 8);  // the graph searched is left alone

  options.max_drop = 0.1249;
  result = Search(*graph, options);
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75, 0.875, -0.9375, -0.90625, 0.890625));
  EXPECT_EQ(result->best, 5u);
}

TEST_F(PruneSearchTest, MinStepEndsIt) {
  prune::SearchOptions options = Exact();
  for (const auto& [min_step, tries] : std::vector<std::pair<double, size_t>>{
           {0.5, 1}, {0.4, 1}, {0.25, 2}, {0.2, 2}, {0.125, 3}, {0.01, 6}, {0.0078125, 7}}) {
    options.min_step = min_step;
    const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->candidates.size(), tries) << min_step;
  }
}

TEST_F(PruneSearchTest, AgreementWithoutLabels) {
  data_ = UnitVectors(false);
  prune::SearchOptions options = Exact();
  options.max_drop = 0.125;
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reference.kind, MetricKind::kAgreement);
  EXPECT_EQ(result->candidates[*result->best].sparsity, 0.90625);
}

TEST_F(PruneSearchTest, ErrorOfARegression) {
  // Outputs 4, 2, 1, 3 of variance 1.25: without 1 the error is 0.25, a fifth of it; without 2 too it is all of it.
  const auto graph = Parse(R"(graph @r(%x: f32[1x4]) -> (%y: f32[1x1]) {
  const @w: f32[1x4] = {4, 2, 1, 3}
  %y: f32[1x1] = fc %x, @w
}
)");
  data_ = UnitVectors(false, 4);
  prune::SearchOptions options = Exact();
  options.max_drop = 0.2;
  options.min_step = 0.125;
  absl::StatusOr<prune::SearchResult> result = Search(*graph, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reference.kind, MetricKind::kMinusMse);
  EXPECT_THAT(Sparsities(*result), ElementsAre(-0.5, 0.25, 0.375));
  EXPECT_NEAR(result->candidates[0].drop, 1, 1e-12);
  EXPECT_NEAR(result->candidates[1].drop, 0.2, 1e-12);
  options.max_drop = 1;
  EXPECT_THAT(Sparsities(*Search(*graph, options)), ElementsAre(0.5, -0.75, 0.625));
  // Asked for: the error of a model that labels would call a classifier. Variance of 64 outputs: 204/64 - (36/64)^2.
  data_ = UnitVectors(true);
  options.metric = MetricKind::kMinusMse;
  result = Search(*Classifier(), options);
  EXPECT_EQ(result->reference.kind, MetricKind::kMinusMse);
  EXPECT_NEAR(result->reference.spread, 204.0 / 64 - 36.0 * 36 / 64 / 64, 1e-12);
}

TEST_F(PruneSearchTest, ScoresWhatTheRestMakesOfACandidate) {
  // The rest of the pipeline loses class 7, one of eight, whatever the sparsity.
  int runs = 0;
  context_.run_rest = [&](Graph& graph) {
    ++runs;
    Value* w = WeightsOf(graph)[0];
    Tensor tensor = w->tensor();
    tensor.Set(63, 0);
    w->set_tensor(std::move(tensor));
    return absl::OkStatus();
  };
  prune::SearchOptions options = Exact();
  options.max_drop = 0.125;
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reference.value, 1.0);  // before the rest
  EXPECT_EQ(runs, 6);
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75, 0.875, -0.9375, -0.90625, 0.890625));
  // What the rest did is not in the candidate that is kept.
  EXPECT_EQ(WeightsOf(*result->graph)[0]->tensor().AsDouble(63), 8);

  context_.run_rest = [](Graph&) { return absl::InvalidArgumentError("the rest fails"); };
  EXPECT_EQ(Search(*Classifier(), options).status().message(), "the rest fails");
}

TEST_F(PruneSearchTest, RecoversEachCandidate) {
  // A recovering step that sets every weight left to 1: all classes but the pruned ones are right again.
  std::vector<int64_t> left;
  const prune::Recover recover = [&](Graph& graph, const std::vector<prune::Mask>& masks, int64_t seed, PassContext&) {
    EXPECT_EQ(seed, 7);
    EXPECT_EQ(masks.size(), 1u);
    EXPECT_EQ(masks[0].weights, "w");
    Value* w = WeightsOf(graph)[0];
    Tensor tensor = w->tensor();
    int64_t kept = 0;
    for (int64_t i = 0; i < 64; ++i) {
      kept += masks[0].kept[static_cast<size_t>(i)];
      if (!masks[0].kept[static_cast<size_t>(i)]) {
        EXPECT_EQ(tensor.AsDouble(i), 0);
      } else if (tensor.AsDouble(i) != 0) {
        tensor.Set(i, 1);
      }
    }
    left.push_back(kept);
    w->set_tensor(std::move(tensor));
    return absl::OkStatus();
  };
  prune::SearchOptions options = Exact();
  options.seed = 7;
  absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options, recover);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(left, ElementsAre(32, 16, 8, 4, 6, 7));
  EXPECT_EQ(WeightsOf(*result->graph)[0]->tensor().AsDouble(63), 1);  // what it recovered is kept
  result = Search(*Classifier(), options, [](Graph&, const std::vector<prune::Mask>&, int64_t, PassContext&) {
    return absl::ResourceExhaustedError("no time");
  });
  EXPECT_EQ(result.status().message(), "no time");
}

TEST_F(PruneSearchTest, SkipsLayers) {
  prune::SearchOptions options = Exact();
  options.skip = {"layer"};
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->candidates[*result->best].sparsity, 0.984375);
  EXPECT_FALSE(result->changed);
  options.skip = {"other"};
  EXPECT_THAT(std::string(Search(*Classifier(), options).status().message()),
              HasSubstr("skip=other: no weights and no layer of that name"));
}

TEST_F(PruneSearchTest, SaysWhatItDoes) {
  std::ostringstream progress;
  context_.progress = &progress;
  prune::SearchOptions options = Exact();
  options.max_drop = 0.125;
  options.min_step = 0.0625;
  ASSERT_TRUE(Search(*Classifier(), options).ok());
  EXPECT_THAT(progress.str(), MatchesRegex("prune-search: candidate 1 of 4, sparsity 0.5: 100.00 % of 8, drop 0.0000, "
                                           "256 bytes of constants, accepted; about [0-9]+ s left\n"
                                           "prune-search: candidate 2 of 4, sparsity 0.75: 100.00 % of 8, drop 0.0000, "
                                           "256 bytes of constants, accepted; about [0-9]+ s left\n"
                                           "prune-search: candidate 3 of 4, sparsity 0.875: 100.00 % of 8, drop "
                                           "0.0000, 256 bytes of constants, accepted; about [0-9]+ s left\n"
                                           "prune-search: candidate 4 of 4, sparsity 0.9375: 62.50 % of 8, drop "
                                           "0.3750, 256 bytes of constants, rejected; about 0 s left\n"));
  EXPECT_THAT(Messages(Severity::kRemark),
              ElementsAre("sparsity 0.5: 100.00 % of 8, drop 0.0000, 256 bytes of constants, accepted",
                          "sparsity 0.75: 100.00 % of 8, drop 0.0000, 256 bytes of constants, accepted",
                          "sparsity 0.875: 100.00 % of 8, drop 0.0000, 256 bytes of constants, accepted",
                          "sparsity 0.9375: 62.50 % of 8, drop 0.3750, 256 bytes of constants, rejected"));
}

TEST_F(PruneSearchTest, SaysWhyNothingIsAccepted) {
  context_.run_rest = [](Graph& graph) {
    Value* w = WeightsOf(graph)[0];
    w->set_tensor(Tensor(w->type()));
    return absl::OkStatus();
  };
  prune::SearchOptions options = Exact();
  options.min_step = 0.25;
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->best);
  EXPECT_FALSE(result->graph);
  EXPECT_THAT(Messages(Severity::kWarning),
              ElementsAre("no sparsity is within max-drop=0.01 of 100.00 % of 8: 0.25 drops by 0.8750, the rest of the "
                          "pipeline alone by 0.8750; nothing is pruned"));
}

TEST_F(PruneSearchTest, AStandardErrorIsPartOfTheLoss) {
  const auto graph = Classifier();
  prune::SearchOptions options;
  options.max_drop = 0.25;
  // One wrong of eight: the variance of the differences is (1 - 1/8) / 7 = 1/8, that of their mean an eighth of it.
  absl::StatusOr<prune::SearchResult> result = Search(*graph, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75, 0.875, -0.9375, 0.90625, -0.921875));
  EXPECT_EQ(result->candidates[0].error, 0);
  EXPECT_NEAR(result->candidates[4].error, 0.125, 1e-12);
  EXPECT_NEAR(result->candidates[3].error, std::sqrt((3 - 9.0 / 8) / 7 / 8), 1e-12);
  EXPECT_EQ(result->candidates[4].bytes, 256);
  EXPECT_EQ(result->candidates[4].nonzeros, 6);
  EXPECT_THAT(Messages(Severity::kRemark)[4], HasSubstr("drop 0.1250 +- 0.1250, 256 bytes of constants, accepted"));
  options.standard_errors = 1.01;
  result = Search(*graph, options);
  EXPECT_FALSE(result->candidates[4].accepted);
  options.standard_errors = -1;
  EXPECT_THAT(std::string(Search(*graph, options).status().message()),
              HasSubstr("standard-errors=-1 is outside [0, 10]"));
}

TEST_F(PruneSearchTest, ErrorsOfADrop) {
  const Outputs reference = {{1, 0}, {0, 1}, {1, 0}, {2, 1}}, outputs = {{0, 1}, {0, 1}, {0, 2}, {1, 2}};
  Score score;
  score.kind = MetricKind::kTop1;
  const Dataset labels = Dataset::FromTensors({Tensor(Type{ElementType::f32, {4, 1}})}, {0, 1, 1, 0});
  // Differences 1, 0, -1, 1.
  EXPECT_NEAR(DropErrorOf(reference, outputs, labels, score), std::sqrt((3 - 0.25) / 3 / 4), 1e-12);
  // Agreement, whatever is right: 1, 0, 1, 1.
  score.kind = MetricKind::kAgreement;
  EXPECT_NEAR(DropErrorOf(reference, outputs, labels, score), std::sqrt((3 - 2.25) / 3 / 4), 1e-12);
  // Mean squared errors 1, 0, 2.5, 1, in units of the spread.
  score.kind = MetricKind::kMinusMse;
  score.spread = 0.5;
  const double squares = 1 + 2.5 * 2.5 + 1, sum = 4.5;
  EXPECT_NEAR(DropErrorOf(reference, outputs, labels, score), std::sqrt((squares - sum * sum / 4) / 3 / 4) / 0.5,
              1e-12);
  score.spread = 0;
  EXPECT_EQ(DropErrorOf(reference, outputs, labels, score), std::numeric_limits<double>::infinity());
  EXPECT_EQ(DropErrorOf(reference, reference, labels, score), 0);
  EXPECT_EQ(DropErrorOf({{1}}, {{2}}, labels, score), 0);
}

TEST_F(PruneSearchTest, FollowsAPowerLaw) {
  const int64_t n = 100;
  Tensor x(Type{ElementType::f32, {n, 8}});
  for (int64_t i = 0; i < n; ++i) x.Set(8 * i + 7, 1);
  data_ = Dataset::FromTensors({x}, std::vector<int32_t>(n, 7));
  const auto graph = Parse(R"(graph @c(%x: f32[1x8]) -> (%y: f32[1x8]) {
  const @w: f32[8x8] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,
    0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 8}
  %y: f32[1x8] = fc %x, @w loc("layer")
}
)");
  double threshold = 0;
  std::vector<double> tried;
  const prune::PruneTo prune_to = [&](Graph& candidate, const std::vector<Value*>& weights, double sparsity, int64_t,
                                      const prune::Glance&, PassContext&) -> absl::StatusOr<prune::Pruned> {
    tried.push_back(1 - sparsity);
    if (1 - sparsity < threshold) {
      Tensor none(weights[0]->type());
      weights[0]->set_tensor(none);
    }
    (void)candidate;
    return prune::Pruned{true, {}};
  };
  prune::SearchOptions options = Exact();
  options.strategy = prune::Strategy::kPowerLaw;
  options.max_drop = 0.01;
  const auto search = [&](double at) {
    threshold = at;
    tried.clear();
    auto result = Search(*graph, options, nullptr, prune_to);
    EXPECT_TRUE(result.ok()) << result.status();
    for (size_t i = 1; i < tried.size(); ++i) EXPECT_LE(std::fabs(std::log(tried[i] / tried[i - 1])), std::log(4.05));
    return result->best ? 1 - result->candidates[*result->best].sparsity : 0.0;
  };
  // A step instead of a law: all or nothing. It is found all the same, to the precision, in few candidates.
  for (const double at : {0.2, 0.05, 0.011, 0.003}) {
    const double kept = search(at);
    EXPECT_GE(kept, at - 1e-5);
    EXPECT_LT(kept, at * 1.6) << at;
    EXPECT_LE(tried.size(), 10u);
    EXPECT_NEAR(tried[0], 0.0625, 1e-9);
  }
  EXPECT_EQ(search(2), 0);  // nothing is accepted: up to three quarters of the weights
  EXPECT_NEAR(tried.back(), 0.75, 1e-5);
}

TEST_F(PruneSearchTest, GoesOnToAThirdCandidateWhereLittleSeemsLeft) {
  // Whatever is left of the weights, 9 of 1,000 samples are lost.
  const auto graph = NetThatLoses(1000);
  std::vector<double> tried;
  const prune::PruneTo prune_to = [&](Graph&, const std::vector<Value*>& weights, double sparsity, int64_t,
                                      const prune::Glance&, PassContext&) -> absl::StatusOr<prune::Pruned> {
    tried.push_back(1 - sparsity);
    Lose(0.009, *weights[0]);
    return prune::Pruned{true, {}};
  };
  prune::SearchOptions options = Exact();
  options.strategy = prune::Strategy::kPowerLaw;
  options.precision = 0.15;
  options.max_drop = 0.01;
  const auto result = Search(*graph, options, nullptr, prune_to);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(tried.size(), 3u);
  EXPECT_NEAR(tried[1], 0.0625 * 0.85, 1e-5);
  EXPECT_NEAR(tried[2], 0.0625 * 0.85 * 0.85, 1e-5);
  EXPECT_NEAR(result->candidates[*result->best].drop, 0.009, 1e-12);
  EXPECT_EQ(*result->best, 2u);
  // Where more is left to win, it goes on.
  options.max_drop = 0.02;
  tried.clear();
  ASSERT_TRUE(Search(*graph, options, nullptr, prune_to).ok());
  EXPECT_GT(tried.size(), 3u);
}

TEST_F(PruneSearchTest, TriesANearMissOnceMoreWithAnotherSeed) {
  const auto graph = NetThatLoses(1000);
  // How many of the samples the sparser ones lose, by seed; the others lose 2.
  int lost[2] = {0, 0};
  std::vector<std::pair<double, int64_t>> tried;
  const prune::PruneTo prune_to = [&](Graph&, const std::vector<Value*>& weights, double sparsity, int64_t seed,
                                      const prune::Glance&, PassContext&) -> absl::StatusOr<prune::Pruned> {
    tried.emplace_back(sparsity, seed);
    Lose((sparsity < 0.96 ? 2 : lost[seed - 5]) / 1000.0, *weights[0]);
    return prune::Pruned{true, {}};
  };
  prune::SearchOptions options = Exact();
  options.strategy = prune::Strategy::kPowerLaw;
  options.precision = 0.15;
  options.standard_errors = 1;
  options.max_drop = 0.01;
  options.seed = 5;
  const auto search = [&](int first, int second) {
    lost[0] = first, lost[1] = second;
    tried.clear();
    auto result = Search(*graph, options, nullptr, prune_to);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  };
  // 9 of 1,000 and an error of 0.003: not within 0.01 for sure. 5 and 0.0022 are.
  prune::SearchResult result = search(9, 5);
  EXPECT_EQ(tried.back().second, 6);
  double sparsest = 0;
  for (size_t i = 0; i + 1 < tried.size(); ++i) {
    EXPECT_EQ(tried[i].second, 5);
    sparsest = std::max(sparsest, tried[i].first);
  }
  EXPECT_EQ(tried.back().first, sparsest);
  EXPECT_EQ(*result.best, tried.size() - 1);
  EXPECT_EQ(result.candidates.back().seed, 6);
  EXPECT_THAT(Messages(Severity::kRemark).back(), HasSubstr(", seed 6: "));
  // No better: the best is what it was, and it is tried only once.
  result = search(9, 9);
  EXPECT_EQ(tried.back().second, 6);
  EXPECT_NE(*result.best, tried.size() - 1);
  // Just max-drop, which is no exact difference in binary.
  options.max_drop = 0.009;
  result = search(9, 5);
  EXPECT_EQ(tried.back().second, 6);
  options.max_drop = 0.01;
  // A miss by more than chance is not tried again.
  result = search(11, 0);
  EXPECT_EQ(tried.back().second, 5);
  EXPECT_FALSE(result.candidates.back().seed == 6);
}

TEST_F(PruneSearchTest, AsksHalfWayWhetherToGoOn) {
  // Of 3,000 samples a glance takes each second; a candidate gets so many of these wrong half-way.
  const auto graph = NetThatLoses(3000);
  double wrong = 0;  // the share of the samples, those at the end
  int went_on = 0;
  const prune::PruneTo prune_to = [&](Graph& candidate, const std::vector<Value*>&, double, int64_t,
                                      const prune::Glance& glance, PassContext&) -> absl::StatusOr<prune::Pruned> {
    const auto half_way = candidate.Clone();
    Lose(wrong, *WeightsOf(*half_way)[0]);
    if (absl::Status status = glance(*half_way); !status.ok()) return status;
    ++went_on;
    return prune::Pruned{true, {}};
  };
  prune::SearchOptions options = Exact();
  options.strategy = prune::Strategy::kPowerLaw;
  options.max_drop = 0.01;
  const auto first = [&](double share) {
    wrong = share;
    went_on = 0;
    const auto result = Search(*graph, options, nullptr, prune_to);
    EXPECT_TRUE(result.ok()) << result.status();
    return result->candidates[0];
  };
  // Four times max-drop and two standard errors, of sqrt(p (1 - p) / 1500): 0.0516 at 0.0516.
  const prune::Candidate good = first(0.05);
  EXPECT_TRUE(good.accepted);
  EXPECT_EQ(good.failure, "");
  EXPECT_EQ(good.drop, 0);  // of the whole candidate, not of the glance
  EXPECT_GT(went_on, 0);
  const prune::Candidate bad = first(0.056);
  EXPECT_FALSE(bad.accepted);
  EXPECT_EQ(bad.failure, "given up half-way at 94.40 % of 1500, drop 0.0560");
  EXPECT_NEAR(bad.drop, 0.056, 1e-9);
  EXPECT_EQ(went_on, 0);
  EXPECT_THAT(Messages(Severity::kRemark).back(), HasSubstr("given up half-way"));
  // A candidate that is wanted whatever its drop is made to its end.
  options.sparsity = 0.5;
  EXPECT_TRUE(first(0.5).accepted);
  EXPECT_EQ(went_on, 1);
}

TEST_F(PruneSearchTest, BeginsWithLessWhereWeightsAreUsedOften) {
  // 9 weights, 1 x 64 x 64 uses each: 512 times as many as in a net of fully connected layers.
  const auto graph = Parse(R"(graph @c(%x: f32[1x1x66x66]) -> (%y: f32[1x1x64x64]) {
  const @w: f32[1x1x3x3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}
  %y: f32[1x1x64x64] = conv %x, @w loc("layer")
}
)");
  Tensor x(Type{ElementType::f32, {2, 1, 66, 66}});
  x.Set(100, 1);
  data_ = Dataset::FromTensors({x}, {});
  prune::SearchOptions options = Exact();
  options.strategy = prune::Strategy::kPowerLaw;
  const auto result = Search(*graph, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->candidates[0].sparsity, 0.5);  // 1 - 0.0625 * 512^0.4 would be less
}

TEST_F(PruneSearchTest, FitsFlash) {
  // 64 weights of 32 bits; a candidate's are stored as csc<u8>: 5 bytes each and a last gap.
  auto graph = Parse(R"(graph @c(%x: f32[1x8]) -> (%y: f32[1x8]) {
  const @w: f32[8x8] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56,
    57, 58, 59, 60, 61, 62, 63, 64}
  %y: f32[1x8] = fc %x, @w loc("layer")
}
)");
  context_.run_rest = [&](Graph& candidate) {
    Value* w = WeightsOf(candidate)[0];
    if (w->tensor().nonzeros() < 50) w->set_tensor(*Encode(w->tensor(), Encoding{GapCode::u8, ValueCode::element}));
    return absl::OkStatus();
  };
  prune::SearchOptions options;
  options.strategy = prune::Strategy::kFlash;
  const int64_t dense = target_.FlashOf(*graph), code = dense - 256;
  options.flash = dense;
  absl::StatusOr<prune::SearchResult> result = Search(*graph, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->best);
  EXPECT_TRUE(result->candidates.empty());
  EXPECT_THAT(Messages(Severity::kRemark).back(), MatchesRegex("about [0-9]+ bytes of flash are within .*"));
  EXPECT_TRUE(Messages(Severity::kWarning).empty());
  // Without a validation set too, where a candidate is only not scored.
  for (const bool scored : {true, false}) {
    context_.validate = scored ? &data_ : nullptr;
    for (const int64_t limit : {250, 160, 100, 30}) {
      options.flash = code + limit;
      result = Search(*graph, options);
      if (!result.ok()) {  // the sparse kernel may be larger than what the weights save
        EXPECT_THAT(std::string(result.status().message()), HasSubstr("bytes of flash with hardly a weight left"));
        continue;
      }
      ASSERT_TRUE(result->best) << limit;
      const Candidate& best = result->candidates[*result->best];
      EXPECT_LE(best.flash, *options.flash);
      EXPECT_EQ(best.bytes, 6 * best.nonzeros + 1 - best.nonzeros);
      for (const Candidate& c : result->candidates) {
        EXPECT_EQ(c.accepted, c.flash <= *options.flash);
        EXPECT_TRUE(!c.accepted || c.sparsity >= best.sparsity);
      }
    }
  }
  options.flash = 10;
  EXPECT_THAT(
      std::string(Search(*graph, options).status().message()),
      MatchesRegex("about [0-9]+ bytes of flash with hardly a weight left, [0-9]+ over flash=10: .*would help"));
}

TEST_F(PruneSearchTest, StopsWithTheBestSoFar) {
  std::atomic<bool> stop = false;
  context_.stop = &stop;
  int64_t runs = 0, last = 3;
  const prune::Recover recover = [&](Graph&, const std::vector<prune::Mask>&, int64_t, PassContext&) {
    stop = ++runs == last;
    return stop ? absl::CancelledError("interrupted") : absl::OkStatus();
  };
  std::vector<Candidate> candidates;
  context_.candidates = &candidates;
  absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), Exact(), recover);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75));
  EXPECT_EQ(candidates.size(), 2u);
  EXPECT_EQ(result->best, 1u);
  runs = 0, last = 1, stop = false;
  EXPECT_EQ(Search(*Classifier(), Exact(), recover).status().message(),
            "interrupted before a candidate was accepted; nothing is written");
}

TEST_F(PruneSearchTest, ADivergedCandidateIsRejected) {
  const prune::Recover recover = [&](Graph& graph, const std::vector<prune::Mask>&, int64_t, PassContext&) {
    return WeightsOf(graph)[0]->tensor().nonzeros() < 8 ? absl::OutOfRangeError("training diverged") : absl::OkStatus();
  };
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), Exact(), recover);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5, 0.75, 0.875, -0.9375, -0.90625, -0.890625));
  EXPECT_EQ(result->candidates[3].failure, "training diverged");
  EXPECT_THAT(Messages(Severity::kRemark)[3], HasSubstr("training diverged, rejected"));
  prune::SearchOptions fixed;
  fixed.sparsity = 0.9375;
  EXPECT_EQ(Search(*Classifier(), fixed, recover).status().message(), "training diverged");
}

TEST_F(PruneSearchTest, EndsInTime) {
  prune::SearchOptions options = Exact();
  options.seconds = 1e-9;
  const absl::StatusOr<prune::SearchResult> result = Search(*Classifier(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.5));
}

TEST_F(PruneSearchTest, Errors) {
  const auto message = [&](double max_drop, double min_step) {
    prune::SearchOptions options = Exact();
    options.max_drop = max_drop;
    options.min_step = min_step;
    const auto result = Search(*Classifier(), options);
    return result.ok() ? "ok" : std::string(result.status().message());
  };
  EXPECT_EQ(message(0, 0.5), "ok");
  EXPECT_THAT(message(-0.1, 0.5), HasSubstr("max-drop=-0.1 is below 0"));
  EXPECT_THAT(message(0, 0), HasSubstr("min-step=0 is outside [1e-06, 0.5]"));
  EXPECT_THAT(message(0, 0.51), HasSubstr("min-step=0.51 is outside"));
  context_.validate = nullptr;
  EXPECT_THAT(message(0, 0.5), HasSubstr("needs validation data to score its candidates; give --validate=PATH"));
}

TEST_F(PruneSearchTest, ThePassLeavesItsTextBehind) {
  for (const std::string text : {"prune-search{max-drop=0.125 standard-errors=0}",
                                 "prune-search{max-drop=0.125 standard-errors=0},prune{sparsity=0}",
                                 "prune-search{max-drop=0.125 standard-errors=0 metric=agreement method=level}"}) {
    const auto graph = Classifier();
    absl::StatusOr<Pipeline> pipeline = Pipeline::Parse(text);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    RunOptions options;
    options.verify_each = true;
    ASSERT_TRUE(pipeline->Run(*graph, context_, options).ok());
    const std::string kept = Messages(Severity::kRemark)[6];
    EXPECT_THAT(kept, HasSubstr("kept sparsity 0.90625 (87.50 % "));
    EXPECT_THAT(kept, HasSubstr("in place of prune-search, prune{sparsity=0.90625} gives the same"));
    const auto again = Classifier();
    ASSERT_TRUE(Pipeline::Parse("prune{sparsity=0.90625}")->Run(*again, context_).ok());
    EXPECT_EQ(PrintGraph(*graph), PrintGraph(*again));
    diagnostics_ = Diagnostics();
  }
  absl::StatusOr<Pipeline> pipeline = Pipeline::Parse("prune-search{skip=layer;w}");
  ASSERT_TRUE(pipeline->Run(*Classifier(), context_).ok());
  EXPECT_THAT(Messages(Severity::kRemark)[6], HasSubstr("prune{sparsity=0.984375 skip=layer;w} gives the same"));
}

TEST(ZerosOf, IsTheFloorOfTheDecimalFraction) {
  EXPECT_EQ(prune::ZerosOf(0.29, 100), 29);  // 0.29 * 100 is 28.999999999999996
  EXPECT_EQ(prune::ZerosOf(0.7, 10), 7);
  EXPECT_EQ(prune::ZerosOf(0.5, 7), 3);
  EXPECT_EQ(prune::ZerosOf(0.999, 100), 99);
  EXPECT_EQ(prune::ZerosOf(0, 100), 0);
  EXPECT_EQ(prune::ZerosOf(1, 100), 100);
  EXPECT_EQ(prune::ZerosOf(0.5, 0), 0);
}

TEST_F(PruneSearchTest, NotANumberStays) {
  const auto graph = Parse(R"(graph @n(%x: f32[1x4]) -> (%y: f32[1x1]) {
  const @w: f32[1x4] = {nan, -inf, -0, 5}
  %y: f32[1x1] = fc %x, @w
}
)");
  absl::StatusOr<prune::Pruned> pruned = prune::PruneMagnitude(*graph, WeightsOf(*graph), 0.5, prune::Scope::kLayer);
  ASSERT_TRUE(pruned.ok());
  EXPECT_THAT(pruned->masks[0].kept, ElementsAre(true, true, false, false));
  const Tensor& w = WeightsOf(*graph)[0]->tensor();
  EXPECT_TRUE(std::isnan(w.AsDouble(0)));
  EXPECT_EQ(w.AsDouble(1), -std::numeric_limits<double>::infinity());
  EXPECT_FALSE(std::signbit(w.AsDouble(2)));
}

TEST_F(PruneSearchTest, LeavesWhatItCantPrune) {
  const auto graph = Parse(R"(graph @p(%x: f32[2]) -> (%y: f32[2], %z: f32[2x2]) {
  const @a: f32[2x2] = {1, 2, 3, 4}
  %y: f32[2] = fc %x, @a loc("shared")
  %z: f32[2x2] = unary @a {fn = neg}
}
)");
  const absl::StatusOr<std::vector<Value*>> weights = prune::PrunableWeights(*graph, {}, context_);
  ASSERT_TRUE(weights.ok());
  EXPECT_TRUE(weights->empty());
  EXPECT_THAT(Messages(Severity::kRemark), ElementsAre("@a is not pruned: something else reads @a too"));
}

}  // namespace
}  // namespace mcuc
