// Targets by name, and the modelled instructions of layers in each encoding.
#include "mcuc/Target/Target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::HasSubstr;

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "test.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus().ToString();
  return graph;
}

Target Named(const std::string& name) { return Target::ByName(name).value(); }

const TargetInfo& InfoOf(const std::string& name) {
  for (const TargetInfo* info : Target::All()) {
    if (name == info->name) return *info;
  }
  ADD_FAILURE() << "no " << name;
  return *Target::All()[0];
}

// The only layer of a graph.
double InstructionsOf(const std::string& target, const std::string& text, Encoding encoding) {
  const auto graph = Parse(text);
  if (!graph) return -1;
  return Named(target).Instructions(*graph->nodes().front(), encoding);
}

TEST(Target, EveryTargetIsFoundByItsName) {
  std::vector<std::string> names;
  for (const TargetInfo* info : Target::All()) {
    names.push_back(info->name);
    EXPECT_EQ(Named(info->name).name(), info->name);
  }
  EXPECT_THAT(names, testing::ElementsAre("generic", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7",
                                          "cortex-m33", "cortex-m55", "rv32imac"));
}

TEST(Target, AnUnknownNameListsTheKnownOnes) {
  const auto target = Target::ByName("cortex-m4f");
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.status().message(),
            "no target \"cortex-m4f\"; there are: generic, cortex-m0plus, cortex-m3, cortex-m4, cortex-m7, cortex-m33, "
            "cortex-m55, rv32imac");
}

TEST(Target, CostsAreSane) {
  for (const TargetInfo* info : Target::All()) {
    for (double each : {info->dense_conv_i8, info->dense_fc_i8, info->sparse_conv_i8, info->sparse_fc_i8}) {
      EXPECT_GT(each, 0) << info->name;
      EXPECT_LT(each, 30) << info->name;
    }
    // A nonzero of float is never cheaper than one of int8, and a nonzero's gather never beats a dense fc's step.
    EXPECT_GE(info->dense_fc_f32, info->dense_fc_i8) << info->name;
    EXPECT_GE(info->sparse_conv_f32, info->sparse_conv_i8) << info->name;
    EXPECT_GE(info->sparse_fc_f32, info->sparse_fc_i8) << info->name;
    EXPECT_GT(info->sparse_fc_i8, info->dense_fc_i8) << info->name;
  }
}

// The estimates as they stand; measure before changing them.
TEST(Target, TheTable) {
  std::string table;
  for (const TargetInfo* t : Target::All()) {
    absl::StrAppend(&table, t->name, ": ", t->dense_conv_i8, " ", t->dense_fc_i8, " ", t->sparse_conv_i8, " ",
                    t->sparse_fc_i8, "; ", t->dense_conv_f32, " ", t->dense_fc_f32, " ", t->sparse_conv_f32, " ",
                    t->sparse_fc_f32, "\n");
  }
  EXPECT_EQ(table,
            "generic: 3.9 2.8 8.8 11.4; 4 5 9.6 12.3\n"
            "cortex-m0plus: 8.9 6.4 25.7 16.2; 130 124 217 198\n"
            "cortex-m3: 3.9 2.8 8.8 11.4; 50 53 106 100\n"
            "cortex-m4: 1.45 2.2 8.4 11.4; 1.6 2.8 9.6 12.3\n"
            "cortex-m7: 1.45 2.2 8.3 11.4; 1.6 2.8 9.9 12.3\n"
            "cortex-m33: 1.45 2.2 8.7 11.4; 1.9 2.8 9.5 12.3\n"
            "cortex-m55: 0.65 0.3 8.7 11.4; 1.9 4.3 9.5 12.3\n"
            "rv32imac: 4.5 4 10.1 13.3; 135 133 198 189\n");
}

// 4 x 4 input, 3 x 3 kernel: 2 x 2 outputs. 2 filters of 9 weights, 3 nonzeros in all: 4 * 18 = 72 dense MACs and
// 4 * 3 = 12 executed ones.
constexpr char kConvF32[] = R"(graph @g(%x: f32[1x1x4x4]) -> (%y: f32[1x2x2x2]) {
  const @w: f32[2x1x3x3] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}
  %y: f32[1x2x2x2] = conv %x, @w
})";
constexpr char kConvI8[] = R"(graph @g(%x: i8<1:0>[1x1x4x4]) -> (%y: i8<1:0>[1x2x2x2]) {
  const @w: i8<1:0>[2x1x3x3] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}
  %y: i8<1:0>[1x2x2x2] = conv %x, @w {mul = 1073741824, shift = 1}
})";
// 5 rows of 4 inputs and 2 outputs: 5 * 8 = 40 dense MACs; 3 nonzeros: 15 executed.
constexpr char kFcF32[] = R"(graph @g(%x: f32[5x4]) -> (%y: f32[5x2]) {
  const @w: f32[2x4] = {1, 0, 0, 2, 0, 0, 3, 0}
  %y: f32[5x2] = fc %x, @w
})";
constexpr char kFcI8[] = R"(graph @g(%x: i8<1:0>[5x4]) -> (%y: i8<1:0>[5x2]) {
  const @w: i8<1:0>[2x4] = {1, 0, 0, 2, 0, 0, 3, 0}
  %y: i8<1:0>[5x2] = fc %x, @w {mul = 1073741824, shift = 1}
})";
// Float input, int8 weights: float arithmetic.
constexpr char kFloatInput[] = R"(graph @g(%x: f32[5x4]) -> (%y: i8<1:0>[5x2]) {
  const @w: i8<1:0>[2x4] = {1, 0, 0, 2, 0, 0, 3, 0}
  %y: i8<1:0>[5x2] = fc %x, @w
})";

