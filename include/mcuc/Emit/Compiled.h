// Compiles the emitted C with the host's C compiler and runs it in this process: how accuracies are reported and how
// tests compare the C with the interpreter.
#ifndef MCUC_EMIT_COMPILED_H
#define MCUC_EMIT_COMPILED_H

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/Data/Score.h"
#include "mcuc/Emit/C.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

class CompiledModel {
 public:
  // `compiler`: a command with flags, e.g. "clang -O0"; empty: $CC, else cc, with -O2. Fails with the compiler's
  // output.
  static absl::StatusOr<std::unique_ptr<CompiledModel>> Build(const Graph& graph, const EmitCOptions& options,
                                                              const std::string& compiler = "");
  ~CompiledModel();
  // Inputs and outputs as Interpreter::Run. Thread-safe.
  absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) const;
  // The same with every input and output that has a place in the arena lying there.
  absl::StatusOr<std::vector<Tensor>> RunInArena(const std::vector<Tensor>& inputs) const;
  // Time of one run on this machine in microseconds: the least mean of several batches on one thread, the making of the
  // output tensors (under a microsecond) included.
  absl::StatusOr<double> MicrosecondsPerRun(const std::vector<Tensor>& inputs) const;
  absl::StatusOr<Outputs> RunAll(const Dataset& data, int threads = 0) const;

 private:
  absl::StatusOr<std::vector<Tensor>> RunAt(const std::vector<Tensor>& inputs, bool in_arena) const;
  CompiledModel();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcuc

#endif  // MCUC_EMIT_COMPILED_H
