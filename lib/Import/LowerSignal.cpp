// DFT, STFT and MelWeightMatrix: a discrete Fourier transform is a fully connected layer with constant weights.
#include <algorithm>
#include <cmath>

#include "Compose.h"
#include "TensorData.h"

namespace mcuc::importer {

namespace {

// The weights that make `bins` complex numbers of n numbers of c parts (1: real, 2: complex).
Tensor FourierWeights(int64_t n, int64_t c, int64_t bins, bool inverse) {
  Tensor weights(Type{ElementType::f32, {bins * 2, n * c}});
  const double turn = 2 * std::acos(-1.0) / static_cast<double>(n) * (inverse ? -1 : 1);
  const double scale = inverse ? 1.0 / static_cast<double>(n) : 1.0;
  for (int64_t k = 0; k < bins; ++k) {
    for (int64_t i = 0; i < n; ++i) {
      const double angle = turn * static_cast<double>(k * i % n);
      const double re = scale * std::cos(angle), im = -scale * std::sin(angle);  // exp(-i angle)
      const int64_t real_row = 2 * k * n * c + i * c, imaginary_row = (2 * k + 1) * n * c + i * c;
      weights.Set(real_row, re);
      weights.Set(imaginary_row, im);
      if (c == 1) continue;
      weights.Set(real_row + 1, -im);
      weights.Set(imaginary_row + 1, re);
    }
  }
  return weights;
}

absl::Status CheckSizes(int64_t n, int64_t c, int64_t bins) {
  if (n < 1 || n > 1 << 14) return Unsupported("a length of ", n, "; supported: 1 to ", 1 << 14);
  return CheckedElements({bins * 2, n * c}).status();
}

// x: … x n x c; the transform over n.
absl::StatusOr<Symbol*> Fourier(Lowering& l, Compose& c, Symbol* x, int64_t bins, bool inverse) {
  if (!x) return c.status();
  Shape shape = x->shape();
  const int64_t parts = shape.back(), n = shape[shape.size() - 2];
  MCUC_RETURN_IF_ERROR(CheckSizes(n, parts, bins));
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::f32, {bins * 2, n * parts}}));
  shape.resize(shape.size() - 2);
  Shape rows = shape;
  rows.push_back(n * parts);
  shape.insert(shape.end(), {bins, 2});
  return c.Reshape(c.Linear(c.Reshape(x, rows), FourierWeights(n, parts, bins, inverse)), shape);
}

absl::StatusOr<std::optional<int64_t>> ConstantInt(const Lowering& l, size_t i, const char* what) {
  if (!l.input(i)) return std::optional<int64_t>();
  MCUC_ASSIGN_OR_RETURN(const Ints values, l.ConstantInts(i, what));
  if (values.size() != 1) return Unsupported("input ", i, " (", what, ") must be a scalar");
  return std::optional<int64_t>(values[0]);
}

// The axis is an attribute before opset 20.
absl::Status LowerDft(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  Symbol* x = l.input(0);
  const int64_t rank = x->rank(), parts = x->shape().back();
  if (parts != 1 && parts != 2) return Unsupported("the last dimension is ", parts, "; it must be 1 or 2");
  MCUC_ASSIGN_OR_RETURN(const bool inverse, l.Flag("inverse", false));
  MCUC_ASSIGN_OR_RETURN(const bool onesided, l.Flag("onesided", false));
  MCUC_ASSIGN_OR_RETURN(const auto length, ConstantInt(l, 1, "dft_length"));
  MCUC_ASSIGN_OR_RETURN(const auto given, ConstantInt(l, 2, "axis"));
  int64_t axis = given ? *given : l.opset() < 20 ? l.Int("axis", 1) : -2;
  MCUC_ASSIGN_OR_RETURN(axis, NormalizeAxis(axis, rank));
  if (axis == rank - 1) return Unsupported("axis ", axis, " is that of the real and imaginary parts");
  Compose c(l);
  Ints perm = AxisLast(axis, rank - 1);
  perm.push_back(rank - 1);
  x = c.Transpose(x, perm);
  if (!x) return c.status();
  const int64_t n = length.value_or(x->shape()[static_cast<size_t>(rank - 2)]);
  const int64_t has = x->shape()[static_cast<size_t>(rank - 2)];
  if (n < 1 || n > 1 << 14) return Unsupported("dft_length = ", n, "; supported: 1 to ", 1 << 14);
  if (n < has) x = c.Part(x, rank - 2, 0, n);
  if (n > has) {
    Ints after(static_cast<size_t>(rank), 0);
    after[static_cast<size_t>(rank - 2)] = n - has;
    x = c.Pad(x, Ints(static_cast<size_t>(rank), 0), after, 0);
  }
  MCUC_ASSIGN_OR_RETURN(Symbol * y, Fourier(l, c, x, onesided ? n / 2 + 1 : n, inverse));
  return c.Return(c.Transpose(y, Inverse(perm)));
}

