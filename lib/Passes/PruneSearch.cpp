// Finds the highest sparsity within a tolerated accuracy loss, by a binary search over the level of magnitude pruning.
//
//   const @w: f32[2x4] = {0.5, 0.01, 0, 0.75, -0.02, 0.25, 0.03, -1}
//   ──►  0.5 accepted, 0.75 rejected, 0.625 accepted, …
//   const @w: f32[2x4] = {0.5, 0, 0, 0.75, 0, 0, 0, -1}
//
// A candidate is scored on the validation set as it would be emitted: after the rest of the pipeline, run on a clone.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "Magnitude.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace prune {

namespace {

constexpr double kTolerance = 1e-9;  // of max-drop: 0.9882 - 0.9782 is not just 0.01 in binary

std::string Fixed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string PruneText(double sparsity, const std::vector<std::string>& skip) {
  return absl::StrCat("prune{sparsity=", DoubleText(sparsity),
                      skip.empty() ? "" : absl::StrCat(" skip=", absl::StrJoin(skip, ";")), "}");
}

class Search {
 public:
  Search(const Graph& graph, PassContext& context, const SearchOptions& options, const Recover& recover)
      : graph_(graph), context_(context), options_(options), recover_(recover) {}

  absl::StatusOr<SearchResult> Run() {
    if (absl::Status status = ScoreReference(); !status.ok()) return status;
    const int steps = 1 + static_cast<int>(std::floor(std::log2(0.5 / options_.min_step) + kTolerance));
    const auto start = std::chrono::steady_clock::now();
    double level = 0;
    for (int n = 0; n < steps; ++n) {
      const double step = std::ldexp(0.5, -n);
      Progress(absl::StrCat("candidate ", n + 1, " of ", steps, ", sparsity ", DoubleText(level + step), ": "));
      absl::StatusOr<Candidate> candidate = Try(level + step);
      if (!candidate.ok()) return candidate.status();
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      Report(*candidate, spent / (n + 1) * (steps - n - 1));
      if (candidate->accepted) level = candidate->sparsity;
    }
    if (!result_.best) ExplainNone();
    return std::move(result_);
  }

 private:
  absl::Status ScoreReference() {
    absl::StatusOr<Outputs> outputs = RunGraph(graph_, *context_.validate, context_.threads);
    if (!outputs.ok()) return outputs.status();
    reference_ = std::move(*outputs);
    absl::StatusOr<Score> score = ScoreOf(reference_, *context_.validate, &reference_, options_.metric);
    if (!score.ok()) return score.status();
    result_.reference = *score;
    return absl::OkStatus();
  }

  // The score of what this graph becomes in the end.
  absl::StatusOr<Score> ScoreRest(const Graph& candidate) {
    const std::unique_ptr<Graph> rest = candidate.Clone();
    if (context_.run_rest) {
      if (absl::Status status = context_.run_rest(*rest); !status.ok()) return status;
    }
    absl::StatusOr<Outputs> outputs = RunGraph(*rest, *context_.validate, context_.threads);
    if (!outputs.ok()) return outputs.status();
    return ScoreOf(*outputs, *context_.validate, &reference_, options_.metric);
  }

  absl::StatusOr<Candidate> Try(double sparsity) {
    std::unique_ptr<Graph> graph = graph_.Clone();
    // The weights that can't be pruned are remarked on once, not for each candidate.
    Diagnostics quiet;
    PassContext context = context_;
    if (!result_.candidates.empty()) context.diagnostics = &quiet;
    absl::StatusOr<std::vector<Value*>> weights = PrunableWeights(*graph, options_.skip, context);
    if (!weights.ok()) return weights.status();
    absl::StatusOr<Pruned> pruned = PruneMagnitude(*graph, *weights, sparsity, Scope::kLayer);
    if (!pruned.ok()) return pruned.status();
    if (recover_) {
      if (absl::Status status = recover_(*graph, pruned->masks, options_.seed, context_); !status.ok()) return status;
    }
    absl::StatusOr<Score> score = ScoreRest(*graph);
    if (!score.ok()) return score.status();

    const double drop = DropOf(result_.reference, *score);
    const Candidate candidate{sparsity, *score, drop, drop <= options_.max_drop + kTolerance};
    if (candidate.accepted) {
      result_.best = result_.candidates.size();
      result_.graph = std::move(graph);
      result_.changed = pruned->changed || recover_;
    }
    result_.candidates.push_back(candidate);
    return candidate;
  }

  void Progress(const std::string& text) {
    if (context_.progress) *context_.progress << "prune-search: " << text << std::flush;
  }

  void Report(const Candidate& candidate, double seconds_left) {
    const std::string finding = absl::StrCat(candidate.score.ToString(), ", drop ", Fixed("%.4f", candidate.drop), ", ",
                                             candidate.accepted ? "accepted" : "rejected");
    if (context_.progress) {
      *context_.progress << finding << "; about " << Fixed("%.0f", std::ceil(seconds_left)) << " s left\n"
                         << std::flush;
    }
    context_.Remark(graph_, nullptr, absl::StrCat("sparsity ", DoubleText(candidate.sparsity), ": ", finding));
  }

