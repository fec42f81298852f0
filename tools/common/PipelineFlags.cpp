// Flags, data sets and files for the two tools.
#include "common/PipelineFlags.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

// While it lives, the first interrupt only sets a flag.
class StopAtInterrupt {
 public:
  StopAtInterrupt() : before_(std::signal(SIGINT, Handle)) {}
  ~StopAtInterrupt() { std::signal(SIGINT, before_); }
  StopAtInterrupt(const StopAtInterrupt&) = delete;
  StopAtInterrupt& operator=(const StopAtInterrupt&) = delete;

  static std::atomic<bool> requested;

 private:
  static void Handle(int) {
    requested = true;
    std::signal(SIGINT, SIG_DFL);
  }
  void (*before_)(int);
};
std::atomic<bool> StopAtInterrupt::requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void PipelineFlags::AddTo(CLI::App& app) {
  const std::string group = "Passes";
  app.add_option("--passes", passes,
                 "passes to run, in order: 'canonicalize,prune-search{max-drop=0.01},…'; none: just what was read")
      ->group(group);
  app.add_option("--print-after", print_after, "print the graph after this pass (may be repeated)")
      ->allow_extra_args(false)
      ->group(group);
  app.add_flag("--print-after-all", print_after_all, "print the graph after every pass")->group(group);
  app.add_option("--elide-constants", elide_constants,
                 "in printed graphs, leave out constants of more elements than this; -1: print all. "
                 "Default 16 in dumps between passes, -1 in the graph itself")
      ->check(CLI::Range(int64_t{-1}, std::numeric_limits<int64_t>::max()))
      ->group(group);
  app.add_flag("--verify-each", verify_each,
               "after each pass also check its changed flag and that the graph's text parses back")
      ->group(group);
  app.add_flag("--time-passes", time_passes, "print each pass's time")->group(group);
  app.add_flag("--remarks", remarks, "print the passes' remarks")->group(group);
  app.add_option("--target", target, "the core to choose for: generic, cortex-m4, …")->group(group);
  app.add_option("--threads", threads, "threads for running samples; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->group(group);
  const std::string data = "Data sets (PATH[:key=value,…], see docs/data.md)";
  app.add_option("--calibrate", calibrate, "samples for the ranges of quantize")->group(data);
  app.add_option("--validate", validate, "samples that steer prune-search")->group(data);
  app.add_option("--train", train, "samples on which prune-search retrains what it prunes")->group(data);
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
                         Diagnostics& diagnostics, std::vector<Candidate>* candidates) {
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
  context.candidates = candidates;
  if (context.train && context.validate && pipeline.Has("prune-search")) {
    if (const int64_t shared = SharedSamples(*context.validate, *context.train, graph); shared > 0) {
      diagnostics.Warning(
          Location{graph.source(), 0, 0, "", "", ""},
          absl::StrCat(shared, " of the ", context.validate->size(),
                       " validation samples are trained on (--train) too: what was memorized will count "
                       "as accuracy in the search; give different ones, by range= for example"));
    }
  }
  std::optional<StopAtInterrupt> stop;
  if (pipeline.Has("prune-search")) {
    stop.emplace();
    context.stop = &StopAtInterrupt::requested;
  }
  RunOptions options;
  options.print_after.insert(flags.print_after.begin(), flags.print_after.end());
  options.print_after_all = flags.print_after_all;
  options.verify_each |= flags.verify_each;
  options.time_passes = flags.time_passes;
  options.elide_constants = flags.elide_constants.value_or(16);
  options.dump = &std::cerr;
  const absl::Status status = pipeline.Run(graph, context, options);
  diagnostics.Print(std::cerr, flags.remarks ? Severity::kRemark : Severity::kWarning);
  return status;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  constexpr uintmax_t kLargestText = (uintmax_t{1} << 31) - 1;
  std::error_code no_size;  // of a pipe, say
  if (const uintmax_t size = std::filesystem::file_size(path, no_size); !no_size && size > kLargestText) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", size, " bytes; at most ", kLargestText, " are supported"));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A folder opens but cannot be read.
  if (!file || !(text << file.rdbuf())) {
    if (file && file.peek() == std::ifstream::traits_type::eof() && !file.bad()) return std::string();
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return text.str();
}

namespace {

absl::Status CannotWrite(const std::string& path, const std::string& why) {
  return absl::DataLossError(absl::StrCat("error: ", path, ": cannot be written: ", why));
}

absl::Status WriteStream(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  return file ? absl::OkStatus() : CannotWrite(path, std::strerror(errno));
}

// Where the file's text goes first, and its place: behind a link, the file that it leads to.
struct Part {
  std::string part, path;
  const std::string* text;
};

absl::Status WriteAndRename(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (!WriteStream(part.part, *part.text).ok()) return CannotWrite(part.path, std::strerror(errno));
  }
  for (const Part& part : parts) {
    if (std::rename(part.part.c_str(), part.path.c_str()) != 0) return CannotWrite(part.path, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteFiles(const std::vector<OutputFile>& files) {
  namespace fs = std::filesystem;
  std::vector<Part> parts;
  std::vector<const OutputFile*> streams;
  std::set<std::string> places;
  for (const OutputFile& file : files) {
    std::error_code error;
    const fs::file_status status = fs::status(file.path, error);
    if (file.path == "-" || (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status))) {
      streams.push_back(&file);
      continue;
    }
    if (fs::is_directory(status)) return CannotWrite(file.path, "it is a folder");
    std::string path = file.path;
    if (fs::exists(status)) {
      const fs::path real = fs::canonical(file.path, error);
      if (!error) path = real.string();
    }
    if (!places.insert(fs::weakly_canonical(path, error).string()).second) {
      return CannotWrite(file.path, "another of the outputs has this name");
    }
    parts.push_back({absl::StrCat(path, ".part", getpid()), path, &file.text});
  }
  const absl::Status status = WriteAndRename(parts);
  if (!status.ok()) {
    for (const Part& part : parts) std::remove(part.part.c_str());
    return status;
  }
  for (const OutputFile* file : streams) {
    if (file->path != "-") {
      if (absl::Status written = WriteStream(file->path, file->text); !written.ok()) return written;
      continue;
    }
    std::cout << file->text << std::flush;
    if (!std::cout) return CannotWrite("standard output", std::strerror(errno));
  }
  return absl::OkStatus();
}

absl::Status WriteText(const std::string& path, const std::string& text) { return WriteFiles({{path, text}}); }

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
