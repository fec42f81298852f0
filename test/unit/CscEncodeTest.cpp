// csc-encode: the choice of each weight tensor's encoding, by byte arithmetic done by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

// Whether these weights become csc; the tensor left in the graph stands for the same numbers.
bool BecomesCsc(const Tensor& weights, const std::string& objective = "size", const std::string& target = "cortex-m4") {
  const auto graph = FcGraph(weights);
  const Outcome outcome = Encode(*graph, {{"objective", objective}}, target);
  EXPECT_TRUE(outcome.changed.ok());
  const Tensor& stored = graph->constants()[0]->tensor();
  EXPECT_EQ(*outcome.changed, stored.encoded());
  EXPECT_EQ(*Decode(stored), weights);
  return stored.encoded();
}

int64_t BytesAfter(const Tensor& weights) {
  const auto graph = FcGraph(weights);
  Encode(*graph);
  return graph->constants()[0]->tensor().storage_bytes();
}

TEST(CscEncode, Int8BreaksEvenAtHalfTheBytes) {
  // 2 x 8 int8: 16 bytes dense. csc: 2 counts + 2 bytes a nonzero.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 2, 8, 6)));   // 2 + 12 = 14
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 2, 8, 7)));  // 2 + 14 = 16: dense wins the tie
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 2, 8, 8)));  // 18
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 2, 8, 6)), 14);
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 2, 8, 7)), 16);
}

TEST(CscEncode, FloatBreaksEvenAtFourFifths) {
  // 2 x 8 float: 64 bytes dense. csc: 2 counts + 5 bytes a nonzero.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::f32, 2, 8, 12)));   // 2 + 60 = 62
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::f32, 2, 8, 13)));  // 2 + 65 = 67
}

TEST(CscEncode, AllDenseStaysDense) {
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 3, 100, 300)));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::f32, 3, 100, 300)));
}

TEST(CscEncode, AllZeroIsItsCounts) {
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 4, 2, 0)), 4);  // 4 counts against 8
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::f32, 4, 1, 0)));  // 4 counts against 16
}

TEST(CscEncode, EmptyColumn) {
  Tensor weights = Weights(ElementType::i8, 3, 6, 0);
  weights.Set(1, 5);           // column 0: position 1
  weights.Set(2 * 6 + 0, -7);  // column 2: positions 0 and 5; column 1 is empty
  weights.Set(2 * 6 + 5, 127);
  const auto graph = FcGraph(weights);
  Encode(*graph);
  const Tensor& stored = graph->constants()[0]->tensor();
  ASSERT_TRUE(stored.encoded());
  EXPECT_THAT(stored.csc().count, ElementsAre(1, 0, 2));
  EXPECT_THAT(stored.csc().delta, ElementsAre(1, 0, 4));
  EXPECT_EQ(stored.storage_bytes(), 9);  // 3 counts, 3 gaps, 3 values; 18 dense
  EXPECT_EQ(*Decode(stored), weights);
}

TEST(CscEncode, LongGapsTakeEscapes) {
  const std::vector<std::pair<int64_t, std::vector<int>>> cases = {
      {254, {254}}, {255, {255, 0}}, {256, {255, 1}}, {510, {255, 255, 0}}, {511, {255, 255, 1}}};
  for (const auto& [position, delta] : cases) {
    Tensor weights = Weights(ElementType::i8, 1, 512, 0);
    weights.Set(position, -3);
    const auto graph = FcGraph(weights);
    Encode(*graph);
    const Tensor& stored = graph->constants()[0]->tensor();
    ASSERT_TRUE(stored.encoded()) << position;
    EXPECT_EQ(std::vector<int>(stored.csc().delta.begin(), stored.csc().delta.end()), delta) << position;
    EXPECT_EQ(stored.storage_bytes(), 2 + static_cast<int64_t>(delta.size())) << position;
    EXPECT_EQ(*Decode(stored), weights) << position;
  }
}

