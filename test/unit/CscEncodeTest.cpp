// csc-encode: the choice of each weight tensor's encoding, by byte arithmetic done by hand. Most cases choose between
// dense and csc<u8> alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {
namespace {

// A graph of one fc with these weights (M x K), float or int8.
std::unique_ptr<Graph> FcGraph(Tensor weights) {
  const Type w = weights.type();
  const bool real = w.is_float();
  auto graph = std::make_unique<Graph>("g");
  const Quantization quant{{1.0f}, {0}};
  Type x{w.element, {1, w.shape[1]}}, y{w.element, {1, w.shape[0]}};
  if (!real) x.quant = y.quant = quant;
  Value* input = graph->AddInput("x", x);
  Value* constant = graph->AddConstant("w", std::move(weights));
  FcAttrs attrs;
  if (!real) {
    attrs.mul = {1 << 30};
    attrs.shift = {-20};
  }
  graph->AddOutput(graph->AddNode(attrs, {input, constant}, "y", y, "fc1")->result());
  return graph;
}

// The first `nonzeros` elements of M x K are 1, the others 0.
Tensor Weights(ElementType element, int64_t m, int64_t k, int64_t nonzeros) {
  Type type{element, {m, k}};
  if (element == ElementType::i8) type.quant = Quantization{{1.0f}, {0}};
  Tensor tensor(type);
  for (int64_t i = 0; i < nonzeros; ++i) tensor.Set(i, 1);
  return tensor;
}

struct Outcome {
  absl::StatusOr<bool> changed = false;
  Diagnostics diagnostics;
};

Outcome Encode(Graph& graph, const std::vector<std::pair<std::string, std::string>>& settings = {},
               const std::string& target_name = "cortex-m4") {
  Outcome outcome;
  const auto pass = FindPass("csc-encode")->create();
  PassOptions options;
  pass->Options(options);
  for (const auto& [name, value] : settings) EXPECT_TRUE(options.Set(name, value).ok()) << name;
  const Target target = Target::ByName(target_name).value();
  PassContext context;
  context.diagnostics = &outcome.diagnostics;
  context.target = &target;
  outcome.changed = pass->Run(graph, context);
  if (outcome.changed.ok()) {
    EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph);
  }
  return outcome;
}

using Settings = std::vector<std::pair<std::string, std::string>>;
Settings DenseOrU8(const std::string& objective = "size") {
  return {{"objective", objective}, {"gaps", "all;u8"}, {"values", "element"}, {"code", "false"}};
}

// The encoding of these weights; the tensor left in the graph stands for the same numbers.
std::string EncodingOf(const Tensor& weights, const Settings& settings, const std::string& target = "cortex-m4") {
  const auto graph = FcGraph(weights);
  const Outcome outcome = Encode(*graph, settings, target);
  EXPECT_TRUE(outcome.changed.ok());
  const Tensor& stored = graph->constants()[0]->tensor();
  EXPECT_EQ(*outcome.changed, stored.encoded());
  EXPECT_EQ(*Decode(stored), weights);
  return EncodingText(stored.type().encoding);
}

bool BecomesCsc(const Tensor& weights, const std::string& objective = "size", const std::string& target = "cortex-m4") {
  return EncodingOf(weights, DenseOrU8(objective), target) == "csc<u8>";
}

int64_t BytesAfter(const Tensor& weights) {
  const auto graph = FcGraph(weights);
  Encode(*graph, DenseOrU8());
  return graph->constants()[0]->tensor().storage_bytes();
}

TEST(CscEncode, Int8BreaksEvenAtHalfTheBytes) {
  // 2 x 8 int8: 16 bytes dense. csc<u8>: 2 bytes a nonzero and the last gap.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 2, 8, 7)));   // 14 + 1 = 15
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 2, 8, 8)));  // 16 + 1 = 17
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 2, 8, 7)), 15);
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 2, 8, 8)), 16);
}

TEST(CscEncode, FloatBreaksEvenAtFourFifths) {
  // 2 x 8 float: 64 bytes dense. csc<u8>: 5 bytes a nonzero and the last gap.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::f32, 2, 8, 12)));   // 60 + 1 = 61
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::f32, 2, 8, 13)));  // 65 + 1 = 66
}

TEST(CscEncode, AllDenseStaysDense) {
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 3, 100, 300)));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::f32, 3, 100, 300)));
}

TEST(CscEncode, AllZeroIsOneGap) {
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 4, 2, 0)), 1);
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::f32, 4, 1, 0)));
}

