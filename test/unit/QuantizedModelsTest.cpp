// Quantized ONNX models, compiled by the default pipeline, against the outputs that ONNX Runtime gave for them
// (MCUC_SHARED/models) and on labelled data (MCUC_SHARED/data): nothing in them stays float, results are within one
// unit of the output's scale on 99 % of the elements and two on all, and accuracies are ONNX Runtime's. Skipped where
// those files are not to be had.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "SharedModels.h"

namespace mcuc {
namespace {

namespace fs = std::filesystem;

constexpr char kPasses[] = "canonicalize,fuse,quantize,canonicalize,fuse,csc-encode,plan-buffers";

struct Case {
  const char* name;
  double beyond_one = 0.01;  // share of the elements that may be more than one unit away
  double most = 2;           // units that any may be away
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class QuantizedModels : public ::testing::TestWithParam<Case> {};

TEST_P(QuantizedModels, GiveTheReferenceOutputsInIntegers) {
  const fs::path folder = SharedFolder() / "models" / GetParam().name;
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const std::unique_ptr<Graph> graph = ImportAndRun(folder / "model.onnx", kPasses);
  ASSERT_NE(graph, nullptr);
  EXPECT_FALSE(StateOf(*graph).floating);
  int64_t elements = 0, beyond_one = 0;
  double most = 0;
  RunReferenceSets(*graph, folder, [&](const Tensor& got, const Tensor& want) {
    const Quantization& quant = *got.type().quant;
    for (int64_t k = 0; k < want.elements(); ++k) {
      const double units = static_cast<double>(got.AsInt(k) - quant.zero_point());
      const double error = std::fabs(want.AsDouble(k) / static_cast<double>(quant.scale()) - units);
      most = std::max(most, error);
      ++elements;
      // A float reference lies between units; a quantized one is a unit up to rounding.
      if (error > 1.001) ++beyond_one;
    }
  });
  EXPECT_GT(elements, 0);
  EXPECT_LE(static_cast<double>(beyond_one), GetParam().beyond_one * static_cast<double>(elements))
      << "the most is " << most;
  EXPECT_LE(most, GetParam().most + 0.001);
}

// One unit of micro_kws_m_qdq's logits, 0.041, is up to 2.7 units of its softmax (docs/numerics.md).
INSTANTIATE_TEST_SUITE_P(Shared, QuantizedModels,
                         ::testing::Values(Case{"kws_dscnn_int8_qdq"}, Case{"vww_mobilenetv1_int8_qdq"},
                                           Case{"ad_autoencoder_int8_qdq"}, Case{"micro_kws_m_qdq", 0.1, 3},
                                           Case{"micro_kws_m_static_qoperator"}),
                         [](const auto& test) { return std::string(test.param.name); });

std::vector<uint8_t> Bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The percentage of samples whose largest output is the label. `real`: an element of sample bytes at [c, h, w].
double AccuracyOf(const CompiledModel& model, const Type& input, const std::vector<uint8_t>& x,
                  const std::vector<uint8_t>& y, const std::function<float(const uint8_t*, int64_t)>& real) {
  const int64_t size = input.elements();
  int64_t right = 0;
  for (size_t n = 0; n < y.size(); ++n) {
    Tensor sample(Type{ElementType::f32, input.shape});
    for (int64_t i = 0; i < size; ++i) {
      sample.data<float>()[static_cast<size_t>(i)] = real(&x[n * static_cast<size_t>(size)], i);
    }
    const auto output = model.Run({ConvertTensor(sample, input)});
    EXPECT_TRUE(output.ok()) << output.status();
    if (!output.ok()) return 0;
    const auto scores = (*output)[0].data<int8_t>();
    right += std::max_element(scores.begin(), scores.end()) - scores.begin() == y[n];
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(y.size());
}

TEST(QuantizedAccuracy, OfDsCnnOnSpeechCommands) {
  const fs::path data = SharedFolder() / "data" / "kws01", model = SharedFolder() / "models" / "kws_dscnn_int8_qdq";
  if (!fs::exists(data) || !fs::exists(model)) GTEST_SKIP() << data << " or " << model << " is not there";
  const std::unique_ptr<Graph> graph = ImportAndRun(model / "model.onnx", kPasses);
  ASSERT_NE(graph, nullptr);
  const auto compiled = CompiledModel::Build(*graph, {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const double accuracy = AccuracyOf(**compiled, graph->inputs()[0]->type(), Bytes(data / "x_i8_1000x49x10x1.bin"),
                                     Bytes(data / "y_u8_1000.bin"), [](const uint8_t* bytes, int64_t i) {
                                       return static_cast<float>(static_cast<int8_t>(bytes[i]) - 83) * 0.5847029f;
                                     });
  EXPECT_GE(accuracy, 89.9);  // ONNX Runtime: 90.2
}

TEST(QuantizedAccuracy, OfMobileNetOnVisualWakeWords) {
  const fs::path data = SharedFolder() / "data" / "vww01",
                 model = SharedFolder() / "models" / "vww_mobilenetv1_int8_qdq";
  if (!fs::exists(data) || !fs::exists(model)) GTEST_SKIP() << data << " or " << model << " is not there";
  const std::unique_ptr<Graph> graph = ImportAndRun(model / "model.onnx", kPasses);
  ASSERT_NE(graph, nullptr);
  const auto compiled = CompiledModel::Build(*graph, {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const double accuracy = AccuracyOf(**compiled, graph->inputs()[0]->type(), Bytes(data / "x_u8_300x96x96x3.bin"),
                                     Bytes(data / "y_u8_300.bin"), [](const uint8_t* bytes, int64_t i) {
                                       const int64_t plane = 96 * 96;
                                       return static_cast<float>(bytes[i % plane * 3 + i / plane]) / 255.0f;
                                     });
  EXPECT_GE(accuracy, 84.8);  // the imported graph, float between quantize and dequantize: 85.33
}

}  // namespace
}  // namespace mcuc
