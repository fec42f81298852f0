// Encodings by hand: bits, escapes, gaps at their limits, empty columns, values at the ends of their ranges, and
// streams that fit no shape; and round trips of every encoding over densities.
#include "mcuc/IR/Encoding.h"

#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Encoding kU8{GapCode::u8}, kU4{GapCode::u4}, kBitmap{GapCode::bitmap}, kRice{GapCode::rice};

std::vector<int> Ints(const std::vector<std::byte>& bytes) {
  std::vector<int> ints;
  for (const std::byte b : bytes) ints.push_back(std::to_integer<int>(b));
  return ints;
}

Tensor I8(Shape shape, const std::vector<int>& values) {
  return Tensor::Of(Type{ElementType::i8, std::move(shape)}, values);
}

// An i8 tensor of one column with 1 at positions.
Tensor Column(int64_t length, const std::vector<int64_t>& positions) {
  Tensor tensor(Type{ElementType::i8, {1, length}});
  for (const int64_t position : positions) tensor.SetInt(position, 1);
  return tensor;
}

Tensor Encoded(const Tensor& dense, Encoding encoding) {
  const auto encoded = Encode(dense, encoding);
  EXPECT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(encoded->type().encoding, encoding);
  EXPECT_EQ(encoded->encoded(), encoding != Encoding::kDense);
  EXPECT_TRUE(CheckEncoding(*encoded).ok()) << CheckEncoding(*encoded);
  const auto decoded = Decode(*encoded);
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, dense);
  EXPECT_EQ(encoded->nonzeros(), dense.nonzeros());
  return *encoded;
}

std::vector<int> Gaps(Encoding encoding, int64_t length, const std::vector<int64_t>& positions) {
  return Ints(Encoded(Column(length, positions), encoding).encoded_data().gaps);
}

std::string ErrorOf(const Tensor& dense, Encoding encoding) {
  return std::string(Encode(dense, encoding).status().message());
}

TEST(Encoding, TheTable) {
  std::string names;
  for (const Encoding encoding : AllEncodings()) {
    absl::StrAppend(&names, EncodingText(encoding), ";");
    EXPECT_TRUE(IsEncoding(encoding));
  }
  EXPECT_EQ(names,
            ";dense<i4>;dense<i3>;dense<book4>;dense<book3>;dense<rice>;"
            "csc<u8>;csc<u8, n4>;csc<u8, n3>;csc<u8, book4>;csc<u8, book3>;csc<u8, rice>;"
            "csc<u4>;csc<u4, n4>;csc<u4, n3>;csc<u4, book4>;csc<u4, book3>;csc<u4, rice>;"
            "csc<bitmap>;csc<bitmap, n4>;csc<bitmap, n3>;csc<bitmap, book4>;csc<bitmap, book3>;csc<bitmap, rice>;"
            "csc<rice>;csc<rice, n4>;csc<rice, n3>;csc<rice, book4>;csc<rice, book3>;csc<rice, rice>;");
  EXPECT_EQ(AllEncodings()[0], Encoding::kDense);
  EXPECT_FALSE(IsEncoding({GapCode::u8, ValueCode::i4}));
  EXPECT_FALSE(IsEncoding({GapCode::all, ValueCode::n4}));
  EXPECT_EQ(ParseGapCode("rice"), GapCode::rice);
  EXPECT_EQ(ParseGapCode("csc"), std::nullopt);
  EXPECT_EQ(ParseValueCode("book3"), ValueCode::book3);
  EXPECT_EQ(ParseValueCode("u8"), std::nullopt);
}

