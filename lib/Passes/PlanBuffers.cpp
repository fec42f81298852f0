// Places every computed tensor in one arena, so that RAM is the arena and nothing else:
//
//   %a: i8<…>[6x14x14] = conv %x, …        %a: i8<…>[6x14x14] in arena+0 = conv %x, …
//   %b: i8<…>[16x5x5]  = conv %a, …   ──►  %b: i8<…>[16x5x5] in arena+1176 = conv %a, …
//
// Values that share storage by nature (views; results computed in place of a dying operand) form one buffer first. A
// view of a graph input lies `in` that input, and what an output is a view of, or is computed in place of, lies `in`
// that output. The rest is dynamic storage allocation over live ranges.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

// Values that share one storage.
struct Buffer {
  std::vector<Value*> values;
  Node* kernel = nullptr;            // whose kernel's own memory it is, without values
  const Value* parameter = nullptr;  // the graph input or output whose storage it is; null: it needs room in the arena
  int64_t bytes = 0;
  int64_t alignment = 1;
  int64_t first = 0, last = 0;  // schedule positions, inclusive
  int64_t offset = -1;
};

bool Overlap(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// The lowest aligned offset at which `buffer` touches no placed buffer that is alive at the same time.
int64_t LowestOffset(const Buffer& buffer, const std::vector<const Buffer*>& placed) {
  std::vector<const Buffer*> conflicts;
  for (const Buffer* other : placed) {
    if (Overlap(buffer, *other)) conflicts.push_back(other);
  }
  std::sort(conflicts.begin(), conflicts.end(), [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; });
  int64_t offset = 0;
  for (const Buffer* other : conflicts) {
    if (offset + buffer.bytes <= other->offset) break;
    offset = std::max(offset, RoundUp(other->offset + other->bytes, buffer.alignment));
  }
  return offset;
}

int64_t PeakOf(const std::vector<Buffer>& buffers) {
  int64_t peak = 0;
  for (const Buffer& buffer : buffers) peak = std::max(peak, buffer.offset + buffer.bytes);
  return peak;
}

// No plan needs less than what is alive at once at some position.
int64_t LowerBound(const std::vector<Buffer>& buffers) {
  int64_t bound = 0;
  for (const Buffer& at : buffers) {
    int64_t alive = 0;
    for (const Buffer& other : buffers) {
      if (other.first <= at.first && at.first <= other.last) alive += other.bytes;
    }
    bound = std::max(bound, alive);
  }
  return bound;
}

// Largest first, each at its lowest offset.
void PlanGreedy(std::vector<Buffer>& buffers) {
  std::vector<Buffer*> order;
  for (Buffer& buffer : buffers) order.push_back(&buffer);
  std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
  std::vector<const Buffer*> placed;
  for (Buffer* buffer : order) {
    buffer->offset = LowestOffset(*buffer, placed);
    placed.push_back(buffer);
  }
}

// In schedule order, alternately from the bottom and from the top of an arena of the lower bound's size. For a chain
// this is the ping-pong of two buffers and needs just the largest adjacent pair. False: something did not fit.
bool PlanAlternateEnds(std::vector<Buffer>& buffers, int64_t arena) {
  std::vector<Buffer*> order;
  for (Buffer& buffer : buffers) order.push_back(&buffer);
  std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->first < b->first; });
  bool top = false;
  for (size_t i = 0; i < order.size(); ++i, top = !top) {
    Buffer& buffer = *order[i];
    buffer.offset = top ? (arena - buffer.bytes) / buffer.alignment * buffer.alignment : 0;
    if (buffer.offset < 0) return false;
    for (size_t j = 0; j < i; ++j) {
      const Buffer& other = *order[j];
      if (Overlap(buffer, other) && buffer.offset < other.offset + other.bytes &&
          other.offset < buffer.offset + buffer.bytes) {
        return false;
      }
    }
  }
  return true;
}

