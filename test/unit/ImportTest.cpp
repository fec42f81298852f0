// Import from files built in memory: values through the interpreter, every form of tensor, external data, malformed and
// mutated files. What the lowerings produce is in test/Import.
#include <chrono>
#include <cmath>
#include <functional>
#include <random>

#include "ImportTesting.h"

namespace mcuc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// y = f(x, w) with one node: the smallest model that has an initializer.
onnx::ModelProto OneNode(const std::string& op, int64_t opset = 13) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  auto* graph = model.mutable_graph();
  const auto declare = [](onnx::ValueInfoProto* info, const char* name) {
    info->set_name(name);
    info->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    info->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(2);
  };
  declare(graph->add_input(), "x");
  graph->add_output()->set_name("y");
  auto* node = graph->add_node();
  node->set_name("the node");
  node->set_op_type(op);
  node->add_input("x");
  node->add_input("w");
  node->add_output("y");
  auto* w = graph->add_initializer();
  w->set_name("w");
  w->set_data_type(onnx::TensorProto::FLOAT);
  w->add_dims(2);
  w->add_float_data(10);
  w->add_float_data(20);
  return model;
}

onnx::TensorProto* WeightsOf(onnx::ModelProto& model) { return model.mutable_graph()->mutable_initializer(0); }

std::string RawOf(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

TEST_F(ImportTest, RunsAModelOfEveryFamily) {
  const auto graph = ImportText(R"(
g (float[N,1,4,4] x) => (float[N,2] y)
<float[1,1,2,2] w = {1, 2, 3, 4}, float[1] b = {0.5}, float[9,2] m = {1, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, -1}>
{
  c = Conv(x, w, b)
  p = AveragePool<kernel_shape = [1, 1]>(c)
  f = Flatten(p)
  y = Gemm<alpha = 2.0>(f, m)
})");
  ASSERT_TRUE(graph) << Errors();
  std::vector<float> x(16);
  for (size_t i = 0; i < 16; ++i) x[i] = static_cast<float>(i);
  // c[0] = 1*0 + 2*1 + 3*4 + 4*5 + 0.5 = 34.5; each column adds 10, each row 40: c = 34.5 44.5 54.5, 74.5 84.5 94.5,
  // 114.5 …. y[0] = 2 * (c[0] + 2 c[4]) = 2 * (34.5 + 169) = 407; y[1] = 2 * (c[1] - c[8]) = 2 * (44.5 - 134.5) = -180.
  EXPECT_THAT(Outputs(graph.get(), {Reals({1, 1, 4, 4}, x)}), ElementsAre(407, -180));
}

TEST_F(ImportTest, SoftmaxBeforeOpset13SpansAllAxes) {
  const std::string text = "g (float[1,2,2] x) => (float[1,2,2] y) { y = Softmax<axis = 1>(x) }";
  const Tensor x = Reals({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_THAT(Outputs(ImportText(text, 12).get(), {x}), ElementsAre(0.25, 0.25, 0.25, 0.25));
  EXPECT_THAT(Outputs(ImportText(text, 13).get(), {x}), ElementsAre(0.5, 0.5, 0.5, 0.5));
}

TEST_F(ImportTest, MeanDividesByTheNumberOfInputs) {
  const auto graph =
      ImportText("g (float[2] x) => (float[2] y) <float[2] a = {1, 2}, float b = {6}> { y = Mean(x, a, b) }");
  ASSERT_TRUE(graph) << Errors();
  EXPECT_THAT(Outputs(graph.get(), {Reals({2}, {2, 4})}), ElementsAre(3, 4));
}

TEST_F(ImportTest, FoldedValuesAreThoseOfTheInterpreter) {
  const auto graph = ImportText(R"(g (float[1] x) => (float[2] y) <float[2] a = {4, 9}, int64[1] i = {-1}> {
  r = Sqrt(a)
  l = Gather(r, i)
  s = Sum(r, l, l)
  y = Mul(s, x)
})");
  ASSERT_TRUE(graph) << Errors();
  EXPECT_EQ(graph->nodes().size(), 1u);
  EXPECT_THAT(Outputs(graph.get(), {Reals({1}, {2})}), ElementsAre(16, 18));
}

TEST_F(ImportTest, EveryFormOfTensorData) {
  onnx::ModelProto model = OneNode("Add");
  const Tensor x = Reals({2}, {1, 2});
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(11, 22));
  onnx::TensorProto* w = WeightsOf(model);
  w->clear_float_data();
  w->set_raw_data(RawOf({100, -200}));
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(101, -198));
  // float16: 1.5, the smallest subnormal (2^-24), infinity, NaN.
  w->set_data_type(onnx::TensorProto::FLOAT16);
  w->set_raw_data(std::string("\x00\x3e\x01\x00", 4));
  EXPECT_THAT(Outputs(Import(model).get(), {Reals({2}, {0, 0})}), ElementsAre(1.5, std::ldexp(1.0, -24)));
  w->set_raw_data(std::string("\x00\xfc\x01\x7c", 4));
  const std::vector<double> special = Outputs(Import(model).get(), {x});
  EXPECT_EQ(special[0], -INFINITY);
  EXPECT_TRUE(std::isnan(special[1]));
  w->clear_raw_data();
  w->add_int32_data(0xc000);  // -2
  w->add_int32_data(0x3555);  // 0.333251953125
  EXPECT_THAT(Outputs(Import(model).get(), {Reals({2}, {0, 0})}), ElementsAre(-2, 0.333251953125));
  w->set_data_type(onnx::TensorProto::BFLOAT16);
  w->set_int32_data(1, 0x3f80);  // 1; 0xc000 is -2 here too
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(-1, 3));
}

