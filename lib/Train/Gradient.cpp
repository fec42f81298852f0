// The plan: layers in schedule order over a table of tensors, and their gradients in reverse.
#include "mcuc/Train/Gradient.h"

#include <algorithm>
#include <unordered_map>

#include "../Exec/Kernel.h"
#include "Batched.h"
#include "Layer.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Train/FakeQuantize.h"

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
  std::vector<int> group;            // by slot: the group that it is quantized in, or -1
  std::vector<CodeRange> codes;      // by group
  std::vector<Step> steps;

  absl::Status Prepare(bool input_gradients);
  size_t output() const { return slots.at(form.output); }
  // The index of a slot's scale among values and gradients; -1: it is not quantized in a run with these values.
  int Scale(size_t slot, const std::vector<Tensor>& given) const {
    const size_t parameters = form.parameters.size();
    return given.size() > parameters && group[slot] >= 0 ? static_cast<int>(parameters) + group[slot] : -1;
  }
};

struct GradientPlan::Workspace::Impl {
  const GradientPlan::Impl* plan = nullptr;
  std::vector<Tensor> tensors;                // by slot; empty for constants
  std::vector<Tensor> exact;                  // by slot: before it is quantized; empty where it is in no group
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
  group.assign(values.size(), -1);
  for (size_t g = 0; g < form.groups.size(); ++g) {
    for (const Value* value : form.groups[g]) group[slots.at(value)] = static_cast<int>(g);
  }
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
  for (const ActivationGroup& group : options.groups) plan->impl_->codes.push_back({group.lo, group.hi, false});
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

size_t GradientPlan::groups() const { return impl_->codes.size(); }

std::unique_ptr<GradientPlan::Workspace> GradientPlan::NewWorkspace() const {
  std::unique_ptr<Workspace> workspace(new Workspace());
  Workspace::Impl& ws = *workspace->impl_;
  ws.plan = impl_.get();
  ws.tensors.resize(impl_->values.size());
  ws.exact.resize(impl_->values.size());
  ws.gradients.resize(impl_->values.size());
  ws.scratch.resize(impl_->steps.size());
  for (size_t slot = 0; slot < impl_->values.size(); ++slot) {
    const Value* value = impl_->values[slot];
    if (value->is_constant()) continue;
    ws.tensors[slot] = Tensor(value->type());
    if (impl_->group[slot] >= 0) ws.exact[slot] = Tensor(value->type());
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

std::vector<std::span<const float>> GradientPlan::Workspace::group(size_t g) const {
  std::vector<std::span<const float>> values;
  for (const Value* value : impl_->plan->form.groups[g]) {
    values.push_back(std::as_const(impl_->exact[impl_->plan->slots.at(value)]).data<float>());
  }
  return values;
}

absl::Status GradientPlan::Forward(const std::vector<Tensor>& values, Workspace& workspace) const {
  const exec::SingleThreaded single;
  Workspace::Impl& ws = *workspace.impl_;
  Operands x;
  // What was computed into `exact` becomes the value that others read.
  const auto finish = [&](size_t slot) {
    const int scale = impl_->Scale(slot, values);
    Tensor& y = ws.tensors[slot];
    const Tensor& exact = ws.exact[slot];
    if (scale < 0) {
      std::copy_n(Floats(exact), exact.elements(), Floats(y));
    } else {
      FakeQuantize(exact.data<float>(), ScaleOf(values[static_cast<size_t>(scale)]),
                   impl_->codes[static_cast<size_t>(impl_->group[slot])], y.data<float>());
    }
  };
  for (const Value* input : impl_->form.inputs) {
    const size_t slot = input ? impl_->slots.at(input) : 0;
    if (!input || impl_->group[slot] < 0) continue;
    ws.exact[slot] = ws.tensors[slot];
    finish(slot);
  }
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    const Impl::Step& step = impl_->steps[i];
    x.clear();
    for (size_t slot : step.operands) {
      const int parameter = impl_->parameter[slot];
      x.push_back(parameter >= 0                       ? &values[static_cast<size_t>(parameter)]
                  : impl_->values[slot]->is_constant() ? &impl_->values[slot]->tensor()
                                                       : &ws.tensors[slot]);
    }
    const bool grouped = impl_->group[step.result] >= 0;
    Tensor& y = grouped ? ws.exact[step.result] : ws.tensors[step.result];
    absl::Status status = step.layer->Forward(x, y, ws.scratch[i]);
    if (!status.ok()) return status;
    if (grouped) finish(step.result);
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
    std::vector<float>& dy = ws.gradients[step.result];
    if (const int scale = impl_->Scale(step.result, values); scale >= 0) {
      const auto s = static_cast<size_t>(scale);
      *Floats(gradients[s]) += FakeQuantizeGradient(ws.exact[step.result].data<float>(), ScaleOf(values[s]),
                                                    impl_->codes[static_cast<size_t>(impl_->group[step.result])], dy);
    }
    const Tensor& y = impl_->group[step.result] >= 0 ? ws.exact[step.result] : ws.tensors[step.result];
    step.layer->Backward(x, y, dy.data(), dx, ws.scratch[i]);
  }
}

void GradientPlan::Freeze(size_t parameter, const std::vector<uint8_t>& kept) {
  for (Impl::Step& step : impl_->steps) {
    if (step.operands.size() > 1 && impl_->parameter[step.operands[1]] == static_cast<int>(parameter)) {
      step.layer->Freeze(kept);
    }
  }
}

}  // namespace mcuc::train
