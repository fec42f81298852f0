// Reads regular files; anything else (folders, pipes, devices) is an error, as is a size beyond protobuf's 2 GiB.
#ifndef MCUC_LIB_IMPORT_READFILE_H
#define MCUC_LIB_IMPORT_READFILE_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Support/Diagnostic.h"

namespace mcuc::importer {

absl::StatusOr<int64_t> FileSize(const std::string& path);
absl::StatusOr<std::string> ReadFile(const std::string& path);
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t offset, int64_t bytes);

// The file as a whole, as a place for a diagnostic.
Location InFile(const std::string& path);

// A name of the model for a message: control characters escaped, long names cut.
std::string Printable(const std::string& name);
// Strings with the indices that stand for them: `0 = "a", 1 = "b"`.
std::string StringsText(const std::vector<std::string>& strings);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_READFILE_H
