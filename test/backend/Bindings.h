// A model with some of its inputs made constants: those that only say what shape a result has, which ONNX's tests feed
// at run time like any other.
#ifndef MCUC_TEST_BACKEND_BINDINGS_H
#define MCUC_TEST_BACKEND_BINDINGS_H

#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace mcuc::backend {

// The inputs of a model's graph that an operator of it takes as a shape, axes, pads, lengths and the like.
absl::StatusOr<std::set<std::string>> ShapeInputs(const std::string& model_path);

// Writes the model with these inputs as initializers, read from input_N.pb of a data set, to `to`.
absl::Status BindInputs(const std::string& model_path, const std::set<std::string>& names, const std::string& data_set,
                        const std::string& to);

// The graph's inputs in order.
absl::StatusOr<std::vector<std::string>> InputNames(const std::string& model_path);

}  // namespace mcuc::backend

#endif  // MCUC_TEST_BACKEND_BINDINGS_H
