// Headerless binary files: CIFAR-10's batches (rows of a label and 3 x 32 x 32 pixels) and raw arrays whose element
// type and sample shape the spec gives.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "Formats.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

constexpr int64_t kCifarPixels = 3 * 32 * 32;
constexpr int64_t kCifarRow = 1 + kCifarPixels;

}  // namespace

absl::StatusOr<RawSet> ReadCifar(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::vector<std::byte>> bytes = (*reader)->Rest(kMaxDataBytes);
  if (!bytes.ok()) return bytes.status();
  const int64_t size = static_cast<int64_t>(bytes->size());
  if (size % kCifarRow != 0) {
    return (*reader)->Error(absl::StrCat("has ", size, " bytes, no multiple of the ", kCifarRow,
                                         " of a CIFAR-10 row; for a raw array give dtype= and shape="));
  }
  const int64_t rows = size / kCifarRow;
  std::vector<std::byte> labels(static_cast<size_t>(rows));
  // The labels are squeezed out in place.
  for (int64_t i = 0; i < rows; ++i) {
    labels[static_cast<size_t>(i)] = (*bytes)[static_cast<size_t>(i * kCifarRow)];
    std::memmove(bytes->data() + i * kCifarPixels, bytes->data() + i * kCifarRow + 1, kCifarPixels);
  }
  bytes->resize(static_cast<size_t>(rows * kCifarPixels));
  RawSet set;
  set.inputs.push_back(Tensor::FromBytes(Type{ElementType::u8, {rows, 3, 32, 32}}, std::move(*bytes)));
  set.names.push_back(path);
  set.layout = "nchw";
  set.labels = Tensor::FromBytes(Type{ElementType::u8, {rows}}, std::move(labels));
  return set;
}

absl::StatusOr<Tensor> ReadRaw(const std::string& path, ElementType element, const Shape& sample) {
  absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::vector<std::byte>> bytes = (*reader)->Rest(kMaxDataBytes);
  if (!bytes.ok()) return bytes.status();
  const int64_t row = Elements(sample) * ElementTypeBytes(element);
  const int64_t size = static_cast<int64_t>(bytes->size());
  if (size % row != 0) {
    return (*reader)->Error(absl::StrCat("has ", size, " bytes, no multiple of the ", row, " of a sample of ",
                                         ShapeText(sample), " ", ElementTypeName(element)));
  }
  Shape shape = {size / row};
  shape.insert(shape.end(), sample.begin(), sample.end());
  if (element == ElementType::b8) {
    for (std::byte& b : *bytes) b = b == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return Tensor::FromBytes(Type{element, std::move(shape)}, std::move(*bytes));
}

}  // namespace mcuc
