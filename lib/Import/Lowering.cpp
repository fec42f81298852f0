// Symbols, checked addition and folding of operations, and access to a node's inputs and attributes.
#include "Lowering.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "Quantization.h"
#include "ReadFile.h"
#include "TensorData.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Verify.h"
#include "onnx/onnx_pb.h"

namespace mcuc::importer {

namespace {

// Products beyond this many are left to run time.
constexpr int64_t kMaxFoldedMacs = int64_t{1} << 28;

// What is wrong with a graph of one node, without the location the graph gives it.
absl::Status VerifyAlone(const Graph& graph) {
  Diagnostics diagnostics;
  VerifyGraph(graph, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity == Severity::kError) return absl::InvalidArgumentError(diagnostic.message);
  }
  return absl::OkStatus();
}

}  // namespace

Symbol* Module::NewSymbol(std::string name, Type type) {
  Symbol& symbol = symbols_.emplace_back();
  symbol.name = std::move(name);
  symbol.type = std::move(type);
  return &symbol;
}

Symbol* Module::NewConstant(std::string name, Tensor tensor) {
  Symbol* symbol = NewSymbol(std::move(name), tensor.type());
  symbol->constant = std::move(tensor);
  return symbol;
}

bool Module::Reserve(int64_t bytes) {
  if (bytes > kMaxFoldedBytes || bytes > kMaxAllFoldedBytes - folded_bytes_) return false;
  folded_bytes_ += bytes;
  return true;
}

absl::StatusOr<Symbol*> Module::Add(Attributes attrs, std::vector<Symbol*> operands, Type result,
                                    const std::string& loc) {
  std::vector<const Type*> types;
  bool all_constant = true;
  for (const Symbol* operand : operands) {
    types.push_back(&operand->type);
    all_constant &= operand->is_constant();
  }
  const Op op = OpOf(attrs);
  const bool declared = op == Op::kReshape || op == Op::kSlice || op == Op::kExpand || op == Op::kResize;
  MCUC_ASSIGN_OR_RETURN(result.shape, InferShape(attrs, types, declared ? &result.shape : nullptr));
  MCUC_RETURN_IF_ERROR(CheckedHostElements(result.shape).status());  // the rank

  for (const PendingNode& folded : folded_) {
    if (folded.operands == operands && folded.attrs == attrs && folded.result->type == result) return folded.result;
  }

  // The verifier sees the node alone, with its constants, so that what it finds is reported at the model's node.
  Graph alone("alone");
  std::vector<Value*> values;
  for (const Symbol* operand : operands) {
    values.push_back(operand->is_constant() ? alone.AddConstant("c", *operand->constant)
                                            : alone.AddInput("x", operand->type));
  }
  const Node* node = alone.AddNode(attrs, values, "y", result);
  alone.AddOutput(node->result());
  MCUC_RETURN_IF_ERROR(VerifyAlone(alone));

  if (all_constant && MacsOf(*node) <= kMaxFoldedMacs && Reserve(result.bytes())) {
    std::vector<const Tensor*> tensors;
    for (const Symbol* operand : operands) tensors.push_back(&*operand->constant);
    MCUC_ASSIGN_OR_RETURN(Tensor tensor, EvaluateNode(*node, tensors));
    Symbol* symbol = NewConstant("", std::move(tensor));
    folded_.push_back({std::move(attrs), std::move(operands), symbol, loc});
    return symbol;
  }
  Symbol* symbol = NewSymbol("", std::move(result));
  nodes_.push_back({std::move(attrs), std::move(operands), symbol, loc});
  return symbol;
}

Symbol* Module::AddIdentity(Symbol* x, std::string name, const std::string& loc) {
  Symbol* symbol = NewSymbol(std::move(name), x->type);
  nodes_.push_back({IdentityAttrs{}, {x}, symbol, loc});
  return symbol;
}

Symbol* Module::AddUnsigned(Symbol* x, std::string name) {
  Type type = x->type;
  type.element = ElementType::u8;
  for (int32_t& z : type.quant->zero_points) z += 128;
  RequantizeAttrs attrs;
  attrs.mul = {1 << 30};  // a factor of 1
  attrs.shift = {1};
  Symbol* symbol = NewSymbol(std::move(name), std::move(type));
  nodes_.push_back({attrs, {x}, symbol, ""});
  return symbol;
}

Symbol* Module::AddDequantize(Symbol* x, const std::string& loc) {
  Symbol* symbol = NewSymbol("", Type{ElementType::f32, x->shape()});
  symbol->dequantized = true;
  nodes_.push_back({DequantizeAttrs{}, {x}, symbol, loc});
  return symbol;
}

