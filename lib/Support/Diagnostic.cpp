// Renders diagnostics: a position prints its source line with a caret, a node prints its name and operator.
#include "mcuc/Support/Diagnostic.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mcuc {

namespace {

const char* SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kRemark:
      return "remark";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

// The caret line keeps the tabs of the source line, so that the caret stands below its column in any terminal.
std::string CaretLine(const Location& where) {
  std::string indent;
  for (int i = 0; i + 1 < where.column; ++i) {
    const bool tab = i < static_cast<int>(where.line_text.size()) && where.line_text[static_cast<size_t>(i)] == '\t';
    indent += tab ? '\t' : ' ';
  }
  return indent + "^";
}

}  // namespace

std::string Diagnostic::ToString() const {
  std::string text;
  if (!where.file.empty()) absl::StrAppend(&text, where.file, ":");
  if (where.line > 0) absl::StrAppend(&text, where.file.empty() ? "line " : "", where.line, ":", where.column, ":");
  if (!text.empty()) text += ' ';
  if (!where.node.empty() || !where.op.empty()) {
    absl::StrAppend(&text, "node \"", where.node, "\"");
    if (!where.op.empty()) absl::StrAppend(&text, " (", where.op, ")");
    text += ": ";
  }
  absl::StrAppend(&text, SeverityName(severity), ": ", message);
  if (where.line > 0 && !where.line_text.empty()) {
    absl::StrAppend(&text, "\n", where.line_text, "\n", CaretLine(where));
  }
  return text;
}

void Diagnostics::Add(Severity severity, Location where, std::string message) {
  if (severity == Severity::kError) ++errors_;
  all_.push_back({severity, std::move(where), std::move(message)});
}

void Diagnostics::Print(std::ostream& out, Severity least) const {
  for (const Diagnostic& diagnostic : all_) {
    if (diagnostic.severity >= least) out << diagnostic.ToString() << '\n';
  }
}

absl::Status Diagnostics::ToStatus() const {
  if (!has_errors()) return absl::OkStatus();
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : all_) {
    if (diagnostic.severity == Severity::kError) lines.push_back(diagnostic.ToString());
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

}  // namespace mcuc
