// The search for a sparsity, over candidates that are scored as they would be emitted.
#include "Search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>

#include "Familiarity.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mcuc::prune {

namespace {

constexpr double kTolerance = 1e-9;  // of max-drop: 0.9882 - 0.9782 is not just 0.01 in binary
constexpr double kFirstSparsity = 0.9375;
// Of weights that are used this often in an inference, as in a net of mostly fully connected layers. A weight that is
// used more often is missed more: LeNet-5 (7 uses) bears 98 % of sparsity, nets of convolutions (200) 50 to 80 %.
constexpr double kFewUses = 8, kUsesPower = 0.4;
constexpr double kLeastDensity = 1.0 / 4096;  // the search goes no further, nor beyond 3 of 4 weights
constexpr double kMostDensity = 0.75;
// Half-way, in float, a candidate loses about what it will in the end, or up to some times as much where that is a lot.
// Given up is what loses this many times max-drop there for sure.
constexpr double kHopeless = 4, kGlanceErrors = 2;
constexpr int64_t kGlances = 2000;                     // validation samples of a glance
constexpr size_t kMostCandidates = 10;                 // of those that take minutes
constexpr size_t kEnoughCandidates = 3;                // to believe that little is left to win
constexpr double kAimedAt = 0.98, kFullEnough = 0.95;  // of a limit of flash

std::string Fixed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

// No more digits than are worth printing.
double SparsityOf(double density) { return std::round((1 - density) * 1e5) / 1e5; }

// A density tried, and what of max-drop it takes: the drop with its standard errors.
struct Point {
  double density, loss;
};

// The density at which a loss that grows as a power of 1 / density reaches `target`.
double Predict(const std::vector<Point>& points, double target) {
  // A loss of nothing, or less by chance, still says that there is far to go; one of everything not how far.
  const auto loss = [&](const Point& p) { return std::clamp(p.loss, target / 16, target * 16); };
  const auto distance = [&](const Point& p) { return std::fabs(std::log(loss(p) / target)); };
  Point nearest = points[0];  // of equal ones the last, which is nearest to where the search has got
  for (const Point& p : points) {
    if (distance(p) <= distance(nearest)) nearest = p;
  }
  double power = 2;  // what was seen of trained nets, until two points tell
  double least = std::numeric_limits<double>::infinity();
  for (const Point& p : points) {
    if (p.density == nearest.density || distance(p) > least) continue;
    least = distance(p);
    power = std::clamp(std::log(loss(p) / loss(nearest)) / std::log(nearest.density / p.density), 1.5, 4.0);
  }
  return nearest.density * std::pow(loss(nearest) / target, 1 / power);
}

class Search {
 public:
  Search(const Graph& graph, PassContext& context, const SearchOptions& options, const Recover& recover,
         const PruneTo& prune_to)
      : graph_(graph), context_(context), options_(options), recover_(recover), prune_to_(prune_to) {}

  absl::StatusOr<SearchResult> Run() {
    if (context_.validate) {
      if (absl::Status status = ScoreReference(); !status.ok()) return status;
      if (absl::Status status = TestReference(); !status.ok()) return status;
    }
    absl::Status status = absl::OkStatus();
    if (options_.sparsity) {
      Progress(absl::StrCat("sparsity ", DoubleText(*options_.sparsity), ": "));
      status = Next(*options_.sparsity, 0).status();
    } else if (options_.strategy == Strategy::kHalving) {
      status = Halve();
    } else {
      status = options_.strategy == Strategy::kFlash       ? FitFlash()
               : options_.strategy == Strategy::kGalloping ? Gallop()
                                                           : FollowPowerLaw();
    }
    if (!status.ok()) return status;
    if (!result_.best && IsStopped()) {
      return absl::CancelledError("interrupted before a candidate was accepted; nothing is written");
    }
    if (!result_.best && !options_.flash) ExplainNone();
    return std::move(result_);
  }

