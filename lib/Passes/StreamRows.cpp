// Which values lie in stripes of rows. A segment of consecutive layers is either streamed: its layers take turns, and
// what they hand to each other is a ring of a few stripes (fused-layer line buffers: Alwani et al., MICRO 2016), or
// each of them runs on its own and its result, in stripes too, overlaps its operand, whose stripes die one after the
// other. All segments around where too much is in use are tried, with several heights; of those after which no more
// than `ram` bytes are in use there, the one that costs the least time is taken, else the one with the least in use.
#include <algorithm>
#include <optional>

#include "Arena.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {

namespace {

constexpr size_t kLongest = 12;  // layers of a segment
constexpr int kRounds = 8;
constexpr size_t kMostHeights = 6;

// The largest divisor of `of` that is at most `most`, 1 at least.
int64_t LargestDivisor(int64_t of, int64_t most) {
  for (int64_t d = std::min(of, most); d > 1; --d) {
    if (of % d == 0) return d;
  }
  return 1;
}

bool MayStream(const Graph& graph, const Node& node) {
  const Type& type = node.result()->type();
  return (node.If<ConvAttrs>() || IsElementwise(node)) && type.rank() == 4 && type.shape[0] == 1 &&
         !graph.IsOutput(node.result());
}

int64_t HeightOf(const Node& node) { return node.result()->type().shape[2]; }

class Streams {
 public:
  Streams(Graph& graph, int64_t ram, const BuffersOf& buffers_of)
      : graph_(graph), ram_(ram), buffers_of_(buffers_of), nodes_(graph.node_vector()) {}

  void Run() {
    Figures now = Measure();
    for (int round = 0; round < kRounds && now.peak > ram_; ++round) {
      const std::optional<Choice> best = BestAround(now);
      if (!best) return;
      Set(best->stripes);
      now = best->figures;
    }
  }

 private:
  struct Figures {
    std::vector<int64_t> in_use;     // while each node runs
    std::vector<Trace::Turn> turns;  // of each node
    std::vector<Buffer> buffers;
    int64_t peak = 0;
    double cost = 0;  // about as many instructions as are added
  };
  struct Choice {
    std::vector<Stripes> stripes;  // of all nodes' results
    Figures figures;
    bool enough = false;  // no more than ram_ is in use around the segment, and nowhere more than before
  };

  std::vector<Stripes> Get() const {
    std::vector<Stripes> stripes;
    for (const Node* node : nodes_) stripes.push_back(node->result()->stripes());
    return stripes;
  }
  void Set(const std::vector<Stripes>& stripes) {
    for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i]->result()->set_stripes(stripes[i]);
  }

  Figures Measure() const {
    const Trace trace = TraceOf(graph_);
    Figures figures;
    figures.buffers = buffers_of_(graph_, trace);
    const std::vector<int64_t> in_use = BytesInUse(figures.buffers, trace);
    for (size_t t = 0; t < trace.turns.size(); ++t) {
      for (size_t i = trace.turns[t].first; i <= trace.turns[t].last; ++i) {
        figures.in_use.push_back(in_use[t]);
        figures.turns.push_back(trace.turns[t]);
      }
      figures.peak = std::max(figures.peak, in_use[t]);
    }
    for (const Node* node : nodes_) figures.cost += CostOf(*node);
    return figures;
  }

  // Copies, calls, and what kernels lose that compute four pixels at a time.
  static double CostOf(const Node& node) {
    const Walk walk = WalkOf(node);
    if (walk.kind == WalkKind::kWhole) return 0;
    double cost = static_cast<double>(walk.steps * (walk.copy_bytes + walk.result_bytes));
    if (walk.kind == WalkKind::kChannels) return walk.copies ? cost + 100.0 * static_cast<double>(walk.steps) : 0;
    const int64_t pixels = walk.rows * node.result()->type().shape[3];
    const double waste = static_cast<double>((pixels + 3) / 4 * 4) / static_cast<double>(pixels) - 1;
    return cost + 300.0 * static_cast<double>(walk.steps) + waste * static_cast<double>(MacsOf(node));
  }

  std::optional<Choice> BestAround(const Figures& now) {
    const std::vector<Stripes> given = Get();
    const auto at = static_cast<size_t>(std::max_element(now.in_use.begin(), now.in_use.end()) - now.in_use.begin());
    std::optional<Choice> best;
    for (size_t first = at - std::min(at, kLongest - 1); first <= at + 1 && first < nodes_.size(); ++first) {
      for (size_t last = first; last < nodes_.size() && last < first + kLongest; ++last) {
        if (!MayStream(graph_, *nodes_[last])) break;
        if (last + 1 < at) continue;
        for (const int64_t rows : Heights(HeightOf(*nodes_[last]))) {
          for (const bool rings : {true, false}) {
            if (rings && first == last) continue;
            if (std::optional<Choice> choice = Try(first, last, rows, rings, now, best)) best = std::move(choice);
            Set(given);
          }
        }
      }
    }
    if (best && !best->enough && best->figures.peak >= now.peak) return std::nullopt;
    return best;
  }

