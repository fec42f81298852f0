// Parses, prints and runs pipelines: needs are checked before each pass, the graph is verified after it, and a search
// can run the passes that follow it on a clone.
#include "mcuc/Passes/Pipeline.h"

#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {

namespace {

absl::Status ErrorAt(const std::string& text, size_t at, const std::string& message) {
  Location where{"--passes", 1, static_cast<int>(at) + 1, text, "", ""};
  return absl::InvalidArgumentError(Diagnostic{Severity::kError, where, message}.ToString());
}

std::string KnownPasses() {
  return absl::StrJoin(AllPasses(), ", ", [](std::string* out, const PassInfo& info) { *out += info.name; });
}

std::string Trim(const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); }

// Creates the pass with these options set; `error` gets the offending word.
absl::StatusOr<std::unique_ptr<Pass>> Create(const PassInfo& info, const std::string& text, PassOptions& options,
                                             std::string* word) {
  std::unique_ptr<Pass> pass = info.create();
  pass->Options(options);
  for (absl::string_view piece : absl::StrSplit(text, absl::ByAnyChar(" ,\t\n"), absl::SkipEmpty())) {
    *word = std::string(piece);
    const size_t equals = word->find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("\"", *word, "\" is no option; write name=value"));
    }
    if (absl::Status status = options.Set(word->substr(0, equals), word->substr(equals + 1)); !status.ok())
      return status;
  }
  return pass;
}

std::string AddPassName(const std::string& name, const absl::Status& status) {
  return absl::StrCat(name, ": ", std::string(status.message()));
}

