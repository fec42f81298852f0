// Retraining in prune-search: that it wins back accuracy and holds the zeros, which weights gradual pruning removes,
// the search over densities, candidates without a search, and that the text left behind gives the same graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "../../lib/Passes/Retrain.h"
#include "../../lib/Passes/Search.h"
#include "ExecTesting.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Points of four numbers in three classes, the first two of which decide.
Dataset Classes(int64_t n, unsigned seed) {
  Tensor x = RandomReals(F32({n, 4}), seed);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const double a = x.AsDouble(4 * i), b = x.AsDouble(4 * i + 1);
    labels.push_back(a > 0.2 ? 0 : b > a ? 1 : 2);
  }
  return Dataset::FromTensors({x}, labels);
}

class RetrainTest : public testing::Test {
 protected:
  RetrainTest() : target_(*Target::ByName("generic")), train_(Classes(400, 3)), validate_(Classes(300, 4)) {
    context_.diagnostics = &diagnostics_;
    context_.target = &target_;
    context_.train = &train_;
    context_.validate = &validate_;
    context_.threads = 1;
  }

  // A net of 4, 24 and 3 neurons that has learnt the classes.
  std::unique_ptr<Graph> Trained() {
    auto graph = std::make_unique<Graph>("net");
    Value* x = graph->AddInput("x", F32({1, 4}));
    const auto constant = [&](const std::string& name, Shape shape, unsigned seed) {
      return graph->AddConstant(name, RandomReals(F32(std::move(shape)), seed));
    };
    FcAttrs hidden;
    hidden.act.kind = ActKind::relu;
    Node* h = graph->AddNode(hidden, {x, constant("w1", {24, 4}, 7), constant("b1", {24}, 8)}, "h", F32({1, 24}), "l1");
    Node* y = graph->AddNode(FcAttrs{}, {h->result(), constant("w2", {3, 24}, 9)}, "y", F32({1, 3}), "l2");
    graph->AddOutput(y->result());
    train::TrainOptions options;
    options.epochs = 20;
    options.batch = 20;
    options.lr = 0.02;
    const auto samples = train::Samples::Create(train_, *graph, 1);
    const auto trainer = train::Trainer::Create(*graph, **samples, nullptr, options);
    EXPECT_TRUE((*trainer)->Run().ok());
    EXPECT_TRUE((*trainer)->Store(*graph).ok());
    return graph;
  }

  std::unique_ptr<prune::Retrainer> Make(const Graph& graph, const prune::RetrainOptions& options) {
    auto retrainer = prune::Retrainer::Create(graph, context_, options);
    EXPECT_TRUE(retrainer.ok()) << retrainer.status();
    return *std::move(retrainer);
  }
  double Accuracy(const Graph& graph) { return ScoreOf(*RunGraph(graph, validate_, 1), validate_, nullptr)->value; }

  static prune::RetrainOptions Few() {
    prune::RetrainOptions options;
    options.train.epochs = 6;
    options.train.batch = 20;
    options.train.lr = 0.02;
    return options;
  }
  static int64_t Nonzeros(const Graph& graph) {
    int64_t sum = 0;
    for (const Value* w : WeightsOf(graph)) sum += w->tensor().nonzeros();
    return sum;
  }
  // Accepted candidates positive.
  static std::vector<double> Sparsities(const prune::SearchResult& result) {
    std::vector<double> all;
    for (const prune::Candidate& c : result.candidates) all.push_back(c.accepted ? c.sparsity : -c.sparsity);
    return all;
  }

  Diagnostics diagnostics_;
  Target target_;
  Dataset train_, validate_;
  PassContext context_;
};

TEST(GradualSparsityTest, IsCubic) {
  EXPECT_EQ(prune::GradualSparsity(0.8, 0, 10), 0);
  EXPECT_DOUBLE_EQ(prune::GradualSparsity(0.8, 5, 10), 0.7);
  EXPECT_DOUBLE_EQ(prune::GradualSparsity(0.8, 9, 10), 0.8 * 0.999);
  EXPECT_EQ(prune::GradualSparsity(0.8, 10, 10), 0.8);
  EXPECT_EQ(prune::GradualSparsity(0.8, 11, 10), 0.8);
  EXPECT_EQ(prune::GradualSparsity(0.8, 0, 0), 0.8);
}

