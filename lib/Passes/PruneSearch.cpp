// Finds the highest sparsity within a tolerated accuracy loss, by a binary search over the level of magnitude pruning.
//
//   const @w: f32[2x4] = {0.5, 0.01, 0, 0.75, -0.02, 0.25, 0.03, -1}
//   ──►  0.5 accepted, 0.75 rejected, 0.625 accepted, …
//   const @w: f32[2x4] = {0.5, 0, 0, 0.75, 0, 0, 0, -1}
//
// A candidate is scored on the validation set as it would be emitted: after the rest of the pipeline, run on a clone.
// With training data a candidate is retrained before, or pruned while it is trained (Retrain.h).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "Magnitude.h"
#include "PruneObs.h"
#include "Retrain.h"
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
  Search(const Graph& graph, PassContext& context, const SearchOptions& options, const Recover& recover,
         const PruneTo& prune_to)
      : graph_(graph), context_(context), options_(options), recover_(recover), prune_to_(prune_to) {}

  absl::StatusOr<SearchResult> Run() {
    if (context_.validate) {
      if (absl::Status status = ScoreReference(); !status.ok()) return status;
    }
    absl::Status status = absl::OkStatus();
    if (options_.sparsity) {
      Progress(absl::StrCat("sparsity ", DoubleText(*options_.sparsity), ": "));
      status = Next(*options_.sparsity, 0).status();
    } else {
      status = options_.strategy == Strategy::kHalving ? Halve() : Gallop();
    }
    if (!status.ok()) return status;
    if (!result_.best) ExplainNone();
    return std::move(result_);
  }

 private:
  absl::Status Halve() {
    const int steps = 1 + static_cast<int>(std::floor(std::log2(0.5 / options_.min_step) + kTolerance));
    double level = 0;
    for (int n = 0; n < steps; ++n) {
      const double candidate = level + std::ldexp(0.5, -n);
      Progress(absl::StrCat("candidate ", n + 1, " of ", steps, ", sparsity ", DoubleText(candidate), ": "));
      const absl::StatusOr<bool> accepted = Next(candidate, steps - n - 1);
      if (!accepted.ok()) return accepted.status();
      if (*accepted) level = candidate;
    }
    return absl::OkStatus();
  }

  // Where much is pruned it is the density that counts: 0.98 is half of 0.96. Ends after about eight candidates.
  absl::Status Gallop() {
    double accepted = 1, rejected = 0;  // densities: nothing pruned, and everything
    double sparsity = 0.9375;
    // At the latest with 1 of 4096 weights, or with none accepted up to 3 of 4.
    while (accepted > std::ldexp(1.0, -12) && rejected < 0.75 && rejected < accepted * (1 - options_.precision)) {
      const double density = 1 - sparsity;
      Progress(absl::StrCat("candidate ", result_.candidates.size() + 1, ", sparsity ", DoubleText(sparsity), ": "));
      // Until it is bracketed, a factor of 2 is what there will be to bisect.
      const bool bracketed = accepted < 1 && rejected > 0;
      const double to_bisect = bracketed ? std::log(accepted / rejected) : std::log(2.0);
      const double steps = std::ceil(std::log2(to_bisect / -std::log1p(-options_.precision)));
      const absl::StatusOr<bool> good = Next(sparsity, std::max(0, static_cast<int>(steps) - (bracketed ? 1 : 0)));
      if (!good.ok()) return good.status();
      (*good ? accepted : rejected) = density;
      const double next = rejected == 0   ? accepted / 2
                          : accepted == 1 ? std::min(2 * rejected, 0.75)
                                          : std::sqrt(accepted * rejected);
      sparsity = std::round((1 - next) * 1e5) / 1e5;  // no more digits than are worth printing
      if (sparsity <= 1 - accepted || sparsity >= 1 - rejected) break;
    }
    return absl::OkStatus();
  }

  // Makes and reports a candidate; true: it is accepted. `left`: how many are still to come, as far as is known.
  absl::StatusOr<bool> Next(double sparsity, int left) {
    absl::StatusOr<Candidate> candidate = Try(sparsity);
    if (!candidate.ok()) return candidate.status();
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    Report(*candidate, spent / static_cast<double>(result_.candidates.size()) * left);
    return candidate->accepted;
  }

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
    absl::StatusOr<Pruned> pruned = prune_to_ ? prune_to_(*graph, *weights, sparsity, context_)
                                              : PruneMagnitude(*graph, *weights, sparsity, Scope::kLayer);
    if (!pruned.ok()) return pruned.status();
    if (recover_) {
      if (absl::Status status = recover_(*graph, pruned->masks, options_.seed, context_); !status.ok()) return status;
    }
    Candidate candidate{sparsity, {}, 0, true};
    if (context_.validate) {
      absl::StatusOr<Score> score = ScoreRest(*graph);
      if (!score.ok()) return score.status();
      candidate.score = *score;
      candidate.drop = DropOf(result_.reference, *score);
      candidate.accepted = options_.sparsity || candidate.drop <= options_.max_drop + kTolerance;
    }
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
    const std::string verdict = options_.sparsity ? "" : candidate.accepted ? ", accepted" : ", rejected";
    const std::string finding =
        context_.validate ? absl::StrCat(candidate.score.ToString(), ", drop ", Fixed("%.4f", candidate.drop), verdict)
                          : "not scored, there is no validation set";
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
  const PruneTo& prune_to_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Outputs reference_;
  SearchResult result_;
};

}  // namespace

