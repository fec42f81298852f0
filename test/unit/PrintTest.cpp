// Texts that graphs print as, and that docs/ir.md tells the truth: its operations' table is the generated one, and its
// example graphs parse and print back to themselves.
#include "mcuc/IR/Print.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string ReadDocs() {
  std::ifstream file(MCUC_SOURCE_DIR "/docs/ir.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Docs, OperationsAreTheGeneratedOnes) {
  const std::string docs = ReadDocs(), begin = "<!-- operations: begin -->\n", end = "<!-- operations: end -->\n";
  const size_t from = docs.find(begin), to = docs.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  // Else: replace what stands between the markers by the output of `mcuc-opt --docs=ops`.
  EXPECT_EQ(docs.substr(from + begin.size(), to - from - begin.size()), OpDocs());
}

TEST(Docs, OperationsTable) {
  const std::string docs = OpDocs();
  EXPECT_THAT(docs, StartsWith("### `conv` x, w, b?\n\nconvolution of x"));
  EXPECT_THAT(docs, HasSubstr("### `concat` xs…\n"));
  EXPECT_THAT(docs, HasSubstr("### `cast` x\n\nconversion to the result's element type\n\n### `identity`"));
  EXPECT_THAT(docs, HasSubstr("| `strides` | 2 integers | `{1, 1}` | step of the window in rows and columns |\n"));
  EXPECT_THAT(docs, HasSubstr("| `mode` | `constant`, `reflect`, `edge` | `constant` |"));
}

TEST(Docs, ExamplesPrintBack) {
  const std::string docs = ReadDocs();
  int examples = 0;
  for (size_t at = docs.find("```\ngraph "); at != std::string::npos; at = docs.find("```\ngraph ", at + 1)) {
    const std::string text = docs.substr(at + 4, docs.find("```\n", at + 4) - at - 4);
    Diagnostics diagnostics;
    const auto graph = ParseGraph(text, "ir.md", diagnostics);
    ASSERT_TRUE(graph) << diagnostics.ToStatus();
    EXPECT_EQ(PrintGraph(*graph), text);
    ++examples;
  }
  EXPECT_EQ(examples, 2);
}

TEST(Print, Names) {
  EXPECT_EQ(NameText('%', "aZ09_./-"), "%aZ09_./-");
  EXPECT_EQ(NameText('@', "a b"), "@\"a b\"");
  EXPECT_EQ(NameText('@', ""), "@\"\"");
  EXPECT_EQ(NameText('%', "a:b"), "%\"a:b\"");
  EXPECT_EQ(QuotedText("\"\\\x01\x1f\x7f~ é"), "\"\\\"\\\\\\x01\\x1f\\x7f~ é\"");
  EXPECT_EQ(QuotedText(std::string("a\0b", 3)), "\"a\\x00b\"");
}

TEST(Print, Numbers) {
  EXPECT_EQ(FloatText(0.1f), "0.1");
  EXPECT_EQ(FloatText(-0.0f), "-0");
  EXPECT_EQ(FloatText(NAN), "nan");
  EXPECT_EQ(FloatText(-INFINITY), "-inf");
  EXPECT_EQ(DoubleText(0.1f), "0.10000000149011612");
}

// An f32 vector of n elements, all zero but the first.
Tensor Vector(int64_t n) {
  Tensor tensor(Type{ElementType::f32, {n}});
  tensor.Set(0, 1);
  return tensor;
}

TEST(Print, LargeConstantsAsHexOrElided) {
  Graph graph("g");
  Value* x = graph.AddInput("x", {ElementType::f32, {17}});
  Node* node = graph.AddNode(BinaryAttrs{}, {x, graph.AddConstant("w", Vector(17))}, "y", {ElementType::f32, {17}});
  graph.AddOutput(node->result());
  PrintOptions options;
  options.comments = false;
  options.hex_constants = 17;
  EXPECT_THAT(PrintGraph(graph, options),
              HasSubstr("  const @w: f32[17] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}\n"));
  options.hex_constants = 16;
  const std::string hex = "0000803f" + std::string(120, '0') + "\n    00000000\"\n";  // 64 bytes a line
  EXPECT_THAT(PrintGraph(graph, options), HasSubstr("  const @w: f32[17] = hex\"" + hex));
  options.elide_constants = 17;
  EXPECT_THAT(PrintGraph(graph, options), StartsWith("graph @g("));
  EXPECT_THAT(PrintGraph(graph, options), HasSubstr("hex"));
  options.elide_constants = 16;
  EXPECT_EQ(PrintGraph(graph, options),
            "# Constants are elided: this text can't be parsed back.\n"
            "graph @g(%x: f32[17]) -> (%y: f32[17]) {\n"
            "  const @w: f32[17] = elided\n"
            "  %y: f32[17] = binary %x, @w\n"
            "}\n");
  options.comments = true;
  EXPECT_THAT(PrintGraph(graph, options), HasSubstr("elided  # nnz 1/17, 68 bytes\n"));
}

TEST(Print, ConstantsBeforeTheirFirstUse) {
  Graph graph("g");
  Value* x = graph.AddInput("x", {ElementType::f32, {2}});
  graph.AddConstant("unused", Vector(1));
  Value* late = graph.AddConstant("late", Vector(2));
  Value* twice = graph.AddConstant("twice", Vector(2));
  Value* a = graph.AddNode(BinaryAttrs{}, {x, twice}, "a", x->type())->result();
  Value* b = graph.AddNode(BinaryAttrs{.fn = BinaryFn::sub}, {twice, late}, "b", x->type(), "B 1")->result();
  graph.AddOutput(graph.AddNode(BinaryAttrs{}, {a, b}, "y", x->type())->result());
  PrintOptions options;
  options.comments = false;
  EXPECT_EQ(PrintGraph(graph, options),
            "graph @g(%x: f32[2]) -> (%y: f32[2]) {\n"
            "  const @twice: f32[2] = {1, 0}\n"
            "  %a: f32[2] = binary %x, @twice\n"
            "  const @late: f32[2] = {1, 0}\n"
            "  %b: f32[2] = binary @twice, @late {fn = sub} loc(\"B 1\")\n"
            "  %y: f32[2] = binary %a, %b\n"
            "  const @unused: f32[1] = {1}\n"
            "}\n");
}

TEST(Print, BrokenGraphsDoNotCrash) {
  Graph graph("g");
  Value* x = graph.AddInput("x", {ElementType::f32, {}});
  Node* node = graph.AddNode(ConvAttrs{}, {x, x}, "y", {ElementType::f32, {1}});
  EXPECT_EQ(PrintNode(*node), "%y: f32[1] = conv %x, %x");
  node->set_operand(1, nullptr);
  EXPECT_THAT(PrintGraph(graph), HasSubstr("conv %x, absent\n"));
}

TEST(Print, EmptyAndSingleMultipliers) {
  Graph graph("g");
  Value* x = graph.AddInput("x", {ElementType::f32, {1}});
  const auto text = [&](Multipliers mul) {
    return PrintNode(*graph.AddNode(RequantizeAttrs{.mul = std::move(mul)}, {x}, "y", x->type()));
  };
  EXPECT_EQ(text({}), "%y: f32[1] = requantize %x");
  EXPECT_EQ(text({5}), "%y_2: f32[1] = requantize %x {mul = 5}");
  EXPECT_EQ(text({5, -6}), "%y_3: f32[1] = requantize %x {mul = {5, -6}}");
}

}  // namespace
}  // namespace mcuc
