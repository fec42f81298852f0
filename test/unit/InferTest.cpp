// Shapes of results by hand, with both sides of every limit; windows and resize coordinates against worked examples.
#include "mcuc/IR/Infer.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The result's shape as text, or the error.
std::string Infer(const Attributes& attrs, const std::vector<Shape>& shapes, std::optional<Shape> declared = {}) {
  std::vector<Type> types;
  for (const Shape& shape : shapes) types.push_back({ElementType::f32, shape});
  std::vector<const Type*> operands;
  for (const Type& type : types) operands.push_back(&type);
  const auto result = InferShape(attrs, operands, declared ? &*declared : nullptr);
  return result.ok() ? "[" + ShapeText(*result) + "]" : std::string(result.status().message());
}

constexpr int64_t kMax = int64_t{1} << 20;

TEST(Infer, Arity) {
  EXPECT_EQ(Infer(ConvAttrs{}, {{1, 1, 2, 2}}), "conv takes 2 to 3 operands (x, w, b), not 1");
  EXPECT_EQ(Infer(ConvAttrs{}, {{1, 1, 2, 2}, {1, 1, 1, 1}, {1}, {1}}), "conv takes 2 to 3 operands (x, w, b), not 4");
  EXPECT_EQ(Infer(UnaryAttrs{}, {{1}, {1}}), "unary takes 1 operand (x), not 2");
  EXPECT_EQ(Infer(ConcatAttrs{}, {}), "concat takes 1 or more operands (xs), not 0");
  EXPECT_EQ(Infer(BinaryAttrs{}, {{1}}), "binary takes 2 operands (a, b), not 1");
  EXPECT_EQ(InferShape(UnaryAttrs{}, {nullptr}).status().message(), "operand 0 of unary is absent");
  EXPECT_EQ(InferShape(Attributes{std::monostate{}}, {}).status().code(), absl::StatusCode::kInternal);
}

TEST(Infer, HostileShapes) {
  EXPECT_THAT(Infer(UnaryAttrs{}, {{4, 0}}), HasSubstr("dimension of 0"));
  EXPECT_THAT(Infer(UnaryAttrs{}, {{-1}}), HasSubstr("dimension of -1"));
  EXPECT_THAT(Infer(UnaryAttrs{}, {{int64_t{1} << 40, int64_t{1} << 40}}), HasSubstr("more than 268435456 elements"));
  EXPECT_THAT(Infer(ReshapeAttrs{}, {{4}}, Shape{0}), HasSubstr("dimension of 0"));
  EXPECT_EQ(Infer(UnaryAttrs{}, {{kMaxElements}}), "[268435456]");
  EXPECT_THAT(Infer(MatMulAttrs{}, {{1 << 15, 1}, {1, 1 << 14}}), HasSubstr("more than 268435456"));
  EXPECT_EQ(Infer(MatMulAttrs{}, {{1 << 14, 1}, {1, 1 << 14}}), "[16384x16384]");
  EXPECT_THAT(Infer(GatherAttrs{}, {{2, 1 << 20}, {1 << 20}}), HasSubstr("more than 268435456"));
}

