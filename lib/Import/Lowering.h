// What a lowering of an ONNX operator works with. A model's names stand for symbols: values that will be computed, or
// constants held by the importer. A lowering reads its node's inputs and attributes, adds operations of the IR and
// binds the node's outputs. Operations of constants only are computed at once, so shape arithmetic leaves no trace.
#ifndef MCUC_LIB_IMPORT_LOWERING_H
#define MCUC_LIB_IMPORT_LOWERING_H

#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Ops.h"
#include "mcuc/IR/Tensor.h"
#include "mcuc/Support/Diagnostic.h"

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace mcuc {
class Value;
}

namespace mcuc::importer {

#define MCUC_RETURN_IF_ERROR(expression) \
  if (absl::Status status_ = (expression); !status_.ok()) return status_
#define MCUC_JOIN_(a, b) a##b
#define MCUC_JOIN(a, b) MCUC_JOIN_(a, b)
// MCUC_ASSIGN_OR_RETURN(Symbol * y, Add(…));
#define MCUC_ASSIGN_OR_RETURN(declaration, expression) \
  MCUC_ASSIGN_OR_RETURN_(MCUC_JOIN(or_, __LINE__), declaration, expression)
#define MCUC_ASSIGN_OR_RETURN_(temporary, declaration, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) return temporary.status();                  \
  declaration = *std::move(temporary)

// A lowering's error: what is wrong with the node and what would be right.
template <typename... Args>
absl::Status Unsupported(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// What a name of the model stands for.
struct Symbol {
  std::string name;                // the model's; empty for intermediate results
  std::string hint;                // of those: the output of the model's node that they belong to
  Type type;                       // of a constant, dimensions may be 0: such a tensor never reaches the graph
  std::optional<Tensor> constant;  // known at import
  // Of a float constant that the model dequantizes: its int8 form, of a quantized type.
  Symbol* quantized = nullptr;
  Symbol* as_int8 = nullptr;  // of a quantized uint8 tensor: the same as int8, once that is computed
  // Of integers that stand for the model's strings: those strings, by index.
  std::vector<std::string> strings;
  bool shifted = false;      // int8 values that are the model's uint8 less 128
  bool dequantized = false;  // the result of a dequantize operation
  bool poisoned = false;     // its node was reported: what depends on it stays silent
  Value* value = nullptr;    // once it is in the graph

  bool is_constant() const { return constant.has_value(); }
  const Shape& shape() const { return type.shape; }
  int64_t rank() const { return type.rank(); }
};

// An operation of the graph to be.
struct PendingNode {
  Attributes attrs;
  std::vector<Symbol*> operands;
  Symbol* result;
  std::string loc;
};

// The model's symbols and operations as import goes on. Symbols live as long as it and do not move.
class Module {
 public:
  Symbol* NewSymbol(std::string name, Type type);
  Symbol* NewConstant(std::string name, Tensor tensor);

  // The result of an operation, checked (InferShape, VerifyGraph). Computed at once where every operand is constant,
  // and once only for equal operations on the same constants: layers that share weights go on sharing them. `result`:
  // element type and, where the operation leaves it open, shape.
  absl::StatusOr<Symbol*> Add(Attributes attrs, std::vector<Symbol*> operands, Type result, const std::string& loc);
  // A copy of x under a name of its own.
  Symbol* AddIdentity(Symbol* x, std::string name, const std::string& loc);
  // int8 values as the model's uint8, 128 more.
  Symbol* AddUnsigned(Symbol* x, std::string name);
  // The dequantize operation of an int8 constant, which is not computed at once.
  Symbol* AddDequantize(Symbol* x, const std::string& loc);

  // Gives integers that are only moved from a graph input to here a quantized type, back to that input. False: they
  // are computed, or something else reads them as integers.
  bool Retype(Symbol* x, const Quantization& quant);

  // Takes `bytes` out of what constants computed at import may occupy; false: too many.
  bool Reserve(int64_t bytes);

  const std::vector<PendingNode>& nodes() const { return nodes_; }

 private:
  const PendingNode* NodeOf(const Symbol* x) const;

  std::deque<Symbol> symbols_;
  std::vector<PendingNode> nodes_;
  std::vector<PendingNode> folded_;  // the operations computed at once
  int64_t folded_bytes_ = 0;
};

struct Operator;

// Lowers a graph within a node that is being lowered: the body of a loop, a branch.
class Inliner {
 public:
  virtual ~Inliner() = default;
  // The graph's outputs for these inputs. Names that it does not define are those around it.
  virtual absl::StatusOr<std::vector<Symbol*>> Inline(const onnx::GraphProto& graph,
                                                      const std::vector<Symbol*>& inputs) = 0;
};

// One node of the model being lowered. Its operator's row has been checked: every attribute is one of the row's, of the
// row's type, and the number of inputs and outputs is within the row's; no input is poisoned.
class Lowering {
 public:
  Lowering(Module& module, const onnx::NodeProto& node, int64_t opset, std::string loc, std::vector<Symbol*> inputs,
           std::vector<bool> output_used, Diagnostics& diagnostics, Location where, std::string folder,
           Inliner& inliner);

  int64_t opset() const { return opset_; }  // of the default domain

  // Inputs.
  size_t inputs() const { return inputs_.size(); }
  Symbol* input(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }  // null: absent
  const Shape& shape(size_t i) const { return inputs_[i]->shape(); }
  // A constant integer tensor's elements; `what` names it in the error.
  absl::StatusOr<Ints> ConstantInts(size_t i, const char* what) const;
  // A constant tensor's elements as double.
  absl::StatusOr<std::vector<double>> ConstantReals(size_t i, const char* what) const;
  // Error unless the input's rank is within [least, most].
  absl::Status CheckRank(size_t i, int64_t least, int64_t most) const;
  // Error for an input of 0 elements, which only constants can have.
  absl::Status CheckNotEmpty() const;

  // Attributes, with their defaults.
  bool Has(const char* name) const { return Find(name) != nullptr; }
  int64_t Int(const char* name, int64_t otherwise) const;
  float Float(const char* name, float otherwise) const;
  std::string String(const char* name, const char* otherwise) const;
  Ints IntList(const char* name) const;  // empty where absent
  Floats FloatList(const char* name) const;
  std::vector<std::string> StringList(const char* name) const;
  absl::StatusOr<Tensor> TensorOf(const char* name) const;  // must be there
  absl::StatusOr<Tensor> SparseTensorOf(const char* name);  // must be there; dense form
  // `n` integers within [least, most], each `otherwise` where the attribute is absent.
  absl::StatusOr<Ints> IntsWithin(const char* name, size_t n, int64_t least, int64_t most, int64_t otherwise) const;
  // 0 or 1.
  absl::StatusOr<bool> Flag(const char* name, bool otherwise) const;
  // The integers of an attribute, or since `since` of input i. Nothing where both are absent.
  absl::StatusOr<std::optional<Ints>> AxesOf(const char* name, int64_t since, size_t i) const;

  // Operations. The element type and quantization are those of the first operand.
  absl::StatusOr<Symbol*> Add(Attributes attrs, std::vector<Symbol*> operands);
  absl::StatusOr<Symbol*> AddShaped(Attributes attrs, std::vector<Symbol*> operands, Shape shape);
  absl::StatusOr<Symbol*> AddTyped(Attributes attrs, std::vector<Symbol*> operands, Type result);
  // An error where the type takes more than is left for constants computed at import.
  absl::Status Reserve(const Type& type);
  Symbol* Constant(Tensor tensor, const std::string& name = "");
  absl::StatusOr<Symbol*> Empty(ElementType element, Shape shape);  // a constant of 0 elements
  Symbol* Scalar(double value, ElementType element);
  // These three add nothing where nothing would change.
  absl::StatusOr<Symbol*> Reshape(Symbol* x, Shape shape);
  absl::StatusOr<Symbol*> Transpose(Symbol* x, Ints perm);
  absl::StatusOr<Symbol*> Cast(Symbol* x, ElementType element);
  // What another operator of the table makes of these inputs with this node's attributes, as of an opset.
  absl::StatusOr<Symbol*> Run(const char* op, std::vector<Symbol*> inputs, int64_t opset);
  // The same node with other inputs.
  Lowering With(std::vector<Symbol*> inputs) const { return WithOpset(std::move(inputs), opset_); }
  bool Retype(Symbol* x, const Quantization& quant) { return module_.Retype(x, quant); }
  // The outputs of the graph that an attribute holds, which must be there.
  absl::StatusOr<std::vector<Symbol*>> Inline(const char* name, const std::vector<Symbol*>& inputs);

  // Outputs.
  bool output_used(size_t i) const { return i < output_used_.size() && output_used_[i]; }
  absl::Status Return(Symbol* symbol, size_t i = 0);
  absl::Status Return(absl::StatusOr<Symbol*> symbol) {
    MCUC_RETURN_IF_ERROR(symbol.status());
    return Return(*symbol);
  }
  const std::vector<Symbol*>& outputs() const { return outputs_; }

  void Remark(std::string message) { diagnostics_.Remark(where_, std::move(message)); }

 private:
  const onnx::AttributeProto* Find(const char* name) const;
  Lowering WithOpset(std::vector<Symbol*> inputs, int64_t opset) const;

  Module& module_;
  const onnx::NodeProto& node_;
  int64_t opset_;
  std::string loc_;
  std::vector<Symbol*> inputs_;
  std::vector<bool> output_used_;
  std::vector<Symbol*> outputs_;
  Diagnostics& diagnostics_;
  Location where_;
  std::string folder_;  // of the model, for external data
  Inliner& inliner_;
};

// A row of the table of operators.
struct Operator {
  const char* name;
  int64_t since, until;  // the opsets it is lowered for
  size_t min_inputs, max_inputs;
  size_t max_outputs;      // further outputs may be named but not used
  const char* attributes;  // "name:t …"; t: i INT, f FLOAT, s STRING, t TENSOR, p SPARSE_TENSOR, g GRAPH; I F S lists
  absl::Status (*lower)(Lowering&);
};

inline constexpr int64_t kMinOpset = 1;
inline constexpr int64_t kMaxOpset = 22;
inline constexpr size_t kAny = SIZE_MAX;

// The table's parts, a family a file.
std::span<const Operator> ConvolutionOperators();
std::span<const Operator> PoolOperators();
std::span<const Operator> MatrixOperators();
std::span<const Operator> ElementwiseOperators();
std::span<const Operator> NormalizationOperators();
std::span<const Operator> ReductionOperators();
std::span<const Operator> ShapeOperators();
std::span<const Operator> SliceOperators();
std::span<const Operator> ConstantOperators();
std::span<const Operator> ResizeOperators();
std::span<const Operator> QuantizeOperators();
std::span<const Operator> QLinearOperators();
std::span<const Operator> LogicOperators();
std::span<const Operator> ActivationOperators();
std::span<const Operator> ExpandOperators();
std::span<const Operator> IndexOperators();
std::span<const Operator> EinsumOperators();
std::span<const Operator> RecurrentOperators();
std::span<const Operator> SignalOperators();
std::span<const Operator> ControlOperators();
std::span<const Operator> SampleOperators();
std::span<const Operator> TextOperators();
std::span<const Operator> TreeOperators();
std::span<const Operator> ClassicalOperators();

// The table: families with what their operators have in common (docs/operators.md).
struct Family {
  const char *title, *note;
  std::span<const Operator> operators;
};
const std::vector<Family>& Families();

// Operators of the domain com.microsoft (ONNX Runtime's) have it before their names.
inline constexpr char kMicrosoft[] = "com.microsoft";
// Those of the domain ai.onnx.ml (classical models) likewise.
inline constexpr char kClassical[] = "ai.onnx.ml";
// Whether the operator moves or compares the integers of quantized tensors, or has their scale among its inputs.
bool TakesQuantized(const std::string& name);

// Whether the operator moves the integers that stand for strings, or maps them to others.
bool MovesStrings(const std::string& name);
bool MapsStrings(const std::string& name);

// The row of an operator for an opset; null: none.
const Operator* FindOperator(const std::string& name, int64_t opset);
// The opsets in which an operator is lowered, "7 to 9"; empty: in none.
std::string OpsetsOf(const std::string& name);

// An axis counted from the end where negative; an error outside [-rank, rank).
absl::StatusOr<int64_t> NormalizeAxis(int64_t axis, int64_t rank);
// Axes ascending, each once.
absl::StatusOr<Ints> NormalizeAxes(const Ints& axes, int64_t rank);

// What one constant computed at import, or expanded from a compact form, may occupy; and all of them together.
inline constexpr int64_t kMaxFoldedBytes = int64_t{1} << 26;
inline constexpr int64_t kMaxAllFoldedBytes = int64_t{1} << 28;

inline constexpr size_t kMaxRank = 32;

// The product of dimensions, which may be 0 (of constants); an error for negative ones, over kMaxElements or over
// kMaxRank dimensions.
absl::StatusOr<int64_t> CheckedHostElements(const Shape& shape);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_LOWERING_H
