// Indices of single elements, which several operators compute.
#ifndef MCUC_LIB_IMPORT_INDEXING_H
#define MCUC_LIB_IMPORT_INDEXING_H

#include "Compose.h"

namespace mcuc::importer {

// Indices along an axis of x, one for each element of a result of their own shape, as indices of elements of x.
Symbol* LinearIndices(Compose& c, Symbol* indices, const Shape& x, int64_t axis);
// For each element of `indices` the element of x at its place, but for the axis, where the index says which.
Symbol* GatherElements(Compose& c, Symbol* x, Symbol* indices, int64_t axis);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_INDEXING_H
