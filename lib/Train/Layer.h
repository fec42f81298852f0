// What a training plan is made of: each node of the batched form becomes a layer, which runs forwards and backwards.
// Adding an operation: a class in one of the files below, a case in MakeLayer, and a case of GradientTest.
#ifndef MCUC_LIB_TRAIN_LAYER_H
#define MCUC_LIB_TRAIN_LAYER_H

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc::train {

using Operands = std::vector<const Tensor*>;

// What a layer keeps from Forward to Backward, and memory that it needs meanwhile; one for each run in flight.
struct Scratch {
  std::vector<float> floats;
  std::vector<int64_t> indices;
};

class Layer {
 public:
  virtual ~Layer() = default;
  virtual absl::Status Forward(const Operands& x, Tensor& y, Scratch& scratch) const = 0;
  // Adds the gradient of each operand to dx[i], null where it is not wanted.
  virtual void Backward(const Operands& x, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                        Scratch& scratch) const = 0;
  // From now on only the gradients of those elements of operand 1 that are kept (not 0) are wanted.
  virtual void Freeze(std::vector<uint8_t> /*kept*/) {}
};

// The node belongs to the batched form, is float and not fused with anything, and must outlive the layer.
absl::StatusOr<std::unique_ptr<Layer>> MakeLayer(const Node& node);

// By file: Convolutions.cpp, Products.cpp, Pools.cpp, Elementwise.cpp, Moves.cpp.
std::unique_ptr<Layer> MakeConv(const Node& node);
std::unique_ptr<Layer> MakeConvTranspose(const Node& node);
std::unique_ptr<Layer> MakeFc(const Node& node);
std::unique_ptr<Layer> MakeMatMul(const Node& node);
std::unique_ptr<Layer> MakePool(const Node& node);
absl::StatusOr<std::unique_ptr<Layer>> MakeUnary(const Node& node);
absl::StatusOr<std::unique_ptr<Layer>> MakeBinary(const Node& node);
absl::StatusOr<std::unique_ptr<Layer>> MakeSoftmax(const Node& node);
absl::StatusOr<std::unique_ptr<Layer>> MakeReduce(const Node& node);
std::unique_ptr<Layer> MakeCopy();
std::unique_ptr<Layer> MakeConcat(const Node& node);
absl::StatusOr<std::unique_ptr<Layer>> MakeMove(const Node& node);  // transpose, slice, pad, gather, nearest resize
std::unique_ptr<Layer> MakeLinearResize(const Node& node);

// c (m x n) = a (m x k) * b (k x n), added to c where `add`; row-major, a and b stored transposed where said.
void Multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
              bool add, float* c);

inline const float* Floats(const Tensor& x) { return x.data<float>().data(); }
inline float* Floats(Tensor& x) { return x.data<float>().data(); }

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_LAYER_H
