// Matrix products of any numeric element type.
#ifndef MCUC_LIB_IMPORT_PRODUCTS_H
#define MCUC_LIB_IMPORT_PRODUCTS_H

#include "Compose.h"

namespace mcuc::importer {

// a: … x M x K times b: … x K x N. Of float32 a matmul, else products that are summed.
Symbol* Product(Compose& c, Symbol* a, Symbol* b);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_PRODUCTS_H
