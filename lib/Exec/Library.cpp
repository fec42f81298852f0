// Float32 convolutions, transposed convolutions, matrix products and pools by oneDNN. A primitive is made once for a
// node, its constant weights are brought into the layout it prefers once, and it runs from any thread: all memory it
// touches is given to it at each run. Where the library refuses a shape, the plain kernel of the operation serves.
#include <cstring>
#include <optional>
#include <unordered_map>

#include "Kernel.h"
#include "OneDnn.h"
#include "Windows.h"

// oneDNN runs on OpenMP; declared here because not every compiler brings omp.h along.
extern "C" {
void omp_set_num_threads(int);
int omp_get_max_threads(void);
}

namespace mcuc::exec {

SingleThreaded::SingleThreaded() : threads_(omp_get_max_threads()) { omp_set_num_threads(1); }
SingleThreaded::~SingleThreaded() { omp_set_num_threads(threads_); }

namespace {

constexpr auto kInference = dnnl::prop_kind::forward_inference;

float* MutableData(const Tensor& x) { return const_cast<float*>(x.data<float>().data()); }  // sources are only read

class LibraryKernel : public Kernel {
 public:
  // The offsets, in elements, of one execution's operands and result: a matrix product may run once for each matrix.
  struct Batch {
    std::vector<int64_t> sources;
    int64_t result = 0;
  };

  dnnl::primitive primitive;
  memory::desc scratchpad;
  std::vector<Argument> sources;  // in the order of the node's operands
  std::optional<Argument> result;
  std::vector<Batch> batches;  // empty: one, at offset 0
  Act act;
  Pool pool;
  Shape before_pool;
  std::unique_ptr<LibraryKernel> library_pool;  // null: FusedPool

  void Fix(const Operands& constants) {
    for (size_t i = 1; i < sources.size(); ++i) {
      if (constants[i]) sources[i].Fix(MutableData(*constants[i]));
    }
  }

  absl::Status Run(const Operands& operands, Tensor& y) const override {
    try {
      if (pool.kind == PoolKind::none) {
        Execute(operands, y);
        ApplyAct(act, y);
        return absl::OkStatus();
      }
      Tensor sums(Type{ElementType::f32, before_pool});
      Execute(operands, sums);
      ApplyAct(act, sums);
      if (library_pool) return library_pool->Run({&sums}, y);
      FusedPool(pool, sums, y);
      return absl::OkStatus();
    } catch (const dnnl::error& e) {
      return absl::InternalError(absl::StrCat("oneDNN: ", e.message));
    }
  }

 private:
  void Execute(const Operands& operands, Tensor& y) const {
    if (batches.empty()) return ExecuteOne(operands, {std::vector<int64_t>(sources.size(), 0), 0}, y);
    for (const Batch& batch : batches) ExecuteOne(operands, batch, y);
  }

