// Scales of a training run: chosen once from what they are to represent, then trained.
#include "Quantizing.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace mcuc::train {

namespace {

constexpr double kOutliers = 1.0 / 2000;  // of the activations, cut off by the first choice of a scale
constexpr double kBiasRoom = 0.7;         // of a bias's range is used at first

absl::StatusOr<size_t> IndexOf(const std::vector<Parameter>& parameters, const std::string& name) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].name == name) return i;
  }
  return absl::InvalidArgumentError(absl::StrCat("@", name, " is to be quantized, but is not trained"));
}

Parameter LogScale(double scale) {
  Tensor log(Type{ElementType::f32, {1}});
  log.Set(0, std::log(scale));
  return {"", std::move(log), {}, {}, {}};
}

// The value that `fraction` of all are not above.
float Quantile(std::vector<float>& values, double fraction) {
  const auto at = static_cast<size_t>(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(at), values.end());
  return values[at];
}

}  // namespace

absl::StatusOr<Quantizing> Quantizing::Create(const Quantized& what, const std::vector<Parameter>& parameters) {
  if (what.weight_bits < 2 || what.weight_bits > 8 || what.bias_bits < 2 || what.bias_bits > 24) {
    return absl::InvalidArgumentError(absl::StrCat("weights of ", what.weight_bits, " bits and biases of ",
                                                   what.bias_bits, ": outside [2, 8] and [2, 24]"));
  }
  Quantizing quantizing;
  quantizing.what_ = what;
  for (const QuantizedLayer& layer : what.layers) {
    Layer mine;
    const absl::StatusOr<size_t> weights = IndexOf(parameters, layer.weights);
    if (!weights.ok()) return weights.status();
    mine.weights = *weights;
    if (!layer.bias.empty()) {
      const absl::StatusOr<size_t> bias = IndexOf(parameters, layer.bias);
      if (!bias.ok()) return bias.status();
      mine.bias = static_cast<int>(*bias);
    }
    if (layer.input >= static_cast<int>(what.activations.size())) {
      return absl::InvalidArgumentError(absl::StrCat("@", layer.weights, ": there is no group ", layer.input));
    }
    mine.input = layer.input;
    quantizing.layers_.push_back(mine);
  }
  return quantizing;
}

CodeRange Quantizing::WeightCodes() const {
  const int32_t half = 1 << (what_.weight_bits - 1);
  return what_.weight_bits < 8 ? CodeRange{-half, half, true} : CodeRange{1 - half, half - 1, false};
}

CodeRange Quantizing::BiasCodes() const {
  const int32_t half = 1 << (what_.bias_bits - 1);
  return {-half, half - 1, false};
}

float Quantizing::BiasStep(size_t l) const {
  return std::ldexp(WeightScale(l) * ActivationScale(static_cast<size_t>(layers_[l].input)), layers_[l].shift);
}

absl::Status Quantizing::Start(const std::vector<Parameter>& parameters, std::vector<std::vector<float>> observed) {
  for (size_t g = 0; g < what_.activations.size(); ++g) {
    const ActivationGroup& group = what_.activations[g].group;
    std::vector<float>& values = observed[g];
    if (values.empty()) values.push_back(0);
    for (float& v : values) {
      if (!std::isfinite(v)) return absl::OutOfRangeError("training diverged: an activation is no finite number");
    }
    if (what_.activations[g].fixed_scale) {
      activation_scales_.push_back(LogScale(*what_.activations[g].fixed_scale));
      continue;
    }
    const float high = Quantile(values, 1 - kOutliers), low = Quantile(values, kOutliers);
    double scale = std::max(double{high} / group.hi, group.lo < 0 ? double{low} / group.lo : 0.0);
    if (!(scale > 0)) scale = 1.0 / 128;
    activation_scales_.push_back(LogScale(scale));
  }
  for (Layer& layer : layers_) {
    weight_scales_.push_back(LogScale(LeastErrorScale(parameters[layer.weights].value.data<float>(), WeightCodes())));
    if (layer.bias < 0 || layer.input < 0) continue;
    float largest = 0;
    for (float b : parameters[static_cast<size_t>(layer.bias)].value.data<float>()) {
      largest = std::max(largest, std::fabs(b));
    }
    const size_t l = weight_scales_.size() - 1;
    while (layer.shift < 24 && largest > kBiasRoom * BiasCodes().hi * BiasStep(l)) ++layer.shift;
  }
  return absl::OkStatus();
}

std::vector<Tensor> Quantizing::Values(const std::vector<Parameter>& parameters) const {
  std::vector<Tensor> values;
  for (const Parameter& parameter : parameters) values.push_back(parameter.value);
  for (size_t l = 0; l < layers_.size(); ++l) {
    const auto w = values[layers_[l].weights].data<float>();
    FakeQuantize(w, WeightScale(l), WeightCodes(), w);
    if (layers_[l].bias < 0 || layers_[l].input < 0) continue;
    const auto b = values[static_cast<size_t>(layers_[l].bias)].data<float>();
    FakeQuantize(b, BiasStep(l), BiasCodes(), b);
  }
  for (const Parameter& scale : activation_scales_) values.push_back(scale.value);
  return values;
}

void Quantizing::Step(const TrainOptions& options, double lr, int64_t step, const std::vector<Parameter>& parameters,
                      const std::vector<std::span<float>>& gradients) {
  std::vector<float> of_scale;
  for (size_t l = 0; l < layers_.size(); ++l) {
    const size_t w = layers_[l].weights;
    of_scale.push_back(
        FakeQuantizeGradient(parameters[w].value.data<float>(), WeightScale(l), WeightCodes(), gradients[w]));
    if (layers_[l].bias < 0 || layers_[l].input < 0) continue;
    const auto b = static_cast<size_t>(layers_[l].bias);
    FakeQuantizeGradient(parameters[b].value.data<float>(), BiasStep(l), BiasCodes(), gradients[b]);
  }
  for (size_t l = 0; l < layers_.size(); ++l) {
    UpdateParameter(options, lr, step, std::span(of_scale).subspan(l, 1), weight_scales_[l]);
  }
  for (size_t g = 0; g < activation_scales_.size(); ++g) {
    if (what_.activations[g].fixed_scale) continue;
    UpdateParameter(options, lr, step, gradients[parameters.size() + g], activation_scales_[g]);
  }
}

}  // namespace mcuc::train
