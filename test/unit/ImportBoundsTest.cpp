// Import at its limits: every refusal with its message, attributes just within and just outside of what is taken, and
// slices, splits, pads, products and quantized weights swept and compared with plain loops.
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "ImportTesting.h"
#include "absl/strings/str_join.h"

namespace mcuc {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

struct Refusal {
  int opset;
  const char* body;  // of a graph over x: float[2,3], image: float[1,2,4,6]; its output is y
  const char* message;
};

const Refusal kRefusals[] = {
    {13, "<int64[3] s = {0, 0, 0}> { y = Reshape(x, s) }", "shape [0x0x0] copies dimension 2, which the input [2x3]"},
    {13, "<int64[2] s = {-2, 3}> { y = Reshape(x, s) }", "shape [-2x3] is no shape"},
    {13, "<int64[2] s = {-1, -1}> { y = Reshape(x, s) }", "shape [-1x-1] is no shape"},
    {13, "<int64[1] s = {268435457}> { y = Reshape(x, s) }", "shape [268435457] is no shape"},
    {13, "<int64[2] s = {65536, 65536}> { y = Reshape(x, s) }", "shape [65536x65536] is too large"},
    {13, "<int64[2] s = {-1, 4}> { y = Reshape(x, s) }", "the input [2x3] does not fit the shape [-1x4]"},
    {14, "<int64[2] s = {-1, 0}> { y = Reshape<allowzero = 1>(x, s) }", "does not fit the shape [-1x0]"},
    {13, "<int64[1] s = {5}> { y = Reshape(x, s) }", "has 6 elements, but the shape [5] has 5"},
    {13, "<float[1] s = {6}> { y = Reshape(x, s) }",
     "input 1 (shape) has element type f32; it must be an integer type"},
    {13, "<int64[1,1] s = {6}> { y = Reshape(x, s) }", "input 1 (shape) has rank 2; it must be 0 or 1"},
    {13, "{ y = Flatten<axis = 3>(x) }", "axis 3 is outside [-2, 2] for rank 2"},
    {13, "{ y = Flatten<axis = -3>(x) }", "axis -3 is outside [-2, 2] for rank 2"},
    {11, "{ y = Squeeze<axes = [1]>(x) }", "dimension 1 of the input [2x3] is 3; only 1 can be squeezed"},
    {11, "{ y = Squeeze<axes = [2]>(x) }", "axis 2 is outside [-2, 2) for rank 2"},
    {11, "{ y = Squeeze<axes = [-3]>(x) }", "axis -3 is outside [-2, 2) for rank 2"},
    {11, "{ y = Unsqueeze<axes = [0, -4]>(x) }", "axis 0 is listed twice"},
    {11, "{ y = Unsqueeze(x) }", "axes is missing"},
    {13, "{ y = Transpose<perm = [1]>(x) }", "perm [1] is no permutation of the 2 dimensions"},
    {13, "{ y = Transpose<perm = [1, 2]>(x) }", "perm [1x2] is no permutation"},
    {13, "{ y = Concat(x, x) }", "axis is missing"},
    {13, "<int64 i = {2}> { y = Gather(x, i) }", "index 2 is outside dimension 0 of the input [2x3]"},
    {13, "<int64 i = {-3}> { y = Gather(x, i) }", "index -3 is outside dimension 0 of the input [2x3]"},
    {13, "<float i = {0}> { y = Gather(x, i) }", "indices have element type f32; they must be integers"},
    {9, "{ y = Slice<starts = [0]>(x) }", "starts or ends is missing"},
    {9, "{ y = Slice<starts = [0], ends = [1, 2]>(x) }", "starts, ends, axes and steps have 1, 2, 1 and 1 entries"},
    {9, "{ y = Slice<starts = [0], ends = [1], axes = [0, 1]>(x) }", "have 1, 1, 2 and 1 entries"},
    {10, "<int64[1] a = {0}, int64[2] s = {1, 1}> { y = Slice(x, a, s, a, s) }", "have 1, 2, 1 and 2 entries"},
    {10, "<int64[1] a = {0}, int64[1] z = {2}, int64[2] s = {1, 1}> { y = Slice(x, a, z, a, s) }", "1, 1, 1 and 2"},
    {10, "<int64[1] a = {0}, int64[1] z = {1}> { y = Slice(x, a, z, z, a) }", "the step of axis 1 is 0"},
    {10, "<int64[2] a = {0, 0}> { y = Slice(x, a, a, a) }", "axis 0 is listed twice"},
    {11, "{ y, z = Split<axis = 1, split = [1, 1]>(x) }", "split [1x1] does not divide dimension 1 of the input [2x3]"},
    {11, "{ y, z = Split<axis = 1, split = [4, -1]>(x) }", "split [4x-1] does not divide dimension 1"},
    {11, "{ y, z = Split<axis = 1, split = [-1, 4]>(x) }", "split [-1x4] does not divide dimension 1"},
    {11, "{ y, z = Split<axis = 1, split = [1, 1, 1]>(x) }", "of the input [2x3] into 2 outputs"},
    {11, "{ y, z = Split<axis = 1>(x) }", "dimension 1 of the input [2x3] does not split into 2 equal parts"},
    {18, "{ y, z = Split<num_outputs = 3>(x) }", "num_outputs = 3, but the node has 2 outputs"},
    {18, "<int64[2] s = {1, 1}> { y, z = Split<num_outputs = 2>(x, s) }", "split and num_outputs exclude each other"},
    {9, "{ y = Pad<pads = [0, 0, 0]>(x) }", "pads has 3 entries; it must have 4"},
    {9, "{ y = Pad(x) }", "pads is missing"},
    {9, "{ y = Pad<mode = \"wrap\", pads = [0, 0, 0, 0]>(x) }", "mode = \"wrap\"; supported: constant, reflect, edge"},
    {9, "{ y = Pad<pads = [0, -1, 0, -2]>(x) }", "pads -1 and -2 cut off the whole dimension 1 of the input [2x3]"},
    {9, "{ y = Pad<pads = [268435457, 0, 0, 0]>(x) }", "pads holds 268435457; that is too large"},
    {9, "{ y = Pad<pads = [0, 0, -268435457, 0]>(x) }", "pads holds -268435457; that is too large"},
    {13, "<int64[4] p = {1, 0, 0, 0}, float[2] v = {1, 2}> { y = Pad(x, p, v) }", "constant_value has 2 elements"},
    {18, "<int64[4] p = {1, 0, 0, 0}, int64[2] a = {1, -1}> { y = Pad(x, p, , a) }", "axis 1 is listed twice"},
    {10, "<float[3] s = {1, 1, 2}> { y = Resize(image, s) }", "scales has 3 entries; it must have 4"},
    {10, "<float[4] s = {1, 1, 0, 1}> { y = Resize(image, s) }", "scales holds 0; it must be positive"},
    {10, "<float[4] s = {1, 1, -1, 1}> { y = Resize(image, s) }", "scales holds -1; it must be positive"},
    {10, "<float[4] s = {1, 1, 0.125, 1}> { y = Resize(image, s) }",
     "scale 0.125 makes dimension 2 of [1x2x4x6] empty"},
    {10, "<float[4] s = {1, 1, 100000000, 1}> { y = Resize(image, s) }", "of [1x2x4x6] too large"},
    {10, "<float[4] s = {1, 1, 0.5, 2}> { y = Resize(image, s) }", "enlarges one dimension and shrinks another"},
    {9, "<float[4] s = {1, 1, 0.5, 1}> { y = Upsample(image, s) }", "a scale is below 1; Upsample can only enlarge"},
    {10, "<float[4] s = {1, 2, 2, 2}> { y = Resize(image, s) }", "resizes 3 dimensions of [1x2x4x6] to [1x4x8x12]"},
    {13, "{ y = Resize(image) }", "must have either scales or sizes"},
    {13, "<float[4] s = {1, 1, 2, 2}, int64[4] z = {1, 2, 8, 12}> { y = Resize(image, , s, z) }", "must have either"},
    {13, "<int64[3] z = {1, 2, 8}> { y = Resize(image, , , z) }", "sizes has 3 entries; it must have 4"},
    {13, "<int64[4] z = {1, 2, 0, 6}> { y = Resize(image, , , z) }", "sizes holds 0; it must be positive"},
    {13, "<int64[4] z = {1, 2, 268435457, 6}> { y = Resize(image, , , z) }", "sizes holds 268435457"},
    {18, "<int64[4] z = {1, 2, 8, 6}> { y = Resize<keep_aspect_ratio_policy = \"both\">(image, , , z) }", "\"both\""},
    {18, "<int64[2] z = {8, 6}> { y = Resize<axes = [2, -2]>(image, , , z) }", "axis 2 is listed twice"},
    {18, "<int64[2] z = {1, 9}> { y = Resize<axes = [2, 3], keep_aspect_ratio_policy = \"not_larger\">(tall, , , z) }",
     "sizes [1x9] make dimension 3 of [1x1x9x2] too small or too large"},
    {18, "<float[4] s = {1, 1, 0.5, 1}> { y = Resize<antialias = 1, mode = \"linear\">(image, , s) }",
     "antialias = 1 is not supported where a dimension shrinks"},
    {19, "<float[4] s = {1, 1, 1.3, 1}> { y = Resize<coordinate_transformation_mode = \"mirrored\">(image, , s) }",
     "coordinate_transformation_mode = \"mirrored\"; supported"},
    {13, "<float[4] s = {1, 1, 2, 2}> { y = Resize<nearest_mode = \"up\">(image, , s) }", "nearest_mode = \"up\""},
    {13, "{ y = ReduceMean<keepdims = 2>(x) }", "keepdims = 2; it must be 0 or 1"},
    {13, "{ y = ReduceMean<keepdims = -1>(x) }", "keepdims = -1; it must be 0 or 1"},
    {13, "{ y = ReduceMean<axes = [0, -2]>(x) }", "axis 0 is listed twice"},
    {13, "{ y = ArgMax<axis = 2>(x) }", "axis 2 is outside [-2, 2) for rank 2"},
    {12, "{ y = Softmax<axis = -3>(x) }", "axis -3 is outside [-2, 2) for rank 2"},
    {13, "<float[2] s = {1, 2}> { y = BatchNormalization(x, s, s, s, s) }", "input 1 (scale) [2] must be [3], one a"},
    {14, "<float[3] s = {1, 2, 3}> { y = BatchNormalization<training_mode = 1>(x, s, s, s, s) }", "training_mode = 1"},
    {7, "<float[3] s = {1, 2, 3}> { y = BatchNormalization<spatial = 0>(x, s, s, s, s) }", "spatial = 0 is not"},
    {13, "<float[1] s = {1}> { y = BatchNormalization(flat, s, s, s, s) }", "has rank 1; supported: 2 to 32"},
    {13, "{ y = Constant<value_int = 1, value_float = 2.0>() }", "has 2 of the attributes"},
    {13, "<int64[1] s = {2}> { y = ConstantOfShape<value = float[2] {1, 2}>(s) }",
     "value has 2 elements; it must have 1"},
    {13, "<int64[2] s = {2, -1}> { y = ConstantOfShape(s) }", "shape [2x-1] has a dimension of -1"},
    {13, "<bool t = {1}> { y = Dropout(x, , t) }", "training_mode is not supported; export the model for inference"},
    {13, "<bool t = {1}, float r = {0.25}> { y = Dropout(x, r, t) }", "training_mode is not supported"},
    {13, "<bool[2] t = {0, 0}> { y = Dropout(x, , t) }", "training_mode is not supported"},
    {13, "<float[2] lo = {0, 1}> { y = Clip(x, lo) }", "input 1 (min) [2] must be a scalar"},
    {13, "<float[2] hi = {0, 1}> { y = Clip(x, , hi) }", "input 2 (max) [2] must be a scalar"},
    {13, "<float[2,1,3] s = {1, 2, 3, 4, 5, 6}> { y = PRelu(x, s) }", "does not broadcast to the input [2x3]"},
    {13, "<float[2,3] w = {1, 2, 3, 4, 5, 6}> { y = Gemm(image, w) }", "input 0 [1x2x4x6] has rank 4; supported: 2"},
    {13, "{ y = MatMul(x, x) }", "A [2x3] and B [2x3] do not multiply"},
    {13, "<float w = {2}> { y = MatMul(x, w) }", "input 1 [] has rank 0; supported: 1 to 32"},
    {13, "<float[1,2,1] w = {1, 2}> { y = Conv(image, w) }", "must have the same rank"},
    {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<kernel_shape = [1, 2]>(image, w) }", "is not that of the weights"},
    {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<group = 0>(image, w) }", "group = 0"},
    {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<strides = [1, 1048577]>(image, w) }", "strides holds 1048577"},
    {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<pads = [0, 0, -1, 0]>(image, w) }", "pads holds -1; supported: 0 to"},
    {13, "<float[2,1,1,1] w = {1, 2}> { y = ConvTranspose<output_shape = [4]>(image, w) }",
     "output_shape has 1 entries"},
    {13, "<float[2,1,1,1] w = {1, 2}> { y = ConvTranspose<output_shape = [0, 6]>(image, w) }", "output_shape holds 0"},
    {13, "{ y = MaxPool<kernel_shape = [2]>(image) }", "kernel_shape has 1 entries; it must have 2"},
    {13, "{ y = MaxPool<kernel_shape = [2, 0]>(image) }", "kernel_shape holds 0; supported: 1 to 1048576"},
    {13, "{ y = MaxPool<ceil_mode = 2, kernel_shape = [2, 2]>(image) }", "ceil_mode = 2; it must be 0 or 1"},
    {13, "{ y = GlobalMaxPool(x) }", "input 0 [2x3] has rank 2; supported: 3 to 32"},
    {19, "<uint8[2] a = {1, 2}, float s = {1}, float z = {0.5}> { y = DequantizeLinear(a, s, z) }",
     "(zero point) is f32"},
    {13, "<int32[2] a = {1, 2}, float s = {1}, uint32 z = {4294967295}> { y = DequantizeLinear(a, s, z) }",
     "a zero point of 4294967295 is not supported"},
    {13, "<float[2] a = {1, 2}, float[3] s = {1, 1, 1}> { y = QuantizeLinear<axis = 0>(a, s) }", "3 scales do not fit"},
    {13, "<float s = {-1}> { y = QuantizeLinear(x, s) }", "a scale is not over 0, or not finite"},
    {13, "<int64 s = {1}> { y = QuantizeLinear(x, s) }", "input 1 (scale) must be of a float type"},
};

constexpr char kInputs[] = "g (float[2,3] x, float[1,2,4,6] image, float[1,1,9,2] tall, float[3] flat) => (float y) ";

TEST_F(ImportTest, Refusals) {
  for (const Refusal& refusal : kRefusals) {
    EXPECT_FALSE(ImportText(absl::StrCat(kInputs, refusal.body), refusal.opset)) << refusal.body;
    EXPECT_THAT(Errors(), HasSubstr(refusal.message)) << refusal.body;
    EXPECT_EQ(diagnostics_.errors(), 1) << refusal.body << Errors();
  }
}

// What is just within: the graph's text behind it.
TEST_F(ImportTest, JustWithin) {
  const struct {
    int opset;
    const char* body;
    const char* text;
  } kCases[] = {
      {13, "{ y = Flatten<axis = 2>(x) }", "f32[6x1] = reshape %x"},
      {13, "{ y = Flatten<axis = -2>(x) }", "f32[1x6] = reshape %x"},
      {13, "<int64 i = {-2}> { y = Gather(x, i) }", "const @i: i64[] = {-2}"},
      {13, "<int64 i = {1}> { y = Gather(x, i) }", "f32[3] = gather %x, @i"},
      {9, "{ y = Pad<pads = [0, -1, 0, -1]>(x) }", "f32[2x1] = slice %x {starts = {0, 1}}"},
      {9, "{ y = Pad<pads = [-1, 2, 0, -1]>(x) }", "pad %y_slice {before = {0, 2}, after = {0, 0}}"},
      {9, "{ y = Pad<pads = [0, 0, 0, 0]>(x) }", "%y: f32[2x3] = identity %x"},
      {10, "<float[4] s = {1, 1, 0.25, 1}> { y = Resize(image, s) }", "f32[1x2x1x6] = resize %image"},
      {10, "<float[4] s = {1, 1, 0.5, 2}> { y = Resize<mode = \"linear\">(image, s) }",
       "f32[1x2x2x12] = resize %image"},
      {9, "<float[4] s = {1, 1, 1, 1}> { y = Upsample(image, s) }", "%y: f32[1x2x4x6] = identity %image"},
      {18, "<float[4] s = {1, 1, 2, 1}> { y = Resize<antialias = 1, mode = \"linear\">(image, , s) }", "f32[1x2x8x6]"},
      {18, "<float[4] s = {1, 1, 0.5, 1}> { y = Resize<antialias = 1>(image, , s) }", "f32[1x2x2x6]"},
      {18,
       "<int64[2] z = {1, 9}> { y = Resize<axes = [2, 3], keep_aspect_ratio_policy = \"not_smaller\">(tall, , , z) }",
       "f32[1x1x41x9]"},
      {10, "<float[4] s = {2, 1, 2, 1}> { y = Resize(image, s) }", "perm = {1, 3, 0, 2}"},
      {10, "<float[4] s = {1, 2, 1, 1}> { y = Resize(image, s) }", "perm = {0, 2, 3, 1}"},
      {11, "{ y, z = Split<split = [1, 1]>(x) }", "%y: f32[1x3] = slice %x {starts = {0, 0}}"},
      {11, "{ z, y = Split<axis = 1, split = [3, 0]>(x) y2 = Relu(z) }", nullptr},
      {18, "{ z, y = Split<axis = 1, num_outputs = 2>(x) }", "%y: f32[2x1] = slice %x {starts = {0, 2}}"},
      {13, "<bool t = {1}, float r = {0}> { y = Dropout(x, r, t) }", "%y: f32[2x3] = identity %x"},
      {13, "<bool t = {0}, float r = {0.25}> { y = Dropout(x, r, t) }", "%y: f32[2x3] = identity %x"},
      {9, "{ z, y = Dropout(x) }", "const @y: f32[2x3] = {1, 1, 1, 1, 1, 1}"},
      {10, "{ z, y = Dropout(x) }", "const @y: b8[2x3] = {1, 1, 1, 1, 1, 1}"},
      {15, "{ y = Shape<start = -1>(image) }", "= {6}"},
      {15, "{ y = Shape<start = 1, end = -1>(image) }", "= {2, 4}"},
      {15, "{ y = Shape<start = -9, end = 9>(image) }", "= {1, 2, 4, 6}"},
      {12, "<int64[3] s = {2, 1, 3}> { t = Reshape(x, s) y = Softmax<axis = 1>(t) }", "softmax %t {axis = 2}"},
      {12, "<int64[3] s = {6, 1, 1}> { t = Reshape(x, s) y = Softmax<axis = 1>(t) }", "softmax %t {axis = 1}"},
      {12, "<int64[3] s = {2, 1, 3}> { t = Reshape(x, s) y = Softmax<axis = 0>(t) }", "f32[1x6] = softmax"},
      {13, "<float lo = {0}, float hi = {inf}> { y = Clip(x, lo, hi) }", nullptr},
      {18, "<int64[0] a = {}> { y = ReduceMax<noop_with_empty_axes = 0>(x, a) }", "axes = {0, 1}"},
      {18, "<int64[0] a = {}> { y = ReduceMax<noop_with_empty_axes = 1>(x, a) }", "%y: f32[2x3] = identity %x"},
      {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<auto_pad = \"SAME_UPPER\", strides = [3, 4]>(image, w) }",
       "f32[1x1x2x2] = conv %image, @w {strides = {3, 4}}"},
      {13, "<float[1,2,2,2] w = {1, 2, 3, 4, 5, 6, 7, 8}> { y = Conv<auto_pad = \"SAME_LOWER\">(image, w) }",
       "f32[1x1x4x6] = conv %image, @w {pads = {1, 1, 0, 0}}"},
      {13, "<float[1,2,1,1] w = {1, 2}> { y = Conv<strides = [1048576, 1]>(image, w) }", "f32[1x1x1x6] = conv"},
      {13, "<float[2,1,2,2] w = {1, 2, 3, 4, 5, 6, 7, 8}> { y = ConvTranspose<auto_pad = \"SAME_LOWER\">(image, w) }",
       "f32[1x1x4x6] = conv_transpose %image, @w {pads = {1, 1, 0, 0}}"},
      {13, "<float[2,1,1,1] w = {1, 2}> { y = ConvTranspose<auto_pad = \"VALID\", pads = [1, 1, 1, 1]>(image, w) }",
       "f32[1x1x4x6] = conv_transpose %image, @w loc"},
      {13, "<int64[5] s = {1, 2, 2, 2, 6}> { t = Reshape(image, s) y = GlobalMaxPool(t) }",
       "reduce %t {fn = max, axes = {2, 3, 4}}"},
      {13, "<int64[5] s = {1, 2, 2, 2, 6}> { t = Reshape(image, s) y = GlobalAveragePool(t) }",
       "reduce %t {fn = mean, axes = {2, 3, 4}}"},
      {6, "{ y = Relu(x) }", "unary %x"},
      {22, "{ y = Relu(x) }", "unary %x"},
  };
  for (const auto& test : kCases) {
    const auto graph = ImportText(absl::StrCat(kInputs, test.body), test.opset);
    if (!test.text) continue;
    ASSERT_TRUE(graph) << test.body << Errors();
    EXPECT_THAT(PrintGraph(*graph), HasSubstr(test.text)) << test.body;
  }
}

std::vector<float> Counted(int64_t n, float step = 1) {
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * step;
  return values;
}

std::string List(const std::vector<float>& values) { return absl::StrCat("{", absl::StrJoin(values, ", "), "}"); }

// x[start:end:step] along the second dimension, by the operator's definition: numpy's, but that a start before the
// first element is the first one backwards too.
TEST_F(ImportTest, Slices) {
  for (const int start : {-6, -5, -4, -2, -1, 0, 1, 3, 4, 5, 6}) {
    for (const int end : {-6, -5, -4, -1, 0, 1, 3, 4, 5, 6}) {
      for (const int step : {-5, -3, -2, -1, 1, 2, 3, 5}) {
        const int size = 5, low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
        const int from = std::clamp(start < 0 ? start + size : start, 0, high);
        const int to = std::clamp(end < 0 ? end + size : end, low, high);
        std::vector<double> expected;
        for (int row : {0, 1}) {
          for (int i = from; step > 0 ? i < to : i > to; i += step) expected.push_back(row * size + i);
        }
        const auto graph =
            ImportText(absl::StrCat("g (float[2,5] x) => (float y) <int64[1] a = {", start, "}, int64[1] b = {", end,
                                    "}, int64[1] c = {1}, int64[1] d = {", step, "}> { y = Slice(x, a, b, c, d) }"));
        ASSERT_EQ(graph != nullptr, !expected.empty()) << start << ":" << end << ":" << step << Errors();
        if (!graph) continue;
        ASSERT_THAT(Outputs(graph.get(), {Reals({2, 5}, Counted(10))}), ElementsAreArray(expected))
            << start << ":" << end << ":" << step;
      }
    }
  }
}

TEST_F(ImportTest, PadsOfEitherSign) {
  for (const int before : {-4, -3, -1, 0, 2}) {
    for (const int after : {-4, -3, -2, 0, 1}) {
      std::vector<double> expected;
      for (int i = -before; i < 5 + after; ++i) expected.push_back(i < 0 || i >= 5 ? 9 : i);
      const auto graph = ImportText(absl::StrCat("g (float[5] x) => (float y) <int64[2] p = {", before, ", ", after,
                                                 "}, float v = {9}> { y = Pad(x, p, v) }"));
      const bool some = std::max(-before, 0) + std::max(-after, 0) < 5;
      ASSERT_EQ(graph != nullptr, some) << before << " " << after << Errors();
      if (graph) {
        EXPECT_THAT(Outputs(graph.get(), {Reals({5}, Counted(5))}), ElementsAreArray(expected))
            << before << " " << after;
      }
    }
  }
}

// Every form of Gemm against its formula.
TEST_F(ImportTest, GemmOfEveryForm) {
  const int n = 2, k = 3, m = 4;
  const struct {
    const char* type;
    int64_t elements;
    std::function<int(int, int)> at;
  } kBiases[] = {
      {"float", 1, [](int, int) { return 0; }},        {"float[1]", 1, [](int, int) { return 0; }},
      {"float[4]", 4, [](int, int j) { return j; }},   {"float[1,4]", 4, [](int, int j) { return j; }},
      {"float[2,1]", 2, [](int i, int) { return i; }}, {"float[2,4]", 8, [](int i, int j) { return i * 4 + j; }}};
  const std::vector<float> a = Counted(n * k, 0.5f), b = Counted(k * m, -0.25f);
  for (int form = 0; form < 64; ++form) {
    const bool ta = form & 1, tb = form & 2, constant_b = form & 4, constant_c = form & 8;
    const float alpha = form & 16 ? 2 : 1, beta = form & 32 ? -0.5f : 1;
    for (const auto& bias : kBiases) {
      const std::vector<float> c = Counted(bias.elements, 3);
      const std::string a_type = ta ? "float[3,2]" : "float[2,3]", b_type = tb ? "float[4,3]" : "float[3,4]";
      const std::string b_constant = constant_b ? absl::StrCat(b_type, " b = ", List(b)) : "float unused = {0}";
      const std::string c_constant = constant_c ? absl::StrCat(", ", bias.type, " c = ", List(c)) : "";
      const auto graph = ImportText(absl::StrCat(
          "g (", a_type, " a", constant_b ? "" : absl::StrCat(", ", b_type, " b"),
          constant_c ? "" : absl::StrCat(", ", bias.type, " c"), ") => (float y) <", b_constant, c_constant,
          "> { y = Gemm<alpha = ", alpha, form & 16 ? ".0" : ".0", ", beta = ", beta == 1 ? "1.0" : "-0.5",
          ", transA = ", ta ? 1 : 0, ", transB = ", tb ? 1 : 0, ">(a, b, c) }"));
      ASSERT_TRUE(graph) << form << bias.type << Errors();
      std::vector<Tensor> inputs = {Reals(ta ? Shape{3, 2} : Shape{2, 3}, a)};
      if (!constant_b) inputs.push_back(Reals(tb ? Shape{4, 3} : Shape{3, 4}, b));
      if (!constant_c) inputs.push_back(Reals(graph->inputs().back()->type().shape, c));
      std::vector<double> expected;
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < m; ++j) {
          float sum = 0;
          for (int t = 0; t < k; ++t) {
            sum +=
                a[static_cast<size_t>(ta ? t * n + i : i * k + t)] * b[static_cast<size_t>(tb ? j * k + t : t * m + j)];
          }
          expected.push_back(static_cast<double>(alpha * sum + beta * c[static_cast<size_t>(bias.at(i, j))]));
        }
      }
      ASSERT_THAT(Outputs(graph.get(), inputs), ElementsAreArray(expected)) << form << " " << bias.type;
    }
  }
}

