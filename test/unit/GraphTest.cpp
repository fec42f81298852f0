// Edits of graphs: names, uses, replacement, erasing, order, copies; the state and figures derived from a graph.
#include "mcuc/IR/Graph.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::unique_ptr<Graph> Parsed(const std::string& text) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "t", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

Value* Find(const Graph& graph, const std::string& name) {
  for (Value* value : graph.values()) {
    if (value->name() == name) return value;
  }
  ADD_FAILURE() << name;
  return nullptr;
}

std::vector<std::string> Results(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node* node : graph.node_vector()) names.push_back(node->result()->name());
  return names;
}

const Type kVector{ElementType::f32, {2}};

constexpr char kChain[] =
    "graph @g(%x: f32[2]) -> (%y: f32[2]) {\n"
    "  const @c: f32[2] = {1, 0}\n"
    "  %a: f32[2] = binary %x, @c\n"
    "  %b: f32[2] = binary %a, %a\n"
    "  %y: f32[2] = binary %b, %x\n"
    "}\n";

TEST(Graph, NamesAreUnique) {
  Graph graph("g");
  Value* x = graph.AddInput("x", kVector);
  EXPECT_EQ(graph.AddInput("x", kVector)->name(), "x_2");
  EXPECT_EQ(graph.AddNode(UnaryAttrs{}, {x}, "x", kVector)->result()->name(), "x_3");
  EXPECT_EQ(graph.AddConstant("x", Tensor(kVector))->name(), "x");
  EXPECT_EQ(graph.AddConstant("x", Tensor(kVector))->name(), "x_2");
  EXPECT_EQ(graph.AddConstant("", Tensor(kVector))->name(), "v");
  EXPECT_EQ(graph.AddInput("", kVector)->Text(), "%v");
}

TEST(Graph, TrailingAbsentOperandsAreLeftOut) {
  Graph graph("g");
  Value* x = graph.AddInput("x", kVector);
  Node* node = graph.AddNode(FcAttrs{}, {x, x, nullptr}, "y", kVector);
  EXPECT_THAT(node->operands(), ElementsAre(x, x));
  EXPECT_EQ(node->operand(2), nullptr);
  EXPECT_EQ(node->result()->def(), node);
}

TEST(Graph, UsesAndOrder) {
  const auto graph = Parsed(kChain);
  const Value *a = Find(*graph, "a"), *x = Find(*graph, "x"), *y = Find(*graph, "y");
  EXPECT_THAT(graph->Users(a), ElementsAre(Find(*graph, "b")->def()));  // once, though used twice
  EXPECT_FALSE(graph->HasOneUse(a));
  EXPECT_TRUE(graph->HasOneUse(Find(*graph, "b")));
  EXPECT_TRUE(graph->HasOneUse(Find(*graph, "c")));
  EXPECT_FALSE(graph->HasOneUse(x));
  EXPECT_FALSE(graph->HasOneUse(y));
  EXPECT_THAT(graph->Users(x), ElementsAre(a->def(), y->def()));
  EXPECT_TRUE(graph->IsOutput(y));
  EXPECT_FALSE(graph->IsOutput(a));
  graph->MoveBefore(y->def(), a->def());
  EXPECT_THAT(Results(*graph), ElementsAre("y", "a", "b"));
  graph->MoveBefore(y->def(), nullptr);
  EXPECT_THAT(Results(*graph), ElementsAre("a", "b", "y"));
  graph->AddNode(UnaryAttrs{}, {Find(*graph, "x")}, "n", kVector, "", y->def());
  EXPECT_THAT(Results(*graph), ElementsAre("a", "b", "n", "y"));
}

TEST(Graph, ReplacingAnOutputKeepsItsName) {
  const auto graph = Parsed(kChain);
  Value *y = Find(*graph, "y"), *b = Find(*graph, "b"), *x = Find(*graph, "x");
  EXPECT_TRUE(graph->CanReplace(b, x));
  EXPECT_FALSE(graph->CanReplace(y, x));
  EXPECT_FALSE(graph->CanReplace(y, y));
  EXPECT_TRUE(graph->CanReplace(y, b));
  graph->ReplaceAllUses(y, b);
  EXPECT_EQ(b->name(), "y");
  EXPECT_EQ(y->name(), "b");
  EXPECT_THAT(graph->outputs(), ElementsAre(b));
  EXPECT_TRUE(graph->EraseDead());
  EXPECT_EQ(PrintGraph(*graph, {.comments = false}),
            "graph @g(%x: f32[2]) -> (%y: f32[2]) {\n"
            "  const @c: f32[2] = {1, 0}\n"
            "  %a: f32[2] = binary %x, @c\n"
            "  %y: f32[2] = binary %a, %a\n"
            "}\n");
  EXPECT_FALSE(graph->EraseDead());
}

