// Comparisons, logic and bits, Where, Mod, and what kind of number a float is.
#include <limits>

#include "Compose.h"

namespace mcuc::importer {

namespace {

template <CompareFn kFn, bool kSwap>
absl::Status LowerCompare(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Compare(kFn, l.input(kSwap ? 1 : 0), l.input(kSwap ? 0 : 1)));
}

template <BinaryFn kFn>
absl::Status LowerLogic(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Binary(kFn, l.input(0), l.input(1)));
}

absl::Status LowerNot(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Unary(UnaryFn::bit_not, l.input(0)));
}

absl::Status LowerBitShift(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const std::string direction = l.String("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    return Unsupported("direction = \"", direction, "\"; supported: LEFT, RIGHT");
  }
  Compose c(l);
  return c.Return(c.Binary(direction == "LEFT" ? BinaryFn::shift_left : BinaryFn::shift_right, l.input(0), l.input(1)));
}

// Without fmod the result has the divisor's sign, and both are integers.
absl::Status LowerMod(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const bool fmod, l.Flag("fmod", false));
  if (!fmod && IsFloat(l.input(0)->type.element)) {
    return Unsupported("fmod = 0 of a float type; floats need fmod = 1");
  }
  Compose c(l);
  return c.Return(c.Binary(fmod ? BinaryFn::fmod : BinaryFn::mod, l.input(0), l.input(1)));
}

absl::Status LowerWhere(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Select(l.input(0), l.input(1), l.input(2)));
}

absl::Status LowerIsNaN(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  Compose c(l);
  return c.Return(c.Compare(CompareFn::not_equal, l.input(0), l.input(0)));
}

absl::Status LowerIsInf(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const bool negative, l.Flag("detect_negative", true));
  MCUC_ASSIGN_OR_RETURN(const bool positive, l.Flag("detect_positive", true));
  Symbol* x = l.input(0);
  if (!IsFloat(x->type.element)) return Unsupported("takes float types only");
  Compose c(l);
  const double infinity = std::numeric_limits<double>::infinity();
  if (positive && negative) x = c.Unary(UnaryFn::abs, x);
  Symbol* bound = c.Scalar(positive ? infinity : -infinity, x);
  Symbol* y = c.Compare(CompareFn::equal, x, bound);
  if (!positive && !negative) y = c.Binary(BinaryFn::bit_and, y, c.Scalar(0, y));
  return c.Return(y);
}

const Operator kOperators[] = {
    {"Equal", 7, kMaxOpset, 2, 2, 1, "", LowerCompare<CompareFn::equal, false>},
    {"Less", 7, kMaxOpset, 2, 2, 1, "", LowerCompare<CompareFn::less, false>},
    {"LessOrEqual", 12, kMaxOpset, 2, 2, 1, "", LowerCompare<CompareFn::less_equal, false>},
    {"Greater", 7, kMaxOpset, 2, 2, 1, "", LowerCompare<CompareFn::less, true>},
    {"GreaterOrEqual", 12, kMaxOpset, 2, 2, 1, "", LowerCompare<CompareFn::less_equal, true>},
    {"And", 7, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_and>},
    {"Or", 7, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_or>},
    {"Xor", 7, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_xor>},
    {"Not", 1, kMaxOpset, 1, 1, 1, "", LowerNot},
    {"BitwiseAnd", 18, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_and>},
    {"BitwiseOr", 18, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_or>},
    {"BitwiseXor", 18, kMaxOpset, 2, 2, 1, "", LowerLogic<BinaryFn::bit_xor>},
    {"BitwiseNot", 18, kMaxOpset, 1, 1, 1, "", LowerNot},
    {"BitShift", 11, kMaxOpset, 2, 2, 1, "direction:s", LowerBitShift},
    {"Mod", 10, kMaxOpset, 2, 2, 1, "fmod:i", LowerMod},
    {"Where", 9, kMaxOpset, 3, 3, 1, "", LowerWhere},
    {"IsNaN", 9, kMaxOpset, 1, 1, 1, "", LowerIsNaN},
    {"IsInf", 10, kMaxOpset, 1, 1, 1, "detect_negative:i detect_positive:i", LowerIsInf},
};

}  // namespace

std::span<const Operator> LogicOperators() { return kOperators; }

}  // namespace mcuc::importer
