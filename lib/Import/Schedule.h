// An order of the model's nodes in which each comes after those it reads from.
#ifndef MCUC_LIB_IMPORT_SCHEDULE_H
#define MCUC_LIB_IMPORT_SCHEDULE_H

#include <vector>

namespace onnx {
class GraphProto;
}

namespace mcuc::importer {

struct Schedule {
  std::vector<int> order;  // nodes; the model's own order wherever it serves
  std::vector<int> cycle;  // the nodes of one cycle, each read by the next and the last by the first; empty: none
  std::vector<bool> live;  // by node: an output of the graph depends on it
};
Schedule ScheduleOf(const onnx::GraphProto& graph);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_SCHEDULE_H
