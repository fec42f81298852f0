// Imports ONNX models: declares the initializers and inputs as symbols, lowers the nodes in schedule order by the table
// of operators, and builds the graph from the operations that the outputs depend on. Everything that is wrong is
// reported; what depends on a reported node is poisoned and stays silent.
#include "mcuc/Import/Onnx.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "Functions.h"
#include "Interface.h"
#include "Lowering.h"
#include "ModelFile.h"
#include "ReadFile.h"
#include "Schedule.h"
#include "TensorData.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "mcuc/IR/Verify.h"
#include "onnx/onnx_pb.h"

namespace mcuc {

namespace importer {

namespace {

constexpr int kMaxNodes = 10000;
constexpr int kMaxNames = 40000;    // inputs and outputs of all nodes
constexpr int kMaxLowered = 50000;  // nodes, with those of functions and of the steps of loops
constexpr int kMaxDepth = 16;       // of functions and graphs within each other
constexpr size_t kMaxMessage = 2000;

const char* AttributeTypeName(int type) {
  static const char* const kNames[] = {
      "undefined", "FLOAT",   "INT",    "STRING",        "TENSOR",         "GRAPH",      "FLOATS",     "INTS",
      "STRINGS",   "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  return type >= 0 && type < static_cast<int>(std::size(kNames)) ? kNames[type] : "unknown";
}

// The type that a letter of the table stands for.
int AttributeTypeOf(char letter) {
  switch (letter) {
    case 'i':
      return onnx::AttributeProto::INT;
    case 'f':
      return onnx::AttributeProto::FLOAT;
    case 's':
      return onnx::AttributeProto::STRING;
    case 't':
      return onnx::AttributeProto::TENSOR;
    case 'p':
      return onnx::AttributeProto::SPARSE_TENSOR;
    case 'g':
      return onnx::AttributeProto::GRAPH;
    case 'I':
      return onnx::AttributeProto::INTS;
    case 'F':
      return onnx::AttributeProto::FLOATS;
    default:
      return onnx::AttributeProto::STRINGS;
  }
}

// Attributes of old files have no type; it is that of the field in use.
int TypeOf(const onnx::AttributeProto& attribute) {
  using A = onnx::AttributeProto;
  if (attribute.type() != A::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return A::FLOAT;
  if (attribute.has_i()) return A::INT;
  if (attribute.has_s()) return A::STRING;
  if (attribute.has_t()) return A::TENSOR;
  if (attribute.has_g()) return A::GRAPH;
  if (attribute.floats_size() > 0) return A::FLOATS;
  if (attribute.ints_size() > 0) return A::INTS;
  if (attribute.strings_size() > 0) return A::STRINGS;
  return A::UNDEFINED;
}

absl::Status CheckAttributes(const onnx::NodeProto& node, const Operator& row) {
  const std::vector<std::string> specs = absl::StrSplit(row.attributes, ' ', absl::SkipEmpty());
  std::set<std::string> seen;
  for (const auto& attribute : node.attribute()) {
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const std::string& s) { return s.substr(0, s.size() - 2) == attribute.name(); });
    const std::string name = Printable(attribute.name());
    if (spec == specs.end()) {
      std::vector<std::string> names;
      for (const std::string& s : specs) names.push_back(s.substr(0, s.size() - 2));
      return Unsupported("attribute ", name,
                         " is not supported; supported: ", names.empty() ? "none" : absl::StrJoin(names, ", "));
    }
    if (!attribute.ref_attr_name().empty()) return Unsupported("attribute ", name, " refers to a function's attribute");
    if (!seen.insert(attribute.name()).second) return Unsupported("attribute ", name, " is given twice");
    const int type = TypeOf(attribute), expected = AttributeTypeOf(spec->back());
    const bool empty_list = type == onnx::AttributeProto::UNDEFINED;
    if (type != expected && !empty_list) {
      return Unsupported("attribute ", name, " is of type ", AttributeTypeName(type), "; it must be ",
                         AttributeTypeName(expected));
    }
  }
  return absl::OkStatus();
}

// What to do about a missing operator.
std::string RemedyFor(const std::string& op) {
  if (op.find("antize") != std::string::npos || op.find("QLinear") == 0 || op.find("Integer") != std::string::npos) {
    return "import the float model and quantize it here with --calibrate";
  }
  return "replace it by supported operators when exporting the model";
}

// Names and what they stand for: the model's, or those of a function or graph within it.
struct Scope {
  const Scope* around = nullptr;  // whose names are known here too
  int64_t opset = 0;
  std::unordered_map<std::string, Symbol*> symbols;
  std::unordered_set<std::string> read;  // names that a live node or an output reads