TEST(Infer, Conv) {
  EXPECT_EQ(Infer(ConvAttrs{}, {{2, 3, 8, 9}, {4, 3, 3, 2}, {4}}), "[2x4x6x8]");
  EXPECT_EQ(
      Infer(ConvAttrs{.strides = {2, 3}, .dilations = {2, 1}, .pads = {1, 0, 2, 3}}, {{1, 1, 8, 9}, {1, 1, 3, 2}}),
      "[1x1x4x4]");  // (8+3-5)/2+1, (9+3-2)/3+1
  EXPECT_EQ(Infer(ConvAttrs{.group = 2}, {{1, 4, 3, 3}, {6, 2, 1, 1}}), "[1x6x3x3]");
  EXPECT_EQ(Infer(ConvAttrs{.group = 4}, {{1, 4, 3, 3}, {4, 1, 1, 1}}), "[1x4x3x3]");
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 3, 8}, {4, 3, 3, 2}}), HasSubstr("x [1x3x8] has rank 3; it must be 4"));
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 3, 8, 8}, {4, 3, 3}}), HasSubstr("w [4x3x3] has rank 3; it must be 4"));
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 3, 8, 8}, {4, 2, 3, 3}}), HasSubstr("has 3 channels, but w [4x2x3x3]"));
  EXPECT_THAT(Infer(ConvAttrs{.group = 2}, {{1, 5, 3, 3}, {6, 2, 1, 1}}), HasSubstr("has 5 channels"));
  EXPECT_THAT(Infer(ConvAttrs{.group = 4}, {{1, 4, 3, 3}, {6, 1, 1, 1}}), HasSubstr("group = 4 does not divide the 6"));
  EXPECT_THAT(Infer(ConvAttrs{.group = 0}, {{1, 4, 3, 3}, {6, 1, 1, 1}}), HasSubstr("group = 0"));
  EXPECT_THAT(Infer(ConvAttrs{.group = -1}, {{1, 4, 3, 3}, {4, 4, 1, 1}}), HasSubstr("group = -1"));
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 3, 8, 8}, {4, 3, 3, 3}, {3}}), HasSubstr("b [3] must be [4]"));
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 3, 8, 8}, {4, 3, 3, 3}, {4, 1}}), HasSubstr("b [4x1] must be [4]"));
  // The window just fits, and just does not.
  EXPECT_EQ(Infer(ConvAttrs{.pads = {0, 1, 0, 0}}, {{1, 1, 3, 2}, {1, 1, 3, 3}}), "[1x1x1x1]");
  EXPECT_EQ(Infer(ConvAttrs{}, {{1, 1, 3, 2}, {1, 1, 3, 3}}),
            "a window of 3 does not fit into width 2 with pads 0 + 0");
  EXPECT_EQ(Infer(ConvAttrs{.dilations = {2, 1}}, {{1, 1, 4, 3}, {1, 1, 3, 3}}),
            "a window of 5 does not fit into height 4 with pads 0 + 0");
}

TEST(Infer, AttributeRanges) {
  const std::vector<Shape> x = {{1, 1, 4, 4}, {1, 1, 1, 1}};
  EXPECT_THAT(Infer(ConvAttrs{.strides = {1, 0}}, x), HasSubstr("strides holds 0; each must be within [1, 1048576]"));
  EXPECT_THAT(Infer(ConvAttrs{.dilations = {-1, 1}}, x), HasSubstr("dilations holds -1"));
  EXPECT_THAT(Infer(ConvAttrs{.pads = {0, 0, 0, -1}}, x), HasSubstr("pads holds -1; each must be within [0, 1048576]"));
  EXPECT_THAT(Infer(ConvAttrs{.pads = {0, 0, kMax + 1, 0}}, x), HasSubstr("pads holds 1048577"));
  EXPECT_EQ(Infer(ConvAttrs{.pads = {0, 0, kMax, 0}}, x), "[1x1x1048580x4]");
  EXPECT_THAT(Infer(ConvAttrs{.strides = {kMax + 1, 1}}, x), HasSubstr("strides holds 1048577"));
  EXPECT_EQ(Infer(ConvAttrs{.strides = {kMax, 1}}, x), "[1x1x1x4]");
  EXPECT_THAT(Infer(MaxPoolAttrs{.kernel = {0, 1}}, {{1, 1, 4, 4}}), HasSubstr("kernel holds 0"));
  EXPECT_THAT(Infer(ConvAttrs{}, {{1, 1, kMax * 4, 1}, {1, 1, kMax + 1, 1}}), HasSubstr("kernel holds 1048577"));
  // Reaches near 2^40 do not overflow.
  EXPECT_THAT(Infer(MaxPoolAttrs{.kernel = {kMax, 1}, .dilations = {kMax, 1}}, {{1, 1, 4, 4}}),
              HasSubstr("a window of 1099510579201 does not fit"));
}

