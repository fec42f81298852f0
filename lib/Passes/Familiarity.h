// Whether a model was trained on the samples that are to validate its compression. Such a model scores better there
// than on samples it has never seen, while candidates that are retrained without them do not: a drop between the two
// says more of what was memorized than of what compression costs.
//
// A model that knows them scores there as on its training samples. Whether that is because it has seen both, or because
// it learnt nothing by heart, shows when it is retrained on the training samples alone (the control): then only what it
// had memorized of the others is lost.
#ifndef MCUC_LIB_PASSES_FAMILIARITY_H
#define MCUC_LIB_PASSES_FAMILIARITY_H

#include "Search.h"

namespace mcuc::prune {

struct Familiarity {
  bool known = false;                   // the validation samples were trained on
  Score train, control_train, control;  // of the model on training samples; of the control there and on validation
  Outputs control_outputs;              // on the validation samples
  // What the control's score lacks to the model's own on the training samples. The model may generalize as much better
  // than the control on unseen samples.
  double margin = 0;
};

// `outputs` and `score`: of the graph on context.validate. Both sets must have labels and be scored by them.
absl::StatusOr<Familiarity> TestFamiliarity(const Graph& graph, const Outputs& outputs, const Score& score,
                                            const Retrain& retrain, PassContext& context);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_FAMILIARITY_H
