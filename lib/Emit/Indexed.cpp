// Comparisons, choices, and operations with indices, as loops: compare, select, expand, scatter, cumsum, top_k.
#include <algorithm>

#include "Lowering.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

std::string At(const std::string& array, const std::string& index) { return absl::StrCat(array, "[", index, "]"); }

std::string Sum(const std::string& a, const std::string& b) {
  return a == "0" ? b : b == "0" ? a : absl::StrCat(a, " + ", b);
}

std::string Times(const std::string& index, int64_t factor) {
  return factor == 1 ? index : absl::StrCat(index, " * ", factor);
}

// The lines of a tensor along an axis: their starts as loops over the other dimensions, and the axis.
struct Lines {
  Lines(const Shape& shape, int64_t along) {
    const auto axis = static_cast<size_t>(along);
    const std::vector<int64_t> strides = Strides(shape);
    n = shape[axis];
    step = strides[axis];
    for (size_t d = 0; d < shape.size(); ++d) {
      if (d == axis) continue;
      dims.push_back(shape[d]);
      starts.strides.push_back(strides[d]);
    }
  }
  int64_t n = 1, step = 1;
  Shape dims;
  Access starts;
};

// An operand that is read in place of what is compared with itself: compilers warn of that for integers.
bool IsConstantRelation(ElementType element, const std::string& a, const std::string& b) {
  return a == b && !IsFloat(element);
}

}  // namespace

absl::Status LowerCompare(const Node& node, Emission& out) {
  const CompareFn fn = node.As<CompareAttrs>().fn;
  const Type &a_type = node.operand(0)->type(), &b_type = node.operand(1)->type();
  const std::string a = out.Read(*node.operand(0)), b = out.Read(*node.operand(1)), y = out.Write(*node.result());
  const char* relation = fn == CompareFn::equal       ? " == "
                         : fn == CompareFn::not_equal ? " != "
                         : fn == CompareFn::less      ? " < "
                                                      : " <= ";
  if (a == b && !IsFloat(a_type.element)) out.Line(absl::StrCat("(void)", a, ";"));  // it may not be read
  BroadcastLoops(out, node.result()->type().shape, {a_type.shape, b_type.shape},
                 [&](const std::string& to, const std::vector<std::string>& from) {
                   const std::string l = At(a, from[0]), r = At(b, from[1]);
                   const bool reflexive = fn == CompareFn::equal || fn == CompareFn::less_equal;
                   const std::string value = IsConstantRelation(a_type.element, l, r) ? (reflexive ? "1" : "0")
                                                                                      : absl::StrCat(l, relation, r);
                   out.Line(absl::StrCat(At(y, to), " = ", value, ";"));
                 });
  return absl::OkStatus();
}

absl::Status LowerSelect(const Node& node, Emission& out) {
  std::vector<std::string> x;
  std::vector<Shape> shapes;
  for (const Value* operand : node.operands()) {
    x.push_back(out.Read(*operand));
    shapes.push_back(operand->type().shape);
  }
  const std::string y = out.Write(*node.result());
  BroadcastLoops(
      out, node.result()->type().shape, shapes, [&](const std::string& to, const std::vector<std::string>& from) {
        out.Line(
            absl::StrCat(At(y, to), " = ", At(x[0], from[0]), " ? ", At(x[1], from[1]), " : ", At(x[2], from[2]), ";"));
      });
  return absl::OkStatus();
}

absl::Status LowerExpand(const Node& node, Emission& out) {
  const Type& type = node.result()->type();
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  CopyLoops(out, type.element, y, x, type.shape, AccessOf(type.shape),
            BroadcastAccess(node.operand(0)->type().shape, type.shape));
  return absl::OkStatus();
}

