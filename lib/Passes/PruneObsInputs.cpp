// What the weights of a layer see of the calibration set: its operand, unrolled to a column a position (im2col), as
// second moments about the mean. Padding reads as zeros. Also the runner that brings all samples through the graph
// node by node.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "PruneObs.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc::obs {

namespace {

constexpr int64_t kMostLiveBytes = int64_t{2} << 30;
// Shards of the sums; fixed, so that they do not depend on the number of threads. Fewer where each is large.
constexpr int64_t kShards = 8;
constexpr int64_t kMostShardElements = int64_t{1} << 25;

// Offsets of the taps of a convolution's windows; those of a transposed one are where an input meets the output.
template <typename Attrs>
void SetOffsets(const Attrs& attrs, const Shape& x, const Shape& w, Pair out, bool transposed, Layer& layer) {
  const int64_t height = x[2], width = x[3], kh = w[2], kw = w[3];
  layer.taps = kh * kw;
  layer.channel_stride = height * width;
  layer.positions = x[0] * out[0] * out[1];
  layer.offset.reserve(static_cast<size_t>(layer.positions * layer.taps));
  // Where tap k of output o lies along one dimension, or -1.
  const auto place = [&](int64_t o, int64_t k, size_t d, int64_t size) -> int64_t {
    int64_t i = 0;
    if (transposed) {
      const int64_t distance = o + attrs.pads[d] - k * attrs.dilations[d];
      if (distance % attrs.strides[d] != 0) return -1;
      i = distance / attrs.strides[d];
    } else {
      i = o * attrs.strides[d] - attrs.pads[d] + k * attrs.dilations[d];
    }
    return i >= 0 && i < size ? i : -1;
  };
  for (int64_t n = 0; n < x[0]; ++n) {
    for (int64_t oh = 0; oh < out[0]; ++oh) {
      for (int64_t ow = 0; ow < out[1]; ++ow) {
        for (int64_t i = 0; i < kh; ++i) {
          const int64_t h = place(oh, i, 0, height);
          for (int64_t j = 0; j < kw; ++j) {
            const int64_t v = place(ow, j, 1, width);
            layer.offset.push_back(h < 0 || v < 0 ? -1 : n * x[1] * height * width + h * width + v);
          }
        }
      }
    }
  }
}

struct Sums {
  Matrix xx, xd;
  Vector x, d;
};

// The unit's inputs, a column a position that counts.
void Unroll(const Layer& layer, int64_t unit, const Tensor& tensor, int64_t sample, Matrix& columns) {
  const std::span<const float> values = tensor.data<float>();
  const int64_t group = unit / layer.blocks(), first = layer.first(unit), size = layer.size(unit);
  const int64_t channels = layer.columns / layer.taps;  // of a group
  // Another first position for each sample, so that all are seen.
  const int64_t start = sample % layer.stride;
  const int64_t count = start < layer.positions ? (layer.positions - start + layer.stride - 1) / layer.stride : 0;
  columns.resize(size, count);
  for (int64_t p = 0; p < count; ++p) {
    const int64_t* taps = layer.offset.data() + (start + p * layer.stride) * layer.taps;
    for (int64_t k = 0; k < size; ++k) {
      const int64_t channel = group * channels + (first + k) / layer.taps, offset = taps[(first + k) % layer.taps];
      columns(k, p) = offset < 0 ? 0.0 : double{values[static_cast<size_t>(offset + channel * layer.channel_stride)]};
    }
  }
}

}  // namespace

