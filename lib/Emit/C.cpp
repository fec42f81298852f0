// Writes the header and the source of a graph's C: names, macros, prototype; then kernels, tables, run() and the
// self-test, from what the lowerings (Lowering.h) put into an Emission. docs/emitted-c.md describes the result.
#include "mcuc/Emit/C.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "Lowering.h"
#include "Names.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace mcuc {
namespace {

constexpr char kLicence[] =
    R"( * The kernels (functions and types named mcuc_*) come from onnx-mcuc under the licence 0BSD, which asks for nothing:
 *
 *   Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
 *   granted.
 *
 *   THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING
 *   ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL,
 *   DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
 *   WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE
 *   USE OR PERFORMANCE OF THIS SOFTWARE.
 *
 * Everything else is made from the model and is its owner's.
 */
)";

struct Parameter {
  const Value* value = nullptr;
  std::string name;
  bool output = false;
  std::string c_type() const { return ElementTypeCName(value->type().element); }
  std::string declaration() const { return absl::StrCat(output ? "" : "const ", c_type(), " *", name); }
};

std::vector<Parameter> ParametersOf(const Graph& graph, Namer& names) {
  std::vector<Parameter> parameters;
  names.Reserve("arena");
  for (const Value* input : graph.inputs()) {
    parameters.push_back({input, names.Unique(input->name(), "in_", Namer::Kind::kParameter), false});
  }
  for (const Value* output : graph.outputs()) {
    parameters.push_back({output, names.Unique(output->name(), "out_", Namer::Kind::kParameter), true});
  }
  return parameters;
}

// What the C needs of the names: identifiers from options.name.
struct ModelNames {
  std::string name;   // lenet5
  std::string upper;  // LENET5
};

ModelNames ModelNamesOf(const std::string& name) {
  const std::string id = CIdentifier(name, name.empty() ? "model" : "m_");
  return {id, UpperCase(id)};
}

std::string Prototype(const ModelNames& model, const std::vector<Parameter>& parameters) {
  const std::string head = absl::StrCat("void ", model.name, "_run(");
  std::vector<std::string> items;
  for (const Parameter& parameter : parameters) items.push_back(parameter.declaration());
  items.push_back("void *arena");
  std::string text = head;
  size_t column = head.size();
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string item = items[i] + (i + 1 < items.size() ? "," : ")");
    if (i > 0 && column + 1 + item.size() + 2 > 120) {
      absl::StrAppend(&text, "\n", std::string(head.size(), ' '));
      column = head.size();
    } else if (i > 0) {
      text += " ";
      ++column;
    }
    text += item;
    column += item.size();
  }
  return text;
}

// The strictest alignment of anything in the arena; at least 4, so that kernels may load words of packed bytes.
int64_t ArenaAlignment(const Graph& graph) {
  if (graph.arena_bytes().value_or(0) == 0) return 1;
  int64_t align = 4;
  for (const Value* value : graph.values()) {
    if (value->placement() && value->placement()->arena_offset) {
      align = std::max(align, ElementTypeBytes(value->type().element));
    }
  }
  return align;
}

std::string TypeComment(const Type& type) {
  std::string text = ElementTypeCName(type.element);
  absl::StrAppend(&text, "[", ShapeText(type.shape), "]");
  return text;
}

std::string ParameterMacros(const ModelNames& model, const Parameter& parameter) {
  const Type& type = parameter.value->type();
  const std::string prefix = absl::StrCat("#define ", model.upper, "_", UpperCase(parameter.name));
  std::string text = absl::StrCat("/* ", parameter.output ? "Output" : "Input", " \"",
                                  CommentText(parameter.value->name()), "\": ", TypeComment(type));
  if (type.is_quantized()) text += "; real value = SCALE * (q - ZERO_POINT)";
  if (type.rank() == 0) text += "; a scalar, with a SHAPE of one element for want of an empty one";
  text += ". */\n";
  absl::StrAppend(&text, prefix, "_SIZE ", type.elements(), "\n");
  absl::StrAppend(&text, prefix, "_RANK ", type.rank(), "\n");
  absl::StrAppend(&text, prefix, "_SHAPE {", type.rank() == 0 ? "1" : absl::StrJoin(type.shape, ", "), "}\n");
  if (type.is_quantized()) {
    absl::StrAppend(&text, prefix, "_SCALE ", FloatLiteral(type.quant->scale()), "\n");
    const std::string zero_point = IntLiteral(type.quant->zero_point());
    absl::StrAppend(&text, prefix, "_ZERO_POINT ",
                    zero_point[0] == '-' ? absl::StrCat("(", zero_point, ")") : zero_point, "\n");
  }
  if (parameter.value->placement() && parameter.value->placement()->arena_offset) {
    absl::StrAppend(&text, prefix, "_OFFSET ", *parameter.value->placement()->arena_offset,
                    " /* bytes; it may lie at arena + OFFSET */\n");
  }
  return text;
}

