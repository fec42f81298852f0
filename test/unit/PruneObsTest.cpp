// prune-obs: a row's order of removal against brute force, the update of the inverse against inversion, least squares,
// what a layer sees of its operand against the interpreter, and whole graphs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <Eigen/QR>
#include <cmath>
#include <random>
#include <set>

#include "../../lib/Passes/PruneObs.h"
#include "ExecTesting.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Data/Score.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {
namespace {

using obs::Layer;
using obs::LayerOf;
using obs::Matrix;
using obs::Moments;
using obs::MomentsOf;
using obs::Vector;
using testing::ElementsAre;
using testing::HasSubstr;

Matrix RandomMatrix(Eigen::Index rows, Eigen::Index columns, unsigned seed) {
  std::mt19937 random(seed);
  Matrix m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<double>(random() >> 8) / 8388608.0 - 1.0;
  return m;
}

Matrix RandomHessian(Eigen::Index n, unsigned seed) {
  const Matrix x = RandomMatrix(n, 2 * n, seed);
  return x * x.transpose() + 0.1 * Matrix::Identity(n, n);
}

// min (v - w) H (v - w) / 2 over the v that are 0 at `gone`, by elimination.
double LossWithout(const Matrix& h, const Vector& w, const std::set<int32_t>& gone) {
  std::vector<Eigen::Index> kept, zero;
  for (Eigen::Index i = 0; i < w.size(); ++i) (gone.count(static_cast<int32_t>(i)) ? zero : kept).push_back(i);
  // With d = v - w: d = -w at gone; the others minimize, d_k = -H_kk^-1 H_kg d_g.
  Vector d(w.size());
  for (Eigen::Index i : zero) d(i) = -w(i);
  const Matrix hkk = h(kept, kept), hkg = h(kept, zero);
  const Vector dg = d(zero);
  if (!kept.empty()) {
    const Vector dk = -(hkk.fullPivLu().solve(Vector(hkg * dg)));
    for (size_t i = 0; i < kept.size(); ++i) d(kept[i]) = dk(static_cast<Eigen::Index>(i));
  }
  return d.dot(h * d) / 2;
}

TEST(PruneObsRows, InverseWithoutOneIndex) {
  const Matrix h = RandomHessian(6, 1);
  for (Eigen::Index p : {Eigen::Index{2}, Eigen::Index{0}, Eigen::Index{5}}) {
    Matrix inverse = h.inverse();
    obs::RemoveFromInverse(inverse, 6, p);
    std::vector<Eigen::Index> left = {0, 1, 2, 3, 4};
    if (p < 5) left[static_cast<size_t>(p)] = 5;  // the last takes the place
    const Matrix direct = Matrix(h(left, left)).inverse();
    EXPECT_LT((inverse.topLeftCorner(5, 5) - direct).cwiseAbs().maxCoeff(), 1e-10) << p;
    // And once more, out of the leading part.
    obs::RemoveFromInverse(inverse, 5, 1);
    left[1] = left[4];
    left.pop_back();
    const Matrix again = Matrix(h(left, left)).inverse();
    EXPECT_LT((inverse.topLeftCorner(4, 4) - again).cwiseAbs().maxCoeff(), 1e-10) << p;
  }
}

TEST(PruneObsRows, TraceIsTheGreedyOneByBruteForce) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const Matrix h = RandomHessian(7, seed);
    const Vector w = RandomMatrix(7, 1, 100 + seed);
    const obs::Trace trace = obs::RemovalTrace(h.inverse(), w);
    ASSERT_EQ(trace.order.size(), 7u);
    ASSERT_EQ(trace.loss.size(), 7u);
    std::set<int32_t> gone;
    double before = 0, sum = 0;
    for (size_t step = 0; step < 7; ++step) {
      double least = 1e300;
      int32_t best = -1;
      for (int32_t p = 0; p < 7; ++p) {
        if (gone.count(p)) continue;
        std::set<int32_t> more = gone;
        more.insert(p);
        if (const double loss = LossWithout(h, w, more); loss < least) least = loss, best = p;
      }
      EXPECT_EQ(trace.order[step], best) << "seed " << seed << " step " << step;
      EXPECT_NEAR(trace.loss[step], least - before, 1e-9);
      sum += trace.loss[step];
      before = least;
      gone.insert(best);
    }
    EXPECT_NEAR(sum, w.dot(h * w) / 2, 1e-9);
  }
}

