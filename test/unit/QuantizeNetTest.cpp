// quantize: for every operation the quantized graph computes nearly what the float graph does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "QuantizeTesting.h"
#include "absl/strings/str_join.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc {
namespace {

using testing::IsEmpty;

// ---- Every operation: the quantized graph computes nearly what the float graph does.

struct Net {
  std::string name;
  std::string x, y;  // shapes
  std::string body;  // W… stand for constants of random numbers: WA[2x3]
  double least_db = 30;
  bool integer = true;  // nothing float is left
};

// `const @name: f32[shape] = {…}` of normal numbers.
std::string RandomConstant(const std::string& name, const std::string& shape, std::mt19937& random) {
  int64_t n = 1;
  for (size_t at = 0; at < shape.size();) {
    n *= std::stoll(shape.substr(at));
    at = shape.find('x', at);
    at = at == std::string::npos ? shape.size() : at + 1;
  }
  std::normal_distribution<float> normal;
  std::vector<std::string> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(FloatText(normal(random)));
  return absl::StrCat("  const @", name, ": f32[", shape, "] = {", absl::StrJoin(values, ", "), "}\n");
}

// Every `@name[shape]` becomes `@name`, with a random constant of that shape before the body.
std::string NetText(const Net& net, std::mt19937& random) {
  std::string constants, body = net.body;
  for (size_t at = body.find('@'); at != std::string::npos; at = body.find('@', at + 1)) {
    const size_t open = body.find_first_of("[, }\n", at);
    if (open == std::string::npos || body[open] != '[') continue;
    const size_t close = body.find(']', open);
    const std::string name = body.substr(at + 1, open - at - 1);
    constants += RandomConstant(name, body.substr(open + 1, close - open - 1), random);
    body.erase(open, close + 1 - open);
  }
  return absl::StrCat("graph @net(%x: f32[", net.x, "]) -> (%y: f32[", net.y, "]) {\n", constants, body, "\n}\n");
}

double SignalToNoise(const Graph& real, const Graph& quantized, const Dataset& data) {
  const auto a = Interpreter::Create(real), b = Interpreter::Create(quantized);
  EXPECT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  if (!a.ok() || !b.ok()) return 0;
  double signal = 0, noise = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const auto want = (*a)->Run(data.Sample(i, real)), got = (*b)->Run(data.Sample(i, quantized));
    EXPECT_TRUE(want.ok() && got.ok()) << want.status() << got.status();
    if (!want.ok() || !got.ok()) return 0;
    for (size_t o = 0; o < want->size(); ++o) {
      const Tensor real_output = ConvertTensor((*got)[o], (*want)[o].type());
      for (int64_t k = 0; k < real_output.elements(); ++k) {
        const double w = (*want)[o].AsDouble(k), d = real_output.AsDouble(k) - w;
        signal += w * w;
        noise += d * d;
      }
    }
  }
  return noise == 0 ? 200 : 10 * std::log10(signal / noise);
}

