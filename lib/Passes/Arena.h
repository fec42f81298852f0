// Buffers in one arena: what plan-buffers places, the search for offsets, and a picture of the result. Buffers are
// rigid: at each moment a buffer occupies some spans of its bytes, and two buffers may share a byte whenever no span of
// one is in use there while a span of the other is.
#ifndef MCUC_LIB_PASSES_ARENA_H
#define MCUC_LIB_PASSES_ARENA_H

#include <cstdint>
#include <string>
#include <vector>

#include "mcuc/IR/Graph.h"

namespace mcuc {

// Bytes [begin, end) of a buffer, in use from moment `first` to moment `last`, both included.
struct Span {
  int64_t begin = 0, end = 0, first = 0, last = 0;
};

// Values that share one storage, or the memory that a node's kernel works with.
struct Buffer {
  std::vector<Value*> values;
  Node* kernel = nullptr;            // whose kernel's own memory it is, without values
  const Value* parameter = nullptr;  // the graph input or output whose storage it is; null: it needs room in the arena
  int64_t bytes = 0;
  int64_t alignment = 1;
  int64_t first = 0, last = 0;  // the moments of its spans lie within
  std::vector<Span> spans;
  int64_t offset = -1;  // in the arena, once placed
};

int64_t PeakOf(const std::vector<Buffer>& buffers);
// No plan of these buffers needs less than what is in use at once at some moment.
int64_t LowerBoundOf(const std::vector<Buffer>& buffers);
// Finds offsets: two ends alternately, then largest first, then, with at most `exact` buffers, branch and bound.
void PlaceInArena(std::vector<Buffer>& buffers, int64_t exact);

// The placed buffers over the steps of the schedule, one line a step: a letter a buffer, '#' a kernel's memory. The
// moments of step i are [moments[i], moments[i + 1]); what comes before moments[0] are the graph's inputs.
std::string ArenaPicture(const Graph& graph, const std::vector<Buffer>& buffers, const std::vector<int64_t>& moments);

// The order of the nodes in which the fewest bytes are in use at once, as far as it is found (ReorderForMemory.cpp);
// `io`: inputs and outputs count. The given order, where nothing is gained by another.
std::vector<Node*> OrderForMemory(const Graph& graph, bool io, bool in_place);

}  // namespace mcuc

#endif  // MCUC_LIB_PASSES_ARENA_H
