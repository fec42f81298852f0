// The command-line flags about passes and data that mcuc-opt and onnx-mcuc share, and the running of a pipeline with
// them.
#ifndef MCUC_TOOLS_PIPELINE_FLAGS_H
#define MCUC_TOOLS_PIPELINE_FLAGS_H

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pipeline.h"
#include "mcuc/Support/Diagnostic.h"

namespace mcuc {

struct PipelineFlags {
  std::string passes;
  std::vector<std::string> print_after;
  bool print_after_all = false;
  bool verify_each = false;
  bool time_passes = false;
  bool remarks = false;
  std::optional<int64_t> elide_constants;  // default 16 in dumps, -1 (all are printed) in the graph itself
  std::string calibrate, validate, train;
  std::string target = "generic";
  int threads = 0;

  void AddTo(CLI::App& app);
};

// The data sets that the flags name, fitted to a graph.
struct PipelineData {
  std::optional<Dataset> calibrate, validate, train;
};
absl::StatusOr<PipelineData> LoadData(const PipelineFlags& flags, const Graph& graph);

// Runs the pipeline on the graph; dumps, times and progress go to standard error. A search adds its candidates to
// `candidates`, where it is not null, and ends with the best so far at the first interrupt (Ctrl-C); a second one ends
// the program.
absl::Status RunPipeline(const PipelineFlags& flags, const PipelineData& data, Pipeline& pipeline, Graph& graph,
                         Diagnostics& diagnostics, std::vector<Candidate>* candidates = nullptr);

// A whole file, or standard input for "-".
absl::StatusOr<std::string> ReadText(const std::string& path);

struct OutputFile {
  std::string path;  // "-": standard output
  std::string text;
};
// All of them or none: each is written beside its place, and only then are they renamed, so that a failure leaves no
// partial file and no file of a set without the others. A device or a pipe is written to as it is.
absl::Status WriteFiles(const std::vector<OutputFile>& files);
absl::Status WriteText(const std::string& path, const std::string& text);  // one file

// Parses the command line; the exit status where the program ends here (0 after --help, 1 for an error).
std::optional<int> ParseArguments(CLI::App& app, int argc, char** argv);

// Prints a status's message as errors and returns the exit status 1.
int Fail(const absl::Status& status);

}  // namespace mcuc

#endif  // MCUC_TOOLS_PIPELINE_FLAGS_H
