// Emitted C against the interpreter: a graph is emitted, compiled under the contract's flags, and run beside the
// interpreter on the same random inputs. Integers must be equal, floats near. A Bench collects many independent nodes
// in one graph, so that one compilation tests them all.
#ifndef MCUC_TEST_UNIT_EMITCHECK_H
#define MCUC_TEST_UNIT_EMITCHECK_H

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mcuc/Emit/C.h"
#include "mcuc/Emit/Compiled.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {

inline constexpr char kContractFlags[] = "-pedantic -Wall -Wextra -Wconversion -Wshadow -Werror";

struct EmitCheckOptions {
  double relative = 1e-4, absolute = 1e-5;  // of float outputs
  int integer_error = 0;                    // of integer outputs; 1 where a float sum is rounded (N20)
  int runs = 3;
  uint64_t seed = 1;
  double lowest = -2, highest = 2;  // of float inputs and of unquantized integer ones
  std::string compiler = absl::StrCat("gcc -O1 ", kContractFlags);
  // Undefined behaviour stops the program.
  bool trap = true;
};

using Random = std::mt19937_64;

// Values of [lowest, highest], those of quantized types over their whole range.
inline Tensor RandomTensor(const Type& type, Random& random, double lowest = -2, double highest = 2) {
  Tensor tensor(type);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (type.is_float()) {
      tensor.Set(i, lowest + (highest - lowest) * static_cast<double>(random() % 4097) / 4096);
      continue;
    }
    int64_t least = type.is_quantized() ? IntegerMin(type.element) : static_cast<int64_t>(lowest);
    int64_t most = type.is_quantized() ? IntegerMax(type.element) : static_cast<int64_t>(highest);
    if (type.element == ElementType::b8) least = 0, most = 1;
    if (!type.is_quantized() && type.element != ElementType::b8) least = std::max(least, IntegerMin(type.element));
    tensor.SetInt(i, least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least + 1)));
  }
  return tensor;
}

// A graph without a plan: every result that is no output gets bytes of its own, and so does every kernel.
inline void PlanTrivially(Graph& graph) {
  if (graph.arena_bytes()) return;
  int64_t at = 0;
  for (const auto& node : graph.nodes()) {
    Value* result = node->result();
    if (graph.IsOutput(result)) continue;
    at = (at + 7) / 8 * 8;
    result->set_placement(Placement{at, nullptr});
    at += result->type().bytes();
  }
  for (const auto& node : graph.nodes()) {
    const int64_t bytes = MemoryOf(*node).bytes();
    if (bytes == 0) continue;
    std::get<ConvAttrs>(node->attrs()).scratch = at = (at + 7) / 8 * 8;
    at += bytes;
  }
  graph.set_arena_bytes(at);
}

inline std::unique_ptr<Graph> ParseOrFail(const std::string& text) {
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = ParseGraph(text, "test.mcu", diagnostics);
  if (graph == nullptr) {
    std::ostringstream out;
    diagnostics.Print(out);
    ADD_FAILURE() << out.str();
  }
  return graph;
}

inline ::testing::AssertionResult Near(const Tensor& got, const Tensor& want, const EmitCheckOptions& options) {
  if (got.type().element != want.type().element || got.shape() != want.shape()) {
    return ::testing::AssertionFailure() << TypeText(got.type()) << " instead of " << TypeText(want.type());
  }
  for (int64_t i = 0; i < want.elements(); ++i) {
    bool good;
    if (want.type().is_float()) {
      const double a = got.AsDouble(i), b = want.AsDouble(i);
      good = a == b || (std::isnan(a) && std::isnan(b)) ||
             std::fabs(a - b) <= options.relative * std::fabs(b) + options.absolute;
    } else {
      good = std::abs(got.AsInt(i) - want.AsInt(i)) <= options.integer_error;
    }
    if (good) continue;
    return ::testing::AssertionFailure() << "element " << i << " of " << TypeText(want.type()) << " is "
                                         << got.AsDouble(i) << " instead of " << want.AsDouble(i);
  }
  return ::testing::AssertionSuccess();
}