// numpy.matmul over ranks, with a computed and a constant second operand.
TEST_F(ImportTest, MatMulOfEveryRank) {
  const struct {
    Shape a, b, y;
  } kCases[] = {{{3}, {3}, {}},
                {{3}, {3, 2}, {2}},
                {{2, 3}, {3}, {2}},
                {{2, 3}, {3, 4}, {2, 4}},
                {{2, 2, 3}, {3, 4}, {2, 2, 4}},
                {{2, 3}, {2, 3, 4}, {2, 2, 4}},
                {{2, 2, 3}, {2, 3, 1}, {2, 2, 1}},
                {{1, 2, 3}, {2, 3, 4}, {2, 2, 4}},
                {{2, 2, 3}, {1, 3, 4}, {2, 2, 4}},
                {{2, 1, 2, 3}, {3, 3, 1}, {2, 3, 2, 1}},
                {{3}, {2, 3, 4}, {2, 4}},
                {{2, 2, 3}, {3}, {2, 2}}};
  for (const auto& test : kCases) {
    const std::vector<float> a = Counted(Elements(test.a)), b = Counted(Elements(test.b), 0.5f);
    Shape as = test.a, bs = test.b;
    if (as.size() == 1) as.insert(as.begin(), 1);
    if (bs.size() == 1) bs.push_back(1);
    Shape batch = Shape(as.begin(), as.end() - 2), b_batch = Shape(bs.begin(), bs.end() - 2);
    const size_t rank = std::max(batch.size(), b_batch.size());
    batch.insert(batch.begin(), rank - batch.size(), 1);
    b_batch.insert(b_batch.begin(), rank - b_batch.size(), 1);
    int64_t products = 1;
    for (size_t d = 0; d < rank; ++d) products *= std::max(batch[d], b_batch[d]);
    const int64_t n = as[as.size() - 2], k = as.back(), m = bs.back();
    std::vector<double> expected;
    for (int64_t p = 0; p < products; ++p) {
      int64_t rest = p, a_at = 0, b_at = 0, a_stride = 1, b_stride = 1;
      for (size_t d = rank; d-- > 0;) {
        const int64_t size = std::max(batch[d], b_batch[d]), index = rest % size;
        rest /= size;
        a_at += (batch[d] == 1 ? 0 : index) * a_stride, b_at += (b_batch[d] == 1 ? 0 : index) * b_stride;
        a_stride *= batch[d], b_stride *= b_batch[d];
      }
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < m; ++j) {
          double sum = 0;
          for (int64_t t = 0; t < k; ++t) {
            sum += static_cast<double>(a[static_cast<size_t>((a_at * n + i) * k + t)] *
                                       b[static_cast<size_t>((b_at * k + t) * m + j)]);
          }
          expected.push_back(sum);
        }
      }
    }
    const auto type = [](const Shape& shape) { return absl::StrCat("float[", absl::StrJoin(shape, ","), "]"); };
    for (const bool constant : {false, true}) {
      const auto graph = ImportText(
          constant ? absl::StrCat("g (", type(test.a), " a) => (float y) <", type(test.b), " b = ", List(b),
                                  "> { y = MatMul(a, b) }")
                   : absl::StrCat("g (", type(test.a), " a, ", type(test.b), " b) => (float y) { y = MatMul(a, b) }"));
      ASSERT_TRUE(graph) << ShapeText(test.a) << " " << ShapeText(test.b) << Errors();
      EXPECT_EQ(graph->outputs()[0]->type().shape, test.y);
      std::vector<Tensor> inputs = {Reals(test.a, a)};
      if (!constant) inputs.push_back(Reals(test.b, b));
      EXPECT_THAT(Outputs(graph.get(), inputs), ElementsAreArray(expected)) << ShapeText(test.a) << ShapeText(test.b);
    }
  }
}

