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
      EXPECT_LT(each, 20) << info->name;
    }
    // Float never beats int8, and a nonzero's gather never beats a dense fc's step.
    EXPECT_GE(info->dense_conv_f32, info->dense_conv_i8) << info->name;
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
            "generic: 3.5 3.5 4 7; 4 4 4.5 8\n"
            "cortex-m0plus: 7.25 7 6 11; 110 108 112 116\n"
            "cortex-m3: 3.5 3.5 3 6.5; 80 80 80.5 84\n"
            "cortex-m4: 1.8 2.2 2.56 6; 3.5 3.5 3.5 7\n"
            "cortex-m7: 1.8 2.2 2.56 6; 3.5 3.5 3.5 7\n"
            "cortex-m33: 1.8 2.2 2.56 6; 3.5 3.5 3.5 7\n"
            "cortex-m55: 1 0.3 1 5; 1 1 1.5 6\n"
            "rv32imac: 4.5 4 4 8; 90 90 91 95\n");
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
  EXPECT_EQ(InstructionsOf(name, kConvF32, Encoding::kCsc), 12 * info.sparse_conv_f32);
  EXPECT_EQ(InstructionsOf(name, kConvI8, Encoding::kDense), 72 * info.dense_conv_i8);
  EXPECT_EQ(InstructionsOf(name, kConvI8, Encoding::kCsc), 12 * info.sparse_conv_i8);
  EXPECT_EQ(InstructionsOf(name, kFcF32, Encoding::kDense), 40 * info.dense_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFcF32, Encoding::kCsc), 15 * info.sparse_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFcI8, Encoding::kDense), 40 * info.dense_fc_i8);
  EXPECT_EQ(InstructionsOf(name, kFcI8, Encoding::kCsc), 15 * info.sparse_fc_i8);
  EXPECT_EQ(InstructionsOf(name, kFloatInput, Encoding::kDense), 40 * info.dense_fc_f32);
  EXPECT_EQ(InstructionsOf(name, kFloatInput, Encoding::kCsc), 15 * info.sparse_fc_f32);
  EXPECT_NE(info.dense_conv_f32, info.dense_fc_f32);
  EXPECT_NE(info.dense_conv_i8, info.dense_fc_i8);
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
