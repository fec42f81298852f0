// Dynamic storage allocation of buffers in one arena. Where each may lie relative to another follows from their spans
// alone, and is worked out once a pair.
#include "Arena.h"

#include <algorithm>

namespace mcuc {

namespace {

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// An open interval of differences between two offsets, (lo, hi).
struct Forbidden {
  int64_t lo, hi;
};

// At which offset(a) - offset(b) some span of a would meet one of b: intervals in order, merged.
std::vector<Forbidden> ForbiddenDifferences(const Buffer& a, const Buffer& b) {
  std::vector<Forbidden> all;
  if (a.first > b.last || b.first > a.last) return all;
  for (const Span& s : a.spans) {
    for (const Span& t : b.spans) {
      if (s.first > t.last || t.first > s.last) continue;
      const Forbidden next = {t.begin - s.end, t.end - s.begin};
      // Most follow each other.
      if (!all.empty() && next.lo < all.back().hi && all.back().lo < next.hi) {
        all.back() = {std::min(all.back().lo, next.lo), std::max(all.back().hi, next.hi)};
      } else {
        all.push_back(next);
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const Forbidden& x, const Forbidden& y) { return x.lo < y.lo; });
  std::vector<Forbidden> merged;
  for (const Forbidden& next : all) {
    // (0, 4) and (4, 8) leave the difference of 4.
    if (!merged.empty() && next.lo < merged.back().hi) {
      merged.back().hi = std::max(merged.back().hi, next.hi);
    } else {
      merged.push_back(next);
    }
  }
  return merged;
}

class Placer {
 public:
  explicit Placer(std::vector<Buffer>& buffers) : buffers_(buffers), forbidden_(buffers.size()) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      forbidden_[i].resize(buffers.size());
      for (size_t j = 0; j < i; ++j) {
        forbidden_[i][j] = ForbiddenDifferences(buffers[i], buffers[j]);
        for (const Forbidden& f : forbidden_[i][j]) forbidden_[j][i].push_back({-f.hi, -f.lo});
        std::reverse(forbidden_[j][i].begin(), forbidden_[j][i].end());
      }
    }
  }

  bool Collide(size_t i, size_t j) const {
    const int64_t difference = buffers_[i].offset - buffers_[j].offset;
    return std::any_of(forbidden_[i][j].begin(), forbidden_[i][j].end(),
                       [&](const Forbidden& f) { return f.lo < difference && difference < f.hi; });
  }

  // The lowest aligned offset at which buffer i collides with none that is placed.
  int64_t LowestOffset(size_t i, const std::vector<size_t>& placed) const {
    std::vector<Forbidden> taken;  // of the offset
    for (const size_t j : placed) {
      for (const Forbidden& f : forbidden_[i][j]) {
        taken.push_back({f.lo + buffers_[j].offset, f.hi + buffers_[j].offset});
      }
    }
    std::sort(taken.begin(), taken.end(), [](const Forbidden& x, const Forbidden& y) { return x.lo < y.lo; });
    int64_t offset = 0;
    for (const Forbidden& f : taken) {
      if (offset <= f.lo) break;
      offset = std::max(offset, RoundUp(f.hi, buffers_[i].alignment));
    }
    return offset;
  }

