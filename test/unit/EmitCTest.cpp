// The contract of the emitted C (docs/emitted-c.md): names, macros, comments, the self-test, and what is refused.
#include "mcuc/Emit/C.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../lib/Emit/Lowering.h"
#include "EmitCheck.h"

namespace mcuc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> NamesOf(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  Graph graph;
  const Type type{ElementType::f32, {2}};
  for (const std::string& name : inputs) graph.AddInput(name, type);
  for (const std::string& name : outputs) {
    graph.AddOutput(graph.AddNode(IdentityAttrs{}, {graph.inputs()[0]}, name, type)->result());
  }
  return ParameterNames(graph);
}

TEST(EmitC, ParameterNames) {
  EXPECT_THAT(NamesOf({"x"}, {"y"}), ElementsAre("x", "y"));
  EXPECT_THAT(NamesOf({"a:0", "b c/d", "é"}, {"/out.1"}), ElementsAre("a_0", "b_c_d", "__", "_out_1"));
  EXPECT_THAT(NamesOf({"0"}, {"0x", "9"}), ElementsAre("in_0", "out_0x", "out_9"));
  // Keywords of C and C++, the type names of the prototype, the arena.
  EXPECT_THAT(NamesOf({"int", "class", "int8_t", "arena"}, {"Arena", "float", "restrict", "INT8_MAX"}),
              ElementsAre("int_2", "class_2", "int8_t_2", "arena_2", "Arena_3", "float_2", "restrict_2", "INT8_MAX_2"));
  // Much like them, but free.
  EXPECT_THAT(NamesOf({"Int", "int7_t", "internal_t"}, {"exp", "INT_MAXIMUM", "_Input"}),
              ElementsAre("Int", "int7_t", "internal_t", "exp", "INT_MAXIMUM", "_Input"));
  // Collisions, in any case.
  EXPECT_THAT(NamesOf({"x", "X", "x_2", "a.b"}, {"x", "a_b", "A/B"}),
              ElementsAre("x", "X_2", "x_2_2", "a_b", "x_3", "a_b_2", "A_B_3"));
  EXPECT_THAT(NamesOf({"-"}, {"mcuc_x"}), ElementsAre("_", "out_mcuc_x_2"));  // the kernels' prefix
}

TEST(EmitC, Literals) {
  EXPECT_EQ(FloatLiteral(1), "1.0f");
  EXPECT_EQ(FloatLiteral(-0.0f), "-0.0f");
  EXPECT_EQ(FloatLiteral(0.1f), "0.1f");
  EXPECT_EQ(FloatLiteral(1e30f), "1e+30f");
  EXPECT_EQ(FloatLiteral(std::numeric_limits<float>::infinity()), "INFINITY");
  EXPECT_EQ(FloatLiteral(-std::numeric_limits<float>::infinity()), "-INFINITY");
  EXPECT_EQ(FloatLiteral(NAN), "NAN");
  EXPECT_EQ(DoubleLiteral(3), "3.0");
  EXPECT_EQ(DoubleLiteral(0.1), "0.1");
  EXPECT_EQ(IntLiteral(-128), "-128");
  EXPECT_EQ(IntLiteral(INT32_MIN), "INT32_MIN");
  EXPECT_EQ(IntLiteral(INT32_MAX), "2147483647");
  EXPECT_EQ(IntLiteral(int64_t{INT32_MAX} + 1), "INT64_C(2147483648)");
  EXPECT_EQ(IntLiteral(int64_t{INT32_MIN} - 1), "-INT64_C(2147483649)");
  EXPECT_EQ(IntLiteral(INT64_MIN), "INT64_MIN");
  EXPECT_EQ(Thousands(999), "999");
  EXPECT_EQ(Thousands(1000), "1,000");
  EXPECT_EQ(Thousands(1234567), "1,234,567");
  EXPECT_EQ(Thousands(-123), "-123");
  EXPECT_EQ(Thousands(-1234), "-1,234");
}

