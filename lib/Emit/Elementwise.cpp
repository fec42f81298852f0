// Elementwise operations, casts and reductions of unquantized types, as loops; what takes more than an expression is a
// function of runtime/.
#include <algorithm>
#include <cmath>
#include <limits>

#include "Lowering.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

std::string CType(ElementType element) { return ElementTypeCName(element); }

std::string FloatSuffix(ElementType element) { return element == ElementType::f64 ? "f64" : "f32"; }

bool IsSigned(ElementType element) {
  return Dispatch(element, [](auto zero) { return std::is_signed_v<decltype(zero)>; });
}

// The unsigned type in which an integer type wraps without being promoted to a signed one.
std::string WrapType(ElementType element) { return ElementTypeBytes(element) == 8 ? "uint64_t" : "uint32_t"; }

std::string RealLiteral(double value, ElementType element) {
  return element == ElementType::f64 ? DoubleLiteral(value) : FloatLiteral(static_cast<float>(value));
}

std::string LimitLiteral(ElementType element, bool highest) {
  if (element == ElementType::u64) return highest ? "UINT64_MAX" : "0";
  if (element == ElementType::i64) return highest ? "INT64_MAX" : "INT64_MIN";
  if (element == ElementType::u32) return highest ? "UINT32_MAX" : "0";
  return IntLiteral(highest ? IntegerMax(element) : IntegerMin(element));
}

// Stores the real `value` (an expression without side effects) to the integer `target`: truncated, saturated, NaN as 0.
void StoreTruncated(Emission& out, const std::string& target, ElementType to, const std::string& value,
                    ElementType from) {
  const auto [lowest, highest] = Dispatch(to, [](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    return std::pair(static_cast<double>(Limits::lowest()), static_cast<double>(Limits::max()));
  });
  // The highest value may round up to a power of two, which is then already beyond the range.
  out.Line(absl::StrCat(target, " = (", CType(to), ")(", value, " >= ", RealLiteral(highest, from), " ? ",
                        LimitLiteral(to, true), " : ", value, " <= ", RealLiteral(lowest, from), " ? ",
                        LimitLiteral(to, false), " : ", value, " == ", value, " ? (", CType(to), ")", value, " : 0);"));
}

// A float saturated to the integer range of `element`; `up`: rounded up first, else down.
int64_t IntegerBound(float value, ElementType element, bool up) {
  return Dispatch(element, [&](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    const double rounded = up ? std::ceil(double{value}) : std::floor(double{value});
    if (!(rounded > static_cast<double>(Limits::lowest()))) return static_cast<int64_t>(Limits::lowest());
    if (rounded >= static_cast<double>(Limits::max())) return static_cast<int64_t>(Limits::max());
    return static_cast<int64_t>(rounded);
  });
}

// v within [lo, hi], without comparisons that are always true.
std::string IntegerClamp(const std::string& v, ElementType element, int64_t lo, int64_t hi) {
  const auto literal = [&](int64_t bound) {
    return element == ElementType::u64   ? absl::StrCat("UINT64_C(", static_cast<uint64_t>(bound), ")")
           : element == ElementType::u32 ? absl::StrCat(bound, "u")
                                         : IntLiteral(bound);
  };
  const int64_t lowest =
      Dispatch(element, [](auto zero) { return static_cast<int64_t>(std::numeric_limits<decltype(zero)>::lowest()); });
  const int64_t highest =
      Dispatch(element, [](auto zero) { return static_cast<int64_t>(std::numeric_limits<decltype(zero)>::max()); });
  std::string text;
  if (lo != lowest) absl::StrAppend(&text, v, " < ", literal(lo), " ? ", literal(lo), " : ");
  if (hi != highest) absl::StrAppend(&text, v, " > ", literal(hi), " ? ", literal(hi), " : ");
  return text.empty() ? v : absl::StrCat("(", CType(element), ")(", text, v, ")");
}