TEST(Infer, FusedPools) {
  const std::vector<Shape> x = {{1, 1, 6, 6}, {2, 1, 2, 2}};  // 5 x 5 before the pool
  EXPECT_EQ(Infer(ConvAttrs{.pool = {PoolKind::max, {2, 2}, {2, 2}}}, x), "[1x2x2x2]");
  EXPECT_EQ(Infer(ConvAttrs{.pool = {PoolKind::max, {2, 2}, {2, 2}, {}, true}}, x), "[1x2x3x3]");
  EXPECT_EQ(Infer(ConvAttrs{.pool = {PoolKind::max, {2, 3}, {1, 1}, {1, 0, 0, 2}}}, x), "[1x2x5x5]");
  EXPECT_EQ(Infer(ConvAttrs{.pool = {PoolKind::avg, {5, 4}, {1, 1}}}, x), "[1x2x1x2]");
  EXPECT_THAT(Infer(ConvAttrs{.pool = {PoolKind::avg, {6, 1}, {1, 1}}}, x),
              HasSubstr("pool: a window of 6 does not fit into height 5"));
  EXPECT_THAT(Infer(ConvAttrs{.pool = {PoolKind::avg, {2, 2}, {1, 1}, {0, 0, 0, 1}}}, x), HasSubstr("has no pads"));
  EXPECT_THAT(Infer(ConvAttrs{.pool = {PoolKind::avg, {2, 2}, {1, 1}, {}, true}}, x),
              HasSubstr("has no pads and no ceil"));
  EXPECT_THAT(Infer(ConvAttrs{.pool = {PoolKind::max, {2, 2}, {0, 1}}}, x), HasSubstr("pool: strides holds 0"));
  EXPECT_THAT(Infer(ConvAttrs{.pool = {PoolKind::max, {1, 2}, {1, 1}, {1, 0, 0, 0}}}, x),
              HasSubstr("pool: a window along height 5 lies wholly in its padding"));
  // The convolution's own size is bounded too.
  EXPECT_THAT(Infer(ConvAttrs{.pads = {kMax, kMax, kMax, kMax}, .pool = {PoolKind::max, {1, 1}, {kMax, kMax}}}, x),
              HasSubstr("more than 268435456 elements"));
}

TEST(Infer, ConvTranspose) {
  EXPECT_EQ(
      Infer(ConvTransposeAttrs{.strides = {2, 3}, .dilations = {1, 2}, .pads = {1, 0, 0, 2}, .output_pads = {1, 0}},
            {{1, 2, 3, 4}, {2, 5, 3, 2}, {5}}),
      "[1x5x7x10]");  // 2*2+2+1-1+1, 3*3+2+1-2
  EXPECT_EQ(Infer(ConvTransposeAttrs{.group = 2}, {{1, 4, 3, 3}, {4, 3, 1, 1}, {6}}), "[1x6x3x3]");
  EXPECT_THAT(Infer(ConvTransposeAttrs{.group = 2}, {{1, 4, 3, 3}, {4, 3, 1, 1}, {3}}), HasSubstr("b [3] must be [6]"));
  EXPECT_THAT(Infer(ConvTransposeAttrs{.group = 3}, {{1, 4, 3, 3}, {4, 3, 1, 1}}),
              HasSubstr("group = 3 does not divide"));
  EXPECT_THAT(Infer(ConvTransposeAttrs{.group = 0}, {{1, 4, 3, 3}, {4, 3, 1, 1}}), HasSubstr("group = 0"));
  EXPECT_THAT(Infer(ConvTransposeAttrs{}, {{1, 4, 3, 3}, {3, 3, 1, 1}}),
              HasSubstr("has 4 channels, but w [3x3x1x1] takes 3"));
  EXPECT_EQ(Infer(ConvTransposeAttrs{.pads = {1, 0, 1, 0}}, {{1, 1, 3, 3}, {1, 1, 1, 1}}), "[1x1x1x3]");
  EXPECT_THAT(Infer(ConvTransposeAttrs{.pads = {1, 0, 2, 0}}, {{1, 1, 3, 3}, {1, 1, 1, 1}}),
              HasSubstr("pads 1 + 2 cut off the whole height"));
  EXPECT_THAT(Infer(ConvTransposeAttrs{.output_pads = {-1, 0}}, {{1, 1, 3, 3}, {1, 1, 1, 1}}),
              HasSubstr("output_pads holds -1"));
}

