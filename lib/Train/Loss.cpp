// Losses of one sample in doubles.
#include "Loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mcuc::train {

namespace {

// log softmax(x / temperature).
std::vector<double> LogSoftmax(const float* x, int64_t n, double temperature) {
  std::vector<double> result(x, x + n);
  for (double& v : result) v /= temperature;
  const double most = *std::max_element(result.begin(), result.end());
  double sum = 0;
  for (double v : result) sum += std::exp(v - most);
  for (double& v : result) v -= most + std::log(sum);
  return result;
}

}  // namespace

double CrossEntropy(const float* x, int64_t n, int32_t label, double weight, float* gradient) {
  const std::vector<double> logs = LogSoftmax(x, n, 1);
  for (int64_t i = 0; i < n; ++i) {
    const double wanted = i == label ? 1 : 0;
    gradient[i] += static_cast<float>(weight * (std::exp(logs[static_cast<size_t>(i)]) - wanted));
  }
  return -weight * logs[static_cast<size_t>(label)];
}

double Distillation(const float* x, const float* teacher, int64_t n, double temperature, double weight,
                    float* gradient) {
  const std::vector<double> mine = LogSoftmax(x, n, temperature), wanted = LogSoftmax(teacher, n, temperature);
  double loss = 0;
  for (size_t i = 0; i < mine.size(); ++i) {
    const double q = std::exp(wanted[i]);
    if (q > 0) loss += q * (wanted[i] - mine[i]);
    gradient[i] += static_cast<float>(weight * temperature * (std::exp(mine[i]) - q));
  }
  return weight * temperature * temperature * loss;
}

double MeanSquaredError(const float* x, const float* target, int64_t n, double weight, float* gradient) {
  double loss = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double error = static_cast<double>(x[i]) - static_cast<double>(target[i]);
    loss += error * error;
    gradient[i] += static_cast<float>(weight * 2 * error / static_cast<double>(n));
  }
  return weight * loss / static_cast<double>(n);
}

}  // namespace mcuc::train