TEST(EmitC, ConstantsReadBackExactly) {
  Bench bench;
  for (const ElementType element : {ElementType::f32, ElementType::f64}) {
    std::vector<double> values = {0.0, -0.0, 1.0 / 3, 1e-45, 3.4028234663852886e38, 1e-300, NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 200; ++i) values.push_back(std::ldexp(static_cast<double>(bench.random()()), -64 - i / 4));
    bench.Add(IdentityAttrs{},
              {bench.Constant(Tensor::Of(Type{element, {static_cast<int64_t>(values.size())}}, values))});
  }
  for (const ElementType element : {ElementType::i8, ElementType::u8, ElementType::i16, ElementType::u16,
                                    ElementType::i32, ElementType::u32, ElementType::i64, ElementType::u64}) {
    Tensor tensor(Type{element, {4}});
    tensor.SetInt(0, IntegerMin(element));
    tensor.SetInt(1, IntegerMax(element));
    tensor.SetInt(2, IntegerMax(element) / 3);
    if (element == ElementType::u64) tensor.data<uint64_t>()[3] = UINT64_MAX;
    bench.Add(IdentityAttrs{}, {bench.Constant(tensor)});
  }
  bench.Add(IdentityAttrs{}, {bench.Constant(Tensor::Of(Type{ElementType::b8, {2}}, std::vector<int>{0, 1}))});
  EmitCheckOptions exact;
  exact.absolute = exact.relative = 0;
  exact.runs = 1;
  bench.Check(exact);
}

// Names that fight with each other, with C, with the emitted file's own, and with the ends of comments.
TEST(EmitC, NamesOfValuesConstantsAndNodesAreMadeToFit) {
  Graph graph;
  const Type type{ElementType::f32, {2, 3}};
  Value* x = graph.AddInput("i", type);  // a loop variable's usual name
  const auto constant = [&](const std::string& name) {
    return graph.AddConstant(name, Tensor::Of(type, std::vector<float>{1, 2, 3, 4, 5, 6}));
  };
  const auto add = [&](Value* a, Value* b, const std::string& name, const std::string& loc) {
    return graph.AddNode(BinaryAttrs{}, {a, b}, name, type, loc)->result();
  };
  Value* h = add(x, constant("exp"), "model_run", "a */ b /* c ?\?/ d \\");
  h = add(h, constant("arena8"), "1st", "");
  h = add(h, constant("arena"), "memcpy", "two\nlines");
  h = add(h, constant("i"), "y", "j");
  h = add(h, constant("__func"), "mcuc_add", "é");
  h = add(h, constant("y0f"), "i", "");
  h = add(h, constant("a.b"), "a:b", "");
  h = add(h, constant("a b"), "int", "");
  h = graph.AddNode(TransposeAttrs{{1, 0}}, {h}, "j", Type{ElementType::f32, {3, 2}})->result();
  h = graph.AddNode(ReshapeAttrs{}, {h}, "k", type)->result();
  graph.AddOutput(add(h, constant("model_run"), "arena8", "*/"));
  ExpectEmittedMatches(graph);
  EmitCheckOptions clang;
  clang.compiler = absl::StrCat("clang -O1 ", kContractFlags);
  ExpectEmittedMatches(graph, clang);
  const auto files = EmitC(graph, {});
  ASSERT_TRUE(files.ok());
  EXPECT_THAT(files->source, HasSubstr("/* a * / b / * c ? ?/ d \\:"));
  EXPECT_THAT(files->source, HasSubstr("/* two?lines: binary"));
}

TEST(EmitC, ModelNames) {
  auto graph = ParseOrFail("graph @g(%x: f32[2]) -> (%y: f32[2]) {\n  %y: f32[2] = unary %x {fn = relu}\n}\n");
  ASSERT_NE(graph, nullptr);
  graph->set_arena_bytes(0);
  for (const auto& [given, made] : std::vector<std::pair<std::string, std::string>>{
           {"net", "net"}, {"my net-1.5", "my_net_1_5"}, {"2nd", "m_2nd"}, {"", "model"}, {"int", "int"}}) {
    EmitCOptions options;
    options.name = given;
    const auto files = EmitC(*graph, options);
    ASSERT_TRUE(files.ok());
    EXPECT_EQ(files->name, made);
    EXPECT_THAT(files->header, HasSubstr("void " + made + "_run(const float *x, float *y, void *arena);"));
    EXPECT_THAT(files->source, HasSubstr("#include \"" + made + ".h\""));
    EXPECT_THAT(files->header, HasSubstr("#define " + UpperCase(made) + "_ARENA_BYTES 0\n"));
    EXPECT_THAT(files->header, HasSubstr("#define " + UpperCase(made) + "_ARENA_ALIGN 1\n"));
    EXPECT_THAT(files->source, HasSubstr("(void)arena;"));
    EXPECT_THAT(files->source, Not(HasSubstr("math.h")));
  }
}

