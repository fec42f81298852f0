// Fake quantization with straight-through gradients.
#include "mcuc/Train/FakeQuantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mcuc::train {

float ScaleOf(const Tensor& log_scale) { return std::exp(log_scale.data<float>()[0]); }

namespace {

// floor(v + 1/2) within [lo, hi]; a NaN is lo. In the form that compilers vectorize: the operand of the cast is
// positive.
int32_t Round(float v, int32_t lo, int32_t hi) {
  const float low = static_cast<float>(lo), high = static_cast<float>(hi);
  const float inside = v > low ? (v < high ? v : high) : low;
  return static_cast<int32_t>(inside - low + 0.5f) + lo;
}

}  // namespace

int32_t CodeOf(float x, float scale, const CodeRange& codes) {
  const int32_t code = Round(x * (1 / scale), codes.lo, codes.hi);
  if (code != 0 || !codes.no_zero || x == 0) return code;
  return x < 0 ? -1 : 1;
}

void FakeQuantize(std::span<const float> x, float scale, const CodeRange& codes, std::span<float> y) {
  if (codes.no_zero) {
    for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(CodeOf(x[i], scale, codes)) * scale;
    return;
  }
  const float inverse = 1 / scale;
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(Round(x[i] * inverse, codes.lo, codes.hi)) * scale;
}

float FakeQuantizeGradient(std::span<const float> x, float scale, const CodeRange& codes, std::span<float> dy) {
  const float lo = static_cast<float>(codes.lo) * scale, hi = static_cast<float>(codes.hi) * scale;
  double of_log = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (dy[i] == 0) continue;
    const bool inside = x[i] >= lo && x[i] <= hi;
    const float y = static_cast<float>(CodeOf(x[i], scale, codes)) * scale;
    of_log += double{dy[i]} * (y - (inside ? x[i] : 0.0f));
    if (!inside) dy[i] = 0;
  }
  return static_cast<float>(of_log);
}

float LeastErrorScale(std::span<const float> x, const CodeRange& codes) {
  float largest = 0;
  for (float v : x) largest = std::max(largest, std::fabs(v));
  if (!(largest > 0) || !std::isfinite(largest)) return 1;
  const float widest = std::max(largest / static_cast<float>(codes.hi), std::numeric_limits<float>::min());
  float best = widest;
  double least = std::numeric_limits<double>::infinity();
  for (int percent = 100; percent >= 20; percent -= 2) {
    const float scale = widest * static_cast<float>(percent) / 100;
    double error = 0;
    for (float v : x) {
      if (v == 0) continue;
      const double e = double{v} - double{scale} * CodeOf(v, scale, codes);
      error += e * e;
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace mcuc::train
