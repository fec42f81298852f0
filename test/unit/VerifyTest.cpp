// What texts can't show: broken graphs that only code can build, live ranges, in-place computation, accumulator bounds.
// The rules of operations, values and placements are in test/IR/verify-errors*.mcu.
#include "mcuc/IR/Verify.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mcuc/IR/Bounds.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

const Type kF32x2{ElementType::f32, {2}};

TEST(Verify, BrokenStructure) {
  Graph graph("g");
  graph.set_source("model.onnx");
  Value* x = graph.AddInput("x", kF32x2);
  Node* a = graph.AddNode(UnaryAttrs{}, {x}, "a", kF32x2, "First");
  Node* b = graph.AddNode(UnaryAttrs{}, {a->result()}, "b", kF32x2);
  graph.AddOutput(b->result());
  EXPECT_TRUE(VerifyGraph(graph).ok());
  graph.MoveBefore(b, a);
  EXPECT_EQ(VerifyGraph(graph).message(),
            "model.onnx: node \"%b\" (unary): error: operand %a is not computed before this node");
  graph.MoveBefore(a, b);
  a->set_operand(0, nullptr);
  EXPECT_EQ(VerifyGraph(graph).message(), "model.onnx: node \"First\" (unary): error: operand 0 is absent");
  a->set_operand(0, a->result());
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("operand %a is not computed before this node"));
  a->set_operand(0, x);
  Graph other("other");
  Value* foreign = other.AddInput("foreign", kF32x2);
  b->set_operand(0, foreign);
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("operand %foreign is not computed"));
  b->set_operand(0, x);
  graph.AddOutput(other.AddNode(UnaryAttrs{}, {foreign}, "r", kF32x2)->result());
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("the output is no value of the graph"));
}

TEST(Verify, BrokenConstants) {
  Graph graph("g");
  Value* x = graph.AddInput("x", kF32x2);
  graph.AddOutput(graph.AddNode(UnaryAttrs{}, {x}, "y", kF32x2)->result());
  Value* c = graph.AddConstant("c", Tensor(kF32x2));
  EXPECT_TRUE(VerifyGraph(graph).ok());
  c->set_tensor(Tensor::FromBytes(kF32x2, std::vector<std::byte>(7)));
  EXPECT_EQ(VerifyGraph(graph).message(), "error: @c: holds 7 bytes for the 8 of its type");
  c->set_tensor(Tensor::FromBytes({ElementType::b8, {2}}, {std::byte{1}, std::byte{2}}));
  EXPECT_EQ(VerifyGraph(graph).message(), "error: @c: an element of type b8 must be 0 or 1");
  c->set_tensor(Tensor::FromBytes({ElementType::f32, {0}}, {}));
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("@c: shape [0] has a dimension of 0"));
  c->set_tensor(Tensor(kF32x2));
  c->set_placement(Placement{0, nullptr});
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("@c: a constant has no placement"));
  c->set_placement(std::nullopt);
  c->set_tensor(Tensor({ElementType::f32, {2}, Quantization{{1}, {0}, -1}}));
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("@c: f32 can't be quantized"));
  c->set_tensor(Tensor({ElementType::i64, {2}, Quantization{{1}, {0}, -1}}));
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("@c: i64 can't be quantized"));
  c->set_tensor(Tensor({ElementType::u8, {2}, Quantization{{1}, {-1}, -1}}));
  EXPECT_THAT(VerifyGraph(graph).message(), HasSubstr("zero point -1 is outside [0, 255], the range of u8"));
  c->set_tensor(Tensor({ElementType::u8, {2}, Quantization{{1}, {255}, -1}}));
  EXPECT_TRUE(VerifyGraph(graph).ok());
}

