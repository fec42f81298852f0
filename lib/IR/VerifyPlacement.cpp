// The rules of placements. Each placed value occupies an interval of bytes of one memory (the arena, or the caller's
// memory of a graph input or output), each part of it from the moment it is written to the one it is read last, as the
// trace of the graph has it (Walk.h). Two values may meet in both only where
//   - one is computed exactly in the place of the other, its operand, each part of which dies there (MayRunInPlace), or
//   - both are views of one value: the same bytes, by reshape and identity alone.
#include <algorithm>
#include <unordered_map>

#include "Verifier.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

namespace {

struct Stored {
  const Value* value;
  const Value* memory;  // the input or output whose memory it is; null: the arena
  int64_t begin, end;   // bytes within the memory
  LiveRange live;
  const Value* root = nullptr;  // what the value is a view of; itself where of nothing
  const std::vector<Span>* spans = nullptr;

  bool SamePlace(const Stored& other) const {
    return memory == other.memory && begin == other.begin && end == other.end;
  }
};

// Own live ranges of all values: outputs last to the end.
std::unordered_map<const Value*, LiveRange> LiveRanges(const Graph& graph) {
  std::unordered_map<const Value*, LiveRange> ranges;
  for (const Value* input : graph.inputs()) ranges[input] = {-1, -1};
  int64_t i = 0;
  for (const auto& node : graph.nodes()) {
    for (const Value* operand : node->operands()) {
      if (!operand->is_constant()) ranges[operand].last = i;
    }
    ranges[node->result()] = {i, i};
    ++i;
  }
  for (const Value* output : graph.outputs()) ranges[output].last = i - 1;
  return ranges;
}

// Whether `meet(s, t)` for some spans of the two values that share a byte and a moment.
template <typename F>
bool AnyMeeting(const Stored& a, const Stored& b, F&& meet) {
  const auto earlier = [](const Span& s, const Span& t) { return s.last < t.last; };
  for (const auto& [from, to] : {std::pair(a.spans, b.spans), std::pair(b.spans, a.spans)}) {
    // Spans are in the order of their first moments.
    if (from->empty() || std::max_element(from->begin(), from->end(), earlier)->last < to->front().first) return false;
  }
  for (const Span& s : *a.spans) {
    for (const Span& t : *b.spans) {
      if (&s == &t || s.first > t.last || t.first > s.last) continue;
      if (a.begin + s.begin < b.begin + t.end && b.begin + t.begin < a.begin + s.end && meet(s, t)) return true;
    }
  }
  return false;
}

// True where `later` is computed exactly in the place of its operand `earlier`, each part of which dies there.
bool IsInPlace(const Stored& earlier, const Stored& later) {
  const Node* node = later.value->def();
  if (!node || !later.SamePlace(earlier) || later.value->stripes() != earlier.value->stripes() ||
      later.value->layout() != earlier.value->layout()) {
    return false;
  }
  if (AnyMeeting(earlier, later, [](const Span& s, const Span& t) { return s.last > t.first; })) return false;
  bool is_operand = false;
  for (size_t i = 0; i < node->operands().size(); ++i) {
    if (node->operand(i) != earlier.value) continue;
    is_operand = true;
    if (!MayRunInPlace(*node, i)) return false;
  }
  return is_operand;
}

std::string PlaceText(const Stored& stored) {
  const std::string memory = stored.memory ? stored.memory->Text() : "arena";
  return absl::StrCat(stored.value->Text(), " in ", memory, " [", stored.begin, ", ", stored.end, ") live [",
                      stored.live.first, ", ", stored.live.last, "]");
}

bool IsView(const Node& node) { return node.op() == Op::kReshape || node.op() == Op::kIdentity; }

// The value that `stored`, whose operand's place is known already, is a view of in that place; itself if of none.
const Value* RootOf(const Stored& stored, const std::vector<Stored>& all,
                    const std::unordered_map<const Value*, size_t>& index) {
  const Node* def = stored.value->def();
  if (!def || !IsView(*def)) return stored.value;
  const auto operand = index.find(def->operand(0));
  if (operand == index.end() || !stored.SamePlace(all[operand->second])) return stored.value;
  if (def->operand(0)->stripes() != stored.value->stripes()) return stored.value;
  if (def->operand(0)->layout() != stored.value->layout()) return stored.value;
  return all[operand->second].root;
}

}  // namespace

