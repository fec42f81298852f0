// Whole pipelines on random networks: what canonicalize and fuse make computes the same, quantized graphs compute
// nearly the same, and the emitted C computes just what the interpreter does, whatever the plan of the arena. With
// MCUC_RANDOM_NETS=first..last other seeds are tried than the test's own.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "EmitCheck.h"
#include "RandomNet.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

constexpr int kSamples = 16;

Dataset Samples(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs()) {
    Shape shape = input->type().shape;
    shape.insert(shape.begin(), kSamples);
    inputs.emplace_back(Type{ElementType::f32, shape});
  }
  for (int i = 0; i < kSamples; ++i) {
    const std::vector<Tensor> sample = RandomNet::Inputs(graph, static_cast<uint64_t>(i));
    for (size_t k = 0; k < sample.size(); ++k) {
      const auto from = sample[k].data<float>();
      std::copy(from.begin(), from.end(), inputs[k].data<float>().begin() + i * static_cast<int64_t>(from.size()));
    }
  }
  return Dataset::FromTensors(std::move(inputs), {});
}

absl::Status RunPasses(const std::string& passes, Graph& graph, const Dataset& data) {
  absl::StatusOr<Pipeline> pipeline = Pipeline::Parse(passes);
  if (!pipeline.ok()) return pipeline.status();
  const Target target = Target::ByName("generic").value();
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &target;
  context.calibrate = &data;
  context.threads = 1;
  RunOptions options;
  options.verify_each = true;
  absl::Status status = pipeline->Run(graph, context, options);
  return status.ok() ? diagnostics.ToStatus() : status;
}

std::vector<std::vector<Tensor>> RunAll(const Graph& graph) {
  const auto interpreter = Interpreter::Create(graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status();
  std::vector<std::vector<Tensor>> all;
  if (!interpreter.ok()) return all;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<Tensor> inputs = RandomNet::Inputs(graph, static_cast<uint64_t>(i));
    const auto outputs = (*interpreter)->Run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    if (!outputs.ok()) return {};
    all.push_back(*outputs);
  }
  return all;
}

// Signal to noise in decibels of the quantized graph's outputs, all together.
double SignalToNoise(const std::vector<std::vector<Tensor>>& want, const Graph& graph, const Dataset& data) {
  const auto interpreter = Interpreter::Create(graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status();
  if (!interpreter.ok()) return 0;
  double signal = 0, noise = 0;
  for (int i = 0; i < kSamples; ++i) {
    const auto got = (*interpreter)->Run(data.Sample(i, graph));
    EXPECT_TRUE(got.ok()) << got.status();
    if (!got.ok()) return 0;
    for (size_t k = 0; k < got->size(); ++k) {
      const Tensor& reference = want[static_cast<size_t>(i)][k];
      const Tensor real = ConvertTensor((*got)[k], reference.type());
      for (int64_t e = 0; e < real.elements(); ++e) {
        const double w = reference.AsDouble(e), d = real.AsDouble(e) - w;
        signal += w * w;
        noise += d * d;
      }
    }
  }
  return noise == 0 ? 200 : 10 * std::log10(signal / noise);
}

// The emitted C, with buffers of its own and at the offsets in the arena, against the interpreter.
void ExpectCompiledEqual(const Graph& graph, const Dataset& data, const std::string& compiler) {
  EmitCOptions emit;
  emit.name = "net";
  const auto model = CompiledModel::Build(graph, emit, compiler);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto interpreter = Interpreter::Create(graph);
  ASSERT_TRUE(interpreter.ok()) << interpreter.status();
  for (int i = 0; i < kSamples; ++i) {
    const std::vector<Tensor> inputs = data.Sample(i, graph);
    const auto want = (*interpreter)->Run(inputs);
    ASSERT_TRUE(want.ok()) << want.status();
    for (const bool in_arena : {false, true}) {
      const auto got = in_arena ? (*model)->RunInArena(inputs) : (*model)->Run(inputs);
      ASSERT_TRUE(got.ok()) << got.status();
      for (size_t k = 0; k < want->size(); ++k) {
        ASSERT_TRUE(Near((*got)[k], (*want)[k], EmitCheckOptions{}))
            << "sample " << i << ", output " << graph.outputs()[k]->Text() << (in_arena ? ", in the arena" : "");
      }
    }
  }
}

class RandomNetTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomNetTest, EveryStageAgrees) {
  const uint64_t seed = GetParam();
  const std::unique_ptr<Graph> net = RandomNet(seed).Make();
  ASSERT_EQ(VerifyGraph(*net), absl::OkStatus()) << PrintGraph(*net);
  SCOPED_TRACE(PrintGraph(*net));
  const Dataset data = Samples(*net);
  const auto want = RunAll(*net);
  ASSERT_EQ(want.size(), size_t{kSamples});

