// An order of the model's nodes in which each comes after those it reads from.
#ifndef MCUC_LIB_IMPORT_SCHEDULE_H
#define MCUC_LIB_IMPORT_SCHEDULE_H

#include <string>
#include <unordered_set>
#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace mcuc::importer {

struct Schedule {
  std::vector<int> order;  // nodes; the model's own order wherever it serves
  std::vector<int> cycle;  // the nodes of one cycle, each read by the next and the last by the first; empty: none
  std::vector<bool> live;  // by node: an output of the graph depends on it
};
Schedule ScheduleOf(const onnx::GraphProto& graph);

// Adds the names that a node reads, in the graphs of its attributes too.
void AddNamesRead(const onnx::NodeProto& node, std::unordered_set<std::string>& names);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_SCHEDULE_H