std::string HeaderText(const Graph& graph, const ModelNames& model, const std::vector<Parameter>& parameters) {
  const std::string guard = model.upper + "_H";
  std::string text = absl::StrCat("/* ", model.name, ".h: the interface of ", model.name,
                                  ".c, generated by onnx-mcuc from an ONNX model. */\n#ifndef ", guard, "\n#define ",
                                  guard, "\n\n#include <stdint.h>\n\n");
  absl::StrAppend(&text, "/* Scratch memory of ", model.name,
                  "_run, the caller's. Nothing in it outlives a call; one is needed for each call at a time. */\n");
  absl::StrAppend(&text, "#define ", model.upper, "_ARENA_BYTES ", *graph.arena_bytes(), "\n");
  absl::StrAppend(&text, "#define ", model.upper, "_ARENA_ALIGN ", ArenaAlignment(graph), "\n\n");
  for (const Parameter& parameter : parameters) absl::StrAppend(&text, ParameterMacros(model, parameter), "\n");
  absl::StrAppend(&text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");

  size_t width = std::string("arena").size();
  for (const Parameter& parameter : parameters) width = std::max(width, parameter.name.size());
  const auto row = [&](const std::string& name, const std::string& what) {
    absl::StrAppend(&text, " *   ", name, std::string(width - name.size() + 2, ' '), what, "\n");
  };
  text += "/* Runs the model once. Reentrant: calls may run at the same time, each with its own outputs and arena.\n";
  for (const Parameter& parameter : parameters) {
    const std::string macro = absl::StrCat(model.upper, "_", UpperCase(parameter.name), "_SIZE");
    const bool placed = parameter.value->placement() && parameter.value->placement()->arena_offset.has_value();
    std::string what = absl::StrCat(parameter.output ? "written: " : "read: ", macro, " elements, row-major [",
                                    ShapeText(parameter.value->type().shape), "]");
    if (placed && !parameter.output) what += "; at arena + OFFSET it is overwritten";
    row(parameter.name, what);
  }
  row("arena", *graph.arena_bytes() == 0
                   ? "not used, may be NULL"
                   : absl::StrCat(model.upper, "_ARENA_BYTES bytes, aligned to ", model.upper, "_ARENA_ALIGN"));
  bool any_placed = false;
  for (const Parameter& parameter : parameters) any_placed |= parameter.value->placement().has_value();
  text += any_placed ? " * Outside of the arena no parameter may overlap another or the arena. */\n"
                     : " * No parameter may overlap another. */\n";
  absl::StrAppend(&text, Prototype(model, parameters), ";\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* ", guard,
                  " */\n");
  return text;
}

// A kernel file as it goes into the source: without its include guard, its includes (returned in `system`) and its
// licence line, which the file's head says once. Includes within an #if stay where they are.
std::string KernelText(const std::string& file, std::set<std::string>& system) {
  const std::vector<std::string> lines = absl::StrSplit(file, '\n');
  std::vector<std::string> kept;
  int depth = 0;
  bool guarded = false, opening = true;
  for (const std::string& line : lines) {
    const bool opens = absl::StartsWith(line, "#if");
    const bool closes = absl::StartsWith(line, "#endif");
    if (!guarded && depth == 0 && absl::StartsWith(line, "#ifndef MCUC_") && absl::EndsWith(line, "_H")) {
      guarded = true;
      continue;
    }
    if (absl::StartsWith(line, "#define MCUC_") && absl::EndsWith(line, "_H")) continue;
    if (absl::StartsWith(line, "/* SPDX-License-Identifier") && absl::EndsWith(line, "*/")) continue;
    if (absl::StartsWith(line, "#include \"")) continue;
    if (depth == 0 && absl::StartsWith(line, "#include <")) {
      system.insert(line.substr(9, line.find('>') - 8));
      continue;
    }
    if (closes) --depth;
    if (opens) ++depth;
    if (closes && depth < 0) {  // the guard's end
      depth = 0;
      continue;
    }
    if (line.empty() && (kept.empty() || kept.back().empty())) continue;
    // The comment that opens the file belongs to what follows it, unless that has its own.
    if (opening && !line.empty() && kept.size() >= 2 && kept.back().empty()) {
      opening = false;
      if (!absl::StartsWith(line, "/*")) kept.pop_back();
    }
    kept.push_back(line);
  }
  while (!kept.empty() && kept.back().empty()) kept.pop_back();
  return absl::StrJoin(kept, "\n") + "\n";
}

// "1x6x14x14, scalar -> 1x6x14x14": the computed operands' shapes and the result's.
std::string ShapesText(const Node& node) {
  const auto text = [](const Value* value) {
    return value->type().rank() == 0 ? "scalar" : ShapeText(value->type().shape);
  };
  std::vector<std::string> operands;
  for (const Value* operand : node.operands()) {
    if (!operand->is_constant()) operands.push_back(text(operand));
  }
  return absl::StrCat(absl::StrJoin(operands, ", "), operands.empty() ? "" : " -> ", text(node.result()));
}

// "conv1: conv 1x1x28x28 -> 1x6x14x14, 117,600 MACs, density 8.5 %, 87 bytes of tables"
std::string LayerComment(const Emission::NodeText& text, const std::string& name) {
  const Node& node = *text.node;
  std::string comment = absl::StrCat(CommentText(name), ": ", node.op_name(), " ", ShapesText(node));
  if (const int64_t macs = MacsOf(node); macs > 0) {
    absl::StrAppend(&comment, ", ", Thousands(macs), " MACs");
    const Value* weights = node.operand(1);
    if (weights != nullptr && weights->is_constant()) {
      const int64_t tenths = weights->tensor().nonzeros() * 1000 / std::max<int64_t>(1, weights->type().elements());
      absl::StrAppend(&comment, ", density ", tenths / 10);
      if (tenths % 10 != 0) absl::StrAppend(&comment, ".", tenths % 10);
      comment += " %";
    }
  }
  if (text.table_bytes > 0) absl::StrAppend(&comment, ", ", Thousands(text.table_bytes), " bytes of tables");
  return comment;
}

// `/* text */`, broken at spaces where it is longer than a line.
std::string Comment(const std::string& indent, const std::string& text) {
  if (indent.size() + text.size() + 6 <= 120) return absl::StrCat(indent, "/* ", text, " */\n");
  std::string result = indent + "/* ";
  size_t column = indent.size() + 3;
  for (const auto& word : absl::StrSplit(text, ' ')) {
    if (column + word.size() + 4 > 120 && column > indent.size() + 3) {
      result.pop_back();
      absl::StrAppend(&result, "\n", indent, " * ");
      column = indent.size() + 3;
    }
    absl::StrAppend(&result, word, " ");
    column += word.size() + 1;
  }
  return result + "*/\n";
}

// `static const float mcuc_test_x[2][4] = {{…}, {…}};`: a parameter's samples.
std::string SampleTable(const Parameter& parameter, const std::vector<const Tensor*>& samples) {
  std::string text = absl::StrCat("static const ", parameter.c_type(), " mcuc_test_", parameter.name, "[",
                                  samples.size(), "][", parameter.value->type().elements(), "] = {\n");
  for (size_t s = 0; s < samples.size(); ++s) {
    const Tensor& tensor = *samples[s];
    text += "  {";
    size_t column = 3;
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const std::string item = ElementLiteral(tensor, i) + (i + 1 < tensor.elements() ? "," : "}");
      if (column + 1 + item.size() > 119) {
        text += "\n  ";
        column = 2;
      }
      absl::StrAppend(&text, column == 3 ? "" : " ", item);
      column += 1 + item.size();
    }
    text += s + 1 < samples.size() ? ",\n" : "};\n";
  }
  return text;
}