Layer LayerOf(Node* node, int64_t samples, const Limits& limits) {
  Layer layer;
  layer.node = node;
  layer.weights = node->operand(1);
  const Shape &x = node->operand(0)->type().shape, &w = layer.weights->type().shape;
  if (const auto* conv = node->If<ConvAttrs>()) {
    layer.groups = conv->group;
    layer.rows = w[0] / conv->group;
    layer.columns = w[1] * w[2] * w[3];
    SetOffsets(*conv, x, w, ConvOutputSize(*conv, x, w), false, layer);
  } else if (const auto* transpose = node->If<ConvTransposeAttrs>()) {
    const Shape& y = node->result()->type().shape;
    layer.transposed = true;
    layer.groups = transpose->group;
    layer.rows = w[1];
    layer.columns = w[0] / transpose->group * w[2] * w[3];
    SetOffsets(*transpose, x, w, {y[2], y[3]}, true, layer);
  } else {
    layer.rows = w[0];
    layer.columns = w[1];
    layer.positions = Elements(x) / w[1];
    for (int64_t p = 0; p < layer.positions; ++p) layer.offset.push_back(p * w[1]);
  }
  const auto columns = static_cast<double>(layer.columns), all_rows = static_cast<double>(layer.rows * layer.groups);
  const auto most = static_cast<int64_t>(std::sqrt(3 * limits.rows_work / (all_rows * columns)));
  const int64_t block = std::clamp(std::min(most, limits.block), int64_t{1}, layer.columns);
  layer.block = (layer.columns + (layer.columns + block - 1) / block - 1) / ((layer.columns + block - 1) / block);
  const double work = static_cast<double>(samples * layer.positions) * columns * static_cast<double>(layer.groups) *
                      static_cast<double>(layer.block);
  layer.stride = std::clamp(static_cast<int64_t>(std::ceil(work / limits.moments_work)), int64_t{1}, layer.positions);
  return layer;
}

std::vector<Moments> MomentsOf(const Layer& layer, const std::vector<Tensor>& x, const std::vector<Tensor>& d,
                               int threads) {
  const bool same = &x == &d;
  const int64_t units = layer.units(), samples = static_cast<int64_t>(x.size());
  const int64_t elements = layer.groups * layer.columns * layer.block * 2;
  const int64_t shards = std::clamp(kMostShardElements / elements, int64_t{1}, std::min(kShards, samples));
  std::vector<std::vector<Sums>> sums(static_cast<size_t>(shards), std::vector<Sums>(static_cast<size_t>(units)));
  std::vector<int64_t> counts(static_cast<size_t>(shards), 0);
  ParallelFor(shards, threads, [&](int64_t shard) {
    Matrix xs, ds;
    for (int64_t u = 0; u < units; ++u) {
      Sums& sum = sums[static_cast<size_t>(shard)][static_cast<size_t>(u)];
      const int64_t size = layer.size(u);
      sum.xx = Matrix::Zero(size, size);
      sum.x = Vector::Zero(size);
      if (!same) sum.xd = sum.xx, sum.d = sum.x;
      for (int64_t i = shard; i < samples; i += shards) {
        Unroll(layer, u, x[static_cast<size_t>(i)], i, xs);
        if (u == 0) counts[static_cast<size_t>(shard)] += xs.cols();
        sum.xx.selfadjointView<Eigen::Lower>().rankUpdate(xs);
        sum.x += xs.rowwise().sum();
        if (same) continue;
        Unroll(layer, u, d[static_cast<size_t>(i)], i, ds);
        sum.xd.noalias() += xs * ds.transpose();
        sum.d += ds.rowwise().sum();
      }
    }
  });
  double count = 0;
  for (int64_t c : counts) count += static_cast<double>(c);
  std::vector<Moments> moments(static_cast<size_t>(units));
  const double factor = 2 * static_cast<double>(layer.positions);
  for (size_t u = 0; u < moments.size(); ++u) {
    Sums all = std::move(sums[0][u]);
    for (size_t s = 1; s < sums.size(); ++s) {
      all.xx += sums[s][u].xx;
      all.x += sums[s][u].x;
      if (!same) all.xd += sums[s][u].xd, all.d += sums[s][u].d;
      sums[s][u] = {};
    }
    Moments& m = moments[u];
    m.x = all.x / count;
    m.xx = all.xx.selfadjointView<Eigen::Lower>();
    m.xx = factor * (m.xx / count - m.x * m.x.transpose());
    if (same) {
      m.d = m.x;
      m.xd = m.xx;
    } else {
      m.d = all.d / count;
      m.xd = factor * (all.xd / count - m.x * m.d.transpose());
    }
  }
  return moments;
}