const PendingNode* Module::NodeOf(const Symbol* x) const {
  const auto found =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const PendingNode& node) { return node.result == x; });
  return found == nodes_.end() ? nullptr : &*found;
}

namespace {

bool IsMove(const PendingNode& node) {
  const Op op = OpOf(node.attrs);
  return op == Op::kReshape || op == Op::kTranspose || op == Op::kSlice || op == Op::kIdentity;
}

}  // namespace

bool Module::Retype(Symbol* x, const Quantization& quant) {
  const auto read_elsewhere = [&](const Symbol* symbol, const PendingNode* reader) {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const PendingNode& node) {
      return &node != reader && std::find(node.operands.begin(), node.operands.end(), symbol) != node.operands.end();
    });
  };
  if (x->is_constant() || read_elsewhere(x, nullptr)) return false;
  std::vector<Symbol*> chain = {x};  // back to the graph input
  while (const PendingNode* def = NodeOf(chain.back())) {
    if (!IsMove(*def)) return false;
    Symbol* from = def->operands[0];
    if (from->is_constant() || from->type.quant || read_elsewhere(from, def)) return false;
    chain.push_back(from);
  }
  for (Symbol* symbol : chain) symbol->type.quant = quant;
  return true;
}

Lowering::Lowering(Module& module, const onnx::NodeProto& node, int64_t opset, std::string loc,
                   std::vector<Symbol*> inputs, std::vector<bool> output_used, Diagnostics& diagnostics, Location where,
                   std::string folder, Inliner& inliner)
    : module_(module),
      node_(node),
      opset_(opset),
      loc_(std::move(loc)),
      inputs_(std::move(inputs)),
      output_used_(std::move(output_used)),
      outputs_(static_cast<size_t>(node.output_size()), nullptr),
      diagnostics_(diagnostics),
      where_(std::move(where)),
      folder_(std::move(folder)),
      inliner_(inliner) {}

absl::StatusOr<Ints> Lowering::ConstantInts(size_t i, const char* what) const {
  const Symbol* symbol = input(i);
  if (!symbol || !symbol->is_constant()) {
    return Unsupported("input ", i, " (", what, ") ", symbol ? "is computed" : "is missing",
                       "; it must be constant (simplify the model, e.g. with onnxsim, or fix the input shapes)");
  }
  if (!IsInteger(symbol->type.element)) {
    return Unsupported("input ", i, " (", what, ") has element type ", ElementTypeName(symbol->type.element),
                       "; it must be an integer type");
  }
  if (symbol->rank() > 1) {
    return Unsupported("input ", i, " (", what, ") has rank ", symbol->rank(), "; it must be 0 or 1");
  }
  Ints values(static_cast<size_t>(symbol->constant->elements()));
  for (size_t k = 0; k < values.size(); ++k) values[k] = symbol->constant->AsInt(static_cast<int64_t>(k));
  return values;
}

absl::StatusOr<std::vector<double>> Lowering::ConstantReals(size_t i, const char* what) const {
  const Symbol* symbol = input(i);
  if (!symbol || !symbol->is_constant()) {
    return Unsupported("input ", i, " (", what, ") ", symbol ? "is computed" : "is missing", "; it must be constant");
  }
  std::vector<double> values(static_cast<size_t>(symbol->constant->elements()));
  for (size_t k = 0; k < values.size(); ++k) values[k] = symbol->constant->AsDouble(static_cast<int64_t>(k));
  return values;
}

absl::Status Lowering::CheckRank(size_t i, int64_t least, int64_t most) const {
  const int64_t rank = inputs_[i]->rank();
  if (rank >= least && rank <= most) return absl::OkStatus();
  return Unsupported("input ", i, " [", ShapeText(shape(i)), "] has rank ", rank, "; supported: ", least,
                     least == most ? "" : absl::StrCat(" to ", most));
}

absl::Status Lowering::CheckNotEmpty() const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i] && Elements(inputs_[i]->shape()) == 0) {
      return Unsupported("input ", i, " [", ShapeText(shape(i)), "] has no elements; only the operators of shape ",
                         "arithmetic take empty tensors");
    }
  }
  return absl::OkStatus();
}

