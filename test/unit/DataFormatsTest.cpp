// The formats of data sets: each is written by the test itself and read back; every error; and each format mutated at
// random, which must never crash.
#include "DataFiles.h"

#include <random>

#include "../../lib/Data/Reader.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(DatasetTest, NpyOfEveryType) {
  const auto graph = Model({1, 3});
  EXPECT_THAT(SampleOf(Write("f4.npy", Npy("<f4", "(2, 3)", Raw<float>({1, 2, 3, 4.5f, -5, 6}))), *graph, 1),
              ElementsAre(4.5f, -5, 6));
  EXPECT_THAT(SampleOf(Write("f8.npy", Npy("<f8", "(2, 3)", Raw<double>({1, 2, 3, 4.5, -5, 6}))), *graph, 1),
              ElementsAre(4.5f, -5, 6));
  EXPECT_THAT(SampleOf(Write("i1.npy", Npy("|i1", "(1, 3)", Raw<int8_t>({-128, 0, 127}))), *graph, 0),
              ElementsAre(-128, 0, 127));
  EXPECT_THAT(SampleOf(Write("u1.npy", Npy("|u1", "(1, 3)", Raw<uint8_t>({0, 128, 255}))), *graph, 0),
              ElementsAre(0, 128, 255));
  EXPECT_THAT(SampleOf(Write("i2.npy", Npy("<i2", "(1, 3)", Raw<int16_t>({-300, 0, 300}))), *graph, 0),
              ElementsAre(-300, 0, 300));
  EXPECT_THAT(SampleOf(Write("u2.npy", Npy("<u2", "(1, 3)", Raw<uint16_t>({1, 0, 65535}))), *graph, 0),
              ElementsAre(1, 0, 65535));
  EXPECT_THAT(SampleOf(Write("i4.npy", Npy("<i4", "(1, 3)", Raw<int32_t>({-70000, 0, 70000}))), *graph, 0),
              ElementsAre(-70000, 0, 70000));
  EXPECT_THAT(SampleOf(Write("u4.npy", Npy("<u4", "(1, 3)", Raw<uint32_t>({1, 0, 1u << 31}))), *graph, 0),
              ElementsAre(1, 0, 2147483648.0f));
  EXPECT_THAT(SampleOf(Write("i8.npy", Npy("<i8", "(1, 3)", Raw<int64_t>({-7, 0, 1ll << 40}))), *graph, 0),
              ElementsAre(-7, 0, 1099511627776.0f));
  EXPECT_THAT(SampleOf(Write("u8.npy", Npy("=u8", "(1, 3)", Raw<uint64_t>({7, 0, 1ull << 63}))), *graph, 0),
              ElementsAre(7, 0, 9223372036854775808.0f));
  // Any byte but 0 is true.
  EXPECT_THAT(SampleOf(Write("b1.npy", Npy("|b1", "(1, 3)", Raw<uint8_t>({0, 1, 7}))), *graph, 0),
              ElementsAre(0, 1, 1));
  // float16: 1.5, the smallest subnormal 2^-24, -infinity.
  const std::vector<float> half = SampleOf(
      Write("f2.npy", Npy("<f2", "(2, 3)", Raw<uint16_t>({0x3E00, 1, 0xFC00, 0x8001, 0x7BFF, 0x0400}))), *graph, 0);
  EXPECT_THAT(half, ElementsAre(1.5f, 0x1p-24f, -std::numeric_limits<float>::infinity()));
  EXPECT_THAT(SampleOf(At("f2.npy"), *graph, 1), ElementsAre(-0x1p-24f, 65504.0f, 0x1p-14f));
}

TEST_F(DatasetTest, NpyVersionsAndOrder) {
  const auto graph = Model({1, 2, 3});
  // Element [n, r, c] is 100n + 10r + c; in Fortran order n moves fastest.
  const std::vector<int16_t> fortran = {0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112};
  for (int version : {1, 2, 3}) {
    const std::string file = Write("f.npy", Npy("<i2", "(2, 2, 3)", Raw(fortran), true, version));
    EXPECT_THAT(SampleOf(file, *graph, 0), ElementsAre(0, 1, 2, 10, 11, 12)) << version;
    EXPECT_THAT(SampleOf(file, *graph, 1), ElementsAre(100, 101, 102, 110, 111, 112)) << version;
  }
  EXPECT_THAT(SampleOf(WriteGz("x.npy", Npy("<i2", "(1, 6)", Raw<int16_t>({0, 1, 2, 3, 4, 5}))), *Model({1, 6}), 0),
              ElementsAre(0, 1, 2, 3, 4, 5));
}

// A header as it is given, its length in four bytes.
std::string WithHeader(const std::string& header, const std::string& data) {
  return "\x93NUMPY" + std::string("\2\0", 2) + Little(header.size(), 4) + header + data;
}

