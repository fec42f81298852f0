// docs/operators.md from the table of operators and from libonnx's functions.
#include <algorithm>
#include <map>
#include <set>

#include "Lowering.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "mcuc/Import/Onnx.h"
#include "onnx/defs/schema.h"

namespace mcuc {

namespace importer {
namespace {

// Rows of one operator, which differ in opset, as one.
struct Entry {
  int64_t since = kMaxOpset, until = 0;
  size_t outputs = 0;
  std::set<std::string> attributes;
};

std::string AttributeName(const std::string& spec) { return "`" + spec.substr(0, spec.size() - 2) + "`"; }

std::string Table(const Family& family) {
  std::map<std::string, Entry> entries;
  for (const Operator& row : family.operators) {
    Entry& entry = entries[row.name];
    entry.since = std::min(entry.since, row.since);
    entry.until = std::max(entry.until, row.until);
    entry.outputs = std::max(entry.outputs, row.max_outputs);
    for (absl::string_view spec : absl::StrSplit(row.attributes, ' ', absl::SkipEmpty())) {
      entry.attributes.insert(AttributeName(std::string(spec)));
    }
  }
  std::string text = "| operator | opsets | attributes |\n|---|---|---|\n";
  for (const auto& [name, entry] : entries) {
    absl::StrAppend(&text, "| ", name, " | ", entry.since, " to ", entry.until, " | ",
                    absl::StrJoin(entry.attributes, ", "), " |\n");
  }
  return text;
}

// Operators that the standard defines by others and that have no row.
std::string Functions() {
  std::set<std::string> names;
  for (const auto& schema : onnx::OpSchemaRegistry::get_all_schemas()) {
    const bool function = schema.HasFunction() || schema.HasContextDependentFunction();
    if (function && schema.domain().empty() && OpsetsOf(schema.Name()).empty()) names.insert(schema.Name());
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace
}  // namespace importer

std::string OperatorDocs() {
  using namespace importer;
  std::string text = absl::StrCat(
      "# Operators\n\n", "Made by `mcuc-opt --docs=operators`. What is imported, in opsets ", kMinOpset, " to ",
      kMaxOpset,
      ", with static shapes. Everything else is refused with a\nmessage that names the node and what is supported. ",
      "Attributes that are not listed are refused too; some values of those that are\nlisted may be: the message says ",
      "which are supported. A name with a domain is of ONNX Runtime (com.microsoft) or of classical\nmodels ",
      "(ai.onnx.ml).\n\n",
      "The element types are those of the IR ([ir.md](ir.md)); float16 and bfloat16 are computed as float32. Int8 "
      "means ",
      "that the pass\n`quantize` has an integer form for it; what has none stays float between `dequantize` and ",
      "`quantize`, with a remark.\nTensors have at least one element; strings, sequences, optional values and maps "
      "are ",
      "not supported, nor are shapes that depend\non values (NonZero, Unique, NonMaxSuppression), nor random numbers, ",
      "nor training.\n");
  for (const Family& family : Families()) {
    absl::StrAppend(&text, "\n## ", family.title, "\n\n", family.note, "\n\n", Table(family));
  }
  absl::StrAppend(&text, "\n## Functions\n\n",
                  "Functions of the model are expanded, as are those of the standard that have no row above, where ",
                  "all within them is supported:\n", Functions(), ".\n");
  return text;
}

}  // namespace mcuc
