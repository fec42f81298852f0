// The coders of gaps, one pair of functions a code. Rice codes: R. F. Rice, "Some practical universal noiseless coding
// techniques", 1979; k is chosen for the fewest bits.
#include "Gaps.h"

#include <algorithm>
#include <limits>

namespace mcuc {

bool BitReader::Read(int count, uint32_t* value) {
  if (position_ + static_cast<uint64_t>(count) > bytes_.size() * 8) return false;
  *value = 0;
  for (int i = 0; i < count; ++i, ++position_) {
    const auto byte = std::to_integer<uint32_t>(bytes_[position_ / 8]);
    *value |= (byte >> position_ % 8 & 1) << i;
  }
  return true;
}

bool BitReader::AtEnd() const {
  if ((position_ + 7) / 8 != bytes_.size()) return false;
  return position_ % 8 == 0 || std::to_integer<uint32_t>(bytes_.back()) >> position_ % 8 == 0;
}

void BitWriter::Write(int count, uint32_t value) {
  for (int i = 0; i < count; ++i, ++used_) {
    if (used_ == 8) {
      bytes_.push_back(std::byte{0});
      used_ = 0;
    }
    bytes_.back() |= static_cast<std::byte>((value >> i & 1) << used_);
  }
}

void BitWriter::WriteRice(int k, int64_t value) {
  for (int64_t ones = value >> k; ones > 0; --ones) Write(1, 1);
  Write(1, 0);
  Write(k, static_cast<uint32_t>(value & ((1 << k) - 1)));
}

bool BitReader::ReadRice(int k, int64_t most, int64_t* value) {
  *value = 0;
  for (uint32_t bit = 1;; *value += int64_t{1} << k) {
    if (*value > most || !Read(1, &bit)) return false;
    if (bit == 0) break;
  }
  uint32_t rest = 0;
  if (!Read(k, &rest)) return false;
  *value += rest;
  return true;
}

namespace {

constexpr int kMaxRiceBits = 15;

void WriteU8(BitWriter& bits, int64_t gap) {
  for (; gap >= 255; gap -= 255) bits.Write(8, 255);
  bits.Write(8, static_cast<uint32_t>(gap));
}

bool ReadU8(BitReader& bits, int64_t most, int64_t* gap) {
  for (uint32_t byte = 255; byte == 255;) {
    if (*gap > most || !bits.Read(8, &byte)) return false;
    *gap += byte;
  }
  return true;
}

void WriteU4(BitWriter& bits, int64_t gap) {
  bits.Write(4, static_cast<uint32_t>(std::min<int64_t>(gap, 15)));
  if (gap >= 15) WriteU8(bits, gap - 15);
}

bool ReadU4(BitReader& bits, int64_t most, int64_t* gap) {
  uint32_t nibble = 0;
  if (!bits.Read(4, &nibble)) return false;
  *gap = nibble;
  return nibble < 15 || ReadU8(bits, most, gap);
}

void WriteBitmap(BitWriter& bits, int64_t gap) {
  for (; gap > 0; --gap) bits.Write(1, 0);
  bits.Write(1, 1);
}

bool ReadBitmap(BitReader& bits, int64_t most, int64_t* gap) {
  for (uint32_t bit = 0;; ++*gap) {
    if (*gap > most || !bits.Read(1, &bit)) return false;
    if (bit == 1) return true;
  }
}

}  // namespace

int RiceBits(std::span<const int64_t> values, int least, int most) {
  int best = least;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (int k = least; k <= most; ++k) {
    int64_t bits = 0;
    for (const int64_t value : values) bits += (value >> k) + 1 + k;
    if (bits >= fewest) continue;
    fewest = bits;
    best = k;
  }
  return best;
}

bool GapReader::Next(int64_t most, int64_t* gap) {
  *gap = 0;
  switch (code_) {
    case GapCode::all:
      break;
    case GapCode::u8:
      if (!ReadU8(bits_, most, gap)) return false;
      break;
    case GapCode::u4:
      if (!ReadU4(bits_, most, gap)) return false;
      break;
    case GapCode::bitmap:
      if (!ReadBitmap(bits_, most, gap)) return false;
      break;
    case GapCode::rice: {
      uint32_t k = 0;
      if (k_ < 0 && (!bits_.Read(8, &k) || k > kMaxRiceBits)) return false;
      if (k_ < 0) k_ = static_cast<int>(k);
      if (!bits_.ReadRice(k_, most, gap)) return false;
      break;
    }
  }
  return *gap <= most;
}

std::vector<std::byte> EncodeGaps(GapCode code, std::span<const int64_t> gaps) {
  BitWriter bits;
  const int k = code == GapCode::rice ? RiceBits(gaps, 0, kMaxRiceBits) : 0;
  if (code == GapCode::rice) bits.Write(8, static_cast<uint32_t>(k));
  for (const int64_t gap : gaps) {
    switch (code) {
      case GapCode::all:
        break;
      case GapCode::u8:
        WriteU8(bits, gap);
        break;
      case GapCode::u4:
        WriteU4(bits, gap);
        break;
      case GapCode::bitmap:
        WriteBitmap(bits, gap);
        break;
      case GapCode::rice:
        bits.WriteRice(k, gap);
        break;
    }
  }
  return bits.Take();
}

}  // namespace mcuc
