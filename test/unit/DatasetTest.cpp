// Data sets: specs with every key and every error, samples fitted to a model's input and compared value by value, and
// what they become for quantized and integer inputs.
#include <limits>

#include "DataFiles.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string SpecError(const std::string& text) {
  const absl::StatusOr<DatasetSpec> spec = ParseDatasetSpec(text);
  return spec.ok() ? "no error" : std::string(spec.status().message());
}

TEST(DatasetSpecTest, EveryKey) {
  const absl::StatusOr<DatasetSpec> spec = ParseDatasetSpec(
      "a:b/c.png:labels=l:1.json,range=3..55,resize=8x9,scale=2/255,mean=0.5;-1,std=0.25,layout=nhwc,seed=7,samples=11,"
      "dtype=i16,shape=4x5x6");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->path, "a:b/c.png");
  EXPECT_EQ(spec->labels, "l:1.json");
  EXPECT_EQ(spec->first, 3);
  EXPECT_EQ(spec->last, 55);
  EXPECT_EQ(spec->resize, (Shape{8, 9}));
  EXPECT_EQ(spec->scale, 2.0f);
  EXPECT_EQ(spec->divisor, 255.0f);
  EXPECT_THAT(spec->mean, ElementsAre(0.5f, -1.0f));
  EXPECT_THAT(spec->std_dev, ElementsAre(0.25f));
  EXPECT_EQ(spec->layout, "nhwc");
  EXPECT_EQ(spec->seed, 7u);
  EXPECT_EQ(spec->samples, 11);
  EXPECT_EQ(spec->dtype, ElementType::i16);
  EXPECT_EQ(spec->shape, (Shape{4, 5, 6}));
}

TEST(DatasetSpecTest, Defaults) {
  const absl::StatusOr<DatasetSpec> spec = ParseDatasetSpec("x.npz");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->path, "x.npz");
  EXPECT_EQ(spec->first, 0);
  EXPECT_EQ(spec->last, -1);
  EXPECT_EQ(spec->scale, 1.0f);
  EXPECT_EQ(spec->divisor, 1.0f);
  EXPECT_EQ(spec->samples, -1);
  EXPECT_EQ(ParseDatasetSpec("x:range=5..")->first, 5);
  EXPECT_EQ(ParseDatasetSpec("x:range=5..")->last, -1);
  EXPECT_EQ(ParseDatasetSpec("x:range=..5")->last, 5);
  EXPECT_EQ(ParseDatasetSpec("x:range=0..1")->last, 1);
  EXPECT_EQ(ParseDatasetSpec("x:scale=0.5")->scale, 0.5f);
}

TEST(DatasetSpecTest, Errors) {
  EXPECT_THAT(SpecError(""), HasSubstr("a path is missing"));
  EXPECT_THAT(SpecError(":seed=1"), HasSubstr("a path is missing"));
  EXPECT_THAT(SpecError("x:color=3"), HasSubstr("no key \"color\"; there are labels, range, resize, scale, mean, std, "
                                                "layout, seed, samples, dtype, shape"));
  EXPECT_THAT(SpecError("x:seed=1,samples"), HasSubstr("\"samples\" is not key=value"));
  EXPECT_THAT(SpecError("x:seed=1,seed=2"), HasSubstr("\"seed\" is given twice"));
  for (const char* bad : {"labels=",
                          "range=5",
                          "range=5..5",
                          "range=6..5",
                          "range=-1..5",
                          "range=a..5",
                          "range=1..b",
                          "resize=32",
                          "resize=0x32",
                          "resize=32x32x3",
                          "resize=99999x99999",
                          "scale=x",
                          "scale=0",
                          "scale=1/0",
                          "scale=1/",
                          "scale=nan",
                          "scale=1/2/3",
                          "mean=",
                          "mean=1;",
                          "mean=inf",
                          "std=0",
                          "std=-1",
                          "std=1;0",
                          "layout=hwc",
                          "seed=-1",
                          "seed=x",
                          "samples=0",
                          "samples=-5",
                          "dtype=int",
                          "shape=0",
                          "shape=2x",
                          "shape=-1"}) {
    const std::string key = std::string(bad).substr(0, std::string(bad).find('='));
    EXPECT_THAT(SpecError(std::string("x:") + bad), HasSubstr(key + "= takes ")) << bad;
  }
  EXPECT_THAT(SpecError("x:std=1;0"), HasSubstr("not \"1;0\""));
}

