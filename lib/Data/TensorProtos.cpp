// ONNX test data: folders of serialized TensorProto files, test_data_set_*/input_N.pb with the expected outputs in
// output_N.pb, one such folder alone, a folder of .pb files that are one sample each, or a single file.
#include <algorithm>
#include <filesystem>

#include "Formats.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Import/Onnx.h"

namespace mcuc {

namespace {

namespace fs = std::filesystem;

// test_data_set_2 before test_data_set_10.
bool NaturalLess(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      size_t end_a = i, end_b = j;
      while (end_a < a.size() && digit(a[end_a])) ++end_a;
      while (end_b < b.size() && digit(b[end_b])) ++end_b;
      while (i + 1 < end_a && a[i] == '0') ++i;
      while (j + 1 < end_b && b[j] == '0') ++j;
      if (end_a - i != end_b - j) return end_a - i < end_b - j;
      if (const int order = a.compare(i, end_a - i, b, j, end_b - j)) return order < 0;
      i = end_a;
      j = end_b;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j || (a.size() - i == b.size() - j && a < b);
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

absl::StatusOr<std::vector<std::string>> Children(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().string());
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": cannot be read: ", error.message()));
  std::sort(names.begin(), names.end(), NaturalLess);
  return names;
}

// The tensors of all files, one sample each, the number of samples first.
absl::StatusOr<Tensor> Gather(const std::vector<std::string>& files) {
  Type first;
  std::vector<std::byte> bytes;
  for (const std::string& file : files) {
    absl::StatusOr<Tensor> sample = ReadTensorProto(file);
    if (!sample.ok()) return sample.status();
    if (bytes.empty()) first = sample->type();
    if (!(sample->type() == first)) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": holds ", TypeText(sample->type()), ", but ", files[0],
                                                     " holds ", TypeText(first), "; all samples must be alike"));
    }
    if (static_cast<int64_t>(bytes.size() + sample->bytes().size()) > kMaxDataBytes) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": more than ", kMaxDataBytes, " bytes of samples"));
    }
    bytes.insert(bytes.end(), sample->bytes().begin(), sample->bytes().end());
  }
  first.shape.insert(first.shape.begin(), static_cast<int64_t>(files.size()));
  return Tensor::FromBytes(std::move(first), std::move(bytes));
}

std::vector<std::string> FilesIn(const std::vector<std::string>& folders, const char* prefix, size_t n) {
  std::vector<std::string> files;
  for (const std::string& folder : folders)
    files.push_back((fs::path(folder) / absl::StrCat(prefix, n, ".pb")).string());
  return files;
}

}  // namespace

absl::StatusOr<RawSet> ReadTensorProtos(const std::string& path, const Graph& graph) {
  RawSet set;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    absl::StatusOr<Tensor> array = ReadTensorProto(path);
    if (!array.ok()) return array.status();
    set.inputs.push_back(std::move(*array));
    set.names.push_back(path);
    return set;
  }
  absl::StatusOr<std::vector<std::string>> children = Children(path);
  if (!children.ok()) return children.status();
  std::vector<std::string> folders, files;
  if (IsFile(fs::path(path) / "input_0.pb")) {
    folders.push_back(path);
  } else {
    for (const std::string& child : *children) {
      if (IsFile(fs::path(child) / "input_0.pb")) folders.push_back(child);
      if (IsFile(child) && fs::path(child).extension() == ".pb") files.push_back(child);
    }
  }
  if (folders.empty() && files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has neither input_0.pb, nor folders that hold it, nor .pb or data_batch_*.bin files"));
  }
  if (folders.empty()) {
    absl::StatusOr<Tensor> all = Gather(files);
    if (!all.ok()) return all.status();
    set.inputs.push_back(std::move(*all));
    set.names.push_back(path);
    return set;
  }
  for (size_t n = 0; n < graph.inputs().size(); ++n) {
    absl::StatusOr<Tensor> all = Gather(FilesIn(folders, "input_", n));
    if (!all.ok()) return all.status();
    set.inputs.push_back(std::move(*all));
    set.names.push_back(absl::StrCat(path, ": input_", n, ".pb"));
  }
  for (size_t n = 0; n < graph.outputs().size(); ++n) {
    const std::vector<std::string> outputs = FilesIn(folders, "output_", n);
    const auto there =
        std::count_if(outputs.begin(), outputs.end(), [](const std::string& file) { return IsFile(file); });
    if (there == 0) break;
    if (there != static_cast<int64_t>(outputs.size())) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", there, " of ", outputs.size(), " samples have output_",
                                                     n, ".pb; either all or none must"));
    }
    absl::StatusOr<Tensor> all = Gather(outputs);
    if (!all.ok()) return all.status();
    set.targets.push_back(std::move(*all));
  }
  return set;
}

}  // namespace mcuc
