// Rewrites a graph by the plan of quantize: node by node in schedule order, each value's integer or float form made
// where a node first needs it.
#include <algorithm>
#include <cmath>

#include "Quantize.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc::quantize {

namespace {

constexpr int kTableSize = 256;

bool IsFloat32(const Value* value) {
  return value && value->type().element == ElementType::f32 && !value->type().is_quantized();
}

// One element where all are the same.
Multipliers Collapse(Multipliers all) {
  if (std::all_of(all.begin(), all.end(), [&](int32_t m) { return m == all[0]; })) all.resize(1);
  return all;
}

// The multipliers and shifts of several factors. Both lists are one element or both are one an output.
absl::Status SetMultipliers(const std::vector<double>& factors, Multipliers& mul, Multipliers& shift) {
  mul.clear();
  shift.clear();
  for (double factor : factors) {
    const absl::StatusOr<Multiplier> m = MultiplierOf(factor);
    if (!m.ok()) return absl::InternalError(std::string(m.status().message()));
    mul.push_back(m->mul);
    shift.push_back(m->shift);
  }
  const Multipliers one_mul = Collapse(mul), one_shift = Collapse(shift);
  if (one_mul.size() == 1 && one_shift.size() == 1) {
    mul = one_mul;
    shift = one_shift;
  }
  return absl::OkStatus();
}

class Lowering {
 public:
  Lowering(Graph& graph, const Plan& plan, const Options& options, PassContext& context)
      : graph_(graph), plan_(plan), options_(options), context_(context) {}

  absl::StatusOr<bool> Run() {
    for (const auto& [node, why] : plan_.kept_float()) context_.Remark(graph_, node, absl::StrCat("kept float: ", why));
    // What was float, before types change.
    for (Node* node : graph_.node_vector()) {
      if (plan_.form(node) != Form::kKeep && plan_.form(node) != Form::kFloat) continue;
      for (size_t i = 0; i < node->operands().size(); ++i) {
        const Value* operand = node->operand(i);
        if (!operand->is_constant() && IsFloat32(operand) && plan_.IsInteger(operand)) {
          float_operands_[node].push_back(i);
        }
      }
    }
    std::vector<Value*> float_outputs;
    for (Value* output : graph_.outputs()) {
      if (IsFloat32(output)) float_outputs.push_back(output);
    }
    for (Value* input : graph_.inputs()) {
      if (!plan_.IsInteger(input)) continue;
      input->set_type(QuantizedType(plan_.quantization(input), input->type().shape));
      changed_ = true;
    }
    for (Node* node : graph_.node_vector()) {
      const Form form = plan_.form(node);
      if (form == Form::kKeep || form == Form::kFloat) {
        KeepFloat(node);
        if (node->If<RecurrentAttrs>()) QuantizeMatrices(node);
        continue;
      }
      changed_ = true;
      const absl::Status status = form == Form::kFloatInput ? LowerFloatInput(node) : LowerNode(node);
      if (!status.ok()) {
        const std::string name = node->loc().empty() ? node->result()->name() : node->loc();
        return absl::Status(status.code(), absl::StrCat("node \"", name, "\" (", node->op_name(),
                                                        "): ", std::string(status.message())));
      }
    }
    LowerOutputs(float_outputs);
    if (changed_) {
      RestoreConstantNames();
      graph_.EraseDead();
    }
    return changed_;
  }

 private:
  // The value in the quantization of its group.
  Value* IntegerForm(Value* value, const Node* before) {
    if (value->type().is_quantized()) return value;
    if (const Node* def = value->def(); plan_.IsInteger(value) && def && def->If<DequantizeAttrs>()) {
      return def->operand(0);  // it was quantized in the graph
    }
    Value*& form = integer_forms_[value];
    if (!form) {
      const Type type = QuantizedType(plan_.quantization(value), value->type().shape);
      form = graph_.AddNode(QuantizeAttrs{}, {value}, absl::StrCat(value->name(), "_q"), type, LocOf(value), before)
                 ->result();
      changed_ = true;
    }
    return form;
  }

  // The value, computed or constant, in just this quantization.
  absl::StatusOr<Value*> IntegerAs(Value* value, const Quantization& quant, const Node* before) {
    if (value->is_constant()) return QuantizedConstant(value, quant);
    Value* form = IntegerForm(value, before);
    if (*form->type().quant == quant) return form;
    for (const auto& [from, to] : requantized_) {
      if (from == form && *to->type().quant == quant) return to;
    }
    RequantizeAttrs attrs;
    const absl::Status status =
        SetMultipliers({form->type().quant->scale() / double{quant.scale()}}, attrs.mul, attrs.shift);
    if (!status.ok()) return status;
    Value* result = graph_
                        .AddNode(attrs, {form}, absl::StrCat(value->name(), "_rq"),
                                 QuantizedType(quant, value->type().shape), LocOf(value), before)
                        ->result();
    requantized_.emplace_back(form, result);
    return result;
  }

