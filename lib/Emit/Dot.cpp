// Graphviz text: a box a node, an ellipse an input or output, an edge a value with its type.
#include "mcuc/Emit/Dot.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Print.h"

namespace mcuc {

namespace {

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// A line of the label: what PrintNode says after the `=`, without the operands' long constants.
std::string Label(const Node& node) {
  std::string label = node.loc().empty() ? node.result()->name() : node.loc();
  absl::StrAppend(&label, "\n", node.op_name());
  const std::string text = PrintNode(node);
  const size_t brace = text.find('{', text.find(" = "));
  const size_t end = text.rfind('}');
  if (brace != std::string::npos && end != std::string::npos && end > brace) {
    absl::StrAppend(&label, "\n", text.substr(brace + 1, end - brace - 1));
  }
  for (const Value* operand : node.operands()) {
    if (operand->is_constant()) absl::StrAppend(&label, "\n", operand->Text(), ": ", TypeText(operand->type()));
  }
  return label;
}

}  // namespace

std::string EmitDot(const Graph& graph) {
  std::string text = absl::StrCat("digraph ", Quoted(graph.name()), " {\n  node [shape=box, fontname=monospace];\n");
  std::map<const Value*, std::string> names;
  for (const Value* input : graph.inputs()) {
    names[input] = absl::StrCat("in", names.size());
    absl::StrAppend(&text, "  ", names[input], " [shape=ellipse, label=", Quoted(input->Text()), "];\n");
  }
  for (const auto& node : graph.nodes()) {
    const std::string name = absl::StrCat("n", names.size());
    absl::StrAppend(&text, "  ", name, " [label=", Quoted(Label(*node)), "];\n");
    for (const Value* operand : node->operands()) {
      if (operand->is_constant()) continue;
      absl::StrAppend(&text, "  ", names.at(operand), " -> ", name,
                      " [label=", Quoted(absl::StrCat(operand->Text(), "\n", TypeText(operand->type()))), "];\n");
    }
    names[node->result()] = name;
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Value* output = graph.outputs()[i];
    absl::StrAppend(&text, "  out", i, " [shape=ellipse, label=", Quoted(output->Text()), "];\n  ", names.at(output),
                    " -> out", i, " [label=", Quoted(TypeText(output->type())), "];\n");
  }
  return text + "}\n";
}

}  // namespace mcuc
