// Training samples as floats, as many of them kept as fit the budget.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc::train {

absl::StatusOr<std::unique_ptr<Samples>> Samples::Create(const Dataset& data, const Graph& graph, int threads,
                                                         int64_t cache_bytes) {
  if (data.size() == 0) return absl::InvalidArgumentError("there are no samples to train on");
  auto inputs = std::make_unique<Graph>();  // all that the data set needs to know of the graph
  for (const Value* input : graph.inputs()) inputs->AddInput(input->name(), input->type());
  std::unique_ptr<Samples> samples(new Samples(data, std::move(inputs)));
  const std::vector<Tensor> first = data.Sample(0, *samples->graph_);
  int64_t sample_bytes = 0;
  for (size_t k = 0; k < graph.inputs().size(); ++k) {
    const Value* input = graph.inputs()[k];
    if (k >= first.size() || first[k].shape() != input->type().shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the training samples do not fit input ", input->Text(), " of ", TypeText(input->type()),
          k < first.size() ? absl::StrCat(": they are ", TypeText(first[k].type())) : ": they have no such input"));
    }
    samples->sizes_.push_back(input->type().elements());
    sample_bytes += input->type().elements() * int64_t{sizeof(float)};
  }
  samples->cached_ = std::min(data.size(), cache_bytes / std::max<int64_t>(1, sample_bytes));
  for (int64_t size : samples->sizes_) samples->cache_.emplace_back(static_cast<size_t>(size * samples->cached_));
  ParallelFor(samples->cached_, threads, [&](int64_t i) {
    const std::vector<Tensor> sample = samples->Make(i);
    for (size_t k = 0; k < sample.size(); ++k) {
      const auto values = sample[k].data<float>();
      std::copy(values.begin(), values.end(), samples->cache_[k].begin() + i * samples->sizes_[k]);
    }
  });
  return samples;
}

std::vector<Tensor> Samples::Make(int64_t i) const {
  std::vector<Tensor> sample = data_.Sample(i, *graph_);
  for (Tensor& tensor : sample) {
    if (tensor.type().element != ElementType::f32 || tensor.type().is_quantized()) {
      tensor = ConvertTensor(tensor, Type{ElementType::f32, tensor.shape()});
    }
  }
  return sample;
}

void Samples::Copy(int64_t i, const std::vector<float*>& to) const {
  if (i < cached_) {
    for (size_t k = 0; k < to.size(); ++k) {
      if (to[k]) std::copy_n(cache_[k].begin() + i * sizes_[k], sizes_[k], to[k]);
    }
    return;
  }
  const std::vector<Tensor> sample = Make(i);
  for (size_t k = 0; k < to.size(); ++k) {
    const auto values = sample[k].data<float>();
    if (to[k]) std::copy(values.begin(), values.end(), to[k]);
  }
}

}  // namespace mcuc::train