TEST_F(ImportTest, SparseTensors) {
  onnx::ModelProto model = OneNode("Add");
  onnx::TensorProto* w = WeightsOf(model);
  auto* sparse = model.mutable_graph()->add_sparse_initializer();
  *sparse->mutable_values() = *w;
  model.mutable_graph()->clear_initializer();
  sparse->add_dims(2);
  sparse->add_dims(3);
  auto* indices = sparse->mutable_indices();
  indices->set_data_type(onnx::TensorProto::INT64);
  indices->add_dims(2);
  indices->add_int64_data(1);
  indices->add_int64_data(5);
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(3);
  const Tensor x = Reals({3}, {0, 0, 0});
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(0, 10, 0, 0, 0, 20)) << Errors();
  indices->set_int64_data(1, 6);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("value 1 of the sparse tensor lies outside its shape [2x3]"));
  indices->set_int64_data(1, 5);
  indices->set_int64_data(0, -1);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("value 0 of the sparse tensor lies outside"));
  indices->set_int64_data(0, 0);
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(10, 0, 0, 0, 0, 20)) << Errors();
  indices->set_dims(0, 1);
  indices->mutable_int64_data()->RemoveLast();
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("indices must be int64 of shape [2] or [2x2] for its 2 values"));
  indices->set_dims(0, 2);
  indices->add_dims(2);  // (row, column) pairs
  indices->clear_int64_data();
  for (int64_t index : {1, 0, 0, 2}) indices->add_int64_data(index);
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(0, 0, 20, 10, 0, 0)) << Errors();
  indices->set_int64_data(2, -1);
  EXPECT_FALSE(Import(model));
  indices->set_int64_data(2, 2);
  EXPECT_FALSE(Import(model));
  indices->set_int64_data(2, 0);
  indices->set_int64_data(3, 3);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("value 1 of the sparse tensor lies outside its shape [2x3]"));
  sparse->set_dims(0, 1 << 27);
  EXPECT_FALSE(Import(model));
  sparse->set_dims(0, 1 << 24);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("bytes in its dense form"));
}

