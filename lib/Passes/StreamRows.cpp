// Which values lie in stripes of rows, or row-planar. A segment of consecutive layers is either streamed: its layers
// take turns, and what they hand to each other is a ring of a few stripes, or a window of rows with the padding around
// them (fused-layer line buffers: Alwani et al., MICRO 2016), or each of them runs on its own and its result, in
// stripes or row-planar too, overlaps its operand, whose rows die one after the other. All segments around where too
// much is in use are tried, with several heights; of those after which no more than `ram` bytes are in use there, the
// one that costs the least time is taken, else the one with the least in use.
#include <algorithm>
#include <optional>

#include "Arena.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {

namespace {

constexpr size_t kLongest = 12;  // layers of a segment
constexpr int kRounds = 8;
constexpr size_t kMostHeights = 6;
constexpr size_t kMostPlaced = 40;  // choices of a round for which an arena is laid out

// The largest divisor of `of` that is at most `most`, 1 at least.
int64_t LargestDivisor(int64_t of, int64_t most) {
  for (int64_t d = std::min(of, most); d > 1; --d) {
    if (of % d == 0) return d;
  }
  return 1;
}

enum class Mode : uint8_t { windows, rings, stripes, row_planar };

bool MayStream(const Graph& graph, const Node& node) {
  const Type& type = node.result()->type();
  return (node.If<ConvAttrs>() || IsElementwise(node)) && type.rank() == 4 && type.shape[0] == 1 &&
         !graph.IsOutput(node.result());
}

int64_t HeightOf(const Node& node) { return node.result()->type().shape[2]; }

class Streams {
 public:
  Streams(Graph& graph, int64_t ram, const BuffersOf& buffers_of)
      : graph_(graph), ram_(ram), buffers_of_(buffers_of), nodes_(graph.node_vector()), given_(StorageOf(graph)) {}

  double Run() {
    Figures now = Measure();
    const double before = now.cost;
    for (int round = 0; round < kRounds && now.peak > ram_; ++round) {
      const std::optional<Choice> best = BestAround(now);
      if (!best) break;
      SetStorage(graph_, best->storage);
      now = Measure();
    }
    return now.cost - before;
  }

 private:
  struct Figures {
    std::vector<int64_t> in_use;     // while each node runs
    std::vector<Trace::Turn> turns;  // of each node
    std::vector<Buffer> buffers;
    int64_t peak = 0;
    double cost = 0;    // about as many instructions as are added
    bool fits = false;  // windows hold what is computed
  };
  struct Choice {
    std::vector<Storage> storage;  // of all nodes
    size_t begin = 0, end = 0;     // the nodes around the segment
    int64_t peak = 0;
    double cost = 0;
    bool enough = false;  // no more than ram_ is in use around the segment, and nowhere more than before
  };

  Figures Measure() const {
    const Trace trace = TraceOf(graph_);
    Figures figures;
    figures.fits = trace.status.ok();
    figures.buffers = buffers_of_(graph_, trace);
    const std::vector<int64_t> in_use = BytesInUse(figures.buffers, trace);
    for (size_t t = 0; t < trace.turns.size(); ++t) {
      for (size_t i = trace.turns[t].first; i <= trace.turns[t].last; ++i) {
        figures.in_use.push_back(in_use[t]);
        figures.turns.push_back(trace.turns[t]);
      }
      figures.peak = std::max(figures.peak, in_use[t]);
    }
    for (size_t i = 0; i < nodes_.size(); ++i) figures.cost += CostOf(*nodes_[i], given_[i].kernel);
    return figures;
  }

  // Copies, calls, weights that are decoded again, a slower kernel than `given`, and what kernels lose that compute
  // four pixels at a time.
  static double CostOf(const Node& node, LayerKernel given) {
    const Walk walk = WalkOf(node);
    if (walk.kind == WalkKind::kWhole) return 0;
    double cost = static_cast<double>(walk.steps * (walk.copy_bytes + walk.result_bytes));
    if (node.operand(0)->layout().window > 0) cost += static_cast<double>(walk.steps * StoredBytes(*node.operand(0)));
    if (const auto* conv = node.If<ConvAttrs>(); conv && conv->kernel != LayerKernel::plain) {
      constexpr double kDecode = 40, kChannel = 150, kSlower = 0.8;
      if (conv->kernel != given) cost += kSlower * static_cast<double>(MacsOf(node, true));
      const auto nonzeros = static_cast<double>(node.operand(1)->tensor().nonzeros());
      const auto channels = static_cast<double>(node.result()->type().shape[1]);
      return cost + 300.0 * static_cast<double>(walk.steps) +
             static_cast<double>(walk.steps - 1) * (kDecode * nonzeros + kChannel * channels);
    }
    if (walk.kind == WalkKind::kChannels) return walk.copies ? cost + 100.0 * static_cast<double>(walk.steps) : 0;
    const int64_t pixels = walk.rows * node.result()->type().shape[3];
    const double waste = static_cast<double>((pixels + 3) / 4 * 4) / static_cast<double>(pixels) - 1;
    return cost + 300.0 * static_cast<double>(walk.steps) + waste * static_cast<double>(MacsOf(node));
  }