  // Whether pruning or what follows it costs more than is tolerated.
  void ExplainNone() {
    const Candidate& last = result_.candidates.back();
    std::string message = absl::StrCat("no sparsity is within max-drop=", DoubleText(options_.max_drop), " of ",
                                       result_.reference.ToString(), ": ", DoubleText(last.sparsity), " drops by ",
                                       Fixed("%.4f", last.drop));
    if (absl::StatusOr<Score> unpruned = ScoreRest(graph_); unpruned.ok()) {
      absl::StrAppend(&message, ", the rest of the pipeline alone by ",
                      Fixed("%.4f", DropOf(result_.reference, *unpruned)));
    }
    context_.diagnostics->Warning(Location{graph_.source(), 0, 0, "", "", ""},
                                  absl::StrCat(message, "; nothing is pruned"));
  }

  const Graph& graph_;
  PassContext& context_;
  const SearchOptions& options_;
  const Recover& recover_;
  Outputs reference_;
  SearchResult result_;
};

}  // namespace

absl::StatusOr<SearchResult> SearchSparsity(const Graph& graph, PassContext& context, const SearchOptions& options,
                                            const Recover& recover) {
  if (!context.validate) {
    return absl::FailedPreconditionError(
        "needs validation data to score its candidates; give --validate=PATH, with labels for an accuracy");
  }
  if (!(options.max_drop >= 0)) {
    return absl::InvalidArgumentError(absl::StrCat("max-drop=", DoubleText(options.max_drop), " is below 0"));
  }
  if (!(options.min_step >= 1e-6 && options.min_step <= 0.5)) {
    return absl::InvalidArgumentError(
        absl::StrCat("min-step=", DoubleText(options.min_step), " is outside [1e-06, 0.5]"));
  }
  return Search(graph, context, options, recover).Run();
}

}  // namespace prune

namespace {

class PruneSearch : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    prune::SearchOptions options{max_drop_, min_step_, skip_, std::nullopt, seed_};
    if (metric_ == "top-1") options.metric = MetricKind::kTop1;
    if (metric_ == "agreement") options.metric = MetricKind::kAgreement;
    if (metric_ == "mse") options.metric = MetricKind::kMinusMse;
    absl::StatusOr<prune::SearchResult> result = prune::SearchSparsity(graph, context, options, nullptr);
    if (!result.ok()) return result.status();
    if (!result->best) return false;
    const prune::Candidate& best = result->candidates[*result->best];
    graph.Swap(*result->graph);
    const std::string finding =
        absl::StrCat("kept sparsity ", DoubleText(best.sparsity), " (", best.score.ToString(), "; reference ",
                     result->reference.ToString(), "); in place of prune-search, ",
                     prune::PruneText(best.sparsity, skip_), " gives the same");
    if (context.progress) *context.progress << "prune-search: " << finding << "\n" << std::flush;
    context.Remark(graph, nullptr, finding);
    return result->changed;
  }

  void Options(PassOptions& options) override {
    options.AddChoice("method", "what is searched: the level of magnitude pruning, the same for each layer", &method_,
                      {"level"});
    options.Add("max-drop",
                "the tolerated loss: a difference of accuracies (0.01 is one point); with mse, of R squared",
                &max_drop_);
    options.Add("min-step", "the search ends where its step, halved from 0.5, would be below this", &min_step_);
    options.Add("skip", "weights that stay, by their own name or their layer's", &skip_);
    options.AddChoice("metric", "what is scored; auto: top-1 with labels, mse with expected outputs, else agreement",
                      &metric_, {"auto", "top-1", "agreement", "mse"});
    options.Add("seed", "for what a candidate is recovered with; magnitude pruning itself is not random", &seed_);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "Algorithm 1 of Dogan, Ugurdag and Unlu (2021): the sparsity starts at 0; a step starts at 0.5 and halves "
           "until it is below `min-step`; each time the sparsity and the step together are a candidate: every layer is "
           "pruned by magnitude as by `prune`, the rest of the pipeline runs on a copy, and the result is scored on "
           "the "
           "validation set (`--validate`). It is accepted, and the sparsity becomes the candidate's, where its score "
           "is at most `max-drop` below that of the graph before the search. The accepted candidate of the highest "
           "sparsity is kept, not yet quantized or encoded.\n\n"
           "The score is top-1 accuracy with labels. Without labels it is the agreement with the top-1 of the graph "
           "before the search or, for a model of one output or with expected outputs, the mean squared error; its drop "
           "is the growth of the error as a fraction of the variance of the values compared with, which is the loss of "
           "R squared. For a regression of several outputs without expected outputs, say `metric=mse`.\n\n"
           "Remarks give each candidate and, at the end, the `prune{…}` that gives the same result without a search.";
  }

 private:
  std::string method_ = "level";
  double max_drop_ = 0.01;
  double min_step_ = 0.01;
  std::vector<std::string> skip_;
  std::string metric_ = "auto";
  int64_t seed_ = 0;
};

}  // namespace

std::unique_ptr<Pass> CreatePruneSearch() { return std::make_unique<PruneSearch>(); }

}  // namespace mcuc
