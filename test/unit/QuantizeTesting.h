// What the tests of quantize share: parsing a graph, running the pass on it with samples in memory, looking at the
// result.
#ifndef MCUC_TEST_UNIT_QUANTIZE_TESTING_H
#define MCUC_TEST_UNIT_QUANTIZE_TESTING_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

using Settings = std::vector<std::pair<std::string, std::string>>;

inline std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "test.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus().message() << text;
  return graph;
}

struct Outcome {
  absl::StatusOr<bool> changed = false;
  std::vector<std::string> remarks;  // "node: message"
};

inline Outcome Quantize(Graph& graph, const Dataset* data, const Settings& settings = {}, int threads = 1) {
  const auto pass = FindPass("quantize")->create();
  PassOptions options;
  pass->Options(options);
  for (const auto& [name, value] : settings) EXPECT_TRUE(options.Set(name, value).ok()) << name << "=" << value;
  const Target target = Target::ByName("generic").value();
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &target;
  context.calibrate = data;
  context.threads = threads;
  const std::string before = PrintGraph(graph);
  Outcome outcome;
  outcome.changed = pass->Run(graph, context);
  for (const Diagnostic& d : diagnostics.all()) {
    EXPECT_EQ(d.severity, Severity::kRemark) << d.ToString();
    outcome.remarks.push_back(absl::StrCat(d.where.node, ": ", d.message));
  }
  if (!outcome.changed.ok()) return outcome;
  const std::string after = PrintGraph(graph);
  EXPECT_EQ(*outcome.changed, before != after);
  EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph).message() << "\n" << after;
  // What it leaves parses back.
  const auto parsed = Parse(after);
  if (parsed) {
    EXPECT_EQ(PrintGraph(*parsed), after);
  }
  return outcome;
}

inline Value* Named(const Graph& graph, const std::string& name) {
  for (Value* value : graph.values()) {
    if (value->name() == name) return value;
  }
  ADD_FAILURE() << "no value " << name << " in\n" << PrintGraph(graph);
  return nullptr;
}

inline const Node& Def(const Graph& graph, const std::string& name) { return *Named(graph, name)->def(); }

inline std::string TypeOf(const Graph& graph, const std::string& name) { return TypeText(Named(graph, name)->type()); }

inline std::vector<std::string> OpsOf(const Graph& graph) {
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes()) ops.push_back(node->op_name());
  return ops;
}

inline std::vector<int64_t> IntsOf(const Tensor& tensor) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(tensor.AsInt(i));
  return values;
}

// Samples of one input: N x shape.
inline Dataset Samples(const Shape& shape, const std::vector<std::vector<float>>& samples) {
  Shape all = {static_cast<int64_t>(samples.size())};
  for (size_t i = shape.size() > 0 && shape[0] == 1 ? 1 : 0; i < shape.size(); ++i) all.push_back(shape[i]);
  std::vector<float> values;
  for (const auto& sample : samples) values.insert(values.end(), sample.begin(), sample.end());
  return Dataset::FromTensors({Tensor::Of(Type{ElementType::f32, all}, values)}, {});
}

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_QUANTIZE_TESTING_H
