// What operations and bytes cost on a core. Passes choose by it; nothing else knows a core by name.
#ifndef MCUC_TARGET_TARGET_H
#define MCUC_TARGET_TARGET_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// The one table of targets: text name, summary, and instructions a MAC of the portable kernels on it
// (dense conv, dense fc, sparse conv for a nonzero, sparse fc for a nonzero), int8 and float; measured
// (Target.cpp says how).
struct TargetInfo {
  const char* name;
  const char* summary;
  double dense_conv_i8, dense_fc_i8, sparse_conv_i8, sparse_fc_i8;
  double dense_conv_f32, dense_fc_f32, sparse_conv_f32, sparse_fc_f32;
  double pairs_conv_i8, list_conv_i8;  // for a nonzero, by the kernels of these names, but for decoding it
  bool simd;                           // dense int8 layers have paths with SMLAD or MVE, which are larger
};

class Target {
 public:
  static absl::StatusOr<Target> ByName(const std::string& name);  // an error lists the names
  static std::vector<const TargetInfo*> All();

  const std::string name() const { return info_->name; }
  // Modelled instructions of one execution of the node with its weights in this encoding (0 for nodes not modelled).
  double Instructions(const Node& node, Encoding encoding) const;
  // The code that a conv or fc needs for weights in this encoding: its bytes, and a name by which layers share it.
  struct Kernel {
    std::string name;
    double bytes = 0;
  };
  Kernel KernelOf(const Node& node, Encoding encoding) const;
  // Estimated bytes of flash of the emitted C of a graph at the end of its pipeline: exact for the tables; for the code
  // each different kernel once and what a call takes (docs/emitted-c.md has measured errors).
  int64_t FlashOf(const Graph& graph) const;

 private:
  explicit Target(const TargetInfo* info) : info_(info) {}
  const TargetInfo* info_;
};

}  // namespace mcuc

#endif  // MCUC_TARGET_TARGET_H
