// Chooses for each sparse integer layer the fastest kernel of runtime/ that is proved exact for it:
//
//   %y: i8<…> = conv %x, @w, @b {mul = …, shift = …}
//   ──►
//   %y: i8<…> = conv %x, @w, @b {mul = …, shift = …, kernel = pairs}
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

class SelectKernels : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    bool changed = false;
    for (Node* node : graph.node_vector()) {
      const auto* conv = node->If<ConvAttrs>();
      if (!conv && !node->If<FcAttrs>()) continue;
      if (node->operand(1)->type().encoding == Encoding::kDense || node->operand(0)->type().is_float()) continue;
      const LayerKernel best = conv ? LayerKernel::pairs : LayerKernel::narrow;
      const absl::Status status = CheckKernel(*node, best);
      const LayerKernel kernel = status.ok() ? best : LayerKernel::plain;
      if (!status.ok()) context.Remark(graph, node, absl::StrCat("kernel ", EnumName(best), ": ", status.message()));
      changed |= Set(*node, kernel);
    }
    return changed;
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return "`pairs` runs a `conv` whose sums fit 16 bits, by the range of its input (its type, and the activation that "
           "it comes from), its weights and its bias, for every output channel: two neighbouring sums share a word, "
           "and one product adds to both. The weights are decoded once an output channel. The convolution has stride "
           "1 along rows, no padding, and no pool but a max pool of 2 x 2. `narrow` runs an `fc` with such sums. "
           "The others keep the kernels for every shape; the remarks (`--remarks`) say why.";
  }

 private:
  static bool Set(Node& node, LayerKernel kernel) {
    return std::visit(
        [&](auto& attrs) {
          if constexpr (requires { attrs.kernel = kernel; }) {
            const bool changed = attrs.kernel != kernel;
            attrs.kernel = kernel;
            return changed;
          } else {
            return false;
          }
        },
        node.attrs());
  }
};

}  // namespace

std::unique_ptr<Pass> CreateSelectKernels() { return std::make_unique<SelectKernels>(); }

}  // namespace mcuc
