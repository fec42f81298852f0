// The rules of each operation on the types of its operands and result, its attributes, and the constants that keep its
// integer arithmetic within 32 bits; [N…] are those of docs/numerics.md. One overload of Rule an operation.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "Verifier.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Bounds.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Recurrent.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

namespace {

bool IsPlain(const Type& type, ElementType element) { return type.element == element && !type.quant; }
bool IsF32(const Type& type) { return IsPlain(type, ElementType::f32); }
// An activation of integer arithmetic.
bool IsQ8(const Type& type) { return type.element == ElementType::i8 && type.quant && type.quant->per_tensor(); }
bool IsNumeric(const Type& type) { return !type.quant && type.element != ElementType::b8; }
bool SameKind(const Type& a, const Type& b) { return a.element == b.element && a.quant == b.quant; }

constexpr int64_t kMostDifference = 255;  // |x - zero point| of an int8

}  // namespace

class NodeRules {
 public:
  NodeRules(Verifier& verifier, const Node& node) : verifier_(verifier), node_(node), y_(node.result()->type()) {}

  void Check();

 private:
  template <typename... Args>
  void Error(const Args&... args) {
    verifier_.Error(node_, args...);
  }
  // "x f32[4], w i8<0.1:0>[3x4] and the result f32[3]: " and what they should be.
  void TypesError(const std::string& rule);
  const Type& Operand(size_t i) const { return node_.operand(i)->type(); }
  bool Has(size_t i) const { return i < node_.operands().size(); }

  void CheckAct(const Act& act);
  // Both sizes must be `size` or, where `channels` is over 0, that many; the values must be N2's.
  bool CheckMultipliers(const Multipliers& mul, const Multipliers& shift, size_t size, size_t channels = 0);
  void CheckNoMultipliers(const Multipliers& mul, const Multipliers& shift, const char* why);
  // The largest |accumulator|, with the shift, must stay below N4's limit.
  void CheckAccumulator(int64_t bound, int32_t shift, const std::string& what);

  template <typename Attrs>
  void ConvOrFc(const Attrs& attrs);
  void CheckWeights(size_t i = 1);
  template <typename Attrs>
  void CheckBounds(const Attrs& attrs);
  void Float();
  void Move();     // quantized or not, the result is of the operand's element type and quantization
  void Indices();  // the result is indices of elements that can be ordered

  void Rule(const ConvAttrs& attrs);
  void Rule(const ConvTransposeAttrs& attrs) { Float(), CheckAct(attrs.act); }
  void Rule(const FcAttrs& attrs) { ConvOrFc(attrs); }
  void Rule(const MatMulAttrs& attrs) { Float(), CheckAct(attrs.act); }
  void Rule(const RecurrentAttrs& attrs);
  void Rule(const MaxPoolAttrs&);
  void Rule(const AvgPoolAttrs& attrs);
  void Rule(const ReduceAttrs& attrs);
  void Rule(const UnaryAttrs& attrs);
  void Rule(const BinaryAttrs& attrs);
  void Rule(const CompareAttrs&);
  void Rule(const SelectAttrs&);
  void Rule(const SoftmaxAttrs& attrs);
  void Rule(const LutAttrs&);
  void Rule(const ReshapeAttrs&) { Move(); }
  void Rule(const TransposeAttrs&) { Move(); }
  void Rule(const ConcatAttrs& attrs);
  void Rule(const SliceAttrs&) { Move(); }
  void Rule(const PadAttrs& attrs);
  void Rule(const GatherAttrs& attrs);
  void Rule(const ExpandAttrs&) { Move(); }
  void Rule(const ScatterAttrs& attrs);
  void Rule(const CumSumAttrs&);
  void Rule(const TopKAttrs&) { Indices(); }
  void Rule(const TreesAttrs& attrs);
  void Rule(const DistanceAttrs&) { Float(); }
  void Rule(const CoupleAttrs&) { Float(); }
  void Rule(const ArgReduceAttrs&) { Indices(); }
  void Rule(const ResizeAttrs&);
  void Rule(const CastAttrs&);
  void Rule(const IdentityAttrs&) { Move(); }
  void Rule(const QuantizeAttrs&);
  void Rule(const DequantizeAttrs&);
  void Rule(const RequantizeAttrs& attrs);
  void Rule(const std::monostate&) {}

