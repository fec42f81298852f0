// plan-buffers against an independent exhaustive search on random graphs: no two live tensors overlap (the verifier
// runs too), the arena is the least there is, and it is never less than what is alive at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc {
namespace {

struct Interval {
  int64_t bytes, first, last;
};

// The least arena over every order of dropping the intervals to their lowest free place.
int64_t LeastArena(const std::vector<Interval>& intervals) {
  std::vector<size_t> order(intervals.size());
  std::iota(order.begin(), order.end(), 0);
  int64_t least = INT64_MAX;
  do {
    std::vector<std::pair<size_t, int64_t>> placed;  // interval, offset
    int64_t peak = 0;
    for (size_t i : order) {
      const auto free_at = [&](int64_t offset) {
        return std::all_of(placed.begin(), placed.end(), [&](const auto& p) {
          const Interval& other = intervals[p.first];
          const bool together = other.first <= intervals[i].last && intervals[i].first <= other.last;
          return !together || offset + intervals[i].bytes <= p.second || p.second + other.bytes <= offset;
        });
      };
      int64_t offset = 0;
      while (!free_at(offset)) ++offset;
      placed.push_back({i, offset});
      peak = std::max(peak, offset + intervals[i].bytes);
    }
    least = std::min(least, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

// u8 vectors cut from the input at steps 0 to n - 1, each read once more by a later step's concat of random ones.
struct Random {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>("random");
  std::vector<Interval> intervals;  // of all results but the output
};

Random RandomGraph(std::mt19937& random, int buffers) {
  Random made;
  Graph& graph = *made.graph;
  Value* x = graph.AddInput("x", Type{ElementType::u8, {16}});
  std::vector<Value*> waiting;
  for (int i = 0; i < buffers; ++i) {
    const int64_t size = 1 + static_cast<int64_t>(random() % 9);
    Value* from = x;
    // Reading a waiting value ends its life here; every value is read before the end.
    if (!waiting.empty() && random() % 2) {
      const size_t pick = random() % waiting.size();
      from = waiting[pick];
      waiting.erase(waiting.begin() + static_cast<int64_t>(pick));
    }
    const int64_t more = size - from->type().shape[0];
    Attributes attrs = PadAttrs{PadMode::constant, {0}, {std::max<int64_t>(more, 0)}, 0};
    if (more <= 0) attrs = SliceAttrs{{0}, {}};
    waiting.push_back(graph.AddNode(attrs, {from}, "v", Type{ElementType::u8, {size}})->result());
  }
  int64_t total = 0;
  for (const Value* value : waiting) total += value->type().shape[0];
  graph.AddOutput(graph.AddNode(ConcatAttrs{}, waiting, "y", Type{ElementType::u8, {total}})->result());
  int64_t step = 0;
  for (Node* node : graph.node_vector()) {
    if (graph.IsOutput(node->result())) break;
    int64_t last = step, at = 0;
    for (Node* user : graph.node_vector()) {
      for (const Value* operand : user->operands()) last = operand == node->result() ? std::max(last, at) : last;
      ++at;
    }
    made.intervals.push_back({node->result()->type().bytes(), step, last});
    ++step;
  }
  return made;
}

absl::Status Plan(Graph& graph, const std::string& options) {
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  return Pipeline::Parse("plan-buffers{" + options + "}")->Run(graph, context);
}

TEST(PlanBuffers, FindsTheLeastArenaOfSmallGraphs) {
  std::mt19937 random(7);
  int above_bound = 0;
  for (int trial = 0; trial < 150; ++trial) {
    Random made = RandomGraph(random, 2 + trial % 5);
    ASSERT_TRUE(Plan(*made.graph, "in-place=false reorder=false").ok());
    const int64_t least = LeastArena(made.intervals);
    EXPECT_EQ(*made.graph->arena_bytes(), least) << PrintGraph(*made.graph);
    int64_t bound = 0;
    for (const Interval& at : made.intervals) {
      int64_t alive = 0;
      for (const Interval& other : made.intervals) {
        if (other.first <= at.first && at.first <= other.last) alive += other.bytes;
      }
      bound = std::max(bound, alive);
    }
    above_bound += least > bound;
  }
  RecordProperty("above_bound", above_bound);
}

TEST(PlanBuffers, LargeGraphsAreValidAndNearTheBound) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 20; ++trial) {
    Random made = RandomGraph(random, 40);
    ASSERT_TRUE(Plan(*made.graph, "").ok());  // the runner verifies: nothing alive overlaps
    int64_t total = 0;
    for (const Interval& interval : made.intervals) total += interval.bytes;
    EXPECT_LE(*made.graph->arena_bytes(), total);
  }
}

TEST(PlanBuffers, AChainNeedsItsLargestAdjacentPair) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 50; ++trial) {
    Graph graph("chain");
    Value* value = graph.AddInput("x", Type{ElementType::u8, {100}});
    int64_t previous = 0, pair = 0;
    const int length = 2 + static_cast<int>(random() % 30);
    for (int i = 0; i < length; ++i) {
      const int64_t size = 1 + static_cast<int64_t>(random() % 100);
      const int64_t more = size - value->type().shape[0];
      Attributes attrs = PadAttrs{PadMode::constant, {0}, {std::max<int64_t>(more, 0)}, 0};
      if (more <= 0) attrs = SliceAttrs{{0}, {}};
      value = graph.AddNode(attrs, {value}, "v", Type{ElementType::u8, {size}})->result();
      pair = std::max(pair, previous + size);
      previous = size;
    }
    graph.AddOutput(graph.AddNode(SliceAttrs{{0}, {}}, {value}, "y", Type{ElementType::u8, {1}})->result());
    ASSERT_TRUE(Plan(graph, "").ok());
    EXPECT_EQ(*graph.arena_bytes(), pair);
  }
}

