// One group of a convolution as sums of shifted planes, one a weight that is not zero: nothing is done for zeros, and
// no columns are gathered. Planes are padded, and taken apart by the phases of the strides, so that a weight's operand
// is one stretch of memory.
#ifndef MCUC_LIB_TRAIN_SPARSECONV_H
#define MCUC_LIB_TRAIN_SPARSECONV_H

#include <vector>

#include "Layer.h"
#include "Vectors.h"

namespace mcuc::train {

class SparseConv {
 public:
  // Of a group: x is channels x height x width, the weights are outputs x channels x kernel, y is outputs x count.
  struct Geometry {
    int64_t channels = 0, height = 0, width = 0, kernel_height = 0, kernel_width = 0, outputs = 0;
    Pair strides{}, dilations{};
    Pads pads{};
    Pair count{};
  };
  explicit SparseConv(const Geometry& geometry);

  // Where the weights of a group are.
  struct Weight {
    int64_t index;  // in the group's weights
    int64_t output;
    int64_t plane;  // channel and phase
    int64_t shift;  // within the plane
  };
  // Those of which `wanted(index)` is true.
  template <typename F>
  std::vector<Weight> Choose(F&& wanted) const {
    std::vector<Weight> chosen;
    int64_t index = 0;
    for (int64_t o = 0; o < g_.outputs; ++o) {
      for (int64_t c = 0; c < g_.channels; ++c) {
        for (const Tap& tap : taps_) {
          if (wanted(index)) chosen.push_back({index, o, c * phases_ + tap.phase, tap.shift});
          ++index;
        }
      }
    }
    return chosen;
  }

  // Adds the products with these weights, which are in order, to y.
  void Forward(const std::vector<Weight>& weights, const float* w, const float* x, float* y, Scratch& scratch) const;
  // Adds to dx, where it is not null, by `weights`; to dw, where it is not null, the gradients of `wanted`.
  void Backward(const std::vector<Weight>& weights, const std::vector<Weight>& wanted, const float* w, const float* x,
                const float* dy, float* dx, float* dw, Scratch& scratch) const;

 private:
  struct Tap {
    int64_t phase, shift;
  };
  // Calls f(where a plane's row begins, the image's element that its column `first` is, or null where the row is
  // padding, first, last) for each row of each plane; columns first to last, exclusive, lie within the image at `x`.
  template <typename T, typename F>
  void ForEachRow(T* x, F&& f) const;
  void Spread(const float* x, float* planes) const;

  Geometry g_;
  int64_t phases_, rows_, pitch_;  // of a channel; of a plane
  int64_t length_;                 // of an output's plane with the planes' pitch
  int64_t reach_ = 0;              // the greatest shift
  std::vector<Tap> taps_;
};

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_SPARSECONV_H