  Verifier& verifier_;
  const Node& node_;
  const Type& y_;
};

void NodeRules::TypesError(const std::string& rule) {
  const OpInfo& info = InfoOf(node_.op());
  std::string text;
  for (size_t i = 0; i < node_.operands().size(); ++i) {
    absl::StrAppend(&text, info.operands[std::min(i, info.operands.size() - 1)], " ", TypeText(Operand(i)), ", ");
  }
  Error(text, "result ", TypeText(y_), ": ", rule);
}

void NodeRules::CheckAct(const Act& act) {
  if (act.kind != ActKind::clip || act.lo <= act.hi) return;  // false for a NaN
  Error("clip(", FloatText(act.lo), ", ", FloatText(act.hi), "): the lower bound must not be above the upper one");
}

bool NodeRules::CheckMultipliers(const Multipliers& mul, const Multipliers& shift, size_t size, size_t channels) {
  for (const auto& [name, list] : {std::pair("mul", &mul), std::pair("shift", &shift)}) {
    if (list->size() == size || (channels > 0 && list->size() == channels)) continue;
    Error(name, " has ", list->size(), " entries; it must have ", size,
          channels > 0 ? absl::StrCat(" or ", channels, ", one an output channel") : "");
    return false;
  }
  for (int32_t m : mul) {
    if (m == 0 || m >= 1 << 30) continue;
    Error("mul holds ", m, "; it must be 0 or within [2^30, 2^31) [N2]");
    return false;
  }
  for (int32_t s : shift) {
    if (s >= -31 && s <= 7) continue;
    Error("shift holds ", s, "; it must be within [-31, 7] [N2]");
    return false;
  }
  return true;
}

void NodeRules::CheckNoMultipliers(const Multipliers& mul, const Multipliers& shift, const char* why) {
  if (!mul.empty() || !shift.empty()) Error("mul and shift must be empty: ", why);
}

void NodeRules::CheckAccumulator(int64_t bound, int32_t shift, const std::string& what) {
  const int32_t left = std::max(shift, 0);
  if (bound < kAccumulatorLimit && bound < (kAccumulatorLimit + (int64_t{1} << left) - 1) >> left) return;
  Error(what, " may reach ", bound, ", with its shift of ", shift, " beyond the limit of 2^31 - 2^8 [N4]");
}

void NodeRules::Float() {
  bool good = IsF32(y_);
  for (size_t i = 0; i < node_.operands().size(); ++i) good &= IsF32(Operand(i));
  if (!good) TypesError(absl::StrCat(node_.op_name(), " takes and gives f32 only"));
}

void NodeRules::Move() {
  if (!SameKind(Operand(0), y_)) TypesError("element type and quantization must stay [N19]");
}

void NodeRules::Check() {
  std::vector<const Type*> types;
  for (const Value* operand : node_.operands()) types.push_back(&operand->type());
  const auto shape = InferShape(node_.attrs(), types, &y_.shape);
  if (!shape.ok()) return Error(shape.status().message());
  if (*shape != y_.shape) {
    return Error("the result is declared [", ShapeText(y_.shape), "], but the operands make it [", ShapeText(*shape),
                 "]");
  }
  std::visit([&](const auto& attrs) { Rule(attrs); }, node_.attrs());
}

void NodeRules::Rule(const ConvAttrs& attrs) {
  if (attrs.pool.kind == PoolKind::avg && attrs.act.kind == ActKind::clip) {
    Error("clip can't stand before a fused average pool; none and relu can [N6]");
  }
  const Walk walk = WalkOf(node_);
  const bool copies = walk.copies || walk.result_bytes > 0;
  if (attrs.kernel == LayerKernel::plain && (attrs.band != 0 || (attrs.scratch != -1 && !copies))) {
    Error("the kernel plain has neither a band nor memory of its own");
  }
  ConvOrFc(attrs);
}

