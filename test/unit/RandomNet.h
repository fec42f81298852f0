// Random small float networks of every operation that the passes know, valid by construction: the same seed makes the
// same network.
#ifndef MCUC_TEST_UNIT_RANDOM_NET_H
#define MCUC_TEST_UNIT_RANDOM_NET_H

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/IR/Infer.h"

namespace mcuc {

class RandomNet {
 public:
  explicit RandomNet(uint64_t seed) : random_(seed), graph_(std::make_unique<Graph>(absl::StrCat("net", seed))) {}

  std::unique_ptr<Graph> Make() {
    const Shape image = {Below(8) == 0 ? 2 : 1, Range(1, 5), Range(3, 10), Range(3, 10)};
    const int inputs = Below(4) == 0 ? 2 : 1;
    for (int i = 0; i < inputs; ++i) {
      pool_.push_back(graph_->AddInput(absl::StrCat("x", i), Type{ElementType::f32, image}));
    }
    const int64_t wanted = Range(3, 11);
    for (int tries = 0; tries < 200 && static_cast<int64_t>(graph_->nodes().size()) < wanted; ++tries) AddSomething();
    std::vector<Value*> unused;
    for (const auto& node : graph_->nodes()) {
      if (graph_->Users(node->result()).empty()) unused.push_back(node->result());
    }
    for (size_t i = 0; i < unused.size(); ++i) {
      if (i + 1 == unused.size() || Below(2) == 0) graph_->AddOutput(unused[i]);
    }
    // An output that others read too.
    if (Below(4) == 0) {
      Value* inner = graph_->node_vector()[Below(graph_->nodes().size())]->result();
      if (!graph_->IsOutput(inner)) graph_->AddOutput(inner);
    }
    graph_->EraseDead();
    return std::move(graph_);
  }

  // Inputs of a normal distribution.
  static std::vector<Tensor> Inputs(const Graph& graph, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    std::vector<Tensor> inputs;
    for (const Value* input : graph.inputs()) {
      Tensor tensor(input->type());
      for (float& x : tensor.data<float>()) x = normal(random);
      inputs.push_back(std::move(tensor));
    }
    return inputs;
  }

 private:
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  int64_t Range(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(Below(static_cast<size_t>(hi - lo + 1))); }
  bool Coin() { return Below(2) == 0; }
  Pair TwoOf(int64_t lo, int64_t hi) { return {Range(lo, hi), Range(lo, hi)}; }
  Pads FourBelow(int64_t vertical, int64_t horizontal) {
    return {Range(0, vertical - 1), Range(0, horizontal - 1), Range(0, vertical - 1), Range(0, horizontal - 1)};
  }

  // Late values are likelier, so that nets are deep.
  Value* Pick() { return pool_[pool_.size() - 1 - std::min(Below(pool_.size()), Below(pool_.size()))]; }

  // Weights of about unit gain; a fraction of zeros, at times whole rows of them.
  Value* Constant(const Shape& shape, double deviation) {
    std::normal_distribution<float> normal(0, static_cast<float>(deviation));
    Tensor tensor(Type{ElementType::f32, shape});
    for (float& x : tensor.data<float>()) x = normal(random_);
    return graph_->AddConstant("c", std::move(tensor));
  }

  bool Add(Attributes attrs, std::vector<Value*> operands, const Shape* declared = nullptr) {
    std::vector<const Type*> types;
    for (const Value* operand : operands) types.push_back(&operand->type());
    const absl::StatusOr<Shape> shape = InferShape(attrs, types, declared);
    if (!shape.ok() || Elements(*shape) > 2000) {
      for (Value* operand : operands) {
        if (operand->is_constant() && graph_->Users(operand).empty()) graph_->EraseConstant(operand);
      }
      return false;
    }
    const std::string loc = absl::StrCat("n", graph_->nodes().size());
    Node* node = graph_->AddNode(std::move(attrs), std::move(operands), loc, Type{ElementType::f32, *shape}, "/" + loc);
    pool_.push_back(node->result());
    return true;
  }

  void AddConv(Value* x) {
    const Shape& shape = x->type().shape;
    const int64_t channels = shape[1];
    ConvAttrs attrs;
    attrs.group = Below(3) == 0 ? std::gcd(channels, Range(1, channels)) : Below(3) == 0 ? channels : 1;
    const int64_t outputs = attrs.group * Range(1, Coin() ? 2 : 4);
    const Pair kernel = TwoOf(1, 3);
    attrs.strides = Coin() ? Pair{1, 1} : TwoOf(1, 3);
    attrs.dilations = Below(4) == 0 ? TwoOf(1, 2) : Pair{1, 1};
    attrs.pads = Coin() ? FourBelow(kernel[0], kernel[1]) : Pads{};
    const int64_t terms = channels / attrs.group * kernel[0] * kernel[1];
    std::vector<Value*> operands = {x, Constant({outputs, channels / attrs.group, kernel[0], kernel[1]},
                                                1 / std::sqrt(static_cast<double>(terms)))};
    if (Coin()) operands.push_back(Constant({outputs}, 0.3));
    Add(attrs, operands);
  }

