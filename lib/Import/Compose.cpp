// Each operation by way of Lowering, unless something has failed before.
#include "Compose.h"

#include <algorithm>
#include <numeric>

namespace mcuc::importer {

Symbol* Compose::Take(absl::StatusOr<Symbol*> symbol) {
  if (!status_.ok()) return nullptr;
  if (symbol.ok()) return *symbol;
  status_ = symbol.status();
  return nullptr;
}

Symbol* Compose::Unary(UnaryFn fn, Symbol* x, float alpha, float beta) {
  if (!x || !ok()) return nullptr;
  return Take(l_.Add(UnaryAttrs{fn, alpha, beta}, {x}));
}

Symbol* Compose::Binary(BinaryFn fn, Symbol* a, Symbol* b) {
  if (!a || !b || !ok()) return nullptr;
  return Take(l_.Add(BinaryAttrs{.fn = fn, .act = {}, .mul = {}, .shift = {}}, {a, b}));
}

Symbol* Compose::Compare(CompareFn fn, Symbol* a, Symbol* b) {
  if (!a || !b || !ok()) return nullptr;
  return Take(l_.AddTyped(CompareAttrs{fn}, {a, b}, Type{ElementType::b8, {}}));
}

Symbol* Compose::Select(Symbol* c, Symbol* a, Symbol* b) {
  if (!c || !a || !b || !ok()) return nullptr;
  return Take(l_.AddTyped(SelectAttrs{}, {c, a, b}, a->type));
}

Symbol* Compose::Reduce(ReduceFn fn, Symbol* x, Ints axes, bool keepdims) {
  if (!x || !ok()) return nullptr;
  if (axes.empty()) return x;
  ReduceAttrs attrs;
  attrs.fn = fn;
  attrs.axes = std::move(axes);
  attrs.keepdims = keepdims;
  return Take(l_.Add(attrs, {x}));
}

Symbol* Compose::ArgMax(Symbol* x, int64_t axis, bool keepdims) {
  if (!x || !ok()) return nullptr;
  ArgReduceAttrs attrs;
  attrs.axis = axis;
  attrs.keepdims = keepdims;
  return Take(l_.AddTyped(attrs, {x}, Type{ElementType::i64, {}}));
}

Symbol* Compose::Softmax(Symbol* x, int64_t axis) {
  if (!x || !ok()) return nullptr;
  SoftmaxAttrs attrs;
  attrs.axis = axis;
  return Take(l_.Add(attrs, {x}));
}

Symbol* Compose::MatMul(Symbol* a, Symbol* b) {
  if (!a || !b || !ok()) return nullptr;
  return Take(l_.Add(MatMulAttrs{}, {a, b}));
}

Symbol* Compose::Linear(Symbol* x, Tensor weights) {
  if (!x || !ok()) return nullptr;
  return Take(l_.Add(FcAttrs{}, {x, l_.Constant(std::move(weights))}));
}

Symbol* Compose::Reshape(Symbol* x, Shape shape) { return x && ok() ? Take(l_.Reshape(x, std::move(shape))) : nullptr; }

Symbol* Compose::Transpose(Symbol* x, Ints perm) {
  return x && ok() ? Take(l_.Transpose(x, std::move(perm))) : nullptr;
}

Symbol* Compose::Cast(Symbol* x, ElementType element) { return x && ok() ? Take(l_.Cast(x, element)) : nullptr; }

Symbol* Compose::Expand(Symbol* x, const Shape& shape) {
  if (!x || !ok()) return nullptr;
  if (x->shape() == shape) return x;
  return Take(l_.AddShaped(ExpandAttrs{}, {x}, shape));
}

Symbol* Compose::Slice(Symbol* x, Ints starts, Shape shape) {
  if (!x || !ok()) return nullptr;
  if (x->shape() == shape) return x;
  SliceAttrs attrs;
  attrs.starts = std::move(starts);
  return Take(l_.AddShaped(attrs, {x}, std::move(shape)));
}

Symbol* Compose::Part(Symbol* x, int64_t axis, int64_t start, int64_t count) {
  if (!x || !ok()) return nullptr;
  Shape shape = x->shape();
  shape[static_cast<size_t>(axis)] = count;
  Ints starts(shape.size(), 0);
  starts[static_cast<size_t>(axis)] = start;
  return Slice(x, std::move(starts), std::move(shape));
}

Symbol* Compose::Concat(const std::vector<Symbol*>& xs, int64_t axis) {
  if (!ok() || std::count(xs.begin(), xs.end(), nullptr) > 0) return nullptr;
  if (xs.size() == 1) return xs[0];
  ConcatAttrs attrs;
  attrs.axis = axis;
  return Take(l_.Add(attrs, xs));
}

Symbol* Compose::Gather(Symbol* x, Symbol* indices, int64_t axis) {
  if (!x || !indices || !ok()) return nullptr;
  return Take(l_.Add(GatherAttrs{axis}, {x, indices}));
}

Symbol* Compose::Pick(Symbol* x, const Ints& indices, int64_t axis) {
  return Gather(x, Integers(indices, {static_cast<int64_t>(indices.size())}), axis);
}

Symbol* Compose::Pad(Symbol* x, Ints before, Ints after, double value) {
  if (!x || !ok()) return nullptr;
  PadAttrs attrs;
  attrs.before = std::move(before);
  attrs.after = std::move(after);
  attrs.value = value;
  const auto none = [](const Ints& pads) {
    return std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
  };
  if (none(attrs.before) && none(attrs.after)) return x;
  return Take(l_.Add(attrs, {x}));
}

Symbol* Compose::Wrapped(Symbol* indices, int64_t n) {
  if (!indices || !ok()) return nullptr;
  Symbol* negative = Compare(CompareFn::less, indices, Scalar(0, indices));
  return Select(negative, Add(indices, Scalar(static_cast<double>(n), indices)), indices);
}

Symbol* Compose::Scalar(double value, const Symbol* like) {
  return like && ok() ? l_.Scalar(value, like->type.element) : nullptr;
}

Symbol* Compose::Integers(const Ints& values, Shape shape, ElementType element) {
  const Type type{element, std::move(shape)};
  if (absl::Status s = l_.Reserve(type); !s.ok()) Fail(s);
  return ok() ? l_.Constant(Tensor::Of(type, values)) : nullptr;
}

Symbol* Compose::Floats(const std::vector<double>& values, Shape shape, ElementType element) {
  const Type type{element, std::move(shape)};
  if (absl::Status s = l_.Reserve(type); !s.ok()) Fail(s);
  return ok() ? l_.Constant(Tensor::Of(type, values)) : nullptr;
}

absl::Status Compose::Return(Symbol* symbol, size_t i) {
  if (!ok()) return status_;
  if (!symbol) return absl::InternalError("a composition has no result");
  return l_.Return(symbol, i);
}

Ints AxesFrom(int64_t first, int64_t rank) {
  Ints axes;
  for (int64_t d = first; d < rank; ++d) axes.push_back(d);
  return axes;
}

Ints AxisLast(int64_t axis, int64_t rank) {
  Ints perm;
  for (int64_t d = 0; d < rank; ++d) {
    if (d != axis) perm.push_back(d);
  }
  perm.push_back(axis);
  return perm;
}

Ints Inverse(const Ints& perm) {
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return inverse;
}

}  // namespace mcuc::importer
