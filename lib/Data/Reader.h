// Streams of bytes that file formats are read from: a file (gzipped or not) or an entry of a zip archive. What a header
// claims is checked against what the stream can hold before memory is taken for it.
#ifndef MCUC_LIB_DATA_READER_H
#define MCUC_LIB_DATA_READER_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mcuc {

// The most bytes of samples held at once.
inline constexpr int64_t kMaxDataBytes = int64_t{1} << 32;

class Reader {
 public:
  virtual ~Reader() = default;
  // Up to `size` bytes; 0 only at the end.
  virtual absl::StatusOr<size_t> Some(std::byte* to, size_t size) = 0;

  // For messages: the file, or "archive.npz: entry".
  const std::string& name() const { return name_; }
  // No more bytes than this can come (deflate expands at most 1032 times).
  int64_t limit() const { return limit_; }

  // Exactly `size` more bytes; `what` says of what in the error.
  absl::StatusOr<std::vector<std::byte>> Bytes(int64_t size, const std::string& what);
  // Everything that is left, at most `most` bytes.
  absl::StatusOr<std::vector<std::byte>> Rest(int64_t most);
  // An error where anything is left.
  absl::Status ExpectEnd(const std::string& what);

  absl::Status Error(const std::string& message) const;

 protected:
  Reader(std::string name, int64_t limit) : name_(std::move(name)), limit_(limit) {}

 private:
  std::string name_;
  int64_t limit_;
};

// A file, decompressed where it is gzipped.
absl::StatusOr<std::unique_ptr<Reader>> OpenFile(const std::string& path);

// A zip archive and its entries.
class Archive {
 public:
  static absl::StatusOr<std::unique_ptr<Archive>> Open(const std::string& path);
  ~Archive();
  const std::vector<std::string>& entries() const { return entries_; }
  absl::StatusOr<std::unique_ptr<Reader>> OpenEntry(size_t index) const;

 private:
  Archive() = default;
  std::string path_;
  void* zip_ = nullptr;  // zip_t
  std::vector<std::string> entries_;
};

}  // namespace mcuc

#endif  // MCUC_LIB_DATA_READER_H