TEST(Infer, FcAndMatMul) {
  EXPECT_EQ(Infer(FcAttrs{}, {{2, 3, 4}, {5, 4}, {5}}), "[2x3x5]");
  EXPECT_EQ(Infer(FcAttrs{}, {{4}, {5, 4}}), "[5]");
  EXPECT_THAT(Infer(FcAttrs{}, {{5}, {5, 4}}), HasSubstr("ends in a dimension of 5, but w [5x4] takes 4"));
  EXPECT_THAT(Infer(FcAttrs{}, {{}, {5, 4}}), HasSubstr("x is a scalar"));
  EXPECT_THAT(Infer(FcAttrs{}, {{4}, {5, 4, 1}}), HasSubstr("rank 3; it must be 2"));
  EXPECT_THAT(Infer(FcAttrs{}, {{4}, {5, 4}, {4}}), HasSubstr("b [4] must be [5]"));
  EXPECT_EQ(Infer(MatMulAttrs{}, {{2, 1, 3, 4}, {7, 4, 5}}), "[2x7x3x5]");
  EXPECT_EQ(Infer(MatMulAttrs{}, {{3, 4}, {4, 5}}), "[3x5]");
  EXPECT_THAT(Infer(MatMulAttrs{}, {{3, 4}, {5, 4}}), HasSubstr("has 4 columns, but b [5x4] has 5 rows"));
  EXPECT_THAT(Infer(MatMulAttrs{}, {{2, 3, 4}, {3, 4, 5}}), HasSubstr("do not broadcast"));
  EXPECT_THAT(Infer(MatMulAttrs{}, {{4}, {4, 5}}), HasSubstr("rank of at least 2"));
  EXPECT_THAT(Infer(MatMulAttrs{}, {{4, 5}, {5}}), HasSubstr("rank of at least 2"));
}

TEST(Infer, Pools) {
  EXPECT_EQ(Infer(MaxPoolAttrs{.kernel = {3, 2}, .strides = {2, 1}, .dilations = {1, 2}, .pads = {0, 1, 1, 1}},
                  {{1, 2, 6, 5}}),
            "[1x2x3x5]");
  EXPECT_EQ(Infer(MaxPoolAttrs{.kernel = {2, 2}, .strides = {2, 2}, .ceil = true}, {{1, 2, 5, 4}}), "[1x2x3x2]");
  EXPECT_EQ(Infer(AvgPoolAttrs{.kernel = {2, 2}, .strides = {2, 2}}, {{1, 2, 5, 4}}), "[1x2x2x2]");
  EXPECT_THAT(Infer(MaxPoolAttrs{}, {{1, 2, 3}}), HasSubstr("x [1x2x3] has rank 3"));
  // A window may not lie wholly in padding, unless padding has a value.
  EXPECT_EQ(Infer(MaxPoolAttrs{.kernel = {2, 1}, .pads = {1, 0, 1, 0}}, {{1, 1, 1, 1}}), "[1x1x2x1]");
  EXPECT_THAT(Infer(MaxPoolAttrs{.kernel = {2, 1}, .pads = {2, 0, 0, 0}}, {{1, 1, 1, 1}}),
              HasSubstr("lies wholly in its padding"));
  EXPECT_THAT(Infer(MaxPoolAttrs{.kernel = {1, 2}, .pads = {0, 0, 0, 2}}, {{1, 1, 1, 1}}),
              HasSubstr("a window along width 1 lies wholly in its padding: kernel 2, dilation 1, pads 0 + 2"));
  EXPECT_THAT(Infer(AvgPoolAttrs{.kernel = {1, 1}, .pads = {1, 0, 0, 0}}, {{1, 1, 1, 1}}),
              HasSubstr("wholly in its padding"));
  EXPECT_EQ(Infer(AvgPoolAttrs{.kernel = {1, 1}, .pads = {1, 0, 0, 0}, .count_include_pad = true}, {{1, 1, 1, 1}}),
            "[1x1x2x1]");
  // Taps 3 apart step over a single row: at -1 and 2 of [0, 1).
  EXPECT_THAT(Infer(MaxPoolAttrs{.kernel = {2, 1}, .dilations = {3, 1}, .pads = {1, 0, 2, 0}}, {{1, 1, 1, 1}}),
              HasSubstr("wholly in its padding"));
  EXPECT_EQ(Infer(MaxPoolAttrs{.kernel = {2, 1}, .dilations = {3, 1}, .pads = {3, 0, 0, 0}}, {{1, 1, 1, 1}}),
            "[1x1x1x1]");
}

