// The graph: the one form of a model from import to emission. A Graph owns its nodes, values and constants; every other
// pointer to them is non-owning. Node order is the schedule. What passes decide (quantization, encodings, fused
// operations, multipliers, placements) is in the graph, so that it can be printed, read back and continued from.
#ifndef MCUC_IR_GRAPH_H
#define MCUC_IR_GRAPH_H

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcuc/IR/Ops.h"
#include "mcuc/IR/Tensor.h"
#include "mcuc/IR/Type.h"

namespace mcuc {

class Node;
class Graph;

enum class ValueKind : uint8_t {
  kInput,     // a parameter of the graph, %name
  kConstant,  // read-only data in flash, @name
  kResult,    // computed by a node, %name
};

class Value;

// Where a computed value or, under --io-in-arena, an input or output lies. Text: `in arena+1024`, `in %y`.
struct Placement {
  std::optional<int64_t> arena_offset;  // bytes from the arena's start
  const Value* storage_of = nullptr;    // else: shares the whole storage of this graph input or output

  bool operator==(const Placement&) const = default;
};

// How the elements of a value of 1 x C x H x W lie in its place in the arena: in stripes of some of its rows, each
// C x rows x W, one behind the other; or row-major (rows = 0). With `slots`, only that many stripes have a place, and
// stripe i is in slot i modulo slots, over those before it. Text: `in arena+1024 rows 4 slots 3`.
struct Stripes {
  int64_t rows = 0;   // divides H, but of what lies row-planar
  int64_t slots = 0;  // 0: as many as there are stripes

  bool operator==(const Stripes&) const = default;
};

// The order of the elements of a value of 1 x C x H x W: planar, C x H x W, or row-planar, H x C x W, where the rows of
// all channels are contiguous. With a window, only that many rows at a time have a place: those that the one conv that
// reads the value needs next, with its padding around them, window x C x (left + W + right); they move up as it goes
// on. Text: `row_planar`, `row_planar window 6 halo 2 2`.
struct Layout {
  bool row_planar = false;
  int64_t window = 0;           // rows; 0: all rows, and no padding
  int64_t left = 0, right = 0;  // columns of padding of a window

  bool operator==(const Layout&) const = default;
};

class Value {
 public:
  const std::string& name() const { return name_; }
  ValueKind kind() const { return kind_; }
  bool is_constant() const { return kind_ == ValueKind::kConstant; }
  bool is_input() const { return kind_ == ValueKind::kInput; }
  // Of a constant: the type of its tensor.
  const Type& type() const { return kind_ == ValueKind::kConstant ? tensor_.type() : type_; }
  void set_type(Type type) { type_ = std::move(type); }  // not for constants
  const Tensor& tensor() const { return tensor_; }       // constants only
  void set_tensor(Tensor tensor) { tensor_ = std::move(tensor); }
  Node* def() const { return def_; }  // the computing node; null for inputs and constants
  const std::optional<Placement>& placement() const { return placement_; }
  void set_placement(std::optional<Placement> placement) { placement_ = placement; }
  const Stripes& stripes() const { return stripes_; }
  void set_stripes(Stripes stripes) { stripes_ = stripes; }
  const Layout& layout() const { return layout_; }
  void set_layout(Layout layout) { layout_ = layout; }
  // "%name" or "@name", quoted where the name is no plain identifier.
  std::string Text() const;

 private:
  friend class Graph;
  std::string name_;
  ValueKind kind_ = ValueKind::kInput;
  Type type_;
  Tensor tensor_;
  Node* def_ = nullptr;
  std::optional<Placement> placement_;
  Stripes stripes_;
  Layout layout_;
};

// One operation; every node has exactly one result.
class Node {
 public:
  Op op() const { return OpOf(attrs_); }
  const char* op_name() const { return OpName(op()); }
  const Attributes& attrs() const { return attrs_; }
  Attributes& attrs() { return attrs_; }
  template <typename T>  // T: ConvAttrs, …; the node must be of that operation
  const T& As() const {
    return std::get<T>(attrs_);
  }
  template <typename T>
  T& As() {
    return std::get<T>(attrs_);
  }
  template <typename T>
  const T* If() const {  // null where the node is of another operation
    return std::get_if<T>(&attrs_);
  }
  template <typename T>
  T* If() {
    return std::get_if<T>(&attrs_);
  }

  const std::vector<Value*>& operands() const { return operands_; }
  Value* operand(size_t i) const { return i < operands_.size() ? operands_[i] : nullptr; }  // null: absent
  void set_operand(size_t i, Value* value) { operands_[i] = value; }
  void set_operands(std::vector<Value*> operands) { operands_ = std::move(operands); }
  Value* result() const { return result_; }
  const std::string& loc() const { return loc_; }  // the name of the model's node it came from; may be empty
  void set_loc(std::string loc) { loc_ = std::move(loc); }

