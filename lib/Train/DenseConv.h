// A convolution of one group by oneDNN's primitives: forwards, and backwards by the data and by the weights.
#ifndef MCUC_LIB_TRAIN_DENSECONV_H
#define MCUC_LIB_TRAIN_DENSECONV_H

#include <memory>

#include "Layer.h"

namespace mcuc::train {

class DenseConv {
 public:
  // Null where the library has no fast primitive: few channels, several groups, or a shape that it refuses. x: N x C x
  // H x W, w: M x C x kh x kw; `count`: rows and columns of the result; `bias`: whether there is one.
  static std::unique_ptr<DenseConv> Create(const ConvAttrs& attrs, const Shape& x, const Shape& w, Pair count,
                                           bool bias);
  ~DenseConv();

  // y = the convolution and the bias; null: there is none.
  void Forward(const float* x, const float* w, const float* bias, float* y, Scratch& scratch) const;
  void AddDataGradient(const float* w, const float* dy, float* dx, Scratch& scratch) const;
  void AddWeightsGradient(const float* x, const float* dy, float* dw, Scratch& scratch) const;

 private:
  DenseConv();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_DENSECONV_H
