// The table of kernels, the checks before one is made, and the evaluation of a single node.
#include "Kernel.h"

#include "Windows.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::exec {

namespace {

// What a plain function does about quantized operands and results.
enum class Quantized : uint8_t {
  kNever,  // computes on plain values of one element type
  kKeeps,  // moves or orders integers: operands and result have one type but for the shape
  kOwn,    // the function checks for itself
};

struct Row {
  Op op;
  Function plain;
  Function integer;  // serves where operand 0 is quantized; null: the plain function does
  Quantized quantized;
};

constexpr Row kRows[] = {
    {Op::kConv, Conv, IntegerConv, Quantized::kNever},
    {Op::kConvTranspose, ConvTranspose, nullptr, Quantized::kNever},
    {Op::kFc, Fc, IntegerFc, Quantized::kNever},
    {Op::kMatMul, MatMul, nullptr, Quantized::kNever},
    {Op::kMaxPool, MaxPool, nullptr, Quantized::kKeeps},
    {Op::kAvgPool, AvgPool, IntegerAvgPool, Quantized::kNever},
    {Op::kReduce, Reduce, IntegerReduce, Quantized::kNever},
    {Op::kUnary, Unary, IntegerUnary, Quantized::kNever},
    {Op::kBinary, Binary, IntegerBinary, Quantized::kNever},
    {Op::kCompare, Compare, nullptr, Quantized::kOwn},
    {Op::kSelect, Select, nullptr, Quantized::kOwn},
    {Op::kSoftmax, Softmax, IntegerSoftmax, Quantized::kNever},
    {Op::kLut, IntegerLut, nullptr, Quantized::kOwn},
    {Op::kReshape, Copy, nullptr, Quantized::kKeeps},
    {Op::kTranspose, Transpose, nullptr, Quantized::kKeeps},
    {Op::kConcat, Concat, IntegerConcat, Quantized::kNever},
    {Op::kSlice, Slice, nullptr, Quantized::kKeeps},
    {Op::kPad, Pad, nullptr, Quantized::kKeeps},
    {Op::kGather, Gather, nullptr, Quantized::kKeeps},
    {Op::kExpand, Expand, nullptr, Quantized::kKeeps},
    {Op::kScatter, Scatter, nullptr, Quantized::kOwn},
    {Op::kCumSum, CumSum, nullptr, Quantized::kNever},
    {Op::kTrees, Trees, nullptr, Quantized::kOwn},
    {Op::kRecurrent, Recurrent, nullptr, Quantized::kOwn},
    {Op::kDistance, Distance, nullptr, Quantized::kNever},
    {Op::kCouple, Couple, nullptr, Quantized::kNever},
    {Op::kTopK, TopK, nullptr, Quantized::kOwn},
    {Op::kArgReduce, ArgReduce, nullptr, Quantized::kOwn},
    {Op::kResize, Resize, IntegerResize, Quantized::kNever},
    {Op::kCast, Cast, nullptr, Quantized::kOwn},
    {Op::kIdentity, Copy, nullptr, Quantized::kKeeps},
    {Op::kQuantize, Convert, nullptr, Quantized::kOwn},
    {Op::kDequantize, Convert, nullptr, Quantized::kOwn},
    {Op::kRequantize, IntegerRequantize, nullptr, Quantized::kOwn},
};

const Row* RowOf(Op op) {
  for (const Row& row : kRows) {
    if (row.op == op) return &row;
  }
  return nullptr;
}

// `conv "conv1"`: how messages name a node.
std::string Name(const Node& node) {
  return absl::StrCat(node.op_name(), " \"", node.loc().empty() ? node.result()->name() : node.loc(), "\"");
}

absl::Status CheckTypes(const Node& node, Quantized quantized) {
  const Type& y = node.result()->type();
  const bool weighted = node.op() == Op::kConv || node.op() == Op::kFc;
  if (quantized == Quantized::kOwn || (weighted && node.operand(1)->type().is_quantized())) return absl::OkStatus();
  for (size_t i = 0; i < node.operands().size(); ++i) {
    if (node.op() == Op::kGather && i == 1) continue;  // the indices
    const Type& x = node.operand(i)->type();
    bool fits = x.element == y.element;
    if (quantized == Quantized::kNever) fits &= !x.quant && !y.quant;
    // A move may carry several scales along to another axis.
    if (quantized == Quantized::kKeeps && (!x.quant || x.quant->per_tensor())) fits &= x.quant == y.quant;
    if (!fits) {
      return absl::InvalidArgumentError(absl::StrCat("operand ", i, " is ", TypeText(x), " and the result ",
                                                     TypeText(y), "; ", node.op_name(),
                                                     " does not take these together"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOwn(const Node& node) {
  const Type &x = node.operand(0)->type(), &y = node.result()->type();
  const bool fits = node.op() == Op::kCast         ? !x.quant && !y.quant
                    : node.op() == Op::kQuantize   ? x.is_float() && y.quant
                    : node.op() == Op::kDequantize ? x.quant && y.is_float()
                    : node.op() == Op::kArgReduce  ? y.element == ElementType::i64
                    : node.op() == Op::kTopK       ? y.element == ElementType::i64
                    : node.op() == Op::kCompare    ? y.element == ElementType::b8
                    : node.op() == Op::kSelect     ? node.operand(1)->type().element == y.element
                    : node.op() == Op::kScatter    ? x.element == y.element
                                                   : true;
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(node.op_name(), " does not go from ", TypeText(x), " to ", TypeText(y)));
}

class PlainKernel : public Kernel {
 public:
  PlainKernel(const Node& node, Function function) : node_(node), function_(function) {}
  absl::Status Run(const Operands& operands, Tensor& result) const override {
    return Named(node_, function_(node_, operands, result));
  }

  static absl::Status Named(const Node& node, const absl::Status& status) {
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat(Name(node), ": ", std::string(status.message())));
  }

 private:
  const Node& node_;
  Function function_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeChecked(const Node& node, const Operands& constants) {
  const Row* row = RowOf(node.op());
  if (!row) return absl::InternalError("the interpreter has no kernel for this operation");
  std::vector<const Type*> types;
  for (const Value* operand : node.operands()) types.push_back(&operand->type());
  const Type& y = node.result()->type();
  const auto shape = InferShape(node.attrs(), types, &y.shape);
  if (!shape.ok()) return shape.status();
  if (*shape != y.shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("the result is [", ShapeText(y.shape), "], the operands make it [", ShapeText(*shape), "]"));
  }
  if (row->integer && types[0]->quant) return std::make_unique<PlainKernel>(node, row->integer);
  if (absl::Status s = CheckTypes(node, row->quantized); !s.ok()) return s;
  if (absl::Status s = CheckOwn(node); !s.ok()) return s;
  if (auto library = MakeLibraryKernel(node, constants)) return library;
  return std::make_unique<PlainKernel>(node, row->plain);
}

}  // namespace

absl::Status MaxPool(const Node& node, const Operands& operands, Tensor& y) {
  MaxOverWindows(WindowsOf(node.As<MaxPoolAttrs>(), operands[0]->shape(), y.shape()), *operands[0], y);
  return absl::OkStatus();
}

absl::Status AvgPool(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<AvgPoolAttrs>();
  MeanOverWindows(WindowsOf(attrs, operands[0]->shape(), y.shape()), attrs.count_include_pad, *operands[0], y);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(const Node& node, const Operands& constants) {
  auto kernel = MakeChecked(node, constants);
  if (!kernel.ok()) return PlainKernel::Named(node, kernel.status());
  return kernel;
}

}  // namespace mcuc::exec

namespace mcuc {

absl::StatusOr<Tensor> EvaluateNode(const Node& node, const std::vector<const Tensor*>& operands) {
  if (operands.size() != node.operands().size()) {
    return absl::InvalidArgumentError(absl::StrCat(node.op_name(), " was given ", operands.size(),
                                                   " operands, the node has ", node.operands().size()));
  }
  std::vector<Tensor> decoded(operands.size());
  std::vector<const Tensor*> dense = operands;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Type &given = operands[i]->type(), &wanted = node.operand(i)->type();
    if (given.element != wanted.element || given.shape != wanted.shape) {
      return absl::InvalidArgumentError(absl::StrCat("operand ", i, " of ", node.op_name(), " is ", TypeText(given),
                                                     ", the node takes ", TypeText(wanted)));
    }
    if (operands[i]->encoded()) {
      auto tensor = Decode(*operands[i]);
      if (!tensor.ok()) return tensor.status();
      decoded[i] = *std::move(tensor);
      dense[i] = &decoded[i];
    }
  }
  const exec::SingleThreaded single;
  const auto kernel = exec::MakeKernel(node, dense);
  if (!kernel.ok()) return kernel.status();
  Tensor result(node.result()->type());
  if (absl::Status s = (*kernel)->Run(dense, result); !s.ok()) return s;
  return result;
}

}  // namespace mcuc
