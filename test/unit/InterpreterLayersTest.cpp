// Convolutions, products and pools on floats and plain integers against naive loops, over swept shapes, strides, pads,
// dilations and groups. Each float case runs in f32 (oneDNN) and in f64 (the plain kernels), with constant and with
// computed weights.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "../../lib/Exec/Kernel.h"
#include "ExecTesting.h"

namespace mcuc {
namespace {

double Activated(const Act& act, double v) {
  if (act.kind == ActKind::relu) return v > 0 ? v : 0;
  if (act.kind == ActKind::clip) return v < act.lo ? act.lo : v > act.hi ? act.hi : v;
  return v;
}

struct Planes {  // N x C x H x W
  Shape shape;
  std::vector<double> v;
  double& at(int64_t n, int64_t c, int64_t h, int64_t w) {
    return v[static_cast<size_t>(((n * shape[1] + c) * shape[2] + h) * shape[3] + w)];
  }
};

// Max or mean over the windows of kernel k; `divide_by_padding`: padding counts, what lies beyond it does not.
Planes NaivePool(Planes x, bool max, Pair k, Pair s, Pair d, Pads p, Pair out, bool divide_by_padding) {
  Planes y{{x.shape[0], x.shape[1], out[0], out[1]}, {}};
  y.v.resize(static_cast<size_t>(Elements(y.shape)));
  for (int64_t n = 0; n < y.shape[0]; ++n)
    for (int64_t c = 0; c < y.shape[1]; ++c)
      for (int64_t i = 0; i < out[0]; ++i)
        for (int64_t j = 0; j < out[1]; ++j) {
          double most = -std::numeric_limits<double>::infinity(), sum = 0;
          int inside = 0, with_padding = 0;
          for (int64_t a = 0; a < k[0]; ++a)
            for (int64_t b = 0; b < k[1]; ++b) {
              const int64_t h = i * s[0] + a * d[0] - p[0], w = j * s[1] + b * d[1] - p[1];
              if (h >= x.shape[2] + p[2] || w >= x.shape[3] + p[3]) continue;
              ++with_padding;
              if (h < 0 || w < 0 || h >= x.shape[2] || w >= x.shape[3]) continue;
              ++inside;
              most = std::max(most, x.at(n, c, h, w));
              sum += x.at(n, c, h, w);
            }
          y.at(n, c, i, j) = max ? most : sum / (divide_by_padding ? with_padding : inside);
        }
  return y;
}

Planes NaiveConv(const ConvAttrs& a, Planes x, Planes w, const std::vector<double>& b, Pair out) {
  Planes y{{x.shape[0], w.shape[0], out[0], out[1]}, {}};
  const int64_t per_group = w.shape[0] / a.group;
  for (int64_t n = 0; n < y.shape[0]; ++n)
    for (int64_t m = 0; m < y.shape[1]; ++m)
      for (int64_t i = 0; i < out[0]; ++i)
        for (int64_t j = 0; j < out[1]; ++j) {
          double sum = b.empty() ? 0 : b[static_cast<size_t>(m)];
          for (int64_t c = 0; c < w.shape[1]; ++c)
            for (int64_t kh = 0; kh < w.shape[2]; ++kh)
              for (int64_t kw = 0; kw < w.shape[3]; ++kw) {
                const int64_t h = i * a.strides[0] + kh * a.dilations[0] - a.pads[0];
                const int64_t v = j * a.strides[1] + kw * a.dilations[1] - a.pads[1];
                if (h < 0 || v < 0 || h >= x.shape[2] || v >= x.shape[3]) continue;
                sum += w.at(m, c, kh, kw) * x.at(n, m / per_group * w.shape[1] + c, h, v);
              }
          y.v.push_back(Activated(a.act, sum));
        }
  return y;
}

void ExpectNear(const absl::StatusOr<Tensor>& y, const std::vector<double>& expected, double tolerance) {
  ASSERT_TRUE(y.ok()) << y.status();
  ASSERT_EQ(y->elements(), static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < y->elements(); ++i) {
    ASSERT_NEAR(y->AsDouble(i), expected[static_cast<size_t>(i)], tolerance) << "element " << i;
  }
}

// Runs the node on the same values as f32 and f64, constant and computed, and as a single node. `library`: oneDNN
// serves the f32 one, not the plain kernel in its place.
void ExpectLayer(const Attributes& attrs, const std::vector<Tensor>& operands, const Shape& result,
                 const std::vector<double>& expected, bool library = true) {
  for (ElementType element : {ElementType::f32, ElementType::f64}) {
    const double tolerance = element == ElementType::f32 ? 2e-5 : 1e-10;
    std::vector<Tensor> typed;
    for (const Tensor& t : operands) typed.push_back(ConvertTensor(t, Plain(element, t.shape())));
    for (bool computed : {false, true}) {
      SCOPED_TRACE(std::string(ElementTypeName(element)) + (computed ? " computed" : " constant"));
      const OneNode one(attrs, typed, Plain(element, result), computed);
      const exec::Operands unknown(typed.size(), nullptr);
      const bool has = exec::MakeLibraryKernel(*one.node, computed ? unknown : one.pointers) != nullptr;
      EXPECT_EQ(has, library && element == ElementType::f32);
      ExpectNear(one.Run(), expected, tolerance);
      if (!computed) ExpectNear(one.Evaluate(), expected, tolerance);
    }
  }
}

struct ConvCase {
  Shape x, w;
  ConvAttrs a;
  Pair out;       // of the convolution, by hand
  Pair pool_out;  // of its fused pool
};

class ConvTest : public testing::TestWithParam<ConvCase> {};

TEST_P(ConvTest, EqualsNaiveLoops) {
  const ConvCase& c = GetParam();
  const Tensor x = RandomReals(F32(c.x), 1), w = RandomReals(F32(c.w), 2), b = RandomReals(F32({c.w[0]}), 3);
  for (bool bias : {true, false}) {
    SCOPED_TRACE(bias ? "with bias" : "without bias");
    Planes y = NaiveConv(c.a, {c.x, Doubles(x)}, {c.w, Doubles(w)}, bias ? Doubles(b) : std::vector<double>(), c.out);
    const Pool& p = c.a.pool;
    if (p.kind != PoolKind::none) {
      y = NaivePool(y, p.kind == PoolKind::max, p.kernel, p.strides, {1, 1}, p.pads, c.pool_out, false);
    }
    std::vector<Tensor> operands = {x, w};
    if (bias) operands.push_back(b);
    const bool windows_in_padding = c.a.pads[0] >= c.w[2];
    ExpectLayer(c.a, operands, y.shape, y.v, !windows_in_padding);
  }
}

const Act kRelu{ActKind::relu, 0, 0};
const Act kClip{ActKind::clip, -0.5f, 0.75f};
const Pool kMax2{PoolKind::max, {2, 2}, {2, 2}, {}, false};

INSTANTIATE_TEST_SUITE_P(
    Sweep, ConvTest,
    testing::Values(
        ConvCase{{1, 1, 5, 5}, {1, 1, 3, 3}, {}, {3, 3}, {}},  //
        ConvCase{{2, 3, 7, 6}, {4, 3, 3, 2}, {{2, 1}, {1, 1}, {1, 0, 2, 1}}, {4, 6}, {}},
        ConvCase{{1, 4, 9, 8}, {6, 2, 3, 3}, {{1, 2}, {2, 1}, {2, 1, 0, 1}, 2, kRelu}, {7, 4}, {}},
        ConvCase{{1, 5, 6, 6}, {5, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1, 1, 1}, 5, kClip}, {6, 6}, {}},  // depthwise
        ConvCase{{1, 3, 6, 6}, {6, 1, 3, 3}, {{2, 2}, {1, 1}, {0, 0, 1, 1}, 3}, {3, 3}, {}},  // two outputs a channel
        ConvCase{{1, 16, 4, 4}, {8, 16, 1, 1}, {}, {4, 4}, {}},
        ConvCase{{1, 2, 1, 20}, {3, 2, 1, 5}, {{1, 3}, {1, 2}, {0, 4, 0, 3}}, {1, 7}, {}},  // one-dimensional
        ConvCase{{1, 1, 2, 2}, {1, 1, 2, 2}, {{1, 1}, {1, 1}, {3, 3, 3, 3}}, {7, 7}, {}},   // windows in padding
        ConvCase{{1, 2, 9, 9}, {3, 2, 2, 2}, {{1, 1}, {1, 1}, {}, 1, kRelu, kMax2}, {8, 8}, {4, 4}},
        ConvCase{{1, 2, 8, 8}, {3, 2, 2, 2}, {{1, 1}, {1, 1}, {}, 1, {}, kMax2}, {7, 7}, {3, 3}},  // a row left over
        ConvCase{{1, 2, 8, 8},
                 {3, 2, 2, 2},
                 {{1, 1}, {1, 1}, {}, 1, kClip, {PoolKind::max, {3, 2}, {2, 2}, {1, 0, 1, 1}, true}},
                 {7, 7},
                 {4, 4}},
        ConvCase{{2, 2, 8, 7},
                 {4, 1, 3, 3},
                 {{1, 1}, {1, 1}, {}, 2, kRelu, {PoolKind::avg, {3, 2}, {3, 3}, {}, false}},
                 {6, 5},
                 {2, 2}}));

TEST(Conv, IntegersWrapPlainly) {
  ConvAttrs attrs;
  const Tensor x = Tensor::Of<int64_t>(Plain(ElementType::i32, {1, 1, 1, 3}), {1, -2, 2147483647});
  const Tensor w = Tensor::Of<int64_t>(Plain(ElementType::i32, {1, 1, 1, 2}), {3, 2});
  const auto y = OneNode(attrs, {x, w}, Plain(ElementType::i32, {1, 1, 1, 2})).Run();
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(Integers(*y), (std::vector<int64_t>{-1, -8}));  // -6 + 2 (2^31 - 1) = 2^32 - 8
}

struct TransposeCase {
  Shape x, w;
  ConvTransposeAttrs a;
  Shape y;
};
class ConvTransposeTest : public testing::TestWithParam<TransposeCase> {};

// Gathers, where the kernel scatters: y[o] sums x[i] w[k] over i * stride + k * dilation - pad = o.
TEST_P(ConvTransposeTest, EqualsNaiveLoops) {
  const TransposeCase& c = GetParam();
  const Tensor x = RandomReals(F32(c.x), 4), w = RandomReals(F32(c.w), 5), b = RandomReals(F32({c.y[1]}), 6);
  Planes px{c.x, Doubles(x)}, pw{c.w, Doubles(w)};
  std::vector<double> expected;
  const int64_t in_group = c.x[1] / c.a.group, out_group = c.w[1];
  for (int64_t n = 0; n < c.y[0]; ++n)
    for (int64_t m = 0; m < c.y[1]; ++m)
      for (int64_t oh = 0; oh < c.y[2]; ++oh)
        for (int64_t ow = 0; ow < c.y[3]; ++ow) {
          double sum = b.AsDouble(m);
          for (int64_t ci = m / out_group * in_group; ci < (m / out_group + 1) * in_group; ++ci)
            for (int64_t kh = 0; kh < c.w[2]; ++kh)
              for (int64_t kw = 0; kw < c.w[3]; ++kw) {
                const int64_t h = oh + c.a.pads[0] - kh * c.a.dilations[0],
                              v = ow + c.a.pads[1] - kw * c.a.dilations[1];
                if (h < 0 || v < 0 || h % c.a.strides[0] || v % c.a.strides[1]) continue;
                if (h / c.a.strides[0] >= c.x[2] || v / c.a.strides[1] >= c.x[3]) continue;
                sum += px.at(n, ci, h / c.a.strides[0], v / c.a.strides[1]) * pw.at(ci, m % out_group, kh, kw);
              }
          expected.push_back(Activated(c.a.act, sum));
        }
  ExpectLayer(c.a, {x, w, b}, c.y, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Sweep, ConvTransposeTest,
    testing::Values(
        TransposeCase{{1, 1, 3, 3}, {1, 1, 2, 2}, {}, {1, 1, 4, 4}},
        TransposeCase{{1, 2, 3, 4}, {2, 3, 3, 3}, {{2, 2}, {1, 1}, {1, 1, 1, 1}, {1, 0}}, {1, 3, 6, 7}},
        TransposeCase{{2, 4, 3, 2}, {4, 3, 2, 3}, {{1, 3}, {2, 1}, {0, 1, 1, 0}, {0, 0}, 2, kRelu}, {2, 6, 4, 5}},
        TransposeCase{{1, 3, 1, 5}, {3, 1, 1, 4}, {{1, 2}, {1, 1}, {0, 0, 0, 1}, {0, 1}, 3, kClip}, {1, 3, 1, 12}},
        TransposeCase{{1, 2, 2, 2}, {2, 2, 2, 2}, {{2, 2}, {1, 1}, {}, {1, 1}}, {1, 2, 5, 5}}));

TEST(Fc, SumsRowsTimesRows) {
  for (int64_t rows : {1, 3}) {
    const Tensor x = RandomReals(F32({rows, 2, 7}), 7), w = RandomReals(F32({5, 7}), 8), b = RandomReals(F32({5}), 9);
    for (const Act& act : {Act{}, kRelu, kClip}) {
      std::vector<double> expected, no_bias;
      for (int64_t r = 0; r < rows * 2; ++r)
        for (int64_t m = 0; m < 5; ++m) {
          double sum = 0;
          for (int64_t k = 0; k < 7; ++k) sum += x.AsDouble(r * 7 + k) * w.AsDouble(m * 7 + k);
          no_bias.push_back(Activated(act, sum));
          expected.push_back(Activated(act, sum + b.AsDouble(m)));
        }
      ExpectLayer(FcAttrs{act, {}, {}}, {x, w, b}, {rows, 2, 5}, expected);
      ExpectLayer(FcAttrs{act, {}, {}}, {x, w}, {rows, 2, 5}, no_bias);
    }
  }
}

TEST(MatMul, BroadcastsLeadingDimensions) {
  struct Case {
    Shape a, b, y;
  };
  for (const Case& c : {Case{{2, 3}, {3, 4}, {2, 4}}, Case{{2, 1, 2, 3}, {5, 3, 4}, {2, 5, 2, 4}},
                        Case{{3, 2, 3}, {3, 1}, {3, 2, 1}}, Case{{4, 1, 6}, {4, 6, 2}, {4, 1, 2}}}) {
    SCOPED_TRACE(ShapeText(c.a) + " * " + ShapeText(c.b));
    const Tensor a = RandomReals(F32(c.a), 10), b = RandomReals(F32(c.b), 11);
    const int64_t m = c.y[c.y.size() - 2], n = c.y.back(), k = c.a.back();
    std::vector<double> expected;
    for (int64_t batch = 0; batch < Elements(c.y) / m / n; ++batch) {
      // The matrix of an operand that belongs to this one of the result, dimension by dimension from the right.
      const auto matrix = [&](const Shape& s) {
        int64_t rest = batch, index = 0, step = 1;
        for (size_t back = 3; back <= c.y.size(); ++back) {
          const int64_t at = rest % c.y[c.y.size() - back];
          rest /= c.y[c.y.size() - back];
          if (back > s.size()) continue;
          index += (s[s.size() - back] == 1 ? 0 : at) * step;
          step *= s[s.size() - back];
        }
        return index;
      };
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t l = 0; l < k; ++l) {
            sum += a.AsDouble(matrix(c.a) * m * k + i * k + l) * b.AsDouble(matrix(c.b) * k * n + l * n + j);
          }
          expected.push_back(Activated(kRelu, sum));
        }
    }
    ExpectLayer(MatMulAttrs{kRelu}, {a, b}, c.y, expected);
  }
}

