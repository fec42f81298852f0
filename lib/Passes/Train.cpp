// Trains the graph's weights from what they are, a random initialisation or not, before anything is pruned:
//
//   const @w: f32[2x2] = {0.1, -0.3, 0.2, 0.1}     samples and labels (--train)
//   ──►  epochs of cross-entropy, or mean squared error against expected outputs
//   const @w: f32[2x2] = {2.4, -1.9, -2.1, 2.2}
#include "Watch.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Passes/Pass.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc {

namespace {

class Train : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    if (!context.train) {
      return absl::FailedPreconditionError("needs training data; give --train=PATH, with labels or expected outputs");
    }
    auto samples = train::Samples::Create(*context.train, graph, context.threads);
    if (!samples.ok()) return samples.status();
    train::TrainOptions options;
    options.epochs = epochs_;
    options.batch = batch_;
    options.optimizer = optimizer_ == "sgd" ? train::OptimizerKind::kSgd : train::OptimizerKind::kAdam;
    options.lr = lr_;
    options.weight_decay = weight_decay_;
    options.seed = static_cast<uint64_t>(seed_);
    options.threads = context.threads;
    const auto trainer = train::Trainer::Create(graph, **samples, nullptr, options);
    if (!trainer.ok()) return trainer.status();
    if (context.progress) *context.progress << "train: " << std::flush;
    double loss = 0;
    const auto watch = prune::Watch(context);
    const auto after_epoch = [&](const train::EpochReport& report) {
      loss = report.loss;
      if (watch) watch(report);
    };
    const auto before_step = [&](int64_t) { return prune::CheckStop(context); };
    if (absl::Status status = (*trainer)->Run(before_step, after_epoch); !status.ok()) return status;
    if (absl::Status status = (*trainer)->Store(graph); !status.ok()) return status;
    context.Remark(graph, nullptr,
                   absl::StrCat(epochs_, " epochs of ", (*samples)->size(), " samples, loss ",
                                DoubleText(std::round(loss * 1e4) / 1e4), " in the last"));
    return true;
  }

  void Options(PassOptions& options) override {
    options.Add("epochs", "epochs of training", &epochs_);
    options.Add("batch", "samples of a training step", &batch_);
    options.AddChoice("optimizer", "the optimizer", &optimizer_, {"adam", "sgd"});
    options.Add("lr", "the highest learning rate, after the first 5 % of the steps; then it falls as a cosine", &lr_);
    options.Add("weight-decay", "the part of a weight that a step of rate 1 takes off", &weight_decay_);
    options.Add("seed", "of the order of training samples", &seed_);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "For a model whose weights are initialised but not trained, or not trained enough. With labels the loss is "
           "the cross-entropy, with expected outputs the mean squared error ([training.md](training.md)). It begins "
           "with the weights that the model has: zeros stay alike, so give random ones.";
  }

 private:
  int64_t epochs_ = 10;
  int64_t batch_ = 128;
  std::string optimizer_ = "adam";
  double lr_ = 0.002;
  double weight_decay_ = 0;
  int64_t seed_ = 0;
};

}  // namespace

std::unique_ptr<Pass> CreateTrain() { return std::make_unique<Train>(); }

}  // namespace mcuc
