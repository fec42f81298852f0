// The models and data beside the project (MCUC_SHARED): importing one, and running its compiled C on the sets of
// reference data that lie beside it (test_data_set_* with input_N.pb and output_N.pb).
#ifndef MCUC_TEST_UNIT_SHAREDMODELS_H
#define MCUC_TEST_UNIT_SHAREDMODELS_H

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "EmitCheck.h"
#include "mcuc/Import/Onnx.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {

inline std::filesystem::path SharedFolder() {
  const char* shared = std::getenv("MCUC_SHARED");
  return shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(MCUC_SOURCE_DIR) / ".." / "shared";
}

// The model behind these passes; null behind a failure. `gru` has dynamic shapes.
inline std::unique_ptr<Graph> ImportAndRun(const std::filesystem::path& model, const std::string& passes) {
  Diagnostics diagnostics;
  ImportOptions options;
  if (model.parent_path().filename() == "gru") options.input_shapes["data_input"] = {1, 5, 3};
  std::unique_ptr<Graph> graph = ImportOnnx(model.string(), options, diagnostics);
  EXPECT_NE(graph, nullptr) << diagnostics.ToStatus();
  if (graph == nullptr) return nullptr;
  auto pipeline = Pipeline::Parse(passes);
  const auto target = Target::ByName(Target::All().front()->name);
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  EXPECT_EQ(pipeline->Run(*graph, context), absl::OkStatus());
  return graph;
}

// Calls check(got, want) for each output of each set in the folder.
inline void RunReferenceSets(const Graph& graph, const std::filesystem::path& folder,
                             const std::function<void(const Tensor& got, const Tensor& want)>& check) {
  const auto model = CompiledModel::Build(graph, {}, absl::StrCat("gcc -O1 ", kContractFlags));
  ASSERT_TRUE(model.ok()) << model.status();
  int set = 0;
  for (; std::filesystem::exists(folder / absl::StrCat("test_data_set_", set)); ++set) {
    SCOPED_TRACE(absl::StrCat("set ", set));
    const auto tensor = [&](const char* kind, size_t n) {
      return ReadTensorProto(
          (folder / absl::StrCat("test_data_set_", set) / absl::StrCat(kind, "_", n, ".pb")).string());
    };
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      const auto input = tensor("input", i);
      ASSERT_TRUE(input.ok()) << input.status();
      inputs.push_back(ConvertTensor(*input, graph.inputs()[i]->type()));
    }
    const auto got = (*model)->Run(inputs);
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t i = 0; i < got->size(); ++i) {
      SCOPED_TRACE(absl::StrCat("output ", i));
      const auto want = tensor("output", i);
      ASSERT_TRUE(want.ok()) << want.status();
      ASSERT_EQ(want->elements(), (*got)[i].elements());
      check((*got)[i], *want);
    }
  }
  EXPECT_GT(set, 0) << "no test_data_set_0 in " << folder;
}

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_SHAREDMODELS_H
