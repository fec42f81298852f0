// Operators that make constants or pass tensors on: Constant, ConstantOfShape, Shape, Size, Cast, Identity, Dropout.
#include <algorithm>
#include <cstring>

#include "Lowering.h"
#include "TensorData.h"

namespace mcuc::importer {

namespace {

template <typename T>
Tensor IntTensor(const T& values) {
  return Tensor::Of<int64_t>(Type{ElementType::i64, {static_cast<int64_t>(values.size())}},
                             std::vector<int64_t>(values.begin(), values.end()));
}

absl::Status LowerConstant(Lowering& l) {
  static const char* const kForms[] = {"value",     "sparse_value", "value_float",  "value_floats",
                                       "value_int", "value_ints",   "value_string", "value_strings"};
  const int64_t given = std::count_if(std::begin(kForms), std::end(kForms), [&](auto* form) { return l.Has(form); });
  if (given != 1) return Unsupported("has ", given, " of the attributes value, value_int, …; it must have one");
  if (l.Has("value_string") || l.Has("value_strings")) {
    return Unsupported("strings are not supported; supported: ", SupportedDataTypes());
  }
  Tensor tensor;
  if (l.Has("value")) {
    MCUC_ASSIGN_OR_RETURN(tensor, l.TensorOf("value"));
  } else if (l.Has("sparse_value")) {
    MCUC_ASSIGN_OR_RETURN(tensor, l.SparseTensorOf("sparse_value"));
  } else if (l.Has("value_float")) {
    tensor = Tensor::Of<float>(Type{ElementType::f32, {}}, {l.Float("value_float", 0)});
  } else if (l.Has("value_floats")) {
    const Floats values = l.FloatList("value_floats");
    tensor = Tensor::Of<float>(Type{ElementType::f32, {static_cast<int64_t>(values.size())}}, values);
  } else if (l.Has("value_int")) {
    tensor = Tensor::Of<int64_t>(Type{ElementType::i64, {}}, {l.Int("value_int", 0)});
  } else {
    tensor = IntTensor(l.IntList("value_ints"));
  }
  return l.Return(l.Constant(std::move(tensor)));
}

absl::Status LowerConstantOfShape(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Ints shape, l.ConstantInts(0, "shape"));
  MCUC_ASSIGN_OR_RETURN(const int64_t elements, CheckedHostElements(shape));
  Tensor value(Type{ElementType::f32, {1}});
  if (l.Has("value")) {
    MCUC_ASSIGN_OR_RETURN(value, l.TensorOf("value"));
  }
  if (value.elements() != 1) return Unsupported("value has ", value.elements(), " elements; it must have 1");
  const Type type{value.type().element, shape};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor tensor(type);
  const size_t width = value.bytes().size();
  for (size_t i = 0; i < static_cast<size_t>(elements); ++i) {
    std::memcpy(tensor.bytes().data() + i * width, value.bytes().data(), width);
  }
  return l.Return(l.Constant(std::move(tensor)));
}

absl::Status LowerShape(Lowering& l) {
  const Shape& x = l.shape(0);
  const int64_t rank = l.input(0)->rank();
  const auto bound = [&](int64_t b) { return std::clamp<int64_t>(b < 0 ? b + rank : b, 0, rank); };
  const int64_t start = bound(l.Int("start", 0)), end = bound(l.Int("end", rank));
  return l.Return(l.Constant(IntTensor(Shape(x.begin() + start, x.begin() + std::max(start, end)))));
}

absl::Status LowerSize(Lowering& l) {
  return l.Return(l.Constant(Tensor::Of<int64_t>(Type{ElementType::i64, {}}, {Elements(l.shape(0))})));
}

absl::Status LowerIdentity(Lowering& l) {
  if (l.input(0)->is_constant()) return l.Return(l.input(0));
  return l.Return(l.Add(IdentityAttrs{}, {l.input(0)}));
}

// Half floats are computed as f32.
absl::Status LowerCast(Lowering& l) {
  if (!l.Has("to")) return Unsupported("to is missing");
  const int64_t to = l.Int("to", 0);
  const int data_type = static_cast<int>(std::clamp<int64_t>(to, -1, 1000));
  const auto element = ElementTypeOf(data_type);
  if (!element) {
    return Unsupported("to = ", to, " (", DataTypeName(data_type), "); supported: ", SupportedDataTypes());
  }
  if (IsHalf(data_type)) l.Remark(absl::StrCat(DataTypeName(data_type), " is computed as f32"));
  if (l.input(0)->type.element == *element) return LowerIdentity(l);
  return l.Return(l.Cast(l.input(0), *element));
}

absl::Status LowerCastLike(Lowering& l) {
  if (l.input(0)->type.element == l.input(1)->type.element) return LowerIdentity(l);
  return l.Return(l.Cast(l.input(0), l.input(1)->type.element));
}

// The identity at inference; the mask keeps everything.
absl::Status LowerDropout(Lowering& l) {
  if (l.input(2)) {
    MCUC_ASSIGN_OR_RETURN(const std::vector<double> training, l.ConstantReals(2, "training_mode"));
    double ratio = 0.5;
    if (l.input(1)) {
      MCUC_ASSIGN_OR_RETURN(const std::vector<double> ratios, l.ConstantReals(1, "ratio"));
      if (ratios.size() == 1) ratio = ratios[0];
    }
    if (training.size() != 1 || (training[0] != 0 && ratio != 0)) {
      return Unsupported("training_mode is not supported; export the model for inference");
    }
  }
  if (l.output_used(1)) {
    // Before opset 10 the mask had the input's type.
    const Type type{l.opset() < 10 ? l.input(0)->type.element : ElementType::b8, l.shape(0)};
    MCUC_RETURN_IF_ERROR(l.Reserve(type));
    Tensor mask(type);
    for (int64_t i = 0; i < mask.elements(); ++i) mask.SetInt(i, 1);
    MCUC_RETURN_IF_ERROR(l.Return(l.Constant(std::move(mask)), 1));
  }
  return LowerIdentity(l);
}

const Operator kOperators[] = {
    {"Constant", 1, kMaxOpset, 0, 0, 1,
     "sparse_value:p value:t value_float:f value_floats:F value_int:i value_ints:I value_string:s value_strings:S",
     LowerConstant},
    {"ConstantOfShape", 9, kMaxOpset, 1, 1, 1, "value:t", LowerConstantOfShape},
    {"Shape", 1, 14, 1, 1, 1, "", LowerShape},
    {"Shape", 15, kMaxOpset, 1, 1, 1, "end:i start:i", LowerShape},
    {"Size", 1, kMaxOpset, 1, 1, 1, "", LowerSize},
    {"Cast", 6, kMaxOpset, 1, 1, 1, "saturate:i to:i", LowerCast},
    {"CastLike", 15, kMaxOpset, 2, 2, 1, "saturate:i", LowerCastLike},
    {"Identity", 1, kMaxOpset, 1, 1, 1, "", LowerIdentity},
    {"Dropout", 7, 11, 1, 1, 2, "ratio:f", LowerDropout},
    {"Dropout", 12, kMaxOpset, 1, 3, 2, "seed:i", LowerDropout},
};

}  // namespace

std::span<const Operator> ConstantOperators() { return kOperators; }

}  // namespace mcuc::importer