  Symbol* Find(const std::string& name) const {
    for (const Scope* scope = this; scope; scope = scope->around) {
      const auto found = scope->symbols.find(name);
      if (found != scope->symbols.end()) return found->second;
    }
    return nullptr;
  }
};

class Importer {
 public:
  Importer(const std::string& path, const ImportOptions& options, Diagnostics& diagnostics)
      : path_(path), options_(options), diagnostics_(diagnostics) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    folder_ = parent.empty() ? "." : parent.string();
  }

  std::unique_ptr<Graph> Import() {
    const int errors = diagnostics_.errors();
    if (!LoadModel(path_, model_, diagnostics_)) return nullptr;
    opset_ = OpsetOf(model_, path_, diagnostics_);
    if (opset_ == 0 || !CheckSize()) return nullptr;
    top_.opset = opset_;
    DeclareInitializers();
    DeclareInputs();
    DeclareResults();
    LowerNodes();
    BindOutputs();
    if (diagnostics_.errors() > errors) return nullptr;
    auto graph = BuildGraph();
    VerifyOptions verify;
    verify.locate_node = [&](const Node& node) {
      Location where = InFile(path_);
      where.node = Printable(node.loc());
      where.op = node.op_name();
      return where;
    };
    VerifyGraph(*graph, diagnostics_, verify);
    return diagnostics_.errors() > errors ? nullptr : std::move(graph);
  }

 private:
  const onnx::GraphProto& proto() const { return model_.graph(); }

  void Error(const std::string& message) { diagnostics_.Error(InFile(path_), message); }

  // Node order, name lookup and liveness are linear in these, a few steps later quadratic.
  bool CheckSize() {
    int64_t names = 0;
    for (const auto& node : proto().node()) names += node.input_size() + node.output_size();
    if (proto().node_size() > kMaxNodes || names > kMaxNames) {
      Error(absl::StrCat("the graph has ", proto().node_size(), " nodes with ", names, " inputs and outputs; at most ",
                         kMaxNodes, " with ", kMaxNames, " are supported"));
      return false;
    }
    return true;
  }

  // The symbol of a name; an error for a name that already has one.
  Symbol* Declare(const std::string& name, const char* what, Symbol* symbol) {
    if (name.empty() || !top_.symbols.emplace(name, symbol).second) {
      Error(absl::StrCat(what, " \"", Printable(name),
                         "\": ", name.empty() ? "has no name" : "the name is taken already"));
      return nullptr;
    }
    return symbol;
  }

  void DeclareInitializers() {
    for (const auto& tensor : proto().initializer()) {
      if (const auto indices = IndicesOfStrings(tensor)) {
        initializers_.insert(tensor.name());
        Symbol* symbol = module_.NewConstant(tensor.name(), *indices);
        symbol->strings.assign(tensor.string_data().begin(), tensor.string_data().end());
        Declare(tensor.name(), "initializer", symbol);
        continue;
      }
      DeclareTensor(tensor.name(), TensorOfProto(tensor, folder_));
    }
    for (const auto& tensor : proto().sparse_initializer()) {
      auto dense = TensorOfProto(tensor, folder_);
      if (dense.ok() && !module_.Reserve(dense->type().bytes())) {
        dense = Unsupported("the sparse initializers take more than ", kMaxAllFoldedBytes, " bytes in dense form");
      }
      DeclareTensor(tensor.values().name(), std::move(dense));
    }
  }

  void DeclareTensor(const std::string& name, absl::StatusOr<Tensor> tensor) {
    if (!tensor.ok()) Error(absl::StrCat("initializer: ", std::string(tensor.status().message())));
    initializers_.insert(name);
    Symbol* symbol = tensor.ok() ? module_.NewConstant(name, *std::move(tensor)) : Poison(name);
    Declare(name, "initializer", symbol);
  }

