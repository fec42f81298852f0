// What the lowering of each operation to C is written with: an Emission collects the kernels, the `static const` tables
// and the statements of run(), and gives each value a C expression. One table (Lowering.cpp) says which function lowers
// which operation; the plain (float and other unquantized) and the quantized lowering of an operation are two
// functions in two files.
//
// To add a lowering: write `absl::Status LowerFoo(const Node&, Emission&)`, declare it here, name it in the table.
#ifndef MCUC_LIB_EMIT_LOWERING_H
#define MCUC_LIB_EMIT_LOWERING_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "Names.h"
#include "absl/status/status.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

// The file of runtime/ by this name; "" if there is none. For a name in _f64.h the one in _f32.h with double for float;
// for a name that ends in another gap and value code than _u8_i8.h the one of that name with the readers of these
// codes.
std::string RuntimeFileText(const std::string& name);

// C literals that read back to the same value.
std::string FloatLiteral(float value);    // "0.5f", "1.0f", "INFINITY", "NAN"
std::string DoubleLiteral(double value);  // "0.5", "1.0"
std::string IntLiteral(int64_t value);    // "-128", "INT64_MIN"
std::string ElementLiteral(const Tensor& tensor, int64_t index);
// A number with its thousands apart, for comments: "117,600".
std::string Thousands(int64_t value);
// Text for a comment: nothing in it can end the comment, nest one or form a trigraph.
std::string CommentText(const std::string& text);

class Emission {
 public:
  Emission(const Graph& graph, Namer names, std::map<const Value*, std::string> parameters, std::string arena);

  const Graph& graph() const { return graph_; }

  // --- Kernels. Use("conv_f32.h"): that file of runtime/ is emitted, once, after those it includes.
  // Use("tanh_f64.h"): made from runtime/tanh_f32.h with double for float.
  // Use("<string.h>"): a standard header that statements need (those of kernel files are found by themselves).
  void Use(const std::string& runtime_file);

  // --- Tables, at file scope before run(). Each returns the table's C name, made from the hint.
  // A dense constant, row-major, as it is; a constant of several nodes is one table.
  std::string Constant(const Value& constant);
  // `static const TYPE name[N] = {…}` of literals; bytes_each counts towards the layer's bytes in its comment.
  std::string Table(const std::string& hint, const std::string& c_type, int64_t bytes_each,
                    const std::vector<std::string>& literals);
  std::string Table(const std::string& hint, std::span<const int8_t> values);
  std::string Table(const std::string& hint, std::span<const uint8_t> values);
  std::string Table(const std::string& hint, std::span<const int16_t> values);
  std::string Table(const std::string& hint, std::span<const uint16_t> values);
  std::string Table(const std::string& hint, std::span<const int32_t> values);
  std::string Table(const std::string& hint, std::span<const float> values);
  // `static const TYPE name = {.field = text, …};` (a kernel's parameters). Returns "&name".
  using Fields = std::vector<std::pair<std::string, std::string>>;
  std::string Struct(const std::string& hint, const std::string& c_type, const Fields& fields);
  // The start of a hint for the current node's own tables: its loc, else its result's name. "conv1" + "_params".
  std::string NodeName() const;

  // --- Addresses: an expression of type pointer to the value's C element type; of a constant, its table.
  std::string Read(const Value& value);
  // The result's place, to be written. Declares its local pointer in run() at the first call.
  std::string Write(const Value& value);
  // Both values surely have the same address at run time.
  bool SamePlace(const Value& a, const Value& b) const;

  // --- Statements of run(), in order.
  void Line(const std::string& text);  // one line at the current depth, e.g. a whole statement with its `;`
  void Open(const std::string& text);  // "for (…)": adds " {" and goes one deeper
  void Close();                        // "}"
  void Call(const std::string& function, const std::vector<std::string>& arguments);  // broken at 120 columns
  // The name of a loop variable for this depth: i, j, k, …; clashes with nothing.
  std::string LoopVariable(int depth);
  // `for (int32_t i = 0; i < count; ++i) {`; returns the variable.
  std::string OpenLoop(int depth, int64_t count);
  // A name for a local variable (declared by the caller).
  std::string Local(const std::string& hint);
  // An array of at least `elements` on the stack of run(), one for all layers: what a kernel works with.
  std::string Scratch(const std::string& c_type, int64_t elements);
  // A pointer into the arena.
  std::string Arena(const std::string& c_type, int64_t offset);