// The statement y = fn(x) on an integer type, which has few of the functions (Verify).
absl::Status IntegerUnary(Emission& out, const UnaryAttrs& attrs, ElementType element, const std::string& y,
                          const std::string& x) {
  const std::string type = CType(element), wrap = WrapType(element);
  switch (attrs.fn) {
    case UnaryFn::relu:
      out.Line(absl::StrCat(y, " = ", IntegerClamp(x, element, 0, IntegerBound(INFINITY, element, false)), ";"));
      return absl::OkStatus();
    case UnaryFn::clip:
      out.Line(absl::StrCat(
          y, " = ",
          IntegerClamp(x, element, IntegerBound(attrs.alpha, element, true), IntegerBound(attrs.beta, element, false)),
          ";"));
      return absl::OkStatus();
    case UnaryFn::abs:
      if (IsSigned(element)) {
        out.Line(absl::StrCat(y, " = (", type, ")(", x, " < 0 ? 0 - (", wrap, ")", x, " : (", wrap, ")", x, ");"));
        return absl::OkStatus();
      }
      [[fallthrough]];
    case UnaryFn::floor:
      out.Line(absl::StrCat(y, " = ", x, ";"));
      return absl::OkStatus();
    case UnaryFn::neg:
      out.Line(absl::StrCat(y, " = (", type, ")(0 - (", wrap, ")", x, ");"));
      return absl::OkStatus();
    case UnaryFn::sign:
      out.Line(IsSigned(element) ? absl::StrCat(y, " = (", type, ")((", x, " > 0) - (", x, " < 0));")
                                 : absl::StrCat(y, " = ", x, " != 0;"));
      return absl::OkStatus();
    case UnaryFn::bit_not:
      out.Line(element == ElementType::b8 ? absl::StrCat(y, " = !", x, ";")
                                          : absl::StrCat(y, " = (", type, ")~", x, ";"));
      return absl::OkStatus();
    default:
      break;
  }
  return absl::InternalError(absl::StrCat("emit: unary ", EnumName(attrs.fn), " of ", ElementTypeName(element)));
}

// a fn b on a float type.
std::string RealBinary(Emission& out, BinaryFn fn, ElementType element, const std::string& a, const std::string& b) {
  const std::string suffix = FloatSuffix(element);
  switch (fn) {
    case BinaryFn::add:
      return absl::StrCat(a, " + ", b);
    case BinaryFn::sub:
      return absl::StrCat(a, " - ", b);
    case BinaryFn::mul:
      return absl::StrCat(a, " * ", b);
    case BinaryFn::div:
      return absl::StrCat(a, " / ", b);
    case BinaryFn::min:
      if (a == b) return a;  // compilers warn of a comparison with itself
      return absl::StrCat(b, " < ", a, " ? ", b, " : ", a);
    case BinaryFn::max:
      if (a == b) return a;
      return absl::StrCat(b, " > ", a, " ? ", b, " : ", a);
    case BinaryFn::pow:
      out.Use(absl::StrCat("pow_", suffix, ".h"));
      return absl::StrCat("mcuc_pow_", suffix, "(", a, ", ", b, ")");
    case BinaryFn::prelu:
      return absl::StrCat(a, " < ", RealLiteral(0, element), " ? ", a, " * ", b, " : ", a);
    case BinaryFn::fmod:
      out.Use(absl::StrCat("fmod_", suffix, ".h"));
      return absl::StrCat("mcuc_fmod_", suffix, "(", a, ", ", b, ")");
    case BinaryFn::mod:
    case BinaryFn::bit_and:
    case BinaryFn::bit_or:
    case BinaryFn::bit_xor:
    case BinaryFn::shift_left:
    case BinaryFn::shift_right:
      break;  // integers only (Verify)
  }
  return a;
}