TEST(EmitC, AlignmentIsThatOfTheWidestValueInTheArena) {
  for (const auto& [element, align] : std::vector<std::pair<ElementType, std::string>>{
           {ElementType::i8, "4"}, {ElementType::f32, "4"}, {ElementType::f64, "8"}, {ElementType::i64, "8"}}) {
    Bench bench;
    Value* x = bench.Inner(IdentityAttrs{}, {bench.Input(Type{element, {3}})});
    bench.Add(IdentityAttrs{}, {x});
    PlanTrivially(bench.graph());
    const auto files = EmitC(bench.graph(), {});
    ASSERT_TRUE(files.ok());
    EXPECT_THAT(files->header, HasSubstr("_ARENA_ALIGN " + align + "\n")) << align;
  }
}

TEST(EmitC, RefusesWhatItCannotEmit) {
  auto graph = ParseOrFail("graph @g(%x: f32[2]) -> (%y: f32[2]) {\n  %y: f32[2] = unary %x {fn = relu}\n}\n");
  ASSERT_NE(graph, nullptr);
  const auto unplanned = EmitC(*graph, {});
  EXPECT_THAT(unplanned.status().message(), HasSubstr("run plan-buffers"));
  graph->set_arena_bytes(0);
  EmitCOptions options;
  options.self_test.resize(1);
  EXPECT_THAT(EmitC(*graph, options).status().message(),
              HasSubstr("has 0 inputs and 0 outputs for a graph of 1 and 1"));
  options.self_test[0].inputs = {Tensor(Type{ElementType::f32, {3}})};
  options.self_test[0].outputs = {Tensor(Type{ElementType::f32, {2}})};
  EXPECT_THAT(EmitC(*graph, options).status().message(), HasSubstr("has f32[3] for %x: f32[2]"));

  // A value without a place, in a graph that says it is planned.
  auto chain = ParseOrFail(
      "graph @g(%x: f32[2]) -> (%y: f32[2]) {\n  %h: f32[2] = unary %x {fn = relu}\n  %y: f32[2] = unary %h {fn = "
      "neg}\n}\n");
  ASSERT_NE(chain, nullptr);
  chain->set_arena_bytes(64);
  EXPECT_THAT(EmitC(*chain, {}).status().message(), HasSubstr("node \"h\" (unary): value %h has no placement"));
}

