// Normalizations with stored statistics: BatchNormalization is a multiplication and an addition by constants of each
// channel (canonicalize folds them into the convolution before it).
#include <cmath>

#include "Lowering.h"

namespace mcuc::importer {

namespace {

absl::Status LowerBatchNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  if (l.Int("training_mode", 0) != 0) {
    return Unsupported("training_mode = 1 is not supported; export the model for inference");
  }
  if (l.Int("spatial", 1) != 1) return Unsupported("spatial = 0 is not supported; only statistics of a channel are");
  const int64_t channels = l.shape(0)[1];
  static const char* const kNames[] = {"scale", "B", "mean", "var"};
  std::vector<double> statistics[4];
  for (size_t i = 0; i < 4; ++i) {
    MCUC_ASSIGN_OR_RETURN(statistics[i], l.ConstantReals(1 + i, kNames[i]));
    if (l.shape(1 + i) != Shape{channels}) {
      return Unsupported("input ", 1 + i, " (", kNames[i], ") [", ShapeText(l.shape(1 + i)), "] must be [", channels,
                         "], one a channel");
    }
  }
  const double epsilon = static_cast<double>(l.Float("epsilon", 1e-5f));
  Shape shape(l.shape(0).size() - 1, 1);
  shape[0] = channels;
  const Type type{l.input(0)->type.element, shape};
  Tensor scale(type), offset(type);
  for (int64_t c = 0; c < channels; ++c) {
    const size_t i = static_cast<size_t>(c);
    const double factor = statistics[0][i] / std::sqrt(statistics[3][i] + epsilon);
    scale.Set(c, factor);
    offset.Set(c, statistics[1][i] - statistics[2][i] * factor);
  }
  Symbol* mul = l.Constant(std::move(scale), l.input(1)->name);
  Symbol* add = l.Constant(std::move(offset), l.input(2)->name);
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(BinaryAttrs{.fn = BinaryFn::mul}, {l.input(0), mul}));
  return l.Return(l.Add(BinaryAttrs{.fn = BinaryFn::add}, {y, add}));
}

// momentum only concerns training.
const Operator kOperators[] = {
    {"BatchNormalization", 7, kMaxOpset, 5, 5, 1, "epsilon:f momentum:f spatial:i training_mode:i",
     LowerBatchNormalization},
};

}  // namespace

std::span<const Operator> NormalizationOperators() { return kOperators; }

}  // namespace mcuc::importer