// Weights with any zero point, as they are or in parts: what the layer computes is 0.5 (w - z) times the input's 0.5
// steps.
TEST_F(ImportTest, QuantizedWeightsOfEveryZeroPoint) {
  std::mt19937 random(1);
  for (const bool is_signed : {false, true}) {
    for (const int z : {-128, -127, -1, 0, 1, 127, 128, 129, 255}) {
      if (is_signed ? z > 127 : z < 0) continue;
      for (const int group : {1, 2}) {
        // 4 outputs, 4 input channels, 1 x 2 taps; the extremes among the weights.
        const int channels = 4 / group, taps = 2, length = channels * taps, least = is_signed ? -128 : 0;
        std::vector<int> w;
        for (int i = 0; i < 4 * length; ++i) w.push_back(least + static_cast<int>(random() % 256));
        w[0] = least, w[1] = least + 255;
        const std::string type = is_signed ? "int8" : "uint8";
        const auto graph = ImportText(absl::StrCat(
            "g (float[1,4,1,2] x) => (float y) <float s = {0.5}, int8 zx = {0}, ", type, " z = {", z, "}, ", type,
            "[4,", channels, ",1,2] w = {", absl::StrJoin(w, ", "),
            "}> { q = QuantizeLinear(x, s, zx) d = DequantizeLinear(q, s, zx) v = DequantizeLinear(w, s, z) y = "
            "Conv<group = ",
            group, ">(d, v) }"));
        ASSERT_TRUE(graph) << Errors();
        std::vector<float> x;
        for (int i = 0; i < 8; ++i) x.push_back(static_cast<float>(static_cast<int>(random() % 200) - 100) * 0.5f);
        std::vector<double> expected;
        for (int o = 0; o < 4; ++o) {
          double sum = 0;
          for (int i = 0; i < length; ++i) {
            sum += 0.5 * (w[static_cast<size_t>(o * length + i)] - z) *
                   static_cast<double>(x[static_cast<size_t>(o / (4 / group) * length + i)]);
          }
          expected.push_back(sum);
        }
        ASSERT_THAT(Outputs(graph.get(), {Reals({1, 4, 1, 2}, x)}), ElementsAreArray(expected))
            << type << " " << z << " " << group;
      }
    }
  }
}

