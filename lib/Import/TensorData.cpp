// Reads TensorProtos: raw, typed and external data of every element type that the IR has, half floats widened to f32.
#include "TensorData.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "Lowering.h"
#include "ReadFile.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "mcuc/Import/Onnx.h"
#include "onnx/onnx_pb.h"

namespace mcuc {

namespace importer {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

namespace {

using onnx::TensorProto;

float HalfToFloat(uint16_t half) {
  const float sign = half & 0x8000 ? -1.0f : 1.0f;
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  if (exponent == 0x1f) {
    return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
}

float Bfloat16ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// Bytes that an element takes in raw_data.
int64_t RawBytes(int data_type, ElementType element) { return IsHalf(data_type) ? 2 : ElementTypeBytes(element); }

Tensor FromRaw(int data_type, Type type, const std::string& raw) {
  const int64_t n = type.elements();
  Tensor tensor(std::move(type));
  if (IsHalf(data_type)) {
    const auto out = tensor.data<float>();
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      uint16_t bits;
      std::memcpy(&bits, raw.data() + 2 * i, 2);
      out[i] = data_type == TensorProto::FLOAT16 ? HalfToFloat(bits) : Bfloat16ToFloat(bits);
    }
  } else if (data_type == TensorProto::BOOL) {
    for (int64_t i = 0; i < n; ++i) tensor.SetInt(i, raw[static_cast<size_t>(i)] != 0);
  } else if (n > 0) {
    std::memcpy(tensor.bytes().data(), raw.data(), raw.size());
  }
  return tensor;
}

// Typed data: int32_data also holds the narrower integers, bool and the bits of half floats.
template <typename Field>
absl::StatusOr<Tensor> FromTyped(int data_type, Type type, const char* name, const Field& field) {
  const int64_t n = type.elements();
  if (field.size() != n) {
    return Unsupported(name, " holds ", field.size(), " elements, but the shape [", ShapeText(type.shape), "] has ", n);
  }
  Tensor tensor(std::move(type));
  const ElementType element = tensor.type().element;
  for (int i = 0; i < field.size(); ++i) {
    if constexpr (std::is_floating_point_v<std::decay_t<decltype(field.Get(0))>>) {
      tensor.Set(i, static_cast<double>(field.Get(i)));
    } else {
      const auto value = static_cast<int64_t>(field.Get(i));
      if (IsHalf(data_type)) {
        const auto bits = static_cast<uint16_t>(value);
        tensor.Set(i, data_type == TensorProto::FLOAT16 ? HalfToFloat(bits) : Bfloat16ToFloat(bits));
      } else if (element == ElementType::b8) {
        tensor.SetInt(i, value != 0);
      } else if (ElementTypeBytes(element) < 8 && (value < IntegerMin(element) || value > IntegerMax(element))) {
        return Unsupported("element ", i, " is ", value, ", outside the range of ", ElementTypeName(element));
      } else {
        tensor.SetInt(i, value);
      }
    }
  }
  return tensor;
}

// The bytes of external data, of which there must be `bytes`.
absl::StatusOr<std::string> ReadExternal(const TensorProto& proto, const std::string& folder, int64_t bytes) {
  namespace fs = std::filesystem;
  if (folder.empty()) return Unsupported("external data is not allowed here; put the data into the tensor");
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      int64_t value = 0;
      if (!absl::SimpleAtoi(entry.value(), &value) || value < 0) {
        return Unsupported("external data: ", entry.key(), " \"", entry.value(), "\" is no size");
      }
      if (entry.key() == "offset") {
        offset = value;
      } else {
        length = value;
      }
    }
  }
  if (location.empty()) return Unsupported("external data has no location");
  const fs::path relative(location);
  bool inside = !relative.is_absolute() && location.find('\0') == std::string::npos;
  for (const fs::path& part : relative) inside &= part != "..";
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path file = error || !inside ? fs::path() : fs::canonical(root / relative, error);
  if (inside && error) return Unsupported("external data file \"", location, "\": ", error.message());
  if (inside) {
    // Links have been followed: what is left must lie below the model's folder.
    const fs::path within = file.lexically_relative(root);
    inside = !within.empty() && *within.begin() != "..";
  }
  if (!inside) {
    return Unsupported("external data location \"", location,
                       "\" leads out of the model's folder; it must be a relative path to a file beside the model");
  }
  MCUC_ASSIGN_OR_RETURN(const int64_t size, FileSize(file.string()));
  if (length && *length != bytes) {
    return Unsupported("external data has length ", *length, ", but the shape takes ", bytes, " bytes");
  }
  if (offset > size || bytes > size - offset) {
    return Unsupported("external data file \"", location, "\" has ", size, " bytes; the tensor needs ", bytes,
                       " from offset ", offset);
  }
  return ReadFile(file.string(), offset, bytes);
}

absl::StatusOr<Tensor> Read(const TensorProto& proto, const std::string& folder) {
  const int data_type = proto.data_type();
  const auto element = ElementTypeOf(data_type);
  if (!element) {
    return Unsupported("element type ", DataTypeName(data_type),
                       " is not supported; supported: ", SupportedDataTypes());
  }
  if (proto.has_segment()) return Unsupported("segmented tensors are not supported; store the tensor in one piece");
  Type type{*element, Shape(proto.dims().begin(), proto.dims().end())};
  MCUC_ASSIGN_OR_RETURN(const int64_t n, CheckedHostElements(type.shape));
  const int64_t raw_bytes = n * RawBytes(data_type, *element);
  if (proto.data_location() == TensorProto::EXTERNAL) {
    MCUC_ASSIGN_OR_RETURN(const std::string raw, ReadExternal(proto, folder, raw_bytes));
    return FromRaw(data_type, std::move(type), raw);
  }
  if (proto.has_raw_data()) {
    if (static_cast<int64_t>(proto.raw_data().size()) != raw_bytes) {
      return Unsupported("raw_data holds ", proto.raw_data().size(), " bytes, but the shape [", ShapeText(type.shape),
                         "] of ", ElementTypeName(*element), " takes ", raw_bytes);
    }
    return FromRaw(data_type, std::move(type), proto.raw_data());
  }
  switch (data_type) {
    case TensorProto::FLOAT:
      return FromTyped(data_type, std::move(type), "float_data", proto.float_data());
    case TensorProto::DOUBLE:
      return FromTyped(data_type, std::move(type), "double_data", proto.double_data());
    case TensorProto::INT64:
      return FromTyped(data_type, std::move(type), "int64_data", proto.int64_data());
    case TensorProto::UINT32:
    case TensorProto::UINT64:
      return FromTyped(data_type, std::move(type), "uint64_data", proto.uint64_data());
    default:
      return FromTyped(data_type, std::move(type), "int32_data", proto.int32_data());
  }
}

absl::Status Named(const std::string& name, const absl::Status& status) {
  return Unsupported("tensor \"", Printable(name), "\": ", status.message());
}

}  // namespace