// Each change makes the model malformed; the message says so.
TEST_F(ImportTest, MalformedTensors) {
  const struct {
    std::function<void(onnx::TensorProto*)> change;
    const char* message;
  } kCases[] = {
      {[](auto* w) { w->add_float_data(3); }, "float_data holds 3 elements, but the shape [2] has 2"},
      {[](auto* w) { w->mutable_float_data()->RemoveLast(); }, "float_data holds 1 elements"},
      {[](auto* w) { w->set_raw_data("1234567"); }, "raw_data holds 7 bytes, but the shape [2] of f32 takes 8"},
      {[](auto* w) { w->set_raw_data("123456789"); }, "raw_data holds 9 bytes"},
      {[](auto* w) { w->set_dims(0, -2); }, "has a dimension of -2"},
      {[](auto* w) { w->set_dims(0, int64_t{1} << 62); }, "more than 268435456 elements"},
      {[](auto* w) {
         for (int i = 0; i < 3; ++i) w->add_dims(int64_t{1} << 32);
       },
       "more than 268435456 elements"},
      {[](auto* w) {
         w->set_dims(0, 0);
         for (int i = 0; i < 3; ++i) w->add_dims(int64_t{1} << 32);
       },
       "more than 268435456 elements"},
      {[](auto* w) {
         for (int i = 0; i < 32; ++i) w->add_dims(1);
       },
       "a rank of 33 is not supported"},
      {[](auto* w) { w->set_data_type(8); }, "element type string is not supported; supported: float, float16"},
      {[](auto* w) { w->set_data_type(15); }, "element type complex128"},
      {[](auto* w) { w->set_data_type(17); }, "element type float8e4m3fn"},
      {[](auto* w) { w->set_data_type(0); }, "element type undefined"},
      {[](auto* w) { w->set_data_type(-1); }, "element type number -1"},
      {[](auto* w) { w->set_data_type(99); }, "element type number 99"},
      {[](auto* w) { w->mutable_segment()->set_begin(0); }, "segmented tensors"},
      {[](auto* w) {
         w->set_data_type(3);
         w->add_int32_data(128);
         w->add_int32_data(0);
       },
       "element 0 is 128, outside the range of i8"},
      {[](auto* w) { w->set_data_location(onnx::TensorProto::EXTERNAL); }, "external data has no location"},
  };
  for (const auto& test : kCases) {
    onnx::ModelProto model = OneNode("Add");
    test.change(WeightsOf(model));
    EXPECT_FALSE(Import(model)) << test.message;
    EXPECT_THAT(Errors(), HasSubstr(test.message));
    EXPECT_EQ(diagnostics_.errors(), 1) << Errors();
  }
}

TEST_F(ImportTest, MalformedModels) {
  const struct {
    std::function<void(onnx::ModelProto&)> change;
    const char* message;
  } kCases[] = {
      {[](auto& m) { m.clear_graph(); }, "has no graph"},
      {[](auto& m) { m.clear_ir_version(); }, "has no IR version"},
      {[](auto& m) { m.set_ir_version(2); }, "IR version 2 is not supported; supported: 3 to 11"},
      {[](auto& m) { m.clear_opset_import(); }, "imports no opset of the default domain"},
      {[](auto& m) { m.add_opset_import()->set_version(14); }, "imports two opsets of the default domain: 13 and 14"},
      {[](auto& m) { m.mutable_graph()->clear_output(); }, "the graph has no outputs"},
      {[](auto& m) { m.mutable_graph()->mutable_node(0)->set_input(1, "z"); },
       "model.onnx: node \"the node\" (Add): error: input 1 \"z\" is computed nowhere"},
      {[](auto& m) { m.mutable_graph()->mutable_node(0)->set_input(1, ""); }, "has 1 inputs; supported: 2 (opset 13)"},
      {[](auto& m) { m.mutable_graph()->mutable_node(0)->add_input("x"); }, "has 3 inputs; supported: 2 (opset 13)"},
      {[](auto& m) { m.mutable_graph()->mutable_node(0)->set_output(0, "x"); },
       "output \"x\": the name is taken already"},
      {[](auto& m) { m.mutable_graph()->mutable_node(0)->set_input(0, "y"); }, "the graph has a cycle: \"the node\""},
      {[](auto& m) { m.mutable_graph()->mutable_input(0)->clear_type(); }, "input \"x\": is no tensor"},
      {[](auto& m) { m.mutable_graph()->mutable_input(0)->clear_name(); }, "has no name"},
      {[](auto& m) { m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape(); },
       "input \"x\": has no shape; give one with --input-shape=x:"},
      {[](auto& m) { m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(8); },
       "element type string"},
      {[](auto& m) {
         m.mutable_graph()
             ->mutable_input(0)
             ->mutable_type()
             ->mutable_tensor_type()
             ->mutable_shape()
             ->mutable_dim(0)
             ->set_dim_value(int64_t{1} << 40);
       },
       "more than 268435456 elements"},
      {[](auto& m) {
         m.mutable_graph()->mutable_node(0)->set_domain("my.domain");
         auto* function = m.add_functions();
         function->set_domain("my.domain");
         function->set_name("Add");
       },
       "a graph of 0 inputs is given 2"},
      {[](auto& m) {
         auto* attribute = m.mutable_graph()->mutable_node(0)->add_attribute();
         attribute->set_name("axis");
         attribute->set_i(1);
       },
       "attribute axis is not supported; supported: none"},
      {[](auto& m) {
         for (int i = 0; i < 10001; ++i) m.mutable_graph()->add_node();
       },
       "at most 10000"},
  };
  for (const auto& test : kCases) {
    onnx::ModelProto model = OneNode("Add");
    test.change(model);
    EXPECT_FALSE(Import(model)) << test.message;
    EXPECT_THAT(Errors(), HasSubstr(test.message));
  }
}