TEST_F(ImportTest, QuantizedConstantsAreRoundedAlongTheirAxis) {
  // Half to even, saturated: rows in steps of 0.5 and 2 with zero points 1 and -3.
  const auto graph = ImportText(R"(
g (float[2,3] x) => (float y)
<float[2,3] w = {0.25, 0.75, 1000, -1, -3, -1000}, float[2] s = {0.5, 2}, int8[2] z = {1, -3}>
{
  q = QuantizeLinear<axis = 0>(w, s, z)
  d = DequantizeLinear<axis = 0>(q, s, z)
  y = Add(x, d)
})");
  ASSERT_TRUE(graph) << Errors();
  // Steps 0.5 -> 0, 1.5 -> 2, 126; -0.5 -> 0, -1.5 -> -2, -125.
  EXPECT_THAT(Outputs(graph.get(), {Reals({2, 3}, {0, 0, 0, 0, 0, 0})}), ElementsAre(0, 1, 63, 0, -4, -250));
  EXPECT_FALSE(
      ImportText("g (float[2] x) => (float y) <float[2] w = {0, nan}, float s = {1}> { y = QuantizeLinear(w, s) }"));
}

// One scale with several zero points, several scales with one.
TEST_F(ImportTest, ScalesAndZeroPointsShareWhatIsOne) {
  const auto graph = ImportText(R"(
g (float[2,2] x) => (float y, float z)
<uint8[2,2] w = {1, 2, 3, 4}, float one = {0.5}, float[2] two = {0.5, 2}, uint8[2] z2 = {1, 3}, uint8[1] z1 = {1}>
{
  a = DequantizeLinear(w, one, z2)
  b = DequantizeLinear<axis = 0>(w, two, z1)
  y = Add(x, a)
  z = Add(x, b)
})");
  ASSERT_TRUE(graph) << Errors();
  const auto interpreter = Interpreter::Create(*graph);
  const auto outputs = (*interpreter)->Run({Reals({2, 2}, {0, 0, 0, 0})});
  ASSERT_TRUE(outputs.ok());
  EXPECT_THAT(Doubles((*outputs)[0]), ElementsAre(0, -0.5, 1, 0.5));
  EXPECT_THAT(Doubles((*outputs)[1]), ElementsAre(0, 0.5, 4, 6));
}

