// The one table of targets, and the modelled cost of a layer from its multiply-accumulates.
#include "mcuc/Target/Target.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mcuc {

namespace {

// Instructions a MAC. Dense int8 on cores with SMLAD or MVE: measured over whole layers of LeNet-5, ResNet-8, DS-CNN
// and MobileNetV1 (3x3 convolutions; pointwise ones take 1.2 on a Cortex-M4 and 0.7 on an M55, depthwise ones 7 to 12).
// The others are estimated from the inner loops of the kernels: a sparse convolution moves a pointer a nonzero and runs
// over a tile of pixels; a sparse fc gathers one input a nonzero. A core without an FPU pays for a call into the
// compiler's floating-point library.
constexpr TargetInfo kTargets[] = {
    // name, summary, i8: dense conv, dense fc, sparse conv, sparse fc, f32: likewise
    {"generic", "any core with C99", 3.5, 3.5, 4.0, 7.0, 4.0, 4.0, 4.5, 8.0},
    {"cortex-m0plus", "Armv6-M, no FPU", 7.25, 7.0, 6.0, 11.0, 110.0, 108.0, 112.0, 116.0},
    {"cortex-m3", "Armv7-M, no FPU", 3.5, 3.5, 3.0, 6.5, 80.0, 80.0, 80.5, 84.0},
    {"cortex-m4", "Armv7E-M with SMLAD and a single-precision FPU", 1.8, 2.2, 2.56, 6.0, 3.5, 3.5, 3.5, 7.0},
    {"cortex-m7", "Armv7E-M with SMLAD and an FPU, dual issue", 1.8, 2.2, 2.56, 6.0, 3.5, 3.5, 3.5, 7.0},
    {"cortex-m33", "Armv8-M with SMLAD and a single-precision FPU", 1.8, 2.2, 2.56, 6.0, 3.5, 3.5, 3.5, 7.0},
    {"cortex-m55", "Armv8.1-M with MVE", 1.0, 0.3, 1.0, 5.0, 1.0, 1.0, 1.5, 6.0},
    {"rv32imac", "RISC-V without an FPU", 4.5, 4.0, 4.0, 8.0, 90.0, 90.0, 91.0, 95.0},
};

}  // namespace

std::vector<const TargetInfo*> Target::All() {
  std::vector<const TargetInfo*> all;
  for (const TargetInfo& info : kTargets) all.push_back(&info);
  return all;
}

absl::StatusOr<Target> Target::ByName(const std::string& name) {
  for (const TargetInfo& info : kTargets) {
    if (name == info.name) return Target(&info);
  }
  const std::string known =
      absl::StrJoin(All(), ", ", [](std::string* out, const TargetInfo* info) { *out += info->name; });
  return absl::InvalidArgumentError(absl::StrCat("no target \"", name, "\"; there are: ", known));
}

double Target::Instructions(const Node& node, Encoding encoding) const {
  const bool conv = node.If<ConvAttrs>() != nullptr;
  if (!conv && !node.If<FcAttrs>()) return 0;
  const bool sparse = encoding != Encoding::kDense;
  // A float input makes a float layer, whatever its weights are stored as (N20).
  const bool real = node.operand(0)->type().is_float();
  const TargetInfo& t = *info_;
  double each = 0;
  if (sparse) {
    each = conv ? (real ? t.sparse_conv_f32 : t.sparse_conv_i8) : (real ? t.sparse_fc_f32 : t.sparse_fc_i8);
  } else {
    each = conv ? (real ? t.dense_conv_f32 : t.dense_conv_i8) : (real ? t.dense_fc_f32 : t.dense_fc_i8);
  }
  return each * static_cast<double>(MacsOf(node, sparse));
}

}  // namespace mcuc