template <typename Attrs>
void NodeRules::ConvOrFc(const Attrs& attrs) {
  CheckAct(attrs.act);
  const Type &x = Operand(0), &w = Operand(1);
  const bool f32_bias = !Has(2) || IsF32(Operand(2));
  const bool listed = attrs.kernel != LayerKernel::plain;
  if (listed && IsF32(x)) Error("kernel = ", EnumName(attrs.kernel), ": x must be int8");
  const int64_t most_shift = listed ? 24 : 0, bias_shift = attrs.bias_shift;
  if (bias_shift < 0 || bias_shift > most_shift) {
    return Error("bias_shift = ", bias_shift, "; it must be within [0, ", most_shift, "], and 0 for the kernel plain");
  }
  if (IsF32(x) && IsF32(w) && f32_bias && IsF32(y_)) {
    return CheckNoMultipliers(attrs.mul, attrs.shift, "the operation is float");
  }
  const bool int8_weights = w.element == ElementType::i8 && w.quant;
  if (IsF32(x) && int8_weights && f32_bias && (IsF32(y_) || IsQ8(y_))) {
    CheckWeights();
    return CheckNoMultipliers(attrs.mul, attrs.shift, "with a float operand the operation computes in float [N20]");
  }
  const auto bias_element = [&] { return Operand(2).element; };
  const bool int_bias = !Has(2) || bias_element() == ElementType::i32 ||
                        (listed && (bias_element() == ElementType::i16 || bias_element() == ElementType::i8));
  if (!IsQ8(x) || !int8_weights || !int_bias || !IsQ8(y_)) {
    return TypesError(
        "must be all f32; or x, w and the result quantized i8 and b i32 (of some kernels i16 or i8); or x and b f32, w "
        "quantized i8 and the result "
        "f32 or quantized i8 [N4, N20]");
  }
  CheckWeights();
  if (Has(2) && Operand(2).quant) {
    const auto& zero_points = Operand(2).quant->zero_points;
    if (std::any_of(zero_points.begin(), zero_points.end(), [](int32_t z) { return z != 0; })) {
      Error("the zero points of the bias must be 0 [N1]");
    }
  }
  if (CheckMultipliers(attrs.mul, attrs.shift, 1, static_cast<size_t>(w.shape[0]))) CheckBounds(attrs);
  if (const absl::Status s = CheckKernel(node_, attrs.kernel); !s.ok()) {
    Error("kernel = ", EnumName(attrs.kernel), ": ", s.message());
  }
}

void NodeRules::CheckWeights(size_t i) {
  const Value& w = *node_.operand(i);
  const Quantization& quant = *w.type().quant;
  if (quant.axis > 0)
    Error(w.Text(), " is quantized along axis ", quant.axis, "; weights are along axis 0 or not [N1]");
  if (std::any_of(quant.zero_points.begin(), quant.zero_points.end(), [](int32_t z) { return z != 0; })) {
    Error(w.Text(), " has a zero point; that of weights must be 0 [N1]");
  }
}

template <typename Attrs>
void NodeRules::CheckBounds(const Attrs& attrs) {
  const auto bounds = AccumulatorBounds(node_);
  if (!bounds.ok()) return Error(bounds.status().message(), " [N4]");
  for (size_t c = 0; c < bounds->size(); ++c) {
    const int errors = verifier_.errors_;
    CheckAccumulator((*bounds)[c], attrs.shift[attrs.shift.size() == 1 ? 0 : c],
                     absl::StrCat("the accumulator of output channel ", c));
    if (verifier_.errors_ != errors) return;  // one channel says enough
  }
}

void NodeRules::Rule(const MaxPoolAttrs&) {
  if (!SameKind(Operand(0), y_) || (!IsF32(y_) && !IsQ8(y_))) {
    TypesError("must be f32, or quantized i8 of one scale and zero point [N7]");
  }
}

void NodeRules::Rule(const AvgPoolAttrs& attrs) {
  if (IsF32(Operand(0)) && IsF32(y_)) return CheckNoMultipliers(attrs.mul, attrs.shift, "the operation is float");
  if (!IsQ8(Operand(0)) || !IsQ8(y_)) return TypesError("must be f32, or quantized i8 [N8]");
  if (!CheckMultipliers(attrs.mul, attrs.shift, 1)) return;
  const int64_t window = attrs.kernel[0] * attrs.kernel[1];
  if (window > 4096) return Error("the window has ", window, " elements; quantized it may have 4096 [N8]");
  // Where a window may be partial its sum is first scaled by the whole window.
  const bool partial = attrs.pads != Pads{} || attrs.ceil;
  CheckAccumulator(kMostDifference * window * (partial ? window : 1), 0, "the sum over a window");
  CheckAccumulator(kMostDifference * window, attrs.shift[0], "the sum over a window");
}

