// A pass takes a graph to a graph and leaves everything it decided in the graph. It keeps no state between runs, reads
// no globals, takes randomness as an option and walks in graph order: same input, same bytes.
//
// A new pass is one file in lib/Passes, one row in Passes.def and one lit test: docs/adding-a-pass.md.
#ifndef MCUC_PASSES_PASS_H
#define MCUC_PASSES_PASS_H

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/Data/Score.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Support/Diagnostic.h"
#include "mcuc/Target/Target.h"

namespace mcuc {

class Pipeline;

// The options of a pass, bound to its fields: one list that parses `{max-drop=0.01 seed=1}`, prints help and docs.
class PassOptions {
 public:
  // The field's value at this call is the documented default. Names are lower-case-with-dashes.
  void Add(const char* name, const char* doc, bool* field);
  void Add(const char* name, const char* doc, int64_t* field);
  void Add(const char* name, const char* doc, double* field);
  void Add(const char* name, const char* doc, std::string* field);
  void Add(const char* name, const char* doc, std::vector<std::string>* field);  // a;b;c
  // One of a few words.
  void AddChoice(const char* name, const char* doc, std::string* field, std::vector<std::string> choices);

  struct Row {
    std::string name, doc, default_text, values;  // values: "<number>", "true|false", "a|b"
  };
  std::vector<Row> Rows() const;
  // Sets a field; an error names the option and the values it takes.
  absl::Status Set(const std::string& name, const std::string& value);
  // The current values that differ from the defaults, as pipeline text without braces: "max-drop=0.01 seed=1".
  std::string Text() const;

 private:
  struct Option {
    Row row;
    std::function<absl::Status(const std::string&)> set;
    std::function<std::string()> text;
  };
  std::vector<Option> options_;
  void AddOption(const char* name, const char* doc, std::string values,
                 std::function<absl::Status(const std::string&)> set, std::function<std::string()> text);
};

// What a pass refuses, checked by the runner from the graph itself before the pass runs.
struct PassNeeds {
  bool no_encodings = false;   // refuses encoded constants
  bool no_placements = false;  // refuses planned buffers
};

// A candidate of a search, for the report.
struct Candidate {
  double sparsity = 0;
  int64_t seed = 0;  // of its training
  Score score;
  double drop = 0;   // from the model before the search
  double error = 0;  // the drop's standard error
  bool accepted = false;
  int64_t nonzeros = 0;  // weights left, and bytes of all constants, after the rest of the pipeline
  int64_t bytes = 0;
  int64_t flash = 0;    // estimated, tables and code
  std::string failure;  // why it could not be scored; empty: it could
};

// What a pass may use. All pointers may be null unless said.
struct PassContext {
  Diagnostics* diagnostics = nullptr;  // never null
  const Target* target = nullptr;      // never null
  const Dataset* calibrate = nullptr;
  const Dataset* validate = nullptr;
  const Dataset* train = nullptr;
  std::ostream* progress = nullptr;              // progress lines; null where nobody watches
  const std::atomic<bool>* stop = nullptr;       // true: a search is to end with the best that it has
  std::vector<Candidate>* candidates = nullptr;  // a search adds its candidates
  int threads = 0;                               // 0: one a core
  // The passes that follow this one. A search scores a candidate by running them on a clone.
  std::function<absl::Status(Graph&)> run_rest;
  // Reports a finding for the report and --remarks: "fc1: kept float, softmax along axis 1 has no integer form".
  void Remark(const Graph& graph, const Node* node, const std::string& message) const;
};

class Pass {
 public:
  virtual ~Pass() = default;
  // True: it changed the graph. A failure leaves diagnostics or a status; the graph is then abandoned.
  virtual absl::StatusOr<bool> Run(Graph& graph, PassContext& context) = 0;
  virtual void Options(PassOptions& options) { (void)options; }
  virtual PassNeeds Needs() const { return {}; }
  // What it does in more than the summary's words, as Markdown paragraphs for docs/passes.md.
  virtual const char* Details() const { return ""; }
};

// The registry made from Passes.def.
struct PassInfo {
  const char* name;
  const char* summary;
  std::unique_ptr<Pass> (*create)();
};
const std::vector<PassInfo>& AllPasses();
const PassInfo* FindPass(const std::string& name);

// Each pass's file defines the function that its row names.
#define PASS(name, Class, summary) std::unique_ptr<Pass> Create##Class();
#include "mcuc/Passes/Passes.def"
#undef PASS

}  // namespace mcuc

#endif  // MCUC_PASSES_PASS_H