  void AddConvTranspose(Value* x) {
    const int64_t channels = x->type().shape[1];
    ConvTransposeAttrs attrs;
    attrs.group = Coin() ? channels : 1;
    attrs.strides = TwoOf(1, 2);
    Add(attrs, {x, Constant({channels, Range(1, 2), Range(1, 3), Range(1, 3)}, 0.4)});
  }

  void AddPool(Value* x) {
    const Pair kernel = TwoOf(1, 3), strides = TwoOf(1, 3);
    const Pads pads = Coin() ? FourBelow(kernel[0], kernel[1]) : Pads{};
    if (Coin()) {
      Add(MaxPoolAttrs{kernel, strides, Below(4) == 0 ? TwoOf(1, 2) : Pair{1, 1}, pads, Coin()}, {x});
    } else {
      AvgPoolAttrs attrs;
      attrs.kernel = kernel, attrs.strides = strides, attrs.pads = pads;
      attrs.ceil = Coin(), attrs.count_include_pad = Coin();
      Add(attrs, {x});
    }
  }

  void AddResize(Value* x) {
    const Shape& shape = x->type().shape;
    ResizeAttrs attrs;
    attrs.mode = Coin() ? ResizeMode::nearest : ResizeMode::linear;
    attrs.transform = static_cast<ResizeTransform>(Below(4));
    attrs.round = static_cast<ResizeRound>(Below(4));
    const Shape to = {shape[0], shape[1], Range(1, 2 * shape[2]), Range(1, 2 * shape[3])};
    Add(attrs, {x}, &to);
  }

  void AddFc(Value* x) {
    const int64_t terms = x->type().shape.back(), outputs = Range(1, 12);
    std::vector<Value*> operands = {x, Constant({outputs, terms}, 1 / std::sqrt(static_cast<double>(terms)))};
    if (Coin()) operands.push_back(Constant({outputs}, 0.3));
    Add(FcAttrs{}, operands);
  }

  void AddUnary(Value* x) {
    static constexpr UnaryFn kFns[] = {UnaryFn::relu,       UnaryFn::relu,         UnaryFn::relu,     UnaryFn::clip,
                                       UnaryFn::leaky_relu, UnaryFn::elu,          UnaryFn::sigmoid,  UnaryFn::tanh,
                                       UnaryFn::hard_swish, UnaryFn::hard_sigmoid, UnaryFn::softplus, UnaryFn::abs,
                                       UnaryFn::neg};
    UnaryAttrs attrs;
    attrs.fn = kFns[Below(std::size(kFns))];
    if (attrs.fn == UnaryFn::clip) attrs.alpha = Coin() ? 0.0f : -0.5f, attrs.beta = Coin() ? 1.0f : 6.0f;
    if (attrs.fn == UnaryFn::leaky_relu || attrs.fn == UnaryFn::elu) attrs.alpha = 0.25f;
    if (attrs.fn == UnaryFn::hard_sigmoid) attrs.alpha = 0.2f, attrs.beta = 0.5f;
    Add(attrs, {x});
  }

  void AddBinary(Value* a) {
    static constexpr BinaryFn kFns[] = {BinaryFn::add, BinaryFn::add, BinaryFn::sub, BinaryFn::mul,
                                        BinaryFn::min, BinaryFn::max, BinaryFn::div, BinaryFn::prelu};
    BinaryAttrs attrs;
    attrs.fn = kFns[Below(std::size(kFns))];
    const Shape& shape = a->type().shape;
    if (attrs.fn == BinaryFn::div || attrs.fn == BinaryFn::prelu || Below(3) == 0) {
      Shape constant = shape;
      for (int64_t& dim : constant) dim = Coin() ? dim : 1;
      while (!constant.empty() && Coin()) constant.erase(constant.begin());
      Value* c = Constant(constant, 1);
      if (attrs.fn == BinaryFn::div) {
        Tensor tensor = c->tensor();
        for (float& x : tensor.data<float>()) x = x < 0 ? x - 0.5f : x + 0.5f;
        c->set_tensor(std::move(tensor));
      }
      const bool swap = attrs.fn != BinaryFn::div && attrs.fn != BinaryFn::prelu && Coin();
      Add(attrs, swap ? std::vector<Value*>{c, a} : std::vector<Value*>{a, c});
      return;
    }
    // Preferably another value of the shape.
    for (int tries = 0; tries < 10; ++tries) {
      Value* b = Pick();
      if (b != a && (b->type().shape == shape || tries > 6) && Add(attrs, {a, b})) return;
    }
    Add(attrs, {a, a});
  }