// Transforms of frames of the signal, B x L x c, each multiplied by the window.
absl::Status LowerStft(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 3, 3));
  const Shape& x = l.shape(0);
  MCUC_ASSIGN_OR_RETURN(const auto step, ConstantInt(l, 1, "frame_step"));
  MCUC_ASSIGN_OR_RETURN(const auto length, ConstantInt(l, 3, "frame_length"));
  MCUC_ASSIGN_OR_RETURN(const bool onesided, l.Flag("onesided", true));
  const int64_t n = length ? *length : l.input(2) ? Elements(l.shape(2)) : 0;
  if (!step || *step < 1 || *step > kMaxElements || n < 1 || n > x[1]) {
    return Unsupported("frames of ", n, " do not fit a signal of ", x[1]);
  }
  if (l.input(2) && l.shape(2) != Shape{n}) return Unsupported("window must be [", n, "]");
  const int64_t frames = (x[1] - n) / *step + 1;
  MCUC_RETURN_IF_ERROR(CheckedElements({frames, n}).status());
  MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::i64, {frames, n}}));
  Ints indices;
  for (int64_t f = 0; f < frames; ++f) {
    for (int64_t i = 0; i < n; ++i) indices.push_back(f * *step + i);
  }
  Compose c(l);
  Symbol* framed = c.Reshape(c.Pick(l.input(0), indices, 1), {x[0], frames, n, x[2]});
  if (l.input(2)) framed = c.Mul(framed, c.Reshape(l.input(2), {n, 1}));
  MCUC_ASSIGN_OR_RETURN(Symbol * y, Fourier(l, c, framed, onesided ? n / 2 + 1 : n, false));
  return c.Return(y);
}

// Triangles over the bins of a spectrum, as the standard's example has them.
absl::Status LowerMelWeightMatrix(Lowering& l) {
  static const char* const kNames[] = {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz",
                                       "upper_edge_hertz"};
  double in[5];
  for (size_t i = 0; i < 5; ++i) {
    MCUC_ASSIGN_OR_RETURN(const std::vector<double> value, l.ConstantReals(i, kNames[i]));
    if (value.size() != 1) return Unsupported("input ", i, " (", kNames[i], ") must be a scalar");
    in[i] = value[0];
  }
  if (!(in[0] >= 1 && in[0] <= 1 << 14) || !(in[1] >= 2 && in[1] <= 1 << 20) || !(in[2] > 0)) {
    return Unsupported("num_mel_bins, dft_length and sample_rate must be positive");
  }
  const auto element = ElementTypeOf(static_cast<int>(l.Int("output_datatype", 1)));
  if (!element || !IsFloat(*element)) return Unsupported("output_datatype must be a float type");
  const auto bins = static_cast<int64_t>(in[0]), dft = static_cast<int64_t>(in[1]);
  const int64_t rows = dft / 2 + 1;
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = mel(in[3]), step = (mel(in[4]) - low) / static_cast<double>(bins + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bins + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (low + static_cast<double>(i) * step) / 2595) - 1);
    const double edge = std::floor(static_cast<double>(dft + 1) * hertz / in[2]);
    if (!(edge >= 0 && edge <= static_cast<double>(rows))) return Unsupported("an edge lies outside the spectrum");
    edges.push_back(static_cast<int64_t>(edge));
  }
  const Type type{*element, {rows, bins}};
  MCUC_RETURN_IF_ERROR(l.Reserve(type));
  Tensor weights(type);
  for (int64_t i = 0; i < bins; ++i) {
    const auto k = static_cast<size_t>(i);
    const int64_t lower = edges[k], centre = edges[k + 1], upper = edges[k + 2];
    const auto set = [&](int64_t row, double value) {
      if (row < rows) weights.Set(row * bins + i, value);
    };
    if (lower == centre) set(centre, 1);
    for (int64_t j = lower; lower != centre && j <= centre; ++j) {
      set(j, static_cast<double>(j - lower) / static_cast<double>(centre - lower));
    }
    for (int64_t j = centre; centre != upper && j < upper; ++j) {
      set(j, static_cast<double>(upper - j) / static_cast<double>(upper - centre));
    }
  }
  return l.Return(l.Constant(std::move(weights)));
}

const Operator kOperators[] = {
    {"DFT", 17, 19, 1, 2, 1, "axis:i inverse:i onesided:i", LowerDft},
    {"DFT", 20, kMaxOpset, 1, 3, 1, "inverse:i onesided:i", LowerDft},
    {"STFT", 17, kMaxOpset, 2, 4, 1, "onesided:i", LowerStft},
    {"MelWeightMatrix", 17, kMaxOpset, 5, 5, 1, "output_datatype:i", LowerMelWeightMatrix},
};

}  // namespace

std::span<const Operator> SignalOperators() { return kOperators; }

}  // namespace mcuc::importer
