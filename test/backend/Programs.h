// The emitted C of many graphs as functions in this process: a few runs of the C compiler serve them all. A call is
// made in a process of its own, so that nothing it does wrong stops the others.
#ifndef MCUC_TEST_BACKEND_PROGRAMS_H
#define MCUC_TEST_BACKEND_PROGRAMS_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc::backend {

struct Program {
  std::string name;  // unique, a C identifier
  const Graph* graph = nullptr;

  absl::Status status;  // why it could not be compiled
  void (*entry)(void** params, void* arena) = nullptr;
};

// Emits and compiles every program, with the contract's flags. `folder`: where files may be written.
void Compile(std::vector<Program>& programs, const std::string& folder, const std::string& compiler);

// The outputs for these inputs, in graph order.
absl::StatusOr<std::vector<Tensor>> Run(const Program& program, const std::vector<Tensor>& inputs);

}  // namespace mcuc::backend

#endif  // MCUC_TEST_BACKEND_PROGRAMS_H
