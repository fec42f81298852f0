// docs/operators.md from the table of operators, and from libonnx's schemas: functions, and the element types that the
// standard allows, less those that are refused here.
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

using Names = std::set<std::string>;

// What ONNX's node tests show when they are made of another element type.
const std::map<std::string, Names>& Refused() {
  static const Names integers = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"};
  static const std::map<std::string, Names> refused = [] {
    std::map<std::string, Names> map;
    for (const char* name :
         {"AveragePool",  "Conv",          "ConvTranspose", "DFT",    "GRU",      "GlobalAveragePool",
          "GlobalLpPool", "GlobalMaxPool", "GridSample",    "LRN",    "LSTM",     "LogSoftmax",
          "LpPool",       "MaxPool",       "RNN",           "Resize", "RoiAlign", "STFT",
          "Softmax",      "Upsample"}) {
      map[name].insert("double");
    }
    for (const char* name :
         {"GridSample", "PRelu", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "Resize", "Upsample"}) {
      map[name].insert(integers.begin(), integers.end());
    }
    return map;
  }();
  return refused;
}

// Operators that become integer operations when they are quantized, and those whose constant weights can be sparse.
const Names& WithInt8() {
  static const Names names = {"Abs",           "Acos",        "Acosh",        "Add",
                              "ArgMax",        "ArgMin",      "Asin",         "Asinh",
                              "Atan",          "Atanh",       "AveragePool",  "BatchNormalization",
                              "Ceil",          "Clip",        "Concat",       "Conv",
                              "Cos",           "Cosh",        "DepthToSpace", "Dropout",
                              "Elu",           "Erf",         "Exp",          "Flatten",
                              "Floor",         "Gather",      "Gemm",         "GlobalAveragePool",
                              "GlobalMaxPool", "HardSigmoid", "HardSwish",    "Identity",
                              "LeakyRelu",     "Log",         "MatMul",       "Max",
                              "MaxPool",       "Min",         "Mul",          "Neg",
                              "Pad",           "ReduceMax",   "ReduceMean",   "ReduceMin",
                              "ReduceSum",     "Relu",        "Reshape",      "Resize",
                              "Round",         "Sigmoid",     "Sign",         "Sin",
                              "Sinh",          "Slice",       "Softmax",      "Softplus",
                              "SpaceToDepth",  "Split",       "Sqrt",         "Squeeze",
                              "Sub",           "Sum",         "Tan",          "Tanh",
                              "Transpose",     "Unsqueeze",   "Upsample"};
  return names;
}
const Names& WithInt8Weights() {
  static const Names names = {"GRU", "LSTM", "RNN"};
  return names;
}
const Names& WithSparse() {
  static const Names names = {
      "Conv", "Gemm", "GRU", "LSTM", "MatMul", "QLinearConv", "QLinearMatMul", "RNN", "com.microsoft.QGemm"};
  return names;
}

// "f16 f32 i8-i64 bool" of names of onnx.proto, in this order.
std::string TypesText(const Names& types) {
  struct Group {
    const char* all;  // one name for several types; null: each has its own
    std::vector<std::pair<const char*, const char*>> members;
  };
  static const Group groups[] = {
      {nullptr, {{"float16", "f16"}, {"bfloat16", "bf16"}, {"float", "f32"}, {"double", "f64"}}},
      {"i8-i64", {{"int8", "i8"}, {"int16", "i16"}, {"int32", "i32"}, {"int64", "i64"}}},
      {"u8-u64", {{"uint8", "u8"}, {"uint16", "u16"}, {"uint32", "u32"}, {"uint64", "u64"}}},
      {nullptr, {{"bool", "bool"}}},
  };
  std::vector<std::string> texts;
  for (const Group& group : groups) {
    const bool all = std::all_of(group.members.begin(), group.members.end(),
                                 [&](const auto& member) { return types.count(member.first) > 0; });
    if (all && group.all) {
      texts.emplace_back(group.all);
      continue;
    }
    for (const auto& [name, text] : group.members) {
      if (types.count(name)) texts.emplace_back(text);
    }
  }
  return absl::StrJoin(texts, " ");
}

// The element types of the inputs, or of the outputs where there are none: of the type variable that has most.
std::string TypesOf(const std::string& name, int64_t until) {
  const size_t dot = name.rfind('.');
  const std::string domain = dot == std::string::npos ? "" : name.substr(0, dot);
  const std::string op = dot == std::string::npos ? name : name.substr(dot + 1);
  if (domain == kMicrosoft) return op.find("Gelu") != std::string::npos ? "f16 f32" : "i8 u8";
  const auto* schema = onnx::OpSchemaRegistry::Schema(op, static_cast<int>(until), domain);
  if (!schema) return "";
  const auto& parameters = schema->inputs().empty() ? schema->outputs() : schema->inputs();
  Names most;
  for (const auto& parameter : parameters) {
    Names types;
    for (const auto& type : parameter.GetTypes()) {
      if (type->find("tensor(") == 0) types.insert(type->substr(7, type->size() - 8));
    }
    if (types.size() > most.size()) most = std::move(types);
  }
  const auto refused = Refused().find(name);
  if (refused != Refused().end()) {
    for (const std::string& type : refused->second) most.erase(type);
  }
  return TypesText(most);
}

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
  std::string text = "| operator | opsets | element types | int8 | sparse | attributes |\n|---|---|---|---|---|---|\n";
  for (const auto& [name, entry] : entries) {
    const bool integer = WithInt8().count(name) > 0 || name.find("QLinear") != std::string::npos ||
                         name.find("QGemm") != std::string::npos || name.find("Integer") != std::string::npos ||
                         name.find("uantizeLinear") != std::string::npos;
    absl::StrAppend(&text, "| ", name, " | ", entry.since, " to ", entry.until, " | ", TypesOf(name, entry.until),
                    " | ",
                    integer                         ? "yes"
                    : WithInt8Weights().count(name) ? "weights"
                                                    : "",
                    " | ", WithSparse().count(name) ? "yes" : "", " | ", absl::StrJoin(entry.attributes, ", "), " |\n");
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
      "Element types are those of the operator's main input in the newest of its opsets; float16 and bfloat16 (f16, ",
      "bf16) are computed as\nfloat32. Int8: the pass `quantize` has an integer form for it, and quantized models are ",
      "computed by it; what has none stays float\nbetween `dequantize` and `quantize`, with a remark. Sparse: "
      "constant ",
      "weights can be stored sparse, in float32 and int8.\nTensors have at least one element; strings are supported "
      "as ",
      "class labels only; sequences, optional values and maps are not supported,\nnor are shapes that depend on "
      "values ",
      "(NonZero, Unique, NonMaxSuppression), nor random numbers, nor training.\n");
  for (const Family& family : Families()) {
    absl::StrAppend(&text, "\n## ", family.title, "\n\n", family.note, "\n\n", Table(family));
  }
  absl::StrAppend(&text, "\n## Functions\n\n",
                  "Functions of the model are expanded, as are those of the standard that have no row above, where ",
                  "all within them is supported:\n", Functions(), ".\n");
  return text;
}

}  // namespace mcuc