void NodeRules::Rule(const ReduceAttrs& attrs) {
  const Type& x = Operand(0);
  if (!x.quant) {
    if (!SameKind(x, y_) || !IsNumeric(x)) TypesError("must be of one numeric element type");
    return CheckNoMultipliers(attrs.mul, attrs.shift, "the operation is not quantized");
  }
  if (!IsQ8(x) || !IsQ8(y_)) return TypesError("must be of one numeric element type, or quantized i8 [N9]");
  if (attrs.fn == ReduceFn::prod) return Error("prod has no quantized form");
  if (attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min) {
    if (!SameKind(x, y_)) TypesError("max and min keep scale and zero point [N9]");
    return CheckNoMultipliers(attrs.mul, attrs.shift, "max and min keep scale and zero point [N9]");
  }
  if (!CheckMultipliers(attrs.mul, attrs.shift, 1)) return;
  const int64_t n = x.elements() / y_.elements();
  if (n > int64_t{1} << 22) return Error("reduces ", n, " elements to one; quantized it may be 2^22 [N9]");
  CheckAccumulator(kMostDifference * n, attrs.shift[0], absl::StrCat("the sum of ", n, " elements"));
}

void NodeRules::Rule(const UnaryAttrs& attrs) {
  const Type& x = Operand(0);
  const bool clamps = attrs.fn == UnaryFn::relu || attrs.fn == UnaryFn::clip;
  if (attrs.fn == UnaryFn::clip && !(attrs.alpha <= attrs.beta)) {
    Error("clip from alpha = ", FloatText(attrs.alpha), " to beta = ", FloatText(attrs.beta),
          ": the lower bound must not be above the upper one");
  }
  if (!SameKind(x, y_)) return TypesError("element type and quantization must stay [N10]");
  if (x.quant) {
    if (!IsQ8(x)) return TypesError("quantized must be i8 [N10]");
    if (!clamps)
      Error(EnumName(attrs.fn), " has no quantized form; relu and clip have, others become a lut [N10, N13]");
    return;
  }
  if (attrs.fn == UnaryFn::bit_not) {
    if (IsFloat(x.element)) TypesError("bit_not takes integers and b8");
    return;
  }
  if (!IsNumeric(x)) return TypesError("must be numeric");
  if (IsFloat(x.element) || clamps || attrs.fn == UnaryFn::abs || attrs.fn == UnaryFn::neg ||
      attrs.fn == UnaryFn::sign) {
    return;
  }
  TypesError(absl::StrCat(EnumName(attrs.fn),
                          " takes f32 and f64 only; integers take relu, clip, abs, neg, sign and bit_not"));
}