// Branch and bound over the orders in which buffers are dropped to their lowest offset, offsets not falling: a plan of
// least size, pushed down as far as it goes, is one of these. Gives up after a fixed number of steps, so that the
// result does not depend on the machine's speed.
class ExactPlan {
 public:
  ExactPlan(std::vector<Buffer>& buffers, int64_t bound) : buffers_(buffers), bound_(bound) {
    best_ = PeakOf(buffers_);
    for (const Buffer& buffer : buffers_) best_offsets_.push_back(buffer.offset);
    for (Buffer& buffer : buffers_) buffer.offset = -1;
    Search(0);
    for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].offset = best_offsets_[i];
  }

 private:
  static constexpr int64_t kSteps = 200000;

  void Search(int64_t floor) {
    if (best_ == bound_ || ++steps_ > kSteps) return;
    if (placed_.size() == buffers_.size()) {
      best_ = PeakOf(buffers_);  // smaller than before, or Search would not have come here
      for (size_t i = 0; i < buffers_.size(); ++i) best_offsets_[i] = buffers_[i].offset;
      return;
    }
    std::vector<std::pair<int64_t, size_t>> next;  // offset, buffer
    for (size_t i = 0; i < buffers_.size(); ++i) {
      if (buffers_[i].offset >= 0) continue;
      const int64_t offset = LowestOffset(buffers_[i], placed_);
      if (offset + buffers_[i].bytes >= best_) return;  // it only gets higher: no better plan below here
      if (offset >= floor) next.push_back({offset, i});
    }
    std::stable_sort(next.begin(), next.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : buffers_[a.second].bytes > buffers_[b.second].bytes;
    });
    for (const auto& [offset, i] : next) {
      buffers_[i].offset = offset;
      placed_.push_back(&buffers_[i]);
      Search(offset);
      placed_.pop_back();
      buffers_[i].offset = -1;
    }
  }

  std::vector<Buffer>& buffers_;
  std::vector<const Buffer*> placed_;
  std::vector<int64_t> best_offsets_;
  int64_t bound_, best_ = 0, steps_ = 0;
};

