// Operations and their attributes: the enum, one attribute struct an operation, and the tables about them, all made
// from Ops.def. An Attributes variant holds exactly one of the structs; its index is the Op.
#ifndef MCUC_IR_OPS_H
#define MCUC_IR_OPS_H

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "mcuc/IR/Type.h"

namespace mcuc {

using Pair = std::array<int64_t, 2>;  // {vertical, horizontal}
using Pads = std::array<int64_t, 4>;  // {top, left, bottom, right}
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Multipliers = std::vector<int32_t>;  // empty: not quantized; one element prints as a plain number

// Enumerations of attributes; each is a table of its text names.
// clang-format off
#define MCUC_UNARY_FNS(X)                                                                                         \
  X(relu) X(clip) X(leaky_relu) X(elu) X(sigmoid) X(hard_sigmoid) X(hard_swish) X(tanh) X(softplus) X(exp) X(log) \
  X(sqrt) X(abs) X(neg) X(floor) X(ceil) X(round) X(sign) X(erf) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan)    \
  X(sinh) X(cosh) X(asinh) X(acosh) X(atanh) X(bit_not)
#define MCUC_BINARY_FNS(X)                                                                                       \
  X(add) X(sub) X(mul) X(div) X(min) X(max) X(pow) X(prelu) X(mod) X(fmod) X(bit_and) X(bit_or) X(bit_xor)       \
  X(shift_left) X(shift_right)
// clang-format on
#define MCUC_COMPARE_FNS(X) X(equal) X(not_equal) X(less) X(less_equal)
#define MCUC_REDUCE_FNS(X) X(sum) X(mean) X(max) X(min) X(prod)
#define MCUC_SCATTER_FNS(X) X(set) X(add) X(mul) X(min) X(max)
#define MCUC_PAD_MODES(X) X(constant) X(reflect) X(edge)
#define MCUC_RESIZE_MODES(X) X(nearest) X(linear)
#define MCUC_RESIZE_TRANSFORMS(X) X(half_pixel) X(pytorch_half_pixel) X(asymmetric) X(align_corners)
#define MCUC_RESIZE_ROUNDS(X) X(round_prefer_floor) X(round_prefer_ceil) X(floor) X(ceil)
#define MCUC_ACT_KINDS(X) X(none) X(relu) X(clip)
#define MCUC_POOL_KINDS(X) X(none) X(max) X(avg)
#define MCUC_LAYER_KERNELS(X) X(plain) X(list) X(pairs) X(narrow)
#define MCUC_CELL_KINDS(X) X(rnn) X(gru) X(gru_after) X(lstm) X(lstm_coupled)

#define MCUC_ATTRIBUTE_ENUMS(X)              \
  X(UnaryFn, MCUC_UNARY_FNS)                 \
  X(BinaryFn, MCUC_BINARY_FNS)               \
  X(CompareFn, MCUC_COMPARE_FNS)             \
  X(ReduceFn, MCUC_REDUCE_FNS)               \
  X(ScatterFn, MCUC_SCATTER_FNS)             \
  X(PadMode, MCUC_PAD_MODES)                 \
  X(ResizeMode, MCUC_RESIZE_MODES)           \
  X(ResizeTransform, MCUC_RESIZE_TRANSFORMS) \
  X(ResizeRound, MCUC_RESIZE_ROUNDS)         \
  X(ActKind, MCUC_ACT_KINDS)                 \
  X(PoolKind, MCUC_POOL_KINDS)               \
  X(LayerKernel, MCUC_LAYER_KERNELS)         \
  X(CellKind, MCUC_CELL_KINDS)

#define MCUC_ENUMERATOR(name) name,
#define X(Enum, LIST)                                                             \
  enum class Enum : uint8_t { LIST(MCUC_ENUMERATOR) };                            \
  const char* EnumName(Enum value);                                               \
  bool ParseEnum(const std::string& name, Enum* value); /* false: no such name */ \
  std::vector<std::string> EnumNames(Enum);             /* every name, for messages and docs */
MCUC_ATTRIBUTE_ENUMS(X)
#undef X
#undef MCUC_ENUMERATOR

// A fused activation that an integer clamp can express. Text: `relu`, `clip(0, 6)`.
struct Act {
  ActKind kind = ActKind::none;
  float lo = 0;  // of clip, lo <= hi, may be infinite
  float hi = 0;

  bool operator==(const Act&) const = default;
};

// A fused pooling of the operation's H x W output. Text: `pool = max{kernel = {2, 2}, strides = {2, 2}}`.
struct Pool {
  PoolKind kind = PoolKind::none;
  Pair kernel = {1, 1};
  Pair strides = {1, 1};
  Pads pads = {};     // max only; never wins. avg: every window lies wholly within the convolution's output
  bool ceil = false;  // max only

  bool operator==(const Pool&) const = default;
};

// struct ConvAttrs { Pair strides = {1, 1}; … }
#define ATTR(type, name, doc, ...) type name = __VA_ARGS__;
#define OP(Name, text, operands, summary, ...)           \
  struct Name##Attrs {                                   \
    __VA_ARGS__                                          \
    bool operator==(const Name##Attrs&) const = default; \
  };
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR

enum class Op : uint8_t {
#define ATTR(...)
#define OP(Name, ...) k##Name,
#include "mcuc/IR/Ops.def"
#undef OP
};

using Attributes = std::variant<
#define OP(Name, ...) Name##Attrs,
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR
    std::monostate>;  // ends the list; never held by a node

// VisitAttributes(attrs, f) calls f(name, doc, field&) for each attribute in table order.
#define ATTR(type, name, doc, ...) f(#name, doc, attrs.name);
#define OP(Name, text, operands, summary, ...)            \
  template <typename F>                                   \
  void VisitAttributes(Name##Attrs& attrs, F&& f) {       \
    (void)attrs, (void)f;                                 \
    __VA_ARGS__                                           \
  }                                                       \
  template <typename F>                                   \
  void VisitAttributes(const Name##Attrs& attrs, F&& f) { \
    (void)attrs, (void)f;                                 \
    __VA_ARGS__                                           \
  }
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR

// What the table says of an operation.
struct OpInfo {
  const char* name;                   // text name, "conv"
  const char* summary;                // one line
  std::vector<std::string> operands;  // names in order, without their marks
  int min_operands;
  int max_operands;  // -1: any number
};

const OpInfo& InfoOf(Op op);
inline const char* OpName(Op op) { return InfoOf(op).name; }
int OpCount();
// The default attributes of the operation of this text name; false: no such operation.
bool AttributesByName(const std::string& name, Attributes* attrs);
inline Op OpOf(const Attributes& attrs) { return static_cast<Op>(attrs.index()); }

}  // namespace mcuc

#endif  // MCUC_IR_OPS_H
