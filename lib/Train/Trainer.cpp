// The training loop. A batch is cut into a fixed number of shards, which run on any thread; their gradients are added
// in the order of the shards, so that the bits do not depend on the number of threads.
#include "mcuc/Train/Trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <numbers>
#include <numeric>
#include <random>

#include "Loss.h"
#include "Quantizing.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Train/Gradient.h"

namespace mcuc::train {

namespace {

constexpr int64_t kShards = 8;
constexpr int64_t kTeacherCacheFloats = int64_t{1} << 26;  // 256 MB

// Workspaces for as many threads as run at once.
class WorkspacePool {
 public:
  explicit WorkspacePool(const GradientPlan* plan) : plan_(plan) {}

  std::unique_ptr<GradientPlan::Workspace> Take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto workspace = std::move(free_.back());
        free_.pop_back();
        return workspace;
      }
    }
    return plan_->NewWorkspace();
  }
  void Return(std::unique_ptr<GradientPlan::Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  const GradientPlan* plan_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<GradientPlan::Workspace>> free_;
};

struct Shard {
  std::vector<Tensor> gradients;
  double loss = 0;
  absl::Status status;
};

absl::Status CheckOptions(const TrainOptions& o) {
  const auto refuse = [](const char* name, double value, const char* range) {
    return absl::InvalidArgumentError(absl::StrCat(name, "=", DoubleText(value), " is outside ", range));
  };
  if (o.epochs < 1 || o.epochs > 100000) return refuse("epochs", static_cast<double>(o.epochs), "[1, 100000]");
  if (o.batch < 1 || o.batch > 65536) return refuse("batch", static_cast<double>(o.batch), "[1, 65536]");
  if (!(o.lr > 0 && o.lr <= 100)) return refuse("lr", o.lr, "(0, 100]");
  if (!(o.warmup >= 0 && o.warmup < 1)) return refuse("warmup", o.warmup, "[0, 1)");
  if (!(o.momentum >= 0 && o.momentum < 1)) return refuse("momentum", o.momentum, "[0, 1)");
  if (!(o.second_decay >= 0 && o.second_decay < 1)) return refuse("second-decay", o.second_decay, "[0, 1)");
  if (!(o.weight_decay >= 0 && o.weight_decay <= 1)) return refuse("weight-decay", o.weight_decay, "[0, 1]");
  if (!(o.distill >= 0 && o.distill <= 1)) return refuse("distill", o.distill, "[0, 1]");
  if (!(o.temperature > 0 && o.temperature <= 1000)) return refuse("temperature", o.temperature, "(0, 1000]");
  return absl::OkStatus();
}

}  // namespace

double LearningRate(const TrainOptions& options, int64_t step, int64_t steps) {
  const double rise = options.warmup * static_cast<double>(steps), at = static_cast<double>(step);
  const double ramp = rise > 0 ? std::min(1.0, (at + 1) / rise) : 1.0;
  return options.lr * ramp * 0.5 * (1 + std::cos(std::numbers::pi * at / static_cast<double>(steps)));
}

double RateOf(std::span<const float> values) {
  constexpr double kTypical = 0.1;
  double sum = 0;
  for (float v : values) sum += double{v} * double{v};
  return sum > 0 ? std::sqrt(sum / static_cast<double>(values.size())) / kTypical : 1;
}

void UpdateParameter(const TrainOptions& options, double base, int64_t step, std::span<const float> gradient,
                     Parameter& parameter) {
  const double lr = base * parameter.rate;
  const auto value = parameter.value.data<float>();
  const float decay = static_cast<float>(lr * options.weight_decay), b1 = static_cast<float>(options.momentum);
  parameter.first.resize(value.size());
  if (options.optimizer == OptimizerKind::kSgd) {
    const auto rate = static_cast<float>(lr);
    for (size_t i = 0; i < value.size(); ++i) {
      parameter.first[i] = b1 * parameter.first[i] + gradient[i];
      value[i] -= rate * parameter.first[i] + decay * value[i];
    }
  } else {
    parameter.second.resize(value.size());
    const double n = static_cast<double>(step) + 1;
    const auto b2 = static_cast<float>(options.second_decay);
    const auto rate = static_cast<float>(lr / (1 - std::pow(options.momentum, n)));
    const auto unbias = static_cast<float>(1 / (1 - std::pow(options.second_decay, n)));
    for (size_t i = 0; i < value.size(); ++i) {
      const float g = gradient[i];
      float &m = parameter.first[i], &v = parameter.second[i];
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g * g;
      value[i] -= rate * m / (std::sqrt(v * unbias) + 1e-8f) + decay * value[i];
    }
  }
  for (size_t i = 0; i < parameter.kept.size(); ++i) {
    if (!parameter.kept[i]) value[i] = 0;
  }
}

