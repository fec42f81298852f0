// Bounds on integer accumulators: for output channel m, (sum |w[m]| * 128 + |b[m]|) * windows of a fused average pool.
#include "mcuc/IR/Bounds.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

constexpr int64_t kSaturated = int64_t{1} << 62;

int64_t SaturatingMultiply(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;
  return a > kSaturated / b ? kSaturated : a * b;
}

// The sum of |w| of each output channel; elements are int8, so that no sum of 2^28 of them overflows.
std::vector<int64_t> AbsoluteSums(const Tensor& w) {
  std::vector<int64_t> sums(static_cast<size_t>(Columns(w.type())), 0);
  const int64_t length = ColumnLength(w.type());
  // Streams that fit no shape are reported by CheckEncoding.
  (void)VisitValues(w, [&](int64_t position, double value) {
    sums[static_cast<size_t>(position / length)] += std::abs(static_cast<int64_t>(value));
  });
  return sums;
}

}  // namespace

int64_t BiasAt(const Node& node, int64_t c) {
  const Value* b = node.operand(2);
  if (b == nullptr) return 0;
  const int64_t shift = node.If<ConvAttrs>() ? node.As<ConvAttrs>().bias_shift : node.As<FcAttrs>().bias_shift;
  return b->tensor().AsInt(c) * (int64_t{1} << shift);
}

absl::StatusOr<std::vector<int64_t>> AccumulatorBounds(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  const Value* w = node.operand(1);
  const Value* b = node.operand(2);
  if ((!conv && !node.If<FcAttrs>()) || !w) {
    return absl::InvalidArgumentError(absl::StrCat(node.op_name(), " has no integer accumulator to bound"));
  }
  if (!w->is_constant() || w->type().element != ElementType::i8) {
    return absl::InvalidArgumentError(
        absl::StrCat("the accumulator can't be bounded: the weights ", w->Text(), " must be a constant of type i8"));
  }
  std::vector<int64_t> bounds = AbsoluteSums(w->tensor());
  for (int64_t& bound : bounds) bound *= 128;  // |x| <= 128
  if (b) {
    if (!b->is_constant() || !IsInteger(b->type().element) || ElementTypeBytes(b->type().element) > 4 ||
        b->type().elements() != static_cast<int64_t>(bounds.size())) {
      return absl::InvalidArgumentError(absl::StrCat("the accumulator can't be bounded: the bias ", b->Text(),
                                                     " must be a constant i32[", bounds.size(), "]"));
    }
    for (size_t c = 0; c < bounds.size(); ++c) bounds[c] += std::abs(BiasAt(node, static_cast<int64_t>(c)));
  }
  if (conv && conv->pool.kind == PoolKind::avg) {
    const int64_t windows = SaturatingMultiply(conv->pool.kernel[0], conv->pool.kernel[1]);
    for (int64_t& bound : bounds) bound = SaturatingMultiply(bound, windows);
  }
  return bounds;
}

}  // namespace mcuc