TEST(CscEncode, EmptyColumn) {
  Tensor weights = Weights(ElementType::i8, 3, 6, 0);
  weights.Set(1, 5);           // column 0: position 1
  weights.Set(2 * 6 + 0, -7);  // column 2: positions 0 and 5; column 1 is empty
  weights.Set(2 * 6 + 5, 127);
  const auto graph = FcGraph(weights);
  Encode(*graph, DenseOrU8());
  const Tensor& stored = graph->constants()[0]->tensor();
  ASSERT_TRUE(stored.encoded());
  EXPECT_EQ(stored.encoded_data().gaps,
            (std::vector<std::byte>{std::byte{1}, std::byte{10}, std::byte{4}, std::byte{0}}));
  EXPECT_EQ(stored.storage_bytes(), 7);  // 4 gaps, 3 values; 18 dense
  EXPECT_EQ(*Decode(stored), weights);
}

TEST(CscEncode, TheSmallestOfAllEncodings) {
  Settings size = {{"objective", "size"}, {"code", "false"}};
  // 1000 weights, one in 100 of them and 10 in all not zero: Rice codes of k = 6 take 8 bits each, 8-bit gaps no less,
  // and the byte of k is one more. Equal bytes: the gaps that are read with fewer instructions.
  Tensor far = Weights(ElementType::i8, 1, 1000, 0);
  for (int64_t i = 99; i < 1000; i += 100) far.Set(i, static_cast<double>(i / 100) + 10);
  EXPECT_EQ(EncodingOf(far, size), "csc<u8>");
  // Gaps of 19: 7 bits of rice (k = 4: 1 + 1 + 4 = 6), 8 bits, 12 bits.
  Tensor twentieth = Weights(ElementType::i8, 10, 100, 0);
  for (int64_t i = 19; i < 1000; i += 20) twentieth.Set(i, static_cast<double>(i % 101) + 10);
  EXPECT_EQ(EncodingOf(twentieth, size), "csc<rice>");
  size.push_back({"gaps", "all;u8;u4"});
  // Gaps of 9: 4 bits.
  Tensor tenth = Weights(ElementType::i8, 10, 100, 0);
  for (int64_t i = 9; i < 1000; i += 10) tenth.Set(i, static_cast<double>(i % 101) + 10);
  EXPECT_EQ(EncodingOf(tenth, size), "csc<u4>");
  EXPECT_EQ(EncodingOf(twentieth, size), "csc<u8>");
  // Every second one: 500 bytes of values, and 126 of bits where 4-bit gaps take 251.
  size.back() = {"gaps", "all;u4;bitmap"};
  Tensor half = Weights(ElementType::i8, 10, 100, 0);
  for (int64_t i = 0; i < 1000; i += 2) half.Set(i, static_cast<double>(i % 101) + 10);
  EXPECT_EQ(EncodingOf(half, size), "csc<bitmap>");
  // Small values, none of them zero: 4 bits each; a book of them as they grow; 3 bits.
  Tensor full = Weights(ElementType::i8, 10, 100, 1000);
  for (int64_t i = 0; i < 1000; ++i) full.Set(i, static_cast<double>(i % 13) - 6);
  EXPECT_EQ(EncodingOf(full, {{"objective", "size"}, {"code", "false"}, {"gaps", "all"}}), "dense<i4>");
  for (int64_t i = 0; i < 1000; ++i) full.Set(i, static_cast<double>(i % 13 - 6) * 10);
  EXPECT_EQ(EncodingOf(full, {{"objective", "size"}, {"code", "false"}, {"gaps", "all"}}), "dense<book4>");
  for (int64_t i = 0; i < 1000; ++i) full.Set(i, static_cast<double>(i % 8) - 4);
  EXPECT_EQ(EncodingOf(full, {{"objective", "size"}, {"code", "false"}, {"gaps", "all"}}), "dense<i3>");
  // Two of 16 values in three quarters of the places: 2 bits or 3, and up to 8.
  for (int64_t i = 0; i < 1000; ++i) full.Set(i, static_cast<double>(i % 4 == 0 ? i / 4 % 14 - 8 : i % 2 == 0 ? 7 : 6));
  EXPECT_EQ(EncodingOf(full, {{"objective", "size"}, {"code", "false"}, {"gaps", "all"}}), "dense<rice>");
  // 8 fits n4, not i4.
  tenth = Weights(ElementType::i8, 10, 100, 0);
  for (int64_t i = 9; i < 1000; i += 10) tenth.Set(i, i % 3 == 0 ? 8 : -5);
  EXPECT_EQ(EncodingOf(tenth, {{"code", "false"}, {"gaps", "u4"}, {"values", "n4;element"}}), "csc<u4, n4>");
}