TEST(Infer, Reductions) {
  EXPECT_EQ(Infer(ReduceAttrs{.axes = {0, 2}}, {{2, 3, 4}}), "[1x3x1]");
  EXPECT_EQ(Infer(ReduceAttrs{.axes = {0, 2}, .keepdims = false}, {{2, 3, 4}}), "[3]");
  EXPECT_EQ(Infer(ReduceAttrs{.axes = {}}, {{2, 3}}), "[2x3]");
  EXPECT_THAT(Infer(ReduceAttrs{.axes = {2, 0}}, {{2, 3, 4}}), HasSubstr("axes must ascend, but 0 follows 2"));
  EXPECT_THAT(Infer(ReduceAttrs{.axes = {1, 1}}, {{2, 3, 4}}), HasSubstr("axes must ascend, but 1 follows 1"));
  EXPECT_THAT(Infer(ReduceAttrs{.axes = {3}}, {{2, 3, 4}}), HasSubstr("axis = 3 is outside [0, 3)"));
  EXPECT_THAT(Infer(ReduceAttrs{.axes = {-1}}, {{2, 3, 4}}), HasSubstr("axis = -1"));
  EXPECT_EQ(Infer(ArgReduceAttrs{.axis = 1}, {{2, 3}}), "[2x1]");
  EXPECT_EQ(Infer(ArgReduceAttrs{.axis = 1, .keepdims = false}, {{2, 3}}), "[2]");
  EXPECT_THAT(Infer(ArgReduceAttrs{.axis = 2}, {{2, 3}}), HasSubstr("axis = 2 is outside"));
  EXPECT_EQ(Infer(SoftmaxAttrs{.axis = 1}, {{2, 3}, {256}}), "[2x3]");
  EXPECT_THAT(Infer(SoftmaxAttrs{.axis = 2}, {{2, 3}}), HasSubstr("axis = 2"));
  EXPECT_THAT(Infer(SoftmaxAttrs{.axis = 1}, {{2, 3}, {255}}), HasSubstr("table [255] must be [256]"));
  EXPECT_THAT(Infer(LutAttrs{}, {{2, 3}, {1, 256}}), HasSubstr("table [1x256] must be [256]"));
  EXPECT_EQ(Infer(LutAttrs{}, {{2, 3}, {256}}), "[2x3]");
}

TEST(Infer, Broadcasting) {
  EXPECT_EQ(Infer(BinaryAttrs{}, {{2, 1, 4}, {3, 1}}), "[2x3x4]");
  EXPECT_EQ(Infer(BinaryAttrs{}, {{3, 1}, {2, 1, 4}}), "[2x3x4]");
  EXPECT_EQ(Infer(BinaryAttrs{}, {{}, {2}}), "[2]");
  EXPECT_THAT(Infer(BinaryAttrs{}, {{2}, {3}}), HasSubstr("[2] and [3] do not broadcast: 2 against 3"));
  EXPECT_THAT(*BroadcastShapes({1, 5}, {4, 1, 1}), ElementsAre(4, 1, 5));
}

