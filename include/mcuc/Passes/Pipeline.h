// Pipelines: `canonicalize,prune-search{max-drop=0.01 seed=1},quantize` parsed, printed and run.
#ifndef MCUC_PASSES_PIPELINE_H
#define MCUC_PASSES_PIPELINE_H

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

struct RunOptions {
  std::set<std::string> print_after;  // names of passes
  bool print_after_all = false;
  // The graph is always verified after each pass. This also compares the pass's "changed" flag with the printed graph
  // and checks that the text parses back to the same text (on in debug builds).
#ifdef MCUC_DEBUG
  bool verify_each = true;
#else
  bool verify_each = false;
#endif
  bool time_passes = false;
  int64_t elide_constants = 16;  // in dumps
  std::ostream* dump = nullptr;  // where print_after and time_passes go; must be set if they are used
};

struct PassTime {
  std::string pass;
  double seconds = 0;
};

class Pipeline {
 public:
  // An error points at the place in the text and lists what is known.
  static absl::StatusOr<Pipeline> Parse(const std::string& text);
  Pipeline(Pipeline&&) = default;
  Pipeline& operator=(Pipeline&&) = default;

  bool Has(const std::string& pass) const;
  std::string Text() const;  // parses back to the same pipeline
  // Runs every pass; checks its needs before and the graph after it.
  absl::Status Run(Graph& graph, PassContext context, const RunOptions& options = {});
  const std::vector<PassTime>& times() const { return times_; }

 private:
  Pipeline() = default;
  struct Stage {
    const PassInfo* info = nullptr;
    std::string options;  // the text within the braces
  };
  absl::Status RunFrom(size_t first, Graph& graph, PassContext context, const RunOptions& options);
  std::vector<Stage> stages_;
  std::vector<PassTime> times_;
};

// docs/passes.md and the passes' part of --help, from the registry.
std::string PassDocs();
std::string PassHelp();

}  // namespace mcuc

#endif  // MCUC_PASSES_PIPELINE_H
