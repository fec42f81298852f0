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
    for (const auto part :
         {ConvolutionOperators(), PoolOperators(), MatrixOperators(), ElementwiseOperators(), NormalizationOperators(),
          ReductionOperators(), ShapeOperators(), SliceOperators(), ConstantOperators(), ResizeOperators()}) {
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
