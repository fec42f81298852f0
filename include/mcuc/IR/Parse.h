// Parses the text form of a graph (docs/ir.md). Errors carry line, column and caret, and several are reported at once:
// after an error the parser goes on with the next line. The text is untrusted input.
#ifndef MCUC_IR_PARSE_H
#define MCUC_IR_PARSE_H

#include <memory>
#include <string>

#include "mcuc/IR/Graph.h"
#include "mcuc/Support/Diagnostic.h"

namespace mcuc {

// Null if anything was reported as an error. The graph is verified too, with the verifier's errors at the node's line.
std::unique_ptr<Graph> ParseGraph(const std::string& text, const std::string& file, Diagnostics& diagnostics);

}  // namespace mcuc

#endif  // MCUC_IR_PARSE_H
