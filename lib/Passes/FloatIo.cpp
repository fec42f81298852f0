// Gives quantized inputs and outputs float parameters, with the conversions inside the graph (--io=float):
//
//   graph @g(%x: i8<…>[4]) -> (%y: i8<…>[2])        graph @g(%x: f32[4]) -> (%y: f32[2])
//   %y: i8<…>[2] = fc %x, …                    ──►  %x_q: i8<…>[4] = quantize %x
//                                                   %y_q: i8<…>[2] = fc %x_q, …
//                                                   %y: f32[2] = dequantize %y_q
#include "absl/strings/str_cat.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

Type FloatOf(const Type& type) { return Type{ElementType::f32, type.shape}; }

class FloatIo : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext&) override {
    bool changed = false;
    for (Value* input : graph.inputs()) {
      if (!input->type().is_quantized()) continue;
      const Node* first = graph.nodes().front().get();
      Node* node = graph.AddNode(QuantizeAttrs{}, {}, absl::StrCat(input->name(), "_q"), input->type(), "", first);
      graph.ReplaceOperands(input, node->result());
      node->set_operands({input});
      input->set_type(FloatOf(input->type()));
      changed = true;
    }
    for (Value* output : std::vector<Value*>(graph.outputs())) {
      if (!output->type().is_quantized()) continue;
      Node* node =
          graph.AddNode(DequantizeAttrs{}, {output}, absl::StrCat(output->name(), "_q"), FloatOf(output->type()));
      graph.ReplaceOutput(output, node->result());
      changed = true;
    }
    return changed;
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return "The quantized copies take room in the arena. The conversions follow rules N17 and N18 of `numerics.md`.";
  }
};

}  // namespace

std::unique_ptr<Pass> CreateFloatIo() { return std::make_unique<FloatIo>(); }

}  // namespace mcuc