std::vector<Net> Nets() {
  std::vector<Net> nets = {
      {"conv", "1x2x6x6", "1x3x4x4", "%y: f32[1x3x4x4] = conv %x, @w[3x2x3x3], @b[3]"},
      {"conv_no_bias", "1x2x6x6", "1x3x4x4", "%y: f32[1x3x4x4] = conv %x, @w[3x2x3x3]"},
      {"conv_pads", "1x2x5x5", "1x3x3x4",
       "%y: f32[1x3x3x4] = conv %x, @w[3x2x3x2], @b[3] {strides = {2, 1}, pads = {1, 0, 1, 0}, act = relu}"},
      {"conv_group", "1x4x5x5", "1x6x3x3", "%y: f32[1x6x3x3] = conv %x, @w[6x2x3x3], @b[6] {group = 2}"},
      {"conv_depthwise", "1x3x5x5", "1x3x3x3", "%y: f32[1x3x3x3] = conv %x, @w[3x1x3x3], @b[3] {group = 3}"},
      {"conv_dilated", "1x1x7x7", "1x2x3x3",
       "%y: f32[1x2x3x3] = conv %x, @w[2x1x3x3] {dilations = {2, 2}, act = clip(-1, 2)}"},
      {"conv_max", "1x2x8x8", "1x3x3x3",
       "%y: f32[1x3x3x3] = conv %x, @w[3x2x3x3], @b[3] {act = relu, pool = max{kernel = {2, 2}, strides = {2, 2}}}"},
      {"conv_avg", "1x2x8x8", "1x3x3x3",
       "%y: f32[1x3x3x3] = conv %x, @w[3x2x3x3], @b[3] {act = relu, pool = avg{kernel = {2, 2}, strides = {2, 2}}}"},
      {"fc", "2x10", "2x5", "%y: f32[2x5] = fc %x, @w[5x10], @b[5]"},
      {"two_fc", "1x10", "1x5",
       "%h: f32[1x8] = fc %x, @w[8x10], @b[8] {act = relu}\n%y: f32[1x5] = fc %h, @v[5x8], @c[5]"},
      {"max_pool", "1x2x6x6", "1x2x3x3",
       "%y: f32[1x2x3x3] = max_pool %x {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 0, 0}}", 35},
      {"avg_pool", "1x2x6x6", "1x2x3x3", "%y: f32[1x2x3x3] = avg_pool %x {kernel = {2, 2}, strides = {2, 2}}"},
      {"avg_pool_pads", "1x2x6x6", "1x2x3x3",
       "%y: f32[1x2x3x3] = avg_pool %x {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 1, 1}}"},
      {"avg_pool_count", "1x2x6x6", "1x2x4x4",
       "%y: f32[1x2x4x4] = avg_pool %x {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 1, 1}, ceil = true, "
       "count_include_pad = true}"},
      {"sum", "2x3x4", "2x1x4", "%y: f32[2x1x4] = reduce %x {fn = sum, axes = {1}}"},
      {"mean", "2x3x4", "2x3", "%y: f32[2x3] = reduce %x {fn = mean, axes = {2}, keepdims = false}"},
      {"reduce_max", "2x3x4", "1x3x1", "%y: f32[1x3x1] = reduce %x {fn = max, axes = {0, 2}}"},
      {"reduce_min", "2x3x4", "1x3x1", "%y: f32[1x3x1] = reduce %x {fn = min, axes = {0, 2}}"},
      {"add", "1x2x4", "1x2x4", "%h: f32[1x2x4] = fc %x, @w[4x4]\n%y: f32[1x2x4] = binary %x, %h {fn = add}"},
      {"add_relu", "1x2x4", "1x2x4",
       "%h: f32[1x2x4] = fc %x, @w[4x4]\n%y: f32[1x2x4] = binary %x, %h {fn = add, act = relu}"},
      {"sub_broadcast", "2x4", "2x4", "%h: f32[2x1] = fc %x, @w[1x4]\n%y: f32[2x4] = binary %h, %x {fn = sub}"},
      {"sub_constant", "2x4", "2x4", "%y: f32[2x4] = binary @c[4], %x {fn = sub}"},
      {"mul", "1x2x4", "1x2x4", "%h: f32[1x2x4] = fc %x, @w[4x4]\n%y: f32[1x2x4] = binary %x, %h {fn = mul}"},
      {"mul_constant", "2x4", "2x4", "%y: f32[2x4] = binary %x, @c[4] {fn = mul, act = clip(-1, 3)}"},
      {"mul_number", "2x4", "2x4", "%y: f32[2x4] = binary %x, @c[1] {fn = mul}", 35},
      {"max", "2x4", "2x4", "%h: f32[2x4] = fc %x, @w[4x4]\n%y: f32[2x4] = binary %x, %h {fn = max, act = relu}"},
      {"min_constant", "2x4", "2x4", "%y: f32[2x4] = binary %x, @c[4] {fn = min}"},
      {"max_number", "2x4", "2x4", "%h: f32[2x4] = fc %x, @w[4x4]\n%y: f32[2x4] = binary %h, @c[1] {fn = max}"},
      {"softmax", "2x5", "2x5", "%y: f32[2x5] = softmax %x {axis = 1}"},
      {"softmax_axis", "2x5x3", "2x5x3", "%y: f32[2x5x3] = softmax %x {axis = 0}"},
      {"concat", "2x4", "2x12",
       "%a: f32[2x4] = fc %x, @v[4x4]\n%b: f32[2x4] = unary %x {fn = sigmoid}\n"
       "%y: f32[2x12] = concat %a, %x, %b {axis = 1}"},
      {"concat_constant", "2x4", "3x4", "%y: f32[3x4] = concat %x, @c[1x4]"},
      {"pad_constant", "2x4", "3x7", "%y: f32[3x7] = pad %x {before = {1, 1}, after = {0, 2}, value = 0.7}", 35},
      {"pad_reflect", "2x4", "2x7", "%y: f32[2x7] = pad %x {mode = reflect, before = {0, 1}, after = {0, 2}}", 35},
      {"slice", "2x6", "2x2", "%y: f32[2x2] = slice %x {starts = {0, 5}, steps = {1, -3}}", 35},
      {"transpose", "2x3x4", "4x2x3", "%y: f32[4x2x3] = transpose %x {perm = {2, 0, 1}}", 35},
      {"reshape", "2x3x4", "6x4", "%y: f32[6x4] = reshape %x", 35},
      {"nearest", "1x2x3x3", "1x2x6x6", "%y: f32[1x2x6x6] = resize %x", 35},
      {"linear", "1x2x3x3", "1x2x6x6", "%y: f32[1x2x6x6] = resize %x {mode = linear}", 35},
      {"residual", "1x2x6x6", "1x4",
       "%a: f32[1x2x6x6] = conv %x, @w[2x2x3x3], @b[2] {pads = {1, 1, 1, 1}, act = relu}\n"
       "%c: f32[1x2x6x6] = conv %a, @v[2x2x3x3], @d[2] {pads = {1, 1, 1, 1}}\n"
       "%s: f32[1x2x6x6] = binary %x, %c {fn = add, act = relu}\n"
       "%p: f32[1x2x1x1] = avg_pool %s {kernel = {6, 6}}\n"
       "%f: f32[1x2] = reshape %p\n"
       "%y: f32[1x4] = fc %f, @u[4x2]",
       25},
      {"deconv", "1x2x3x3", "1x3x5x5",
       "%a: f32[1x2x3x3] = conv %x, @w[2x2x1x1]\n"
       "%t: f32[1x2x5x5] = conv_transpose %a, @v[2x2x3x3]\n"
       "%y: f32[1x3x5x5] = conv %t, @u[3x2x1x1]",
       30, false},
      {"matmul", "3x3", "3x3", "%a: f32[3x3] = fc %x, @w[3x3]\n%y: f32[3x3] = matmul %a, %x", 30, false},
      {"log_softmax", "2x5", "2x5", "%y: f32[2x5] = softmax %x {axis = 1, log = true}", 30, false},
  };
  // A number of negative and positive x; log and sqrt of x^2.
  for (const char* fn :
       {"relu", "leaky_relu, alpha = 0.1", "elu, alpha = 1", "sigmoid", "hard_sigmoid, alpha = 0.2, beta = 0.5",
        "hard_swish", "tanh", "softplus", "exp", "abs", "neg", "clip, alpha = -0.5, beta = 1.5"}) {
    nets.push_back({absl::StrCat("unary_", fn), "2x4", "2x4", absl::StrCat("%y: f32[2x4] = unary %x {fn = ", fn, "}")});
  }
  nets.push_back(
      {"unary_sqrt", "2x4", "2x4", "%a: f32[2x4] = unary %x {fn = exp}\n%y: f32[2x4] = unary %a {fn = sqrt}", 25});
  nets.push_back(
      {"unary_log", "2x4", "2x4", "%a: f32[2x4] = unary %x {fn = softplus}\n%y: f32[2x4] = unary %a {fn = log}", 20});
  nets.push_back({"div_number", "2x4", "2x4", "%y: f32[2x4] = binary %x, @c[1] {fn = div}", 35});
  return nets;
}

