// Encodings of constants: their names, and the reference encoder and decoder that everything else is tested against.
#include "mcuc/IR/Encoding.h"

#include <algorithm>
#include <cstring>

#include "Values.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {

const std::vector<GapCodeInfo>& GapCodes() {
  static const std::vector<GapCodeInfo> codes = {
#define X(name, stream, summary) {#name, stream, summary},
      MCUC_GAP_CODES(X)
#undef X
  };
  return codes;
}

const std::vector<ValueCodeInfo>& ValueCodes() {
  static const std::vector<ValueCodeInfo> codes = {
#define X(name, form, bits, summary) {#name, ValueForm::form, bits, summary},
      MCUC_VALUE_CODES(X)
#undef X
  };
  return codes;
}

std::optional<GapCode> ParseGapCode(const std::string& name) {
  for (size_t i = 0; i < GapCodes().size(); ++i) {
    if (name == GapCodes()[i].name) return static_cast<GapCode>(i);
  }
  return std::nullopt;
}

std::optional<ValueCode> ParseValueCode(const std::string& name) {
  for (size_t i = 0; i < ValueCodes().size(); ++i) {
    if (name == ValueCodes()[i].name) return static_cast<ValueCode>(i);
  }
  return std::nullopt;
}

const std::vector<Encoding>& AllEncodings() {
  static const std::vector<Encoding> all = [] {
    std::vector<Encoding> encodings;
    for (size_t g = 0; g < GapCodes().size(); ++g) {
      for (size_t v = 0; v < ValueCodes().size(); ++v) {
        const Encoding encoding{static_cast<GapCode>(g), static_cast<ValueCode>(v)};
        const ValueForm unfit = encoding.gaps == GapCode::all ? ValueForm::kNonzero : ValueForm::kSigned;
        if (ValueCodes()[v].form != unfit) encodings.push_back(encoding);
      }
    }
    return encodings;
  }();
  return all;
}

bool IsEncoding(Encoding encoding) {
  return std::find(AllEncodings().begin(), AllEncodings().end(), encoding) != AllEncodings().end();
}

std::string EncodingText(Encoding encoding) {
  if (encoding == Encoding::kDense) return "";
  const char* values = InfoOf(encoding.values).name;
  if (encoding.gaps == GapCode::all) return absl::StrCat("dense<", values, ">");
  const char* gaps = InfoOf(encoding.gaps).name;
  if (encoding.values == ValueCode::element) return absl::StrCat("csc<", gaps, ">");
  return absl::StrCat("csc<", gaps, ", ", values, ">");
}

std::vector<EncodedStream> StreamsOf(const Type& type) {
  std::vector<EncodedStream> streams;
  const ValueCodeInfo& values = InfoOf(type.encoding.values);
  if (type.encoding.gaps != GapCode::all) {
    streams.push_back({InfoOf(type.encoding.gaps).stream, ElementType::u8, &EncodedData::gaps});
  }
  const bool ranked = values.form == ValueForm::kRanked;
  if (values.book_size() > 0 || ranked) streams.push_back({"book", type.element, &EncodedData::book});
  streams.push_back({"val", values.form == ValueForm::kElement ? type.element : ElementType::u8, &EncodedData::values});
  return streams;
}

namespace {

// The values of a tensor in their code; `positions`: where they stand.
absl::Status EncodeValuesOf(const Tensor& dense, std::span<const int64_t> positions, EncodedData* data) {
  const Type& type = dense.type();
  const ValueCodeInfo& code = InfoOf(type.encoding.values);
  if (code.form == ValueForm::kElement) {
    const auto width = static_cast<size_t>(ElementTypeBytes(type.element));
    for (const int64_t i : positions) {
      const auto element = dense.bytes().subspan(static_cast<size_t>(i) * width, width);
      data->values.insert(data->values.end(), element.begin(), element.end());
    }
    return absl::OkStatus();
  }
  if (type.element != ElementType::i8) {
    return absl::InvalidArgumentError(
        absl::StrCat(code.name, " holds values of type i8, not ", ElementTypeName(type.element)));
  }
  std::vector<int64_t> values;
  for (const int64_t i : positions) values.push_back(dense.AsInt(i));
  return EncodeValues(type.encoding.values, values, data);
}

absl::Status Misfit(const Tensor& tensor, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(EncodingText(tensor.type().encoding), ": ", what));
}

// Calls visit(position, index of the value) for each stored element, and checks that the gaps end with the tensor.
absl::StatusOr<int64_t> WalkGaps(const Tensor& tensor, absl::FunctionRef<void(int64_t, int64_t)> visit) {
  const int64_t elements = tensor.type().elements();
  GapReader gaps(tensor.type().encoding.gaps, tensor.encoded_data().gaps);
  int64_t position = 0, index = 0;
  for (;; ++position, ++index) {
    int64_t gap = 0;
    if (!gaps.Next(elements - position, &gap)) {
      return Misfit(tensor, gap > elements - position
                                ? absl::StrCat("gap ", index, " goes beyond the ", elements, " elements of the type")
                                : absl::StrCat("the gaps end at position ", position, " of ", elements, ", behind ",
                                               index, " values"));
    }
    position += gap;
    if (position == elements) break;
    visit(position, index);
  }
  if (!gaps.AtEnd()) return Misfit(tensor, "something follows the gap that ends the tensor");
  return index;
}