 private:
  friend class Graph;
  Attributes attrs_;
  std::vector<Value*> operands_;
  Value* result_ = nullptr;
  std::string loc_;
};

class Graph {
 public:
  using NodeList = std::list<std::unique_ptr<Node>>;

  explicit Graph(std::string name = "graph") : name_(std::move(name)) {}
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // A deep copy: equal text, own nodes and values.
  std::unique_ptr<Graph> Clone() const;
  // Takes over the other graph's contents (a search's best candidate becomes the graph).
  void Swap(Graph& other) noexcept;

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  const std::string& source() const { return source_; }  // the model's file, for diagnostics; not printed
  void set_source(std::string source) { source_ = std::move(source); }
  std::optional<int64_t> arena_bytes() const { return arena_bytes_; }  // set once buffers are planned
  void set_arena_bytes(std::optional<int64_t> bytes) { arena_bytes_ = bytes; }

  // Names are made unique by a suffix where they are taken: % and @ names are two separate sets.
  Value* AddInput(const std::string& name, Type type);
  Value* AddConstant(const std::string& name, Tensor tensor);
  // Adds a node at the end, or before `before`. Absent optional operands are left out.
  Node* AddNode(Attributes attrs, std::vector<Value*> operands, const std::string& result_name, Type result_type,
                const std::string& loc = "", const Node* before = nullptr);
  // An output is the result of a node and is listed once (Verify). Its name is the model's.
  void AddOutput(Value* value) { outputs_.push_back(value); }

  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<Value*>& outputs() const { return outputs_; }
  const NodeList& nodes() const { return nodes_; }
  std::vector<Value*> constants() const;  // in order of creation
  // Every value: inputs, constants, results in schedule order.
  std::vector<Value*> values() const;
  std::vector<Node*> node_vector() const;  // a snapshot, safe to change the graph under

  bool IsOutput(const Value* value) const;
  std::vector<Node*> Users(const Value* value) const;  // each node once, in schedule order
  bool HasOneUse(const Value* value) const;            // one operand of one node, and not an output

  // Uses of `from` as an operand become uses of `to`. Outputs are untouched.
  void ReplaceOperands(const Value* from, Value* to);
  // Uses of `from`, as an output too, become uses of `to`. Where `from` is an output, `to` takes its name and its place
  // (so it must be a result and not an output itself: see CanReplace). The node computing `from` stays, unused.
  void ReplaceAllUses(Value* from, Value* to);
  bool CanReplace(const Value* from, const Value* to) const;
  // For a rewrite that computes what `a` was named for in `b`. Both are constants, or neither is; no outputs, no
  // inputs.
  void SwapNames(Value* a, Value* b) { a->name_.swap(b->name_); }
  // Makes `to` the output in place of `from` and swaps their names; operands are untouched.
  void ReplaceOutput(Value* from, Value* to);

  void Erase(Node* node);        // and its result, which nothing may use
  void EraseConstant(Value* v);  // which nothing may use
  bool EraseDead();              // nodes that reach no output, constants that nothing reads; true if any
  // Moves a node in the schedule to just before `before` (null: to the end).
  void MoveBefore(Node* node, const Node* before);

 private:
  Value* NewValue(const std::string& name, ValueKind kind);
  std::string UniqueName(const std::string& name, bool constant) const;
  NodeList::iterator Find(const Node* node);

  std::string name_;
  std::string source_;
  std::optional<int64_t> arena_bytes_;
  std::vector<std::unique_ptr<Value>> values_;
  std::vector<Value*> inputs_;
  std::vector<Value*> outputs_;
  NodeList nodes_;
};

// What state a graph is in, derived from it and never stored.
struct GraphState {
  bool quantized = false;  // some value is quantized
  bool floating = false;   // some computed value or graph input is float
  bool encoded = false;    // some constant is encoded
  bool placed = false;     // some value has a placement
};
GraphState StateOf(const Graph& graph);

// Whether an operand holds weights: operand 1 of conv, conv_transpose and fc, the matrices of recurrent.
bool ReadsAsWeights(const Node& node, size_t operand);
// Dense multiply-accumulates of a node (conv, conv_transpose, fc, matmul, recurrent), else 0; a fused pool's windows
// included once each conv output needed. `executed`: only nonzero weights counted.
int64_t MacsOf(const Node& node, bool executed = false);
// The constants that hold a layer's weights, in schedule order.
std::vector<Value*> WeightsOf(const Graph& graph);
// The H x W of a convolution's output before its fused pool.
Pair ConvOutputSize(const ConvAttrs& attrs, const Shape& x, const Shape& w);

}  // namespace mcuc

#endif  // MCUC_IR_GRAPH_H