void NodeRules::Rule(const BinaryAttrs& attrs) {
  const Type &a = Operand(0), &b = Operand(1);
  CheckAct(attrs.act);
  if (!a.quant && !b.quant && !y_.quant) {
    const bool logic = attrs.fn == BinaryFn::bit_and || attrs.fn == BinaryFn::bit_or || attrs.fn == BinaryFn::bit_xor;
    if (!SameKind(a, b) || !SameKind(a, y_) || (!IsNumeric(a) && !logic)) {
      return TypesError("must be of one numeric element type; bit_and, bit_or and bit_xor may be of b8");
    }
    const bool integer =
        logic || attrs.fn == BinaryFn::mod || attrs.fn == BinaryFn::shift_left || attrs.fn == BinaryFn::shift_right;
    if (integer && IsFloat(a.element)) TypesError(absl::StrCat(EnumName(attrs.fn), " takes integers only"));
    if (attrs.act.kind != ActKind::none && !IsFloat(a.element))
      TypesError("an activation needs a float or quantized type");
    if (attrs.fn == BinaryFn::prelu && !IsFloat(a.element)) TypesError("prelu takes f32 and f64 only");
    return CheckNoMultipliers(attrs.mul, attrs.shift, "the operation is not quantized");
  }
  if (!IsQ8(a) || !IsQ8(b) || !IsQ8(y_)) return TypesError("must be of one numeric element type, or all quantized i8");
  if (attrs.fn == BinaryFn::mul) {
    CheckMultipliers(attrs.mul, attrs.shift, 1);
    return;
  }
  if (attrs.fn == BinaryFn::min || attrs.fn == BinaryFn::max) {
    if (!SameKind(a, y_) || !SameKind(b, y_)) TypesError("min and max are of one scale and zero point [N12]");
    return CheckNoMultipliers(attrs.mul, attrs.shift, "min and max keep scale and zero point [N12]");
  }
  if (attrs.fn != BinaryFn::add && attrs.fn != BinaryFn::sub) {
    return Error(EnumName(attrs.fn), " has no quantized form; add, sub, mul, min and max have [N11, N12]");
  }
  if (attrs.mul.size() != 2 || attrs.shift.size() != 1) {
    return Error("mul has ", attrs.mul.size(), " and shift ", attrs.shift.size(),
                 " entries; a quantized add or sub has 2 and 1 [N11]");
  }
  for (int32_t m : attrs.mul) {
    if (std::abs(int64_t{m}) > 1 << 21) Error("mul holds ", m, "; it must be within [-2^21, 2^21] [N11]");
  }
  if (attrs.shift[0] < 1 || attrs.shift[0] > 30)
    Error("shift is ", attrs.shift[0], "; it must be within [1, 30] [N11]");
}

void NodeRules::Rule(const CompareAttrs&) {
  if (!SameKind(Operand(0), Operand(1)) || Operand(0).quant || !IsPlain(y_, ElementType::b8)) {
    TypesError("a and b must be of one element type, not quantized, and the result b8");
  }
}

void NodeRules::Rule(const SelectAttrs&) {
  if (!IsPlain(Operand(0), ElementType::b8) || !SameKind(Operand(1), Operand(2)) || !SameKind(Operand(1), y_)) {
    TypesError("c must be b8, and a, b and the result of one element type and quantization");
  }
}

void NodeRules::Rule(const SoftmaxAttrs& attrs) {
  const Type& x = Operand(0);
  if (IsF32(x) && IsF32(y_)) {
    if (Has(1)) Error("a float softmax takes no table");
    return;
  }
  if (!IsQ8(x) || !IsQ8(y_)) return TypesError("must be f32, or quantized i8 [N14]");
  if (attrs.log) return Error("the logarithm of softmax has no quantized form");
  if (y_.quant->scale() != 1.0f / 256 || y_.quant->zero_point() != -128) {
    TypesError("the result of a quantized softmax has scale 1/256 and zero point -128 [N14]");
  }
  if (!Has(1) || !node_.operand(1)->is_constant() || !IsPlain(Operand(1), ElementType::i32)) {
    return Error("a quantized softmax takes a constant table i32[256] [N14]");
  }
  // The sum of a row stays within 2^30, and is not 0 since the row's largest element adds table[0].
  const auto n = static_cast<uint64_t>(x.shape[static_cast<size_t>(attrs.axis)]);
  const int64_t most = int64_t{1} << std::min(22, 30 - static_cast<int>(std::bit_width(n - 1)));
  const Tensor& table = node_.operand(1)->tensor();
  for (int64_t i = 0; i < 256; ++i) {
    const int64_t entry = table.AsInt(i), least = i == 0 ? 1 : 0;
    if (entry >= least && entry <= most) continue;
    return Error("table[", i, "] is ", entry, "; for rows of ", n, " it must be within [", least, ", ", most,
                 "] [N14]");
  }
}

void NodeRules::Rule(const LutAttrs&) {
  if (!IsQ8(Operand(0)) || !IsQ8(y_)) return TypesError("x and the result must be quantized i8 [N13]");
  if (!node_.operand(1)->is_constant() || Operand(1).element != ElementType::i8) {
    TypesError("the table must be a constant i8[256] [N13]");
  }
}