  // --- For nodes that run step by step (Steps.cpp).
  // Reads and writes of this value, which is in no graph that is emitted, are by this expression.
  void Bind(const Value& value, const std::string& expression) { locals_[&value] = expression; }
  void Keep(std::unique_ptr<Graph> graph) { kept_.push_back(std::move(graph)); }  // its values are bound
  // The index of the first output channel that is computed, for tables that have an element each; "" for 0.
  void set_channel(const std::string& channel) { channel_ = channel; }
  const std::string& channel() const { return channel_; }

  // --- For EmitC.
  void BeginNode(const Node& node, int depth = 1);
  struct NodeText {
    const Node* node = nullptr;
    int depth = 1;
    std::vector<std::string> tables;
    std::vector<std::string> lines;  // indented for the body of run()
    int64_t table_bytes = 0;
  };
  const std::vector<NodeText>& nodes() const { return texts_; }
  const std::vector<std::string>& runtime_files() const { return runtime_files_; }
  std::string ScratchDeclarations() const;  // lines for the head of run()
  bool uses_arena() const { return uses_arena_; }
  const absl::Status& status() const { return status_; }  // the first failure of a call without a status of its own

 private:
  struct Root {  // where a value's storage is found
    const Value* value = nullptr;
  };
  const Value* RootOf(const Value& value) const;
  std::string AddTable(const std::string& hint, const std::string& c_type, int64_t bytes_each,
                       const std::vector<std::string>& literals);
  NodeText& current() { return texts_.back(); }
  void Fail(const std::string& message);

  const Graph& graph_;
  Namer names_;
  std::map<const Value*, std::string> parameters_;  // graph inputs and outputs
  std::map<const Value*, std::string> locals_;      // results with a local pointer, constants with a table
  std::string arena_;                               // the local `uint8_t *` of run()
  std::vector<std::string> loop_variables_;
  struct ScratchArray {
    std::string name;
    int64_t elements = 0;
  };
  std::map<std::string, ScratchArray> scratch_;  // by C type
  std::vector<NodeText> texts_;
  std::vector<std::unique_ptr<Graph>> kept_;
  std::string channel_;
  std::vector<std::string> runtime_files_;
  std::set<std::string> runtime_seen_;
  int depth_ = 1;
  bool uses_arena_ = false;
  absl::Status status_;
};

// How a node is lowered, derived from its types.
enum class LoweringKind : uint8_t {
  kPlain,      // nothing quantized or encoded in it: float, and the moves and integers of unquantized types
  kQuantized,  // some operand or the result is quantized (a conv with float x and int8 weights, N20, included), or
               // its weights are encoded
};
LoweringKind LoweringKindOf(const Node& node);

// The table.
using LowerFn = absl::Status (*)(const Node& node, Emission& out);
absl::Status LowerNode(const Node& node, Emission& out);
absl::Status LowerBody(const Node& node, Emission& out);  // within the text of a node that has begun
// The nodes of a turn of the trace (mcuc/IR/Walk.h): one that runs as a whole or step by step, or several that take
// turns.
absl::Status LowerTurn(const std::vector<Node*>& nodes, const Trace& trace, Emission& out);

// --- lib/Emit/Float*.cpp, lib/Emit/Moves.cpp: unquantized; the moves serve quantized values too.
absl::Status LowerConvFloat(const Node& node, Emission& out);
absl::Status LowerConvTransposeFloat(const Node& node, Emission& out);
absl::Status LowerFcFloat(const Node& node, Emission& out);
absl::Status LowerMatMulFloat(const Node& node, Emission& out);
absl::Status LowerPoolFloat(const Node& node, Emission& out);  // max_pool, avg_pool
absl::Status LowerReducePlain(const Node& node, Emission& out);
absl::Status LowerUnaryPlain(const Node& node, Emission& out);
absl::Status LowerBinaryPlain(const Node& node, Emission& out);
absl::Status LowerSoftmaxFloat(const Node& node, Emission& out);
absl::Status LowerArgReduce(const Node& node, Emission& out);
absl::Status LowerCompare(const Node& node, Emission& out);
absl::Status LowerSelect(const Node& node, Emission& out);
absl::Status LowerExpand(const Node& node, Emission& out);
absl::Status LowerScatter(const Node& node, Emission& out);
absl::Status LowerCumSum(const Node& node, Emission& out);
absl::Status LowerTopK(const Node& node, Emission& out);
absl::Status LowerTrees(const Node& node, Emission& out);
absl::Status LowerRecurrent(const Node& node, Emission& out);  // quantized and encoded weights too
absl::Status LowerDistance(const Node& node, Emission& out);
absl::Status LowerCouple(const Node& node, Emission& out);
absl::Status LowerResizePlain(const Node& node, Emission& out);
absl::Status LowerResizeNearest(const Node& node, Emission& out);  // any element type
absl::Status LowerCast(const Node& node, Emission& out);
absl::Status LowerCopy(const Node& node, Emission& out);  // reshape, identity
absl::Status LowerTranspose(const Node& node, Emission& out);
absl::Status LowerConcatMove(const Node& node, Emission& out);  // operands of the result's quantization
absl::Status LowerSlice(const Node& node, Emission& out);
absl::Status LowerPad(const Node& node, Emission& out);
absl::Status LowerGather(const Node& node, Emission& out);