  Symbol* Poison(const std::string& name) {
    Symbol* symbol = module_.NewSymbol(name, Type{});
    symbol->poisoned = true;
    return symbol;
  }

  void DeclareInputs() {
    for (const InputType& input : InputTypesOf(proto(), initializers_, options_, path_, diagnostics_)) {
      Symbol* symbol = module_.NewSymbol(input.name, input.type);
      symbol->poisoned = !input.valid;
      if (input.valid && !Declare(input.name, "input", symbol)) continue;
      if (!input.valid) top_.symbols.emplace(input.name, symbol);
      inputs_.push_back(symbol);
    }
  }

  // Names of results must be free; they are reserved before any node is lowered, so that names made up here are free
  // too.
  void DeclareResults() {
    for (const auto& [name, symbol] : top_.symbols) names_.insert(name);
    std::unordered_set<std::string> results;
    for (const auto& node : proto().node()) {
      for (const std::string& name : node.output()) {
        if (name.empty()) continue;
        if (top_.symbols.count(name) || !results.insert(name).second) {
          diagnostics_.Error(LocationOf(node),
                             absl::StrCat("output \"", Printable(name), "\": the name is taken already"));
        }
        names_.insert(name);
      }
    }
  }

  Location LocationOf(const onnx::NodeProto& node) const {
    Location where = InFile(path_);
    where.node = Printable(LocOf(node));
    where.op = Printable(node.op_type());
    return where;
  }

  static std::string LocOf(const onnx::NodeProto& node) {
    if (!node.name().empty()) return node.name();
    const auto named =
        std::find_if(node.output().begin(), node.output().end(), [](const auto& n) { return !n.empty(); });
    return named == node.output().end() ? "" : *named;
  }

  void LowerNodes() {
    const Schedule schedule = ScheduleOf(proto());
    if (!schedule.cycle.empty()) {
      std::vector<std::string> names;
      for (int node : schedule.cycle) {
        if (names.size() == 8) {
          names.push_back("...");
          break;
        }
        names.push_back(absl::StrCat("\"", Printable(LocOf(proto().node(node))), "\""));
      }
      Error(absl::StrCat("the graph has a cycle: ", absl::StrJoin(names, " -> ")));
    }
    for (const auto& output : proto().output()) graph_outputs_.insert(output.name());
    top_.read = NamesRead(proto(), schedule);
    for (const auto& info : proto().value_info()) declared_.emplace(info.name(), &info);
    std::unordered_set<int> ordered(schedule.order.begin(), schedule.order.end());
    for (int i = 0; i < proto().node_size(); ++i) {
      if (!ordered.count(i)) PoisonOutputs(proto().node(i));
    }
    for (int i : schedule.order) {
      if (schedule.live[static_cast<size_t>(i)]) live_nodes_.push_back(&proto().node(i));
    }
    for (const auto* node : live_nodes_) LowerNode(*node);
  }

  static std::unordered_set<std::string> NamesRead(const onnx::GraphProto& graph, const Schedule& schedule) {
    std::unordered_set<std::string> read;
    for (const auto& output : graph.output()) read.insert(output.name());
    for (size_t i = 0; i < schedule.live.size(); ++i) {
      if (schedule.live[i]) AddNamesRead(graph.node(static_cast<int>(i)), read);
    }
    return read;
  }

  void PoisonOutputs(const onnx::NodeProto& node) {
    for (const std::string& name : node.output()) {
      if (!name.empty()) top_.symbols.emplace(name, Poison(name));
    }
  }