// a fn b on an integer type, wrapping; a quotient by 0 is 0.
std::string IntegerBinary(Emission& out, BinaryFn fn, ElementType element, const std::string& a, const std::string& b) {
  const std::string type = CType(element), wrap = WrapType(element);
  const auto wrapped = [&](const char* op) {
    return absl::StrCat("(", type, ")((", wrap, ")", a, " ", op, " (", wrap, ")", b, ")");
  };
  switch (fn) {
    case BinaryFn::add:
      return wrapped("+");
    case BinaryFn::sub:
      return wrapped("-");
    case BinaryFn::mul:
      return wrapped("*");
    case BinaryFn::div:
      if (!IsSigned(element)) return absl::StrCat("(", type, ")(", b, " == 0 ? 0 : ", a, " / ", b, ")");
      return absl::StrCat("(", type, ")(", b, " == 0 ? 0 : ", b, " == -1 ? (", type, ")(0 - (", wrap, ")", a, ") : ", a,
                          " / ", b, ")");
    case BinaryFn::min:
      if (a == b) return a;  // compilers warn of a comparison with itself
      return absl::StrCat(b, " < ", a, " ? ", b, " : ", a);
    case BinaryFn::max:
      if (a == b) return a;
      return absl::StrCat(b, " > ", a, " ? ", b, " : ", a);
    case BinaryFn::pow:
      out.Use(IsSigned(element) ? "pow_i64.h" : "pow_u64.h");
      return absl::StrCat("(", type, ")", IsSigned(element) ? "mcuc_pow_i64(" : "mcuc_pow_u64(", a, ", ", b, ")");
    case BinaryFn::mod:
      if (!IsSigned(element)) return absl::StrCat("(", type, ")(", b, " == 0 ? 0 : ", a, " % ", b, ")");
      out.Use("mod_i64.h");
      return absl::StrCat("(", type, ")mcuc_mod_i64(", a, ", ", b, ")");
    case BinaryFn::fmod:
      return absl::StrCat("(", type, ")(", b, " == 0 ", IsSigned(element) ? absl::StrCat("|| ", b, " == -1 ") : "",
                          "? 0 : ", a, " % ", b, ")");
    case BinaryFn::bit_and:
      return absl::StrCat("(", type, ")(", a, " & ", b, ")");
    case BinaryFn::bit_or:
      return absl::StrCat("(", type, ")(", a, " | ", b, ")");
    case BinaryFn::bit_xor:
      return absl::StrCat("(", type, ")(", a, " ^ ", b, ")");
    case BinaryFn::shift_left:
    case BinaryFn::shift_right: {  // beyond the type's bits, everything is shifted out
      const bool left = fn == BinaryFn::shift_left;
      const std::string bits = absl::StrCat(8 * ElementTypeBytes(element));
      const std::string out_of = left || !IsSigned(element) ? "0" : absl::StrCat("-(", a, " < 0)");
      return absl::StrCat("(", type, ")((uint64_t)", b, " < ", bits, " ? ", left ? absl::StrCat("(", wrap, ")") : "", a,
                          left ? " << " : " >> ", b, " : ", out_of, ")");
    }
    case BinaryFn::prelu:
      break;  // floats only (Verify)
  }
  return a;
}

std::string At(const std::string& array, const std::string& index) { return absl::StrCat(array, "[", index, "]"); }

std::string Sum(const std::string& a, const std::string& b) {
  return a == "0" ? b : b == "0" ? a : absl::StrCat(a, " + ", b);
}

// Strides of x over the dimensions in `axes` or, with `kept`, over the others.
std::pair<Shape, Access> Part(const Shape& shape, const Ints& axes, bool kept) {
  const std::vector<int64_t> strides = Strides(shape);
  std::pair<Shape, Access> part;
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool reduced = std::count(axes.begin(), axes.end(), static_cast<int64_t>(d)) > 0;
    if (reduced == kept) continue;
    part.first.push_back(shape[d]);
    part.second.strides.push_back(strides[d]);
  }
  return part;
}

}  // namespace

