// Types, tensors and csc<u8> by hand: escapes, gaps at their limit, empty columns, and streams that fit no shape.
#include "mcuc/IR/Tensor.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mcuc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Type, CheckedElements) {
  EXPECT_EQ(*CheckedElements({}), 1);
  EXPECT_EQ(*CheckedElements({2, 3, 4}), 24);
  EXPECT_EQ(*CheckedElements({kMaxElements}), kMaxElements);
  EXPECT_EQ(*CheckedElements({1 << 14, 1 << 14}), kMaxElements);
  EXPECT_FALSE(CheckedElements({kMaxElements + 1}).ok());
  EXPECT_FALSE(CheckedElements({1 << 14, (1 << 14) + 1}).ok());
  EXPECT_FALSE(CheckedElements({2, 0}).ok());
  EXPECT_FALSE(CheckedElements({-1}).ok());
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(CheckedElements({huge, huge, 2}).ok());
}

TEST(Type, Elements) {
  EXPECT_EQ(IntegerMin(ElementType::i8), -128);
  EXPECT_EQ(IntegerMax(ElementType::u16), 65535);
  EXPECT_EQ(IntegerMax(ElementType::u32), 4294967295);
  EXPECT_EQ(IntegerMax(ElementType::u64), std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(IsInteger(ElementType::u64));
  EXPECT_FALSE(IsInteger(ElementType::b8));
  EXPECT_FALSE(IsInteger(ElementType::f64));
  EXPECT_EQ(ElementTypeBytes(ElementType::b8), 1);
  EXPECT_EQ(ParseElementType("i16"), ElementType::i16);
  EXPECT_EQ(ParseElementType("int8"), std::nullopt);
  EXPECT_STREQ(ElementTypeCName(ElementType::b8), "uint8_t");
  EXPECT_THAT(Strides({2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(Strides({}), ElementsAre());
}

TEST(Type, Text) {
  EXPECT_EQ(TypeText({ElementType::f32, {}}), "f32[]");
  EXPECT_EQ(TypeText({ElementType::i8, {3}, Quantization{{0.0078431f}, {-128}, -1}}), "i8<0.0078431:-128>[3]");
  EXPECT_EQ(TypeText({ElementType::i8, {2, 4}, Quantization{{0.1f, 0.2f}, {0}, 0}, Encoding::kCsc}),
            "i8<{0.1, 0.2}:0 axis=0>[2x4] csc<u8>");
  EXPECT_EQ(TypeText({ElementType::u8, {1, 2}, Quantization{{0.5f}, {3}, 0}}), "u8<{0.5}:3 axis=0>[1x2]");
  EXPECT_EQ(TypeText({ElementType::u8, {2}, Quantization{{0.5f, 1}, {3, 4}, 0}}), "u8<{0.5, 1}:{3, 4} axis=0>[2]");
}

TEST(Tensor, ElementsConvert) {
  Tensor tensor = Tensor::Of(Type{ElementType::i16, {3}}, std::vector<int64_t>{-32768, 0, 7});
  EXPECT_EQ(tensor.AsInt(0), -32768);
  EXPECT_EQ(tensor.AsDouble(2), 7.0);
  tensor.Set(1, -5.0);
  tensor.SetInt(2, 9);
  EXPECT_THAT(tensor.data<int16_t>(), ElementsAre(-32768, -5, 9));
  EXPECT_EQ(tensor.nonzeros(), 3);
  EXPECT_EQ(tensor.storage_bytes(), 6);
  EXPECT_EQ(Tensor::Of(Type{ElementType::f32, {4}}, std::vector<float>{-0.0f, 0, 1e-45f, NAN}).nonzeros(), 2);
  EXPECT_EQ(Tensor::Of(Type{ElementType::f64, {2}}, std::vector<double>{-0.0, 1}).nonzeros(), 1);
}

// An i8 tensor of one column with values at positions.
Tensor Column(int64_t length, const std::vector<int64_t>& positions) {
  Tensor tensor(Type{ElementType::i8, {1, length}});
  for (size_t i = 0; i < positions.size(); ++i) tensor.SetInt(positions[i], static_cast<int64_t>(i) + 1);
  return tensor;
}

TEST(Csc, GapsAndEscapes) {
  const auto deltas = [](int64_t length, const std::vector<int64_t>& positions) {
    const auto encoded = EncodeCsc(Column(length, positions));
    EXPECT_TRUE(encoded.ok());
    EXPECT_EQ(encoded->csc().count, std::vector<uint32_t>{static_cast<uint32_t>(positions.size())});
    EXPECT_EQ(*Decode(*encoded), Column(length, positions));
    EXPECT_TRUE(CheckEncoding(*encoded).ok());
    return encoded->csc().delta;
  };
  EXPECT_THAT(deltas(5, {}), ElementsAre());
  EXPECT_THAT(deltas(3, {0, 1, 2}), ElementsAre(0, 0, 0));
  EXPECT_THAT(deltas(300, {254}), ElementsAre(254));
  EXPECT_THAT(deltas(300, {255}), ElementsAre(255, 0));
  EXPECT_THAT(deltas(300, {256}), ElementsAre(255, 1));
  EXPECT_THAT(deltas(600, {1, 257, 513}), ElementsAre(1, 255, 0, 255, 0));
  EXPECT_THAT(deltas(1000, {0, 766}), ElementsAre(0, 255, 255, 255, 0));
}

TEST(Csc, ColumnsAreDimensionZero) {
  Tensor dense =
      Tensor::Of(Type{ElementType::f32, {3, 1, 2, 2}}, std::vector<float>{0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0, -0.0f});
  EXPECT_EQ(Columns(dense.type()), 3);
  EXPECT_EQ(ColumnLength(dense.type()), 4);
  const auto encoded = EncodeCsc(dense);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->type().encoding, Encoding::kCsc);
  EXPECT_THAT(encoded->csc().count, ElementsAre(2, 0, 1));
  EXPECT_THAT(encoded->csc().delta, ElementsAre(1, 1, 0));
  EXPECT_EQ(encoded->storage_bytes(), 3 + 3 + 12);
  EXPECT_EQ(encoded->nonzeros(), 3);
  dense.Set(11, 0.0f);  // a negative zero comes back as zero
  EXPECT_EQ(*Decode(*encoded), dense);
  EXPECT_EQ(*Decode(dense), dense);
}

TEST(Csc, CountsOfTwoBytes) {
  Tensor dense(Type{ElementType::i8, {2, 256}});
  for (int64_t i = 0; i < 255; ++i) dense.SetInt(i, 1);
  EXPECT_EQ(EncodeCsc(dense)->csc().count_bytes_each(), 1);
  EXPECT_EQ(EncodeCsc(dense)->storage_bytes(), 2 + 255 + 255);
  dense.SetInt(255, 1);
  EXPECT_EQ(EncodeCsc(dense)->csc().count_bytes_each(), 2);
  EXPECT_EQ(EncodeCsc(dense)->storage_bytes(), 4 + 256 + 256);
  Tensor full(Type{ElementType::i8, {1, 65535}});
  for (int64_t i = 0; i < 65535; ++i) full.SetInt(i, 1);
  EXPECT_TRUE(EncodeCsc(full).ok());
  Tensor over(Type{ElementType::i8, {1, 65536}});
  for (int64_t i = 0; i < 65536; ++i) over.SetInt(i, 1);
  EXPECT_THAT(EncodeCsc(over).status().message(), HasSubstr("column 0 has 65536 nonzeros"));
}

TEST(Csc, StreamsThatDoNotFit) {
  const auto error = [](const CscData& csc) {
    const Tensor tensor = Tensor::FromCsc(Type{ElementType::i16, {2, 3}}, csc);
    const absl::Status status = CheckEncoding(tensor);
    EXPECT_EQ(Decode(tensor).status(), status);
    return std::string(status.message());
  };
  using Bytes = std::vector<std::byte>;
  EXPECT_EQ(error({{1, 1}, {0, 2}, Bytes(4)}), "");
  EXPECT_EQ(error({{1, 1, 0}, {0, 2}, Bytes(4)}), "csc<u8> has 3 counts for 2 columns");
  EXPECT_EQ(error({{1, 1}, {0, 3}, Bytes(4)}), "csc<u8> column 1 reaches position 3 of 3");
  EXPECT_EQ(error({{1, 1}, {0, 2}, Bytes(3)}), "csc<u8> ends within column 1, after 0 of 1 nonzeros");
  EXPECT_EQ(error({{1, 1}, {0}, Bytes(4)}), "csc<u8> ends within column 1, after 0 of 1 nonzeros");
  EXPECT_EQ(error({{1, 1}, {0, 255}, Bytes(4)}), "csc<u8> ends within column 1, after 0 of 1 nonzeros");
  EXPECT_EQ(error({{1, 1}, {0, 2, 0}, Bytes(4)}), "csc<u8> has 1 gaps and 0 bytes of values too many");
  EXPECT_EQ(error({{1, 1}, {0, 2}, Bytes(5)}), "csc<u8> has 0 gaps and 1 bytes of values too many");
  EXPECT_EQ(error({{1, 65536}, {0, 2}, Bytes(4)}), "csc<u8> count of column 1 is 65536, over 65535");
}

}  // namespace
}  // namespace mcuc