TEST_F(RetrainTest, RecoversAPrunedCandidate) {
  const auto dense = Trained();
  const auto prune_candidate = [&](Graph& graph) {
    return prune::PruneMagnitude(graph, WeightsOf(graph), 0.8, prune::Scope::kLayer)->masks;
  };
  const auto pruned = dense->Clone(), retrained = dense->Clone(), threads = dense->Clone();
  prune_candidate(*pruned);
  const auto masks = prune_candidate(*retrained);
  const auto retrainer = Make(*dense, Few());
  ASSERT_TRUE(retrainer->Recover(*retrained, masks, context_).ok());
  EXPECT_GT(Accuracy(*dense), 0.95);
  EXPECT_GT(Accuracy(*retrained), Accuracy(*pruned) + 0.03);
  EXPECT_GT(Accuracy(*retrained), 0.9);
  const auto weights = WeightsOf(*retrained);
  for (size_t t = 0; t < masks.size(); ++t) {
    for (int64_t i = 0; i < weights[t]->tensor().elements(); ++i) {
      EXPECT_EQ(weights[t]->tensor().AsDouble(i) != 0, masks[t].kept[static_cast<size_t>(i)]);
    }
  }
  prune_candidate(*threads);
  context_.threads = 3;
  ASSERT_TRUE(retrainer->Recover(*threads, masks, context_).ok());
  EXPECT_EQ(PrintGraph(*threads), PrintGraph(*retrained));
}

TEST_F(RetrainTest, PrunesGraduallyAcrossLayers) {
  const auto dense = Trained();
  const auto run = [&](const prune::RetrainOptions& options, double sparsity, int64_t seed = 0) {
    auto graph = dense->Clone();
    const auto pruned =
        Make(*dense, options)->PruneGradually(*graph, WeightsOf(*graph), sparsity, seed, nullptr, context_);
    EXPECT_TRUE(pruned.ok()) << pruned.status();
    EXPECT_TRUE(pruned->changed);
    int64_t kept = 0;
    for (const prune::Mask& mask : pruned->masks) kept += std::count(mask.kept.begin(), mask.kept.end(), true);
    EXPECT_EQ(kept, Nonzeros(*graph));
    return graph;
  };
  prune::RetrainOptions options = Few();
  options.saliency = prune::Saliency::kMagnitude;
  const auto gradual = run(options, 0.8);
  EXPECT_EQ(Nonzeros(*gradual), 168 - 134);
  EXPECT_GT(Accuracy(*gradual), 0.93);
  EXPECT_EQ(PrintGraph(*run(options, 0.8)), PrintGraph(*gradual));
  // A candidate's own seed is another training, and the same one whatever the options' seed is: as in the pipeline that
  // a search leaves behind.
  const std::string second = PrintGraph(*run(options, 0.8, 1));
  EXPECT_NE(second, PrintGraph(*gradual));
  prune::RetrainOptions other = options;
  other.train.seed = 1;
  EXPECT_EQ(PrintGraph(*run(other, 0.8, 1)), second);
  // Not the same share of each layer.
  EXPECT_NE(WeightsOf(*gradual)[0]->tensor().nonzeros(), 96 - 76);
  options.saliency = prune::Saliency::kGradient;
  const auto by_gradient = run(options, 0.8);
  EXPECT_EQ(Nonzeros(*by_gradient), 34);
  EXPECT_GT(Accuracy(*by_gradient), 0.93);
  EXPECT_NE(PrintGraph(*by_gradient), PrintGraph(*gradual));
  // The ranking may take no time, or all of it.
  options.rank = 0;
  EXPECT_EQ(Nonzeros(*run(options, 0.8)), 34);
  options.rank = 1;
  EXPECT_EQ(Nonzeros(*run(options, 0.8)), 34);
  EXPECT_EQ(Nonzeros(*run(options, 1)), 0);
  EXPECT_EQ(Nonzeros(*run(options, 0)), 168);
}

TEST_F(RetrainTest, SaliencyByHand) {
  // Input 0 is always 0, so that its weights, the largest, have no gradient. Rates so small that nothing moves.
  Diagnostics diagnostics;
  const auto graph = ParseGraph(
      "graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {\n  const @w: f32[2x2] = {9, 1, 8, 0.5}\n  %y: f32[1x2] = fc %x, "
      "@w\n}\n",
      "t.mcu", diagnostics);
  train_ = Dataset::FromTensors({Tensor::Of<float>(F32({4, 2}), {0, 1, 0, 2, 0, -1, 0, 0.5})}, {0, 1, 0, 1});
  prune::RetrainOptions options;
  options.train.epochs = 4;
  options.train.batch = 2;
  options.train.lr = 1e-20;
  const auto kept = [&](prune::Saliency saliency) {
    options.saliency = saliency;
    const auto candidate = graph->Clone();
    EXPECT_TRUE(
        Make(*graph, options)->PruneGradually(*candidate, WeightsOf(*candidate), 0.5, 0, nullptr, context_).ok());
    return Doubles(WeightsOf(*candidate)[0]->tensor());
  };
  EXPECT_THAT(kept(prune::Saliency::kMagnitude), ElementsAre(9, 0, 8, 0));
  // The first ranking, before any gradient, prunes nothing yet.
  EXPECT_THAT(kept(prune::Saliency::kGradient), ElementsAre(0, 1, 0, 0.5));
}