std::string RealFunction(Emission& out, UnaryFn fn, ElementType element, const std::string& x, float alpha,
                         float beta) {
  const std::string zero = RealLiteral(0, element);
  const auto call = [&](const char* name, std::vector<float> parameters) {
    const std::string function = absl::StrCat(name, "_", FloatSuffix(element));
    out.Use(function + ".h");
    std::string text = absl::StrCat("mcuc_", function, "(", x);
    for (const float parameter : parameters) absl::StrAppend(&text, ", ", RealLiteral(parameter, element));
    return text + ")";
  };
  switch (fn) {
    case UnaryFn::relu:
      return absl::StrCat(x, " < ", zero, " ? ", zero, " : ", x);
    case UnaryFn::clip:
      return call("clamp", {alpha, beta});
    case UnaryFn::leaky_relu:
      return call("leaky_relu", {alpha});
    case UnaryFn::elu:
      return call("elu", {alpha});
    case UnaryFn::hard_sigmoid:
      return call("hard_sigmoid", {alpha, beta});
    case UnaryFn::neg:
      return "-" + x;
    case UnaryFn::sigmoid:
    case UnaryFn::hard_swish:
    case UnaryFn::tanh:
    case UnaryFn::softplus:
    case UnaryFn::exp:
    case UnaryFn::log:
    case UnaryFn::sqrt:
    case UnaryFn::abs:
    case UnaryFn::floor:
    case UnaryFn::ceil:
    case UnaryFn::round:
    case UnaryFn::erf:
    case UnaryFn::sin:
    case UnaryFn::cos:
    case UnaryFn::tan:
    case UnaryFn::asin:
    case UnaryFn::acos:
    case UnaryFn::atan:
    case UnaryFn::sinh:
    case UnaryFn::cosh:
    case UnaryFn::asinh:
    case UnaryFn::acosh:
    case UnaryFn::atanh:
      return call(EnumName(fn), {});
    case UnaryFn::sign:
      return absl::StrCat("(", CType(element), ")((", x, " > ", zero, ") - (", x, " < ", zero, "))");
    case UnaryFn::bit_not:
      break;  // integers only (Verify)
  }
  return x;
}

std::string BinaryExpression(Emission& out, BinaryFn fn, ElementType element, const std::string& a,
                             const std::string& b) {
  return IsFloat(element) ? RealBinary(out, fn, element, a, b) : IntegerBinary(out, fn, element, a, b);
}

absl::Status LowerUnaryPlain(const Node& node, Emission& out) {
  const UnaryAttrs& attrs = node.As<UnaryAttrs>();
  const Type& type = node.result()->type();
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  absl::Status status;
  Loops(out, 0, type.shape, {AccessOf(type.shape)}, [&](const std::vector<std::string>& index, int) {
    const std::string from = At(x, index[0]), to = At(y, index[0]);
    if (type.is_float()) {
      out.Line(absl::StrCat(to, " = ", RealFunction(out, attrs.fn, type.element, from, attrs.alpha, attrs.beta), ";"));
    } else {
      status = IntegerUnary(out, attrs, type.element, to, from);
    }
  });
  return status;
}

absl::Status LowerBinaryPlain(const Node& node, Emission& out) {
  const BinaryAttrs& attrs = node.As<BinaryAttrs>();
  const Type& type = node.result()->type();
  const ElementType element = type.element;
  const std::string a = out.Read(*node.operand(0)), b = out.Read(*node.operand(1)), y = out.Write(*node.result());
  BroadcastLoops(out, type.shape, {node.operand(0)->type().shape, node.operand(1)->type().shape},
                 [&](const std::string& to, const std::vector<std::string>& from) {
                   const std::string l = At(a, from[0]), r = At(b, from[1]);
                   std::string value = BinaryExpression(out, attrs.fn, element, l, r);
                   if (attrs.act.kind != ActKind::none) {  // floats only (Verify)
                     const auto [lo, hi] = ActBounds(attrs.act, element);
                     const std::string clamp = "clamp_" + FloatSuffix(element);
                     out.Use(clamp + ".h");
                     value = absl::StrCat("mcuc_", clamp, "(", value, ", ", lo, ", ", hi, ")");
                   }
                   out.Line(absl::StrCat(At(y, to), " = ", value, ";"));
                 });
  return absl::OkStatus();
}

