// Float C of whole models against the outputs that another runtime gave for them (MCUC_SHARED/models: an ONNX file and
// test_data_set_* folders each), within 1e-4 relative plus 1e-5 absolute. Skipped where those models are not to be had.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "EmitCheck.h"
#include "mcuc/Import/Onnx.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

namespace fs = std::filesystem;

fs::path SharedModels() {
  const char* shared = std::getenv("MCUC_SHARED");
  return (shared != nullptr ? fs::path(shared) : fs::path(MCUC_SOURCE_DIR) / ".." / "shared") / "models";
}

std::unique_ptr<Graph> ImportAndPlan(const fs::path& model) {
  Diagnostics diagnostics;
  ImportOptions options;
  if (model.parent_path().filename() == "gru") options.input_shapes["data_input"] = {1, 5, 3};
  std::unique_ptr<Graph> graph = ImportOnnx(model.string(), options, diagnostics);
  EXPECT_NE(graph, nullptr) << diagnostics.ToStatus();
  if (graph == nullptr) return nullptr;
  auto pipeline = Pipeline::Parse("canonicalize,fuse,plan-buffers");
  const auto target = Target::ByName(Target::All().front()->name);
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  EXPECT_EQ(pipeline->Run(*graph, context), absl::OkStatus());
  return graph;
}

class FloatModels : public ::testing::TestWithParam<const char*> {};

TEST_P(FloatModels, GiveTheReferenceOutputs) {
  const fs::path folder = SharedModels() / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const std::unique_ptr<Graph> graph = ImportAndPlan(folder / "model.onnx");
  ASSERT_NE(graph, nullptr);
  const auto model = CompiledModel::Build(*graph, {}, absl::StrCat("gcc -O1 ", kContractFlags));
  ASSERT_TRUE(model.ok()) << model.status();
  for (int set = 0; fs::exists(folder / absl::StrCat("test_data_set_", set)); ++set) {
    const auto tensor = [&](const char* kind, size_t n) {
      return ReadTensorProto(
          (folder / absl::StrCat("test_data_set_", set) / absl::StrCat(kind, "_", n, ".pb")).string());
    };
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < graph->inputs().size(); ++i) {
      auto input = tensor("input", i);
      ASSERT_TRUE(input.ok()) << input.status();
      inputs.push_back(ConvertTensor(*input, graph->inputs()[i]->type()));
    }
    const auto got = (*model)->Run(inputs);
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t i = 0; i < got->size(); ++i) {
      const auto want = tensor("output", i);
      ASSERT_TRUE(want.ok()) << want.status();
      EmitCheckOptions tolerance;
      // The reference of a float16 model was computed in float16, of 11 bits.
      if (want->type().is_float() && std::string(GetParam()) == "kws_dscnn_fp16") tolerance.relative = 1e-3;
      EXPECT_TRUE(Near((*got)[i], ConvertTensor(*want, (*got)[i].type()), tolerance))
          << "set " << set << ", output " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, FloatModels,
                         ::testing::Values("seed_lenet5", "seed_cifar10", "mnist-7", "webmnist_lenet5",
                                           "atmega_mnist_14x14", "onnxmlir_mnist", "asl_model", "model_kws", "model_ic",
                                           "ic_resnet8_float", "vww_mobilenetv1_float", "micro_kws_m_static_fp32",
                                           "tfl_helloworld_sine_keras2onnx", "autoencoder1d", "streaming_tcn",
                                           "yunet_s_320_320", "yamnet_256_64x96_tl", "kws_dscnn_fp16",
                                           "eegnet_nemo_int", "dscnn_nemo_int", "cct_1_32_32_8", "gru",
                                           "silero_vad_openvino_16k", "treeensembleclassifier"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mcuc