const onnx::AttributeProto* Lowering::Find(const char* name) const {
  for (const auto& attribute : node_.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

int64_t Lowering::Int(const char* name, int64_t otherwise) const {
  const auto* attribute = Find(name);
  return attribute ? attribute->i() : otherwise;
}

float Lowering::Float(const char* name, float otherwise) const {
  const auto* attribute = Find(name);
  return attribute ? attribute->f() : otherwise;
}

std::string Lowering::String(const char* name, const char* otherwise) const {
  const auto* attribute = Find(name);
  return attribute ? attribute->s() : otherwise;
}

Ints Lowering::IntList(const char* name) const {
  const auto* attribute = Find(name);
  return attribute ? Ints(attribute->ints().begin(), attribute->ints().end()) : Ints();
}

Floats Lowering::FloatList(const char* name) const {
  const auto* attribute = Find(name);
  return attribute ? Floats(attribute->floats().begin(), attribute->floats().end()) : Floats();
}

std::vector<std::string> Lowering::StringList(const char* name) const {
  const auto* attribute = Find(name);
  return attribute ? std::vector<std::string>(attribute->strings().begin(), attribute->strings().end())
                   : std::vector<std::string>();
}

absl::StatusOr<Tensor> Lowering::TensorOf(const char* name) const { return TensorOfProto(Find(name)->t(), folder_); }

absl::StatusOr<Tensor> Lowering::SparseTensorOf(const char* name) {
  MCUC_ASSIGN_OR_RETURN(Tensor tensor, TensorOfProto(Find(name)->sparse_tensor(), folder_));
  MCUC_RETURN_IF_ERROR(Reserve(tensor.type()));
  return tensor;
}

absl::StatusOr<Ints> Lowering::IntsWithin(const char* name, size_t n, int64_t least, int64_t most,
                                          int64_t otherwise) const {
  if (!Has(name)) return Ints(n, otherwise);
  Ints values = IntList(name);
  if (values.size() != n) return Unsupported(name, " has ", values.size(), " entries; it must have ", n);
  for (int64_t value : values) {
    if (value < least || value > most) {
      return Unsupported(name, " holds ", value, "; supported: ", least, " to ", most);
    }
  }
  return values;
}

absl::StatusOr<bool> Lowering::Flag(const char* name, bool otherwise) const {
  const int64_t value = Int(name, otherwise);
  if (value != 0 && value != 1) return Unsupported(name, " = ", value, "; it must be 0 or 1");
  return value != 0;
}

absl::StatusOr<std::optional<Ints>> Lowering::AxesOf(const char* name, int64_t since, size_t i) const {
  if (opset_ < since) return Has(name) ? std::optional<Ints>(IntList(name)) : std::nullopt;
  if (!input(i)) return std::optional<Ints>();
  MCUC_ASSIGN_OR_RETURN(Ints values, ConstantInts(i, name));
  return std::optional<Ints>(std::move(values));
}

absl::StatusOr<Symbol*> Lowering::AddTyped(Attributes attrs, std::vector<Symbol*> operands, Type result) {
  // A constant that the model dequantizes goes on being int8 where integers can compute with it: in a sum, a product or
  // a concatenation with what is dequantized too.
  const auto* binary = std::get_if<BinaryAttrs>(&attrs);
  if (std::holds_alternative<ConcatAttrs>(attrs) ||
      (binary && (binary->fn == BinaryFn::add || binary->fn == BinaryFn::sub || binary->fn == BinaryFn::mul))) {
    if (std::any_of(operands.begin(), operands.end(), [](const Symbol* x) { return x->dequantized; })) {
      for (Symbol*& operand : operands) {
        if (!operand->quantized || !operand->quantized->type.quant->per_tensor()) continue;
        operand = module_.AddDequantize(operand->quantized, loc_);
        operand->hint = node_.output_size() > 0 ? node_.output(0) : "";
      }
    }
  }
  const bool shifted = !operands.empty() && operands[0]->shifted && result.element == ElementType::i8;
  auto symbol = module_.Add(std::move(attrs), std::move(operands), std::move(result), loc_);
  if (symbol.ok() && (*symbol)->hint.empty()) (*symbol)->hint = node_.output_size() > 0 ? node_.output(0) : "";
  if (symbol.ok() && (*symbol)->type.quant) (*symbol)->shifted = shifted;
  return symbol;
}

absl::StatusOr<Symbol*> Lowering::AddShaped(Attributes attrs, std::vector<Symbol*> operands, Shape shape) {
  Type result{operands[0]->type.element, std::move(shape), operands[0]->type.quant};
  return AddTyped(std::move(attrs), std::move(operands), std::move(result));
}

absl::StatusOr<Symbol*> Lowering::Add(Attributes attrs, std::vector<Symbol*> operands) {
  return AddShaped(std::move(attrs), std::move(operands), {});
}

absl::Status Lowering::Reserve(const Type& type) {
  if (module_.Reserve(type.bytes())) return absl::OkStatus();
  return Unsupported("a constant of [", ShapeText(type.shape), "] (", type.bytes(),
                     " bytes) exceeds what may be computed ", "at import: ", kMaxFoldedBytes, " bytes each, ",
                     kMaxAllFoldedBytes, " in all");
}

Symbol* Lowering::Constant(Tensor tensor, const std::string& name) {
  Symbol* symbol = module_.NewConstant(name, std::move(tensor));
  symbol->hint = node_.output_size() > 0 ? node_.output(0) : "";
  return symbol;
}

absl::StatusOr<Symbol*> Lowering::Empty(ElementType element, Shape shape) {
  MCUC_RETURN_IF_ERROR(CheckedHostElements(shape).status());
  return Constant(Tensor(Type{element, std::move(shape)}));
}

Symbol* Lowering::Scalar(double value, ElementType element) {
  Tensor tensor(Type{element, {}});
  tensor.Set(0, value);
  return Constant(std::move(tensor));
}

absl::StatusOr<Symbol*> Lowering::Reshape(Symbol* x, Shape shape) {
  if (x->shape() == shape) return x;
  MCUC_ASSIGN_OR_RETURN(const int64_t elements, CheckedHostElements(shape));
  if (elements == 0 && Elements(x->shape()) == 0) return Empty(x->type.element, std::move(shape));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, AddShaped(ReshapeAttrs{}, {x}, std::move(shape)));
  if (y->is_constant() && y->name.empty()) y->name = x->name;
  if (y->is_constant() && x->quantized && !y->quantized)
    y->quantized = ReshapedQuantized(*this, *x->quantized, y->shape());
  return y;
}

absl::StatusOr<Symbol*> Lowering::Transpose(Symbol* x, Ints perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return x;
  MCUC_ASSIGN_OR_RETURN(Symbol * y, Add(TransposeAttrs{.perm = perm}, {x}));
  if (y->is_constant() && y->name.empty()) y->name = x->name;  // transposed weights keep their name
  if (y->is_constant() && x->quantized && !y->quantized) y->quantized = TransposedQuantized(*this, *x->quantized, perm);
  return y;
}

Lowering Lowering::WithOpset(std::vector<Symbol*> inputs, int64_t opset) const {
  return Lowering(module_, node_, opset, loc_, std::move(inputs), output_used_, diagnostics_, where_, folder_,
                  inliner_);
}

absl::StatusOr<Symbol*> Lowering::Run(const char* op, std::vector<Symbol*> inputs, int64_t opset) {
  const Operator* row = FindOperator(op, opset);
  if (!row) return absl::InternalError(absl::StrCat("no operator ", op, " of opset ", opset));
  Lowering other = WithOpset(std::move(inputs), opset);
  MCUC_RETURN_IF_ERROR(row->lower(other));
  return other.outputs_[0];
}

absl::StatusOr<std::vector<Symbol*>> Lowering::Inline(const char* name, const std::vector<Symbol*>& inputs) {
  if (!Has(name)) return Unsupported(name, " is missing");
  return inliner_.Inline(Find(name)->g(), inputs);
}

absl::StatusOr<Symbol*> Lowering::Cast(Symbol* x, ElementType element) {
  if (x->type.element == element) return x;
  if (Elements(x->shape()) == 0) return Constant(Tensor(Type{element, x->shape()}));
  return AddTyped(CastAttrs{}, {x}, Type{element, {}});
}

absl::Status Lowering::Return(Symbol* symbol, size_t i) {
  if (i < outputs_.size()) outputs_[i] = symbol;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> NormalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    return Unsupported("axis ", axis, " is outside [", -rank, ", ", rank, ") for rank ", rank);
  }
  return axis < 0 ? axis + rank : axis;
}

absl::StatusOr<Ints> NormalizeAxes(const Ints& axes, int64_t rank) {
  Ints result;
  for (int64_t axis : axes) {
    MCUC_ASSIGN_OR_RETURN(const int64_t normal, NormalizeAxis(axis, rank));
    result.push_back(normal);
  }
  std::sort(result.begin(), result.end());
  const auto twice = std::adjacent_find(result.begin(), result.end());
  if (twice != result.end()) return Unsupported("axis ", *twice, " is listed twice");
  return result;
}

}  // namespace mcuc::importer