struct PoolCase {
  Shape x;
  Pair kernel, strides, dilations;
  Pads pads;
  bool ceil;
  Pair out;
};
class PoolTest : public testing::TestWithParam<PoolCase> {};

TEST_P(PoolTest, EqualsNaiveLoops) {
  const PoolCase& c = GetParam();
  // Below zero, so that padding taken for a zero would win.
  Tensor x = RandomReals(F32(c.x), 12);
  for (int64_t i = 0; i < x.elements(); ++i) x.Set(i, x.AsDouble(i) - 1.5);
  const Planes planes{c.x, Doubles(x)};
  const Planes max = NaivePool(planes, true, c.kernel, c.strides, c.dilations, c.pads, c.out, false);
  ExpectLayer(MaxPoolAttrs{c.kernel, c.strides, c.dilations, c.pads, c.ceil}, {x}, max.shape, max.v);
  if (c.dilations != Pair{1, 1}) return;
  for (bool include : {false, true}) {
    SCOPED_TRACE(include ? "padding counts" : "padding does not count");
    const Planes avg = NaivePool(planes, false, c.kernel, c.strides, {1, 1}, c.pads, c.out, include);
    ExpectLayer(AvgPoolAttrs{c.kernel, c.strides, c.pads, c.ceil, include, {}, {}}, {x}, avg.shape, avg.v,
                !(include && c.ceil));  // oneDNN would count what lies beyond the padding
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sweep, PoolTest,
    testing::Values(PoolCase{{1, 1, 4, 4}, {2, 2}, {2, 2}, {1, 1}, {}, false, {2, 2}},
                    PoolCase{{2, 3, 7, 5}, {3, 2}, {2, 1}, {1, 1}, {1, 0, 0, 1}, false, {3, 5}},
                    PoolCase{{1, 2, 6, 6}, {3, 3}, {2, 2}, {1, 1}, {}, true, {3, 3}},            // a window hangs over
                    PoolCase{{1, 2, 6, 7}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, true, {4, 4}},  // beyond the padding
                    PoolCase{{1, 2, 5, 5}, {2, 2}, {1, 1}, {1, 1}, {1, 1, 1, 1}, false, {6, 6}},
                    PoolCase{{1, 1, 9, 9}, {3, 2}, {2, 1}, {2, 3}, {1, 1, 0, 2}, false, {3, 9}},
                    PoolCase{{1, 1, 9, 9}, {3, 2}, {2, 3}, {3, 2}, {2, 0, 1, 0}, true, {4, 3}},
                    PoolCase{{1, 4, 5, 3}, {5, 3}, {1, 1}, {1, 1}, {}, false, {1, 1}},
                    PoolCase{{1, 1, 1, 10}, {1, 4}, {1, 3}, {1, 1}, {0, 2, 0, 1}, false, {1, 4}}));

// Windows wholly in padding: only the mean that counts padding has them, and it is 0. oneDNN refuses them.
TEST(AvgPool, WindowsInPadding) {
  const Tensor x = Tensor::Of<double>(F32({1, 1, 1, 2}), {4, 8});
  const AvgPoolAttrs attrs{{1, 2}, {1, 1}, {0, 2, 0, 2}, false, true, {}, {}};
  ExpectLayer(attrs, {x}, {1, 1, 1, 5}, {0, 2, 6, 4, 0}, false);
}

TEST(MaxPool, KeepsIntegersAndInfinities) {
  const Tensor x = Tensor::Of<int64_t>(Q8({1, 1, 2, 2}, 0.5f, 3), {-128, -7, -100, -90});
  const MaxPoolAttrs attrs{{2, 2}, {1, 1}, {1, 1}, {1, 1, 0, 0}, false};
  const auto y = OneNode(attrs, {x}, Q8({1, 1, 2, 2}, 0.5f, 3)).Run();
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(Integers(*y), (std::vector<int64_t>{-128, -7, -100, -7}));
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor low = Tensor::Of<double>(Plain(ElementType::f64, {1, 1, 1, 2}), {-inf, -inf});
  const auto z =
      OneNode(MaxPoolAttrs{{1, 2}, {1, 1}, {1, 1}, {}, false}, {low}, Plain(ElementType::f64, {1, 1, 1, 1})).Run();
  ASSERT_TRUE(z.ok());
  EXPECT_EQ(z->AsDouble(0), -inf);
}

}  // namespace
}  // namespace mcuc
