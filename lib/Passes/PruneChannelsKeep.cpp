// Which elements of the values must stay: those that an output depends on through weights that are not zero, then,
// until nothing changes, those without which an operation's operands and result would no longer fit each other.
#include <algorithm>
#include <cstring>
#include <functional>

#include "Canonicalize.h"
#include "PruneChannels.h"

namespace mcuc::channels {

namespace {

bool Any(const std::vector<char>& v) { return std::find(v.begin(), v.end(), 1) != v.end(); }

// Element of an operand that element i of the result reads, where the operand is broadcast.
int64_t BroadcastIndex(const Shape& operand, const Shape& result, int64_t i) {
  int64_t index = 0, stride = 1;
  for (size_t d = 1; d <= result.size(); ++d) {
    const int64_t size = result[result.size() - d], at = i % size;
    i /= size;
    if (d > operand.size()) continue;
    const int64_t own = operand[operand.size() - d];
    if (own != 1) index += at * stride;
    stride *= own;
  }
  return index;
}

// N x C x rest both.
bool SamePlanes(const Shape& a, const Shape& b) {
  return a.size() >= 2 && b.size() >= 2 && std::equal(a.begin(), a.begin() + 2, b.begin());
}

// How an operation carries channels: dimension 1 of x and of the result are the same channels.
bool CarriesPlanes(const Node& node) {
  if (!SamePlanes(node.operand(0)->type().shape, node.result()->type().shape)) return false;
  if (const auto* slice = node.If<SliceAttrs>()) return slice->starts[1] == 0;  // or all of them backwards
  if (const auto* reduce = node.If<ReduceAttrs>()) {
    return std::all_of(reduce->axes.begin(), reduce->axes.end(), [](int64_t axis) { return axis > 1; });
  }
  return node.If<MaxPoolAttrs>() || node.If<AvgPoolAttrs>() || node.If<ResizeAttrs>() || node.If<PadAttrs>();
}

// Element i of the result is a function of element i of operand 0 alone.
bool IsElementwise(const Node& node) {
  switch (node.op()) {
    case Op::kUnary:
    case Op::kLut:
    case Op::kReshape:
    case Op::kCast:
    case Op::kIdentity:
    case Op::kQuantize:
    case Op::kDequantize:
    case Op::kRequantize:
      return true;
    default:
      return false;
  }
}

// The channels of the operand and of the result of a layer: shapes seen as outer x channels x inner.
struct LayerShape {
  explicit LayerShape(const Node& node) {
    const Shape &w = node.operand(1)->type().shape, &x = node.operand(0)->type().shape;
    const Shape& y = node.result()->type().shape;
    if (node.If<FcAttrs>()) {
      inputs = w[1], outputs = w[0];
      return;
    }
    groups = node.If<ConvAttrs>() ? node.As<ConvAttrs>().group : node.As<ConvTransposeAttrs>().group;
    transposed = node.If<ConvTransposeAttrs>() != nullptr;
    inputs = x[1], outputs = y[1];
    taps = w[2] * w[3];
    x_inner = x[2] * x[3], y_inner = y[2] * y[3];
  }
  // Some tap from input channel c (of all) to output channel m is not zero; both are of one group.
  bool Reads(const Tensor& w, int64_t m, int64_t c) const {
    const int64_t group_inputs = inputs / groups, group_outputs = outputs / groups;
    const int64_t first =
        transposed ? (c * group_outputs + m % group_outputs) * taps : (m * group_inputs + c % group_inputs) * taps;
    for (int64_t t = 0; t < taps; ++t) {
      if (w.AsDouble(first + t) != 0) return true;
    }
    return false;
  }
  int64_t groups = 1, inputs = 0, outputs = 0, taps = 1, x_inner = 1, y_inner = 1;
  bool transposed = false;
};

class Keeper {
 public:
  explicit Keeper(const Graph& graph) : graph_(graph) {
    for (const Value* value : graph.values()) {
      if (!value->is_constant()) keep_[value].assign(static_cast<size_t>(value->type().elements()), 0);
    }
  }

  Keep Run() {
    for (const Value* output : graph_.outputs()) All(output);
    const std::vector<Node*> nodes = graph_.node_vector();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) Demand(**node);
    for (const Value* input : graph_.inputs()) All(input);
    do {
      changed_ = false;
      for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) Fit(**node);
      for (const Node* node : nodes) Fit(*node);
      for (auto& [value, keep] : keep_) Square(value, keep);
    } while (changed_);
    return std::move(keep_);
  }

 private:
  using Channels = std::vector<char>;

  bool Has(const Value* value) const { return value && keep_.count(value) > 0; }
  void Set(const Value* value, int64_t i) {
    char& keep = keep_.at(value)[static_cast<size_t>(i)];
    if (!keep) keep = 1, changed_ = true;
  }
  void All(const Value* value) {
    if (!Has(value)) return;
    for (int64_t i = 0; i < value->type().elements(); ++i) Set(value, i);
  }
  void Couple(const Value* a, int64_t i, const Value* b, int64_t j) {
    if (keep_.at(a)[static_cast<size_t>(i)]) Set(b, j);
    if (keep_.at(b)[static_cast<size_t>(j)]) Set(a, i);
  }