  std::optional<Choice> BestAround(const Figures& now) {
    const std::vector<Storage> given = StorageOf(graph_);
    const auto at = static_cast<size_t>(std::max_element(now.in_use.begin(), now.in_use.end()) - now.in_use.begin());
    std::vector<Choice> choices;
    for (size_t first = at - std::min(at, kLongest - 1); first <= at + 1 && first < nodes_.size(); ++first) {
      for (size_t last = first; last < nodes_.size() && last < first + kLongest; ++last) {
        if (!MayStream(graph_, *nodes_[last])) break;
        if (last + 1 < at) continue;
        for (const Mode mode : {Mode::windows, Mode::rings, Mode::stripes, Mode::row_planar}) {
          if ((mode == Mode::rings || mode == Mode::windows) && first == last) continue;
          for (const int64_t rows : Heights(HeightOf(*nodes_[last]), mode == Mode::row_planar)) {
            if (std::optional<Choice> choice = Try(first, last, rows, mode, now)) choices.push_back(*choice);
            SetStorage(graph_, given);
          }
        }
      }
    }
    std::stable_sort(choices.begin(), choices.end(), Better);
    for (size_t i = 0; i < choices.size() && i < kMostPlaced && choices[i].enough; ++i) {
      SetStorage(graph_, choices[i].storage);
      const bool fits = PlacedAround(Measure(), choices[i].begin, choices[i].end - 1) <= ram_;
      SetStorage(graph_, given);
      if (fits) return choices[i];
    }
    for (Choice& choice : choices) choice.enough = false;
    const auto best = std::min_element(choices.begin(), choices.end(), Better);
    return best != choices.end() && best->peak < now.peak ? std::optional(*best) : std::nullopt;
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

  static bool Better(const Choice& a, const Choice& b) {
    if (a.enough != b.enough) return a.enough;
    if (a.enough || a.peak == b.peak) return a.cost < b.cost;
    return a.peak < b.peak;
  }

  static std::vector<int64_t> Heights(int64_t of, bool any) {
    std::vector<int64_t> heights;
    for (int64_t d = 1; d < of && heights.size() < kMostHeights; ++d) {
      if (any || of % d == 0) heights.push_back(d);
    }
    return heights;
  }

  // The choice, if its layers can run so.
  std::optional<Choice> Try(size_t first, size_t last, int64_t rows, Mode mode, const Figures& now) {
    if (!SetRows(first, last, rows, mode)) return std::nullopt;
    for (size_t i = first; i < nodes_.size(); ++i) {
      if (CheckWalk(*nodes_[i]).ok()) continue;
      // Fewer rows than `pairs` computes at a time.
      auto* conv = nodes_[i]->If<ConvAttrs>();
      if (!conv || conv->kernel != LayerKernel::pairs) return std::nullopt;
      conv->kernel = LayerKernel::list;
      if (!CheckWalk(*nodes_[i]).ok()) return std::nullopt;
    }
    FitRings();
    FitWindows();
    const Figures figures = Measure();
    if (!figures.fits) return std::nullopt;
    Choice choice{StorageOf(graph_), first - std::min<size_t>(first, 1), std::min(last + 2, nodes_.size())};
    choice.peak = figures.peak;
    choice.cost = figures.cost;
    choice.enough = true;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const int64_t limit = i >= choice.begin && i < choice.end ? ram_ : std::max(ram_, now.in_use[i]);
      choice.enough &= figures.in_use[i] <= limit;
    }
    return choice;
  }

  // Heights from the last layer of the segment backwards: of as many rows as a step of the reader moves on by.
  bool SetRows(size_t first, size_t last, int64_t rows, Mode mode) {
    const int64_t height = HeightOf(*nodes_[last]);
    for (size_t i = last + 1; i-- > first;) {
      Value* result = nodes_[i]->result();
      if (auto* conv = nodes_[i]->If<ConvAttrs>()) conv->kernel = given_[i].kernel;
      if (SetRowPlanar(i, last, rows, mode)) continue;
      int64_t own = i == last ? rows : 0, same = 0;  // same: what an elementwise reader asks for
      bool inside = i < last;
      result->set_layout({});
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
      const bool ring = inside && (mode == Mode::rings || mode == Mode::windows);
      result->set_stripes({own, ring ? HeightOf(*nodes_[i]) / own : 0});
    }
    return true;
  }

