// The integer form of convolutions and fully connected layers: int8 weights, int32 biases with the input's zero point
// folded in, and the real factors behind the accumulators, within the bounds of rule N4.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "Quantize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Bounds.h"

namespace mcuc::quantize {

namespace {

constexpr int kMostWeight = 127;
constexpr int kMostShift = 7;  // N2

// A channel of zeros adds nothing whatever its scale is; this one gives its bias 12 bits behind the output's step.
constexpr double kZeroChannelFactor = 1.0 / 4096;

float WeightScale(double largest) { return std::max(static_cast<float>(largest / kMostWeight), FLT_MIN); }

double LargestOf(std::span<const float> weights) {
  double largest = 0;
  for (float w : weights) largest = std::max(largest, std::fabs(double{w}));
  return largest;
}

// One output channel in integers.
struct Channel {
  double sum = 0;        // of the weights
  double magnitude = 0;  // of their absolute values
  double bias = 0;       // with the zero point folded in
  double bound = 0;      // of the accumulators behind a fused average pool
};

Channel ChannelOf(std::span<const int8_t> weights, double bias, double weight_scale, const LayerInput& input) {
  Channel channel;
  for (int8_t w : weights) {
    channel.sum += w;
    channel.magnitude += std::abs(w);
  }
  channel.bias = std::floor(bias / (input.x_scale * weight_scale) + 0.5) - input.x_zero_point * channel.sum;
  channel.bound = (channel.magnitude * 128 + std::fabs(channel.bias)) * static_cast<double>(input.windows);
  return channel;
}

void QuantizeChannel(std::span<const float> from, const Type& type, int64_t c, std::span<int8_t> to) {
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = static_cast<int8_t>(std::clamp(QuantizeReal(from[i], type, c), -kMostWeight, kMostWeight));
  }
}

// The weights' type with a scale for each channel, or for all.
Type WeightsType(const Shape& shape, std::vector<float> scales, bool per_channel) {
  return Type{ElementType::i8, shape, Quantization{std::move(scales), {0}, per_channel ? 0 : -1}};
}

}  // namespace

Tensor QuantizeWeights(const Tensor& weights, bool per_channel) {
  const int64_t channels = Columns(weights.type());
  per_channel &= channels > 1;
  const auto length = static_cast<size_t>(ColumnLength(weights.type()));
  const auto from = weights.data<float>();
  std::vector<float> scales;
  if (per_channel) {
    for (int64_t c = 0; c < channels; ++c) {
      const double largest = LargestOf(from.subspan(static_cast<size_t>(c) * length, length));
      scales.push_back(largest == 0 ? 1.0f : WeightScale(largest));
    }
  } else {
    const double largest = LargestOf(from);
    scales.push_back(largest == 0 ? 1.0f : WeightScale(largest));
  }
  Tensor result(WeightsType(weights.shape(), std::move(scales), per_channel));
  for (int64_t c = 0; c < channels; ++c) {
    const size_t at = static_cast<size_t>(c) * length;
    QuantizeChannel(from.subspan(at, length), result.type(), c, result.data<int8_t>().subspan(at, length));
  }
  return result;
}

