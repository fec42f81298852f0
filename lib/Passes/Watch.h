// What passes that train have in common: progress by epochs where someone watches, and the end at an interrupt.
#ifndef MCUC_LIB_PASSES_WATCH_H
#define MCUC_LIB_PASSES_WATCH_H

#include <functional>

#include "mcuc/Passes/Pass.h"
#include "mcuc/Train/Trainer.h"

namespace mcuc::prune {

// Prints an epoch's loss and the time left; null where nobody watches. The context must outlive it.
std::function<void(const train::EpochReport&)> Watch(PassContext& context);

// Cancelled where the search or training is to end.
absl::Status CheckStop(const PassContext& context);

}  // namespace mcuc::prune

#endif  // MCUC_LIB_PASSES_WATCH_H
