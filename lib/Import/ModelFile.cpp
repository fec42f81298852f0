// Loads models. Protobuf parsing is forward compatible, so files of newer IR versions than libonnx's are read too; the
// versions are checked here, not by libonnx's checker.
#include "ModelFile.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "Lowering.h"
#include "ReadFile.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "onnx/defs/parser.h"
#include "onnx/onnx_pb.h"

namespace mcuc::importer {

namespace {

constexpr int64_t kMinIrVersion = 3;  // the first with opset imports
constexpr int64_t kMaxIrVersion = 11;
constexpr int kMaxTextNesting = 64;

// libonnx's parser is recursive: the deepest nesting of brackets outside strings and comments bounds its stack.
int NestingOf(const std::string& text) {
  int depth = 0, deepest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i = std::min(text.find('"', i + 1), text.size());
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '(' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ')' || c == '}') {
      depth = std::max(depth - 1, 0);
    }
  }
  return deepest;
}

// libonnx says "[ParseError at position (line: 3 column: 7)]\nError context: …\nmessage\n".
void ReportParseError(const std::string& path, const std::string& text, const std::string& error,
                      Diagnostics& diagnostics) {
  Location where = InFile(path);
  const size_t position = error.find("(line: ");
  if (position != std::string::npos) {
    std::sscanf(error.c_str() + position, "(line: %d column: %d)", &where.line, &where.column);
  }
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (where.line > 0 && where.line <= static_cast<int>(lines.size())) {
    where.line_text = lines[static_cast<size_t>(where.line - 1)];
  }
  std::vector<std::string> parts = absl::StrSplit(error, '\n', absl::SkipWhitespace());
  std::string message = "is no ONNX text";
  if (parts.size() > 2) message = parts[2];
  diagnostics.Error(std::move(where), message);
}

bool ParseText(const std::string& path, const std::string& text, onnx::ModelProto& model, Diagnostics& diagnostics) {
  const Location where = InFile(path);
  if (text.find('\0') != std::string::npos) {
    diagnostics.Error(where, "holds a zero byte: it is no ONNX text");
    return false;
  }
  if (const int nesting = NestingOf(text); nesting > kMaxTextNesting) {
    diagnostics.Error(
        where, absl::StrCat("brackets are nested ", nesting, " deep; at most ", kMaxTextNesting, " are supported"));
    return false;
  }
  try {
    const auto status = onnx::OnnxParser::Parse(model, text.c_str());
    if (status.IsOK()) return true;
    ReportParseError(path, text, status.ErrorMessage(), diagnostics);
  } catch (const std::exception& e) {  // numbers out of range
    diagnostics.Error(where, absl::StrCat("is no ONNX text: a number is malformed or out of range (", e.what(), ")"));
  }
  return false;
}

}  // namespace

bool IsDefaultDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

bool LoadModel(const std::string& path, onnx::ModelProto& model, Diagnostics& diagnostics) {
  const auto bytes = ReadFile(path);
  if (!bytes.ok()) {
    diagnostics.Error({}, std::string(bytes.status().message()));
    return false;
  }
  if (absl::EndsWith(path, ".onnxtxt")) return ParseText(path, *bytes, model, diagnostics);
  if (model.ParseFromString(*bytes)) return true;
  diagnostics.Error(InFile(path), "is no ONNX model, or is truncated: it can't be parsed as a ModelProto");
  return false;
}

int64_t OpsetOf(const onnx::ModelProto& model, const std::string& path, Diagnostics& diagnostics) {
  const Location where = InFile(path);
  if (model.ir_version() < kMinIrVersion || model.ir_version() > kMaxIrVersion) {
    diagnostics.Error(where, model.has_ir_version()
                                 ? absl::StrCat("IR version ", model.ir_version(),
                                                " is not supported; supported: ", kMinIrVersion, " to ", kMaxIrVersion)
                                 : "has no IR version: it is no ONNX model");
    return 0;
  }
  if (!model.has_graph()) {
    diagnostics.Error(where, "has no graph");
    return 0;
  }
  int64_t opset = 0;
  for (const auto& import : model.opset_import()) {
    if (!IsDefaultDomain(import.domain())) continue;
    if (opset != 0 && opset != import.version()) {
      diagnostics.Error(where,
                        absl::StrCat("imports two opsets of the default domain: ", opset, " and ", import.version()));
      return 0;
    }
    opset = import.version();
    if (opset < kMinOpset || opset > kMaxOpset) {
      diagnostics.Error(where,
                        absl::StrCat("opset ", opset, " is not supported; supported: ", kMinOpset, " to ", kMaxOpset,
                                     ". Convert the model with onnx.version_converter or export it anew"));
      return 0;
    }
  }
  if (opset != 0) return opset;
  const auto& nodes = model.graph().node();
  if (std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return IsDefaultDomain(node.domain()); })) {
    return kMaxOpset;  // nothing depends on it
  }
  diagnostics.Error(where,
                    absl::StrCat("imports no opset of the default domain; supported: ", kMinOpset, " to ", kMaxOpset));
  return 0;
}

}  // namespace mcuc::importer
