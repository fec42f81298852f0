// Convolutions, transposed convolutions and matrix products, plainly, for what oneDNN does not serve: element types
// other than float32, odd paddings, and float operands with quantized weights (N20).
#include "Kernel.h"
#include "Windows.h"

namespace mcuc::exec {

namespace {

// The node computes on floats with quantized weights.
bool IsHybrid(const Node& node) { return node.operand(1)->type().is_quantized(); }

// N20: sums of float(w) * x become b[m] + sw[m] * sum.
void ScaleAndBias(const Type& w, const std::vector<float>& bias, int64_t m, float* sums, int64_t n) {
  const float scale = w.quant->scale(m);
  const float b = bias.empty() ? 0.0f : bias[static_cast<size_t>(m)];
  for (int64_t i = 0; i < n; ++i) sums[i] = b + scale * sums[i];
}

absl::Status CheckHybrid(const Node& node) {
  const Type& w = node.operand(1)->type();
  const Value* b = node.operand(2);
  if (node.operand(0)->type().element != ElementType::f32 || (b && b->type().element != ElementType::f32)) {
    return absl::InvalidArgumentError("quantized weights on operands that are not take float32 x and b");
  }
  const auto& zero_points = w.quant->zero_points;
  if (std::any_of(zero_points.begin(), zero_points.end(), [](int32_t z) { return z != 0; }) ||
      (!w.quant->per_tensor() && w.quant->axis != 0)) {
    return absl::InvalidArgumentError("quantized weights must have zero point 0 and scales along axis 0");
  }
  const Type& y = node.result()->type();
  if (!y.is_quantized() && y.element != ElementType::f32) {
    return absl::InvalidArgumentError("quantized weights on a float32 operand give float32 or a quantized type");
  }
  return absl::OkStatus();
}

// Activation, fused pool, and N17 where the result is quantized. `sums`: the result before its pool, float32.
void FinishFloat(const Act& act, const Pool& pool, Tensor sums, Tensor& y) {
  ApplyAct(act, sums);
  if (pool.kind != PoolKind::none) {
    Tensor pooled(Type{ElementType::f32, y.shape()});
    FusedPool(pool, sums, pooled);
    sums = std::move(pooled);
  }
  y = ConvertTensor(sums, Type(y.type()));
}

absl::Status HybridConv(const Node& node, const Operands& operands, Tensor& y) {
  if (absl::Status s = CheckHybrid(node); !s.ok()) return s;
  const auto& attrs = node.As<ConvAttrs>();
  const ConvShape s(attrs, operands[0]->shape(), operands[1]->shape());
  const auto padded = PadPlanes(attrs, s, Load<float>(*operands[0]), 0.0f);
  if (!padded.ok()) return padded.status();
  const std::vector<float> w = Load<float>(*operands[1]);
  const std::vector<float> bias = operands.size() > 2 ? Load<float>(*operands[2]) : std::vector<float>();
  Tensor all(Type{ElementType::f32, {s.samples, s.outputs, s.out[0], s.out[1]}});
  std::vector<float> sums;
  auto out = all.data<float>().begin();
  for (int64_t n = 0; n < s.samples; ++n) {
    for (int64_t m = 0; m < s.outputs; ++m) {
      sums.assign(static_cast<size_t>(s.out[0] * s.out[1]), 0.0f);
      ConvolvePlane(attrs, s, *padded, w, n, m, sums);
      ScaleAndBias(node.operand(1)->type(), bias, m, sums.data(), s.out[0] * s.out[1]);
      out = std::copy(sums.begin(), sums.end(), out);
    }
  }
  FinishFloat(attrs.act, attrs.pool, std::move(all), y);
  return absl::OkStatus();
}

// rows x k times (m x k, transposed): rows x m.
template <typename T>
std::vector<T> RowsByRows(const std::vector<T>& x, const std::vector<T>& w, int64_t k, int64_t m) {
  const int64_t rows = static_cast<int64_t>(x.size()) / k;
  std::vector<T> y(static_cast<size_t>(rows * m));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < m; ++o) {
      T sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += x[static_cast<size_t>(r * k + i)] * w[static_cast<size_t>(o * k + i)];
      y[static_cast<size_t>(r * m + o)] = sum;
    }
  }
  return y;
}

absl::Status HybridFc(const Node& node, const Operands& operands, Tensor& y) {
  if (absl::Status s = CheckHybrid(node); !s.ok()) return s;
  const int64_t m = operands[1]->shape()[0];
  const std::vector<float> bias = operands.size() > 2 ? Load<float>(*operands[2]) : std::vector<float>();
  std::vector<float> sums =
      RowsByRows(Load<float>(*operands[0]), Load<float>(*operands[1]), operands[1]->shape()[1], m);
  for (int64_t i = 0; i < static_cast<int64_t>(sums.size()); ++i) {
    ScaleAndBias(node.operand(1)->type(), bias, i % m, &sums[static_cast<size_t>(i)], 1);
  }
  Tensor all(Type{ElementType::f32, y.shape()});
  Store(sums, all);
  FinishFloat(node.As<FcAttrs>().act, Pool{}, std::move(all), y);
  return absl::OkStatus();
}

}  // namespace