struct Trainer::Impl {
  TrainOptions options;
  const Samples* samples = nullptr;
  std::unique_ptr<GradientPlan> plan, teacher;
  std::unique_ptr<WorkspacePool> workspaces, teacher_workspaces;
  std::vector<Tensor> teacher_values;
  std::vector<Parameter> parameters;
  std::optional<Quantizing> quantizing;
  int64_t steps_done = 0, quantizing_since = 0;
  bool cross_entropy = false;
  double hard_weight = 0, soft_weight = 0;  // of labels or expected outputs, and of the teacher
  const Tensor* targets = nullptr;
  std::vector<float> teacher_outputs;  // of all samples, where they fit
  std::vector<uint8_t> teacher_known;  // by sample
  int64_t batches = 0;                 // of an epoch
  int64_t shard_size = 0;
  std::vector<Shard> shards;

  absl::Status Prepare(const Graph& graph, const Graph* teacher_graph, const Quantized* quantized);
  std::vector<Tensor> Values() const;  // of the parameters and, where they are quantized, the logarithms of the scales
  absl::Status CheckHardLoss() const;
  absl::StatusOr<double> Step(int64_t step, std::span<const int64_t> batch);
  absl::Status RunShard(std::span<const int64_t> members, double weight, const std::vector<Tensor>& values,
                        Shard& shard);
  void Fill(std::span<const int64_t> members, const GradientPlan& of, GradientPlan::Workspace& workspace) const;
  absl::Status TeacherOutputs(std::span<const int64_t> members, std::vector<float>& outputs);
  // The activations to be quantized, of some samples, by group.
  absl::Status Observe(std::vector<std::vector<float>>& values);
};

absl::Status Trainer::Impl::Prepare(const Graph& graph, const Graph* teacher_graph, const Quantized* quantized) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const Dataset& data = samples->data();
  if (graph.outputs().empty()) return absl::InvalidArgumentError("cannot be trained: the graph has no output");
  cross_entropy = options.loss == LossKind::kCrossEntropy;
  if (options.loss == LossKind::kAuto) {
    cross_entropy = data.has_labels() || (!data.has_targets() && graph.outputs()[0]->type().elements() > 1);
  }
  const bool hard = cross_entropy ? data.has_labels() : data.has_targets();
  if (!hard && !teacher_graph) {
    return absl::InvalidArgumentError(cross_entropy ? "the training samples have no labels; give labels=PATH, or distil"
                                                    : "the training samples have no expected outputs to train against");
  }
  soft_weight = !teacher_graph ? 0 : hard ? options.distill : 1;
  hard_weight = 1 - soft_weight;

  shard_size = (std::min(options.batch, samples->size()) + kShards - 1) / kShards;
  batches = (samples->size() + options.batch - 1) / options.batch;
  const PlanOptions teacher_options{shard_size, cross_entropy, false, {}};
  PlanOptions plan_options = teacher_options;
  if (quantized) {
    for (const QuantizedActivations& activations : quantized->activations) {
      plan_options.groups.push_back(activations.group);
    }
  }
  auto made = GradientPlan::Create(graph, plan_options);
  if (!made.ok()) return made.status();
  plan = *std::move(made);
  workspaces = std::make_unique<WorkspacePool>(plan.get());
  if (plan->names().empty()) return absl::InvalidArgumentError("cannot be trained: the graph has no float weights");
  std::vector<Tensor> values = plan->Values();
  for (size_t i = 0; i < values.size(); ++i) {
    const double rate = options.optimizer == OptimizerKind::kAdam ? RateOf(values[i].data<float>()) : 1;
    parameters.push_back({plan->names()[i], std::move(values[i]), {}, {}, {}, rate});
  }
  if (quantized) {
    auto of_parameters = Quantizing::Create(*quantized, parameters);
    if (!of_parameters.ok()) return of_parameters.status();
    quantizing = *std::move(of_parameters);
  }
  if (soft_weight > 0) {
    auto made_teacher = GradientPlan::Create(*teacher_graph, teacher_options);
    if (!made_teacher.ok()) return made_teacher.status();
    teacher = *std::move(made_teacher);
    bool same_inputs = teacher->inputs() == plan->inputs();
    for (size_t k = 0; same_inputs && k < plan->inputs(); ++k) {
      const int64_t size = teacher->sample_size(k);
      same_inputs = size == 0 || size == graph.inputs()[k]->type().elements();
    }
    if (!same_inputs) return absl::InvalidArgumentError("the teacher's inputs are not those of the graph");
    if (teacher->output_size() != plan->output_size() ||
        teacher->stopped_before_softmax() != plan->stopped_before_softmax()) {
      return absl::InvalidArgumentError(absl::StrCat("the teacher's output has ", teacher->output_size(),
                                                     " elements a sample and the graph's ", plan->output_size(),
                                                     ", or only one of them ends in a softmax"));
    }
    teacher_workspaces = std::make_unique<WorkspacePool>(teacher.get());
    teacher_values = teacher->Values();
    if (samples->size() * teacher->output_size() <= kTeacherCacheFloats) {
      teacher_outputs.resize(static_cast<size_t>(samples->size() * teacher->output_size()));
      teacher_known.resize(static_cast<size_t>(samples->size()));
    }
  }
  if (hard_weight > 0) {
    if (absl::Status status = CheckHardLoss(); !status.ok()) return status;
    if (!cross_entropy) targets = &data.targets()[0];
  }
  shards.resize(kShards);
  for (Shard& shard : shards) {
    for (const Parameter& parameter : parameters) shard.gradients.emplace_back(parameter.value.type());
    for (size_t g = 0; g < plan->groups(); ++g) shard.gradients.emplace_back(Type{ElementType::f32, {1}});
  }
  return absl::OkStatus();
}