  // Lowers a graph within a node: of a function, or of an attribute. An input may be null: absent.
  absl::StatusOr<std::vector<Symbol*>> LowerWithin(const onnx::GraphProto& graph, const std::vector<Symbol*>& inputs,
                                                   Scope& scope) {
    if (depth_ == kMaxDepth) return Unsupported("graphs and functions are nested more than ", kMaxDepth, " deep");
    if (inputs.size() > static_cast<size_t>(graph.input_size())) {
      return Unsupported("a graph of ", graph.input_size(), " inputs is given ", inputs.size());
    }
    for (size_t i = 0; i < inputs.size(); ++i) scope.symbols[graph.input(static_cast<int>(i)).name()] = inputs[i];
    for (int i = static_cast<int>(inputs.size()); i < graph.input_size(); ++i) {
      scope.symbols[graph.input(i).name()] = nullptr;
    }
    for (const auto& proto : graph.initializer()) {
      MCUC_ASSIGN_OR_RETURN(Tensor tensor, TensorOfProto(proto, folder_));
      scope.symbols[proto.name()] = module_.NewConstant("", std::move(tensor));
      scope.symbols[proto.name()]->hint = proto.name();
    }
    const Schedule schedule = ScheduleOf(graph);
    if (!schedule.cycle.empty()) return Unsupported("a graph within it has a cycle");
    scope.read = NamesRead(graph, schedule);
    ++depth_;
    for (int i : schedule.order) {
      if (!schedule.live[static_cast<size_t>(i)]) continue;
      const auto& node = graph.node(i);
      bool poisoned = false;
      const absl::Status status = TryLower(node, scope, &poisoned);
      if (status.ok() && !poisoned) continue;
      --depth_;
      if (status.ok()) return Unsupported("reads what could not be imported");
      return Unsupported("within it, node \"", Printable(LocOf(node)), "\" (", Printable(node.op_type()),
                         "): ", status.message());
    }
    --depth_;
    std::vector<Symbol*> outputs;
    for (const auto& output : graph.output()) {
      outputs.push_back(scope.Find(output.name()));
      if (outputs.back() && outputs.back()->poisoned) outputs.back() = nullptr;
    }
    return outputs;
  }

  // The graphs of a node's attributes see the names around it.
  class GraphInliner : public Inliner {
   public:
    GraphInliner(Importer& importer, const Scope& around) : importer_(importer), around_(around) {}
    absl::StatusOr<std::vector<Symbol*>> Inline(const onnx::GraphProto& graph,
                                                const std::vector<Symbol*>& inputs) override {
      Scope scope;
      scope.around = &around_;
      scope.opset = around_.opset;
      MCUC_ASSIGN_OR_RETURN(std::vector<Symbol*> outputs, importer_.LowerWithin(graph, inputs, scope));
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (!outputs[i]) return Unsupported("output ", i, " of a graph within it is computed nowhere");
      }
      return outputs;
    }

   private:
    Importer& importer_;
    const Scope& around_;
  };

