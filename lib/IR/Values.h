// The coders of values: how the elements that have one become bits, and back.
#ifndef MCUC_LIB_IR_VALUES_H
#define MCUC_LIB_IR_VALUES_H

#include <cstdint>
#include <span>

#include "Gaps.h"
#include "absl/status/status.h"
#include "mcuc/IR/Encoding.h"

namespace mcuc {

// Fills in `book` and `values` for a code of int8 values; the error says what does not fit.
absl::Status EncodeValues(ValueCode code, std::span<const int64_t> values, EncodedData* data);

// Reads the values of a code of int8 values, one after the other.
class ValueReader {
 public:
  ValueReader(ValueCode code, const EncodedData& data);

  // False where the stream ends before the next value, or holds no such code there.
  bool Next(int64_t* value);
  bool AtEnd() const { return bits_.AtEnd(); }

 private:
  const ValueCodeInfo& code_;
  std::span<const std::byte> book_;
  BitReader bits_;
  uint32_t k_ = 0;  // of a Rice code
};

}  // namespace mcuc

#endif  // MCUC_LIB_IR_VALUES_H
