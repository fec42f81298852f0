// Operators that take parts of a tensor or put elements around it: Slice, Split, Pad.
#include <algorithm>
#include <numeric>

#include "Compose.h"

namespace mcuc::importer {

namespace {

// The part of one dimension: element i of the result is element start + i * step.
struct Range {
  int64_t start = 0, step = 1, count = 0;
};

// numpy's rule: negative bounds count from the end, then both are clamped.
Range RangeOf(int64_t size, int64_t start, int64_t end, int64_t step) {
  step = std::clamp(step, -kMaxElements, kMaxElements);
  const auto resolve = [&](int64_t bound, int64_t lo, int64_t hi) {
    return std::clamp(bound < 0 ? bound + size : bound, lo, hi);
  };
  Range range{.step = step};
  if (size == 0) return range;
  if (step > 0) {
    range.start = resolve(start, 0, size);
    const int64_t stop = resolve(end, 0, size);
    range.count = stop > range.start ? (stop - range.start + step - 1) / step : 0;
  } else {
    range.start = resolve(start, 0, size - 1);
    const int64_t stop = resolve(end, -1, size - 1);
    range.count = range.start > stop ? (range.start - stop - step - 1) / -step : 0;
  }
  return range;
}

// x over the ranges, one a dimension. Empty results can only be constants.
absl::StatusOr<Symbol*> Take(Lowering& l, Symbol* x, const std::vector<Range>& ranges) {
  SliceAttrs attrs;
  Shape shape;
  bool whole = true, steps = false;
  for (size_t d = 0; d < ranges.size(); ++d) {
    attrs.starts.push_back(ranges[d].start);
    attrs.steps.push_back(ranges[d].step);
    shape.push_back(ranges[d].count);
    steps |= ranges[d].step != 1;
    whole &= ranges[d].count == x->shape()[d] && ranges[d].start == 0;
  }
  if (Elements(shape) == 0) {
    if (x->is_constant()) return l.Empty(x->type.element, shape);
    return Unsupported("the result [", ShapeText(shape), "] of the input [", ShapeText(x->shape()),
                       "] has no elements; empty tensors are supported in shape arithmetic only");
  }
  if (whole) return x;
  if (!steps) attrs.steps.clear();
  return l.AddShaped(attrs, {x}, shape);
}

std::vector<Range> WholeOf(const Shape& shape) {
  std::vector<Range> ranges;
  for (int64_t size : shape) ranges.push_back({0, 1, size});
  return ranges;
}

absl::Status Slice(Lowering& l, const Ints& starts, const Ints& ends, std::optional<Ints> axes, Ints steps) {
  const Shape& x = l.shape(0);
  if (!axes) {
    axes = Ints(starts.size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes->size() != starts.size() || steps.size() != starts.size()) {
    return Unsupported("starts, ends, axes and steps have ", starts.size(), ", ", ends.size(), ", ", axes->size(),
                       " and ", steps.size(), " entries; they must have equally many");
  }
  MCUC_RETURN_IF_ERROR(NormalizeAxes(*axes, l.input(0)->rank()).status());
  std::vector<Range> ranges = WholeOf(x);
  for (size_t i = 0; i < axes->size(); ++i) {
    const size_t d = static_cast<size_t>(*NormalizeAxis((*axes)[i], l.input(0)->rank()));
    if (steps[i] == 0) return Unsupported("the step of axis ", d, " is 0");
    ranges[d] = RangeOf(x[d], starts[i], ends[i], steps[i]);
  }
  return l.Return(Take(l, l.input(0), ranges));
}

absl::Status LowerSliceAttributes(Lowering& l) {
  if (!l.Has("starts") || !l.Has("ends")) return Unsupported("starts or ends is missing");
  return Slice(l, l.IntList("starts"), l.IntList("ends"),
               l.Has("axes") ? std::optional<Ints>(l.IntList("axes")) : std::nullopt, {});
}

absl::Status LowerSliceInputs(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Ints starts, l.ConstantInts(1, "starts"));
  MCUC_ASSIGN_OR_RETURN(const Ints ends, l.ConstantInts(2, "ends"));
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> axes, l.AxesOf("axes", 10, 3));
  Ints steps;
  if (l.input(4)) {
    MCUC_ASSIGN_OR_RETURN(steps, l.ConstantInts(4, "steps"));
  }
  return Slice(l, starts, ends, axes, steps);
}

// Parts by attribute (before opset 13) or input; else equal parts, since opset 18 with a smaller last one.
absl::Status LowerSplit(Lowering& l) {
  const Shape& x = l.shape(0);
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 0), l.input(0)->rank()));
  const size_t d = static_cast<size_t>(axis);
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("split", 13, 1));
  const int64_t n = static_cast<int64_t>(l.outputs().size());
  Ints parts;
  if (given) {
    parts = *given;
    if (l.Has("num_outputs")) return Unsupported("split and num_outputs exclude each other");
  } else {
    if (l.Int("num_outputs", n) != n) {
      return Unsupported("num_outputs = ", l.Int("num_outputs", n), ", but the node has ", n, " outputs");
    }
    const int64_t part = (x[d] + n - 1) / n;
    if (x[d] % n != 0 && l.opset() < 18) {
      return Unsupported("dimension ", d, " of the input [", ShapeText(x), "] does not split into ", n, " equal parts");
    }
    for (int64_t i = 0; i < n; ++i) parts.push_back(std::clamp<int64_t>(x[d] - i * part, 0, part));
  }
  int64_t sum = 0;
  for (int64_t part : parts) {
    if (part < 0 || part > x[d] - sum) {
      return Unsupported("split [", ShapeText(parts), "] does not divide dimension ", d, " of the input [",
                         ShapeText(x), "]");
    }
    sum += part;
  }
  if (static_cast<int64_t>(parts.size()) != n || sum != x[d]) {
    return Unsupported("split [", ShapeText(parts), "] does not divide dimension ", d, " of the input [", ShapeText(x),
                       "] into ", n, " outputs");
  }
  std::vector<Range> ranges = WholeOf(x);
  for (size_t i = 0; i < parts.size(); ++i) {
    ranges[d].count = parts[i];
    if (l.output_used(i)) {
      MCUC_ASSIGN_OR_RETURN(Symbol * part, Take(l, l.input(0), ranges));
      MCUC_RETURN_IF_ERROR(l.Return(part, i));
    }
    ranges[d].start += parts[i];
  }
  return absl::OkStatus();
}

