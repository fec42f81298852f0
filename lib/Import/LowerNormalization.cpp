// Normalizations. With stored statistics (BatchNormalization) they are a multiplication and an addition by constants of
// each channel, which canonicalize folds into the convolution before it; the others compute means and variances.
#include <cmath>

#include "Compose.h"

namespace mcuc::importer {

namespace {

constexpr const char* kStatistics[] = {"scale", "B", "mean", "var"};

// Values of each channel in the shape that broadcasts against N x C x ….
Shape ChannelShape(const Lowering& l) {
  Shape shape(l.shape(0).size() - 1, 1);
  shape[0] = l.shape(0)[1];
  return shape;
}

absl::Status CheckChannels(const Lowering& l, size_t i, const char* name) {
  const int64_t channels = l.shape(0)[1];
  if (l.shape(i) == Shape{channels}) return absl::OkStatus();
  return Unsupported("input ", i, " (", name, ") [", ShapeText(l.shape(i)), "] must be [", channels,
                     "], one a channel");
}

// Statistics that are computed, too.
absl::Status LowerBatchNormalizationComputed(Lowering& l) {
  Compose c(l);
  const Shape shape = ChannelShape(l);
  Symbol* part[4];
  for (size_t i = 0; i < 4; ++i) part[i] = c.Cast(c.Reshape(l.input(1 + i), shape), l.input(0)->type.element);
  Symbol* deviation = c.Add(part[3], c.Scalar(static_cast<double>(l.Float("epsilon", 1e-5f)), part[3]));
  Symbol* factor = c.Div(part[0], c.Unary(UnaryFn::sqrt, deviation));
  return c.Return(c.Add(c.Mul(c.Sub(l.input(0), part[2]), factor), part[1]));
}

absl::Status LowerBatchNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  if (l.Int("training_mode", 0) != 0) {
    return Unsupported("training_mode = 1 is not supported; export the model for inference");
  }
  if (l.Int("spatial", 1) != 1) return Unsupported("spatial = 0 is not supported; only statistics of a channel are");
  bool constant = true;
  for (size_t i = 0; i < 4; ++i) {
    MCUC_RETURN_IF_ERROR(CheckChannels(l, 1 + i, kStatistics[i]));
    constant &= l.input(1 + i)->is_constant();
  }
  if (!constant) return LowerBatchNormalizationComputed(l);
  const int64_t channels = l.shape(0)[1];
  std::vector<double> statistics[4];
  for (size_t i = 0; i < 4; ++i) {
    MCUC_ASSIGN_OR_RETURN(statistics[i], l.ConstantReals(1 + i, kStatistics[i]));
  }
  const double epsilon = static_cast<double>(l.Float("epsilon", 1e-5f));
  const Type type{l.input(0)->type.element, ChannelShape(l)};
  Tensor scale(type), offset(type);
  for (int64_t c = 0; c < channels; ++c) {
    const size_t i = static_cast<size_t>(c);
    const double factor = statistics[0][i] / std::sqrt(statistics[3][i] + epsilon);
    scale.Set(c, factor);
    offset.Set(c, statistics[1][i] - statistics[2][i] * factor);
  }
  Symbol* mul = l.Constant(std::move(scale), l.input(1)->name);
  Symbol* add = l.Constant(std::move(offset), l.input(2)->name);
  MCUC_ASSIGN_OR_RETURN(Symbol * y, l.Add(BinaryAttrs{.fn = BinaryFn::mul}, {l.input(0), mul}));
  return l.Return(l.Add(BinaryAttrs{.fn = BinaryFn::add}, {y, add}));
}

// x less its mean over axes, and 1 / the square root of its variance there.
struct Normalized {
  Symbol *mean, *difference, *factor;
};

Normalized Normalize(Compose& c, Symbol* x, const Ints& axes, double epsilon) {
  Symbol* mean = c.Reduce(ReduceFn::mean, x, axes);
  Symbol* difference = c.Sub(x, mean);
  Symbol* variance = c.Reduce(ReduceFn::mean, c.Mul(difference, difference), axes);
  Symbol* deviation = c.Unary(UnaryFn::sqrt, c.Add(variance, c.Scalar(epsilon, x)));
  return {mean, difference, c.Div(c.Scalar(1, x), deviation)};
}

// Over the axes from `axis` on; outputs 1 and 2 are the mean and the factor.
absl::Status LowerLayerNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", -1), l.input(0)->rank()));
  Compose c(l);
  const Normalized n =
      Normalize(c, l.input(0), AxesFrom(axis, l.input(0)->rank()), static_cast<double>(l.Float("epsilon", 1e-5f)));
  Symbol* y = c.Mul(c.Mul(n.difference, n.factor), l.input(1));
  if (l.input(2)) y = c.Add(y, l.input(2));
  MCUC_RETURN_IF_ERROR(c.Return(y));
  MCUC_RETURN_IF_ERROR(c.Return(n.mean, 1));
  return c.Return(n.factor, 2);
}

absl::Status LowerInstanceNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 3, 32));
  MCUC_RETURN_IF_ERROR(CheckChannels(l, 1, "scale"));
  MCUC_RETURN_IF_ERROR(CheckChannels(l, 2, "B"));
  Compose c(l);
  const Normalized n =
      Normalize(c, l.input(0), AxesFrom(2, l.input(0)->rank()), static_cast<double>(l.Float("epsilon", 1e-5f)));
  const Shape shape = ChannelShape(l);
  Symbol* factor = c.Mul(n.factor, c.Reshape(l.input(1), shape));
  return c.Return(c.Add(c.Mul(n.difference, factor), c.Reshape(l.input(2), shape)));
}

