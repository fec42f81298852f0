// Operators that are functions of other operators: the model's own, and those that the ONNX standard defines by a body.
#ifndef MCUC_LIB_IMPORT_FUNCTIONS_H
#define MCUC_LIB_IMPORT_FUNCTIONS_H

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"

namespace mcuc::importer {

struct Symbol;

// A function's body for one node that calls it: attributes are the node's.
struct FunctionBody {
  onnx::GraphProto graph;
  int64_t opset = 0;  // of the default domain
};

// Whether a node's operator is a function, the model's own or one of the standard's.
bool IsFunction(const onnx::ModelProto& model, const onnx::NodeProto& node, int64_t opset);
// The body of a node's operator; nothing: it is no function.
absl::StatusOr<std::optional<FunctionBody>> FunctionBodyOf(const onnx::ModelProto& model, const onnx::NodeProto& node,
                                                           int64_t opset, const std::vector<Symbol*>& inputs);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_FUNCTIONS_H