TEST(EmitC, CompilerErrorsComeWithTheCompilersWords) {
  auto graph = ParseOrFail("graph @g(%x: f32[2]) -> (%y: f32[2]) {\n  %y: f32[2] = unary %x {fn = relu}\n}\n");
  ASSERT_NE(graph, nullptr);
  graph->set_arena_bytes(0);
  const auto missing = CompiledModel::Build(*graph, {}, "no-such-compiler -O2");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), HasSubstr("the C compiler failed: no-such-compiler -O2 "));
  EXPECT_THAT(missing.status().message(), HasSubstr("not found"));
  const auto wrong = CompiledModel::Build(*graph, {}, "gcc -Dmodel_run=3");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.status().message(), HasSubstr("error:"));

  const auto model = CompiledModel::Build(*graph, {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT((*model)->Run({}).status().message(), HasSubstr("takes 1 inputs, not 0"));
  EXPECT_THAT((*model)->Run({Tensor(Type{ElementType::f32, {3}})}).status().message(),
              HasSubstr("input 0 is f32[3]; the model takes f32[2]"));
  EXPECT_THAT((*model)->Run({Tensor(Type{ElementType::i32, {2}})}).status().message(), HasSubstr("input 0 is i32[2]"));
}

TEST(EmitC, CompiledModelsRunAllSamplesOfADataSet) {
  auto graph = ParseOrFail("graph @g(%x: f32[1x3]) -> (%y: f32[1x3]) {\n  %y: f32[1x3] = unary %x {fn = neg}\n}\n");
  ASSERT_NE(graph, nullptr);
  graph->set_arena_bytes(0);
  std::vector<float> values;
  for (int i = 0; i < 30; ++i) values.push_back(static_cast<float>(i));
  const Dataset data = Dataset::FromTensors({Tensor::Of(Type{ElementType::f32, {10, 3}}, values)}, {});
  const auto model = CompiledModel::Build(*graph, {});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto outputs = (*model)->RunAll(data, 2);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  ASSERT_EQ(outputs->size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    const float first = -3.0f * static_cast<float>(i);
    EXPECT_THAT((*outputs)[i], ElementsAre(first, first - 1, first - 2));
  }
}

// The self-test as a program: 0 where the expected outputs are right, 1 where one is wrong by more than the tolerance.
class SelfTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / absl::StrCat("mcuc-self-test-", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The exit code of the program for these expected outputs; -1: it did not compile.
  int Run(const Graph& graph, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    EmitCOptions options;
    options.name = "st";
    options.self_test = {{inputs, outputs}};
    const auto files = EmitC(graph, options);
    EXPECT_TRUE(files.ok()) << files.status();
    if (!files.ok()) return -1;
    std::ofstream(folder_ / "st.h") << files->header;
    std::ofstream(folder_ / "st.c") << files->source;
    const std::string program = (folder_ / "st").string();
    for (const char* flags : {"-DST_SELF_TEST", "-DST_SELF_TEST -DST_SELF_TEST_STDIO"}) {
      const std::string compile =
          absl::StrCat("gcc -std=c99 ", kContractFlags, " ", flags, " -o ", program, " ", program, ".c -lm");
      if (std::system(compile.c_str()) != 0) return -1;
    }
    const int status = std::system(absl::StrCat(program, " > /dev/null").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::filesystem::path folder_;
};

TEST_F(SelfTest, ComparesFloatsWithinTheirTolerance) {
  auto graph = ParseOrFail("graph @g(%x: f32[2]) -> (%y: f32[2]) {\n  %y: f32[2] = unary %x {fn = neg}\n}\n");
  ASSERT_NE(graph, nullptr);
  graph->set_arena_bytes(0);
  const Type type{ElementType::f32, {2}};
  const std::vector<Tensor> inputs = {Tensor::Of(type, std::vector<float>{1000, 0})};
  EXPECT_EQ(Run(*graph, inputs, {Tensor::Of(type, std::vector<float>{-1000, 0})}), 0);
  EXPECT_EQ(Run(*graph, inputs, {Tensor::Of(type, std::vector<float>{-1000.09f, 0.9e-5f})}), 0);
  EXPECT_EQ(Run(*graph, inputs, {Tensor::Of(type, std::vector<float>{-1000.11f, 0})}), 1);
  EXPECT_EQ(Run(*graph, inputs, {Tensor::Of(type, std::vector<float>{-1000, -1.1e-5f})}), 1);
  EXPECT_EQ(Run(*graph, inputs, {Tensor::Of(type, std::vector<float>{-1000, NAN})}), 1);
  EXPECT_EQ(Run(*graph, {Tensor::Of(type, std::vector<float>{-INFINITY, NAN})},
                {Tensor::Of(type, std::vector<float>{INFINITY, NAN})}),
            0);
}

TEST_F(SelfTest, ComparesIntegersExactlyInEveryOutput) {
  auto graph = ParseOrFail(R"(
graph @g(%x: i32[2]) -> (%a: i32[2], %b: i64[1]) {
  %h: i32[2] = unary %x {fn = neg}
  %a: i32[2] = unary %h {fn = neg}
  %b: i64[1] = arg_reduce %h {axis = 0}
}
)");
  ASSERT_NE(graph, nullptr);
  PlanTrivially(*graph);
  const Type pair{ElementType::i32, {2}}, one{ElementType::i64, {1}};
  const std::vector<Tensor> inputs = {Tensor::Of(pair, std::vector<int>{7, -9})};
  const auto expect = [&](std::vector<int> a, int b) {
    return Run(*graph, inputs, {Tensor::Of(pair, a), Tensor::Of(one, std::vector<int>{b})});
  };
  EXPECT_EQ(expect({7, -9}, 1), 0);
  EXPECT_EQ(expect({7, -8}, 1), 1);
  EXPECT_EQ(expect({7, -9}, 0), 1);
}

}  // namespace
}  // namespace mcuc
