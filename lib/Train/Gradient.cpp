// The plan: layers in schedule order over a table of tensors, and their gradients in reverse.
#include "mcuc/Train/Gradient.h"

#include <algorithm>
#include <unordered_map>

#include "../Exec/Kernel.h"
#include "Batched.h"
#include "Layer.h"
#include "absl/strings/str_cat.h"

namespace mcuc::train {

struct GradientPlan::Impl {
  struct Step {
    std::unique_ptr<Layer> layer;
    std::vector<size_t> operands;  // slots
    size_t result = 0;
  };

  int64_t batch = 1;
  Batched form;
  std::unordered_map<const Value*, size_t> slots;
  std::vector<const Value*> values;  // by slot
  std::vector<int> parameter;        // by slot: the parameter's index, or -1
  std::vector<bool> wanted;          // by slot: has a gradient
  std::vector<Step> steps;

  absl::Status Prepare(bool input_gradients);
  size_t output() const { return slots.at(form.output); }
};

struct GradientPlan::Workspace::Impl {
  const GradientPlan::Impl* plan = nullptr;
  std::vector<Tensor> tensors;                // by slot; empty for constants
  std::vector<std::vector<float>> gradients;  // by slot; empty where not wanted, and for parameters
  std::vector<Scratch> scratch;               // one a step
};

absl::Status GradientPlan::Impl::Prepare(bool input_gradients) {
  for (const Value* value : form.graph->values()) {
    slots[value] = values.size();
    values.push_back(value);
  }
  parameter.assign(values.size(), -1);
  wanted.assign(values.size(), false);
  for (size_t i = 0; i < form.parameters.size(); ++i) {
    const size_t slot = slots.at(form.parameters[i]);
    parameter[slot] = static_cast<int>(i);
    wanted[slot] = true;
  }
  for (const Value* input : form.inputs) {
    if (input) wanted[slots.at(input)] = input_gradients;
  }
  for (const auto& node : form.graph->nodes()) {
    Step step;
    for (const Value* operand : node->operands()) step.operands.push_back(slots.at(operand));
    step.result = slots.at(node->result());
    wanted[step.result] =
        std::any_of(step.operands.begin(), step.operands.end(), [&](size_t slot) { return wanted[slot]; });
    auto layer = MakeLayer(*node);
    if (!layer.ok()) {
      return absl::Status(layer.status().code(),
                          absl::StrCat("training ", node->loc(), ": ", std::string(layer.status().message())));
    }
    step.layer = *std::move(layer);
    steps.push_back(std::move(step));
  }
  return absl::OkStatus();
}

GradientPlan::GradientPlan() : impl_(std::make_unique<Impl>()) {}
GradientPlan::~GradientPlan() = default;
GradientPlan::Workspace::Workspace() : impl_(std::make_unique<Impl>()) {}
GradientPlan::Workspace::~Workspace() = default;

absl::StatusOr<std::unique_ptr<GradientPlan>> GradientPlan::Create(const Graph& graph, const PlanOptions& options) {
  absl::StatusOr<Batched> form = MakeBatched(graph, options);
  if (!form.ok()) return form.status();
  std::unique_ptr<GradientPlan> plan(new GradientPlan());
  plan->impl_->batch = options.batch;
  plan->impl_->form = *std::move(form);
  if (absl::Status status = plan->impl_->Prepare(options.input_gradients); !status.ok()) return status;
  return plan;
}

int64_t GradientPlan::batch() const { return impl_->batch; }
size_t GradientPlan::inputs() const { return impl_->form.inputs.size(); }
int64_t GradientPlan::sample_size(size_t input) const {
  const Value* value = impl_->form.inputs[input];
  return value ? value->type().elements() / impl_->batch : 0;
}
int64_t GradientPlan::output_size() const { return impl_->form.output->type().elements() / impl_->batch; }
bool GradientPlan::stopped_before_softmax() const { return impl_->form.stopped_before_softmax; }
const std::vector<std::string>& GradientPlan::names() const { return impl_->form.names; }

std::vector<Tensor> GradientPlan::Values() const {
  std::vector<Tensor> values;
  for (const Value* parameter : impl_->form.parameters) values.push_back(parameter->tensor());
  return values;
}

std::unique_ptr<GradientPlan::Workspace> GradientPlan::NewWorkspace() const {
  std::unique_ptr<Workspace> workspace(new Workspace());
  Workspace::Impl& ws = *workspace->impl_;
  ws.plan = impl_.get();
  ws.tensors.resize(impl_->values.size());
  ws.gradients.resize(impl_->values.size());
  ws.scratch.resize(impl_->steps.size());
  for (size_t slot = 0; slot < impl_->values.size(); ++slot) {
    const Value* value = impl_->values[slot];
    if (value->is_constant()) continue;
    ws.tensors[slot] = Tensor(value->type());
    if (impl_->wanted[slot]) ws.gradients[slot].resize(static_cast<size_t>(value->type().elements()));
  }
  // The output's gradient is there to be filled in even where nothing is trained.
  ws.gradients[impl_->output()].resize(static_cast<size_t>(impl_->form.output->type().elements()));
  return workspace;
}

std::span<float> GradientPlan::Workspace::input(size_t k) {
  const Value* value = impl_->plan->form.inputs[k];
  if (!value) return {};
  return impl_->tensors[impl_->plan->slots.at(value)].data<float>();
}
std::span<const float> GradientPlan::Workspace::output() const {
  return std::as_const(impl_->tensors[impl_->plan->output()]).data<float>();
}
std::span<float> GradientPlan::Workspace::output_gradient() { return impl_->gradients[impl_->plan->output()]; }
std::span<const float> GradientPlan::Workspace::input_gradient(size_t k) const {
  const Value* value = impl_->plan->form.inputs[k];
  if (!value) return {};
  return impl_->gradients[impl_->plan->slots.at(value)];
}

absl::Status GradientPlan::Forward(const std::vector<Tensor>& values, Workspace& workspace) const {
  const exec::SingleThreaded single;
  Workspace::Impl& ws = *workspace.impl_;
  Operands x;
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    const Impl::Step& step = impl_->steps[i];
    x.clear();
    for (size_t slot : step.operands) {
      const int parameter = impl_->parameter[slot];
      x.push_back(parameter >= 0                       ? &values[static_cast<size_t>(parameter)]
                  : impl_->values[slot]->is_constant() ? &impl_->values[slot]->tensor()
                                                       : &ws.tensors[slot]);
    }
    absl::Status status = step.layer->Forward(x, ws.tensors[step.result], ws.scratch[i]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void GradientPlan::Backward(const std::vector<Tensor>& values, Workspace& workspace,
                            std::vector<Tensor>& gradients) const {
  const exec::SingleThreaded single;
  Workspace::Impl& ws = *workspace.impl_;
  for (size_t slot = 0; slot < ws.gradients.size(); ++slot) {
    if (slot != impl_->output()) std::fill(ws.gradients[slot].begin(), ws.gradients[slot].end(), 0.0f);
  }
  Operands x;
  std::vector<float*> dx;
  for (size_t i = impl_->steps.size(); i-- > 0;) {
    const Impl::Step& step = impl_->steps[i];
    if (!impl_->wanted[step.result]) continue;
    x.clear();
    dx.clear();
    for (size_t slot : step.operands) {
      const int parameter = impl_->parameter[slot];
      if (parameter >= 0) {
        x.push_back(&values[static_cast<size_t>(parameter)]);
        dx.push_back(Floats(gradients[static_cast<size_t>(parameter)]));
        continue;
      }
      x.push_back(impl_->values[slot]->is_constant() ? &impl_->values[slot]->tensor() : &ws.tensors[slot]);
      dx.push_back(impl_->wanted[slot] ? ws.gradients[slot].data() : nullptr);
    }
    step.layer->Backward(x, ws.tensors[step.result], ws.gradients[step.result].data(), dx, ws.scratch[i]);
  }
}

}  // namespace mcuc::train
