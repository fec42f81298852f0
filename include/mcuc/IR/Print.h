// Prints a graph as text (.mcu) that Parse reads back to an equal graph. Grammar and examples: docs/ir.md.
#ifndef MCUC_IR_PRINT_H
#define MCUC_IR_PRINT_H

#include <cstdint>
#include <string>

#include "mcuc/IR/Graph.h"

namespace mcuc {

struct PrintOptions {
  // Constants of more elements than this print as `elided`; such text says that it can't be parsed back. -1: none.
  int64_t elide_constants = -1;
  // Constants of more elements than this (and not elided) print as hex.
  int64_t hex_constants = 256;
  // Derived `# …` comments: MACs, density, bytes.
  bool comments = true;
};

std::string PrintGraph(const Graph& graph, const PrintOptions& options = {});
std::string PrintNode(const Node& node);  // one line without comment, for messages

// "…" with \", \\ and \xNN for what is not printable.
std::string QuotedText(const std::string& text);
// The sigil and the name, quoted where it is no plain identifier.
std::string NameText(char sigil, const std::string& name);

// The operations of Ops.def with their attributes as Markdown: the part of docs/ir.md between its markers.
std::string OpDocs();

}  // namespace mcuc

#endif  // MCUC_IR_PRINT_H
