// NumPy arrays: .npy (versions 1 to 3, little endian, C and Fortran order) and .npz, a zip archive of them. The header
// is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }.
#include <algorithm>
#include <bit>
#include <cstring>

#include "Formats.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace mcuc {

namespace {

constexpr int64_t kMaxHeader = 1 << 20;
constexpr size_t kMaxRank = 32;  // NumPy's own limit

struct NpyHeader {
  ElementType element = ElementType::f32;
  bool half = false;  // float16, read as f32
  bool fortran = false;
  Shape shape;
};

// A scanner of just the Python literals that a header holds. The zero byte at a text's end is none of their characters.
class HeaderScanner {
 public:
  explicit HeaderScanner(const std::string& text) : text_(text) {}

  bool Parse(std::string* descr, bool* fortran, Shape* shape) {
    bool has_descr = false, has_order = false, has_shape = false;
    if (!Take('{')) return false;
    while (!Take('}')) {
      std::string key;
      if (!String(&key) || !Take(':')) return false;
      if (key == "descr" && !has_descr) {
        has_descr = String(descr);
        if (!has_descr) return false;
      } else if (key == "fortran_order" && !has_order) {
        has_order = Bool(fortran);
        if (!has_order) return false;
      } else if (key == "shape" && !has_shape) {
        has_shape = Tuple(shape);
        if (!has_shape) return false;
      } else {
        return false;
      }
      if (!Take(',')) {
        if (!Take('}')) return false;
        break;
      }
    }
    return has_descr && has_order && has_shape;
  }

 private:
  void Blanks() {
    while (text_[at_] == ' ' || text_[at_] == '\n') ++at_;
  }
  bool Take(char c) {
    Blanks();
    if (text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool String(std::string* value) {
    Blanks();
    if (text_[at_] != '\'' && text_[at_] != '"') return false;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string::npos) return false;
    *value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool Bool(bool* value) {
    Blanks();
    for (bool candidate : {false, true}) {
      const std::string word = candidate ? "True" : "False";
      if (text_.compare(at_, word.size(), word) != 0) continue;
      at_ += word.size();
      *value = candidate;
      return true;
    }
    return false;
  }
  bool Tuple(Shape* shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      Blanks();
      size_t end = at_;
      while (text_[end] >= '0' && text_[end] <= '9') ++end;
      int64_t dim = 0;
      if (!absl::SimpleAtoi(text_.substr(at_, end - at_), &dim) || shape->size() >= kMaxRank) return false;
      shape->push_back(dim);
      at_ = end;
      if (!Take(',')) return Take(')');
    }
    return true;
  }

  const std::string& text_;
  size_t at_ = 0;
};

absl::StatusOr<NpyHeader> ReadHeader(Reader& reader) {
  absl::StatusOr<std::vector<std::byte>> start = reader.Bytes(8, "the start of an .npy file");
  if (!start.ok()) return start.status();
  const std::vector<std::byte>& magic = *start;
  if (std::memcmp(magic.data(), "\x93NUMPY", 6) != 0) return reader.Error("is not an .npy file: it starts otherwise");
  const int version = std::to_integer<int>(magic[6]);
  if (version < 1 || version > 3) {
    return reader.Error(absl::StrCat(".npy version ", version, " is not known; 1 to 3 are"));
  }
  absl::StatusOr<std::vector<std::byte>> length = reader.Bytes(version == 1 ? 2 : 4, "the length of the header");
  if (!length.ok()) return length.status();
  int64_t size = 0;
  for (size_t i = length->size(); i-- > 0;) size = size * 256 + std::to_integer<int64_t>((*length)[i]);
  if (size > kMaxHeader)
    return reader.Error(absl::StrCat("a header of ", size, " bytes; at most ", kMaxHeader, " are read"));
  absl::StatusOr<std::vector<std::byte>> bytes = reader.Bytes(size, "the header");
  if (!bytes.ok()) return bytes.status();
  const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());

