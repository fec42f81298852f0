// canonicalize and fuse keep what a graph computes: for each rewrite a small graph with random constants, run before
// and after on random inputs. Float results agree up to rounding, quantized ones bit for bit. What is left is checked
// too, as the list of operations, and that a second run changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {
namespace {

// From the files of test/unit/cases. The head of a case is `=== name: operations that canonicalize leaves | operations
// that fuse leaves behind it`, the latter where they differ, `binary.add` for the function too; behind the name may
// stand
// `(12 bytes)`, what the constants take behind canonicalize. Then comes a graph. In it $N stands for N random floats in
// braces, $+N for floats over 0.1, #N for N random integers from -127 to 127.
struct Case {
  std::string name, text, canonical, fused;
  int64_t bytes = -1;  // of constants; -1: any
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> ReadCases(const std::string& family) {
  std::ifstream file(absl::StrCat(MCUC_SOURCE_DIR, "/test/unit/cases/canonicalize-", family, ".txt"));
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("=== ", 0) != 0) {
      absl::StrAppend(&cases.at(cases.size() - 1).text, line, "\n");
      continue;
    }
    const std::vector<std::string> parts = absl::StrSplit(line.substr(4), absl::MaxSplits(": ", 1));
    const std::vector<std::string> ops = absl::StrSplit(parts.at(1), " | ");
    const std::vector<std::string> name = absl::StrSplit(parts[0], absl::ByAnyChar(" ()"), absl::SkipEmpty());
    cases.push_back({name.at(0), "", ops[0], ops.back(), name.size() > 1 ? std::stoi(name[1]) : -1});
  }
  return cases;
}

std::string WithRandomConstants(const std::string& text, std::mt19937& random) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' && text[i] != '#') {
      result += text[i];
      continue;
    }
    const bool floats = text[i] == '$', positive = text[i + 1] == '+';
    i += positive ? 2 : 1;
    size_t digits = 0;
    const int n = std::stoi(text.substr(i), &digits);
    i += digits - 1;
    std::vector<std::string> values;
    for (int k = 0; k < n; ++k) {
      const double unit = std::uniform_real_distribution<double>(-1, 1)(random);
      const int integer = static_cast<int>(std::lround(unit * 127));
      values.push_back(floats ? FloatText(static_cast<float>(positive ? 0.1 + std::abs(unit) : unit))
                              : absl::StrCat(integer));
    }
    absl::StrAppend(&result, "{", absl::StrJoin(values, ", "), "}");
  }
  return result;
}

// The operations, with their functions where `like`, a list of them, has those.
std::string OpsOf(const Graph& graph, const std::string& like = "") {
  const std::vector<std::string> wanted = absl::StrSplit(like, ' ');
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes()) {
    std::string op = node->op_name();
    if (ops.size() < wanted.size() && absl::StrContains(wanted[ops.size()], '.')) {
      if (const auto* unary = node->If<UnaryAttrs>()) absl::StrAppend(&op, ".", EnumName(unary->fn));
      if (const auto* binary = node->If<BinaryAttrs>()) absl::StrAppend(&op, ".", EnumName(binary->fn));
    }
    ops.push_back(op);
  }
  return absl::StrJoin(ops, " ");
}

