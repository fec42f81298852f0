// What an interpreter's step is made of: a kernel an operation, prepared once and run by several threads. Most kernels
// are plain functions over tensors (the functions declared here); float convolutions, products and pools come from
// oneDNN (Library.cpp). Adding an operation: a function here and its row in the table of Kernel.cpp.
#ifndef MCUC_LIB_EXEC_KERNEL_H
#define MCUC_LIB_EXEC_KERNEL_H

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Graph.h"

namespace mcuc::exec {

using Operands = std::vector<const Tensor*>;  // in order, all dense

class Kernel {
 public:
  virtual ~Kernel() = default;
  // `result` is zero-filled, of the node's result type. Run from several threads at once.
  virtual absl::Status Run(const Operands& operands, Tensor& result) const = 0;
};

// `constants`: the operands known when preparing, dense; null for computed ones. They must outlive the kernel.
absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(const Node& node, const Operands& constants);

// oneDNN's kernel for a float32 node; null where the library has none (the plain function then serves).
std::unique_ptr<Kernel> MakeLibraryKernel(const Node& node, const Operands& constants);

// While it lives, oneDNN runs on the calling thread alone: its bits would otherwise depend on the number of threads.
class SingleThreaded {
 public:
  SingleThreaded();
  ~SingleThreaded();
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int threads_;
};

// A plain kernel. The quantization of operands is that of the node's values, not of the tensors passed.
using Function = absl::Status (*)(const Node& node, const Operands& operands, Tensor& result);

// Floats, and other element types by value. Conv and Fc: also float operands with quantized weights (N20).
absl::Status Conv(const Node&, const Operands&, Tensor&);
absl::Status ConvTranspose(const Node&, const Operands&, Tensor&);
absl::Status Fc(const Node&, const Operands&, Tensor&);
absl::Status MatMul(const Node&, const Operands&, Tensor&);
absl::Status MaxPool(const Node&, const Operands&, Tensor&);  // N7 too: quantized values order as their integers do
absl::Status AvgPool(const Node&, const Operands&, Tensor&);
absl::Status Reduce(const Node&, const Operands&, Tensor&);
absl::Status ArgReduce(const Node&, const Operands&, Tensor&);  // of quantized tensors too
absl::Status CumSum(const Node&, const Operands&, Tensor&);
absl::Status Trees(const Node&, const Operands&, Tensor&);
absl::Status Recurrent(const Node&, const Operands&, Tensor&);
absl::Status Distance(const Node&, const Operands&, Tensor&);
absl::Status Couple(const Node&, const Operands&, Tensor&);
absl::Status TopK(const Node&, const Operands&, Tensor&);  // of quantized tensors too
absl::Status Softmax(const Node&, const Operands&, Tensor&);
absl::Status Compare(const Node&, const Operands&, Tensor&);
absl::Status Unary(const Node&, const Operands&, Tensor&);
absl::Status Binary(const Node&, const Operands&, Tensor&);
absl::Status Cast(const Node&, const Operands&, Tensor&);
absl::Status Convert(const Node&, const Operands&, Tensor&);  // quantize, dequantize
absl::Status Resize(const Node&, const Operands&, Tensor&);

// Moves, of any element type, quantized too (N19).
absl::Status Copy(const Node&, const Operands&, Tensor&);  // reshape, identity
absl::Status Transpose(const Node&, const Operands&, Tensor&);
absl::Status Concat(const Node&, const Operands&, Tensor&);
absl::Status Slice(const Node&, const Operands&, Tensor&);
absl::Status Pad(const Node&, const Operands&, Tensor&);
absl::Status Gather(const Node&, const Operands&, Tensor&);
absl::Status Expand(const Node&, const Operands&, Tensor&);
absl::Status Select(const Node&, const Operands&, Tensor&);
absl::Status Scatter(const Node&, const Operands&, Tensor&);               // combines values that are not quantized
void ResizeNearest(const ResizeAttrs& attrs, const Tensor& x, Tensor& y);  // N16

// Quantized tensors by the rules of docs/numerics.md.
absl::Status IntegerConv(const Node&, const Operands&, Tensor&);
absl::Status IntegerFc(const Node&, const Operands&, Tensor&);
absl::Status IntegerAvgPool(const Node&, const Operands&, Tensor&);
absl::Status IntegerReduce(const Node&, const Operands&, Tensor&);
absl::Status IntegerUnary(const Node&, const Operands&, Tensor&);
absl::Status IntegerBinary(const Node&, const Operands&, Tensor&);
absl::Status IntegerSoftmax(const Node&, const Operands&, Tensor&);
absl::Status IntegerLut(const Node&, const Operands&, Tensor&);
absl::Status IntegerConcat(const Node&, const Operands&, Tensor&);
absl::Status IntegerRequantize(const Node&, const Operands&, Tensor&);
absl::Status IntegerResize(const Node&, const Operands&, Tensor&);

// Pieces shared by them.

// The activation on each element, of any element type that is not quantized.
void ApplyAct(const Act& act, Tensor& y);

// The elements converted to T, and back into the tensor's element type (integers wrap).
template <typename T>
std::vector<T> Load(const Tensor& x) {
  return Dispatch(x.type().element, [&](auto zero) {
    const auto data = x.data<decltype(zero)>();
    std::vector<T> values(data.size());
    for (size_t i = 0; i < data.size(); ++i) values[i] = static_cast<T>(data[i]);
    return values;
  });
}
template <typename T>
void Store(const std::vector<T>& values, Tensor& y) {
  Dispatch(y.type().element, [&](auto zero) {
    const auto data = y.data<decltype(zero)>();
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<decltype(zero)>(values[i]);
    return 0;
  });
}

// What a product of these elements accumulates in: double, or uint64_t, in which integers wrap.
template <typename F>
auto DispatchSum(ElementType element, F&& f) {
  return IsFloat(element) ? f(double{}) : f(uint64_t{});
}

// Calls f(y_start, a_start, b_start) for each row along the last dimension of y, the broadcast of a and b: element i of
// the row is a[a_start + i * a_step] and b[b_start + i * b_step].
struct BroadcastRows {
  BroadcastRows(const Shape& a, const Shape& b, const Shape& y);
  int64_t length = 1;
  int64_t a_step = 0, b_step = 0;
  struct Row {
    int64_t y, a, b;
  };
  std::vector<Row> rows;
};

// For each element of a shape in order, the element of the reduction over `axes` that it belongs to.
std::vector<int64_t> ReductionTargets(const Shape& shape, const Ints& axes);

// Output / input size of a resize along an axis: given, or the ratio of the shapes.
float ResizeScale(const ResizeAttrs& attrs, const Shape& x, const Shape& y, size_t axis);

// A tensor seen as outer x n x inner around an axis.
struct AxisView {
  AxisView(const Shape& shape, int64_t axis);
  int64_t outer = 1, n = 1, inner = 1;
};

}  // namespace mcuc::exec

#endif  // MCUC_LIB_EXEC_KERNEL_H
