// Enlarges scales where a multiplier between two of them would not exist (a factor of 128 or more) or an accumulator
// could leave 32 bits (rules N2, N4, N8, N9, N11). Such scales come from calibration data that hardly excites a layer.
#include <cmath>

#include "Quantize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Bounds.h"

namespace mcuc::quantize {

namespace {

constexpr double kLargestFactor = 127;     // MultiplierOf takes factors below 128
constexpr double kLargestRatio = 1 << 19;  // AddMultipliersOf takes ratios up to 2^20
constexpr double kMostDifference = 255;    // |x - zero point|

// The least output scale for a factor of unit / scale behind accumulators of at most `bound`.
double LeastScale(double unit, double bound) {
  double factor = kLargestFactor;
  while (factor > 1 && bound * factor * 2 >= static_cast<double>(kAccumulatorLimit)) factor /= 2;
  return unit / factor;
}

// The least scale of the node's result.
absl::StatusOr<double> LeastScaleOf(const Node& node, const Plan& plan, const Options& options) {
  const auto scale = [&](const Value* value) {
    if (value->is_constant()) return double{QuantizationOf(value->tensor()).scale()};
    return double{plan.quantization(value).scale()};
  };
  const Value* x = node.operand(0);
  if (node.If<ConvAttrs>() || node.If<FcAttrs>()) {
    absl::StatusOr<Layer> layer = IntegerLayerOf(node, plan, options);
    if (!layer.ok()) return layer.status();
    return layer->least_y_scale;
  }
  if (const auto* pool = node.If<AvgPoolAttrs>()) {
    const auto n = static_cast<double>(pool->kernel[0] * pool->kernel[1]);
    return LeastScale(scale(x) / n, kMostDifference * n);
  }
  if (const auto* reduce = node.If<ReduceAttrs>()) {
    const auto n = static_cast<double>(x->type().elements() / node.result()->type().elements());
    if (reduce->fn == ReduceFn::sum) return LeastScale(scale(x), kMostDifference * n);
    if (reduce->fn == ReduceFn::mean) return LeastScale(scale(x) / n, kMostDifference * n);
  }
  if (TableFunction(node) || node.If<QuantizeAttrs>() || node.If<SoftmaxAttrs>()) return 0.0;
  if (const auto* binary = node.If<BinaryAttrs>()) {
    const Value* b = node.operand(1);
    if (binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub) {
      return std::max(scale(x), scale(b)) / kLargestRatio;
    }
    if (binary->fn == BinaryFn::mul) return LeastScale(scale(x) * scale(b), kMostDifference * kMostDifference);
  }
  // The others requantize their operands where the result's quantization is another.
  double least = 0;
  for (const Value* operand : node.operands()) {
    if (operand->is_constant() || !plan.HasQuantization(operand) || !plan.HasQuantization(node.result())) continue;
    if (plan.quantization(operand) != plan.quantization(node.result())) {
      least = std::max(least, LeastScale(scale(operand), kMostDifference));
    }
  }
  return least;
}

}  // namespace

absl::Status FitScales(const Graph& graph, Plan& plan, const Options& options, PassContext& context) {
  // A larger scale enlarges the factors of the layers that read it, so that the rounds go down the graph; a chain of
  // groups can send them around once more.
  constexpr int kMostRounds = 64;
  for (int round = 0; round < kMostRounds; ++round) {
    bool enlarged = false;
    for (const auto& node : graph.nodes()) {
      if (plan.form(node.get()) != Form::kInteger || !plan.HasQuantization(node->result())) continue;
      const absl::StatusOr<double> least = LeastScaleOf(*node, plan, options);
      absl::StatusOr<bool> larger = false;
      if (least.ok()) larger = plan.EnlargeScale(node->result(), *least);
      for (const absl::Status& status : {least.status(), larger.status()}) {
        if (status.ok()) continue;
        const std::string name = node->loc().empty() ? node->result()->name() : node->loc();
        return absl::InvalidArgumentError(
            absl::StrCat("node \"", name, "\" (", node->op_name(), "): ", std::string(status.message())));
      }
      if (!*larger) continue;
      enlarged = true;
      context.Remark(
          graph, node.get(),
          absl::StrCat("its output scale was enlarged to ", FloatText(plan.quantization(node->result()).scale()),
                       ", the least that 32-bit arithmetic allows; does the calibration data excite it?"));
    }
    if (!enlarged) return absl::OkStatus();
  }
  return absl::InternalError("the scales do not settle");
}

}  // namespace mcuc::quantize
