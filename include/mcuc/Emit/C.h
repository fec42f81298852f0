// Emits a graph as two self-contained C99 files (docs/emitted-c.md is the contract). Decides nothing: every choice is
// in the graph.
#ifndef MCUC_EMIT_C_H
#define MCUC_EMIT_C_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

struct EmitCOptions {
  std::string name = "model";  // prefix of every identifier; made a C identifier
  // --self-test: a main() under `#ifdef NAME_SELF_TEST` with these samples' inputs and the interpreter's outputs. It
  // returns 1 at the first mismatch: integer outputs are compared exactly, floats within 1e-4 relative + 1e-5.
  struct TestVector {
    std::vector<Tensor> inputs, outputs;
  };
  std::vector<TestVector> self_test;
};

struct CFiles {
  std::string name;    // the C identifier used
  std::string header;  // NAME.h
  std::string source;  // NAME.c
};

// The graph must be verified and planned (plan-buffers).
absl::StatusOr<CFiles> EmitC(const Graph& graph, const EmitCOptions& options);

// The parameter names of run() in order: inputs, then outputs (not `arena`), by the contract's naming rules.
std::vector<std::string> ParameterNames(const Graph& graph);

}  // namespace mcuc

#endif  // MCUC_EMIT_C_H
