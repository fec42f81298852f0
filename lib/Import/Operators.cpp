// The table of operators: its parts joined, and looked up by name and opset.
#include <algorithm>
#include <set>

#include "Lowering.h"
#include "absl/strings/str_join.h"

namespace mcuc::importer {

namespace {

const std::vector<const Operator*>& Table() {
  static const std::vector<const Operator*> table = [] {
    std::vector<const Operator*> rows;
    for (const auto part : {ConvolutionOperators(), PoolOperators(), MatrixOperators(), ElementwiseOperators(),
                            NormalizationOperators(), ReductionOperators(), ShapeOperators(), SliceOperators(),
                            ConstantOperators(), ResizeOperators(), QuantizeOperators(), QLinearOperators()}) {
      for (const Operator& row : part) rows.push_back(&row);
    }
    return rows;
  }();
  return table;
}

}  // namespace

const Operator* FindOperator(const std::string& name, int64_t opset) {
  for (const Operator* row : Table()) {
    if (row->name == name && row->since <= opset && opset <= row->until) return row;
  }
  return nullptr;
}

bool TakesQuantized(const std::string& name) {
  static const std::set<std::string> names = {
      "ArgMax",       "ArgMin",        "Concat",   "DepthToSpace", "Dropout",   "Expand",    "Flatten",
      "Gather",       "GlobalMaxPool", "Identity", "Max",          "MaxPool",   "Min",       "Pad",
      "ReduceMax",    "ReduceMin",     "Reshape",  "Resize",       "Shape",     "Size",      "Slice",
      "SpaceToDepth", "Split",         "Squeeze",  "Tile",         "Transpose", "Unsqueeze", "Upsample"};
  if (names.count(name)) return true;
  const auto has = [&](std::span<const Operator> part) {
    return std::any_of(part.begin(), part.end(), [&](const Operator& row) { return row.name == name; });
  };
  return has(QuantizeOperators()) || has(QLinearOperators());
}

std::string OperatorNames() {
  std::set<std::string> names;
  for (const Operator* row : Table()) names.insert(row->name);
  return absl::StrJoin(names, ", ");
}

std::string OpsetsOf(const std::string& name) {
  // The rows of an operator are adjacent in time.
  int64_t since = kMaxOpset + 1, until = 0;
  for (const Operator* row : Table()) {
    if (row->name != name) continue;
    since = std::min(since, row->since);
    until = std::max(until, row->until);
  }
  return until == 0 ? "" : absl::StrCat(since, " to ", until);
}

}  // namespace mcuc::importer
