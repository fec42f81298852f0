// Quantization-aware training of a float graph: what is quantized while it is trained, by the plan of quantize, and the
// graph that comes of it, which says its own scales (int8 weights, quantize and dequantize nodes) and which quantize
// then takes as it is.
#ifndef MCUC_LIB_PASSES_TRAINQUANTIZED_H
#define MCUC_LIB_PASSES_TRAINQUANTIZED_H

#include "mcuc/IR/Graph.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc::prune {

// Of a float graph, whose values the result points to. Inputs have 8 bits and the zero point of their range over the
// samples; other activations zero point 0, so that what can't be negative has 7 bits, and sums without a zero point
// stay small. `scales` of the inputs' groups are fixed.
absl::StatusOr<train::Quantized> QuantizedParts(Graph& graph, const train::Samples& samples, int weight_bits);

// After training and Trainer::Store.
absl::Status WriteScales(Graph& graph, const train::Quantized& quantized, const train::Trainer& trainer);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_TRAINQUANTIZED_H
