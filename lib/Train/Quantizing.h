// The quantization of a training run: the scales of weights and activations, which are trained with them.
#ifndef MCUC_LIB_TRAIN_QUANTIZING_H
#define MCUC_LIB_TRAIN_QUANTIZING_H

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc::train {

class Quantizing {
 public:
  // An InvalidArgument status where a layer names no parameter, or no group.
  static absl::StatusOr<Quantizing> Create(const Quantized& what, const std::vector<Parameter>& parameters);

  // Chooses all scales: of the weights by least squared error, of the activations so that their range holds all but one
  // in 2,000 of `observed` (by group), of the biases so that there is room for them to grow.
  absl::Status Start(const std::vector<Parameter>& parameters, std::vector<std::vector<float>> observed);
  bool started() const { return !activation_scales_.empty() || !weight_scales_.empty(); }

  // What Forward takes: the parameters as they are quantized, then the logarithms of the activations' scales.
  std::vector<Tensor> Values(const std::vector<Parameter>& parameters) const;
  // The gradients of these values, as Backward adds them up, become those of the parameters, and the scales take a
  // step.
  void Step(const TrainOptions& options, double lr, int64_t step, const std::vector<Parameter>& parameters,
            const std::vector<std::span<float>>& gradients);

  const Quantized& what() const { return what_; }
  float ActivationScale(size_t group) const { return ScaleOf(activation_scales_[group].value); }
  float WeightScale(size_t layer) const { return ScaleOf(weight_scales_[layer].value); }
  CodeRange WeightCodes() const;

 private:
  struct Layer {
    size_t weights = 0;  // index of the parameter
    int bias = -1;       // index of the parameter, or -1
    int input = -1;
    int shift = 0;  // a step of the bias is 2^shift steps of the accumulator
  };
  CodeRange BiasCodes() const;
  float BiasStep(size_t layer) const;

  Quantized what_;
  std::vector<Layer> layers_;
  std::vector<Parameter> activation_scales_, weight_scales_;  // logarithms
};

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_QUANTIZING_H
