// Operators that keep the elements and change the shape or the order: reshapes, Transpose, Concat, Gather.
#include <algorithm>
#include <numeric>

#include "Lowering.h"

namespace mcuc::importer {

namespace {

absl::Status ReturnReshaped(Lowering& l, Shape shape) { return l.Return(l.Reshape(l.input(0), std::move(shape))); }

absl::Status LowerReshape(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const Ints wanted, l.ConstantInts(1, "shape"));
  const bool allow_zero = l.Int("allowzero", 0) != 0;
  const Shape& x = l.shape(0);
  Shape shape;
  std::optional<size_t> open;
  int64_t known = 1;
  for (size_t d = 0; d < wanted.size(); ++d) {
    int64_t dim = wanted[d];
    if (dim == 0 && !allow_zero) {
      if (d >= x.size()) {
        return Unsupported("shape [", ShapeText(wanted), "] copies dimension ", d, ", which the input [", ShapeText(x),
                           "] does not have");
      }
      dim = x[d];
    }
    if (dim < -1 || dim > kMaxElements || (dim == -1 && open)) {
      return Unsupported("shape [", ShapeText(wanted), "] is no shape");
    }
    if (dim == -1) {
      open = d;
    } else {
      known *= dim;
      if (known > kMaxElements) return Unsupported("shape [", ShapeText(wanted), "] is too large");
    }
    shape.push_back(dim);
  }
  const int64_t elements = Elements(x);
  if (open) {
    if (known == 0 || elements % known != 0) {
      return Unsupported("the input [", ShapeText(x), "] does not fit the shape [", ShapeText(wanted), "]");
    }
    shape[*open] = elements / known;
  } else if (known != elements) {
    return Unsupported("the input [", ShapeText(x), "] has ", elements, " elements, but the shape [", ShapeText(wanted),
                       "] has ", known);
  }
  return ReturnReshaped(l, std::move(shape));
}

absl::Status LowerFlatten(Lowering& l) {
  const Shape& x = l.shape(0);
  const int64_t rank = l.input(0)->rank();
  int64_t axis = l.Int("axis", 1);
  if (axis < -rank || axis > rank) {
    return Unsupported("axis ", axis, " is outside [", -rank, ", ", rank, "] for rank ", rank);
  }
  if (axis < 0) axis += rank;
  return ReturnReshaped(l, {Elements(Shape(x.begin(), x.begin() + axis)), Elements(Shape(x.begin() + axis, x.end()))});
}

absl::Status LowerSqueeze(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("axes", 13, 1));
  const Shape& x = l.shape(0);
  Ints axes;
  if (given) {
    MCUC_ASSIGN_OR_RETURN(axes, NormalizeAxes(*given, l.input(0)->rank()));
  }
  Shape shape;
  for (size_t d = 0; d < x.size(); ++d) {
    const bool listed = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (listed && x[d] != 1) {
      return Unsupported("dimension ", d, " of the input [", ShapeText(x), "] is ", x[d], "; only 1 can be squeezed");
    }
    if (!listed && (given || x[d] != 1)) shape.push_back(x[d]);
  }
  return ReturnReshaped(l, std::move(shape));
}

absl::Status LowerUnsqueeze(Lowering& l) {
  MCUC_ASSIGN_OR_RETURN(const std::optional<Ints> given, l.AxesOf("axes", 13, 1));
  if (!given) return Unsupported("axes is missing");
  if (given->size() > 32) return Unsupported("axes has ", given->size(), " entries; at most 32 are supported");
  const Shape& x = l.shape(0);
  const size_t rank = x.size() + given->size();
  MCUC_ASSIGN_OR_RETURN(const Ints axes, NormalizeAxes(*given, static_cast<int64_t>(rank)));
  Shape shape;
  auto next = x.begin();
  for (size_t d = 0; d < rank; ++d) {
    const bool listed = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    shape.push_back(listed ? 1 : *next++);
  }
  return ReturnReshaped(l, std::move(shape));
}

absl::Status LowerTranspose(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  const size_t rank = l.shape(0).size();
  Ints perm = l.IntList("perm");
  if (!l.Has("perm")) {
    perm.resize(rank);
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  Ints identity(rank);
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity) {
    return Unsupported("perm [", ShapeText(perm), "] is no permutation of the ", rank, " dimensions of the input");
  }
  return l.Return(l.Transpose(l.input(0), std::move(perm)));
}

// Empty constants, which shape arithmetic produces, drop out.
absl::Status LowerConcat(Lowering& l) {
  std::vector<Symbol*> operands;
  for (size_t i = 0; i < l.inputs(); ++i) {
    if (Elements(l.shape(i)) > 0) operands.push_back(l.input(i));
  }
  if (operands.empty()) return l.Return(l.input(0));
  if (!l.Has("axis")) return Unsupported("axis is missing");
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 0), operands[0]->rank()));
  if (operands.size() == 1) return l.Return(operands[0]);
  return l.Return(l.Add(ConcatAttrs{.axis = axis}, operands));
}

absl::Status LowerGather(Lowering& l) {
  Symbol *x = l.input(0), *indices = l.input(1);
  MCUC_ASSIGN_OR_RETURN(const int64_t axis, NormalizeAxis(l.Int("axis", 0), x->rank()));
  if (!IsInteger(indices->type.element)) {
    return Unsupported("indices have element type ", ElementTypeName(indices->type.element), "; they must be integers");
  }
  const int64_t size = l.shape(0)[static_cast<size_t>(axis)];
  if (indices->is_constant()) {
    for (int64_t i = 0; i < indices->constant->elements(); ++i) {
      const int64_t index = indices->constant->AsInt(i);
      if (index < -size || index >= size) {
        return Unsupported("index ", index, " is outside dimension ", axis, " of the input [", ShapeText(l.shape(0)),
                           "]");
      }
    }
    if (indices->constant->elements() == 0) {
      Shape shape = l.shape(0);
      shape.erase(shape.begin() + axis);
      shape.insert(shape.begin() + axis, indices->shape().begin(), indices->shape().end());
      return l.Return(l.Empty(x->type.element, std::move(shape)));
    }
  }
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  return l.Return(l.Add(GatherAttrs{.axis = axis}, {x, indices}));
}

const Operator kOperators[] = {
    {"Reshape", 5, kMaxOpset, 2, 2, 1, "allowzero:i", LowerReshape},
    {"Flatten", 1, kMaxOpset, 1, 1, 1, "axis:i", LowerFlatten},
    {"Squeeze", 1, 12, 1, 1, 1, "axes:I", LowerSqueeze},
    {"Squeeze", 13, kMaxOpset, 1, 2, 1, "", LowerSqueeze},
    {"Unsqueeze", 1, 12, 1, 1, 1, "axes:I", LowerUnsqueeze},
    {"Unsqueeze", 13, kMaxOpset, 2, 2, 1, "", LowerUnsqueeze},
    {"Transpose", 1, kMaxOpset, 1, 1, 1, "perm:I", LowerTranspose},
    {"Concat", 4, kMaxOpset, 1, kAny, 1, "axis:i", LowerConcat},
    {"Gather", 1, kMaxOpset, 2, 2, 1, "axis:i", LowerGather},
};

}  // namespace

std::span<const Operator> ShapeOperators() { return kOperators; }

}  // namespace mcuc::importer