TEST(Verify, ListsAtMostAHundredErrors) {
  Graph graph("g");
  Value* x = graph.AddInput("x", kF32x2);
  for (int i = 0; i < 150; ++i) graph.AddNode(UnaryAttrs{}, {x}, "n", {ElementType::f32, {3}});
  graph.AddOutput(graph.AddNode(UnaryAttrs{}, {x}, "y", kF32x2)->result());
  Diagnostics diagnostics;
  VerifyGraph(graph, diagnostics);
  EXPECT_EQ(diagnostics.errors(), 100);
  EXPECT_THAT(diagnostics.all().back().message, HasSubstr("; further errors are not listed"));
}

TEST(Verify, IntegerWindowsAndSums) {
  const auto errors = [](const std::string& shape, const std::string& result, const std::string& op) {
    Diagnostics diagnostics;
    ParseGraph("graph @g(%x: i8<0.5:0>[" + shape + "]) -> (%y: i8<0.5:0>[" + result + "]) {\n  %y: i8<0.5:0>[" +
                   result + "] = " + op + "\n}\n",
               "t", diagnostics);
    return diagnostics.has_errors() ? diagnostics.all()[0].message : "";
  };
  const std::string whole = "mul = 1073741824, shift = 0}";
  EXPECT_EQ(errors("1x1x64x64", "1x1x1x1", "avg_pool %x {kernel = {64, 64}, " + whole), "");
  EXPECT_EQ(errors("1x1x1x4097", "1x1x1x1", "avg_pool %x {kernel = {1, 4097}, " + whole),
            "the window has 4097 elements; quantized it may have 4096 [N8]");
  // 255 * 2901^2 = 2146029255 and 255 * 2902^2 = 2147509020 stand on both sides of 2^31 - 2^8.
  EXPECT_EQ(errors("1x1x1x2901", "1x1x1x2", "avg_pool %x {kernel = {1, 2901}, pads = {0, 1, 0, 0}, " + whole), "");
  EXPECT_THAT(errors("1x1x1x2902", "1x1x1x2", "avg_pool %x {kernel = {1, 2902}, pads = {0, 1, 0, 0}, " + whole),
              HasSubstr("the sum over a window may reach 2147509020"));
  EXPECT_THAT(errors("1x1x1x2902", "1x1x1x1", "avg_pool %x {kernel = {1, 2902}, ceil = true, " + whole),
              HasSubstr("[N4]"));
  // 255 * 2^22 = 1069547520 is within the limit, twice that is 2139095040, still; times 4 is not.
  EXPECT_EQ(errors("4194304", "1", "reduce %x {fn = mean, axes = {0}, mul = 1073741824, shift = 1}"), "");
  EXPECT_THAT(errors("4194304", "1", "reduce %x {fn = sum, axes = {0}, mul = 1073741824, shift = 2}"),
              HasSubstr("the sum of 4194304 elements may reach 1069547520, with its shift of 2 beyond"));
  EXPECT_EQ(errors("4194305", "1", "reduce %x {fn = sum, axes = {0}, mul = 1073741824, shift = 0}"),
            "reduces 4194305 elements to one; quantized it may be 2^22 [N9]");
}

TEST(Verify, SoftmaxTable) {
  const auto error = [](int64_t n, int32_t first, int32_t last) {
    std::vector<int32_t> table(256, 0);
    table[0] = first;
    table[255] = last;
    Graph graph("g");
    const Type type{ElementType::i8, {n}, Quantization{{0.1f}, {0}, -1}};
    Value* x = graph.AddInput("x", type);
    Value* constant = graph.AddConstant("t", Tensor::Of(Type{ElementType::i32, {256}}, table));
    const Type result{ElementType::i8, {n}, Quantization{{1.0f / 256}, {-128}, -1}};
    graph.AddOutput(graph.AddNode(SoftmaxAttrs{}, {x, constant}, "y", result)->result());
    return std::string(VerifyGraph(graph).message());
  };
  EXPECT_EQ(error(1, 1 << 22, 0), "");
  EXPECT_EQ(error(256, 1 << 22, 1 << 22), "");
  EXPECT_THAT(error(256, (1 << 22) + 1, 0),
              HasSubstr("table[0] is 4194305; for rows of 256 it must be within [1, 4194304]"));
  EXPECT_THAT(error(257, 1 << 22, 0), HasSubstr("for rows of 257 it must be within [1, 2097152]"));
  EXPECT_EQ(error(512, 1 << 21, 0), "");
  EXPECT_THAT(error(513, 1 << 21, 0), HasSubstr("within [1, 1048576]"));
  EXPECT_THAT(error(4, 0, 0), HasSubstr("table[0] is 0"));
  EXPECT_THAT(error(4, 1, -1), HasSubstr("table[255] is -1; for rows of 4 it must be within [0, 4194304]"));
}