constexpr char kTestNear[] = R"(
static int mcuc_test_near(double got, double want) {
  const double difference = got < want ? want - got : got - want;
  const double magnitude = want < 0 ? -want : want;
  if (want != want) return got != got;
  return (got >= want && got <= want) || difference <= 1e-4 * magnitude + 1e-5;
}
)";

// main() of --self-test: each sample's inputs through run(), and its outputs compared.
absl::StatusOr<std::string> SelfTest(const Graph& graph, const ModelNames& model,
                                     const std::vector<Parameter>& parameters,
                                     const std::vector<EmitCOptions::TestVector>& vectors) {
  for (size_t v = 0; v < vectors.size(); ++v) {
    const auto& vector = vectors[v];
    if (vector.inputs.size() != graph.inputs().size() || vector.outputs.size() != graph.outputs().size()) {
      return absl::InternalError(absl::StrCat("emit: self-test vector ", v, " has ", vector.inputs.size(),
                                              " inputs and ", vector.outputs.size(), " outputs for a graph of ",
                                              graph.inputs().size(), " and ", graph.outputs().size()));
    }
  }
  const std::string flag = model.upper + "_SELF_TEST";
  std::string text =
      absl::StrCat("\n#ifdef ", flag, "\n/* With -D", flag,
                   " a program that runs these samples and returns 0, or 1 at the first output that is "
                   "not\n * as expected (integers: equal; floats: within 1e-4 relative plus 1e-5 "
                   "absolute). With -D",
                   flag, "_STDIO\n * it says which. */\n#ifdef ", flag, "_STDIO\n#include <stdio.h>\n#endif\n\n");
  bool any_float = false;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const Type& type = parameter.value->type();
    any_float |= parameter.output && type.is_float();
    std::vector<const Tensor*> samples;
    for (const auto& vector : vectors) {
      samples.push_back(parameter.output ? &vector.outputs[i - graph.inputs().size()] : &vector.inputs[i]);
      if (samples.back()->type().element != type.element || samples.back()->elements() != type.elements()) {
        return absl::InternalError(absl::StrCat("emit: a self-test vector has ", TypeText(samples.back()->type()),
                                                " for ", parameter.value->Text(), ": ", TypeText(type)));
      }
    }
    text += SampleTable(parameter, samples);
  }
  if (any_float) text += kTestNear;

  text += "\nint main(void) {\n";
  std::vector<std::string> arguments;
  for (const Parameter& parameter : parameters) {
    arguments.push_back(parameter.output ? absl::StrCat("mcuc_test_got_", parameter.name)
                                         : absl::StrCat("mcuc_test_", parameter.name, "[sample]"));
    if (!parameter.output) continue;
    absl::StrAppend(&text, "  static ", parameter.c_type(), " mcuc_test_got_", parameter.name, "[",
                    parameter.value->type().elements(), "];\n");
  }
  const int64_t words = (*graph.arena_bytes() + 7) / 8;
  if (words > 0) absl::StrAppend(&text, "  static uint64_t mcuc_test_arena[", words, "];\n");
  arguments.push_back(words > 0 ? "mcuc_test_arena" : "(void *)0");
  absl::StrAppend(&text, "  for (int sample = 0; sample < ", vectors.size(), "; ++sample) {\n    ", model.name, "_run(",
                  absl::StrJoin(arguments, ", "), ");\n");
  for (const Parameter& parameter : parameters) {
    if (!parameter.output) continue;
    const std::string type = parameter.c_type();
    const std::string wrong =
        parameter.value->type().is_float() ? "!mcuc_test_near((double)got, (double)want)" : "got != want";
    absl::StrAppend(&text, "    for (int32_t i = 0; i < ", parameter.value->type().elements(), "; ++i) {\n      const ",
                    type, " got = mcuc_test_got_", parameter.name, "[i], want = mcuc_test_", parameter.name,
                    "[sample][i];\n      if (", wrong, ") {\n#ifdef ", flag, "_STDIO\n        printf(\"sample %d, ",
                    parameter.name,
                    "[%ld]: %.9g instead of %.9g\\n\", sample, (long)i, (double)got, (double)want);\n#endif\n"
                    "        return 1;\n      }\n    }\n");
  }
  absl::StrAppend(&text, "  }\n#ifdef ", flag, "_STDIO\n  printf(\"", vectors.size(),
                  " samples as expected\\n\");\n#endif\n  return 0;\n}\n#endif /* ", flag, " */\n");
  return text;
}

}  // namespace