std::vector<Tensor> RandomInputs(const Graph& graph, std::mt19937& random) {
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs()) {
    Tensor tensor(input->type());
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (input->type().is_float()) {
        tensor.Set(i, std::uniform_real_distribution<double>(-3, 3)(random));
      } else {
        tensor.SetInt(i, std::uniform_int_distribution<int>(-128, 127)(random));
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<Tensor> RunGraph(const Graph& graph, const std::vector<Tensor>& inputs) {
  auto interpreter = Interpreter::Create(graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status() << PrintGraph(graph);
  if (!interpreter.ok()) return {};
  auto outputs = (*interpreter)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status() << PrintGraph(graph);
  return outputs.ok() ? *std::move(outputs) : std::vector<Tensor>{};
}

void ExpectSame(const std::vector<Tensor>& before, const std::vector<Tensor>& after) {
  ASSERT_EQ(before.size(), after.size());
  for (size_t o = 0; o < before.size(); ++o) {
    ASSERT_EQ(TypeText(before[o].type()), TypeText(after[o].type()));
    double largest = 0.1;
    for (int64_t i = 0; i < before[o].elements(); ++i) largest = std::max(largest, std::abs(before[o].AsDouble(i)));
    // Sums of terms as large as the largest result may cancel in any of them.
    const double tolerance = before[o].type().is_float() ? 1e-5 * largest : 0;
    for (int64_t i = 0; i < before[o].elements(); ++i) {
      ASSERT_NEAR(before[o].AsDouble(i), after[o].AsDouble(i), tolerance) << "output " << o << ", element " << i;
    }
  }
}

// Runs a pass and checks its flag and the graph behind it.
bool RunPass(const char* name, Graph& graph, const char* option = nullptr, const char* value = nullptr) {
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  const std::string before = PrintGraph(graph);
  const std::unique_ptr<Pass> pass = FindPass(name)->create();
  PassOptions options;
  pass->Options(options);
  if (option) {
    EXPECT_TRUE(options.Set(option, value).ok());
  }
  const auto changed = pass->Run(graph, context);
  EXPECT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed.value_or(false), before != PrintGraph(graph)) << PrintGraph(graph);
  EXPECT_THAT(diagnostics.all(), ::testing::IsEmpty()) << "it did not come to rest";
  const absl::Status valid = VerifyGraph(graph);
  EXPECT_TRUE(valid.ok()) << valid << "\n" << PrintGraph(graph);
  return changed.value_or(false);
}

std::unique_ptr<Graph> Parsed(const std::string& text) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "test.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus() << "\n" << text;
  return graph;
}

class CanonicalizeTest : public ::testing::TestWithParam<Case> {};

TEST_P(CanonicalizeTest, KeepsResults) {
  const Case& c = GetParam();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::mt19937 random(seed);
    const auto graph = Parsed(WithRandomConstants(c.text, random));
    ASSERT_TRUE(graph);
    const std::vector<Tensor> inputs = RandomInputs(*graph, random);
    const std::vector<Tensor> before = RunGraph(*graph, inputs);

    RunPass("canonicalize", *graph);
    EXPECT_EQ(OpsOf(*graph, c.canonical), c.canonical) << PrintGraph(*graph);
    int64_t bytes = 0;
    for (const Value* constant : graph->constants()) bytes += constant->tensor().storage_bytes();
    if (c.bytes >= 0) {
      EXPECT_EQ(bytes, c.bytes) << PrintGraph(*graph);
    }
    ExpectSame(before, RunGraph(*graph, inputs));
    EXPECT_FALSE(RunPass("canonicalize", *graph)) << "a second run must change nothing";

    RunPass("fuse", *graph);
    EXPECT_EQ(OpsOf(*graph, c.fused), c.fused) << PrintGraph(*graph);
    ExpectSame(before, RunGraph(*graph, inputs));
    EXPECT_FALSE(RunPass("fuse", *graph)) << "a second run must change nothing";
    if (HasFailure()) break;
  }
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Moves, CanonicalizeTest, ::testing::ValuesIn(ReadCases("moves")), NameOf);
INSTANTIATE_TEST_SUITE_P(Sinks, CanonicalizeTest, ::testing::ValuesIn(ReadCases("sinks")), NameOf);
INSTANTIATE_TEST_SUITE_P(Elementwise, CanonicalizeTest, ::testing::ValuesIn(ReadCases("elementwise")), NameOf);
INSTANTIATE_TEST_SUITE_P(Affine, CanonicalizeTest, ::testing::ValuesIn(ReadCases("affine")), NameOf);
INSTANTIATE_TEST_SUITE_P(Windows, CanonicalizeTest, ::testing::ValuesIn(ReadCases("windows")), NameOf);

// ---- options and details that a list of operations does not show ----

constexpr char kOverlapping[] =
    "graph @g(%x: f32[1x1x6x6]) -> (%y: f32[1x1x2x2]) {\nconst @w: f32[1x1x3x3] = {1, 2, 3, 4, 5, 6, 7, 8, -9}\n"
    "%c: f32[1x1x4x4] = conv %x, @w\n%y: f32[1x1x2x2] = max_pool %c {kernel = {3, 3}}\n}\n";

TEST(FuseTest, OverlapFusesOverlappingWindows) {
  const auto graph = Parsed(kOverlapping);
  std::mt19937 random(1);
  const std::vector<Tensor> inputs = RandomInputs(*graph, random);
  const std::vector<Tensor> before = RunGraph(*graph, inputs);
  EXPECT_TRUE(RunPass("fuse", *graph, "overlap", "true"));
  EXPECT_EQ(OpsOf(*graph), "conv");
  ExpectSame(before, RunGraph(*graph, inputs));
}

// 4 x 4 windows of 16 x 16 taps over 16 channels: 65536 products, 2^30 / (127 * 128) = 66052. One channel more: 69632.
TEST(FuseTest, AveragePoolsOnlySumsThatFit32Bits) {
  for (int channels : {16, 17}) {
    std::mt19937 random(1);
    const auto graph = Parsed(WithRandomConstants(
        absl::StrCat("graph @g(%x: f32[1x", channels, "x19x19]) -> (%y: f32[1x1x1x1]) {\nconst @w: f32[1x", channels,
                     "x16x16] = $", channels * 256,
                     "\n%c: f32[1x1x4x4] = conv %x, @w\n%y: f32[1x1x1x1] = avg_pool %c {kernel = {4, 4}}\n}\n"),
        random));
    ASSERT_TRUE(graph);
    EXPECT_EQ(RunPass("fuse", *graph), channels == 16);
  }
}

