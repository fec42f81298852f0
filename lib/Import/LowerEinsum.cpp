// Einsum and Det. Einsum takes the operands two by two: what neither needs any more is summed, and the rest is a
// product of matrices.
#include <algorithm>
#include <map>
#include <set>

#include "Compose.h"
#include "Products.h"

namespace mcuc::importer {

Symbol* Product(Compose& c, Symbol* a, Symbol* b) {
  if (!a || !b) return nullptr;
  if (a->type.element == ElementType::f32) return c.MatMul(a, b);
  // … M x 1 x K times … 1 x N x K, summed over K.
  Shape left = a->shape(), right = b->shape();
  left.insert(left.end() - 1, 1);
  Ints perm = AxisLast(b->rank() - 2, b->rank());
  right = {b->shape().begin(), b->shape().end() - 2};
  right.insert(right.end(), {1, b->shape().back(), b->shape()[b->shape().size() - 2]});
  Symbol* terms = c.Mul(c.Reshape(a, left), c.Reshape(c.Transpose(b, perm), right));
  return terms ? c.Reduce(ReduceFn::sum, terms, {terms->rank() - 1}, false) : nullptr;
}

namespace {

// A letter a dimension; those of an ellipsis are digits and beyond, the last one the last dimension.
struct Operand {
  Symbol* x = nullptr;
  std::string labels;
};

bool Has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

int64_t SizeOf(const Operand& operand, char label) { return operand.x->shape()[operand.labels.find(label)]; }

// Dimensions of the same label become one: their diagonal.
Operand Diagonal(Compose& c, Operand operand) {
  for (size_t i = 0; operand.x && i < operand.labels.size(); ++i) {
    const size_t j = operand.labels.find(operand.labels[i], i + 1);
    if (j == std::string::npos) continue;
    // Both go last and are one dimension, of which every (n + 1)th element is taken.
    const int64_t rank = operand.x->rank(), n = operand.x->shape()[i];
    Ints perm;
    std::string labels;
    for (size_t d = 0; d < operand.labels.size(); ++d) {
      if (d == i || d == j) continue;
      perm.push_back(static_cast<int64_t>(d));
      labels += operand.labels[d];
    }
    perm.insert(perm.end(), {static_cast<int64_t>(i), static_cast<int64_t>(j)});
    Symbol* x = c.Transpose(operand.x, perm);
    if (!x) return {};
    Shape shape(x->shape().begin(), x->shape().end() - 2);
    shape.push_back(n * n);
    Ints indices;
    for (int64_t k = 0; k < n; ++k) indices.push_back(k * (n + 1));
    operand = {c.Pick(c.Reshape(x, shape), indices, rank - 2), labels + operand.labels[i]};
    i = static_cast<size_t>(-1);  // from the start
  }
  return operand;
}

// Without the labels that are not among `kept`.
Operand Summed(Compose& c, const Operand& operand, const std::string& kept) {
  Ints axes;
  std::string labels;
  for (size_t d = 0; d < operand.labels.size(); ++d) {
    if (Has(kept, operand.labels[d])) {
      labels += operand.labels[d];
    } else {
      axes.push_back(static_cast<int64_t>(d));
    }
  }
  return {c.Reduce(ReduceFn::sum, operand.x, axes, false), labels};
}

// With the dimensions in the order of `labels`, grouped as a shape.
Symbol* Arranged(Compose& c, const Operand& operand, const std::string& labels, const Shape& shape) {
  if (!operand.x) return nullptr;
  Ints perm;
  for (char label : labels) perm.push_back(static_cast<int64_t>(operand.labels.find(label)));
  return c.Reshape(c.Transpose(operand.x, perm), shape);
}

// The product of two operands, summed over labels not among `kept`.
Operand Contract(Compose& c, Operand a, Operand b, const std::string& kept) {
  a = Summed(c, a, kept + b.labels);
  b = Summed(c, b, kept + a.labels);
  if (!a.x || !b.x) return {};
  std::string batch, sum, rows, columns;
  for (char label : a.labels) (!Has(b.labels, label) ? rows : Has(kept, label) ? batch : sum) += label;
  for (char label : b.labels) {
    if (!Has(a.labels, label)) columns += label;
  }
  Shape shape;
  int64_t m = 1, n = 1, k = 1, batches = 1;
  // A label of size 1 in one operand broadcasts; the products below take equal sizes.
  for (char label : batch + sum) {
    if (SizeOf(a, label) != SizeOf(b, label)) {
      c.Fail(
          Unsupported("label '", std::string(1, label), "' stands for ", SizeOf(a, label), " and ", SizeOf(b, label)));
      return {};
    }
  }
  for (char label : batch) shape.push_back(SizeOf(a, label)), batches *= shape.back();
  for (char label : rows) shape.push_back(SizeOf(a, label)), m *= shape.back();
  for (char label : columns) shape.push_back(SizeOf(b, label)), n *= shape.back();
  for (char label : sum) k *= SizeOf(a, label);
  const bool flat = batch.empty();
  Symbol* left = Arranged(c, a, batch + rows + sum, flat ? Shape{m, k} : Shape{batches, m, k});
  Symbol* right = Arranged(c, b, batch + sum + columns, flat ? Shape{k, n} : Shape{batches, k, n});
  return {c.Reshape(Product(c, left, right), shape), batch + rows + columns};
}

// "ij,jk->ik" into one string of labels an operand and one of the result.
absl::Status Parse(const Lowering& l, std::vector<std::string>& operands, std::string& result) {
  std::string equation;
  for (char ch : l.String("equation", "")) {
    if (ch != ' ') equation += ch;
  }
  const size_t arrow = equation.find("->");
  const std::string terms = equation.substr(0, arrow) + ",";
  for (size_t begin = 0, end = 0; (end = terms.find(',', begin)) != std::string::npos; begin = end + 1) {
    operands.push_back(terms.substr(begin, end - begin));
  }
  if (operands.size() != l.inputs()) {
    return Unsupported("the equation has ", operands.size(), " terms for ", l.inputs(), " inputs");
  }
  // An ellipsis stands for labels that no letter is: 1 is the last dimension of it, 2 the one before.
  size_t longest = 0;
  const auto expand = [](std::string& labels, size_t dims) {
    const size_t at = labels.find("...");
    if (at == std::string::npos) return;
    std::string letters;
    for (size_t d = dims; d > 0; --d) letters += static_cast<char>(d);
    labels.replace(at, 3, letters);
  };
  std::map<char, int> count;
  for (size_t i = 0; i < operands.size(); ++i) {
    const size_t rank = l.shape(i).size();
    const bool ellipsis = operands[i].find("...") != std::string::npos;
    const size_t letters = operands[i].size() - (ellipsis ? 3 : 0);
    if (letters > rank || (!ellipsis && letters != rank)) {
      return Unsupported("the term \"", operands[i], "\" does not fit input ", i, " [", ShapeText(l.shape(i)), "]");
    }
    for (char ch : operands[i]) {
      if (ch != '.' && !(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')) {
        return Unsupported("equation \"", l.String("equation", ""), "\" is no equation");
      }
      if (ch != '.') ++count[ch];
    }
    if (ellipsis) longest = std::max(longest, rank - letters);
    expand(operands[i], rank - letters);
    if (operands[i].size() != rank) return Unsupported("equation \"", l.String("equation", ""), "\" is no equation");
  }
  if (arrow != std::string::npos) {
    result = equation.substr(arrow + 2);
    expand(result, longest);
    std::set<char> seen;
    for (char ch : result) {
      const bool known = std::any_of(operands.begin(), operands.end(), [&](const auto& o) { return Has(o, ch); });
      if (!known || !seen.insert(ch).second) return Unsupported("the result \"", equation.substr(arrow + 2), "\"");
    }
    return absl::OkStatus();
  }
  result = "...";
  expand(result, longest);
  for (const auto& [label, times] : count) {
    if (times == 1) result += label;
  }
  return absl::OkStatus();
}

absl::Status LowerEinsum(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  std::vector<std::string> labels;
  std::string result;
  MCUC_RETURN_IF_ERROR(Parse(l, labels, result));
  Compose c(l);
  Operand all;
  for (size_t i = 0; i < labels.size(); ++i) {
    Operand next = Diagonal(c, {l.input(i), labels[i]});
    std::string kept = result;
    for (size_t k = i + 1; k < labels.size(); ++k) kept += labels[k];
    all = i == 0 ? Summed(c, next, kept) : Contract(c, all, next, kept);
    if (!c.ok()) return c.status();
  }
  Ints perm;
  for (char label : result) perm.push_back(static_cast<int64_t>(all.labels.find(label)));
  return c.Return(c.Transpose(all.x, perm));
}

// Of the n x n matrices in the last two dimensions, by their minors.
Symbol* Determinant(Compose& c, Symbol* x, const Ints& columns, int64_t row) {
  if (!x) return nullptr;
  const int64_t rank = x->rank();
  Symbol* sum = nullptr;
  for (size_t i = 0; i < columns.size(); ++i) {
    Symbol* factor = c.Part(c.Part(x, rank - 2, row, 1), rank - 1, columns[i], 1);
    if (columns.size() > 1) {
      Ints others = columns;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      factor = c.Mul(factor, Determinant(c, x, others, row + 1));
    }
    sum = i == 0 ? factor : i % 2 == 0 ? c.Add(sum, factor) : c.Sub(sum, factor);
  }
  return sum;
}

absl::Status LowerDet(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  const Shape& x = l.shape(0);
  const int64_t n = x.back();
  if (x[x.size() - 2] != n || n > 4) {
    return Unsupported("the matrices are ", x[x.size() - 2], "x", n, "; supported: square ones of up to 4x4");
  }
  Compose c(l);
  const Shape shape(x.begin(), x.end() - 2);
  return c.Return(c.Reshape(Determinant(c, l.input(0), AxesFrom(0, n), 0), shape));
}

const Operator kOperators[] = {
    {"Einsum", 12, kMaxOpset, 1, kAny, 1, "equation:s", LowerEinsum},
    {"Det", 11, kMaxOpset, 1, 1, 1, "", LowerDet},
};

}  // namespace

std::span<const Operator> EinsumOperators() { return kOperators; }

}  // namespace mcuc::importer