TEST(Graph, ReplacingAndErasing) {
  const auto graph = Parsed(kChain);
  Value *a = Find(*graph, "a"), *b = Find(*graph, "b"), *c = Find(*graph, "c"), *x = Find(*graph, "x");
  graph->ReplaceOperands(a, x);
  EXPECT_THAT(b->def()->operands(), ElementsAre(x, x));
  graph->Erase(a->def());
  EXPECT_THAT(Results(*graph), ElementsAre("b", "y"));
  graph->EraseConstant(c);
  EXPECT_THAT(graph->constants(), IsEmpty());
  EXPECT_EQ(graph->values().size(), 3u);
  EXPECT_TRUE(VerifyGraph(*graph).ok());
}

TEST(Graph, EraseDeadKeepsInputs) {
  const auto graph = Parsed(
      "graph @g(%x: f32[2], %unused: f32[2]) -> (%y: f32[2]) {\n"
      "  const @dead: f32[2] = {1, 0}\n"
      "  %d1: f32[2] = binary %x, @dead\n"
      "  %d2: f32[2] = unary %d1\n"
      "  %y: f32[2] = unary %x\n"
      "  const @unused: f32[2] = {1, 0}\n"
      "}\n");
  EXPECT_TRUE(graph->EraseDead());
  EXPECT_THAT(Results(*graph), ElementsAre("y"));
  EXPECT_EQ(graph->inputs().size(), 2u);
  EXPECT_THAT(graph->constants(), IsEmpty());
}

TEST(Graph, ClonesAreEqualAndApart) {
  const auto graph = Parsed(
      "graph @placed(%x: f32[4] in arena+0) -> (%y: f32[2x2], %z: f32[4]) {arena = 32} {\n"
      "  %early: f32[4] in %z = unary %x loc(\"first\")\n"
      "  %z: f32[4] = unary %early {fn = tanh}\n"
      "  %h: f32[2x2] in arena+0 = reshape %x\n"
      "  %y: f32[2x2] in arena+16 = unary %h\n"
      "}\n");
  const std::string text = PrintGraph(*graph);
  const auto copy = graph->Clone();
  EXPECT_EQ(PrintGraph(*copy), text);
  EXPECT_EQ(copy->source(), "t");
  EXPECT_TRUE(VerifyGraph(*copy).ok());
  EXPECT_EQ(Find(*copy, "early")->placement()->storage_of, Find(*copy, "z"));
  EXPECT_EQ(Find(*copy, "h")->def()->result(), Find(*copy, "h"));
  copy->Erase(Find(*copy, "y")->def());
  EXPECT_EQ(PrintGraph(*graph), text);
  Graph other("other");
  other.Swap(*graph);
  EXPECT_EQ(PrintGraph(other), text);
  EXPECT_EQ(graph->name(), "other");
  EXPECT_EQ(graph->arena_bytes(), std::nullopt);
  EXPECT_THAT(graph->inputs(), IsEmpty());
}

TEST(Graph, StateIsDerived) {
  const auto state = [](const std::string& text) {
    const GraphState s = StateOf(*Parsed(text));
    return std::string(s.quantized ? "q" : "") + (s.floating ? "f" : "") + (s.encoded ? "e" : "") +
           (s.placed ? "p" : "");
  };
  EXPECT_EQ(state("graph @g(%x: f32[1]) -> (%y: f32[1]) { %y: f32[1] = unary %x }"), "f");
  EXPECT_EQ(state("graph @g(%x: i8<0.5:0>[1]) -> (%y: i8<0.5:0>[1]) { %y: i8<0.5:0>[1] = unary %x }"), "q");
  EXPECT_EQ(state("graph @g(%x: i32[1]) -> (%y: i32[1]) {\n  const @c: f32[1] = {1}\n  %y: i32[1] = unary %x\n}"), "");
  EXPECT_EQ(state("graph @g(%x: i32[1]) -> (%y: i32[1]) {arena = 0} { %y: i32[1] = unary %x }"), "p");
  EXPECT_EQ(state("graph @g(%x: f32[1]) -> (%y: f32[1]) {\n  const @w: f32[1x1] csc<u8> = {delta: {1}, val: {}}\n"
                  "  %y: f32[1] = fc %x, @w\n}"),
            "fe");
}