// Negative pads cut off elements first.
absl::Status Pad(Lowering& l, const Ints& pads, const Ints& axes, double value) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const Shape& x = l.shape(0);
  PadAttrs attrs;
  attrs.value = value;
  const std::string mode = l.String("mode", "constant");
  if (!ParseEnum(mode, &attrs.mode)) {
    return Unsupported("mode = \"", mode, "\"; supported: constant, reflect, edge");
  }
  if (pads.size() != 2 * axes.size()) {
    return Unsupported("pads has ", pads.size(), " entries; it must have ", 2 * axes.size());
  }
  attrs.before.assign(x.size(), 0);
  attrs.after.assign(x.size(), 0);
  std::vector<Range> ranges = WholeOf(x);
  bool grows = false;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t d = static_cast<size_t>(axes[i]);
    const int64_t before = pads[i], after = pads[axes.size() + i];
    for (int64_t pad : {before, after}) {
      if (pad < -kMaxElements || pad > kMaxElements) return Unsupported("pads holds ", pad, "; that is too large");
    }
    ranges[d].start = std::max<int64_t>(-before, 0);
    ranges[d].count = x[d] - ranges[d].start - std::max<int64_t>(-after, 0);
    if (ranges[d].count < 1) {
      return Unsupported("pads ", before, " and ", after, " cut off the whole dimension ", d, " of the input [",
                         ShapeText(x), "]");
    }
    attrs.before[d] = std::max<int64_t>(before, 0);
    attrs.after[d] = std::max<int64_t>(after, 0);
    grows |= before > 0 || after > 0;
  }
  MCUC_ASSIGN_OR_RETURN(Symbol * part, Take(l, l.input(0), ranges));
  if (!grows) return l.Return(part);
  if (const auto& quant = part->type.quant) {  // the model's value is an integer, the operation's a real number
    const double q = part->shifted ? value - 128 : value;
    attrs.value = static_cast<double>(quant->scale()) * (q - quant->zero_point());
  }
  return l.Return(l.Add(attrs, {part}));
}

