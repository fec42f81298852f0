// Tensors and the reference encoder and decoder of csc<u8>.
#include "mcuc/IR/Tensor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

constexpr uint8_t kEscape = 255;  // a delta byte that skips 255 zeros and has no value

bool IsZero(std::span<const std::byte> element, ElementType type) {
  if (type == ElementType::f32) {
    float value;
    std::memcpy(&value, element.data(), sizeof(value));
    return value == 0.0f;  // -0.0 too: it adds nothing
  }
  if (type == ElementType::f64) {
    double value;
    std::memcpy(&value, element.data(), sizeof(value));
    return value == 0.0;
  }
  return std::all_of(element.begin(), element.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

int64_t CscData::count_bytes_each() const {
  return std::any_of(count.begin(), count.end(), [](uint32_t n) { return n > 255; }) ? 2 : 1;
}

Tensor::Tensor(Type type) : type_(std::move(type)), bytes_(static_cast<size_t>(type_.bytes())) {}

Tensor Tensor::FromBytes(Type type, std::vector<std::byte> bytes) {
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.bytes_ = std::move(bytes);
  return tensor;
}

Tensor Tensor::FromCsc(Type type, CscData data) {
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.type_.encoding = Encoding::kCsc;
  tensor.csc_ = std::move(data);
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
    return 0;
  });
}

void Tensor::SetInt(int64_t i, int64_t value) {
  Dispatch(type_.element, [&](auto zero) {
    using T = decltype(zero);
    data<T>()[static_cast<size_t>(i)] = static_cast<T>(value);
    return 0;
  });
}

int64_t Tensor::nonzeros() const {
  const size_t width = static_cast<size_t>(ElementTypeBytes(type_.element));
  const std::span<const std::byte> all = encoded() ? std::span<const std::byte>(csc_.values) : bytes_;
  int64_t n = 0;
  for (size_t i = 0; i + width <= all.size(); i += width) n += !IsZero(all.subspan(i, width), type_.element);
  return n;
}

int64_t Tensor::storage_bytes() const {
  if (!encoded()) return static_cast<int64_t>(bytes_.size());
  return static_cast<int64_t>(csc_.count.size()) * csc_.count_bytes_each() + static_cast<int64_t>(csc_.delta.size()) +
         static_cast<int64_t>(csc_.values.size());
}

bool Tensor::operator==(const Tensor& other) const {
  return type_ == other.type_ && bytes_ == other.bytes_ && csc_ == other.csc_;
}

int64_t Columns(const Type& type) { return type.shape.empty() ? 1 : type.shape[0]; }

int64_t ColumnLength(const Type& type) { return type.elements() / Columns(type); }

absl::StatusOr<Tensor> EncodeCsc(const Tensor& dense) {
  const Type& type = dense.type();
  const int64_t columns = Columns(type);
  const int64_t length = ColumnLength(type);
  const size_t width = static_cast<size_t>(ElementTypeBytes(type.element));
  CscData csc;
  for (int64_t c = 0; c < columns; ++c) {
    uint32_t count = 0;
    int64_t zeros = 0;
    for (int64_t k = 0; k < length; ++k) {
      const auto element = dense.bytes().subspan(static_cast<size_t>(c * length + k) * width, width);
      if (IsZero(element, type.element)) {
        ++zeros;
        continue;
      }
      for (; zeros >= kEscape; zeros -= kEscape) csc.delta.push_back(kEscape);
      csc.delta.push_back(static_cast<uint8_t>(zeros));
      csc.values.insert(csc.values.end(), element.begin(), element.end());
      zeros = 0;
      ++count;
    }
    if (count > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("column ", c, " has ", count, " nonzeros; csc<u8> holds at most 65535 a column"));
    }
    csc.count.push_back(count);
  }
  return Tensor::FromCsc(type, std::move(csc));
}

namespace {

// Walks the nonzeros of a csc<u8> tensor: visit(position in the flattened dense tensor, offset of its value in bytes).
template <typename F>
absl::Status WalkCsc(const Tensor& tensor, F&& visit) {
  const CscData& csc = tensor.csc();
  const int64_t columns = Columns(tensor.type());
  const int64_t length = ColumnLength(tensor.type());
  const size_t width = static_cast<size_t>(ElementTypeBytes(tensor.type().element));
  if (static_cast<int64_t>(csc.count.size()) != columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("csc<u8> has ", csc.count.size(), " counts for ", columns, " columns"));
  }
  size_t next_delta = 0, next_value = 0;
  for (int64_t c = 0; c < columns; ++c) {
    const uint32_t count = csc.count[static_cast<size_t>(c)];
    if (count > 65535) {
      return absl::InvalidArgumentError(absl::StrCat("csc<u8> count of column ", c, " is ", count, ", over 65535"));
    }
    int64_t position = 0;
    for (uint32_t n = 0; n < count; ++n) {
      while (next_delta < csc.delta.size() && csc.delta[next_delta] == kEscape) {
        position += kEscape;
        ++next_delta;
      }
      if (next_delta >= csc.delta.size() || next_value + width > csc.values.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("csc<u8> ends within column ", c, ", after ", n, " of ", count, " nonzeros"));
      }
      position += csc.delta[next_delta++];
      if (position >= length) {
        return absl::InvalidArgumentError(
            absl::StrCat("csc<u8> column ", c, " reaches position ", position, " of ", length));
      }
      visit(c * length + position, next_value);
      next_value += width;
      ++position;
    }
  }
  if (next_delta != csc.delta.size() || next_value != csc.values.size()) {
    return absl::InvalidArgumentError(absl::StrCat("csc<u8> has ", csc.delta.size() - next_delta, " gaps and ",
                                                   csc.values.size() - next_value, " bytes of values too many"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEncoding(const Tensor& tensor) {
  if (!tensor.encoded()) return absl::OkStatus();
  return WalkCsc(tensor, [](int64_t, size_t) {});
}

absl::StatusOr<Tensor> Decode(const Tensor& tensor) {
  if (!tensor.encoded()) return tensor;
  if (absl::Status s = CheckEncoding(tensor); !s.ok()) return s;  // before the dense form is allocated
  Type type = tensor.type();
  type.encoding = Encoding::kDense;
  Tensor dense(type);
  const size_t width = static_cast<size_t>(ElementTypeBytes(type.element));
  absl::Status status = WalkCsc(tensor, [&](int64_t position, size_t value) {
    std::memcpy(dense.bytes().data() + static_cast<size_t>(position) * width, tensor.csc().values.data() + value,
                width);
  });
  if (!status.ok()) return status;
  return dense;
}

}  // namespace mcuc
