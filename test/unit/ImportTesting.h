// What the tests of the importer share: models written to files, what the importer says of them, and what they compute.
#ifndef MCUC_TEST_UNIT_IMPORTTESTING_H
#define MCUC_TEST_UNIT_IMPORTTESTING_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ExecTesting.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Print.h"
#include "mcuc/Import/Onnx.h"
#include "onnx/onnx_pb.h"

namespace mcuc {

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() /
        absl::StrCat("mcuc-import-", getpid(), "-", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_ / "inside");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  std::unique_ptr<Graph> Import(const std::string& name, const std::string& bytes, const ImportOptions& options = {}) {
    diagnostics_ = Diagnostics();
    return ImportOnnx(Write(name, bytes), options, diagnostics_);
  }
  std::unique_ptr<Graph> Import(const onnx::ModelProto& model) {
    return Import("model.onnx", model.SerializeAsString());
  }
  std::unique_ptr<Graph> ImportText(const std::string& body, int opset = 13) {
    return Import("model.onnxtxt", absl::StrCat("<ir_version: 8, opset_import: [\"\" : ", opset, "]>\n", body));
  }

  std::string Errors() const { return std::string(diagnostics_.ToStatus().message()); }

  std::filesystem::path folder_;
  Diagnostics diagnostics_;
};

inline std::vector<double> Outputs(const Graph* graph, const std::vector<Tensor>& inputs) {
  if (!graph) return {};
  const auto interpreter = Interpreter::Create(*graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status();
  const auto outputs = (*interpreter)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return Doubles(outputs->at(0));
}

inline Tensor Reals(Shape shape, const std::vector<float>& values) {
  return Tensor::Of<float>(F32(std::move(shape)), values);
}

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_IMPORTTESTING_H