TEST(PruneObsRows, TraceByHandAndTies) {
  Matrix h(2, 2);
  h << 2, 1, 1, 2;
  const obs::Trace trace = obs::RemovalTrace(h.inverse(), Vector::Ones(2));
  EXPECT_THAT(trace.order, ElementsAre(0, 1));
  EXPECT_NEAR(trace.loss[0], 0.75, 1e-12);
  EXPECT_NEAR(trace.loss[1], 2.25, 1e-12);
  // Of equal ones the first, also behind a removal that moved the last one forward.
  EXPECT_THAT(obs::RemovalTrace(Matrix::Identity(5, 5), Vector::Ones(5)).order, ElementsAre(0, 1, 2, 3, 4));
  // Zeros first, at no cost, and nothing moves for them.
  Vector w(3);
  w << 1, 0, 2;
  const obs::Trace zero = obs::RemovalTrace(RandomHessian(3, 9).inverse(), w);
  EXPECT_EQ(zero.order[0], 1);
  EXPECT_EQ(zero.loss[0], 0);
}

TEST(PruneObsRows, SolverIsLeastSquares) {
  const Matrix x = RandomMatrix(5, 40, 3);
  const Vector y = RandomMatrix(40, 1, 4);
  const Matrix h = x * x.transpose();
  const Vector target = x * y;
  obs::RowSolver solver(h);
  const std::vector<int32_t> kept = {0, 3, 4};
  for (int twice = 0; twice < 2; ++twice) {  // the second time with the factor of the first
    const auto v = solver.Solve(kept, target * (1 + twice));
    ASSERT_TRUE(v.has_value());
    EXPECT_EQ((*v)(1), 0);
    EXPECT_EQ((*v)(2), 0);
    const Matrix part = x(std::vector<int>{0, 3, 4}, Eigen::all);
    const Vector direct = part.transpose().fullPivHouseholderQr().solve(Vector(y * (1 + twice)));
    EXPECT_NEAR((*v)(0), direct(0), 1e-10);
    EXPECT_NEAR((*v)(3), direct(1), 1e-10);
    EXPECT_NEAR((*v)(4), direct(2), 1e-10);
  }
  // Other weights: another factor.
  const auto other = solver.Solve({1}, target);
  ASSERT_TRUE(other.has_value());
  EXPECT_NEAR((*other)(1), target(1) / h(1, 1), 1e-10);
  EXPECT_EQ((*other)(0), 0);
  EXPECT_TRUE(solver.Solve({}, target)->isZero());
  obs::RowSolver indefinite(-h);
  EXPECT_FALSE(indefinite.Solve({0}, target).has_value());
}