absl::Status Trainer::Impl::CheckHardLoss() const {
  const Dataset& data = samples->data();
  const int64_t n = plan->output_size();
  if (!cross_entropy) {
    if (data.targets()[0].elements() == n * data.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("the expected outputs are ", TypeText(data.targets()[0].type()),
                                                   " for ", data.size(), " samples, but a sample's output has ", n,
                                                   " elements"));
  }
  if (n < 2) return absl::InvalidArgumentError("training on labels needs a model of at least two classes");
  if (static_cast<int64_t>(data.labels().size()) != data.size()) {
    return absl::InvalidArgumentError(absl::StrCat(data.labels().size(), " labels for ", data.size(), " samples"));
  }
  for (size_t i = 0; i < data.labels().size(); ++i) {
    if (data.labels()[i] < 0 || data.labels()[i] >= n) {
      return absl::InvalidArgumentError(
          absl::StrCat("training sample ", i, " has label ", data.labels()[i], ", but the model has ", n, " classes"));
    }
  }
  return absl::OkStatus();
}

// A shard that is not full repeats its last sample, which then has no part in the loss.
void Trainer::Impl::Fill(std::span<const int64_t> members, const GradientPlan& of,
                         GradientPlan::Workspace& workspace) const {
  std::vector<float*> to;
  for (int64_t b = 0; b < of.batch(); ++b) {
    to.clear();
    for (size_t k = 0; k < of.inputs(); ++k) {
      const bool read = of.sample_size(k) > 0;
      to.push_back(read ? workspace.input(k).data() + b * of.sample_size(k) : nullptr);
    }
    samples->Copy(members[std::min(static_cast<size_t>(b), members.size() - 1)], to);
  }
}

