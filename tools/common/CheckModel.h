// --check: the compiled C on reference data, as ONNX's tests and runtimes store it.
#ifndef MCUC_TOOLS_CHECK_MODEL_H
#define MCUC_TOOLS_CHECK_MODEL_H

#include <string>

#include "absl/status/statusor.h"
#include "mcuc/Emit/C.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// Compiles the emitted C and runs it on each folder test_data_set_N of `folder` (or on `folder` itself, where it holds
// input_0.pb): input_i.pb and output_i.pb are TensorProtos in the order of the graph's inputs and outputs. Returns a
// line an output: the largest absolute and relative error (of real values where it is quantized) and how often the
// largest element is at the same place.
absl::StatusOr<std::string> CheckModel(const Graph& graph, const EmitCOptions& options, const std::string& folder);

}  // namespace mcuc

#endif  // MCUC_TOOLS_CHECK_MODEL_H