// The variance of each output channel, from the moments and from running the node.
void CheckMoments(Attributes attrs, const Tensor& x_like, const Tensor& weights, Shape y, int64_t block) {
  const OneNode one(std::move(attrs), {x_like, weights}, F32(y));
  obs::Limits limits;
  limits.block = block;
  const int64_t samples = 5;
  const Layer layer = LayerOf(one.node, samples, limits);
  std::vector<Tensor> x, d, yx, yd;
  for (unsigned i = 0; i < samples; ++i) {
    x.push_back(RandomReals(x_like.type(), 10 + i));
    d.push_back(RandomReals(x_like.type(), 20 + i));
    yx.push_back(*EvaluateNode(*one.node, {&x.back(), &weights}));
    yd.push_back(*EvaluateNode(*one.node, {&d.back(), &weights}));
  }
  const auto moments = MomentsOf(layer, x, d, 2);
  const auto same = MomentsOf(layer, x, x, 1);
  ASSERT_EQ(static_cast<int64_t>(moments.size()), layer.units());
  EXPECT_EQ(layer.positions * layer.rows * layer.groups, Elements(y));
  const bool fc = one.node->If<FcAttrs>() != nullptr;
  const int64_t outputs = layer.rows * layer.groups, inner = fc ? 1 : y[2] * y[3];
  for (int64_t m = 0; m < outputs; ++m) {
    const int64_t g = m / layer.rows, r = m % layer.rows;
    double n = 0, sx = 0, sd = 0, sxx = 0, sxd = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      for (int64_t e = 0; e < Elements(y); ++e) {
        if (e / inner % outputs != m) continue;
        const double a = yx[i].AsDouble(e), b = yd[i].AsDouble(e);
        n += 1, sx += a, sd += b, sxx += a * a, sxd += a * b;
      }
    }
    double mean_x = 0, mean_d = 0, xx = 0, xd = 0, same_xx = 0, same_xd = 0;
    for (int64_t u = g * layer.blocks(); u < (g + 1) * layer.blocks(); ++u) {
      const Moments& mo = moments[static_cast<size_t>(u)];
      Vector w(layer.size(u));
      ASSERT_EQ(mo.xx.rows(), w.size());
      for (Eigen::Index k = 0; k < w.size(); ++k) w(k) = weights.AsDouble(layer.Index(g, r, layer.first(u) + k));
      mean_x += w.dot(mo.x), mean_d += w.dot(mo.d);
      xx += w.dot(mo.xx * w), xd += w.dot(mo.xd * w);
      same_xx += w.dot(same[static_cast<size_t>(u)].xx * w), same_xd += w.dot(same[static_cast<size_t>(u)].xd * w);
    }
    const double positions = static_cast<double>(layer.positions);
    EXPECT_NEAR(mean_x, sx / n, 1e-5) << m;
    EXPECT_NEAR(mean_d, sd / n, 1e-5) << m;
    if (layer.blocks() > 1) continue;  // blocks leave out what is between them
    EXPECT_NEAR(xx, 2 * positions * (sxx / n - sx / n * sx / n), 1e-4) << m;
    EXPECT_NEAR(xd, 2 * positions * (sxd / n - sx / n * sd / n), 1e-4) << m;
    EXPECT_NEAR(same_xx, xx, 1e-9) << m;
    EXPECT_NEAR(same_xd, xx, 1e-9) << m;
  }
}

TEST(PruneObsInputs, MomentsAreThoseOfTheOutputs) {
  ConvAttrs conv;
  conv.strides = {2, 1};
  conv.dilations = {1, 2};
  conv.pads = {1, 2, 0, 1};
  conv.group = 2;
  CheckMoments(conv, RandomReals(F32({2, 4, 5, 7}), 1), RandomReals(F32({6, 2, 3, 2}), 2), {2, 6, 2, 8}, 1024);
  ConvAttrs depthwise;
  depthwise.pads = {1, 1, 1, 1};
  depthwise.group = 3;
  CheckMoments(depthwise, RandomReals(F32({1, 3, 4, 4}), 3), RandomReals(F32({3, 1, 3, 3}), 4), {1, 3, 4, 4}, 1024);
  ConvTransposeAttrs transposed;
  transposed.strides = {2, 3};
  transposed.pads = {1, 0, 0, 1};
  transposed.group = 2;
  CheckMoments(transposed, RandomReals(F32({1, 4, 3, 2}), 5), RandomReals(F32({4, 3, 3, 2}), 6), {1, 6, 6, 4}, 1024);
  CheckMoments(FcAttrs{}, RandomReals(F32({3, 2, 7}), 7), RandomReals(F32({4, 7}), 8), {3, 2, 4}, 1024);
  CheckMoments(FcAttrs{}, RandomReals(F32({7}), 7), RandomReals(F32({4, 7}), 8), {4}, 3);
  ConvAttrs blocks;
  CheckMoments(blocks, RandomReals(F32({1, 3, 4, 4}), 9), RandomReals(F32({2, 3, 2, 2}), 10), {1, 2, 3, 3}, 5);
}