// diag(1, …, 8): 56 zeros are free, each further one but the first costs one class of eight.
std::unique_ptr<Graph> Diagonal() {
  auto graph = std::make_unique<Graph>("c");
  Tensor w(F32({8, 8}));
  for (int64_t i = 0; i < 8; ++i) w.Set(9 * i, static_cast<double>(i + 1));
  Value* x = graph->AddInput("x", F32({1, 8}));
  graph->AddOutput(graph->AddNode(FcAttrs{}, {x, graph->AddConstant("w", w)}, "y", F32({1, 8}))->result());
  return graph;
}

TEST_F(RetrainTest, GallopsOverDensities) {
  Tensor x(F32({8, 8}));
  for (int64_t i = 0; i < 8; ++i) x.Set(9 * i, 1);
  validate_ = Dataset::FromTensors({x}, {0, 1, 2, 3, 4, 5, 6, 7});
  const auto graph = Diagonal();
  prune::SearchOptions options;
  options.standard_errors = 0;
  options.strategy = prune::Strategy::kGalloping;
  const auto search = [&](double max_drop) {
    options.max_drop = max_drop;
    return *prune::SearchSparsity(*graph, context_, options, nullptr);
  };
  // 60 zeros are too many, 56 good; then geometric means of the densities: 58, 59 zeros, 58.
  EXPECT_THAT(Sparsities(search(0.125)), ElementsAre(-0.9375, 0.875, 0.91161, -0.92567, 0.91894));
  EXPECT_EQ(search(0.125).best, 4u);
  // What is left is known once the density is bracketed; next to no time rounds up to a second.
  std::ostringstream progress;
  context_.progress = &progress;
  search(0.125);
  context_.progress = nullptr;
  EXPECT_THAT(progress.str(), testing::MatchesRegex("(.*about 1 s left\n){4}.*about 0 s left\n"));
  options.precision = 0.2;
  EXPECT_THAT(Sparsities(search(0.125)), ElementsAre(-0.9375, 0.875, 0.91161, -0.92567));
  EXPECT_EQ(search(0.125).best, 2u);
  EXPECT_EQ(Nonzeros(*search(0.125).graph), 6);
  EXPECT_THAT(Sparsities(search(1)),
              ElementsAre(0.9375, 0.96875, 0.98438, 0.99219, 0.9961, 0.99805, 0.99903, 0.99952, 0.99976));
  // Nothing is accepted: up to three quarters of the weights.
  context_.run_rest = [](Graph& candidate) {
    WeightsOf(candidate)[0]->set_tensor(Tensor(F32({8, 8})));
    return absl::OkStatus();
  };
  const auto none = search(0.125);
  EXPECT_THAT(Sparsities(none), ElementsAre(-0.9375, -0.875, -0.75, -0.5, -0.25));
  EXPECT_FALSE(none.best);
  options.precision = 0.6;
  EXPECT_EQ(prune::SearchSparsity(*graph, context_, options, nullptr).status().message(),
            "precision=0.6 is outside [0.01, 0.5]");
}

TEST_F(RetrainTest, OneCandidateWithoutASearch) {
  const auto graph = Diagonal();
  prune::SearchOptions options;
  options.standard_errors = 0;
  options.sparsity = 0.9375;
  context_.validate = nullptr;
  auto result = prune::SearchSparsity(*graph, context_, options, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Sparsities(*result), ElementsAre(0.9375));
  EXPECT_EQ(Nonzeros(*result->graph), 4);
  EXPECT_EQ(diagnostics_.all().back().message, "sparsity 0.9375: not scored, there is no validation set");
  Tensor x(F32({8, 8}));
  for (int64_t i = 0; i < 8; ++i) x.Set(9 * i, 1);
  validate_ = Dataset::FromTensors({x}, {0, 1, 2, 3, 4, 5, 6, 7});
  context_.validate = &validate_;
  result = prune::SearchSparsity(*graph, context_, options, nullptr);
  EXPECT_EQ(result->best, 0u);
  EXPECT_EQ(diagnostics_.all().back().message, "sparsity 0.9375: 62.50 % of 8, drop 0.3750, 256 bytes of constants");
}

