// The ranges of quantize: observed over the calibration set, by default cut where quantizing to 8 bits has the least
// squared error, and made into scales and zero points.
#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "Quantize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc::quantize {

namespace {

constexpr int kBins = 2048;
// Cuts are tried at every eighth bin: 0.4 % of the range.
constexpr int kBinsPerCut = 8;
constexpr double kSteps = 255;  // between the 256 values of an int8
// Smaller scales would leave float32's normal numbers once multiplied.
constexpr double kLeastScale = 1e-18;

// What one thread has seen of one value.
struct Seen {
  float lo = std::numeric_limits<float>::infinity();
  float hi = -std::numeric_limits<float>::infinity();
  std::vector<int64_t> histogram;

  bool any() const { return lo <= hi; }
};

int Threads(int threads, int64_t samples) {
  const int wanted = threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return static_cast<int>(std::min<int64_t>(wanted, samples));
}

void AddToHistogram(std::span<const float> values, const Range& range, std::vector<int64_t>& histogram) {
  const double bins_a_unit = kBins / (range.hi - range.lo);
  for (float x : values) {
    if (!std::isfinite(x) || x == 0.0f) continue;
    const auto bin = static_cast<int64_t>((double{x} - range.lo) * bins_a_unit);
    ++histogram[static_cast<size_t>(std::clamp<int64_t>(bin, 0, kBins - 1))];
  }
}

}  // namespace

Range Join(const Range& a, const Range& b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

std::optional<Range> RangeOf(const Tensor& tensor) {
  std::optional<Range> range;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double x = tensor.AsDouble(i);
    if (!std::isfinite(x)) continue;
    range = range ? Join(*range, {x, x}) : Range{x, x};
  }
  return range;
}

bool AllFinite(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (!std::isfinite(tensor.AsDouble(i))) return false;
  }
  return true;
}

Quantization QuantizationOf(const Range& range) {
  const double lo = std::min(range.lo, 0.0);
  const double hi = std::max(range.hi, 0.0);
  if (lo == hi) return {{1.0f / 256}, {-128}};  // always zero
  const double scale = std::max((hi - lo) / kSteps, kLeastScale);
  const double zero_point = std::floor(-128 - lo / scale + 0.5);
  return {{static_cast<float>(scale)}, {static_cast<int32_t>(std::clamp(zero_point, -128.0, 127.0))}};
}

Quantization QuantizationOf(const Tensor& constant) {
  const Range range = RangeOf(constant).value_or(Range{});
  if (range.lo != range.hi) return QuantizationOf(range);
  // One number: 127 or -127 steps of a 127th of it.
  const double scale = std::fabs(range.lo) / 127;
  return {{scale == 0 ? 1.0f : static_cast<float>(std::max(scale, kLeastScale))}, {0}};
}

Type QuantizedType(const Quantization& quant, const Shape& shape) { return Type{ElementType::i8, shape, quant}; }

Range LeastErrorRange(const std::vector<int64_t>& histogram, const Range& observed) {
  const auto bins = static_cast<int>(histogram.size());
  const double width = (observed.hi - observed.lo) / bins;
  const auto edge = [&](int i) { return i == bins ? observed.hi : observed.lo + i * width; };
  // Sums over the bins before i of n, n * c and n * c^2, with c the bin's centre.
  std::vector<double> n(1), nc(1), ncc(1);
  for (int i = 0; i < bins; ++i) {
    const auto count = static_cast<double>(histogram[static_cast<size_t>(i)]);
    const double centre = observed.lo + (i + 0.5) * width;
    n.push_back(n.back() + count);
    nc.push_back(nc.back() + count * centre);
    ncc.push_back(ncc.back() + count * centre * centre);
  }
  // Squared error of putting the bins [first, last) all at `at`.
  const auto cut = [&](int first, int last, double at) {
    const auto a = static_cast<size_t>(first), b = static_cast<size_t>(last);
    return (ncc[b] - ncc[a]) - 2 * at * (nc[b] - nc[a]) + at * at * (n[b] - n[a]);
  };
  Range best{std::min(observed.lo, 0.0), std::max(observed.hi, 0.0)};
  double least = std::numeric_limits<double>::infinity();
  // Widest first, so that of equal errors the widest range stays. The range always reaches to zero: values beyond zero
  // on one side only leave that side uncut.
  for (int i = 0; i < bins; i += kBinsPerCut) {
    if (i > 0 && edge(i) > 0) break;
    const double lo = std::min(edge(i), 0.0);
    for (int j = bins; j > i; j -= kBinsPerCut) {
      if (j < bins && edge(j) < 0) break;
      const double hi = std::max(edge(j), 0.0);
      if (!(hi > lo)) continue;
      const double step = (hi - lo) / kSteps;
      const double inside = n[static_cast<size_t>(j)] - n[static_cast<size_t>(i)];
      const double error = inside * step * step / 12 + cut(0, i, edge(i)) + cut(j, bins, edge(j));
      if (error < least) {
        least = error;
        best = {lo, hi};
      }
    }
  }
  return best;
}

