// The table of operators: its parts joined, and looked up by name and opset.
#include <algorithm>
#include <set>

#include "Lowering.h"
#include "absl/strings/str_join.h"

namespace mcuc::importer {

namespace {

const std::vector<const Operator*>& Table() {
  static const std::vector<const Operator*> table = [] {
    std::vector<const Operator*> rows;
    for (const Family& family : Families()) {
      for (const Operator& row : family.operators) rows.push_back(&row);
    }
    return rows;
  }();
  return table;
}

}  // namespace

const std::vector<Family>& Families() {
  static const std::vector<Family> families = {
      {"Convolutions",
       "Float32 and int8; weights dense or sparse. One to three spatial dimensions; int8 and sparse transposed "
       "convolutions stay float.",
       ConvolutionOperators()},
      {"Pools", "Float32 and int8; plain integers of at most 16 bits are computed in float32.", PoolOperators()},
      {"Matrix products",
       "Float32; with constant weights a fully connected layer, int8 and sparse too. Other numeric types by sums of "
       "products.",
       MatrixOperators()},
      {"Elementwise functions",
       "Float32 and double, plain integers where the result is exact. Int8: sums, products, clamps; every function of "
       "one operand by a table of 256 values.",
       ElementwiseOperators()},
      {"Activations made of others", "Float32 and double; int8 as far as their parts.", ActivationOperators()},
      {"Comparisons, logic and bits", "Every element type that ONNX allows; not quantized.", LogicOperators()},
      {"Normalizations",
       "Float32. BatchNormalization with constant statistics goes into the layer before it; the others compute means "
       "and variances in float.",
       NormalizationOperators()},
      {"Reductions",
       "Float32, double and plain integers. Int8: sum, mean, maximum, minimum, Softmax, ArgMax and ArgMin.",
       ReductionOperators()},
      {"Shapes and moves", "Every element type, quantized ones as their integers. Shapes are static.",
       ShapeOperators()},
      {"Slices and pads", "Every element type, quantized ones as their integers.", SliceOperators()},
      {"Repetition, blocks and tensors from shapes", "Every element type.", ExpandOperators()},
      {"Indices", "Every element type; indices may be computed.", IndexOperators()},
      {"Constants and casts", "Half floats are computed as float32.", ConstantOperators()},
      {"Resampling",
       "Float32 and int8 for nearest and linear over two dimensions; all else in float32, by products with constant "
       "matrices.",
       ResizeOperators()},
      {"Samples at computed places", "Float32.", SampleOperators()},
      {"Quantization",
       "Int8 and uint8, per tensor and per channel; pure integer C. Scales that are computed at run time: in float32.",
       QuantizeOperators()},
      {"Operators on quantized tensors", "Int8 and uint8; pure integer C.", QLinearOperators()},
      {"Products of several tensors", "Every numeric element type.", EinsumOperators()},
      {"Recurrent layers",
       "Float32; a loop over time, whose code and constants do not grow with the number of steps. Weights can be int8 "
       "(states and gates stay float) and sparse. Initial and final states are inputs and outputs; lengths of "
       "sequences "
       "may be computed. Not trained.",
       RecurrentOperators()},
      {"Signals", "Float32, by products with constant matrices.", SignalOperators()},
      {"Text", "Of integers.", TextOperators()},
      {"Control flow",
       "If of a computed condition computes both branches; loops must have a number of steps that is known at compile "
       "time, and are unrolled.",
       ControlOperators()},
      {"Decision trees",
       "Float32, tables of 10 bytes a node. At most 32,767 nodes. Sums and averages of trees. Labels that are strings "
       "become their indices, with a remark.",
       TreeOperators()},
      {"Classical models",
       "Float32. Strings are supported as class labels: as constants, moved, and mapped by LabelEncoder; outputs hold "
       "their indices, with a remark that names them.",
       ClassicalOperators()},
  };
  return families;
}

const Operator* FindOperator(const std::string& name, int64_t opset) {
  for (const Operator* row : Table()) {
    if (row->name == name && row->since <= opset && opset <= row->until) return row;
  }
  return nullptr;
}

bool TakesQuantized(const std::string& name) {
  static const std::set<std::string> names = {
      "ArgMax",       "ArgMin",        "Concat",   "DepthToSpace", "Dropout",   "Expand",    "Flatten",
      "Gather",       "GlobalMaxPool", "Identity", "Max",          "MaxPool",   "Min",       "Pad",
      "ReduceMax",    "ReduceMin",     "Reshape",  "Resize",       "Shape",     "Size",      "Slice",
      "SpaceToDepth", "Split",         "Squeeze",  "Tile",         "Transpose", "Unsqueeze", "Upsample"};
  if (names.count(name)) return true;
  const auto has = [&](std::span<const Operator> part) {
    return std::any_of(part.begin(), part.end(), [&](const Operator& row) { return row.name == name; });
  };
  return has(QuantizeOperators()) || has(QLinearOperators());
}

bool MovesStrings(const std::string& name) {
  static const std::set<std::string> names = {
      "Expand", "Flatten", "Gather",    "Identity",  "Reshape",
      "Slice",  "Squeeze", "Transpose", "Unsqueeze", "ai.onnx.ml.ArrayFeatureExtractor"};
  return names.count(name) > 0;
}

bool MapsStrings(const std::string& name) { return name == "ai.onnx.ml.LabelEncoder"; }

std::string OpsetsOf(const std::string& name) {
  // The rows of an operator are adjacent in time.
  int64_t since = kMaxOpset + 1, until = 0;
  for (const Operator* row : Table()) {
    if (row->name != name) continue;
    since = std::min(since, row->since);
    until = std::max(until, row->until);
  }
  return until == 0 ? "" : absl::StrCat(since, " to ", until);
}

}  // namespace mcuc::importer
