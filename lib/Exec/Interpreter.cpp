// The interpreter: kernels in schedule order over a table of tensors, and loops over samples on several threads.
#include "mcuc/Exec/Interpreter.h"

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "Kernel.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

struct Interpreter::Impl {
  // A node with the slots of its operands and result. `last_uses`: slots of results that no later step reads.
  struct Step {
    const Node* node = nullptr;
    std::unique_ptr<exec::Kernel> kernel;
    std::vector<size_t> operands;
    size_t result = 0;
    std::vector<size_t> last_uses;
  };

  const Graph* graph = nullptr;
  std::unordered_map<const Value*, size_t> slots;
  std::vector<std::unique_ptr<Tensor>> decoded;  // the dense form of encoded constants
  std::vector<const Tensor*> constants;          // by slot; null for computed values
  std::vector<Step> steps;

  absl::Status Prepare();
  absl::Status CheckInputs(const std::vector<Tensor>& inputs) const;
};

absl::Status Interpreter::Impl::Prepare() {
  for (const Value* value : graph->values()) {
    slots[value] = constants.size();
    constants.push_back(nullptr);
    if (!value->is_constant()) continue;
    constants.back() = &value->tensor();
    if (value->tensor().encoded()) {
      auto dense = Decode(value->tensor());
      if (!dense.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(value->Text(), ": ", std::string(dense.status().message())));
      }
      decoded.push_back(std::make_unique<Tensor>(*std::move(dense)));
      constants.back() = decoded.back().get();
    }
  }
  std::unordered_map<const Value*, size_t> last_step;
  for (const auto& node : graph->nodes()) {
    Step step;
    step.node = node.get();
    exec::Operands known;
    for (const Value* operand : node->operands()) {
      step.operands.push_back(slots.at(operand));
      known.push_back(constants[slots.at(operand)]);
      if (operand->kind() == ValueKind::kResult && !graph->IsOutput(operand)) last_step[operand] = steps.size();
    }
    step.result = slots.at(node->result());
    auto kernel = exec::MakeKernel(*node, known);
    if (!kernel.ok()) return kernel.status();
    step.kernel = *std::move(kernel);
    steps.push_back(std::move(step));
  }
  for (const auto& [value, step] : last_step) steps[step].last_uses.push_back(slots.at(value));
  return absl::OkStatus();
}

absl::Status Interpreter::Impl::CheckInputs(const std::vector<Tensor>& inputs) const {
  if (inputs.size() != graph->inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("graph @", graph->name(), " takes ", graph->inputs().size(),
                                                   " inputs, but was given ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value* input = graph->inputs()[i];
    const Type &wanted = input->type(), &given = inputs[i].type();
    if (given.element != wanted.element || given.shape != wanted.shape || inputs[i].encoded()) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", input->Text(), " takes ", TypeText(wanted), ", but was given ", TypeText(given)));
    }
  }
  return absl::OkStatus();
}

Interpreter::Interpreter() : impl_(std::make_unique<Impl>()) {}
Interpreter::~Interpreter() = default;

absl::StatusOr<std::unique_ptr<Interpreter>> Interpreter::Create(const Graph& graph) {
  const exec::SingleThreaded single;
  std::unique_ptr<Interpreter> interpreter(new Interpreter());
  interpreter->impl_->graph = &graph;
  if (absl::Status s = interpreter->impl_->Prepare(); !s.ok()) return s;
  return interpreter;
}

absl::StatusOr<std::vector<Tensor>> Interpreter::Run(const std::vector<Tensor>& inputs,
                                                     const Observer& observer) const {
  const exec::SingleThreaded single;
  const Graph& graph = *impl_->graph;
  if (absl::Status s = impl_->CheckInputs(inputs); !s.ok()) return s;
  std::vector<const Tensor*> tensors = impl_->constants;
  std::vector<Tensor> results(tensors.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    tensors[impl_->slots.at(graph.inputs()[i])] = &inputs[i];
    if (observer) observer(*graph.inputs()[i], inputs[i]);
  }
  exec::Operands operands;
  for (const Impl::Step& step : impl_->steps) {
    operands.clear();
    for (size_t slot : step.operands) operands.push_back(tensors[slot]);
    Tensor& result = results[step.result];
    result = Tensor(step.node->result()->type());
    if (absl::Status s = step.kernel->Run(operands, result); !s.ok()) return s;
    tensors[step.result] = &result;
    if (observer) observer(*step.node->result(), result);
    for (size_t slot : step.last_uses) results[slot] = Tensor();
  }
  std::vector<Tensor> outputs;
  for (const Value* output : graph.outputs()) outputs.push_back(std::move(results[impl_->slots.at(output)]));
  return outputs;
}

absl::Status Interpreter::RunMany(int64_t count, const std::function<std::vector<Tensor>(int64_t)>& inputs,
                                  const std::function<void(int64_t, std::vector<Tensor>)>& outputs, int threads) const {
  // Samples start in order and none before a failing one is skipped, so that the first failing one is reported however
  // many threads there are.
  std::mutex mutex;
  std::atomic<int64_t> failed = std::numeric_limits<int64_t>::max();
  absl::Status status;
  ParallelFor(count, threads, [&](int64_t i) {
    if (i > failed) return;
    auto result = Run(inputs(i));
    if (result.ok()) return outputs(i, *std::move(result));
    const std::lock_guard lock(mutex);
    if (i > failed) return;
    failed = i;
    status =
        absl::Status(result.status().code(), absl::StrCat("sample ", i, ": ", std::string(result.status().message())));
  });
  return status;
}

void ParallelFor(int64_t count, int threads, const std::function<void(int64_t)>& body) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  threads = static_cast<int>(std::min<int64_t>(threads, count));
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  int64_t failed = count;
  std::exception_ptr exception;  // of the first index that threw
  const auto work = [&] {
    for (;;) {
      const int64_t i = next++;
      if (i >= count) return;
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          exception = std::current_exception();
        }
        next = count;  // nothing more is started
      }
    }
  };
  std::vector<std::thread> workers;
  for (int t = 1; t < threads; ++t) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  if (exception) std::rethrow_exception(exception);
}

}  // namespace mcuc