TEST(Infer, Moves) {
  EXPECT_EQ(Infer(ReshapeAttrs{}, {{2, 6}}, Shape{3, 4}), "[3x4]");
  EXPECT_THAT(Infer(ReshapeAttrs{}, {{2, 6}}, Shape{3, 5}), HasSubstr("has 12 elements, but the result [3x5] has 15"));
  EXPECT_EQ(InferShape(ReshapeAttrs{}, {std::make_unique<Type>().get()}).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Infer(TransposeAttrs{.perm = {2, 0, 1}}, {{2, 3, 4}}), "[4x2x3]");
  EXPECT_THAT(Infer(TransposeAttrs{.perm = {0, 0, 1}}, {{2, 3, 4}}),
              HasSubstr("not a permutation of 0 to 2: 0 is repeated"));
  EXPECT_THAT(Infer(TransposeAttrs{.perm = {0, 1, 3}}, {{2, 3, 4}}), HasSubstr("3 is repeated or out of range"));
  EXPECT_THAT(Infer(TransposeAttrs{.perm = {-1, 1, 0}}, {{2, 3, 4}}), HasSubstr("-1 is repeated or out of range"));
  EXPECT_THAT(Infer(TransposeAttrs{.perm = {0, 1}}, {{2, 3, 4}}), HasSubstr("perm has 2 entries for the 3 dimensions"));
  EXPECT_EQ(Infer(ConcatAttrs{.axis = 1}, {{2, 3}, {2, 1}, {2, 2}}), "[2x6]");
  EXPECT_THAT(Infer(ConcatAttrs{.axis = 0}, {{2, 3}, {2, 1}}),
              HasSubstr("operand 1 [2x1] and operand 0 [2x3] may differ"));
  EXPECT_THAT(Infer(ConcatAttrs{.axis = 0}, {{2, 3}, {2}}), HasSubstr("may differ in dimension 0 only"));
  EXPECT_THAT(Infer(ConcatAttrs{.axis = 2}, {{2, 3}}), HasSubstr("axis = 2"));
  EXPECT_THAT(Infer(ConcatAttrs{}, {{kMaxElements}, {1}}), HasSubstr("more than 268435456"));
  EXPECT_EQ(Infer(IdentityAttrs{}, {{2, 3}}), "[2x3]");
  EXPECT_EQ(Infer(GatherAttrs{.axis = 1}, {{2, 3, 4}, {5, 6}}), "[2x5x6x4]");
  EXPECT_EQ(Infer(GatherAttrs{.axis = 0}, {{2, 3}, {}}), "[3]");
  EXPECT_THAT(Infer(GatherAttrs{.axis = 3}, {{2, 3, 4}, {5}}), HasSubstr("axis = 3"));
}

TEST(Infer, Slice) {
  EXPECT_EQ(Infer(SliceAttrs{.starts = {1, 4}, .steps = {1, -2}}, {{3, 5}}, Shape{2, 3}), "[2x3]");
  EXPECT_EQ(Infer(SliceAttrs{.starts = {1, 0}}, {{3, 5}}, Shape{2, 5}), "[2x5]");
  EXPECT_THAT(Infer(SliceAttrs{.starts = {1, 4}, .steps = {1, -2}}, {{3, 5}}, Shape{2, 4}),
              HasSubstr("reads element -2 of x [3x5]"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {1, 0}}, {{3, 5}}, Shape{3, 5}), HasSubstr("reads element 3 of x"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {3, 0}}, {{3, 5}}, Shape{1, 5}),
              HasSubstr("starts holds 3 for dimension 0, outside [0, 3)"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {-1, 0}}, {{3, 5}}, Shape{1, 5}), HasSubstr("starts holds -1"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0, 0}, .steps = {1, 0}}, {{3, 5}}, Shape{1, 1}),
              HasSubstr("steps holds 0 for dimension 1"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0}}, {{3, 5}}, Shape{1, 1}), HasSubstr("starts has 1 and steps 0 entries"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0, 0}, .steps = {1}}, {{3, 5}}, Shape{1, 1}),
              HasSubstr("starts has 2 and steps 1"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0, 0}}, {{3, 5}}, Shape{1}), HasSubstr("must have the same rank"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0}, .steps = {std::numeric_limits<int64_t>::max()}}, {{3}}, Shape{3}),
              HasSubstr("steps holds"));
  EXPECT_THAT(Infer(SliceAttrs{.starts = {0}, .steps = {std::numeric_limits<int64_t>::min()}}, {{3}}, Shape{3}),
              HasSubstr("steps holds"));
}

TEST(Infer, Pad) {
  EXPECT_EQ(Infer(PadAttrs{.before = {1, 0}, .after = {2, 3}}, {{2, 3}}), "[5x6]");
  EXPECT_THAT(Infer(PadAttrs{.before = {1}, .after = {2, 3}}, {{2, 3}}), HasSubstr("before has 1 and after 2 entries"));
  EXPECT_THAT(Infer(PadAttrs{.before = {1, 0}, .after = {2}}, {{2, 3}}), HasSubstr("before has 2 and after 1 entries"));
  EXPECT_THAT(Infer(PadAttrs{.before = {-1}, .after = {2}}, {{2}}), HasSubstr("padded by -1"));
  EXPECT_THAT(Infer(PadAttrs{.before = {0}, .after = {std::numeric_limits<int64_t>::max()}}, {{2}}),
              HasSubstr("it must be within"));
  EXPECT_THAT(Infer(PadAttrs{.before = {0}, .after = {kMaxElements}}, {{2}}), HasSubstr("more than 268435456"));
  EXPECT_EQ(Infer(PadAttrs{.mode = PadMode::reflect, .before = {1}, .after = {1}}, {{2}}), "[4]");
  EXPECT_THAT(Infer(PadAttrs{.mode = PadMode::reflect, .before = {2}, .after = {0}}, {{2}}),
              HasSubstr("reflect takes at most 1"));
  EXPECT_EQ(Infer(PadAttrs{.mode = PadMode::edge, .before = {2}, .after = {9}}, {{2}}), "[13]");
}