absl::StatusOr<std::map<const Value*, Range>> Calibrate(const Graph& graph, const std::vector<Plan::Watched>& values,
                                                        const Dataset& data, const Options& options, int threads) {
  const int64_t samples = options.samples > 0 ? std::min(options.samples, data.size()) : data.size();
  if (samples == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the calibration data set ", data.name(), " has no samples"));
  }
  absl::StatusOr<std::unique_ptr<Interpreter>> interpreter = Interpreter::Create(graph);
  if (!interpreter.ok()) return interpreter.status();
  std::unordered_map<const Value*, size_t> index;
  for (size_t v = 0; v < values.size(); ++v) index[values[v].value] = v;

  // Least, largest and counts do not depend on the order of samples, so neither do the sums over the threads.
  const int shards = Threads(threads, samples);
  std::vector<std::vector<Seen>> seen(static_cast<size_t>(shards), std::vector<Seen>(values.size()));
  const auto pass = [&](const std::function<void(Seen&, size_t, std::span<const float>)>& look) {
    std::vector<absl::Status> statuses(static_cast<size_t>(shards));
    ParallelFor(shards, shards, [&](int64_t shard) {
      const auto s = static_cast<size_t>(shard);
      const auto observe = [&](const Value& value, const Tensor& tensor) {
        if (const auto found = index.find(&value); found != index.end()) {
          look(seen[s][found->second], found->second, tensor.data<float>());
        }
      };
      for (int64_t i = shard; i < samples && statuses[s].ok(); i += shards) {
        statuses[s] = (*interpreter)->Run(data.Sample(i, graph), observe).status();
      }
    });
    for (const absl::Status& status : statuses) {
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  };

  absl::Status status = pass([](Seen& all, size_t, std::span<const float> elements) {
    for (float x : elements) {
      if (!std::isfinite(x)) continue;
      all.lo = std::min(all.lo, x);
      all.hi = std::max(all.hi, x);
    }
  });
  if (!status.ok()) return status;
  std::vector<Range> ranges(values.size());
  bool cut_any = false;
  for (size_t v = 0; v < values.size(); ++v) {
    Seen all;
    for (const auto& shard : seen) {
      all.lo = std::min(all.lo, shard[v].lo);
      all.hi = std::max(all.hi, shard[v].hi);
    }
    if (!all.any()) {
      return absl::InvalidArgumentError(
          absl::StrCat(values[v].value->Text(), " has no finite value over ", samples, " samples of ", data.name(),
                       "; the model or its input is broken there (check the data set's scale= and mean=)"));
    }
    ranges[v] = {all.lo, all.hi};
    cut_any |= values[v].clip && ranges[v].hi > ranges[v].lo;
  }

  if (cut_any) {
    for (auto& shard : seen) {
      for (Seen& one : shard) one.histogram.assign(kBins, 0);
    }
    status = pass([&](Seen& all, size_t v, std::span<const float> elements) {
      if (values[v].clip && ranges[v].hi > ranges[v].lo) AddToHistogram(elements, ranges[v], all.histogram);
    });
    if (!status.ok()) return status;
    for (size_t v = 0; v < values.size(); ++v) {
      if (!values[v].clip || !(ranges[v].hi > ranges[v].lo)) continue;
      std::vector<int64_t> histogram(kBins);
      for (const auto& shard : seen) {
        for (size_t b = 0; b < histogram.size(); ++b) histogram[b] += shard[v].histogram[b];
      }
      ranges[v] = LeastErrorRange(histogram, ranges[v]);
    }
  }
  std::map<const Value*, Range> result;
  for (size_t v = 0; v < values.size(); ++v) result[values[v].value] = ranges[v];
  return result;
}

}  // namespace mcuc::quantize
