// What the interpreter's tests share: graphs of one node, and pseudorandom tensors.
#ifndef MCUC_TEST_UNIT_EXECTESTING_H
#define MCUC_TEST_UNIT_EXECTESTING_H

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

inline Type F32(Shape shape) { return Type{ElementType::f32, std::move(shape)}; }
inline Type Plain(ElementType element, Shape shape) { return Type{element, std::move(shape)}; }
inline Type Q8(Shape shape, float scale, int32_t zero_point) {
  return Type{ElementType::i8, std::move(shape), Quantization{{scale}, {zero_point}, -1}};
}

// Values in [-1, 1] with 24 bits, the same on every machine.
inline Tensor RandomReals(Type type, unsigned seed) {
  std::mt19937 random(seed);
  Tensor tensor(std::move(type));
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.Set(i, static_cast<double>(random() >> 8) / 8388608.0 - 1.0);
  return tensor;
}

// Integers in [lo, hi].
inline Tensor RandomInts(Type type, unsigned seed, int64_t lo = -127, int64_t hi = 127) {
  std::mt19937 random(seed);
  Tensor tensor(std::move(type));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.SetInt(i, lo + static_cast<int64_t>(random() % static_cast<uint32_t>(hi - lo + 1)));
  }
  return tensor;
}

inline std::vector<double> Doubles(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(tensor.AsDouble(i));
  return values;
}

inline std::vector<int64_t> Integers(const Tensor& tensor) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(tensor.AsInt(i));
  return values;
}

// A graph of one node: operand 0 is an input, and so are the others where `computed`; else they are constants.
struct OneNode {
  OneNode(Attributes attrs, std::vector<Tensor> given, Type result, bool computed = false)
      : operands(std::move(given)) {
    std::vector<Value*> values;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (i == 0 || computed) {
        values.push_back(graph.AddInput("x" + std::to_string(i), operands[i].type()));
        inputs.push_back(operands[i]);
      } else {
        values.push_back(graph.AddConstant("c" + std::to_string(i), operands[i]));
      }
      pointers.push_back(&operands[i]);
    }
    node = graph.AddNode(std::move(attrs), values, "y", std::move(result), "here");
    graph.AddOutput(node->result());
  }

  absl::StatusOr<Tensor> Run() const {
    auto interpreter = Interpreter::Create(graph);
    if (!interpreter.ok()) return interpreter.status();
    auto outputs = (*interpreter)->Run(inputs);
    if (!outputs.ok()) return outputs.status();
    return (*outputs)[0];
  }
  absl::StatusOr<Tensor> Evaluate() const { return EvaluateNode(*node, pointers); }

  Graph graph;
  Node* node = nullptr;
  std::vector<Tensor> operands;
  std::vector<Tensor> inputs;
  std::vector<const Tensor*> pointers;  // to the operands
};

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_EXECTESTING_H
