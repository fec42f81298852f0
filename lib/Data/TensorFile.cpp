// Reads a tensor from .npy or .pb and writes one as .npy (the header is a Python dictionary padded to 64 bytes).
#include "mcuc/Data/TensorFile.h"

#include "Formats.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Import/Onnx.h"

namespace mcuc {

namespace {

const char* NpyDescr(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "<f4";
    case ElementType::f64:
      return "<f8";
    case ElementType::i8:
      return "|i1";
    case ElementType::u8:
      return "|u1";
    case ElementType::i16:
      return "<i2";
    case ElementType::u16:
      return "<u2";
    case ElementType::i32:
      return "<i4";
    case ElementType::u32:
      return "<u4";
    case ElementType::i64:
      return "<i8";
    case ElementType::u64:
      return "<u8";
    case ElementType::b8:
      return "|b1";
  }
  return "|V1";
}

}  // namespace

absl::StatusOr<Tensor> ReadTensorFile(const std::string& path) {
  if (absl::EndsWith(path, ".pb")) return ReadTensorProto(path);
  if (!absl::EndsWith(path, ".npy")) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": a tensor's file must end in .npy or .pb"));
  }
  const absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<Tensor> tensor = ReadNpy(**reader);
  if (!tensor.ok()) return tensor.status();
  if (absl::Status status = (*reader)->ExpectEnd("the array"); !status.ok()) return status;
  return tensor;
}

std::string NpyBytes(const Tensor& tensor) {
  std::string shape;
  for (int64_t dim : tensor.shape()) absl::StrAppend(&shape, dim, ",");
  std::string header = absl::StrCat("{'descr': '", NpyDescr(tensor.type().element),
                                    "', 'fortran_order': False, 'shape': (", shape, "), }");
  constexpr size_t kPreamble = 10;  // magic, version, header length
  header.append(63 - (kPreamble + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  const auto data = tensor.bytes();
  bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
  return bytes;
}

}  // namespace mcuc
