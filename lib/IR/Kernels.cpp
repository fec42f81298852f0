// What each kernel takes for granted. The numbers are those of the fields in runtime/conv_words.h and of N2.
#include "mcuc/IR/Kernels.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Bounds.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

namespace {

template <typename... Args>
absl::Status No(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

Interval WholeRange(const Type& type) { return {IntegerMin(type.element), IntegerMax(type.element)}; }

Interval Hull(Interval a, Interval b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

// Behind an activation that lets nothing negative through no integer lies below the zero point (N3).
Interval Behind(const Act& act, const Type& type) {
  Interval range = WholeRange(type);
  if (act.kind == ActKind::relu || (act.kind == ActKind::clip && act.lo >= 0)) range.lo = type.quant->zero_point();
  return range;
}

bool IsInteger8(const Type& type) { return type.element == ElementType::i8 && type.quant && type.quant->per_tensor(); }

constexpr int kDeepest = 64;  // nested concats

Interval RangeAt(const Value* value, int depth) {
  while (value->def()) {
    const Type& type = value->type();
    const Node& node = *value->def();
    if (const auto* conv = node.If<ConvAttrs>()) return Behind(conv->act, type);
    if (const auto* fc = node.If<FcAttrs>()) return Behind(fc->act, type);
    if (const auto* binary = node.If<BinaryAttrs>()) return Behind(binary->act, type);
    if (const auto* unary = node.If<UnaryAttrs>()) {
      if (unary->fn == UnaryFn::relu) return Behind(Act{ActKind::relu, 0, 0}, type);
      if (unary->fn == UnaryFn::clip) return Behind(Act{ActKind::clip, unary->alpha, unary->beta}, type);
      return WholeRange(type);
    }
    if (const auto* concat = node.If<ConcatAttrs>(); concat && concat->mul.empty() && depth < kDeepest) {
      Interval range = RangeAt(node.operand(0), depth + 1);
      for (const Value* operand : node.operands()) range = Hull(range, RangeAt(operand, depth + 1));
      return range;
    }
    const bool keeps = node.If<ReshapeAttrs>() || node.If<IdentityAttrs>() || node.If<TransposeAttrs>() ||
                       node.If<SliceAttrs>() || node.If<MaxPoolAttrs>() || node.If<GatherAttrs>();
    if (!keeps) return WholeRange(type);
    value = node.operand(0);
  }
  return WholeRange(value->type());
}

const Multipliers& ShiftsOf(const Node& node) {
  return node.If<ConvAttrs>() ? node.As<ConvAttrs>().shift : node.As<FcAttrs>().shift;
}

// N2 in products of 32 bits (runtime/requantize_16.h).
absl::Status CheckNarrowSums(const Node& node) {
  for (const int32_t shift : ShiftsOf(node)) {
    if (shift < -16) return No("shift ", shift, " is below -16");
  }
  const std::vector<Interval> ranges = AccumulatorRanges(node);
  for (size_t c = 0; c < ranges.size(); ++c) {
    if (ranges[c].lo >= INT16_MIN && ranges[c].hi <= INT16_MAX) continue;
    return No("the sums of output channel ", c, " lie within [", ranges[c].lo, ", ", ranges[c].hi,
              "], which are more than 16 bits");
  }
  return absl::OkStatus();
}

// Every step between the words of a list fits 16 bits, whether a kernel moves on by `back` for each word itself or not.
absl::Status CheckSteps(const ConvAttrs& attrs, Pitch pitch, const Tensor& w, int64_t back) {
  const Shape& filter = w.type().shape;
  const int64_t length = ColumnLength(w.type()), area = filter[2] * filter[3];
  int64_t column = -1, before = -1, most = 0;
  const absl::Status status = VisitValues(w, [&](int64_t position, double value) {
    if (value == 0) return;
    const int64_t k = position % length, c = k / area, ky = k % area / filter[3], kx = k % filter[3];
    const int64_t at = c * pitch.plane + ky * attrs.dilations[0] * pitch.row + kx * attrs.dilations[1];
    if (position / length != column) before = -1;
    column = position / length;
    most = std::max(most, std::max(std::abs(at - before), back));
    before = at;
  });
  if (!status.ok()) return status;
  return most <= INT16_MAX ? status : No("a step of ", most, " bytes from one weight's input to the next one's");
}

absl::Status CheckList(const Node& node, const ConvAttrs& attrs, bool pairs) {
  const Tensor& w = node.operand(1)->tensor();
  const Shape &filter = w.type().shape, &y = node.result()->type().shape;
  const int64_t pool = ListPool(attrs.pool);
  if (pool == 0) return No("only a max pool of 2 x 2 without padding is fused with it");
  if (pairs && attrs.strides[1] != 1) return No("its stride along a row is ", attrs.strides[1], ", not 1");
  const int64_t least = 4 / pool, least_rows = (pairs ? 4 : 2) / pool;
  if (y[3] < least || y[2] < least_rows) {
    return No("the result is smaller than a tile of ", least_rows, " x ", least);
  }
  if (attrs.band == 0 && attrs.pads != Pads{}) return No("x is padded, and there is no band");
  if (attrs.band != 0 && (attrs.band < least_rows || attrs.band > y[2])) {
    return No("a band of ", attrs.band, " rows of the result, which must be from ", least_rows, " to ", y[2]);
  }
  const Pitch from = ListPitch(node, attrs), to = PitchOf(*node.result());
  const int64_t rows = filter[1] * filter[2];
  constexpr int64_t kReciprocal = 65536, kMostField = UINT16_MAX;
  if ((rows * filter[3] + 1) * filter[3] > kReciprocal || (rows + 1) * filter[2] > kReciprocal ||
      filter[0] > kMostField || from.plane > INT16_MAX || attrs.strides[0] * from.row > kMostField ||
      filter[2] * attrs.dilations[0] * from.row > INT16_MAX || filter[3] * attrs.dilations[1] > INT16_MAX ||
      y[2] * y[3] > kMostField || to.plane > kMostField || to.row > kMostField) {
    return No("its sizes are over 16 bits");
  }
  return CheckSteps(attrs, from, w, attrs.strides[0] * from.row);
}

// What CheckKernel asks of the node, with these attributes if it is a conv, but for the encoding of the weights.
absl::Status CheckEncoded(const Node& node, const ConvAttrs* conv, LayerKernel kernel) {
  const Value &x = *node.operand(0), &w = *node.operand(1);
  if (!IsInteger8(x.type()) || !w.is_constant() || w.type().element != ElementType::i8) {
    return No("x must be int8 and the weights constant int8");
  }
  if (const Value* b = node.operand(2); b && !b->is_constant()) return No("the bias must be a constant");
  if (conv != nullptr) {
    if (kernel == LayerKernel::narrow) return No("a conv has no such kernel");
    const bool pairs = kernel == LayerKernel::pairs;
    const absl::Status status = CheckList(node, *conv, pairs);
    return status.ok() && pairs ? CheckNarrowSums(node) : status;
  }
  return kernel == LayerKernel::narrow ? CheckNarrowSums(node) : No("an fc has no such kernel");
}

}  // namespace

Pitch ListPitch(const Node& node, const ConvAttrs& attrs) {
  const Value& x = *node.operand(0);
  if (attrs.band == 0) return PitchOf(x);
  const Band band = BandOf(attrs, x.type().shape, node.operand(1)->type().shape, node.result()->type().shape);
  return {band.width, band.in_rows * band.width};
}

Interval RangeOf(const Value& value) { return RangeAt(&value, 0); }

std::vector<Interval> AccumulatorRanges(const Node& node) {
  const Value &x = *node.operand(0), &w = *node.operand(1);
  Interval range = RangeOf(x);
  const auto* conv = node.If<ConvAttrs>();
  if (conv && conv->pads != Pads{}) {
    const int64_t zero = x.type().quant->zero_point();
    range = Hull(range, {zero, zero});
  }
  const int64_t length = ColumnLength(w.type());
  std::vector<Interval> ranges(static_cast<size_t>(Columns(w.type())));
  for (size_t c = 0; c < ranges.size(); ++c) ranges[c].lo = ranges[c].hi = BiasAt(node, static_cast<int64_t>(c));
  // Streams that fit no shape are reported by CheckEncoding.
  (void)VisitValues(w.tensor(), [&](int64_t position, double value) {
    Interval& sum = ranges[static_cast<size_t>(position / length)];
    const auto weight = static_cast<int64_t>(value);
    sum.lo += std::min(weight * range.lo, weight * range.hi);
    sum.hi += std::max(weight * range.lo, weight * range.hi);
  });
  return ranges;
}

int64_t ListPool(const Pool& pool) {
  if (pool.kind == PoolKind::none) return 1;
  const bool two = pool.kernel == Pair{2, 2} && pool.strides == Pair{2, 2} && pool.pads == Pads{} && !pool.ceil;
  return pool.kind == PoolKind::max && two ? 2 : 0;
}

Band BandOf(const ConvAttrs& attrs, const Shape& x, const Shape& w, const Shape& y) {
  if (attrs.band == 0) return {y[2], x[2], x[3], 0};
  Band band{attrs.band, 0, x[3] + attrs.pads[1] + attrs.pads[3], 0};
  const int64_t last = attrs.band * ListPool(attrs.pool) - 1;  // of the rows of the convolution
  band.in_rows = last * attrs.strides[0] + (w[2] - 1) * attrs.dilations[0] + 1;
  band.bytes = x[1] * band.in_rows * band.width;
  return band;
}

namespace {

// Of the list of words, unless that lies on the stack.
int64_t ListBytes(const Tensor& w) {
  const int64_t words = ListWords(w);
  return words > kMostStackWords ? 4 * words : 0;
}

}  // namespace

KernelMemory MemoryOf(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  if (const Walk walk = WalkOf(node); walk.kind != WalkKind::kWhole) {
    const bool list = conv && conv->kernel != LayerKernel::plain;
    return {list ? ListBytes(node.operand(1)->tensor()) : 0, walk.copy_bytes + walk.result_bytes};
  }
  if (!conv || conv->kernel == LayerKernel::plain) return {};
  const Value &x = *node.operand(0), &w = *node.operand(1);
  // Of a node that breaks the rules for it nothing is known.
  const Type& y = node.result()->type();
  if (!w.is_constant() || !InferShape(node.attrs(), {&x.type(), &w.type()}, &y.shape).ok() || y.rank() != 4 ||
      conv->band < 0 || conv->band > y.shape[2]) {
    return {};
  }
  return {ListBytes(w.tensor()), BandOf(*conv, x.type().shape, w.type().shape, node.result()->type().shape).bytes};
}

int64_t ListWords(const Tensor& w) {
  std::vector<int64_t> words(static_cast<size_t>(Columns(w.type())), 2);
  (void)VisitValues(w, [&](int64_t position, double value) {
    if (value != 0) ++words[static_cast<size_t>(position / ColumnLength(w.type()))];
  });
  return *std::max_element(words.begin(), words.end());
}

int64_t* ScratchOf(Node& node) {
  if (auto* conv = node.If<ConvAttrs>()) return &conv->scratch;
  if (auto* pool = node.If<MaxPoolAttrs>()) return &pool->scratch;
  auto* pool = node.If<AvgPoolAttrs>();
  return pool ? &pool->scratch : nullptr;
}

absl::Status CheckKernel(const Node& node, LayerKernel kernel) {
  if (kernel == LayerKernel::plain) return absl::OkStatus();
  const auto* conv = node.If<ConvAttrs>();
  if (!conv && !node.If<FcAttrs>()) return No(node.op_name(), " has no kernels to choose from");
  const Value& w = *node.operand(1);
  if (w.is_constant() && w.type().encoding == Encoding::kDense) return No("its weights are not encoded");
  return CheckEncoded(node, conv, kernel);
}

LayerKernel KernelIfEncoded(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  if (!conv) {
    return node.If<FcAttrs>() && CheckEncoded(node, nullptr, LayerKernel::narrow).ok() ? LayerKernel::narrow
                                                                                       : LayerKernel::plain;
  }
  ConvAttrs attrs = *conv;
  const int64_t pool = ListPool(attrs.pool);
  if (attrs.pads != Pads{} && pool > 0) attrs.band = std::min(4 / pool, node.result()->type().shape[2]);
  for (const LayerKernel kernel : {LayerKernel::pairs, LayerKernel::list}) {
    if (CheckEncoded(node, &attrs, kernel).ok()) return kernel;
  }
  return LayerKernel::plain;
}

}  // namespace mcuc