  // The value as float32.
  Value* FloatForm(Value* value, const Node* before) {
    if (!value->type().is_quantized()) return value;
    Value*& form = float_forms_[value];
    if (!form) {
      form = graph_
                 .AddNode(DequantizeAttrs{}, {value}, absl::StrCat(value->name(), "_f"),
                          Type{ElementType::f32, value->type().shape}, LocOf(value), before)
                 ->result();
      changed_ = true;
    }
    return form;
  }

  static std::string LocOf(const Value* value) { return value->def() ? value->def()->loc() : ""; }

  // A constant that takes the place of another; of two equal ones just one is made.
  Value* Derive(Value* original, Tensor tensor) {
    for (const auto& [from, to] : derived_) {
      if (from == original && to->tensor() == tensor) return to;
    }
    Value* value = graph_.AddConstant(original->name(), std::move(tensor));
    derived_.emplace_back(original, value);
    return value;
  }

  Value* QuantizedConstant(Value* constant, const Quantization& quant) {
    Tensor tensor(QuantizedType(quant, constant->type().shape));
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.SetInt(i, QuantizeReal(static_cast<float>(constant->tensor().AsDouble(i)), tensor.type()));
    }
    return Derive(constant, std::move(tensor));
  }

  // Tables of equal contents are one constant.
  Value* Table(const std::string& name, Tensor tensor) {
    for (Value* table : tables_) {
      if (table->tensor() == tensor) return table;
    }
    tables_.push_back(graph_.AddConstant(absl::StrCat(name, "_table"), std::move(tensor)));
    return tables_.back();
  }

  // The derived constants are the model's: where nothing reads the original any more, the first one derived from it
  // becomes that constant and so has its name.
  void RestoreConstantNames() {
    for (const auto& [original, derived] : derived_) {
      if (!graph_.Users(original).empty()) continue;  // still read as floats, or taken
      original->set_tensor(derived->tensor());
      graph_.ReplaceOperands(derived, original);
      graph_.EraseConstant(derived);
    }
  }

  // A node that stays as it is reads what has become integer through dequantize nodes.
  void KeepFloat(Node* node) {
    for (size_t i : float_operands_[node]) node->set_operand(i, FloatForm(node->operand(i), node));
  }

  // Sets the multipliers of an operation whose only factor is this.
  template <typename Attrs>
  static absl::Status SetMultiplier(Attrs& attrs, double factor) {
    return SetMultipliers({factor}, attrs.mul, attrs.shift);
  }

  double ScaleOf(const Value* value) const { return value->type().quant->scale(); }

  // Replaces operand i by its integer form.
  void UseInteger(Node* node, size_t i) { node->set_operand(i, IntegerForm(node->operand(i), node)); }

  absl::Status LowerLayer(Node* node) {
    absl::StatusOr<Layer> layer = IntegerLayerOf(*node, plan_, options_);
    if (!layer.ok()) return layer.status();
    if (!layer->remark.empty()) context_.Remark(graph_, node, layer->remark);
    Value* weights = node->operand(1);
    Value* bias = node->operand(2);
    std::vector<Value*> operands = {IntegerForm(node->operand(0), node),
                                    weights->type().is_quantized() ? weights : Derive(weights, layer->weights)};
    if (layer->has_bias) {
      const auto channels = static_cast<int64_t>(layer->bias.size());
      Tensor tensor = Tensor::Of(Type{ElementType::i32, {channels}}, layer->bias);
      operands.push_back(bias ? Derive(bias, std::move(tensor))
                              : graph_.AddConstant(absl::StrCat(node->result()->name(), "_b"), std::move(tensor)));
    }
    node->set_operands(std::move(operands));
    if (auto* conv = node->If<ConvAttrs>()) return SetMultipliers(layer->factors, conv->mul, conv->shift);
    auto& fc = node->As<FcAttrs>();
    return SetMultipliers(layer->factors, fc.mul, fc.shift);
  }

  absl::Status LowerFloatInput(Node* node) {
    Value* weights = node->operand(1);
    if (!weights->type().is_quantized()) {
      node->set_operand(1, Derive(weights, QuantizeWeights(weights->tensor(), options_.per_channel)));
    }
    SetResultType(node);
    return absl::OkStatus();
  }

