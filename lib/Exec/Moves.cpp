// Operations that move elements without looking at them (N19): any element type, quantized ones as their integers.
#include <cstring>
#include <numeric>

#include "Kernel.h"
#include "mcuc/Exec/Numerics.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::exec {

namespace {

// For each index along a dimension of the result, what it adds to the index of its element in x; -1: an element that is
// not in x. Every move below is one table a dimension.
using Maps = std::vector<std::vector<int64_t>>;

template <size_t kBytes>
void CopyByMaps(const Shape& shape, const Maps& maps, const std::byte* x, const std::byte* fill, std::byte* y) {
  const int64_t row = shape.empty() ? 1 : shape.back();
  const int64_t rows = Elements(shape) / row;
  std::vector<size_t> at(shape.size(), 0);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t base = 0;
    bool inside = true;
    for (size_t d = 0; d + 1 < shape.size(); ++d) {
      inside &= maps[d][at[d]] >= 0;
      base += maps[d][at[d]];
    }
    for (int64_t i = 0; i < row; ++i) {
      const int64_t last = shape.empty() ? 0 : maps.back()[static_cast<size_t>(i)];
      std::memcpy(y, inside && last >= 0 ? x + static_cast<size_t>(base + last) * kBytes : fill, kBytes);
      y += kBytes;
    }
    for (size_t d = shape.size(); d-- > 1;) {
      if (++at[d - 1] < static_cast<size_t>(shape[d - 1])) break;
      at[d - 1] = 0;
    }
  }
}

void CopyByMaps(const Maps& maps, const Tensor& x, const std::byte* fill, Tensor& y) {
  const std::byte* from = x.bytes().data();
  std::byte* to = y.bytes().data();
  switch (ElementTypeBytes(x.type().element)) {
    case 1:
      return CopyByMaps<1>(y.shape(), maps, from, fill, to);
    case 2:
      return CopyByMaps<2>(y.shape(), maps, from, fill, to);
    case 4:
      return CopyByMaps<4>(y.shape(), maps, from, fill, to);
    default:
      return CopyByMaps<8>(y.shape(), maps, from, fill, to);
  }
}

// Where element i - before of a dimension comes from, for i in the padded dimension; -1: the constant.
int64_t PadSource(PadMode mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case PadMode::constant:
      return -1;
    case PadMode::edge:
      return i < 0 ? 0 : size - 1;
    case PadMode::reflect:  // around the border element, which is not repeated
      return i < 0 ? -i : 2 * (size - 1) - i;
  }
  return -1;
}

}  // namespace

absl::Status Copy(const Node&, const Operands& operands, Tensor& y) {
  std::memcpy(y.bytes().data(), operands[0]->bytes().data(), y.bytes().size());
  return absl::OkStatus();
}

absl::Status Transpose(const Node& node, const Operands& operands, Tensor& y) {
  const Ints& perm = node.As<TransposeAttrs>().perm;
  const std::vector<int64_t> strides = Strides(operands[0]->shape());
  Maps maps(perm.size());
  for (size_t d = 0; d < perm.size(); ++d) {
    for (int64_t i = 0; i < y.shape()[d]; ++i) maps[d].push_back(i * strides[static_cast<size_t>(perm[d])]);
  }
  CopyByMaps(maps, *operands[0], nullptr, y);
  return absl::OkStatus();
}

absl::Status Slice(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<SliceAttrs>();
  const std::vector<int64_t> strides = Strides(operands[0]->shape());
  Maps maps(strides.size());
  for (size_t d = 0; d < maps.size(); ++d) {
    const int64_t step = attrs.steps.empty() ? 1 : attrs.steps[d];
    for (int64_t i = 0; i < y.shape()[d]; ++i) maps[d].push_back((attrs.starts[d] + i * step) * strides[d]);
  }
  CopyByMaps(maps, *operands[0], nullptr, y);
  return absl::OkStatus();
}