TEST(PruneObsInputs, BlocksAndStridesBoundTheWork) {
  const OneNode fc(FcAttrs{}, {RandomReals(F32({6, 10}), 1), RandomReals(F32({4, 10}), 2)}, F32({6, 4}));
  obs::Limits limits;
  EXPECT_EQ(LayerOf(fc.node, 10, limits).block, 10);
  EXPECT_EQ(LayerOf(fc.node, 10, limits).stride, 1);
  limits.block = 4;  // three of them: 4, 4 and 2
  const Layer layer = LayerOf(fc.node, 10, limits);
  EXPECT_EQ(layer.block, 4);
  EXPECT_EQ(layer.blocks(), 3);
  EXPECT_EQ(layer.size(2), 2);
  EXPECT_EQ(layer.first(2), 8);
  limits.block = 9;  // two, as equal as can be
  EXPECT_EQ(LayerOf(fc.node, 10, limits).block, 5);
  limits.block = 1024;
  limits.rows_work = 4 * 10 * 25 / 3.0;  // rows * columns * 5^2 / 3
  EXPECT_EQ(LayerOf(fc.node, 10, limits).block, 5);
  limits.rows_work = 0;
  EXPECT_EQ(LayerOf(fc.node, 10, limits).block, 1);
  limits = {};
  limits.moments_work = 10 * 6 * 10 * 10 / 2.0;  // half of samples * positions * columns^2
  EXPECT_EQ(LayerOf(fc.node, 10, limits).stride, 2);
  limits.moments_work = 1;
  EXPECT_EQ(LayerOf(fc.node, 10, limits).stride, 6);
  // With a stride of 2, even samples show positions 0, 2, 4 and odd ones 1, 3, 5.
  limits.moments_work = 2 * 6 * 10 * 10 / 2.0;
  const Layer strided = LayerOf(fc.node, 2, limits);
  ASSERT_EQ(strided.stride, 2);
  const std::vector<Tensor> x = {RandomReals(F32({6, 10}), 3), RandomReals(F32({6, 10}), 4)};
  const auto moments = MomentsOf(strided, x, x, 1);
  double mean = 0;
  for (int64_t p = 0; p < 6; ++p) mean += x[static_cast<size_t>(p % 2)].AsDouble(p * 10 + 7) / 6;
  EXPECT_NEAR(moments[0].x(7), mean, 1e-12);
}

class SurgeonTest : public testing::Test {
 protected:
  SurgeonTest() : target_(*Target::ByName("generic")) {
    context_.diagnostics = &diagnostics_;
    context_.target = &target_;
    context_.threads = 1;
  }
  static std::unique_ptr<Graph> Parse(const std::string& text) {
    Diagnostics diagnostics;
    auto graph = ParseGraph(text, "t.mcu", diagnostics);
    EXPECT_TRUE(graph) << diagnostics.ToStatus();
    return graph;
  }
  std::unique_ptr<Graph> Prune(Graph& graph, const Dataset& data, double sparsity, obs::Options options = {}) {
    context_.calibrate = &data;
    auto surgeon = obs::Surgeon::Create(graph, context_, options);
    EXPECT_TRUE(surgeon.ok()) << surgeon.status();
    if (!surgeon.ok()) return nullptr;
    auto pruned = (*surgeon)->Prune(sparsity);
    EXPECT_TRUE(pruned.ok()) << pruned.status();
    if (!pruned.ok()) return nullptr;
    EXPECT_TRUE(VerifyGraph(**pruned).ok());
    return *std::move(pruned);
  }
  static double ErrorOf(const Graph& a, const Graph& b, const Dataset& data) {
    const auto x = RunGraph(a, data, 1), y = RunGraph(b, data, 1);
    double error = 0;
    for (size_t i = 0; i < x->size(); ++i) {
      for (size_t k = 0; k < (*x)[i].size(); ++k) error += std::pow(double{(*x)[i][k]} - double{(*y)[i][k]}, 2);
    }
    return error;
  }

  Target target_;
  Diagnostics diagnostics_;
  PassContext context_;
};

// A net with a branch, a depthwise convolution, pools and a shared bias; samples that depend on each other.
constexpr char kNet[] = R"(graph @net(%x: f32[1x2x6x6]) -> (%y: f32[1x5]) {
  const @b: f32[4] = {0.1, -0.2, 0.3, 0}
  %a: f32[1x4x3x3] = conv %x, @w1, @b {pads = {1, 1, 1, 1}, act = relu, pool = max{kernel = {2, 2}, strides = {2, 2}}}
  %d: f32[1x4x3x3] = conv %a, @w2, @b {pads = {1, 1, 1, 1}, group = 4, act = relu}
  %s: f32[1x4x3x3] = binary %a, %d {fn = add}
  %r: f32[1x36] = reshape %s
  %y: f32[1x5] = fc %r, @w3
})";

