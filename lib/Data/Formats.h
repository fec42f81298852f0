// The readers of the formats of data sets, one a format. Each gives what a file holds, before it is fitted to a graph.
// Everything read is untrusted: counts and shapes are checked against the bytes that are there.
#ifndef MCUC_LIB_DATA_FORMATS_H
#define MCUC_LIB_DATA_FORMATS_H

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "Reader.h"
#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {

// The samples of one file or folder.
struct RawSet {
  std::vector<Tensor> inputs;      // one a graph input, the number of samples first (or one whole sample, see below)
  std::vector<std::string> names;  // of the inputs in messages
  std::string layout;              // "nchw" or "nhwc" where the format says it
  std::optional<Tensor> labels;    // integers, as they were read
  std::vector<Tensor> targets;     // expected outputs, the number of samples first
};

// Elements of a shape that a file claims; an error where they are negative, or their bytes more than kMaxDataBytes.
// A dimension of 0 is let through: a data set may be found empty later, with a message of its own.
absl::StatusOr<int64_t> ClaimedElements(const Shape& shape, ElementType element, const std::string& what);

absl::StatusOr<Tensor> ReadNpy(Reader& reader);
absl::StatusOr<Tensor> ReadIdx(Reader& reader);
absl::StatusOr<RawSet> ReadNpz(const std::string& path, const Graph& graph);
// The array of that name ("y" or "y.npy") alone.
absl::StatusOr<Tensor> ReadNpzArray(const std::string& path, const std::string& name);
// N x width x channels: a row a sample.
absl::StatusOr<Tensor> ReadPng(const std::string& path);
absl::StatusOr<RawSet> ReadCifar(const std::string& path);
absl::StatusOr<Tensor> ReadRaw(const std::string& path, ElementType element, const Shape& sample);
// A folder of test_data_set_*/input_N.pb and output_N.pb, one such folder, a folder of one .pb a sample, or a .pb file.
absl::StatusOr<RawSet> ReadTensorProtos(const std::string& path, const Graph& graph);
// labels=PATH in any of the formats that hold integers.
absl::StatusOr<Tensor> ReadLabels(const std::string& path);
// The labels file that goes with an images file by MNIST's naming; empty: none is there.
std::string SiblingLabels(const std::string& path);

// What a file is, by its name and, where that says nothing, by its first bytes.
enum class Format : uint8_t { kNpy, kNpz, kPb, kIdx, kPng, kBin, kJson, kFolder, kUnknown };
absl::StatusOr<Format> FormatOf(const std::string& path);

}  // namespace mcuc

#endif  // MCUC_LIB_DATA_FORMATS_H
