// The one table of targets, and the modelled cost of a layer from its multiply-accumulates.
#include "mcuc/Target/Target.h"

#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {

namespace {

// Instructions a MAC, measured with test/benchmark/measure.sh. Dense int8 on cores with SMLAD or MVE: over whole layers
// of LeNet-5, ResNet-8, DS-CNN and MobileNetV1 (3x3 convolutions; pointwise ones take 1.2 on a Cortex-M4 and 0.7 on an
// M55, depthwise ones 3.5 to 6). The others: LeNet-5's second convolution with its max pool and its first fc alone,
// dense and with 15 % of the weights as csc<u8>, all that these layers execute divided by their MACs; list on cores
// with SMLAD or MVE over ResNet-8 with 30 % of the weights. What a core without an FPU pays is the compiler's
// floating-point library.
constexpr TargetInfo kTargets[] = {
    // name, summary, i8: dense conv, dense fc, sparse conv, sparse fc, f32: likewise, i8: pairs, list
    {"generic", "any core with C99", 3.9, 2.8, 8.8, 11.4, 4.0, 5.0, 9.6, 12.3, 4.2, 4.4, false},
    {"cortex-m0plus", "Armv6-M, no FPU", 8.9, 6.4, 25.7, 16.2, 130.0, 124.0, 217.0, 198.0, 7.2, 7.8, false},
    {"cortex-m3", "Armv7-M, no FPU", 3.9, 2.8, 8.8, 11.4, 50.0, 53.0, 106.0, 100.0, 4.2, 3.7, false},
    {"cortex-m4", "Armv7E-M with SMLAD and a single-precision FPU", 1.45, 2.2, 8.4, 11.4, 1.6, 2.8, 9.6, 12.3, 2.8, 2.6,
     true},
    {"cortex-m7", "Armv7E-M with SMLAD and an FPU, dual issue", 1.45, 2.2, 8.3, 11.4, 1.6, 2.8, 9.9, 12.3, 2.8, 2.6,
     true},
    {"cortex-m33", "Armv8-M with SMLAD and a single-precision FPU", 1.45, 2.2, 8.7, 11.4, 1.9, 2.8, 9.5, 12.3, 2.8, 2.6,
     true},
    {"cortex-m55", "Armv8.1-M with MVE", 0.65, 0.3, 8.7, 11.4, 1.9, 4.3, 9.5, 12.3, 1.2, 1.3, true},
    {"rv32imac", "RISC-V without an FPU", 4.5, 4.0, 10.1, 13.3, 135.0, 133.0, 198.0, 189.0, 5.4, 6.5, false},
};

// To decode a csc<u8> nonzero into a list, once for all pixels of an output channel.
constexpr double kListed = 24;

// Measured on a Cortex-M4 over densities of .05 to .3, with -O3, code with -O2.
struct GapCost {
  double each, zero;  // instructions to decode a gap beyond those of csc<u8>, and for each zero that it skips
  double code;        // bytes of code beyond those of csc<u8>
};
constexpr GapCost kGapCosts[] = {
    {-5.7, 0, -30},   // all
    {0, 0, 0},        // u8
    {5, 0.55, 95},    // u4
    {16, 1.25, 105},  // bitmap
    {23, 0, 120},     // rice
};
struct ValueCost {
  double each, code;  // instructions to decode a value, and bytes of code, beyond those of int8
};
constexpr ValueCost kValueCosts[] = {
    {0, 0},      // element
    {6.4, 22},   // i4
    {10, 45},    // i3
    {8, 25},     // n4
    {13, 55},    // n3
    {6.3, 15},   // book4
    {11.2, 45},  // book3
    {12.2, 80},  // rice
};
static_assert(std::size(kGapCosts) == static_cast<size_t>(GapCode::rice) + 1);
static_assert(std::size(kValueCosts) == static_cast<size_t>(ValueCode::rice) + 1);

// Of the kernels of fc: those of recurrent are the same, called at each step.
bool IsProduct(const Node& node) { return node.If<FcAttrs>() || node.If<RecurrentAttrs>(); }

const GapCost& CostOf(GapCode code) { return kGapCosts[static_cast<size_t>(code)]; }
const ValueCost& CostOf(ValueCode code) { return kValueCosts[static_cast<size_t>(code)]; }

}  // namespace

std::vector<const TargetInfo*> Target::All() {
  std::vector<const TargetInfo*> all;
  for (const TargetInfo& info : kTargets) all.push_back(&info);
  return all;
}

absl::StatusOr<Target> Target::ByName(const std::string& name) {
  for (const TargetInfo& info : kTargets) {
    if (name == info.name) return Target(&info);
  }
  const std::string known =
      absl::StrJoin(All(), ", ", [](std::string* out, const TargetInfo* info) { *out += info->name; });
  return absl::InvalidArgumentError(absl::StrCat("no target \"", name, "\"; there are: ", known));
}