TEST(Encoding, U8) {
  EXPECT_THAT(Gaps(kU8, 5, {}), ElementsAre(5));
  EXPECT_THAT(Gaps(kU8, 3, {0, 1, 2}), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(Gaps(kU8, 255, {254}), ElementsAre(254, 0));
  EXPECT_THAT(Gaps(kU8, 256, {255}), ElementsAre(255, 0, 0));
  EXPECT_THAT(Gaps(kU8, 257, {256}), ElementsAre(255, 1, 0));
  EXPECT_THAT(Gaps(kU8, 600, {1, 257, 513}), ElementsAre(1, 255, 0, 255, 0, 86));
  EXPECT_THAT(Gaps(kU8, 1000, {0, 766}), ElementsAre(0, 255, 255, 255, 0, 233));
}

TEST(Encoding, U4) {
  // Halves, the low one first: 5.
  EXPECT_THAT(Gaps(kU4, 5, {}), ElementsAre(0x05));
  EXPECT_THAT(Gaps(kU4, 3, {0, 1, 2}), ElementsAre(0, 0));
  EXPECT_THAT(Gaps(kU4, 15, {14}), ElementsAre(0x0e));                      // 14, 0
  EXPECT_THAT(Gaps(kU4, 16, {15}), ElementsAre(0x0f, 0x00));                // 15 + 00, 0
  EXPECT_THAT(Gaps(kU4, 17, {16}), ElementsAre(0x1f, 0x00));                // 15 + 01, 0
  EXPECT_THAT(Gaps(kU4, 270, {269}), ElementsAre(0xef, 0x0f));              // 15 + fe, 0
  EXPECT_THAT(Gaps(kU4, 271, {270}), ElementsAre(0xff, 0x0f, 0x00));        // 15 + ff + 00, 0
  EXPECT_THAT(Gaps(kU4, 526, {525}), ElementsAre(0xff, 0xff, 0x0f, 0x00));  // 15 + ff + ff + 00, 0
  EXPECT_THAT(Gaps(kU4, 24, {2, 20}), ElementsAre(0xf2, 0x02, 0x03));       // 2, 15 + 02, 3
}

TEST(Encoding, Bitmap) {
  EXPECT_THAT(Gaps(kBitmap, 5, {}), ElementsAre(0x20));
  EXPECT_THAT(Gaps(kBitmap, 5, {0, 2, 3, 4}), ElementsAre(0x3d));
  EXPECT_THAT(Gaps(kBitmap, 7, {6}), ElementsAre(0xc0));
  EXPECT_THAT(Gaps(kBitmap, 8, {0}), ElementsAre(0x01, 0x01));
  EXPECT_THAT(Gaps(kBitmap, 20, {9}), ElementsAre(0x00, 0x02, 0x10));
}

TEST(Encoding, Rice) {
  EXPECT_THAT(Gaps(kRice, 3, {0, 1, 2}), ElementsAre(0, 0x00));  // k = 0: 0 0 0 0
  EXPECT_THAT(Gaps(kRice, 1, {}), ElementsAre(0, 0x01));         // 1 0
  // Gaps 5, 6, 3: k = 2 takes 4 + 4 + 3 bits; k = 3 takes 12, k = 1 takes 4 + 5 + 3.
  // 10 10, 10 01, 0 11 as they stand in the stream: bits 1 0 1 0 1 0 0 1 | 0 1 1
  EXPECT_THAT(Gaps(kRice, 16, {5, 12}), ElementsAre(2, 0x95, 0x06));
  // One gap of 65535: k = 15 takes 1 + 1 + 15 bits, of which only the zero is zero.
  EXPECT_THAT(Gaps(kRice, 65535, {}), ElementsAre(15, 0xfd, 0xff, 0x01));
  EXPECT_THAT(Gaps(kRice, 32768, {32767}), ElementsAre(13, 0xf7, 0xff, 0x01, 0x00));
}

TEST(Encoding, Values) {
  const auto values = [](const std::vector<int>& v, Encoding encoding) {
    return Ints(Encoded(I8({1, static_cast<int64_t>(v.size())}, v), encoding).encoded_data().values);
  };
  EXPECT_THAT(values({-8, 7, 0, -1, 1}, {GapCode::all, ValueCode::i4}), ElementsAre(0x78, 0xf0, 0x01));
  EXPECT_THAT(values({-4, 3, 0, -1, 1}, {GapCode::all, ValueCode::i3}), ElementsAre(0x1c, 0x1e));
  EXPECT_THAT(values({-8, 8, 0, -1, 1}, {GapCode::u8, ValueCode::n4}), ElementsAre(0x78, 0x0f));
  EXPECT_THAT(values({-4, 4, 0, -1, 1}, {GapCode::u4, ValueCode::n3}), ElementsAre(0xdc, 0x01));
  EXPECT_THAT(values({-4, 100, 0, -4}, {GapCode::rice, ValueCode::element}), ElementsAre(252, 100, 252));
  EXPECT_THAT(values({}, {GapCode::all, ValueCode::element}), IsEmpty());
}

TEST(Encoding, Books) {
  const Tensor sparse = I8({1, 6}, {100, 0, -100, 7, 0, 100});
  const Tensor behind = Encoded(sparse, {GapCode::u8, ValueCode::book3});
  EXPECT_THAT(Ints(behind.encoded_data().book), ElementsAre(156, 7, 100, 0, 0, 0, 0, 0));
  EXPECT_THAT(Ints(behind.encoded_data().values), ElementsAre(0x42, 0x04));  // 2 0 1 2
  EXPECT_EQ(behind.storage_bytes(), 5 + 8 + 2);
  const Tensor all = Encoded(sparse, {GapCode::all, ValueCode::book4});
  EXPECT_THAT(Ints(all.encoded_data().book), ElementsAre(156, 0, 7, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(Ints(all.encoded_data().values), ElementsAre(0x13, 0x20, 0x31));
  std::vector<int> many;
  for (int i = 1; i <= 16; ++i) many.push_back(i * 5);
  Encoded(I8({1, 16}, many), {GapCode::u8, ValueCode::book4});
  EXPECT_EQ(ErrorOf(I8({1, 16}, many), {GapCode::u8, ValueCode::book3}), "book3 holds 8 distinct values, not 16");
  many.push_back(-1);
  EXPECT_EQ(ErrorOf(I8({1, 17}, many), {GapCode::u8, ValueCode::book4}), "book4 holds 16 distinct values, not 17");
  many.back() = 0;  // needs no place behind gaps
  Encoded(I8({1, 17}, many), {GapCode::u8, ValueCode::book4});
  EXPECT_FALSE(Encode(I8({1, 17}, many), {GapCode::all, ValueCode::book4}).ok());
}

TEST(Encoding, RankedBooks) {
  const Encoding encoding{GapCode::u8, ValueCode::rice};
  // 5 three times, -3 and 9 twice, of which the smaller comes first, 100 once. k = 0: 1, 2, 3 and 4 bits, 17 in all; k
  // = 1 takes 2 and 3 bits, 19.
  const Tensor few = Encoded(I8({1, 9}, {5, -3, 9, 5, 0, 100, -3, 9, 5}), encoding);
  EXPECT_THAT(Ints(few.encoded_data().book), ElementsAre(5, 253, 9, 100));
  // 0 10 110 0 1110 10 110 0, the first one lowest.
  EXPECT_THAT(Ints(few.encoded_data().values), ElementsAre(0, 4, 0x9a, 0x6b, 0x00));
  EXPECT_EQ(few.storage_bytes(), 9 + 4 + 5);
  // Three of each of eight: indices 0 to 7 take 3 and a half bits with k = 1 or 2, the smaller of them.
  std::vector<int> even;
  for (int i = 0; i < 24; ++i) even.push_back(1 + i % 8);
  const Tensor flat = Encoded(I8({1, 24}, even), encoding);
  EXPECT_EQ(Ints(flat.encoded_data().values)[0], 1);
  EXPECT_EQ(flat.encoded_data().values.size(), 2 + 24u * 7 / 2 / 8 + 1);
  // 255 values of which one is frequent: a k of 0 or 1 would be shorter than any of 4, but takes over 16 ones.
  std::vector<int> many(3000, -128);
  for (int i = 0; i < 254; ++i) many[static_cast<size_t>(i)] = i - 127 + (i >= 127 ? 1 : 0);
  const Tensor all = Encoded(I8({1, 3000}, many), encoding);
  EXPECT_EQ(Ints(all.encoded_data().values)[0], 4);
  EXPECT_EQ(Ints(all.encoded_data().values)[1], 255);
  // A zero more is one too many, where it needs a value.
  many.push_back(0);
  Encoded(I8({1, 3001}, many), encoding);
  EXPECT_EQ(ErrorOf(I8({1, 3001}, many), {GapCode::all, ValueCode::rice}), "rice holds 255 distinct values, not 256");
  // 17 of them with k = 0: the last one has 16 ones. 18 do not fit.
  std::vector<int> steep;
  for (int i = 0; i < 17; ++i) steep.insert(steep.end(), size_t{1} << (16 - i), i + 1);
  EXPECT_EQ(Ints(Encoded(I8({1, static_cast<int64_t>(steep.size())}, steep), encoding).encoded_data().values)[0], 0);
  steep.insert(steep.end(), steep.size(), 18);
  EXPECT_EQ(Ints(Encoded(I8({1, static_cast<int64_t>(steep.size())}, steep), encoding).encoded_data().values)[0], 1);
  EXPECT_THAT(Ints(Encoded(I8({1, 3}, {0, 0, 0}), encoding).encoded_data().values), ElementsAre(0, 0));
}

TEST(Encoding, ValuesThatDoNotFit) {
  EXPECT_EQ(ErrorOf(I8({1, 1}, {8}), {GapCode::all, ValueCode::i4}), "i4 holds values from -8 to 7, not 8");
  EXPECT_EQ(ErrorOf(I8({1, 1}, {-9}), {GapCode::all, ValueCode::i4}), "i4 holds values from -8 to 7, not -9");
  EXPECT_EQ(ErrorOf(I8({1, 1}, {9}), {GapCode::u8, ValueCode::n4}), "n4 holds values from -8 to 8, not 9");
  EXPECT_EQ(ErrorOf(I8({1, 1}, {-9}), {GapCode::u8, ValueCode::n4}), "n4 holds values from -8 to 8, not -9");
  EXPECT_EQ(ErrorOf(I8({1, 1}, {5}), {GapCode::u8, ValueCode::n3}), "n3 holds values from -4 to 4, not 5");
  EXPECT_EQ(ErrorOf(I8({1, 1}, {4}), {GapCode::all, ValueCode::i3}), "i3 holds values from -4 to 3, not 4");
  const Tensor real = Tensor::Of(Type{ElementType::f32, {1, 1}}, std::vector<float>{1});
  EXPECT_EQ(ErrorOf(real, {GapCode::u8, ValueCode::n4}), "n4 holds values of type i8, not f32");
  EXPECT_EQ(ErrorOf(real, {GapCode::u8, ValueCode::i4}), "there is no encoding csc<u8, i4>");
}

TEST(Encoding, ColumnsAreDimensionZeroAndGapsRunOnOverThem) {
  Tensor dense =
      Tensor::Of(Type{ElementType::f32, {3, 1, 2, 2}}, std::vector<float>{0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0, -0.0f});
  EXPECT_EQ(Columns(dense.type()), 3);
  EXPECT_EQ(ColumnLength(dense.type()), 4);
  const auto encoded = Encode(dense, kU8);
  ASSERT_TRUE(encoded.ok());
  EXPECT_THAT(Ints(encoded->encoded_data().gaps), ElementsAre(1, 1, 4, 3));  // the second column is empty
  EXPECT_EQ(encoded->storage_bytes(), 4 + 12);
  EXPECT_EQ(encoded->nonzeros(), 3);
  dense.Set(11, 0.0f);  // a negative zero comes back as zero
  EXPECT_EQ(*Decode(*encoded), dense);
  EXPECT_EQ(*Decode(dense), dense);
  EXPECT_EQ(*Encode(dense, Encoding::kDense), dense);
}

TEST(Encoding, RoundTripsOverDensities) {
  std::mt19937 random(7);
  for (const Encoding encoding : AllEncodings()) {
    const ValueCodeInfo& info = InfoOf(encoding.values);
    for (const double density : {0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0}) {
      SCOPED_TRACE(absl::StrCat(EncodingText(encoding), " density ", density));
      Tensor dense(Type{ElementType::i8, {7, 151}});
      for (int64_t i = 0; i < dense.elements(); ++i) {
        if (i / 151 == 3 || static_cast<double>(random() % 1000) >= density * 1000) continue;  // an empty column
        const int range = info.bits == 3 ? 3 : info.bits == 4 ? 7 : 127;
        dense.SetInt(i, 1 + static_cast<int>(random() % static_cast<unsigned>(range)));
        if (random() % 2 == 0 && info.form != ValueForm::kBook) dense.SetInt(i, -dense.AsInt(i));
      }
      const Tensor encoded = Encoded(dense, encoding);
      int64_t count = 0;
      EXPECT_TRUE(VisitValues(encoded, [&](int64_t position, double value) {
                    EXPECT_EQ(value, dense.AsDouble(position));
                    ++count;
                  }).ok());
      EXPECT_EQ(count, encoding.gaps == GapCode::all ? dense.elements() : dense.nonzeros());
      // Text size and flash: gaps, book and values, to the bit.
      const int64_t bits = info.bits > 0 ? info.bits : 8;
      if (info.form == ValueForm::kRanked) continue;  // RankedBooks
      const int64_t values = (count * bits + 7) / 8 + static_cast<int64_t>(info.book_size());
      EXPECT_EQ(encoded.storage_bytes() - static_cast<int64_t>(encoded.encoded_data().gaps.size()), values);
    }
  }
}

TEST(Encoding, FloatsAndWideIntegers) {
  const Tensor reals = Tensor::Of(Type{ElementType::f32, {2, 3}}, std::vector<float>{0, 1.5f, 0, -1e-45f, 0, 3e38f});
  const Tensor longs =
      Tensor::Of(Type{ElementType::i64, {2, 2}}, std::vector<int64_t>{0, std::numeric_limits<int64_t>::max(), -1, 0});
  for (const Encoding encoding : {kU8, kU4, kBitmap, kRice}) {
    Encoded(reals, encoding);
    Encoded(longs, encoding);
  }
}

TEST(Encoding, StreamsThatDoNotFit) {
  const auto error = [](Encoding encoding, const std::vector<int>& gaps, size_t values, size_t book = 0) {
    EncodedData data;
    for (const int gap : gaps) data.gaps.push_back(static_cast<std::byte>(gap));
    data.book.resize(book);
    data.values.resize(values);
    const ElementType element = encoding.values == ValueCode::element ? ElementType::i16 : ElementType::i8;
    const Tensor tensor = Tensor::FromEncoded(Type{element, {2, 3}, std::nullopt, encoding}, data);
    const absl::Status status = CheckEncoding(tensor);
    EXPECT_EQ(Decode(tensor).status(), status);
    EXPECT_EQ(VisitValues(tensor, [](int64_t, double) {}), status);
    return std::string(status.message());
  };
  EXPECT_EQ(error(kU8, {0, 2, 2}, 4), "");
  EXPECT_EQ(error(kU8, {0, 2}, 4), "csc<u8>: the gaps end at position 4 of 6, behind 2 values");
  EXPECT_EQ(error(kU8, {}, 0), "csc<u8>: the gaps end at position 0 of 6, behind 0 values");
  EXPECT_EQ(error(kU8, {7}, 0), "csc<u8>: gap 0 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kU8, {6}, 0), "");
  EXPECT_EQ(error(kU8, {0, 2, 3}, 4), "csc<u8>: gap 2 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kU8, {0, 2, 2, 0}, 4), "csc<u8>: something follows the gap that ends the tensor");
  EXPECT_EQ(error(kU8, {0, 2, 2}, 3), "csc<u8>: 2 values are 4 bytes, not 3");
  EXPECT_EQ(error(kU8, {0, 2, 2}, 5), "csc<u8>: 2 values are 4 bytes, not 5");
  EXPECT_EQ(error(kU8, {255, 255}, 0), "csc<u8>: gap 0 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kU4, {0x20, 0x02}, 4), "");
  EXPECT_EQ(error(kU4, {0x20, 0x12}, 4), "csc<u4>: something follows the gap that ends the tensor");
  EXPECT_EQ(error(kU4, {0x20, 0x02, 0}, 4), "csc<u4>: something follows the gap that ends the tensor");
  EXPECT_EQ(error(kU4, {0x0f}, 0), "csc<u4>: gap 0 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kBitmap, {0x49}, 4), "");
  EXPECT_EQ(error(kBitmap, {0x09}, 4), "csc<bitmap>: gap 2 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kBitmap, {0x89}, 4), "csc<bitmap>: gap 2 goes beyond the 6 elements of the type");
  EXPECT_EQ(error(kRice, {1, 0x24}, 4), "");  // 00, 100, 100: gaps of 0, 2, 2 with k = 1
  EXPECT_EQ(error(kRice, {16, 0, 0, 0}, 0), "csc<rice>: the gaps end at position 0 of 6, behind 0 values");
  EXPECT_EQ(error(kRice, {0, 0xff}, 0), "csc<rice>: gap 0 goes beyond the 6 elements of the type");
  EXPECT_EQ(error({GapCode::u8, ValueCode::n3}, {0, 2, 2}, 1), "");
  EXPECT_EQ(error({GapCode::u8, ValueCode::n3}, {0, 2, 2}, 2), "csc<u8, n3>: 2 values are 1 bytes, not 2");
  EXPECT_EQ(error({GapCode::u8, ValueCode::book3}, {0, 2, 2}, 1, 7), "csc<u8, book3>: a book of 8 elements, not 7");
  EXPECT_EQ(error({GapCode::u8, ValueCode::n3}, {0, 2, 2}, 1, 8), "csc<u8, n3>: a book of 0 elements, not 8");
  const auto ranked = [](const std::vector<int>& values, size_t book) {
    EncodedData data;
    for (const int byte : values) data.values.push_back(static_cast<std::byte>(byte));
    data.book.resize(book, std::byte{7});
    const Tensor tensor =
        Tensor::FromEncoded(Type{ElementType::i8, {1, 4}, std::nullopt, {GapCode::all, ValueCode::rice}}, data);
    const absl::Status status = CheckEncoding(tensor);
    EXPECT_EQ(Decode(tensor).status(), status);
    EXPECT_EQ(VisitValues(tensor, [](int64_t, double) {}), status);
    return std::string(status.message());
  };
  const std::string first = "dense<rice>: value 0 of 4 is no Rice code of a place in the book of ";
  EXPECT_EQ(ranked({1, 4, 0xaa}, 4), "");        // 01, four times
  EXPECT_EQ(ranked({1, 4, 0x05, 0x00}, 4), "");  // 101: 3, and 00
  EXPECT_EQ(ranked({1, 3, 0x00}, 3), "");
  EXPECT_EQ(ranked({1, 3, 0x00}, 2), absl::StrCat(first, 2));  // another number than the header's
  EXPECT_EQ(ranked({1, 3, 0x05}, 3), absl::StrCat(first, 3));  // 101: 3
  EXPECT_EQ(ranked({8, 3, 0, 0, 0, 0, 0}, 3), absl::StrCat(first, 3));
  EXPECT_EQ(ranked({1, 3, 0x00, 0x00}, 3), "dense<rice>: something follows the last value");
  EXPECT_EQ(ranked({1, 3}, 3), absl::StrCat(first, 3));
  EXPECT_EQ(ranked({1}, 3), absl::StrCat(first, 3));
  EXPECT_EQ(ranked({0, 17, 0xff, 0xff, 0x00}, 17), "");  // 16 ones
  EXPECT_EQ(ranked({0, 18, 0xff, 0xff, 0x01}, 18), absl::StrCat(first, 18));
  EXPECT_EQ(error({GapCode::all, ValueCode::i4}, {}, 3), "");
  EXPECT_EQ(error({GapCode::all, ValueCode::i4}, {1}, 3), "dense<i4>: has no gaps");
  EXPECT_EQ(error({GapCode::all, ValueCode::i4}, {}, 4), "dense<i4>: 6 values are 3 bytes, not 4");
}

}  // namespace
}  // namespace mcuc
