// Bounds on integer accumulators, proved from the constants alone (docs/numerics.md, N4 and N5). quantize keeps within
// them; Verify refuses a graph that does not.
#ifndef MCUC_IR_BOUNDS_H
#define MCUC_IR_BOUNDS_H

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"

namespace mcuc {

// For an integer conv or fc with constant weights and bias: the largest |accumulator| that any input can reach, for
// each output channel, a fused average pool's sum included. Saturates at 2^62. An error where weights or bias are
// computed.
absl::StatusOr<std::vector<int64_t>> AccumulatorBounds(const Node& node);

// The bias of output channel c of an integer conv or fc with a constant bias (0 without one): stored without the zero
// bits that the attribute bias_shift counts.
int64_t BiasAt(const Node& node, int64_t c);

// |accumulator| must stay below 2^31, and |accumulator| * 2^max(shift, 0) below 2^31 - 2^8, so that the requantized
// value plus a zero point fits 32 bits.
inline constexpr int64_t kAccumulatorLimit = (int64_t{1} << 31) - (int64_t{1} << 8);

}  // namespace mcuc

#endif  // MCUC_IR_BOUNDS_H
