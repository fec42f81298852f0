// The coders of gaps: how the lengths of runs of zeros become bytes, and back.
#ifndef MCUC_LIB_IR_GAPS_H
#define MCUC_LIB_IR_GAPS_H

#include <cstdint>
#include <span>
#include <vector>

#include "mcuc/IR/Encoding.h"

namespace mcuc {

// Bits of a stream, lowest first.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // The next `count` bits, at most 16; false where the stream has fewer.
  bool Read(int count, uint32_t* value);
  // The next Rice code, value >> k ones, a zero and the k lowest bits; false where the stream ends before its end, or
  // where the ones alone are over `most`.
  bool ReadRice(int k, int64_t most, int64_t* value);
  // Whether nothing but zero bits of the current byte is left.
  bool AtEnd() const;

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;  // in bits
};

class BitWriter {
 public:
  void Write(int count, uint32_t value);
  void WriteRice(int k, int64_t value);
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  int used_ = 8;  // bits of the last byte
};

// The smallest k of those from `least` to `most` with which the Rice codes of these values take the fewest bits.
int RiceBits(std::span<const int64_t> values, int least, int most);

// Reads one stream of gaps.
class GapReader {
 public:
  GapReader(GapCode code, std::span<const std::byte> stream) : code_(code), bits_(stream) {}

  // The next gap; false where the stream ends before it, or where it is over `most`.
  bool Next(int64_t most, int64_t* gap);
  bool AtEnd() const { return bits_.AtEnd(); }

 private:
  GapCode code_;
  BitReader bits_;
  int k_ = -1;  // of a Rice code: not read yet
};

// The stream of these gaps, of which the last one ends the tensor.
std::vector<std::byte> EncodeGaps(GapCode code, std::span<const int64_t> gaps);

}  // namespace mcuc

#endif  // MCUC_LIB_IR_GAPS_H
