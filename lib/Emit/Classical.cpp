// What classical models are made of: decision trees, distances, and probabilities of classes from those of pairs.
#include "Lowering.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

absl::Status LowerTrees(const Node& node, Emission& out) {
  out.Use("trees_f32.h");
  const auto literals = [&](size_t i) {
    std::vector<std::string> texts;
    for (const int32_t value : node.operand(i)->tensor().data<int32_t>()) texts.push_back(absl::StrCat(value));
    return texts;
  };
  const std::string name = out.NodeName();
  const Shape& x_shape = node.operand(0)->type().shape;
  const std::string shape = out.Struct(name + "_shape", "struct mcuc_trees",
                                       {{"rows", absl::StrCat(x_shape[0])},
                                        {"features", absl::StrCat(x_shape[1])},
                                        {"outputs", absl::StrCat(node.As<TreesAttrs>().outputs)},
                                        {"trees", absl::StrCat(node.operand(3)->type().elements())},
                                        {"nodes", out.Table(name + "_nodes", "int16_t", 2, literals(1))},
                                        {"thresholds", out.Read(*node.operand(2))},
                                        {"roots", out.Table(name + "_roots", "int16_t", 2, literals(3))},
                                        {"leaves", out.Table(name + "_leaves", "uint16_t", 2, literals(4))},
                                        {"targets", out.Table(name + "_targets", "uint16_t", 2, literals(5))},
                                        {"weights", out.Read(*node.operand(6))}});
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_trees_f32", {shape, x, y});
  return absl::OkStatus();
}

absl::Status LowerDistance(const Node& node, Emission& out) {
  const Shape &x = node.operand(0)->type().shape, &w = node.operand(1)->type().shape;
  out.Use("distance_f32.h");
  const std::string shape =
      out.Struct(out.NodeName() + "_shape", "struct mcuc_fc",
                 {{"rows", absl::StrCat(x[0])}, {"inputs", absl::StrCat(x[1])}, {"outputs", absl::StrCat(w[0])}});
  const std::string from = out.Read(*node.operand(0)), to = out.Read(*node.operand(1)), y = out.Write(*node.result());
  out.Call("mcuc_distance_f32", {shape, from, to, y});
  return absl::OkStatus();
}

absl::Status LowerCouple(const Node& node, Emission& out) {
  const Shape& shape = node.result()->type().shape;
  out.Use("couple_f32.h");
  const std::string work = out.Scratch("float", shape[1] * (shape[1] + 1));
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  out.Call("mcuc_couple_f32", {absl::StrCat(shape[0]), absl::StrCat(shape[1]), x, work, y});
  return absl::OkStatus();
}

}  // namespace mcuc
