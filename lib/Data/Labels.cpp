// What a file is, and labels in any of the formats that hold integers: idx, .npy, .npz (array y), a JSON array, bytes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "Formats.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

constexpr int64_t kMaxJson = int64_t{1} << 28;

absl::StatusOr<Tensor> ReadJson(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::vector<std::byte>> bytes = (*reader)->Rest(kMaxJson);
  if (!bytes.ok()) return bytes.status();
  const char* text = reinterpret_cast<const char*>(bytes->data());
  const nlohmann::json json = nlohmann::json::parse(text, text + bytes->size(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return (*reader)->Error("is not JSON");
  if (!json.is_array()) return (*reader)->Error("is not a JSON array of labels");
  Tensor labels(Type{ElementType::i64, {static_cast<int64_t>(json.size())}});
  for (size_t i = 0; i < json.size(); ++i) {
    const bool fits = json[i].is_number_integer() &&
                      !(json[i].is_number_unsigned() && json[i].get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
    if (!fits)
      return (*reader)->Error(absl::StrCat(
          "element ", i, " is ", json[i].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 40),
          "; labels are integers"));
    labels.SetInt(static_cast<int64_t>(i), json[i].get<int64_t>());
  }
  return labels;
}

}  // namespace

absl::StatusOr<Format> FormatOf(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return Format::kFolder;
  static const std::map<std::string, Format> kExtensions = {{".npy", Format::kNpy}, {".npz", Format::kNpz},
                                                            {".pb", Format::kPb},   {".png", Format::kPng},
                                                            {".bin", Format::kBin}, {".json", Format::kJson}};
  const auto known = kExtensions.find(absl::AsciiStrToLower(std::filesystem::path(path).extension().string()));
  if (known != kExtensions.end()) return known->second;

  absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
  if (!reader.ok()) return reader.status();
  std::byte start[6] = {};
  absl::StatusOr<size_t> got = (*reader)->Some(start, sizeof(start));
  if (!got.ok()) return got.status();
  const std::string head(reinterpret_cast<const char*>(start), *got);
  if (head == "\x93NUMPY") return Format::kNpy;
  if (head.compare(0, 4, "PK\3\4") == 0) return Format::kNpz;
  if (head.compare(0, 4, "\x89PNG") == 0) return Format::kPng;
  if (head.size() >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14) return Format::kIdx;
  return Format::kUnknown;
}

absl::StatusOr<Tensor> ReadLabels(const std::string& path) {
  absl::StatusOr<Format> format = FormatOf(path);
  if (!format.ok()) return format.status();
  switch (*format) {
    case Format::kJson:
      return ReadJson(path);
    case Format::kNpz:
      return ReadNpzArray(path, "y");
    case Format::kNpy:
    case Format::kIdx:
    case Format::kBin: {
      absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
      if (!reader.ok()) return reader.status();
      if (*format == Format::kNpy) return ReadNpy(**reader);
      if (*format == Format::kIdx) return ReadIdx(**reader);
      return ReadRaw(path, ElementType::u8, {});
    }
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": is no file of labels; idx, .npy, .npz with an array y, a JSON array and .bin (a byte each) are"));
  }
}

}  // namespace mcuc