  void AddConcat(Value* a) {
    const Shape& shape = a->type().shape;
    const int64_t axis = Range(0, a->type().rank() - 1);
    std::vector<Value*> operands = {a};
    for (int tries = 0; tries < 8 && operands.size() < 3; ++tries) {
      Shape other = Pick()->type().shape;
      Value* b = Pick();
      other = b->type().shape;
      if (other.size() != shape.size()) continue;
      other[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)];
      if (other == shape) operands.push_back(b);
    }
    if (Below(4) == 0) operands.push_back(Constant(shape, 1));
    ConcatAttrs attrs;
    attrs.axis = axis;
    Add(attrs, operands);
  }

  void AddSlice(Value* x) {
    Shape to;
    SliceAttrs attrs;
    for (const int64_t dim : x->type().shape) {
      const int64_t first = Range(0, dim - 1), last = Coin() ? (first > 0 ? 0 : dim - 1) : Range(0, dim - 1);
      const int64_t step = (last < first ? -1 : 1) * Range(1, 2);
      attrs.starts.push_back(first);
      attrs.steps.push_back(step);
      to.push_back((last - first) / step + 1);
    }
    Add(attrs, {x}, &to);
  }

  void AddPad(Value* x) {
    PadAttrs attrs;
    attrs.mode = static_cast<PadMode>(Below(3));
    attrs.value = Coin() ? 0.0 : 0.5;
    for (const int64_t dim : x->type().shape) {
      attrs.before.push_back(Coin() ? 0 : Range(0, std::min<int64_t>(2, dim - 1)));
      attrs.after.push_back(Coin() ? 0 : Range(0, std::min<int64_t>(2, dim - 1)));
    }
    Add(attrs, {x});
  }

  void AddReshape(Value* x) {
    const Shape& shape = x->type().shape;
    Shape to;
    switch (Below(3)) {
      case 0:
        to = {1, Elements(shape)};
        break;
      case 1:
        to = {shape[0], Elements(shape) / shape[0]};
        break;
      default: {
        const int64_t all = Elements(shape), rows = std::gcd(all, Range(1, 12)), rest = all / rows;
        const int64_t columns = std::gcd(rest, Range(1, 12));
        to = {1, rows, columns, rest / columns};
      }
    }
    Add(ReshapeAttrs{}, {x}, &to);
  }

  void AddTranspose(Value* x) {
    TransposeAttrs attrs;
    attrs.perm.resize(x->type().shape.size());
    std::iota(attrs.perm.begin(), attrs.perm.end(), 0);
    for (size_t i = attrs.perm.size(); i > 1; --i) std::swap(attrs.perm[i - 1], attrs.perm[Below(i)]);
    Add(attrs, {x});
  }

  void AddReduce(Value* x) {
    ReduceAttrs attrs;
    attrs.fn = static_cast<ReduceFn>(Below(4));
    for (int64_t axis = 0; axis < x->type().rank(); ++axis) {
      if (Coin()) attrs.axes.push_back(axis);
    }
    if (attrs.axes.empty()) attrs.axes.push_back(x->type().rank() - 1);
    attrs.keepdims = Below(3) != 0;
    Add(attrs, {x});
  }

  void AddMove(Value* x) {
    switch (Below(6)) {
      case 0:
        return AddConcat(x);
      case 1:
        return AddSlice(x);
      case 2:
        return AddPad(x);
      case 3:
        return AddReshape(x);
      case 4:
        return AddTranspose(x);
      default: {
        GatherAttrs attrs;
        attrs.axis = Range(0, x->type().rank() - 1);
        const int64_t dim = x->type().shape[static_cast<size_t>(attrs.axis)];
        std::vector<int64_t> indices(static_cast<size_t>(Range(1, 4)));
        for (int64_t& index : indices) index = Range(-dim, dim - 1);
        const Type type{ElementType::i64, {static_cast<int64_t>(indices.size())}};
        Add(attrs, {x, graph_->AddConstant("i", Tensor::Of<int64_t>(type, indices))});
      }
    }
  }

  void AddSomething() {
    Value* x = Pick();
    if (x->type().shape.empty()) return;
    const bool image = x->type().rank() == 4;
    switch (Below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return image ? AddConv(x) : AddFc(x);
      case 6:
      case 7:
        return image ? AddPool(x) : AddFc(x);
      case 8:
        return image && Coin() ? (Coin() ? AddConvTranspose(x) : AddResize(x)) : AddReduce(x);
      case 9:
      case 10:
      case 11:
        return AddBinary(x);
      case 12:
      case 13:
      case 14:
        return AddUnary(x);
      case 15: {
        SoftmaxAttrs attrs;
        attrs.axis = Range(0, x->type().rank() - 1);
        attrs.log = Below(4) == 0;
        Add(attrs, {x});
        return;
      }
      case 16: {
        const std::vector<Value*> operands = {x, Pick()};
        if (!operands[1]->type().shape.empty()) Add(MatMulAttrs{}, operands);
        return;
      }
      default:
        return AddMove(x);
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<Graph> graph_;
  std::vector<Value*> pool_;
};

}  // namespace mcuc

#endif  // MCUC_TEST_UNIT_RANDOM_NET_H