// 255 * 255 * 258 is below 2^24, one more is not; with weights within 13 of their zero point there may be 5061 of them.
TEST_F(ImportTest, IntegerProductsUpToWhatFloatsHold) {
  for (const auto& [products, fits] : {std::pair(258, true), std::pair(259, false)}) {
    const bool ok = ImportText(absl::StrCat("g (uint8[1,", products, "] x, uint8[", products,
                                            ",1] w) => (int32 y) { y = MatMulInteger(x, w) }")) != nullptr;
    EXPECT_EQ(ok, fits) << products << Errors();
  }
  for (const auto& [products, fits] : {std::pair(5061, true), std::pair(5062, false)}) {
    std::vector<int> w(static_cast<size_t>(products), 10);
    w[1] = -3;
    const bool ok = ImportText(absl::StrCat(
                        "g (uint8[1,", products, "] x) => (int32 y) <uint8 zx = {0}, int8 z = {10}, int8[", products,
                        ",1] w = {", absl::StrJoin(w, ", "), "}> { y = MatMulInteger(x, w, zx, z) }")) != nullptr;
    EXPECT_EQ(ok, fits) << products << Errors();
  }
}

TEST_F(ImportTest, SizesOfGraphs) {
  // 10,000 nodes are taken, all but one of them for nothing.
  onnx::ModelProto model;
  model.set_ir_version(3);
  model.add_opset_import()->set_version(13);
  auto* graph = model.mutable_graph();
  auto* x = graph->add_input();
  x->set_name("x");
  x->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  x->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(2);
  graph->add_output()->set_name("y");
  const auto add = [&](const std::string& output) {
    auto* node = graph->add_node();
    node->set_op_type("Relu");
    node->add_input("x");
    node->add_output(output);
  };
  add("y");
  for (int i = 1; i < 10000; ++i) add(absl::StrCat("n", i));
  EXPECT_TRUE(Import(model)) << Errors();
  add("one more");
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("the graph has 10001 nodes with 20002 inputs and outputs; at most 10000 with 40000"));
  graph->mutable_node()->DeleteSubrange(1, 10000);
  for (int i = 0; i < 39998; ++i) graph->mutable_node(0)->add_output("");
  EXPECT_TRUE(Import(model)) << Errors();
  graph->mutable_node(0)->add_output("");
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("1 nodes with 40001 inputs and outputs"));
}