void Verifier::CheckPlacements() {
  const int before = errors_;
  for (const Value* input : graph_.inputs()) {
    if (input->stripes() != Stripes{} || input->layout() != Layout{}) {
      Error(*input, "an input does not lie in stripes or row-planar");
    }
  }
  for (const auto& node : graph_.nodes()) {
    const Stripes& stripes = node->result()->stripes();
    if ((stripes != Stripes{} || node->result()->layout() != Layout{}) && graph_.IsOutput(node->result())) {
      Error(*node, "an output does not lie in stripes or row-planar");
    }
    if (const absl::Status status = CheckWalk(*node); !status.ok()) Error(*node, status.message());
  }
  if (errors_ > before) return;
  const Trace trace = TraceOf(graph_);
  if (!trace.status.ok()) Report(Location{graph_.source(), 0, 0, "", "", ""}, std::string(trace.status.message()));
  const auto ranges = LiveRanges(graph_);
  std::vector<Stored> all;
  std::unordered_map<const Value*, size_t> index;  // in `all`
  for (const Value* value : graph_.values()) {
    if (value->is_constant()) {
      if (value->placement()) Error(*value, "a constant has no placement; it lies in flash");
      continue;
    }
    const bool is_parameter = value->is_input() || graph_.IsOutput(value);
    if (!value->placement()) {
      if (is_parameter) {
        Stored stored{value, value, 0, value->type().bytes(), ranges.at(value), value, &trace.values.at(value)};
        stored.root = RootOf(stored, all, index);
        index[value] = all.size();
        all.push_back(stored);
      } else if (graph_.arena_bytes()) {
        Error(*value, "has no placement, though the graph has an arena");
      }
      continue;
    }
    Stored stored{value, nullptr, 0, 0, ranges.at(value), value, &trace.values.at(value)};
    std::optional<int64_t> offset = value->placement()->arena_offset;
    if (const Value* storage = value->placement()->storage_of) {
      if (storage == value || !(storage->is_input() || graph_.IsOutput(storage)) ||
          (storage->placement() && !storage->placement()->arena_offset)) {
        Error(*value, "can't lie in ", storage->Text(), ": that must be an input or output with memory of its own");
        continue;
      }
      if (is_parameter) {
        Error(*value, "an input or output can't lie in ", storage->Text(), "; it may lie in the arena");
        continue;
      }
      if (value->type().bytes() > storage->type().bytes() ||
          ElementTypeBytes(value->type().element) != ElementTypeBytes(storage->type().element)) {
        Error(*value, TypeText(value->type()), " does not fit into ", storage->Text(), ": ", TypeText(storage->type()));
        continue;
      }
      stored.memory = storage;
      if (storage->placement()) {
        stored.memory = nullptr;
        offset = storage->placement()->arena_offset;
      }
    }
    if (!stored.memory) {
      const int64_t bytes = StoredBytes(*value), alignment = ElementTypeBytes(value->type().element);
      if (!offset || !graph_.arena_bytes()) {
        Error(*value, "lies in the arena, but the graph has none");
        continue;
      }
      if (*offset < 0 || bytes > *graph_.arena_bytes() || *offset > *graph_.arena_bytes() - bytes) {
        Error(*value, "its ", bytes, " bytes at arena+", *offset, " are not within the arena of ",
              *graph_.arena_bytes(), " bytes");
        continue;
      }
      if (*offset % alignment != 0) {
        Error(*value, "arena+", *offset, " is no multiple of ", alignment, ", the size of an element of ",
              TypeText(value->type()));
        continue;
      }
      stored.begin = *offset;
    }
    stored.end = stored.begin + StoredBytes(*value);
    stored.root = RootOf(stored, all, index);
    if (stored.memory && stored.memory->is_input() && stored.root != stored.memory) {
      Error(*value, "lies in input ", stored.memory->Text(), ", which is read-only, and is no view of it");
      continue;
    }
    index[value] = all.size();
    all.push_back(stored);
  }
  const auto always = [](const Span&, const Span&) { return true; };
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].value->stripes().slots > 0 && AnyMeeting(all[i], all[i], always)) {
      Error(*all[i].value, "its stripes are overwritten in their ", all[i].value->stripes().slots,
            " slots before they are read last");
    }
    for (size_t j = 0; j < i; ++j) {
      const Stored &a = all[j], &b = all[i];
      if (a.memory != b.memory || a.begin >= b.end || b.begin >= a.end) continue;
      if (!AnyMeeting(a, b, always)) continue;
      if (a.root == b.root && a.SamePlace(b)) continue;
      if (IsInPlace(a, b) || IsInPlace(b, a)) continue;
      Error(*b.value, PlaceText(b), " overlaps ", PlaceText(a));
      if (errors_ > kMaxErrors) return;
    }
  }
  // A kernel's own memory is in use while a step of its node runs, and nothing else that lives then lies there.
  for (const auto& node : graph_.nodes()) {
    const int64_t bytes = MemoryOf(*node).bytes(), scratch = ScratchOf(static_cast<const Node&>(*node));
    if (bytes == 0 && scratch == -1) continue;
    if (!graph_.arena_bytes()) {
      if (scratch != -1) Error(*node, "its kernel's memory lies in the arena, but the graph has none");
      continue;
    }
    if (scratch < 0 || scratch % kScratchAlignment != 0 || bytes > *graph_.arena_bytes() ||
        scratch > *graph_.arena_bytes() - bytes) {
      Error(*node, "its kernel's ", bytes, " bytes at arena+", scratch, " must be at a multiple of ", kScratchAlignment,
            " within the arena of ", *graph_.arena_bytes(), " bytes");
      continue;
    }
    const auto memory = trace.memory.find(node.get());
    if (memory == trace.memory.end()) continue;
    const Stored own{nullptr, nullptr, scratch, scratch + bytes, {}, nullptr, &memory->second};
    for (const Stored& stored : all) {
      if (stored.memory || !AnyMeeting(own, stored, always)) continue;
      Error(*node, "its kernel's ", bytes, " bytes at arena+", scratch, " overlap ", PlaceText(stored));
    }
  }
  if (graph_.arena_bytes() && *graph_.arena_bytes() < 0) {
    Report(Location{graph_.source(), 0, 0, "", "", ""},
           absl::StrCat("the arena has ", *graph_.arena_bytes(), " bytes"));
  }
}

}  // namespace mcuc