TEST(CscEncode, RefusesUnknownCodes) {
  const auto error = [](const Settings& settings) {
    const auto graph = FcGraph(Weights(ElementType::i8, 2, 8, 1));
    return std::string(Encode(*graph, settings).changed.status().message());
  };
  EXPECT_EQ(error({{"gaps", "u8;u5"}}), "gaps=u5: no such code; there are: all, u8, u4, bitmap, rice");
  EXPECT_EQ(error({{"values", "i8"}}),
            "values=i8: no such code; there are: element, i4, i3, n4, n3, book4, book3, rice");
}

TEST(CscEncode, AKernelCountsOnce) {
  // Two layers of the same shape. `a` has gaps that 8 bits hold best by a few bytes, `b` gaps for 4 bits; a second
  // kernel costs more than that, and both are dense where a kernel costs more than all.
  const auto graph = [](int64_t step_a, int64_t step_b) {
    auto g = std::make_unique<Graph>("g");
    Value* x = g->AddInput("x", Type{ElementType::f32, {1, 300}});
    for (const int64_t step : {step_a, step_b}) {
      Tensor w(Type{ElementType::f32, {1, 300}});
      for (int64_t i = step; i < 300; i += step + 1) w.Set(i, static_cast<double>(i));
      Value* c = g->AddConstant("w", w);
      g->AddOutput(g->AddNode(FcAttrs{}, {x, c}, "y", Type{ElementType::f32, {1, 1}}, "fc")->result());
    }
    return g;
  };
  const auto encodings = [](Graph& g, const char* code) {
    Encode(g, {{"objective", "size"}, {"gaps", "all;u8;u4"}, {"code", code}});
    return EncodingText(g.constants()[0]->type().encoding) + " " + EncodingText(g.constants()[1]->type().encoding);
  };
  EXPECT_EQ(encodings(*graph(20, 9), "false"), "csc<u8> csc<u4>");  // 15 and 23 gaps: 15 and 15 bytes; 12 bits more
  EXPECT_EQ(encodings(*graph(20, 9), "true"), "csc<u8> csc<u8>");
}

TEST(CscEncode, SpeedChoosesByInstructions) {
  // A dense step costs `dense` and a nonzero `sparse` instructions: of 1000 weights, csc pays below 1000 dense /
  // sparse.
  const Target target = Target::ByName("cortex-m4").value();
  const auto rate = [&](Encoding encoding) {
    const auto graph = FcGraph(Weights(ElementType::i8, 1, 1000, 1000));
    return target.Instructions(*graph->nodes().front(), encoding) / 1000;
  };
  const auto most = static_cast<int64_t>(1000 * rate(Encoding::kDense) / rate({GapCode::u8}) - 1e-9);
  ASSERT_GT(most, 100);
  ASSERT_LT(most, 500);
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most), "speed"));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "speed"));
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "size"));
}

TEST(CscEncode, BalancedWeighsBytesAgainstInstructions) {
  // n of 1000: csc<u8> takes 2n + 1 bytes, two more for the 1000 - n zeros at the end where these are over 255 and
  // 510, and s n instructions; dense 1000 and 1000 d. csc wins where bytes s n < 1000 * 1000 d.
  const Target target = Target::ByName("cortex-m4").value();
  const auto graph = FcGraph(Weights(ElementType::i8, 1, 1000, 1000));
  const double d = target.Instructions(*graph->nodes().front(), Encoding::kDense) / 1000;
  const double s = target.Instructions(*graph->nodes().front(), {GapCode::u8}) / 1000;
  const auto bytes = [](int64_t n) { return 2 * n + 1 + (1000 - n) / 255; };
  int64_t most = 100;
  while (static_cast<double>(bytes(most + 1) * (most + 1)) * s < 1e6 * d) ++most;
  ASSERT_GT(most, 150);
  ASSERT_LT(most, 499);
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most), "balanced"));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "balanced"));
}

TEST(CscEncode, EqualBytesAreSettledByInstructions) {
  // 1 x 5 with 2 nonzeros: 4 + 1 = 5 bytes either way, and csc's instructions are more than 5 dense ones'.
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 5, 2)));
  // 1 x 1 without a nonzero: 1 byte either way, and csc executes nothing.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1, 0)));
}

