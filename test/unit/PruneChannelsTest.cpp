// prune-channels on random networks: the outputs stay the same, bit for bit in integers; everything that can go goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "../../lib/Passes/PruneChannels.h"
#include "ExecTesting.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {
namespace {

// Builds networks of layers in which whole filters and whole columns are often zero, and biases often cut relu off.
class Random {
 public:
  Random(unsigned seed, bool integer) : random_(seed), integer_(integer) {}

  int64_t Pick(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random_() % static_cast<uint32_t>(hi - lo + 1));
  }
  unsigned Seed() { return static_cast<unsigned>(Pick(0, 1000000)); }
  Type Activation(Shape shape) {
    if (!integer_) return F32(std::move(shape));
    return Q8(std::move(shape), 0.05f, static_cast<int32_t>(Pick(-20, 20)));
  }

  Value* Layer(Value* x, Attributes attrs, Shape w_shape, Shape y_shape, int64_t outputs, int64_t column) {
    Type type = integer_ ? Q8(w_shape, 0.01f, 0) : F32(w_shape);
    const bool per_channel = integer_ && Pick(0, 1);
    if (per_channel) {
      type.quant->axis = 0;
      type.quant->scales.assign(static_cast<size_t>(outputs), 0.01f);
      for (float& scale : type.quant->scales) scale = static_cast<float>(Pick(1, 20)) / 1000.0f;
    }
    Tensor w = integer_ ? RandomInts(type, Seed()) : RandomReals(type, Seed());
    const int64_t length = w.elements() / outputs;
    for (int64_t m = 0; m < outputs; ++m) {
      if (Pick(0, 3) == 0) {
        for (int64_t k = 0; k < length; ++k) w.SetInt(m * length + k, 0);
      }
    }
    for (int64_t c = 0; c < length / column; ++c) {
      if (Pick(0, 3) != 0) continue;
      for (int64_t i = 0; i < w.elements(); ++i) {
        if (i % length / column == c) w.SetInt(i, 0);
      }
    }
    std::vector<Value*> operands = {x, graph->AddConstant("w", w)};
    if (Pick(0, 4) > 0) {
      Tensor b(integer_ ? Plain(ElementType::i32, {outputs}) : F32({outputs}));
      for (int64_t m = 0; m < outputs; ++m) {
        const int64_t kind = Pick(0, 5);  // now and then what relu or the range of int8 always cuts off, or zero
        if (integer_) b.SetInt(m, kind == 0 ? -20000000 : kind == 1 ? 0 : Pick(-5000, 5000));
        if (!integer_) b.Set(m, kind == 0 ? -1000.0 : kind == 1 ? 0.0 : static_cast<double>(Pick(-100, 100)) / 64);
      }
      operands.push_back(graph->AddConstant("b", b));
    }
    const auto multipliers = [&](Multipliers& mul, Multipliers& shift) {
      if (!integer_) return;
      for (int64_t m = 0; m < (per_channel ? outputs : 1); ++m) {
        mul.push_back(static_cast<int32_t>(Pick(1 << 30, (1 << 30) + 1000000000)));
        shift.push_back(static_cast<int32_t>(Pick(-9, -6)));
      }
    };
    if (auto* conv = std::get_if<ConvAttrs>(&attrs)) multipliers(conv->mul, conv->shift);
    if (auto* fc = std::get_if<FcAttrs>(&attrs)) multipliers(fc->mul, fc->shift);
    return graph->AddNode(attrs, operands, "v", Activation(std::move(y_shape)))->result();
  }

  Value* Conv(Value* x, int64_t outputs, int64_t group, const Type* like = nullptr) {
    const Shape s = x->type().shape;
    ConvAttrs attrs;
    attrs.group = group;
    const int64_t kernel = Pick(1, std::min<int64_t>({3, s[2], s[3]}));
    if (Pick(0, 1)) attrs.pads = {Pick(0, 1), Pick(0, 1), Pick(0, 1), Pick(0, 1)};
    if (like) attrs.pads = {kernel / 2, kernel / 2, (kernel - 1) / 2, (kernel - 1) / 2};
    if (Pick(0, 2)) attrs.act = Act{ActKind::relu, 0, 0};
    if (!Pick(0, 4)) attrs.act = Act{ActKind::clip, 0, 0.5};
    int64_t h = s[2] + attrs.pads[0] + attrs.pads[2] - kernel + 1,
            w = s[3] + attrs.pads[1] + attrs.pads[3] - kernel + 1;
    const int64_t pool = like ? 0 : Pick(0, 4);
    if (pool < 2 && !like && h > 2 && w > 2 && (pool == 0 || attrs.act.kind != ActKind::clip)) {
      attrs.pool.kind = pool == 0 ? PoolKind::max : PoolKind::avg;
      attrs.pool.kernel = {2, 2};
      --h, --w;
    }
    Value* y =
        Layer(x, attrs, {outputs, s[1] / group, kernel, kernel}, {s[0], outputs, h, w}, outputs, kernel * kernel);
    if (like) y->set_type(*like);
    return y;
  }

