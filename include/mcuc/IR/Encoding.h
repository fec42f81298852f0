// How a constant's elements are stored in flash: which of them have a value, and in what form the values are.
// Text behind a type: `csc<u4>`, `csc<rice, n4>`, `dense<i4>`; nothing for elements as they are, row-major.
//
// The elements in row-major order are one run; a column is a slice of dimension 0, an output of a convolution or fc.
// The gap code says, for each element that has a value, how many without one (zeros) lie between it and the one before,
// on from column to column; a last gap, without a value, ends exactly at the end of the tensor. Bits lie in bytes from
// the lowest to the highest, and the bits behind the last one are zero.
#ifndef MCUC_IR_ENCODING_H
#define MCUC_IR_ENCODING_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mcuc {

// X(name, stream in the text, summary). A further code is a row here, a coder in lib/IR/Gaps.cpp, its reader
// runtime/gaps_NAME.h, and what it costs in lib/Target/Target.cpp.
#define MCUC_GAP_CODES(X)                                                                           \
  X(all, "", "every element has a value")                                                           \
  X(u8, "delta", "a byte; 255 stands for 255 zeros and a further byte")                             \
  X(u4, "delta", "4 bits; 15 stands for 15 zeros and a further gap in 8 bits as in u8")             \
  X(bitmap, "bitmap", "a bit an element, 1 where it has a value, and a last 1 behind the elements") \
  X(rice, "delta", "gap >> k ones, a zero, and the k lowest bits of the gap; the first byte is k")

// X(name, form, bits, summary). A further code of a known form is a row here and its reader runtime/values_NAME.h.
#define MCUC_VALUE_CODES(X)                                                                                           \
  X(element, kElement, 0, "the element itself")                                                                       \
  X(i4, kSigned, 4, "4 bits, -8 to 7")                                                                                \
  X(i3, kSigned, 3, "3 bits, -4 to 3")                                                                                \
  X(n4, kNonzero, 4, "4 bits, -8 to -1 and 1 to 8: what is not negative stands for 1 more")                           \
  X(n3, kNonzero, 3, "3 bits, -4 to -1 and 1 to 4")                                                                   \
  X(book4, kBook, 4, "4 bits, an index into 16 elements")                                                             \
  X(book3, kBook, 3, "3 bits, an index into 8 elements")                                                              \
  X(rice, kRanked, 0,                                                                                                 \
    "an index into the book, of up to 255 by falling frequency, as a Rice code; the first two bytes are k and their " \
    "number")

enum class GapCode : uint8_t {
#define X(name, ...) name,
  MCUC_GAP_CODES(X)
#undef X
};

enum class ValueCode : uint8_t {
#define X(name, ...) name,
  MCUC_VALUE_CODES(X)
#undef X
};

enum class ValueForm : uint8_t { kElement, kSigned, kNonzero, kBook, kRanked };

struct GapCodeInfo {
  const char *name, *stream, *summary;
};
struct ValueCodeInfo {
  const char* name;
  ValueForm form;
  int bits;  // of a value; 0: the element's, or as many as its code has
  const char* summary;

  size_t book_size() const { return form == ValueForm::kBook ? size_t{1} << bits : 0; }
};

const std::vector<GapCodeInfo>& GapCodes();      // in the order of GapCode
const std::vector<ValueCodeInfo>& ValueCodes();  // in the order of ValueCode
inline const GapCodeInfo& InfoOf(GapCode code) { return GapCodes()[static_cast<size_t>(code)]; }
inline const ValueCodeInfo& InfoOf(ValueCode code) { return ValueCodes()[static_cast<size_t>(code)]; }
std::optional<GapCode> ParseGapCode(const std::string& name);
std::optional<ValueCode> ParseValueCode(const std::string& name);

struct Encoding {
  GapCode gaps = GapCode::all;
  ValueCode values = ValueCode::element;

  bool operator==(const Encoding&) const = default;
  static const Encoding kDense;  // row-major elements
};
inline constexpr Encoding Encoding::kDense{};

// "csc<u8>", "csc<u4, n4>", "dense<i4>"; "" for kDense.
std::string EncodingText(Encoding encoding);

// Every pair that makes sense: behind gaps the element itself, `n`, `book` and `rice` values; where every element has a
// value the element itself, `i`, `book` and `rice` values. kDense comes first.
const std::vector<Encoding>& AllEncodings();
bool IsEncoding(Encoding encoding);  // one of them

// What an encoded tensor holds instead of its dense bytes: named streams of bytes.
struct EncodedData {
  std::vector<std::byte> gaps;    // `delta` or `bitmap`
  std::vector<std::byte> book;    // the elements that `book` and `rice` values stand for
  std::vector<std::byte> values;  // `val`

  bool operator==(const EncodedData&) const = default;
};

// The bytes that the reader of runtime/ takes for values: the stream, with the book before it or, of `rice`, behind the
// two bytes that say how long it is, and what else the reader may look at.
std::vector<std::byte> ValueTable(ValueCode code, const EncodedData& data);

}  // namespace mcuc

#endif  // MCUC_IR_ENCODING_H
