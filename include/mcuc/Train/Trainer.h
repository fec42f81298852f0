// Trains the parameters of a graph: SGD with momentum or Adam, cosine schedule with warm-up; against labels, expected
// outputs, a teacher's outputs (distillation), or both; with masks that hold weights at zero. The result depends on
// graph, samples, options and the instruction set alone, not on the number of threads.
#ifndef MCUC_TRAIN_TRAINER_H
#define MCUC_TRAIN_TRAINER_H

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Train/FakeQuantize.h"
#include "mcuc/Train/Gradient.h"

namespace mcuc::train {

// The samples of a data set as a graph's float inputs. Those that fit the budget are made once.
class Samples {
 public:
  // The data set must outlive it; the graph need not.
  static absl::StatusOr<std::unique_ptr<Samples>> Create(const Dataset& data, const Graph& graph, int threads = 0,
                                                         int64_t cache_bytes = int64_t{1} << 30);

  const Dataset& data() const { return data_; }
  int64_t size() const { return data_.size(); }
  // Writes sample i, one pointer a graph input; null: not wanted. Thread-safe.
  void Copy(int64_t i, const std::vector<float*>& to) const;

 private:
  Samples(const Dataset& data, std::unique_ptr<Graph> graph) : data_(data), graph_(std::move(graph)) {}
  std::vector<Tensor> Make(int64_t i) const;
  const Dataset& data_;
  std::unique_ptr<Graph> graph_;
  std::vector<int64_t> sizes_;             // of a sample of each input
  int64_t cached_ = 0;                     // samples
  std::vector<std::vector<float>> cache_;  // by input
};

enum class OptimizerKind : uint8_t { kAdam, kSgd };

// kAuto: cross-entropy with labels, mean squared error with expected outputs, else cross-entropy with the teacher's
// classes or, for a model of one output, mean squared error to the teacher's.
enum class LossKind : uint8_t { kAuto, kCrossEntropy, kMse };

struct TrainOptions {
  int64_t epochs = 3;
  int64_t batch = 128;
  OptimizerKind optimizer = OptimizerKind::kAdam;
  double lr = 2e-3;            // the highest rate, of a tensor whose values have a root mean square of 0.1
  double warmup = 0.05;        // the fraction of all steps in which the rate rises to it
  double momentum = 0.9;       // of SGD, and Adam's first decay rate
  double second_decay = 0.99;  // Adam's second decay rate: shorter than usual, since so is training
  double weight_decay = 0;     // decoupled from the gradient
  LossKind loss = LossKind::kAuto;
  double distill = 0.5;    // weight of the teacher's part of the loss, the rest is the labels' or expected outputs'
  double temperature = 2;  // of the teacher's and the student's probabilities in it
  uint64_t seed = 0;       // of the order of samples
  int threads = 0;         // 0: one a core
};

// lr * min(1, (step + 1) / warm-up steps) * (1 + cos(pi * step / steps)) / 2
double LearningRate(const TrainOptions& options, int64_t step, int64_t steps);

struct Parameter {
  std::string name;  // of the graph's constant
  Tensor value;
  std::vector<uint8_t> kept;  // 0: held at zero; empty: all are trained
  std::vector<float> first;   // SGD's velocity, Adam's mean of gradients
  std::vector<float> second;  // Adam's mean of squared gradients, of held weights too; empty for SGD
  double rate = 1;            // of the learning rate
};

// In proportion to the size of the values, since Adam's steps have the size of the learning rate whatever the
// gradient's (Shazeer and Stern, "Adafactor", 2018, section 8): a layer that reads pixels of 0 to 255 has small weights
// and needs small steps. Root mean square / 0.1, and 1 where all are zero.
double RateOf(std::span<const float> values);

// One step of the optimizer; `step` counts from 0 (Kingma and Ba, "Adam", 2015, Algorithm 1).
void UpdateParameter(const TrainOptions& options, double lr, int64_t step, std::span<const float> gradient,
                     Parameter& parameter);

// What quantization-aware training quantizes, with the straight-through estimator and trained scales (Esser et al.,
// "Learned Step Size Quantization", 2020).
struct QuantizedLayer {
  std::string weights;  // the constant's name; one scale a tensor
  std::string bias;     // empty: none that is a parameter
  int input = -1;       // the group of activations that the layer reads, with whose scale its bias is rounded; -1: none
};
struct QuantizedActivations {
  ActivationGroup group;
  int32_t zero_point = 0;            // group.lo and hi are relative to it
  std::optional<float> fixed_scale;  // it is not trained
};
struct Quantized {
  std::vector<QuantizedActivations> activations;
  std::vector<QuantizedLayer> layers;
  // Bits of a weight: with fewer than 8 there is no code for 0, and those of b bits are 1 to 2^(b - 1) and their
  // opposites; with 8 they are -127 to 127.
  int weight_bits = 8;
  int bias_bits = 8;  // of a bias in units of a power of two of its accumulator's
};

struct EpochReport {
  int64_t epoch = 0;  // from 1
  int64_t epochs = 0;
  double loss = 0;  // mean over the epoch's samples
  double seconds_left = 0;
};

class Trainer {
 public:
  // `teacher`: a graph of the same inputs and output; null: none. Without labels and expected outputs it is needed. The
  // samples must outlive the trainer, the graphs need not.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const Graph& graph, const Samples& samples,
                                                         const Graph* teacher, const TrainOptions& options,
                                                         const Quantized* quantized = nullptr);
  ~Trainer();

  int64_t steps() const;  // in all epochs
  std::vector<Parameter>& parameters();
  Parameter* Find(const std::string& name);  // null: no such parameter
  // Holds weights at zero from now on (kept[i] == 0), others are trained.
  static void Hold(Parameter& parameter, std::vector<uint8_t> kept);
  // The masks stay as they are from now on, so that nothing more need be known of weights that are held.
  void FreezeMasks();

  // All epochs. `before_step` may change masks and values. An OutOfRange status where the loss is no
  // finite number.
  absl::Status Run(const std::function<absl::Status(int64_t step)>& before_step = nullptr,
                   const std::function<void(const EpochReport&)>& after_epoch = nullptr);

  // From the next step on: chooses the scales from the parameters as they are and some hundred samples. Once only, and
  // only where `quantized` was given.
  absl::Status StartQuantizing();
  bool quantizing() const;
  // After StartQuantizing: of a group of activations, and of a layer's weights.
  float ActivationScale(size_t group) const;
  float WeightScale(size_t layer) const;
  CodeRange WeightCodes() const;

  // Gives the parameters' values to the graph's constants of these names: what they are quantized to, as floats, where
  // they are.
  absl::Status Store(Graph& graph) const;

 private:
  Trainer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcuc::train

#endif  // MCUC_TRAIN_TRAINER_H