TEST_F(ImportTest, NewerFilesAndOldAttributes) {
  onnx::ModelProto model = OneNode("Softmax", 12);
  model.set_ir_version(11);
  model.mutable_graph()->mutable_node(0)->mutable_input()->RemoveLast();
  auto* attribute = model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("axis");
  attribute->set_i(0);  // without its type, as old files have it
  // A field that this libonnx does not know is skipped: number 100, four bytes.
  const auto graph = Import("model.onnx", model.SerializeAsString() + "\xa2\x06\x04" + "meta");
  ASSERT_TRUE(graph) << Errors();
  EXPECT_THAT(Outputs(graph.get(), {Reals({2}, {3, 3})}), ElementsAre(0.5, 0.5));
  attribute->set_type(onnx::AttributeProto::FLOAT);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("attribute axis is of type FLOAT; it must be INT"));
  attribute->set_type(onnx::AttributeProto::INT);
  *model.mutable_graph()->mutable_node(0)->add_attribute() = *attribute;
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("attribute axis is given twice"));
}

TEST_F(ImportTest, OddNames) {
  onnx::ModelProto model = OneNode("Add");
  const std::string odd = "a \"b\"\n\\c/:0";
  model.mutable_graph()->mutable_input(0)->set_name(odd);
  model.mutable_graph()->mutable_node(0)->set_input(0, odd);
  const auto graph = Import(model);
  ASSERT_TRUE(graph) << Errors();
  EXPECT_EQ(graph->inputs()[0]->name(), odd);
  model.mutable_graph()->mutable_node(0)->set_input(0, "gone\n\x1b[1m");
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("\"gone\\x0a\\x1b[1m\" is computed nowhere"));  // nothing for the terminal to obey
}

