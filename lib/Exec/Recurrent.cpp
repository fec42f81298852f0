// recurrent: a cell of RNN, GRU or LSTM at every step of time. Sums are of doubles; states are float32 as in C.
#include <cmath>
#include <optional>

#include "Kernel.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Recurrent.h"

namespace mcuc::exec {

namespace {

// Weights as real numbers, by row.
std::vector<double> RealWeights(const Tensor& w, const Type& type) {
  std::vector<double> real(static_cast<size_t>(w.elements()));
  const auto columns = static_cast<size_t>(w.shape()[1]);
  for (size_t i = 0; i < real.size(); ++i) {
    real[i] = w.AsDouble(static_cast<int64_t>(i));
    if (type.quant)
      real[i] *=
          static_cast<double>(type.quant->scale(type.quant->per_tensor() ? 0 : static_cast<int64_t>(i / columns)));
  }
  return real;
}

class Cell {
 public:
  Cell(const Node& node, const Operands& operands)
      : attrs_(node.As<RecurrentAttrs>()),
        sizes_(SizesOf(attrs_, node.operand(0)->type().shape, node.operand(2)->type().shape)),
        places_(PlacesOf(attrs_)),
        x_(operands[0]->data<float>()),
        w_(RealWeights(*operands[1], node.operand(1)->type())),
        r_(RealWeights(*operands[2], node.operand(2)->type())) {
    if (places_.candidate)
      candidate_ = RealWeights(*operands[*places_.candidate], node.operand(*places_.candidate)->type());
    const auto reals = [&](const std::optional<size_t>& place) {
      return place ? operands[*place]->data<float>() : std::span<const float>();
    };
    bias_ = reals(places_.bias);
    peepholes_ = reals(places_.peepholes);
    state_ = reals(places_.state);
    if (places_.lengths) lengths_ = operands[*places_.lengths]->data<int32_t>();
  }

  void Run(std::span<float> y) {
    const size_t row = sizes_.batch * sizes_.hidden;
    std::vector<float> own(attrs_.last ? 0 : sizes_.states * row);
    const std::span<float> last = attrs_.last ? y.subspan(attrs_.all ? sizes_.time * row : 0) : std::span<float>(own);
    h_ = last.subspan(0, row);
    c_ = last.subspan(row);  // of an LSTM
    std::copy(state_.begin(), state_.end(), last.begin());
    for (size_t i = 0; i < sizes_.time; ++i) {
      const size_t t = attrs_.reverse ? sizes_.time - 1 - i : i;
      for (size_t b = 0; b < sizes_.batch; ++b) {
        const auto h = h_.subspan(b * sizes_.hidden, sizes_.hidden);
        const bool inside = lengths_.empty() || static_cast<int64_t>(t) < lengths_[b];
        if (inside) Step(x_.subspan((t * sizes_.batch + b) * sizes_.inputs, sizes_.inputs), b);
        if (!attrs_.all) continue;
        const auto to = y.subspan((t * sizes_.batch + b) * sizes_.hidden, sizes_.hidden);
        if (inside) std::copy(h.begin(), h.end(), to.begin());
      }
    }
  }

 private:
  double Apply(size_t i, double x) const {
    const UnaryFn fn = i == 0 ? attrs_.f : i == 1 ? attrs_.g : attrs_.h;
    const auto parameter = [&](const Floats& list) { return list.empty() ? 0.0F : list[i]; };
    const double clip = static_cast<double>(attrs_.clip);
    if (clip > 0) x = std::max(-clip, std::min(clip, x));
    return UnaryValue({fn, parameter(attrs_.alpha), parameter(attrs_.beta)}, x);
  }

  static double Product(const std::vector<double>& w, size_t row, std::span<const float> x) {
    double sum = 0;
    for (size_t k = 0; k < x.size(); ++k) sum += w[row * x.size() + k] * static_cast<double>(x[k]);
    return sum;
  }

  void Step(std::span<const float> x, size_t batch) {
    const size_t n = sizes_.hidden;
    const auto h = h_.subspan(batch * n, n);
    const auto in = [&](size_t row) {
      return Product(w_, row, x) + (bias_.empty() ? 0.0 : static_cast<double>(bias_[row]));
    };
    const auto peephole = [&](size_t gate, size_t j, double c) {
      return peepholes_.empty() ? 0.0 : static_cast<double>(peepholes_[gate * n + j]) * c;
    };
    std::vector<float> next(n), reset(n);
    const auto own = [&](size_t row) { return Product(r_, row, h); };
    for (size_t j = 0; j < n && attrs_.cell == CellKind::gru; ++j) {
      reset[j] = static_cast<float>(Apply(0, in(n + j) + own(n + j)) * static_cast<double>(h[j]));
    }
    for (size_t j = 0; j < n; ++j) {
      const double old = static_cast<double>(h[j]);
      switch (attrs_.cell) {
        case CellKind::rnn:
          next[j] = static_cast<float>(Apply(0, in(j) + own(j)));
          break;
        case CellKind::gru:
        case CellKind::gru_after: {
          const double z = Apply(0, in(j) + own(j));
          double inner = 0;
          if (attrs_.cell == CellKind::gru) {
            inner = Product(candidate_, j, reset);
          } else {
            const double bias = bias_.empty() ? 0.0 : static_cast<double>(bias_[3 * n + j]);
            inner = Apply(0, in(n + j) + own(n + j)) * (own(2 * n + j) + bias);
          }
          next[j] = static_cast<float>((1 - z) * Apply(1, in(2 * n + j) + inner) + z * old);
          break;
        }
        case CellKind::lstm:
        case CellKind::lstm_coupled: {
          float& cell = c_[batch * n + j];
          const double c = static_cast<double>(cell);
          const double i = Apply(0, in(j) + own(j) + peephole(0, j, c));
          const double f = attrs_.cell == CellKind::lstm_coupled
                               ? 1 - i
                               : Apply(0, in(2 * n + j) + own(2 * n + j) + peephole(2, j, c));
          cell = static_cast<float>(f * c + i * Apply(1, in(3 * n + j) + own(3 * n + j)));
          const double now = static_cast<double>(cell);
          next[j] = static_cast<float>(Apply(0, in(n + j) + own(n + j) + peephole(1, j, now)) * Apply(2, now));
          break;
        }
      }
    }
    std::copy(next.begin(), next.end(), h.begin());
  }

  const RecurrentAttrs& attrs_;
  const RecurrentSizes sizes_;
  const RecurrentPlaces places_;
  std::span<const float> x_, bias_, peepholes_, state_;
  std::span<const int32_t> lengths_;
  std::vector<double> w_, r_, candidate_;
  std::span<float> h_, c_;
};

}  // namespace

absl::Status Recurrent(const Node& node, const Operands& operands, Tensor& y) {
  Cell(node, operands).Run(y.data<float>());
  return absl::OkStatus();
}

}  // namespace mcuc::exec