std::unique_ptr<Graph> Net() {
  std::string text = kNet;
  const auto constant = [](const std::string& name, const Shape& shape, unsigned seed) {
    std::string list;
    const Tensor t = RandomReals(F32(shape), seed);
    for (int64_t i = 0; i < t.elements(); ++i) list += (i ? ", " : "") + FloatText(static_cast<float>(t.AsDouble(i)));
    return "  const @" + name + ": f32[" + ShapeText(shape) + "] = {" + list + "}\n";
  };
  text.insert(text.find("  %a:"),
              constant("w1", {4, 2, 3, 3}, 1) + constant("w2", {4, 1, 3, 3}, 2) + constant("w3", {5, 36}, 3));
  Diagnostics diagnostics;
  auto graph = ParseGraph(text, "t.mcu", diagnostics);
  EXPECT_TRUE(graph) << diagnostics.ToStatus();
  return graph;
}

Dataset NetSamples() {
  Tensor x = RandomReals(F32({64, 2, 6, 6}), 5);
  // Neighbours are alike, as in images.
  for (int64_t i = 1; i < x.elements(); ++i) x.Set(i, 0.8 * x.AsDouble(i - 1) + 0.2 * x.AsDouble(i));
  return Dataset::FromTensors({x}, {});
}

TEST_F(SurgeonTest, EqualInputsMakeUpForEachOther) {
  auto graph = Parse(R"(graph @g(%x: f32[4]) -> (%y: f32[2]) {
  const @w: f32[2x4] = {1, 1, 0.5, -2, 3, -1, 2, 0.25}
  %y: f32[2] = fc %x, @w
})");
  // Inputs 0 and 1 are equal, 3 is always 5: half of the weights suffice, and the constant becomes a bias.
  std::vector<float> values;
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    const auto a = static_cast<float>(random() % 100) / 100, b = static_cast<float>(random() % 100) / 100;
    values.insert(values.end(), {a, a, b, 5});
  }
  const Dataset data = Dataset::FromTensors({Tensor::Of(F32({50, 4}), values)}, {});
  obs::Options options;
  options.damping = 1e-6;
  const auto pruned = Prune(*graph, data, 0.5, options);
  EXPECT_EQ(pruned->nodes().front()->operand(1)->tensor().nonzeros(), 4);
  EXPECT_LT(ErrorOf(*graph, *pruned, data), 1e-8);
  const Tensor& bias = pruned->nodes().front()->operand(2)->tensor();
  EXPECT_NEAR(bias.AsDouble(0), -10, 1e-3);
  EXPECT_NEAR(bias.AsDouble(1), 1.25, 1e-3);
  // The graph itself stays.
  EXPECT_EQ(graph->nodes().front()->operand(1)->tensor().nonzeros(), 8);
}

TEST_F(SurgeonTest, ExactSparsityAndLessErrorThanMagnitude) {
  auto graph = Net();
  const Dataset data = NetSamples();
  const auto pruned = Prune(*graph, data, 0.6);
  // 72 + 36 + 180 weights; floor(0.6 * 288) = 172 are zero.
  int64_t zeros = 0;
  for (const Value* w : WeightsOf(*pruned)) zeros += w->tensor().elements() - w->tensor().nonzeros();
  EXPECT_EQ(zeros, 172);
  auto magnitude = graph->Clone();
  for (Value* w : WeightsOf(*magnitude)) {
    Tensor t = w->tensor();
    std::vector<double> sizes;
    for (int64_t i = 0; i < t.elements(); ++i) sizes.push_back(std::fabs(t.AsDouble(i)));
    std::sort(sizes.begin(), sizes.end());
    for (int64_t i = 0; i < t.elements(); ++i) {
      if (std::fabs(t.AsDouble(i)) < sizes[static_cast<size_t>(0.6 * static_cast<double>(t.elements()))]) t.Set(i, 0);
    }
    w->set_tensor(t);
  }
  EXPECT_LT(ErrorOf(*graph, *pruned, data), 0.1 * ErrorOf(*graph, *magnitude, data));
}

