// Integer operations that are emitted as loops: reductions, elementwise functions, tables, concatenation and the
// conversions. Rules N9 to N13, N15, N17 and N18 of docs/numerics.md. For example a requantize:
//   for (int32_t i = 0; i < 120; ++i) {
//     y[i] = (int8_t)mcuc_clamp_i32(4 + mcuc_requantize(x[i] + 128, 1402182485, -1), -128, 127);
//   }
#include <algorithm>

#include "Lowering.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {
namespace {

std::string At(const std::string& array, const std::string& index) { return absl::StrCat(array, "[", index, "]"); }

int32_t ZeroPoint(const Value& value) { return value.type().quant->zero_point(); }

// x - zero: "x[i] + 128".
std::string Centred(const std::string& x, int32_t zero) {
  return zero == 0 ? x : absl::StrCat(x, zero < 0 ? " + " : " - ", std::abs(zero));
}

// `y = (int8_t)mcuc_clamp_i32(zero + sum, lo, hi);` (rule N3).
void StoreClamped(Emission& out, const Type& type, const std::string& y, int32_t zero, const std::string& sum,
                  const Clamp& clamp) {
  out.Use("clamp_i32.h");
  out.Call(absl::StrCat(y, " = (", ElementTypeCName(type.element), ")mcuc_clamp_i32"),
           {zero == 0 ? sum : absl::StrCat(zero, " + ", sum), IntLiteral(clamp.lo), IntLiteral(clamp.hi)});
}

// Rule N2.
std::string Requantized(Emission& out, const std::string& acc, int32_t mul, int32_t shift) {
  out.Use("requantize.h");
  return absl::StrCat("mcuc_requantize(", acc, ", ", mul, ", ", shift, ")");
}

Clamp WholeRange(const Type& type) { return ClampOf(Act{}, type); }

// One loop over the elements of x and of the result alike.
void ForEachElement(const Node& node, Emission& out,
                    const std::function<void(const std::string& y, const std::string& x)>& body) {
  const Shape& shape = node.result()->type().shape;
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  Loops(out, 0, shape, {AccessOf(shape)},
        [&](const std::vector<std::string>& index, int) { body(At(y, index[0]), At(x, index[0])); });
}

// The reduced axes of x, or the others, and how x is walked over them.
std::pair<Shape, Access> Axes(const Shape& shape, const Ints& axes, bool reduced) {
  std::pair<Shape, Access> result;
  const std::vector<int64_t> strides = Strides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    if ((std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end()) != reduced) continue;
    result.first.push_back(shape[d]);
    result.second.strides.push_back(strides[d]);
  }
  return result;
}

}  // namespace

absl::Status LowerReduceQuantized(const Node& node, Emission& out) {
  const ReduceAttrs& attrs = node.As<ReduceAttrs>();
  if (attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min) return LowerReducePlain(node, out);
  const Value &x_value = *node.operand(0), &y_value = *node.result();
  const auto kept = Axes(x_value.type().shape, attrs.axes, false);
  const auto reduced = Axes(x_value.type().shape, attrs.axes, true);
  const std::string x = out.Read(x_value), y = out.Write(y_value);
  Loops(out, 0, kept.first, {AccessOf(kept.first), kept.second}, [&](const std::vector<std::string>& index, int depth) {
    const std::string sum = out.Local("sum");
    out.Line(absl::StrCat("int32_t ", sum, " = 0;"));
    Loops(out, depth, reduced.first, {reduced.second},
          [&, &from = index[1]](const std::vector<std::string>& term, int) {
            const std::string at = from == "0" ? term[0] : term[0] == "0" ? from : absl::StrCat(from, " + ", term[0]);
            out.Line(absl::StrCat(sum, " += ", Centred(At(x, at), ZeroPoint(x_value)), ";"));
          });
    StoreClamped(out, y_value.type(), At(y, index[0]), ZeroPoint(y_value),
                 Requantized(out, sum, attrs.mul[0], attrs.shift[0]), WholeRange(y_value.type()));
  });
  return absl::OkStatus();
}

absl::Status LowerUnaryQuantized(const Node& node, Emission& out) {
  const Type& type = node.result()->type();
  ForEachElement(node, out, [&](const std::string& y, const std::string& x) {
    StoreClamped(out, type, y, 0, x, ClampOf(node.As<UnaryAttrs>(), type));
  });
  return absl::OkStatus();
}