  const std::unique_ptr<Graph> fused = net->Clone();
  ASSERT_EQ(RunPasses(seed % 2 ? "canonicalize,fuse" : "canonicalize,fuse{overlap=true}", *fused, data),
            absl::OkStatus());
  const auto got = RunAll(*fused);
  for (int i = 0; i < kSamples; ++i) {
    for (size_t k = 0; k < want[0].size(); ++k) {
      ASSERT_TRUE(Near(got[static_cast<size_t>(i)][k], want[static_cast<size_t>(i)][k],
                       EmitCheckOptions{.relative = 1e-3, .absolute = 1e-4}))
          << "canonicalize, fuse: sample " << i << ", output " << k << "\n"
          << PrintGraph(*fused);
    }
  }

  const std::string contract =
      absl::StrCat("gcc -O1 ", kContractFlags, " -fsanitize=undefined -fsanitize-undefined-trap-on-error");
  const std::string plan =
      absl::StrCat("plan-buffers{io=", seed % 3 != 0 ? "true" : "false", " in-place=", seed % 5 != 0 ? "true" : "false",
                   seed % 7 == 0 ? " exact=0" : "", "}");
  if (seed % 4 == 0) {
    const std::unique_ptr<Graph> floating = fused->Clone();
    ASSERT_EQ(
        RunPasses(absl::StrCat(seed % 8 ? "csc-encode," : "prune{sparsity=0.7},csc-encode,", plan), *floating, data),
        absl::OkStatus());
    SCOPED_TRACE(PrintGraph(*floating));
    ExpectCompiledEqual(*floating, data, contract);
  }

  const std::unique_ptr<Graph> quantized = fused->Clone();
  const std::string options = seed % 6 == 0   ? "{input=false}"
                              : seed % 6 == 1 ? "{output=false ranges=minmax}"
                              : seed % 6 == 2 ? "{per-channel=false}"
                                              : "";
  ASSERT_EQ(RunPasses("quantize" + options, *quantized, data), absl::OkStatus());
  const double db = SignalToNoise(want, *quantized, data);
  EXPECT_GT(db, 8) << "quantize" << options << "\n" << PrintGraph(*quantized);
  if (seed % 4 != 0) {
    ASSERT_EQ(RunPasses(absl::StrCat(seed % 4 == 1 ? "" : "prune{sparsity=0.8},csc-encode,",
                                     seed % 9 == 0 ? "float-io," : "", plan),
                        *quantized, data),
              absl::OkStatus());
    SCOPED_TRACE(PrintGraph(*quantized));
    ExpectCompiledEqual(*quantized, data, contract);
  }
}

std::vector<uint64_t> Seeds() {
  uint64_t first = 1, last = 16;
  if (const char* range = std::getenv("MCUC_RANDOM_NETS")) {
    char* end = nullptr;
    first = last = std::strtoull(range, &end, 10);
    if (*end == '.') last = std::strtoull(end + 2, nullptr, 10);
  }
  std::vector<uint64_t> seeds;
  for (uint64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  if (!std::getenv("MCUC_RANDOM_NETS")) seeds.push_back(1008);  // an operand that outlives its view in an output
  return seeds;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetTest, testing::ValuesIn(Seeds()),
                         [](const auto& seed) { return absl::StrCat(seed.param); });

}  // namespace
}  // namespace mcuc
