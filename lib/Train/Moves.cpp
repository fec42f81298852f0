// Operations that move elements: a table says where each element of the result comes from, and the gradient goes back
// the same way. The table is what the interpreter makes of a tensor of indices. And linear resampling, a table of taps.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "../Exec/Kernel.h"
#include "Layer.h"
#include "mcuc/IR/Infer.h"

namespace mcuc::train {

namespace {

class Copy : public Layer {
 public:
  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    std::copy_n(Floats(*x[0]), y.elements(), Floats(y));
    return absl::OkStatus();
  }
  void Backward(const Operands&, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    const int64_t n = y.elements();
    for (int64_t i = 0; i < n; ++i) dx[0][i] += dy[i];
  }
};

class Concat : public Layer {
 public:
  explicit Concat(const Node& node) : all_(node.result()->type().shape, node.As<ConcatAttrs>().axis) {
    for (const Value* operand : node.operands()) {
      const exec::AxisView view(operand->type().shape, node.As<ConcatAttrs>().axis);
      lengths_.push_back(view.n * view.inner);
    }
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    float* to = Floats(y);
    for (int64_t o = 0; o < all_.outer; ++o) {
      for (size_t k = 0; k < lengths_.size(); ++k) {
        to = std::copy_n(Floats(*x[k]) + o * lengths_[k], lengths_[k], to);
      }
    }
    return absl::OkStatus();
  }

  void Backward(const Operands&, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    for (int64_t o = 0; o < all_.outer; ++o) {
      for (size_t k = 0; k < lengths_.size(); ++k, dy += lengths_[k - 1]) {
        for (int64_t i = 0; dx[k] && i < lengths_[k]; ++i) dx[k][o * lengths_[k] + i] += dy[i];
      }
    }
  }

 private:
  exec::AxisView all_;
  std::vector<int64_t> lengths_;  // what an operand contributes to each run of the result
};

class Move : public Layer {
 public:
  // `sources`: of the elements of one sample's result; -1: `fill`.
  Move(std::vector<int32_t> sources, int64_t sample_size, float fill)
      : sources_(std::move(sources)), sample_size_(sample_size), fill_(fill) {}

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    const float* from = Floats(*x[0]);
    float *to = Floats(y), *end = to + y.elements();
    for (; to < end; from += sample_size_) {
      for (int32_t source : sources_) *to++ = source < 0 ? fill_ : from[source];
    }
    return absl::OkStatus();
  }

  void Backward(const Operands&, const Tensor& y, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    float* to = dx[0];
    for (const float* end = dy + y.elements(); dy < end; to += sample_size_) {
      for (int32_t source : sources_) {
        if (source >= 0) to[source] += *dy;
        ++dy;
      }
    }
  }

 private:
  std::vector<int32_t> sources_;
  int64_t sample_size_;
  float fill_;
};

// Each element of the result is a weighted sum of four of its plane.
class LinearResize : public Layer {
 public:
  explicit LinearResize(const Node& node) {
    const auto& attrs = node.As<ResizeAttrs>();
    const Shape &x = node.operand(0)->type().shape, &y = node.result()->type().shape;
    planes_ = x[0] * x[1];
    area_ = x[2] * x[3];
    const ResizeAxis rows = ResizeAxisOf(attrs, x[2], y[2], exec::ResizeScale(attrs, x, y, 2));
    const ResizeAxis columns = ResizeAxisOf(attrs, x[3], y[3], exec::ResizeScale(attrs, x, y, 3));
    for (size_t h = 0; h < rows.lo.size(); ++h) {
      for (size_t w = 0; w < columns.lo.size(); ++w) {
        const float fy = rows.fraction[h], fx = columns.fraction[w];
        taps_.push_back({rows.lo[h] * x[3] + columns.lo[w], (1 - fy) * (1 - fx)});
        taps_.push_back({rows.lo[h] * x[3] + columns.hi[w], (1 - fy) * fx});
        taps_.push_back({rows.hi[h] * x[3] + columns.lo[w], fy * (1 - fx)});
        taps_.push_back({rows.hi[h] * x[3] + columns.hi[w], fy * fx});
      }
    }
  }