TEST(CscEncode, SkipByTheNameOfTheWeightsOrTheirLayer) {
  for (const char* name : {"w", "fc1", "y"}) {
    const auto graph = FcGraph(Weights(ElementType::i8, 2, 8, 1));
    const Outcome outcome = Encode(*graph, {{"skip", name}});
    ASSERT_TRUE(outcome.changed.ok());
    EXPECT_FALSE(*outcome.changed) << name;
  }
  const auto graph = FcGraph(Weights(ElementType::i8, 2, 8, 1));
  const Outcome outcome = Encode(*graph, {{"skip", "w;fc2"}});
  ASSERT_FALSE(outcome.changed.ok());
  EXPECT_EQ(outcome.changed.status().message(), "skip=fc2: no weights and no layer of that name");
}

TEST(CscEncode, EncodedWeightsAreLeftAsTheyAre) {
  const auto graph = FcGraph(Weights(ElementType::i8, 2, 8, 1));
  EXPECT_TRUE(*Encode(*graph).changed);
  const Tensor before = graph->constants()[0]->tensor();
  EXPECT_FALSE(*Encode(*graph).changed);
  EXPECT_EQ(graph->constants()[0]->tensor(), before);
}

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "test.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus().ToString();
  return graph;
}

TEST(CscEncode, SharedWeightsAreChosenOnce) {
  const auto graph = Parse(R"(graph @g(%a: f32[1x4], %b: f32[3x4]) -> (%y: f32[1x2], %z: f32[3x2]) {
    const @w: f32[2x4] = {1, 0, 0, 0, 0, 2, 0, 0}
    %y: f32[1x2] = fc %a, @w
    %z: f32[3x2] = fc %b, @w
  })");
  ASSERT_TRUE(graph);
  EXPECT_TRUE(*Encode(*graph).changed);
  ASSERT_EQ(graph->constants().size(), 1u);
  EXPECT_TRUE(graph->constants()[0]->tensor().encoded());
}

TEST(CscEncode, WeightsThatSomethingElseReadsStayDense) {
  // By a transposed convolution, by another operand, or as both operands of one node.
  for (const char* text : {R"(graph @g(%x: f32[1x1x4x4]) -> (%y: f32[1x1x2x2], %z: f32[1x1x6x6]) {
    const @w: f32[1x1x3x3] = {1, 0, 0, 0, 0, 0, 0, 0, 0}
    %y: f32[1x1x2x2] = conv %x, @w
    %z: f32[1x1x6x6] = conv_transpose %x, @w
  })",
                           R"(graph @g(%x: f32[1x1x4x4]) -> (%z: f32[1x1x6x6]) {
    const @w: f32[1x1x3x3] = {1, 0, 0, 0, 0, 0, 0, 0, 0}
    %z: f32[1x1x6x6] = conv_transpose %x, @w
  })",
                           R"(graph @g(%x: f32[2x4]) -> (%y: f32[2x2], %z: f32[2x4]) {
    const @w: f32[2x4] = {1, 0, 0, 0, 0, 0, 0, 0}
    %y: f32[2x2] = fc %x, @w
    %z: f32[2x4] = binary %x, @w {fn = add}
  })"}) {
    const auto graph = Parse(text);
    ASSERT_TRUE(graph);
    EXPECT_FALSE(*Encode(*graph).changed) << text;
    EXPECT_FALSE(graph->constants()[0]->tensor().encoded()) << text;
  }
}

TEST(CscEncode, RefusesPlacementsButNoEncodings) {
  const auto pass = FindPass("csc-encode")->create();
  EXPECT_TRUE(pass->Needs().no_placements);
  EXPECT_FALSE(pass->Needs().no_encodings);
}

TEST(CscEncode, ConvolutionsOfAnyShape) {
  const auto graph = Parse(R"(graph @g(%x: f32[1x4x4x4]) -> (%y: f32[1x4x2x2]) {
    const @w: f32[4x1x3x3] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                              2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0}
    %y: f32[1x4x2x2] = conv %x, @w {group = 4}
  })");
  ASSERT_TRUE(graph);
  EXPECT_TRUE(*Encode(*graph).changed);
  const Tensor& stored = graph->constants()[0]->tensor();
  EXPECT_EQ(Decode(stored)->data<float>()[35 - 2], 4.0f);
  EXPECT_EQ(stored.nonzeros(), 4);
}

}  // namespace
}  // namespace mcuc