std::optional<ElementType> ElementTypeOf(int data_type) {
  switch (data_type) {
    case TensorProto::FLOAT:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return ElementType::f32;
    case TensorProto::DOUBLE:
      return ElementType::f64;
    case TensorProto::INT8:
      return ElementType::i8;
    case TensorProto::UINT8:
      return ElementType::u8;
    case TensorProto::INT16:
      return ElementType::i16;
    case TensorProto::UINT16:
      return ElementType::u16;
    case TensorProto::INT32:
      return ElementType::i32;
    case TensorProto::UINT32:
      return ElementType::u32;
    case TensorProto::INT64:
      return ElementType::i64;
    case TensorProto::UINT64:
      return ElementType::u64;
    case TensorProto::BOOL:
      return ElementType::b8;
    default:
      return std::nullopt;
  }
}

int DataTypeOf(ElementType element) {
  static constexpr int kTypes[] = {TensorProto::FLOAT, TensorProto::DOUBLE, TensorProto::INT8,  TensorProto::UINT8,
                                   TensorProto::INT16, TensorProto::UINT16, TensorProto::INT32, TensorProto::UINT32,
                                   TensorProto::INT64, TensorProto::UINT64, TensorProto::BOOL};
  return kTypes[static_cast<size_t>(element)];  // in the order of ElementType
}

bool IsHalf(int data_type) { return data_type == TensorProto::FLOAT16 || data_type == TensorProto::BFLOAT16; }

std::string DataTypeName(int data_type) {
  // onnx.proto of ONNX 1.17; libonnx's own enumeration ends at bfloat16.
  static const char* const kNames[] = {"undefined",      "float",    "uint8",        "int8",           "uint16",
                                       "int16",          "int32",    "int64",        "string",         "bool",
                                       "float16",        "double",   "uint32",       "uint64",         "complex64",
                                       "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
                                       "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1"};
  if (data_type < 0 || data_type >= static_cast<int>(std::size(kNames))) return absl::StrCat("number ", data_type);
  return kNames[data_type];
}