absl::Status LowerPadAttributes(Lowering& l) {
  if (!l.Has("pads")) return Unsupported("pads is missing");
  Ints axes(l.shape(0).size());
  std::iota(axes.begin(), axes.end(), 0);
  return Pad(l, l.IntList("pads"), axes, static_cast<double>(l.Float("value", 0.0f)));
}

absl::Status LowerPadInputs(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Ints pads, l.ConstantInts(1, "pads"));
  double value = 0;
  const bool computed = l.input(2) && !l.input(2)->is_constant() && l.String("mode", "constant") == "constant";
  if (!computed && l.input(2) && Elements(l.shape(2)) > 0) {
    MCUC_ASSIGN_OR_RETURN(const std::vector<double> values, l.ConstantReals(2, "constant_value"));
    if (values.size() != 1) return Unsupported("constant_value has ", values.size(), " elements; it must be a scalar");
    value = values[0];
  }
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("axes", 18, 3));
  const int64_t rank = l.input(0)->rank();
  Ints axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  if (given) {
    MCUC_RETURN_IF_ERROR(NormalizeAxes(*given, rank).status());  // each once
    axes.clear();
    for (int64_t axis : *given) axes.push_back(axis < 0 ? axis + rank : axis);
  }
  if (!computed) return Pad(l, pads, axes, value);
  // Padded with 0, and the value wherever a tensor of ones is padded with zeros.
  if (Elements(l.shape(2)) != 1) return Unsupported("constant_value must be a scalar");
  MCUC_RETURN_IF_ERROR(Pad(l, pads, axes, 0));
  Symbol* padded = l.outputs()[0];
  Compose c(l);
  Tensor ones(Type{ElementType::b8, l.shape(0)});
  for (int64_t i = 0; i < ones.elements(); ++i) ones.SetInt(i, 1);
  MCUC_RETURN_IF_ERROR(l.Reserve(ones.type()));
  Symbol* x = l.Constant(std::move(ones));
  Lowering mask = l.With({x});
  MCUC_RETURN_IF_ERROR(Pad(mask, pads, axes, 0));
  return c.Return(c.Select(mask.outputs()[0], padded, c.Reshape(l.input(2), {})));
}

const Operator kOperators[] = {
    {"Slice", 1, 9, 1, 1, 1, "axes:I ends:I starts:I", LowerSliceAttributes},
    {"Slice", 10, kMaxOpset, 3, 5, 1, "", LowerSliceInputs},
    {"Split", 2, 12, 1, 1, kAny, "axis:i split:I", LowerSplit},
    {"Split", 13, 17, 1, 2, kAny, "axis:i", LowerSplit},
    {"Split", 18, kMaxOpset, 1, 2, kAny, "axis:i num_outputs:i", LowerSplit},
    {"Pad", 7, 10, 1, 1, 1, "mode:s pads:I value:f", LowerPadAttributes},
    {"Pad", 11, 17, 2, 3, 1, "mode:s", LowerPadInputs},
    {"Pad", 18, kMaxOpset, 2, 4, 1, "mode:s", LowerPadInputs},
};

}  // namespace

std::span<const Operator> SliceOperators() { return kOperators; }

}  // namespace mcuc::importer