TEST(Graph, MacsAndWeights) {
  const auto graph = Parsed(
      "graph @g(%x: f32[2x4x5x6], %r: f32[3x4]) -> (%y: f32[3x2]) {\n"
      "  const @w: f32[2x2x2x3] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}\n"
      "  %conv: f32[2x2x3x2] = conv %x, @w {strides = {1, 2}, group = 2, pool = max{kernel = {2, 1}}}\n"
      "  const @t: f32[4x1x1x2] = {1, 0, 2, 0, 3, 0, 0, 0}\n"
      "  %up: f32[2x1x5x7] = conv_transpose %x, @t\n"
      "  const @f: f32[2x4] csc<u8> = {delta: {0, 4, 1, 0}, val: {1, 2, 3}}\n"
      "  %y: f32[3x2] = fc %r, @f\n"
      "  const @m: f32[4x5] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}\n"
      "  %mm: f32[3x5] = matmul %r, @m\n"
      "  %conv2: f32[2x2x4x2] = conv %x, @w {strides = {1, 2}, group = 2}\n"
      "}\n");
  const auto macs = [&](const char* name, bool executed) { return MacsOf(*Find(*graph, name)->def(), executed); };
  EXPECT_EQ(macs("conv", false), 2 * 4 * 2 * 24);  // 4 x 2 before the pool
  EXPECT_EQ(macs("conv", true), 2 * 4 * 2 * 4);
  EXPECT_EQ(macs("up", false), 2 * 30 * 8);
  EXPECT_EQ(macs("up", true), 2 * 30 * 3);
  EXPECT_EQ(macs("y", false), 3 * 8);
  EXPECT_EQ(macs("y", true), 3 * 3);
  EXPECT_EQ(macs("mm", false), 3 * 5 * 4);
  EXPECT_EQ(macs("mm", true), 3 * 5 * 4);
  EXPECT_THAT(WeightsOf(*graph), ElementsAre(Find(*graph, "w"), Find(*graph, "t"), Find(*graph, "f")));
  const auto& conv = Find(*graph, "conv")->def()->As<ConvAttrs>();
  EXPECT_THAT(ConvOutputSize(conv, {2, 4, 5, 6}, {2, 2, 2, 3}), ElementsAre(4, 2));
}

TEST(Ops, Table) {
  EXPECT_EQ(OpCount(), static_cast<int>(std::variant_size_v<Attributes>) - 1);
  EXPECT_EQ(InfoOf(Op::kConv).min_operands, 2);
  EXPECT_EQ(InfoOf(Op::kConv).max_operands, 3);
  EXPECT_EQ(InfoOf(Op::kConcat).min_operands, 1);
  EXPECT_EQ(InfoOf(Op::kConcat).max_operands, -1);
  EXPECT_THAT(InfoOf(Op::kConv).operands, ElementsAre("x", "w", "b"));
  Attributes attrs;
  EXPECT_TRUE(AttributesByName("max_pool", &attrs));
  EXPECT_EQ(OpOf(attrs), Op::kMaxPool);
  EXPECT_FALSE(AttributesByName("maxpool", &attrs));
  for (int i = 0; i < OpCount(); ++i) {
    ASSERT_TRUE(AttributesByName(OpName(static_cast<Op>(i)), &attrs));
    EXPECT_EQ(static_cast<int>(OpOf(attrs)), i);
  }
  BinaryFn fn;
  EXPECT_TRUE(ParseEnum("prelu", &fn));
  EXPECT_EQ(fn, BinaryFn::prelu);
  EXPECT_FALSE(ParseEnum("plus", &fn));
  EXPECT_STREQ(EnumName(ReduceFn::max), "max");
  EXPECT_THAT(EnumNames(PadMode{}), ElementsAre("constant", "reflect", "edge"));
}

}  // namespace
}  // namespace mcuc
