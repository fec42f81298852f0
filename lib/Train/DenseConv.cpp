// Convolutions by oneDNN: three primitives, each with its arguments brought into the form that it wants and back.
#include "DenseConv.h"

#include <unordered_map>

#include "../Exec/Kernel.h"
#include "../Exec/OneDnn.h"

namespace mcuc::train {

namespace {

using dnnl::memory;
using exec::Access;
using exec::Any;
using exec::Argument;
using exec::Pads2;
using exec::Plain;

// The library's blocks are of 16 channels, of so many colours at most of a first layer too; between the two they would
// mostly be padding, and products over columns are as fast.
constexpr int64_t kBlock = 16, kColours = 4;

// A primitive and its arguments, the result last.
struct Step {
  dnnl::primitive primitive;
  memory::desc scratchpad;
  std::vector<Argument> arguments;

  void Run(const std::vector<float*>& data, Scratch& scratch) const {
    constexpr size_t kAlign = 16;  // floats
    const auto floats = [](const memory::desc& desc) {
      return (desc.get_size() / sizeof(float) + kAlign) / kAlign * kAlign;
    };
    size_t all = kAlign + floats(scratchpad);
    for (const Argument& argument : arguments) {
      if (argument.reordered()) all += floats(argument.wanted());
    }
    if (scratch.floats.size() < all) scratch.floats.resize(all);
    float* free = scratch.floats.data();
    free += (kAlign - reinterpret_cast<uintptr_t>(free) / sizeof(float) % kAlign) % kAlign;
    const auto take = [&](const memory::desc& desc) {
      memory taken(desc, exec::Engine(), free);
      free += floats(desc);
      return taken;
    };
    std::unordered_map<int, memory> given;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Argument& argument = arguments[i];
      memory plain = argument.PlainMemory(data[i]);
      memory wanted = argument.reordered() ? take(argument.wanted()) : plain;
      if (argument.reordered() && i + 1 < arguments.size()) argument.Reorder(plain, wanted);
      given[argument.id()] = wanted;
    }
    if (scratchpad.get_size() > 0) given[DNNL_ARG_SCRATCHPAD] = take(scratchpad);
    primitive.execute(exec::Stream(), given);
    const Argument& result = arguments.back();
    if (result.reordered()) result.Reorder(given[result.id()], result.PlainMemory(data.back()));
    exec::Stream().wait();
  }
};

float* Mutable(const float* x) { return const_cast<float*>(x); }  // sources are only read

}  // namespace

struct DenseConv::Impl {
  Step forward, data, weights;
};

DenseConv::DenseConv() : impl_(std::make_unique<Impl>()) {}
DenseConv::~DenseConv() = default;

std::unique_ptr<DenseConv> DenseConv::Create(const ConvAttrs& attrs, const Shape& x, const Shape& w, Pair count,
                                             bool bias) {
  if (attrs.group != 1 || (x[1] > kColours && x[1] < kBlock) || w[0] < kBlock) return nullptr;
  for (size_t d = 0; d < 2; ++d) {  // padding that windows can lie in is no case that the library is made for
    const int64_t reach = (w[2 + d] - 1) * attrs.dilations[d] + 1;
    if (attrs.pads[d] >= reach || attrs.pads[2 + d] >= reach) return nullptr;
  }
  const Shape y = {x[0], w[0], count[0], count[1]};
  const memory::dims strides = Pads2(attrs.strides[0], attrs.strides[1]);
  const memory::dims dilations = Pads2(attrs.dilations[0] - 1, attrs.dilations[1] - 1);
  const memory::dims before = Pads2(attrs.pads[0], attrs.pads[1]), after = Pads2(attrs.pads[2], attrs.pads[3]);
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  constexpr auto kTraining = dnnl::prop_kind::forward_training;
  const dnnl::engine& engine = exec::Engine();
  const dnnl::primitive_attr attributes = exec::Attributes();
  const exec::SingleThreaded single;  // a primitive runs on as many threads as there were when it was made
  try {
    const dnnl::convolution_forward::primitive_desc forward(
        dnnl::convolution_forward::desc(kTraining, kDirect, Any(x), Any(w), bias ? Plain({w[0]}) : memory::desc(),
                                        Any(y), strides, dilations, before, after),
        attributes, engine);
    std::unique_ptr<DenseConv> conv(new DenseConv());
    Step& step = conv->impl_->forward;
    step.primitive = dnnl::convolution_forward(forward);
    step.scratchpad = forward.scratchpad_desc();
    step.arguments.emplace_back(DNNL_ARG_SRC, Plain(x), forward.src_desc(), Access::kRead);
    step.arguments.emplace_back(DNNL_ARG_WEIGHTS, Plain(w), forward.weights_desc(), Access::kRead);
    if (bias) step.arguments.emplace_back(DNNL_ARG_BIAS, forward.bias_desc(), forward.bias_desc(), Access::kRead);
    step.arguments.emplace_back(DNNL_ARG_DST, Plain(y), forward.dst_desc(), Access::kWrite);
    const dnnl::convolution_backward_data::primitive_desc data(
        dnnl::convolution_backward_data::desc(kDirect, Any(x), Any(w), Any(y), strides, dilations, before, after),
        attributes, engine, forward);
    conv->impl_->data = {dnnl::convolution_backward_data(data),
                         data.scratchpad_desc(),
                         {{DNNL_ARG_WEIGHTS, Plain(w), data.weights_desc(), Access::kRead},
                          {DNNL_ARG_DIFF_DST, Plain(y), data.diff_dst_desc(), Access::kRead},
                          {DNNL_ARG_DIFF_SRC, Plain(x), data.diff_src_desc(), Access::kAdd}}};
    const dnnl::convolution_backward_weights::primitive_desc weights(
        dnnl::convolution_backward_weights::desc(kDirect, Any(x), Any(w), Any(y), strides, dilations, before, after),
        attributes, engine, forward);
    conv->impl_->weights = {dnnl::convolution_backward_weights(weights),
                            weights.scratchpad_desc(),
                            {{DNNL_ARG_SRC, Plain(x), weights.src_desc(), Access::kRead},
                             {DNNL_ARG_DIFF_DST, Plain(y), weights.diff_dst_desc(), Access::kRead},
                             {DNNL_ARG_DIFF_WEIGHTS, Plain(w), weights.diff_weights_desc(), Access::kAdd}}};
    return conv;
  } catch (const dnnl::error&) {  // it refuses the shape
    return nullptr;
  }
}

void DenseConv::Forward(const float* x, const float* w, const float* bias, float* y, Scratch& scratch) const {
  std::vector<float*> data = {Mutable(x), Mutable(w), y};
  if (bias) data.insert(data.begin() + 2, Mutable(bias));
  impl_->forward.Run(data, scratch);
}

void DenseConv::AddDataGradient(const float* w, const float* dy, float* dx, Scratch& scratch) const {
  impl_->data.Run({Mutable(w), Mutable(dy), dx}, scratch);
}

void DenseConv::AddWeightsGradient(const float* x, const float* dy, float* dw, Scratch& scratch) const {
  impl_->weights.Run({Mutable(x), Mutable(dy), dw}, scratch);
}

}  // namespace mcuc::train