TEST_F(DatasetTest, NpyHeaders) {
  const auto graph = Model({1, 3});
  const std::string order = "'fortran_order': False", type = "\"descr\": '|u1'", shape = "'shape': (1, 3)";
  const auto load = [&](const std::string& header) {
    return ErrorOf(Write("h.npy", WithHeader(header, "abc")), *graph);
  };
  for (const std::string& header :
       {"{" + order + "," + type + "," + shape + "}", " { " + shape + " ,\n" + type + ", " + order + " , } \n",
        "{" + type + "," + order + ", 'shape':(1,3,)}"}) {
    EXPECT_EQ(load(header), "no error") << header;
  }
  for (const std::string& header : {std::string(),
                                    std::string("{"),
                                    std::string("{}"),
                                    "{" + order + "," + type + "}",
                                    "{" + order + "," + shape + "}",
                                    "{" + type + "," + shape + "}",
                                    "{" + order + "," + order + "," + type + "," + shape + "}",
                                    "{" + type + "," + order + "," + type + "," + shape + "}",
                                    "{" + type + "," + shape + "," + order + "," + shape + "}",
                                    "{" + type + "," + order + "," + shape + ",'more': 1}",
                                    "{" + type + "," + order + " " + shape + "}",
                                    "{" + type + "," + order + "," + shape,
                                    "{'descr' '|u1'," + order + "," + shape + "}",
                                    "{'descr': |u1'," + order + "," + shape + "}",
                                    std::string("{'descr': '|u1,}"),
                                    "{" + type + ",'fortran_order': Fals," + shape + "}",
                                    "{" + type + "," + order + ",'shape': 1, 3)}",
                                    "{" + type + "," + order + ",'shape': (1, a)}",
                                    "{" + type + "," + order + ",'shape': (1 3)}",
                                    "{" + type + "," + order + ",'shape': (1, 3"}) {
    EXPECT_THAT(load(header), HasSubstr("its header can't be read")) << header;
  }
  // Digits of every kind, 32 dimensions, and the longest header.
  EXPECT_THAT(SampleOf(Write("n.npy", Npy("|u1", "(1, 190)", std::string(190, 'a'))), *Model({1, 190}), 0).size(),
              190u);
  std::string ones;
  for (int i = 0; i < 31; ++i) ones += "1, ";
  EXPECT_EQ(load("{" + type + "," + order + ",'shape': (" + ones + "3)}"), "no error");
  EXPECT_THAT(load("{" + type + "," + order + ",'shape': (1, " + ones + "3)}"), HasSubstr("its header can't be read"));
  std::string header = "{" + type + "," + order + "," + shape + "}";
  header += std::string((1 << 20) - header.size(), ' ');
  EXPECT_EQ(load(header), "no error");
  EXPECT_THAT(load(header + " "), HasSubstr("a header of 1048577 bytes; at most 1048576 are read"));
  // What a header claims is compared with the limit, then with the file.
  const auto claim = [&](int64_t elements) {
    return ErrorOf(Write("c.npy", Npy("|u1", absl::StrCat("(", elements, ",)"), "")), *graph);
  };
  EXPECT_THAT(claim(kMaxDataBytes), HasSubstr("the file holds at most"));
  EXPECT_THAT(claim(kMaxDataBytes + 1), HasSubstr("takes more than the"));
}

TEST_F(DatasetTest, NpyErrors) {
  const auto graph = Model({1, 3});
  const std::string good = Npy("<f4", "(2, 3)", std::string(24, '\0'));
  EXPECT_THAT(ErrorOf(At("none.npy"), *graph), HasSubstr("none.npy: cannot be read: No such file"));
  EXPECT_THAT(ErrorOf(Write("a.npy", "PK" + good), *graph), HasSubstr("is not an .npy file"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(2, 3)", "", false, 4)), *graph), HasSubstr("version 4 is not known"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(2, 3)", "", false, 0)), *graph), HasSubstr("version 0 is not known"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy(">f4", "(2, 3)", "")), *graph), HasSubstr("big-endian elements ('>f4')"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<c8", "(2, 3)", "")), *graph), HasSubstr("elements of type '<c8'"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("", "(2, 3)", "")), *graph), HasSubstr("elements of type ''"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(2, 3", "")), *graph), HasSubstr("its header can't be read"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(2, -3)", "")), *graph), HasSubstr("its header can't be read"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(99999999999999999999,)", "")), *graph), HasSubstr("header"));
  EXPECT_THAT(ErrorOf(Write("a.npy", good.substr(0, good.size() - 1)), *graph),
              HasSubstr("an array of 2x3 takes 24 bytes; the file ends after 23 of them"));
  EXPECT_THAT(ErrorOf(Write("a.npy", good + "x"), *graph), HasSubstr("has bytes behind its array"));
  EXPECT_THAT(ErrorOf(Write("a.npy", good.substr(0, 7)), *graph), HasSubstr("takes 8 bytes; the file holds at most 7"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(1000000, 3)", "")), *graph),
              HasSubstr("takes 12000000 bytes; the file"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f8", "(4294967296, 4294967296)", "")), *graph),
              HasSubstr("takes more than"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "(0, 3)", "")), *graph), HasSubstr("holds no samples"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("<f4", "()", "abcd")), *graph), HasSubstr("holds no samples"));
  // A gzip stream cut off: what it claims it can't deliver.
  WriteGz("whole", good);
  std::ifstream whole(At("whole"), std::ios::binary);
  const std::string gz((std::istreambuf_iterator<char>(whole)), {});
  EXPECT_NE(ErrorOf(Write("a.npy", gz.substr(0, gz.size() - 12)), *graph), "no error");
  // Every byte of the array is there, but not the stream's checksum.
  EXPECT_THAT(ErrorOf(Write("a.npy", gz.substr(0, gz.size() - 4)), *graph), HasSubstr("cannot be decompressed"));
}

