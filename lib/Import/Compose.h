// Writes an operator as operations of the graph, one expression after another: after the first failure nothing more is
// added, and Return gives the failure.
//
//   Compose c(l);
//   Symbol* mean = c.Reduce(ReduceFn::mean, x, axes);
//   Symbol* difference = c.Sub(x, mean);
//   return c.Return(c.Div(difference, c.Unary(UnaryFn::sqrt, c.Add(variance, c.Scalar(epsilon, x)))));
#ifndef MCUC_LIB_IMPORT_COMPOSE_H
#define MCUC_LIB_IMPORT_COMPOSE_H

#include <utility>
#include <vector>

#include "Lowering.h"

namespace mcuc::importer {

class Compose {
 public:
  explicit Compose(Lowering& l) : l_(l) {}

  // Null after a failure; operations on null are null.
  Symbol* Take(absl::StatusOr<Symbol*> symbol);
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  Symbol* Unary(UnaryFn fn, Symbol* x, float alpha = 0, float beta = 0);
  Symbol* Binary(BinaryFn fn, Symbol* a, Symbol* b);
  Symbol* Add(Symbol* a, Symbol* b) { return Binary(BinaryFn::add, a, b); }
  Symbol* Sub(Symbol* a, Symbol* b) { return Binary(BinaryFn::sub, a, b); }
  Symbol* Mul(Symbol* a, Symbol* b) { return Binary(BinaryFn::mul, a, b); }
  Symbol* Div(Symbol* a, Symbol* b) { return Binary(BinaryFn::div, a, b); }
  Symbol* Compare(CompareFn fn, Symbol* a, Symbol* b);
  Symbol* Select(Symbol* c, Symbol* a, Symbol* b);
  Symbol* Reduce(ReduceFn fn, Symbol* x, Ints axes, bool keepdims = true);
  Symbol* ArgMax(Symbol* x, int64_t axis, bool keepdims = false);
  Symbol* Softmax(Symbol* x, int64_t axis);
  Symbol* MatMul(Symbol* a, Symbol* b);
  // x times constant weights [outputs x inputs], row-major.
  Symbol* Linear(Symbol* x, Tensor weights);

  Symbol* Reshape(Symbol* x, Shape shape);
  Symbol* Transpose(Symbol* x, Ints perm);
  Symbol* Cast(Symbol* x, ElementType element);
  Symbol* Expand(Symbol* x, const Shape& shape);
  Symbol* Slice(Symbol* x, Ints starts, Shape shape);
  // Elements [start, start + count) along an axis.
  Symbol* Part(Symbol* x, int64_t axis, int64_t start, int64_t count);
  Symbol* Concat(const std::vector<Symbol*>& xs, int64_t axis);
  Symbol* Gather(Symbol* x, Symbol* indices, int64_t axis);
  // Constant indices along an axis.
  Symbol* Pick(Symbol* x, const Ints& indices, int64_t axis);
  Symbol* Pad(Symbol* x, Ints before, Ints after, double value);
  // Integers less than 0 count from n: they get n more.
  Symbol* Wrapped(Symbol* indices, int64_t n);

  // Of the element type of `like`.
  Symbol* Scalar(double value, const Symbol* like);
  Symbol* Integers(const Ints& values, Shape shape, ElementType element = ElementType::i64);
  Symbol* Floats(const std::vector<double>& values, Shape shape, ElementType element = ElementType::f32);

  absl::Status Return(Symbol* symbol, size_t i = 0);

 private:
  Lowering& l_;
  absl::Status status_;
};

// All axes from `first` to the last of a rank.
Ints AxesFrom(int64_t first, int64_t rank);
// The permutation that moves an axis to the end (the others keep their order), and the one that undoes it.
Ints AxisLast(int64_t axis, int64_t rank);
Ints Inverse(const Ints& perm);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_COMPOSE_H