// Channels in groups; scale and bias are one a group before opset 21, one a channel from it on.
absl::Status LowerGroupNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 3, 31));
  const Shape& x = l.shape(0);
  const int64_t groups = l.Int("num_groups", 0);
  if (groups < 1 || x[1] % groups != 0) {
    return Unsupported("num_groups = ", groups, " does not divide the ", x[1], " channels");
  }
  const int64_t each = l.opset() < 21 ? groups : x[1];
  for (size_t i : {1, 2}) {
    if (l.shape(i) != Shape{each}) {
      return Unsupported("input ", i, " [", ShapeText(l.shape(i)), "] must be [", each, "]");
    }
  }
  Compose c(l);
  Symbol* grouped = c.Reshape(l.input(0), {x[0], groups, x[1] / groups, Elements(Shape(x.begin() + 2, x.end()))});
  const Normalized n = Normalize(c, grouped, {2, 3}, static_cast<double>(l.Float("epsilon", 1e-5f)));
  const Shape shape = {groups, each / groups, 1};
  Symbol* y = c.Mul(c.Mul(n.difference, n.factor), c.Reshape(l.input(1), shape));
  return c.Return(c.Reshape(c.Add(y, c.Reshape(l.input(2), shape)), x));
}

// (x - mean) / (deviation + 1e-9), as the standard's function has it.
absl::Status LowerMeanVarianceNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const Ints given = l.Has("axes") ? l.IntList("axes") : Ints{0, 2, 3};
  MCUC_ASSIGN_OR_RETURN(const Ints axes, NormalizeAxes(given, l.input(0)->rank()));
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* difference = c.Sub(x, c.Reduce(ReduceFn::mean, x, axes));
  Symbol* variance = c.Reduce(ReduceFn::mean, c.Mul(difference, difference), axes);
  return c.Return(c.Div(difference, c.Add(c.Unary(UnaryFn::sqrt, variance), c.Scalar(1e-9, x))));
}

// x / (bias + alpha * mean of the squares of `size` neighbouring channels) ^ beta: a pool over the channels.
absl::Status LowerLrn(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 2, 32));
  const int64_t size = l.Int("size", 0);
  if (size < 1 || size > 1 << 20) return Unsupported("size = ", size, "; it must be positive");
  const Shape& shape = l.shape(0);
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* squares = c.Reshape(c.Mul(x, x), {shape[0], 1, shape[1], Elements(Shape(shape.begin() + 2, shape.end()))});
  AvgPoolAttrs pool;
  pool.kernel = {size, 1};
  pool.pads = {(size - 1) / 2, 0, size - 1 - (size - 1) / 2, 0};
  pool.count_include_pad = true;
  if (!c.ok()) return c.status();
  Symbol* mean = c.Reshape(c.Take(l.Add(pool, {squares})), shape);
  Symbol* alpha = c.Scalar(static_cast<double>(l.Float("alpha", 1e-4f)), x);
  Symbol* base = c.Add(c.Mul(mean, alpha), c.Scalar(static_cast<double>(l.Float("bias", 1.0f)), x));
  Symbol* beta = c.Scalar(static_cast<double>(l.Float("beta", 0.75f)), x);
  return c.Return(c.Div(x, c.Binary(BinaryFn::pow, base, beta)));
}

absl::Status LowerLpNormalization(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", -1), l.input(0)->rank()));
  const int64_t p = l.Int("p", 2);
  if (p != 1 && p != 2) return Unsupported("p = ", p, "; supported: 1, 2");
  Compose c(l);
  Symbol* x = l.input(0);
  Symbol* norm = p == 1 ? c.Reduce(ReduceFn::sum, c.Unary(UnaryFn::abs, x), {axis})
                        : c.Unary(UnaryFn::sqrt, c.Reduce(ReduceFn::sum, c.Mul(x, x), {axis}));
  return c.Return(c.Div(x, norm));
}

// momentum only concerns training. LayerNormalization is of opset 17; ONNX Runtime writes it into older ones too.
const Operator kOperators[] = {
    {"BatchNormalization", 7, kMaxOpset, 5, 5, 1, "epsilon:f momentum:f spatial:i training_mode:i",
     LowerBatchNormalization},
    {"LayerNormalization", 1, kMaxOpset, 2, 3, 3, "axis:i epsilon:f stash_type:i", LowerLayerNormalization},
    {"InstanceNormalization", 6, kMaxOpset, 3, 3, 1, "epsilon:f", LowerInstanceNormalization},
    {"GroupNormalization", 18, kMaxOpset, 3, 3, 1, "epsilon:f num_groups:i stash_type:i", LowerGroupNormalization},
    {"MeanVarianceNormalization", 9, kMaxOpset, 1, 1, 1, "axes:I", LowerMeanVarianceNormalization},
    {"LRN", 1, kMaxOpset, 1, 1, 1, "alpha:f beta:f bias:f size:i", LowerLrn},
    {"LpNormalization", 1, kMaxOpset, 1, 1, 1, "axis:i p:i", LowerLpNormalization},
};

}  // namespace

std::span<const Operator> NormalizationOperators() { return kOperators; }

}  // namespace mcuc::importer
