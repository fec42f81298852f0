// The table of operands that decide shapes, and edits of ModelProtos.
#include "Bindings.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx/onnx_pb.h"

namespace mcuc::backend {

namespace {

struct Operand {
  const char* op;
  int first, last;  // inputs
};

constexpr Operand kShapeOperands[] = {
    {"BlackmanWindow", 0, 0},
    {"Compress", 1, 1},
    {"ConstantOfShape", 0, 0},
    {"CumSum", 1, 1},
    {"DFT", 1, 1},
    {"Dropout", 1, 2},
    {"Expand", 1, 1},
    {"GRU", 4, 4},
    {"HammingWindow", 0, 0},
    {"HannWindow", 0, 0},
    {"LSTM", 4, 4},
    {"Loop", 0, 1},
    {"MaxUnpool", 2, 2},
    {"OneHot", 1, 1},
    {"Pad", 1, 1},
    {"Pad", 3, 3},
    {"RNN", 4, 4},
    {"Range", 0, 2},
    {"ReduceSum", 1, 1},
    {"Reshape", 1, 1},
    {"Resize", 1, 3},
    {"ReverseSequence", 1, 1},
    {"STFT", 1, 1},
    {"STFT", 3, 3},
    {"Slice", 1, 4},
    {"Split", 1, 1},
    {"Squeeze", 1, 1},
    {"Tile", 1, 1},
    {"TopK", 1, 1},
    {"Trilu", 1, 1},
    {"Unsqueeze", 1, 1},
    {"Upsample", 1, 1},
    {"MelWeightMatrix", 0, 4},
};

absl::StatusOr<onnx::ModelProto> Load(const std::string& path) {
  onnx::ModelProto model;
  std::ifstream in(path, std::ios::binary);
  if (!in || !model.ParseFromIstream(&in)) return absl::InvalidArgumentError(absl::StrCat(path, ": is no model"));
  return model;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> InputNames(const std::string& model_path) {
  const auto model = Load(model_path);
  if (!model.ok()) return model.status();
  std::vector<std::string> names;
  for (const auto& input : model->graph().input()) names.push_back(input.name());
  return names;
}

absl::StatusOr<std::set<std::string>> ShapeInputs(const std::string& model_path) {
  const auto model = Load(model_path);
  if (!model.ok()) return model.status();
  std::set<std::string> inputs, names;
  for (const auto& input : model->graph().input()) inputs.insert(input.name());
  // Back to the inputs from which an operand is computed, other than by their shapes.
  const std::function<void(const std::string&)> add = [&](const std::string& name) {
    if (inputs.count(name)) names.insert(name);
    for (const auto& node : model->graph().node()) {
      const bool computes = std::find(node.output().begin(), node.output().end(), name) != node.output().end();
      if (!computes || node.op_type() == "Shape" || node.op_type() == "Size") continue;
      for (const std::string& input : node.input()) add(input);
    }
  };
  for (const auto& node : model->graph().node()) {
    for (const Operand& operand : kShapeOperands) {
      if (node.op_type() != operand.op) continue;
      for (int i = operand.first; i <= std::min(operand.last, node.input_size() - 1); ++i) {
        if (!node.input(i).empty()) add(node.input(i));
      }
    }
  }
  return names;
}

absl::Status BindInputs(const std::string& model_path, const std::set<std::string>& names, const std::string& data_set,
                        const std::string& to) {
  auto model = Load(model_path);
  if (!model.ok()) return model.status();
  auto* graph = model->mutable_graph();
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
  for (int i = 0; i < graph->input_size(); ++i) {
    if (!names.count(graph->input(i).name())) {
      *kept.Add() = graph->input(i);
      continue;
    }
    onnx::TensorProto* tensor = graph->add_initializer();
    const std::string path = absl::StrCat(data_set, "/input_", i, ".pb");
    std::ifstream in(path, std::ios::binary);
    if (!in || !tensor->ParseFromIstream(&in)) return absl::InvalidArgumentError(absl::StrCat(path, ": is no tensor"));
    tensor->set_name(graph->input(i).name());
  }
  graph->mutable_input()->Swap(&kept);
  std::ofstream out(to, std::ios::binary);
  if (!model->SerializeToOstream(&out)) return absl::UnavailableError(absl::StrCat("cannot write ", to));
  return absl::OkStatus();
}

}  // namespace mcuc::backend
