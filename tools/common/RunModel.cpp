// Runs a graph with the interpreter on tensors from files, and makes test vectors.
#include "common/RunModel.h"

#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/PipelineFlags.h"
#include "mcuc/Data/TensorFile.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc {

namespace {

// The file's tensor as the input's type: the same element type, or a float to be quantized; a missing or additional
// leading dimension of 1 is no difference.
absl::StatusOr<Tensor> FitInput(const Value& input, const std::string& path) {
  absl::StatusOr<Tensor> tensor = ReadTensorFile(path);
  if (!tensor.ok()) return tensor.status();
  const Type& type = input.type();
  Type given = tensor->type();
  Shape wanted_shape = type.shape, given_shape = given.shape;
  const auto squeeze = [](Shape& shape) {
    while (!shape.empty() && shape.front() == 1) shape.erase(shape.begin());
  };
  squeeze(wanted_shape);
  squeeze(given_shape);
  const bool convertible = given.element == type.element || (given.element == ElementType::f32 && type.is_quantized());
  if (wanted_shape != given_shape || !convertible) {
    return absl::InvalidArgumentError(absl::StrCat("--run=", path, ": holds ", TypeText(given), ", but input ",
                                                   input.Text(), " is ", TypeText(type)));
  }
  tensor->mutable_type().shape = type.shape;
  if (given.element == type.element) {
    tensor->mutable_type() = type;
    return tensor;
  }
  return ConvertTensor(*tensor, type);
}

Tensor Readable(const Tensor& tensor) {
  return tensor.type().is_quantized() ? ConvertTensor(tensor, Type{ElementType::f32, tensor.shape()}) : tensor;
}

void PrintTensor(const Value& value, const Tensor& tensor) {
  std::cout << value.Text() << ": " << TypeText(value.type()) << " =";
  const Tensor readable = Readable(tensor);
  for (int64_t i = 0; i < readable.elements(); ++i) {
    std::cout << (i % 8 == 0 && readable.elements() > 8 ? "\n  " : " ");
    if (readable.type().is_float()) {
      std::cout << FloatText(static_cast<float>(readable.AsDouble(i)));
    } else {
      std::cout << readable.AsInt(i);
    }
  }
  std::cout << '\n';
}

// Without data: floats in [-1, 1), integers over their whole range (bytes) or in [0, 2).
Tensor RandomTensor(const Type& type, std::mt19937& random) {
  Tensor tensor(type);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const uint32_t bits = static_cast<uint32_t>(random());
    if (type.is_float()) {
      tensor.Set(i, static_cast<double>(bits >> 8) / (1 << 23) - 1);
    } else if (type.is_quantized() || ElementTypeBytes(type.element) == 1) {
      tensor.SetInt(i, type.element == ElementType::b8 ? bits & 1 : static_cast<int8_t>(bits >> 24));
    } else {
      tensor.SetInt(i, bits & 1);
    }
  }
  return tensor;
}

}  // namespace

absl::Status RunModel(const Graph& graph, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& files) {
  if (inputs.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("--run: ", inputs.size(), " files given, but the graph has ",
                                                   graph.inputs().size(),
                                                   " inputs; give --run once for each, in order"));
  }
  if (!files.empty() && files.size() != graph.outputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("--run-output: ", files.size(), " files given, but the graph has ",
                                                   graph.outputs().size(),
                                                   " outputs; give --run-output once for each, in order"));
  }
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    absl::StatusOr<Tensor> tensor = FitInput(*graph.inputs()[i], inputs[i]);
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(*std::move(tensor));
  }
  const absl::StatusOr<std::unique_ptr<Interpreter>> interpreter = Interpreter::Create(graph);
  if (!interpreter.ok()) return interpreter.status();
  const absl::StatusOr<std::vector<Tensor>> outputs = (*interpreter)->Run(tensors);
  if (!outputs.ok()) return outputs.status();
  if (!files.empty()) {
    std::vector<OutputFile> written;
    for (size_t i = 0; i < files.size(); ++i) written.push_back({files[i], NpyBytes(Readable((*outputs)[i]))});
    return WriteFiles(written);
  }
  for (size_t i = 0; i < outputs->size(); ++i) PrintTensor(*graph.outputs()[i], (*outputs)[i]);
  return absl::OkStatus();
}

std::vector<Tensor> RandomInputs(const Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs()) inputs.push_back(RandomTensor(input->type(), random));
  return inputs;
}

absl::StatusOr<std::vector<EmitCOptions::TestVector>> MakeTestVectors(const Graph& graph, const Dataset* data,
                                                                      int64_t count) {
  if (data && count > data->size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--self-test=", count, ": ", data->name(), " has only ", data->size(), " samples"));
  }
  const absl::StatusOr<std::unique_ptr<Interpreter>> interpreter = Interpreter::Create(graph);
  if (!interpreter.ok()) return interpreter.status();
  std::vector<EmitCOptions::TestVector> vectors;
  for (int64_t i = 0; i < count; ++i) {
    EmitCOptions::TestVector vector;
    vector.inputs = data ? data->Sample(i, graph) : RandomInputs(graph, static_cast<uint32_t>(i + 1));
    absl::StatusOr<std::vector<Tensor>> outputs = (*interpreter)->Run(vector.inputs);
    if (!outputs.ok()) return outputs.status();
    vector.outputs = *std::move(outputs);
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

}  // namespace mcuc
