// Losses of a batch of outputs, and their gradients.
#ifndef MCUC_LIB_TRAIN_LOSS_H
#define MCUC_LIB_TRAIN_LOSS_H

#include <cstdint>

namespace mcuc::train {

// One sample's output of `n` elements: adds `weight` times the gradient to `gradient` and returns `weight` times the
// loss.

// -log softmax(x)[label].
double CrossEntropy(const float* x, int64_t n, int32_t label, double weight, float* gradient);
// T^2 KL(softmax(teacher / T) || softmax(x / T)): Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
// Network" (2015), section 2. T^2 keeps the gradient's size whatever the temperature.
double Distillation(const float* x, const float* teacher, int64_t n, double temperature, double weight,
                    float* gradient);
// The mean over the elements.
double MeanSquaredError(const float* x, const float* target, int64_t n, double weight, float* gradient);

}  // namespace mcuc::train

#endif  // MCUC_LIB_TRAIN_LOSS_H
