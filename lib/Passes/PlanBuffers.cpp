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
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

class PlanBuffers : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    Plan plan = PlanOf(graph);
    if (reorder_) Reorder(graph, plan, context);
    const std::vector<Buffer>& arena = plan.arena;
    for (const Buffer& buffer : arena) {
      for (Value* value : buffer.values) value->set_placement(Placement{buffer.offset, nullptr});
      if (buffer.kernel) std::get<ConvAttrs>(buffer.kernel->attrs()).scratch = buffer.offset;
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
          "the arena needs ", peak, " bytes, ", peak - ram_, " over ram=", ram_, " (lower bound of this order ", bound,
          "); what is largest: ", Largest(arena), ". ", io_ ? "" : "Inputs and outputs are beside it. ",
          "Pools fused into convolutions, fewer channels (prune-channels behind pruning), int8 instead of float "
          "(--calibrate=) or a smaller input would help"));
    }
    std::vector<int64_t> moments;
    for (int64_t i = 0; i <= static_cast<int64_t>(graph.nodes().size()); ++i) moments.push_back(i);
    context.Remark(graph, nullptr, Describe(arena, peak, bound) + ArenaPicture(graph, arena, moments));
    return true;
  }

  void Options(PassOptions& options) override {
    options.Add("io", "place the graph's inputs and outputs in the arena too (--io-in-arena), reusing their bytes",
                &io_);
    options.Add("ram", "an error where the arena is larger than this many bytes; 0: no limit", &ram_);
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
operations, else only the best of them go on); the order stays as it is unless another one makes the arena smaller. The remark (`--remarks`) lists each
tensor's offset, the peak, the lower bound (the most bytes alive at once) and the gap between them, and draws the arena
over time; the verifier checks that nothing alive overlaps.)";
  }

 private:
  struct Plan {
    std::vector<Buffer> arena;       // placed
    std::vector<Buffer> parameters;  // that lie in an input or output of the caller's
  };

  Plan PlanOf(const Graph& graph) const {
    Plan plan;
    for (Buffer& buffer : FormBuffers(graph)) {
      (buffer.parameter ? plan.parameters : plan.arena).push_back(std::move(buffer));
    }
    PlaceInArena(plan.arena, exact_);
    return plan;
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
                         {},
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
      if (bytes > 0) buffers.push_back({{}, node, nullptr, bytes, std::max(align_, kScratchAlignment), i, i, {}, -1});
    }
    for (Buffer& buffer : buffers) buffer.spans = {{0, buffer.bytes, buffer.first, buffer.last}};
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

  static std::string Largest(const std::vector<Buffer>& buffers) {
    const auto most = std::max_element(buffers.begin(), buffers.end(),
                                       [](const Buffer& a, const Buffer& b) { return a.bytes < b.bytes; });
    return absl::StrCat(
        most->kernel ? "the kernel's memory of " + most->kernel->result()->Text() : most->values[0]->Text(), " of ",
        most->bytes, " bytes");
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
  bool reorder_ = true;
  int64_t exact_ = 24;
  int64_t align_ = 1;
};

}  // namespace

std::unique_ptr<Pass> CreatePlanBuffers() { return std::make_unique<PlanBuffers>(); }

}  // namespace mcuc
