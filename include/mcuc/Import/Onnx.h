// Imports an ONNX model (.onnx protobuf or .onnxtxt text) into a graph. The file is untrusted: sizes are checked before
// they are multiplied or allocated, and everything that can't be compiled is a diagnostic naming the node, the
// operator, the opset and what is supported; all of them are reported at once.
#ifndef MCUC_IMPORT_ONNX_H
#define MCUC_IMPORT_ONNX_H

#include <map>
#include <memory>
#include <string>

#include "mcuc/IR/Graph.h"
#include "mcuc/Support/Diagnostic.h"

namespace mcuc {

struct ImportOptions {
  // Shapes of graph inputs by name (--input-shape=name:1x3x32x32). Symbolic first dimensions are otherwise fixed to 1;
  // other symbolic dimensions are an error that names them.
  std::map<std::string, Shape> input_shapes;
};

// Null where anything was reported as an error. The graph is verified.
std::unique_ptr<Graph> ImportOnnx(const std::string& path, const ImportOptions& options, Diagnostics& diagnostics);

// docs/operators.md: every operator that is imported.
std::string OperatorDocs();

// Reads a TensorProto file (input_0.pb of a test data set), dense, without quantization.
absl::StatusOr<Tensor> ReadTensorProto(const std::string& path);
// Parses a serialized TensorProto; `what` names it in errors.
absl::StatusOr<Tensor> ParseTensorProto(const std::string& bytes, const std::string& what);

}  // namespace mcuc

#endif  // MCUC_IMPORT_ONNX_H
