// recurrent: values by hand, what does not fit, and emitted C against the interpreter for every cell, with and without
// each operand, and for every encoding of the weights.
#include <gmock/gmock.h>

#include "EmitCheck.h"
#include "ExecTesting.h"
#include "mcuc/IR/Recurrent.h"

namespace mcuc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Reals(Shape shape, const std::vector<double>& values) {
  Tensor tensor(F32(std::move(shape)));
  for (size_t i = 0; i < values.size(); ++i) tensor.Set(static_cast<int64_t>(i), values[i]);
  return tensor;
}

std::vector<double> ResultOf(const RecurrentAttrs& attrs, const std::vector<Tensor>& operands, Shape shape) {
  const OneNode node(attrs, operands, F32(std::move(shape)));
  const absl::Status status = VerifyGraph(node.graph);
  EXPECT_TRUE(status.ok()) << status;
  const auto interpreter = Interpreter::Create(node.graph);
  const auto results = (*interpreter)->Run(node.inputs);
  EXPECT_TRUE(results.ok()) << results.status();
  return Doubles(results->at(0));
}

// Functions that leave numbers alone, or nearly, so that states can be followed by hand.
RecurrentAttrs Linear(CellKind cell) {
  RecurrentAttrs attrs;
  attrs.cell = cell;
  attrs.f = attrs.g = attrs.h = UnaryFn::relu;
  return attrs;
}

TEST(Recurrent, RnnAddsTheWeightedState) {
  RecurrentAttrs attrs = Linear(CellKind::rnn);
  attrs.bias = attrs.state = true;
  const Tensor x = Reals({3, 1, 1}, {1, 2, 3}), w = Reals({1, 1}, {2}), r = Reals({1, 1}, {0.5});
  const Tensor bias = Reals({1}, {1}), state = Reals({1, 1, 1}, {4});
  // 2x + 1 + h/2: 5, 7.5, 10.75; from the end 9, 9.5, 7.75
  EXPECT_THAT(ResultOf(attrs, {x, w, r, bias, state}, {4, 1, 1}), ElementsAre(5, 7.5, 10.75, 10.75));
  attrs.reverse = true;
  EXPECT_THAT(ResultOf(attrs, {x, w, r, bias, state}, {4, 1, 1}), ElementsAre(7.75, 9.5, 9, 7.75));
  attrs.all = false;
  EXPECT_THAT(ResultOf(attrs, {x, w, r, bias, state}, {1, 1, 1}), ElementsAre(7.75));
  attrs.all = true, attrs.last = false, attrs.clip = 7;
  EXPECT_THAT(ResultOf(attrs, {x, w, r, bias, state}, {3, 1, 1}), ElementsAre(6.5, 7, 7));
}

TEST(Recurrent, StepsBeyondASequenceKeepItsState) {
  RecurrentAttrs attrs = Linear(CellKind::rnn);
  attrs.lengths = true;
  Tensor lengths(Plain(ElementType::i32, {2}));
  lengths.SetInt(0, 1), lengths.SetInt(1, 2);
  const Tensor x = Reals({2, 2, 1}, {1, 2, 3, 4}), w = Reals({1, 1}, {1}), r = Reals({1, 1}, {10});
  EXPECT_THAT(ResultOf(attrs, {x, w, r, lengths}, {3, 2, 1}), ElementsAre(1, 2, 0, 24, 1, 24));
  attrs.reverse = true;  // from a sequence's own end
  EXPECT_THAT(ResultOf(attrs, {x, w, r, lengths}, {3, 2, 1}), ElementsAre(1, 42, 0, 4, 1, 42));
}

TEST(Recurrent, GruBlendsStateAndCandidate) {
  // z = 0.5 x, r = 0.25 x, with h = 8 and x = 1: before the product r h = 2, and 3 * 2 + 1 = 7; behind it
  // 0.25 * (24 + 2) + 1 = 7.5, with the bias 2 of the product that is reset. h' = h/2 + candidate/2.
  const Tensor x = Reals({1, 1, 1}, {1}), w = Reals({3, 1}, {0.5, 0.25, 1}), state = Reals({1, 1, 1}, {8});
  RecurrentAttrs attrs = Linear(CellKind::gru);
  attrs.state = true, attrs.all = false;
  EXPECT_THAT(ResultOf(attrs, {x, w, Reals({2, 1}, {0, 0}), Reals({1, 1}, {3}), state}, {1, 1, 1}), ElementsAre(7.5));
  attrs.cell = CellKind::gru_after;
  attrs.bias = true;
  EXPECT_THAT(ResultOf(attrs, {x, w, Reals({3, 1}, {0, 0, 3}), Reals({4}, {0, 0, 0, 2}), state}, {1, 1, 1}),
              ElementsAre(7.75));
}

TEST(Recurrent, LstmForgetsAndAdds) {
  // i = 1, o = 2, f = 0.5, c = 3 times x; from a cell of 10: 5 + 3 = 8, state 16.
  const Tensor x = Reals({1, 1, 1}, {1}), w = Reals({4, 1}, {1, 2, 0.5, 3}), r = Reals({4, 1}, {0, 0, 0, 0});
  const Tensor state = Reals({2, 1, 1}, {0, 10});
  RecurrentAttrs attrs = Linear(CellKind::lstm);
  attrs.state = true;
  EXPECT_THAT(ResultOf(attrs, {x, w, r, state}, {3, 1, 1}), ElementsAre(16, 16, 8));
  // Peepholes of i and f see 10, that of o sees the new cell: i = 2, f = 2.5, cell 31; o = 2 + 31 / 2.
  attrs.peepholes = true;
  EXPECT_THAT(ResultOf(attrs, {x, w, r, Reals({3}, {0.1, 0.5, 0.2}), state}, {3, 1, 1}),
              ElementsAre(17.5 * 31, 17.5 * 31, 31));
  attrs.peepholes = false, attrs.cell = CellKind::lstm_coupled;  // f = 1 - i = 0
  EXPECT_THAT(ResultOf(attrs, {x, w, r, state}, {3, 1, 1}), ElementsAre(6, 6, 3));
}

