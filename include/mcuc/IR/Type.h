// Types of values: element type, static shape, optional quantization, and for constants the encoding of their storage.
// Text: `f32[3x4]`, `i8<0.0078431:-128>[3]`, `i8<{0.1, 0.2}:0 axis=0>[2x4] csc<u8>`. Sparsity is a property of the
// storage: the shape stays the dense one.
#ifndef MCUC_IR_TYPE_H
#define MCUC_IR_TYPE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mcuc/IR/Encoding.h"

namespace mcuc {

// The one list of element types: text name, C++ type, C type of a parameter in emitted code.
#define MCUC_ELEMENT_TYPES(X)  \
  X(f32, float, "float")       \
  X(f64, double, "double")     \
  X(i8, int8_t, "int8_t")      \
  X(u8, uint8_t, "uint8_t")    \
  X(i16, int16_t, "int16_t")   \
  X(u16, uint16_t, "uint16_t") \
  X(i32, int32_t, "int32_t")   \
  X(u32, uint32_t, "uint32_t") \
  X(i64, int64_t, "int64_t")   \
  X(u64, uint64_t, "uint64_t") \
  X(b8, bool, "uint8_t")

enum class ElementType : uint8_t {
#define X(name, cpp, c) name,
  MCUC_ELEMENT_TYPES(X)
#undef X
};

const char* ElementTypeName(ElementType type);   // "f32"
const char* ElementTypeCName(ElementType type);  // "float"
std::optional<ElementType> ParseElementType(const std::string& name);
int64_t ElementTypeBytes(ElementType type);
bool IsFloat(ElementType type);    // f32, f64
bool IsInteger(ElementType type);  // signed or unsigned, not b8
// Lowest and highest value of an integer type of at most 32 bits.
int64_t IntegerMin(ElementType type);
int64_t IntegerMax(ElementType type);

// Calls f(T{}) with the C++ type of `type`: `Dispatch(t, [&](auto zero) { using T = decltype(zero); … })`.
template <typename F>
auto Dispatch(ElementType type, F&& f) {
  switch (type) {
#define X(name, cpp, c)   \
  case ElementType::name: \
    return f(cpp{});
    MCUC_ELEMENT_TYPES(X)
#undef X
  }
  return f(float{});
}

using Shape = std::vector<int64_t>;  // every dimension >= 1; empty: a scalar

// At most this many elements in one tensor; shapes beyond it are refused before anything is allocated.
inline constexpr int64_t kMaxElements = int64_t{1} << 28;

// The product of the dimensions; an error for a dimension < 1 or a product over kMaxElements.
absl::StatusOr<int64_t> CheckedElements(const Shape& shape);
// The product of the dimensions of a shape already checked.
int64_t Elements(const Shape& shape);
std::string ShapeText(const Shape& shape);  // "3x4", "" for a scalar
// Row-major strides in elements.
std::vector<int64_t> Strides(const Shape& shape);

// real = scale * (q - zero_point); per tensor (one scale, one zero point, axis -1) or per slice along `axis`
// (a scale for each, zero points one for all or one each).
struct Quantization {
  std::vector<float> scales;         // finite, > 0
  std::vector<int32_t> zero_points;  // within the element type
  int axis = -1;

  float scale(int64_t channel = 0) const { return scales[scales.size() == 1 ? 0 : static_cast<size_t>(channel)]; }
  int32_t zero_point(int64_t channel = 0) const {
    return zero_points[zero_points.size() == 1 ? 0 : static_cast<size_t>(channel)];
  }
  bool per_tensor() const { return scales.size() == 1 && zero_points.size() == 1; }
  bool operator==(const Quantization&) const = default;
};

struct Type {
  ElementType element = ElementType::f32;
  Shape shape;
  std::optional<Quantization> quant = std::nullopt;
  Encoding encoding = Encoding::kDense;  // of a constant

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t elements() const { return Elements(shape); }
  int64_t bytes() const { return elements() * ElementTypeBytes(element); }  // of the dense form
  bool is_float() const { return IsFloat(element); }
  bool is_quantized() const { return quant.has_value(); }
  bool operator==(const Type&) const = default;
};

std::string TypeText(const Type& type);  // as printed in the IR

// A type of the same element type and quantization with another shape (per-tensor quantization only).
Type WithShape(const Type& type, Shape shape);

// Shortest decimal that reads back to the same bits; "nan", "inf", "-inf"; a NaN with another payload as bits(0x…).
std::string FloatText(float value);
std::string DoubleText(double value);

}  // namespace mcuc

#endif  // MCUC_IR_TYPE_H
