// Gemm and MatMul: with constant weights a fully connected layer (fc), whose weights are stored an output a row, else a
// product of two computed matrices.
#include <algorithm>
#include <numeric>

#include "Products.h"
#include "Quantization.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::importer {

namespace {

// x with its last two dimensions exchanged.
absl::StatusOr<Symbol*> TransposeMatrix(Lowering& l, Symbol* x) {
  Ints perm(x->shape().size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return l.Transpose(x, std::move(perm));
}

absl::StatusOr<Symbol*> Scale(Lowering& l, Symbol* x, float factor) {
  if (factor == 1.0f) return x;
  Symbol* scale = l.Scalar(static_cast<double>(factor), x->type.element);
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(BinaryAttrs{.fn = BinaryFn::mul}, {x, scale}));
  if (y->is_constant() && y->name.empty()) y->name = x->name;
  if (y->is_constant() && x->quantized && !y->quantized) y->quantized = ScaledQuantized(l, *x->quantized, factor);
  return y;
}

// A constant that broadcasts to every row of the result as a bias [m]; null where it does not.
absl::StatusOr<Symbol*> AsBias(Lowering& l, Symbol* c, int64_t m) {
  if (!c->is_constant() || c->rank() > 2 || (c->rank() == 2 && c->shape()[0] != 1)) return nullptr;
  const int64_t last = c->rank() == 0 ? 1 : c->shape().back();
  if (last == m) return l.Reshape(c, {m});
  if (last != 1) return nullptr;
  Tensor bias(Type{c->type.element, {m}});
  for (int64_t i = 0; i < m; ++i) bias.Set(i, c->constant->AsDouble(0));
  return l.Constant(std::move(bias), c->name);
}

absl::Status LowerGemm(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 2));
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 2, 2));
  const float alpha = l.Float("alpha", 1.0f), beta = l.Float("beta", 1.0f);
  Symbol *a = l.input(0), *b = l.input(1), *c = beta == 0.0f ? nullptr : l.input(2);
  const bool transpose_a = l.Int("transA", 0) != 0, transpose_b = l.Int("transB", 0) != 0;
  const int64_t m = l.shape(1)[transpose_b ? 0 : 1];
  const int64_t rows = l.shape(0)[transpose_a ? 1 : 0];
  if (c) {
    const auto broadcast = BroadcastShapes(c->shape(), {rows, m});
    if (!broadcast.ok() || *broadcast != Shape{rows, m}) {
      return Unsupported("C [", ShapeText(c->shape()), "] does not broadcast to the result [", rows, "x", m, "]");
    }
  }
  if (transpose_a) {
    MCUC_ASSIGN_OR_RETURN(a, TransposeMatrix(l, a));
  }
  Symbol* y = nullptr;
  if (b->is_constant() && a->type.element == ElementType::f32) {
    if (!transpose_b) {
      MCUC_ASSIGN_OR_RETURN(b, TransposeMatrix(l, b));
    }
    MCUC_ASSIGN_OR_RETURN(b, Scale(l, b, alpha));
    MCUC_ASSIGN_OR_RETURN(const auto layer, LayerOperands(l, a, b, 1, true));
    std::vector<Symbol*> operands = {layer.first, layer.second};
    if (c) {
      MCUC_ASSIGN_OR_RETURN(Symbol * bias, AsBias(l, c, m));
      if (bias) {
        MCUC_ASSIGN_OR_RETURN(bias, Scale(l, bias, beta));
        operands.push_back(bias);
        c = nullptr;
      }
    }
    MCUC_ASSIGN_OR_RETURN(y, l.Add(FcAttrs{}, operands));
  } else {
    if (transpose_b) {
      MCUC_ASSIGN_OR_RETURN(b, TransposeMatrix(l, b));
    }
    Compose compose(l);
    y = Product(compose, a, b);
    MCUC_RETURN_IF_ERROR(compose.status());
    MCUC_ASSIGN_OR_RETURN(y, Scale(l, y, alpha));
  }
  if (c) {
    MCUC_ASSIGN_OR_RETURN(c, Scale(l, c, beta));
    MCUC_ASSIGN_OR_RETURN(y, l.Add(BinaryAttrs{.fn = BinaryFn::add}, {y, c}));
  }
  return l.Return(y);
}

// numpy.matmul: operands of rank 1 are a row and a column that the result loses again.
absl::Status LowerMatMul(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 1, 32));
  MCUC_RETURN_IF_ERROR(l.CheckRank(1, 1, 32));
  Symbol *a = l.input(0), *b = l.input(1);
  const bool row = a->rank() == 1, column = b->rank() == 1;
  if (row) {
    MCUC_ASSIGN_OR_RETURN(a, l.Reshape(a, {1, a->shape()[0]}));
  }
  if (column) {
    MCUC_ASSIGN_OR_RETURN(b, l.Reshape(b, {b->shape()[0], 1}));
  }
  const Shape &as = a->shape(), &bs = b->shape();
  auto batch = BroadcastShapes(Shape(as.begin(), as.end() - 2), Shape(bs.begin(), bs.end() - 2));
  if (!batch.ok() || as.back() != bs[bs.size() - 2]) {
    return Unsupported("A [", ShapeText(l.shape(0)), "] and B [", ShapeText(l.shape(1)), "] do not multiply");
  }
  Shape result = *batch;
  if (!row) result.push_back(as[as.size() - 2]);
  if (!column) result.push_back(bs.back());
  Symbol* y = nullptr;
  const bool one_matrix = std::all_of(bs.begin(), bs.end() - 2, [](int64_t dim) { return dim == 1; });
  if (b->is_constant() && one_matrix && b->type.element == ElementType::f32) {
    MCUC_ASSIGN_OR_RETURN(b, l.Reshape(b, {bs[bs.size() - 2], bs.back()}));
    MCUC_ASSIGN_OR_RETURN(Symbol * w, TransposeMatrix(l, b));
    MCUC_ASSIGN_OR_RETURN(const auto layer, LayerOperands(l, a, w, 1, true));
    MCUC_ASSIGN_OR_RETURN(y, l.Add(FcAttrs{}, {layer.first, layer.second}));
  } else {
    Compose c(l);
    y = Product(c, a, b);
    MCUC_RETURN_IF_ERROR(c.status());
  }
  return l.Return(l.Reshape(y, result));
}

const Operator kOperators[] = {
    {"Gemm", 7, kMaxOpset, 2, 3, 1, "alpha:f beta:f transA:i transB:i", LowerGemm},
    {"MatMul", 1, kMaxOpset, 2, 2, 1, "", LowerMatMul},
};

}  // namespace

std::span<const Operator> MatrixOperators() { return kOperators; }

}  // namespace mcuc::importer