TEST(LiveRange, InputsResultsOutputs) {
  const auto graph = Parsed(
      "graph @g(%x: f32[2], %unused: f32[2]) -> (%b: f32[2]) {\n"
      "  %a: f32[2] = unary %x\n"
      "  %b: f32[2] = unary %a\n"
      "  %dead: f32[2] = unary %a\n"
      "  %c: f32[2] = binary %b, %x\n"
      "}\n");
  const auto range = [&](const char* name) {
    const LiveRange live = LiveRangeOf(*graph, *Find(*graph, name));
    return std::pair(live.first, live.last);
  };
  EXPECT_EQ(range("x"), std::pair(int64_t{-1}, int64_t{3}));
  EXPECT_EQ(range("unused"), std::pair(int64_t{-1}, int64_t{-1}));
  EXPECT_EQ(range("a"), std::pair(int64_t{0}, int64_t{2}));
  EXPECT_EQ(range("b"), std::pair(int64_t{1}, int64_t{3}));
  EXPECT_EQ(range("dead"), std::pair(int64_t{2}, int64_t{2}));
}

TEST(LiveRange, ValuesInAnothersPlaceKeepItAlive) {
  const auto graph = Parsed(
      "graph @g(%x: f32[4]) -> (%y: f32[4]) {\n"
      "  %view: f32[2x2] in %x = reshape %x\n"
      "  %early: f32[4] in %y = unary %x\n"
      "  %other: f32[2x2] = unary %view\n"
      "  %y: f32[4] = unary %early\n"
      "}\n");
  const LiveRange x = LiveRangeOf(*graph, *Find(*graph, "x"));
  EXPECT_EQ(x.first, -1);
  EXPECT_EQ(x.last, 2);
  const LiveRange y = LiveRangeOf(*graph, *Find(*graph, "y"));
  EXPECT_EQ(y.first, 1);
  EXPECT_EQ(y.last, 3);
}

// The operands of a node with this text that may run in place, of %x: f32[2x3], %b: f32[3], %q: i8[2x3].
std::vector<size_t> InPlace(const std::string& statement) {
  const auto graph = Parsed(
      "graph @g(%x: f32[2x3], %b: f32[3], %q: i8<0.5:0>[2x3], %i: i32[2x3], %d: f64[2x3], %img: f32[1x1x2x3]) -> (%r: "
      "f32[2x3]) {\n"
      "  %r: f32[2x3] = unary %x\n  const @c: f32[2x3] = {1, 2, 3, 4, 5, 6}\n"
      "  const @w: f32[3x3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}\n"
      "  const @t: i8[256] = hex\"" +
      std::string(512, '0') + "\"\n  %y: " + statement + "\n}\n");
  std::vector<size_t> operands;
  if (!graph) return operands;
  const Node& node = *Find(*graph, "y")->def();
  for (size_t i = 0; i <= node.operands().size(); ++i) {
    if (MayRunInPlace(node, i)) operands.push_back(i);
  }
  return operands;
}