  NpyHeader header;
  std::string descr;
  if (!HeaderScanner(text).Parse(&descr, &header.fortran, &header.shape)) {
    return reader.Error("its header can't be read; plain arrays of numbers are supported, no structures");
  }
  static const std::map<std::string, ElementType> kTypes = {
      {"f4", ElementType::f32}, {"f8", ElementType::f64}, {"i1", ElementType::i8},  {"u1", ElementType::u8},
      {"i2", ElementType::i16}, {"u2", ElementType::u16}, {"i4", ElementType::i32}, {"u4", ElementType::u32},
      {"i8", ElementType::i64}, {"u8", ElementType::u64}, {"b1", ElementType::b8}};
  const std::string type = descr.empty() ? "" : descr.substr(1);
  header.half = type == "f2";
  const auto found = kTypes.find(header.half ? "f4" : type);
  if (found == kTypes.end() || std::string("<|=>").find(descr[0]) == std::string::npos) {
    return reader.Error(absl::StrCat("elements of type '", descr, "' are not supported; floats of 2, 4 or 8 bytes, ",
                                     "integers of 1 to 8 bytes and bool are"));
  }
  header.element = found->second;
  if (descr[0] == '>') {
    return reader.Error(
        absl::StrCat("big-endian elements ('", descr, "') are not supported; save x.astype('<", type, "')"));
  }
  return header;
}

float FromHalf(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 31u, fraction = h & 1023u;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits = exponent == 31 ? 0x7f800000u | (fraction << 13) : ((exponent + 112) << 23) | (fraction << 13);
  return std::bit_cast<float>(sign | bits);
}

// Column-major to row-major.
std::vector<std::byte> FromFortran(const std::vector<std::byte>& bytes, const Shape& shape, size_t width) {
  std::vector<std::byte> out(bytes.size());
  std::vector<int64_t> index(shape.size(), 0);
  std::vector<int64_t> stride(shape.size(), 1);  // of dimension d in the file
  for (size_t d = 1; d < shape.size(); ++d) stride[d] = stride[d - 1] * shape[d - 1];
  int64_t from = 0;
  for (size_t to = 0; to < out.size(); to += width) {
    std::memcpy(out.data() + to, bytes.data() + static_cast<size_t>(from) * width, width);
    for (size_t d = shape.size(); d-- > 0;) {
      from += stride[d];
      if (++index[d] < shape[d]) break;
      from -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
  return out;
}

// The index of the array of that name, or -1.
int64_t FindEntry(const Archive& archive, const std::string& name) {
  for (size_t i = 0; i < archive.entries().size(); ++i) {
    if (archive.entries()[i] == name + ".npy" || archive.entries()[i] == name) return static_cast<int64_t>(i);
  }
  return -1;
}

std::string EntryNames(const Archive& archive) {
  return absl::StrJoin(archive.entries(), ", ", [](std::string* out, const std::string& entry) {
    absl::StrAppend(out, absl::StripSuffix(entry, ".npy"));
  });
}

absl::StatusOr<Tensor> ReadEntry(const Archive& archive, int64_t index) {
  absl::StatusOr<std::unique_ptr<Reader>> reader = archive.OpenEntry(static_cast<size_t>(index));
  if (!reader.ok()) return reader.status();
  return ReadNpy(**reader);
}

}  // namespace

absl::StatusOr<int64_t> ClaimedElements(const Shape& shape, ElementType element, const std::string& what) {
  const int64_t most = kMaxDataBytes / ElementTypeBytes(element);
  int64_t elements = 1;
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0 || dim > most / elements) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": an array of ", ShapeText(shape), " ",
                                                     ElementTypeName(element), " takes more than the ", kMaxDataBytes,
                                                     " bytes that are read at once"));
    }
    empty |= dim == 0;
    elements *= std::max<int64_t>(dim, 1);
  }
  return empty ? 0 : elements;
}

