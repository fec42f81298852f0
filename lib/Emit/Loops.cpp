// Loops over arrays with strides: what elementwise operations and moves are emitted as. For example a transpose
//   for (int32_t i = 0; i < 6; ++i) {
//     for (int32_t j = 0; j < 196; ++j) {
//       y[i * 196 + j] = x[i + j * 6];
//     }
//   }
#include <algorithm>

#include "Lowering.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

// offset + Σ stride * i: "12 + i * 196 + j", "0".
std::string IndexText(const Access& access, const std::vector<std::string>& variables) {
  std::string text;
  const auto add = [&](bool negative, const std::string& term) {
    absl::StrAppend(&text, text.empty() ? (negative ? "-" : "") : (negative ? " - " : " + "), term);
  };
  if (access.offset != 0) add(access.offset < 0, absl::StrCat(std::abs(access.offset)));
  for (size_t d = 0; d < variables.size(); ++d) {
    const int64_t stride = access.strides[d];
    if (!access.tables.empty() && !access.tables[d].empty()) {
      add(false, absl::StrCat(access.tables[d], "[", variables[d], "]"));
    } else if (stride != 0) {
      add(stride < 0, std::abs(stride) == 1 ? variables[d] : absl::StrCat(variables[d], " * ", std::abs(stride)));
    }
  }
  return text.empty() ? "0" : text;
}

bool HasTable(const Access& access, size_t d) { return !access.tables.empty() && !access.tables[d].empty(); }

}  // namespace

Access AccessOf(const Shape& shape) { return {0, Strides(shape), {}}; }

Access BroadcastAccess(const Shape& shape, const Shape& result) {
  const std::vector<int64_t> strides = Strides(shape);
  Access access;
  const size_t missing = result.size() - shape.size();
  for (size_t d = 0; d < result.size(); ++d) {
    access.strides.push_back(d < missing || shape[d - missing] == 1 ? 0 : strides[d - missing]);
  }
  return access;
}

void Collapse(Shape& dims, std::vector<Access>& arrays) {
  const auto erase = [&](size_t d) {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(d));
    for (Access& array : arrays) {
      array.strides.erase(array.strides.begin() + static_cast<std::ptrdiff_t>(d));
      if (!array.tables.empty()) array.tables.erase(array.tables.begin() + static_cast<std::ptrdiff_t>(d));
    }
  };
  const auto table = [&](size_t d) {
    return std::any_of(arrays.begin(), arrays.end(), [&](const Access& array) { return HasTable(array, d); });
  };
  for (size_t d = dims.size(); d-- > 0;) {
    if (dims[d] == 1 && !table(d)) erase(d);
  }
  for (size_t d = dims.size(); d-- > 1;) {
    if (table(d) || table(d - 1)) continue;
    const bool merge = std::all_of(arrays.begin(), arrays.end(), [&](const Access& array) {
      return array.strides[d - 1] == array.strides[d] * dims[d];
    });
    if (!merge) continue;
    dims[d] *= dims[d - 1];
    erase(d - 1);
  }
}

void Loops(Emission& out, int depth, Shape dims, std::vector<Access> arrays,
           const std::function<void(const std::vector<std::string>& index, int next_depth)>& body) {
  Collapse(dims, arrays);
  std::vector<std::string> variables;
  for (const int64_t dim : dims) variables.push_back(out.OpenLoop(depth++, dim));
  std::vector<std::string> index;
  for (const Access& array : arrays) index.push_back(IndexText(array, variables));
  body(index, depth);
  for (size_t d = 0; d < dims.size(); ++d) out.Close();
}

void CopyLoops(Emission& out, ElementType element, const std::string& y, const std::string& x, Shape dims, Access to,
               Access from) {
  std::vector<Access> arrays = {std::move(to), std::move(from)};
  Collapse(dims, arrays);
  const size_t last = dims.size() - 1;
  const bool contiguous = !dims.empty() && dims[last] >= 4 && arrays[0].strides[last] == 1 &&
                          arrays[1].strides[last] == 1 && !HasTable(arrays[0], last) && !HasTable(arrays[1], last);
  if (!contiguous) {
    Loops(out, 0, dims, arrays, [&](const std::vector<std::string>& index, int) {
      out.Line(absl::StrCat(y, "[", index[0], "] = ", x, "[", index[1], "];"));
    });
    return;
  }
  const int64_t run = dims[last];
  dims.pop_back();
  for (Access& array : arrays) {
    array.strides.pop_back();
    if (!array.tables.empty()) array.tables.pop_back();
  }
  out.Use("<string.h>");
  Loops(out, 0, dims, arrays, [&](const std::vector<std::string>& index, int) {
    out.Call("memcpy", {Offset(y, index[0]), Offset(x, index[1]),
                        absl::StrCat(run, " * sizeof(", ElementTypeCName(element), ")")});
  });
}

void BroadcastLoops(Emission& out, const Shape& result, const std::vector<Shape>& operands,
                    const std::function<void(const std::string& y, const std::vector<std::string>& x)>& body) {
  std::vector<Access> arrays = {AccessOf(result)};
  for (const Shape& operand : operands) arrays.push_back(BroadcastAccess(operand, result));
  Loops(out, 0, result, arrays, [&](const std::vector<std::string>& index, int) {
    body(index[0], std::vector<std::string>(index.begin() + 1, index.end()));
  });
}

std::string Offset(const std::string& pointer, const std::string& index) {
  return index == "0" ? pointer : absl::StrCat(pointer, " + ", index);
}

std::string IndexTable(Emission& out, const std::string& hint, const std::vector<int64_t>& indices, int64_t elements) {
  if (elements <= INT16_MAX) {
    return out.Table(hint, std::span<const int16_t>(std::vector<int16_t>(indices.begin(), indices.end())));
  }
  return out.Table(hint, std::span<const int32_t>(std::vector<int32_t>(indices.begin(), indices.end())));
}

}  // namespace mcuc