absl::StatusOr<Layer> IntegerLayer(const LayerInput& input) {
  Layer layer;
  const Type& given = input.weights->type();
  const int64_t channels = Columns(given);
  const auto length = static_cast<size_t>(ColumnLength(given));
  const bool fixed = given.element == ElementType::i8;
  layer.weights = fixed ? *input.weights : QuantizeWeights(*input.weights, input.per_channel);
  Quantization& quant = *layer.weights.mutable_type().quant;
  const auto column = [&](int64_t c) {
    return layer.weights.data<int8_t>().subspan(static_cast<size_t>(c) * length, length);
  };
  const auto bias = [&](int64_t c) { return input.bias ? input.bias->AsDouble(c) : 0.0; };
  const auto limit = static_cast<double>(kAccumulatorLimit);

  if (!fixed) {
    const auto zeros = static_cast<float>(
        std::max(kZeroChannelFactor * input.y_scale * static_cast<double>(input.windows) / input.x_scale, 1e-30));
    for (size_t s = 0; s < quant.scales.size(); ++s) {
      const auto all = input.weights->data<float>();
      const auto own = quant.scales.size() == 1 ? all : all.subspan(s * length, length);
      if (LargestOf(own) == 0) quant.scales[s] = zeros;
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    Channel channel = ChannelOf(column(c), bias(c), quant.scale(c), input);
    // A larger scale makes both the weights and the bias smaller integers.
    for (int tries = 0; !fixed && !(channel.bound < limit); ++tries) {
      if (tries == 100) return absl::InvalidArgumentError(absl::StrCat("channel ", c, " overflows 32 bits"));
      const size_t s = quant.scales.size() == 1 ? 0 : static_cast<size_t>(c);
      quant.scales[s] = static_cast<float>(double{quant.scales[s]} * std::min(channel.bound / limit * 1.01, 1e6));
      if (!std::isfinite(quant.scales[s])) {
        return absl::InvalidArgumentError(absl::StrCat("channel ", c, " overflows 32 bits"));
      }
      layer.remark = absl::StrCat("the weights of channel ", c, " use fewer than 8 bits, so that 32 hold the sums");
      const int64_t first = quant.scales.size() == 1 ? 0 : c;
      const int64_t last = quant.scales.size() == 1 ? channels : c + 1;
      for (int64_t k = first; k < last; ++k) {
        QuantizeChannel(input.weights->data<float>().subspan(static_cast<size_t>(k) * length, length),
                        layer.weights.type(), k, column(k));
      }
      channel = ChannelOf(column(c), bias(c), quant.scale(c), input);
    }
    if (!(channel.bound < limit)) {  // weights as given: what is left is the bias
      const double most = std::floor((limit - 1) / static_cast<double>(input.windows)) - channel.magnitude * 128;
      if (most < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("the sums of channel ", c, " overflow 32 bits with the given int8 weights"));
      }
      layer.remark = absl::StrCat("the bias of channel ", c, " is cut to 32 bits");
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    // The scale of a tensor may have grown for a later channel.
    Channel channel = ChannelOf(column(c), bias(c), quant.scale(c), input);
    if (!(channel.bound < limit)) {
      const double most = std::floor((limit - 1) / static_cast<double>(input.windows)) - channel.magnitude * 128;
      channel.bias = std::clamp(channel.bias, -most, most);
      channel.bound = limit - 1;
    }
    layer.bias.push_back(static_cast<int32_t>(channel.bias));
    layer.has_bias |= channel.bias != 0;
    const double unit = input.x_scale * quant.scale(c) / static_cast<double>(input.windows);
    layer.factors.push_back(unit / input.y_scale);
    // A factor below 2^shift has at most that shift.
    int shift = 0;
    while (shift < kMostShift && channel.bound * std::ldexp(1.0, shift + 1) < limit) ++shift;
    layer.least_y_scale = std::max(layer.least_y_scale, std::ldexp(unit, -shift) * (1 + 1e-6));
  }
  return layer;
}

absl::StatusOr<Layer> IntegerLayerOf(const Node& node, const Plan& plan, const Options& options) {
  const Quantization& x = plan.quantization(node.operand(0));
  LayerInput input;
  input.weights = &node.operand(1)->tensor();
  input.bias = node.operand(2) ? &node.operand(2)->tensor() : nullptr;
  input.x_scale = x.scale();
  input.x_zero_point = x.zero_point();
  input.y_scale = plan.quantization(node.result()).scale();
  input.per_channel = options.per_channel;
  if (const auto* conv = node.If<ConvAttrs>(); conv && conv->pool.kind == PoolKind::avg) {
    input.windows = conv->pool.kernel[0] * conv->pool.kernel[1];
  }
  return IntegerLayer(input);
}

}  // namespace mcuc::quantize
