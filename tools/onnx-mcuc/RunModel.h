// Running a graph on files (--run) and making the vectors of --self-test.
#ifndef MCUC_TOOLS_RUN_MODEL_H
#define MCUC_TOOLS_RUN_MODEL_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/Data/Dataset.h"
#include "mcuc/Emit/C.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// Reads one tensor a graph input (.npy or .pb), runs the interpreter and prints every output, quantized ones as real
// values; or writes the first output to a .npy file.
absl::Status RunModel(const Graph& graph, const std::vector<std::string>& inputs, const std::string& output);

// Inputs from the data set, or pseudo-random ones of a fixed seed without it, and the interpreter's outputs.
absl::StatusOr<std::vector<EmitCOptions::TestVector>> MakeTestVectors(const Graph& graph, const Dataset* data,
                                                                      int64_t count);

}  // namespace mcuc

#endif  // MCUC_TOOLS_RUN_MODEL_H