std::vector<std::string> ParameterNames(const Graph& graph) {
  Namer names;
  std::vector<std::string> result;
  for (const Parameter& parameter : ParametersOf(graph, names)) result.push_back(parameter.name);
  return result;
}

absl::StatusOr<CFiles> EmitC(const Graph& graph, const EmitCOptions& options) {
  if (!graph.arena_bytes()) return absl::InternalError("emit: the graph's buffers are not planned; run plan-buffers");
  const ModelNames model = ModelNamesOf(options.name);
  Namer names;
  names.Reserve(model.name + "_run");
  Namer parameter_names;
  const std::vector<Parameter> parameters = ParametersOf(graph, parameter_names);
  std::map<const Value*, std::string> by_value;
  names.Reserve("arena");
  for (const Parameter& parameter : parameters) {
    names.Reserve(parameter.name);
    by_value[parameter.value] = parameter.name;
    const Type& type = parameter.value->type();
    if (type.is_quantized() && !type.quant->per_tensor()) {
      return absl::InternalError(absl::StrCat("emit: parameter ", parameter.value->Text(), " has a scale a slice"));
    }
  }
  const std::string arena8 = names.Unique("arena8", "v_");
  Emission out(graph, names, std::move(by_value), arena8);
  const Trace trace = TraceOf(graph);
  const std::vector<Node*> nodes = graph.node_vector();
  for (const Trace::Turn& turn : trace.turns) {
    const std::vector<Node*> turns(nodes.begin() + static_cast<std::ptrdiff_t>(turn.first),
                                   nodes.begin() + static_cast<std::ptrdiff_t>(turn.last + 1));
    if (absl::Status status = LowerTurn(turns, trace, out); !status.ok()) return status;
  }

  CFiles files;
  files.name = model.name;
  files.header = HeaderText(graph, model, parameters);

  // Kernels, tables and run() first: the head depends on what they need.
  std::set<std::string> system = {"<stdint.h>"};
  std::string kernels;
  for (const std::string& name : out.runtime_files()) {
    if (name[0] == '<') {
      system.insert(name);
      continue;
    }
    absl::StrAppend(&kernels, "\n", KernelText(RuntimeFileText(name), system));
  }
  std::string tables, body;
  for (const Emission::NodeText& text : out.nodes()) {
    const Node& node = *text.node;
    const std::string name = node.loc().empty() ? node.result()->name() : node.loc();
    if (!text.tables.empty()) {
      absl::StrAppend(&tables, "\n", Comment("", CommentText(name)), absl::StrJoin(text.tables, "\n"), "\n");
    }
    if (text.lines.empty()) continue;
    absl::StrAppend(&body, "\n",
                    Comment(std::string(2 * static_cast<size_t>(text.depth), ' '), LayerComment(text, name)),
                    absl::StrJoin(text.lines, "\n"), "\n");
  }
  std::string self_test;
  if (!options.self_test.empty()) {
    auto text = SelfTest(graph, model, parameters, options.self_test);
    if (!text.ok()) return text.status();
    self_test = *std::move(text);
  }
  for (const char* macro : {"INFINITY", "NAN"}) {
    for (const std::string* text : {&tables, &body, &self_test}) {
      if (absl::StrContains(*text, macro)) system.insert("<math.h>");
    }
  }

  std::string& source = files.source;
  source = absl::StrCat("/* ", model.name, ".c: generated by onnx-mcuc from an ONNX model; ", model.name,
                        ".h is its interface. Plain C99.\n *\n", kLicence, "#include \"", model.name, ".h\"\n\n");
  for (const std::string& header : system) absl::StrAppend(&source, "#include ", header, "\n");
  absl::StrAppend(&source, kernels, tables, "\n", Prototype(model, parameters), " {\n");
  if (out.uses_arena()) {
    absl::StrAppend(&source, "  uint8_t *const ", arena8, " = arena;\n");
  } else {
    source += "  (void)arena;\n";
  }
  source += out.ScratchDeclarations();
  // An input that reaches no output is a parameter all the same.
  for (const Value* input : graph.inputs()) {
    if (graph.Users(input).empty()) {
      for (const Parameter& parameter : parameters) {
        if (parameter.value == input) absl::StrAppend(&source, "  (void)", parameter.name, ";\n");
      }
    }
  }
  absl::StrAppend(&source, body, "}\n", self_test);
  return files;
}

}  // namespace mcuc