TEST_F(RetrainTest, TheTextLeftBehindGivesTheSame) {
  const auto dense = Trained();
  for (const std::string options :
       {"method=gradual max-drop=0.05 precision=0.3 epochs=3 batch=20 lr=0.02 saliency=magnitude skip=l2 seed=5",
        "max-drop=0.05 min-step=0.25 epochs=2 batch=20 lr=0.03 optimizer=sgd distill=0.25"}) {
    SCOPED_TRACE(options);
    const auto run = [&](const std::string& text) {
      auto graph = dense->Clone();
      auto pipeline = Pipeline::Parse(text);
      EXPECT_TRUE(pipeline.ok()) << pipeline.status();
      RunOptions run_options;
      run_options.verify_each = true;
      const absl::Status status = pipeline->Run(*graph, context_, run_options);
      EXPECT_TRUE(status.ok()) << status;
      return PrintGraph(*graph);
    };
    const std::string searched = run("prune-search{" + options + "}");
    EXPECT_NE(searched, PrintGraph(*dense));
    const std::string message = diagnostics_.all().back().message;
    const size_t start = message.find("prune-search{"), end = message.find('}', start);
    ASSERT_NE(end, std::string::npos) << message;
    const std::string text = message.substr(start, end + 1 - start);
    EXPECT_THAT(text, HasSubstr("sparsity=0."));
    EXPECT_THAT(text, testing::Not(HasSubstr("max-drop")));
    context_.validate = nullptr;
    EXPECT_EQ(run(text), searched) << text;
    context_.validate = &validate_;
  }
}

TEST_F(RetrainTest, SaysWhatItDoes) {
  std::ostringstream progress;
  context_.progress = &progress;
  const auto dense = Trained();
  auto pipeline = Pipeline::Parse("prune-search{method=gradual sparsity=0.5 epochs=2 batch=100}");
  ASSERT_TRUE(pipeline->Run(*dense, context_).ok());
  EXPECT_THAT(progress.str(), testing::MatchesRegex(
                                  "prune-search: sparsity 0.5: epoch 1 of 2, loss [0-9.]+, about [0-9]+ s of training "
                                  "left\n  epoch 2 of 2, loss [0-9.]+, about 0 s of training left\n  [0-9.]+ % of "
                                  "300, drop [-0-9.]+ .- [0-9.]+, [0-9]+ bytes of constants; about 0 s left\n"));
}

TEST_F(RetrainTest, Errors) {
  const auto dense = Diagonal();
  const auto message = [&](const std::string& options) {
    const auto graph = dense->Clone();
    auto pipeline = Pipeline::Parse("prune-search{" + options + "}");
    return std::string(pipeline->Run(*graph, context_).message());
  };
  train_ = Dataset::FromTensors({RandomReals(F32({9, 8}), 3)}, {});
  context_.validate = nullptr;
  EXPECT_EQ(message("method=gradual sparsity=0.5 epochs=1"), "");  // the dense graph's outputs are enough
  EXPECT_EQ(message("method=gradual sparsity=1.5"), "prune-search: sparsity=1.5 is outside [0, 1]");
  EXPECT_EQ(message("method=gradual sparsity=0.5 rank=1.5"), "prune-search: rank=1.5 is outside [0, 1]");
  EXPECT_EQ(message("method=gradual sparsity=0.5 epochs=-1"), "prune-search: epochs=-1 is outside [1, 100000]");
  EXPECT_EQ(message("method=gradual sparsity=0.5 optimizer=sgd"),
            "prune-search: saliency=gradient takes Adam's second moment; give saliency=magnitude or optimizer=adam");
  context_.train = nullptr;
  EXPECT_EQ(message("method=gradual sparsity=0.5"),
            "prune-search: needs training data; give --train=PATH, with labels for a classifier");
  // A second output's layer is not trained.
  Diagnostics diagnostics;
  const auto two = ParseGraph(
      "graph @g(%x: f32[1x2]) -> (%y: f32[1x2], %z: f32[1x1]) {\n  const @w: f32[2x2] = {9, 1, 8, 0.5}\n"
      "  const @v: f32[1x2] = {1, 2}\n  %y: f32[1x2] = fc %x, @w\n  %z: f32[1x1] = fc %x, @v\n}\n",
      "t.mcu", diagnostics);
  train_ = Dataset::FromTensors({RandomReals(F32({9, 2}), 3)}, {});
  context_.train = &train_;
  const auto clone = two->Clone();
  const auto retrainer = Make(*two, Few());
  EXPECT_THAT(
      std::string(retrainer->PruneGradually(*clone, WeightsOf(*clone), 0.5, 0, nullptr, context_).status().message()),
      HasSubstr("@v does not lead to the first output, which alone is trained; name it in skip="));
}

}  // namespace
}  // namespace mcuc