TEST_F(SurgeonTest, LayerScopeGivesEachLayerItsShare) {
  auto graph = Net();
  const Dataset data = NetSamples();
  obs::Options options;
  options.global = false;
  const auto pruned = Prune(*graph, data, 0.5, options);
  std::vector<int64_t> nonzeros;
  for (const Value* w : WeightsOf(*pruned)) nonzeros.push_back(w->tensor().nonzeros());
  EXPECT_THAT(nonzeros, ElementsAre(36, 18, 90));
}

// What counts is the error of each output beside its own variance: neither its scale nor its mean.
TEST_F(SurgeonTest, OutputsOfAnyScaleCountAlike) {
  const auto list = [](const Tensor& t, double factor) {
    std::string text;
    for (int64_t i = 0; i < t.elements(); ++i) absl::StrAppend(&text, i ? ", " : "", t.AsDouble(i) * factor);
    return text;
  };
  for (const double factor : {1.0, 1000.0}) {
    for (const double mean : {0.0, 5000.0}) {
      auto graph =
          Parse(absl::StrCat("graph @g(%x: f32[8]) -> (%y: f32[4], %z: f32[4]) {\n  const @w: f32[4x8] = {",
                             list(RandomReals(F32({4, 8}), 1), 1), "}\n  const @v: f32[4x8] = {",
                             list(RandomReals(F32({4, 8}), 2), factor), "}\n  const @b: f32[4] = {", mean, ", ", mean,
                             ", ", mean, ", ", mean, "}\n  %y: f32[4] = fc %x, @w\n  %z: f32[4] = fc %x, @v, @b\n}\n"));
      const Dataset data = Dataset::FromTensors({RandomReals(F32({100, 8}), 3)}, {});
      const auto pruned = Prune(*graph, data, 0.5);
      std::vector<int64_t> nonzeros;
      for (const Value* w : WeightsOf(*pruned)) nonzeros.push_back(w->tensor().nonzeros());
      EXPECT_THAT(nonzeros, ElementsAre(testing::AllOf(testing::Ge(12), testing::Le(20)),
                                        testing::AllOf(testing::Ge(12), testing::Le(20))))
          << factor << " " << mean;
    }
  }
}

// 2 GiB hold what is alive at once, twice.
TEST(PruneObsInputs, SamplesThatFit) {
  const auto fit = [](const std::string& body, int64_t samples) {
    Diagnostics diagnostics;
    const auto graph =
        ParseGraph("graph @g(%x: f32[1024]) -> (%y: f32[1024]) {\n" + body + "\n}\n", "t.mcu", diagnostics);
    EXPECT_TRUE(graph) << diagnostics.ToStatus();
    return obs::Stream::SamplesThatFit(*graph, samples);
  };
  const std::string chain =
      "%a: f32[1024] = unary %x {fn = exp}\n%b: f32[1024] = unary %a {fn = neg}\n%y: f32[1024] = unary %b {fn = abs}";
  EXPECT_EQ(fit(chain, 1000000), (int64_t{1} << 31) / (2 * 2 * 4096));
  EXPECT_EQ(fit(chain, 512), 512);
  EXPECT_EQ(fit("%a: f32[1024] = unary %x {fn = exp}\n%b: f32[1024] = unary %a {fn = neg}\n"
                "%y: f32[1024] = binary %b, %x",
                1000000),
            (int64_t{1} << 31) / (2 * 3 * 4096));
  EXPECT_EQ(
      fit("%a: f32[1024] = unary %x {fn = exp}\n%b: f32[1024] = binary %a, %a\n%y: f32[1024] = unary %b", 1000000),
      (int64_t{1} << 31) / (2 * 2 * 4096));
}

TEST_F(SurgeonTest, TheEnds) {
  auto graph = Net();
  const Dataset data = NetSamples();
  const auto none = Prune(*graph, data, 0);
  EXPECT_EQ(PrintGraph(*none), PrintGraph(*graph));
  const auto all = Prune(*graph, data, 1);
  for (const Value* w : WeightsOf(*all)) EXPECT_EQ(w->tensor().nonzeros(), 0);
  // What is left is the mean output.
  const auto dense = RunGraph(*graph, data, 1), mean = RunGraph(*all, data, 1);
  double sum = 0;
  for (const auto& y : *dense) sum += double{y[2]} / static_cast<double>(dense->size());
  EXPECT_NEAR((*mean)[0][2], sum, 1e-4);
  context_.calibrate = &data;
  auto surgeon = obs::Surgeon::Create(*graph, context_, {});
  EXPECT_THAT((*surgeon)->Prune(1.01).status().ToString(), HasSubstr("sparsity=1.01 is outside [0, 1]"));
  EXPECT_THAT((*surgeon)->Prune(-0.01).status().ToString(), HasSubstr("sparsity=-0.01 is outside [0, 1]"));
}

