// Shapes of results from operands and attributes: used by import to build nodes and by Verify to check them.
#ifndef MCUC_IR_INFER_H
#define MCUC_IR_INFER_H

#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Ops.h"

namespace mcuc {

// The result's shape. Where the operation leaves it open (reshape, slice, expand, resize) `declared` is checked and
// returned; it may be null for the others. An InvalidArgument status says what does not fit and both sides of it.
absl::StatusOr<Shape> InferShape(const Attributes& attrs, const std::vector<const Type*>& operands,
                                 const Shape* declared = nullptr);

// a and b broadcast against each other from the right (ONNX, numpy).
absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b);

// The number of windows along one dimension: floor or ceil of (size + pads - reach) / stride + 1, where reach is
// (kernel - 1) * dilation + 1; a window that would start in the end padding is dropped. Less than 1: none fits.
int64_t WindowCount(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_before,
                    int64_t pad_after, bool ceil);

// Resampling of one dimension of a resize: output i = fraction[i] * x[hi[i]] + (1 - fraction[i]) * x[lo[i]]; nearest:
// x[lo[i]] with fraction 0.
struct ResizeAxis {
  std::vector<int64_t> lo, hi;
  std::vector<float> fraction;
};
ResizeAxis ResizeAxisOf(const ResizeAttrs& attrs, int64_t in, int64_t out, float scale);

}  // namespace mcuc

#endif  // MCUC_IR_INFER_H