  void Make() {
    graph = std::make_unique<Graph>("random");
    Value* x = graph->AddInput("x", Activation({Pick(1, 2), Pick(1, 3), 7, 6}));
    x = Conv(x, Pick(2, 6), 1);
    const int64_t blocks = Pick(1, 4);
    for (int64_t i = 0; i < blocks; ++i) {
      const Shape s = x->type().shape;
      switch (Pick(0, 7)) {
        case 0:
        case 1:
          x = Conv(x, s[1] * Pick(1, 2), s[1]);  // depthwise
          break;
        case 2:
          if (s[1] % 2 == 0) x = Conv(x, 4, 2);
          break;
        case 3: {  // two branches added; their scale is the same
          Value *a = Conv(x, 4, 1, nullptr), *b = nullptr;
          for (int tries = 0; tries < 50 && (!b || b->type().shape != a->type().shape); ++tries) b = Conv(x, 4, 1);
          if (b->type().shape != a->type().shape) break;
          BinaryAttrs add;
          if (integer_) add.mul = {1 << 19, 1 << 19}, add.shift = {20};
          x = graph->AddNode(add, {a, b}, "v", Activation(a->type().shape))->result();
          break;
        }
        case 4: {  // concatenated with what it is made of
          const Type type = x->type();
          Type like = type;
          like.shape[1] = 3;
          Value* y = Conv(x, 3, 1, &like);
          like.shape[1] = type.shape[1] + 3;
          ConcatAttrs concat;
          concat.axis = 1;
          x = graph->AddNode(concat, {x, y}, "v", like)->result();
          break;
        }
        case 5: {
          if (s[2] < 2 || s[3] < 2) break;
          MaxPoolAttrs pool;
          pool.kernel = {2, 2};
          pool.pads = {Pick(0, 1), 0, 0, 1};
          x = graph->AddNode(pool, {x}, "v", WithShape(x->type(), {s[0], s[1], s[2] - 1 + pool.pads[0], s[3]}))
                  ->result();
          break;
        }
        case 6: {
          PadAttrs pad;
          pad.before = {0, 0, 1, 0};
          pad.after = {0, 0, 0, 2};
          x = graph->AddNode(pad, {x}, "v", WithShape(x->type(), {s[0], s[1], s[2] + 1, s[3] + 2}))->result();
          break;
        }
        case 7: {  // there and back, and elementwise
          TransposeAttrs to, back;
          to.perm = {0, 2, 3, 1};
          back.perm = {0, 3, 1, 2};
          x = graph->AddNode(to, {x}, "v", WithShape(x->type(), {s[0], s[2], s[3], s[1]}))->result();
          x = graph->AddNode(UnaryAttrs{}, {x}, "v", x->type())->result();
          x = graph->AddNode(back, {x}, "v", WithShape(x->type(), s))->result();
          break;
        }
      }
    }
    const Shape s = x->type().shape;
    const int64_t k = s[1] * s[2] * s[3], hidden = Pick(2, 6);
    x = graph->AddNode(ReshapeAttrs{}, {x}, "v", WithShape(x->type(), {s[0], k}))->result();
    FcAttrs relu;
    relu.act = Act{ActKind::relu, 0, 0};
    x = Layer(x, relu, {hidden, k}, {s[0], hidden}, hidden, s[2] * s[3]);
    graph->AddOutput(Layer(x, FcAttrs{}, {3, hidden}, {s[0], 3}, 3, 1));
  }

  std::unique_ptr<Graph> graph;

 private:
  std::mt19937 random_;
  bool integer_;
};

bool Prune(Graph& graph) {
  const auto pass = FindPass("prune-channels")->create();
  const Target target = Target::ByName("generic").value();
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &target;
  const std::string before = PrintGraph(graph);
  const auto changed = pass->Run(graph, context);
  EXPECT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(*changed, before != PrintGraph(graph));
  EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph) << before << PrintGraph(graph);
  return *changed;
}