TEST(Infer, Resize) {
  EXPECT_EQ(Infer(ResizeAttrs{}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}), "[1x2x6x2]");
  EXPECT_EQ(Infer(ResizeAttrs{.scales = {1, 1, 2, 0.5f}}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}), "[1x2x6x2]");
  EXPECT_THAT(Infer(ResizeAttrs{}, {{1, 2, 3, 4}}, Shape{1, 3, 6, 2}),
              HasSubstr("must agree in their first two dimensions"));
  EXPECT_THAT(Infer(ResizeAttrs{}, {{2, 2, 3, 4}}, Shape{1, 2, 6, 2}), HasSubstr("must agree"));
  EXPECT_THAT(Infer(ResizeAttrs{}, {{2, 3, 4}}, Shape{1, 2, 6, 2}), HasSubstr("x [2x3x4] has rank 3"));
  EXPECT_THAT(Infer(ResizeAttrs{}, {{1, 2, 3, 4}}, Shape{6, 2}), HasSubstr("the result [6x2] has rank 2"));
  EXPECT_THAT(Infer(ResizeAttrs{.scales = {2, 2}}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}),
              HasSubstr("scales has 2 entries"));
  EXPECT_THAT(Infer(ResizeAttrs{.scales = {1, 2, 1, 1}}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}),
              HasSubstr("scales holds 2 for dimension 1; it must be 1"));
  EXPECT_THAT(Infer(ResizeAttrs{.scales = {1, 1, 0, 1}}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}),
              HasSubstr("scales holds 0"));
  EXPECT_THAT(Infer(ResizeAttrs{.scales = {1, 1, 1, INFINITY}}, {{1, 2, 3, 4}}, Shape{1, 2, 6, 2}),
              HasSubstr("scales holds inf"));
}

TEST(WindowCount, FloorAndCeil) {
  EXPECT_EQ(WindowCount(7, 3, 2, 1, 0, 0, false), 3);
  EXPECT_EQ(WindowCount(8, 3, 2, 1, 0, 0, false), 3);
  EXPECT_EQ(WindowCount(8, 3, 2, 1, 0, 0, true), 4);
  EXPECT_EQ(WindowCount(7, 3, 2, 1, 0, 0, true), 3);
  EXPECT_EQ(WindowCount(8, 3, 2, 2, 1, 1, false), 3);  // reach 5
  EXPECT_EQ(WindowCount(2, 3, 1, 1, 0, 0, true), 0);
  EXPECT_EQ(WindowCount(3, 3, 1, 1, 0, 0, true), 1);
  EXPECT_EQ(WindowCount(3, 3, 0, 1, 0, 0, true), 0);
  // PyTorch's and ONNX's example: 4 wide, kernel 2, stride 3, pads 0 and 1: a second window starts at 3, inside.
  EXPECT_EQ(WindowCount(4, 2, 3, 1, 0, 1, true), 2);
  // Width 2, kernel 1, stride 2, end padding 1: ceil gives 2, but the second would start at 2, in the padding.
  EXPECT_EQ(WindowCount(2, 1, 2, 1, 0, 1, true), 1);
  EXPECT_EQ(WindowCount(3, 1, 2, 1, 0, 1, true), 2);
  EXPECT_EQ(WindowCount(1, 2, 2, 1, 1, 1, true), 1);  // starts at 2 = 1 + 1
  EXPECT_EQ(WindowCount(2, 2, 2, 1, 1, 1, true), 2);  // starts at 2 < 2 + 1
}