absl::StatusOr<SearchResult> SearchSparsity(const Graph& graph, PassContext& context, const SearchOptions& options,
                                            const Recover& recover, const PruneTo& prune_to) {
  if (!context.validate && !options.sparsity) {
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
  if (!(options.precision >= 0.01 && options.precision <= 0.5)) {
    return absl::InvalidArgumentError(
        absl::StrCat("precision=", DoubleText(options.precision), " is outside [0.01, 0.5]"));
  }
  return Search(graph, context, options, recover, prune_to).Run();
}

}  // namespace prune

namespace {

// The candidate becomes the surgeon's graph at this sparsity.
absl::StatusOr<prune::Pruned> PruneBySurgeon(obs::Surgeon& surgeon, Graph& candidate,
                                             const std::vector<Value*>& weights, double sparsity) {
  absl::StatusOr<std::unique_ptr<Graph>> graph = surgeon.Prune(sparsity);
  if (!graph.ok()) return graph.status();
  prune::Pruned pruned;
  pruned.changed = true;
  std::vector<std::string> names;
  for (const Value* w : weights) names.push_back(w->name());
  candidate.Swap(**graph);
  for (const Value* w : WeightsOf(candidate)) {
    if (std::find(names.begin(), names.end(), w->name()) == names.end()) continue;
    prune::Mask mask{w->name(), {}};
    for (int64_t i = 0; i < w->tensor().elements(); ++i) mask.kept.push_back(w->tensor().AsDouble(i) != 0);
    pruned.masks.push_back(std::move(mask));
  }
  return pruned;
}

class PruneSearch : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    prune::SearchOptions options;
    options.max_drop = max_drop_;
    options.min_step = min_step_;
    options.skip = skip_;
    options.seed = seed_;
    options.precision = precision_;
    if (sparsity_ != -1) options.sparsity = sparsity_;
    if (metric_ == "top-1") options.metric = MetricKind::kTop1;
    if (metric_ == "agreement") options.metric = MetricKind::kAgreement;
    if (metric_ == "mse") options.metric = MetricKind::kMinusMse;
    const bool gradual = method_ == "gradual", surgical = method_ == "obs";
    std::unique_ptr<prune::Retrainer> retrainer;
    std::unique_ptr<obs::Surgeon> surgeon;
    prune::Recover recover;
    prune::PruneTo prune_to;
    if (gradual || context.train) {
      auto made = prune::Retrainer::Create(graph, context, TrainingOptions(gradual));
      if (!made.ok()) return made.status();
      retrainer = *std::move(made);
    }
    if (gradual) {
      options.strategy = prune::Strategy::kGalloping;
      prune_to = [&](Graph& candidate, const std::vector<Value*>& weights, double sparsity, PassContext& with) {
        return retrainer->PruneGradually(candidate, weights, sparsity, with);
      };
    } else if (surgical) {
      options.strategy = prune::Strategy::kGalloping;
      obs::Options surgery;
      surgery.skip = skip_;
      auto made = obs::Surgeon::Create(graph, context, surgery);
      if (!made.ok()) return made.status();
      surgeon = *std::move(made);
      prune_to = [&](Graph& candidate, const std::vector<Value*>& weights, double sparsity, PassContext&) {
        return PruneBySurgeon(*surgeon, candidate, weights, sparsity);
      };
    }
    if (retrainer && !gradual) {
      recover = [&](Graph& candidate, const std::vector<prune::Mask>& masks, int64_t, PassContext& with) {
        return retrainer->Recover(candidate, masks, with);
      };
    }
    absl::StatusOr<prune::SearchResult> result = prune::SearchSparsity(graph, context, options, recover, prune_to);
    if (!result.ok()) return result.status();
    if (!result->best) return false;
    const prune::Candidate& best = result->candidates[*result->best];
    graph.Swap(*result->graph);
    if (options.sparsity) return result->changed;
    const std::string finding = absl::StrCat(
        "kept sparsity ", DoubleText(best.sparsity), " (", best.score.ToString(), "; reference ",
        result->reference.ToString(), "); in place of prune-search, ",
        retrainer || surgical ? SelfText(best.sparsity) : prune::PruneText(best.sparsity, skip_), " gives the same");
    if (context.progress) *context.progress << "prune-search: " << finding << "\n" << std::flush;
    context.Remark(graph, nullptr, finding);
    return result->changed;
  }

  void Options(PassOptions& options) override {
    options.AddChoice("method",
                      "level: each layer is pruned to one level of magnitudes, then retrained where there is training "
                      "data; gradual: all layers together while they are trained; obs: all layers together on the "
                      "calibration data as by prune-obs, then retrained where there is training data",
                      &method_, {"level", "gradual", "obs"});
    options.Add("max-drop",
                "the tolerated loss: a difference of accuracies (0.01 is one point); with mse, of R squared",
                &max_drop_);
    options.Add("min-step", "level: the search ends where its step, halved from 0.5, would be below this", &min_step_);
    options.Add("precision",
                "gradual, obs: the search ends where the fraction of weights left is within this part of one too small",
                &precision_);
    options.Add("sparsity", "no search: prune to this sparsity, whatever the loss; -1: search", &sparsity_);
    options.Add("skip", "weights that stay, by their own name or their layer's", &skip_);
    options.AddChoice("metric", "what is scored; auto: top-1 with labels, mse with expected outputs, else agreement",
                      &metric_, {"auto", "top-1", "agreement", "mse"});
    options.Add("epochs", "epochs of training a candidate; 0: 5 for level, 10 for gradual", &epochs_);
    options.Add("batch", "samples of a training step", &batch_);
    options.AddChoice("optimizer", "the optimizer", &optimizer_, {"adam", "sgd"});
    options.Add("lr", "the highest learning rate, after the first 5 % of the steps; then it falls as a cosine", &lr_);
    options.Add("distill", "the share of the loss that is the distance to the dense graph's outputs", &distill_);
    options.Add("temperature", "of the probabilities that distillation compares", &temperature_);
    options.AddChoice("saliency",
                      "gradual: which weights go first, those of least magnitude or of least magnitude times the root "
                      "of Adam's second moment, the size of their gradient",
                      &saliency_, {"gradient", "magnitude"});
    options.AddChoice(
        "objective", "gradual: what a weight is dear by, in the comparison of weights: its byte, its products, or both",
        &objective_, {"balanced", "size", "speed"});
    options.Add("rank", "gradual: the fraction of the training during which the sparsity grows", &rank_);
    options.Add("weight-bits",
                "gradual: the bits of a weight in quantization-aware training, 2 to 8; 0: training stays in float",
                &weight_bits_);
    options.Add("quantize-from", "gradual: the fraction of the training after which it is quantization-aware",
                &quantize_from_);
    options.Add("seed", "of the order of training samples", &seed_);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "`method=level` is Algorithm 1 of Dogan, Ugurdag and Unlu (2021): the sparsity starts at 0; a step starts "
           "at "
           "0.5 and halves until it is below `min-step`; each time the sparsity and the step together are a candidate: "
           "every layer is pruned by magnitude as by `prune` and, where there is training data (`--train`), retrained "
           "with the zeros held.\n\n"
           "`method=gradual` needs training data. A candidate is pruned while it is trained, all layers together (Zhu "
           "and Gupta, 2017): during the first part (`rank`) of the training the weights of least `saliency` become "
           "zero, "
           "at its fraction t the share s (1 - (1 - t)^3) of them; then the zeros are held. Squares of saliencies are "
           "compared for the same cost, by `objective`: of the bytes that are left, of the products, or both shares "
           "added. The last part is quantization-aware (`quantize-from`): weights are rounded to `weight-bits`, one "
           "scale a tensor, activations to 8 bits with zero point 0 (7 where relu makes them), biases to 8 bits and a "
           "shift; the scales are trained too. What is left behind says its scales itself, as int8 weights, quantize "
           "and dequantize nodes, and quantize takes them as they are. The first candidate has a "
           "sparsity of 0.9375; the fraction of weights left is halved or doubled until it lies between an accepted "
           "and a rejected candidate, then bisected down to `precision`.\n\n"
           "`method=obs` needs calibration data (`--calibrate`) and no training: candidates as by `prune-obs`, the "
           "order "
           "of removal found once; the search is that of `gradual`.\n\n"
           "Training ([training.md](training.md)) is against labels or expected outputs and, by `distill`, the outputs "
           "of the graph before the search; without labels and expected outputs, against those alone. It takes float "
           "graphs whose dimension 0 is the batch, and is the same for a seed on any number of threads. Each candidate "
           "starts from the graph before the search.\n\n"
           "The rest of the pipeline runs on a copy of a candidate, and the result is scored on the validation set "
           "(`--validate`). It is accepted where its score is at most `max-drop` below that of the graph before the "
           "search. The accepted candidate of the highest sparsity is kept, not yet quantized or encoded. With "
           "`sparsity` there is no search: this candidate is made, and kept.\n\n"
           "The score is top-1 accuracy with labels. Without labels it is the agreement with the top-1 of the graph "
           "before the search or, for a model of one output or with expected outputs, the mean squared error; its drop "
           "is the growth of the error as a fraction of the variance of the values compared with, which is the loss of "
           "R squared. For a regression of several outputs without expected outputs, say `metric=mse`.\n\n"
           "Remarks give each candidate and, at the end, the `prune{…}` or `prune-search{… sparsity=…}` that gives the "
           "same result without a search.";
  }

 private:
  prune::RetrainOptions TrainingOptions(bool gradual) const {
    prune::RetrainOptions options;
    options.train.epochs = epochs_ != 0 ? epochs_ : gradual ? 10 : 5;
    options.train.batch = batch_;
    options.train.optimizer = optimizer_ == "sgd" ? train::OptimizerKind::kSgd : train::OptimizerKind::kAdam;
    options.train.lr = lr_;
    options.train.distill = distill_;
    options.train.temperature = temperature_;
    options.train.seed = static_cast<uint64_t>(seed_);
    if (metric_ == "mse") options.train.loss = train::LossKind::kMse;
    if (metric_ == "top-1" || metric_ == "agreement") options.train.loss = train::LossKind::kCrossEntropy;
    options.saliency = saliency_ == "gradient" ? prune::Saliency::kGradient : prune::Saliency::kMagnitude;
    options.objective = objective_ == "size"    ? prune::Objective::kSize
                        : objective_ == "speed" ? prune::Objective::kSpeed
                                                : prune::Objective::kBalanced;
    options.rank = rank_;
    options.weight_bits = gradual ? static_cast<int>(weight_bits_) : 0;
    options.quantize_from = quantize_from_;
    return options;
  }

  // The pass that makes this one candidate, with the same options but those of the search.
  std::string SelfText(double sparsity) {
    PruneSearch fresh;
    PassOptions mine, text;
    Options(mine);  // the values now are the defaults of these rows
    fresh.Options(text);
    const std::vector<PassOptions::Row> rows = mine.Rows(), defaults = text.Rows();
    for (size_t i = 0; i < rows.size(); ++i) {
      const PassOptions::Row& row = rows[i];
      const bool searches = row.name == "max-drop" || row.name == "min-step" || row.name == "precision";
      if (searches || row.default_text == defaults[i].default_text) continue;
      if (!text.Set(row.name, row.default_text).ok()) return "";  // never: it was set from text
    }
    if (!text.Set("sparsity", DoubleText(sparsity)).ok()) return "";
    return absl::StrCat("prune-search{", text.Text(), "}");
  }

  std::string method_ = "level";
  double max_drop_ = 0.01;
  double min_step_ = 0.01;
  double precision_ = 0.1;
  double sparsity_ = -1;
  std::vector<std::string> skip_;
  std::string metric_ = "auto";
  int64_t epochs_ = 0;
  int64_t batch_ = 128;
  std::string optimizer_ = "adam";
  double lr_ = 0.006;
  double distill_ = 0.5;
  double temperature_ = 2;
  std::string saliency_ = "gradient";
  std::string objective_ = "balanced";
  double rank_ = 0.5;
  int64_t weight_bits_ = 4;
  double quantize_from_ = 0.55;
  int64_t seed_ = 0;
};

}  // namespace

std::unique_ptr<Pass> CreatePruneSearch() { return std::make_unique<PruneSearch>(); }

}  // namespace mcuc
