// Topological sorting (Kahn) of the nodes, and which of them matter.
#include "Schedule.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>

#include "onnx/onnx_pb.h"

namespace mcuc::importer {

void AddNamesRead(const onnx::NodeProto& node, std::unordered_set<std::string>& names) {
  for (const std::string& name : node.input()) names.insert(name);
  for (const auto& attribute : node.attribute()) {
    for (const auto& inner : attribute.g().node()) AddNamesRead(inner, names);
    for (const auto& output : attribute.g().output()) names.insert(output.name());
  }
}

Schedule ScheduleOf(const onnx::GraphProto& graph) {
  const size_t n = static_cast<size_t>(graph.node_size());
  std::unordered_map<std::string, int> producer;
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& name : graph.node(i).output()) {
      if (!name.empty()) producer.emplace(name, i);
    }
  }
  std::vector<std::vector<int>> reads(n), readers(n);
  for (int i = 0; i < graph.node_size(); ++i) {
    auto& sources = reads[static_cast<size_t>(i)];
    std::unordered_set<std::string> names;
    AddNamesRead(graph.node(i), names);
    for (const std::string& name : names) {
      const auto found = producer.find(name);
      if (found != producer.end()) sources.push_back(found->second);
    }
    std::sort(sources.begin(), sources.end());
    sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
    for (int source : sources) readers[static_cast<size_t>(source)].push_back(i);
  }

  Schedule schedule;
  std::vector<size_t> waiting(n);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;  // the first in the model's order
  for (size_t i = 0; i < n; ++i) {
    waiting[i] = reads[i].size();
    if (waiting[i] == 0) ready.push(static_cast<int>(i));
  }
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    schedule.order.push_back(node);
    for (int reader : readers[static_cast<size_t>(node)]) {
      if (--waiting[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }

  // Every node left over reads from another one left over: going back from any of them ends in a cycle.
  if (schedule.order.size() < n) {
    int node = static_cast<int>(std::find_if(waiting.begin(), waiting.end(), [](size_t w) { return w > 0; }) -
                                waiting.begin());
    std::vector<int> path;
    while (std::find(path.begin(), path.end(), node) == path.end()) {
      path.push_back(node);
      const auto& sources = reads[static_cast<size_t>(node)];
      node = *std::find_if(sources.begin(), sources.end(), [&](int s) { return waiting[static_cast<size_t>(s)] > 0; });
    }
    schedule.cycle.assign(std::find(path.begin(), path.end(), node), path.end());
    std::reverse(schedule.cycle.begin(), schedule.cycle.end());
  }

  schedule.live.assign(n, false);
  std::vector<int> pending;
  for (const auto& output : graph.output()) {
    const auto found = producer.find(output.name());
    if (found != producer.end()) pending.push_back(found->second);
  }
  while (!pending.empty()) {
    const size_t node = static_cast<size_t>(pending.back());
    pending.pop_back();
    if (schedule.live[node]) continue;
    schedule.live[node] = true;
    pending.insert(pending.end(), reads[node].begin(), reads[node].end());
  }
  return schedule;
}

}  // namespace mcuc::importer