// The check. The graph is planned trivially if it has no plan.
inline void ExpectEmittedMatches(Graph& graph, const EmitCheckOptions& options = {}) {
  PlanTrivially(graph);
  ASSERT_EQ(VerifyGraph(graph), absl::OkStatus()) << PrintGraph(graph);
  const auto interpreter = Interpreter::Create(graph);
  ASSERT_TRUE(interpreter.ok()) << interpreter.status();
  EmitCOptions emit;
  emit.name = "model";
  std::string compiler = options.compiler;
  if (options.trap) compiler += " -fsanitize=undefined -fsanitize-undefined-trap-on-error";
  const auto model = CompiledModel::Build(graph, emit, compiler);
  ASSERT_TRUE(model.ok()) << model.status() << "\n" << PrintGraph(graph);
  Random random(options.seed);
  for (int run = 0; run < options.runs; ++run) {
    std::vector<Tensor> inputs;
    for (const Value* input : graph.inputs()) {
      inputs.push_back(RandomTensor(input->type(), random, options.lowest, options.highest));
    }
    const auto want = (*interpreter)->Run(inputs);
    ASSERT_TRUE(want.ok()) << want.status();
    const auto got = (*model)->Run(inputs);
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_EQ(got->size(), want->size());
    for (size_t i = 0; i < want->size(); ++i) {
      const Value* output = graph.outputs()[i];
      EXPECT_TRUE(Near((*got)[i], (*want)[i], options))
          << "run " << run << ", " << (output->def() ? PrintNode(*output->def()) : output->Text());
    }
  }
}

inline void ExpectEmittedMatches(const std::string& text, const EmitCheckOptions& options = {}) {
  const std::unique_ptr<Graph> graph = ParseOrFail(text);
  ASSERT_NE(graph, nullptr);
  ExpectEmittedMatches(*graph, options);
}

// Independent nodes in one graph. Each result is an output, unless a later node is to read it (Inner).
class Bench {
 public:
  explicit Bench(uint64_t seed = 1) : random_(seed) {}

  Value* Input(Type type) { return graph_.AddInput("x", std::move(type)); }
  Value* Float(Shape shape) { return Input(Type{ElementType::f32, std::move(shape)}); }
  Value* Constant(Tensor tensor) { return graph_.AddConstant("c", std::move(tensor)); }
  Value* FloatConstant(Shape shape, double lowest = -1, double highest = 1) {
    return Constant(RandomTensor(Type{ElementType::f32, std::move(shape)}, random_, lowest, highest));
  }
  // A node whose result is an output, of the first operand's kind, or of `type`'s, and of the inferred shape.
  Value* Add(Attributes attrs, std::vector<Value*> operands, std::optional<Type> type = std::nullopt) {
    Value* result = Inner(std::move(attrs), std::move(operands), std::move(type));
    if (result != nullptr) graph_.AddOutput(result);
    return result;
  }
  // One that is no output.
  Value* Inner(Attributes attrs, std::vector<Value*> operands, std::optional<Type> type = std::nullopt) {
    std::vector<const Type*> types;
    for (const Value* operand : operands) types.push_back(&operand->type());
    Type result = type ? *type : WithShape(operands[0]->type(), {});
    const auto shape = InferShape(attrs, types, type ? &type->shape : nullptr);
    if (!shape.ok()) {
      ADD_FAILURE() << shape.status();
      return nullptr;
    }
    result.shape = *shape;
    return graph_.AddNode(std::move(attrs), std::move(operands), "y", result)->result();
  }
  Graph& graph() { return graph_; }
  Random& random() { return random_; }
  void Check(const EmitCheckOptions& options = {}) { ExpectEmittedMatches(graph_, options); }

 private:
  Random random_;
  Graph graph_{"bench"};
};

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_EMITCHECK_H
