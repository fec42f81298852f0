// What the operands of the operation recurrent are, and its sizes.
#ifndef MCUC_IR_RECURRENT_H
#define MCUC_IR_RECURRENT_H

#include <optional>
#include <vector>

#include "mcuc/IR/Ops.h"

namespace mcuc {

// Operands 0, 1 and 2 are x, w and r; behind them come those that the attributes ask for.
struct RecurrentPlaces {
  std::optional<size_t> candidate, bias, peepholes, state, lengths;
  size_t count = 0;
};

inline RecurrentPlaces PlacesOf(const RecurrentAttrs& attrs) {
  RecurrentPlaces places;
  size_t next = 3;
  if (attrs.cell == CellKind::gru) places.candidate = next++;
  if (attrs.bias) places.bias = next++;
  if (attrs.peepholes) places.peepholes = next++;
  if (attrs.state) places.state = next++;
  if (attrs.lengths) places.lengths = next++;
  places.count = next;
  return places;
}

inline bool HasCellState(CellKind cell) { return cell == CellKind::lstm || cell == CellKind::lstm_coupled; }

// Gates: RNN has one; GRU z, r, h; LSTM i, o, f, c.
inline int64_t GatesOf(CellKind cell) { return cell == CellKind::rnn ? 1 : HasCellState(cell) ? 4 : 3; }

// Of x: T x B x I and r: … x H.
struct RecurrentSizes {
  size_t time, batch, inputs, hidden;
  size_t gates;
  size_t states;  // rows of B x H behind the steps: the hidden state and an LSTM's cell
};

inline RecurrentSizes SizesOf(const RecurrentAttrs& attrs, const std::vector<int64_t>& x,
                              const std::vector<int64_t>& r) {
  const auto size = [](int64_t n) { return static_cast<size_t>(n); };
  return {
      size(x[0]), size(x[1]), size(x[2]), size(r[1]), size(GatesOf(attrs.cell)), HasCellState(attrs.cell) ? 2u : 1u};
}

}  // namespace mcuc

#endif  // MCUC_IR_RECURRENT_H
