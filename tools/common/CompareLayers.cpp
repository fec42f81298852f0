// Runs both graphs over the samples and adds up the squares of results and differences.
#include "common/CompareLayers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc {

namespace {

constexpr int64_t kSamples = 256;

// A layer's last result: what the nodes behind it see.
std::map<std::string, const Value*> LayersOf(const Graph& graph) {
  std::map<std::string, const Value*> layers;
  for (const auto& node : graph.nodes()) {
    const Op op = node->op();
    if (op == Op::kReshape || op == Op::kIdentity || op == Op::kQuantize || op == Op::kDequantize) continue;
    layers[node->loc().empty() ? node->result()->name() : node->loc()] = node->result();
  }
  return layers;
}

struct Sums {
  double signal = 0, noise = 0, largest = 0, difference = 0;
};

}  // namespace

absl::StatusOr<std::string> CompareLayers(const Graph& reference, const Graph& graph, const Dataset& data,
                                          int threads) {
  const auto before = Interpreter::Create(reference), after = Interpreter::Create(graph);
  if (!before.ok()) return before.status();
  if (!after.ok()) return after.status();
  const std::map<std::string, const Value*> floats = LayersOf(reference), integers = LayersOf(graph);
  std::vector<std::string> names;
  std::unordered_map<const Value*, size_t> of_float, of_integer;
  for (const auto& [name, value] : integers) {
    const auto found = floats.find(name);
    if (found == floats.end() || found->second->type().shape != value->type().shape) continue;
    of_float[found->second] = of_integer[value] = names.size();
    names.push_back(name);
  }

  const int64_t n = std::min(data.size(), kSamples);
  std::vector<std::vector<Sums>> of_sample(static_cast<size_t>(n), std::vector<Sums>(names.size()));
  std::vector<absl::Status> statuses(static_cast<size_t>(n));
  ParallelFor(n, threads, [&](int64_t i) {
    const auto sample = static_cast<size_t>(i);
    std::vector<std::vector<float>> results(names.size());
    statuses[sample] = (*before)
                           ->Run(data.Sample(i, reference),
                                 [&](const Value& value, const Tensor& tensor) {
                                   const auto layer = of_float.find(&value);
                                   if (layer == of_float.end() || !tensor.type().is_float()) return;
                                   for (int64_t k = 0; k < tensor.elements(); ++k) {
                                     results[layer->second].push_back(static_cast<float>(tensor.AsDouble(k)));
                                   }
                                 })
                           .status();
    if (!statuses[sample].ok()) return;
    const auto compare = [&](const Value& value, const Tensor& tensor) {
      const auto layer = of_integer.find(&value);
      if (layer == of_integer.end() || results[layer->second].empty()) return;
      Sums& sums = of_sample[sample][layer->second];
      const Tensor real = ConvertTensor(tensor, Type{ElementType::f32, tensor.shape()});
      for (int64_t k = 0; k < real.elements(); ++k) {
        const double want = results[layer->second][static_cast<size_t>(k)], error = real.AsDouble(k) - want;
        sums.signal += want * want;
        sums.noise += error * error;
        sums.largest = std::max(sums.largest, std::fabs(want));
        sums.difference = std::max(sums.difference, std::fabs(error));
      }
    };
    statuses[sample] = (*after)->Run(data.Sample(i, graph), compare).status();
  });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }

  struct Row {
    double decibels, relative;
    std::string name;
  };
  std::vector<Row> rows;
  for (size_t l = 0; l < names.size(); ++l) {
    Sums all;
    for (const auto& sums : of_sample) {
      all.signal += sums[l].signal;
      all.noise += sums[l].noise;
      all.largest = std::max(all.largest, sums[l].largest);
      all.difference = std::max(all.difference, sums[l].difference);
    }
    if (all.signal == 0 && all.noise == 0) continue;
    const double ratio = all.noise > 0 ? 10 * std::log10(std::max(all.signal, 1e-30) / all.noise)
                                       : std::numeric_limits<double>::infinity();
    rows.push_back({ratio, all.largest > 0 ? all.difference / all.largest : 1, names[l]});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.decibels < b.decibels; });
  std::string text = absl::StrFormat("%10s  %12s  layer\n", "SNR, dB", "largest, %");
  for (const Row& row : rows) {
    text += absl::StrFormat("%10.2f  %12.3f  %s\n", row.decibels, 100 * row.relative, row.name);
  }
  const size_t others = integers.size() - rows.size();
  absl::StrAppend(&text, "over ", n, " samples of ", data.name());
  if (others > 0) absl::StrAppend(&text, "; ", others, " layers are not in the float model with the same shape");
  return text + "\n";
}

}  // namespace mcuc
