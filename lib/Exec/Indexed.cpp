// Comparisons, choices, and operations with indices: compare, select, scatter, cumsum, top_k.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "Kernel.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::exec {

namespace {

// For each element of y, the element of an operand broadcast to it.
std::vector<int64_t> BroadcastIndices(const Shape& x, const Shape& y) {
  const BroadcastRows rows(x, x, y);
  std::vector<int64_t> indices;
  for (const auto& row : rows.rows) {
    for (int64_t i = 0; i < rows.length; ++i) indices.push_back(row.a + i * rows.a_step);
  }
  return indices;
}

template <typename T>
bool Holds(CompareFn fn, T a, T b) {
  switch (fn) {
    case CompareFn::equal:
      return a == b;
    case CompareFn::not_equal:
      return a != b;
    case CompareFn::less:
      return a < b;
    case CompareFn::less_equal:
      return a <= b;
  }
  return false;
}

// Products and sums of integers wrap.
template <typename T>
T Combined(ScatterFn fn, T old, T update) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  switch (fn) {
    case ScatterFn::set:
      return update;
    case ScatterFn::add:
      return static_cast<T>(static_cast<Wide>(old) + static_cast<Wide>(update));
    case ScatterFn::mul:
      return static_cast<T>(static_cast<Wide>(old) * static_cast<Wide>(update));
    case ScatterFn::min:
      return update < old ? update : old;
    case ScatterFn::max:
      return update > old ? update : old;
  }
  return update;
}

}  // namespace

absl::Status Compare(const Node& node, const Operands& operands, Tensor& y) {
  const CompareFn fn = node.As<CompareAttrs>().fn;
  const std::vector<int64_t> from_a = BroadcastIndices(operands[0]->shape(), y.shape());
  const std::vector<int64_t> from_b = BroadcastIndices(operands[1]->shape(), y.shape());
  Dispatch(operands[0]->type().element, [&](auto zero) {
    using T = decltype(zero);
    const auto a = operands[0]->data<T>(), b = operands[1]->data<T>();
    const auto result = y.data<bool>();
    for (size_t i = 0; i < result.size(); ++i) {
      result[i] = Holds(fn, a[static_cast<size_t>(from_a[i])], b[static_cast<size_t>(from_b[i])]);
    }
    return 0;
  });
  return absl::OkStatus();
}

absl::Status Select(const Node&, const Operands& operands, Tensor& y) {
  const auto condition = operands[0]->data<bool>();
  const std::vector<int64_t> from_c = BroadcastIndices(operands[0]->shape(), y.shape());
  const std::vector<int64_t> from_a = BroadcastIndices(operands[1]->shape(), y.shape());
  const std::vector<int64_t> from_b = BroadcastIndices(operands[2]->shape(), y.shape());
  const auto bytes = static_cast<size_t>(ElementTypeBytes(y.type().element));
  for (size_t i = 0; i < from_c.size(); ++i) {
    const bool first = condition[static_cast<size_t>(from_c[i])];
    const Tensor& from = *operands[first ? 1 : 2];
    const auto at = static_cast<size_t>((first ? from_a : from_b)[i]);
    std::memcpy(y.bytes().data() + i * bytes, from.bytes().data() + at * bytes, bytes);
  }
  return absl::OkStatus();
}

absl::Status Scatter(const Node& node, const Operands& operands, Tensor& y) {
  const ScatterFn fn = node.As<ScatterAttrs>().fn;
  const Tensor &indices = *operands[1], &updates = *operands[2];
  std::memcpy(y.bytes().data(), operands[0]->bytes().data(), y.bytes().size());
  const int64_t n = y.shape()[0], slice = y.elements() / n;
  for (int64_t i = 0; i < indices.elements(); ++i) {
    const int64_t index = indices.AsInt(i);
    if (index < -n || index >= n) {
      return absl::InvalidArgumentError(
          absl::StrCat("index ", index, " (element ", i, " of indices) is outside [-", n, ", ", n, ")"));
    }
    const int64_t first = (index < 0 ? index + n : index) * slice;
    Dispatch(y.type().element, [&](auto zero) {
      using T = decltype(zero);
      const auto to = y.data<T>();
      const auto from = updates.data<T>();
      for (int64_t k = 0; k < slice; ++k) {
        T& element = to[static_cast<size_t>(first + k)];
        element = Combined(fn, element, from[static_cast<size_t>(i * slice + k)]);
      }
      return 0;
    });
  }
  return absl::OkStatus();
}

absl::Status CumSum(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<CumSumAttrs>();
  const AxisView view(y.shape(), attrs.axis);
  DispatchSum(y.type().element, [&](auto zero) {
    using Sum = decltype(zero);
    const std::vector<Sum> x = Load<Sum>(*operands[0]);
    std::vector<Sum> result(x.size());
    for (int64_t o = 0; o < view.outer; ++o) {
      for (int64_t k = 0; k < view.inner; ++k) {
        Sum sum{};
        for (int64_t step = 0; step < view.n; ++step) {
          const int64_t i = attrs.reverse ? view.n - 1 - step : step;
          const auto at = static_cast<size_t>((o * view.n + i) * view.inner + k);
          if (attrs.exclusive) result[at] = sum;
          sum += x[at];
          if (!attrs.exclusive) result[at] = sum;
        }
      }
    }
    Store(result, y);
    return 0;
  });
  return absl::OkStatus();
}

// Each next one is the best of those behind the last one in the order of (value, index); NaNs come nowhere, and what is
// left where nothing else is gets index 0.
absl::Status TopK(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<TopKAttrs>();
  const AxisView view(operands[0]->shape(), attrs.axis);
  Dispatch(operands[0]->type().element, [&](auto zero) {
    using T = decltype(zero);
    const auto x = operands[0]->data<T>();
    for (int64_t o = 0; o < view.outer; ++o) {
      for (int64_t k = 0; k < view.inner; ++k) {
        const auto at = [&](int64_t i) { return x[static_cast<size_t>((o * view.n + i) * view.inner + k)]; };
        const auto better = [&](T a, T b) { return attrs.min ? a < b : a > b; };
        int64_t last = -1;
        for (int64_t j = 0; j < attrs.k; ++j) {
          int64_t best = -1;
          for (int64_t i = 0; i < view.n; ++i) {
            const bool left =
                at(i) == at(i) && (last < 0 || better(at(last), at(i)) || (at(i) == at(last) && i > last));
            if (left && (best < 0 || better(at(i), at(best)))) best = i;
          }
          if (best >= 0) last = best;
          y.SetInt((o * attrs.k + j) * view.inner + k, best < 0 ? 0 : best);
        }
      }
    }
    return 0;
  });
  return absl::OkStatus();
}

}  // namespace mcuc::exec