TEST_F(ImportTest, LongNamesAndCyclesAreCut) {
  const std::string long_name(200, 'n');
  EXPECT_FALSE(ImportText(absl::StrCat("g (float[2] x) => (float y) { y = Add(x, ", long_name, ") }")));
  EXPECT_THAT(Errors(), HasSubstr(absl::StrCat("\"", long_name, "\" is computed nowhere")));
  EXPECT_FALSE(ImportText(absl::StrCat("g (float[2] x) => (float y) { y = Add(x, ", long_name, "o) }")));
  EXPECT_THAT(Errors(), HasSubstr(absl::StrCat("\"", long_name, "...\" is computed nowhere")));
  for (const int length : {8, 9}) {
    std::string nodes;
    for (int i = 0; i < length; ++i) absl::StrAppend(&nodes, "c", i, " = Relu(c", (i + 1) % length, ") ");
    EXPECT_FALSE(ImportText(absl::StrCat("g (float[2] x) => (float c0) { ", nodes, "}")));
    EXPECT_EQ(Errors().find("...") != std::string::npos, length == 9) << Errors();
    EXPECT_THAT(Errors(), HasSubstr("the graph has a cycle: "));
  }
  // Brackets 64 deep are left to the parser.
  for (const int depth : {64, 65}) {
    EXPECT_FALSE(ImportText("g () => () " + std::string(static_cast<size_t>(depth), '{') + "}} ) \"((\" # (((("));
    EXPECT_EQ(Errors().find("brackets are nested 65 deep") != std::string::npos, depth == 65) << Errors();
  }
}

