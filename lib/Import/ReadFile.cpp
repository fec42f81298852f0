// Files as bytes, and names from files as text that is safe to print.
#include "ReadFile.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mcuc::importer {

namespace {

constexpr int64_t kMaxFileBytes = (int64_t{1} << 31) - 1;
constexpr size_t kMaxNameLength = 200;

}  // namespace

absl::StatusOr<int64_t> FileSize(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return absl::InvalidArgumentError(absl::StrCat(path, ": no such file"));
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a regular file"));
  }
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.message()));
  return static_cast<int64_t>(size);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t offset, int64_t bytes) {
  std::ifstream in(path, std::ios::binary);
  std::string data;
  if (in) {
    data.resize(static_cast<size_t>(bytes));
    in.seekg(offset);
    in.read(data.data(), bytes);
  }
  if (!in) return absl::InvalidArgumentError(absl::StrCat(path, ": can't be read"));
  return data;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const auto size = FileSize(path);
  if (!size.ok()) return size.status();
  if (*size > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", *size, " bytes; at most ", kMaxFileBytes, " are supported"));
  }
  return ReadFile(path, 0, *size);
}

Location InFile(const std::string& path) {
  Location where;
  where.file = path;
  return where;
}

std::string Printable(const std::string& name) {
  std::string text;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (text.size() >= kMaxNameLength) return text + "...";
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&text, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      text += c;
    }
  }
  return text;
}

std::string StringsText(const std::vector<std::string>& strings) {
  constexpr size_t kMost = 100;
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(strings.size(), kMost); ++i) {
    texts.push_back(absl::StrCat(i, " = \"", Printable(strings[i]), "\""));
  }
  if (strings.size() > kMost) texts.push_back(absl::StrCat("… (", strings.size(), " in all)"));
  return absl::StrJoin(texts, ", ");
}

}  // namespace mcuc::importer