// a fn b of an unquantized element type; a and b are expressions without side effects.
std::string BinaryExpression(Emission& out, BinaryFn fn, ElementType element, const std::string& a,
                             const std::string& b);
// fn(x) of a float type, x an expression without side effects; a conditional expression is not in parentheses.
std::string RealFunction(Emission& out, UnaryFn fn, ElementType element, const std::string& x, float alpha, float beta);
// y = w x + bias of one row of float32, for weights of f32 or int8 (N20) in any encoding; bias: "0" for none, may be y.
void CallFloatFc(Emission& out, const std::string& hint, const Value& w, const std::string& x, const std::string& bias,
                 const std::string& y);
// The bounds of an activation as literals of a float type: "0.0f", "INFINITY".
std::pair<std::string, std::string> ActBounds(const Act& act, ElementType element = ElementType::f32);
// Adds a `static const struct mcuc_conv` (runtime/conv.h) for a conv with its fused pool; returns "&name".
std::string ConvShape(const Node& node, Emission& out);
// The same for a max_pool or avg_pool: struct mcuc_pool (runtime/pool.h).
std::string PoolShape(const Node& node, Emission& out);

// --- Loops (Loops.cpp).
// How an array is walked: its index is offset + the sum over dimensions of strides[d] * i_d or, where tables[d] names a
// table, of tables[d][i_d].
struct Access {
  int64_t offset = 0;
  std::vector<int64_t> strides;
  std::vector<std::string> tables;  // empty, or one a dimension, "" for none
};
Access AccessOf(const Shape& shape);  // row-major
// `shape` broadcast from the right against `result`: stride 0 where it is repeated.
Access BroadcastAccess(const Shape& shape, const Shape& result);
// Drops dimensions of 1 and merges adjacent dimensions that every array walks as one.
void Collapse(Shape& dims, std::vector<Access>& arrays);
// Nested loops over dims, collapsed, from loop variable `depth` on. `body(index, next_depth)`: index[a] is the index
// expression into array a.
void Loops(Emission& out, int depth, Shape dims, std::vector<Access> arrays,
           const std::function<void(const std::vector<std::string>& index, int next_depth)>& body);
// y[…] = x[…] over dims, by memcpy where a run of elements is contiguous in both.
void CopyLoops(Emission& out, ElementType element, const std::string& y, const std::string& x, Shape dims, Access to,
               Access from);
// Elementwise loops over the result with operands broadcast against it from the right. `body(y, x)`: y the index
// expression into the result, x[i] that into operand i.
void BroadcastLoops(Emission& out, const Shape& result, const std::vector<Shape>& operands,
                    const std::function<void(const std::string& y, const std::vector<std::string>& x)>& body);
// "x + 12", for an array argument that starts at an index expression.
std::string Offset(const std::string& pointer, const std::string& index);
// A table of indices, of the narrowest type in which sums of indices into `elements` elements cannot overflow.
std::string IndexTable(Emission& out, const std::string& hint, const std::vector<int64_t>& indices, int64_t elements);

// --- lib/Emit/Integer*.cpp: quantized and encoded.
absl::Status LowerConvQuantized(const Node& node, Emission& out);
absl::Status LowerFcQuantized(const Node& node, Emission& out);
absl::Status LowerPoolQuantized(const Node& node, Emission& out);  // max_pool, avg_pool
absl::Status LowerReduceQuantized(const Node& node, Emission& out);
absl::Status LowerUnaryQuantized(const Node& node, Emission& out);
absl::Status LowerBinaryQuantized(const Node& node, Emission& out);
absl::Status LowerSoftmaxQuantized(const Node& node, Emission& out);
absl::Status LowerLut(const Node& node, Emission& out);
absl::Status LowerConcatQuantized(const Node& node, Emission& out);
absl::Status LowerResizeQuantized(const Node& node, Emission& out);
absl::Status LowerQuantize(const Node& node, Emission& out);
absl::Status LowerDequantize(const Node& node, Emission& out);
absl::Status LowerRequantize(const Node& node, Emission& out);

}  // namespace mcuc

#endif  // MCUC_LIB_EMIT_LOWERING_H