  void LowerNode(const onnx::NodeProto& node) {
    bool poisoned = false;
    const absl::Status status = TryLower(node, top_, &poisoned);
    if (status.ok() && !poisoned) return;
    PoisonOutputs(node);
    if (status.ok()) return;
    std::string message = std::string(status.message());
    if (message.size() > kMaxMessage) message = message.substr(0, kMaxMessage) + "...";
    for (char& c : message) {  // strings of the model
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    absl::StrAppend(&message, " (", IsDefaultDomain(node.domain()) ? "" : node.domain() + " ", "opset ",
                    OpsetOfDomain(node.domain()), ")");
    diagnostics_.Error(LocationOf(node), message);
  }

  std::string OpsetOfDomain(const std::string& domain) const {
    if (IsDefaultDomain(domain)) return absl::StrCat(opset_);
    for (const auto& import : model_.opset_import()) {
      if (import.domain() == domain) return absl::StrCat(import.version());
    }
    return "unknown";
  }

  // The row of the table that lowers a node; null: none.
  static const Operator* FindRow(const onnx::NodeProto& node, int64_t opset) {
    if (IsDefaultDomain(node.domain())) return FindOperator(node.op_type(), opset);
    return FindOperator(absl::StrCat(node.domain(), ".", node.op_type()), opset);
  }

  absl::Status NoRow(const onnx::NodeProto& node, int64_t opset) {
    std::string op = Printable(node.op_type());
    const bool other_domain = node.domain() == kMicrosoft || node.domain() == kClassical;
    if (other_domain) {
      op = absl::StrCat(node.domain(), ".", op);
    } else if (!IsDefaultDomain(node.domain())) {
      return Unsupported("operators of the domain ", Printable(node.domain()),
                         " are not supported; supported: those of the default domain, of ", kMicrosoft, " and of ",
                         kClassical, "; ", RemedyFor(op));
    }
    const std::string name = other_domain ? op : node.op_type();
    if (const std::string opsets = OpsetsOf(name); !opsets.empty()) {
      return Unsupported("operator ", op, " is not supported in opset ", opset, "; supported: opsets ", opsets,
                         ". Convert the model with onnx.version_converter");
    }
    return Unsupported("operator ", op, " is not supported; ", RemedyFor(op));
  }

  // Says once of an operator without a row which nodes have it; false: it has been said.
  bool TellNoRow(const onnx::NodeProto& node, absl::Status& status) {
    const auto key = std::pair(node.domain(), node.op_type());
    if (!told_.insert(key).second) return false;
    constexpr size_t kMost = 8;
    std::vector<std::string> names;
    size_t count = 0;
    for (const auto* other : live_nodes_) {
      if (std::pair(other->domain(), other->op_type()) != key) continue;
      if (++count <= kMost) names.push_back(absl::StrCat("\"", Printable(LocOf(*other)), "\""));
    }
    std::string text(status.message());
    if (count > 1) {
      absl::StrAppend(&text, "; it is in ", count, " nodes: ", absl::StrJoin(names, ", "), count > kMost ? ", …" : "");
    }
    status = Unsupported(text, "; see docs/operators.md for what is");
    return true;
  }

  // The inputs of a node, null for absent ones; none are absent at the end.
  absl::StatusOr<std::vector<Symbol*>> InputsOf(const onnx::NodeProto& node, const Scope& scope, bool* poisoned) {
    std::vector<Symbol*> inputs;
    for (const std::string& name : node.input()) {
      Symbol* symbol = name.empty() ? nullptr : scope.Find(name);
      if (!name.empty() && !symbol && !IsAbsent(scope, name)) {
        return Unsupported("input ", inputs.size(), " \"", Printable(name),
                           "\" is computed nowhere: no node, input or ", "initializer has this name");
      }
      inputs.push_back(symbol);
      *poisoned |= symbol && symbol->poisoned;
    }
    while (!inputs.empty() && !inputs.back()) inputs.pop_back();
    return inputs;
  }

  // A function's input that the call left out.
  static bool IsAbsent(const Scope& scope, const std::string& name) {
    for (const Scope* s = &scope; s; s = s->around) {
      if (s->symbols.count(name)) return true;
    }
    return false;
  }

  // A node whose operator is a function; false: it is none.
  absl::StatusOr<bool> TryFunction(const onnx::NodeProto& node, Scope& scope, const std::vector<Symbol*>& inputs) {
    MCUC_ASSIGN_OR_RETURN(const auto body, FunctionBodyOf(model_, node, scope.opset, inputs));
    if (!body) return false;
    Scope within;
    within.opset = body->opset;
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> outputs, LowerWithin(body->graph, inputs, within));
    for (int i = 0; i < node.output_size(); ++i) {
      const std::string& name = node.output(i);
      if (name.empty()) continue;
      Symbol* symbol = static_cast<size_t>(i) < outputs.size() ? outputs[static_cast<size_t>(i)] : nullptr;
      if (!symbol && scope.read.count(name)) return Unsupported("output ", i, " is not computed by its function");
      Bind(node, i, symbol ? symbol : Poison(name), scope);
    }
    return true;
  }

  // Gives an output of a node its name.
  void Bind(const onnx::NodeProto& node, int i, Symbol* symbol, Scope& scope) {
    const std::string& name = node.output(i);
    if (&scope == &top_) {
      if (symbol->name.empty()) {
        symbol->name = name;
      } else if (!symbol->is_constant() && graph_outputs_.count(name)) {
        symbol = module_.AddIdentity(symbol, name, LocOf(node));  // an output has a node of its own
      }
    }
    scope.symbols[name] = symbol;
    const auto declared = declared_.find(name);
    if (&scope != &top_ || declared == declared_.end() || symbol->poisoned) return;
    if (const std::string text = Contradiction(*declared->second, ModelType(*symbol)); !text.empty()) {
      diagnostics_.Warning(LocationOf(node), absl::StrCat("output \"", Printable(name), "\" ", text));
    }
  }