absl::Status Trainer::Impl::TeacherOutputs(std::span<const int64_t> members, std::vector<float>& outputs) {
  const int64_t n = teacher->output_size();
  outputs.resize(members.size() * static_cast<size_t>(n));
  const bool cached = !teacher_known.empty();
  const bool known = cached && std::all_of(members.begin(), members.end(),
                                           [&](int64_t i) { return teacher_known[static_cast<size_t>(i)] != 0; });
  if (!known) {
    auto workspace = teacher_workspaces->Take();
    Fill(members, *teacher, *workspace);
    if (absl::Status status = teacher->Forward(teacher_values, *workspace); !status.ok()) return status;
    std::copy_n(workspace->output().begin(), outputs.size(), outputs.begin());
    teacher_workspaces->Return(std::move(workspace));
  }
  for (size_t b = 0; cached && b < members.size(); ++b) {
    const auto mine = outputs.begin() + static_cast<int64_t>(b) * n;
    const auto kept = teacher_outputs.begin() + members[b] * n;
    if (known) {
      std::copy_n(kept, n, mine);
    } else {
      std::copy_n(mine, n, kept);
      teacher_known[static_cast<size_t>(members[b])] = 1;
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::Impl::RunShard(std::span<const int64_t> members, double weight, const std::vector<Tensor>& values,
                                     Shard& shard) {
  for (Tensor& gradient : shard.gradients) std::fill_n(gradient.data<float>().begin(), gradient.elements(), 0.0f);
  shard.loss = 0;
  if (members.empty()) return absl::OkStatus();
  std::vector<float> wanted, target;
  if (soft_weight > 0) {
    if (absl::Status status = TeacherOutputs(members, wanted); !status.ok()) return status;
  }
  auto workspace = workspaces->Take();
  Fill(members, *plan, *workspace);
  if (absl::Status status = plan->Forward(values, *workspace); !status.ok()) return status;
  const int64_t n = plan->output_size();
  const auto gradient = workspace->output_gradient();
  std::fill(gradient.begin(), gradient.end(), 0.0f);
  for (size_t b = 0; b < members.size(); ++b) {
    const int64_t at = static_cast<int64_t>(b) * n, i = members[b];
    const float* x = workspace->output().data() + at;
    float* g = gradient.data() + at;
    if (hard_weight > 0 && cross_entropy) {
      shard.loss += CrossEntropy(x, n, samples->data().labels()[static_cast<size_t>(i)], hard_weight * weight, g);
    } else if (hard_weight > 0) {
      target.clear();
      for (int64_t k = 0; k < n; ++k) target.push_back(static_cast<float>(targets->AsDouble(i * n + k)));
      shard.loss += MeanSquaredError(x, target.data(), n, hard_weight * weight, g);
    }
    if (soft_weight > 0) {
      shard.loss += cross_entropy ? Distillation(x, wanted.data() + at, n, options.temperature, soft_weight * weight, g)
                                  : MeanSquaredError(x, wanted.data() + at, n, soft_weight * weight, g);
    }
  }
  plan->Backward(values, *workspace, shard.gradients);
  workspaces->Return(std::move(workspace));
  return absl::OkStatus();
}

std::vector<Tensor> Trainer::Impl::Values() const {
  if (quantizing && quantizing->started()) return quantizing->Values(parameters);
  std::vector<Tensor> values;
  for (const Parameter& parameter : parameters) values.push_back(parameter.value);
  return values;
}

absl::StatusOr<double> Trainer::Impl::Step(int64_t step, std::span<const int64_t> batch) {
  const std::vector<Tensor> values = Values();
  ParallelFor(kShards, options.threads, [&](int64_t s) {
    const size_t first = std::min(batch.size(), static_cast<size_t>(s * shard_size));
    const size_t last = std::min(batch.size(), first + static_cast<size_t>(shard_size));
    Shard& shard = shards[static_cast<size_t>(s)];
    shard.status = RunShard(batch.subspan(first, last - first), 1.0 / static_cast<double>(batch.size()), values, shard);
  });
  double loss = 0;
  for (const Shard& shard : shards) {
    if (!shard.status.ok()) return shard.status;
    loss += shard.loss;
  }
  const double lr = LearningRate(options, step, batches * options.epochs);
  std::vector<std::span<float>> sums;
  for (Tensor& first : shards[0].gradients) {
    const auto sum = first.data<float>();
    for (size_t s = 1; s < shards.size(); ++s) {
      const auto more = std::as_const(shards[s].gradients[sums.size()]).data<float>();
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    }
    sums.push_back(sum);
  }
  if (quantizing && quantizing->started()) {
    quantizing->Step(options, lr, step - quantizing_since, parameters, sums);
  }
  for (size_t p = 0; p < parameters.size(); ++p) UpdateParameter(options, lr, step, sums[p], parameters[p]);
  return loss;
}

Trainer::Trainer() : impl_(std::make_unique<Impl>()) {}
Trainer::~Trainer() = default;

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const Graph& graph, const Samples& samples,
                                                         const Graph* teacher, const TrainOptions& options,
                                                         const Quantized* quantized) {
  std::unique_ptr<Trainer> trainer(new Trainer());
  trainer->impl_->options = options;
  trainer->impl_->samples = &samples;
  if (absl::Status status = trainer->impl_->Prepare(graph, teacher, quantized); !status.ok()) return status;
  return trainer;
}

int64_t Trainer::steps() const { return impl_->batches * impl_->options.epochs; }
std::vector<Parameter>& Trainer::parameters() { return impl_->parameters; }

Parameter* Trainer::Find(const std::string& name) {
  for (Parameter& parameter : impl_->parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

void Trainer::Hold(Parameter& parameter, std::vector<uint8_t> kept) {
  parameter.kept = std::move(kept);
  const auto value = parameter.value.data<float>();
  for (size_t i = 0; i < parameter.kept.size(); ++i) {
    if (!parameter.kept[i]) value[i] = 0;
  }
}

void Trainer::FreezeMasks() {
  for (size_t p = 0; p < impl_->parameters.size(); ++p) {
    if (!impl_->parameters[p].kept.empty()) impl_->plan->Freeze(p, impl_->parameters[p].kept);
  }
}

absl::Status Trainer::Impl::Observe(std::vector<std::vector<float>>& values) {
  constexpr int64_t kSamples = 1024, kValues = int64_t{1} << 22;  // of a group
  const int64_t n = std::min(samples->size(), kSamples);
  values.resize(plan->groups());
  const std::vector<Tensor> parameters_now = Values();
  auto workspace = workspaces->Take();
  for (int64_t first = 0; first < n; first += shard_size) {
    std::vector<int64_t> members;
    // Spread over all the samples, which may be sorted.
    for (int64_t i = first; i < std::min(n, first + shard_size); ++i) members.push_back(i * samples->size() / n);
    Fill(members, *plan, *workspace);
    if (absl::Status status = plan->Forward(parameters_now, *workspace); !status.ok()) return status;
    for (size_t g = 0; g < values.size(); ++g) {
      for (const auto& span : workspace->group(g)) {
        const int64_t all = static_cast<int64_t>(span.size()) * (n / shard_size + 1);
        const auto stride = static_cast<size_t>(all / kValues | 1);  // odd, so as not to fall in step with rows
        for (size_t i = 0; i < span.size(); i += stride) values[g].push_back(span[i]);
      }
    }
  }
  workspaces->Return(std::move(workspace));
  return absl::OkStatus();
}

absl::Status Trainer::StartQuantizing() {
  if (!impl_->quantizing || impl_->quantizing->started()) {
    return absl::InternalError("there is nothing to quantize, or it is quantized already");
  }
  std::vector<std::vector<float>> values;
  if (absl::Status status = impl_->Observe(values); !status.ok()) return status;
  impl_->quantizing_since = impl_->steps_done;
  return impl_->quantizing->Start(impl_->parameters, std::move(values));
}

bool Trainer::quantizing() const { return impl_->quantizing && impl_->quantizing->started(); }
float Trainer::ActivationScale(size_t group) const {
  const std::optional<float>& fixed = impl_->quantizing->what().activations[group].fixed_scale;
  return fixed ? *fixed : impl_->quantizing->ActivationScale(group);
}
float Trainer::WeightScale(size_t layer) const { return impl_->quantizing->WeightScale(layer); }
CodeRange Trainer::WeightCodes() const { return impl_->quantizing->WeightCodes(); }

absl::Status Trainer::Run(const std::function<absl::Status(int64_t)>& before_step,
                          const std::function<void(const EpochReport&)>& after_epoch) {
  const TrainOptions& options = impl_->options;
  const auto start = std::chrono::steady_clock::now();
  std::mt19937_64 random(options.seed);
  std::vector<int64_t> order(static_cast<size_t>(impl_->samples->size()));
  std::iota(order.begin(), order.end(), 0);
  int64_t& step = impl_->steps_done;
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    // Fisher and Yates' shuffle, written out because std::shuffle differs between libraries.
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    double loss = 0;
    for (size_t first = 0; first < order.size(); first += static_cast<size_t>(options.batch), ++step) {
      const size_t n = std::min(static_cast<size_t>(options.batch), order.size() - first);
      if (before_step) {
        if (absl::Status status = before_step(step); !status.ok()) return status;
      }
      const absl::StatusOr<double> of_batch = impl_->Step(step, std::span(order).subspan(first, n));
      if (!of_batch.ok()) return of_batch.status();
      if (!std::isfinite(*of_batch)) {
        return absl::OutOfRangeError(absl::StrCat("training diverged: the loss of step ", step + 1, " of ", steps(),
                                                  " is ", DoubleText(*of_batch),
                                                  "; lower lr=", DoubleText(options.lr)));
      }
      loss += *of_batch * static_cast<double>(n) / static_cast<double>(order.size());
    }
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double left = spent / static_cast<double>(epoch + 1) * static_cast<double>(options.epochs - epoch - 1);
    if (after_epoch) after_epoch({epoch + 1, options.epochs, loss, left});
  }
  return absl::OkStatus();
}

absl::Status Trainer::Store(Graph& graph) const {
  const std::vector<Value*> constants = graph.constants();
  const std::vector<Tensor> values = impl_->Values();
  for (size_t p = 0; p < impl_->parameters.size(); ++p) {
    const Parameter& parameter = impl_->parameters[p];
    const auto found = std::find_if(constants.begin(), constants.end(),
                                    [&](const Value* value) { return value->name() == parameter.name; });
    if (found == constants.end() || (*found)->type() != parameter.value.type()) {
      return absl::InternalError(absl::StrCat("@", parameter.name, " is not the constant that was trained"));
    }
    (*found)->set_tensor(values[p]);
  }
  return absl::OkStatus();
}

}  // namespace mcuc::train