TEST_F(ImportTest, ExternalData) {
  const Tensor x = Reals({2}, {1, 2});
  Write("weights.bin", "pad!" + RawOf({30, 40}));
  Write("inside/weights.bin", RawOf({50, 60}));
  onnx::ModelProto model = OneNode("Add");
  onnx::TensorProto* w = WeightsOf(model);
  w->clear_float_data();
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  const auto set = [&](std::initializer_list<std::pair<const char*, const char*>> entries) {
    w->clear_external_data();
    for (const auto& [key, value] : entries) {
      auto* entry = w->add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
  };
  set({{"location", "weights.bin"}, {"offset", "4"}, {"length", "8"}});
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(31, 42)) << Errors();
  set({{"location", "inside/weights.bin"}});
  EXPECT_THAT(Outputs(Import(model).get(), {x}), ElementsAre(51, 62)) << Errors();

  std::filesystem::create_directories(folder_ / "model");
  std::filesystem::create_symlink(folder_ / "weights.bin", folder_ / "model/link.bin");
  std::filesystem::create_directory_symlink(folder_, folder_ / "model/up");
  const struct {
    std::initializer_list<std::pair<const char*, const char*>> entries;
    const char* message;
  } kCases[] = {
      {{{"location", "weights.bin"}, {"offset", "5"}}, "has 12 bytes; the tensor needs 8 from offset 5"},
      {{{"location", "weights.bin"}, {"offset", "13"}}, "has 12 bytes"},
      {{{"location", "weights.bin"}, {"offset", "9223372036854775807"}}, "has 12 bytes"},
      {{{"location", "weights.bin"}, {"offset", "-4"}}, "offset \"-4\" is no size"},
      {{{"location", "weights.bin"}, {"offset", "99999999999999999999"}}, "is no size"},
      {{{"location", "weights.bin"}, {"length", "4"}}, "has length 4, but the shape takes 8 bytes"},
      {{{"location", "missing.bin"}}, "external data file \"missing.bin\""},
      {{{"location", "inside"}}, "is not a regular file"},
      {{{"location", ""}}, "has no location"},
      {{{"offset", "0"}}, "has no location"},
      {{{"location", "inside/../weights.bin"}}, "leads out of the model's folder"},
      {{{"location", "../weights.bin"}}, "leads out of the model's folder"},
      {{{"location", "/etc/passwd"}}, "leads out of the model's folder"},
  };
  for (const auto& test : kCases) {
    set(test.entries);
    EXPECT_FALSE(Import(model)) << test.message;
    EXPECT_THAT(Errors(), HasSubstr(test.message));
  }
  // Links are followed before the folder is checked.
  for (const char* location : {"link.bin", "up/weights.bin"}) {
    set({{"location", location}});
    EXPECT_FALSE(Import("model/model.onnx", model.SerializeAsString()));
    EXPECT_THAT(Errors(), HasSubstr("leads out of the model's folder"));
  }
}

TEST_F(ImportTest, FilesThatAreNoModels) {
  EXPECT_FALSE(Import("model.onnx", "this is no protobuf"));
  EXPECT_THAT(Errors(), HasSubstr("is no ONNX model, or is truncated"));
  EXPECT_FALSE(Import("model.onnx", ""));
  EXPECT_THAT(Errors(), HasSubstr("has no IR version"));
  EXPECT_FALSE(ImportOnnx(folder_.string(), {}, diagnostics_));
  EXPECT_THAT(Errors(), HasSubstr("is not a regular file"));
  EXPECT_FALSE(ImportOnnx("/dev/zero", {}, diagnostics_));
  EXPECT_FALSE(Import("model.onnxtxt", std::string("<ir_version: 8>\0", 16)));
  EXPECT_THAT(Errors(), HasSubstr("holds a zero byte"));
  std::string nested = "g () => () { y = If<then_branch = ";
  for (int i = 0; i < 100000; ++i) nested += "g () => () { y = If<then_branch = ";
  EXPECT_FALSE(ImportText(nested));
  EXPECT_THAT(Errors(), HasSubstr("brackets are nested 100001 deep; at most 64 are supported"));
  // A field of 2 GiB in a file of a few bytes: graph (7), length 2^31 - 1.
  EXPECT_FALSE(Import("model.onnx", "\x3a\xff\xff\xff\xff\x07 and no more"));
  EXPECT_THAT(Errors(), HasSubstr("is truncated"));
}

