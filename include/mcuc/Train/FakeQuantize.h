// Fake quantization: floats that are rounded to the values that their integers will have, and the gradients of that.
#ifndef MCUC_TRAIN_FAKEQUANTIZE_H
#define MCUC_TRAIN_FAKEQUANTIZE_H

#include <cstdint>
#include <span>

#include "mcuc/IR/Tensor.h"

namespace mcuc::train {

// The integers of a quantized value, relative to its zero point.
struct CodeRange {
  int32_t lo = -128, hi = 127;
  // There is no code for zero: what is exactly 0 stays 0 (a weight that is held), all else becomes at least one step.
  bool no_zero = false;
};

// The scale of which a tensor holds the logarithm.
float ScaleOf(const Tensor& log_scale);

// floor(x / scale + 1/2) within the range; -1 or 1 for 0 where there is no zero, by x's sign.
int32_t CodeOf(float x, float scale, const CodeRange& codes);

// y = scale * CodeOf(x); y may be x.
void FakeQuantize(std::span<const float> x, float scale, const CodeRange& codes, std::span<float> y);

// dy, the gradient of y, becomes that of x, straight through the rounding; returns that of the scale's logarithm.
float FakeQuantizeGradient(std::span<const float> x, float scale, const CodeRange& codes, std::span<float> dy);

// The scale of least squared error of x's codes among fractions of the one whose range holds all of x. A positive one.
float LeastErrorScale(std::span<const float> x, const CodeRange& codes);

}  // namespace mcuc::train

#endif  // MCUC_TRAIN_FAKEQUANTIZE_H
