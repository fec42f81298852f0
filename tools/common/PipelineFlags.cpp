// Flags, data sets and files for the two tools.
#include "common/PipelineFlags.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

void PipelineFlags::AddTo(CLI::App& app) {
  const std::string group = "Passes";
  app.add_option("--passes", passes,
                 "passes to run, in order: 'canonicalize,prune-search{max-drop=0.01},…'; none: just what was read")
      ->group(group);
  app.add_option("--print-after", print_after, "print the graph after this pass (may be repeated)")->group(group);
  app.add_flag("--print-after-all", print_after_all, "print the graph after every pass")->group(group);
  app.add_option("--elide-constants", elide_constants,
                 "in printed graphs, leave out constants of more elements than this; -1: print all")
      ->group(group);
  app.add_flag("--verify-each", verify_each,
               "after each pass also check its changed flag and that the graph's text parses back")
      ->group(group);
  app.add_flag("--time-passes", time_passes, "print each pass's time")->group(group);
  app.add_flag("--remarks", remarks, "print the passes' remarks")->group(group);
  app.add_option("--target", target, "the core to choose for: generic, cortex-m4, …")->group(group);
  app.add_option("--threads", threads, "threads for running samples; 0: one a core")->group(group);
  const std::string data = "Data sets (PATH[:key=value,…], see docs/data.md)";
  app.add_option("--calibrate", calibrate, "samples for the ranges of quantize")->group(data);
  app.add_option("--validate", validate, "samples that steer prune-search")->group(data);
  app.add_option("--train", train, "samples for retraining")->group(data);
}

absl::StatusOr<PipelineData> LoadData(const PipelineFlags& flags, const Graph& graph) {
  PipelineData data;
  const auto load = [&](const char* flag, const std::string& spec, std::optional<Dataset>& into) {
    if (spec.empty()) return absl::OkStatus();
    absl::StatusOr<Dataset> set = Dataset::Load(spec, graph);
    if (!set.ok()) {
      return absl::Status(set.status().code(), absl::StrCat(flag, ": ", std::string(set.status().message())));
    }
    into = *std::move(set);
    return absl::OkStatus();
  };
  if (absl::Status status = load("--calibrate", flags.calibrate, data.calibrate); !status.ok()) return status;
  if (absl::Status status = load("--validate", flags.validate, data.validate); !status.ok()) return status;
  if (absl::Status status = load("--train", flags.train, data.train); !status.ok()) return status;
  return data;
}

absl::Status RunPipeline(const PipelineFlags& flags, const PipelineData& data, Pipeline& pipeline, Graph& graph,
                         Diagnostics& diagnostics) {
  const absl::StatusOr<Target> target = Target::ByName(flags.target);
  if (!target.ok()) return target.status();
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  context.calibrate = data.calibrate ? &*data.calibrate : nullptr;
  context.validate = data.validate ? &*data.validate : nullptr;
  context.train = data.train ? &*data.train : nullptr;
  context.progress = isatty(STDERR_FILENO) ? &std::cerr : nullptr;
  context.threads = flags.threads;
  RunOptions options;
  options.print_after.insert(flags.print_after.begin(), flags.print_after.end());
  options.print_after_all = flags.print_after_all;
  options.verify_each |= flags.verify_each;
  options.time_passes = flags.time_passes;
  options.elide_constants = flags.elide_constants;
  options.dump = &std::cerr;
  const absl::Status status = pipeline.Run(graph, context, options);
  diagnostics.Print(std::cerr, flags.remarks ? Severity::kRemark : Severity::kWarning);
  return status;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A folder opens but cannot be read.
  if (!file || !(text << file.rdbuf())) {
    if (file && file.peek() == std::ifstream::traits_type::eof() && !file.bad()) return std::string();
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return text.str();
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  if (path == "-") {
    std::cout << text << std::flush;
    return std::cout ? absl::OkStatus() : absl::DataLossError("error: standard output cannot be written");
  }
  const std::string part = absl::StrCat(path, ".part", getpid());
  {
    std::ofstream file(part, std::ios::binary);
    file << text << std::flush;
    if (!file) {
      const std::string why = std::strerror(errno);
      std::remove(part.c_str());
      return absl::DataLossError(absl::StrCat(path, ": cannot be written: ", why));
    }
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    std::remove(part.c_str());
    return absl::DataLossError(absl::StrCat(path, ": cannot be written: ", why));
  }
  return absl::OkStatus();
}

std::optional<int> ParseArguments(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  return std::nullopt;
}

int Fail(const absl::Status& status) {
  const std::string text(status.message());
  if (status.code() == absl::StatusCode::kInternal) {
    std::cerr << "internal error, please report it: " << text << '\n';
  } else {
    std::cerr << (absl::StrContains(text, "error: ") ? "" : "error: ") << text << '\n';
  }
  return 1;
}

}  // namespace mcuc
