// Quantization whose scale or zero point is computed at run time: plain arithmetic in float.
#ifndef MCUC_LIB_IMPORT_COMPUTEDQUANTIZATION_H
#define MCUC_LIB_IMPORT_COMPUTEDQUANTIZATION_H

#include "Compose.h"

namespace mcuc::importer {

// Whether the inputs `scale` and `zero_point` (which may be absent) are constants.
bool HasConstantParameters(const Lowering& l, size_t scale, size_t zero_point);

// (x - zero point) * scale; scales of several elements lie along `axis`. Null zero point: 0.
absl::StatusOr<Symbol*> DequantizeComputed(Lowering& l, Symbol* x, Symbol* scale, Symbol* zero_point, int64_t axis);
// round(x / scale) + zero point, within the range of `element`.
absl::StatusOr<Symbol*> QuantizeComputed(Lowering& l, Symbol* x, Symbol* scale, Symbol* zero_point, int64_t axis,
                                         ElementType element);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_COMPUTEDQUANTIZATION_H
