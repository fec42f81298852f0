// canonicalize and fuse keep what a graph computes: for each rewrite a small graph with random constants, run before
// and after on random inputs. Float results agree up to rounding, quantized ones bit for bit. What is left is checked
// too, as the list of operations, and that a second run changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {
namespace {

struct Case {
  const char* name;
  // A graph without its first line's "graph @g" and last brace. $N stands for N random floats in braces, $+N for floats
  // over 0.1, #N for N random integers from -127 to 127.
  const char* text;
  const char* canonical;  // operations that canonicalize leaves
  const char* fused;      // and fuse behind it; null: the same
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

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

std::string OpsOf(const Graph& graph) {
  std::vector<std::string> ops;
  for (const auto& node : graph.nodes()) ops.push_back(node->op_name());
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
  if (option) EXPECT_TRUE(options.Set(option, value).ok());
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
    const auto graph = Parsed(absl::StrCat("graph @g", WithRandomConstants(c.text, random), "}\n"));
    ASSERT_TRUE(graph);
    const std::vector<Tensor> inputs = RandomInputs(*graph, random);
    const std::vector<Tensor> before = RunGraph(*graph, inputs);

    RunPass("canonicalize", *graph);
    EXPECT_EQ(OpsOf(*graph), c.canonical) << PrintGraph(*graph);
    ExpectSame(before, RunGraph(*graph, inputs));
    EXPECT_FALSE(RunPass("canonicalize", *graph)) << "a second run must change nothing";

    RunPass("fuse", *graph);
    EXPECT_EQ(OpsOf(*graph), c.fused ? c.fused : c.canonical) << PrintGraph(*graph);
    ExpectSame(before, RunGraph(*graph, inputs));
    EXPECT_FALSE(RunPass("fuse", *graph)) << "a second run must change nothing";
    if (HasFailure()) break;
  }
}

// ---- moves ----

const Case kMoves[] = {
    {"identity",
     "(%x: f32[4]) -> (%y: f32[4]) {\n%i: f32[4] = identity %x\n%r: f32[4] = unary %i {fn = neg}\n"
     "%y: f32[4] = identity %r\n",
     "unary", nullptr},
    {"identity_of_input_stays", "(%x: f32[4]) -> (%y: f32[4]) {\n%y: f32[4] = identity %x\n", "identity", nullptr},
    {"noop_transpose_of_input_becomes_identity",
     "(%x: f32[4x2]) -> (%y: f32[4x2]) {\n"
     "%y: f32[4x2] = transpose %x {perm = {0, 1}}\n",
     "identity", nullptr},
    {"two_outputs_of_one_value",
     "(%x: f32[4]) -> (%y: f32[4], %z: f32[4]) {\n%y: f32[4] = unary %x {fn = neg}\n"
     "%z: f32[4] = unary %x {fn = neg}\n",
     "unary identity", nullptr},
    {"reshape_chain",
     "(%x: f32[2x6]) -> (%y: f32[4x3]) {\n%a: f32[12] = reshape %x\n%b: f32[6x2] = reshape %a\n"
     "%y: f32[4x3] = reshape %b\n",
     "reshape", nullptr},
    {"reshape_back",
     "(%x: f32[2x6]) -> (%y: f32[2x6]) {\n%a: f32[12] = reshape %x\n%n: f32[12] = unary %a {fn = neg}\n"
     "%y: f32[2x6] = reshape %n\n",
     "unary", nullptr},
    {"transposes_compose",
     "(%x: f32[2x3x4]) -> (%y: f32[3x4x2]) {\n%a: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%y: f32[3x4x2] = transpose %a {perm = {2, 0, 1}}\n",
     "transpose", nullptr},
    {"transposes_cancel",
     "(%x: f32[2x3x4]) -> (%y: f32[2x3x4]) {\n%a: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%n: f32[4x2x3] = unary %a {fn = neg}\n%y: f32[2x3x4] = transpose %n {perm = {1, 2, 0}}\n",
     "unary", nullptr},
    {"transpose_of_ones",
     "(%x: f32[1x3x1x4]) -> (%y: f32[3x1x1x4]) {\n"
     "%y: f32[3x1x1x4] = transpose %x {perm = {1, 0, 2, 3}}\n",
     "reshape", nullptr},
    {"transpose_that_moves_stays",
     "(%x: f32[1x3x1x4]) -> (%y: f32[1x4x1x3]) {\n"
     "%y: f32[1x4x1x3] = transpose %x {perm = {0, 3, 2, 1}}\n",
     "transpose", nullptr},
    {"transpose_over_unit_reshape",
     "(%x: f32[1x3x4]) -> (%y: f32[1x3x4]) {\n%t: f32[1x4x3] = transpose %x {perm = {0, 2, 1}}\n"
     "%r: f32[1x4x1x3] = reshape %t\n%u: f32[1x1x3x4] = transpose %r {perm = {0, 2, 3, 1}}\n"
     "%n: f32[1x1x3x4] = unary %u {fn = neg}\n%y: f32[1x3x4] = reshape %n\n",
     "unary", nullptr},
    {"slice_of_slice",
     "(%x: f32[10x4]) -> (%y: f32[2x4]) {\n%a: f32[4x4] = slice %x {starts = {1, 0}, steps = {2, 1}}\n"
     "%y: f32[2x4] = slice %a {starts = {3, 0}, steps = {-2, 1}}\n",
     "slice", nullptr},
    {"slice_of_all",
     "(%x: f32[5x4]) -> (%y: f32[5x4]) {\n%n: f32[5x4] = unary %x {fn = neg}\n"
     "%y: f32[5x4] = slice %n {starts = {0, 0}, steps = {1, 1}}\n",
     "unary", nullptr},
    {"slice_backwards_stays",
     "(%x: f32[5x4]) -> (%y: f32[5x4]) {\n"
     "%y: f32[5x4] = slice %x {starts = {4, 0}, steps = {-1, 1}}\n",
     "slice", nullptr},
    {"gather_range",
     "(%x: f32[5x4]) -> (%y: f32[5x2]) {\nconst @i: i64[2] = {-1, 1}\n"
     "%y: f32[5x2] = gather %x, @i {axis = 1}\n",
     "slice", nullptr},
    {"gather_scalar",
     "(%x: f32[5x4]) -> (%y: f32[4]) {\nconst @i: i64[] = {3}\n"
     "%y: f32[4] = gather %x, @i {axis = 0}\n",
     "slice reshape", nullptr},
    {"gather_scattered_stays",
     "(%x: f32[5x4]) -> (%y: f32[3x4]) {\nconst @i: i64[3] = {3, 1, 0}\n"
     "%y: f32[3x4] = gather %x, @i {axis = 0}\n",
     "gather", nullptr},
    {"gather_repeated_stays",
     "(%x: f32[5x4]) -> (%y: f32[2x4]) {\nconst @i: i64[2] = {3, 3}\n"
     "%y: f32[2x4] = gather %x, @i {axis = 0}\n",
     "gather", nullptr},
    {"concat_of_one",
     "(%x: f32[3x2]) -> (%y: f32[3x2]) {\n%c: f32[3x2] = concat %x {axis = 1}\n%y: f32[3x2] = unary %c {fn = neg}\n",
     "unary", nullptr},
    {"concat_of_concat",
     "(%x: f32[3x2], %z: f32[3x1]) -> (%y: f32[3x5]) {\n%c: f32[3x3] = concat %x, %z {axis = 1}\n"
     "%y: f32[3x5] = concat %x, %c {axis = 1}\n",
     "concat", nullptr},
    {"concat_of_concat_across_stays",
     "(%x: f32[3x2], %z: f32[3x2]) -> (%y: f32[6x4]) {\n%c: f32[3x4] = concat %x, %z {axis = 1}\n"
     "%d: f32[3x4] = concat %z, %x {axis = 1}\n%y: f32[6x4] = concat %c, %d {axis = 0}\n",
     "concat concat concat", nullptr},
    {"pad_of_nothing",
     "(%x: f32[3x2]) -> (%y: f32[3x2]) {\n%p: f32[3x2] = pad %x {before = {0, 0}, after = {0, 0}}\n"
     "%y: f32[3x2] = unary %p {fn = neg}\n",
     "unary", nullptr},
    {"pad_of_pad",
     "(%x: f32[3x2]) -> (%y: f32[5x5]) {\n%p: f32[4x3] = pad %x {before = {1, 0}, after = {0, 1}, value = 2}\n"
     "%y: f32[5x5] = pad %p {before = {0, 0}, after = {1, 2}, value = 2}\n",
     "pad", nullptr},
    {"pad_of_pad_with_another_value_stays",
     "(%x: f32[3x2]) -> (%y: f32[5x2]) {\n%p: f32[4x2] = pad %x {before = {1, 0}, after = {0, 0}, value = 2}\n"
     "%y: f32[5x2] = pad %p {before = {1, 0}, after = {0, 0}, value = 3}\n",
     "pad pad", nullptr},
    {"resize_of_nothing",
     "(%x: f32[1x2x3x3]) -> (%y: f32[1x2x3x3]) {\n%r: f32[1x2x3x3] = resize %x {mode = linear}\n"
     "%y: f32[1x2x3x3] = unary %r {fn = neg}\n",
     "unary", nullptr},
    {"cast_to_itself", "(%x: f32[3]) -> (%y: f32[3]) {\n%c: f32[3] = cast %x\n%y: f32[3] = unary %c {fn = neg}\n",
     "unary", nullptr},
    {"quantize_of_dequantize",
     "(%x: i8<0.3:-7>[16]) -> (%y: i8<0.3:-7>[16]) {\n%r: i8<0.3:-7>[16] = unary %x\n"
     "%f: f32[16] = dequantize %r\n%y: i8<0.3:-7>[16] = quantize %f\n",
     "unary", nullptr},
    {"quantize_to_another_scale_stays",
     "(%x: i8<0.3:-7>[16]) -> (%y: i8<0.4:-7>[16]) {\n%f: f32[16] = dequantize %x\n"
     "%y: i8<0.4:-7>[16] = quantize %f\n",
     "dequantize quantize", nullptr},
    {"dead_code",
     "(%x: f32[3]) -> (%y: f32[3]) {\nconst @c: f32[3] = $3\n%d: f32[3] = binary %x, @c\n%e: f32[3] = unary %d {fn = "
     "exp}\n"
     "%y: f32[3] = unary %x {fn = neg}\n",
     "unary", nullptr},
    {"common_subexpressions",
     "(%x: f32[3]) -> (%y: f32[3]) {\nconst @c: f32[3] = {1, 2, 3}\nconst @d: f32[3] = {1, 2, 3}\n"
     "%a: f32[3] = binary %x, @c {fn = mul}\n%b: f32[3] = binary %x, @d {fn = mul}\n"
     "%y: f32[3] = binary %a, %b {fn = sub}\n",
     "binary binary", nullptr},
    {"constants_fold",
     "(%x: f32[3]) -> (%y: f32[3]) {\nconst @c: f32[3] = $3\nconst @d: f32[3] = $3\n%e: f32[3] = binary @c, @d {fn = "
     "sub}\n"
     "%f: f32[3] = unary %e {fn = exp}\n%y: f32[3] = binary %x, %f {fn = mul}\n",
     "binary", nullptr},
    {"constant_output_is_a_node",
     "(%x: f32[3]) -> (%y: f32[3]) {\nconst @c: f32[3] = $3\n%y: f32[3] = unary @c {fn = exp}\n", "identity", nullptr},
    {"large_growth_does_not_fold",
     "(%x: f32[1x1x40x40]) -> (%y: f32[1x1x40x40]) {\nconst @c: f32[1x1x2x2] = $4\n"
     "%r: f32[1x1x40x40] = resize @c\n%y: f32[1x1x40x40] = binary %x, %r {fn = mul}\n",
     "resize binary", nullptr},
};
INSTANTIATE_TEST_SUITE_P(Moves, CanonicalizeTest, ::testing::ValuesIn(kMoves),
                         [](const auto& i) { return i.param.name; });

// ---- reshapes and transposes past other operations ----

const Case kSinks[] = {
    {"reshape_below_binary_constant",
     "(%x: f32[1x3x1x4]) -> (%y: f32[1x3x1x4]) {\nconst @c: f32[3x1] = $3\n%r: f32[1x3x4] = reshape %x\n"
     "%b: f32[1x3x4] = binary %r, @c {fn = mul}\n%y: f32[1x3x1x4] = reshape %b\n",
     "binary", nullptr},
    {"reshape_below_full_constant",
     "(%x: f32[2x6]) -> (%y: f32[2x6]) {\nconst @c: f32[12] = $12\n%r: f32[12] = reshape %x\n"
     "%b: f32[12] = binary %r, @c {fn = mul}\n%y: f32[2x6] = reshape %b\n",
     "binary", nullptr},
    {"reshape_not_below_partial_constant",
     "(%x: f32[12]) -> (%y: f32[12]) {\nconst @c: f32[6] = $6\n%r: f32[2x6] = reshape %x\n"
     "%b: f32[2x6] = binary %r, @c {fn = mul}\n%y: f32[12] = reshape %b\n",
     "reshape binary reshape", nullptr},
    {"reshapes_below_binary",
     "(%x: f32[2x6], %z: f32[2x6]) -> (%y: f32[2x6]) {\n%r: f32[12] = reshape %x\n%s: f32[12] = reshape %z\n"
     "%b: f32[12] = binary %r, %s {fn = sub}\n%y: f32[2x6] = reshape %b\n",
     "binary", nullptr},
    {"reshape_of_swish",
     "(%x: f32[2x6]) -> (%y: f32[2x6]) {\n%r: f32[12] = reshape %x\n%s: f32[12] = unary %r {fn = sigmoid}\n"
     "%b: f32[12] = binary %r, %s {fn = mul}\n%y: f32[2x6] = reshape %b\n",
     "unary binary", nullptr},
    {"reshapes_of_one_element",
     "(%x: f32[1], %z: f32[1x1]) -> (%y: f32[1x1x1]) {\n%r: f32[1x1x1] = reshape %x\n%s: f32[1x1x1] = reshape %z\n"
     "%y: f32[1x1x1] = binary %r, %s {fn = sub}\n",
     "binary reshape", nullptr},
    {"reshapes_of_other_shapes",
     "(%x: f32[4], %z: f32[1x4]) -> (%y: f32[1x1x4]) {\n%r: f32[1x1x4] = reshape %x\n%s: f32[1x1x4] = reshape %z\n"
     "%y: f32[1x1x4] = binary %r, %s {fn = sub}\n",
     "reshape binary reshape", nullptr},
    {"reshape_below_scalar",
     "(%x: f32[2x6], %z: f32[1]) -> (%y: f32[2x6]) {\n%r: f32[12] = reshape %x\n"
     "%b: f32[12] = binary %z, %r {fn = sub}\n%y: f32[2x6] = reshape %b\n",
     "binary", nullptr},
    {"reshape_below_fc",
     "(%x: f32[8]) -> (%y: f32[3]) {\nconst @w: f32[3x8] = $24\n%r: f32[1x8] = reshape %x\n%f: f32[1x3] = fc %r, @w\n"
     "%y: f32[3] = reshape %f\n",
     "fc", nullptr},
    {"reshape_into_fc_stays",
     "(%x: f32[4x2]) -> (%y: f32[1x3]) {\nconst @w: f32[3x8] = $24\n%r: f32[1x8] = reshape %x\n%y: f32[1x3] = fc %r, "
     "@w\n",
     "reshape fc", nullptr},
    {"reshape_below_softmax",
     "(%x: f32[8]) -> (%y: f32[8]) {\n%r: f32[1x8] = reshape %x\n%s: f32[1x8] = softmax %r {axis = 1}\n"
     "%y: f32[8] = reshape %s\n",
     "softmax", nullptr},
    {"reshape_of_other_rows_into_softmax_stays",
     "(%x: f32[8]) -> (%y: f32[8]) {\n%r: f32[2x4] = reshape %x\n%s: f32[2x4] = softmax %r {axis = 1}\n"
     "%y: f32[8] = reshape %s\n",
     "reshape softmax reshape", nullptr},
    {"transpose_below_constant",
     "(%x: f32[1x3x2x4]) -> (%y: f32[1x3x2x4]) {\nconst @c: f32[3] = $3\nconst @d: f32[2x1x1] = $2\n"
     "%t: f32[1x2x4x3] = transpose %x {perm = {0, 2, 3, 1}}\n%b: f32[1x2x4x3] = binary %t, @c {fn = mul}\n"
     "%d: f32[1x2x4x3] = binary @d, %b {fn = sub}\n%y: f32[1x3x2x4] = transpose %d {perm = {0, 3, 1, 2}}\n",
     "binary binary", nullptr},
    {"transposes_below_binary",
     "(%x: f32[2x3], %z: f32[2x3]) -> (%y: f32[2x3]) {\n%t: f32[3x2] = transpose %x {perm = {1, 0}}\n"
     "%u: f32[3x2] = transpose %z {perm = {1, 0}}\n%b: f32[3x2] = binary %t, %u {fn = sub}\n"
     "%y: f32[2x3] = transpose %b {perm = {1, 0}}\n",
     "binary", nullptr},
    {"transpose_with_itself",
     "(%x: f32[2x3]) -> (%y: f32[2x3]) {\n%t: f32[3x2] = transpose %x {perm = {1, 0}}\n"
     "%b: f32[3x2] = binary %t, %t {fn = mul}\n%y: f32[2x3] = transpose %b {perm = {1, 0}}\n",
     "binary", nullptr},
    {"transpose_with_other_stays",
     "(%x: f32[2x3], %z: f32[3x2]) -> (%y: f32[2x3]) {\n%t: f32[3x2] = transpose %x {perm = {1, 0}}\n"
     "%b: f32[3x2] = binary %t, %z {fn = mul}\n%y: f32[2x3] = transpose %b {perm = {1, 0}}\n",
     "transpose binary transpose", nullptr},
    {"transpose_of_two_uses_stays",
     "(%x: f32[2x3]) -> (%y: f32[3x2], %z: f32[3x2]) {\n%t: f32[3x2] = transpose %x {perm = {1, 0}}\n"
     "%y: f32[3x2] = unary %t {fn = exp}\n%z: f32[3x2] = unary %t {fn = neg}\n",
     "transpose unary unary", nullptr},
    {"transposes_below_concat",
     "(%x: f32[1x3x4], %z: f32[1x2x4]) -> (%y: f32[1x5x4]) {\n%t: f32[1x4x3] = transpose %x {perm = {0, 2, 1}}\n"
     "%u: f32[1x4x2] = transpose %z {perm = {0, 2, 1}}\n%c: f32[1x4x5] = concat %t, %u {axis = 2}\n"
     "%y: f32[1x5x4] = transpose %c {perm = {0, 2, 1}}\n",
     "concat", nullptr},
    {"transpose_below_softmax",
     "(%x: f32[2x3x4]) -> (%y: f32[2x3x4]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%s: f32[4x2x3] = softmax %t {axis = 2}\n%y: f32[2x3x4] = transpose %s {perm = {1, 2, 0}}\n",
     "softmax", nullptr},
    {"transpose_below_reduce",
     "(%x: f32[2x3x4]) -> (%y: f32[2x4]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%s: f32[4x2] = reduce %t {fn = sum, axes = {2}, keepdims = false}\n%y: f32[2x4] = transpose %s {perm = {1, 0}}\n",
     "reduce reshape", nullptr},
    {"transpose_below_arg_reduce",
     "(%x: f32[2x3x4]) -> (%y: i64[2x1x4]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%s: i64[4x2x1] = arg_reduce %t {axis = 2}\n%y: i64[2x1x4] = transpose %s {perm = {1, 2, 0}}\n",
     "arg_reduce", nullptr},
    {"transpose_below_slice",
     "(%x: f32[2x3x4]) -> (%y: f32[2x2x2]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%s: f32[2x2x2] = slice %t {starts = {1, 0, 1}, steps = {2, 1, 1}}\n%y: f32[2x2x2] = transpose %s {perm = {1, 2, "
     "0}}\n",
     "slice", nullptr},
    {"transpose_below_pad",
     "(%x: f32[2x3x4]) -> (%y: f32[2x6x5]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%s: f32[5x2x6] = pad %t {before = {1, 0, 1}, after = {0, 0, 2}}\n%y: f32[2x6x5] = transpose %s {perm = {1, 2, "
     "0}}\n",
     "pad", nullptr},
    {"transpose_not_below_last_pad",
     "(%x: f32[2x3x4]) -> (%y: f32[5x2x6]) {\n%t: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}\n"
     "%y: f32[5x2x6] = pad %t {before = {1, 0, 1}, after = {0, 0, 2}}\n",
     "transpose pad", nullptr},
    {"transpose_below_quantize",
     "(%x: f32[2x3]) -> (%y: i8<0.02:3>[2x3]) {\n%t: f32[3x2] = transpose %x {perm = {1, 0}}\n"
     "%q: i8<0.02:3>[3x2] = quantize %t\n%y: i8<0.02:3>[2x3] = transpose %q {perm = {1, 0}}\n",
     "quantize", nullptr},
    {"transpose_not_below_dequantize",
     "(%x: i8<0.02:3>[2x3]) -> (%y: f32[3x2]) {\n%t: i8<0.02:3>[3x2] = transpose %x {perm = {1, 0}}\n"
     "%y: f32[3x2] = dequantize %t\n",
     "transpose dequantize", nullptr},
    {"transpose_below_dequantize_to_another",
     "(%x: i8<0.02:3>[2x3]) -> (%y: f32[2x3]) {\n%t: i8<0.02:3>[3x2] = transpose %x {perm = {1, 0}}\n"
     "%d: f32[3x2] = dequantize %t\n%y: f32[2x3] = transpose %d {perm = {1, 0}}\n",
     "dequantize", nullptr},
    {"transpose_into_fc",
     "(%x: f32[1x3x2x4]) -> (%y: f32[1x5]) {\nconst @w: f32[5x24] = $120\nconst @b: f32[5] = $5\n"
     "%t: f32[1x2x4x3] = transpose %x {perm = {0, 2, 3, 1}}\n%n: f32[1x2x4x3] = unary %t {fn = neg}\n%r: f32[1x24] = "
     "reshape %n\n%y: f32[1x5] = fc %r, @w, @b\n",
     "unary reshape fc", nullptr},
    {"transpose_into_fc_of_rows",
     "(%x: f32[2x3x4]) -> (%y: f32[2x5]) {\nconst @w: f32[5x12] = $60\n"
     "%t: f32[2x4x3] = transpose %x {perm = {0, 2, 1}}\n%r: f32[2x12] = reshape %t\n%y: f32[2x5] = fc %r, @w\n",
     "reshape fc", nullptr},
    {"transpose_across_fc_rows_stays",
     "(%x: f32[2x3x4]) -> (%y: f32[2x5]) {\nconst @w: f32[5x12] = $60\n"
     "%t: f32[3x2x4] = transpose %x {perm = {1, 0, 2}}\n%r: f32[2x12] = reshape %t\n%y: f32[2x5] = fc %r, @w\n",
     "transpose reshape fc", nullptr},
    {"transpose_into_quantized_fc",
     "(%x: i8<0.02:3>[1x3x2x4]) -> (%y: i8<0.1:5>[1x2]) {\nconst @w: i8<{0.01, 0.02}:0 axis=0>[2x24] = #48\nconst @b: "
     "i32[2] = #2\n"
     "%t: i8<0.02:3>[1x2x4x3] = transpose %x {perm = {0, 2, 3, 1}}\n%r: i8<0.02:3>[1x24] = reshape %t\n"
     "%y: i8<0.1:5>[1x2] = fc %r, @w, @b {mul = {1374389535, 1374389535}, shift = {-8, -7}}\n",
     "reshape fc", nullptr},
};
INSTANTIATE_TEST_SUITE_P(Sinks, CanonicalizeTest, ::testing::ValuesIn(kSinks),
                         [](const auto& i) { return i.param.name; });

// ---- elementwise ----

const Case kElementwise[] = {
    {"relu_of_relu", "(%x: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x\n%y: f32[9] = unary %a\n", "unary",
     nullptr},
    {"clip_of_clip",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x {fn = clip, alpha = -1, beta = 2}\n"
     "%y: f32[9] = unary %a {fn = clip, alpha = 0.5, beta = 3}\n",
     "unary", nullptr},
    {"clip_of_nothing",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x {fn = sigmoid}\n"
     "%y: f32[9] = unary %a {fn = clip, alpha = 0, beta = 1}\n",
     "unary", nullptr},
    {"clip_of_something_stays",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x {fn = sigmoid}\n"
     "%y: f32[9] = unary %a {fn = clip, alpha = 0, beta = 0.9}\n",
     "unary unary", nullptr},
    {"relu_of_tanh_stays", "(%x: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x {fn = tanh}\n%y: f32[9] = unary %a\n",
     "unary unary", nullptr},
    {"relu_of_positive_sum",
     "(%x: f32[9], %z: f32[9]) -> (%y: f32[9]) {\n%a: f32[9] = unary %x {fn = exp}\n%b: f32[9] = unary %z {fn = abs}\n"
     "%c: f32[9] = binary %a, %b\n%y: f32[9] = unary %c\n",
     "unary unary binary", nullptr},
    {"quantized_relu_at_lowest_zero_point",
     "(%x: i8<0.1:-128>[9]) -> (%y: i8<0.1:-128>[9]) {\n%n: i8<0.1:-128>[9] = unary %x {fn = clip, alpha = -1, beta = "
     "9}\n"
     "%y: i8<0.1:-128>[9] = unary %n\n",
     "unary", nullptr},
    {"quantized_clips",
     "(%x: i8<0.1:-3>[64]) -> (%y: i8<0.1:-3>[64]) {\n%n: i8<0.1:-3>[64] = unary %x {fn = clip, alpha = -1.26, beta = "
     "9}\n"
     "%y: i8<0.1:-3>[64] = unary %n {fn = clip, alpha = -2, beta = 3.33}\n",
     "unary", nullptr},
    {"quantized_relu_of_relu",
     "(%x: i8<0.1:-3>[64]) -> (%y: i8<0.1:-3>[64]) {\n%n: i8<0.1:-3>[64] = unary %x\n%m: i8<0.1:-3>[64] = identity %n\n"
     "%y: i8<0.1:-3>[64] = unary %m\n",
     "unary", nullptr},
    {"constant_second",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[9] = $9\n%y: f32[9] = binary @c, %x {fn = mul}\n", "binary",
     nullptr},
    {"sub_keeps_its_order",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[9] = $9\n%y: f32[9] = binary @c, %x {fn = sub}\n", "binary",
     nullptr},
    {"sub_of_constant",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[9] = $9\n%y: f32[9] = binary %x, @c {fn = sub}\n", "binary",
     nullptr},
    {"div_by_powers_of_two",
     "(%x: f32[3]) -> (%y: f32[3]) {\nconst @c: f32[3] = {4, -0.5, 1}\n%y: f32[3] = binary %x, @c {fn = div}\n",
     "binary", nullptr},
    {"neutral",
     "(%x: f32[4], %i: i64[4]) -> (%y: f32[4], %z: i64[4]) {\nconst @0: f32[1] = {0}\nconst @1: f32[] = {1}\nconst @2: "
     "i64[1] = {0}\n"
     "%a: f32[4] = binary %x, @0\n%b: f32[4] = binary %a, @1 {fn = mul}\n%c: f32[4] = binary %b, @0 {fn = sub}\n"
     "%d: f32[4] = binary %c, @1 {fn = div}\n%e: f32[4] = binary %d, @1 {fn = pow}\n%y: f32[4] = unary %e {fn = neg}\n"
     "%k: i64[4] = binary %i, @2\n%z: i64[4] = identity %k\n",
     "unary identity", nullptr},
    {"neutral_that_broadcasts_stays",
     "(%x: f32[1]) -> (%y: f32[3]) {\nconst @0: f32[3] = {0, 0, 0}\n%y: f32[3] = binary %x, @0\n", "binary", nullptr},
    {"neutral_with_activation",
     "(%x: f32[4]) -> (%y: f32[4]) {\nconst @0: f32[1] = {0}\n%y: f32[4] = binary %x, @0 {act = relu}\n", "unary",
     nullptr},
    {"zero_times_is_not_neutral",
     "(%x: f32[4]) -> (%y: f32[4]) {\nconst @0: f32[1] = {0}\n%y: f32[4] = binary %x, @0 {fn = mul}\n", "binary",
     nullptr},
    {"max_to_relu", "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[1] = {0}\n%y: f32[9] = binary @c, %x {fn = max}\n",
     "unary", nullptr},
    {"min_max_to_clip",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[1] = {-0.5}\nconst @d: f32[] = {1.5}\n%a: f32[9] = binary %x, @c "
     "{fn = max}\n"
     "%y: f32[9] = binary %a, @d {fn = min}\n",
     "unary", nullptr},
    {"prelu_of_one_slope",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[1] = {0.25}\n%y: f32[9] = binary %x, @c {fn = prelu}\n", "unary",
     nullptr},
    {"leaky_relu_of_slope_0", "(%x: f32[9]) -> (%y: f32[9]) {\n%y: f32[9] = unary %x {fn = leaky_relu, alpha = 0}\n",
     "unary", nullptr},
    {"leaky_relu_of_slope_1",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%n: f32[9] = unary %x {fn = neg}\n%y: f32[9] = unary %n {fn = leaky_relu, alpha "
     "= 1}\n",
     "unary", nullptr},
    {"square", "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[1] = {2}\n%y: f32[9] = binary %x, @c {fn = pow}\n",
     "binary", nullptr},
    {"square_root",
     "(%x: f32[9]) -> (%y: f32[9]) {\nconst @c: f32[1] = {0.5}\n%a: f32[9] = unary %x {fn = abs}\n%y: f32[9] = binary "
     "%a, @c {fn = pow}\n",
     "unary unary", nullptr},
    {"hard_swish",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%h: f32[9] = unary %x {fn = hard_sigmoid, alpha = 0.16666667, beta = 0.5}\n"
     "%y: f32[9] = binary %h, %x {fn = mul}\n",
     "unary", nullptr},
    {"hard_sigmoid_of_another_slope_stays",
     "(%x: f32[9]) -> (%y: f32[9]) {\n%h: f32[9] = unary %x {fn = hard_sigmoid, alpha = 0.2, beta = 0.5}\n"
     "%y: f32[9] = binary %h, %x {fn = mul}\n",
     "unary binary", nullptr},
    {"constants_merge",
     "(%x: f32[2x3]) -> (%y: f32[2x3]) {\nconst @c: f32[3] = $3\nconst @d: f32[1] = $1\nconst @e: f32[3] = $3\nconst "
     "@f: f32[] = $1\n"
     "%a: f32[2x3] = binary %x, @c {fn = mul}\n%b: f32[2x3] = binary %a, @d {fn = mul}\n%g: f32[2x3] = binary %b, "
     "@e\n%y: f32[2x3] = binary %g, @f\n",
     "binary binary", nullptr},
    {"constants_that_would_grow_stay",
     "(%x: f32[2x3]) -> (%y: f32[2x3]) {\nconst @c: f32[3] = $3\nconst @d: f32[2x1] = $2\n"
     "%a: f32[2x3] = binary %x, @c {fn = mul}\n%y: f32[2x3] = binary %a, @d {fn = mul}\n",
     "binary binary", nullptr},
    {"rounding_by_addition_stays",
     "(%x: f32[8]) -> (%y: f32[8]) {\nconst @c: f32[1] = {12582912}\n%a: f32[8] = binary %x, @c\n"
     "%y: f32[8] = binary %a, @c {fn = sub}\n",
     "binary binary", nullptr},
    {"scales_and_shifts_merge",
     "(%x: f32[2x3]) -> (%y: f32[2x3]) {\nconst @c: f32[3] = $3\nconst @d: f32[3] = $3\nconst @e: f32[3] = $3\nconst "
     "@f: f32[3] = $3\n"
     "%a: f32[2x3] = binary %x, @c {fn = mul}\n%b: f32[2x3] = binary %a, @d\n%g: f32[2x3] = binary %b, @e {fn = "
     "mul}\n%y: f32[2x3] = binary %g, @f {act = relu}\n",
     "binary binary", nullptr},
    {"quantized_add_with_constant_first",
     "(%x: i8<0.1:-3>[8]) -> (%y: i8<0.15:4>[8]) {\nconst @c: i8<0.05:2>[8] = #8\n"
     "%y: i8<0.15:4>[8] = binary @c, %x {mul = {524288, 1048576}, shift = 20}\n",
     "binary", nullptr},
};
INSTANTIATE_TEST_SUITE_P(Elementwise, CanonicalizeTest, ::testing::ValuesIn(kElementwise),
                         [](const auto& i) { return i.param.name; });

// ---- scales and shifts into layers ----

const Case kAffine[] = {
    {"batch_norm_into_conv",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x5x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @b: f32[3] = $3\nconst @s: "
     "f32[3x1x1] = $3\nconst @t: f32[1x3x1x1] = $3\n"
     "%c: f32[1x3x5x4] = conv %x, @w, @b {pads = {1, 0, 1, 0}}\n%m: f32[1x3x5x4] = binary %c, @s {fn = mul}\n%y: "
     "f32[1x3x5x4] = binary %m, @t {act = relu}\n",
     "conv", nullptr},
    {"batch_norm_into_depthwise_conv",
     "(%x: f32[1x4x5x6]) -> (%y: f32[1x8x3x4]) {\nconst @w: f32[8x1x3x3] = $72\nconst @s: f32[8x1x1] = $8\nconst @t: "
     "f32[8x1x1] = $8\nconst @d: f32[8x1x1] = $+8\n"
     "%c: f32[1x8x3x4] = conv %x, @w {group = 4}\n%m: f32[1x8x3x4] = binary %c, @s {fn = mul}\n%a: f32[1x8x3x4] = "
     "binary @t, %m {fn = sub}\n%y: f32[1x8x3x4] = binary %a, @d {fn = div}\n",
     "conv", nullptr},
    {"batch_norm_into_conv_transpose",
     "(%x: f32[1x4x3x3]) -> (%y: f32[1x6x5x5]) {\nconst @w: f32[4x3x3x3] = $108\nconst @s: f32[6x1x1] = $6\nconst @t: "
     "f32[6x1x1] = $6\n"
     "%c: f32[1x6x5x5] = conv_transpose %x, @w {strides = {2, 2}, pads = {1, 1, 1, 1}, group = 2}\n%m: f32[1x6x5x5] = "
     "binary %c, @s {fn = mul}\n%y: f32[1x6x5x5] = binary %m, @t\n",
     "conv_transpose", nullptr},
    {"batch_norm_into_fc",
     "(%x: f32[2x4]) -> (%y: f32[2x3]) {\nconst @w: f32[3x4] = $12\nconst @s: f32[3] = $3\nconst @t: f32[1] = $1\n"
     "%c: f32[2x3] = fc %x, @w\n%m: f32[2x3] = binary %c, @s {fn = mul}\n%y: f32[2x3] = binary %m, @t {act = "
     "clip(-0.5, 0.5)}\n",
     "fc", nullptr},
    {"batch_norm_behind_max_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[3x1x1] = $+3\nconst @t: "
     "f32[3x1x1] = $3\n"
     "%c: f32[1x3x4x4] = conv %x, @w\n%p: f32[1x3x2x2] = max_pool %c {kernel = {2, 2}, strides = {2, 2}}\n%m: "
     "f32[1x3x2x2] = binary %p, @s {fn = mul}\n%y: f32[1x3x2x2] = binary %m, @t\n",
     "conv max_pool", "conv"},
    {"negative_scale_behind_max_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[3x1x1] = {1, -1, 2}\n"
     "%c: f32[1x3x4x4] = conv %x, @w\n%p: f32[1x3x2x2] = max_pool %c {kernel = {2, 2}, strides = {2, 2}}\n%y: "
     "f32[1x3x2x2] = binary %p, @s {fn = mul}\n",
     "conv max_pool binary", "conv binary"},
    {"per_pixel_constant_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[4] = $4\n"
     "%c: f32[1x3x3x4] = conv %x, @w\n%y: f32[1x3x3x4] = binary %c, @s {fn = mul}\n",
     "conv binary", nullptr},
    {"scale_of_used_conv_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x3x4], %c: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[3x1x1] "
     "= $3\n"
     "%c: f32[1x3x3x4] = conv %x, @w\n%y: f32[1x3x3x4] = binary %c, @s {fn = mul}\n",
     "conv binary", nullptr},
    {"scale_behind_activation_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[3x1x1] = $3\n"
     "%c: f32[1x3x3x4] = conv %x, @w {act = relu}\n%y: f32[1x3x3x4] = binary %c, @s {fn = mul}\n",
     "conv binary", nullptr},
    {"shared_weights_stay",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x3x4], %z: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[3x1x1] "
     "= $3\nconst @t: f32[3x1x1] = $3\n"
     "%n: f32[1x2x5x6] = unary %x {fn = neg}\n%c: f32[1x3x3x4] = conv %x, @w\n%d: f32[1x3x3x4] = conv %n, @w\n%y: "
     "f32[1x3x3x4] = binary %c, @s {fn = mul}\n"
     "%z: f32[1x3x3x4] = binary %d, @t\n",
     "unary conv conv binary", nullptr},
    {"normalized_input_of_conv",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[2x1x1] = $+2\nconst @t: "
     "f32[2x1x1] = $2\n"
     "%a: f32[1x2x5x6] = binary %x, @t {fn = sub}\n%m: f32[1x2x5x6] = binary %a, @s {fn = div}\n%y: f32[1x3x3x4] = "
     "conv %m, @w\n",
     "conv", nullptr},
    {"shift_before_padded_conv_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x5x6]) {\nconst @w: f32[3x2x3x3] = $54\nconst @s: f32[2x1x1] = $+2\nconst @t: "
     "f32[2x1x1] = $2\n"
     "%a: f32[1x2x5x6] = binary %x, @t {fn = sub}\n%m: f32[1x2x5x6] = binary %a, @s {fn = div}\n%y: f32[1x3x5x6] = "
     "conv %m, @w {pads = {1, 1, 1, 1}}\n",
     "binary conv", nullptr},
    {"normalized_input_of_grouped_conv",
     "(%x: f32[1x4x5x6]) -> (%y: f32[1x6x3x4]) {\nconst @w: f32[6x2x3x3] = $108\nconst @s: f32[4x1x1] = $4\nconst @t: "
     "f32[4x1x1] = $4\n"
     "%m: f32[1x4x5x6] = binary %x, @s {fn = mul}\n%a: f32[1x4x5x6] = binary @t, %m {fn = sub}\n%y: f32[1x6x3x4] = "
     "conv %a, @w {group = 2}\n",
     "conv", nullptr},
    {"scaled_input_of_conv_transpose",
     "(%x: f32[1x4x3x3]) -> (%y: f32[1x6x5x5]) {\nconst @w: f32[4x3x3x3] = $108\nconst @s: f32[4x1x1] = $4\n"
     "%m: f32[1x4x3x3] = binary %x, @s {fn = mul}\n%y: f32[1x6x5x5] = conv_transpose %m, @w {strides = {2, 2}, pads = "
     "{1, 1, 1, 1}, group = 2}\n",
     "conv_transpose", nullptr},
    {"shifted_input_of_conv_transpose_stays",
     "(%x: f32[1x4x3x3]) -> (%y: f32[1x3x5x5]) {\nconst @w: f32[4x3x3x3] = $108\nconst @s: f32[4x1x1] = $4\n"
     "%m: f32[1x4x3x3] = binary %x, @s\n%y: f32[1x3x5x5] = conv_transpose %m, @w\n",
     "binary conv_transpose", nullptr},
    {"normalized_input_of_fc",
     "(%x: f32[2x4]) -> (%y: f32[2x3]) {\nconst @w: f32[3x4] = $12\nconst @b: f32[3] = $3\nconst @s: f32[4] = "
     "$4\nconst @t: f32[1] = $1\n"
     "%m: f32[2x4] = binary %x, @s {fn = mul}\n%a: f32[2x4] = binary %m, @t\n%y: f32[2x3] = fc %a, @w, @b\n",
     "fc", nullptr},
    {"batch_norm_before_flatten",
     "(%x: f32[1x3x2x2]) -> (%y: f32[1x4]) {\nconst @w: f32[4x12] = $48\nconst @s: f32[3x1x1] = $3\nconst @t: "
     "f32[3x1x1] = $3\n"
     "%m: f32[1x3x2x2] = binary %x, @s {fn = mul}\n%a: f32[1x3x2x2] = binary %m, @t\n%r: f32[1x12] = reshape %a\n%y: "
     "f32[1x4] = fc %r, @w\n",
     "reshape fc", nullptr},
    {"different_rows_into_fc_stay",
     "(%x: f32[2x4]) -> (%y: f32[2x3]) {\nconst @w: f32[3x4] = $12\nconst @s: f32[2x1] = $2\n"
     "%m: f32[2x4] = binary %x, @s {fn = mul}\n%y: f32[2x3] = fc %m, @w\n",
     "binary fc", nullptr},
    {"matmul_to_fc",
     "(%x: f32[2x4]) -> (%y: f32[2x3]) {\nconst @w: f32[1x4x3] = $12\nconst @v: f32[4x3] = $12\nconst @b: f32[2x3] = "
     "{1, 2, 3, 1, 2, 3}\n"
     "%m: f32[2x3] = matmul %x, @v\n%y: f32[2x3] = binary @b, %m\n",
     "fc", nullptr},
    {"quantized_bias_stays",
     "(%x: i8<0.1:-3>[2x4]) -> (%y: i8<0.15:4>[2x3]) {\nconst @w: i8<0.01:0>[3x4] = #12\nconst @b: i32[3] = #3\nconst "
     "@c: i8<0.05:2>[3] = #3\n"
     "%f: i8<0.1:1>[2x3] = fc %x, @w, @b {mul = 1374389535, shift = -6}\n%y: i8<0.15:4>[2x3] = binary %f, @c {mul = "
     "{524288, 1048576}, shift = 20}\n",
     "fc binary", nullptr},
};
INSTANTIATE_TEST_SUITE_P(Affine, CanonicalizeTest, ::testing::ValuesIn(kAffine),
                         [](const auto& i) { return i.param.name; });

// ---- windows, and fuse ----

const Case kWindows[] = {
    {"pad_into_conv",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x6x8]) {\nconst @w: f32[3x2x3x3] = $54\n%p: f32[1x2x7x9] = pad %x {before = "
     "{0, 0, 1, 2}, after = {0, 0, 1, 1}}\n"
     "%y: f32[1x3x6x8] = conv %p, @w {pads = {0, 0, 1, 1}}\n",
     "conv", nullptr},
    {"pad_of_one_into_conv_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x5x6]) {\nconst @w: f32[3x2x3x3] = $54\n%p: f32[1x2x7x8] = pad %x {before = "
     "{0, 0, 1, 1}, after = {0, 0, 1, 1}, value = 1}\n"
     "%y: f32[1x3x5x6] = conv %p, @w\n",
     "pad conv", nullptr},
    {"pad_of_channels_stays",
     "(%x: f32[1x1x5x6]) -> (%y: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\n%p: f32[1x2x5x6] = pad %x {before = "
     "{0, 1, 0, 0}, after = {0, 0, 0, 0}}\n"
     "%y: f32[1x3x3x4] = conv %p, @w\n",
     "pad conv", nullptr},
    {"reflection_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x3x5x6]) {\nconst @w: f32[3x2x3x3] = $54\n%p: f32[1x2x7x8] = pad %x {mode = "
     "reflect, before = {0, 0, 1, 1}, after = {0, 0, 1, 1}}\n"
     "%y: f32[1x3x5x6] = conv %p, @w\n",
     "pad conv", nullptr},
    {"quantized_pad_into_conv",
     "(%x: i8<0.1:-3>[1x2x5x6]) -> (%y: i8<0.15:4>[1x3x5x6]) {\nconst @w: i8<0.01:0>[3x2x3x3] = #54\nconst @b: i32[3] "
     "= #3\n"
     "%p: i8<0.1:-3>[1x2x7x8] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, 1}}\n%y: i8<0.15:4>[1x3x5x6] = conv "
     "%p, @w, @b {mul = 1374389535, shift = -7}\n",
     "conv", nullptr},
    {"pad_into_avg_pool",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x3x3]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}}\n"
     "%y: f32[1x2x3x3] = avg_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "avg_pool", nullptr},
    {"pad_into_avg_pool_with_ceil",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x4x4]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}}\n"
     "%y: f32[1x2x4x4] = avg_pool %p {kernel = {2, 2}, strides = {2, 2}, ceil = true}\n",
     "pad avg_pool", nullptr},
    {"pad_into_padded_avg_pool_stays",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x4x4]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}}\n"
     "%y: f32[1x2x4x4] = avg_pool %p {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 1, 1}}\n",
     "pad avg_pool", nullptr},
    {"pad_into_avg_pool_that_counts",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x4x4]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}}\n"
     "%y: f32[1x2x4x4] = avg_pool %p {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 1, 1}, count_include_pad = "
     "true}\n",
     "avg_pool", nullptr},
    {"pad_of_relu_into_max_pool",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x3x3]) {\n%r: f32[1x2x5x5] = unary %x\n%p: f32[1x2x7x7] = pad %r {before = {0, "
     "0, 1, 1}, after = {0, 0, 1, 1}}\n"
     "%y: f32[1x2x3x3] = max_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "unary max_pool", nullptr},
    {"pad_into_max_pool_stays",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x3x3]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}}\n"
     "%y: f32[1x2x3x3] = max_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "pad max_pool", nullptr},
    {"pad_of_minus_infinity_into_max_pool",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x3x3]) {\n%p: f32[1x2x7x7] = pad %x {before = {0, 0, 1, 1}, after = {0, 0, 1, "
     "1}, value = -inf}\n"
     "%y: f32[1x2x3x3] = max_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "max_pool", nullptr},
    {"windows_wholly_in_the_pad_stay",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x9x9]) {\n%r: f32[1x2x5x5] = unary %x\n%p: f32[1x2x9x9] = pad %r {before = {0, "
     "0, 2, 2}, after = {0, 0, 2, 2}}\n"
     "%y: f32[1x2x9x9] = max_pool %p {kernel = {1, 1}, strides = {1, 1}}\n",
     "unary pad", nullptr},
    {"large_pad_into_max_pool_stays",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x8x8]) {\n%r: f32[1x2x5x5] = unary %x\n%p: f32[1x2x9x9] = pad %r {before = {0, "
     "0, 2, 2}, after = {0, 0, 2, 2}}\n"
     "%y: f32[1x2x8x8] = max_pool %p {kernel = {2, 2}}\n",
     "unary pad max_pool", nullptr},
    {"quantized_pad_into_max_pool",
     "(%x: i8<0.1:-128>[1x2x5x5]) -> (%y: i8<0.1:-128>[1x2x3x3]) {\n%p: i8<0.1:-128>[1x2x7x7] = pad %x {before = {0, "
     "0, 1, 1}, after = {0, 0, 1, 1}}\n"
     "%y: i8<0.1:-128>[1x2x3x3] = max_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "max_pool", nullptr},
    {"quantized_pad_into_max_pool_stays",
     "(%x: i8<0.1:-127>[1x2x5x5]) -> (%y: i8<0.1:-127>[1x2x3x3]) {\n%p: i8<0.1:-127>[1x2x7x7] = pad %x {before = {0, "
     "0, 1, 1}, after = {0, 0, 1, 1}}\n"
     "%y: i8<0.1:-127>[1x2x3x3] = max_pool %p {kernel = {3, 3}, strides = {2, 2}}\n",
     "pad max_pool", nullptr},
    {"mean_to_pool",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x2]) {\n%y: f32[1x2] = reduce %x {fn = mean, axes = {2, 3}, keepdims = false}\n",
     "avg_pool reshape", nullptr},
    {"mean_of_rows_to_pool",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x2x1x6]) {\n%y: f32[1x2x1x6] = reduce %x {fn = mean, axes = {2}}\n", "avg_pool",
     nullptr},
    {"max_to_pool",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x2x1x1]) {\n%y: f32[1x2x1x1] = reduce %x {fn = max, axes = {2, 3}}\n", "max_pool",
     nullptr},
    {"mean_of_sequence_to_pool",
     "(%x: f32[1x2x5]) -> (%y: f32[1x2]) {\n%y: f32[1x2] = reduce %x {fn = mean, axes = {2}, keepdims = false}\n",
     "reshape avg_pool reshape", nullptr},
    {"mean_over_channels_stays",
     "(%x: f32[1x2x5x6]) -> (%y: f32[1x1x5x1]) {\n%y: f32[1x1x5x1] = reduce %x {fn = mean, axes = {1, 3}}\n", "reduce",
     nullptr},
    {"large_mean_stays",
     "(%x: f32[1x1x64x65]) -> (%y: f32[1x1x1x1]) {\n%y: f32[1x1x1x1] = reduce %x {fn = mean, axes = {2, 3}}\n",
     "reduce", nullptr},
    {"largest_mean_to_pool",
     "(%x: f32[1x1x64x64]) -> (%y: f32[1x1x1x1]) {\n%y: f32[1x1x1x1] = reduce %x {fn = mean, axes = {2, 3}}\n",
     "avg_pool", nullptr},
    {"quantized_mean_to_pool",
     "(%x: i8<0.1:-3>[1x2x5x6]) -> (%y: i8<0.05:4>[1x2x1x1]) {\n%y: i8<0.05:4>[1x2x1x1] = reduce %x {fn = mean, axes = "
     "{2, 3}, mul = 1145324612, shift = -2}\n",
     "avg_pool", nullptr},
    {"reduce_of_ones",
     "(%x: f32[1x2x1x6]) -> (%y: f32[1x2x1x6], %z: f32[1x1x1x6]) {\n%n: f32[1x2x1x6] = unary %x {fn = neg}\n%y: "
     "f32[1x2x1x6] = reduce %n {fn = sum, axes = {0, 2}}\n"
     "%z: f32[1x1x1x6] = reduce %n {fn = sum, axes = {0, 1}}\n",
     "unary reduce", nullptr},
    {"pools_of_nothing",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x5x5]) {\n%a: f32[1x2x5x5] = avg_pool %x\n%m: f32[1x2x5x5] = max_pool %a\n%y: "
     "f32[1x2x5x5] = unary %m {fn = neg}\n",
     "unary", nullptr},
    {"pool_that_skips_stays",
     "(%x: f32[1x2x5x5]) -> (%y: f32[1x2x3x3]) {\n%y: f32[1x2x3x3] = max_pool %x {strides = {2, 2}}\n", "max_pool",
     nullptr},
    {"relu_before_max_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x3x3]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%p: "
     "f32[1x3x3x3] = max_pool %c {kernel = {2, 2}}\n%y: f32[1x3x3x3] = unary %p\n",
     "conv unary max_pool", "conv max_pool"},
    {"relu_behind_max_pool_of_input_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x2x5x5]) {\n%p: f32[1x2x5x5] = max_pool %x {kernel = {2, 2}}\n%y: f32[1x2x5x5] = "
     "unary %p\n",
     "max_pool unary", nullptr},
    {"tanh_behind_max_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%t: "
     "f32[1x3x4x4] = unary %c {fn = tanh}\n%y: f32[1x3x2x2] = max_pool %t {kernel = {2, 2}, strides = {2, 2}}\n",
     "conv max_pool unary", "conv unary"},
    {"abs_before_max_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x2x3x3]) {\n%t: f32[1x2x6x6] = unary %x {fn = abs}\n%y: f32[1x2x3x3] = max_pool "
     "%t {kernel = {2, 2}, strides = {2, 2}}\n",
     "unary max_pool", nullptr},
    {"negative_slope_before_max_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x2x3x3]) {\n%t: f32[1x2x6x6] = unary %x {fn = leaky_relu, alpha = -0.5}\n%y: "
     "f32[1x2x3x3] = max_pool %t {kernel = {2, 2}, strides = {2, 2}}\n",
     "unary max_pool", nullptr},
    {"conv_relu_pool_clip",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%r: "
     "f32[1x3x4x4] = unary %c\n%p: f32[1x3x2x2] = max_pool %r {kernel = {2, 2}, strides = {2, 2}}\n"
     "%y: f32[1x3x2x2] = unary %p {fn = clip, alpha = -1, beta = 0.25}\n",
     "conv unary max_pool", "conv"},
    {"conv_padded_ceil_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x3x4]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x6] = conv %x, @w {pads = "
     "{0, 1, 0, 1}}\n"
     "%y: f32[1x3x3x4] = max_pool %c {kernel = {2, 2}, strides = {2, 2}, pads = {1, 1, 0, 0}, ceil = true}\n",
     "conv max_pool", "conv"},
    {"overlapping_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%y: "
     "f32[1x3x2x2] = max_pool %c {kernel = {3, 3}}\n",
     "conv max_pool", nullptr},
    {"single_window_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x1x1]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%y: "
     "f32[1x3x1x1] = max_pool %c {kernel = {4, 4}}\n",
     "conv max_pool", "conv"},
    {"dilated_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x1x1]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%y: "
     "f32[1x3x1x1] = max_pool %c {kernel = {2, 2}, strides = {2, 2}, dilations = {2, 2}}\n",
     "conv max_pool", nullptr},
    {"pool_of_used_conv_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2], %c: f32[1x3x4x4]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = "
     "conv %x, @w\n%y: f32[1x3x2x2] = max_pool %c {kernel = {2, 2}, strides = {2, 2}}\n",
     "conv max_pool", nullptr},
    {"second_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x1x1]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%p: "
     "f32[1x3x2x2] = max_pool %c {kernel = {2, 2}, strides = {2, 2}}\n"
     "%y: f32[1x3x1x1] = avg_pool %p {kernel = {2, 2}}\n",
     "conv max_pool avg_pool", "conv avg_pool"},
    {"avg_pool_of_relu",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x1x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%r: "
     "f32[1x3x4x4] = unary %c\n%y: f32[1x3x1x2] = avg_pool %r {kernel = {3, 2}, strides = {3, 2}}\n",
     "conv unary avg_pool", "conv"},
    {"relu_of_avg_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%p: "
     "f32[1x3x2x2] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}}\n%y: f32[1x3x2x2] = unary %p\n",
     "conv avg_pool unary", "conv unary"},
    {"avg_pool_of_clip_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w {act = "
     "clip(0, 1)}\n%y: f32[1x3x2x2] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}}\n",
     "conv avg_pool", nullptr},
    {"padded_avg_pool_stays",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x3x3]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%y: "
     "f32[1x3x3x3] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}, pads = {1, 1, 1, 1}}\n",
     "conv avg_pool", nullptr},
    {"overhanging_avg_pool_stays",
     "(%x: f32[1x2x7x7]) -> (%y: f32[1x3x3x3]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x5x5] = conv %x, @w\n%y: "
     "f32[1x3x3x3] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}, ceil = true}\n",
     "conv avg_pool", nullptr},
    {"fitting_ceil_avg_pool",
     "(%x: f32[1x2x6x6]) -> (%y: f32[1x3x2x2]) {\nconst @w: f32[3x2x3x3] = $54\n%c: f32[1x3x4x4] = conv %x, @w\n%y: "
     "f32[1x3x2x2] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}, ceil = true}\n",
     "conv avg_pool", "conv"},
    {"relus_of_others",
     "(%x: f32[2x4], %z: f32[4x3]) -> (%y: f32[2x3]) {\nconst @w: f32[3x3] = $9\n%m: f32[2x3] = matmul %x, %z\n%a: "
     "f32[2x3] = unary %m\n%f: f32[2x3] = fc %a, @w\n%b: f32[2x3] = unary %f\n"
     "%c: f32[2x3] = binary %a, %b\n%y: f32[2x3] = unary %c {fn = clip, alpha = 0, beta = 1}\n",
     "matmul unary fc unary binary unary", "matmul fc binary"},
    {"quantized_conv_relu_max_pool",
     "(%x: i8<0.1:-3>[1x2x6x6]) -> (%y: i8<0.15:4>[1x3x2x2]) {\nconst @w: i8<0.01:0>[3x2x3x3] = #54\nconst @b: i32[3] "
     "= #3\n%c: i8<0.15:4>[1x3x4x4] = conv %x, @w, @b {mul = 1374389535, shift = -7}\n"
     "%r: i8<0.15:4>[1x3x4x4] = unary %c\n%y: i8<0.15:4>[1x3x2x2] = max_pool %r {kernel = {2, 2}, strides = {2, 2}}\n",
     "conv unary max_pool", "conv"},
    {"quantized_avg_pool_stays",
     "(%x: i8<0.1:-3>[1x2x6x6]) -> (%y: i8<0.15:4>[1x3x2x2]) {\nconst @w: i8<0.01:0>[3x2x3x3] = #54\nconst @b: i32[3] "
     "= #3\n%c: i8<0.15:4>[1x3x4x4] = conv %x, @w, @b {mul = 1374389535, shift = -7}\n"
     "%y: i8<0.15:4>[1x3x2x2] = avg_pool %c {kernel = {2, 2}, strides = {2, 2}, mul = 1073741824, shift = -1}\n",
     "conv avg_pool", nullptr},
};
INSTANTIATE_TEST_SUITE_P(Windows, CanonicalizeTest, ::testing::ValuesIn(kWindows),
                         [](const auto& i) { return i.param.name; });

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

TEST(CanonicalizeTest, EncodedConstantsAreLeftAlone) {
  const auto graph = Parsed(
      "graph @g(%x: f32[1x3]) -> (%y: f32[1x2]) {\nconst @w: f32[2x3] csc<u8> = {count: {1, 1}, delta: {0, 2}, val: "
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
