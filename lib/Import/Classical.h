// What the classical models of ai.onnx.ml share: features, labels, scores.
#ifndef MCUC_LIB_IMPORT_CLASSICAL_H
#define MCUC_LIB_IMPORT_CLASSICAL_H

#include <set>

#include "Compose.h"

namespace mcuc::importer {

// Input 0 as N x features in float32; one row where it has rank 1.
absl::StatusOr<Symbol*> FeaturesOf(Lowering& l);
// The classes' labels; for strings their places in the list.
absl::StatusOr<Ints> LabelsOf(const Lowering& l, const char* ints);
// What the attribute post_transform makes of scores, N x classes.
Symbol* PostTransform(const Lowering& l, Compose& c, Symbol* scores);
// Output 0: the label of the largest score of each row; output 1: the scores.
absl::Status ReturnClasses(const Lowering& l, Compose& c, Symbol* scores, const Ints& labels);
// What the first of two classes gets where only the second has a score: a probability's complement, or the negative of
// a number that decides by its sign.
enum class OtherScore : uint8_t { complement, negated };
// Both classes' scores, N x 2, transformed.
Symbol* BothScores(const Lowering& l, Compose& c, Symbol* score, OtherScore other);
// Output 0 of two classes: the second's label where `decides`, N x 1, is over the threshold.
absl::Status ReturnBinary(const Lowering& l, Compose& c, Symbol* decides, double threshold, const Ints& labels);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_CLASSICAL_H
