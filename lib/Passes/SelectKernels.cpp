// Chooses for each sparse integer layer the fastest kernel of runtime/ that is proved exact for it:
//
//   const @b: i32[2] = {64, -6400}
//   %y: i8<…> = conv %x, @w, @b {mul = …, shift = …}
//   ──►
//   const @b: i8[2] = {1, -100}
//   %y: i8<…> = conv %x, @w, @b {mul = …, shift = …, kernel = pairs, bias_shift = 6}
#include <algorithm>
#include <limits>

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
      changed |= conv ? SelectConv(graph, *node, context) : SelectFc(graph, *node, context);
    }
    changed |= NarrowBiases<ConvAttrs>(graph);
    changed |= NarrowBiases<FcAttrs>(graph);
    return changed;
  }

  void Options(PassOptions& options) override {
    options.Add("band",
                "bytes of the arena that the padded copy of a convolution's input may take, or as few as it can",
                &band_);
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return "Both kernels of a `conv` decode an output channel's weights once, into a list of steps and weights, and "
           "run over it for every tile of its pixels; `list` has sums of 32 bits. A padded input is copied, a band of "
           "rows at a time, to where no tap lies in padding; the copy is part of the arena. There is no pool but a "
           "max pool of 2 x 2. `pairs` runs a `conv` whose sums fit 16 bits, by the range of its input (its type, and "
           "the activation that it comes from), its weights and its bias, for every output channel: two neighbouring "
           "sums share a word, and one product adds to both; its stride along rows is 1. `narrow` runs an `fc` with "
           "such sums. The others keep the kernels for every shape; the remarks (`--remarks`) say why. The biases of "
           "layers with such kernels are stored in 8 or 16 bits where all fit, if need be without zero bits that all "
           "of a layer end in (`bias_shift`).";
  }

 private:
  // Sets a field of the attributes of a conv or fc; false: it was so already.
  template <typename Field, typename T>
  static bool SetAttribute(Node& node, Field field, T value) {
    const auto set = [&](auto& attrs) {
      const bool changed = field(attrs) != value;
      field(attrs) = value;
      return changed;
    };
    return node.If<ConvAttrs>() ? set(std::get<ConvAttrs>(node.attrs())) : set(std::get<FcAttrs>(node.attrs()));
  }

  static bool SelectFc(Graph& graph, Node& node, const PassContext& context) {
    FcAttrs& attrs = std::get<FcAttrs>(node.attrs());
    const FcAttrs before = attrs;
    const absl::Status status = CheckKernel(node, LayerKernel::narrow);
    attrs.kernel = status.ok() ? LayerKernel::narrow : LayerKernel::plain;
    if (!status.ok()) context.Remark(graph, &node, absl::StrCat("kernel narrow: ", status.message()));
    return !(attrs == before);
  }

  bool SelectConv(Graph& graph, Node& node, const PassContext& context) const {
    ConvAttrs& attrs = std::get<ConvAttrs>(node.attrs());
    const ConvAttrs before = attrs;
    attrs.band = BandRows(node);
    attrs.kernel = LayerKernel::plain;
    for (const LayerKernel kernel : {LayerKernel::pairs, LayerKernel::list}) {
      const absl::Status status = CheckKernel(node, kernel);
      if (status.ok()) {
        attrs.kernel = kernel;
        break;
      }
      context.Remark(graph, &node, absl::StrCat("kernel ", EnumName(kernel), ": ", status.message()));
    }
    if (attrs.kernel == LayerKernel::plain) attrs.band = 0;
    return !(attrs == before);
  }

  // For a padded x the rows of a band: of whole tiles, within the copy's limit if any is, so that the least is computed
  // twice (the last band is moved back into the result) and decoded again.
  int64_t BandRows(const Node& node) const {
    ConvAttrs attrs = node.As<ConvAttrs>();
    const int64_t pool = ListPool(attrs.pool);
    if (attrs.pads == Pads{} || pool == 0) return 0;
    const Shape& y = node.result()->type().shape;
    const int64_t tile = 4 / pool, least = std::min(tile, y[2]);
    int64_t best = least;
    double best_cost = std::numeric_limits<double>::infinity();
    for (int64_t bands = 1; bands <= (y[2] + least - 1) / least; ++bands) {
      const int64_t each = (y[2] + bands - 1) / bands;
      attrs.band = std::min((each + tile - 1) / tile * tile, y[2]);
      const Band band = BandOf(attrs, node.operand(0)->type().shape, node.operand(1)->type().shape, y);
      if (band.bytes > band_ && attrs.band > least) continue;
      // Of a nonzero weight, in products.
      constexpr double kDecode = 12;
      const double computed = static_cast<double>((attrs.band + tile - 1) / tile * tile * y[3] * pool * pool);
      const double cost = static_cast<double>((y[2] + attrs.band - 1) / attrs.band) * (computed + kDecode);
      if (cost >= best_cost) continue;
      best = attrs.band;
      best_cost = cost;
    }
    return best;
  }

  // Zero bits at the end of every bias without which it fits `bits`; -1: none fits.
  static int64_t ShiftTo(const Tensor& bias, int bits) {
    for (int64_t shift = 0; shift <= 24; ++shift) {
      const int64_t unit = int64_t{1} << shift, limit = int64_t{1} << (bits - 1);
      bool divides = true, fits = true;
      for (int64_t c = 0; c < bias.elements(); ++c) {
        const int64_t b = bias.AsInt(c);
        divides &= b % unit == 0;
        fits &= b / unit >= -limit && b / unit < limit;
      }
      if (!divides) return -1;
      if (fits) return shift;
    }
    return -1;
  }

  // The biases of all layers of this kind that are not `plain` in the fewest bits into which each fits: of one width,
  // so that the layers share their kernel.
  template <typename Attrs>
  static bool NarrowBiases(Graph& graph) {
    std::vector<Node*> layers;
    for (Node* node : graph.node_vector()) {
      const auto* attrs = node->If<Attrs>();
      Value* b = attrs ? node->operand(2) : nullptr;
      if (b == nullptr || attrs->kernel == LayerKernel::plain) continue;
      if (b->type().element != ElementType::i32 || graph.Users(b).size() != 1) return false;
      layers.push_back(node);
    }
    for (const int bits : {8, 16}) {
      const auto fits = [&](Node* node) { return ShiftTo(node->operand(2)->tensor(), bits) >= 0; };
      if (layers.empty() || !std::all_of(layers.begin(), layers.end(), fits)) continue;
      for (Node* node : layers) {
        Value* b = node->operand(2);
        const int64_t shift = ShiftTo(b->tensor(), bits);
        Tensor narrow(Type{bits == 8 ? ElementType::i8 : ElementType::i16, b->type().shape, std::nullopt});
        for (int64_t c = 0; c < narrow.elements(); ++c) narrow.SetInt(c, b->tensor().AsInt(c) / (int64_t{1} << shift));
        b->set_tensor(std::move(narrow));
        SetAttribute(
            *node, [](auto& attrs) -> auto& { return attrs.bias_shift; }, shift);
      }
      return true;
    }
    return false;
  }

  int64_t band_ = 8192;
};

}  // namespace

std::unique_ptr<Pass> CreateSelectKernels() { return std::make_unique<SelectKernels>(); }

}  // namespace mcuc