  void ExecuteOne(const Operands& operands, const Batch& batch, Tensor& y) const {
    std::vector<std::unique_ptr<Buffer>> buffers;  // of this execution
    const auto buffer = [&](const memory::desc& desc) {
      buffers.push_back(std::make_unique<Buffer>(desc));
      return buffers.back()->memory;
    };
    std::unordered_map<int, memory> arguments;
    for (size_t i = 0; i < sources.size(); ++i) {
      const Argument& source = sources[i];
      if (source.constant()) {
        arguments[source.id()] = source.constant()->memory;
        continue;
      }
      memory plain = source.PlainMemory(MutableData(*operands[i]) + batch.sources[i]);
      if (source.reordered()) {
        memory wanted = buffer(source.wanted());
        source.Reorder(plain, wanted);
        plain = wanted;
      }
      arguments[source.id()] = plain;
    }
    const memory plain = result->PlainMemory(y.data<float>().data() + batch.result);
    arguments[result->id()] = result->reordered() ? buffer(result->wanted()) : plain;
    if (scratchpad.get_size() > 0) arguments[DNNL_ARG_SCRATCHPAD] = buffer(scratchpad);
    primitive.execute(Stream(), arguments);
    if (result->reordered()) result->Reorder(arguments[result->id()], plain);
    Stream().wait();
  }
};

// The weights and bias of a convolution, forwards or transposed. w: `outputs` first where !transposed, else second.
memory::desc WeightsDesc(const Shape& w, int64_t group, bool transposed, bool any) {
  dims shape = transposed ? dims{w[1], w[0] / group, w[2], w[3]} : dims{w[0] / group, w[1], w[2], w[3]};
  const int64_t area = w[2] * w[3];
  // Strides of the row-major tensor: within a group, of an output channel and of an input channel.
  const int64_t output = transposed ? area : w[1] * area, input = transposed ? w[1] * area : area;
  dims strides = {output, input, w[3], 1};
  if (group > 1) {
    shape.insert(shape.begin(), group);
    strides.insert(strides.begin(), w[0] / group * w[1] * area);
  }
  return any ? Any(shape) : memory::desc(shape, kFloat, strides);
}

std::unique_ptr<LibraryKernel> MakePool(const Windows& w, bool max, bool include_pad, const Shape& x, const Shape& y) {
  dims after(2), dilations(2);
  for (size_t d = 0; d < 2; ++d) {
    const int64_t reach = (w.kernel[d] - 1) * w.dilations[d] + 1;
    const int64_t end = (w.count[d] - 1) * w.strides[d] + reach - w.pads[d] - w.size[d];  // past the plane
    // oneDNN's divisor counts all that lies beyond the plane, and it refuses windows wholly in padding.
    if (include_pad && end > w.pads[2 + d]) return nullptr;
    if (w.pads[d] >= reach || end >= reach) return nullptr;
    after[d] = std::max<int64_t>(end, 0);
    dilations[d] = w.dilations[d] - 1;
  }
  const auto algorithm = max           ? dnnl::algorithm::pooling_max
                         : include_pad ? dnnl::algorithm::pooling_avg_include_padding
                                       : dnnl::algorithm::pooling_avg_exclude_padding;
  const dnnl::pooling_v2_forward::desc desc(kInference, algorithm, Plain(x), Plain(y),
                                            Pads2(w.strides[0], w.strides[1]), Pads2(w.kernel[0], w.kernel[1]),
                                            dilations, Pads2(w.pads[0], w.pads[1]), after);
  const dnnl::pooling_v2_forward::primitive_desc pd(desc, Attributes(), Engine());
  auto kernel = std::make_unique<LibraryKernel>();
  kernel->primitive = dnnl::pooling_v2_forward(pd);
  kernel->scratchpad = pd.scratchpad_desc();
  kernel->sources.emplace_back(DNNL_ARG_SRC, Plain(x), pd.src_desc(), Access::kRead);
  kernel->result.emplace(DNNL_ARG_DST, Plain(y), pd.dst_desc(), Access::kWrite);
  return kernel;
}

template <typename Pd>
std::unique_ptr<LibraryKernel> Weighted(const Pd& pd, dnnl::primitive primitive, const Shape& x, const memory::desc& w,
                                        bool bias, const Shape& y) {
  auto kernel = std::make_unique<LibraryKernel>();
  kernel->primitive = std::move(primitive);
  kernel->scratchpad = pd.scratchpad_desc();
  kernel->sources.emplace_back(DNNL_ARG_SRC, Plain(x), pd.src_desc(), Access::kRead);
  kernel->sources.emplace_back(DNNL_ARG_WEIGHTS, w, pd.weights_desc(), Access::kRead);
  if (bias) kernel->sources.emplace_back(DNNL_ARG_BIAS, pd.bias_desc(), pd.bias_desc(), Access::kRead);
  kernel->result.emplace(DNNL_ARG_DST, Plain(y), pd.dst_desc(), Access::kWrite);
  return kernel;
}

std::unique_ptr<LibraryKernel> MakeConv(const Node& node, const Shape& x, const Shape& w, const Shape& y) {
  const auto& attrs = node.As<ConvAttrs>();
  const Pair out = ConvOutputSize(attrs, x, w);
  const Shape conv_y = {x[0], w[0], out[0], out[1]};
  const bool bias = node.operand(2) != nullptr;
  for (size_t d = 0; d < 2; ++d) {  // padding that windows can lie in is no case that the library is made for
    const int64_t reach = (w[2 + d] - 1) * attrs.dilations[d] + 1;
    if (attrs.pads[d] >= reach || attrs.pads[2 + d] >= reach) return nullptr;
  }
  const dnnl::convolution_forward::desc desc(
      kInference, dnnl::algorithm::convolution_direct, Any(x), WeightsDesc(w, attrs.group, false, true),
      bias ? Plain({w[0]}) : memory::desc(), Any(conv_y), Pads2(attrs.strides[0], attrs.strides[1]),
      Pads2(attrs.dilations[0] - 1, attrs.dilations[1] - 1), Pads2(attrs.pads[0], attrs.pads[1]),
      Pads2(attrs.pads[2], attrs.pads[3]));
  const dnnl::convolution_forward::primitive_desc pd(desc, Attributes(), Engine());
  auto kernel = Weighted(pd, dnnl::convolution_forward(pd), x, WeightsDesc(w, attrs.group, false, false), bias, conv_y);
  kernel->act = attrs.act;
  kernel->pool = attrs.pool;
  kernel->before_pool = conv_y;
  if (attrs.pool.kind != PoolKind::none) {
    try {
      kernel->library_pool =
          MakePool(WindowsOf(attrs.pool, out, y), attrs.pool.kind == PoolKind::max, false, conv_y, y);
    } catch (const dnnl::error&) {  // FusedPool serves
    }
  }
  return kernel;
}

std::unique_ptr<LibraryKernel> MakeConvTranspose(const Node& node, const Shape& x, const Shape& w, const Shape& y) {
  const auto& attrs = node.As<ConvTransposeAttrs>();
  const bool bias = node.operand(2) != nullptr;
  // Rows and columns that output_pads adds are less cut off at the end.
  const dims after = {attrs.pads[2] - attrs.output_pads[0], attrs.pads[3] - attrs.output_pads[1]};
  const dnnl::deconvolution_forward::desc desc(
      kInference, dnnl::algorithm::deconvolution_direct, Any(x), WeightsDesc(w, attrs.group, true, true),
      bias ? Plain({y[1]}) : memory::desc(), Any(y), Pads2(attrs.strides[0], attrs.strides[1]),
      Pads2(attrs.dilations[0] - 1, attrs.dilations[1] - 1), Pads2(attrs.pads[0], attrs.pads[1]), after);
  const dnnl::deconvolution_forward::primitive_desc pd(desc, Attributes(), Engine());
  auto kernel = Weighted(pd, dnnl::deconvolution_forward(pd), x, WeightsDesc(w, attrs.group, true, false), bias, y);
  kernel->act = attrs.act;
  return kernel;
}

// rows x k times a k x columns matrix of these strides.
std::unique_ptr<LibraryKernel> MakeProduct(int64_t rows, int64_t k, int64_t columns, const dims& w_strides,
                                           bool constant, bool bias) {
  const memory::desc w({k, columns}, kFloat, w_strides);
  const memory::desc any = constant ? Any({k, columns}) : w;
  const memory::desc b = bias ? Plain({1, columns}) : memory::desc();
  const dnnl::matmul::desc desc = bias ? dnnl::matmul::desc(Plain({rows, k}), any, b, Plain({rows, columns}))
                                       : dnnl::matmul::desc(Plain({rows, k}), any, Plain({rows, columns}));
  const dnnl::matmul::primitive_desc pd(desc, Attributes(), Engine());
  return Weighted(pd, dnnl::matmul(pd), {rows, k}, w, bias, {rows, columns});
}

std::unique_ptr<LibraryKernel> MakeMatMul(const Node& node, const Shape& a, const Shape& b, const Shape& y) {
  const int64_t rows = a[a.size() - 2], k = a.back(), columns = b.back();
  auto kernel = MakeProduct(rows, k, columns, {columns, 1}, false, false);
  const auto leading = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
  const BroadcastRows batches(leading(a), leading(b), leading(y));
  for (const auto& row : batches.rows) {
    for (int64_t i = 0; i < batches.length; ++i) {
      kernel->batches.push_back({{(row.a + i * batches.a_step) * rows * k, (row.b + i * batches.b_step) * k * columns},
                                 (row.y + i) * rows * columns});
    }
  }
  kernel->act = node.As<MatMulAttrs>().act;
  return kernel;
}

std::unique_ptr<LibraryKernel> Make(const Node& node, const Operands& constants) {
  const Shape &x = node.operand(0)->type().shape, &y = node.result()->type().shape;
  const auto w = [&]() -> const Shape& { return node.operand(1)->type().shape; };
  switch (node.op()) {
    case Op::kConv:
      return MakeConv(node, x, w(), y);
    case Op::kConvTranspose:
      return MakeConvTranspose(node, x, w(), y);
    case Op::kFc: {
      const int64_t m = w()[0], k = w()[1];
      auto kernel = MakeProduct(Elements(x) / k, k, m, {1, k}, constants[1] != nullptr, node.operand(2) != nullptr);
      kernel->act = node.As<FcAttrs>().act;
      return kernel;
    }
    case Op::kMatMul:
      return MakeMatMul(node, x, w(), y);
    case Op::kMaxPool:
      return MakePool(WindowsOf(node.As<MaxPoolAttrs>(), x, y), true, false, x, y);
    case Op::kAvgPool:
      return MakePool(WindowsOf(node.As<AvgPoolAttrs>(), x, y), false, node.As<AvgPoolAttrs>().count_include_pad, x, y);
    default:
      return nullptr;
  }
}

}  // namespace

std::unique_ptr<Kernel> MakeLibraryKernel(const Node& node, const Operands& constants) {
  const auto is_float32 = [](const Type& type) { return type.element == ElementType::f32 && !type.quant; };
  if (!is_float32(node.result()->type())) return nullptr;
  for (const Value* operand : node.operands()) {
    if (!is_float32(operand->type())) return nullptr;
  }
  try {
    auto kernel = Make(node, constants);
    if (kernel) kernel->Fix(constants);
    return kernel;
  } catch (const dnnl::error&) {  // it refuses the shape
    return nullptr;
  }
}

}  // namespace mcuc::exec
