// Places every computed tensor in one arena, so that RAM is the arena and nothing else:
//
//   %a: i8<…>[6x14x14] = conv %x, …        %a: i8<…>[6x14x14] in arena+0 = conv %x, …
//   %b: i8<…>[16x5x5]  = conv %a, …   ──►  %b: i8<…>[16x5x5] in arena+1176 = conv %a, …
//
// Values that share storage by nature (views; results computed in place of a dying operand) form one buffer first. A
// view of a graph input lies `in` that input, and what an output is a view of, or is computed in place of, lies `in`
// that output. The rest is dynamic storage allocation over live ranges (Arena.cpp), in the order of the nodes that
// needs the least (ReorderForMemory.cpp).
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "Arena.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/IR/Walk.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

class PlanBuffers : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    Plan plan = PlanOf(graph);
    if (reorder_) Reorder(graph, plan, context);
    if (ram_ > 0 && stream_ && PeakOf(plan.arena) > ram_) Stream(graph, plan, context);
    if (ram_ == 0 && stream_ && slower_ > 0) Shrink(graph, plan, context);
    const std::vector<Buffer>& arena = plan.arena;
    for (const Buffer& buffer : arena) {
      for (Value* value : buffer.values) value->set_placement(Placement{buffer.offset, nullptr});
      if (buffer.kernel) *ScratchOf(*buffer.kernel) = buffer.offset;
    }
    for (const Buffer& buffer : plan.parameters) {
      for (Value* value : buffer.values) {
        if (buffer.parameter && value != buffer.parameter) {
          value->set_placement(Placement{std::nullopt, buffer.parameter});
        }
      }
    }
    const int64_t peak = PeakOf(arena), bound = LowerBoundOf(arena);
    graph.set_arena_bytes(peak);
    if (ram_ > 0 && peak > ram_) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the arena needs ", peak, " bytes, ", peak - ram_, " over ram=", ram_,
          ", by the least plan that is found (lower bound of its order ", bound, "); what is largest: ", Largest(arena),
          "; the most is in use ", MostInUse(graph, arena), ". ", io_ ? "" : "Inputs and outputs are beside it. ",
          "Pools fused into convolutions, fewer channels (prune-channels behind pruning), int8 instead of float "
          "(--calibrate=) or a smaller input would help"));
    }
    const Trace trace = TraceOf(graph);
    context.Remark(graph, nullptr, Describe(graph, plan, trace) + ArenaPicture(graph, arena, trace));
    return true;
  }

  void Options(PassOptions& options) override {
    options.Add("io", "place the graph's inputs and outputs in the arena too (--io-in-arena), reusing their bytes",
                &io_);
    options.Add("ram", "the most bytes of the arena: more is an error, if streaming does not help; 0: no limit", &ram_);
    options.Add("stream", "where the arena is over ram, run layers a few rows at a time", &stream_);
    options.Add("slower",
                "without ram: run layers a few rows at a time where arena and code become smaller by that and, by the "
                "target's model, it takes at most so many percent more instructions",
                &slower_);
    options.Add("in-place", "compute in place of a dying operand where the operation allows it", &in_place_);
    options.Add("reorder", "run the operations in another order where less is in use at once then", &reorder_);
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
bound search for the least arena. Before that the operations are put into the order in which the fewest bytes are in use at
once (the search of 2003.02369: exact where few sets of operations of each size can have run, up to 2,000 in a graph of 15
operations, else only the best of them go on); the order stays as it is unless another one makes the arena smaller.

A part of a tensor takes room only from the step at which it is written to the one at which it is read last. A depthwise
convolution and a pool run channel by channel, so that their results may lie over the channels that have been read. Where
the arena is over `ram`, segments of convolutions and elementwise operations have their results stored in stripes of rows
(`in arena+0 rows 4`): a layer computes a stripe from a copy of the rows that it needs, and its result may lie over the
stripes that are not needed any more; or the layers of a segment take turns, and what they hand to each other is a ring of
a few stripes (`slots 3`). Between convolutions of int8 results may also lie row-planar (`row_planar`): such rows are read
where they are, without a copy, so that a result may follow its operand row by row; and layers that take turns share a
window of rows with the reader's padding around them (`row_planar window 6 halo 2 2`), which moves up as the reader goes on.
Of the segments, ways and heights tried, that which adds the least time (copies, calls, weights decoded again) is taken
after which not more than `ram` is in use there.

The remark (`--remarks`) lists each tensor's offset, the peak, the lower bound (the most bytes in use at once) and the gap
between them, and draws the arena over time; the verifier follows the same steps and checks that nothing in use is
overwritten.)";
  }

 private:
  struct Plan {
    std::vector<Buffer> arena;       // placed
    std::vector<Buffer> parameters;  // that lie in an input or output of the caller's
  };

  Plan PlanOf(const Graph& graph) const {
    Plan plan;
    for (Buffer& buffer : FormBuffers(graph, TraceOf(graph))) {
      (buffer.parameter ? plan.parameters : plan.arena).push_back(std::move(buffer));
    }
    PlaceInArena(plan.arena, exact_);
    return plan;
  }

  double StreamTo(Graph& graph, int64_t ram) const {
    return StreamRows(graph, ram, [&](const Graph& of, const Trace& trace) {
      std::vector<Buffer> buffers = FormBuffers(of, trace);
      std::erase_if(buffers, [](const Buffer& buffer) { return buffer.parameter != nullptr; });
      return buffers;
    });
  }

  // Of stripes or row-planar, so that a whole walk is a copy.
  static bool IsSpread(const Value& value) { return value.stripes().rows > 0 || value.layout().row_planar; }

  // The code that steps and turns add, about; medians over emitted code on the host, where it is largest.
  static int64_t CodeOfSteps(const Graph& graph) {
    constexpr int64_t kStepped = 60, kCopy = 150, kTurns = 500;
    int64_t bytes = 0;
    bool copies = false;
    for (const auto& node : graph.nodes()) {
      const Walk walk = WalkOf(*node);
      if (walk.kind == WalkKind::kStripes) bytes += kStepped;
      copies |= walk.copies || (walk.kind == WalkKind::kWhole && IsSpread(*node->operand(0)));
    }
    for (const Trace::Turn& turn : TraceOf(graph).turns) {
      if (turn.first < turn.last) bytes += kTurns + (turn.end - turn.begin) / 2;
    }
    return bytes + (copies ? kCopy : 0);
  }

  // Fewer bytes are within what CodeOfSteps may be wrong by.
  static constexpr int64_t kWorthwhile = 256;

  void Shrink(Graph& graph, Plan& plan, const PassContext& context) const {
    double instructions = 0;
    for (const auto& node : graph.nodes()) {
      if (!node->If<ConvAttrs>() && !node->If<FcAttrs>()) continue;
      instructions += context.target->Instructions(*node, node->operand(1)->type().encoding);
    }
    const std::vector<Storage> given = StorageOf(graph);
    std::vector<Storage> best = given;
    const int64_t before = PeakOf(plan.arena);
    int64_t least = before + CodeOfSteps(graph);
    for (int64_t eighths = 7; eighths > 0; --eighths) {
      SetStorage(graph, given);
      const double added = StreamTo(graph, before * eighths / 8);
      if (added * 100 > instructions * static_cast<double>(slower_)) continue;
      Plan other = PlanOf(graph);
      const int64_t bytes = PeakOf(other.arena) + CodeOfSteps(graph);
      if (bytes + kWorthwhile > least) continue;
      least = bytes;
      plan = std::move(other);
      best = StorageOf(graph);
    }
    SetStorage(graph, best);
    const int64_t after = PeakOf(plan.arena);
    if (after < before)
      context.Remark(graph, nullptr, absl::StrCat("rows streamed: ", before, " bytes become ", after));
  }

  // The search for streams goes by what is in use at once; where a plan has gaps, another one for less may fit.
  void Stream(Graph& graph, Plan& plan, const PassContext& context) const {
    const int64_t before = PeakOf(plan.arena);
    const std::vector<Storage> given = StorageOf(graph);
    std::vector<Storage> best = given;
    const auto stream_to = [&](int64_t ram) {
      SetStorage(graph, given);
      StreamTo(graph, ram);
      Plan other = PlanOf(graph);
      if (PeakOf(other.arena) >= PeakOf(plan.arena)) return false;
      plan = std::move(other);
      best = StorageOf(graph);
      return true;
    };
    const int64_t step = std::max<int64_t>(ram_ * 3 / 64, 1);
    for (int64_t ram = ram_; ram >= ram_ * 5 / 8 && PeakOf(plan.arena) > ram_ && ram > ram_ - 9 * step; ram -= step) {
      stream_to(ram);
    }
    // Too little: what is the least?
    for (bool less = true; less && PeakOf(plan.arena) > ram_;) {
      const int64_t peak = PeakOf(plan.arena);
      less = false;
      for (const int64_t part : {64, 63, 62, 60, 56, 48}) less = less || stream_to(peak / 64 * part - 1);
    }
    SetStorage(graph, best);
    const int64_t after = PeakOf(plan.arena);
    if (after < before)
      context.Remark(graph, nullptr, absl::StrCat("rows streamed: ", before, " bytes become ", after));
  }

  // Takes another order of the nodes if that makes the arena smaller.
  void Reorder(Graph& graph, Plan& plan, const PassContext& context) const {
    const std::vector<Node*> given = graph.node_vector(), order = OrderForMemory(graph, io_, in_place_);
    if (order == given) return;
    for (Node* node : order) graph.MoveBefore(node, nullptr);
    Plan other = PlanOf(graph);
    const int64_t before = PeakOf(plan.arena), after = PeakOf(other.arena);
    if (after < before) {
      plan = std::move(other);
      context.Remark(graph, nullptr, absl::StrCat("operations reordered: ", before, " bytes become ", after));
    } else {
      for (Node* node : given) graph.MoveBefore(node, nullptr);
    }
  }

  // A parameter has storage of its caller's, unless inputs and outputs lie in the arena too.
  const Value* ParameterOf(const Graph& graph, const Value* value) const {
    return !io_ && (value->is_input() || graph.IsOutput(value)) ? value : nullptr;
  }

  std::vector<Buffer> FormBuffers(const Graph& graph, const Trace& trace) const {
    std::vector<Buffer> buffers;
    std::map<const Value*, size_t> buffer_of;
    const auto add = [&](Value* value) {
      buffer_of[value] = buffers.size();
      Buffer buffer;
      buffer.values = {value};
      buffer.parameter = ParameterOf(graph, value);
      buffer.bytes = StoredBytes(*value);
      buffer.alignment = std::max(align_, ElementTypeBytes(value->type().element));
      buffer.spans = trace.values.at(value);
      buffers.push_back(std::move(buffer));
    };
    for (Value* input : graph.inputs()) add(input);
    for (const auto& node : graph.nodes()) {
      add(node->result());
      const std::optional<size_t> shared = SharedOperand(*node, buffers, buffer_of, trace);
      if (!shared) continue;
      Buffer& into = buffers[buffer_of.at(node->operand(*shared))];
      Buffer& result = buffers.back();
      into.values.push_back(node->result());
      into.spans.insert(into.spans.end(), result.spans.begin(), result.spans.end());
      into.alignment = std::max(into.alignment, result.alignment);
      if (!into.parameter) into.parameter = result.parameter;
      buffer_of[node->result()] = static_cast<size_t>(&into - buffers.data());
      buffers.pop_back();
    }
    for (const auto& node : graph.nodes()) {
      const auto memory = trace.memory.find(node.get());
      if (memory == trace.memory.end()) continue;
      Buffer buffer;
      buffer.kernel = node.get();
      buffer.bytes = MemoryOf(*node).bytes();
      buffer.alignment = std::max(align_, kScratchAlignment);
      buffer.spans = memory->second;
      buffers.push_back(std::move(buffer));
    }
    for (Buffer& buffer : buffers) {
      if (buffer.values.size() > 1) buffer.spans = United(buffer.spans);
      buffer.first = buffer.last = buffer.spans.front().first;
      for (const Span& span : buffer.spans) {
        buffer.first = std::min(buffer.first, span.first);
        buffer.last = std::max(buffer.last, span.last);
      }
    }
    return buffers;
  }

  // Spans that say the same, of which no two have a byte and a moment in common.
  static std::vector<Span> United(const std::vector<Span>& spans) {
    std::vector<int64_t> edges;
    for (const Span& span : spans) edges.insert(edges.end(), {span.begin, span.end});
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    std::vector<Span> united;
    for (size_t e = 0; e + 1 < edges.size(); ++e) {
      std::vector<Span> here;
      for (const Span& span : spans) {
        if (span.begin <= edges[e] && edges[e] < span.end)
          here.push_back({edges[e], edges[e + 1], span.first, span.last});
      }
      std::sort(here.begin(), here.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
      const size_t begin = united.size();
      for (const Span& span : here) {
        if (united.size() > begin && span.first <= united.back().last + 1) {
          united.back().last = std::max(united.back().last, span.last);
        } else {
          united.push_back(span);
        }
      }
    }
    return united;
  }

  // The operand whose buffer the node's result may share.
  std::optional<size_t> SharedOperand(const Node& node, const std::vector<Buffer>& buffers,
                                      const std::map<const Value*, size_t>& buffer_of, const Trace& trace) const {
    const Buffer& result = buffers.back();
    const bool view = node.If<ReshapeAttrs>() || node.If<IdentityAttrs>();
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const auto found = buffer_of.find(node.operand(i));
      if (found == buffer_of.end()) continue;  // a constant
      const Buffer& operand = buffers[found->second];
      if (operand.bytes != result.bytes || node.operand(i)->stripes() != node.result()->stripes()) continue;
      if (node.operand(i)->layout() != node.result()->layout()) continue;
      if (operand.parameter && result.parameter) continue;  // two storages of the caller's: it is a copy
      // What lies in a parameter is of its element type, so that the caller's array is only ever accessed as such.
      const Value* parameter = operand.parameter ? operand.parameter : result.parameter;
      if (parameter && !SameElementType(operand, *node.result(), *parameter)) continue;
      if (view) return i;
      const bool callers_input = operand.parameter && operand.parameter->is_input();
      if (in_place_ && !callers_input && MayRunInPlace(node, i) && DiesFor(operand, result, trace)) return i;
    }
    return std::nullopt;
  }

  // Each part of the buffer's values is read last at the latest when what takes its place is written.
  static bool DiesFor(const Buffer& buffer, const Buffer& result, const Trace& trace) {
    for (const Value* value : buffer.values) {
      for (const Span& dying : trace.values.at(value)) {
        for (const Span& span : result.spans) {
          if (dying.begin < span.end && span.begin < dying.end && dying.last > span.first) return false;
        }
      }
    }
    return true;
  }

  static bool SameElementType(const Buffer& buffer, const Value& result, const Value& parameter) {
    const ElementType element = parameter.type().element;
    return result.type().element == element &&
           std::all_of(buffer.values.begin(), buffer.values.end(),
                       [&](Value* value) { return value->type().element == element; });
  }

  static std::string Largest(const std::vector<Buffer>& buffers) {
    const auto most = std::max_element(buffers.begin(), buffers.end(),
                                       [](const Buffer& a, const Buffer& b) { return a.bytes < b.bytes; });
    return absl::StrCat(
        most->kernel ? "the kernel's memory of " + most->kernel->result()->Text() : most->values[0]->Text(), " of ",
        most->bytes, " bytes");
  }

  // At which step, or steps that take turns.
  static std::string MostInUse(const Graph& graph, const std::vector<Buffer>& buffers) {
    const Trace trace = TraceOf(graph);
    const std::vector<int64_t> in_use = BytesInUse(buffers, trace);
    const auto most = std::max_element(in_use.begin(), in_use.end());
    const Trace::Turn& turn = trace.turns[static_cast<size_t>(most - in_use.begin())];
    const std::string name = graph.node_vector()[turn.last]->result()->Text();
    return turn.first == turn.last ? absl::StrCat("at step ", turn.first, ", for ", name)
                                   : absl::StrCat("over steps ", turn.first, " to ", turn.last, ", up to ", name);
  }

  static std::string Describe(const Graph& graph, const Plan& plan, const Trace& trace) {
    const int64_t peak = PeakOf(plan.arena), bound = LowerBoundOf(plan.arena);
    std::map<const Node*, int64_t> position;
    for (const auto& node : graph.nodes()) position.emplace(node.get(), static_cast<int64_t>(position.size()));
    const auto step = [&](int64_t moment) {
      if (moment < 0) return int64_t{-1};
      const auto event = static_cast<size_t>(moment / 2);
      return event < trace.events.size() ? position.at(trace.events[event].node)
                                         : static_cast<int64_t>(position.size());
    };
    std::string text = absl::StrCat("arena of ", peak, " bytes, lower bound ", bound, ", gap ", peak - bound);
    for (const Buffer& buffer : plan.arena) {
      const std::string place = absl::StrCat(": arena+", buffer.offset, " to ", buffer.offset + buffer.bytes);
      if (buffer.kernel) {
        absl::StrAppend(&text, "\n  the kernel of ", buffer.kernel->result()->Text(), place, ", at step ",
                        step(buffer.first));
      }
      for (const Value* value : buffer.values) {
        absl::StrAppend(&text, "\n  ", value->Text(), place, ", alive over steps ", step(buffer.first), " to ",
                        step(buffer.last));
        const Stripes& stripes = value->stripes();
        if (stripes.rows > 0)
          absl::StrAppend(&text, ", in stripes of ", stripes.rows, stripes.rows > 1 ? " rows" : " row");
        if (stripes.slots > 0) absl::StrAppend(&text, ", a ring of ", stripes.slots);
        if (value->layout().row_planar) absl::StrAppend(&text, ", row-planar");
        if (value->layout().window > 0) absl::StrAppend(&text, ", a window of ", value->layout().window, " rows");
      }
    }
    return text;
  }

  bool io_ = false;
  int64_t ram_ = 0;
  int64_t slower_ = 0;
  bool stream_ = true;
  bool in_place_ = true;
  bool reorder_ = true;
  int64_t exact_ = 24;
  int64_t align_ = 1;
};

}  // namespace

std::unique_ptr<Pass> CreatePlanBuffers() { return std::make_unique<PlanBuffers>(); }

}  // namespace mcuc
