// A small program around an emitted model: one constant input, the arena, the outputs, and the prediction printed. It
// shows how to call the model, and it is what `size` is measured on.
#ifndef MCUC_EMIT_EXAMPLE_H
#define MCUC_EMIT_EXAMPLE_H

#include <string>
#include <vector>

#include "mcuc/IR/Graph.h"

namespace mcuc {

// The text of NAME_example.c for NAME.h as emitted from the graph; inputs: one tensor a graph input, of its type.
// Prints the index of the largest element of the first output, or its value where it has just one.
std::string EmitExample(const Graph& graph, const std::string& name, const std::vector<Tensor>& inputs);

}  // namespace mcuc

#endif  // MCUC_EMIT_EXAMPLE_H