// Every order in which the graph's nodes can run, as indices into its schedule.
void EachOrder(const Graph& graph, const std::function<void(const std::vector<size_t>&)>& visit) {
  const std::vector<Node*> nodes = graph.node_vector();
  std::vector<size_t> order(nodes.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    std::map<const Node*, size_t> place;
    for (size_t i = 0; i < order.size(); ++i) place[nodes[order[i]]] = i;
    bool runs = true;
    for (const Node* node : nodes) {
      for (const Value* operand : node->operands()) runs &= !operand->def() || place[operand->def()] < place[node];
    }
    if (runs) visit(order);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PlanBuffers, FindsTheOrderThatNeedsTheLeast) {
  std::mt19937 random(19);
  int better = 0;
  for (int trial = 0; trial < 60; ++trial) {
    Random made = RandomGraph(random, 3 + trial % 4);
    int64_t least = INT64_MAX;
    EachOrder(*made.graph, [&](const std::vector<size_t>& order) {
      const std::unique_ptr<Graph> copy = made.graph->Clone();
      const std::vector<Node*> nodes = copy->node_vector();
      for (const size_t i : order) copy->MoveBefore(nodes[i], nullptr);
      ASSERT_TRUE(Plan(*copy, "reorder=false").ok());
      least = std::min(least, *copy->arena_bytes());
    });
    const std::unique_ptr<Graph> given = made.graph->Clone();
    ASSERT_TRUE(Plan(*given, "reorder=false").ok());
    ASSERT_TRUE(Plan(*made.graph, "").ok());
    EXPECT_EQ(*made.graph->arena_bytes(), least) << PrintGraph(*made.graph);
    better += least < *given->arena_bytes();
  }
  EXPECT_GT(better, 20);
}

// Branches that each grow and shrink again, all of them grown first: one after the other they need one grown one. With
// 40 of them there are far more sets than are looked at.
TEST(PlanBuffers, ReordersWideGraphs) {
  for (const int branches : {2, 10, 40}) {
    Graph graph("wide");
    Value* x = graph.AddInput("x", Type{ElementType::u8, {8}});
    std::vector<Value*> grown, shrunk;
    for (int i = 0; i < branches; ++i) {
      grown.push_back(
          graph.AddNode(PadAttrs{PadMode::constant, {0}, {32}, 0}, {x}, "g", Type{ElementType::u8, {40}})->result());
    }
    for (Value* value : grown) {
      shrunk.push_back(graph.AddNode(SliceAttrs{{4}, {}}, {value}, "s", Type{ElementType::u8, {4}})->result());
    }
    graph.AddOutput(graph.AddNode(ConcatAttrs{}, shrunk, "y", Type{ElementType::u8, {4 * branches}})->result());
    ASSERT_TRUE(Plan(graph, "").ok());
    EXPECT_EQ(*graph.arena_bytes(), 40 + 4 * branches);
  }
}

TEST(PlanBuffers, SameInputSamePlan) {
  std::mt19937 first(5), second(5);
  Random a = RandomGraph(first, 14), b = RandomGraph(second, 14);
  ASSERT_TRUE(Plan(*a.graph, "").ok());
  ASSERT_TRUE(Plan(*b.graph, "").ok());
  EXPECT_EQ(PrintGraph(*a.graph), PrintGraph(*b.graph));
}

}  // namespace
}  // namespace mcuc
