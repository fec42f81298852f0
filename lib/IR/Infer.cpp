// Shapes of results: one overload of Infer an operation. Every size that an attribute adds or multiplies is bounded
// first (kMaxAttribute for steps and pads, kMaxElements for shapes), so that no sum or product here can overflow.
#include "mcuc/IR/Infer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Recurrent.h"

namespace mcuc {

namespace {

using Operands = std::vector<const Type*>;

// The most that a stride, dilation, window or pad may be.
constexpr int64_t kMaxAttribute = int64_t{1} << 20;

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

std::string Text(const Shape& shape) { return absl::StrCat("[", ShapeText(shape), "]"); }

absl::Status CheckRank(const char* name, const Shape& shape, size_t rank) {
  if (shape.size() == rank) return absl::OkStatus();
  return Invalid(name, " ", Text(shape), " has rank ", shape.size(), "; it must be ", rank);
}

absl::Status CheckAxis(int64_t axis, const Shape& shape) {
  if (axis >= 0 && axis < static_cast<int64_t>(shape.size())) return absl::OkStatus();
  return Invalid("axis = ", axis, " is outside [0, ", shape.size(), "), the axes of x ", Text(shape));
}

template <size_t N>
absl::Status CheckRange(const char* name, const std::array<int64_t, N>& values, int64_t least) {
  for (int64_t value : values) {
    if (value < least || value > kMaxAttribute) {
      return Invalid(name, " holds ", value, "; each must be within [", least, ", ", kMaxAttribute, "]");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBias(const Operands& operands, int64_t channels) {
  if (operands.size() < 3 || operands[2]->shape == Shape{channels}) return absl::OkStatus();
  return Invalid("b ", Text(operands[2]->shape), " must be [", channels, "], one an output channel");
}

// True where each of the windows along a dimension holds an element inside [0, size).
bool WindowsTouch(int64_t windows, int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_before) {
  for (int64_t i = 0; i < windows && i * stride < pad_before; ++i) {
    const int64_t before = pad_before - i * stride;            // how far left of x the window starts
    const int64_t first = (before + dilation - 1) / dilation;  // the first tap not left of x
    if (first >= kernel || first * dilation - before >= size) return false;
  }
  return (windows - 1) * stride - pad_before < size;
}

struct Windows {
  Pair kernel, strides, dilations;
  Pads pads;
  bool ceil;
  bool must_touch;  // no window may lie wholly in padding
};

// The H x W of windows over a size; both are at least 1.
absl::StatusOr<Pair> WindowedSize(const Pair& size, const Windows& w) {
  if (absl::Status s = CheckRange("kernel", w.kernel, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("strides", w.strides, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("dilations", w.dilations, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("pads", w.pads, 0); !s.ok()) return s;
  Pair result{};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t before = w.pads[d], after = w.pads[2 + d];
    result[d] = WindowCount(size[d], w.kernel[d], w.strides[d], w.dilations[d], before, after, w.ceil);
    const char* which = d == 0 ? "height" : "width";
    if (result[d] < 1) {
      return Invalid("a window of ", (w.kernel[d] - 1) * w.dilations[d] + 1, " does not fit into ", which, " ", size[d],
                     " with pads ", before, " + ", after);
    }
    if (w.must_touch && !WindowsTouch(result[d], size[d], w.kernel[d], w.strides[d], w.dilations[d], before)) {
      return Invalid("a window along ", which, " ", size[d], " lies wholly in its padding: kernel ", w.kernel[d],
                     ", dilation ", w.dilations[d], ", pads ", before, " + ", after);
    }
  }
  return result;
}

absl::StatusOr<Shape> Infer(const ConvAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &w = operands[1]->shape;
  if (absl::Status s = CheckRank("x", x, 4); !s.ok()) return s;
  if (absl::Status s = CheckRank("w", w, 4); !s.ok()) return s;
  if (attrs.group < 1 || w[0] % attrs.group != 0) {
    return Invalid("group = ", attrs.group, " does not divide the ", w[0], " output channels of w ", Text(w));
  }
  if (x[1] % attrs.group != 0 || x[1] / attrs.group != w[1]) {
    return Invalid("x ", Text(x), " has ", x[1], " channels, but w ", Text(w), " with group = ", attrs.group, " takes ",
                   w[1], " a group");
  }
  if (absl::Status s = CheckBias(operands, w[0]); !s.ok()) return s;
  auto size = WindowedSize({x[2], x[3]}, {{w[2], w[3]}, attrs.strides, attrs.dilations, attrs.pads, false, false});
  if (!size.ok()) return size.status();
  const Pool& pool = attrs.pool;
  if (pool.kind != PoolKind::none) {
    if (auto n = CheckedElements({x[0], w[0], (*size)[0], (*size)[1]}); !n.ok()) return n.status();
    if (pool.kind == PoolKind::avg && (pool.pads != Pads{} || pool.ceil)) {
      return Invalid("a fused average pool has no pads and no ceil: every window lies within the convolution's output");
    }
    size = WindowedSize(*size, {pool.kernel, pool.strides, {1, 1}, pool.pads, pool.ceil, true});
    if (!size.ok()) return Invalid("pool: ", size.status().message());
  }
  return Shape{x[0], w[0], (*size)[0], (*size)[1]};
}

absl::StatusOr<Shape> Infer(const ConvTransposeAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &w = operands[1]->shape;
  if (absl::Status s = CheckRank("x", x, 4); !s.ok()) return s;
  if (absl::Status s = CheckRank("w", w, 4); !s.ok()) return s;
  if (absl::Status s = CheckRange("kernel", Pair{w[2], w[3]}, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("strides", attrs.strides, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("dilations", attrs.dilations, 1); !s.ok()) return s;
  if (absl::Status s = CheckRange("pads", attrs.pads, 0); !s.ok()) return s;
  if (absl::Status s = CheckRange("output_pads", attrs.output_pads, 0); !s.ok()) return s;
  if (w[0] != x[1]) {
    return Invalid("x ", Text(x), " has ", x[1], " channels, but w ", Text(w), " takes ", w[0]);
  }
  if (attrs.group < 1 || x[1] % attrs.group != 0) {
    return Invalid("group = ", attrs.group, " does not divide the ", x[1], " channels of x ", Text(x));
  }
  Shape result = {x[0], w[1] * attrs.group, 0, 0};  // group <= x[1], so the product is bounded
  if (absl::Status s = CheckBias(operands, result[1]); !s.ok()) return s;
  for (size_t d = 0; d < 2; ++d) {
    result[2 + d] = (x[2 + d] - 1) * attrs.strides[d] + (w[2 + d] - 1) * attrs.dilations[d] + 1 - attrs.pads[d] -
                    attrs.pads[2 + d] + attrs.output_pads[d];
    if (result[2 + d] < 1) {
      return Invalid("pads ", attrs.pads[d], " + ", attrs.pads[2 + d], " cut off the whole ",
                     d == 0 ? "height" : "width", " of the output");
    }
  }
  return result;
}

absl::StatusOr<Shape> Infer(const FcAttrs&, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &w = operands[1]->shape;
  if (x.empty()) return Invalid("x is a scalar; fc takes a rank of at least 1");
  if (absl::Status s = CheckRank("w", w, 2); !s.ok()) return s;
  if (x.back() != w[1]) {
    return Invalid("x ", Text(x), " ends in a dimension of ", x.back(), ", but w ", Text(w), " takes ", w[1]);
  }
  if (absl::Status s = CheckBias(operands, w[0]); !s.ok()) return s;
  Shape result = x;
  result.back() = w[0];
  return result;
}

absl::StatusOr<Shape> Infer(const MatMulAttrs&, const Operands& operands, const Shape*) {
  const Shape &a = operands[0]->shape, &b = operands[1]->shape;
  if (a.size() < 2 || b.size() < 2) {
    return Invalid("a ", Text(a), " and b ", Text(b), " must each have a rank of at least 2");
  }
  const int64_t k = b[b.size() - 2];
  if (a.back() != k) return Invalid("a ", Text(a), " has ", a.back(), " columns, but b ", Text(b), " has ", k, " rows");
  auto result = BroadcastShapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!result.ok()) return Invalid("leading dimensions of a ", Text(a), " and b ", Text(b), " do not broadcast");
  result->push_back(a[a.size() - 2]);
  result->push_back(b.back());
  return result;
}

absl::StatusOr<Shape> InferPool(const Shape& x, const Windows& windows) {
  if (absl::Status s = CheckRank("x", x, 4); !s.ok()) return s;
  const auto size = WindowedSize({x[2], x[3]}, windows);
  if (!size.ok()) return size.status();
  return Shape{x[0], x[1], (*size)[0], (*size)[1]};
}

absl::StatusOr<Shape> Infer(const MaxPoolAttrs& attrs, const Operands& operands, const Shape*) {
  return InferPool(operands[0]->shape, {attrs.kernel, attrs.strides, attrs.dilations, attrs.pads, attrs.ceil, true});
}

absl::StatusOr<Shape> Infer(const AvgPoolAttrs& attrs, const Operands& operands, const Shape*) {
  // A window wholly in padding has a mean (0) only where padding counts.
  return InferPool(operands[0]->shape,
                   {attrs.kernel, attrs.strides, {1, 1}, attrs.pads, attrs.ceil, !attrs.count_include_pad});
}

// x without the axes, or with 1 in their place.
Shape Reduced(const Shape& x, const Ints& axes, bool keepdims) {
  Shape result;
  for (size_t d = 0; d < x.size(); ++d) {
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end()) {
      result.push_back(x[d]);
    } else if (keepdims) {
      result.push_back(1);
    }
  }
  return result;
}

absl::StatusOr<Shape> Infer(const ReduceAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape& x = operands[0]->shape;
  for (size_t i = 0; i < attrs.axes.size(); ++i) {
    if (absl::Status s = CheckAxis(attrs.axes[i], x); !s.ok()) return s;
    if (i > 0 && attrs.axes[i] <= attrs.axes[i - 1]) {
      return Invalid("axes must ascend, but ", attrs.axes[i], " follows ", attrs.axes[i - 1]);
    }
  }
  return Reduced(x, attrs.axes, attrs.keepdims);
}

absl::StatusOr<Shape> Infer(const BinaryAttrs&, const Operands& operands, const Shape*) {
  return BroadcastShapes(operands[0]->shape, operands[1]->shape);
}

absl::StatusOr<Shape> Infer(const CompareAttrs&, const Operands& operands, const Shape*) {
  return BroadcastShapes(operands[0]->shape, operands[1]->shape);
}

absl::StatusOr<Shape> Infer(const SelectAttrs&, const Operands& operands, const Shape*) {
  const auto shape = BroadcastShapes(operands[1]->shape, operands[2]->shape);
  if (!shape.ok()) return shape;
  return BroadcastShapes(operands[0]->shape, *shape);
}

absl::StatusOr<Shape> Infer(const ExpandAttrs&, const Operands& operands, const Shape* declared) {
  if (!declared) return absl::InternalError("expand: the result's shape must be declared");
  const auto shape = BroadcastShapes(operands[0]->shape, *declared);
  if (shape.ok() && *shape == *declared) return *declared;
  return Invalid("x ", Text(operands[0]->shape), " does not broadcast to the result ", Text(*declared));
}

absl::StatusOr<Shape> Infer(const ScatterAttrs&, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &updates = operands[2]->shape;
  if (x.empty()) return Invalid("x is a scalar; scatter takes a rank of at least 1");
  Shape expected = operands[1]->shape;
  expected.insert(expected.end(), x.begin() + 1, x.end());
  if (updates == expected) return x;
  return Invalid("updates ", Text(updates), " must be ", Text(expected), ": the shape of the indices ",
                 Text(operands[1]->shape), " and a slice of x ", Text(x));
}

absl::StatusOr<Shape> Infer(const CumSumAttrs& attrs, const Operands& operands, const Shape*) {
  if (absl::Status s = CheckAxis(attrs.axis, operands[0]->shape); !s.ok()) return s;
  return operands[0]->shape;
}

absl::StatusOr<Shape> Infer(const TreesAttrs& attrs, const Operands& operands, const Shape*) {
  static const char* const names[] = {"x", "nodes", "thresholds", "roots", "leaves", "targets", "weights"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (absl::Status s = CheckRank(names[i], operands[i]->shape, i < 2 ? 2 : 1); !s.ok()) return s;
  }
  if (operands[1]->shape[1] != 3 || operands[2]->shape[0] != operands[1]->shape[0]) {
    return Invalid("nodes ", Text(operands[1]->shape), " must be [N, 3] for the thresholds ", Text(operands[2]->shape));
  }
  if (operands[5]->shape != operands[6]->shape) return Invalid("targets and weights must have the same shape");
  if (attrs.outputs < 1 || attrs.outputs > kMaxElements) return Invalid("outputs = ", attrs.outputs);
  return Shape{operands[0]->shape[0], attrs.outputs};
}

absl::StatusOr<Shape> Infer(const DistanceAttrs&, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &w = operands[1]->shape;
  if (x.size() != 2 || w.size() != 2 || x[1] != w[1]) {
    return Invalid("x ", Text(x), " and w ", Text(w), " must have rank 2 and rows of the same length");
  }
  return Shape{x[0], w[0]};
}

absl::StatusOr<Shape> Infer(const RecurrentAttrs& attrs, const Operands& operands, const Shape*) {
  const RecurrentPlaces places = PlacesOf(attrs);
  if (operands.size() != places.count) {
    return Invalid("has ", operands.size(), " operands; its attributes ask for ", places.count);
  }
  static const char* const names[] = {"x", "w", "r"};
  for (size_t i = 0; i < 3; ++i) {
    if (absl::Status s = CheckRank(names[i], operands[i]->shape, i == 0 ? 3 : 2); !s.ok()) return s;
  }
  const Shape& x = operands[0]->shape;
  const int64_t hidden = operands[2]->shape[1], gates = GatesOf(attrs.cell);
  if (hidden > kMaxElements / 8) return Invalid("r ", Text(operands[2]->shape), " has too many columns");
  const bool split = attrs.cell == CellKind::gru;  // r without the rows of h
  const int64_t states = HasCellState(attrs.cell) ? 2 : 1;
  std::vector<std::pair<size_t, Shape>> expected = {{1, {gates * hidden, x[2]}},
                                                    {2, {(split ? 2 : gates) * hidden, hidden}}};
  if (places.candidate) expected.push_back({*places.candidate, {hidden, hidden}});
  if (places.bias) expected.push_back({*places.bias, {(attrs.cell == CellKind::gru_after ? 4 : gates) * hidden}});
  if (places.peepholes) expected.push_back({*places.peepholes, {3 * hidden}});
  if (places.state) expected.push_back({*places.state, {states, x[1], hidden}});
  if (places.lengths) expected.push_back({*places.lengths, {x[1]}});
  for (const auto& [i, shape] : expected) {
    if (operands[i]->shape != shape) {
      return Invalid("operand ", i, " ", Text(operands[i]->shape), " must be ", Text(shape), " for x ", Text(x));
    }
  }
  if (!attrs.all && !attrs.last) return Invalid("neither all nor last: nothing is left of the result");
  return Shape{(attrs.all ? x[0] : 0) + (attrs.last ? states : 0), x[1], hidden};
}

constexpr int64_t kMaxCoupled = 256;  // classes: their square is what the kernel takes of the stack

absl::StatusOr<Shape> Infer(const CoupleAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape& x = operands[0]->shape;
  const int64_t n = attrs.classes;
  if (n < 2 || n > kMaxCoupled || x.size() != 2 || x[1] != n * (n - 1) / 2) {
    return Invalid("x ", Text(x), " must be N x the pairs of ", n, " classes, of which there may be 2 to ",
                   kMaxCoupled);
  }
  return Shape{x[0], n};
}

absl::StatusOr<Shape> Infer(const TopKAttrs& attrs, const Operands& operands, const Shape*) {
  Shape result = operands[0]->shape;
  if (absl::Status s = CheckAxis(attrs.axis, result); !s.ok()) return s;
  int64_t& n = result[static_cast<size_t>(attrs.axis)];
  if (attrs.k < 1 || attrs.k > n) return Invalid("k = ", attrs.k, " is outside [1, ", n, "], the elements of the axis");
  n = attrs.k;
  return result;
}

absl::Status CheckTable(const Operands& operands) {
  if (operands.size() < 2 || operands[1]->shape == Shape{256}) return absl::OkStatus();
  return Invalid("table ", Text(operands[1]->shape), " must be [256]");
}

absl::StatusOr<Shape> Infer(const SoftmaxAttrs& attrs, const Operands& operands, const Shape*) {
  if (absl::Status s = CheckAxis(attrs.axis, operands[0]->shape); !s.ok()) return s;
  if (absl::Status s = CheckTable(operands); !s.ok()) return s;
  return operands[0]->shape;
}

absl::StatusOr<Shape> Infer(const LutAttrs&, const Operands& operands, const Shape*) {
  if (absl::Status s = CheckTable(operands); !s.ok()) return s;
  return operands[0]->shape;
}

absl::StatusOr<Shape> Infer(const ReshapeAttrs&, const Operands& operands, const Shape* declared) {
  if (!declared) return absl::InternalError("reshape: the result's shape must be declared");
  const Shape& x = operands[0]->shape;
  if (Elements(x) != Elements(*declared)) {
    return Invalid("x ", Text(x), " has ", Elements(x), " elements, but the result ", Text(*declared), " has ",
                   Elements(*declared));
  }
  return *declared;
}

absl::StatusOr<Shape> Infer(const TransposeAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape& x = operands[0]->shape;
  if (attrs.perm.size() != x.size()) {
    return Invalid("perm has ", attrs.perm.size(), " entries for the ", x.size(), " dimensions of x ", Text(x));
  }
  std::vector<bool> seen(x.size(), false);
  Shape result;
  for (int64_t axis : attrs.perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(x.size()) || seen[static_cast<size_t>(axis)]) {
      return Invalid("perm is not a permutation of 0 to ", static_cast<int64_t>(x.size()) - 1, ": ", axis,
                     " is repeated or out of range");
    }
    seen[static_cast<size_t>(axis)] = true;
    result.push_back(x[static_cast<size_t>(axis)]);
  }
  return result;
}

absl::StatusOr<Shape> Infer(const ConcatAttrs& attrs, const Operands& operands, const Shape*) {
  Shape result = operands[0]->shape;
  if (absl::Status s = CheckAxis(attrs.axis, result); !s.ok()) return s;
  const size_t axis = static_cast<size_t>(attrs.axis);
  for (size_t i = 1; i < operands.size(); ++i) {
    Shape other = operands[i]->shape;
    if (other.size() == result.size()) other[axis] = result[axis];
    if (other != result) {
      return Invalid("operand ", i, " ", Text(operands[i]->shape), " and operand 0 ", Text(operands[0]->shape),
                     " may differ in dimension ", attrs.axis, " only");
    }
    // Each summand and each sum is at most kMaxElements.
    result[axis] += operands[i]->shape[axis];
    if (result[axis] > kMaxElements) return Invalid("the result has more than ", kMaxElements, " elements");
  }
  return result;
}

absl::StatusOr<Shape> Infer(const SliceAttrs& attrs, const Operands& operands, const Shape* declared) {
  if (!declared) return absl::InternalError("slice: the result's shape must be declared");
  const Shape& x = operands[0]->shape;
  if (declared->size() != x.size()) {
    return Invalid("the result ", Text(*declared), " and x ", Text(x), " must have the same rank");
  }
  if (attrs.starts.size() != x.size() || (!attrs.steps.empty() && attrs.steps.size() != x.size())) {
    return Invalid("starts has ", attrs.starts.size(), " and steps ", attrs.steps.size(), " entries for the ", x.size(),
                   " dimensions of x ", Text(x));
  }
  for (size_t d = 0; d < x.size(); ++d) {
    const int64_t start = attrs.starts[d], step = attrs.steps.empty() ? 1 : attrs.steps[d];
    if (step == 0 || step > kMaxElements || step < -kMaxElements) {
      return Invalid("steps holds ", step, " for dimension ", d, "; it must not be 0 nor beyond ", kMaxElements);
    }
    if (start < 0 || start >= x[d]) {
      return Invalid("starts holds ", start, " for dimension ", d, ", outside [0, ", x[d], ")");
    }
    const int64_t last = start + ((*declared)[d] - 1) * step;
    if (last < 0 || last >= x[d]) {
      return Invalid("dimension ", d, " of the result ", Text(*declared), " reads element ", last, " of x ", Text(x),
                     " (start ", start, ", step ", step, ")");
    }
  }
  return *declared;
}

absl::StatusOr<Shape> Infer(const PadAttrs& attrs, const Operands& operands, const Shape*) {
  Shape result = operands[0]->shape;
  const size_t rank = result.size();
  if (attrs.before.size() != rank || attrs.after.size() != rank) {
    return Invalid("before has ", attrs.before.size(), " and after ", attrs.after.size(), " entries for the ", rank,
                   " dimensions of x ", Text(result));
  }
  for (size_t d = 0; d < rank; ++d) {
    for (int64_t n : {attrs.before[d], attrs.after[d]}) {
      if (n < 0 || n > kMaxElements) {
        return Invalid("dimension ", d, " is padded by ", n, "; it must be within [0, ", kMaxElements, "]");
      }
      if (attrs.mode == PadMode::reflect && n >= operands[0]->shape[d]) {
        return Invalid("dimension ", d, " of x ", Text(operands[0]->shape), " is padded by ", n,
                       "; reflect takes at most ", operands[0]->shape[d] - 1);
      }
      result[d] += n;
    }
  }
  return result;
}

absl::StatusOr<Shape> Infer(const GatherAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape &x = operands[0]->shape, &indices = operands[1]->shape;
  if (absl::Status s = CheckAxis(attrs.axis, x); !s.ok()) return s;
  Shape result(x.begin(), x.begin() + attrs.axis);
  result.insert(result.end(), indices.begin(), indices.end());
  result.insert(result.end(), x.begin() + attrs.axis + 1, x.end());
  return result;
}

absl::StatusOr<Shape> Infer(const ArgReduceAttrs& attrs, const Operands& operands, const Shape*) {
  const Shape& x = operands[0]->shape;
  if (absl::Status s = CheckAxis(attrs.axis, x); !s.ok()) return s;
  return Reduced(x, {attrs.axis}, attrs.keepdims);
}

absl::StatusOr<Shape> Infer(const ResizeAttrs& attrs, const Operands& operands, const Shape* declared) {
  if (!declared) return absl::InternalError("resize: the result's shape must be declared");
  const Shape& x = operands[0]->shape;
  if (absl::Status s = CheckRank("x", x, 4); !s.ok()) return s;
  if (absl::Status s = CheckRank("the result", *declared, 4); !s.ok()) return s;
  if ((*declared)[0] != x[0] || (*declared)[1] != x[1]) {
    return Invalid("the result ", Text(*declared), " and x ", Text(x), " must agree in their first two dimensions");
  }
  if (!attrs.scales.empty() && attrs.scales.size() != 4) {
    return Invalid("scales has ", attrs.scales.size(), " entries; it must have 4 or none");
  }
  for (size_t d = 0; d < attrs.scales.size(); ++d) {
    const float scale = attrs.scales[d];
    if (!std::isfinite(scale) || scale <= 0 || (d < 2 && scale != 1)) {
      return Invalid("scales holds ", FloatText(scale), " for dimension ", d, "; it must be ",
                     d < 2 ? "1" : "finite and over 0");
    }
  }
  return *declared;
}

// The elementwise rest: the shape of the operand.
template <typename T>
absl::StatusOr<Shape> Infer(const T&, const Operands& operands, const Shape*) {
  return operands[0]->shape;
}

absl::StatusOr<Shape> Infer(const std::monostate&, const Operands&, const Shape*) {
  return absl::InternalError("attributes of no operation");
}

// "takes 2 or 3 operands (x w b?), not 1"
absl::Status CheckArity(const OpInfo& info, size_t given) {
  const int n = static_cast<int>(std::min<size_t>(given, 1 << 20));
  if (n >= info.min_operands && (info.max_operands < 0 || n <= info.max_operands)) return absl::OkStatus();
  std::string takes = absl::StrCat(info.min_operands);
  if (info.max_operands < 0) absl::StrAppend(&takes, " or more");
  if (info.max_operands > info.min_operands) absl::StrAppend(&takes, " to ", info.max_operands);
  std::string names;
  for (const std::string& name : info.operands) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  return Invalid(info.name, " takes ", takes, info.max_operands == 1 ? " operand (" : " operands (", names, "), not ",
                 n);
}

}  // namespace

absl::StatusOr<Shape> InferShape(const Attributes& attrs, const std::vector<const Type*>& operands,
                                 const Shape* declared) {
  if (std::holds_alternative<std::monostate>(attrs)) return absl::InternalError("attributes of no operation");
  const OpInfo& info = InfoOf(OpOf(attrs));
  if (absl::Status s = CheckArity(info, operands.size()); !s.ok()) return s;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i]) return Invalid("operand ", i, " of ", info.name, " is absent");
    if (auto n = CheckedElements(operands[i]->shape); !n.ok()) return n.status();
  }
  if (declared) {
    if (auto n = CheckedElements(*declared); !n.ok()) return n.status();
  }
  auto shape = std::visit([&](const auto& a) { return Infer(a, operands, declared); }, attrs);
  if (!shape.ok()) return shape;
  if (auto n = CheckedElements(*shape); !n.ok()) return n.status();
  return shape;
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  const size_t offset = longer.size() - shorter.size();
  Shape result = longer;
  for (size_t d = 0; d < shorter.size(); ++d) {
    int64_t& dim = result[offset + d];
    if (dim == shorter[d] || shorter[d] == 1) continue;
    if (dim != 1) return Invalid(Text(a), " and ", Text(b), " do not broadcast: ", dim, " against ", shorter[d]);
    dim = shorter[d];
  }
  return result;
}

int64_t WindowCount(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_before,
                    int64_t pad_after, bool ceil) {
  const int64_t room = size + pad_before + pad_after - ((kernel - 1) * dilation + 1);
  if (room < 0 || stride < 1) return 0;
  if (!ceil) return room / stride + 1;
  const int64_t count = (room + stride - 1) / stride + 1;
  return (count - 1) * stride >= size + pad_before ? count - 1 : count;
}

// Coordinates are computed in float, in this order of operations, as ONNX Runtime does.
ResizeAxis ResizeAxisOf(const ResizeAttrs& attrs, int64_t in, int64_t out, float scale) {
  ResizeAxis axis;
  const float last = static_cast<float>(in - 1);
  for (int64_t i = 0; i < out; ++i) {
    const float position = static_cast<float>(i);
    float x = 0;
    switch (attrs.transform) {
      case ResizeTransform::half_pixel:
        x = (position + 0.5f) / scale - 0.5f;
        break;
      case ResizeTransform::pytorch_half_pixel:
        x = out > 1 ? (position + 0.5f) / scale - 0.5f : 0.0f;
        break;
      case ResizeTransform::asymmetric:
        x = position / scale;
        break;
      case ResizeTransform::align_corners:
        x = out > 1 ? position * last / static_cast<float>(out - 1) : 0.0f;
        break;
    }
    // Clamped before rounding: beyond the border every rounding ends at the border anyway.
    x = std::min(std::max(x, 0.0f), last);
    const float below = std::floor(x);
    int64_t lo = std::min(static_cast<int64_t>(below), in - 1);  // `last` may have been rounded up
    int64_t hi = std::min(lo + 1, in - 1);
    float fraction = hi == lo ? 0.0f : x - below;
    if (attrs.mode == ResizeMode::nearest) {
      const bool up = attrs.round == ResizeRound::floor               ? false
                      : attrs.round == ResizeRound::ceil              ? x > below
                      : attrs.round == ResizeRound::round_prefer_ceil ? x - below >= 0.5f
                                                                      : x - below > 0.5f;
      if (up) lo = hi;
      hi = lo;
      fraction = 0;
    }
    axis.lo.push_back(lo);
    axis.hi.push_back(hi);
    axis.fraction.push_back(fraction);
  }
  return axis;
}

}  // namespace mcuc
