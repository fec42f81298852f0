// Gradients of a float graph: a plan runs a batch of samples forwards, and backwards from the gradient of a loss to
// those of the parameters. Dimension 0 of the graph, of size 1, is widened to the batch; what is fused is taken apart
// first.
#ifndef MCUC_TRAIN_GRADIENT_H
#define MCUC_TRAIN_GRADIENT_H

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc::train {

// Values of the graph, inputs or results of nodes, that are quantized with one scale: what a forward run with scales
// makes of them is s * clamp(floor(x / s + 1/2), lo, hi). The gradient passes through the rounding as if it were not
// there and stops where x / s is outside [lo, hi] (Bengio, Leonard and Courville, 2013: straight-through).
struct ActivationGroup {
  std::vector<const Value*> values;
  int32_t lo = -128, hi = 127;  // relative to the zero point
};

struct PlanOptions {
  int64_t batch = 1;
  // Ends before a softmax over the last axis that the first output comes from, where there is one: losses on
  // probabilities take its operand.
  bool stop_before_softmax = false;
  bool input_gradients = false;           // of the graph's inputs too
  std::vector<ActivationGroup> groups{};  // of the graph's values; those that the output does not need don't count
};

class GradientPlan {
 public:
  // For the first output of a verified graph. An InvalidArgument status names the node that cannot be run in batches
  // (it moves, splits or reduces dimension 0) or has no gradient (integers, arg_reduce, …).
  //
  // Parameters are the f32 constants that are the weights or bias of conv, conv_transpose or fc, or the operand of
  // a binary add, sub or mul behind one of these: a scalar, and what stands before the first layer (the model's
  // preprocessing), stay as they are.
  static absl::StatusOr<std::unique_ptr<GradientPlan>> Create(const Graph& graph, const PlanOptions& options);
  ~GradientPlan();

  int64_t batch() const;
  size_t inputs() const;                    // of the graph
  int64_t sample_size(size_t input) const;  // elements of a sample of this graph input; 0: not read
  int64_t output_size() const;              // elements of a sample's output
  bool stopped_before_softmax() const;
  // The names of the parameters' constants, in the order in which the graph's nodes read them first.
  const std::vector<std::string>& names() const;
  // Their tensors in the graph.
  std::vector<Tensor> Values() const;
  size_t groups() const;  // of PlanOptions

  // What one run needs beside the plan: activations, their gradients, scratch memory. One for each thread.
  class Workspace {
   public:
    ~Workspace();
    std::span<float> input(size_t k);                       // batch x sample_size(k), to be filled before Forward
    std::span<const float> output() const;                  // batch x output_size(), after Forward
    std::span<float> output_gradient();                     // to be filled before Backward
    std::span<const float> input_gradient(size_t k) const;  // after Backward, with PlanOptions::input_gradients
    // The values of a group, before they are quantized, after Forward.
    std::vector<std::span<const float>> group(size_t g) const;

   private:
    friend class GradientPlan;
    Workspace();
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };
  std::unique_ptr<Workspace> NewWorkspace() const;

  // Runs the batch. `values`: one tensor a parameter and then, to quantize the activations, one a group with the
  // natural logarithm of its scale. Thread-safe with a workspace a thread; the bits do not depend on other threads.
  absl::Status Forward(const std::vector<Tensor>& values, Workspace& workspace) const;
  // After Forward with the same values: adds to `gradients` (a tensor for each of the values) the sums over the batch.
  // A scale's is that of Esser et al., "Learned Step Size Quantization" (2020), section 2.1.
  void Backward(const std::vector<Tensor>& values, Workspace& workspace, std::vector<Tensor>& gradients) const;
  // From now on the gradients of a parameter's elements that are not kept (0) need not be computed, which saves time
  // where they are many. Not while a run is in flight.
  void Freeze(size_t parameter, const std::vector<uint8_t>& kept);

 private:
  GradientPlan();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcuc::train

#endif  // MCUC_TRAIN_GRADIENT_H