absl::Status LowerScatter(const Node& node, Emission& out) {
  const ScatterFn fn = node.As<ScatterAttrs>().fn;
  const Type& type = node.result()->type();
  const int64_t n = type.shape[0], slice = type.elements() / n, count = node.operand(1)->type().elements();
  const Value& base = *node.operand(0);
  const std::string size = absl::StrCat(type.elements(), " * sizeof(", ElementTypeCName(type.element), ")");
  out.Use("<string.h>");
  // A constant of zeros takes no flash.
  const bool zeros = base.is_constant() && std::all_of(base.tensor().bytes().begin(), base.tensor().bytes().end(),
                                                       [](std::byte b) { return b == std::byte{0}; });
  const std::string x = zeros ? "" : out.Read(base), at = out.Read(*node.operand(1));
  const std::string updates = out.Read(*node.operand(2)), y = out.Write(*node.result());
  if (zeros) {
    out.Call("memset", {y, "0", size});
  } else {
    out.Call("memcpy", {y, x, size});
  }
  const std::string i = out.OpenLoop(0, count), index = out.Local("index"), first = out.Local("first");
  out.Line(absl::StrCat("const int64_t ", index, " = ", at, "[", i, "];"));
  out.Line(absl::StrCat("const int32_t ", first, " = (int32_t)(", index, " < 0 ? ", index, " + ", n, " : ", index, ")",
                        slice == 1 ? "" : absl::StrCat(" * ", slice), ";"));
  // An index beyond x changes nothing.
  out.Open(absl::StrCat("if (", index, " >= -", n, " && ", index, " < ", n, ")"));
  Loops(out, 1, {slice}, {AccessOf({slice})}, [&](const std::vector<std::string>& k, int) {
    const std::string to = At(y, Sum(first, k[0])), from = At(updates, Sum(Times(i, slice), k[0]));
    const BinaryFn combine = fn == ScatterFn::add   ? BinaryFn::add
                             : fn == ScatterFn::mul ? BinaryFn::mul
                             : fn == ScatterFn::min ? BinaryFn::min
                                                    : BinaryFn::max;
    const std::string value = fn == ScatterFn::set ? from : BinaryExpression(out, combine, type.element, to, from);
    out.Line(absl::StrCat(to, " = ", value, ";"));
  });
  out.Close();
  out.Close();
  return absl::OkStatus();
}

absl::Status LowerCumSum(const Node& node, Emission& out) {
  const CumSumAttrs& attrs = node.As<CumSumAttrs>();
  const Type& type = node.result()->type();
  const Lines lines(type.shape, attrs.axis);
  const std::string c_type = ElementTypeCName(type.element);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  Loops(out, 0, lines.dims, {lines.starts}, [&](const std::vector<std::string>& start, int depth) {
    const std::string sum = out.Local("sum"), i = out.LoopVariable(depth);
    out.Line(absl::StrCat(c_type, " ", sum, " = 0;"));
    out.Open(attrs.reverse ? absl::StrCat("for (int32_t ", i, " = ", lines.n - 1, "; ", i, " >= 0; --", i, ")")
                           : absl::StrCat("for (int32_t ", i, " = 0; ", i, " < ", lines.n, "; ++", i, ")"));
    const std::string index = Sum(start[0], Times(i, lines.step));
    if (attrs.exclusive) {  // y may be x
      const std::string term = out.Local("term");
      out.Line(absl::StrCat("const ", c_type, " ", term, " = ", At(x, index), ";"));
      out.Line(absl::StrCat(At(y, index), " = ", sum, ";"));
      out.Line(absl::StrCat(sum, " = ", BinaryExpression(out, BinaryFn::add, type.element, sum, term), ";"));
    } else {
      out.Line(absl::StrCat(sum, " = ", BinaryExpression(out, BinaryFn::add, type.element, sum, At(x, index)), ";"));
      out.Line(absl::StrCat(At(y, index), " = ", sum, ";"));
    }
    out.Close();
  });
  return absl::OkStatus();
}

// Each next one is the best of those behind the last one in the order of (value, index): no memory but the result.
absl::Status LowerTopK(const Node& node, Emission& out) {
  const TopKAttrs& attrs = node.As<TopKAttrs>();
  const Type& type = node.operand(0)->type();
  const Lines lines(type.shape, attrs.axis), results(node.result()->type().shape, attrs.axis);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  const char* better = attrs.min ? " < " : " > ";
  Loops(out, 0, lines.dims, {lines.starts, results.starts}, [&](const std::vector<std::string>& start, int depth) {
    const std::string last = out.Local("last"), best = out.Local("best"), i = out.LoopVariable(depth + 1);
    const auto at = [&](const std::string& position) { return At(x, Sum(start[0], Times(position, lines.step))); };
    out.Line(absl::StrCat("int32_t ", last, " = -1;"));
    const std::string j = out.OpenLoop(depth, attrs.k);
    out.Line(absl::StrCat("int32_t ", best, " = -1;"));
    out.OpenLoop(depth + 1, lines.n);
    // NaNs come nowhere.
    const std::string number = IsFloat(type.element) ? absl::StrCat(at(i), " == ", at(i), " && ") : "";
    out.Line(absl::StrCat("if (", number, "(", last, " < 0 || ", at(last), better, at(i), " || (", at(i),
                          " == ", at(last), " && ", i, " > ", last, ")) &&"));
    out.Line(absl::StrCat("    (", best, " < 0 || ", at(i), better, at(best), ")) {"));
    out.Line(absl::StrCat("  ", best, " = ", i, ";"));
    out.Line("}");
    out.Close();
    out.Line(absl::StrCat("if (", best, " >= 0) ", last, " = ", best, ";"));
    out.Line(absl::StrCat(At(y, Sum(start[1], Times(j, results.step))), " = ", best, " < 0 ? 0 : ", best, ";"));
    out.Close();
  });
  return absl::OkStatus();
}

}  // namespace mcuc