  absl::Status Forward(const Operands& x, Tensor& y, Scratch&) const override {
    float* to = Floats(y);
    for (int64_t p = 0; p < planes_; ++p) {
      const float* plane = Floats(*x[0]) + p * area_;
      for (size_t i = 0; i < taps_.size(); i += 4) {
        float sum = 0;
        for (size_t k = i; k < i + 4; ++k) sum += taps_[k].weight * plane[taps_[k].at];
        *to++ = sum;
      }
    }
    return absl::OkStatus();
  }

  void Backward(const Operands&, const Tensor&, const float* dy, const std::vector<float*>& dx,
                Scratch&) const override {
    if (!dx[0]) return;
    for (int64_t p = 0; p < planes_; ++p) {
      float* plane = dx[0] + p * area_;
      for (size_t i = 0; i < taps_.size(); i += 4, ++dy) {
        for (size_t k = i; k < i + 4; ++k) plane[taps_[k].at] += taps_[k].weight * *dy;
      }
    }
  }

 private:
  struct Tap {
    int64_t at;
    float weight;
  };
  int64_t planes_ = 0, area_ = 0;
  std::vector<Tap> taps_;  // four an element of a plane of the result
};

}  // namespace

std::unique_ptr<Layer> MakeCopy() { return std::make_unique<Copy>(); }
std::unique_ptr<Layer> MakeConcat(const Node& node) { return std::make_unique<Concat>(node); }
std::unique_ptr<Layer> MakeLinearResize(const Node& node) { return std::make_unique<LinearResize>(node); }

absl::StatusOr<std::unique_ptr<Layer>> MakeMove(const Node& node) {
  // The same node on one sample of indices, from 1: 0 is what a pad adds.
  Graph graph;
  Type x = node.operand(0)->type(), y = node.result()->type();
  x.element = y.element = ElementType::i32;
  x.shape[0] = y.shape[0] = 1;
  Attributes attrs = node.attrs();
  float fill = 0;
  if (auto* pad = std::get_if<PadAttrs>(&attrs)) {
    fill = static_cast<float>(pad->value);
    pad->value = 0;
  }
  Tensor indices(x);
  const auto data = indices.data<int32_t>();
  std::iota(data.begin(), data.end(), 1);
  Operands operands = {&indices};
  std::vector<Value*> values = {graph.AddInput("x", x)};
  for (size_t i = 1; i < node.operands().size(); ++i) {
    operands.push_back(&node.operand(i)->tensor());
    values.push_back(graph.AddConstant("c", node.operand(i)->tensor()));
  }
  const Node* one = graph.AddNode(std::move(attrs), std::move(values), "y", y, node.loc());
  const absl::StatusOr<Tensor> moved = EvaluateNode(*one, operands);
  if (!moved.ok()) return moved.status();
  std::vector<int32_t> sources;
  for (int32_t index : moved->data<int32_t>()) sources.push_back(index - 1);
  return std::make_unique<Move>(std::move(sources), x.elements(), fill);
}

absl::StatusOr<std::unique_ptr<Layer>> MakeLayer(const Node& node) {
  switch (node.op()) {
    case Op::kConv:
      return MakeConv(node);
    case Op::kConvTranspose:
      return MakeConvTranspose(node);
    case Op::kFc:
      return MakeFc(node);
    case Op::kMatMul:
      return MakeMatMul(node);
    case Op::kMaxPool:
    case Op::kAvgPool:
      return MakePool(node);
    case Op::kUnary:
      return MakeUnary(node);
    case Op::kBinary:
      return MakeBinary(node);
    case Op::kSoftmax:
      return MakeSoftmax(node);
    case Op::kReduce:
      return MakeReduce(node);
    case Op::kReshape:
    case Op::kIdentity:
      return MakeCopy();
    case Op::kConcat:
      return MakeConcat(node);
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kPad:
    case Op::kGather:
      return MakeMove(node);
    case Op::kResize:
      if (node.As<ResizeAttrs>().mode == ResizeMode::nearest) return MakeMove(node);
      return MakeLinearResize(node);
    default:
      return absl::InternalError(absl::StrCat("no layer for ", node.op_name()));
  }
}

}  // namespace mcuc::train