  // The arena of those buffers alone that are in use while these nodes run: what is not in use together need not fit
  // into each other's gaps.
  static int64_t PlacedAround(const Figures& figures, size_t first, size_t last) {
    std::vector<Buffer> buffers;
    for (const Buffer& buffer : figures.buffers) {
      if (buffer.last >= figures.turns[first].begin && buffer.first < figures.turns[last].end)
        buffers.push_back(buffer);
    }
    PlaceInArena(buffers, 0);
    return PeakOf(buffers);
  }

  static bool Better(const Choice& a, const std::optional<Choice>& b) {
    if (!b || a.enough != b->enough) return !b || a.enough;
    if (a.enough || a.figures.peak == b->figures.peak) return a.figures.cost < b->figures.cost;
    return a.figures.peak < b->figures.peak;
  }

  static std::vector<int64_t> Heights(int64_t of) {
    std::vector<int64_t> heights;
    for (int64_t d = 1; d < of && heights.size() < kMostHeights; ++d) {
      if (of % d == 0) heights.push_back(d);
    }
    return heights;
  }

  // The choice, if it is better than the best so far.
  std::optional<Choice> Try(size_t first, size_t last, int64_t rows, bool rings, const Figures& now,
                            const std::optional<Choice>& best) {
    if (!SetRows(first, last, rows, rings)) return std::nullopt;
    for (size_t i = first; i < nodes_.size(); ++i) {
      if (!CheckWalk(*nodes_[i]).ok()) return std::nullopt;
    }
    FitRings();
    Choice choice{Get(), Measure(), true};
    const size_t begin = first - std::min<size_t>(first, 1), end = std::min(last + 2, nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const int64_t limit = i >= begin && i < end ? ram_ : std::max(ram_, now.in_use[i]);
      choice.enough &= choice.figures.in_use[i] <= limit;
    }
    if (!Better(choice, best)) return std::nullopt;
    choice.enough = choice.enough && PlacedAround(choice.figures, begin, end - 1) <= ram_;
    if (!Better(choice, best)) return std::nullopt;
    return choice;
  }

  // Heights from the last layer of the segment backwards: of as many rows as a step of the reader moves on by.
  bool SetRows(size_t first, size_t last, int64_t rows, bool rings) {
    const int64_t height = HeightOf(*nodes_[last]);
    for (size_t i = last + 1; i-- > first;) {
      Value* result = nodes_[i]->result();
      int64_t own = i == last ? rows : 0, same = 0;  // same: what an elementwise reader asks for
      bool inside = i < last;
      for (const Node* user : graph_.Users(result)) {
        const auto at = std::find(nodes_.begin() + static_cast<std::ptrdiff_t>(i), nodes_.end(), user);
        if (static_cast<size_t>(at - nodes_.begin()) > last) {
          inside = false;
          continue;
        }
        const int64_t reads = user->result()->stripes().rows;
        if (IsElementwise(*user)) {
          if (same != 0 && same != reads) return false;
          same = reads;
        } else {
          const ConvAttrs& conv = user->As<ConvAttrs>();
          const int64_t pool = conv.pool.kind == PoolKind::none ? 1 : conv.pool.strides[0];
          own = std::max(own, LargestDivisor(HeightOf(*nodes_[i]), reads * pool * conv.strides[0]));
        }
      }
      if (same != 0) own = same;
      if (own == 0)
        own = LargestDivisor(HeightOf(*nodes_[i]), std::max<int64_t>(1, rows * HeightOf(*nodes_[i]) / height));
      result->set_stripes({own, rings && inside ? HeightOf(*nodes_[i]) / own : 0});
    }
    return true;
  }

  // As few slots as do in each ring: stripe i + slots is written after stripe i has been read last.
  void FitRings() {
    for (Node* node : nodes_) {
      Stripes stripes = node->result()->stripes();
      if (stripes.slots > 0) node->result()->set_stripes({stripes.rows, HeightOf(*node) / stripes.rows});
    }
    const Trace trace = TraceOf(graph_);
    for (const Node* node : nodes_) {
      Value* result = node->result();
      Stripes stripes = result->stripes();
      if (stripes.slots == 0) continue;
      const int64_t count = stripes.slots, bytes = result->type().bytes() / count;
      std::vector<int64_t> written(static_cast<size_t>(count), INT64_MAX), read(static_cast<size_t>(count), -1);
      for (const Span& span : trace.values.at(result)) {
        for (int64_t s = span.begin / bytes; s * bytes < span.end; ++s) {
          const auto at = static_cast<size_t>(s);
          written[at] = std::min(written[at], span.first);
          read[at] = std::max(read[at], span.last);
        }
      }
      for (int64_t slots = 1; slots < count; ++slots) {
        bool fits = true;
        for (int64_t s = 0; s + slots < count; ++s) {
          fits &= read[static_cast<size_t>(s)] < written[static_cast<size_t>(s + slots)];
        }
        if (!fits) continue;
        stripes.slots = slots;
        break;
      }
      result->set_stripes(stripes);
    }
  }

  Graph& graph_;
  int64_t ram_;
  const BuffersOf& buffers_of_;
  std::vector<Node*> nodes_;
};

}  // namespace

void StreamRows(Graph& graph, int64_t ram, const BuffersOf& buffers_of) { Streams(graph, ram, buffers_of).Run(); }

}  // namespace mcuc
