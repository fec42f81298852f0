// What the classical models of ai.onnx.ml share: features, labels, scores.
#ifndef MCUC_LIB_IMPORT_CLASSICAL_H
#define MCUC_LIB_IMPORT_CLASSICAL_H

#include <set>

#include "Compose.h"

namespace mcuc::importer {

// Input 0 as N x features in float32; one row where it has rank 1.
absl::StatusOr<Symbol*> FeaturesOf(Lowering& l);
// The classes' labels; for strings their places, with a remark.
absl::StatusOr<Ints> LabelsOf(Lowering& l, const char* ints, const char* strings);
// What the attribute post_transform makes of scores, N x classes.
Symbol* PostTransform(const Lowering& l, Compose& c, Symbol* scores);
// Output 0: the label of the largest score of each row; output 1: the scores.
absl::Status ReturnClasses(const Lowering& l, Compose& c, Symbol* scores, const Ints& labels);
// The same of one score for the second of two classes: a probability, or a number that decides by its sign.
absl::Status ReturnBinary(const Lowering& l, Compose& c, Symbol* score, const Ints& labels, bool probability);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_CLASSICAL_H