absl::Status LowerCast(const Node& node, Emission& out) {
  const ElementType from = node.operand(0)->type().element, to = node.result()->type().element;
  const Shape& shape = node.result()->type().shape;
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  Loops(out, 0, shape, {AccessOf(shape)}, [&](const std::vector<std::string>& index, int) {
    const std::string source = At(x, index[0]), target = At(y, index[0]);
    if (from == to) {
      out.Line(absl::StrCat(target, " = ", source, ";"));
    } else if (to == ElementType::b8) {
      out.Line(absl::StrCat(target, " = ", source, " != 0;"));
    } else if (IsFloat(from) && !IsFloat(to)) {
      StoreTruncated(out, target, to, source, from);
    } else {
      out.Line(absl::StrCat(target, " = (", CType(to), ")", source, ";"));
    }
  });
  return absl::OkStatus();
}

absl::Status LowerReducePlain(const Node& node, Emission& out) {
  const ReduceAttrs& attrs = node.As<ReduceAttrs>();
  const Type& type = node.operand(0)->type();
  const ElementType element = type.element;
  const bool extreme = attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min;
  const auto [kept, outer] = Part(type.shape, attrs.axes, true);
  const std::pair<Shape, Access> inner = Part(type.shape, attrs.axes, false);
  const int64_t count = Elements(inner.first);
  const bool product = attrs.fn == ReduceFn::prod;
  const int first = product ? 1 : 0;
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  Loops(out, 0, kept, {AccessOf(kept), outer}, [&](const std::vector<std::string>& index, int depth) {
    const std::string value = out.Local(extreme || product ? EnumName(attrs.fn) : "sum");
    const std::string sum_type = extreme || IsFloat(element) ? CType(element) : "uint64_t";
    out.Line(absl::StrCat(sum_type, " ", value, " = ",
                          extreme            ? At(x, index[1])
                          : IsFloat(element) ? RealLiteral(first, element)
                                             : absl::StrCat(first),
                          ";"));
    Loops(out, depth, inner.first, {inner.second}, [&](const std::vector<std::string>& term, int) {
      const std::string from = At(x, Sum(index[1], term[0]));
      if (extreme) {
        out.Line(absl::StrCat("if (", from, attrs.fn == ReduceFn::max ? " > " : " < ", value, ") ", value, " = ", from,
                              ";"));
      } else {
        out.Line(absl::StrCat(value, product ? " *= " : " += ", IsFloat(element) ? "" : "(uint64_t)", from, ";"));
      }
    });
    std::string result = value;
    if (attrs.fn == ReduceFn::mean) {
      result = IsFloat(element) ? absl::StrCat(value, " / ", RealLiteral(static_cast<double>(count), element))
                                : absl::StrCat("(", CType(element), ")((int64_t)", value, " / ", count, ")");
    } else if (sum_type != CType(element)) {
      result = absl::StrCat("(", CType(element), ")", value);
    }
    out.Line(absl::StrCat(At(y, index[0]), " = ", result, ";"));
  });
  return absl::OkStatus();
}

absl::Status LowerArgReduce(const Node& node, Emission& out) {
  const ArgReduceAttrs& attrs = node.As<ArgReduceAttrs>();
  const Type& type = node.operand(0)->type();
  const size_t axis = static_cast<size_t>(attrs.axis);
  const int64_t n = type.shape[axis], step = Strides(type.shape)[axis];
  const auto [kept, outer] = Part(type.shape, {attrs.axis}, true);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  Loops(out, 0, kept, {AccessOf(kept), outer}, [&](const std::vector<std::string>& index, int depth) {
    const std::string best = out.Local("best"), i = out.LoopVariable(depth);
    const auto at = [&](const std::string& position) {
      return At(x, Sum(index[1], step == 1 ? position : absl::StrCat(position, " * ", step)));
    };
    out.Line(absl::StrCat("int32_t ", best, " = 0;"));
    out.Open(absl::StrCat("for (int32_t ", i, " = 1; ", i, " < ", n, "; ++", i, ")"));
    out.Line(absl::StrCat("if (", at(i), attrs.min ? " <" : " >", attrs.last ? "= " : " ", at(best), ") ", best, " = ",
                          i, ";"));
    out.Close();
    out.Line(absl::StrCat(At(y, index[0]), " = ", best, ";"));
  });
  return absl::OkStatus();
}

}  // namespace mcuc
