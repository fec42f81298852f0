// The requantization of sums of 16 bits against rule N2, for every sum.
#include <gtest/gtest.h>

#include <random>

#include "../../runtime/conv_words.h"
#include "../../runtime/requantize_16.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {
namespace {

TEST(Requantize16, IsRuleN2) {
  std::mt19937 random(1);
  for (int32_t shift = -16; shift <= 7; ++shift) {
    for (int i = 0; i < 8; ++i) {
      // The ends, one with nothing in the lower half, and others.
      const int32_t mul = i == 0   ? 0
                          : i == 1 ? 1 << 30
                          : i == 2 ? INT32_MAX
                                   : std::uniform_int_distribution<int32_t>(1 << 30, INT32_MAX)(random);
      for (int32_t acc = INT16_MIN; acc <= INT16_MAX; ++acc) {
        ASSERT_EQ(mcuc_requantize_16(acc, mul, shift), RequantizeAcc(acc, mul, shift))
            << acc << " * " << mul << ", shift " << shift;
      }
    }
  }
}

// As far as select-kernels lets it go: (n + 1) * d <= 65536.
TEST(Quotient16, IsADivision) {
  for (int32_t d = 1; d <= 400; ++d) {
    for (int32_t n = 0; (n + 1) * d <= 65536; ++n) ASSERT_EQ(mcuc_quotient_16(n, 65535 / d), n / d) << n << " / " << d;
  }
}

TEST(Words, HoldStepsAndWeights) {
  for (const int32_t weight : {-128, -1, 1, 127}) {
    for (const int32_t step : {-32768, -1, 0, 1, 32767}) {
      EXPECT_EQ(mcuc_word_weight(mcuc_word(weight, step)), weight);
      EXPECT_EQ(mcuc_word_step(mcuc_word(weight, step)), step);
    }
  }
}

}  // namespace
}  // namespace mcuc