TEST(CscEncode, CountsOver255TakeTwoBytesEach) {
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 1, 1000, 255)), 1 + 2 * 255);
  EXPECT_EQ(BytesAfter(Weights(ElementType::i8, 1, 1000, 256)), 2 + 2 * 256);
  // 2 x 512 dense: 1024 bytes. 510 nonzeros as 255 + 255: 2 + 1020 = 1022. As 256 + 254: 4 + 1020 = 1024, a tie.
  Tensor even = Weights(ElementType::i8, 2, 512, 255), uneven = Weights(ElementType::i8, 2, 512, 256);
  for (int64_t i = 0; i < 255; ++i) even.Set(512 + i, 1);
  for (int64_t i = 0; i < 254; ++i) uneven.Set(512 + i, 1);
  EXPECT_TRUE(BecomesCsc(even));
  EXPECT_FALSE(BecomesCsc(uneven));
}

TEST(CscEncode, AColumnTooLongForItsCountStaysDenseWithARemark) {
  const auto graph = FcGraph(Weights(ElementType::f32, 1, 90000, 65536));
  const Outcome outcome = Encode(*graph);
  ASSERT_TRUE(outcome.changed.ok());
  EXPECT_FALSE(*outcome.changed);
  ASSERT_EQ(outcome.diagnostics.all().size(), 1u);
  EXPECT_EQ(outcome.diagnostics.all()[0].severity, Severity::kRemark);
  EXPECT_EQ(outcome.diagnostics.all()[0].where.node, "fc1");
  EXPECT_THAT(outcome.diagnostics.all()[0].message, HasSubstr("@w not stored as csc: column 0 has 65536 nonzeros"));
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::f32, 1, 90000, 65535)));
}

TEST(CscEncode, SpeedChoosesByInstructions) {
  // A dense step costs `dense` and a nonzero `sparse` instructions: of 1000 weights, csc pays below 1000 dense /
  // sparse.
  const Target target = Target::ByName("cortex-m4").value();
  const auto rate = [&](Encoding encoding) {
    const auto graph = FcGraph(Weights(ElementType::i8, 1, 1000, 1000));
    return target.Instructions(*graph->nodes().front(), encoding) / 1000;
  };
  const auto most = static_cast<int64_t>(1000 * rate(Encoding::kDense) / rate(Encoding::kCsc) - 1e-9);
  ASSERT_GT(most, 100);
  ASSERT_LT(most, 500);
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most), "speed"));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "speed"));
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "size"));
}

TEST(CscEncode, BalancedWeighsBytesAgainstInstructions) {
  // n of 1000: csc takes 1 + 2n bytes (2 + 2n from 256) and s n instructions, dense 1000 and 1000 d. csc wins where
  // (2 + 2n) s n < 1000 * 1000 d: for d = 1.75, s = 6 up to n = 381, between speed's 291 and size's 498.
  const Target target = Target::ByName("cortex-m4").value();
  const auto graph = FcGraph(Weights(ElementType::i8, 1, 1000, 1000));
  const double d = target.Instructions(*graph->nodes().front(), Encoding::kDense) / 1000;
  const double s = target.Instructions(*graph->nodes().front(), Encoding::kCsc) / 1000;
  int64_t most = 256;
  while (static_cast<double>((2 + 2 * (most + 1)) * (most + 1)) * s < 1e6 * d) ++most;
  ASSERT_GT(most, 256);
  ASSERT_LT(most, 499);
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most), "balanced"));
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 1000, most + 1), "balanced"));
}

TEST(CscEncode, EqualBytesAreSettledByInstructions) {
  // 1 x 5 with 2 nonzeros: 1 + 4 = 5 bytes either way. 2 * 6 instructions are more than 5 * 1.75.
  EXPECT_FALSE(BecomesCsc(Weights(ElementType::i8, 1, 5, 2)));
  // 4 x 1 without a nonzero: 4 bytes either way, and csc executes nothing.
  EXPECT_TRUE(BecomesCsc(Weights(ElementType::i8, 4, 1, 0)));
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
  const CscData& csc = graph->constants()[0]->tensor().csc();
  EXPECT_THAT(csc.count, ElementsAre(1, 0, 1, 2));
  EXPECT_THAT(csc.delta, ElementsAre(8, 0, 4, 1));
}

}  // namespace
}  // namespace mcuc