// An unknown size is written as 0, -1 or a symbol; a batch of them is 1.
TEST_F(ImportTest, UnknownSizes) {
  onnx::ModelProto model;
  model.set_ir_version(11);
  model.add_opset_import()->set_version(13);
  auto* graph = model.mutable_graph();
  auto* x = graph->add_input();
  x->set_name("x");
  auto* tensor = x->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(onnx::TensorProto::FLOAT);
  for (int i = 0; i < 2; ++i) tensor->mutable_shape()->add_dim()->set_dim_value(3);
  graph->add_output()->set_name("y");
  auto* node = graph->add_node();
  node->set_op_type("Relu");
  node->add_input("x");
  node->add_output("y");
  for (const int64_t unknown : {0, -1, 1}) {
    tensor->mutable_shape()->mutable_dim(0)->set_dim_value(unknown);
    const auto batch = Import(model);
    ASSERT_TRUE(batch) << Errors();
    EXPECT_EQ(batch->inputs()[0]->type().shape, (Shape{1, 3}));
  }
  tensor->mutable_shape()->mutable_dim(1)->set_dim_value(0);
  EXPECT_FALSE(Import(model));
  EXPECT_THAT(Errors(), HasSubstr("dimension 1 of 1x? is symbolic; give its size with --input-shape=x:SHAPE"));
  ImportOptions options;
  options.input_shapes["x"] = {1, 5};
  const auto given = Import("model.onnx", model.SerializeAsString(), options);
  ASSERT_TRUE(given) << Errors();
  EXPECT_EQ(given->inputs()[0]->type().shape, (Shape{1, 5}));
  options.input_shapes["x"] = {1, 5, 1};
  EXPECT_FALSE(Import("model.onnx", model.SerializeAsString(), options));
  EXPECT_THAT(Errors(), HasSubstr("--input-shape gives 1x5x1, but the model declares 1x?"));
  // One symbol twice must be one size.
  tensor->mutable_shape()->mutable_dim(0)->set_dim_param("S");
  tensor->mutable_shape()->mutable_dim(1)->set_dim_param("S");
  options.input_shapes["x"] = {4, 5};
  EXPECT_FALSE(Import("model.onnx", model.SerializeAsString(), options));
  EXPECT_THAT(Errors(), HasSubstr("dimension \"S\" is 5 here and 4 elsewhere"));
  options.input_shapes["x"] = {4, 4};
  EXPECT_TRUE(Import("model.onnx", model.SerializeAsString(), options)) << Errors();
}

}  // namespace
}  // namespace mcuc