class PlanBuffers : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    std::vector<Buffer> buffers = FormBuffers(graph);
    std::vector<Buffer> arena;
    for (Buffer& buffer : buffers) {
      if (!buffer.parameter) arena.push_back(buffer);
    }
    const int64_t bound = LowerBound(arena);
    Plan(arena, bound);
    for (const Buffer& buffer : arena) {
      for (Value* value : buffer.values) value->set_placement(Placement{buffer.offset, nullptr});
      if (buffer.kernel) std::get<ConvAttrs>(buffer.kernel->attrs()).scratch = buffer.offset;
    }
    for (const Buffer& buffer : buffers) {
      for (Value* value : buffer.values) {
        if (buffer.parameter && value != buffer.parameter) {
          value->set_placement(Placement{std::nullopt, buffer.parameter});
        }
      }
    }
    const int64_t peak = PeakOf(arena);
    graph.set_arena_bytes(peak);
    if (ram_ > 0 && peak > ram_) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the arena needs ", peak, " bytes, ", peak - ram_, " over ram=", ram_, " (lower bound of this order ", bound,
          "); what is largest: ", Largest(arena), ". ", io_ ? "" : "Inputs and outputs are beside it. ",
          "Pools fused into convolutions, fewer channels (prune-channels behind pruning), int8 instead of float "
          "(--calibrate=) or a smaller input would help"));
    }
    context.Remark(graph, nullptr, Describe(arena, peak, bound));
    return true;
  }

  void Options(PassOptions& options) override {
    options.Add("io", "place the graph's inputs and outputs in the arena too (--io-in-arena), reusing their bytes",
                &io_);
    options.Add("ram", "an error where the arena is larger than this many bytes; 0: no limit", &ram_);
    options.Add("in-place", "compute in place of a dying operand where the operation allows it", &in_place_);
    options.Add("exact", "search for the best plan with at most this many buffers; beyond, largest first", &exact_);
    options.Add("align", "least alignment of a buffer in bytes, a power of two", &align_);
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return R"(
Values that share storage form one buffer: a reshape and its operand, and a result computed in place of an operand that
dies there. A view of a graph input lies in that input; what becomes an output through a view or in place lies in that
output. The other buffers go into one arena by their live ranges: alternately at its two ends (for a chain this is the
ping-pong of 2007.01348 and needs only the largest adjacent pair), else largest first, and with few buffers a branch and
bound search for the least arena. The remark (`--remarks`) lists each tensor's offset, the peak, the lower bound (the most
bytes alive at once) and the gap between them; the verifier checks that nothing alive overlaps.)";
  }

 private:
  // A parameter has storage of its caller's, unless inputs and outputs lie in the arena too.
  const Value* ParameterOf(const Graph& graph, const Value* value) const {
    return !io_ && (value->is_input() || graph.IsOutput(value)) ? value : nullptr;
  }

  std::vector<Buffer> FormBuffers(const Graph& graph) const {
    const std::vector<Node*> nodes = graph.node_vector();
    const int64_t end = static_cast<int64_t>(nodes.size());
    std::vector<Buffer> buffers;
    std::map<const Value*, size_t> buffer_of;
    const auto last_use = [&](const Value* value) {
      int64_t last = graph.IsOutput(value) ? end : -1;
      for (int64_t i = 0; i < end; ++i) {
        const auto& operands = nodes[static_cast<size_t>(i)]->operands();
        if (std::count(operands.begin(), operands.end(), value)) last = std::max(last, i);
      }
      return last;
    };
    const auto add = [&](Value* value, int64_t position) {
      buffer_of[value] = buffers.size();
      const int64_t alignment = std::max(align_, ElementTypeBytes(value->type().element));
      buffers.push_back({{value},
                         nullptr,
                         ParameterOf(graph, value),
                         value->type().bytes(),
                         alignment,
                         position,
                         std::max(position, last_use(value)),
                         -1});
    };
    for (Value* input : graph.inputs()) add(input, -1);
    for (int64_t i = 0; i < end; ++i) {
      const Node& node = *nodes[static_cast<size_t>(i)];
      add(node.result(), i);
      const std::optional<size_t> shared = SharedOperand(node, i, buffers, buffer_of);
      if (!shared) continue;
      Buffer& into = buffers[buffer_of.at(node.operand(*shared))];
      Buffer& result = buffers.back();
      into.values.push_back(node.result());
      into.last = std::max(into.last, result.last);
      into.alignment = std::max(into.alignment, result.alignment);
      if (!into.parameter) into.parameter = result.parameter;
      buffer_of[node.result()] = static_cast<size_t>(&into - buffers.data());
      buffers.pop_back();
    }
    for (int64_t i = 0; i < end; ++i) {
      Node* node = nodes[static_cast<size_t>(i)];
      const int64_t bytes = MemoryOf(*node).bytes();
      if (bytes > 0) buffers.push_back({{}, node, nullptr, bytes, std::max(align_, kScratchAlignment), i, i, -1});
    }
    return buffers;
  }

  // The operand whose buffer the node's result may share.
  std::optional<size_t> SharedOperand(const Node& node, int64_t position, const std::vector<Buffer>& buffers,
                                      const std::map<const Value*, size_t>& buffer_of) const {
    const Buffer& result = buffers.back();
    const bool view = node.If<ReshapeAttrs>() || node.If<IdentityAttrs>();
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const auto found = buffer_of.find(node.operand(i));
      if (found == buffer_of.end()) continue;  // a constant
      const Buffer& operand = buffers[found->second];
      if (operand.bytes != result.bytes) continue;
      if (operand.parameter && result.parameter) continue;  // two storages of the caller's: it is a copy
      // What lies in a parameter is of its element type, so that the caller's array is only ever accessed as such.
      const Value* parameter = operand.parameter ? operand.parameter : result.parameter;
      if (parameter && !SameElementType(operand, *node.result(), *parameter)) continue;
      if (view) return i;
      const bool callers_input = operand.parameter && operand.parameter->is_input();
      if (in_place_ && !callers_input && operand.last <= position && MayRunInPlace(node, i)) return i;
    }
    return std::nullopt;
  }

  static bool SameElementType(const Buffer& buffer, const Value& result, const Value& parameter) {
    const ElementType element = parameter.type().element;
    return result.type().element == element &&
           std::all_of(buffer.values.begin(), buffer.values.end(),
                       [&](Value* value) { return value->type().element == element; });
  }

  void Plan(std::vector<Buffer>& buffers, int64_t bound) const {
    int64_t alignment = 1;
    for (const Buffer& buffer : buffers) alignment = std::max(alignment, buffer.alignment);
    if (PlanAlternateEnds(buffers, bound)) return;
    PlanGreedy(buffers);
    if (PeakOf(buffers) > bound && static_cast<int64_t>(buffers.size()) <= exact_) ExactPlan(buffers, bound);
    // Where the bound is no multiple of the alignment a chain may need those few bytes more.
    std::vector<Buffer> aligned = buffers;
    if (PlanAlternateEnds(aligned, RoundUp(bound, alignment)) && PeakOf(aligned) < PeakOf(buffers)) buffers = aligned;
  }

  static std::string Largest(const std::vector<Buffer>& buffers) {
    const auto most = std::max_element(buffers.begin(), buffers.end(),
                                       [](const Buffer& a, const Buffer& b) { return a.bytes < b.bytes; });
    return absl::StrCat(most->values[0]->Text(), " of ", most->bytes, " bytes");
  }

  static std::string Describe(const std::vector<Buffer>& buffers, int64_t peak, int64_t bound) {
    std::string text = absl::StrCat("arena of ", peak, " bytes, lower bound ", bound, ", gap ", peak - bound);
    for (const Buffer& buffer : buffers) {
      if (buffer.kernel) {
        absl::StrAppend(&text, "\n  the kernel of ", buffer.kernel->result()->Text(), ": arena+", buffer.offset, " to ",
                        buffer.offset + buffer.bytes, ", at step ", buffer.first);
      }
      for (const Value* value : buffer.values) {
        absl::StrAppend(&text, "\n  ", value->Text(), ": arena+", buffer.offset, " to ", buffer.offset + buffer.bytes,
                        ", alive over steps ", buffer.first, " to ", buffer.last);
      }
    }
    return text;
  }

  bool io_ = false;
  int64_t ram_ = 0;
  bool in_place_ = true;
  int64_t exact_ = 24;
  int64_t align_ = 1;
};

}  // namespace

std::unique_ptr<Pass> CreatePlanBuffers() { return std::make_unique<PlanBuffers>(); }

}  // namespace mcuc