void NodeRules::Rule(const ConcatAttrs& attrs) {
  const size_t n = node_.operands().size();
  bool same = true, all_q8 = IsQ8(y_);
  for (size_t i = 0; i < n; ++i) {
    same &= SameKind(Operand(i), y_);
    all_q8 &= IsQ8(Operand(i));
  }
  if (attrs.mul.empty() && attrs.shift.empty()) {
    if (!same) TypesError("without mul and shift every operand must be of the result's kind [N15]");
    return;
  }
  if (!all_q8) return TypesError("mul and shift are for quantized i8 [N15]");
  CheckMultipliers(attrs.mul, attrs.shift, n);
}

void NodeRules::Rule(const PadAttrs& attrs) {
  Move();
  const Type& x = Operand(0);
  if (x.quant || IsFloat(x.element)) return;
  const bool is_bool = x.element == ElementType::b8;
  const bool is_u64 = x.element == ElementType::u64;
  const double least = is_bool || is_u64 ? 0 : static_cast<double>(IntegerMin(x.element));
  // Of 64-bit types the first double beyond them; of the others their largest value.
  const double most = is_bool ? 1 : is_u64 ? 0x1p64 : static_cast<double>(IntegerMax(x.element));
  const bool below = ElementTypeBytes(x.element) == 8 ? attrs.value < most : attrs.value <= most;
  if (attrs.value >= least && below && std::floor(attrs.value) == attrs.value) return;
  Error("value = ", DoubleText(attrs.value), " is no value of ", ElementTypeName(x.element));
}

void NodeRules::Rule(const GatherAttrs& attrs) {
  Move();
  const Value& indices = *node_.operand(1);
  const Type& type = indices.type();
  if (!IsPlain(type, ElementType::i32) && !IsPlain(type, ElementType::i64)) {
    return TypesError("the indices must be i32 or i64");
  }
  if (!indices.is_constant()) return;
  const int64_t size = Operand(0).shape[static_cast<size_t>(attrs.axis)];
  for (int64_t i = 0; i < type.elements(); ++i) {
    const int64_t index = indices.tensor().AsInt(i);
    if (index >= -size && index < size) continue;
    return Error("index ", index, " is outside [", -size, ", ", size, ")");
  }
}

void NodeRules::Rule(const ScatterAttrs& attrs) {
  Move();
  const Type &x = Operand(0), &indices = Operand(1);
  if (!IsPlain(indices, ElementType::i32) && !IsPlain(indices, ElementType::i64)) {
    return TypesError("the indices must be i32 or i64");
  }
  if (!SameKind(x, Operand(2))) return TypesError("updates must be of the kind of x");
  if (attrs.fn != ScatterFn::set && !IsNumeric(x)) TypesError(absl::StrCat(EnumName(attrs.fn), " takes numeric types"));
}

// Nodes refer to nodes behind them, so that every walk ends, and everything lies within its table.
void NodeRules::Rule(const TreesAttrs& attrs) {
  const bool integers = IsPlain(Operand(1), ElementType::i32) && IsPlain(Operand(3), ElementType::i32) &&
                        IsPlain(Operand(4), ElementType::i32) && IsPlain(Operand(5), ElementType::i32);
  if (!IsF32(Operand(0)) || !IsF32(Operand(2)) || !IsF32(Operand(6)) || !IsF32(y_) || !integers) {
    return TypesError("x, thresholds, weights and the result must be f32, and the other tables i32");
  }
  for (size_t i = 1; i < 7; ++i) {
    if (!node_.operand(i)->is_constant()) return Error("the tables must be constant");
  }
  const auto table = [&](size_t i) { return node_.operand(i)->tensor().data<int32_t>(); };
  const int64_t features = Operand(0).shape[1], nodes = Operand(1).shape[0];
  const int64_t leaves = Operand(4).shape[0] - 1, entries = Operand(5).shape[0];
  if (nodes > INT16_MAX || leaves > INT16_MAX || entries > UINT16_MAX || features > INT16_MAX) {
    return Error("has ", nodes, " nodes, ", leaves, " leaves and ", entries, " entries for ", features,
                 " features; at most ", INT16_MAX, ", ", INT16_MAX, " and ", UINT16_MAX, " for ", INT16_MAX);
  }
  const auto leads = [&](int64_t from, int64_t to) { return to < 0 ? -1 - to < leaves : to > from && to < nodes; };
  for (int64_t i = 0; i < nodes; ++i) {
    const auto node = table(1).subspan(static_cast<size_t>(3 * i), 3);
    const int64_t feature = node[0] < 0 ? -1 - int64_t{node[0]} : node[0];  // -1 - feature: where NaN is below
    if (feature >= features) return Error("node ", i, " reads feature ", feature, " of ", features);
    if (!leads(i, node[1]) || !leads(i, node[2])) return Error("node ", i, " leads to no later node and to no leaf");
  }
  for (const int32_t root : table(3)) {
    if (!leads(-1, root)) return Error("a root is neither node nor leaf: ", root);
  }
  int64_t last = 0;
  for (const int32_t start : table(4)) {
    if (start < last || start > entries) return Error("leaves must ascend within the ", entries, " entries");
    last = start;
  }
  for (const int32_t target : table(5)) {
    if (target < 0 || target >= attrs.outputs) return Error("target ", target, " is outside [0, ", attrs.outputs, ")");
  }
}