  // Whether the result lies row-planar, in a window of its one reader in the segment, or as a whole.
  bool SetRowPlanar(size_t i, size_t last, int64_t rows, Mode mode) const {
    if (mode != Mode::windows && mode != Mode::row_planar) return false;
    const Node& node = *nodes_[i];
    const std::vector<Node*> users = graph_.Users(node.result());
    if (!node.If<ConvAttrs>() || users.empty() ||
        std::any_of(users.begin(), users.end(), [](const Node* user) { return IsElementwise(*user); })) {
      return false;
    }
    const Node& user = *users[0];
    const bool inside = i < last && std::count(nodes_.begin() + static_cast<std::ptrdiff_t>(i),
                                               nodes_.begin() + static_cast<std::ptrdiff_t>(last) + 1, &user) > 0;
    const bool by_pitch = ReadsByPitch(user) && ReadsByPitch(node);
    Layout layout{.row_planar = true};
    if (mode == Mode::windows) {
      if (!inside || users.size() > 1 || !by_pitch) return false;
      const Walk walk = WalkOf(user);
      const RowRange read = RowsBehind(user, {0, walk.rows});
      layout.left = user.As<ConvAttrs>().pads[1];
      layout.right = user.As<ConvAttrs>().pads[3];
      layout.window = read.end - read.first + HeightOf(node);  // FitWindows makes less of it
    }
    int64_t own = rows;
    if (inside && by_pitch) {
      const int64_t step = user.result()->stripes().rows;
      own = std::min(RowsBehind(user, {step, step + 1}).first - RowsBehind(user, {0, 1}).first, HeightOf(node));
    }
    nodes_[i]->result()->set_layout(layout);
    nodes_[i]->result()->set_stripes({WritesByPitch(node) ? own : 1, 0});
    return true;
  }

  // As few rows as do in each window: those that are computed ahead, and those that a step reads.
  void FitWindows() {
    if (std::none_of(nodes_.begin(), nodes_.end(), [](Node* node) { return node->result()->layout().window > 0; })) {
      return;
    }
    const Trace trace = TraceOf(graph_);
    std::map<const Value*, int64_t> first, rows;
    for (const Trace::Event& event : trace.events) {
      const Walk walk = WalkOf(*event.node);
      if (walk.kind != WalkKind::kStripes) continue;
      const RowRange step = RowsOfStep(*event.node, walk, event.step);
      const Value *x = event.node->operand(0), *y = event.node->result();
      if (y->layout().window > 0) {
        const Node& user = *graph_.Users(y)[0];
        const auto at = first.emplace(y, RowsBehind(user, RowsOfStep(user, WalkOf(user), 0)).first).first;
        rows[y] = std::max(rows[y], step.end - at->second);
      }
      if (x->layout().window > 0) {
        rows[x] = std::max(rows[x], walk.copy_rows);
        if (event.step + 1 < walk.steps) {
          first[x] = RowsBehind(*event.node, RowsOfStep(*event.node, walk, event.step + 1)).first;
        }
      }
    }
    for (Node* node : nodes_) {
      Layout layout = node->result()->layout();
      if (layout.window == 0) continue;
      layout.window = rows[node->result()];
      node->result()->set_layout(layout);
    }
  }

  // As few slots as do in each ring: stripe i + slots is written after stripe i has been read last.
  void FitRings() {
    bool any = false;
    for (Node* node : nodes_) {
      Stripes stripes = node->result()->stripes();
      if (stripes.slots > 0) node->result()->set_stripes({stripes.rows, HeightOf(*node) / stripes.rows});
      any |= stripes.slots > 0;
    }
    if (!any) return;
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
  const std::vector<Storage> given_;
};

}  // namespace

std::vector<Storage> StorageOf(const Graph& graph) {
  std::vector<Storage> storage;
  for (const auto& node : graph.nodes()) {
    const auto* conv = node->If<ConvAttrs>();
    storage.push_back({node->result()->stripes(), node->result()->layout(), conv ? conv->kernel : LayerKernel::plain});
  }
  return storage;
}

void SetStorage(const Graph& graph, const std::vector<Storage>& storage) {
  auto each = storage.begin();
  for (const auto& node : graph.nodes()) {
    node->result()->set_stripes(each->stripes);
    node->result()->set_layout(each->layout);
    if (auto* conv = node->If<ConvAttrs>()) conv->kernel = each->kernel;
    ++each;
  }
}

double StreamRows(Graph& graph, int64_t ram, const BuffersOf& buffers_of) {
  return Streams(graph, ram, buffers_of).Run();
}

}  // namespace mcuc
