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
      if (s.first <= t.last && t.first <= s.last) all.push_back({t.begin - s.end, t.end - s.begin});
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
      for (size_t j = 0; j < buffers.size(); ++j) {
        forbidden_[i].push_back(i == j ? std::vector<Forbidden>{} : ForbiddenDifferences(buffers[i], buffers[j]));
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

  // Largest first, each at its lowest offset.
  void Greedy() {
    std::vector<size_t> order = Indices();
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return buffers_[a].bytes > buffers_[b].bytes; });
    std::vector<size_t> placed;
    for (const size_t i : order) {
      buffers_[i].offset = LowestOffset(i, placed);
      placed.push_back(i);
    }
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

int64_t LowerBoundOf(const std::vector<Buffer>& buffers) {
  struct Change {
    int64_t moment, bytes;
  };
  std::vector<Change> changes;
  for (const Buffer& buffer : buffers) {
    for (const Span& span : buffer.spans) {
      changes.push_back({span.first, span.end - span.begin});
      changes.push_back({span.last + 1, span.begin - span.end});
    }
  }
  // What ends at a moment goes before what begins there.
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.moment != b.moment ? a.moment < b.moment : a.bytes < b.bytes;
  });
  int64_t bound = 0, alive = 0;
  for (const Change& change : changes) bound = std::max(bound, alive += change.bytes);
  return bound;
}

void PlaceInArena(std::vector<Buffer>& buffers, int64_t exact) {
  const int64_t bound = LowerBoundOf(buffers);
  int64_t alignment = 1;
  for (const Buffer& buffer : buffers) alignment = std::max(alignment, buffer.alignment);
  Placer placer(buffers);
  if (placer.AlternateEnds(bound)) return;
  placer.Greedy();
  if (PeakOf(buffers) > bound && static_cast<int64_t>(buffers.size()) <= exact) placer.Exact(bound);
  // Where the bound is no multiple of the alignment a chain may need those few bytes more.
  std::vector<Buffer> aligned = buffers;
  if (Placer(aligned).AlternateEnds(RoundUp(bound, alignment)) && PeakOf(aligned) < PeakOf(buffers)) buffers = aligned;
}

}  // namespace mcuc
