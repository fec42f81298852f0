// Types and dense tensors.
#include "mcuc/IR/Tensor.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mcuc {
namespace {

using testing::ElementsAre;

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
  EXPECT_EQ(TypeText({ElementType::i8, {2, 4}, Quantization{{0.1f, 0.2f}, {0}, 0}, Encoding{GapCode::u8}}),
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

}  // namespace
}  // namespace mcuc
