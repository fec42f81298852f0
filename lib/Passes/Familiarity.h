// Whether a model was trained on the samples that are to validate its compression. Such a model scores better there
// than on samples it has never seen, while candidates that are retrained without them do not: a drop between the two
// says more of what was memorized than of what compression costs.
//
// A model that knows them scores there as on its training samples. Whether that is because it has seen both, or because
// it learnt nothing by heart, shows when it is retrained on the training samples alone (the control): then only what it
// had memorized of the others is lost.
//
// No set is left then that the model has not seen. But it has seen both alike, and a candidate, retrained on one of
// them, has forgotten part of the other and learnt more of this one than the model had: so drops are measured on as
// many of both, where the two errors oppose.
#ifndef MCUC_LIB_PASSES_FAMILIARITY_H
#define MCUC_LIB_PASSES_FAMILIARITY_H

#include "Search.h"

namespace mcuc::prune {

struct Familiarity {
  bool known = false;                   // the validation samples were trained on
  Score train, control_train, control;  // of the model on training samples; of the control there and on validation
  Dataset seen;                         // those training samples, at most as many as there are validation samples
  Outputs outputs;                      // the model's on them
};

// `outputs` and `score`: of the graph on context.validate. Both sets must have labels and be scored by them.
absl::StatusOr<Familiarity> TestFamiliarity(const Graph& graph, const Outputs& outputs, const Score& score,
                                            const Retrain& retrain, PassContext& context);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_FAMILIARITY_H
