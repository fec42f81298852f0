// What the lowerings of quantized operators share: scales and zero points among a node's inputs, tensors that the model
// quantizes or dequantizes, and int8 weights. The model's uint8 activations are int8 in the graph, both the values and
// the zero point 128 less, which is exact.
#ifndef MCUC_LIB_IMPORT_QUANTIZATION_H
#define MCUC_LIB_IMPORT_QUANTIZATION_H

#include <utility>
#include <vector>

#include "Lowering.h"

namespace mcuc::importer {

// real = scale * (q - zero_point) as the model gives it.
struct Parameters {
  ElementType element = ElementType::u8;
  std::vector<float> scales;         // one, or one each slice of the axis
  std::vector<int32_t> zero_points;  // as many
  bool per_tensor() const { return scales.size() == 1; }
};

// Of the constant inputs `scale` and `zero_point` (which may be absent: zero, of type `otherwise`).
absl::StatusOr<Parameters> ParametersOf(const Lowering& l, size_t scale, size_t zero_point, ElementType otherwise);

// x in float32, as DequantizeLinear makes it. Of a constant of 8 bits, `quantized` is set. `axis`: not negative, of
// parameters that are not per tensor.
absl::StatusOr<Symbol*> DequantizeSymbol(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis = 0);
// x, float32, quantized as QuantizeLinear does it.
absl::StatusOr<Symbol*> QuantizeSymbol(Lowering& l, Symbol* x, const Parameters& parameters, int64_t axis = 0);

// The input and the weights of a convolution or fc: where the weights are constants of 8 bits that the model
// dequantizes, with one scale a tensor or an output (dimension 0), they stay int8, bit for bit where their zero point
// is 0. Weights that reach beyond int8 once their zero point is taken off are split into parts, each int8, and the
// input (its dimension 1 of `group` groups, or of an fc the last) is repeated for each part.
absl::StatusOr<std::pair<Symbol*, Symbol*>> LayerOperands(Lowering& l, Symbol* x, Symbol* w, int64_t group, bool fc);

// The constant that `quantized` stands for, multiplied by a factor over 0; and rearranged like its float form.
Symbol* ScaledQuantized(Lowering& l, const Symbol& quantized, float factor);
Symbol* TransposedQuantized(Lowering& l, const Symbol& quantized, const Ints& perm);
Symbol* ReshapedQuantized(Lowering& l, const Symbol& quantized, const Shape& shape);  // null: an axis got lost

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_QUANTIZATION_H
