// Checks every rule of the IR: arity, shapes, element types, quantization, attribute ranges, encodings, schedule order,
// placements that overlap nothing alive, and the bounds that keep integer arithmetic within 32 bits (docs/numerics.md).
#ifndef MCUC_IR_VERIFY_H
#define MCUC_IR_VERIFY_H

#include <functional>

#include "absl/status/status.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Support/Diagnostic.h"

namespace mcuc {

// Where a node or value stands in a text, for diagnostics; an empty Location where it came from elsewhere.
struct VerifyOptions {
  std::function<Location(const Node&)> locate_node;
  std::function<Location(const Value&)> locate_value;
};

// Reports every broken rule.
void VerifyGraph(const Graph& graph, Diagnostics& diagnostics, const VerifyOptions& options = {});
absl::Status VerifyGraph(const Graph& graph);

// The schedule positions over which a value's storage is in use: [first, last], 0 the first node; -1 before it
// (inputs). Outputs live to the last node. A value stored in another's place or a view keeps that storage alive (see
// Placement).
struct LiveRange {
  int64_t first = 0;
  int64_t last = 0;
};
LiveRange LiveRangeOf(const Graph& graph, const Value& value);

// Operand i of the node may lie at exactly the place of the result (same bytes, same offset): each element is read
// before it is overwritten and never after. Same element size required; the operand must die at the node.
bool MayRunInPlace(const Node& node, size_t operand);

}  // namespace mcuc

#endif  // MCUC_IR_VERIFY_H
