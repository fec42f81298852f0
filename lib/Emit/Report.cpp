// One list of rows, rendered as a table for the terminal and as JSON.
#include "mcuc/Emit/Report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

struct Row {
  std::string name, op, shape, encoding;
  int64_t macs = 0, executed_macs = 0;
  int64_t weights = 0, nonzeros = 0;
  int64_t weight_bytes = 0;     // weights and indices as stored
  int64_t parameter_bytes = 0;  // biases, multipliers, shifts, tables
  double instructions = 0;      // modelled; 0: not modelled
};

int64_t MultiplierBytes(const Attributes& attrs) {
  int64_t bytes = 0;
  std::visit(
      [&](const auto& a) {
        if constexpr (requires { a.mul; }) {
          bytes = static_cast<int64_t>(a.mul.size()) * 4 + static_cast<int64_t>(a.shift.size());
        }
      },
      attrs);
  return bytes;
}

std::vector<Row> RowsOf(const Graph& graph, const Target& target) {
  std::vector<Row> rows;
  std::vector<const Value*> counted;
  for (const auto& node : graph.nodes()) {
    Row row;
    row.name = node->loc().empty() ? node->result()->name() : node->loc();
    row.op = node->op_name();
    row.shape = ShapeText(node->result()->type().shape);
    row.macs = MacsOf(*node);
    row.executed_macs = MacsOf(*node, true);
    row.parameter_bytes = MultiplierBytes(node->attrs());
    Encoding encoding = Encoding::kDense;
    for (size_t i = 0; i < node->operands().size(); ++i) {
      const Value* operand = node->operand(i);
      if (!operand->is_constant()) continue;
      const bool first = std::find(counted.begin(), counted.end(), operand) == counted.end();
      counted.push_back(operand);
      const int64_t bytes = first ? operand->tensor().storage_bytes() : 0;
      if (ReadsAsWeights(*node, i)) {
        encoding = operand->type().encoding;
        row.encoding = ElementTypeName(operand->type().element);
        if (encoding != Encoding::kDense) absl::StrAppend(&row.encoding, " ", EncodingText(encoding));
        row.weights += operand->type().elements();
        row.nonzeros += operand->tensor().nonzeros();
        row.weight_bytes += bytes;
      } else {
        row.parameter_bytes += bytes;
      }
    }
    row.instructions = target.Instructions(*node, encoding);
    rows.push_back(std::move(row));
  }
  return rows;
}

Row TotalOf(const std::vector<Row>& rows) {
  Row total;
  total.name = "total";
  for (const Row& row : rows) {
    total.macs += row.macs;
    total.executed_macs += row.executed_macs;
    total.weights += row.weights;
    total.nonzeros += row.nonzeros;
    total.weight_bytes += row.weight_bytes;
    total.parameter_bytes += row.parameter_bytes;
    total.instructions += row.instructions;
  }
  return total;
}

std::string Density(const Row& row) {
  if (row.weights == 0) return "";
  char text[16];
  std::snprintf(text, sizeof(text), "%.3f", static_cast<double>(row.nonzeros) / static_cast<double>(row.weights));
  return text;
}

std::string Count(int64_t value) { return value ? absl::StrCat(value) : ""; }

// A name as a cell of the table: control characters as `?`, the middle of a long one left out.
std::string NameCell(const std::string& name) {
  constexpr size_t kWidest = 48, kEnd = 22;
  std::string text = name;
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() <= kWidest) return text;
  const auto inside = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };  // of UTF-8
  size_t head = kEnd, tail = text.size() - kEnd;
  while (head > 0 && inside(head)) --head;
  while (tail < text.size() && inside(tail)) ++tail;
  return absl::StrCat(text.substr(0, head), "...", text.substr(tail));
}

std::vector<std::string> Cells(const Row& row) {
  return {NameCell(row.name),
          row.op,
          row.shape,
          Count(row.macs),
          Count(row.executed_macs),
          Density(row),
          row.encoding,
          Count(row.weight_bytes),
          Count(row.parameter_bytes),
          Count(static_cast<int64_t>(row.instructions))};
}

// Columns as wide as their widest cell; names and words to the left, numbers to the right.
std::string Table(const std::vector<std::vector<std::string>>& lines, const std::vector<bool>& left) {
  std::vector<size_t> widths(left.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - line[i].size(), ' ');
      absl::StrAppend(&row, i ? "  " : "", left[i] ? line[i] + pad : pad + line[i]);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, row, "\n");
  }
  return text;
}

int64_t AllBytes(const Row& row) { return row.weight_bytes + row.parameter_bytes; }

nlohmann::ordered_json JsonOf(const Row& row) {
  nlohmann::ordered_json json;
  json["name"] = row.name;
  if (!row.op.empty()) json["op"] = row.op;
  if (!row.shape.empty()) json["shape"] = row.shape;
  json["macs"] = row.macs;
  json["executed_macs"] = row.executed_macs;
  json["weights"] = row.weights;
  json["nonzeros"] = row.nonzeros;
  if (!row.encoding.empty()) json["encoding"] = row.encoding;
  json["weight_bytes"] = row.weight_bytes;
  json["parameter_bytes"] = row.parameter_bytes;
  json["modelled_instructions"] = static_cast<int64_t>(row.instructions);
  return json;
}

