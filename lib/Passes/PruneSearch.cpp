// Finds the highest sparsity within a tolerated accuracy loss, by a binary search over the level of magnitude pruning.
//
//   const @w: f32[2x4] = {0.5, 0.01, 0, 0.75, -0.02, 0.25, 0.03, -1}
//   ──►  0.5 accepted, 0.75 rejected, 0.625 accepted, …
//   const @w: f32[2x4] = {0.5, 0, 0, 0.75, 0, 0, 0, -1}
//
// A candidate is scored on the validation set as it would be emitted: after the rest of the pipeline, run on a clone.
// With training data a candidate is retrained before, or pruned while it is trained (Retrain.h).
#include <algorithm>
#include <cmath>

#include "Magnitude.h"
#include "PruneObs.h"
#include "Retrain.h"
#include "Search.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

std::string PruneText(double sparsity, const std::vector<std::string>& skip) {
  return absl::StrCat("prune{sparsity=", DoubleText(sparsity),
                      skip.empty() ? "" : absl::StrCat(" skip=", absl::StrJoin(skip, ";")), "}");
}

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
  // Of gradual, as a rule, that a limited time is divided among, the control one of them.
  static constexpr double kCandidates = 4.5;

 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    prune::SearchOptions options;
    options.max_drop = max_drop_;
    options.min_step = min_step_;
    options.skip = skip_;
    options.seed = seed_;
    // Trained candidates of one density differ by as much as the loss of a tenth of it: no use in going closer.
    options.precision = precision_ != 0 ? precision_ : method_ == "gradual" ? 0.15 : 0.1;
    options.standard_errors = standard_errors_;
    options.seconds = search_time_;
    if (flash_ < 0) return absl::InvalidArgumentError(absl::StrCat("flash=", flash_, " is below 0"));
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
      auto made = prune::Retrainer::Create(graph, context, TrainingOptions(gradual, graph, context));
      if (!made.ok()) return made.status();
      retrainer = *std::move(made);
    }
    if (gradual) {
      options.strategy = prune::Strategy::kPowerLaw;
      if (search_time_ > 0 && !options.sparsity) {
        const absl::StatusOr<int64_t> epochs = retrainer->EpochsWithin(search_time_ / kCandidates, graph, context);
        if (!epochs.ok()) return epochs.status();
        epochs_ = *epochs;  // what the text left behind says too
      }
      prune_to = [&](Graph& candidate, const std::vector<Value*>& weights, double sparsity, int64_t seed,
                     const prune::Glance& glance, PassContext& with) {
        return retrainer->PruneGradually(candidate, weights, sparsity, seed, glance, with);
      };
    } else if (surgical) {
      options.strategy = prune::Strategy::kGalloping;
      obs::Options surgery;
      surgery.skip = skip_;
      auto made = obs::Surgeon::Create(graph, context, surgery);
      if (!made.ok()) return made.status();
      surgeon = *std::move(made);
      prune_to = [&](Graph& candidate, const std::vector<Value*>& weights, double sparsity, int64_t,
                     const prune::Glance&,
                     PassContext&) { return PruneBySurgeon(*surgeon, candidate, weights, sparsity); };
    }
    if (retrainer && !gradual) {
      recover = [&](Graph& candidate, const std::vector<prune::Mask>& masks, int64_t, PassContext& with) {
        return retrainer->Recover(candidate, masks, with);
      };
    }
    if (retrainer && control_) {
      options.retrain = [&](PassContext& with) { return retrainer->Control(with); };
    }
    if (flash_ > 0 && !options.sparsity) {
      options.flash = flash_;
      options.strategy = prune::Strategy::kFlash;
    }
    absl::StatusOr<prune::SearchResult> result = prune::SearchSparsity(graph, context, options, recover, prune_to);
    if (!result.ok()) return result.status();
    if (!result->best) return false;
    const prune::Candidate& best = result->candidates[*result->best];
    graph.Swap(*result->graph);
    if (options.sparsity) return result->changed;
    const std::string finding = absl::StrCat(
        "kept sparsity ", DoubleText(best.sparsity),
        context.validate ? absl::StrCat(" (", best.score.ToString(), "; reference ", result->reference.ToString(), ")")
                         : "",
        "; in place of prune-search, ", retrainer || surgical ? SelfText(best) : PruneText(best.sparsity, skip_),
        " gives the same");
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
                "gradual, obs: the search ends where the fraction of weights left is within this part of one too "
                "small; 0: 0.15 for gradual, 0.1 for obs",
                &precision_);
    options.Add("flash",
                "no max-drop: prune until the estimated flash (tables and code) is within this many bytes; 0: max-drop",
                &flash_);
    options.Add("standard-errors",
                "the drop on the validation samples and this many standard errors of it must be within max-drop",
                &standard_errors_);
    options.Add("control",
                "with training data: ask whether the model was trained on the validation samples, by retraining it "
                "without them, and if so measure drops on training samples too",
                &control_);
    options.Add("search-time",
                "seconds: no candidate is begun that would probably end later, and gradual trains each for so few "
                "epochs that several fit; 0: no limit",
                &search_time_);
    options.Add("sparsity", "no search: prune to this sparsity, whatever the loss; -1: search", &sparsity_);
    options.Add("skip", "weights that stay, by their own name or their layer's", &skip_);
    options.AddChoice("metric", "what is scored; auto: top-1 with labels, mse with expected outputs, else agreement",
                      &metric_, {"auto", "top-1", "agreement", "mse"});
    options.Add("epochs",
                "epochs of training a candidate; 0: 5 for level; for gradual 40, fewer where an epoch takes over 5e10 "
                "products, at least 4",
                &epochs_);
    options.Add("batch", "samples of a training step", &batch_);
    options.AddChoice("optimizer", "the optimizer", &optimizer_, {"adam", "sgd"});
    options.Add("lr",
                "the highest learning rate, after the first 5 % of the steps; then it falls as a cosine; 0: 0.008 "
                "for up to 5 layers, for n layers 0.008 (5 / n)^2.5, at least 0.0005",
                &lr_);
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
           "at 0.5 and halves until it is below `min-step`; each time the sparsity and the step together are a "
           "candidate: every layer is pruned by magnitude as by `prune` and, where there is training data "
           "(`--train`), retrained with the zeros held.\n\n"
           "`method=gradual` needs training data. A candidate is pruned while it is trained, all layers together (Zhu "
           "and Gupta, 2017): during the first part (`rank`) of the training the weights of least `saliency` become "
           "zero, at its fraction t the share s (1 - (1 - t)^3) of them; then the zeros are held. Squares of "
           "saliencies are compared for the same cost, by `objective`: of the bytes that are left, of the products, "
           "or both shares added. The last part is quantization-aware (`quantize-from`): weights are rounded to "
           "`weight-bits`, one scale a tensor, activations to 8 bits with zero point 0 (7 where relu makes them), "
           "biases to 8 bits and a shift; the scales are trained too. What is left behind says its scales itself, as "
           "int8 weights, quantize and dequantize nodes, and quantize takes them as they are. The first candidate has "
           "a sparsity of 0.9375, less where a weight is used in more than 8 products, as in convolutions. At the end "
           "of the ranking it is scored in float on 2,000 of the validation samples, and given up where it drops by "
           "four times `max-drop` and more. From then on the loss is taken to grow as a power of 1 / density, the "
           "power that two candidates tell, and the next one is where that reaches `max-drop`, at least `precision` "
           "further for the second and the third, until one is accepted and one within `precision` of it rejected, or "
           "little is to be won. At the end the sparsest of those that lost no more than `max-drop`, and were "
           "rejected for their standard errors, is trained once more with the next seed: trainings differ by as "
           "much.\n\n"
           "`method=obs` needs calibration data (`--calibrate`) and no training: candidates as by `prune-obs`, the "
           "order of removal found once. From 0.9375 on the fraction of weights left is halved or doubled until it "
           "lies between an accepted and a rejected candidate, then bisected down to `precision`.\n\n"
           "Training ([training.md](training.md)) is against labels or expected outputs and, by `distill`, the "
           "outputs of the graph before the search; without labels and expected outputs, against those alone. It "
           "takes float graphs whose dimension 0 is the batch, and is the same for a seed on any number of threads. "
           "Each candidate starts from the graph before the search.\n\n"
           "The rest of the pipeline runs on a copy of a candidate, and the result is scored on the validation set "
           "(`--validate`). It is accepted where its score is at most `max-drop` below that of the graph before the "
           "search, by `standard-errors` of that drop: what chance in the choice of the samples makes of it. The "
           "accepted candidate of the highest sparsity is kept, not yet quantized or encoded. With `sparsity` there "
           "is no search: this candidate is made, and kept.\n\n"
           "A model that was trained on the validation samples scores better there than on any that it has not seen, "
           "while what is retrained without them does not. So where it scores there as on its training samples, a "
           "control is trained first: the model itself, as candidates are but with nothing pruned. Where that loses "
           "on the validation samples alone, by three standard errors, they were known: a warning says so with the "
           "scores. Drops are then the mean of those on the validation samples, of which a candidate has forgotten "
           "something, and on as many training samples, of which it has learnt more than the model had. "
           "`control=false` does not ask.\n\n"
           "The score is top-1 accuracy with labels. Without labels it is the agreement with the top-1 of the graph "
           "before the search or, for a model of one output or with expected outputs, the mean squared error; its "
           "drop is the growth of the error as a fraction of the variance of the values compared with, which is the "
           "loss of R squared. For a regression of several outputs without expected outputs, say `metric=mse`.\n\n"
           "With `flash` it is not the loss that decides: the candidate of the lowest sparsity is kept whose "
           "estimated flash is within that many bytes; where the whole model is, nothing is pruned.\n\n"
           "An interrupt (Ctrl-C) and `search-time` end the search with the best candidate so far.\n\n"
           "Remarks give each candidate and, at the end, the `prune{…}` or `prune-search{… sparsity=…}` that gives "
           "the same result without a search.";
  }

 private:
  // Of gradual pruning, by default: as many as a small net on 50,000 images takes to lose little; the more there is to
  // compute, the fewer, so that a search ends within the hour: ResNet-8 with half of its weights scored as well on
  // validation samples after 9 epochs as after 13. By numbers of products, which are the same everywhere.
  static int64_t GradualEpochs(const Graph& graph, const PassContext& context) {
    constexpr double kMost = 40, kLeast = 4;
    constexpr double kProducts = 5e10, kPower = 0.65;  // an epoch's, up to which there are kMost
    double products = 0;
    for (const auto& node : graph.nodes()) products += static_cast<double>(MacsOf(*node));
    products *= context.train ? static_cast<double>(context.train->size()) : 1;
    const double epochs = kMost * std::pow(kProducts / std::max(products, kProducts), kPower);
    return static_cast<int64_t>(std::max(kLeast, std::round(epochs)));
  }

  prune::RetrainOptions TrainingOptions(bool gradual, const Graph& graph, const PassContext& context) const {
    prune::RetrainOptions options;
    options.train.epochs = epochs_ != 0 ? epochs_ : gradual ? GradualEpochs(graph, context) : 5;
    options.train.batch = batch_;
    options.train.optimizer = optimizer_ == "sgd" ? train::OptimizerKind::kSgd : train::OptimizerKind::kAdam;
    // All layers change at once, and what that does to the output grows with their number: of a residual net of 10
    // layers 0.006 undoes what it had learnt, and 0.0012 loses 0.8 points less than 0.0028; 0.008 suits nets of 5.
    const auto layers = static_cast<double>(WeightsOf(graph).size());
    options.train.lr = lr_ != 0 ? lr_ : std::max(0.0005, 0.008 * std::pow(5 / std::max(5.0, layers), 2.5));
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
  std::string SelfText(const prune::Candidate& best) {
    PruneSearch fresh;
    PassOptions mine, text;
    Options(mine);  // the values now are the defaults of these rows
    fresh.Options(text);
    const std::vector<PassOptions::Row> rows = mine.Rows(), defaults = text.Rows();
    for (size_t i = 0; i < rows.size(); ++i) {
      const PassOptions::Row& row = rows[i];
      const bool searches = row.name == "max-drop" || row.name == "min-step" || row.name == "precision" ||
                            row.name == "flash" || row.name == "standard-errors" || row.name == "search-time" ||
                            row.name == "control";
      if (searches || row.default_text == defaults[i].default_text) continue;
      if (!text.Set(row.name, row.default_text).ok()) return "";  // never: it was set from text
    }
    if (best.seed != seed_ && !text.Set("seed", absl::StrCat(best.seed)).ok()) return "";
    if (!text.Set("sparsity", DoubleText(best.sparsity)).ok()) return "";
    return absl::StrCat("prune-search{", text.Text(), "}");
  }

  std::string method_ = "level";
  double max_drop_ = 0.01;
  double min_step_ = 0.01;
  double precision_ = 0;
  int64_t flash_ = 0;
  double standard_errors_ = 1;
  bool control_ = true;
  double search_time_ = 0;
  double sparsity_ = -1;
  std::vector<std::string> skip_;
  std::string metric_ = "auto";
  int64_t epochs_ = 0;
  int64_t batch_ = 128;
  std::string optimizer_ = "adam";
  double lr_ = 0;
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