  Channels ChannelsOf(const Value* value, int64_t channels, int64_t inner) const {
    Channels kept(static_cast<size_t>(channels), 0);
    const auto& keep = keep_.at(value);
    for (size_t i = 0; i < keep.size(); ++i) {
      if (keep[i]) kept[i / static_cast<size_t>(inner) % static_cast<size_t>(channels)] = 1;
    }
    return kept;
  }
  void SetChannels(const Value* value, const Channels& kept, int64_t inner) {
    const auto n = static_cast<int64_t>(kept.size());
    for (int64_t i = 0; i < value->type().elements(); ++i) {
      if (kept[static_cast<size_t>(i / inner % n)]) Set(value, i);
    }
  }
  int64_t Inner(const Value* value) const {
    const Shape& shape = value->type().shape;
    return value->type().elements() / (shape[0] * shape[1]);
  }
  void CouplePlanes(const Value* a, const Value* b) {
    const int64_t channels = a->type().shape[1];
    Channels kept = ChannelsOf(a, channels, Inner(a));
    const Channels other = ChannelsOf(b, channels, Inner(b));
    for (size_t c = 0; c < kept.size(); ++c) kept[c] |= other[c];
    SetChannels(a, kept, Inner(a));
    SetChannels(b, kept, Inner(b));
  }

  // What the result's needed elements need of the operands.
  void Demand(const Node& node) {
    const Value *y = node.result(), *x = node.operand(0);
    const std::vector<char>& need = keep_.at(y);
    if (!Any(need)) return;
    if (IsPlainLayer(graph_, node) && Has(x)) {
      const LayerShape s(node);
      const Tensor& w = node.operand(1)->tensor();
      const Channels out = ChannelsOf(y, s.outputs, s.y_inner);
      Channels in(static_cast<size_t>(s.inputs), 0);
      const int64_t ci = s.inputs / s.groups, mo = s.outputs / s.groups;
      for (int64_t c = 0; c < s.inputs; ++c) {
        for (int64_t m = c / ci * mo; m < (c / ci + 1) * mo && !in[static_cast<size_t>(c)]; ++m) {
          in[static_cast<size_t>(c)] = out[static_cast<size_t>(m)] && s.Reads(w, m, c);
        }
      }
      SetChannels(x, in, s.x_inner);
    } else if (IsElementwise(node) || node.If<BinaryAttrs>() || node.If<TransposeAttrs>() || node.If<ConcatAttrs>()) {
      ForEachPair(node, [&](const Value* operand, int64_t i, int64_t j) {
        if (need[static_cast<size_t>(j)]) Set(operand, i);
      });
    } else if (CarriesPlanes(node) && Has(x)) {
      SetChannels(x, ChannelsOf(y, y->type().shape[1], Inner(y)), Inner(x));
    } else {
      for (const Value* operand : node.operands()) All(operand);
    }
  }

  // Calls f(operand, element of it, element of the result) where the one becomes the other; computed operands only.
  void ForEachPair(const Node& node, const std::function<void(const Value*, int64_t, int64_t)>& f) {
    const Value *y = node.result(), *x = node.operand(0);
    const Shape& shape = y->type().shape;
    const int64_t n = y->type().elements();
    if (const auto* transpose = node.If<TransposeAttrs>()) {
      if (!Has(x)) return;
      const std::vector<int64_t> index = canonicalize::TransposeIndex(x->type().shape, transpose->perm);
      for (int64_t j = 0; j < n; ++j) f(x, index[static_cast<size_t>(j)], j);
    } else if (const auto* concat = node.If<ConcatAttrs>()) {
      int64_t inner = 1, before = 0;
      for (size_t d = static_cast<size_t>(concat->axis) + 1; d < shape.size(); ++d) inner *= shape[d];
      const int64_t row = shape[static_cast<size_t>(concat->axis)] * inner;
      for (const Value* operand : node.operands()) {
        const int64_t own = operand->type().shape[static_cast<size_t>(concat->axis)] * inner;
        for (int64_t i = 0; i < operand->type().elements() && Has(operand); ++i) {
          f(operand, i, i / own * row + before + i % own);
        }
        before += own;
      }
    } else if (node.If<BinaryAttrs>()) {
      for (const Value* operand : node.operands()) {
        for (int64_t j = 0; j < n && Has(operand); ++j) f(operand, BroadcastIndex(operand->type().shape, shape, j), j);
      }
    } else if (Has(x)) {
      for (int64_t j = 0; j < n; ++j) f(x, j, j);
    }
  }