ResizeAxis Axis(ResizeMode mode, ResizeTransform transform, ResizeRound round, int64_t in, int64_t out, float scale) {
  return ResizeAxisOf(ResizeAttrs{.mode = mode, .transform = transform, .round = round}, in, out, scale);
}

TEST(ResizeAxis, LinearHalfPixel) {
  // Doubling: -0.25 (clamped), 0.25, 0.75, 1.25 (clamped): the last sample is past the border.
  const ResizeAxis axis = Axis(ResizeMode::linear, ResizeTransform::half_pixel, ResizeRound::floor, 2, 4, 2);
  EXPECT_THAT(axis.lo, ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(axis.hi, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(axis.fraction, ElementsAre(0, 0.25f, 0.75f, 0));
}

TEST(ResizeAxis, LinearTransforms) {
  const auto coordinates = [](ResizeTransform transform, int64_t in, int64_t out, float scale) {
    const ResizeAxis axis = Axis(ResizeMode::linear, transform, ResizeRound::floor, in, out, scale);
    std::vector<float> x;
    for (size_t i = 0; i < axis.lo.size(); ++i) x.push_back(static_cast<float>(axis.lo[i]) + axis.fraction[i]);
    return x;
  };
  EXPECT_THAT(coordinates(ResizeTransform::asymmetric, 4, 6, 1.5f), ElementsAre(0, 1 / 1.5f, 2 / 1.5f, 2, 4 / 1.5f, 3));
  EXPECT_THAT(coordinates(ResizeTransform::align_corners, 3, 5, 5.0f / 3), ElementsAre(0, 0.5f, 1, 1.5f, 2));
  EXPECT_THAT(coordinates(ResizeTransform::align_corners, 3, 1, 1.0f / 3), ElementsAre(0));
  EXPECT_THAT(coordinates(ResizeTransform::half_pixel, 4, 1, 0.25f), ElementsAre(1.5f));
  EXPECT_THAT(coordinates(ResizeTransform::pytorch_half_pixel, 4, 1, 0.25f), ElementsAre(0));
  EXPECT_THAT(coordinates(ResizeTransform::pytorch_half_pixel, 4, 2, 0.5f), ElementsAre(0.5f, 2.5f));
  // The scale, not the ratio of the sizes, and absurd ones stay within the input.
  EXPECT_THAT(coordinates(ResizeTransform::asymmetric, 8, 3, 0.5f), ElementsAre(0, 2, 4));
  EXPECT_THAT(coordinates(ResizeTransform::asymmetric, 4, 3, 1e-45f), ElementsAre(0, 3, 3));
}

TEST(ResizeAxis, NearestRounding) {
  const auto nearest = [](ResizeRound round, int64_t in, int64_t out, float scale, ResizeTransform transform) {
    const ResizeAxis axis = Axis(ResizeMode::nearest, transform, round, in, out, scale);
    EXPECT_EQ(axis.lo, axis.hi);
    EXPECT_EQ(axis.fraction, std::vector<float>(axis.lo.size(), 0.0f));
    return axis.lo;
  };
  // Positions 0, 0.5, 1, 1.5 (clamped to 1) of two elements; then 0, 0.5, … 3.5 of five.
  const auto asymmetric = ResizeTransform::asymmetric;
  EXPECT_THAT(nearest(ResizeRound::floor, 2, 4, 2, asymmetric), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(nearest(ResizeRound::ceil, 2, 4, 2, asymmetric), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(nearest(ResizeRound::round_prefer_floor, 5, 8, 2, asymmetric), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
  EXPECT_THAT(nearest(ResizeRound::round_prefer_ceil, 5, 8, 2, asymmetric), ElementsAre(0, 1, 1, 2, 2, 3, 3, 4));
  // Positions 0, 0.25, 0.5, 0.75: only beyond the half does every rounding agree.
  EXPECT_THAT(nearest(ResizeRound::round_prefer_floor, 2, 4, 4, asymmetric), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(nearest(ResizeRound::round_prefer_ceil, 2, 4, 4, asymmetric), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(nearest(ResizeRound::round_prefer_floor, 2, 4, 2, ResizeTransform::half_pixel), ElementsAre(0, 0, 1, 1));
}

}  // namespace
}  // namespace mcuc
