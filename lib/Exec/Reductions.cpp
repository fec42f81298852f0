// Reductions, softmax, arg_reduce and linear resampling of floats and plain integers.
#include <algorithm>
#include <cmath>

#include "Kernel.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::exec {

AxisView::AxisView(const Shape& shape, int64_t axis) {
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    (d < axis ? outer : d == axis ? n : inner) *= shape[static_cast<size_t>(d)];
  }
}

std::vector<int64_t> ReductionTargets(const Shape& shape, const Ints& axes) {
  Shape kept = shape;
  for (int64_t axis : axes) kept[static_cast<size_t>(axis)] = 1;
  std::vector<int64_t> steps = Strides(kept);
  for (int64_t axis : axes) steps[static_cast<size_t>(axis)] = 0;
  std::vector<int64_t> targets = {0};
  for (size_t d = 0; d < shape.size(); ++d) {  // each dimension repeats what the ones before it have
    std::vector<int64_t> wider;
    wider.reserve(targets.size() * static_cast<size_t>(shape[d]));
    for (int64_t target : targets) {
      for (int64_t i = 0; i < shape[d]; ++i) wider.push_back(target + i * steps[d]);
    }
    targets = std::move(wider);
  }
  return targets;
}

absl::Status Reduce(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ReduceAttrs>();
  const std::vector<int64_t> targets = ReductionTargets(operands[0]->shape(), attrs.axes);
  const int64_t count = operands[0]->elements() / y.elements();
  Dispatch(y.type().element, [&](auto zero) {
    using T = decltype(zero);
    const auto x = operands[0]->data<T>();
    const auto result = y.data<T>();
    if (attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min) {
      std::vector<bool> started(result.size(), false);
      for (size_t i = 0; i < x.size(); ++i) {
        const auto to = static_cast<size_t>(targets[i]);
        const bool better = attrs.fn == ReduceFn::max ? x[i] > result[to] : x[i] < result[to];
        if (!started[to] || better) result[to] = x[i];
        started[to] = true;
      }
      return;
    }
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
    std::vector<Sum> sums(result.size(), static_cast<Sum>(attrs.fn == ReduceFn::prod ? 1 : 0));
    for (size_t i = 0; i < x.size(); ++i) {
      Sum& sum = sums[static_cast<size_t>(targets[i])];
      const auto value = static_cast<Sum>(x[i]);
      // Products are rounded as they go: what overflows must do so in the same place as in the emitted C.
      sum = attrs.fn == ReduceFn::prod ? static_cast<Sum>(static_cast<T>(sum * value)) : sum + value;
    }
    if (attrs.fn == ReduceFn::mean) {
      using Signed = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
      for (Sum& sum : sums) sum = static_cast<Sum>(static_cast<Signed>(sum) / static_cast<Signed>(count));
    }
    Store(sums, y);
  });
  return absl::OkStatus();
}

absl::Status ArgReduce(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ArgReduceAttrs>();
  const AxisView view(operands[0]->shape(), attrs.axis);
  Dispatch(operands[0]->type().element, [&](auto zero) {
    using T = decltype(zero);
    const auto x = operands[0]->data<T>();
    for (int64_t o = 0; o < view.outer; ++o) {
      for (int64_t k = 0; k < view.inner; ++k) {
        const auto at = [&](int64_t i) { return x[static_cast<size_t>((o * view.n + i) * view.inner + k)]; };
        int64_t best = 0;
        for (int64_t i = 1; i < view.n; ++i) {
          const bool better = attrs.min ? at(i) < at(best) : at(i) > at(best);
          if (better || (attrs.last && at(i) == at(best))) best = i;
        }
        y.SetInt(o * view.inner + k, best);
      }
    }
  });
  return absl::OkStatus();
}

absl::Status Softmax(const Node& node, const Operands& operands, Tensor& y) {
  if (!y.type().is_float()) return absl::InvalidArgumentError("softmax without a table takes a float type");
  const auto& attrs = node.As<SoftmaxAttrs>();
  const AxisView view(y.shape(), attrs.axis);
  const std::vector<double> x = Load<double>(*operands[0]);
  std::vector<double> result(x.size());
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t k = 0; k < view.inner; ++k) {
      const auto at = [&](int64_t i) { return static_cast<size_t>((o * view.n + i) * view.inner + k); };
      double most = x[at(0)], sum = 0;
      for (int64_t i = 1; i < view.n; ++i) most = std::max(most, x[at(i)]);
      for (int64_t i = 0; i < view.n; ++i) sum += result[at(i)] = std::exp(x[at(i)] - most);
      for (int64_t i = 0; i < view.n; ++i) {
        result[at(i)] = attrs.log ? x[at(i)] - most - std::log(sum) : result[at(i)] / sum;
      }
    }
  }
  Store(result, y);
  return absl::OkStatus();
}

absl::Status Resize(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ResizeAttrs>();
  if (attrs.mode == ResizeMode::nearest) {
    ResizeNearest(attrs, *operands[0], y);
    return absl::OkStatus();
  }
  const Shape &xs = operands[0]->shape(), &ys = y.shape();
  const ResizeAxis rows = ResizeAxisOf(attrs, xs[2], ys[2], ResizeScale(attrs, xs, ys, 2));
  const ResizeAxis columns = ResizeAxisOf(attrs, xs[3], ys[3], ResizeScale(attrs, xs, ys, 3));
  const std::vector<double> x = Load<double>(*operands[0]);
  std::vector<double> result;
  for (int64_t plane = 0; plane < xs[0] * xs[1]; ++plane) {
    const double* from = x.data() + plane * xs[2] * xs[3];
    for (size_t h = 0; h < rows.lo.size(); ++h) {
      const double *above = from + rows.lo[h] * xs[3], *below = from + rows.hi[h] * xs[3];
      const double fy = rows.fraction[h];
      for (size_t w = 0; w < columns.lo.size(); ++w) {
        const int64_t left = columns.lo[w], right = columns.hi[w];
        const double fx = columns.fraction[w];
        result.push_back((1 - fy) * ((1 - fx) * above[left] + fx * above[right]) +
                         fy * ((1 - fx) * below[left] + fx * below[right]));
      }
    }
  }
  Store(result, y);
  return absl::OkStatus();
}

}  // namespace mcuc::exec
