// What everything that calls oneDNN shares: its engine, a stream for each thread, and tensors in their row-major form
// and in the one that a primitive wants.
#ifndef MCUC_LIB_EXEC_ONEDNN_H
#define MCUC_LIB_EXEC_ONEDNN_H

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "mcuc/IR/Tensor.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace mcuc::exec {

using dnnl::memory;
using dims = memory::dims;

inline const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

constexpr auto kFloat = memory::data_type::f32;

inline memory::desc Plain(const dims& shape) {
  const std::vector<int64_t> strides = Strides(shape);
  return memory::desc(shape, kFloat, dims(strides.begin(), strides.end()));
}
inline memory::desc Any(const dims& shape) { return memory::desc(shape, kFloat, memory::format_tag::any); }
inline dims Pads2(int64_t vertical, int64_t horizontal) { return {vertical, horizontal}; }

inline dnnl::primitive_attr Attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // the library's own is shared by a thread's primitives
  return attr;
}

// Memory for one run; not cleared.
struct Buffer {
  explicit Buffer(const memory::desc& desc)
      : bytes(new std::byte[desc.get_size()]), memory(desc, Engine(), bytes.get()) {}
  std::unique_ptr<std::byte[]> bytes;
  dnnl::memory memory;
};

// kRead: the primitive reads it. kWrite: it is written. kAdd: what the primitive writes is added to it.
enum class Access : uint8_t { kRead, kWrite, kAdd };

// A tensor of a primitive: its row-major form and the form that the primitive wants.
class Argument {
 public:
  Argument(int id, memory::desc plain, memory::desc wanted, Access access)
      : id_(id), plain_(std::move(plain)), wanted_(std::move(wanted)) {
    if (plain_ == wanted_ && access != Access::kAdd) return;
    const memory::desc& from = access == Access::kRead ? plain_ : wanted_;
    const memory::desc& to = access == Access::kRead ? wanted_ : plain_;
    dnnl::primitive_attr attributes = Attributes();
    if (access == Access::kAdd) {
      dnnl::post_ops sum;
      sum.append_sum(1);
      attributes.set_post_ops(sum);
    }
    reorder_ = dnnl::reorder(dnnl::reorder::primitive_desc(Engine(), from, Engine(), to, attributes));
  }

  int id() const { return id_; }
  bool reordered() const { return reorder_.has_value(); }
  memory PlainMemory(float* data) const { return memory(plain_, Engine(), data); }
  const memory::desc& wanted() const { return wanted_; }

  void Reorder(memory from, memory to) const {
    reorder_->execute(Stream(), {{DNNL_ARG_FROM, std::move(from)}, {DNNL_ARG_TO, std::move(to)}});
  }
  // Brings a constant into the wanted form once and for all.
  void Fix(float* data) {
    if (!reordered()) return;
    const auto constant = std::make_shared<const Buffer>(wanted_);
    Reorder(PlainMemory(data), constant->memory);
    Stream().wait();
    constant_ = constant;
  }
  const Buffer* constant() const { return constant_.get(); }

 private:
  int id_;
  memory::desc plain_, wanted_;
  std::optional<dnnl::reorder> reorder_;
  std::shared_ptr<const Buffer> constant_;
};

}  // namespace mcuc::exec

#endif  // MCUC_LIB_EXEC_ONEDNN_H
