// Float C of whole models against the outputs that another runtime gave for them (MCUC_SHARED/models: an ONNX file and
// test_data_set_* folders each), within 1e-4 relative plus 1e-5 absolute. Skipped where those models are not to be had.
#include <algorithm>
#include <filesystem>

#include "SharedModels.h"

namespace mcuc {
namespace {

class FloatModels : public ::testing::TestWithParam<const char*> {};

TEST_P(FloatModels, GiveTheReferenceOutputs) {
  const auto folder = SharedFolder() / "models" / GetParam();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const std::unique_ptr<Graph> graph = ImportAndRun(folder / "model.onnx", "canonicalize,fuse,plan-buffers");
  ASSERT_NE(graph, nullptr);
  RunReferenceSets(*graph, folder, [](const Tensor& got, const Tensor& want) {
    EmitCheckOptions tolerance;
    // The reference of a float16 model was computed in float16, of 11 bits.
    if (want.type().is_float() && std::string(GetParam()) == "kws_dscnn_fp16") tolerance.relative = 1e-3;
    EXPECT_TRUE(Near(got, ConvertTensor(want, got.type()), tolerance));
  });
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
