// Zeroes the weights of least magnitude to a given sparsity, each layer's or all layers' together (Magnitude.cpp).
#include "Magnitude.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

class Prune : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    absl::StatusOr<std::vector<Value*>> weights = prune::PrunableWeights(graph, skip_, context);
    if (!weights.ok()) return weights.status();
    const auto scope = scope_ == "global" ? prune::Scope::kGlobal : prune::Scope::kLayer;
    absl::StatusOr<prune::Pruned> pruned = prune::PruneMagnitude(graph, *weights, sparsity_, scope);
    if (!pruned.ok()) return pruned.status();
    for (const Value* w : *weights) {
      const Tensor& tensor = w->tensor();
      context.Remark(graph, graph.Users(w)[0],
                     absl::StrCat(w->Text(), ": ", tensor.elements() - tensor.nonzeros(), " of ", tensor.elements(),
                                  " weights are zero"));
    }
    return pruned->changed;
  }

  void Options(PassOptions& options) override {
    options.Add("sparsity", "the fraction of weights that become zero, from 0 to 1", &sparsity_);
    options.AddChoice("scope", "whether each layer gets this sparsity, or all layers together", &scope_,
                      {"layer", "global"});
    options.Add("skip", "weights that stay, by their own name or their layer's", &skip_);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "The weights of `conv`, `conv_transpose` and `fc` (float or int8) with the smallest magnitude become zero: "
           "of a layer's n weights floor(sparsity * n), of equal ones the first; weights that are zero already count. "
           "With `scope=global` magnitudes are compared across layers, of int8 weights as real numbers, so that "
           "layers with small weights lose more. For an int8 layer the zero point's share of the removed weights "
           "leaves the bias. Nothing is retrained.";
  }

 private:
  double sparsity_ = 0.5;
  std::string scope_ = "layer";
  std::vector<std::string> skip_;
};

}  // namespace

std::unique_ptr<Pass> CreatePrune() { return std::make_unique<Prune>(); }

}  // namespace mcuc
