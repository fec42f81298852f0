// The verifier's frame, shared by its three parts: Verify.cpp (structure and values), VerifyTypes.cpp (the rules of
// each operation) and VerifyPlacement.cpp (storage).
#ifndef MCUC_LIB_IR_VERIFIER_H
#define MCUC_LIB_IR_VERIFIER_H

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {

class Verifier {
 public:
  Verifier(const Graph& graph, Diagnostics& diagnostics, const VerifyOptions& options)
      : graph_(graph), diagnostics_(diagnostics), options_(options) {}

  void Run();

 private:
  // Past this many errors nothing more is listed.
  static constexpr int kMaxErrors = 100;

  void Report(Location where, const std::string& message);
  template <typename... Args>
  void Error(const Node& node, const Args&... args) {
    Report(Where(node), absl::StrCat(args...));
  }
  // At the computing node, or at the input or constant.
  template <typename... Args>
  void Error(const Value& value, const Args&... args) {
    Report(Where(value), absl::StrCat(value.Text(), ": ", args...));
  }
  Location Where(const Node& node) const;
  Location Where(const Value& value) const;

  void CheckNames();
  void CheckOutputs();
  // Operands are inputs, constants or results of earlier nodes. False where one is not.
  bool CheckSchedule();
  bool CheckType(const Value& value);  // of the value alone
  void CheckTensor(const Value& constant);
  void CheckNode(const Node& node);
  void CheckEncodingUses(const Node& node);
  void CheckPlacements();

  friend class NodeRules;

  const Graph& graph_;
  Diagnostics& diagnostics_;
  const VerifyOptions& options_;
  int errors_ = 0;
};

}  // namespace mcuc

#endif  // MCUC_LIB_IR_VERIFIER_H