  // Each at its lowest offset, in several orders: largest first; what ends last first, so that results lie below the
  // operands that they overlap; what begins first first. Each order again and again with what was on top first.
  void Greedy(int64_t bound) {
    std::vector<int64_t> best;
    int64_t least = 0;
    const auto by = [&](auto&& key) {
      std::vector<size_t> order = Indices();
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return key(buffers_[a]) < key(buffers_[b]); });
      return order;
    };
    for (std::vector<size_t> order :
         {by([](const Buffer& buffer) { return -buffer.bytes; }), by([](const Buffer& buffer) { return -buffer.last; }),
          by([](const Buffer& buffer) { return buffer.first; })}) {
      for (int round = 0; round < kRounds && (best.empty() || least > bound); ++round) {
        std::vector<size_t> placed;
        for (const size_t i : order) {
          buffers_[i].offset = LowestOffset(i, placed);
          placed.push_back(i);
        }
        const int64_t peak = PeakOf(buffers_);
        if (best.empty() || peak < least) {
          least = peak;
          best.clear();
          for (const Buffer& buffer : buffers_) best.push_back(buffer.offset);
        }
        const auto top = std::find_if(order.begin(), order.end(),
                                      [&](size_t i) { return buffers_[i].offset + buffers_[i].bytes == peak; });
        std::rotate(order.begin(), top, top + 1);
      }
    }
    for (size_t i = 0; i < best.size(); ++i) buffers_[i].offset = best[i];
  }

  // In schedule order, alternately from the bottom and from the top of an arena of this size. For a chain this is the
  // ping-pong of two buffers and needs just the largest adjacent pair. False: something did not fit.
  bool AlternateEnds(int64_t arena) {
    std::vector<size_t> order = Indices();
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return buffers_[a].first < buffers_[b].first; });
    bool top = false;
    for (size_t k = 0; k < order.size(); ++k, top = !top) {
      Buffer& buffer = buffers_[order[k]];
      buffer.offset = top ? (arena - buffer.bytes) / buffer.alignment * buffer.alignment : 0;
      if (buffer.offset < 0 || buffer.bytes > arena) return false;
      for (size_t j = 0; j < k; ++j) {
        if (Collide(order[k], order[j])) return false;
      }
    }
    return true;
  }

  // Branch and bound over the orders in which buffers are dropped to their lowest offset, offsets not falling: where
  // every buffer is one span, a plan of least size, pushed down as far as it goes, is one of these. Gives up after a
  // fixed amount of work, so that the result does not depend on the machine's speed.
  void Exact(int64_t bound) {
    bound_ = bound;
    best_ = PeakOf(buffers_);
    best_offsets_.clear();
    for (const Buffer& buffer : buffers_) best_offsets_.push_back(buffer.offset);
    for (Buffer& buffer : buffers_) buffer.offset = -1;
    Search(0);
    for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].offset = best_offsets_[i];
  }

 private:
  static constexpr int64_t kSteps = 200000, kWork = 40000000;
  static constexpr int kRounds = 48;

  std::vector<size_t> Indices() const {
    std::vector<size_t> order(buffers_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    return order;
  }

  void Search(int64_t floor) {
    if (best_ == bound_ || ++steps_ > kSteps || work_ > kWork) return;
    if (placed_.size() == buffers_.size()) {
      best_ = PeakOf(buffers_);  // smaller than before, or Search would not have come here
      for (size_t i = 0; i < buffers_.size(); ++i) best_offsets_[i] = buffers_[i].offset;
      return;
    }
    std::vector<std::pair<int64_t, size_t>> next;  // offset, buffer
    for (size_t i = 0; i < buffers_.size(); ++i) {
      if (buffers_[i].offset >= 0) continue;
      for (const size_t j : placed_) work_ += static_cast<int64_t>(forbidden_[i][j].size());
      const int64_t offset = LowestOffset(i, placed_);
      if (offset + buffers_[i].bytes >= best_) return;  // it only gets higher: no better plan below here
      if (offset >= floor) next.push_back({offset, i});
    }
    std::stable_sort(next.begin(), next.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : buffers_[a.second].bytes > buffers_[b.second].bytes;
    });
    for (const auto& [offset, i] : next) {
      buffers_[i].offset = offset;
      placed_.push_back(i);
      Search(offset);
      placed_.pop_back();
      buffers_[i].offset = -1;
    }
  }

  std::vector<Buffer>& buffers_;
  std::vector<std::vector<std::vector<Forbidden>>> forbidden_;
  std::vector<size_t> placed_;
  std::vector<int64_t> best_offsets_;
  int64_t bound_ = 0, best_ = 0, steps_ = 0, work_ = 0;
};

}  // namespace

int64_t PeakOf(const std::vector<Buffer>& buffers) {
  int64_t peak = 0;
  for (const Buffer& buffer : buffers) peak = std::max(peak, buffer.offset + buffer.bytes);
  return peak;
}

namespace {

struct Change {
  int64_t moment, bytes;
};

// What comes into use and what ends, in order; what ends at a moment goes before what begins there.
std::vector<Change> ChangesOf(const std::vector<Buffer>& buffers) {
  std::vector<Change> changes;
  for (const Buffer& buffer : buffers) {
    for (const Span& span : buffer.spans) {
      changes.push_back({span.first, span.end - span.begin});
      changes.push_back({span.last + 1, span.begin - span.end});
    }
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.moment != b.moment ? a.moment < b.moment : a.bytes < b.bytes;
  });
  return changes;
}

}  // namespace

int64_t LowerBoundOf(const std::vector<Buffer>& buffers) {
  int64_t bound = 0, alive = 0;
  for (const Change& change : ChangesOf(buffers)) bound = std::max(bound, alive += change.bytes);
  return bound;
}

std::vector<int64_t> BytesInUse(const std::vector<Buffer>& buffers, const Trace& trace) {
  const std::vector<Change> changes = ChangesOf(buffers);
  std::vector<int64_t> most;
  size_t next = 0;
  int64_t alive = 0;
  for (const Trace::Turn& turn : trace.turns) {
    while (next < changes.size() && changes[next].moment <= turn.begin) alive += changes[next++].bytes;
    most.push_back(alive);
    while (next < changes.size() && changes[next].moment < turn.end) {
      most.back() = std::max(most.back(), alive += changes[next++].bytes);
    }
  }
  return most;
}

void PlaceInArena(std::vector<Buffer>& buffers, int64_t exact) {
  const int64_t bound = LowerBoundOf(buffers);
  int64_t alignment = 1;
  for (const Buffer& buffer : buffers) alignment = std::max(alignment, buffer.alignment);
  Placer placer(buffers);
  if (placer.AlternateEnds(bound)) return;
  placer.Greedy(bound);
  if (PeakOf(buffers) > bound && static_cast<int64_t>(buffers.size()) <= exact) placer.Exact(bound);
  // Where the bound is no multiple of the alignment a chain may need those few bytes more.
  std::vector<Buffer> aligned = buffers;
  if (Placer(aligned).AlternateEnds(RoundUp(bound, alignment)) && PeakOf(aligned) < PeakOf(buffers)) buffers = aligned;
}

}  // namespace mcuc
