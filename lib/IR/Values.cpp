// The coders of values. Books by falling frequency with Rice codes of their indices come near to the entropy of trained
// weights, as Huffman codes do (Han, Mao and Dally, "Deep Compression", 2016, section 4), and are decoded without
// tables.
#include "Values.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

// What the reader takes at one look: this many ones, a zero and the rest of a Rice code are 24 bits.
constexpr int64_t kMostOnes = 16;
constexpr int kMostRiceBits = 7;
constexpr size_t kMostRanked = 255;        // their number is a byte
constexpr int kHeader = 2, kLookedAt = 3;  // bytes before the book, and behind the last code

// The different values in the order of their indices, by falling frequency where `ranked`.
std::vector<int64_t> BookOf(std::span<const int64_t> values, bool ranked) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t value : values) ++counts[value];
  std::vector<int64_t> book;
  for (const auto& [value, count] : counts) book.push_back(value);
  if (ranked) {
    std::stable_sort(book.begin(), book.end(), [&](int64_t a, int64_t b) { return counts[a] > counts[b]; });
  }
  return book;
}

absl::Status EncodeBook(const ValueCodeInfo& code, std::span<const int64_t> values, EncodedData* data) {
  const bool ranked = code.form == ValueForm::kRanked;
  const std::vector<int64_t> book = BookOf(values, ranked);
  const size_t most = ranked ? kMostRanked : code.book_size();
  if (book.size() > most) {
    return absl::InvalidArgumentError(absl::StrCat(code.name, " holds ", most, " distinct values, not ", book.size()));
  }
  std::map<int64_t, int64_t> indices;
  for (const int64_t value : book) {
    indices[value] = static_cast<int64_t>(data->book.size());
    data->book.push_back(static_cast<std::byte>(value));
  }
  std::vector<int64_t> coded;
  for (const int64_t value : values) coded.push_back(indices[value]);
  BitWriter bits;
  if (ranked) {
    int least = 0;  // k that the reader takes
    while ((static_cast<int64_t>(book.size()) - 1) >> least > kMostOnes) ++least;
    const int k = RiceBits(coded, least, kMostRiceBits);
    bits.Write(8, static_cast<uint32_t>(k));
    bits.Write(8, static_cast<uint32_t>(book.size()));
    for (const int64_t index : coded) bits.WriteRice(k, index);
  } else {
    data->book.resize(code.book_size());
    for (const int64_t index : coded) bits.Write(code.bits, static_cast<uint32_t>(index));
  }
  data->values = bits.Take();
  return absl::OkStatus();
}

}  // namespace

absl::Status EncodeValues(ValueCode value_code, std::span<const int64_t> values, EncodedData* data) {
  const ValueCodeInfo& code = InfoOf(value_code);
  if (code.form == ValueForm::kBook || code.form == ValueForm::kRanked) return EncodeBook(code, values, data);
  BitWriter bits;
  const int64_t half = int64_t{1} << (code.bits - 1);
  const int64_t most = code.form == ValueForm::kNonzero ? half : half - 1;
  for (int64_t value : values) {
    if (value < -half || value > most) {
      return absl::InvalidArgumentError(
          absl::StrCat(code.name, " holds values from ", -half, " to ", most, ", not ", value));
    }
    if (code.form == ValueForm::kNonzero && value > 0) --value;
    bits.Write(code.bits, static_cast<uint32_t>(value) & ((1u << code.bits) - 1));
  }
  data->values = bits.Take();
  return absl::OkStatus();
}

std::vector<std::byte> ValueTable(ValueCode code, const EncodedData& data) {
  const bool ranked = InfoOf(code).form == ValueForm::kRanked;
  std::vector<std::byte> table = data.values;
  table.insert(table.begin() + (ranked ? kHeader : 0), data.book.begin(), data.book.end());
  if (ranked) table.resize(table.size() + kLookedAt);
  return table;
}

ValueReader::ValueReader(ValueCode code, const EncodedData& data)
    : code_(InfoOf(code)), book_(data.book), bits_(data.values) {
  if (code_.form != ValueForm::kRanked) return;
  uint32_t elements = 0;
  // No code is right behind a header that is not.
  if (!bits_.Read(8, &k_) || !bits_.Read(8, &elements) || k_ > kMostRiceBits || elements != book_.size()) k_ = 32;
}

bool ValueReader::Next(int64_t* value) {
  uint32_t raw = 0;
  if (code_.form == ValueForm::kRanked) {
    const int64_t last = static_cast<int64_t>(book_.size()) - 1;
    int64_t index = 0;
    if (k_ > kMostRiceBits || !bits_.ReadRice(static_cast<int>(k_), last, &index)) return false;
    if (index > last || index >> k_ > kMostOnes) return false;
    raw = static_cast<uint32_t>(index);
  } else if (!bits_.Read(code_.bits, &raw)) {
    return false;
  }
  if (!book_.empty()) {
    *value = static_cast<int8_t>(book_[raw]);
    return true;
  }
  const int64_t half = int64_t{1} << (code_.bits - 1);
  *value = (int64_t{raw} ^ half) - half;  // two's complement
  if (code_.form == ValueForm::kNonzero && *value >= 0) ++*value;
  return true;
}

}  // namespace mcuc