TEST_F(DatasetTest, RangeSeedAndSamples) {
  const auto graph = Model({1, 1});
  const std::string x = Write("x.npy", Npy("|u1", "(9, 1)", Raw<uint8_t>({0, 1, 2, 3, 4, 5, 6, 7, 8})));
  Write("y.bin", std::string("\0\1\2\3\4\5\6\7\1", 9));
  const auto read = [&](const std::string& keys) {
    const absl::StatusOr<Dataset> data = Dataset::Load(x + ":labels=" + At("y.bin") + keys, *graph);
    EXPECT_TRUE(data.ok()) << data.status();
    std::vector<int> values;
    for (int64_t i = 0; data.ok() && i < data->size(); ++i) {
      values.push_back(static_cast<int>(FloatsOf(data->Sample(i, *graph)[0])[0]));
      EXPECT_EQ(data->labels()[static_cast<size_t>(i)], values.back() == 8 ? 1 : values.back());
    }
    return values;
  };
  EXPECT_THAT(read(",range=2..5"), ElementsAre(2, 3, 4));
  EXPECT_THAT(read(",range=7.."), ElementsAre(7, 8));
  EXPECT_THAT(read(",range=0..9,samples=2"), ElementsAre(0, 1));
  EXPECT_THAT(read(",range=3..6,samples=3"), ElementsAre(3, 4, 5));
  const std::vector<int> shuffled = read(",seed=1");
  EXPECT_THAT(shuffled, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_FALSE(std::is_sorted(shuffled.begin(), shuffled.end()));
  EXPECT_EQ(shuffled, read(",seed=1"));
  EXPECT_NE(shuffled, read(",seed=2"));
  EXPECT_THAT(read(",seed=1,samples=3"), ElementsAre(shuffled[0], shuffled[1], shuffled[2]));
  // The order is part of what a command line means: it must not change from one machine or release to the next.
  EXPECT_THAT(shuffled, ElementsAre(2, 4, 3, 0, 6, 8, 1, 7, 5));
  EXPECT_THAT(ErrorOf(x + ":range=2..10", *graph), HasSubstr("range=2..10 of 9 samples; it must lie within 0..9"));
  EXPECT_THAT(ErrorOf(x + ":range=9..", *graph), HasSubstr("range=9.. of 9 samples"));
  EXPECT_THAT(ErrorOf(x + ":range=2..5,samples=4", *graph), HasSubstr("samples=4, but there are 3"));
}

TEST_F(DatasetTest, ScaleMeanAndStd) {
  const std::string x = Write("x.npy", Npy("|u1", "(1, 2, 1, 2)", Raw<uint8_t>({10, 20, 30, 40})));
  const auto graph = Model({1, 2, 1, 2});
  EXPECT_THAT(SampleOf(x + ":scale=0.5", *graph, 0), ElementsAre(5, 10, 15, 20));
  EXPECT_THAT(SampleOf(x + ":scale=3/2", *graph, 0), ElementsAre(15, 30, 45, 60));
  EXPECT_THAT(SampleOf(x + ":mean=10", *graph, 0), ElementsAre(0, 10, 20, 30));
  EXPECT_THAT(SampleOf(x + ":std=4", *graph, 0), ElementsAre(2.5f, 5, 7.5f, 10));
  EXPECT_THAT(SampleOf(x + ":scale=2,mean=4;20,std=4;0.5", *graph, 0), ElementsAre(4, 9, 80, 120));
  // The division rounds once, as float division does.
  EXPECT_THAT(SampleOf(x + ":scale=1/255", *graph, 0),
              ElementsAre(10.0f / 255.0f, 20.0f / 255.0f, 30.0f / 255.0f, 40.0f / 255.0f));
  // Channels last.
  const std::string hwc = Write("h.npy", Npy("|u1", "(1, 1, 3, 2)", Raw<uint8_t>({1, 10, 2, 20, 3, 30})));
  EXPECT_THAT(SampleOf(hwc + ":mean=1;10", *Model({1, 2, 1, 3}), 0), ElementsAre(0, 1, 2, 0, 10, 20));
  EXPECT_THAT(SampleOf(hwc + ":mean=1;10", *Model({1, 1, 3, 2}), 0), ElementsAre(0, 0, 1, 10, 2, 20));
  // One mean a feature.
  EXPECT_THAT(SampleOf(Write("f.npy", Npy("|u1", "(1, 3)", "\1\2\3")) + ":mean=1;0;1", *Model({1, 3}), 0),
              ElementsAre(0, 2, 2));
  EXPECT_THAT(ErrorOf(x + ":mean=1;2;3", *graph),
              HasSubstr("mean= and std= have 3 and 0 values; give one or one a channel"));
  EXPECT_THAT(ErrorOf(x + ":mean=1;2,std=1;2;3", *graph), HasSubstr("mean= and std= have 2 and 3 values"));
}

TEST_F(DatasetTest, Resize) {
  // Half-pixel centres: 2 -> 4 samples at -0.25, 0.25, 0.75, 1.25, clamped to the border.
  const std::string x = Write("x.npy", Npy("|u1", "(1, 2, 2)", Raw<uint8_t>({0, 16, 32, 64})));
  EXPECT_THAT(SampleOf(x + ":resize=2x4", *Model({1, 1, 2, 4}), 0), ElementsAre(0, 4, 12, 16, 32, 40, 56, 64));
  EXPECT_THAT(SampleOf(x + ":resize=4x2", *Model({1, 1, 4, 2}), 0), ElementsAre(0, 16, 8, 28, 24, 52, 32, 64));
  EXPECT_THAT(SampleOf(x + ":resize=1x1", *Model({1, 1, 1, 1}), 0), ElementsAre(28));
  EXPECT_THAT(SampleOf(x + ":resize=2x2", *Model({1, 1, 2, 2}), 0), ElementsAre(0, 16, 32, 64));
  // No antialias: from 4 to 2 only the two middle neighbours of each centre count.
  const std::string row = Write("r.npy", Npy("|u1", "(1, 1, 8)", Raw<uint8_t>({100, 0, 10, 100, 100, 20, 40, 100})));
  EXPECT_THAT(SampleOf(row + ":resize=1x2", *Model({1, 1, 1, 2}), 0), ElementsAre(5, 30));
  // Before scale, mean and std; pixels of channels.
  const std::string hwc = Write("h.npy", Npy("|u1", "(1, 1, 2, 3)", Raw<uint8_t>({0, 10, 100, 8, 18, 108})));
  EXPECT_THAT(SampleOf(hwc + ":resize=1x4,scale=1/2,mean=0;5;50", *Model({1, 3, 1, 4}), 0),
              ElementsAre(0, 1, 3, 4, 0, 1, 3, 4, 0, 1, 3, 4));
  EXPECT_THAT(SampleOf(hwc + ":resize=1x4,layout=nhwc", *Model({1, 1, 4, 3}), 0),
              ElementsAre(0, 10, 100, 2, 12, 102, 6, 16, 106, 8, 18, 108));
  EXPECT_THAT(ErrorOf(x, *Model({1, 1, 4, 3})),
              HasSubstr("samples of 2x2 do not fit input \"image\" of 1x1x4x3; add resize=4x3"));
  EXPECT_THAT(ErrorOf(hwc, *Model({1, 3, 5, 6})), HasSubstr("add resize=5x6"));
  EXPECT_THAT(ErrorOf(hwc, *Model({1, 5, 6, 3})), HasSubstr("add resize=5x6"));
  EXPECT_THAT(ErrorOf(x + ":resize=3x3", *Model({1, 1, 4, 4})),
              HasSubstr("samples of 2x2, resized to 3x3, do not fit input \"image\" of 1x1x4x4; add resize=4x4"));
  EXPECT_THAT(ErrorOf(x + ":resize=3x3", *Model({1, 1, 2, 2})), HasSubstr("leave out resize="));
  const std::string flat = Write("flat.npy", Npy("|u1", "(1, 4)", "abcd"));
  EXPECT_THAT(ErrorOf(flat + ":resize=3x3", *Model({1, 9})), HasSubstr("do not fit"));
}

TEST_F(DatasetTest, ShapesThatFit) {
  const std::string image = Write("i.npy", Npy("|u1", "(1, 2, 3)", Raw<uint8_t>({1, 2, 3, 4, 5, 6})));
  // A channel of 1, wherever the model has it; and flat, for a perceptron.
  for (const Shape& shape :
       {Shape{1, 1, 2, 3}, Shape{1, 2, 3, 1}, Shape{2, 3}, Shape{1, 2, 3}, Shape{1, 6}, Shape{6}}) {
    EXPECT_THAT(SampleOf(image, *Model(shape), 0), ElementsAre(1, 2, 3, 4, 5, 6)) << ShapeText(shape);
  }
  EXPECT_THAT(SampleOf(Write("f.npy", Npy("|u1", "(1, 6)", "\1\2\3\4\5\6")), *Model({1, 1, 2, 3}), 0),
              ElementsAre(1, 2, 3, 4, 5, 6));
  const std::string pixels =
      Write("p.npy", Npy("|u1", "(1, 2, 3, 4)", Raw<uint8_t>({0,  1,  2,  3,  10, 11, 12, 13, 20, 21, 22, 23,
                                                              30, 31, 32, 33, 40, 41, 42, 43, 50, 51, 52, 53})));
  EXPECT_THAT(SampleOf(pixels, *Model({1, 4, 2, 3}), 0),
              ElementsAre(0, 10, 20, 30, 40, 50, 1, 11, 21, 31, 41, 51, 2, 12, 22, 32, 42, 52, 3, 13, 23, 33, 43, 53));
  EXPECT_THAT(SampleOf(pixels, *Model({1, 3, 4, 2}), 0),
              ElementsAre(0, 30, 1, 31, 2, 32, 3, 33, 10, 40, 11, 41, 12, 42, 13, 43, 20, 50, 21, 51, 22, 52, 23, 53));
  // Where both orders would fit, channels come first unless layout= says otherwise.
  const std::string cube = Write("c.npy", Npy("|u1", "(1, 2, 2, 2)", "\1\2\3\4\5\6\7\10"));
  EXPECT_THAT(SampleOf(cube, *Model({1, 2, 2, 2}), 0), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(SampleOf(cube + ":layout=nhwc", *Model({1, 2, 2, 2}), 0), ElementsAre(1, 3, 5, 7, 2, 4, 6, 8));
  EXPECT_THAT(SampleOf(cube + ":layout=nchw", *Model({1, 2, 2, 2}), 0), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  // A series of two channels, channels last.
  const std::string series = Write("s.npy", Npy("|u1", "(1, 3, 2)", "\1\11\2\12\3\13"));
  EXPECT_THAT(SampleOf(series + ":layout=nhwc", *Model({1, 2, 3}), 0), ElementsAre(1, 2, 3, 9, 10, 11));
  // A sample with its batch of 1, and a whole array as the one sample of a model without a batch dimension.
  EXPECT_THAT(SampleOf(Write("b.npy", Npy("|u1", "(1, 1, 1, 2, 3)", "\1\2\3\4\5\6")), *Model({1, 1, 2, 3}), 0),
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(SampleOf(Write("w.npy", Npy("|u1", "(3,)", "\1\2\3")), *Model({3}), 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(SampleOf(pixels + ":shape=4x6", *Model({4, 6}), 0)[23], 53);
  // Pixels of channels behind a batch of 1.
  const std::string batch = Write("k.npy", Npy("|u1", "(1, 1, 1, 2, 3)", "\1\2\3\4\5\6"));
  EXPECT_THAT(SampleOf(batch, *Model({1, 3, 1, 2}), 0), ElementsAre(1, 4, 2, 5, 3, 6));
  // Channels are not flattened silently: their order is not known.
  EXPECT_THAT(ErrorOf(pixels, *Model({1, 24})), HasSubstr("samples of 2x3x4 do not fit input \"image\" of 1x24; "
                                                          "shape=24 takes their elements in the order of the file"));
  EXPECT_THAT(ErrorOf(pixels, *Model({1, 25})), HasSubstr("the data set and the model do not belong together"));
  EXPECT_THAT(ErrorOf(pixels + ":shape=23", *Model({1, 23})),
              HasSubstr("shape=23 has 23 elements, a sample of 2x3x4 has 24"));
}

TEST_F(DatasetTest, QuantizedInputs) {
  auto graph = Model({1, 3});
  const std::string file = Write("x.npy", Npy("|i1", "(1, 3)", Raw<int8_t>({-128, 3, 127})));
  const Type i8{ElementType::i8, {1, 3}, Quantization{{0.5f}, {-10}}};
  const auto ints = [](const Tensor& t) { return std::vector<int64_t>{t.AsInt(0), t.AsInt(1), t.AsInt(2)}; };

  // Loaded for a float model: real numbers, quantized once the input is. 3 / 0.5 - 10 = -4; the others saturate.
  absl::StatusOr<Dataset> data = Dataset::Load(file, *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  graph->inputs()[0]->set_type(i8);
  Tensor sample = data->Sample(0, *graph)[0];
  EXPECT_EQ(sample.type(), i8);
  EXPECT_THAT(ints(sample), ElementsAre(-128, -4, 127));

  // Loaded for the quantized model: its own integers, as they are.
  data = Dataset::Load(file, *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(ints(data->Sample(0, *graph)[0]), ElementsAre(-128, 3, 127));
  // Read through another quantization or as floats they keep their real values: (3 + 10) * 0.5 = 6.5.
  graph->inputs()[0]->set_type(Type{ElementType::f32, {1, 3}});
  EXPECT_THAT(FloatsOf(data->Sample(0, *graph)[0]), ElementsAre(-59, 6.5f, 68.5f));
  graph->inputs()[0]->set_type(Type{ElementType::i8, {1, 3}, Quantization{{1.0f}, {0}}});
  EXPECT_THAT(ints(data->Sample(0, *graph)[0]), ElementsAre(-59, 7, 69));

  // With a transform they are real numbers again.
  graph->inputs()[0]->set_type(i8);
  data = Dataset::Load(file + ":scale=2", *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(ints(data->Sample(0, *graph)[0]), ElementsAre(-128, 2, 127));
  // So are integers of another type.
  data = Dataset::Load(Write("u.npy", Npy("|u1", "(1, 3)", Raw<uint8_t>({0, 3, 255}))), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(ints(data->Sample(0, *graph)[0]), ElementsAre(-10, -4, 127));
  // Moving channels keeps integers.
  graph->inputs()[0]->set_type(Type{ElementType::i8, {1, 2, 1, 2}, Quantization{{0.5f}, {-10}}});
  data = Dataset::Load(Write("h.npy", Npy("|i1", "(1, 1, 2, 2)", Raw<int8_t>({1, 2, 3, 4}))) + ":layout=nhwc", *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  sample = data->Sample(0, *graph)[0];
  EXPECT_THAT((std::vector<int64_t>{sample.AsInt(0), sample.AsInt(1), sample.AsInt(2), sample.AsInt(3)}),
              ElementsAre(1, 3, 2, 4));
}

TEST_F(DatasetTest, QuantizedTargets) {
  auto graph = Model({1, 1}, 2, Type{ElementType::i8, {}, Quantization{{0.25f}, {4}}});
  Write("input_0.pb", Proto({1, 1}, 1, Raw<float>({1})));
  Write("output_0.pb", Proto({1, 2}, 3, Raw<int8_t>({4, -4})));
  absl::StatusOr<Dataset> data = Dataset::Load(At(""), *graph);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(FloatsOf(data->targets()[0]), ElementsAre(0, -2));
}

TEST_F(DatasetTest, IntegerInputsTakeValues) {
  auto graph = Model({1, 4});
  const std::string file = Write("x.npy", Npy("<f4", "(1, 4)", Raw<float>({-1.5f, 2.5f, 3e9f, std::nanf("")})));
  const auto ints = [&](ElementType element) {
    graph->inputs()[0]->set_type(Type{element, {1, 4}});
    const absl::StatusOr<Dataset> data = Dataset::Load(file, *graph);
    EXPECT_TRUE(data.ok()) << data.status();
    const Tensor sample = data->Sample(0, *graph)[0];
    return std::vector<int64_t>{sample.AsInt(0), sample.AsInt(1), sample.AsInt(2), sample.AsInt(3)};
  };
  EXPECT_THAT(ints(ElementType::i64), ElementsAre(-2, 2, 3000000000, 0));
  EXPECT_THAT(ints(ElementType::i32), ElementsAre(-2, 2, 2147483647, 0));
  EXPECT_THAT(ints(ElementType::u8), ElementsAre(0, 2, 255, 0));
  EXPECT_THAT(ints(ElementType::i8), ElementsAre(-2, 2, 127, 0));
  EXPECT_THAT(ints(ElementType::b8), ElementsAre(1, 1, 1, 1));
  Write("x.npy", Npy("<f4", "(1, 4)", Raw<float>({0, 1, 0.25f, -0.0f})));
  EXPECT_THAT(ints(ElementType::b8), ElementsAre(0, 1, 1, 0));
  // Beyond 64 bits, the largest double that fits; a u64 is shown by its bits.
  Write("x.npy", Npy("<f4", "(1, 4)", Raw<float>({1e30f, -1e30f, -1, 0x1p63f})));
  EXPECT_THAT(ints(ElementType::i64),
              ElementsAre(0x7ffffffffffffc00, std::numeric_limits<int64_t>::min(), -1, 0x7ffffffffffffc00));
  EXPECT_THAT(ints(ElementType::u64), ElementsAre(-2048, 0, 0, std::numeric_limits<int64_t>::min()));
  graph->inputs()[0]->set_type(Type{ElementType::f64, {1, 4}});
  const absl::StatusOr<Dataset> doubles =
      Dataset::Load(Write("d.npy", Npy("<f8", "(1, 4)", Raw<double>({0.1, 0, 0, 0}))), *graph);
  ASSERT_TRUE(doubles.ok());
  EXPECT_EQ(doubles->Sample(0, *graph)[0].AsDouble(0), 0.1);
}

TEST(DatasetFromTensors, KeepsMeaning) {
  auto graph = Model({1, 2});
  const Dataset reals = Dataset::FromTensors({Tensor::Of<float>(Type{ElementType::f32, {2, 2}}, {1, 2, 3, 4})}, {0, 1});
  EXPECT_EQ(reals.size(), 2);
  EXPECT_THAT(reals.labels(), ElementsAre(0, 1));
  EXPECT_THAT(FloatsOf(reals.Sample(1, *graph)[0]), ElementsAre(3, 4));
  const Type i8{ElementType::i8, {2, 2}, Quantization{{0.5f}, {1}}};
  const Dataset codes = Dataset::FromTensors({Tensor::Of<int>(i8, {1, 2, 3, 5})}, {});
  EXPECT_FALSE(codes.has_labels());
  EXPECT_THAT(FloatsOf(codes.Sample(1, *graph)[0]), ElementsAre(1, 2));
  graph->inputs()[0]->set_type(Type{ElementType::i8, {1, 2}, i8.quant});
  EXPECT_EQ(codes.Sample(1, *graph)[0].AsInt(1), 5);
  EXPECT_EQ(reals.Sample(1, *graph)[0].AsInt(1), 9);
  // A graph of another size gets the samples as they are, for the interpreter to refuse.
  EXPECT_EQ(reals.Sample(0, *Model({1, 3}))[0].shape(), (Shape{2}));
}

TEST(SharedSamplesTest, CountsEqualSamples) {
  Graph graph("g");
  graph.AddInput("x", Type{ElementType::f32, {1, 2}});
  const auto set = [](const std::vector<float>& values) {
    const Type type{ElementType::f32, {static_cast<int64_t>(values.size() / 2), 2}};
    return Dataset::FromTensors({Tensor::Of(type, values)}, {});
  };
  const Dataset some = set({1, 2, 3, 4, 5, 6}), others = set({4, 3, 5, 6, 1, 2, 5, 6});
  EXPECT_EQ(SharedSamples(some, others, graph), 2);
  EXPECT_EQ(SharedSamples(others, some, graph), 3);
  EXPECT_EQ(SharedSamples(some, set({2, 1}), graph), 0);
}

}  // namespace
}  // namespace mcuc
