// Diagnostics: what went wrong in the user's model, data or text, where, and how to put it right. Every part of the
// compiler reports into a Diagnostics sink and goes on as long as it sensibly can, so that several errors are listed at
// once. Our own bugs are absl::InternalError statuses, not diagnostics.
#ifndef MCUC_SUPPORT_DIAGNOSTIC_H
#define MCUC_SUPPORT_DIAGNOSTIC_H

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace mcuc {

enum class Severity : uint8_t { kRemark, kWarning, kError };

// A place in a file. A text position prints with its line and a caret below the column; a node prints as
// `tiny.onnx: node "fc1" (Gemm): …`. Any part may be missing.
struct Location {
  std::string file;
  int line = 0;           // 1-based; 0: no text position
  int column = 0;         // 1-based
  std::string line_text;  // the text of that line, without its end
  std::string node;       // the node's own name in the model
  std::string op;         // its operator, e.g. "Gemm" or "conv"
};

struct Diagnostic {
  Severity severity = Severity::kError;
  Location where;
  std::string message;

  // "file:3:7: error: …" and caret lines, or `file: node "n" (Op): error: …`; no end of line after the last line.
  std::string ToString() const;
};

class Diagnostics {
 public:
  void Add(Severity severity, Location where, std::string message);
  void Error(Location where, std::string message) { Add(Severity::kError, std::move(where), std::move(message)); }
  void Warning(Location where, std::string message) { Add(Severity::kWarning, std::move(where), std::move(message)); }
  void Remark(Location where, std::string message) { Add(Severity::kRemark, std::move(where), std::move(message)); }

  bool has_errors() const { return errors_ > 0; }
  int errors() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return all_; }

  // Prints the diagnostics of at least this severity, in the order they came.
  void Print(std::ostream& out, Severity least = Severity::kWarning) const;
  // OK without errors; else InvalidArgument with every error's text, a line (or more) each.
  absl::Status ToStatus() const;

 private:
  std::vector<Diagnostic> all_;
  int errors_ = 0;
};

}  // namespace mcuc

#endif  // MCUC_SUPPORT_DIAGNOSTIC_H