class QuantizeNet : public testing::TestWithParam<Net> {};

TEST_P(QuantizeNet, ComputesNearlyTheSame) {
  const Net& net = GetParam();
  std::mt19937 random(11);
  const std::string text = NetText(net, random);
  const auto real = Parse(text);
  ASSERT_TRUE(real) << text;
  std::normal_distribution<float> normal;
  // FromTensors takes a leading 1 of the sample's shape as its batch.
  const Shape& shape = real->inputs()[0]->type().shape;
  std::vector<std::vector<float>> samples(32, std::vector<float>(static_cast<size_t>(Elements(shape))));
  for (auto& sample : samples) {
    for (float& x : sample) x = normal(random);
  }
  const Dataset data = Samples(shape, samples);
  for (const Settings& settings :
       {Settings{}, Settings{{"ranges", "minmax"}}, Settings{{"input", "false"}}, Settings{{"output", "false"}}}) {
    const auto graph = real->Clone();
    const Outcome outcome = Quantize(*graph, &data, settings);
    ASSERT_TRUE(outcome.changed.ok()) << outcome.changed.status() << "\n" << text;
    EXPECT_TRUE(*outcome.changed);
    if (net.integer && settings.size() == 0) {
      EXPECT_FALSE(StateOf(*graph).floating) << PrintGraph(*graph);
      EXPECT_THAT(outcome.remarks, IsEmpty());
    }
    // A second run finds nothing to do.
    EXPECT_FALSE(*Quantize(*graph->Clone(), &data, settings).changed) << PrintGraph(*graph);
    EXPECT_GT(SignalToNoise(*real, *graph, data), net.least_db) << PrintGraph(*graph);
  }
  // One scale for all channels is coarser.
  const auto graph = real->Clone();
  ASSERT_TRUE(Quantize(*graph, &data, {{"per-channel", "false"}}).changed.ok());
  EXPECT_GT(SignalToNoise(*real, *graph, data), net.least_db - 5) << PrintGraph(*graph);
}

INSTANTIATE_TEST_SUITE_P(Operations, QuantizeNet, testing::ValuesIn(Nets()), [](const auto& net) {
  std::string name = net.param.name.substr(0, net.param.name.find(','));
  return name;
});

}  // namespace
}  // namespace mcuc
