// Element types, shapes and the text of types.
#include "mcuc/IR/Type.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mcuc {

const char* ElementTypeName(ElementType type) {
  switch (type) {
#define X(name, cpp, c)   \
  case ElementType::name: \
    return #name;
    MCUC_ELEMENT_TYPES(X)
#undef X
  }
  return "?";
}

const char* ElementTypeCName(ElementType type) {
  switch (type) {
#define X(name, cpp, c)   \
  case ElementType::name: \
    return c;
    MCUC_ELEMENT_TYPES(X)
#undef X
  }
  return "?";
}

std::optional<ElementType> ParseElementType(const std::string& name) {
#define X(type, cpp, c) \
  if (name == #type) return ElementType::type;
  MCUC_ELEMENT_TYPES(X)
#undef X
  return std::nullopt;
}

int64_t ElementTypeBytes(ElementType type) {
  return Dispatch(type, [](auto zero) { return static_cast<int64_t>(sizeof(zero)); });
}

bool IsFloat(ElementType type) { return type == ElementType::f32 || type == ElementType::f64; }

bool IsInteger(ElementType type) { return !IsFloat(type) && type != ElementType::b8; }

int64_t IntegerMin(ElementType type) {
  return Dispatch(type, [](auto zero) { return static_cast<int64_t>(std::numeric_limits<decltype(zero)>::min()); });
}

int64_t IntegerMax(ElementType type) {
  return Dispatch(type, [](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T> || sizeof(T) == 8) {
      return std::numeric_limits<int64_t>::max();
    } else {
      return static_cast<int64_t>(std::numeric_limits<T>::max());
    }
  });
}

absl::StatusOr<int64_t> CheckedElements(const Shape& shape) {
  int64_t elements = 1;
  for (int64_t dim : shape) {
    if (dim < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape [", ShapeText(shape), "] has a dimension of ", dim, "; each must be at least 1"));
    }
    if (dim > kMaxElements / elements) {
      return absl::InvalidArgumentError(absl::StrCat("shape [", ShapeText(shape), "] has more than ", kMaxElements,
                                                     " elements, the most a tensor may have"));
    }
    elements *= dim;
  }
  return elements;
}

int64_t Elements(const Shape& shape) {
  int64_t elements = 1;
  for (int64_t dim : shape) elements *= dim;
  return elements;
}

std::string ShapeText(const Shape& shape) { return absl::StrJoin(shape, "x"); }

std::vector<int64_t> Strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

namespace {

std::string QuantizationText(const Quantization& quant) {
  std::string text = "<";
  if (quant.scales.size() == 1 && quant.axis < 0) {
    text += FloatText(quant.scales[0]);
  } else {
    absl::StrAppend(&text, "{",
                    absl::StrJoin(quant.scales, ", ", [](std::string* out, float s) { *out += FloatText(s); }), "}");
  }
  if (quant.zero_points.size() == 1) {
    absl::StrAppend(&text, ":", quant.zero_points[0]);
  } else {
    absl::StrAppend(&text, ":{", absl::StrJoin(quant.zero_points, ", "), "}");
  }
  if (quant.axis >= 0) absl::StrAppend(&text, " axis=", quant.axis);
  return text + ">";
}

template <typename T, typename Bits>
std::string ShortestText(T value) {
  if (std::isnan(value)) {
    const Bits bits = std::bit_cast<Bits>(value);
    if (bits == std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN())) return "nan";
    return absl::StrCat("bits(0x", absl::Hex(bits), ")");
  }
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

}  // namespace

std::string TypeText(const Type& type) {
  std::string text = ElementTypeName(type.element);
  if (type.quant) text += QuantizationText(*type.quant);
  absl::StrAppend(&text, "[", ShapeText(type.shape), "]");
  const std::string encoding = EncodingText(type.encoding);
  return encoding.empty() ? text : absl::StrCat(text, " ", encoding);
}

Type WithShape(const Type& type, Shape shape) {
  Type result = type;
  result.shape = std::move(shape);
  return result;
}

std::string FloatText(float value) { return ShortestText<float, uint32_t>(value); }

std::string DoubleText(double value) { return ShortestText<double, uint64_t>(value); }

}  // namespace mcuc
