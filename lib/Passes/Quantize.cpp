// Turns a float graph into an integer one by the numbered rules of docs/numerics.md:
//
//   graph @g(%x: f32[4]) -> (%y: f32[2]) {             graph @g(%x: i8<0.0039:-128>[4]) -> (%y: i8<0.0078:-128>[2]) {
//     const @w: f32[2x4] = {0.5, 0.01, …}                const @w: i8<{0.0039, …}:0 axis=0>[2x4] = {127, 3, …}
//     const @b: f32[2] = {0, 0.1}                ──►     const @b: i32[2] = {…}
//     %y: f32[2] = fc %x, @w, @b {act = relu}            %y: i8<…>[2] = fc %x, @w, @b {act = relu, mul = {…}, shift =
//     {…}}
//
// What has no integer form stays float between a dequantize and a quantize node, with a remark.
#include "Quantize.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

class Quantize : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    if (options_.samples < 0) {
      return absl::InvalidArgumentError(absl::StrCat("samples=", options_.samples, " is negative; 0 means all"));
    }
    quantize::Plan::Known known;
    auto plan = std::make_unique<quantize::Plan>(graph, options_);
    std::vector<quantize::Plan::Watched> watched = plan->ToCalibrate();
    // Each round makes one node or input more float, or one value more known.
    while (!watched.empty() && !context.calibrate && StateOf(graph).quantized) {
      if (!plan->DoWithout(watched, known)) {
        return absl::InternalError(absl::StrCat("nothing is left to do about the range of ", watched[0].value->Text()));
      }
      plan = std::make_unique<quantize::Plan>(graph, options_, known);
      watched = plan->ToCalibrate();
    }
    std::map<const Value*, quantize::Range> observed;
    if (!watched.empty()) {
      if (!context.calibrate) {
        return absl::FailedPreconditionError(
            absl::StrCat("the ranges of ", watched.size(), " activations, ", watched[0].value->Text(),
                         " the first, come from a calibration data set and none is given; give one with "
                         "--calibrate=PATH (some hundred typical inputs, without labels)"));
      }
      auto ranges = quantize::Calibrate(graph, watched, *context.calibrate, options_, context.threads);
      if (!ranges.ok()) return ranges.status();
      observed = *std::move(ranges);
    }
    plan->SetRanges(observed);
    if (absl::Status status = quantize::FitScales(graph, *plan, options_, context); !status.ok()) return status;
    return quantize::Lower(graph, *plan, options_, context);
  }

  void Options(PassOptions& options) override {
    options.Add("input", "quantize the graph's float inputs; false: they stay float, and the first layer reads float",
                &options_.input);
    options.Add("output", "quantize the graph's float outputs; false: they stay float", &options_.output);
    options.AddChoice("ranges", "ranges of activations: least squared error, or smallest and largest value observed",
                      &options_.ranges, {"mse", "minmax"});
    options.Add("per-channel", "one weight scale an output channel; false: one a tensor", &options_.per_channel);
    options.Add("samples", "calibration samples to run at most; 0: all", &options_.samples);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "Weights become int8 in [-127, 127] without a zero point, one scale an output channel; activations int8 "
           "with a scale and a zero point a tensor; biases int32 with the input's zero point folded in; multipliers "
           "and shifts are attributes. `docs/numerics.md` has the arithmetic.\n\n"
           "The ranges of activations are observed by running the float graph on the calibration data set, by default "
           "cut where the squared error of 8-bit quantization is least (graph inputs and outputs are not cut). "
           "Operations that only move or compare values (reshape, transpose, slice, pad, max_pool, …) share their "
           "operand's scale, and so does an operand of concat that has no other use. Functions of one value (sigmoid, "
           "tanh, leaky_relu, division by a constant, …) become tables of 256 bytes.\n\n"
           "What has no integer form (conv_transpose, matmul of computed tensors, log-softmax, …) stays float between "
           "`dequantize` and `quantize` nodes, with a remark. So do elementwise operations all of whose operands are "
           "float for that reason. Nodes that are quantized already are left alone; weights that are zero stay "
           "zero.\n\n"
           "A quantized model says its scales itself: where `quantize` and `dequantize` nodes stand in the graph, "
           "what is between them takes their scales, int8 weights and constants keep every bit, and a graph input "
           "that is quantized at once takes that quantization. No calibration data is needed then, and without it "
           "what the model gives no scale stays float, with a remark; a mean takes the scale of its operand.";
  }

 private:
  quantize::Options options_;
};

}  // namespace

std::unique_ptr<Pass> CreateQuantize() { return std::make_unique<Quantize>(); }

}  // namespace mcuc