  absl::Status TryLower(const onnx::NodeProto& node, Scope& scope, bool* poisoned) {
    if (++lowered_ > kMaxLowered) {
      return Unsupported("the model has more than ", kMaxLowered, " nodes with its loops and functions unrolled");
    }
    MCUC_ASSIGN_OR_RETURN(const std::vector<Symbol*> inputs, InputsOf(node, scope, poisoned));
    const Operator* row = FindRow(node, scope.opset);
    if (!row) {
      if (*poisoned && IsFunction(model_, node, scope.opset)) return absl::OkStatus();
      MCUC_ASSIGN_OR_RETURN(const bool is_function, TryFunction(node, scope, inputs));
      if (is_function) return absl::OkStatus();
      absl::Status status = NoRow(node, scope.opset);
      if (&scope != &top_ || TellNoRow(node, status)) return status;
      *poisoned = true;
      return absl::OkStatus();
    }
    MCUC_RETURN_IF_ERROR(CheckAttributes(node, *row));
    if (inputs.size() < row->min_inputs || inputs.size() > row->max_inputs) {
      return Unsupported("has ", inputs.size(), " inputs; supported: ", row->min_inputs,
                         row->max_inputs == kAny              ? " or more"
                         : row->max_inputs == row->min_inputs ? ""
                                                              : absl::StrCat(" to ", row->max_inputs));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i] && (i < row->min_inputs || row->max_inputs == kAny))
        return Unsupported("input ", i, " is missing");
    }
    std::vector<bool> used;
    for (const std::string& name : node.output()) {
      used.push_back(!name.empty() && scope.read.count(name) > 0);
      if (used.back() && used.size() > row->max_outputs) {
        return Unsupported("output ", used.size() - 1, " \"", Printable(name), "\" is used; supported: the first ",
                           row->max_outputs);
      }
    }
    if (*poisoned) return absl::OkStatus();
    for (size_t i = 0; i < inputs.size() && !TakesQuantized(row->name); ++i) {
      if (!inputs[i] || !inputs[i]->type.quant) continue;
      return Unsupported("input ", i,
                         " is quantized, and the operator would compute with its integers; only operators ",
                         "that move or compare them are supported. Put it between DequantizeLinear and QuantizeLinear");
    }

