// MNIST's idx files, gzipped or not: two zero bytes, an element code, the number of dimensions, big-endian dimensions
// and elements. Labels lie beside the images under a name of the same pattern.
#include <algorithm>
#include <filesystem>

#include "Formats.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

absl::StatusOr<Tensor> ReadIdx(Reader& reader) {
  absl::StatusOr<std::vector<std::byte>> magic = reader.Bytes(4, "the start of an idx file");
  if (!magic.ok()) return magic.status();
  static const std::map<int, ElementType> kTypes = {{0x08, ElementType::u8},  {0x09, ElementType::i8},
                                                    {0x0B, ElementType::i16}, {0x0C, ElementType::i32},
                                                    {0x0D, ElementType::f32}, {0x0E, ElementType::f64}};
  const auto type = kTypes.find(std::to_integer<int>((*magic)[2]));
  const int rank = std::to_integer<int>((*magic)[3]);
  if ((*magic)[0] != std::byte{0} || (*magic)[1] != std::byte{0} || type == kTypes.end() || rank < 1 || rank > 8) {
    return reader.Error("is not an idx file: it starts otherwise");
  }
  absl::StatusOr<std::vector<std::byte>> sizes = reader.Bytes(4 * rank, "its dimensions");
  if (!sizes.ok()) return sizes.status();
  Shape shape;
  for (size_t d = 0; d < static_cast<size_t>(rank); ++d) {
    int64_t dim = 0;
    for (size_t i = 0; i < 4; ++i) dim = dim * 256 + std::to_integer<int64_t>((*sizes)[4 * d + i]);
    shape.push_back(dim);
  }
  absl::StatusOr<int64_t> elements = ClaimedElements(shape, type->second, reader.name());
  if (!elements.ok()) return elements.status();
  const int64_t width = ElementTypeBytes(type->second);
  absl::StatusOr<std::vector<std::byte>> bytes =
      reader.Bytes(*elements * width, absl::StrCat("an array of ", ShapeText(shape)));
  if (!bytes.ok()) return bytes.status();
  if (absl::Status end = reader.ExpectEnd("its array"); !end.ok()) return end;
  if (width > 1) {
    for (auto at = bytes->begin(); at != bytes->end(); at += width) std::reverse(at, at + width);
  }
  return Tensor::FromBytes(Type{type->second, shape}, std::move(*bytes));
}

std::string SiblingLabels(const std::string& path) {
  const std::filesystem::path file(path);
  std::string name = file.filename().string();
  const size_t images = name.find("images");
  if (images == std::string::npos) return "";
  name.replace(images, 6, "labels");
  if (const size_t idx = name.find("idx3"); idx != std::string::npos) name.replace(idx, 4, "idx1");
  const bool gz = name.size() > 3 && name.compare(name.size() - 3, 3, ".gz") == 0;
  for (const std::string& candidate : {name, gz ? name.substr(0, name.size() - 3) : name + ".gz"}) {
    const std::filesystem::path labels = file.parent_path() / candidate;
    std::error_code error;
    if (std::filesystem::is_regular_file(labels, error)) return labels.string();
  }
  return "";
}

}  // namespace mcuc
