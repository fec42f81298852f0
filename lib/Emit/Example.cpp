// Writes the example program: static arrays for inputs, outputs and arena, one call, one printf.
#include "mcuc/Emit/Example.h"

#include "Lowering.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

std::string Numbered(const char* word, size_t index, size_t count) {
  return count == 1 ? word : absl::StrCat(word, "_", index);
}

// Rows of literals within 100 columns.
std::string Literals(const Tensor& tensor) {
  std::string text, line;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const std::string literal = absl::StrCat(ElementLiteral(tensor, i), i + 1 < tensor.elements() ? "," : "");
    if (line.size() + literal.size() > 100) {
      absl::StrAppend(&text, "    ", line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", literal);
  }
  return absl::StrCat(text, "    ", line, "\n");
}

// The statements that print the first output.
std::string PrintOutput(const Value& output, const std::string& name) {
  const Type& type = output.type();
  if (type.elements() > 1) {
    return absl::StrCat("  int best = 0;\n  for (int i = 1; i < ", type.elements(), "; ++i) {\n    if (", name,
                        "[i] > ", name, "[best]) best = i;\n  }\n  printf(\"prediction: %d\\n\", best);\n");
  }
  std::string value = absl::StrCat("(double)", name, "[0]");
  if (type.quant) {
    value = absl::StrCat("(", value, " - ", type.quant->zero_point(), ") * ", DoubleLiteral(type.quant->scale()));
  }
  return absl::StrCat("  printf(\"", name, ": %g\\n\", ", value, ");\n");
}

}  // namespace

std::string EmitExample(const Graph& graph, const std::string& name, const std::vector<Tensor>& inputs) {
  const std::string macro = absl::AsciiStrToUpper(name);
  std::string text = absl::StrCat("/* Runs ", name, " once on a constant input and prints what it predicts. */\n",
                                  "#include <stdint.h>\n#include <stdio.h>\n\n#include \"", name, ".h\"\n\n");
  std::vector<std::string> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    arguments.push_back(Numbered("input", i, inputs.size()));
    absl::StrAppend(&text, "static const ", ElementTypeCName(inputs[i].type().element), " ", arguments.back(), "[",
                    inputs[i].elements(), "] = {\n", Literals(inputs[i]), "};\n");
  }
  const size_t outputs = graph.outputs().size();
  for (size_t i = 0; i < outputs; ++i) {
    const Type& type = graph.outputs()[i]->type();
    arguments.push_back(Numbered("output", i, outputs));
    absl::StrAppend(&text, "static ", ElementTypeCName(type.element), " ", arguments.back(), "[", type.elements(),
                    "];\n");
  }
  // 64-bit elements for their alignment; an array has at least one element even where the model needs no arena.
  absl::StrAppend(&text, "static uint64_t arena[(", macro, "_ARENA_BYTES + 8) / 8];\n\nint main(void) {\n  ", name,
                  "_run(");
  for (const std::string& argument : arguments) absl::StrAppend(&text, argument, ", ");
  absl::StrAppend(&text, "arena);\n", PrintOutput(*graph.outputs()[0], arguments[inputs.size()]), "  return 0;\n}\n");
  return text;
}

}  // namespace mcuc