TEST_F(DatasetTest, NpzWithLabelsAndTargets) {
  const auto graph = Model({1, 2});
  const std::string x = Npy("<f4", "(3, 2)", Raw<float>({1, 2, 3, 4, 5, 6}));
  const std::string y = Npy("<i8", "(3,)", Raw<int64_t>({9, 0, 4}));
  absl::StatusOr<Dataset> data = Dataset::Load(WriteNpz("a.npz", {{"x.npy", x}, {"y.npy", y}}), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->size(), 3);
  EXPECT_EQ(data->name(), At("a.npz"));
  EXPECT_THAT(data->labels(), ElementsAre(9, 0, 4));
  EXPECT_TRUE(data->has_labels());
  EXPECT_FALSE(data->has_targets());
  EXPECT_THAT(FloatsOf(data->Sample(2, *graph)[0]), ElementsAre(5, 6));

  // The graph's own names go first; a column of labels is labels too.
  const std::string other = Npy("<f4", "(3, 2)", Raw<float>({10, 20, 30, 40, 50, 60}));
  const std::string column = Npy("|u1", "(3, 1)", Raw<uint8_t>({1, 2, 3}));
  data = Dataset::Load(WriteNpz("b.npz", {{"x.npy", x}, {"image.npy", other}, {"y", column}}), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(FloatsOf(data->Sample(0, *graph)[0]), ElementsAre(10, 20));
  EXPECT_THAT(data->labels(), ElementsAre(1, 2, 3));

  // Floats, or integers for a model of one output, are expected outputs.
  const std::string target = Npy("<f8", "(3, 2)", Raw<double>({0.5, 1, 1.5, 2, 2.5, 3}));
  for (const char* name : {"y", "scores"}) {
    data = Dataset::Load(WriteNpz("c.npz", {{"x.npy", x}, {name, target}}), *Model({1, 2}, 2));
    ASSERT_TRUE(data.ok()) << data.status();
    ASSERT_EQ(data->targets().size(), 1u) << name;
    EXPECT_FALSE(data->has_labels());
    EXPECT_EQ(data->targets()[0].shape(), (Shape{3, 1, 2}));
    EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(0.5f, 1, 1.5f, 2, 2.5f, 3));
  }
  data = Dataset::Load(At("a.npz"), *Model({1, 2}, 1));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_FALSE(data->has_labels());
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(9, 0, 4));
  // Whatever comes first in the file.
  data = Dataset::Load(WriteNpz("d.npz", {{"y.npy", y}, {"x.npy", x}}), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(9, 0, 4));
  data = Dataset::Load(WriteNpz("e.npz", {{"scores.npy", target}, {"x.npy", x}}), *Model({1, 2}, 2));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(0.5f, 1, 1.5f, 2, 2.5f, 3));
  // Two integers a sample are expected outputs too.
  const std::string pairs = Npy("<i4", "(3, 2)", Raw<int32_t>({1, 2, 3, 4, 5, 6}));
  data = Dataset::Load(WriteNpz("f.npz", {{"x.npy", x}, {"y.npy", pairs}}), *Model({1, 2}, 2));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_FALSE(data->has_labels());
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(1, 2, 3, 4, 5, 6));
  // A model that ends in an arg max has integer output: its label is the value.
  data = Dataset::Load(At("a.npz"), *Model({1, 2}, 1, Type{ElementType::i64, {}}));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(9, 0, 4));
}

TEST_F(DatasetTest, LabelsOfAnIntegerOutput) {
  const auto graph = Model({1, 1}, 1, Type{ElementType::i64, {}});
  const std::string x = Npy("|u1", "(2, 1)", "ab");
  const auto load = [&](int64_t label) {
    return ErrorOf(WriteNpz("a.npz", {{"x", x}, {"y", Npy("<i8", "(2,)", Raw<int64_t>({0, label}))}}), *graph);
  };
  EXPECT_EQ(load(2147483647), "no error");
  EXPECT_THAT(load(2147483648), HasSubstr("label 2147483648 of sample 1 is outside"));
}

