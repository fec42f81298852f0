// A tensor: a type and its bytes, dense or encoded. Constants hold one, the interpreter computes with them.
#ifndef MCUC_IR_TENSOR_H
#define MCUC_IR_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "mcuc/IR/Type.h"

namespace mcuc {

class Tensor {
 public:
  Tensor() = default;
  // Zero-filled, dense. The shape must have been checked.
  explicit Tensor(Type type);

  template <typename T>
  static Tensor Of(Type type, const std::vector<T>& values);
  static Tensor FromBytes(Type type, std::vector<std::byte> bytes);  // bytes.size() == type.bytes()

  const Type& type() const { return type_; }
  Type& mutable_type() { return type_; }  // element type and number of elements must stay
  const Shape& shape() const { return type_.shape; }
  int64_t elements() const { return type_.elements(); }

  // Dense storage; T must be the C++ type of the element type (b8: uint8_t or bool).
  template <typename T>
  std::span<T> data() {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::span<std::byte> bytes() { return bytes_; }

  // Element i of dense storage, converted.
  double AsDouble(int64_t i) const;
  int64_t AsInt(int64_t i) const;
  void Set(int64_t i, double value);  // converts; integers must be in range
  void SetInt(int64_t i, int64_t value);

  bool encoded() const { return type_.encoding != Encoding::kDense; }
  const EncodedData& encoded_data() const { return encoded_; }
  // Takes encoded storage; type.encoding says which. Not checked here: see CheckEncoding.
  static Tensor FromEncoded(Type type, EncodedData data);

  int64_t nonzeros() const;       // of dense or encoded storage; quantized zeros are q == 0
  int64_t storage_bytes() const;  // what it takes in flash: weights and indices

  bool operator==(const Tensor&) const;  // type and bits

 private:
  Type type_;
  std::vector<std::byte> bytes_;
  EncodedData encoded_;
};

template <typename T>
Tensor Tensor::Of(Type type, const std::vector<T>& values) {
  Tensor tensor(std::move(type));
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_integral_v<T>) {
      tensor.SetInt(static_cast<int64_t>(i), static_cast<int64_t>(values[i]));
    } else {
      tensor.Set(static_cast<int64_t>(i), static_cast<double>(values[i]));
    }
  }
  return tensor;
}

// The number of columns (dimension 0) and the dense length of each.
int64_t Columns(const Type& type);
int64_t ColumnLength(const Type& type);

// The streams that an encoded tensor of this type has, in the order in which they are printed, emitted and counted.
struct EncodedStream {
  const char* name;
  ElementType element;  // as which its bytes are printed
  std::vector<std::byte> EncodedData::*bytes;
};
std::vector<EncodedStream> StreamsOf(const Type& type);

// Encodes a dense tensor of rank >= 1; fails where a value does not fit the encoding.
absl::StatusOr<Tensor> Encode(const Tensor& dense, Encoding encoding);
// Whether an encoded tensor's streams fit its shape, found without allocating the dense form. OK for a dense tensor.
absl::Status CheckEncoding(const Tensor& tensor);
// The dense tensor again; an error where the streams do not fit the shape (too few values, a position past the end).
absl::StatusOr<Tensor> Decode(const Tensor& tensor);
// Calls visit(position in the dense tensor, value) for each element that has a value, in order, dense or encoded;
// an error as of CheckEncoding where the streams turn out not to fit.
absl::Status VisitValues(const Tensor& tensor, absl::FunctionRef<void(int64_t position, double value)> visit);

}  // namespace mcuc

#endif  // MCUC_IR_TENSOR_H
