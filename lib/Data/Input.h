// The samples of one graph input as they were read, and the map from a sample's raw elements to the input's values:
// x = (raw * scale - mean) / std, resized where asked, channels moved to where the graph has them.
#ifndef MCUC_LIB_DATA_INPUT_H
#define MCUC_LIB_DATA_INPUT_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {

struct SampleMap {
  int64_t size = 0;      // elements of a raw sample
  int64_t out_size = 0;  // elements of the graph's input
  // A raw sample is `channels` planes of in_h x in_w, or (channels_last) in_h x in_w pixels of `channels`.
  int64_t channels = 1;
  int64_t in_h = 1, in_w = 1, out_h = 1, out_w = 1;
  bool channels_last = false;      // in the file
  bool out_channels_last = false;  // in the graph
  bool resize = false;
  ResizeAxis rows, columns;  // where resized
  float scale = 1, divisor = 1;
  std::vector<float> mean, std_dev;  // none, one, or one a channel

  // No arithmetic on the elements' values.
  bool keeps_values() const { return !resize && scale == 1 && divisor == 1 && mean.empty() && std_dev.empty(); }
  // Nothing at all is done.
  bool identity() const { return keeps_values() && channels_last == out_channels_last; }
  // Sample i of `raw` as real values in the graph's order.
  std::vector<float> Values(const Tensor& raw, int64_t i) const;
};

// How samples of this shape become an input of this shape; `layout`: "nchw", "nhwc", or empty where it is to be found
// out. The error shows both shapes and what would make them fit; `what` and `input` name the two sides.
absl::StatusOr<SampleMap> FitSample(const Shape& sample, const std::string& layout, const DatasetSpec& spec,
                                    const Shape& input_shape, const std::string& what, const std::string& input);

struct Dataset::Input {
  Tensor raw;  // N first
  SampleMap map;
  // Set where `raw` holds the integers of a quantized input: the type that gives them their meaning.
  std::optional<Type> codes;
};

}  // namespace mcuc

#endif  // MCUC_LIB_DATA_INPUT_H
