// Runs a graph: float with library kernels, integers plainly and exactly by the rules of docs/numerics.md. It has four
// clients: prune-search's scoring, quantize's calibration, differential tests, and --run.
#ifndef MCUC_EXEC_INTERPRETER_H
#define MCUC_EXEC_INTERPRETER_H

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// Computes one node on operands given in order (constants too, encoded ones included). For constant folding and tests.
absl::StatusOr<Tensor> EvaluateNode(const Node& node, const std::vector<const Tensor*>& operands);

class Interpreter {
 public:
  // Prepares the graph (decodes constants, sets up library kernels). The graph must be verified, and must outlive the
  // interpreter unchanged.
  static absl::StatusOr<std::unique_ptr<Interpreter>> Create(const Graph& graph);
  ~Interpreter();

  // Called for each node's result, and first for each graph input.
  using Observer = std::function<void(const Value& value, const Tensor& tensor)>;

  // Inputs in graph order, of the graph's input types (element type and shape; a quantized input takes its integers).
  // Outputs in graph order. Thread-safe: several threads may run one interpreter at once.
  absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs, const Observer& observer = nullptr) const;

  // Runs `count` samples on `threads` threads (0: one a core). `inputs(i)` makes sample i's inputs and `outputs(i, …)`
  // takes its results; both are called from worker threads, once for each i, each i on one thread. The result does
  // not depend on the number of threads.
  absl::Status RunMany(int64_t count, const std::function<std::vector<Tensor>(int64_t)>& inputs,
                       const std::function<void(int64_t, std::vector<Tensor>)>& outputs, int threads = 0) const;

 private:
  Interpreter();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Float to a type by rule N17, quantized to float by rule N18; other types convert by value.
Tensor ConvertTensor(const Tensor& tensor, const Type& type);

// Runs body(i) for i in [0, count) on `threads` threads (0: one a core).
void ParallelFor(int64_t count, int threads, const std::function<void(int64_t)>& body);

}  // namespace mcuc

#endif  // MCUC_EXEC_INTERPRETER_H