double Target::Instructions(const Node& node, Encoding encoding) const {
  const bool conv = node.If<ConvAttrs>() != nullptr;
  if (!conv && !IsProduct(node)) return 0;
  const bool sparse = encoding != Encoding::kDense;
  // A float input makes a float layer, whatever its weights are stored as (N20).
  const bool real = node.operand(0)->type().is_float();
  const TargetInfo& t = *info_;
  double each = 0;
  if (sparse) {
    each = conv ? (real ? t.sparse_conv_f32 : t.sparse_conv_i8) : (real ? t.sparse_fc_f32 : t.sparse_fc_i8);
  } else {
    each = conv ? (real ? t.dense_conv_f32 : t.dense_conv_i8) : (real ? t.dense_fc_f32 : t.dense_fc_i8);
  }
  const LayerKernel kernel = sparse && !real && conv ? KernelIfEncoded(node) : LayerKernel::plain;
  if (kernel != LayerKernel::plain) {
    const Tensor& w = node.operand(1)->tensor();
    const auto nonzeros = static_cast<double>(w.nonzeros()), zeros = static_cast<double>(w.elements()) - nonzeros;
    const GapCost& gaps = CostOf(encoding.gaps);
    const double values = encoding.gaps == GapCode::all ? nonzeros + zeros : nonzeros;
    return (kernel == LayerKernel::pairs ? t.pairs_conv_i8 : t.list_conv_i8) * static_cast<double>(MacsOf(node, true)) +
           (kListed + gaps.each + CostOf(encoding.values).each) * values + gaps.zero * zeros;
  }
  const auto macs = static_cast<double>(MacsOf(node, encoding.gaps != GapCode::all));
  if (!sparse) return each * macs;
  // What decoding costs beyond csc<u8> is shared by the pixels of two blocks in a convolution.
  const double shared = conv ? 8 : 1;
  const GapCost& gaps = CostOf(encoding.gaps);
  const double zeros = static_cast<double>(MacsOf(node)) - macs;
  return (each + (gaps.each + CostOf(encoding.values).each) / shared) * macs + gaps.zero / shared * zeros;
}

Target::Kernel Target::KernelOf(const Node& node, Encoding encoding) const {
  const bool conv = node.If<ConvAttrs>() != nullptr;
  if (!conv && !IsProduct(node)) return {};
  const bool real = node.operand(0)->type().is_float();
  const std::string name = absl::StrCat(conv ? "conv" : "fc", real ? "_f32 " : " ", EncodingText(encoding));
  if (encoding == Encoding::kDense) return {name, conv ? 650.0 : 290.0};
  const LayerKernel kernel = real ? LayerKernel::plain : KernelIfEncoded(node);
  if (conv && kernel != LayerKernel::plain) {
    const bool max = ListPool(node.As<ConvAttrs>().pool) > 1;
    return {absl::StrCat(name, " ", EnumName(kernel), max ? " max" : ""),
            660.0 + CostOf(encoding.gaps).code + CostOf(encoding.values).code};
  }
  return {name, (conv ? 640.0 : 150.0) + CostOf(encoding.gaps).code + CostOf(encoding.values).code};
}

int64_t Target::FlashOf(const Graph& graph) const {
  // Of a call with its shape, and of the loops of an operation that is no conv or fc; medians over emitted code.
  constexpr double kCall = 70, kOther = 220;
  // What the paths with SMLAD or MVE add to a dense int8 kernel.
  constexpr double kSimdConv = 4300, kSimdDepthwise = 5500, kSimdFc = 500;
  // What computing by tiles adds to a dense float kernel.
  constexpr double kTiledConv = 3450, kTiledFc = 660;
  double bytes = 0;
  for (const Value* constant : graph.constants()) bytes += static_cast<double>(constant->tensor().storage_bytes());
  std::map<std::string, double> code;
  for (const auto& node : graph.nodes()) {
    const Op op = node->op();
    if (op == Op::kReshape || op == Op::kIdentity) continue;
    bytes += kCall;
    std::visit(
        [&](const auto& attrs) {
          if constexpr (requires { attrs.mul; }) {
            bytes += 4 * static_cast<double>(attrs.mul.size()) + static_cast<double>(attrs.shift.size());
          }
        },
        node->attrs());
    const bool layer = op == Op::kConv || IsProduct(*node);
    const Kernel kernel = layer ? KernelOf(*node, node->operand(1)->type().encoding) : Kernel{node->op_name(), kOther};
    code[kernel.name] = kernel.bytes;
    const Type& x = node->operand(0)->type();
    if (layer && node->operand(1)->type().is_float() && node->operand(1)->type().encoding == Encoding::kDense) {
      code[op == Op::kConv ? "tiled conv" : "tiled fc"] = op == Op::kConv ? kTiledConv : kTiledFc;
    }
    if (!info_->simd || !layer || x.is_float() || node->operand(1)->type().encoding != Encoding::kDense) continue;
    const auto* conv = node->If<ConvAttrs>();
    const bool depthwise = conv && conv->group > 1 && node->operand(1)->type().shape[1] == 1;
    code[!conv       ? "simd fc"
         : depthwise ? "simd depthwise"
                     : "simd conv"] = !conv       ? kSimdFc
                                      : depthwise ? kSimdDepthwise
                                                  : kSimdConv;
  }
  for (const auto& [name, size] : code) bytes += size;
  return static_cast<int64_t>(bytes);
}

}  // namespace mcuc