  // N20: the matrices of a layer that computes in float.
  void QuantizeMatrices(Node* node) {
    for (size_t i = 0; i < node->operands().size(); ++i) {
      Value* weights = node->operand(i);
      if (!ReadsAsWeights(*node, i) || !weights->is_constant() || !IsFloat32(weights)) continue;
      node->set_operand(i, Derive(weights, QuantizeWeights(weights->tensor(), options_.per_channel)));
      changed_ = true;
    }
  }

  absl::Status LowerTable(Node* node, const std::function<double(double)>& function) {
    Value* x = IntegerForm(DataOperand(*node), node);
    Tensor table(Type{ElementType::i8, {kTableSize}});
    const Type y = QuantizedType(plan_.quantization(node->result()), {kTableSize});
    for (int32_t q = -128; q < 128; ++q) {
      const double real = ScaleOf(x) * (q - x->type().quant->zero_point());
      table.SetInt(q + 128, QuantizeReal(static_cast<float>(function(real)), y));
    }
    node->attrs() = LutAttrs{};
    node->set_operands({x, Table(node->result()->name(), std::move(table))});
    return absl::OkStatus();
  }

  // N10. An operand of another scale is requantized first; where that clamps just as far, it is all there is to do.
  absl::Status LowerClamp(Node* node, const UnaryAttrs& clamp) {
    const Quantization& quant = plan_.quantization(node->result());
    Value* x = DataOperand(*node);
    const Clamp bounds = ClampOf(clamp, QuantizedType(quant, {}));
    if (!x->is_constant() && bounds.lo == -128 && bounds.hi == 127) {
      Value* form = IntegerForm(x, node);
      if (*form->type().quant != quant) {
        RequantizeAttrs attrs;
        node->set_operands({form});
        const absl::Status status = SetMultiplier(attrs, ScaleOf(form) / double{quant.scale()});
        node->attrs() = std::move(attrs);
        return status;
      }
    }
    absl::StatusOr<Value*> form = IntegerAs(x, quant, node);
    if (!form.ok()) return form.status();
    node->set_operands({*form});
    node->attrs() = clamp;
    return absl::OkStatus();
  }

  absl::Status LowerBinary(Node* node) {
    auto& attrs = node->As<BinaryAttrs>();
    const Quantization& quant = plan_.quantization(node->result());
    const bool extreme = attrs.fn == BinaryFn::min || attrs.fn == BinaryFn::max;
    for (size_t i = 0; i < 2; ++i) {
      Value* x = node->operand(i);
      if (extreme || x->is_constant()) {
        absl::StatusOr<Value*> form = IntegerAs(x, extreme ? quant : QuantizationOf(x->tensor()), node);
        if (!form.ok()) return form.status();
        node->set_operand(i, *form);
      } else {
        UseInteger(node, i);
      }
    }
    if (extreme) return absl::OkStatus();
    const double a = ScaleOf(node->operand(0)), b = ScaleOf(node->operand(1)), y = quant.scale();
    if (attrs.fn == BinaryFn::mul) return SetMultiplier(attrs, a * b / y);
    const absl::StatusOr<AddMultipliers> m = AddMultipliersOf(a / y, attrs.fn == BinaryFn::sub ? -b / y : b / y);
    if (!m.ok()) return absl::InternalError(std::string(m.status().message()));
    attrs.mul = {m->mul_a, m->mul_b};
    attrs.shift = {m->shift};
    return absl::OkStatus();
  }

  absl::Status LowerConcat(Node* node) {
    auto& attrs = node->As<ConcatAttrs>();
    const Quantization& quant = plan_.quantization(node->result());
    std::vector<double> factors;
    bool same = true;
    for (size_t i = 0; i < node->operands().size(); ++i) {
      Value* x = node->operand(i);
      Value* form = x->is_constant() ? QuantizedConstant(x, quant) : IntegerForm(x, node);
      node->set_operand(i, form);
      same &= *form->type().quant == quant;
      factors.push_back(ScaleOf(form) / double{quant.scale()});
    }
    if (same) return absl::OkStatus();
    for (double factor : factors) {
      const absl::StatusOr<Multiplier> m = MultiplierOf(factor);
      if (!m.ok()) return absl::InternalError(std::string(m.status().message()));
      attrs.mul.push_back(m->mul);
      attrs.shift.push_back(m->shift);
    }
    return absl::OkStatus();
  }

  // N14: exponentials of 0 to 255 steps below the largest, so large that a row of them adds up to less than 2^30.
  absl::Status LowerSoftmax(Node* node) {
    Value* x = IntegerForm(node->operand(0), node);
    const int64_t row = x->type().shape[static_cast<size_t>(node->As<SoftmaxAttrs>().axis)];
    int log = 0;
    while ((int64_t{1} << log) < row) ++log;
    const int bits = std::min(22, 30 - log);
    Tensor table(Type{ElementType::i32, {kTableSize}});
    for (int64_t d = 0; d < kTableSize; ++d) {
      table.Set(d, std::floor(std::ldexp(std::exp(-static_cast<double>(d) * ScaleOf(x)), bits) + 0.5));
    }
    node->set_operands({x, Table(node->result()->name(), std::move(table))});
    return absl::OkStatus();
  }

