// A picture of the arena over time:
//
//    step    bytes  48 columns of 22 bytes; a letter a tensor, # a kernel's memory
//       -      160  |aaaaaaa                                         |  a %x
//       0      260  |aaaaaaabbbbb                                    |  b %h  <- peak
//     1-3      255  |aaaaaaabbb##                                    |  c %i, d %y
//
// Where a part of a tensor takes the place of a part of another during a step, the later one is drawn.
#include <algorithm>

#include "Arena.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mcuc {

namespace {

constexpr int64_t kMostColumns = 64;
constexpr size_t kLongestName = 40;

struct Line {
  std::string label;
  int64_t begin, end;  // moments
};

std::string NameOf(const Value& value) {
  const std::string& name = value.name();
  // The ends of the names that exporters make up tell more than their beginnings.
  return absl::StrCat("%", name.size() <= kLongestName ? name : "..." + name.substr(name.size() - kLongestName + 3));
}

std::string NamesOf(const Buffer& buffer) {
  const std::string first = NameOf(*buffer.values.front());
  return buffer.values.size() == 1 ? first : absl::StrCat(first, " .. ", NameOf(*buffer.values.back()));
}

}  // namespace

std::string ArenaPicture(const Graph& graph, const std::vector<Buffer>& buffers, const Trace& trace) {
  const int64_t peak = PeakOf(buffers);
  if (peak == 0) return "";
  const int64_t unit = (peak + kMostColumns - 1) / kMostColumns, columns = (peak + unit - 1) / unit;
  std::string text = absl::StrCat("\n   step    bytes  ", columns, " columns of ", unit, unit == 1 ? " byte" : " bytes",
                                  "; a letter a tensor, # a kernel's memory");
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::vector<char> letters(buffers.size(), '#');
  std::vector<size_t> order(buffers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].first < buffers[b].first; });
  size_t next = 0;
  for (const size_t i : order) {
    if (buffers[i].kernel == nullptr) letters[i] = kLetters[next++ % (sizeof(kLetters) - 1)];
  }
  std::vector<Line> lines;
  if (std::any_of(graph.inputs().begin(), graph.inputs().end(), [](const Value* v) { return v->placement(); })) {
    lines.push_back({"-", -1, 0});
  }
  for (const Trace::Turn& turn : trace.turns) {
    const std::string label =
        turn.first == turn.last ? absl::StrCat(turn.first) : absl::StrCat(turn.first, "-", turn.last);
    lines.push_back({label, turn.begin, turn.end});
  }
  // Outputs last to behind the last step.
  if (lines.back().begin >= 0) lines.back().end += 1;
  for (const auto& [label, begin, end] : lines) {
    std::string line(static_cast<size_t>(columns), ' '), born;
    int64_t top = 0;
    for (const size_t i : order) {
      const Buffer& buffer = buffers[i];
      for (const Span& span : buffer.spans) {
        if (span.first >= end || span.last < begin || span.begin == span.end) continue;
        const int64_t from = buffer.offset + span.begin, to = buffer.offset + span.end;
        top = std::max(top, to);
        for (int64_t c = from / unit; c < (to + unit - 1) / unit; ++c) line[static_cast<size_t>(c)] = letters[i];
      }
      if (buffer.first >= begin && buffer.first < end && buffer.kernel == nullptr) {
        absl::StrAppend(&born, "  ", std::string(1, letters[i]), " ", NamesOf(buffer));
      }
    }
    absl::StrAppend(&text, absl::StrFormat("\n  %5s %8d  |", label, top), line, "|", born,
                    top == peak ? "  <- peak" : "");
  }
  return text;
}

}  // namespace mcuc
