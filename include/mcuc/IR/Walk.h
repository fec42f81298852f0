// In which order nodes touch memory: all at once, a channel after the other, or a stripe of rows after the other, where
// nodes that share a ring of stripes take turns. The planner, the verifier and the emitter ask here, so that what is
// proved of a plan is proved of the code.
#ifndef MCUC_IR_WALK_H
#define MCUC_IR_WALK_H

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

enum class WalkKind : uint8_t {
  kWhole,     // its operands are read and its result is written in any order
  kChannels,  // step c reads channel c of x and nothing else of it, and writes what is computed from it
  kStripes,   // step i computes `rows` rows of the result, from row i * rows on, the last step the last ones
};

struct Walk {
  WalkKind kind = WalkKind::kWhole;
  int64_t steps = 1;
  int64_t rows = 0;  // of the result, of a step of kStripes
  // A step reads a copy of its part of x, made before anything of the result is written: channels x rows x width,
  // padding included. Rows above and below x are part of the copy.
  bool copies = false;
  int64_t copy_channels = 0, copy_rows = 0, copy_width = 0;
  int64_t copy_bytes = 0;
  int64_t result_bytes = 0;  // of a step's result that is written to the node's own memory first; 0: to its place
};
// Of a node that breaks the rules of CheckWalk nothing is known: kWhole.
Walk WalkOf(const Node& node);
// Whether the node can read its operands and write its result as they are stored; the message says why not.
absl::Status CheckWalk(const Node& node);

// The rows of the result of operation `node` that step i of a walk of kStripes computes. Where `rows` does not divide
// the result's, the last step computes some of them again.
struct RowRange {
  int64_t first = 0, end = 0;
};
RowRange RowsOfStep(const Node& node, const Walk& walk, int64_t i);

// The rows of operand 0 from which rows [first, end) of a conv's, a pool's or an elementwise operation's result are
// computed; they may lie above and below it.
RowRange RowsBehind(const Node& node, RowRange of_result);
// The operations that compute each element from those at its place.
bool IsElementwise(const Node& node);

// The node that computes one step of a node of kStripes or kChannels from its copy, or from where x lies: an own node
// in a graph of its own, whose constants are those of the node. Its first operand and its result are new.
// By channels, weights and biases are new too, and those of the first channel.
struct StepNode {
  std::unique_ptr<Graph> graph;
  Node* node = nullptr;
};
StepNode StepNodeOf(const Node& node, const Walk& walk);

// In elements, of an image that lies planar or row-planar: from one to the one below it, and to that of the next
// channel.
struct Pitch {
  int64_t row = 0, plane = 0;
};
Pitch PitchOf(const Value& image);
// Whether the kernel of a conv reads x by its Pitch, and writes each channel's row of the result by it.
bool ReadsByPitch(const Node& node);
// Whether it writes several rows of a result that lies row-planar.
bool WritesByPitch(const Node& node);

// Bytes of a value's place: of all its rows, of its ring of stripes or of its window.
int64_t StoredBytes(const Value& value);

// Bytes [begin, end) of a place, in use from moment `first` to moment `last`, both included.
struct Span {
  int64_t begin = 0, end = 0, first = 0, last = 0;
};

// What a run of the graph does, step by step. Event k takes the moments 2k, at which copies are made, and 2k + 1, at
// which everything else is read and the result written. Moment -1 is before the first.
struct Trace {
  struct Event {
    const Node* node = nullptr;
    int64_t step = 0;
  };
  std::vector<Event> events;
  // Within the value's place, in the order of their first moments.
  std::map<const Value*, std::vector<Span>> values;
  std::map<const Node*, std::vector<Span>> memory;  // within the node's own memory
  // Nodes that take turns, as indices into the schedule, both included, in order; every node is in one.
  struct Turn {
    size_t first = 0, last = 0;
    int64_t begin = 0, end = 0;  // moments [begin, end)
  };
  std::vector<Turn> turns;
  absl::Status status;  // nodes that wait for each other
};
Trace TraceOf(const Graph& graph);
// The indices of the nodes that take turns, in the order in which each computes its next step.
std::vector<size_t> TurnOrder(const std::vector<Node*>& nodes, absl::Status* status);

}  // namespace mcuc

#endif  // MCUC_IR_WALK_H