absl::Status Pad(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<PadAttrs>();
  const Shape& xs = operands[0]->shape();
  const std::vector<int64_t> strides = Strides(xs);
  Maps maps(strides.size());
  for (size_t d = 0; d < maps.size(); ++d) {
    for (int64_t i = 0; i < y.shape()[d]; ++i) {
      const int64_t source = PadSource(attrs.mode, i - attrs.before[d], xs[d]);
      maps[d].push_back(source < 0 ? -1 : source * strides[d]);
    }
  }
  // The constant, converted as a cast or by N17.
  const Type& type = node.result()->type();
  if (type.quant && !type.quant->per_tensor()) {
    return absl::InvalidArgumentError("pad of a tensor with several scales");
  }
  Tensor value(Type{ElementType::f64, {}});
  value.Set(0, attrs.value);
  const Tensor fill = ConvertTensor(value, Type{type.element, {}, type.quant});
  CopyByMaps(maps, *operands[0], fill.bytes().data(), y);
  return absl::OkStatus();
}

float ResizeScale(const ResizeAttrs& attrs, const Shape& x, const Shape& y, size_t axis) {
  if (!attrs.scales.empty()) return attrs.scales[axis];
  return static_cast<float>(y[axis]) / static_cast<float>(x[axis]);
}

void ResizeNearest(const ResizeAttrs& attrs, const Tensor& x, Tensor& y) {
  const std::vector<int64_t> strides = Strides(x.shape());
  Maps maps(strides.size());
  for (size_t d = 0; d < maps.size(); ++d) {
    if (d < 2) {
      for (int64_t i = 0; i < y.shape()[d]; ++i) maps[d].push_back(i * strides[d]);
    } else {
      const float scale = ResizeScale(attrs, x.shape(), y.shape(), d);
      for (int64_t i : ResizeAxisOf(attrs, x.shape()[d], y.shape()[d], scale).lo) maps[d].push_back(i * strides[d]);
    }
  }
  CopyByMaps(maps, x, nullptr, y);
}

absl::Status Expand(const Node&, const Operands& operands, Tensor& y) {
  const Shape& xs = operands[0]->shape();
  const std::vector<int64_t> strides = Strides(xs);
  const size_t missing = y.shape().size() - xs.size();
  Maps maps(y.shape().size());
  for (size_t d = 0; d < maps.size(); ++d) {
    const bool repeats = d < missing || xs[d - missing] == 1;
    for (int64_t i = 0; i < y.shape()[d]; ++i) maps[d].push_back(repeats ? 0 : i * strides[d - missing]);
  }
  CopyByMaps(maps, *operands[0], nullptr, y);
  return absl::OkStatus();
}

absl::Status Concat(const Node& node, const Operands& operands, Tensor& y) {
  const int64_t axis = node.As<ConcatAttrs>().axis;
  const AxisView view(y.shape(), axis);
  const int64_t bytes = view.inner * ElementTypeBytes(y.type().element);
  std::byte* to = y.bytes().data();
  for (int64_t o = 0; o < view.outer; ++o) {
    for (const Tensor* x : operands) {
      const auto block = static_cast<size_t>(x->shape()[static_cast<size_t>(axis)] * bytes);
      std::memcpy(to, x->bytes().data() + static_cast<size_t>(o) * block, block);
      to += block;
    }
  }
  return absl::OkStatus();
}

absl::Status Gather(const Node& node, const Operands& operands, Tensor& y) {
  const Tensor& indices = *operands[1];
  if (!IsInteger(indices.type().element)) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices are ", ElementTypeName(indices.type().element), "; they must be integers"));
  }
  const AxisView view(operands[0]->shape(), node.As<GatherAttrs>().axis);
  const auto block = static_cast<size_t>(view.inner * ElementTypeBytes(y.type().element));
  std::byte* to = y.bytes().data();
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t i = 0; i < indices.elements(); ++i) {
      const int64_t index = indices.AsInt(i);
      if (index < -view.n || index >= view.n) {
        return absl::InvalidArgumentError(absl::StrCat("index ", index, " (element ", i, " of indices) is outside [-",
                                                       view.n, ", ", view.n, "), the range of the axis"));
      }
      const int64_t from = o * view.n + (index < 0 ? index + view.n : index);
      std::memcpy(to, operands[0]->bytes().data() + static_cast<size_t>(from) * block, block);
      to += block;
    }
  }
  return absl::OkStatus();
}

}  // namespace mcuc::exec
