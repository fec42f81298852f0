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
// values; or writes each output to a .npy file, where `files` names one for each.
absl::Status RunModel(const Graph& graph, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& files);

// Pseudo-random inputs: floats in [-1, 1), bytes over their whole range, other integers 0 or 1.
std::vector<Tensor> RandomInputs(const Graph& graph, uint32_t seed);

// Inputs from the data set, or pseudo-random ones of a fixed seed without it, and the interpreter's outputs.
absl::StatusOr<std::vector<EmitCOptions::TestVector>> MakeTestVectors(const Graph& graph, const Dataset* data,
                                                                      int64_t count);

}  // namespace mcuc

#endif  // MCUC_TOOLS_RUN_MODEL_H