  void SetResultType(Node* node) {
    Value* y = node->result();
    y->set_type(QuantizedType(plan_.quantization(y), y->type().shape));
  }

  // A quantize node of the model behind an integer value: nothing is left of it, or a requantize.
  absl::Status LowerQuantize(Node* node) {
    Value* y = node->result();
    Value* x = IntegerForm(node->operand(0), node);
    if (!MultiplierOf(ScaleOf(x) / ScaleOf(y)).ok()) {  // every value saturates
      node->set_operand(0, FloatForm(x, node));
      return absl::OkStatus();
    }
    absl::StatusOr<Value*> form = IntegerAs(x, *y->type().quant, node);
    if (!form.ok()) return form.status();
    if (graph_.CanReplace(y, *form)) {
      graph_.ReplaceAllUses(y, *form);
    } else {
      node->attrs() = IdentityAttrs{};
      node->set_operands({*form});
    }
    return absl::OkStatus();
  }

  absl::Status LowerNode(Node* node) {
    if (node->If<QuantizeAttrs>()) return LowerQuantize(node);
    const absl::Status status = LowerComputation(node);
    if (IsFloat32(node->result())) SetResultType(node);
    return status;
  }

  absl::Status LowerComputation(Node* node) {
    if (node->If<ConvAttrs>() || node->If<FcAttrs>()) return LowerLayer(node);
    if (const auto function = TableFunction(*node)) return LowerTable(node, *function);
    if (const auto clamp = AsClamp(*node)) return LowerClamp(node, *clamp);
    if (node->If<BinaryAttrs>()) return LowerBinary(node);
    if (node->If<ConcatAttrs>()) return LowerConcat(node);
    if (node->If<SoftmaxAttrs>()) return LowerSoftmax(node);
    const Value* y = node->result();
    if (auto* pool = node->If<AvgPoolAttrs>()) {
      UseInteger(node, 0);
      const auto n = static_cast<double>(pool->kernel[0] * pool->kernel[1]);
      return SetMultiplier(*pool, ScaleOf(node->operand(0)) / (double{plan_.quantization(y).scale()} * n));
    }
    auto* reduce = node->If<ReduceAttrs>();
    if (reduce && (reduce->fn == ReduceFn::sum || reduce->fn == ReduceFn::mean)) {
      UseInteger(node, 0);
      const Type& x = node->operand(0)->type();
      const double n = reduce->fn == ReduceFn::mean ? static_cast<double>(x.elements() / y->type().elements()) : 1.0;
      return SetMultiplier(*reduce, ScaleOf(node->operand(0)) / (double{plan_.quantization(y).scale()} * n));
    }
    if (node->If<ArgReduceAttrs>()) {
      UseInteger(node, 0);
      return absl::OkStatus();
    }
    // The rest moves or compares elements.
    if (node->If<CastAttrs>()) node->attrs() = IdentityAttrs{};
    absl::StatusOr<Value*> x = IntegerAs(node->operand(0), plan_.quantization(y), node);
    if (!x.ok()) return x.status();
    node->set_operand(0, *x);
    return absl::OkStatus();
  }

  void LowerOutputs(const std::vector<Value*>& float_outputs) {
    for (Value* output : float_outputs) {
      Value* replacement = output;
      if (!options_.output) {
        replacement = FloatForm(output, nullptr);
      } else if (IsFloat32(output) && !plan_.StaysFloat(output)) {
        replacement = IntegerForm(output, nullptr);
      }
      // A graph input, or what is an output already, can't be an output in this one's place.
      if (replacement == output || replacement->is_input() || graph_.IsOutput(replacement)) continue;
      graph_.ReplaceOutput(output, replacement);
      changed_ = true;
    }
  }

  Graph& graph_;
  const Plan& plan_;
  const Options& options_;
  PassContext& context_;
  bool changed_ = false;
  std::unordered_map<const Node*, std::vector<size_t>> float_operands_;  // those that have become integer
  std::unordered_map<Value*, Value*> integer_forms_, float_forms_;
  std::vector<std::pair<Value*, Value*>> requantized_;
  std::vector<std::pair<Value*, Value*>> derived_;
  std::vector<Value*> tables_;
};

}  // namespace

absl::StatusOr<bool> Lower(Graph& graph, const Plan& plan, const Options& options, PassContext& context) {
  return Lowering(graph, plan, options, context).Run();
}

}  // namespace mcuc::quantize