  // What must stay because something beside it stays.
  void Fit(const Node& node) {
    const Value *y = node.result(), *x = node.operand(0);
    const auto whole = [&](const Value* v) {
      return !Has(v) || !std::memchr(keep_.at(v).data(), 0, keep_.at(v).size());
    };
    if (whole(y) && std::all_of(node.operands().begin(), node.operands().end(), whole)) return;
    if (IsPlainLayer(graph_, node) && Has(x)) {
      const LayerShape s(node);
      Channels in = ChannelsOf(x, s.inputs, s.x_inner), out = ChannelsOf(y, s.outputs, s.y_inner);
      const int64_t ci = s.inputs / s.groups, mo = s.outputs / s.groups;
      for (int64_t g = 0; g < s.groups && s.groups > 1; ++g) {  // a group goes as a whole
        const auto in_g = in.begin() + g * ci, out_g = out.begin() + g * mo;
        const bool kept = std::count(in_g, in_g + ci, 1) + std::count(out_g, out_g + mo, 1) > 0;
        std::fill(in_g, in_g + ci, kept);
        std::fill(out_g, out_g + mo, kept);
      }
      SetChannels(x, in, s.x_inner);
      SetChannels(y, out, s.y_inner);
      return;
    }
    if (node.If<BinaryAttrs>()) {
      for (const Value* operand : node.operands()) {
        if (!Has(operand)) continue;
        const Shape &a = operand->type().shape, &b = y->type().shape;
        if (a == b) {
          for (int64_t i = 0; i < y->type().elements(); ++i) Couple(operand, i, y, i);
        } else if (a.size() == b.size() && SamePlanes(a, b)) {
          CouplePlanes(operand, y);  // a factor a channel
        } else {
          All(operand);
          All(y);
        }
      }
      return;
    }
    if (IsElementwise(node) || node.If<TransposeAttrs>() || node.If<ConcatAttrs>()) {
      if (node.If<ConcatAttrs>()) {
        // A constant operand stays as it is.
        std::vector<char> computed(static_cast<size_t>(y->type().elements()), 0);
        ForEachPair(node, [&](const Value*, int64_t, int64_t j) { computed[static_cast<size_t>(j)] = 1; });
        for (size_t j = 0; j < computed.size(); ++j) {
          if (!computed[j]) Set(y, static_cast<int64_t>(j));
        }
      }
      ForEachPair(node, [&](const Value* operand, int64_t i, int64_t j) { Couple(operand, i, y, j); });
      return;
    }
    if (CarriesPlanes(node) && Has(x)) return CouplePlanes(x, y);
    for (const Value* operand : node.operands()) All(operand);
    All(y);
  }

  // What goes are whole slices along one axis, and not all of them.
  void Square(const Value* value, std::vector<char>& keep) {
    const Shape& shape = value->type().shape;
    if (!std::memchr(keep.data(), 0, keep.size())) return;
    if (shape.empty()) return All(value);
    if (!Any(keep)) {
      const size_t axis = shape.size() == 4 ? 1 : shape.size() - 1;
      Channels first(static_cast<size_t>(shape[axis]), 0);
      first[0] = 1;
      SetChannels(value, first, Strides(shape)[axis]);
    }
    const Slices slices = SlicesOf(shape, keep);
    if (slices.axis < 0) return All(value);
    const auto axis = static_cast<size_t>(slices.axis);
    Channels kept(static_cast<size_t>(shape[axis]), 0);
    for (int64_t k : slices.kept) kept[static_cast<size_t>(k)] = 1;
    SetChannels(value, kept, Strides(shape)[axis]);
  }

  const Graph& graph_;
  Keep keep_;
  bool changed_ = false;
};

}  // namespace

bool IsPlainLayer(const Graph& graph, const Node& node) {
  if (!node.If<ConvAttrs>() && !node.If<ConvTransposeAttrs>() && !node.If<FcAttrs>()) return false;
  return canonicalize::Dense(node.operand(1)) && graph.HasOneUse(node.operand(1)) &&
         (!node.operand(2) || canonicalize::Dense(node.operand(2)));
}

Slices SlicesOf(const Shape& shape, const std::vector<char>& keep) {
  Slices best;
  int64_t most = 0;
  const std::vector<int64_t> strides = Strides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    std::vector<char> kept(static_cast<size_t>(shape[d]), 0);
    for (size_t i = 0; i < keep.size(); ++i) {
      if (keep[i]) kept[i / static_cast<size_t>(strides[d]) % kept.size()] = 1;
    }
    Slices slices{static_cast<int64_t>(d), {}};
    for (size_t k = 0; k < kept.size(); ++k) {
      if (kept[k]) slices.kept.push_back(static_cast<int64_t>(k));
    }
    // Elements that go.
    const int64_t gone = (shape[d] - static_cast<int64_t>(slices.kept.size())) * (Elements(shape) / shape[d]);
    if (gone > most) most = gone, best = std::move(slices);
  }
  return best;
}

Keep KeptOf(const Graph& graph) { return Keeper(graph).Run(); }

}  // namespace mcuc::channels