    const bool strings = !inputs.empty() && inputs[0] && !inputs[0]->strings.empty();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] && !inputs[i]->strings.empty() && (i > 0 || !(MovesStrings(row->name) || MapsStrings(row->name)))) {
        return Unsupported("input ", i, " holds strings, which stand for class labels only: they can be moved, and ",
                           "mapped by a LabelEncoder");
      }
    }
    GraphInliner inliner(*this, scope);
    Lowering lowering(module_, node, scope.opset, LocOf(node), inputs, used, diagnostics_, LocationOf(node), folder_,
                      inliner);
    MCUC_RETURN_IF_ERROR(row->lower(lowering));
    for (int i = 0; i < node.output_size(); ++i) {
      Symbol* symbol = lowering.outputs()[static_cast<size_t>(i)];
      const std::string& name = node.output(i);
      if (name.empty()) continue;
      if (!symbol) {
        if (used[static_cast<size_t>(i)]) return absl::InternalError(absl::StrCat("output ", i, " was not lowered"));
        symbol = Poison(name);  // nothing reads it
      }
      if (strings && MovesStrings(row->name)) symbol->strings = inputs[0]->strings;
      Bind(node, i, symbol, scope);
    }
    return absl::OkStatus();
  }

  // A name that no value of the model has; and for constants, which are named apart, that no other constant has.
  std::string FreshName(const std::string& base) { return Fresh(base, names_, name_counts_); }
  std::string FreshConstantName(const std::string& base) { return Fresh(base, constant_names_, constant_counts_); }

  static std::string Fresh(const std::string& base, std::unordered_set<std::string>& names,
                           std::unordered_map<std::string, int>& counts) {
    std::string name = base;
    while (!names.insert(name).second) name = absl::StrCat(base, "_", std::max(++counts[base], 2));
    return name;
  }

  // The type in the model of what a symbol stands for.
  static Type ModelType(const Symbol& symbol) {
    Type type = symbol.type;
    if (symbol.shifted) type.element = ElementType::u8;
    return type;
  }

  // The name of an output for another symbol than the one that has it.
  std::string FreeName(Symbol* symbol, const std::string& name) {
    if (symbol->name == name) symbol->name = FreshName(name + "_i8");
    return name;
  }

  // An output is the result of a node, carries its own name and is listed once: others get a copy.
  void BindOutputs() {
    if (proto().output_size() == 0) Error("the graph has no outputs");
    std::unordered_set<const Symbol*> bound(inputs_.begin(), inputs_.end());
    std::unordered_set<std::string> names;
    for (const auto& output : proto().output()) {
      const std::string text = absl::StrCat("output \"", Printable(output.name()), "\"");
      Symbol* symbol = top_.Find(output.name());
      if (!symbol) {
        Error(absl::StrCat(text, " is computed nowhere: no node, input or initializer has this name"));
        continue;
      }
      if (symbol->poisoned) continue;
      if (Elements(symbol->shape()) == 0) {
        Error(absl::StrCat(text, " [", ShapeText(symbol->shape()), "] has no elements; an output must have some"));
        continue;
      }
      if (!symbol->strings.empty()) {
        diagnostics_.Remark(
            InFile(path_),
            absl::StrCat(text, " holds strings; it gives their indices: ", StringsText(symbol->strings)));
      }
      if (const std::string contradiction = Contradiction(output, ModelType(*symbol)); !contradiction.empty()) {
        diagnostics_.Warning(InFile(path_), absl::StrCat(text, " ", contradiction));
      }
      const bool first = names.insert(output.name()).second;
      if (symbol->shifted) {
        symbol =
            module_.AddUnsigned(symbol, first ? FreeName(symbol, output.name()) : FreshName(output.name() + "_out"));
        bound.insert(symbol);
        outputs_.push_back(symbol);
        continue;
      }
      if (symbol->is_constant() || symbol->name != output.name() || !bound.insert(symbol).second) {
        // The name is free where it is only an alias; an input keeps its own.
        const bool alias = first && (symbol->is_constant() || symbol->name != output.name());
        symbol = module_.AddIdentity(symbol, alias ? output.name() : FreshName(output.name() + "_out"), "");
      }
      outputs_.push_back(symbol);
    }
  }

  std::unique_ptr<Graph> BuildGraph() {
    const auto& nodes = module_.nodes();
    std::unordered_set<const Symbol*> live(outputs_.begin(), outputs_.end());
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (live.count(node->result)) live.insert(node->operands.begin(), node->operands.end());
    }
    const std::string stem = std::filesystem::path(path_).stem().string();
    auto graph = std::make_unique<Graph>(stem.empty() ? "graph" : stem);
    graph->set_source(path_);
    for (Symbol* input : inputs_) input->value = graph->AddInput(input->name, input->type);
    for (const PendingNode& node : nodes) {
      if (!live.count(node.result)) continue;
      std::vector<Value*> operands;
      for (Symbol* operand : node.operands) {
        if (!operand->value) {
          const std::string name = operand->name.empty() ? operand->hint + "_const" : operand->name;
          operand->value = graph->AddConstant(FreshConstantName(name), *operand->constant);
        }
        operands.push_back(operand->value);
      }
      Symbol* result = node.result;
      const std::string name =
          result->name.empty() ? FreshName(absl::StrCat(result->hint, "_", OpName(OpOf(node.attrs)))) : result->name;
      result->value = graph->AddNode(node.attrs, operands, name, result->type, node.loc)->result();
    }
    for (Symbol* output : outputs_) graph->AddOutput(output->value);
    return graph;
  }

  const std::string path_;
  const ImportOptions& options_;
  Diagnostics& diagnostics_;
  std::string folder_;
  onnx::ModelProto model_;
  int64_t opset_ = 0;
  Module module_;
  Scope top_;
  int depth_ = 0, lowered_ = 0;
  std::set<std::string> initializers_;
  std::unordered_set<std::string> names_;  // of values: the model's, and those made up
  std::unordered_set<std::string> constant_names_;
  std::unordered_map<std::string, int> name_counts_, constant_counts_;  // the last suffix that was tried
  std::unordered_set<std::string> graph_outputs_;
  std::unordered_map<std::string, const onnx::ValueInfoProto*> declared_;
  std::vector<Symbol*> inputs_, outputs_;
  std::vector<const onnx::NodeProto*> live_nodes_;
  std::set<std::pair<std::string, std::string>> told_;  // domains and operators without a row that were reported
};

}  // namespace

}  // namespace importer

std::unique_ptr<Graph> ImportOnnx(const std::string& path, const ImportOptions& options, Diagnostics& diagnostics) {
  return importer::Importer(path, options, diagnostics).Import();
}

}  // namespace mcuc
