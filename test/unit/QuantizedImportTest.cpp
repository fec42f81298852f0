// Quantized operators from ONNX text: the integer graph that the default pipeline makes of them computes what the
// imported graph, whose operators are float between dequantize and quantize, computes.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Import/Onnx.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

std::unique_ptr<Graph> Import(const std::string& name) {
  Diagnostics diagnostics;
  auto graph = ImportOnnx(absl::StrCat(MCUC_SOURCE_DIR, "/test/Import/", name), {}, diagnostics);
  EXPECT_NE(graph, nullptr) << diagnostics.ToStatus();
  return graph;
}

void RunPasses(Graph& graph) {
  auto pipeline = Pipeline::Parse("canonicalize,fuse,quantize,canonicalize,fuse,csc-encode");
  const auto target = Target::ByName(Target::All().front()->name);
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  ASSERT_EQ(pipeline->Run(graph, context), absl::OkStatus());
}

// Small integers, and reals of the size that they stand for.
Tensor Random(const Type& type, std::mt19937& random) {
  Tensor tensor(type);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const int64_t value = static_cast<int64_t>(random() % 256) + (type.element == ElementType::u8 ? 0 : -128);
    if (type.is_float()) {
      tensor.Set(i, static_cast<double>(value) / 3);
    } else {
      tensor.SetInt(i, value);
    }
  }
  return tensor;
}

double Real(const Tensor& tensor, int64_t i) {
  const auto& quant = tensor.type().quant;
  return quant ? static_cast<double>(quant->scale()) * static_cast<double>(tensor.AsInt(i) - quant->zero_point())
               : tensor.AsDouble(i);
}

// An input of either graph for the other: in its float form where that is float.
Tensor For(const Tensor& tensor, const Type& type) {
  if (!type.is_float() || tensor.type().is_float()) return ConvertTensor(tensor, type);
  Tensor real(type);
  for (int64_t i = 0; i < real.elements(); ++i) real.Set(i, Real(tensor, i));
  return real;
}

class QuantizedImport : public ::testing::TestWithParam<const char*> {};

TEST_P(QuantizedImport, IntegersComputeTheSame) {
  const auto imported = Import(GetParam());
  ASSERT_NE(imported, nullptr);
  const auto graph = imported->Clone();
  RunPasses(*graph);
  const auto reference = Interpreter::Create(*imported), compiled = Interpreter::Create(*graph);
  ASSERT_TRUE(reference.ok() && compiled.ok());
  std::mt19937 random(1);
  for (int run = 0; run < 20; ++run) {
    std::vector<Tensor> inputs, floats;
    for (size_t i = 0; i < graph->inputs().size(); ++i) {
      inputs.push_back(Random(graph->inputs()[i]->type(), random));
      floats.push_back(For(inputs[i], imported->inputs()[i]->type()));
    }
    const auto want = (*reference)->Run(floats), got = (*compiled)->Run(inputs);
    ASSERT_TRUE(want.ok()) << want.status();
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t o = 0; o < want->size(); ++o) {
      const Type& type = (*got)[o].type();
      // Two roundings, of what the model rounds twice; a float result differs by the rounding of float sums.
      const double unit = type.quant ? static_cast<double>(type.quant->scale()) : 1e-3;
      for (int64_t i = 0; i < type.elements(); ++i) {
        EXPECT_NEAR(Real((*got)[o], i), Real((*want)[o], i), 1.001 * unit)
            << imported->outputs()[o]->Text() << "[" << i << "]";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Import, QuantizedImport,
                         ::testing::Values("quantized.onnxtxt", "qlinear.onnxtxt", "integers.onnxtxt"),
                         [](const auto& test) { return std::string(test.param, std::string(test.param).find('.')); });

TEST(QuantizedImport, IntegerProductsAreExact) {
  const auto graph = Import("integers.onnxtxt");
  ASSERT_NE(graph, nullptr);
  const auto interpreter = Interpreter::Create(*graph);
  ASSERT_TRUE(interpreter.ok()) << interpreter.status();
  const auto input = [&](size_t i, const std::vector<int>& values) {
    return Tensor::Of(graph->inputs()[i]->type(), values);
  };
  const auto got = (*interpreter)
                       ->Run({input(0, {0, 255, 128, 129, 1, 2, 3, 255}), input(1, {-128, 127, 5, 0, -3, 1}),
                              input(2, {255, 0, 1, 2, 3, 4})});
  ASSERT_TRUE(got.ok()) << got.status();
  // -128 * -3 + 127 * -2 + 0 + 1 * 0 - 127 - 126 * 2 - 125 * 3 + 127 * 127
  EXPECT_EQ((*got)[0].AsInt(0), 384 - 254 - 127 - 252 - 375 + 16129);
  EXPECT_EQ((*got)[1].AsInt(0), -125 - 2 * 130 + 3 * 8);
  EXPECT_EQ((*got)[1].AsInt(1), 3 - 0 + 3 * 4);
  EXPECT_EQ((*got)[2].AsInt(0), -128 * 255 + 127 * 1 + 5 * 3);
  EXPECT_EQ((*got)[2].AsInt(3), -3 * 2 + 4);
}

}  // namespace
}  // namespace mcuc