std::vector<std::vector<std::string>> CandidateLines(const std::vector<Candidate>& candidates) {
  std::vector<std::vector<std::string>> lines = {{"candidate", "nonzeros", "bytes", "on validation", "drop", "+-", ""}};
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4f", value);
    return std::string(text);
  };
  for (const Candidate& c : candidates) {
    const bool scored = c.failure.empty() && c.score.samples > 0;
    const std::string seed = c.seed == candidates[0].seed ? "" : absl::StrCat(", seed ", c.seed);
    lines.push_back({DoubleText(c.sparsity) + seed, Count(c.nonzeros), Count(c.bytes),
                     scored ? c.score.ToString() : c.failure, scored ? number(c.drop) : "",
                     scored ? number(c.error) : "", c.accepted ? "accepted" : "rejected"});
  }
  return lines;
}

nlohmann::ordered_json JsonOf(const Candidate& candidate) {
  nlohmann::ordered_json json;
  json["sparsity"] = candidate.sparsity;
  json["seed"] = candidate.seed;
  json["nonzeros"] = candidate.nonzeros;
  json["bytes"] = candidate.bytes;
  if (candidate.failure.empty() && candidate.score.samples > 0) {
    json["score"] = candidate.score.ToString();
    json["drop"] = candidate.drop;
    json["standard_error"] = candidate.error;
  }
  if (!candidate.failure.empty()) json["failure"] = candidate.failure;
  json["accepted"] = candidate.accepted;
  return json;
}

// Warnings too are told in JSON; the terminal has shown them already.
std::vector<std::string> RemarksOf(const ReportInput& input, bool warnings) {
  std::vector<std::string> remarks;
  if (!input.diagnostics) return remarks;
  for (const Diagnostic& diagnostic : input.diagnostics->all()) {
    if (diagnostic.severity != Severity::kRemark && !(warnings && diagnostic.severity == Severity::kWarning)) continue;
    const std::string& node = diagnostic.where.node;
    remarks.push_back(node.empty() ? diagnostic.message : absl::StrCat(node, ": ", diagnostic.message));
  }
  return remarks;
}

}  // namespace

std::string ReportText(const ReportInput& input) {
  const std::vector<Row> rows = RowsOf(*input.graph, *input.target);
  const Row total = TotalOf(rows);
  const Row before = TotalOf(RowsOf(*input.imported, *input.target));
  std::vector<std::vector<std::string>> lines = {{"layer", "op", "output", "MACs", "executed", "density", "weights as",
                                                  "bytes", "other bytes",
                                                  absl::StrCat("instructions (", input.target->name(), ")")}};
  for (const Row& row : rows) lines.push_back(Cells(row));
  lines.push_back(Cells(total));
  std::string text = Table(lines, {true, true, true, false, false, false, true, false, false, false});
  absl::StrAppend(&text, "\nconstants: ", AllBytes(total), " bytes, imported ", AllBytes(before), " bytes");
  if (AllBytes(total) > 0 && AllBytes(before) > AllBytes(total)) {
    char ratio[32];
    std::snprintf(ratio, sizeof(ratio), " (%.2fx smaller)",
                  static_cast<double>(AllBytes(before)) / static_cast<double>(AllBytes(total)));
    text += ratio;
  }
  text += "\n";
  if (input.graph->arena_bytes()) absl::StrAppend(&text, "arena: ", *input.graph->arena_bytes(), " bytes\n");
  if (!input.candidates.empty()) {
    absl::StrAppend(&text, "\n",
                    Table(CandidateLines(input.candidates), {false, false, false, true, false, false, true}), "\n");
  }
  for (const Accuracy& accuracy : input.accuracies) {
    absl::StrAppend(&text, accuracy.what, ": ", accuracy.score, " (", accuracy.data, ")\n");
  }
  for (const auto& [use, spec] : input.data) {
    if (!spec.empty()) absl::StrAppend(&text, use, ": ", spec, "\n");
  }
  absl::StrAppend(&text, "passes: ", input.pipeline, "\n");
  for (const std::string& remark : RemarksOf(input, false)) absl::StrAppend(&text, "remark: ", remark, "\n");
  return text;
}

std::string ReportJson(const ReportInput& input) {
  nlohmann::ordered_json json;
  json["model"] = input.graph->name();
  json["target"] = input.target->name();
  json["passes"] = input.pipeline;
  const std::vector<Row> rows = RowsOf(*input.graph, *input.target);
  for (const Row& row : rows) json["layers"].push_back(JsonOf(row));
  json["total"] = JsonOf(TotalOf(rows));
  json["imported_total"] = JsonOf(TotalOf(RowsOf(*input.imported, *input.target)));
  if (input.graph->arena_bytes()) json["arena_bytes"] = *input.graph->arena_bytes();
  for (const Candidate& candidate : input.candidates) json["search"].push_back(JsonOf(candidate));
  for (const auto& [use, spec] : input.data) {
    if (!spec.empty()) json["data"][use] = spec;
  }
  json["accuracies"] = nlohmann::ordered_json::array();
  for (const Accuracy& accuracy : input.accuracies) {
    json["accuracies"].push_back({{"what", accuracy.what}, {"data", accuracy.data}, {"score", accuracy.score}});
  }
  json["remarks"] = RemarksOf(input, true);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace mcuc
