// The registry of passes (from Passes.def) and their options: one list a pass that parses, prints and documents itself.
#include "mcuc/Passes/Pass.h"

#include <charconv>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace mcuc {

const std::vector<PassInfo>& AllPasses() {
  static const std::vector<PassInfo> passes = {
#define PASS(name, Class, summary) {name, summary, Create##Class},
#include "mcuc/Passes/Passes.def"
#undef PASS
  };
  return passes;
}

const PassInfo* FindPass(const std::string& name) {
  for (const PassInfo& info : AllPasses()) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

void PassContext::Remark(const Graph& graph, const Node* node, const std::string& message) const {
  Location where;
  where.file = graph.source();
  if (node) {
    where.node = node->loc().empty() ? node->result()->name() : node->loc();
    where.op = node->op_name();
  }
  diagnostics->Remark(std::move(where), message);
}

void PassOptions::AddOption(const char* name, const char* doc, std::string values,
                            std::function<absl::Status(const std::string&)> set, std::function<std::string()> text) {
  std::string default_text = text();
  options_.push_back({{name, doc, std::move(default_text), std::move(values)}, std::move(set), std::move(text)});
}

void PassOptions::Add(const char* name, const char* doc, bool* field) {
  AddOption(
      name, doc, "true|false",
      [=](const std::string& value) {
        if (value != "true" && value != "false") return absl::InvalidArgumentError("");
        *field = value == "true";
        return absl::OkStatus();
      },
      [=] { return std::string(*field ? "true" : "false"); });
}

void PassOptions::Add(const char* name, const char* doc, int64_t* field) {
  AddOption(
      name, doc, "<integer>",
      [=](const std::string& value) {
        return absl::SimpleAtoi(value, field) ? absl::OkStatus() : absl::InvalidArgumentError("");
      },
      [=] { return absl::StrCat(*field); });
}

void PassOptions::Add(const char* name, const char* doc, double* field) {
  AddOption(
      name, doc, "<number>",
      [=](const std::string& value) {
        double number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc() || end != value.data() + value.size() || !(number - number == 0)) {
          return absl::InvalidArgumentError("");
        }
        *field = number;
        return absl::OkStatus();
      },
      [=] { return DoubleText(*field); });
}

void PassOptions::Add(const char* name, const char* doc, std::string* field) {
  AddOption(
      name, doc, "<text>",
      [=](const std::string& value) {
        *field = value;
        return absl::OkStatus();
      },
      [=] { return *field; });
}

void PassOptions::Add(const char* name, const char* doc, std::vector<std::string>* field) {
  AddOption(
      name, doc, "<a;b;c>",
      [=](const std::string& value) {
        *field = absl::StrSplit(value, ';', absl::SkipEmpty());
        return absl::OkStatus();
      },
      [=] { return absl::StrJoin(*field, ";"); });
}

void PassOptions::AddChoice(const char* name, const char* doc, std::string* field, std::vector<std::string> choices) {
  AddOption(
      name, doc, absl::StrJoin(choices, "|"),
      [=](const std::string& value) {
        for (const std::string& choice : choices) {
          if (choice == value) {
            *field = value;
            return absl::OkStatus();
          }
        }
        return absl::InvalidArgumentError("");
      },
      [=] { return *field; });
}

std::vector<PassOptions::Row> PassOptions::Rows() const {
  std::vector<Row> rows;
  for (const Option& option : options_) rows.push_back(option.row);
  return rows;
}

absl::Status PassOptions::Set(const std::string& name, const std::string& value) {
  for (const Option& option : options_) {
    if (option.row.name != name) continue;
    if (option.set(value).ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("option \"", name, "\" takes ", option.row.values, ", not \"", value, "\""));
  }
  const std::string known =
      absl::StrJoin(options_, ", ", [](std::string* out, const Option& option) { *out += option.row.name; });
  return absl::InvalidArgumentError(
      absl::StrCat("no option \"", name, "\"", known.empty() ? "; this pass has none" : "; there are: ", known));
}

std::string PassOptions::Text() const {
  std::vector<std::string> words;
  for (const Option& option : options_) {
    const std::string text = option.text();
    if (text != option.row.default_text) words.push_back(absl::StrCat(option.row.name, "=", text));
  }
  return absl::StrJoin(words, " ");
}

}  // namespace mcuc
