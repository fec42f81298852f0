// When a value's storage is in use, and where a result may take its operand's place.
#include <algorithm>

#include "mcuc/IR/Verify.h"

namespace mcuc {

namespace {

LiveRange OwnRange(const Graph& graph, const Value& value) {
  LiveRange range{-1, -1};
  int64_t i = 0;
  for (const auto& node : graph.nodes()) {
    if (node->result() == &value) range.first = range.last = i;
    const auto& operands = node->operands();
    if (std::find(operands.begin(), operands.end(), &value) != operands.end()) range.last = i;
    ++i;
  }
  if (graph.IsOutput(&value)) range.last = i - 1;
  return range;
}

}  // namespace

LiveRange LiveRangeOf(const Graph& graph, const Value& value) {
  LiveRange range = OwnRange(graph, value);
  for (const auto& node : graph.nodes()) {
    const Value& other = *node->result();
    if (!other.placement() || other.placement()->storage_of != &value || &other == &value) continue;
    const LiveRange own = OwnRange(graph, other);
    range.first = std::min(range.first, own.first);
    range.last = std::max(range.last, own.last);
  }
  return range;
}

// The kernels of runtime/ honour exactly this list (docs/ir.md, "Placements").
bool MayRunInPlace(const Node& node, size_t operand) {
  const Value* value = node.operand(operand);
  if (!value || value->is_constant()) return false;
  const Type &from = value->type(), &to = node.result()->type();
  if (ElementTypeBytes(from.element) != ElementTypeBytes(to.element) || from.elements() != to.elements()) return false;
  switch (node.op()) {
    case Op::kUnary:
    case Op::kReshape:
    case Op::kIdentity:
    case Op::kCast:
    case Op::kQuantize:
    case Op::kDequantize:
    case Op::kRequantize:
    case Op::kCumSum:
      return true;
    case Op::kLut:
      return operand == 0;
    case Op::kBinary:
    case Op::kCompare:
    case Op::kSelect:
      // An operand that is broadcast is read again after its element has been overwritten.
      return from.shape == to.shape;
    case Op::kSoftmax:
      // A row's maximum and sum are taken before its first element is written.
      return operand == 0 && node.As<SoftmaxAttrs>().axis == from.rank() - 1;
    default:
      return false;
  }
}

}  // namespace mcuc