const char* SupportedDataTypes() { return "float, float16, bfloat16, double, int8 to int64, uint8 to uint64, bool"; }

absl::StatusOr<int64_t> CheckedHostElements(const Shape& shape) {
  if (shape.size() > kMaxRank) return Unsupported("a rank of ", shape.size(), " is not supported; at most ", kMaxRank);
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0) return Unsupported("shape [", ShapeText(shape), "] has a dimension of ", dim);
    empty |= dim == 0;
  }
  if (!empty) return CheckedElements(shape);
  // Nothing is stored, but products of some of the dimensions must not overflow either.
  Shape others;
  for (int64_t dim : shape) {
    if (dim != 0) others.push_back(dim);
  }
  MCUC_RETURN_IF_ERROR(CheckedElements(others).status());
  return 0;
}

absl::StatusOr<Tensor> TensorOfProto(const TensorProto& proto, const std::string& folder) {
  auto tensor = Read(proto, folder);
  if (!tensor.ok()) return Named(proto.name(), tensor.status());
  return tensor;
}

std::optional<Tensor> IndicesOfStrings(const TensorProto& proto) {
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const auto elements = CheckedHostElements(shape);
  if (proto.data_type() != TensorProto::STRING || !elements.ok() || *elements != proto.string_data_size()) return {};
  Tensor tensor(Type{ElementType::i64, shape});
  for (int64_t i = 0; i < *elements; ++i) tensor.SetInt(i, i);
  return tensor;
}

absl::StatusOr<Tensor> TensorOfProto(const onnx::SparseTensorProto& proto, const std::string& folder) {
  const std::string& name = proto.values().name();
  auto values = Read(proto.values(), folder);
  if (!values.ok()) return Named(name, values.status());
  auto indices = Read(proto.indices(), folder);
  if (!indices.ok()) return Named(name, indices.status());
  const Shape shape(proto.dims().begin(), proto.dims().end());
  auto elements = CheckedHostElements(shape);
  if (!elements.ok()) return Named(name, elements.status());
  if (*elements > kMaxFoldedBytes / ElementTypeBytes(values->type().element)) {
    return Named(name, Unsupported("a sparse tensor of shape [", ShapeText(shape), "] takes more than ",
                                   kMaxFoldedBytes, " bytes in its dense form"));
  }
  const int64_t n = values->elements();
  const int64_t rank = static_cast<int64_t>(shape.size());
  const bool linear = indices->shape() == Shape{n};
  if (values->type().rank() != 1 || indices->type().element != ElementType::i64 ||
      (!linear && indices->shape() != Shape{n, rank})) {
    return Named(name, Unsupported("a sparse tensor's indices must be int64 of shape [", n, "] or [", n, "x", rank,
                                   "] for its ", n, " values"));
  }
  const Shape strides = Strides(shape);
  Tensor dense(Type{values->type().element, shape});
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = linear ? indices->AsInt(i) : 0;
    bool inside = !linear || (at >= 0 && at < *elements);
    for (int64_t d = 0; !linear && d < rank; ++d) {
      const int64_t index = indices->AsInt(i * rank + d);
      inside &= index >= 0 && index < shape[static_cast<size_t>(d)];
      if (inside) at += index * strides[static_cast<size_t>(d)];
    }
    if (!inside || *elements == 0) {
      return Named(name,
                   Unsupported("value ", i, " of the sparse tensor lies outside its shape [", ShapeText(shape), "]"));
    }
    const size_t width = static_cast<size_t>(ElementTypeBytes(dense.type().element));
    std::memcpy(dense.bytes().data() + static_cast<size_t>(at) * width,
                values->bytes().data() + static_cast<size_t>(i) * width, width);
  }
  return dense;
}

}  // namespace importer

absl::StatusOr<Tensor> ParseTensorProto(const std::string& bytes, const std::string& what) {
  onnx::TensorProto proto;
  if (!proto.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": is no TensorProto, or is truncated"));
  }
  auto tensor = importer::TensorOfProto(proto, "");
  if (tensor.ok() && tensor->elements() == 0) {
    tensor = absl::InvalidArgumentError(absl::StrCat("the tensor [", ShapeText(tensor->shape()), "] has no elements"));
  }
  if (!tensor.ok()) return absl::InvalidArgumentError(absl::StrCat(what, ": ", tensor.status().message()));
  return tensor;
}

absl::StatusOr<Tensor> ReadTensorProto(const std::string& path) {
  auto bytes = importer::ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  return ParseTensorProto(*bytes, path);
}

}  // namespace mcuc
