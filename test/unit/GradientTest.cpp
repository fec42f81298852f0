// Gradients of every operation against central differences, and the forward run against the interpreter, sample by
// sample; which constants are parameters; which graphs cannot be run in batches, and what the messages say.
#include "mcuc/Train/Gradient.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ExecTesting.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using train::GradientPlan;

constexpr int64_t kBatch = 3;

std::unique_ptr<Graph> Parse(const std::string& text) {
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = ParseGraph(text, "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

// A graph's text in which {#7} of a constant is seven pseudorandom values, {/7} seven of which one in five is not zero,
// {:7} one in twenty.
std::string Filled(std::string text) {
  std::mt19937 random(5);
  for (size_t at; (at = std::min({text.find("{#"), text.find("{/"), text.find("{:")})) != std::string::npos;) {
    const size_t end = text.find('}', at);
    std::string values;
    for (int n = std::stoi(text.substr(at + 2, end - at - 2)); n > 0; --n) {
      double value = static_cast<double>(random() >> 8) / 8388608.0 - 1.0;
      if (text[at + 1] != '#' && random() % (text[at + 1] == '/' ? 5 : 20) != 0) value = 0;
      values += FloatText(static_cast<float>(value)) + (n > 1 ? ", " : "");
    }
    text.replace(at, end - at + 1, "{" + values + "}");
  }
  return text;
}

struct Ranges {
  double lo = -1, hi = 1;  // of the inputs
};

// Compares with the interpreter and with differences of sum(r * output) for a pseudorandom r.
void Check(const std::string& text, size_t parameters, Ranges ranges = {}) {
  SCOPED_TRACE(text);
  const auto graph = Parse(Filled(text));
  ASSERT_TRUE(graph);
  auto plan = GradientPlan::Create(*graph, {kBatch, false, true});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto ws = (*plan)->NewWorkspace();
  std::vector<Tensor> values = (*plan)->Values();
  ASSERT_EQ(values.size(), parameters);
  unsigned seed = 1;
  for (size_t k = 0; k < graph->inputs().size(); ++k) {
    const auto x = ws->input(k);
    const Tensor random = RandomReals(F32({static_cast<int64_t>(x.size())}), ++seed);
    for (size_t i = 0; i < x.size(); ++i) {
      const double unit = (random.AsDouble(static_cast<int64_t>(i)) + 1) / 2;
      x[i] = static_cast<float>(ranges.lo + unit * (ranges.hi - ranges.lo));
    }
  }

  ASSERT_TRUE((*plan)->Forward(values, *ws).ok());
  const auto interpreter = Interpreter::Create(*graph);
  ASSERT_TRUE(interpreter.ok()) << interpreter.status();
  const auto n = static_cast<size_t>((*plan)->output_size());
  for (size_t b = 0; b < kBatch; ++b) {
    std::vector<Tensor> sample;
    for (size_t k = 0; k < graph->inputs().size(); ++k) {
      Tensor x(graph->inputs()[k]->type());
      const auto size = static_cast<size_t>(x.elements());
      std::copy_n(ws->input(k).begin() + b * size, size, x.data<float>().begin());
      sample.push_back(std::move(x));
    }
    const auto expected = (*interpreter)->Run(sample);
    ASSERT_TRUE(expected.ok()) << expected.status();
    ASSERT_EQ((*expected)[0].elements(), n);
    for (size_t i = 0; i < n; ++i) {
      const double wanted = (*expected)[0].AsDouble(static_cast<int64_t>(i));
      ASSERT_NEAR(static_cast<double>(ws->output()[b * n + i]), wanted, 2e-5 * (1 + std::fabs(wanted)));
    }
  }

  const Tensor weights = RandomReals(F32({static_cast<int64_t>(kBatch * n)}), 77);
  const auto r = weights.data<float>();
  std::copy(r.begin(), r.end(), ws->output_gradient().begin());
  std::vector<Tensor> gradients;
  for (const Tensor& value : values) {
    gradients.emplace_back(value.type());
    for (float& g : gradients.back().data<float>()) g = 0.25f;  // what is there is added to
  }
  (*plan)->Backward(values, *ws, gradients);
  std::vector<std::vector<float>> input_gradients;
  for (size_t k = 0; k < graph->inputs().size(); ++k) {
    input_gradients.emplace_back(ws->input_gradient(k).begin(), ws->input_gradient(k).end());
  }

  const auto loss = [&] {
    EXPECT_TRUE((*plan)->Forward(values, *ws).ok());
    double sum = 0;
    for (size_t i = 0; i < kBatch * n; ++i) sum += static_cast<double>(ws->output()[i]) * static_cast<double>(r[i]);
    return sum;
  };
  const auto compare = [&](float& at, double gradient, const std::string& what) {
    constexpr float kStep = 1.0f / 512;
    const float kept = at;
    at = kept + kStep;
    const double above = loss();
    at = kept - kStep;
    const double below = loss();
    at = kept;
    EXPECT_NEAR(gradient, (above - below) * 256, 3e-3 * (1 + std::fabs(gradient))) << what;
  };
  for (size_t p = 0; p < values.size(); ++p) {
    for (size_t i = 0; i < values[p].data<float>().size(); ++i) {
      const double gradient = static_cast<double>(gradients[p].data<float>()[i]) - 0.25;
      compare(values[p].data<float>()[i], gradient, (*plan)->names()[p] + " " + std::to_string(i));
    }
  }
  for (size_t k = 0; k < input_gradients.size(); ++k) {
    for (size_t i = 0; i < input_gradients[k].size(); ++i) {
      compare(ws->input(k)[i], static_cast<double>(input_gradients[k][i]), "input " + std::to_string(i));
    }
  }
}

// A graph of one operation on %x: its result's shape and its text.
std::string One(const std::string& x, const std::string& y, const std::string& op, const std::string& constants = "") {
  return "graph @g(%x: f32[" + x + "]) -> (%y: f32[" + y + "]) {\n" + constants + "  %y: f32[" + y + "] = " + op +
         " loc(\"here\")\n}\n";
}

// Where functions bend and operands are equal differences say nothing: there the gradient is that of one side.
TEST(GradientTest, BendsAndTies) {
  const struct {
    const char* op;
    std::vector<float> x, gradient;
  } kCases[] = {
      {"unary %x", {-1, 0, 1}, {0, 0, 1}},
      {"unary %x {fn = clip, alpha = -1, beta = 2}", {-2, -1, 0, 2, 3}, {0, 0, 1, 0, 0}},
      {"unary %x {fn = leaky_relu, alpha = 0.25}", {-1, 0, 1}, {0.25f, 1, 1}},
      {"unary %x {fn = elu, alpha = 0.5}", {0, 1}, {1, 1}},
      {"unary %x {fn = hard_sigmoid, alpha = 0.25, beta = 0.5}", {-3, -2, 0, 2, 3}, {0, 0, 0.25f, 0, 0}},
      {"unary %x {fn = hard_swish}", {-4, -3, 0, 3, 4}, {0, 0, 0.5f, 1, 1}},
      {"unary %x {fn = abs}", {-1, 0, 1}, {-1, 0, 1}},
      {"binary %x, @c {fn = max}", {1, 3, 5}, {0, 1, 1}},
      {"binary %x, @c {fn = min}", {1, 3, 5}, {1, 1, 0}},
      {"binary @c, %x {fn = max}", {1, 3, 5}, {0, 0, 1}},
      {"binary @c, %x {fn = min}", {1, 3, 5}, {1, 0, 0}},
      {"binary %x, @c {fn = prelu}", {-1, 0, 1}, {3, 1, 1}},
      {"binary %x, @z {fn = pow}", {0, 1, 2}, {0, 0, 0}},
      {"binary @z, %x {fn = pow}", {1, 2}, {0, 0}},  // by the exponent, of a base of 0
  };
  for (const auto& test : kCases) {
    const std::string shape = "f32[1x" + std::to_string(test.x.size()) + "]";
    const auto graph = Parse("graph @g(%x: " + shape + ") -> (%y: " + shape +
                             ") {\n  const @c: f32[1] = {3}\n  const @z: " + "f32[1] = {0}\n  %y: " + shape + " = " +
                             test.op + "\n}\n");
    ASSERT_TRUE(graph);
    auto plan = GradientPlan::Create(*graph, {1, false, true});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const auto ws = (*plan)->NewWorkspace();
    const std::vector<Tensor> values = (*plan)->Values();
    std::vector<Tensor> gradients = values;
    std::copy(test.x.begin(), test.x.end(), ws->input(0).begin());
    ASSERT_TRUE((*plan)->Forward(values, *ws).ok());
    std::fill(ws->output_gradient().begin(), ws->output_gradient().end(), 1.0f);
    (*plan)->Backward(values, *ws, gradients);
    const auto dx = ws->input_gradient(0);
    EXPECT_THAT(std::vector<float>(dx.begin(), dx.end()), testing::ElementsAreArray(test.gradient)) << test.op;
  }
}

TEST(GradientTest, Conv) {
  Check(One("1x2x5x4", "1x3x3x2", "conv %x, @w, @b", "  const @w: f32[3x2x3x3] = {#54}\n  const @b: f32[3] = {#3}\n"),
        2);
  Check(One("1x2x6x7", "1x4x3x3", "conv %x, @w {strides = {2, 3}, pads = {1, 2, 0, 1}}",
            "  const @w: f32[4x2x2x3] = {#48}\n"),
        1);
  Check(One("1x4x6x5", "1x6x4x6", "conv %x, @w, @b {pads = {1, 2, 1, 1}, dilations = {2, 1}, group = 2}",
            "  const @w: f32[6x2x3x3] = {#108}\n  const @b: f32[6] = {#6}\n"),
        2);
  Check(One("1x3x5x5", "1x3x3x3", "conv %x, @w, @b {strides = {2, 2}, pads = {1, 1, 1, 1}, group = 3}",
            "  const @w: f32[3x1x3x3] = {#27}\n  const @b: f32[3] = {#3}\n"),
        2);  // depthwise
  Check(One("1x3x2x3", "1x6x2x3", "conv %x, @w {group = 3}", "  const @w: f32[6x1x1x1] = {#6}\n"), 1);
  Check(One("1x3x4x3", "1x5x4x3", "conv %x, @w, @b", "  const @w: f32[5x3x1x1] = {#15}\n  const @b: f32[5] = {#5}\n"),
        2);  // pointwise
  Check(One("1x3x4x3", "1x2x2x2", "conv %x, @w {strides = {2, 2}}", "  const @w: f32[2x3x1x1] = {#6}\n"), 1);
  // Padding wider than the kernel: windows that see no element of x.
  Check(One("1x1x2x2", "1x2x6x7", "conv %x, @w {pads = {3, 4, 2, 2}}", "  const @w: f32[2x1x2x2] = {#8}\n"), 1);
  // One sample's rows longer than the sums' eight lanes.
  Check(One("1x1x1x19", "1x1x1x17", "conv %x, @w, @b", "  const @w: f32[1x1x1x3] = {#3}\n  const @b: f32[1] = {#1}\n"),
        2);
}

// The same with sums of shifted planes.
TEST(GradientTest, SparseConv) {
  const std::string bias = "  const @b: f32[3] = {#3}\n";
  Check(One("1x2x5x4", "1x3x3x2", "conv %x, @w, @b", "  const @w: f32[3x2x3x3] = {/54}\n" + bias), 2);
  Check(One("1x2x6x7", "1x4x3x3", "conv %x, @w {strides = {2, 3}, pads = {1, 2, 0, 1}}",
            "  const @w: f32[4x2x2x3] = {/48}\n"),
        1);
  Check(One("1x2x7x6", "1x3x4x2", "conv %x, @w, @b {strides = {2, 3}, pads = {2, 0, 1, 1}, dilations = {1, 2}}",
            "  const @w: f32[3x2x3x2] = {/36}\n" + bias),
        2);
  Check(One("1x4x6x5", "1x6x4x6", "conv %x, @w {pads = {1, 2, 1, 1}, dilations = {2, 1}, group = 2}",
            "  const @w: f32[6x2x3x3] = {/108}\n"),
        1);
  Check(One("1x6x4x3", "1x5x4x3", "conv %x, @w", "  const @w: f32[5x6x1x1] = {/30}\n"), 1);
  Check(One("1x3x5x4", "1x4x2x2", "conv %x, @w {strides = {3, 2}}", "  const @w: f32[4x3x1x1] = {/12}\n"), 1);
  Check(One("1x2x2x2", "1x2x6x7", "conv %x, @w {pads = {3, 4, 2, 2}}", "  const @w: f32[2x2x2x2] = {/16}\n"), 1);
  Check(One("1x2x1x40", "1x3x1x38", "conv %x, @w, @b", "  const @w: f32[3x2x1x3] = {/18}\n" + bias), 2);
  // Stride 4, kernel 1: most phases are read by no weight.
  Check(One("1x1x9x9", "1x2x3x3", "conv %x, @w {strides = {4, 4}}", "  const @w: f32[2x1x1x1] = {0, 0.5}\n"), 1);
}

// The same by the library's primitives, which take 16 channels and more, or few colours: weights of which few, one in
// five, or hardly any are zero.
TEST(GradientTest, DenseConv) {
  Check(One("1x16x5x4", "1x18x3x2", "conv %x, @w, @b",
            "  const @w: f32[18x16x3x3] = {#2592}\n  const @b: f32[18] = {#18}\n"),
        2);
  Check(One("1x17x6x7", "1x16x3x3", "conv %x, @w {strides = {2, 3}, pads = {1, 2, 0, 1}}",
            "  const @w: f32[16x17x2x3] = {/1632}\n"),
        1);
  Check(One("1x16x7x6", "1x20x4x2", "conv %x, @w, @b {strides = {2, 3}, pads = {2, 0, 1, 1}, dilations = {1, 2}}",
            "  const @w: f32[20x16x3x2] = {:1920}\n  const @b: f32[20] = {#20}\n"),
        2);
  Check(One("1x3x6x5", "1x16x6x5", "conv %x, @w, @b {pads = {1, 1, 1, 1}}",
            "  const @w: f32[16x3x3x3] = {#432}\n  const @b: f32[16] = {#16}\n"),
        2);
  Check(One("1x32x4x3", "1x16x4x3", "conv %x, @w", "  const @w: f32[16x32x1x1] = {#512}\n"), 1);
  Check(One("1x32x4x3", "1x16x2x2", "conv %x, @w {strides = {2, 2}}", "  const @w: f32[16x32x1x1] = {/512}\n"), 1);
  // Padding wider than the kernel, which the library refuses; and 16 channels in two groups.
  Check(One("1x16x2x2", "1x16x6x7", "conv %x, @w {pads = {3, 4, 2, 2}}", "  const @w: f32[16x16x2x2] = {#1024}\n"), 1);
  Check(One("1x32x3x3", "1x32x3x3", "conv %x, @w {pads = {1, 1, 1, 1}, group = 2}",
            "  const @w: f32[32x16x3x3] = {#4608}\n"),
        1);
}

// Gradients of kept weights are the same, of others none is added.
TEST(GradientTest, FrozenWeights) {
  const auto graph = Parse(Filled(One("1x4x6x5", "1x6x6x5", "conv %x, @w, @b {group = 2, pads = {0, 1, 1, 0}}",
                                      "  const @w: f32[6x2x2x2] = {/48}\n  const @b: f32[6] = {#6}\n")));
  ASSERT_TRUE(graph);
  auto plan = GradientPlan::Create(*graph, {kBatch, false, true});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto ws = (*plan)->NewWorkspace();
  const Tensor x = RandomReals(F32({static_cast<int64_t>(ws->input(0).size())}), 3);
  std::copy_n(x.data<float>().begin(), x.elements(), ws->input(0).begin());
  const std::vector<Tensor> values = (*plan)->Values();
  const auto run = [&] {
    EXPECT_TRUE((*plan)->Forward(values, *ws).ok());
    std::fill(ws->output_gradient().begin(), ws->output_gradient().end(), 0.5f);
    std::vector<Tensor> gradients;
    for (const Tensor& value : values) gradients.emplace_back(value.type());
    (*plan)->Backward(values, *ws, gradients);
    return gradients;
  };
  const std::vector<Tensor> all = run();
  std::vector<uint8_t> kept;
  for (int i = 0; i < 48; ++i) kept.push_back(i % 3 == 0);  // some of them are zero now
  (*plan)->Freeze(0, kept);
  const std::vector<Tensor> some = run();
  for (int64_t i = 0; i < 48; ++i) {
    const double wanted = kept[static_cast<size_t>(i)] ? all[0].AsDouble(i) : 0;
    EXPECT_NEAR(some[0].AsDouble(i), wanted, 1e-5) << i;
  }
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(some[1].AsDouble(i), all[1].AsDouble(i)) << i;
}

TEST(GradientTest, ConvWithWhatIsFused) {
  const std::string constants = "  const @w: f32[3x2x2x2] = {#24}\n  const @b: f32[3] = {#3}\n";
  Check(One("1x2x5x5", "1x3x2x2", "conv %x, @w, @b {act = relu, pool = max{kernel = {2, 2}, strides = {2, 2}}}",
            constants),
        2);
  Check(One("1x2x5x5", "1x3x3x3",
            "conv %x, @w, @b {act = clip(-0.5, 0.75), pool = max{kernel = {2, 2}, strides = {2, 2}, pads = {1, 1, 1, "
            "1}}}",
            constants),
        2);
  Check(One("1x2x5x5", "1x3x3x2", "conv %x, @w, @b {act = relu, pool = avg{kernel = {2, 3}, strides = {1, 1}}}",
            constants),
        2);
}

TEST(GradientTest, ConvTranspose) {
  Check(One("1x2x3x2", "1x3x7x5", "conv_transpose %x, @w, @b {strides = {2, 2}, act = relu}",
            "  const @w: f32[2x3x3x3] = {#54}\n  const @b: f32[3] = {#3}\n"),
        2);
  Check(One("1x4x3x3", "1x4x6x4",
            "conv_transpose %x, @w {strides = {2, 1}, pads = {1, 0, 0, 1}, output_pads = {1, 0}, dilations = {1, 2}, "
            "group = 2}",
            "  const @w: f32[4x2x2x2] = {#32}\n"),
        1);
}

TEST(GradientTest, FcAndMatMul) {
  Check(One("1x5", "1x4", "fc %x, @w, @b {act = relu}", "  const @w: f32[4x5] = {#20}\n  const @b: f32[4] = {#4}\n"),
        2);
  Check(One("1x2x5", "1x2x3", "fc %x, @w", "  const @w: f32[3x5] = {#15}\n"), 1);
  Check(
      "graph @g(%x: f32[1x2x3], %z: f32[1x3x4]) -> (%y: f32[1x2x4]) {\n"
      "  %y: f32[1x2x4] = matmul %x, %z {act = relu}\n}\n",
      0);
  Check(
      "graph @g(%x: f32[1x2x2x3], %z: f32[1x1x3x2]) -> (%y: f32[1x2x2x2]) {\n"
      "  %y: f32[1x2x2x2] = matmul %x, %z\n}\n",
      0);
  Check(One("1x3", "1x2", "matmul %x, @c", "  const @c: f32[3x2] = {#6}\n"), 0);
}

TEST(GradientTest, Pools) {
  Check(One("1x2x5x6", "1x2x3x3", "max_pool %x {kernel = {3, 2}, strides = {2, 2}, pads = {1, 0, 1, 0}}"), 0);
  Check(One("1x1x6x6", "1x1x2x4", "max_pool %x {kernel = {2, 2}, strides = {3, 1}, dilations = {2, 2}}"), 0);
  Check(One("1x2x5x5", "1x2x3x3", "max_pool %x {kernel = {2, 2}, strides = {2, 2}, ceil = true}"), 0);
  Check(One("1x2x5x6", "1x2x3x3", "avg_pool %x {kernel = {3, 2}, strides = {2, 2}, pads = {1, 0, 1, 0}}"), 0);
  Check(One("1x2x5x5", "1x2x3x3",
            "avg_pool %x {kernel = {3, 3}, strides = {2, 2}, pads = {1, 1, 1, 1}, count_include_pad = true}"),
        0);
}

TEST(GradientTest, OfEqualElementsTheFirstIsTheMaximum) {
  const auto graph = Parse(One("1x1x1x4", "1x1x1x2", "max_pool %x {kernel = {1, 2}, strides = {1, 2}}"));
  const auto plan = GradientPlan::Create(*graph, {1, false, true});
  ASSERT_TRUE(plan.ok());
  const auto ws = (*plan)->NewWorkspace();
  const float x[] = {2, 2, 1, 3};
  std::copy_n(x, 4, ws->input(0).begin());
  ASSERT_TRUE((*plan)->Forward({}, *ws).ok());
  ws->output_gradient()[0] = 5;
  ws->output_gradient()[1] = 7;
  std::vector<Tensor> none;
  (*plan)->Backward({}, *ws, none);
  EXPECT_THAT(std::vector<float>(ws->input_gradient(0).begin(), ws->input_gradient(0).end()), ElementsAre(5, 0, 0, 7));
}

TEST(GradientTest, Unary) {
  for (const std::string fn : {"relu", "sigmoid", "tanh", "softplus", "exp", "abs", "neg", "floor", "erf", "sin", "cos",
                               "atan", "sinh", "cosh", "asinh"}) {
    Check(One("1x11", "1x11", "unary %x {fn = " + fn + "}"), 0, {-2.3, 2.1});
  }
  for (const std::string fn : {"log", "sqrt"}) Check(One("1x11", "1x11", "unary %x {fn = " + fn + "}"), 0, {0.5, 3});
  for (const std::string fn : {"tan", "asin", "acos", "atanh"}) {
    Check(One("1x11", "1x11", "unary %x {fn = " + fn + "}"), 0, {-0.8, 0.8});
  }
  Check(One("1x11", "1x11", "unary %x {fn = acosh}"), 0, {1.5, 3});
  // Constant between their steps.
  for (const std::string fn : {"ceil", "round", "sign"}) {
    Check(One("1x5", "1x5", "unary %x {fn = " + fn + "}"), 0, {0.6, 0.9});
  }
  for (const std::string fn : {"leaky_relu", "elu"}) {
    Check(One("1x11", "1x11", "unary %x {fn = " + fn + ", alpha = 0.3}"), 0, {-2, 2});
  }
  Check(One("1x19", "1x19", "unary %x {fn = clip, alpha = -0.5, beta = 0.25}"), 0);
  Check(One("1x19", "1x19", "unary %x {fn = hard_sigmoid, alpha = 0.25, beta = 0.5}"), 0, {-4, 4});
  Check(One("1x31", "1x31", "unary %x {fn = hard_swish}"), 0, {-5, 5});
}

TEST(GradientTest, Binary) {
  const auto two = [](const std::string& fn, const std::string& a, const std::string& b, const std::string& y) {
    return "graph @g(%x: f32[" + a + "], %z: f32[" + b + "]) -> (%y: f32[" + y + "]) {\n  %y: f32[" + y +
           "] = binary %x, %z {fn = " + fn + "}\n}\n";
  };
  for (const std::string fn : {"add", "sub", "mul", "min", "max", "prelu"}) {
    Check(two(fn, "1x2x3", "1x2x3", "1x2x3"), 0);
    Check(two(fn, "1x2x3", "1x1x3", "1x2x3"), 0);
    Check(two(fn, "1x2x1", "1x1x3", "1x2x3"), 0);
  }
  for (const std::string fn : {"div", "pow"}) Check(two(fn, "1x2x3", "1x2x1", "1x2x3"), 0, {0.5, 2});
  Check(One("1x4", "1x4", "binary %x, @c {fn = pow}", "  const @c: f32[4] = {0, 1, 2, 3}\n"), 0);
  Check(One("1x4", "1x4", "binary %x, @c {fn = fmod}", "  const @c: f32[4] = {1, 1, -1, 1}\n"), 0, {1.1, 1.9});
  Check(One("1x2x3", "1x2x3", "binary %x, %x {fn = mul, act = relu}"), 0);  // both operands are one value
}

TEST(GradientTest, ConstantsOfBinary) {
  const auto affine = [](const std::string& fn, const std::string& shape, const std::string& n) {
    return "graph @g(%x: f32[1x2x2x2]) -> (%y: f32[1x3x2x2]) {\n  const @w: f32[3x2x1x1] = {#6}\n  const @c: f32[" +
           shape + "] = {#" + n +
           "}\n  %h: f32[1x3x2x2] = conv %x, @w\n  %y: f32[1x3x2x2] = binary %h, @c {fn = " + fn + "}\n}\n";
  };
  for (const std::string fn : {"add", "sub", "mul"}) {
    Check(affine(fn, "3x1x1", "3"), 2);
    Check(affine(fn, "1x3x1x2", "6"), 2);
    Check(affine(fn, "1x1x1x1", "1"), 1);  // a scalar is a fixed factor of the model
  }
  Check(affine("max", "3x1x1", "3"), 1);
  // Before the first layer a constant is preprocessing.
  Check(
      "graph @g(%x: f32[1x4]) -> (%y: f32[1x2]) {\n  const @mean: f32[4] = {#4}\n  const @w: f32[2x4] = {#8}\n"
      "  %h: f32[1x4] = binary %x, @mean {fn = sub}\n  %y: f32[1x2] = fc %h, @w\n}\n",
      1);
}

TEST(GradientTest, SoftmaxAndReduce) {
  Check(One("1x5", "1x5", "softmax %x {axis = 1}"), 0);
  Check(One("1x3x4", "1x3x4", "softmax %x {axis = 1, log = true}"), 0);
  Check(One("1x3x4", "1x3x4", "softmax %x {axis = 2}"), 0);
  for (const std::string fn : {"sum", "mean", "max", "min", "prod"}) {
    Check(One("1x3x4x2", "1x3x1x1", "reduce %x {fn = " + fn + ", axes = {2, 3}}"), 0);
    Check(One("1x3x4", "1x4", "reduce %x {fn = " + fn + ", axes = {1}, keepdims = false}"), 0);
  }
}

TEST(GradientTest, Moves) {
  Check(One("1x2x3", "1x6", "reshape %x"), 0);
  Check(One("1x5", "1x5", "identity %x"), 0);
  Check(One("1x2x3x4", "1x4x2x3", "transpose %x {perm = {0, 3, 1, 2}}"), 0);
  Check(One("1x5x6", "1x2x3", "slice %x {starts = {0, 4, 1}, steps = {1, -2, 2}}"), 0);
  Check(One("1x2x3", "1x4x6", "pad %x {before = {0, 1, 2}, after = {0, 1, 1}, value = 1.5}"), 0);
  Check(One("1x4", "1x8", "pad %x {mode = reflect, before = {0, 2}, after = {0, 2}}"), 0);
  Check(One("1x3", "1x6", "pad %x {mode = edge, before = {0, 2}, after = {0, 1}}"), 0);
  Check(One("1x4x2", "1x3x2", "gather %x, @i {axis = 1}", "  const @i: i64[3] = {2, -1, 2}\n"), 0);
  Check(One("1x2x2x3", "1x2x4x5", "resize %x"), 0);
  Check(One("1x2x2x3", "1x2x4x5", "resize %x {mode = linear}"), 0);
  Check(One("1x1x4x4", "1x1x3x2", "resize %x {mode = linear, transform = align_corners}"), 0);
  Check(
      "graph @g(%x: f32[1x2x2], %z: f32[1x3x2]) -> (%y: f32[1x6x2]) {\n  const @c: f32[1x1x2] = {4, 5}\n"
      "  %y: f32[1x6x2] = concat %x, @c, %z {axis = 1}\n}\n",
      0);
  Check(One("1x2x2", "1x2x4", "concat %x, %x {axis = 2}"), 0);
}

TEST(GradientTest, ASharedConstantGetsBothGradients) {
  Check(
      "graph @g(%x: f32[1x3]) -> (%y: f32[1x3]) {\n  const @w: f32[3x3] = {#9}\n  %h: f32[1x3] = fc %x, @w {act = "
      "relu}\n  %y: f32[1x3] = fc %h, @w\n}\n",
      1);
}

TEST(GradientTest, AnUnreadInputAndAnUnreadOutput) {
  const auto graph = Parse(
      "graph @g(%i: i64[7], %x: f32[1x2]) -> (%y: f32[1x2], %a: i64[1]) {\n  const @w: f32[2x2] = {1, 2, 3, 4}\n"
      "  %y: f32[1x2] = fc %x, @w\n  %a: i64[1] = arg_reduce %x {axis = 1, keepdims = false}\n}\n");
  const auto plan = GradientPlan::Create(*graph, {2, false, false});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->inputs(), 2u);
  EXPECT_EQ((*plan)->sample_size(0), 0);
  EXPECT_EQ((*plan)->sample_size(1), 2);
  EXPECT_EQ((*plan)->output_size(), 2);
  EXPECT_THAT((*plan)->names(), ElementsAre("w"));
  const auto ws = (*plan)->NewWorkspace();
  EXPECT_TRUE(ws->input(0).empty());
  EXPECT_EQ(ws->input(1).size(), 4u);
}

TEST(GradientTest, StopsBeforeASoftmaxAtTheEnd) {
  const auto plan = [](const std::string& text, bool stop) {
    const auto graph = Parse(Filled(text));
    auto made = GradientPlan::Create(*graph, {1, stop, false});
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  };
  const std::string ends =
      "graph @g(%x: f32[1x3]) -> (%y: f32[1x2x1]) {\n  const @w: f32[2x3] = {#6}\n"
      "  %h: f32[1x2] = fc %x, @w\n  %p: f32[1x2] = softmax %h {axis = 1}\n  %y: f32[1x2x1] = reshape %p\n}\n";
  EXPECT_TRUE(plan(ends, true)->stopped_before_softmax());
  EXPECT_FALSE(plan(ends, false)->stopped_before_softmax());
  const auto stopped = plan(ends, true);
  const auto ws = stopped->NewWorkspace();
  ws->input(0)[0] = ws->input(0)[1] = 0;
  ws->input(0)[2] = 1;
  ASSERT_TRUE(stopped->Forward(stopped->Values(), *ws).ok());
  EXPECT_EQ(ws->output()[0], stopped->Values()[0].data<float>()[2]);  // the fc's result
  // Over a part of the output it is no distribution over classes.
  EXPECT_FALSE(plan("graph @g(%x: f32[1x2x3]) -> (%y: f32[1x2x3]) {\n  const @w: f32[3x3] = {#9}\n"
                    "  %h: f32[1x2x3] = fc %x, @w\n  %y: f32[1x2x3] = softmax %h {axis = 2}\n}\n",
                    true)
                   ->stopped_before_softmax());
}

TEST(GradientTest, WhatCannotBeTrained) {
  const auto message = [](const std::string& text, int64_t batch = 2) {
    const auto graph = Parse(Filled(text));
    const auto plan = GradientPlan::Create(*graph, {batch, false, false});
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(plan.status().message());
  };
  const std::string tail = "; training takes a float graph whose dimension 0, of size 1, is the batch throughout";
  EXPECT_EQ(message(One("1x4", "4", "reshape %x")),
            "cannot be trained: reshape \"here\": dimension 0 of its result [4] is not 1" + tail);
  EXPECT_EQ(message(One("1x1x4", "1x4", "reduce %x {axes = {0}, keepdims = false}")),
            "cannot be trained: reduce \"here\": it reduces dimension 0" + tail);
  EXPECT_THAT(message(One("1x1x4", "1x1x4", "transpose %x {perm = {1, 0, 2}}")), HasSubstr("it moves dimension 0"));
  EXPECT_THAT(message(One("1x4", "2x4", "concat %x, %x {axis = 0}")), HasSubstr("it makes dimension 0 longer"));
  EXPECT_THAT(message(One("1x4", "2x4", "pad %x {before = {1, 0}, after = {0, 0}}")), HasSubstr("it pads dimension 0"));
  EXPECT_THAT(message(One("1x4", "2x4", "pad %x {before = {0, 0}, after = {1, 0}}")), HasSubstr("it pads dimension 0"));
  EXPECT_THAT(message(One("1x4", "1x4", "softmax %x {axis = 0}")), HasSubstr("it sums over dimension 0"));
  EXPECT_THAT(message(One("1x4", "1x4", "gather %x, @i", "  const @i: i64[1] = {0}\n")),
              HasSubstr("it selects along dimension 0"));
  EXPECT_THAT(message("graph @g(%x: f32[1x4]) -> (%y: i64[1]) {\n  %y: i64[1] = arg_reduce %x {axis = 1, keepdims = "
                      "false}\n}\n"),
              HasSubstr("this operation has no gradient"));
  EXPECT_THAT(message("graph @g(%x: f32[1x1], %z: f32[1x2]) -> (%y: f32[1x2]) {\n  %y: f32[1x2] = matmul %x, %z\n}\n"),
              HasSubstr("it sums over dimension 0"));
  EXPECT_THAT(message("graph @g(%x: f32[1x2x2], %z: f32[2x2]) -> (%y: f32[1x2x2]) {\n"
                      "  %y: f32[1x2x2] = matmul %x, %z\n}\n"),
              HasSubstr("input %z is f32[2x2]"));
  EXPECT_THAT(message("graph @g(%x: f32[1x2x2], %z: f32[1x2]) -> (%y: f32[1x2x2]) {\n"
                      "  %y: f32[1x2x2] = binary %x, %z\n}\n"),
              HasSubstr("dimension 0 of an operand is not that of the result"));
  EXPECT_THAT(
      message(One("4", "2", "fc %x, @w", "  const @w: f32[2x4] = {#8}\n")),
      HasSubstr("input %x is f32[4], but training takes f32 inputs whose dimension 0, of size 1, is the batch"));
  EXPECT_THAT(message("graph @g(%x: f32[1x2], %w: f32[1x2]) -> (%y: f32[1x1]) {\n  %y: f32[1x1] = fc %x, %w\n}\n"),
              HasSubstr("its weights or bias are computed"));
  EXPECT_THAT(message("graph @g(%x: f32[1x2]) -> (%y: f32[1x2]) {\n  const @c: f32[1x2] = {1, 2}\n"
                      "  %h: f32[1x2] = unary @c\n  %y: f32[1x2] = binary %x, %h\n}\n"),
              HasSubstr("it computes from constants alone; run canonicalize first"));
  EXPECT_THAT(message(One("1x2", "1x2", "unary %x"), 0), HasSubstr("a batch of 0 is below 1"));
  EXPECT_THAT(message(One("1x2", "1x2", "unary %x"), int64_t{1} << 40), HasSubstr("is too large"));
}

}  // namespace
}  // namespace mcuc
