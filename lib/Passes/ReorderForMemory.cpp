// The order of a graph's nodes in which the fewest bytes are in use at once. What is in use behind a set of nodes that
// have run does not depend on the order in which they ran, so that shortest paths over such sets find it, the length of
// a path being the most bytes along it (serenity: arXiv 2003.02369, section 3.1). A level of the search is the sets of
// one size; where a graph is so wide that a level has more than kMostStates sets, only the best go on.
#include <algorithm>
#include <map>
#include <optional>

#include "Arena.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {

namespace {

constexpr int64_t kMostStates = 2000, kMostWork = 500000;  // a level's sets times the square of the nodes
constexpr size_t kNone = SIZE_MAX;

using Set = std::vector<bool>;  // of nodes that have run

struct State {
  int64_t peak = 0, alive = 0;
  const Set* before = nullptr;  // in the level before
  size_t node = 0;              // that ran last
};

class Search {
 public:
  Search(const Graph& graph, bool io, bool in_place) : nodes_(graph.node_vector()), in_place_(in_place) {
    std::map<const Value*, size_t> storage_of;
    const auto add = [&](const Value* value, bool counts) {
      storage_of[value] = storages_.size();
      storages_.push_back({counts ? value->type().bytes() : 0, {}, false, value->is_input() && !io});
    };
    for (const Value* input : graph.inputs()) add(input, io);
    operands_.resize(nodes_.size());
    needs_.resize(nodes_.size());
    std::map<const Node*, size_t> index;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = *nodes_[i];
      index[&node] = i;
      for (const Value* operand : node.operands()) {
        operands_[i].push_back(operand->is_constant() ? kNone : storage_of.at(operand));
        if (operand->is_constant()) continue;
        storages_[operands_[i].back()].users.push_back(i);
        if (operand->def() != nullptr) needs_[i].push_back(index.at(operand->def()));
      }
      const bool view = (node.If<ReshapeAttrs>() || node.If<IdentityAttrs>()) && operands_[i][0] != kNone;
      if (view) {
        storage_of[node.result()] = operands_[i][0];
      } else {
        add(node.result(), io || !graph.IsOutput(node.result()));
      }
      results_.push_back(storage_of.at(node.result()));
      own_.push_back(!view);
      storages_[results_.back()].stays |= graph.IsOutput(node.result());
      scratch_.push_back(MemoryOf(node).bytes());
    }
  }

  // What is in use once the set has run.
  int64_t Alive(const Set& done) const {
    int64_t alive = 0;
    Set computed(storages_.size(), false);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (own_[i]) computed[results_[i]] = !done[i];  // for now: not computed
    }
    for (size_t s = 0; s < storages_.size(); ++s) {
      if (!computed[s] && Needed(s, done)) alive += storages_[s].bytes;
    }
    return alive;
  }

  // What is in use while node i runs behind the set.
  int64_t While(const Set& done, int64_t alive, size_t i) const {
    int64_t bytes = alive + scratch_[i];
    if (!own_[i] || RunsInPlace(done, i)) return bytes;
    return bytes + storages_[results_[i]].bytes;
  }

  bool Ready(const Set& done, size_t i) const {
    return !done[i] && std::all_of(needs_[i].begin(), needs_[i].end(), [&](size_t n) { return done[n]; });
  }

  int64_t PeakOfGivenOrder() const {
    Set done(nodes_.size(), false);
    int64_t peak = Alive(done);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      peak = std::max(peak, While(done, Alive(done), i));
      done[i] = true;
    }
    return peak;
  }

  // No order needs less than what some node reads and writes.
  int64_t LeastOfAnyOrder() const {
    int64_t least = 0;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<size_t> used = operands_[i];
      std::sort(used.begin(), used.end());
      used.erase(std::unique(used.begin(), used.end()), used.end());
      int64_t bytes = scratch_[i];
      for (const size_t s : used) bytes += s == kNone ? 0 : storages_[s].bytes;
      const bool in_place = RunsInPlace(Set(nodes_.size(), true), i);
      least = std::max(least, bytes + (own_[i] && !in_place ? storages_[results_[i]].bytes : 0));
    }
    return least;
  }

  std::vector<Node*> Best() const {
    const int64_t given = PeakOfGivenOrder();
    if (given <= LeastOfAnyOrder()) return nodes_;
    std::vector<std::map<Set, State>> levels(1);
    const Set none(nodes_.size(), false);
    levels[0][none] = {Alive(none), Alive(none), nullptr, 0};
    const auto n = static_cast<int64_t>(nodes_.size()) + 1;
    const auto most = static_cast<size_t>(std::clamp<int64_t>(kMostWork / (n * n), 1, kMostStates));
    for (size_t level = 0; level < nodes_.size(); ++level) {
      std::map<Set, State> next;
      for (const auto& [done, state] : levels[level]) {
        for (size_t i = 0; i < nodes_.size(); ++i) {
          if (!Ready(done, i)) continue;
          const int64_t peak = std::max(state.peak, While(done, state.alive, i));
          Set after = done;
          after[i] = true;
          const auto [at, is_new] = next.try_emplace(std::move(after));
          if (!is_new && at->second.peak <= peak) continue;
          at->second = {peak, is_new ? Alive(at->first) : at->second.alive, &done, i};
        }
      }
      if (next.size() > most) KeepBest(next, most);
      levels.push_back(std::move(next));
    }
    const Set* set = &levels.back().begin()->first;
    if (levels.back().begin()->second.peak >= given) return nodes_;
    std::vector<Node*> order(nodes_.size());
    for (size_t level = nodes_.size(); level > 0; --level) {
      const State& state = levels[level].at(*set);
      order[level - 1] = nodes_[state.node];
      set = state.before;
    }
    return order;
  }

 private:
  struct Storage {
    int64_t bytes;
    std::vector<size_t> users;
    bool stays;      // an output
    bool read_only;  // an input of the caller's
  };

  bool Needed(size_t storage, const Set& done) const {
    const Storage& s = storages_[storage];
    return s.stays || std::any_of(s.users.begin(), s.users.end(), [&](size_t user) { return !done[user]; });
  }

  bool RunsInPlace(const Set& done, size_t i) const {
    if (!in_place_) return false;
    Set after = done;
    after[i] = true;
    for (size_t k = 0; k < nodes_[i]->operands().size(); ++k) {
      const size_t s = operands_[i][k];
      if (s == kNone || !MayRunInPlace(*nodes_[i], k) || storages_[s].read_only || Needed(s, after)) continue;
      if (storages_[s].bytes == storages_[results_[i]].bytes) return true;
    }
    return false;
  }

  static void KeepBest(std::map<Set, State>& states, size_t most) {
    std::vector<std::map<Set, State>::iterator> order;
    for (auto at = states.begin(); at != states.end(); ++at) order.push_back(at);
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a->second.peak != b->second.peak ? a->second.peak < b->second.peak : a->second.alive < b->second.alive;
    });
    for (size_t k = most; k < order.size(); ++k) states.erase(order[k]);
  }

  std::vector<Node*> nodes_;
  bool in_place_;
  std::vector<Storage> storages_;
  std::vector<std::vector<size_t>> operands_;  // the storages that a node reads; kNone: a constant
  std::vector<std::vector<size_t>> needs_;     // the nodes whose results it reads
  std::vector<size_t> results_;
  std::vector<bool> own_;  // the result is no view
  std::vector<int64_t> scratch_;
};

}  // namespace

std::vector<Node*> OrderForMemory(const Graph& graph, bool io, bool in_place) {
  return Search(graph, io, in_place).Best();
}

}  // namespace mcuc