// A few bytes that ask for much: refused before anything is allocated or computed.
TEST_F(ImportTest, SmallFilesThatAskForMuch) {
  const char* const kModels[] = {
      "g (float[1] x) => (float y) { s = Constant<value_ints = [16384, 16383]>() y = ConstantOfShape(s) }",
      "g (float[1] x) => (float y) { s = Constant<value_ints = [4294967296, 4294967296]>() y = ConstantOfShape(s) }",
      "g (float[1,1] x) => (float y) { y = Pad<pads = [0, 0, 9223372036854775807, 9223372036854775807]>(x) }",
      "g (float[1,1] x) => (float y) { y = Pad<pads = [0, 0, 268435456, 268435456]>(x) }",
      "g (float[1,1,4,4] x) => (float y) { y = Upsample<scales = [1.0, 1.0, 1e30, 1e30]>(x) }",
      "g (float[1,1,4,4] x) => (float y) { y = Upsample<scales = [1.0, 1.0, 60000.0, 60000.0]>(x) }",
      "g (float[1,1,4,4] x) => (float y) { y = MaxPool<kernel_shape = [1, 1], pads = [1, 1, 1, "
      "4611686018427387904]>(x) }",
      "g (float[1,1,4,4] x) => (float y) { y = MaxPool<dilations = [1, 4611686018427387904], kernel_shape = [1, 9]>(x) "
      "}",
      "g (float[65536,1] x, float[1,65536] z) => (float y) { y = Add(x, z) }",
      "g (float[65536,1] x, float[1,65536] z) => (float y) { y = MatMul(x, z) }",
      "g (float[2] x) => (float y) { y = Unsqueeze<axes = [9223372036854775807, -9223372036854775808]>(x) }",
      "g (float[2] x) => (float y) { y = Slice<axes = [0], ends = [-9223372036854775808], starts = [0]>(x) }",
  };
  for (const char* text : kModels) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(ImportText(text, 9)) << text;
    EXPECT_EQ(diagnostics_.errors(), 1) << text << Errors();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1)) << text;
  }
}

TEST_F(ImportTest, HugeSliceBoundsAreClamped) {
  const auto graph = ImportText(
      "g (float[4] x) => (float y) { y = Slice<axes = [0], ends = [9223372036854775807], starts = "
      "[-9223372036854775808]>(x) }",
      9);
  ASSERT_TRUE(graph) << Errors();
  EXPECT_THAT(Outputs(graph.get(), {Reals({4}, {1, 2, 3, 4})}), ElementsAre(1, 2, 3, 4));
}

TEST_F(ImportTest, TensorProtoFiles) {
  onnx::ModelProto model = OneNode("Add");
  const auto tensor = ReadTensorProto(Write("input_0.pb", WeightsOf(model)->SerializeAsString()));
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(*tensor, Reals({2}, {10, 20}));
  const auto parsed = ParseTensorProto(WeightsOf(model)->SerializeAsString() + "\xff", "the test");
  EXPECT_THAT(parsed.status().message(), HasSubstr("the test: is no TensorProto"));
  WeightsOf(model)->set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_THAT(ParseTensorProto(WeightsOf(model)->SerializeAsString(), "it").status().message(),
              HasSubstr("external data is not allowed here"));
  EXPECT_FALSE(ReadTensorProto((folder_ / "none.pb").string()).ok());
  EXPECT_THAT(ParseTensorProto(std::string("\x08\x00\x10\x01", 4), "it").status().message(),
              HasSubstr("has no elements"));
  // 64 bits take any value; fewer just those within.
  onnx::TensorProto large;
  large.set_data_type(onnx::TensorProto::UINT64);
  large.add_dims(2);
  large.add_uint64_data(uint64_t{1} << 63);
  large.add_uint64_data(~uint64_t{0});
  const auto u64 = ParseTensorProto(large.SerializeAsString(), "it");
  ASSERT_TRUE(u64.ok()) << u64.status();
  EXPECT_THAT(Integers(*u64), ElementsAre(std::numeric_limits<int64_t>::min(), -1));
  large.set_data_type(onnx::TensorProto::UINT32);
  large.set_uint64_data(0, 4294967295);
  large.set_uint64_data(1, 4294967296);
  EXPECT_THAT(ParseTensorProto(large.SerializeAsString(), "it").status().message(),
              HasSubstr("element 1 is 4294967296, outside the range of u32"));
  large.set_uint64_data(1, 0);
  EXPECT_THAT(Integers(*ParseTensorProto(large.SerializeAsString(), "it")), ElementsAre(4294967295, 0));
  large.Clear();
  large.set_data_type(onnx::TensorProto::INT8);
  large.add_dims(2);
  large.add_int32_data(-128);
  large.add_int32_data(127);
  EXPECT_THAT(Integers(*ParseTensorProto(large.SerializeAsString(), "it")), ElementsAre(-128, 127));
  large.set_int32_data(0, -129);
  EXPECT_FALSE(ParseTensorProto(large.SerializeAsString(), "it").ok());
}