void NodeRules::Rule(const RecurrentAttrs& attrs) {
  const RecurrentPlaces places = PlacesOf(attrs);
  bool good = IsF32(y_);
  for (size_t i = 0; i < places.count; ++i) {
    const Type& type = Operand(i);
    if (ReadsAsWeights(node_, i)) {
      good &= IsF32(type) || (type.element == ElementType::i8 && type.quant);
      if (type.quant) CheckWeights(i);
    } else {
      good &= places.lengths == i ? IsPlain(type, ElementType::i32) : IsF32(type);
    }
  }
  if (!good) return TypesError("must be f32, weights f32 or quantized i8, lengths i32 [N20]");
  if (attrs.peepholes && !HasCellState(attrs.cell)) Error(EnumName(attrs.cell), " has no peepholes");
  if (!(attrs.clip >= 0)) Error("clip is ", FloatText(attrs.clip), "; it must not be negative");
  for (const Floats& list : {attrs.alpha, attrs.beta}) {
    if (!list.empty() && list.size() != 3) Error("alpha and beta have an entry each for f, g and h");
  }
  for (const UnaryFn fn : {attrs.f, attrs.g, attrs.h}) {
    if (fn == UnaryFn::bit_not) Error("bit_not takes integers and b8");
  }
}

void NodeRules::Rule(const CumSumAttrs&) {
  if (!SameKind(Operand(0), y_) || !IsNumeric(y_)) TypesError("must be of one numeric element type");
}

void NodeRules::Indices() {
  const Type& x = Operand(0);
  if ((!IsNumeric(x) && !IsQ8(x)) || !IsPlain(y_, ElementType::i64)) {
    TypesError("x must be numeric or quantized i8, and the result i64");
  }
}

void NodeRules::Rule(const ResizeAttrs&) {
  if (!SameKind(Operand(0), y_) || (!IsF32(y_) && !IsQ8(y_))) {
    TypesError("must be f32, or quantized i8 of one scale and zero point [N16]");
  }
}

void NodeRules::Rule(const CastAttrs&) {
  if (Operand(0).quant || y_.quant)
    TypesError("cast converts values that are not quantized; see quantize and dequantize");
}

void NodeRules::Rule(const QuantizeAttrs&) {
  if (!IsF32(Operand(0)) || !y_.quant || ElementTypeBytes(y_.element) > 2) {
    TypesError("x must be f32 and the result quantized, of at most 16 bits [N17]");
  }
}

void NodeRules::Rule(const DequantizeAttrs&) {
  if (!Operand(0).quant || !IsF32(y_)) TypesError("x must be quantized and the result f32 [N18]");
}

void NodeRules::Rule(const RequantizeAttrs& attrs) {
  const auto is_byte = [](const Type& type) {
    return type.quant && type.quant->per_tensor() &&
           (type.element == ElementType::i8 || type.element == ElementType::u8);
  };
  if (!is_byte(Operand(0)) || !is_byte(y_)) return TypesError("must be quantized i8 or u8 [N15]");
  if (attrs.mul.empty() && attrs.shift.empty()) {
    if (!SameKind(Operand(0), y_)) TypesError("without mul and shift scale and zero point must stay [N15]");
    return;
  }
  CheckMultipliers(attrs.mul, attrs.shift, 1);
}

void Verifier::CheckNode(const Node& node) { NodeRules(*this, node).Check(); }

}  // namespace mcuc