TEST(Target, InstructionsAreMacsTimesTheTablesRate) {
  // All eight rates of this row differ, so that each is told from the others.
  const std::string name = "cortex-m0plus";
  const TargetInfo& info = InfoOf(name);
  EXPECT_EQ(InstructionsOf(name, kConvF32, Encoding::kDense), 72 * info.dense_conv_f32);
  EXPECT_EQ(InstructionsOf(name, kConvF32, {GapCode::u8}), 12 * info.sparse_conv_f32);
  EXPECT_EQ(InstructionsOf(name, kConvI8, Encoding::kDense), 72 * info.dense_conv_i8);
  EXPECT_EQ(InstructionsOf(name, kConvI8, {GapCode::u8}), 12 * info.sparse_conv_i8);
  EXPECT_EQ(InstructionsOf(name, kFcF32, Encoding::kDense), 40 * info.dense_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFcF32, {GapCode::u8}), 15 * info.sparse_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFcI8, Encoding::kDense), 40 * info.dense_fc_i8);
  EXPECT_EQ(InstructionsOf(name, kFcI8, {GapCode::u8}), 15 * info.sparse_fc_i8);
  EXPECT_EQ(InstructionsOf(name, kFloatInput, Encoding::kDense), 40 * info.dense_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFloatInput, {GapCode::u8}), 15 * info.sparse_fc_f32);
  EXPECT_NE(info.dense_conv_f32, info.dense_fc_f32);
  EXPECT_NE(info.dense_conv_i8, info.dense_fc_i8);
}

TEST(Target, DecodingIsPaidANonzeroInFcAndForEightPixelsInConv) {
  const std::string name = "cortex-m4";
  const TargetInfo& info = InfoOf(name);
  // 15 executed of 40 MACs, 25 zeros; 12 of 72, 60 zeros.
  const auto fc = [&](Encoding encoding) { return InstructionsOf(name, kFcI8, encoding); };
  EXPECT_DOUBLE_EQ(fc({GapCode::u4}), 15 * (info.sparse_fc_i8 + 5) + 25 * 0.55);
  EXPECT_DOUBLE_EQ(fc({GapCode::bitmap}), 15 * (info.sparse_fc_i8 + 16) + 25 * 1.25);
  EXPECT_DOUBLE_EQ(fc({GapCode::rice}), 15 * (info.sparse_fc_i8 + 23));
  EXPECT_DOUBLE_EQ(fc({GapCode::u8, ValueCode::n4}), 15 * (info.sparse_fc_i8 + 8));
  EXPECT_DOUBLE_EQ(fc({GapCode::u8, ValueCode::n3}), 15 * (info.sparse_fc_i8 + 13));
  EXPECT_DOUBLE_EQ(fc({GapCode::u8, ValueCode::book4}), 15 * (info.sparse_fc_i8 + 6.3));
  EXPECT_DOUBLE_EQ(fc({GapCode::u8, ValueCode::book3}), 15 * (info.sparse_fc_i8 + 11.2));
  EXPECT_DOUBLE_EQ(fc({GapCode::u8, ValueCode::rice}), 15 * (info.sparse_fc_i8 + 12.2));
  EXPECT_DOUBLE_EQ(fc({GapCode::all, ValueCode::i4}), 40 * (info.sparse_fc_i8 + (6.4 - 5.7)));
  EXPECT_DOUBLE_EQ(fc({GapCode::all, ValueCode::i3}), 40 * (info.sparse_fc_i8 + (10 - 5.7)));
  EXPECT_DOUBLE_EQ(InstructionsOf(name, kConvI8, {GapCode::bitmap, ValueCode::n4}),
                   12 * (info.sparse_conv_i8 + 24.0 / 8) + 60 * 1.25 / 8);
}

TEST(Target, KernelsAreSharedByOperationTypeAndEncoding) {
  const auto kernel = [](const char* text, Encoding encoding) {
    Diagnostics diagnostics;
    const auto graph = ParseGraph(text, "test.mcu", diagnostics);
    const Target::Kernel k = Target::ByName("cortex-m4")->KernelOf(*graph->nodes().front(), encoding);
    return absl::StrCat(k.name, ": ", k.bytes);
  };
  EXPECT_EQ(kernel(kConvI8, Encoding::kDense), "conv : 650");
  EXPECT_EQ(kernel(kFcI8, Encoding::kDense), "fc : 290");
  EXPECT_EQ(kernel(kFcF32, {GapCode::u8}), "fc_f32 csc<u8>: 150");
  EXPECT_EQ(kernel(kConvI8, {GapCode::rice, ValueCode::n4}), "conv csc<rice, n4>: 785");
  EXPECT_EQ(kernel(kFcI8, {GapCode::all, ValueCode::book3}), "fc dense<book3>: 165");
  EXPECT_EQ(kernel(R"(graph @g(%x: f32[4]) -> (%y: f32[4]) {
    %y: f32[4] = unary %x {fn = relu}
  })",
                   Encoding::kDense),
            ": 0");
}

TEST(Target, OtherNodesAreNotModelled) {
  EXPECT_EQ(InstructionsOf("generic", R"(graph @g(%x: f32[4]) -> (%y: f32[4]) {
    %y: f32[4] = unary %x {fn = relu}
  })",
                           Encoding::kDense),
            0);
}

}  // namespace
}  // namespace mcuc
