// Buffers in one arena: what plan-buffers places, the search for offsets, and a picture of the result. Buffers are
// rigid: at each moment a buffer occupies some spans of its bytes, and two buffers may share a byte whenever no span of
// one is in use there while a span of the other is.
#ifndef MCUC_LIB_PASSES_ARENA_H
#define MCUC_LIB_PASSES_ARENA_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

// Values that share one storage, or the memory that a node's kernel works with.
struct Buffer {
  std::vector<Value*> values;
  Node* kernel = nullptr;            // whose kernel's own memory it is, without values
  const Value* parameter = nullptr;  // the graph input or output whose storage it is; null: it needs room in the arena
  int64_t bytes = 0;
  int64_t alignment = 1;
  int64_t first = 0, last = 0;  // the moments of its spans lie within
  std::vector<Span> spans;      // of the trace (Walk.h)
  int64_t offset = -1;          // in the arena, once placed
};

int64_t PeakOf(const std::vector<Buffer>& buffers);
// No plan of these buffers needs less than what is in use at once at some moment.
int64_t LowerBoundOf(const std::vector<Buffer>& buffers);
// The most bytes in use at once during each turn of the trace.
std::vector<int64_t> BytesInUse(const std::vector<Buffer>& buffers, const Trace& trace);
// Finds offsets: two ends alternately, then largest first, then with what is on top first, and, with at most `exact`
// buffers, branch and bound.
void PlaceInArena(std::vector<Buffer>& buffers, int64_t exact);

// The placed buffers over the schedule, one line a step, or a turn of several: a letter a buffer, '#' a kernel's
// memory.
std::string ArenaPicture(const Graph& graph, const std::vector<Buffer>& buffers, const Trace& trace);

// The order of the nodes in which the fewest bytes are in use at once, as far as it is found (ReorderForMemory.cpp);
// `io`: inputs and outputs count. The given order, where nothing is gained by another.
std::vector<Node*> OrderForMemory(const Graph& graph, bool io, bool in_place);

// How a node's result is stored, and by which kernel it is computed: what StreamRows decides.
struct Storage {
  Stripes stripes;
  Layout layout;
  LayerKernel kernel = LayerKernel::plain;  // of a conv
};
std::vector<Storage> StorageOf(const Graph& graph);  // of all nodes, in order
void SetStorage(const Graph& graph, const std::vector<Storage>& storage);

// Has values stored in stripes of rows, so that chains of layers run a few rows at a time and results overlap their
// operands, until no more than `ram` bytes are in use at once or nothing more is gained (StreamRows.cpp).
// `buffers_of`: the buffers of the graph as it is.
using BuffersOf = std::function<std::vector<Buffer>(const Graph& graph, const Trace& trace)>;
// Returns about how many instructions that adds.
double StreamRows(Graph& graph, int64_t ram, const BuffersOf& buffers_of);

}  // namespace mcuc

#endif  // MCUC_LIB_PASSES_ARENA_H