 private:
  absl::Status Halve() {
    const int steps = 1 + static_cast<int>(std::floor(std::log2(0.5 / options_.min_step) + kTolerance));
    double level = 0;
    for (int n = 0; n < steps && !HasEnded(); ++n) {
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
    double sparsity = kFirstSparsity;
    while (accepted > kLeastDensity && rejected < kMostDensity && rejected < accepted * (1 - options_.precision) &&
           !HasEnded()) {
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
                          : accepted == 1 ? std::min(2 * rejected, kMostDensity)
                                          : std::sqrt(accepted * rejected);
      sparsity = SparsityOf(next);
      if (sparsity <= 1 - accepted || sparsity >= 1 - rejected) break;
    }
    return absl::OkStatus();
  }

  double FirstSparsity() const {
    double products = 0, weights = 0;
    for (const auto& node : graph_.nodes()) products += static_cast<double>(MacsOf(*node));
    for (const Value* w : WeightsOf(graph_)) weights += static_cast<double>(w->type().elements());
    const double uses = products / std::max(weights, 1.0);
    const double density = (1 - kFirstSparsity) * std::pow(std::max(1.0, uses / kFewUses), kUsesPower);
    return SparsityOf(std::min(density, 0.5));
  }

  absl::Status FollowPowerLaw() {
    double accepted = 1, rejected = 0;  // densities
    double sparsity = FirstSparsity();
    std::vector<Point> points;
    // Max-drop itself where nothing may be lost.
    const double target = std::max(options_.max_drop, 1e-6);
    while (points.size() < kMostCandidates && !HasEnded()) {
      Progress(absl::StrCat("candidate ", result_.candidates.size() + 1, ", sparsity ", DoubleText(sparsity), ": "));
      const absl::StatusOr<bool> good = Next(sparsity, std::max(0, 3 - static_cast<int>(points.size())));
      if (!good.ok()) return good.status();
      if (HasEnded()) break;
      const Candidate& candidate = result_.candidates.back();
      const double density = 1 - sparsity;
      points.push_back({density, candidate.drop + options_.standard_errors * candidate.error});
      (*good ? accepted : rejected) = density;
      if (accepted <= kLeastDensity || rejected >= kMostDensity || rejected > accepted * (1 - options_.precision))
        break;
      double next = std::clamp(Predict(points, target), density / 4, density * 4);
      if (rejected == 0) {
        const bool little = next > accepted * (1 - options_.precision / 2);
        if (little && points.size() >= kEnoughCandidates) break;
        // Candidates differ by chance: the first ones may say of less than there is that it is little.
        next = std::min(next, accepted * (1 - options_.precision));
      } else if (accepted == 1) {
        next = std::clamp(next, 1.1 * rejected, kMostDensity);
      } else {
        // Never so close to an end that a wrong law leaves the other one far.
        const double width = std::log(accepted / rejected);
        next = rejected * std::exp(std::clamp(std::log(next / rejected), 0.2 * width, 0.8 * width));
      }
      sparsity = SparsityOf(next);
      if (sparsity <= 1 - accepted || sparsity >= 1 - rejected) break;
    }
    return RetryNearMiss(1 - accepted);
  }

  // Trainings of one sparsity differ by about as much as the validation samples can tell, so that another may well be
  // within max-drop: of those that lost no more, and were rejected for their standard errors, the sparsest.
  absl::Status RetryNearMiss(double accepted) {
    double sparsity = accepted;
    for (const Candidate& candidate : result_.candidates) {
      if (candidate.accepted || !candidate.failure.empty() || candidate.drop > options_.max_drop + kTolerance) continue;
      sparsity = std::max(sparsity, candidate.sparsity);
    }
    if (sparsity == accepted || HasEnded()) return absl::OkStatus();
    const int64_t seed = options_.seed + 1;
    Progress(absl::StrCat("candidate ", result_.candidates.size() + 1, ", sparsity ", DoubleText(sparsity),
                          " once more, seed ", seed, ": "));
    return Next(sparsity, 0, seed).status();
  }

  absl::Status FitFlash() {
    const auto limit = static_cast<double>(*options_.flash);
    Candidate whole;
    if (absl::Status status = ScoreRest(graph_, whole); !status.ok()) return status;
    if (whole.flash <= *options_.flash) {
      context_.Remark(graph_, nullptr,
                      absl::StrCat("about ", whole.flash, " bytes of flash are within flash=", *options_.flash,
                                   "; nothing is pruned"));
      return absl::OkStatus();
    }
    // Bytes over density; an encoded weight takes about half as much again as a dense one of a byte.
    double weights = 0;
    for (const Value* w : WeightsOf(graph_)) weights += static_cast<double>(w->type().elements());
    const auto fixed = static_cast<double>(whole.flash - whole.bytes);
    double density = std::clamp((limit - fixed) / (1.5 * weights), kLeastDensity, kMostDensity);
    double fits = 0, exceeds = 1, fits_bytes = fixed, exceeds_bytes = static_cast<double>(whole.flash);
    while (!HasEnded() && result_.candidates.size() < kMostCandidates) {
      const double sparsity = SparsityOf(density);
      Progress(absl::StrCat("candidate ", result_.candidates.size() + 1, ", sparsity ", DoubleText(sparsity), ": "));
      const absl::StatusOr<bool> good = Next(sparsity, std::max(0, 2 - static_cast<int>(result_.candidates.size())));
      if (!good.ok()) return good.status();
      if (HasEnded()) break;
      const auto bytes = static_cast<double>(result_.candidates.back().flash);
      (*good ? fits : exceeds) = density;
      (*good ? fits_bytes : exceeds_bytes) = bytes;
      if (*good && (bytes > kFullEnough * limit || density >= kMostDensity)) break;
      if (!*good && density <= kLeastDensity) {
        return absl::FailedPreconditionError(
            absl::StrCat("about ", result_.candidates.back().flash, " bytes of flash with hardly a weight left, ",
                         result_.candidates.back().flash - *options_.flash, " over flash=", *options_.flash, ": ",
                         result_.candidates.back().bytes, " of them constants, the rest code; a larger flash=, ",
                         "csc-encode{objective=size}, or a model of fewer layers would help"));
      }
      const double slope = (exceeds_bytes - fits_bytes) / (exceeds - fits);
      const double next = fits + (kAimedAt * limit - fits_bytes) / std::max(slope, 1e-9);
      density = std::clamp(next, fits + 0.1 * (exceeds - fits), fits + 0.9 * (exceeds - fits));
      density = std::clamp(density, kLeastDensity, kMostDensity);
      if (exceeds - fits < 0.02 * exceeds) break;
    }
    return absl::OkStatus();
  }

  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  bool IsStopped() const { return context_.stop && *context_.stop; }
  bool HasEnded() const {
    if (IsStopped()) return true;
    const auto n = static_cast<double>(result_.candidates.size());
    return options_.seconds > 0 && n > 0 && Seconds() * (n + 1) / n > options_.seconds;
  }

  // Makes and reports a candidate; true: it is accepted. `left`: how many are still to come, as far as is known.
  absl::StatusOr<bool> Next(double sparsity, int left) { return Next(sparsity, left, options_.seed); }
  absl::StatusOr<bool> Next(double sparsity, int left, int64_t seed) {
    absl::StatusOr<Candidate> candidate = Try(sparsity, seed);
    if (absl::IsCancelled(candidate.status()) && IsStopped()) {
      if (context_.progress) *context_.progress << "interrupted\n" << std::flush;
      return false;
    }
    if (!candidate.ok()) return candidate.status();
    Report(*candidate, Seconds() / static_cast<double>(result_.candidates.size()) * left);
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

  // Measures drops on training samples too where the graph was trained on the validation samples.
  absl::Status TestReference() {
    if (!options_.retrain || options_.sparsity || options_.flash || result_.reference.kind != MetricKind::kTop1 ||
        !context_.train || !context_.train->has_labels()) {
      return absl::OkStatus();
    }
    Progress("whether the model was trained on the validation samples: ");
    absl::StatusOr<Familiarity> familiarity =
        TestFamiliarity(graph_, reference_, result_.reference, options_.retrain, context_);
    if (absl::IsCancelled(familiarity.status()) && IsStopped()) return absl::OkStatus();
    // Retraining that fails here fails for the candidates too, which say so.
    if (familiarity.status().code() == absl::StatusCode::kOutOfRange) return absl::OkStatus();
    if (!familiarity.ok()) return familiarity.status();
    if (context_.progress) *context_.progress << (familiarity->known ? "yes\n" : "no\n") << std::flush;
    if (!familiarity->known) return absl::OkStatus();
    context_.diagnostics->Warning(
        Location{graph_.source(), 0, 0, "", "", ""},
        absl::StrCat("the model was trained on the validation samples, it seems: it scores ",
                     result_.reference.ToString(), " there and ", familiarity->train.ToString(),
                     " training samples; retrained without them, ", familiarity->control.ToString(), " and ",
                     familiarity->control_train.ToString(),
                     ". Drops are measured on as many samples of both; samples that it has never seen would give a "
                     "surer figure"));
    seen_ = std::move(*familiarity);
    return absl::OkStatus();
  }

  // The score of what this graph becomes in the end, and what that takes.
  absl::Status ScoreRest(const Graph& graph, Candidate& candidate) {
    const std::unique_ptr<Graph> rest = graph.Clone();
    if (context_.run_rest) {
      if (absl::Status status = context_.run_rest(*rest); !status.ok()) return status;
    }
    for (const Value* constant : rest->constants()) candidate.bytes += constant->tensor().storage_bytes();
    candidate.flash = context_.target->FlashOf(*rest);
    for (const Value* weights : WeightsOf(*rest)) candidate.nonzeros += weights->tensor().nonzeros();
    if (!context_.validate) return absl::OkStatus();
    const absl::StatusOr<Loss> loss = LossOf(*rest, *context_.validate, reference_, result_.reference);
    if (!loss.ok()) return loss.status();
    candidate.score = loss->score;
    candidate.drop = loss->drop;
    candidate.error = loss->error;
    if (!seen_) return absl::OkStatus();
    const absl::StatusOr<Loss> of_seen = LossOf(*rest, seen_->seen, seen_->outputs, seen_->train);
    if (!of_seen.ok()) return of_seen.status();
    candidate.drop = (loss->drop + of_seen->drop) / 2;
    candidate.error = std::hypot(loss->error, of_seen->error) / 2;
    return absl::OkStatus();
  }

  struct Loss {
    Score score;
    double drop = 0, error = 0;
  };
  // On these samples, of which the graph before the search has these outputs and this score.
  absl::StatusOr<Loss> LossOf(const Graph& graph, const Dataset& data, const Outputs& before,
                              const Score& score_before) {
    const absl::StatusOr<Outputs> outputs = RunGraph(graph, data, context_.threads);
    if (!outputs.ok()) return outputs.status();
    const absl::StatusOr<Score> score = ScoreOf(*outputs, data, &before, options_.metric);
    if (!score.ok()) return score.status();
    return Loss{*score, DropOf(score_before, *score), DropErrorOf(before, *outputs, data, *score)};
  }

  // Aborted where what is lost half-way is more than the rest of the training can win back.
  absl::Status GlanceAt(const Graph& half_way, Candidate& candidate) {
    if (!context_.validate || options_.sparsity || options_.flash || result_.reference.kind == MetricKind::kMinusMse) {
      return absl::OkStatus();
    }
    const Dataset some = context_.validate->Thinned(kGlances);
    // Of the same samples, so that these few need not be like the rest.
    Outputs before;
    const int64_t step = (context_.validate->size() + kGlances - 1) / kGlances;
    for (int64_t i = 0; i < some.size(); ++i) before.push_back(reference_[static_cast<size_t>(i * step)]);
    const absl::StatusOr<Score> score_before = ScoreOf(before, some, &before, options_.metric);
    if (!score_before.ok()) return score_before.status();
    const absl::StatusOr<Loss> loss = LossOf(half_way, some, before, *score_before);
    if (!loss.ok()) return loss.status();
    candidate.drop = loss->drop;
    candidate.error = loss->error;
    if (candidate.drop - kGlanceErrors * candidate.error <= kHopeless * options_.max_drop) return absl::OkStatus();
    return absl::AbortedError(
        absl::StrCat("given up half-way at ", loss->score.ToString(), ", drop ", Fixed("%.4f", candidate.drop)));
  }

  absl::StatusOr<Candidate> Try(double sparsity, int64_t seed) {
    std::unique_ptr<Graph> graph = graph_.Clone();
    // The weights that can't be pruned are remarked on once, not for each candidate.
    Diagnostics quiet;
    PassContext context = context_;
    if (!result_.candidates.empty()) context.diagnostics = &quiet;
    absl::StatusOr<std::vector<Value*>> weights = PrunableWeights(*graph, options_.skip, context);
    if (!weights.ok()) return weights.status();
    Candidate candidate;
    candidate.sparsity = sparsity;
    candidate.seed = seed;
    const Glance glance = [&](const Graph& half_way) { return GlanceAt(half_way, candidate); };
    absl::StatusOr<Pruned> pruned = prune_to_ ? prune_to_(*graph, *weights, sparsity, seed, glance, context_)
                                              : PruneMagnitude(*graph, *weights, sparsity, Scope::kLayer);
    absl::Status status = pruned.status();
    if (status.ok() && recover_) status = recover_(*graph, pruned->masks, seed, context_);
    if (absl::IsAborted(status)) {
      candidate.failure = std::string(status.message());
    } else if (status.code() == absl::StatusCode::kOutOfRange && !options_.sparsity) {
      // The training of this one diverged; another may not.
      candidate.failure = std::string(status.message());
      candidate.drop = std::numeric_limits<double>::infinity();
    } else if (!status.ok()) {
      return status;
    } else {
      if (absl::Status scored = ScoreRest(*graph, candidate); !scored.ok()) return scored;
      const double loss = candidate.drop + options_.standard_errors * candidate.error;
      const bool good = options_.flash ? candidate.flash <= *options_.flash : loss <= options_.max_drop + kTolerance;
      candidate.accepted = options_.sparsity || good;
    }
    if (candidate.accepted) {
      result_.best = result_.candidates.size();
      result_.graph = std::move(graph);
      result_.changed = pruned->changed || recover_;
    }
    result_.candidates.push_back(candidate);
    if (context_.candidates) context_.candidates->push_back(candidate);
    return candidate;
  }

  void Progress(const std::string& text) {
    if (context_.progress) *context_.progress << "prune-search: " << text << std::flush;
  }

  std::string FindingOf(const Candidate& candidate) const {
    if (!candidate.failure.empty()) return absl::StrCat(candidate.failure, ", rejected");
    const std::string fits =
        !options_.flash ? ""
                        : absl::StrCat("about ", candidate.flash, " bytes of flash, ",
                                       candidate.accepted ? "accepted" : "rejected", context_.validate ? "; " : "");
    if (!context_.validate) return options_.flash ? fits : "not scored, there is no validation set";
    const std::string error = options_.standard_errors > 0
                                  ? absl::StrCat(" +- ", Fixed("%.4f", options_.standard_errors * candidate.error))
                                  : "";
    const char* verdict = options_.sparsity || options_.flash ? "" : candidate.accepted ? ", accepted" : ", rejected";
    return absl::StrCat(fits, candidate.score.ToString(), ", drop ", Fixed("%.4f", candidate.drop), error, ", ",
                        candidate.bytes, " bytes of constants", verdict);
  }

  void Report(const Candidate& candidate, double seconds_left) {
    const std::string finding = FindingOf(candidate);
    if (context_.progress) {
      *context_.progress << finding << "; about " << Fixed("%.0f", std::ceil(seconds_left)) << " s left\n"
                         << std::flush;
    }
    const std::string again = candidate.seed == options_.seed ? "" : absl::StrCat(", seed ", candidate.seed);
    context_.Remark(graph_, nullptr, absl::StrCat("sparsity ", DoubleText(candidate.sparsity), again, ": ", finding));
  }

  // Whether pruning or what follows it costs more than is tolerated.
  void ExplainNone() {
    const Candidate& last = result_.candidates.back();
    std::string message = absl::StrCat(
        "no sparsity is within max-drop=", DoubleText(options_.max_drop), " of ", result_.reference.ToString(), ": ",
        DoubleText(last.sparsity), " drops by ", Fixed("%.4f", last.drop),
        options_.standard_errors > 0 ? absl::StrCat(" +- ", Fixed("%.4f", options_.standard_errors * last.error)) : "");
    if (Candidate unpruned; ScoreRest(graph_, unpruned).ok()) {
      absl::StrAppend(&message, ", the rest of the pipeline alone by ", Fixed("%.4f", unpruned.drop));
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
  std::optional<Familiarity> seen_;  // where the graph was trained on the validation samples
  SearchResult result_;
};

absl::Status CheckRange(const char* name, double value, double least, double most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, "=", DoubleText(value), " is outside [", DoubleText(least), ", ", DoubleText(most), "]"));
}

}  // namespace

absl::StatusOr<SearchResult> SearchSparsity(const Graph& graph, PassContext& context, const SearchOptions& options,
                                            const Recover& recover, const PruneTo& prune_to) {
  if (!context.validate && !options.sparsity && !options.flash) {
    return absl::FailedPreconditionError(
        "needs validation data to score its candidates; give --validate=PATH, with labels for an accuracy");
  }
  if (!(options.max_drop >= 0)) {
    return absl::InvalidArgumentError(absl::StrCat("max-drop=", DoubleText(options.max_drop), " is below 0"));
  }
  for (const absl::Status& status :
       {CheckRange("min-step", options.min_step, 1e-6, 0.5), CheckRange("precision", options.precision, 0.01, 0.5),
        CheckRange("standard-errors", options.standard_errors, 0, 10),
        CheckRange("search-time", options.seconds, 0, 1e7)}) {
    if (!status.ok()) return status;
  }
  return Search(graph, context, options, recover, prune_to).Run();
}

}  // namespace mcuc::prune
