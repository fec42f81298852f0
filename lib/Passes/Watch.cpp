// Progress of training, and its end.
#include "Watch.h"

#include <cmath>
#include <cstdio>

namespace mcuc::prune {

std::function<void(const train::EpochReport&)> Watch(PassContext& context) {
  if (!context.progress) return nullptr;
  return [&context](const train::EpochReport& report) {
    char text[128];
    std::snprintf(text, sizeof(text), "epoch %lld of %lld, loss %.4g, about %.0f s of training left\n  ",
                  static_cast<long long>(report.epoch), static_cast<long long>(report.epochs), report.loss,
                  std::ceil(report.seconds_left));
    *context.progress << text << std::flush;
  };
}

absl::Status CheckStop(const PassContext& context) {
  return context.stop && *context.stop ? absl::CancelledError("interrupted") : absl::OkStatus();
}

}  // namespace mcuc::prune
