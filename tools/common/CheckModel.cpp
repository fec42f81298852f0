// Reads the tensors, runs them, and gathers the errors an output.
#include "common/CheckModel.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "mcuc/Emit/Compiled.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Import/Onnx.h"

namespace mcuc {

namespace {

namespace fs = std::filesystem;

struct Errors {
  double absolute = 0, relative = 0;
  double unit = 1;  // what one unit of a quantized output is in the reference: its scale, or 1 of integers
  int64_t sets = 0, same_place = 0;
};

std::vector<fs::path> DataSets(const fs::path& folder) {
  std::vector<fs::path> sets;
  if (fs::exists(folder / "input_0.pb")) sets.push_back(folder);
  for (int i = 0; fs::exists(folder / absl::StrCat("test_data_set_", i)); ++i) {
    sets.push_back(folder / absl::StrCat("test_data_set_", i));
  }
  return sets;
}

Type Plain(const Type& type) { return Type{type.element, type.shape}; }

// The tensor of a file as a value of the graph: of its element type, or a float that is quantized.
absl::StatusOr<Tensor> InputFor(const Value& input, const fs::path& file) {
  auto tensor = ReadTensorProto(file.string());
  if (!tensor.ok()) return tensor;
  const Type& type = input.type();
  const bool quantizes = type.is_quantized() && tensor->type().is_float();
  if (tensor->shape() != type.shape || (tensor->type().element != type.element && !quantizes)) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), ": holds ", TypeText(tensor->type()), ", but input ",
                                                   input.Text(), " is ", TypeText(type)));
  }
  if (quantizes) return ConvertTensor(*tensor, type);
  tensor->mutable_type() = type;
  return tensor;
}

absl::Status Compare(const Value& output, const Tensor& got, const fs::path& file, Errors& errors) {
  const auto want = ReadTensorProto(file.string());
  if (!want.ok()) return want.status();
  Tensor result = got;
  if (got.type().is_quantized()) {  // against integers as integers, against floats as what they stand for
    const Type real{ElementType::f32, got.shape()};
    if (want->type().is_float()) {
      result = ConvertTensor(got, real);
      errors.unit = static_cast<double>(got.type().quant->scale());
    } else {
      result.mutable_type() = Plain(got.type());
    }
  }
  if (result.shape() != want->shape()) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), ": holds ", TypeText(want->type()), ", but output ",
                                                   output.Text(), " is ", TypeText(got.type())));
  }
  int64_t best_got = 0, best_want = 0;
  for (int64_t i = 0; i < want->elements(); ++i) {
    const double a = result.AsDouble(i), b = want->AsDouble(i);
    double difference = a == b || (std::isnan(a) && std::isnan(b)) ? 0 : std::fabs(a - b);
    if (std::isnan(difference)) difference = HUGE_VAL;
    errors.absolute = std::max(errors.absolute, difference);
    if (difference > 0) errors.relative = std::max(errors.relative, difference / std::max(std::fabs(b), 1e-30));
    if (a > result.AsDouble(best_got)) best_got = i;
    if (b > want->AsDouble(best_want)) best_want = i;
  }
  ++errors.sets;
  if (best_got == best_want) ++errors.same_place;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> CheckModel(const Graph& graph, const EmitCOptions& options, const std::string& folder) {
  const std::vector<fs::path> sets = DataSets(folder);
  if (sets.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--check=", folder, ": holds neither input_0.pb nor folders test_data_set_0, test_data_set_1, …"));
  }
  const auto compiled = CompiledModel::Build(graph, options);
  if (!compiled.ok()) return compiled.status();
  std::vector<Errors> errors(graph.outputs().size());
  for (const fs::path& set : sets) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      auto input = InputFor(*graph.inputs()[i], set / absl::StrCat("input_", i, ".pb"));
      if (!input.ok()) return input.status();
      inputs.push_back(*std::move(input));
    }
    const auto outputs = (*compiled)->Run(inputs);
    if (!outputs.ok()) return outputs.status();
    for (size_t i = 0; i < outputs->size(); ++i) {
      // The outputs lie in the graph without the quantization of their values; it is that of the graph.
      Tensor got = (*outputs)[i];
      got.mutable_type().quant = graph.outputs()[i]->type().quant;
      const absl::Status status = Compare(*graph.outputs()[i], got, set / absl::StrCat("output_", i, ".pb"), errors[i]);
      if (!status.ok()) return status;
    }
  }
  std::string text;
  for (size_t i = 0; i < errors.size(); ++i) {
    const Type& type = graph.outputs()[i]->type();
    absl::StrAppend(
        &text, "check: output ", graph.outputs()[i]->Text(), ": ",
        absl::StrFormat("largest error %.3g absolute, %.3g relative; ", errors[i].absolute, errors[i].relative));
    if (type.is_quantized()) {
      absl::StrAppend(&text, absl::StrFormat("%.3g units of its scale; ", errors[i].absolute / errors[i].unit));
    }
    absl::StrAppend(&text, "argmax agrees in ", errors[i].same_place, " of ", errors[i].sets, "\n");
  }
  return text;
}

}  // namespace mcuc