absl::Status Conv(const Node& node, const Operands& operands, Tensor& y) {
  if (IsHybrid(node)) return HybridConv(node, operands, y);
  const auto& attrs = node.As<ConvAttrs>();
  const ConvShape s(attrs, operands[0]->shape(), operands[1]->shape());
  Tensor all(Type{y.type().element, {s.samples, s.outputs, s.out[0], s.out[1]}});
  const absl::Status status = DispatchSum(y.type().element, [&](auto zero) -> absl::Status {
    using Sum = decltype(zero);
    const auto padded = PadPlanes(attrs, s, Load<Sum>(*operands[0]), zero);
    if (!padded.ok()) return padded.status();
    const std::vector<Sum> w = Load<Sum>(*operands[1]);
    const std::vector<Sum> bias = operands.size() > 2 ? Load<Sum>(*operands[2]) : std::vector<Sum>();
    std::vector<Sum> y_sums, sums;
    for (int64_t n = 0; n < s.samples; ++n) {
      for (int64_t m = 0; m < s.outputs; ++m) {
        sums.assign(static_cast<size_t>(s.out[0] * s.out[1]), bias.empty() ? zero : bias[static_cast<size_t>(m)]);
        ConvolvePlane(attrs, s, *padded, w, n, m, sums);
        y_sums.insert(y_sums.end(), sums.begin(), sums.end());
      }
    }
    Store(y_sums, all);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  ApplyAct(attrs.act, all);
  if (attrs.pool.kind == PoolKind::none) {
    y = std::move(all);
  } else {
    FusedPool(attrs.pool, all, y);
  }
  return absl::OkStatus();
}

absl::Status ConvTranspose(const Node& node, const Operands& operands, Tensor& y) {
  const auto& attrs = node.As<ConvTransposeAttrs>();
  const Shape &xs = operands[0]->shape(), &ws = operands[1]->shape(), &ys = y.shape();
  const int64_t group_in = xs[1] / attrs.group, group_out = ws[1];
  DispatchSum(y.type().element, [&](auto zero) {
    using Sum = decltype(zero);
    const std::vector<Sum> x = Load<Sum>(*operands[0]), w = Load<Sum>(*operands[1]);
    const std::vector<Sum> bias = operands.size() > 2 ? Load<Sum>(*operands[2]) : std::vector<Sum>();
    std::vector<Sum> sums(static_cast<size_t>(y.elements()));
    for (int64_t plane = 0; plane < ys[0] * ys[1]; ++plane) {
      const Sum first = bias.empty() ? zero : bias[static_cast<size_t>(plane % ys[1])];
      std::fill_n(sums.begin() + plane * ys[2] * ys[3], ys[2] * ys[3], first);
    }
    for (int64_t n = 0; n < xs[0]; ++n) {
      for (int64_t c = 0; c < xs[1]; ++c) {
        for (int64_t m = 0; m < group_out; ++m) {
          const Sum* from = x.data() + (n * xs[1] + c) * xs[2] * xs[3];
          const Sum* filter = w.data() + (c * group_out + m) * ws[2] * ws[3];
          Sum* to = sums.data() + (n * ys[1] + c / group_in * group_out + m) * ys[2] * ys[3];
          for (int64_t i = 0; i < xs[2] * xs[3]; ++i) {  // each pixel of x adds its multiple of the filter
            for (int64_t k = 0; k < ws[2] * ws[3]; ++k) {
              const int64_t h = i / xs[3] * attrs.strides[0] - attrs.pads[0] + k / ws[3] * attrs.dilations[0];
              const int64_t v = i % xs[3] * attrs.strides[1] - attrs.pads[1] + k % ws[3] * attrs.dilations[1];
              if (h >= 0 && h < ys[2] && v >= 0 && v < ys[3]) to[h * ys[3] + v] += from[i] * filter[k];
            }
          }
        }
      }
    }
    Store(sums, y);
  });
  ApplyAct(attrs.act, y);
  return absl::OkStatus();
}

absl::Status Fc(const Node& node, const Operands& operands, Tensor& y) {
  if (IsHybrid(node)) return HybridFc(node, operands, y);
  const int64_t m = operands[1]->shape()[0];
  DispatchSum(y.type().element, [&](auto zero) {
    using Sum = decltype(zero);
    std::vector<Sum> sums = RowsByRows(Load<Sum>(*operands[0]), Load<Sum>(*operands[1]), operands[1]->shape()[1], m);
    if (operands.size() > 2) {
      const std::vector<Sum> bias = Load<Sum>(*operands[2]);
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += bias[i % static_cast<size_t>(m)];
    }
    Store(sums, y);
  });
  ApplyAct(node.As<FcAttrs>().act, y);
  return absl::OkStatus();
}

absl::Status MatMul(const Node& node, const Operands& operands, Tensor& y) {
  const Shape &as = operands[0]->shape(), &bs = operands[1]->shape();
  const int64_t rows = as[as.size() - 2], k = as.back(), columns = bs.back();
  // The leading dimensions broadcast as if each matrix were one element.
  const auto leading = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
  const BroadcastRows batches(leading(as), leading(bs), leading(y.shape()));
  DispatchSum(y.type().element, [&](auto zero) {
    using Sum = decltype(zero);
    const std::vector<Sum> a = Load<Sum>(*operands[0]), b = Load<Sum>(*operands[1]);
    std::vector<Sum> sums(static_cast<size_t>(y.elements()));
    for (const auto& row : batches.rows) {
      for (int64_t i = 0; i < batches.length; ++i) {
        const Sum* left = a.data() + (row.a + i * batches.a_step) * rows * k;
        const Sum* right = b.data() + (row.b + i * batches.b_step) * k * columns;
        Sum* to = sums.data() + (row.y + i) * rows * columns;
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < columns; ++c) {
            for (int64_t j = 0; j < k; ++j) to[r * columns + c] += left[r * k + j] * right[j * columns + c];
          }
        }
      }
    }
    Store(sums, y);
  });
  ApplyAct(node.As<MatMulAttrs>().act, y);
  return absl::OkStatus();
}

}  // namespace mcuc::exec
