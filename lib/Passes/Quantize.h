// The parts of quantize, in the order in which they run: which nodes become integer and which values share a scale
// (Plan), the ranges of the values over the calibration set (Calibrate), scales large enough for every multiplier and
// accumulator (FitScales), and the rewriting of the graph (Lower).
#ifndef MCUC_PASSES_QUANTIZE_H
#define MCUC_PASSES_QUANTIZE_H

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc::quantize {

struct Options {
  bool input = true;
  bool output = true;
  std::string ranges = "mse";
  bool per_channel = true;
  int64_t samples = 512;
};

// The real values that a tensor is to represent.
struct Range {
  double lo = 0;
  double hi = 0;
};
Range Join(const Range& a, const Range& b);
// Of the finite elements of a constant; nothing where there is none.
std::optional<Range> RangeOf(const Tensor& tensor);
bool AllFinite(const Tensor& tensor);

// The int8 quantization of a range: zero is represented exactly, and a range that starts at zero has zero point -128.
Quantization QuantizationOf(const Range& range);
// Of a constant operand of add, sub or mul: a single number is represented exactly.
Quantization QuantizationOf(const Tensor& constant);
Type QuantizedType(const Quantization& quant, const Shape& shape);

// What becomes of a node.
enum class Form : uint8_t {
  kKeep,        // touches no float value that quantize deals with, or is quantized already
  kFloat,       // stays float, between dequantize and quantize nodes
  kInteger,     // gets its integer form
  kFloatInput,  // conv or fc that reads float through int8 weights (N20)
};

// The function of one operand that a node computes, where its integer form is a table of it (N13).
std::optional<std::function<double(double)>> TableFunction(const Node& node);
// The clamp that a node is: unary relu or clip, min or max with a single constant (N10).
std::optional<UnaryAttrs> AsClamp(const Node& node);
// The operand that is computed, of a node with one constant and one computed operand; else operand 0.
Value* DataOperand(const Node& node);

// Which nodes become integer, and for every value that needs an integer form its quantization. Values that an operation
// only moves or compares share one quantization, a group, so that no requantize stands between them.
class Plan {
 public:
  // What a graph that is quantized in part gets without calibration data: the values that have a range of their own are
  // taken as they are given, and what would need one that nobody knows stays float.
  struct Known {
    std::set<const Node*> float_nodes;                   // stay float
    std::set<const Value*> float_inputs;                 // so do these
    std::map<const Value*, Quantization> quantizations;  // of results that take their operand's
  };
  Plan(Graph& graph, const Options& options, const Known& known = {});

  Form form(const Node* node) const { return forms_.at(node); }
  // The value is float in the graph but has an integer form without a quantize node of its own: it is computed in
  // integers, is a quantized input, or is the result of a dequantize that stood in the graph before.
  bool IsInteger(const Value* value) const;
  // The value is float for want of a range.
  bool StaysFloat(const Value* value) const;
  bool HasQuantization(const Value* value) const { return group_of_.count(value) != 0; }
  // Of the value's integer form; after SetRanges.
  const Quantization& quantization(const Value* value) const { return groups_[group_of_.at(value)].quant; }

  // The nodes that stay float, each with its reason.
  const std::vector<std::pair<const Node*, std::string>>& kept_float() const { return kept_float_; }

  // The values whose range must be observed, in graph order; `clip`: outliers may be cut off.
  struct Watched {
    const Value* value = nullptr;
    bool clip = false;
  };
  std::vector<Watched> ToCalibrate() const;
  // The groups whose scale is free, for training: the values that are computed and not just moved or compared, and the
  // graph's inputs; whether one of them can be negative.
  struct Free {
    std::vector<const Value*> values;
    bool input = false;
    bool negative = false;
  };
  std::vector<Free> FreeGroups() const;
  // The index among FreeGroups() of the group of a value; -1: none.
  int FreeGroup(const std::vector<Free>& groups, const Value* value) const;

  // Adds to `known` what to do about values that would have to be calibrated; false: that was known already.
  bool DoWithout(const std::vector<Watched>& watched, Known& known) const;
  // Fixes every group's quantization.
  void SetRanges(const std::map<const Value*, Range>& observed);
  // Enlarges the scale of the value's group to at least `least`; true where it was smaller. An error where the group's
  // quantization is not ours to choose.
  absl::StatusOr<bool> EnlargeScale(const Value* value, double least);

 private:
  struct Group {
    std::vector<const Value*> members;
    std::optional<Quantization> fixed;  // given by the graph or by the operation
    std::optional<Range> extra;         // to be represented beyond the members' ranges
    Quantization quant;
  };

  Form Classify(const Node& node);
  std::optional<std::string> WhyFloat(const Node& node) const;
  bool IsFloatInput(const Value* value) const;  // a float graph input, moved at most
  void AddValue(const Value* value);
  void AddGroups(const Node& node);
  void Unite(const Value* a, const Value* b);
  bool IsPrivate(const Value* value) const;
  std::optional<Range> KnownRange(const Value* value) const;
  bool IsLive(const Group& group) const;

  bool IsMovedInput(const Value* value) const;  // a graph input that only moves lead to this value

  Graph& graph_;
  const Options& options_;
  const Known known_;
  std::unordered_map<const Node*, Form> forms_;
  std::unordered_map<const Value*, size_t> group_of_;
  std::vector<Group> groups_;
  std::unordered_map<const Value*, bool> integer_;
  std::unordered_map<const Value*, bool> wanted_;   // needs an integer form
  std::unordered_map<const Value*, bool> covered_;  // its group's other members say what range it needs
  std::vector<std::pair<const Node*, std::string>> kept_float_;
};

// The ranges of the plan's values over the data set: the least and largest values, or those of the least mean squared
// error of quantizing to 8 bits.
absl::StatusOr<std::map<const Value*, Range>> Calibrate(const Graph& graph, const std::vector<Plan::Watched>& values,
                                                        const Dataset& data, const Options& options, int threads);

// Choice of the range by least squared error from a histogram over equal bins of [lo, hi] (elements that are zero, and
// so exact in any case, left out). For tests.
Range LeastErrorRange(const std::vector<int64_t>& histogram, const Range& observed);

// A convolution or fc in integers (N4).
struct LayerInput {
  const Tensor* weights = nullptr;  // f32, or i8 as they are to stay
  const Tensor* bias = nullptr;     // f32; null: none
  double x_scale = 1;
  int32_t x_zero_point = 0;
  double y_scale = 1;
  int64_t windows = 1;  // elements of the windows of a fused average pool
  bool per_channel = true;
};
struct Layer {
  Tensor weights;
  std::vector<int32_t> bias;  // the input's zero point folded in
  bool has_bias = false;      // some element is not zero
  std::vector<double> factors;
  double least_y_scale = 0;  // the least output scale for which multipliers exist and accumulators are in bounds
  std::string remark;        // what had to give for the bounds; empty: nothing
};
absl::StatusOr<Layer> IntegerLayer(const LayerInput& input);
// The layer of a node whose operands have these quantizations in the plan.
absl::StatusOr<Layer> IntegerLayerOf(const Node& node, const Plan& plan, const Options& options);
// int8 weights, symmetric, of a float tensor, for a layer that reads float input.
Tensor QuantizeWeights(const Tensor& weights, bool per_channel);

// Enlarges output scales until every node's multipliers exist and its accumulators are in bounds.
absl::Status FitScales(const Graph& graph, Plan& plan, const Options& options, PassContext& context);

// Rewrites the graph by the plan; true if it changed.
absl::StatusOr<bool> Lower(Graph& graph, const Plan& plan, const Options& options, PassContext& context);

}  // namespace mcuc::quantize

#endif  // MCUC_PASSES_QUANTIZE_H