absl::Status CheckValues(const Tensor& tensor, int64_t count) {
  const EncodedData& data = tensor.encoded_data();
  const ValueCodeInfo& code = InfoOf(tensor.type().encoding.values);
  if (code.form == ValueForm::kRanked) {
    ValueReader reader(tensor.type().encoding.values, data);
    int64_t value = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (reader.Next(&value)) continue;
      return Misfit(tensor, absl::StrCat("value ", i, " of ", count, " is no Rice code of a place in the book of ",
                                         data.book.size()));
    }
    return reader.AtEnd() ? absl::OkStatus() : Misfit(tensor, "something follows the last value");
  }
  if (data.book.size() != code.book_size()) {
    return Misfit(tensor, absl::StrCat("a book of ", code.book_size(), " elements, not ", data.book.size()));
  }
  const int64_t bits = count * (code.bits > 0 ? code.bits : 8 * ElementTypeBytes(tensor.type().element));
  if (static_cast<int64_t>(data.values.size()) != (bits + 7) / 8) {
    return Misfit(tensor, absl::StrCat(count, " values are ", (bits + 7) / 8, " bytes, not ", data.values.size()));
  }
  if (bits % 8 != 0 && std::to_integer<int>(data.values.back()) >> bits % 8 != 0) {
    return Misfit(tensor, "the bits behind the last value must be zero");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Tensor> Encode(const Tensor& dense, Encoding encoding) {
  Type type = dense.type();
  type.encoding = encoding;
  if (encoding == Encoding::kDense) return dense;
  if (!IsEncoding(encoding)) {
    return absl::InvalidArgumentError(absl::StrCat("there is no encoding ", EncodingText(encoding)));
  }
  std::vector<int64_t> gaps, positions;
  int64_t gap = 0;
  for (int64_t i = 0; i < type.elements(); ++i) {
    if (encoding.gaps != GapCode::all && dense.AsDouble(i) == 0.0) {  // -0.0 too: it adds nothing
      ++gap;
      continue;
    }
    gaps.push_back(gap);
    positions.push_back(i);
    gap = 0;
  }
  gaps.push_back(gap);
  EncodedData data;
  Tensor typed = dense;
  typed.mutable_type().encoding = encoding;
  if (absl::Status s = EncodeValuesOf(typed, positions, &data); !s.ok()) return s;
  data.gaps = EncodeGaps(encoding.gaps, gaps);
  return Tensor::FromEncoded(type, std::move(data));
}

absl::Status CheckEncoding(const Tensor& tensor) {
  if (!tensor.encoded()) return absl::OkStatus();
  const Type& type = tensor.type();
  if (type.encoding.gaps == GapCode::all) {
    return tensor.encoded_data().gaps.empty() ? CheckValues(tensor, type.elements()) : Misfit(tensor, "has no gaps");
  }
  const absl::StatusOr<int64_t> count = WalkGaps(tensor, [](int64_t, int64_t) {});
  return count.ok() ? CheckValues(tensor, *count) : count.status();
}

absl::StatusOr<Tensor> Decode(const Tensor& tensor) {
  if (!tensor.encoded()) return tensor;
  if (absl::Status s = CheckEncoding(tensor); !s.ok()) return s;  // before the dense form is allocated
  Type type = tensor.type();
  type.encoding = Encoding::kDense;
  Tensor dense(type);
  const ValueCodeInfo& code = InfoOf(tensor.type().encoding.values);
  const EncodedData& data = tensor.encoded_data();
  const auto width = static_cast<size_t>(ElementTypeBytes(type.element));
  ValueReader packed(tensor.type().encoding.values, data);
  const auto count = WalkGaps(tensor, [&](int64_t position, int64_t index) {
    if (int64_t value = 0; code.form != ValueForm::kElement) {
      packed.Next(&value);
      return dense.SetInt(position, value);
    }
    std::memcpy(dense.bytes().data() + static_cast<size_t>(position) * width,
                data.values.data() + static_cast<size_t>(index) * width, width);
  });
  if (!count.ok()) return count.status();
  return dense;
}

absl::Status VisitValues(const Tensor& tensor, absl::FunctionRef<void(int64_t position, double value)> visit) {
  if (!tensor.encoded()) {
    Dispatch(tensor.type().element, [&](auto zero) {
      int64_t position = 0;
      for (const auto value : tensor.data<decltype(zero)>()) visit(position++, static_cast<double>(value));
    });
    return absl::OkStatus();
  }
  if (absl::Status s = CheckEncoding(tensor); !s.ok()) return s;
  const ValueCodeInfo& code = InfoOf(tensor.type().encoding.values);
  const EncodedData& data = tensor.encoded_data();
  const auto width = static_cast<size_t>(ElementTypeBytes(tensor.type().element));
  ValueReader packed(tensor.type().encoding.values, data);
  const auto count = WalkGaps(tensor, [&](int64_t position, int64_t index) {
    if (int64_t value = 0; code.form != ValueForm::kElement) {
      packed.Next(&value);
      return visit(position, static_cast<double>(value));
    }
    Dispatch(tensor.type().element, [&](auto value) {
      std::memcpy(&value, data.values.data() + static_cast<size_t>(index) * width, width);
      visit(position, static_cast<double>(value));
    });
  });
  return count.status();
}

}  // namespace mcuc