TEST(CanonicalizeTest, FoldLimitIsInBytes) {
  // 8 floats of 4 bytes from one: more than fourfold.
  const char* text =
      "graph @g(%x: f32[8]) -> (%y: f32[8]) {\nconst @c: f32[1x1x1x1] = {3}\n%r: f32[1x1x1x8] = resize @c\n%s: f32[8] "
      "= reshape %r\n"
      "%y: f32[8] = binary %x, %s {fn = mul}\n}\n";
  for (const char* limit : {"32", "31"}) {
    const auto graph = Parsed(text);
    RunPass("canonicalize", *graph, "fold-limit", limit);
    EXPECT_EQ(OpsOf(*graph), std::string(limit) == "32" ? "binary" : "resize reshape binary");
  }
}

TEST(CanonicalizeTest, FoldsGrowthUpToFourfold) {
  for (const int height : {40, 41}) {  // from 1600 bytes to 6400, which is fourfold, and 6560
    const auto graph = Parsed(absl::StrReplaceAll(
        "graph @g(%x: f32[1x1xHx40]) -> (%y: f32[1x1xHx40]) {\nconst @c: f32[1x1x20x20] = {VALUES}\n"
        "%r: f32[1x1xHx40] = resize @c {scales = {1, 1, S, 2}}\n%y: f32[1x1xHx40] = binary %x, %r {fn = mul}\n}\n",
        {{"H", absl::StrCat(height)},
         {"S", height == 40 ? "2" : "2.05"},
         {"VALUES", absl::StrJoin(std::vector<int>(399, 1), ", ") + ", 7"}}));
    ASSERT_TRUE(graph);
    RunPass("canonicalize", *graph);
    EXPECT_EQ(OpsOf(*graph), height == 40 ? "binary" : "resize binary");
  }
}

// max_pool(lut(x)) -> lut(max_pool(x)) for tables that never fall, equal neighbours included.
TEST(CanonicalizeTest, MaxPoolsGoBeforeTablesThatNeverFall) {
  for (const int falls_at : {0, 1, 100, 255}) {
    std::vector<int> table(256);
    for (int i = 0; i < 256; ++i) table[static_cast<size_t>(i)] = i / 3 - (falls_at > 0 && i >= falls_at ? 40 : 0);
    const auto graph = Parsed(absl::StrCat(
        "graph @g(%x: i8<0.1:-3>[1x1x4x4]) -> (%y: i8<0.2:5>[1x1x2x2]) {\nconst @t: i8[256] = {",
        absl::StrJoin(table, ", "),
        "}\n%l: i8<0.2:5>[1x1x4x4] = lut %x, @t\n%y: i8<0.2:5>[1x1x2x2] = max_pool %l {kernel = {2, 2}, strides = "
        "{2, 2}}\n}\n"));
    ASSERT_TRUE(graph);
    std::mt19937 random(1);
    const std::vector<Tensor> inputs = RandomInputs(*graph, random);
    const std::vector<Tensor> before = RunGraph(*graph, inputs);
    EXPECT_EQ(RunPass("canonicalize", *graph), falls_at == 0);
    EXPECT_EQ(OpsOf(*graph), falls_at == 0 ? "max_pool lut" : "lut max_pool") << falls_at;
    ExpectSame(before, RunGraph(*graph, inputs));
  }
}

TEST(CanonicalizeTest, EncodedConstantsAreLeftAlone) {
  const auto graph = Parsed(
      "graph @g(%x: f32[1x3]) -> (%y: f32[1x2]) {\nconst @w: f32[2x3] csc<u8> = {delta: {0, 4, 0}, val: "
      "{64, 95}}\n"
      "const @s: f32[2] = {2, 3}\n%f: f32[1x2] = fc %x, @w\n%y: f32[1x2] = binary %f, @s {fn = mul}\n}\n");
  ASSERT_TRUE(graph);
  RunPass("canonicalize", *graph);
  EXPECT_EQ(OpsOf(*graph), "fc binary");
}

TEST(CanonicalizeTest, NamesStayWithWhatTheyName) {
  const auto graph = Parsed(
      "graph @g(%x: f32[1x2x2x2]) -> (%y: f32[1x4]) {\nconst @w: f32[4x8] = "
      "{0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7}\n"
      "%t: f32[1x2x2x2] = transpose %x {perm = {0, 2, 3, 1}}\n%n: f32[1x2x2x2] = unary %t {fn = neg} loc(\"negate\")\n"
      "%f: f32[1x8] = reshape %n\n%y: f32[1x4] = fc %f, @w loc(\"dense\")\n}\n");
  ASSERT_TRUE(graph);
  RunPass("canonicalize", *graph);
  PrintOptions options;
  options.comments = false;
  EXPECT_EQ(PrintGraph(*graph, options),
            "graph @g(%x: f32[1x2x2x2]) -> (%y: f32[1x4]) {\n"
            "  %n: f32[1x2x2x2] = unary %x {fn = neg} loc(\"negate\")\n"
            "  %f: f32[1x8] = reshape %n\n"
            "  const @w: f32[4x8] = {0, 2, 4, 6, 1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7, 0, 2, 4, "
            "6, 1, 3, 5, 7}\n"
            "  %y: f32[1x4] = fc %f, @w loc(\"dense\")\n"
            "}\n");
}

}  // namespace
}  // namespace mcuc