int64_t Stream::SamplesThatFit(const Graph& graph, int64_t samples) {
  std::map<const Value*, const Node*> last;
  for (const auto& node : graph.nodes()) {
    for (const Value* operand : node->operands()) last[operand] = node.get();
  }
  int64_t live = 0, most = 1;
  for (const Value* input : graph.inputs()) live += input->type().bytes();
  for (const auto& node : graph.nodes()) {
    live += node->result()->type().bytes();
    most = std::max(most, live);
    const std::set<const Value*> operands(node->operands().begin(), node->operands().end());
    for (const Value* operand : operands) {
      if (!operand->is_constant() && last[operand] == node.get()) live -= operand->type().bytes();
    }
  }
  return std::clamp(kMostLiveBytes / (2 * most), int64_t{1}, samples);  // the dense graph's and the pruned one's
}

Stream::Stream(const Graph& graph, const Dataset& data, int64_t samples, int threads)
    : graph_(&graph), samples_(samples), threads_(threads) {
  std::vector<std::shared_ptr<std::vector<Tensor>>> inputs;
  for (size_t k = 0; k < graph.inputs().size(); ++k) {
    inputs.push_back(std::make_shared<std::vector<Tensor>>(static_cast<size_t>(samples)));
  }
  ParallelFor(samples, threads, [&](int64_t i) {
    std::vector<Tensor> sample = data.Sample(i, graph);
    for (size_t k = 0; k < inputs.size(); ++k) (*inputs[k])[static_cast<size_t>(i)] = std::move(sample[k]);
  });
  for (size_t k = 0; k < inputs.size(); ++k) live_.emplace_back(graph.inputs()[k], inputs[k]);
}

Stream::Samples Stream::Of(const Value* value) const {
  for (const auto& [v, samples] : live_) {
    if (v == value) return samples;
  }
  return nullptr;
}

Stream Stream::ForClone(const Graph& clone) const {
  Stream stream = *this;
  stream.graph_ = &clone;
  stream.live_.clear();
  for (size_t k = 0; k < clone.inputs().size(); ++k) {
    stream.live_.emplace_back(clone.inputs()[k], Of(graph_->inputs()[k]));
  }
  return stream;
}

absl::Status Stream::Run(const Node& node, const Stream* same, const Node* twin) {
  bool equal = same != nullptr;
  Graph one;
  std::vector<Value*> operands;
  std::vector<Samples> inputs;
  std::map<const Value*, Value*> copies;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const Value* operand = node.operand(i);
    const Value* other = equal ? twin->operand(i) : nullptr;
    Value*& copy = copies[operand];
    if (operand->is_constant()) {
      equal = equal && other && other->is_constant() && other->tensor() == operand->tensor();
      if (!copy) copy = one.AddConstant(operand->name(), operand->tensor());
    } else {
      const Samples samples = Of(operand);
      if (!samples) return absl::InternalError(operand->Text() + " was released before its last use");
      equal = equal && other && same->Of(other) == samples;
      if (!copy) {
        copy = one.AddInput(operand->name(), operand->type());
        inputs.push_back(samples);
      }
    }
    operands.push_back(copy);
  }
  const Value* result = node.result();
  if (equal) {
    live_.emplace_back(result, same->Of(twin->result()));
    return absl::OkStatus();
  }
  one.AddOutput(one.AddNode(node.attrs(), operands, result->name(), result->type(), node.loc())->result());
  const auto interpreter = Interpreter::Create(one);
  if (!interpreter.ok()) return interpreter.status();
  auto results = std::make_shared<std::vector<Tensor>>(static_cast<size_t>(samples_));
  absl::Status status = (*interpreter)
                            ->RunMany(
                                samples_,
                                [&](int64_t i) {
                                  std::vector<Tensor> sample;
                                  for (const Samples& input : inputs)
                                    sample.push_back((*input)[static_cast<size_t>(i)]);
                                  return sample;
                                },
                                [&](int64_t i, std::vector<Tensor> outputs) {
                                  (*results)[static_cast<size_t>(i)] = std::move(outputs[0]);
                                },
                                threads_);
  if (!status.ok()) return status;
  live_.emplace_back(result, std::move(results));
  return absl::OkStatus();
}

void Stream::Release(const Node& node) {
  for (const Value* operand : node.operands()) {
    if (operand->is_constant() || graph_->Users(operand).back() != &node) continue;
    std::erase_if(live_, [&](const auto& entry) { return entry.first == operand; });
  }
}

}  // namespace mcuc::obs
