// Tensors, dense or encoded.
#include "mcuc/IR/Tensor.h"

namespace mcuc {

Tensor::Tensor(Type type) : type_(std::move(type)), bytes_(static_cast<size_t>(type_.bytes())) {}

Tensor Tensor::FromBytes(Type type, std::vector<std::byte> bytes) {
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.bytes_ = std::move(bytes);
  return tensor;
}

Tensor Tensor::FromEncoded(Type type, EncodedData data) {
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.encoded_ = std::move(data);
  return tensor;
}

double Tensor::AsDouble(int64_t i) const {
  return Dispatch(type_.element,
                  [&](auto zero) { return static_cast<double>(data<decltype(zero)>()[static_cast<size_t>(i)]); });
}

int64_t Tensor::AsInt(int64_t i) const {
  return Dispatch(type_.element,
                  [&](auto zero) { return static_cast<int64_t>(data<decltype(zero)>()[static_cast<size_t>(i)]); });
}

void Tensor::Set(int64_t i, double value) {
  Dispatch(type_.element, [&](auto zero) {
    using T = decltype(zero);
    data<T>()[static_cast<size_t>(i)] = static_cast<T>(value);
  });
}

void Tensor::SetInt(int64_t i, int64_t value) {
  Dispatch(type_.element, [&](auto zero) {
    using T = decltype(zero);
    data<T>()[static_cast<size_t>(i)] = static_cast<T>(value);
  });
}

int64_t Tensor::nonzeros() const {
  int64_t n = 0;
  (void)VisitValues(*this, [&](int64_t, double value) { n += value != 0.0; });
  return n;
}

int64_t Tensor::storage_bytes() const {
  return static_cast<int64_t>(bytes_.size() + encoded_.gaps.size() + encoded_.book.size() + encoded_.values.size());
}

bool Tensor::operator==(const Tensor& other) const {
  return type_ == other.type_ && bytes_ == other.bytes_ && encoded_ == other.encoded_;
}

int64_t Columns(const Type& type) { return type.shape.empty() ? 1 : type.shape[0]; }

int64_t ColumnLength(const Type& type) { return type.elements() / Columns(type); }

}  // namespace mcuc
