// Draws a graph for Graphviz: a box a node with its attributes, an edge a value with its type.
#ifndef MCUC_EMIT_DOT_H
#define MCUC_EMIT_DOT_H

#include <string>

#include "mcuc/IR/Graph.h"

namespace mcuc {

std::string EmitDot(const Graph& graph);

}  // namespace mcuc

#endif  // MCUC_EMIT_DOT_H
