// Data sets for calibration, validation, test and training, in the formats of the command line (docs/data.md).
// Spec: PATH[:key=value,…]. Everything read is untrusted: counts and shapes are checked against the file's size first.
#ifndef MCUC_DATA_DATASET_H
#define MCUC_DATA_DATASET_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {

// A parsed spec, before anything is read.
struct DatasetSpec {
  std::string path;
  std::string labels;                // labels=PATH
  int64_t first = 0, last = -1;      // range=first..last, last exclusive; -1: to the end
  Shape resize;                      // resize=HxW, bilinear on floats, half-pixel centres, no antialias
  float scale = 1;                   // scale=: x = (raw * scale - mean) / std
  float divisor = 1;                 // scale=1/255 is kept as that division: raw * scale / divisor, rounded once
  std::vector<float> mean, std_dev;  // mean=, std=: one or one a channel, `;` between them
  std::string layout;                // layout=nchw|nhwc: how the file's samples lie; default from the format
  uint64_t seed = 0;                 // seed=: shuffles before `samples` are taken; 0: file order
  int64_t samples = -1;              // samples=: takes that many
  std::optional<ElementType> dtype;  // dtype=: of a raw .bin file
  Shape shape;                       // shape=: of a sample, where the file does not say it or says it otherwise
};
absl::StatusOr<DatasetSpec> ParseDatasetSpec(const std::string& text);

// Samples for one graph: for each graph input a tensor of N samples, float or of the file's own type.
class Dataset {
 public:
  // Reads and fits it to the graph's inputs: sample shapes must match (a missing channel dimension of 1 is added, an
  // HWC file is transposed to the graph's CHW); a mismatch is an error that shows both sides. For a quantized input,
  // float samples are quantized by rule N17 when they are taken.
  static absl::StatusOr<Dataset> Load(const std::string& spec, const Graph& graph);
  // For tests and tools: samples already in memory; inputs[i] has shape N x (the sample's shape without its batch 1).
  // Their values count as they are: a tensor with a quantization holds its integers, any other real numbers.
  static Dataset FromTensors(std::vector<Tensor> inputs, std::vector<int32_t> labels);

  int64_t size() const { return size_; }
  const std::string& name() const { return name_; }  // the spec, for reports
  bool has_labels() const { return !labels_.empty(); }
  const std::vector<int32_t>& labels() const { return labels_; }
  bool has_targets() const { return !targets_.empty(); }
  const std::vector<Tensor>& targets() const { return targets_; }  // expected outputs, N first; may be empty

  // Sample i for this graph (whose inputs may have been quantized since loading): one tensor a graph input, of its
  // type. Integers that were read for a quantized input of their own type are that input's integers, unchanged; all
  // others are real numbers. Thread-safe.
  std::vector<Tensor> Sample(int64_t i, const Graph& graph) const;

  // At most n of the samples, each ceil(size() / n)-th from the first on, without the expected outputs; shares their
  // memory.
  Dataset Thinned(int64_t n) const;

 private:
  std::string name_;
  int64_t size_ = 0;
  struct Input;  // the samples of one graph input as they were read, and how they become its values (lib/Data/Input.h)
  std::vector<std::shared_ptr<const Input>> inputs_;
  int64_t stride_ = 1;  // sample i is inputs' sample i * stride_
  std::vector<int32_t> labels_;
  std::vector<Tensor> targets_;
};

// How many samples of `data` are in `other` too, input for input the same numbers for this graph.
int64_t SharedSamples(const Dataset& data, const Dataset& other, const Graph& graph);

// What a model's output is compared by: fraction of correct top-1 with labels; minus the mean squared error against
// targets; with neither, agreement with the reference graph's top-1 where the output is a vector of at least two
// classes, else minus the mean squared error against the reference graph's output.
enum class MetricKind : uint8_t { kTop1, kAgreement, kMinusMse };

}  // namespace mcuc

#endif  // MCUC_DATA_DATASET_H