TEST_F(SurgeonTest, SameBytesForAnyNumberOfThreads) {
  const Dataset data = NetSamples();
  std::set<std::string> texts;
  for (int threads : {1, 2, 3, 8}) {
    auto graph = Net();
    context_.threads = threads;
    texts.insert(PrintGraph(*Prune(*graph, data, 0.7)));
  }
  EXPECT_EQ(texts.size(), 1u);
}

TEST_F(SurgeonTest, LaterLayersAreFittedToWhatEarlierOnesMake) {
  // The last layer with the weights that it keeps as they were, behind the others as pruned, is worse than its fit.
  auto graph = Net();
  const Dataset data = NetSamples();
  const auto pruned = Prune(*graph, data, 0.5);
  auto first_only = graph->Clone();
  auto from = pruned->nodes().begin();
  for (const auto& node : first_only->nodes()) {
    Node& other = **from++;
    if (!node->If<FcAttrs>()) continue;
    // The last layer's mask without its fit.
    Tensor w = node->operand(1)->tensor();
    for (int64_t i = 0; i < w.elements(); ++i) {
      if (other.operand(1)->tensor().AsDouble(i) == 0) w.Set(i, 0);
    }
    other.operand(1)->set_tensor(w);
  }
  const auto again = Prune(*graph, data, 0.5);
  EXPECT_LT(ErrorOf(*graph, *again, data), 0.7 * ErrorOf(*graph, *pruned, data));
}

TEST_F(SurgeonTest, BlocksAndFewSamplesWork) {
  auto graph = Net();
  const Dataset data = NetSamples();
  obs::Options options;
  options.limits.block = 5;
  options.samples = 3;
  const auto pruned = Prune(*graph, data, 0.5, options);
  int64_t nonzeros = 0;
  for (const Value* w : WeightsOf(*pruned)) nonzeros += w->tensor().nonzeros();
  EXPECT_EQ(nonzeros, 144);
  bool remarked = false;
  for (const Diagnostic& d : diagnostics_.all()) {
    remarked |= d.message.find("its 36 inputs are looked at in blocks of 5") != std::string::npos;
  }
  EXPECT_TRUE(remarked);
}

TEST_F(SurgeonTest, TooLittleDampingIsAnError) {
  auto graph = Parse(R"(graph @g(%x: f32[2]) -> (%y: f32[1]) {
  const @w: f32[1x2] = {1, 2}
  %y: f32[1] = fc %x, @w
})");
  // Equal inputs of 2 cov(x) = 2^24, beside which the damping is lost; the root is exact, so that the second pivot is
  // 0.
  const std::vector<float> values = {4096, 4096, -4096, -4096, 0, 0, 0, 0};
  const Dataset data = Dataset::FromTensors({Tensor::Of(F32({4, 2}), values)}, {});
  context_.calibrate = &data;
  obs::Options options;
  options.damping = 1e-300;
  EXPECT_THAT(obs::Surgeon::Create(*graph, context_, options).status().ToString(),
              HasSubstr("damping=1e-300 is too little for @w"));
  options.damping = 1e-6;
  EXPECT_TRUE(obs::Surgeon::Create(*graph, context_, options).ok());
}

TEST_F(SurgeonTest, BrokenSamplesAreAnError) {
  auto graph = Net();
  Tensor x = RandomReals(F32({2, 2, 6, 6}), 5);
  x.Set(3, std::numeric_limits<double>::infinity());
  const Dataset data = Dataset::FromTensors({x}, {});
  context_.calibrate = &data;
  EXPECT_THAT(obs::Surgeon::Create(*graph, context_, {}).status().ToString(), HasSubstr("%x is not finite"));
}

}  // namespace
}  // namespace mcuc