TEST_F(DatasetTest, SeveralInputs) {
  auto graph = Model({1, 2});
  graph->AddInput("state", Type{ElementType::i64, {1, 1}});
  const std::string x = Npy("<f4", "(2, 2)", Raw<float>({1, 2, 3, 4}));
  const std::string state = Npy("<i8", "(2, 1)", Raw<int64_t>({5, (1ll << 60) + 1}));
  absl::StatusOr<Dataset> data = Dataset::Load(WriteNpz("a.npz", {{"image.npy", x}, {"state.npy", state}}), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  const std::vector<Tensor> sample = data->Sample(1, *graph);
  ASSERT_EQ(sample.size(), 2u);
  EXPECT_THAT(FloatsOf(sample[0]), ElementsAre(3, 4));
  EXPECT_EQ(sample[1].AsInt(0), (1ll << 60) + 1);
  EXPECT_THAT(ErrorOf(At("a.npz") + ":scale=2", *graph), HasSubstr("need a model of one input, not 2"));
  EXPECT_THAT(ErrorOf(At("a.npz") + ":shape=2", *graph), HasSubstr("shape= needs a model of one input"));
  EXPECT_THAT(ErrorOf(WriteNpz("b.npz", {{"x.npy", x}, {"state.npy", state}}), *graph),
              HasSubstr("no array for input \"image\"; it holds: x, state; name it \"image\""));
  const std::string three = Npy("<i8", "(3, 1)", Raw<int64_t>({1, 2, 3}));
  EXPECT_THAT(ErrorOf(WriteNpz("c.npz", {{"image.npy", x}, {"state.npy", three}}), *graph),
              HasSubstr("state.npy: 3 samples, but " + At("c.npz") + ": image.npy has 2"));
  EXPECT_THAT(ErrorOf(Write("x.npy", x), *graph), HasSubstr("holds one input, the model has 2"));
}

TEST_F(DatasetTest, NpzErrors) {
  const auto graph = Model({1, 2});
  const std::string x = Npy("<f4", "(2, 2)", Raw<float>({1, 2, 3, 4}));
  EXPECT_THAT(ErrorOf(Write("a.npz", "no zip"), *graph), HasSubstr("cannot be read as a zip archive"));
  EXPECT_THAT(ErrorOf(WriteNpz("b.npz", {{"z.npy", x}}), *graph),
              HasSubstr("no array for input \"image\"; it holds: z; name it \"image\" or \"x\""));
  const std::string y3 = Npy("<i4", "(3,)", Raw<int32_t>({1, 2, 3}));
  EXPECT_THAT(ErrorOf(WriteNpz("c.npz", {{"x", x}, {"y", y3}}), *graph), HasSubstr("2 samples, but 3 labels"));
  const std::string y10 = Npy("<i4", "(2,)", Raw<int32_t>({1, 10}));
  EXPECT_THAT(ErrorOf(WriteNpz("d.npz", {{"x", x}, {"y", y10}}), *graph),
              HasSubstr("label 10 of sample 1 is outside of the model's 10 classes, 0 to 9; labels start at 0"));
  const std::string minus = Npy("<i4", "(2,)", Raw<int32_t>({-1, 9}));
  EXPECT_THAT(ErrorOf(WriteNpz("e.npz", {{"x", x}, {"y", minus}}), *graph), HasSubstr("label -1 of sample 0"));
  const std::string f3 = Npy("<f4", "(2, 3)", Raw<float>({1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(ErrorOf(WriteNpz("f.npz", {{"x", x}, {"y", f3}}), *graph),
              HasSubstr("expected outputs of [3] for output \"scores\" of [1x10]"));
  const std::string t3 = Npy("<f4", "(3, 10)", std::string(120, '\0'));
  EXPECT_THAT(ErrorOf(WriteNpz("g.npz", {{"x", x}, {"y", t3}}), *graph),
              HasSubstr("2 samples, but 3 expected outputs \"scores\""));
  // An entry whose bytes do not decompress to its checksum.
  WriteNpz("h.npz", {{"x", Npy("<f4", "(1000, 2)", std::string(8000, 'a'))}});
  std::fstream file(At("h.npz"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(60);
  file << "\xff\xff\xff";
  file.close();
  EXPECT_NE(ErrorOf(At("h.npz"), *graph), "no error");
}

TEST_F(DatasetTest, TensorProtoFolders) {
  const auto graph = Model({1, 2}, 3);
  // Set 10 comes behind set 2.
  for (int set : {10, 0, 2}) {
    const std::string folder = "sets/test_data_set_" + std::to_string(set);
    const float v = static_cast<float>(set);
    Write(folder + "/input_0.pb", Proto({1, 2}, 1, Raw<float>({v, v + 0.5f})));
    Write(folder + "/output_0.pb", Proto({1, 3}, 1, Raw<float>({v, v + 1, v + 2})));
  }
  Write("sets/README", "no data");
  absl::StatusOr<Dataset> data = Dataset::Load(At("sets"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->size(), 3);
  EXPECT_THAT(FloatsOf(data->Sample(1, *graph)[0]), ElementsAre(2, 2.5f));
  EXPECT_THAT(FloatsOf(data->Sample(2, *graph)[0]), ElementsAre(10, 10.5f));
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(0, 1, 2, 2, 3, 4, 10, 11, 12));

  data = Dataset::Load(At("sets/test_data_set_2"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->size(), 1);
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(2, 3, 4));

  EXPECT_THAT(SampleOf(At("sets/test_data_set_10/input_0.pb"), *graph, 0), ElementsAre(10, 10.5f));

  // A folder of samples, one a file.
  Write("loose/a.pb", Proto({2}, 1, Raw<float>({1, 2})));
  Write("loose/b.pb", Proto({2}, 1, Raw<float>({3, 4})));
  EXPECT_THAT(SampleOf(At("loose"), *graph, 1), ElementsAre(3, 4));
  // A model without a batch dimension: the array is the sample.
  EXPECT_THAT(SampleOf(At("loose/b.pb"), *Model({2}), 0), ElementsAre(3, 4));
}

TEST_F(DatasetTest, TensorProtoErrors) {
  const auto graph = Model({1, 2}, 3);
  const std::string input = Proto({1, 2}, 1, Raw<float>({1, 2}));
  fs::create_directories(At("empty"));
  EXPECT_THAT(ErrorOf(At("empty"), *graph), HasSubstr("has neither input_0.pb"));
  Write("sets/a/input_0.pb", input);
  Write("sets/b/input_0.pb", input);
  Write("sets/b/output_0.pb", Proto({1, 3}, 1, Raw<float>({1, 2, 3})));
  EXPECT_THAT(ErrorOf(At("sets"), *graph), HasSubstr("1 of 2 samples have output_0.pb"));
  Write("sets/b/input_0.pb", Proto({1, 3}, 1, Raw<float>({1, 2, 3})));
  EXPECT_THAT(ErrorOf(At("sets"), *graph),
              HasSubstr("holds f32[1x3], but " + At("sets/a/input_0.pb") + " holds f32[1x2]"));
  graph->AddInput("more", Type{ElementType::f32, {1, 2}});
  EXPECT_THAT(ErrorOf(At("sets/a"), *graph), HasSubstr("input_1.pb"));
}

TEST_F(DatasetTest, IdxWithItsLabels) {
  const auto graph = Model({1, 1, 2, 2});
  const std::string images = Idx(8, {3, 2, 2}, Raw<uint8_t>({0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8}));
  const std::string labels = Idx(8, {3}, Raw<uint8_t>({7, 0, 9}));
  Write("t10k-images-idx3-ubyte", images);
  absl::StatusOr<Dataset> data = Dataset::Load(At("t10k-images-idx3-ubyte"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_FALSE(data->has_labels());
  WriteGz("t10k-labels-idx1-ubyte.gz", labels);
  data = Dataset::Load(At("t10k-images-idx3-ubyte") + ":scale=1/255", *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(7, 0, 9));
  EXPECT_THAT(FloatsOf(data->Sample(0, *graph)[0]), ElementsAre(0, 51.0f / 255, 102.0f / 255, 1));

  WriteGz("train-images.idx3.gz", images);
  Write("train-labels.idx1", labels);
  data = Dataset::Load(At("train-images.idx3.gz"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(7, 0, 9));
  EXPECT_THAT(FloatsOf(data->Sample(2, *graph)[0]), ElementsAre(5, 6, 7, 8));

  // Elements of more than a byte are big-endian.
  EXPECT_THAT(SampleOf(Write("i16", Idx(0x0B, {1, 2}, std::string("\x01\x02\xff\xfe", 4))), *Model({1, 2}), 0),
              ElementsAre(258, -2));
  EXPECT_THAT(SampleOf(Write("f32", Idx(0x0D, {1, 2}, Big32(0x3F800000) + Big32(0xC0200000))), *Model({1, 2}), 0),
              ElementsAre(1, -2.5f));
  EXPECT_THAT(SampleOf(Write("i8", Idx(0x09, {1, 2}, "\x7f\x80")), *Model({1, 2}), 0), ElementsAre(127, -128));
}

TEST_F(DatasetTest, IdxErrors) {
  const auto graph = Model({1, 1, 2, 2});
  const std::string images = Idx(8, {3, 2, 2}, std::string(12, 'a'));
  EXPECT_THAT(ErrorOf(Write("a", "nonsense"), *graph), HasSubstr("is no data set; .npz, .npy"));
  for (const std::string& start :
       {std::string("ab\x09\x01", 4), std::string("\0b\x09\x01", 4), std::string("a\0\x09\x01", 4),
        std::string("\0\0\x07\x01", 4), std::string("\0\0\x0f\x01", 4), std::string("\0\0\x08", 3)}) {
    EXPECT_THAT(ErrorOf(Write("a", start), *graph), HasSubstr("is no data set"));
  }
  for (const std::string& start : {std::string("\0\0\x08\x01", 4), std::string("\0\0\x0e\x01", 4)}) {
    EXPECT_THAT(ErrorOf(Write("a", start), *graph), HasSubstr("its dimensions takes 4 bytes; the file"));
  }
  EXPECT_THAT(ErrorOf(Write("a", Idx(10, {3}, "abc")), *graph), HasSubstr("is not an idx file"));
  EXPECT_THAT(ErrorOf(Write("a", Idx(8, {}, "abc")), *graph), HasSubstr("is not an idx file"));
  EXPECT_THAT(ErrorOf(Write("a", images.substr(0, 27)), *graph),
              HasSubstr("an array of 3x2x2 takes 12 bytes; the file ends after 11 of them"));
  EXPECT_THAT(ErrorOf(Write("a", images + "b"), *graph), HasSubstr("has bytes behind its array"));
  EXPECT_THAT(ErrorOf(Write("a", Idx(8, {0x01020304, 1}, "")), *graph), HasSubstr("an array of 16909060x1"));
  EXPECT_THAT(ErrorOf(Write("a", Idx(8, {4000000000u, 4000000000u}, "")), *graph), HasSubstr("takes more than"));
  EXPECT_THAT(ErrorOf(Write("a", Idx(8, {3000000, 2, 2}, "")), *graph),
              HasSubstr("takes 12000000 bytes; the file holds"));
  Write("images", images);
  Write("labels", Idx(8, {2}, "\1\2"));
  EXPECT_THAT(ErrorOf(At("images"), *graph), HasSubstr("3 samples, but 2 labels"));
}

TEST_F(DatasetTest, CifarBatches) {
  // Plane c of sample n holds 10n + c everywhere.
  const auto batch = [](int first) {
    std::string bytes;
    for (int n = first; n < first + 2; ++n) {
      bytes += static_cast<char>(n);
      for (int c = 0; c < 3; ++c) bytes += std::string(1024, static_cast<char>(10 * n + c));
    }
    return bytes;
  };
  const auto graph = Model({1, 3, 32, 32});
  Write("data_batch_1.bin", batch(0));
  Write("data_batch_2.bin", batch(2));
  Write("test_batch.bin", batch(4));
  absl::StatusOr<Dataset> data = Dataset::Load(At("test_batch.bin"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(4, 5));
  std::vector<float> values = FloatsOf(data->Sample(1, *graph)[0]);
  EXPECT_THAT((std::vector<float>{values[0], values[1023], values[1024], values[2047], values[2048], values[3071]}),
              ElementsAre(50, 50, 51, 51, 52, 52));
  // To a model that wants pixels of channels.
  values = SampleOf(At("test_batch.bin"), *Model({1, 32, 32, 3}), 0);
  EXPECT_THAT((std::vector<float>{values[0], values[1], values[2], values[3], values[3071]}),
              ElementsAre(40, 41, 42, 40, 42));
  // A folder is its training batches; `+` joins files.
  for (const std::string& spec : {At(""), At("data_batch_1.bin") + "+" + At("data_batch_2.bin")}) {
    data = Dataset::Load(spec, *graph);
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_THAT(data->labels(), ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(FloatsOf(data->Sample(3, *graph)[0])[1024], 31);
  }
  EXPECT_THAT(ErrorOf(Write("a.bin", batch(0) + "x"), *graph), HasSubstr("has 6147 bytes, no multiple of the 3073"));
  EXPECT_THAT(ErrorOf(Write("b.bin", ""), *graph), HasSubstr("holds no samples"));
  EXPECT_THAT(ErrorOf(At("test_batch.bin") + "+" + Write("i.npy", Npy("|u1", "(1, 3, 32, 32)", std::string(3072, 'a'))),
                      *graph),
              HasSubstr("holds other arrays, labels or expected outputs"));
  EXPECT_THAT(ErrorOf(At("i.npy") + "+" + Write("j.npy", Npy("|u1", "(1, 2)", "ab")), *graph),
              HasSubstr("holds u8[1x2], the files before it u8[1x3x32x32]"));
  EXPECT_THAT(ErrorOf(At("test_batch.bin"), *Model({1, 3, 32, 32}, 5)), HasSubstr("label 5 of sample 1"));
  // Files that differ in just one thing: the layout, the labels, the expected outputs, the element type, the rank.
  const std::string different = "holds other arrays, labels or expected outputs";
  const auto joined = [&](const std::string& a, const std::string& b, const Graph& model) {
    return ErrorOf(a + "+" + b, model);
  };
  const std::string x = Npy("|u1", "(1, 2)", "ab"), y = Npy("|u1", "(1,)", "\1"),
                    t = Npy("<f4", "(1, 2)", Raw<float>({1, 2}));
  const auto pair = Model({1, 2}, 2);
  const std::string plain = WriteNpz("x.npz", {{"x", x}}), labels = WriteNpz("l.npz", {{"x", x}, {"y", y}}),
                    targets = WriteNpz("t.npz", {{"x", x}, {"y", t}});
  EXPECT_EQ(joined(labels, labels, *pair), "no error");
  EXPECT_EQ(joined(targets, targets, *pair), "no error");
  EXPECT_THAT(joined(plain, labels, *pair), HasSubstr(different));
  EXPECT_THAT(joined(labels, plain, *pair), HasSubstr(different));
  EXPECT_THAT(joined(plain, targets, *pair), HasSubstr(different));
  EXPECT_THAT(joined(targets, plain, *pair), HasSubstr(different));
  const std::string gray = WritePng("gray.png", 4, 1, PNG_FORMAT_GRAY, {1, 2, 3, 4});
  const std::string planes = Write("planes.npy", Npy("|u1", "(1, 2, 2, 1)", "abcd"));
  EXPECT_THAT(joined(gray, planes, *Model({1, 1, 2, 2})), HasSubstr(different));
  EXPECT_THAT(joined(Write("u.npy", x), Write("s.npy", Npy("|i1", "(1, 2)", "ab")), *pair),
              HasSubstr("holds i8[1x2], the files before it u8[1x2]; they can't be joined"));
  EXPECT_THAT(joined(At("u.npy"), Write("0.npy", Npy("|u1", "()", "a")), *pair), HasSubstr("holds u8[], the files"));
}

TEST_F(DatasetTest, RawFiles) {
  const auto graph = Model({1, 2, 1, 2});
  const std::string file = Write("x.bin", Raw<int16_t>({1, 2, 3, 4, -5, 6, 7, 8}));
  EXPECT_THAT(SampleOf(file + ":dtype=i16,shape=2x2", *graph, 1), ElementsAre(-5, 6, 7, 8));
  // Rows of pixels of two channels.
  EXPECT_THAT(SampleOf(file + ":dtype=i16,shape=1x2x2,layout=nhwc", *graph, 1), ElementsAre(-5, 7, 6, 8));
  EXPECT_THAT(SampleOf(Write("b.bin", Raw<uint8_t>({0, 1, 2, 0})) + ":dtype=b8,shape=4", *Model({4}), 0),
              ElementsAre(0, 1, 1, 0));
  Write("y.bin", "\1\2");
  absl::StatusOr<Dataset> data = Dataset::Load(file + ":dtype=i16,shape=4,labels=" + At("y.bin"), *Model({1, 4}));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->labels(), ElementsAre(1, 2));
  EXPECT_THAT(ErrorOf(file + ":dtype=i16", *graph), HasSubstr("needs both dtype= and shape="));
  EXPECT_THAT(ErrorOf(file + ":shape=4", *graph), HasSubstr("needs both dtype= and shape="));
  EXPECT_THAT(ErrorOf(file + ":dtype=f32,shape=3", *graph),
              HasSubstr("has 16 bytes, no multiple of the 12 of a sample of 3 f32"));
  EXPECT_THAT(ErrorOf(Write("a.npy", Npy("|u1", "(1, 4)", "abcd")) + ":dtype=u8", *graph),
              HasSubstr("dtype= is for raw"));
}

TEST_F(DatasetTest, PngSprites) {
  // Two samples of 2x2 RGB pixels, a row each.
  const std::vector<uint8_t> pixels = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                       21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
  const std::string file = WritePng("a.png", 4, 2, PNG_FORMAT_RGB, pixels);
  Write("l.json", "[3, 8]");
  const auto graph = Model({1, 3, 2, 2});
  absl::StatusOr<Dataset> data = Dataset::Load(file + ":labels=" + At("l.json"), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->size(), 2);
  EXPECT_THAT(data->labels(), ElementsAre(3, 8));
  EXPECT_THAT(FloatsOf(data->Sample(0, *graph)[0]), ElementsAre(1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12));
  EXPECT_THAT(SampleOf(file, *Model({1, 2, 2, 3}), 0), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  // 1x4 pixels instead of a square; and flat.
  EXPECT_THAT(SampleOf(file + ":shape=1x4x3", *Model({1, 3, 1, 4}), 1),
              ElementsAre(21, 24, 27, 30, 22, 25, 28, 31, 23, 26, 29, 32));
  EXPECT_THAT(SampleOf(file + ":shape=12", *Model({1, 12}), 0), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  // An image of the model's own size is one sample.
  EXPECT_THAT(SampleOf(file, *Model({1, 3, 2, 4}), 0),
              ElementsAre(1, 4, 7, 10, 21, 24, 27, 30, 2, 5, 8, 11, 22, 25, 28, 31, 3, 6, 9, 12, 23, 26, 29, 32));
  // Gray; alpha dropped; a 16-bit gray cut to 8.
  EXPECT_THAT(SampleOf(WritePng("g.png", 4, 1, PNG_FORMAT_GRAY, {9, 8, 7, 6}), *Model({1, 1, 2, 2}), 0),
              ElementsAre(9, 8, 7, 6));
  EXPECT_THAT(SampleOf(WritePng("t.png", 1, 1, PNG_FORMAT_RGBA, {9, 8, 7, 60}), *Model({1, 3, 1, 1}), 0),
              ElementsAre(9, 8, 7));
  // A palette.
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = 4;
  image.height = 1;
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.colormap_entries = 2;
  const std::vector<uint8_t> indices = {0, 1, 1, 0}, colors = {1, 2, 3, 200, 201, 202};
  ASSERT_TRUE(png_image_write_to_file(&image, At("p.png").c_str(), 0, indices.data(), 0, colors.data()));
  EXPECT_THAT(SampleOf(At("p.png"), *graph, 0), ElementsAre(1, 200, 200, 1, 2, 201, 201, 2, 3, 202, 202, 3));

  EXPECT_THAT(ErrorOf(file + ":shape=2x3", *graph), HasSubstr("shape=2x3 has 6 elements, a row of the image 12"));
  EXPECT_THAT(ErrorOf(WritePng("w.png", 6, 1, PNG_FORMAT_GRAY, {1, 2, 3, 4, 5, 6}), *graph),
              HasSubstr("the 6 pixels of a row an image? Say it with shape=HxWx1"));
  EXPECT_THAT(ErrorOf(Write("n.png", "no png at all"), *graph), HasSubstr("cannot be read as PNG: "));
  EXPECT_THAT(ErrorOf(At("missing.png"), *graph), HasSubstr("cannot be opened"));
  std::ifstream whole(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  EXPECT_THAT(ErrorOf(Write("cut.png", bytes.substr(0, bytes.size() - 20)), *graph),
              HasSubstr("cannot be read as PNG"));
  // A header that claims 900,000 x 900 pixels.
  std::string huge = bytes;
  huge.replace(16, 8, Big32(900000) + Big32(900));
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(huge.data() + 12), 17);
  huge.replace(29, 4, Big32(static_cast<uint32_t>(crc)));
  EXPECT_THAT(ErrorOf(Write("huge.png", huge), *graph),
              HasSubstr("claims 900x900000x3 pixels and channels in a file of"));
}

TEST_F(DatasetTest, LabelsInEveryFormat) {
  const auto graph = Model({1, 2});
  const std::string x = Write("x.npy", Npy("<f4", "(2, 2)", Raw<float>({1, 2, 3, 4})));
  const std::string labels = x + ":labels=";
  const auto read = [&](const std::string& file) {
    const absl::StatusOr<Dataset> data = Dataset::Load(labels + file, *graph);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? data->labels() : std::vector<int32_t>();
  };
  EXPECT_THAT(read(Write("a.json", "[9,0]")), ElementsAre(9, 0));
  EXPECT_THAT(read(Write("a.npy", Npy("<i8", "(2,)", Raw<int64_t>({9, 0})))), ElementsAre(9, 0));
  EXPECT_THAT(read(WriteNpz("a.npz", {{"y", Npy("|u1", "(2, 1)", "\x09\x01")}})), ElementsAre(9, 1));
  EXPECT_THAT(read(Write("idx", Idx(8, {2}, "\3\4"))), ElementsAre(3, 4));
  EXPECT_THAT(read(Write("a.bin", "\5\6")), ElementsAre(5, 6));

  EXPECT_THAT(ErrorOf(labels + Write("b.json", "[9,0"), *graph), HasSubstr("is not JSON"));
  EXPECT_THAT(ErrorOf(labels + Write("b.json", "{\"a\": 1}"), *graph), HasSubstr("is not a JSON array of labels"));
  EXPECT_THAT(ErrorOf(labels + Write("b.json", "[9, 1.5]"), *graph),
              HasSubstr("element 1 is 1.5; labels are integers"));
  EXPECT_THAT(ErrorOf(labels + Write("b.json", "[9, 18446744073709551615]"), *graph), HasSubstr("labels are integers"));
  EXPECT_THAT(ErrorOf(labels + Write("b.json", "[9, 4294967296]"), *graph), HasSubstr("label 4294967296 of sample 1"));
  EXPECT_THAT(ErrorOf(labels + Write("b.json", std::string(100000, '[')), *graph), HasSubstr("is not JSON"));
  EXPECT_THAT(ErrorOf(labels + Write("b.npy", Npy("<f4", "(2,)", Raw<float>({1, 2}))), *graph),
              HasSubstr("labels are integers, not f32[2]"));
  EXPECT_THAT(ErrorOf(labels + Write("b.npy", Npy("|u1", "(2, 2)", "abcd")), *graph),
              HasSubstr("one integer a sample, not an array of [2x2]"));
  EXPECT_THAT(ErrorOf(labels + WriteNpz("b.npz", {{"x", ""}}), *graph), HasSubstr("has no array \"y\"; it holds: x"));
  EXPECT_THAT(ErrorOf(labels + Write("b.txt", "1\n2\n"), *graph), HasSubstr("is no file of labels"));
  EXPECT_THAT(ErrorOf(labels + Write("b.bin", "\1\2\3"), *graph),
              HasSubstr("2 samples, but 3 labels in " + At("b.bin")));
  EXPECT_THAT(ErrorOf(labels + At("a.bin"), *Model({1, 2}, 1)),
              HasSubstr("labels need a model with at least 2 outputs"));
}

// Bytes flipped, cut off and doubled: a data set or an error, never a crash (run under ASan too).
TEST_F(DatasetTest, MutatedFilesNeverCrash) {
  const auto graph = Model({1, 1, 4, 4});
  std::vector<uint8_t> pixels;
  for (int i = 0; i < 64; ++i) pixels.push_back(static_cast<uint8_t>(i * 37));
  const std::string bytes(pixels.begin(), pixels.end());
  Write("x.npy", Npy("|u1", "(4, 4, 4)", bytes));
  Write("f.npy", Npy("|u1", "(4, 4, 4)", bytes, true, 2));
  WriteNpz("x.npz", {{"x.npy", Npy("|u1", "(4, 4, 4)", bytes)}, {"y.npy", Npy("|u1", "(4,)", "\1\2\3\4")}});
  Write("images", Idx(8, {4, 4, 4}, bytes));
  WriteGz("images.gz", Idx(8, {4, 4, 4}, bytes));
  WritePng("x.png", 16, 4, PNG_FORMAT_GRAY, pixels);
  Write("x.pb", Proto({4, 4, 4}, 2, bytes));
  Write("l.json", "[1, 2, 3, 4]");
  Write("c.bin", std::string(2 * 3073, '\1'));
  Write("four.npy", Npy("|u1", "(4, 4, 4)", bytes));

  std::mt19937 random(1);
  int loaded = 0, refused = 0;
  for (const char* name : {"x.npy", "f.npy", "x.npz", "images", "images.gz", "x.png", "x.pb", "l.json", "c.bin"}) {
    std::ifstream in(At(name), std::ios::binary);
    const std::string good((std::istreambuf_iterator<char>(in)), {});
    const std::string file = At(std::string("mutant_") + name);
    const bool labels = std::string(name) == "l.json";
    const std::string spec = labels ? At("four.npy") + ":labels=" + file : file;
    for (int round = 0; round < 250; ++round) {
      std::string bad = good;
      for (auto edits = random() % 3; round > 0; --edits) {
        const size_t at = random() % bad.size();
        switch (random() % 4) {
          case 0:
            bad.resize(at + 1);
            break;
          case 1:
            bad.insert(at, bad.substr(at, 8));
            break;
          default:
            bad[at] = static_cast<char>(random());
        }
        if (edits == 0) break;
      }
      fs::remove(file);  // cheaper than truncating it: some file systems flush then
      std::ofstream(file, std::ios::binary) << bad;
      const absl::StatusOr<Dataset> data = Dataset::Load(spec, *graph);
      // The untouched file is read, but for CIFAR's, which does not fit this model.
      if (round == 0) {
        EXPECT_EQ(data.ok(), std::string(name) != "c.bin") << name << data.status();
      }
      data.ok() ? ++loaded : ++refused;
      for (int64_t i = 0; data.ok() && i < data->size(); ++i) data->Sample(i, *graph);
    }
  }
  EXPECT_GT(loaded, 100);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace mcuc
