// The report of a compilation: a row a layer, the plan of the arena, remarks, and accuracies with their data sets; as
// text for the terminal and as JSON.
#ifndef MCUC_EMIT_REPORT_H
#define MCUC_EMIT_REPORT_H

#include <string>
#include <vector>

#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pipeline.h"
#include "mcuc/Support/Diagnostic.h"
#include "mcuc/Target/Target.h"

namespace mcuc {

struct Accuracy {
  std::string what;  // "float model, interpreter", "emitted C"
  std::string data;  // the data set's spec
  std::string score;
};

struct ReportInput {
  const Graph* imported = nullptr;  // dense float, canonicalized and fused; for comparison
  const Graph* graph = nullptr;     // the final graph
  const Target* target = nullptr;
  std::string pipeline;
  std::vector<PassTime> times;
  std::vector<Accuracy> accuracies;
  std::vector<Candidate> candidates;                        // of a search, in the order tried
  std::vector<std::pair<std::string, std::string>> data{};  // what each data set was for, and its spec; empty: none
  const Diagnostics* diagnostics = nullptr;                 // its remarks are listed
};

std::string ReportText(const ReportInput& input);
std::string ReportJson(const ReportInput& input);

}  // namespace mcuc

#endif  // MCUC_EMIT_REPORT_H