TEST(Recurrent, WhatDoesNotFitIsRefused) {
  const auto error = [](RecurrentAttrs attrs, std::vector<Tensor> operands) {
    return std::string(VerifyGraph(OneNode(attrs, std::move(operands), F32({3, 1, 1})).graph).message());
  };
  const Tensor x = Reals({2, 1, 1}, {1, 2}), w = Reals({1, 1}, {1});
  RecurrentAttrs attrs = Linear(CellKind::rnn);
  EXPECT_THAT(error(attrs, {x, w}), HasSubstr("has 2 operands; its attributes ask for 3"));
  EXPECT_THAT(error(attrs, {x, Reals({2, 1}, {1, 1}), w}), HasSubstr("operand 1 [2x1] must be [1x1]"));
  attrs.peepholes = true;
  EXPECT_THAT(error(attrs, {x, w, w, Reals({3}, {1, 1, 1})}), HasSubstr("rnn has no peepholes"));
  attrs.peepholes = false, attrs.all = attrs.last = false;
  EXPECT_THAT(error(attrs, {x, w, w}), HasSubstr("neither all nor last"));
}

// --- Emitted C.

class RecurrentBench : public Bench {
 public:
  using Bench::Bench;

  // Weights, int8 of a scale a row or float, with zeros.
  Value* Weights(int64_t rows, int64_t columns, ElementType element, Encoding encoding) {
    Type type{element, {rows, columns}};
    if (element == ElementType::i8) {
      std::vector<float> scales;
      for (int64_t m = 0; m < rows; ++m) scales.push_back(0.05F + 0.01F * static_cast<float>(m % 5));
      type.quant = Quantization{scales, std::vector<int32_t>(static_cast<size_t>(rows), 0), 0};
    }
    Tensor w(type);
    for (int64_t i = 0; i < w.elements(); ++i) {
      const auto number = static_cast<int64_t>(random()() % 12);
      if (number < 6) w.Set(i, static_cast<double>(number - 3) * (element == ElementType::i8 ? 2 : 0.25));
    }
    const auto encoded = Encode(w, encoding);
    return Constant(encoded.ok() ? *encoded : w);
  }

  void AddLayer(RecurrentAttrs attrs, Shape x, int64_t hidden, ElementType element, Encoding encoding) {
    const int64_t gates = GatesOf(attrs.cell), batch = x[1], inputs = x[2];
    attrs.peepholes &= HasCellState(attrs.cell);
    const bool split = attrs.cell == CellKind::gru;
    std::vector<Value*> operands = {Float(std::move(x)), Weights(gates * hidden, inputs, element, encoding),
                                    Weights((split ? 2 : gates) * hidden, hidden, element, encoding)};
    if (split) operands.push_back(Weights(hidden, hidden, element, encoding));
    if (attrs.bias) operands.push_back(FloatConstant({(attrs.cell == CellKind::gru_after ? 4 : gates) * hidden}));
    if (attrs.peepholes) operands.push_back(FloatConstant({3 * hidden}));
    if (attrs.state) operands.push_back(Float({HasCellState(attrs.cell) ? 2 : 1, batch, hidden}));
    if (attrs.lengths) {
      Tensor lengths(Plain(ElementType::i32, {batch}));
      for (int64_t b = 0; b < batch; ++b) lengths.SetInt(b, b);
      operands.push_back(Constant(lengths));
    }
    Add(attrs, operands);
  }
};

constexpr CellKind kCells[] = {CellKind::rnn, CellKind::gru, CellKind::gru_after, CellKind::lstm,
                               CellKind::lstm_coupled};

TEST(RecurrentKernels, EveryCell) {
  RecurrentBench bench;
  for (const CellKind cell : kCells) {
    RecurrentAttrs attrs;
    attrs.cell = cell;
    bench.AddLayer(attrs, {4, 1, 3}, 5, ElementType::f32, Encoding::kDense);
    attrs.bias = attrs.peepholes = attrs.state = true;
    attrs.last = false;
    bench.AddLayer(attrs, {3, 1, 2}, 4, ElementType::f32, Encoding::kDense);
    bench.AddLayer(attrs, {3, 2, 2}, 4, ElementType::i8, Encoding::kDense);
    attrs.lengths = attrs.reverse = attrs.last = true;
    attrs.clip = 0.5;
    attrs.f = UnaryFn::hard_sigmoid, attrs.g = UnaryFn::leaky_relu;
    attrs.alpha = {0.2F, 0.1F, 0}, attrs.beta = {0.5F, 0, 0};
    bench.AddLayer(attrs, {4, 3, 2}, 3, ElementType::f32, Encoding::kDense);
    attrs.all = false;
    bench.AddLayer(attrs, {4, 3, 2}, 3, ElementType::i8, Encoding::kDense);
  }
  bench.Check();
}

TEST(RecurrentKernels, EveryEncoding) {
  for (const CellKind cell : {CellKind::gru, CellKind::gru_after, CellKind::lstm}) {
    RecurrentBench bench;
    for (const Encoding encoding : AllEncodings()) {
      for (const ElementType element : {ElementType::f32, ElementType::i8}) {
        RecurrentAttrs attrs;
        attrs.cell = cell, attrs.bias = true, attrs.all = false;
        bench.AddLayer(attrs, {3, 1, 4}, 4, element, encoding);
      }
    }
    bench.Check();
  }
}

}  // namespace
}  // namespace mcuc