absl::StatusOr<Tensor> ReadNpy(Reader& reader) {
  absl::StatusOr<NpyHeader> header = ReadHeader(reader);
  if (!header.ok()) return header.status();
  absl::StatusOr<int64_t> elements = ClaimedElements(header->shape, header->element, reader.name());
  if (!elements.ok()) return elements.status();
  const int64_t width = header->half ? 2 : ElementTypeBytes(header->element);
  absl::StatusOr<std::vector<std::byte>> bytes =
      reader.Bytes(*elements * width, absl::StrCat("an array of ", ShapeText(header->shape)));
  if (!bytes.ok()) return bytes.status();
  if (absl::Status end = reader.ExpectEnd("its array"); !end.ok()) return end;
  if (header->fortran) *bytes = FromFortran(*bytes, header->shape, static_cast<size_t>(width));
  if (header->half) {
    std::vector<std::byte> wide(static_cast<size_t>(*elements) * sizeof(float));
    for (size_t i = 0; i < static_cast<size_t>(*elements); ++i) {
      uint16_t half = 0;
      std::memcpy(&half, bytes->data() + 2 * i, 2);
      const float value = FromHalf(half);
      std::memcpy(wide.data() + sizeof(float) * i, &value, sizeof(float));
    }
    *bytes = std::move(wide);
  }
  if (header->element == ElementType::b8) {
    for (std::byte& b : *bytes) b = b == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return Tensor::FromBytes(Type{header->element, header->shape}, std::move(*bytes));
}

absl::StatusOr<Tensor> ReadNpzArray(const std::string& path, const std::string& name) {
  absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open(path);
  if (!archive.ok()) return archive.status();
  const int64_t index = FindEntry(**archive, name);
  if (index < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has no array \"", name, "\"; it holds: ", EntryNames(**archive)));
  }
  return ReadEntry(**archive, index);
}

absl::StatusOr<RawSet> ReadNpz(const std::string& path, const Graph& graph) {
  absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open(path);
  if (!archive.ok()) return archive.status();
  RawSet set;
  for (const Value* input : graph.inputs()) {
    int64_t index = FindEntry(**archive, input->name());
    if (index < 0 && graph.inputs().size() == 1) index = FindEntry(**archive, "x");
    if (index < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": has no array for input \"", input->name(), "\"; it holds: ", EntryNames(**archive),
                       "; name it \"", input->name(), "\"", graph.inputs().size() == 1 ? " or \"x\"" : ""));
    }
    absl::StatusOr<Tensor> array = ReadEntry(**archive, index);
    if (!array.ok()) return array.status();
    set.inputs.push_back(std::move(*array));
    set.names.push_back(absl::StrCat(path, ": ", (*archive)->entries()[static_cast<size_t>(index)]));
  }
  // `y` is labels (integers, one a sample, for a model that classifies) or the expected first output.
  std::optional<Tensor> expected;
  const bool y_is_input = std::any_of(graph.inputs().begin(), graph.inputs().end(),
                                      [](const Value* input) { return input->name() == "y"; });
  if (const int64_t index = y_is_input ? -1 : FindEntry(**archive, "y"); index >= 0 && !graph.outputs().empty()) {
    absl::StatusOr<Tensor> y = ReadEntry(**archive, index);
    if (!y.ok()) return y.status();
    const Type& output = graph.outputs()[0]->type();
    const bool one_each = y->shape().size() == 1 || (y->shape().size() == 2 && y->shape()[1] == 1);
    const bool classifies = output.elements() > 1 || (!output.is_float() && !output.is_quantized());
    (!y->type().is_float() && one_each && classifies ? set.labels : expected) = std::move(*y);
  }
  // Expected outputs are named like the graph's outputs.
  std::vector<Tensor> targets;
  for (const Value* output : graph.outputs()) {
    const int64_t index = output->name() == "y" ? -1 : FindEntry(**archive, output->name());
    if (index >= 0) {
      absl::StatusOr<Tensor> target = ReadEntry(**archive, index);
      if (!target.ok()) return target.status();
      targets.push_back(std::move(*target));
    } else if (expected && output == graph.outputs()[0]) {
      targets.push_back(std::move(*expected));
    } else {
      break;  // outputs behind it have no place without it
    }
  }
  set.targets = std::move(targets);
  return set;
}

}  // namespace mcuc
