// Streams of bytes from files, gzipped files (zlib) and zip archives (libzip). Memory grows with the bytes that have
// really come, never with what a header claims.
#include "Reader.h"

#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

constexpr int64_t kDeflateRatio = 1032;  // the most that deflate expands
constexpr int64_t kChunk = int64_t{1} << 22;

class FileReader : public Reader {
 public:
  FileReader(std::string name, int64_t limit, gzFile file) : Reader(std::move(name), limit), file_(file) {}
  ~FileReader() override { gzclose(file_); }

  absl::StatusOr<size_t> Some(std::byte* to, size_t size) override {
    const int got = gzread(file_, to, static_cast<unsigned>(std::min<size_t>(size, kChunk)));
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    // A gzip stream that is cut off reads to its end first and reports Z_BUF_ERROR there.
    if (got < 0 || (got == 0 && code != Z_OK && code != Z_STREAM_END)) {
      return Error(absl::StrCat("cannot be decompressed: ", message));
    }
    return static_cast<size_t>(got);
  }

 private:
  gzFile file_;
};

class EntryReader : public Reader {
 public:
  EntryReader(std::string name, int64_t limit, zip_file_t* file) : Reader(std::move(name), limit), file_(file) {}
  ~EntryReader() override { zip_fclose(file_); }

  absl::StatusOr<size_t> Some(std::byte* to, size_t size) override {
    const zip_int64_t got = zip_fread(file_, to, std::min<size_t>(size, kChunk));
    if (got < 0) return Error(absl::StrCat("cannot be decompressed: ", zip_file_strerror(file_)));
    return static_cast<size_t>(got);
  }

 private:
  zip_file_t* file_;
};

}  // namespace

absl::Status Reader::Error(const std::string& message) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ": ", message));
}

absl::StatusOr<std::vector<std::byte>> Reader::Bytes(int64_t size, const std::string& what) {
  if (size > kMaxDataBytes) {
    return Error(absl::StrCat(what, " would take ", size, " bytes; at most ", kMaxDataBytes, " are read at once"));
  }
  if (size > limit_) return Error(absl::StrCat(what, " takes ", size, " bytes; the file holds at most ", limit_));
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(std::min(size, int64_t{16} * kChunk)));
  while (static_cast<int64_t>(bytes.size()) < size) {
    const size_t at = bytes.size();
    const size_t want = static_cast<size_t>(std::min(kChunk, size - static_cast<int64_t>(at)));
    bytes.resize(at + want);
    absl::StatusOr<size_t> got = Some(bytes.data() + at, want);
    if (!got.ok()) return got.status();
    bytes.resize(at + *got);
    if (*got == 0) return Error(absl::StrCat(what, " takes ", size, " bytes; the file ends after ", at, " of them"));
  }
  return bytes;
}

absl::StatusOr<std::vector<std::byte>> Reader::Rest(int64_t most) {
  std::vector<std::byte> bytes;
  for (int64_t chunk = 1 << 16;; chunk = kChunk) {
    const size_t at = bytes.size();
    bytes.resize(at + static_cast<size_t>(std::min(chunk, most + 1)));
    absl::StatusOr<size_t> got = Some(bytes.data() + at, bytes.size() - at);
    if (!got.ok()) return got.status();
    bytes.resize(at + *got);
    if (*got == 0) return bytes;
    if (static_cast<int64_t>(bytes.size()) > most) return Error(absl::StrCat("has more than ", most, " bytes"));
  }
}

absl::Status Reader::ExpectEnd(const std::string& what) {
  std::byte extra[256];
  absl::StatusOr<size_t> got = Some(extra, sizeof(extra));
  if (!got.ok()) return got.status();
  if (*got > 0) return Error(absl::StrCat("has bytes behind ", what));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Reader>> OpenFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder; a file is needed"));
  }
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat(path, ": cannot be read: ", error.message()));
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  gzbuffer(file, 1 << 17);
  int64_t limit = static_cast<int64_t>(std::min<uintmax_t>(size, kMaxDataBytes));
  if (!gzdirect(file)) limit = std::min(limit * kDeflateRatio, kMaxDataBytes);
  return std::make_unique<FileReader>(path, limit, file);
}

absl::StatusOr<std::unique_ptr<Archive>> Archive::Open(const std::string& path) {
  int code = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (!zip) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read as a zip archive: ", message));
  }
  std::unique_ptr<Archive> archive(new Archive);
  archive->path_ = path;
  archive->zip_ = zip;
  const zip_int64_t count = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(zip, static_cast<zip_uint64_t>(i), 0);
    archive->entries_.push_back(name ? name : "");
  }
  return archive;
}

Archive::~Archive() { zip_discard(static_cast<zip_t*>(zip_)); }

absl::StatusOr<std::unique_ptr<Reader>> Archive::OpenEntry(size_t index) const {
  zip_t* zip = static_cast<zip_t*>(zip_);
  const std::string name = absl::StrCat(path_, ": ", entries_[index]);
  zip_stat_t stat;
  zip_stat_init(&stat);
  zip_file_t* file = zip_stat_index(zip, index, 0, &stat) == 0 ? zip_fopen_index(zip, index, 0) : nullptr;
  if (!file) return absl::InvalidArgumentError(absl::StrCat(name, ": cannot be opened: ", zip_strerror(zip)));
  const uint64_t most = std::min<uint64_t>(stat.comp_size, kMaxDataBytes) * kDeflateRatio;
  const int64_t limit = static_cast<int64_t>(std::min<uint64_t>({stat.size, most, kMaxDataBytes}));
  return std::make_unique<EntryReader>(name, limit, file);
}

}  // namespace mcuc