absl::Status LowerBinaryQuantized(const Node& node, Emission& out) {
  const BinaryAttrs& attrs = node.As<BinaryAttrs>();
  const Value &a = *node.operand(0), &b = *node.operand(1), &y = *node.result();
  const std::string l = out.Read(a), r = out.Read(b), to = out.Write(y);
  const Clamp clamp = ClampOf(attrs.act, y.type());
  BroadcastLoops(out, y.type().shape, {a.type().shape, b.type().shape},
                 [&](const std::string& index, const std::vector<std::string>& from) {
                   const std::string target = At(to, index);
                   const std::string left = At(l, from[0]), right = At(r, from[1]);
                   const auto operand = [](const std::string& x, int32_t zero) {
                     return zero == 0 ? x : absl::StrCat("(", Centred(x, zero), ")");
                   };
                   const std::string al = operand(left, ZeroPoint(a)), br = operand(right, ZeroPoint(b));
                   if (attrs.fn == BinaryFn::mul) {  // N12
                     StoreClamped(out, y.type(), target, ZeroPoint(y),
                                  Requantized(out, absl::StrCat(al, " * ", br), attrs.mul[0], attrs.shift[0]), clamp);
                   } else if (attrs.fn == BinaryFn::add || attrs.fn == BinaryFn::sub) {  // N11
                     out.Use("shift_right.h");
                     StoreClamped(
                         out, y.type(), target, ZeroPoint(y),
                         absl::StrCat("mcuc_shift_right(", al, " * ", attrs.mul[0], attrs.mul[1] < 0 ? " - " : " + ",
                                      br, " * ", std::abs(int64_t{attrs.mul[1]}), " + ",
                                      int64_t{1} << (attrs.shift[0] - 1), ", ", attrs.shift[0], ")"),
                         clamp);
                   } else {  // min and max of one scale and zero point
                     const char* relation = attrs.fn == BinaryFn::min ? " < " : " > ";
                     // Compilers warn of a comparison with itself.
                     const std::string chosen =
                         left == right ? left : absl::StrCat(left, relation, right, " ? ", left, " : ", right);
                     StoreClamped(out, y.type(), target, 0, chosen, clamp);
                   }
                 });
  return absl::OkStatus();
}

absl::Status LowerLut(const Node& node, Emission& out) {
  const std::string table = out.Read(*node.operand(1));
  ForEachElement(node, out, [&](const std::string& y, const std::string& x) {
    out.Line(absl::StrCat(y, " = ", table, "[", x, " + 128];"));
  });
  return absl::OkStatus();
}

absl::Status LowerConcatQuantized(const Node& node, Emission& out) {
  const ConcatAttrs& attrs = node.As<ConcatAttrs>();
  if (attrs.mul.empty()) return LowerConcatMove(node, out);
  const Value& result = *node.result();
  const std::string y = out.Write(result);
  int64_t offset = 0;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const Value& operand = *node.operand(i);
    const Shape& shape = operand.type().shape;
    const std::string x = out.Read(operand);
    const int32_t mul = attrs.mul[attrs.mul.size() == 1 ? 0 : i], shift = attrs.shift[attrs.shift.size() == 1 ? 0 : i];
    Access to = AccessOf(result.type().shape);
    to.offset = offset * to.strides[static_cast<size_t>(attrs.axis)];
    offset += shape[static_cast<size_t>(attrs.axis)];
    Loops(out, 0, shape, {to, AccessOf(shape)}, [&](const std::vector<std::string>& index, int) {
      StoreClamped(out, result.type(), At(y, index[0]), ZeroPoint(result),
                   Requantized(out, Centred(At(x, index[1]), ZeroPoint(operand)), mul, shift),
                   WholeRange(result.type()));
    });
  }
  return absl::OkStatus();
}

absl::Status LowerRequantize(const Node& node, Emission& out) {
  const RequantizeAttrs& attrs = node.As<RequantizeAttrs>();
  if (attrs.mul.empty()) return LowerCopy(node, out);
  const Value &x_value = *node.operand(0), &y_value = *node.result();
  ForEachElement(node, out, [&](const std::string& y, const std::string& x) {
    StoreClamped(out, y_value.type(), y, ZeroPoint(y_value),
                 Requantized(out, Centred(x, ZeroPoint(x_value)), attrs.mul[0], attrs.shift[0]),
                 WholeRange(y_value.type()));
  });
  return absl::OkStatus();
}

absl::Status LowerQuantize(const Node& node, Emission& out) {
  const Type& type = node.result()->type();
  out.Use("quantize.h");
  ForEachElement(node, out, [&](const std::string& y, const std::string& x) {
    out.Call(absl::StrCat(y, " = (", ElementTypeCName(type.element), ")mcuc_quantize"),
             {x, FloatLiteral(type.quant->scale()), IntLiteral(type.quant->zero_point()),
              IntLiteral(IntegerMin(type.element)), IntLiteral(IntegerMax(type.element))});
  });
  return absl::OkStatus();
}

absl::Status LowerDequantize(const Node& node, Emission& out) {
  const Type& type = node.operand(0)->type();
  out.Use("dequantize.h");
  ForEachElement(node, out, [&](const std::string& y, const std::string& x) {
    out.Line(absl::StrCat(y, " = mcuc_dequantize(", type.element == ElementType::u32 ? "(int32_t)" : "", x, ", ",
                          FloatLiteral(type.quant->scale()), ", ", IntLiteral(type.quant->zero_point()), ");"));
  });
  return absl::OkStatus();
}

}  // namespace mcuc