// What --verify-each checks of a pass beyond the verifier.
absl::Status CheckStage(const std::string& name, const std::string& before, bool changed, const Graph& graph) {
  const std::string text = PrintGraph(graph);
  if (changed != (before != text)) {
    return absl::InternalError(absl::StrCat(name, " says that it ", changed ? "changed" : "did not change",
                                            " the graph, but its printed form says otherwise"));
  }
  Diagnostics diagnostics;
  const std::unique_ptr<Graph> parsed = ParseGraph(text, absl::StrCat("the graph after ", name), diagnostics);
  if (!parsed) return absl::InternalError(std::string(diagnostics.ToStatus().message()));
  if (PrintGraph(*parsed) != text) {
    return absl::InternalError(absl::StrCat("the graph after ", name, " prints otherwise once parsed back"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Pipeline> Pipeline::Parse(const std::string& text) {
  Pipeline pipeline;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find_first_of(",{", at);
    if (end == std::string::npos) end = text.size();
    const std::string name = Trim(text.substr(at, end - at));
    Stage stage;
    stage.info = FindPass(name);
    if (!stage.info) {
      return ErrorAt(text, at,
                     name.empty() ? absl::StrCat("a pass's name is missing; there are: ", KnownPasses())
                                  : absl::StrCat("no pass \"", name, "\"; there are: ", KnownPasses()));
    }
    if (end < text.size() && text[end] == '{') {
      const size_t close = text.find('}', end);
      if (close == std::string::npos) return ErrorAt(text, end, "no \"}\" closes these options");
      stage.options = text.substr(end + 1, close - end - 1);
      PassOptions options;
      std::string word;
      const auto pass = Create(*stage.info, stage.options, options, &word);
      if (!pass.ok()) return ErrorAt(text, text.find(word, end), AddPassName(name, pass.status()));
      stage.options = options.Text();
      end = text.find_first_not_of(" \t\n", close + 1);
      if (end == std::string::npos) end = text.size();
      if (end < text.size() && text[end] != ',') return ErrorAt(text, end, "a comma must stand between two passes");
    }
    pipeline.stages_.push_back(std::move(stage));
    at = end + 1;
    if (end < text.size() && at >= text.size()) return ErrorAt(text, end, "a pass's name must follow the comma");
  }
  return pipeline;
}

bool Pipeline::Has(const std::string& pass) const {
  return std::any_of(stages_.begin(), stages_.end(), [&](const Stage& stage) { return stage.info->name == pass; });
}

std::string Pipeline::Text() const {
  return absl::StrJoin(stages_, ",", [](std::string* out, const Stage& stage) {
    absl::StrAppend(out, stage.info->name);
    if (!stage.options.empty()) absl::StrAppend(out, "{", stage.options, "}");
  });
}

absl::Status Pipeline::Run(Graph& graph, PassContext context, const RunOptions& options) {
  times_.clear();
  for (const std::string& name : options.print_after) {
    if (!FindPass(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--print-after: no pass \"", name, "\"; there are: ", KnownPasses()));
    }
  }
  if (absl::Status status = RunFrom(0, graph, std::move(context), options); !status.ok()) return status;
  if (options.time_passes) {
    for (const PassTime& time : times_) {
      char line[128];
      std::snprintf(line, sizeof(line), "%9.3f s  %s\n", time.seconds, time.pass.c_str());
      *options.dump << line;
    }
  }
  return absl::OkStatus();
}

absl::Status Pipeline::RunFrom(size_t first, Graph& graph, PassContext context, const RunOptions& options) {
  for (size_t i = first; i < stages_.size(); ++i) {
    const Stage& stage = stages_[i];
    const std::string name = stage.info->name;
    PassOptions pass_options;
    std::string word;
    const auto pass = Create(*stage.info, stage.options, pass_options, &word);
    if (!pass.ok()) return pass.status();

    const GraphState state = StateOf(graph);
    if ((*pass)->Needs().no_encodings && state.encoded) {
      return absl::FailedPreconditionError(absl::StrCat(name, " refuses encoded constants; run it before csc-encode"));
    }
    if ((*pass)->Needs().no_placements && state.placed) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, " refuses planned buffers; give it the graph as it was before plan-buffers"));
    }

    // A candidate of a search runs the rest quietly: its remarks and dumps are not the result's.
    context.run_rest = [this, i, context](Graph& candidate) {
      Diagnostics quiet;
      PassContext rest = context;
      rest.diagnostics = &quiet;
      rest.progress = nullptr;
      const std::vector<PassTime> times = times_;
      absl::Status status = RunFrom(i + 1, candidate, std::move(rest), RunOptions{});
      times_ = times;
      return status;
    };

    const std::string before = options.verify_each ? PrintGraph(graph) : "";
    const int errors = context.diagnostics->errors();
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<bool> changed = (*pass)->Run(graph, context);
    times_.push_back({name, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
    if (!changed.ok()) return absl::Status(changed.status().code(), AddPassName(name, changed.status()));
    if (context.diagnostics->errors() > errors) return absl::InvalidArgumentError(absl::StrCat(name, " failed"));

    if (absl::Status status = VerifyGraph(graph); !status.ok()) {
      return absl::InternalError(
          absl::StrCat("the graph is broken after ", name, ":\n", std::string(status.message())));
    }
    if (options.verify_each) {
      if (absl::Status status = CheckStage(name, before, *changed, graph); !status.ok()) return status;
    }
    if (options.print_after_all || options.print_after.count(name)) {
      PrintOptions print;
      print.elide_constants = options.elide_constants;
      *options.dump << "# after " << name << "\n" << PrintGraph(graph, print) << "\n";
    }
  }
  return absl::OkStatus();
}

std::string PassHelp() {
  std::string text;
  for (const PassInfo& info : AllPasses()) {
    absl::StrAppend(&text, "  ", info.name, ": ", info.summary, "\n");
    PassOptions options;
    info.create()->Options(options);
    for (const PassOptions::Row& row : options.Rows()) {
      absl::StrAppend(&text, "      ", row.name, "=", row.values, "  ", row.doc, " (", row.default_text, ")\n");
    }
  }
  return text;
}

std::string PassDocs() {
  std::string text =
      "# Passes\n\n"
      "Generated by `mcuc-opt --docs=passes` from `Passes.def` and the passes themselves, in the order of the default "
      "pipeline. Pipeline text: `--passes='canonicalize,prune-search{max-drop=0.01 seed=1},quantize'`.\n";
  for (const PassInfo& info : AllPasses()) {
    const std::unique_ptr<Pass> pass = info.create();
    absl::StrAppend(&text, "\n## `", info.name, "`: ", info.summary, "\n");
    if (const std::string details = pass->Details(); !details.empty()) {
      absl::StrAppend(&text, "\n", std::string(absl::StripAsciiWhitespace(details)), "\n");
    }
    std::vector<std::string> refuses;
    if (pass->Needs().no_encodings) refuses.push_back("encoded constants");
    if (pass->Needs().no_placements) refuses.push_back("planned buffers");
    if (!refuses.empty()) absl::StrAppend(&text, "\nRefuses graphs with ", absl::StrJoin(refuses, " and "), ".\n");
    PassOptions options;
    pass->Options(options);
    if (options.Rows().empty()) continue;
    text += "\n| option | values | default | meaning |\n|---|---|---|---|\n";
    for (const PassOptions::Row& row : options.Rows()) {
      const std::string values = absl::StrJoin(absl::StrSplit(row.values, '|'), "` or `");
      absl::StrAppend(&text, "| `", row.name, "` | `", values, "` | ",
                      row.default_text.empty() ? "" : absl::StrCat("`", row.default_text, "`"), " | ", row.doc, " |\n");
    }
  }
  return text;
}

}  // namespace mcuc