TEST(MayRunInPlace, ExactlyTheList) {
  EXPECT_THAT(InPlace("f32[2x3] = unary %x"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = unary @c"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = binary %x, %x"), ElementsAre(0, 1));
  EXPECT_THAT(InPlace("f32[2x3] = binary %x, %b"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = binary %b, %x"), ElementsAre(1));
  EXPECT_THAT(InPlace("f32[2x3] = binary @c, %x"), ElementsAre(1));
  EXPECT_THAT(InPlace("f32[1x1x2x3] = binary %x, %img"), ElementsAre(1));
  EXPECT_THAT(InPlace("f32[6] = reshape %x"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = identity %x"), ElementsAre(0));
  EXPECT_THAT(InPlace("i8<0.5:0>[2x3] = lut %q, @t"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = softmax %x {axis = 1}"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = softmax %x {axis = 0}"), ElementsAre());
  EXPECT_THAT(InPlace("i8<0.25:0>[2x3] = requantize %q {mul = 1073741824, shift = 2}"), ElementsAre(0));
  // Only between elements of one size.
  EXPECT_THAT(InPlace("i32[2x3] = cast %x"), ElementsAre(0));
  EXPECT_THAT(InPlace("f32[2x3] = cast %d"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = dequantize %q"), ElementsAre());
  EXPECT_THAT(InPlace("i8<0.5:0>[2x3] = quantize %x"), ElementsAre());
  // Not these, though shapes agree.
  EXPECT_THAT(InPlace("f32[2x3] = fc %x, @w"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = matmul %x, @w"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = slice %x {starts = {0, 0}}"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = transpose %x {perm = {0, 1}}"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = concat %x"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = reduce %x"), ElementsAre());
  EXPECT_THAT(InPlace("f32[2x3] = pad %x {before = {0, 0}, after = {0, 0}}"), ElementsAre());
  EXPECT_THAT(InPlace("f32[1x1x2x3] = max_pool %img"), ElementsAre());
  EXPECT_THAT(InPlace("f32[1x1x2x3] = resize %img"), ElementsAre());
}

std::vector<int64_t> BoundsOf(const std::string& weights, const std::string& bias, const std::string& node) {
  const auto graph = Parsed(
      "graph @g(%x: i8<0.5:0>[1x2x4x4], %v: i8<0.5:0>[4]) -> (%r: i8<0.5:0>[4]) {\n  %r: i8<0.5:0>[4] = unary %v\n  "
      "const @w: " +
      weights + "\n  const @b: " + bias + "\n  %y: " + node + "\n}\n");
  if (!graph) return {};
  const auto bounds = AccumulatorBounds(*Find(*graph, "y")->def());
  EXPECT_TRUE(bounds.ok()) << bounds.status();
  return bounds.ok() ? *bounds : std::vector<int64_t>{};
}

TEST(AccumulatorBounds, SumsOfMagnitudes) {
  const std::string multipliers = "mul = 1073741824, shift = 0";
  const std::string fc = "i8<0.5:0>[2] = fc %v, @w, @b {" + multipliers + "}";
  // (1 + 2 + 127) * 128 + 5 and (3) * 128 + 7
  EXPECT_THAT(BoundsOf("i8<1:0>[2x4] = {1, -2, 0, 127, 0, 0, -3, 0}", "i32[2] = {5, -7}", fc), ElementsAre(16645, 391));
  EXPECT_THAT(
      BoundsOf("i8<1:0>[2x4] csc<u8> = {delta: {0, 0, 1, 2, 1}, val: {1, -2, 127, -3}}", "i32[2] = {5, -7}", fc),
      ElementsAre(16645, 391));
  EXPECT_THAT(BoundsOf("i8<1:0>[2x4] csc<u8> = {delta: {6, 1}, val: {-3}}", "i32[2] = {0, -2147000000}", fc),
              ElementsAre(0, 2147000384));
  EXPECT_THAT(BoundsOf("i8<1:0>[2x4] = {1, -2, 0, 127, 0, 0, -3, 0}", "i32[2] = {5, -7}",
                       "i8<0.5:0>[2] = fc %v, @w {" + multipliers + "}"),
              ElementsAre(16640, 384));
  const std::string weights = "i8<1:0>[2x2x1x1] = {1, -2, 3, -4}", bias = "i32[2] = {10, 20}";
  const auto conv = [&](const std::string& size, const std::string& pool) {
    return "i8<0.5:0>[1x2x" + size + "] = conv %x, @w, @b {" + multipliers + pool + "}";
  };
  EXPECT_THAT(BoundsOf(weights, bias, conv("4x4", "")), ElementsAre(394, 916));
  EXPECT_THAT(BoundsOf(weights, bias, conv("1x2", ", pool = avg{kernel = {4, 3}}")), ElementsAre(394 * 12, 916 * 12));
  EXPECT_THAT(BoundsOf(weights, bias, conv("1x2", ", pool = max{kernel = {4, 3}}")), ElementsAre(394, 916));
}

TEST(AccumulatorBounds, SaturatesAndRefuses) {
  Graph graph("g");
  const Quantization quant{{1}, {0}, -1};
  Value* x = graph.AddInput("x", {ElementType::i8, {1, 1, 1, 1}, quant});
  Value* w = graph.AddConstant("w", Tensor::Of(Type{ElementType::i8, {1, 1, 1, 1}, quant}, std::vector<int64_t>{-1}));
  Node* node = graph.AddNode(ConvAttrs{.pool = {PoolKind::avg, {int64_t{1} << 20, int64_t{1} << 20}, {1, 1}}}, {x, w},
                             "y", x->type());
  EXPECT_THAT(*AccumulatorBounds(*node), ElementsAre(int64_t{1} << 47));
  node->As<ConvAttrs>().pool.kernel = {int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_THAT(*AccumulatorBounds(*node), ElementsAre(int64_t{1} << 62));
  node->set_operand(1, x);
  EXPECT_THAT(AccumulatorBounds(*node).status().message(), HasSubstr("the weights %x must be a constant of type i8"));
  node->set_operands({x, w, x});
  EXPECT_THAT(AccumulatorBounds(*node).status().message(), HasSubstr("the bias %x must be a constant i32[1]"));
  Node* unary = graph.AddNode(UnaryAttrs{}, {x}, "u", x->type());
  EXPECT_EQ(AccumulatorBounds(*unary).status().message(), "unary has no integer accumulator to bound");
}

TEST(AccumulatorBounds, ShiftsCountInTheVerifier) {
  // 2^24 * 2^6 = 2^30 is below 2^31 - 2^8; 2^24 * 2^7 is not; (2^24 - 2) * 2^7 = 2^31 - 2^8 is the limit itself.
  const auto message = [](const std::string& bias, int shift) {
    Diagnostics diagnostics;
    ParseGraph(
        "graph @g(%x: i8<0.5:0>[1]) -> (%y: i8<0.5:0>[1]) {\n  const @w: i8<1:0>[1x1] = {0}\n  const @b: i32[1] = {" +
            bias + "}\n  %y: i8<0.5:0>[1] = fc %x, @w, @b {mul = 1073741824, shift = " + std::to_string(shift) +
            "}\n}\n",
        "t", diagnostics);
    return diagnostics.has_errors() ? diagnostics.all()[0].message : "";
  };
  EXPECT_EQ(message("16777216", 6), "");
  EXPECT_THAT(message("16777216", 7), HasSubstr("may reach 16777216, with its shift of 7 beyond the limit"));
  EXPECT_THAT(message("16777214", 7), HasSubstr("may reach 16777214"));
  EXPECT_EQ(message("16777213", 7), "");
  EXPECT_EQ(message("-16777213", 7), "");
  EXPECT_EQ(message("2147483391", -31), "");
  EXPECT_THAT(message("2147483392", -31), HasSubstr("may reach 2147483392"));
}

}  // namespace
}  // namespace mcuc
