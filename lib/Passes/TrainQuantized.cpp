// Quantization-aware training of a float graph.
//
//   const @w: f32[2x3] = {0.5, 0, -0.26, …}     %h = fc %x, @w, @b {act = relu}
//   ──►
//   const @w: i8<0.13:0>[2x3] = {4, 0, -2, …}   %h = fc %x, @w, @b {act = relu}
//                                               %h_q: i8<0.021:0> = quantize %h     %h_f = dequantize %h_q
#include "TrainQuantized.h"

#include <algorithm>
#include <cmath>

#include "Quantize.h"
#include "absl/strings/str_cat.h"

namespace mcuc::prune {

namespace {

// Of graph input `k` over the samples.
quantize::Range InputRange(const train::Samples& samples, size_t k, const Graph& graph) {
  quantize::Range range;
  std::vector<float> values(static_cast<size_t>(graph.inputs()[k]->type().elements()));
  std::vector<float*> to(graph.inputs().size(), nullptr);
  to[k] = values.data();
  constexpr int64_t kSamples = 4096;
  const int64_t n = std::min(samples.size(), kSamples);
  for (int64_t i = 0; i < n; ++i) {
    samples.Copy(i * samples.size() / n, to);
    for (float x : values) {
      if (std::isfinite(x)) range = quantize::Join(range, {x, x});
    }
  }
  return range;
}

}  // namespace

absl::StatusOr<train::Quantized> QuantizedParts(Graph& graph, const train::Samples& samples, int weight_bits) {
  const quantize::Options options;
  const quantize::Plan plan(graph, options);
  train::Quantized result;
  result.weight_bits = weight_bits;
  const std::vector<quantize::Plan::Free> groups = plan.FreeGroups();
  for (const quantize::Plan::Free& free : groups) {
    train::QuantizedActivations activations;
    activations.group.values = free.values;
    if (free.input) {
      quantize::Range range;
      for (size_t k = 0; k < graph.inputs().size(); ++k) {
        const auto& values = free.values;
        if (std::count(values.begin(), values.end(), graph.inputs()[k]) == 0) continue;
        range = quantize::Join(range, InputRange(samples, k, graph));
      }
      const Quantization quant = quantize::QuantizationOf(range);
      activations.fixed_scale = quant.scale();
      activations.zero_point = quant.zero_point();
      activations.group.lo = -128 - quant.zero_point();
      activations.group.hi = 127 - quant.zero_point();
    } else if (!free.negative) {
      activations.group.lo = 0;
    }
    result.activations.push_back(std::move(activations));
  }
  for (const auto& node : graph.nodes()) {
    if ((!node->If<ConvAttrs>() && !node->If<FcAttrs>()) || plan.form(node.get()) != quantize::Form::kInteger) continue;
    const Value* weights = node->operand(1);
    const Value* bias = node->operand(2);
    if (weights->type().element != ElementType::f32 || !graph.HasOneUse(weights)) continue;
    train::QuantizedLayer layer;
    layer.weights = weights->name();
    if (bias && graph.HasOneUse(bias)) layer.bias = bias->name();
    layer.input = plan.FreeGroup(groups, node->operand(0));
    result.layers.push_back(std::move(layer));
  }
  return result;
}

absl::Status WriteScales(Graph& graph, const train::Quantized& quantized, const train::Trainer& trainer) {
  const train::CodeRange codes = trainer.WeightCodes();
  const std::vector<Value*> constants = graph.constants();
  for (size_t l = 0; l < quantized.layers.size(); ++l) {
    const auto found = std::find_if(constants.begin(), constants.end(),
                                    [&](const Value* value) { return value->name() == quantized.layers[l].weights; });
    if (found == constants.end()) return absl::InternalError("a trained constant is gone");
    const Tensor trained = (*found)->tensor();
    const float scale = trainer.WeightScale(l);
    Tensor integers(Type{ElementType::i8, trained.shape(), Quantization{{scale}, {0}}});
    for (int64_t i = 0; i < trained.elements(); ++i) {
      // No code 0 where there is a weight: its real value is a code times the scale already.
      integers.SetInt(i, std::clamp(static_cast<int32_t>(std::lround(trained.AsDouble(i) / double{scale})),
                                    std::max(codes.lo, -128), std::min(codes.hi, 127)));
    }
    (*found)->set_tensor(std::move(integers));
  }
  for (size_t g = 0; g < quantized.activations.size(); ++g) {
    const train::QuantizedActivations& activations = quantized.activations[g];
    const Quantization quant{{trainer.ActivationScale(g)}, {activations.zero_point}};
    for (const Value* given : activations.group.values) {
      Value* value = const_cast<Value*>(given);
      const std::vector<Node*> users = graph.Users(value);
      const bool output = graph.IsOutput(value);
      const std::string loc = value->def() ? value->def()->loc() : "";
      const Node* before = users.empty() ? nullptr : users[0];
      const Type type{ElementType::i8, value->type().shape, quant};
      Value* q =
          graph.AddNode(QuantizeAttrs{}, {value}, absl::StrCat(value->name(), "_q"), type, loc, before)->result();
      Value* f = graph.AddNode(DequantizeAttrs{}, {q}, absl::StrCat(value->name(), "_f"), value->type(), loc, before)
                     ->result();
      for (Node* user : users) {
        for (size_t i = 0; i < user->operands().size(); ++i) {
          if (user->operand(i) == value) user->set_operand(i, f);
        }
      }
      if (output) graph.ReplaceOutput(value, f);
    }
  }
  return absl::OkStatus();
}

}  // namespace mcuc::prune