std::vector<Tensor> Outputs(const Graph& graph, unsigned seed) {
  const Type& type = graph.inputs()[0]->type();
  const Tensor x = type.is_float() ? RandomReals(type, seed) : RandomInts(type, seed, -128, 127);
  auto interpreter = Interpreter::Create(graph);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status();
  auto outputs = (*interpreter)->Run({x});
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return *outputs;
}

int64_t WeightElements(const Graph& graph) {
  int64_t n = 0;
  for (const Value* w : WeightsOf(graph)) n += w->tensor().elements();
  return n;
}

TEST(PruneChannels, RandomNetworksStayTheSame) {
  for (bool integer : {true, false}) {
    int64_t before = 0, after = 0, nets = 0;
    for (unsigned seed = 1; seed <= 150; ++seed) {
      Random random(seed, integer);
      random.Make();
      Graph& graph = *random.graph;
      if (!VerifyGraph(graph).ok()) continue;  // an accumulator beyond its limit
      const auto original = graph.Clone();
      const std::string text = PrintGraph(graph);
      before += WeightElements(graph);
      Prune(graph);
      after += WeightElements(graph);
      ++nets;
      for (unsigned sample = 0; sample < 3; ++sample) {
        const auto y = Outputs(*original, sample), z = Outputs(graph, sample);
        if (integer) {
          ASSERT_EQ(y, z) << "seed " << seed << "\n" << text << PrintGraph(graph);
        } else {
          for (int64_t i = 0; i < y[0].elements(); ++i) {
            ASSERT_NEAR(y[0].AsDouble(i), z[0].AsDouble(i), 1e-4 * (1 + std::fabs(y[0].AsDouble(i))))
                << "seed " << seed << "\n"
                << text << PrintGraph(graph);
          }
        }
      }
      const std::string once = PrintGraph(graph);
      EXPECT_FALSE(Prune(graph)) << once << PrintGraph(graph);  // a fixed point
    }
    EXPECT_GT(nets, 100) << integer;
    EXPECT_LT(after, before * 6 / 10) << integer;
  }
}

TEST(PruneChannels, SlicesOfTheAxisAlongWhichMostGo) {
  using testing::ElementsAre;
  // 2 x 3: column 1 goes; row 0 alone would be 3 elements, but one of them stays.
  const channels::Slices columns = channels::SlicesOf({2, 3}, {1, 0, 1, 0, 0, 1});
  EXPECT_EQ(columns.axis, 1);
  EXPECT_THAT(columns.kept, ElementsAre(0, 2));
  const channels::Slices rows = channels::SlicesOf({2, 3}, {1, 1, 1, 0, 0, 0});
  EXPECT_EQ(rows.axis, 0);
  EXPECT_THAT(rows.kept, ElementsAre(0));
  EXPECT_EQ(channels::SlicesOf({2, 2}, {1, 0, 0, 1}).axis, -1);
}

TEST(PruneChannels, BoundsOfAnIntegerLayer) {
  Diagnostics diagnostics;
  // Factor 2^30 * 2^-31 = 1/2. Channel 0: 3 + 2 * [-128, 127] - 1 * [-128, 127] = [-380, 385], halved and rounded half
  // up -190 and 193 (192.5), plus the zero point 1 and clamped. Channel 1 is 5 / 2 = 3 (2.5) + 1; 2 is -9 / 2 = -4 + 1.
  const auto graph = ParseGraph(R"(graph @g(%x: i8<0.5:7>[2]) -> (%y: i8<1:1>[3]) {
  const @w: i8<1:0>[3x2] = {2, -1, 0, 0, 0, 0}
  const @b: i32[3] = {3, 5, -9}
  %y: i8<1:1>[3] = fc %x, @w, @b {mul = 1073741824, shift = 0}
})",
                                "t.mcu", diagnostics);
  ASSERT_TRUE(graph) << diagnostics.ToStatus();
  const auto bounds = channels::BoundsOf(*graph);
  const channels::Bounds& y = bounds.at(graph->outputs()[0]);
  EXPECT_THAT(Integers(y.lo), testing::ElementsAre(-128, 4, -3));
  EXPECT_THAT(Integers(y.hi), testing::ElementsAre(127, 4, -3));
}

}  // namespace
}  // namespace mcuc