TEST_F(ImportTest, TheSeedModels) {
  for (const char* name : {"seed_lenet5", "seed_cifar10"}) {
    const auto graph = ImportOnnx(absl::StrCat(MCUC_SOURCE_DIR, "/test/models/", name, ".onnx"), {}, diagnostics_);
    ASSERT_TRUE(graph) << Errors();
    EXPECT_EQ(graph->outputs()[0]->type(), F32({1, 10}));
    EXPECT_EQ(graph->name(), name);
    EXPECT_TRUE(diagnostics_.all().empty());
  }
}

// Truncations and changed bytes of small models with much in them: a diagnostic or a graph, never anything else.
TEST_F(ImportTest, MutatedModels) {
  onnx::ModelProto model = OneNode("Add");
  auto* node = model.mutable_graph()->add_node();
  node->set_op_type("MaxPool");
  node->add_input("image");
  node->add_output("z");
  for (const char* name : {"kernel_shape", "pads", "strides"}) {
    auto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INTS);
    for (int i = 0; i < (name[0] == 'p' ? 4 : 2); ++i) attribute->add_ints(name[0] == 'k' ? 2 : 1);
  }
  node = model.mutable_graph()->add_node();
  node->set_op_type("Reshape");
  node->add_input("y");
  node->add_input("shape");
  node->add_output("image");
  auto* shape = model.mutable_graph()->add_initializer();
  shape->set_name("shape");
  shape->set_data_type(onnx::TensorProto::INT64);
  shape->add_dims(4);
  for (int64_t dim : {1, 1, 1, -1}) shape->add_int64_data(dim);
  model.mutable_graph()->mutable_output(0)->set_name("z");
  ASSERT_TRUE(Import(model)) << Errors();

  const std::string bytes = model.SerializeAsString();
  int imported = 0, refused = 0;
  const auto check = [&](const std::string& name, const std::string& text) {
    const bool ok = Import(name, text) != nullptr;
    EXPECT_NE(ok, diagnostics_.has_errors());
    ++(ok ? imported : refused);
  };
  for (size_t n = 0; n < bytes.size(); ++n) check("m.onnx", bytes.substr(0, n));
  std::mt19937 random(1);
  for (int i = 0; i < 6000; ++i) {
    std::string mutant = bytes;
    for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      char& byte = mutant[random() % mutant.size()];
      byte = random() % 2 ? static_cast<char>(random()) : static_cast<char>(byte ^ (1 << random() % 8));
    }
    check("m.onnx", mutant);
  }
  const std::string text = R"(<ir_version: 8, opset_import: ["" : 13]>
g (float[N,4] x, int64[2] k) => (float[N,2] y) <float[4,2] w = {1, 2, 3, 4, 5, 6, 7, 8.5}, int64[2] k = {1, -1}> {
  h = Gemm<alpha = 2.0, transB = 0>(x, w)
  s = Slice(h, k, k)
  y = Clip(h, , )
})";
  for (size_t n = 0; n < text.size(); ++n) check("m.onnxtxt", text.substr(0, n));
  for (int i = 0; i < 3000; ++i) {
    std::string mutant = text;
    mutant[random() % mutant.size()] = static_cast<char>(random() % 3 ? text[random() % text.size()] : random() % 256);
    check("m.onnxtxt", mutant);
  }
  EXPECT_GT(imported, 500);
  EXPECT_GT(refused, 3000);
}

}  // namespace
}  // namespace mcuc
