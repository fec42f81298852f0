// Prunes without training: Optimal Brain Surgeon layer by layer on unlabelled calibration samples. A weight goes where
// the others of its row can best make up for it, and they do; then each layer in turn is fitted to the dense model's
// output, given the inputs that the pruned layers before it make.
//
//   const @w: f32[1x2] = {1, 1}          the two inputs are always equal, sparsity 0.5
//   ──►
//   const @w: f32[1x2] = {0, 2}          (nearly: the damping keeps weights near their old values)
#include "PruneObs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>

#include <Eigen/Cholesky>

#include "Magnitude.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Support/Spread.h"

namespace mcuc {

namespace obs {

namespace {

constexpr int kBudgetRounds = 3;
constexpr double kBudgetWork = 2e10;  // multiply-accumulates of the runs that weigh the layers
constexpr int64_t kLeastBudgetSamples = 8;

struct LayerState {
  Layer layer;
  std::vector<Moments> moments;  // of the dense graph, a unit each
  std::vector<Trace> traces;     // of row r of unit u: u * rows + r
  double energy = 0;             // the squared deviation of the dense output from its mean
  double weight = 0;             // what a unit of the layer's loss costs in the graph's output
};

// keep[l][i]: weight i of layer l stays.
using Masks = std::vector<std::vector<bool>>;

Vector RowOf(const LayerState& state, const Tensor& weights, int64_t unit, int64_t row) {
  const Layer& layer = state.layer;
  Vector w(layer.size(unit));
  for (Eigen::Index k = 0; k < w.size(); ++k) {
    w(k) = double{
        weights.data<float>()[static_cast<size_t>(layer.Index(unit / layer.blocks(), row, layer.first(unit) + k))]};
  }
  return w;
}

// lambda of each unit: a fraction of the mean diagonal, and something where all inputs of the unit are constant.
std::vector<double> Dampings(const std::vector<Moments>& moments, double damping) {
  double all = 0, columns = 0;
  for (const Moments& m : moments) {
    all += m.xx.trace();
    columns += static_cast<double>(m.xx.cols());
  }
  std::vector<double> lambdas;
  for (const Moments& m : moments) {
    const double own = damping * m.xx.trace() / static_cast<double>(m.xx.cols());
    lambdas.push_back(std::max({own, 1e-4 * damping * all / columns, 1e-12}));
  }
  return lambdas;
}

// The least squares weights and biases of a layer with this mask. What is nothing: not finite as a float.
struct Fitted {
  Tensor weights;
  std::vector<double> bias_change;  // of each output channel
};
std::optional<Fitted> Fit(const LayerState& state, const Tensor& dense, const std::vector<bool>& keep,
                          const std::vector<Moments>& moments, double damping, int threads) {
  const Layer& layer = state.layer;
  Fitted fitted{dense, std::vector<double>(static_cast<size_t>(layer.groups * layer.rows), 0)};
  const std::vector<double> lambdas = Dampings(moments, damping);
  std::vector<char> failed(static_cast<size_t>(layer.groups), 0);
  ParallelFor(layer.groups, threads, [&](int64_t g) {
    for (int64_t u = g * layer.blocks(); u < (g + 1) * layer.blocks(); ++u) {
      const Moments& m = moments[static_cast<size_t>(u)];
      Matrix h = m.xx;
      h.diagonal().array() += lambdas[static_cast<size_t>(u)];
      RowSolver solver(h);
      for (int64_t r = 0; r < layer.rows; ++r) {
        const Vector w = RowOf(state, dense, u, r);
        std::vector<int32_t> kept;
        for (int64_t k = 0; k < layer.size(u); ++k) {
          if (keep[static_cast<size_t>(layer.Index(g, r, layer.first(u) + k))]) kept.push_back(static_cast<int32_t>(k));
        }
        const Vector target = m.xd * w + lambdas[static_cast<size_t>(u)] * w;
        const std::optional<Vector> v = solver.Solve(kept, target);
        if (!v || (v->array().abs() > 1e30).any()) {
          failed[static_cast<size_t>(g)] = 1;
          return;
        }
        for (Eigen::Index k = 0; k < v->size(); ++k) {
          fitted.weights.Set(layer.Index(g, r, layer.first(u) + k), (*v)(k));
        }
        fitted.bias_change[static_cast<size_t>(g * layer.rows + r)] += w.dot(m.d) - v->dot(m.x);
      }
    }
  });
  for (char f : failed) {
    if (f) return std::nullopt;
  }
  return fitted;
}

void SetWeights(Graph& graph, Node& node, const Fitted& fitted) {
  node.operand(1)->set_tensor(fitted.weights);
  const auto outputs = static_cast<int64_t>(fitted.bias_change.size());
  Value* bias = node.operand(2);
  Tensor values = bias ? bias->tensor() : Tensor(Type{ElementType::f32, {outputs}});
  for (int64_t m = 0; m < outputs; ++m) {
    values.Set(m, values.AsDouble(m) + fitted.bias_change[static_cast<size_t>(m)]);
  }
  if (bias && graph.HasOneUse(bias)) {
    bias->set_tensor(std::move(values));
  } else {
    const std::string name = bias ? bias->name() : node.operand(1)->name() + "_bias";
    node.set_operands({node.operand(0), node.operand(1), graph.AddConstant(name, std::move(values))});
  }
}

Node* TwinOf(const Graph& graph, const Graph& clone, const Node* node) {
  auto other = clone.nodes().begin();
  for (const auto& own : graph.nodes()) {
    if (own.get() == node) return other->get();
    ++other;
  }
  return nullptr;
}

std::string Fixed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

absl::Status CheckSparsity(double sparsity) {
  if (sparsity >= 0 && sparsity <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("sparsity=", DoubleText(sparsity), " is outside [0, 1]"));
}

}  // namespace

struct Surgeon::Impl {
  Graph* graph = nullptr;
  PassContext context;
  Options options;
  int64_t samples = 0;
  std::vector<LayerState> layers;
  std::vector<size_t> by_magnitude;          // of the graph's weights: those of recurrent, which states see too
  std::vector<std::vector<Tensor>> outputs;  // of the dense graph, for the budgets

  absl::Status MakeTraces();
  absl::Status Trace(LayerState& state);
  absl::Status TooLittleDamping(const Layer& layer) const {
    return absl::InvalidArgumentError(absl::StrCat("damping=", DoubleText(options.damping), " is too little for ",
                                                   layer.weights->Text(), ": its inputs depend on each other"));
  }
  Masks Choose(double sparsity, std::vector<double>* losses) const;
  absl::Status WeighLayers(double sparsity);
  absl::StatusOr<double> OutputError(const Graph& changed, int64_t count);
  absl::StatusOr<std::unique_ptr<Graph>> Refit(const Masks& masks);
  void Progress(const std::string& text) {
    if (context.progress) *context.progress << "prune-obs: " << text << "\n" << std::flush;
  }
};

absl::Status Surgeon::Impl::Trace(LayerState& state) {
  const Layer& layer = state.layer;
  const std::vector<double> lambdas = Dampings(state.moments, options.damping);
  state.traces.resize(static_cast<size_t>(layer.units() * layer.rows));
  const Tensor& weights = layer.weights->tensor();
  std::vector<double> energies(state.traces.size());
  const auto trace_row = [&](int64_t u, int64_t r, const Matrix& inverse) {
    const auto i = static_cast<size_t>(u * layer.rows + r);
    const Vector w = RowOf(state, weights, u, r);
    energies[i] = w.dot(state.moments[static_cast<size_t>(u)].xx * w) / 2;
    state.traces[i] = RemovalTrace(inverse, w);
  };
  std::atomic<bool> singular = false;
  const auto invert = [&](int64_t u) {
    Matrix h = state.moments[static_cast<size_t>(u)].xx;
    h.diagonal().array() += lambdas[static_cast<size_t>(u)];
    const Eigen::LLT<Matrix> llt(h);
    Matrix inverse = llt.solve(Matrix::Identity(h.rows(), h.cols()));
    if (llt.info() != Eigen::Success || !inverse.allFinite()) singular = true;
    return inverse;
  };
  if (layer.units() >= layer.rows) {  // depthwise: many units of few rows
    ParallelFor(layer.units(), context.threads, [&](int64_t u) {
      const Matrix inverse = invert(u);
      for (int64_t r = 0; r < layer.rows; ++r) trace_row(u, r, inverse);
    });
  } else {
    for (int64_t u = 0; u < layer.units(); ++u) {
      const Matrix inverse = invert(u);
      ParallelFor(layer.rows, context.threads, [&](int64_t r) { trace_row(u, r, inverse); });
    }
  }
  for (double e : energies) state.energy += e;
  return singular ? TooLittleDamping(layer) : absl::OkStatus();
}

absl::Status Surgeon::Impl::MakeTraces() {
  Stream stream(*graph, *context.calibrate, samples, context.threads);
  std::map<const Node*, LayerState*> by_node;
  for (LayerState& state : layers) by_node[state.layer.node] = &state;
  for (const auto& node : graph->nodes()) {
    if (const auto found = by_node.find(node.get()); found != by_node.end()) {
      LayerState& state = *found->second;
      const auto start = std::chrono::steady_clock::now();
      const Stream::Samples x = stream.Of(node->operand(0));
      state.moments = MomentsOf(state.layer, *x, *x, context.threads);
      for (const Moments& m : state.moments) {
        if (m.xx.allFinite() && m.x.allFinite()) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(node->operand(0)->Text(), " is not finite on some samples of ", context.calibrate->name(),
                         "; the model or its input is broken there (check scale= and mean=)"));
      }
      if (absl::Status status = Trace(state); !status.ok()) return status;
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      Progress(absl::StrCat(state.layer.weights->Text(), ": order of removal, ", Fixed("%.1f", spent), " s"));
    }
    if (absl::Status status = stream.Run(*node); !status.ok()) return status;
    stream.Release(*node);
  }
  return absl::OkStatus();
}

Masks Surgeon::Impl::Choose(double sparsity, std::vector<double>* losses) const {
  struct Entry {
    double cost;
    uint32_t layer, trace, step;
  };
  Masks masks;
  for (const LayerState& state : layers)
    masks.emplace_back(static_cast<size_t>(state.layer.weights->tensor().elements()), true);
  losses->assign(layers.size(), 0);
  std::vector<Entry> entries;
  const auto remove_cheapest = [&] {
    const int64_t zeros = prune::ZerosOf(sparsity, static_cast<int64_t>(entries.size()));
    const auto cheaper = [](const Entry& a, const Entry& b) {
      if (a.cost != b.cost) return a.cost < b.cost;
      if (a.layer != b.layer) return a.layer < b.layer;
      return a.trace != b.trace ? a.trace < b.trace : a.step < b.step;
    };
    if (zeros < static_cast<int64_t>(entries.size())) {
      std::nth_element(entries.begin(), entries.begin() + zeros, entries.end(), cheaper);
    }
    for (int64_t i = 0; i < zeros; ++i) {
      const Entry& e = entries[static_cast<size_t>(i)];
      const LayerState& state = layers[e.layer];
      const Layer& layer = state.layer;
      const int64_t unit = e.trace / layer.rows;
      const int64_t column = layer.first(unit) + state.traces[e.trace].order[e.step];
      masks[e.layer][static_cast<size_t>(layer.Index(unit / layer.blocks(), e.trace % layer.rows, column))] = false;
      (*losses)[e.layer] += state.traces[e.trace].loss[e.step];
    }
    entries.clear();
  };
  for (size_t l = 0; l < layers.size(); ++l) {
    const LayerState& state = layers[l];
    for (size_t t = 0; t < state.traces.size(); ++t) {
      // A row's weights go in the order of its trace, so a cheap one behind an expensive one costs as much.
      double most = 0;
      for (size_t i = 0; i < state.traces[t].loss.size(); ++i) {
        most = std::max(most, state.traces[t].loss[i]);
        entries.push_back(
            {most * state.weight, static_cast<uint32_t>(l), static_cast<uint32_t>(t), static_cast<uint32_t>(i)});
      }
    }
    if (!options.global) remove_cheapest();
  }
  if (options.global) remove_cheapest();
  return masks;
}

// The squared difference to the dense graph's outputs as a fraction of their variance.
absl::StatusOr<double> Surgeon::Impl::OutputError(const Graph& changed, int64_t count) {
  const auto interpreter = Interpreter::Create(changed);
  if (!interpreter.ok()) return interpreter.status();
  std::vector<std::vector<Tensor>> results(static_cast<size_t>(count));
  absl::Status status =
      (*interpreter)
          ->RunMany(
              count, [&](int64_t i) { return context.calibrate->Sample(i, changed); },
              [&](int64_t i, std::vector<Tensor> r) { results[static_cast<size_t>(i)] = std::move(r); },
              context.threads);
  if (!status.ok()) return status;
  if (outputs.empty()) {
    outputs = std::move(results);
    return 0.0;
  }
  double error = 0;
  for (size_t k = 0; k < changed.outputs().size(); ++k) {
    double difference = 0;
    Spread dense;
    for (size_t i = 0; i < results.size(); ++i) {
      for (int64_t e = 0; e < results[i][k].elements(); ++e) {
        const double y = outputs[i][k].AsDouble(e), d = results[i][k].AsDouble(e) - y;
        dense.Add(y), difference += d * d;
      }
    }
    if (dense.squares > 0) error += difference / dense.squares;
  }
  return error;
}

// A layer's loss is the squared error of its own output. What that means at the graph's outputs is measured: each layer
// alone is pruned as it would be, and the graph runs.
absl::Status Surgeon::Impl::WeighLayers(double sparsity) {
  for (LayerState& state : layers) state.weight = state.energy > 0 ? 1 / state.energy : 0;
  if (!options.global || layers.size() < 2) return absl::OkStatus();
  double macs = 0;
  for (const auto& node : graph->nodes()) macs += static_cast<double>(MacsOf(*node));
  const auto count = std::clamp(
      static_cast<int64_t>(kBudgetWork / (std::max(1.0, macs) * kBudgetRounds * static_cast<double>(layers.size()))),
      std::min(kLeastBudgetSamples, samples), samples);
  outputs.clear();
  if (const auto dense = OutputError(*graph, count); !dense.ok()) return dense.status();
  for (int round = 0; round < kBudgetRounds; ++round) {
    std::vector<double> losses;
    const Masks masks = Choose(sparsity, &losses);
    double measured = 0, at_output = 0;
    std::vector<double> errors(layers.size(), 0);
    for (size_t l = 0; l < layers.size(); ++l) {
      if (!(losses[l] > 0)) continue;
      const auto clone = graph->Clone();
      Node* twin = TwinOf(*graph, *clone, layers[l].layer.node);
      const auto fitted =
          Fit(layers[l], twin->operand(1)->tensor(), masks[l], layers[l].moments, options.damping, context.threads);
      if (!fitted) continue;
      SetWeights(*clone, *twin, *fitted);
      const auto error = OutputError(*clone, count);
      if (!error.ok()) return error.status();
      if (!std::isfinite(*error)) continue;
      errors[l] = *error;
      measured += losses[l] * layers[l].weight;
      at_output += *error;
    }
    if (!(measured > 0 && at_output > 0)) return absl::OkStatus();
    for (size_t l = 0; l < layers.size(); ++l) {
      // A layer that lost nothing yet keeps its place relative to the others.
      layers[l].weight = errors[l] > 0 ? errors[l] / losses[l] : layers[l].weight * at_output / measured;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Graph>> Surgeon::Impl::Refit(const Masks& masks) {
  auto pruned = graph->Clone();
  Stream dense(*graph, *context.calibrate, samples, context.threads);
  Stream own = dense.ForClone(*pruned);
  std::map<const Node*, size_t> by_node;
  for (size_t l = 0; l < layers.size(); ++l) by_node[layers[l].layer.node] = l;
  auto twin = pruned->nodes().begin();
  for (const auto& node : graph->nodes()) {
    Node& other = **twin++;
    if (const auto found = by_node.find(node.get()); found != by_node.end()) {
      const LayerState& state = layers[found->second];
      const Stream::Samples d = dense.Of(node->operand(0)), x = own.Of(other.operand(0));
      const std::vector<bool>& keep = masks[found->second];
      const bool whole = std::find(keep.begin(), keep.end(), false) == keep.end();
      if (!whole || x != d) {
        const auto fitted = Fit(state, node->operand(1)->tensor(), keep,
                                x == d ? state.moments : MomentsOf(state.layer, *x, *d, context.threads),
                                options.damping, context.threads);
        if (fitted) {
          SetWeights(*pruned, other, *fitted);
        } else {
          return TooLittleDamping(state.layer);
        }
      }
    }
    if (absl::Status status = dense.Run(*node); !status.ok()) return status;
    if (absl::Status status = own.Run(other, &dense, node.get()); !status.ok()) return status;
    dense.Release(*node);
    own.Release(other);
  }
  return pruned;
}

Surgeon::Surgeon() : impl_(std::make_unique<Impl>()) {}
Surgeon::~Surgeon() = default;

absl::StatusOr<std::unique_ptr<Surgeon>> Surgeon::Create(Graph& graph, PassContext& context, const Options& options) {
  if (!context.calibrate || context.calibrate->size() == 0) {
    return absl::FailedPreconditionError(
        "needs samples of what the model will see, without labels; give --calibrate=PATH");
  }
  if (absl::Status status = CheckSparsity(options.sparsity); !status.ok()) return status;
  if (options.samples < 1) return absl::InvalidArgumentError(absl::StrCat("samples=", options.samples, " is below 1"));
  if (!(options.damping > 0 && options.damping <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("damping=", DoubleText(options.damping), " is outside (0, 1]"));
  }
  std::unique_ptr<Surgeon> surgeon(new Surgeon());
  Impl& impl = *surgeon->impl_;
  impl.graph = &graph;
  impl.context = context;
  impl.options = options;
  const int64_t wanted = std::min(options.samples, context.calibrate->size());
  impl.samples = Stream::SamplesThatFit(graph, wanted);
  if (impl.samples < wanted) {
    context.Remark(graph, nullptr,
                   absl::StrCat("takes ", impl.samples, " of ", wanted, " samples: more do not fit 2 GiB"));
  }
  absl::StatusOr<std::vector<Value*>> weights = prune::PrunableWeights(graph, options.skip, context);
  if (!weights.ok()) return weights.status();
  for (Value* w : *weights) {
    const std::vector<Node*> users = graph.Users(w);
    Node* node = users[0];
    const char* obstacle = nullptr;
    if (w->type().is_quantized()) obstacle = "its weights are integers already; prune takes them";
    if (!obstacle && node->If<RecurrentAttrs>()) {
      const std::vector<Value*> all = WeightsOf(graph);
      impl.by_magnitude.push_back(static_cast<size_t>(std::find(all.begin(), all.end(), w) - all.begin()));
      continue;
    }
    if (users.size() > 1) obstacle = "several layers share it";
    if (node->operand(2) && !node->operand(2)->is_constant()) obstacle = "its bias is computed";
    for (int64_t i = 0; i < w->tensor().elements() && !obstacle; ++i) {
      if (!std::isfinite(w->tensor().AsDouble(i))) obstacle = "a weight is not finite";
    }
    if (obstacle) {
      context.Remark(graph, node, absl::StrCat(w->Text(), " is not pruned: ", obstacle));
      continue;
    }
    LayerState state;
    state.layer = LayerOf(node, impl.samples, options.limits);
    if (state.layer.block < state.layer.columns) {
      context.Remark(graph, node,
                     absl::StrCat("its ", state.layer.columns, " inputs are looked at in blocks of ", state.layer.block,
                                  ": weights make up for each other within a block only"));
    }
    if (state.layer.stride > 1) {
      context.Remark(graph, node, absl::StrCat("one of every ", state.layer.stride, " positions is looked at"));
    }
    impl.layers.push_back(std::move(state));
  }
  if (absl::Status status = impl.MakeTraces(); !status.ok()) return status;
  return surgeon;
}

absl::StatusOr<std::unique_ptr<Graph>> Surgeon::Prune(double sparsity) {
  if (absl::Status status = CheckSparsity(sparsity); !status.ok()) return status;
  if (absl::Status status = impl_->WeighLayers(sparsity); !status.ok()) return status;
  std::vector<double> losses;
  absl::StatusOr<std::unique_ptr<Graph>> pruned = impl_->Refit(impl_->Choose(sparsity, &losses));
  if (!pruned.ok() || impl_->by_magnitude.empty()) return pruned;
  const std::vector<Value*> all = WeightsOf(**pruned);
  std::vector<Value*> matrices;
  for (size_t i : impl_->by_magnitude) matrices.push_back(all[i]);
  const auto zeroed = prune::PruneMagnitude(**pruned, matrices, sparsity, prune::Scope::kLayer);
  if (!zeroed.ok()) return zeroed.status();
  return pruned;
}

}  // namespace obs

namespace {

bool Differ(const Node& a, const Node& b) {
  if (a.operands().size() != b.operands().size()) return true;
  for (size_t i = 0; i < a.operands().size(); ++i) {
    if (a.operand(i)->is_constant() && !(a.operand(i)->tensor() == b.operand(i)->tensor())) return true;
  }
  return false;
}

class PruneObs : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    options_.global = scope_ == "global";
    absl::StatusOr<std::unique_ptr<obs::Surgeon>> surgeon = obs::Surgeon::Create(graph, context, options_);
    if (!surgeon.ok()) return surgeon.status();
    absl::StatusOr<std::unique_ptr<Graph>> pruned = (*surgeon)->Prune(options_.sparsity);
    if (!pruned.ok()) return pruned.status();
    bool changed = false;
    auto after = (*pruned)->nodes().begin();
    for (const auto& node : graph.nodes()) changed |= Differ(*node, **after++);
    graph.Swap(**pruned);
    for (const Value* w : WeightsOf(graph)) {
      const Tensor& tensor = w->tensor();
      context.Remark(graph, graph.Users(w)[0],
                     absl::StrCat(w->Text(), ": ", tensor.elements() - tensor.nonzeros(), " of ", tensor.elements(),
                                  " weights are zero"));
    }
    return changed;
  }

  void Options(PassOptions& options) override {
    options.Add("sparsity", "the fraction of weights that become zero, from 0 to 1", &options_.sparsity);
    options.AddChoice("scope", "whether each layer gets this sparsity, or all layers together", &scope_,
                      {"global", "layer"});
    options.Add("samples", "how many calibration samples to take at most", &options_.samples);
    options.Add("damping", "what is added to the diagonal of a layer's matrix, as a fraction of its mean; above 0",
                &options_.damping);
    options.Add("skip", "weights that stay, by their own name or their layer's", &options_.skip);
  }

  PassNeeds Needs() const override { return {.no_encodings = true, .no_placements = true}; }

  const char* Details() const override {
    return "Optimal Brain Surgeon layer by layer, without training or labels (Frantar and Alistarh, \"Optimal Brain "
           "Compression\", NeurIPS 2022, sections 3 and 4). Needs `--calibrate`; `samples` of it are taken.\n\n"
           "*Order.* For each `conv`, `conv_transpose` and `fc` in float, H = 2 cov(x) + lambda I over the layer's "
           "inputs x (a convolution's windows; each group apart), lambda = `damping` times the mean of the diagonal, "
           "in double precision. The covariance, and not the second moment, because the bias follows. Of each output "
           "channel's row w the weight of least w_p^2 / (2 [H^-1]_pp) goes, the others of the row make up for it, "
           "H^-1 loses row and column p, and so on to the end; the increments of the squared error are kept. Matrices "
           "of `recurrent` are pruned by magnitude, each to the sparsity asked for.\n\n"
           "*Budgets.* With `scope=global` the increments of all layers are sorted together, each layer's in units of "
           "the graph's output: the layers are pruned one at a time, the graph runs, and the error at the outputs "
           "over the layer's own is its factor; three rounds, each at the budgets of the one before.\n\n"
           "*Fit.* On the chosen weights each layer in schedule order gets the least squares weights and bias for the "
           "dense model's outputs, given the inputs that the pruned layers before it make; lambda keeps them near the "
           "old ones. Layers that lose nothing are fitted too.\n\n"
           "The work is bounded and remarks say where: inputs of a wide layer (over 1,024, or fewer where it has many "
           "outputs) are looked at in blocks that count as uncorrelated, of a large image not every position counts, "
           "and samples beyond 2 GiB of activations are left out. Integer weights, weights that several layers share, "
           "and those named in `skip` stay. The result does not depend on the number of threads.";
  }

 private:
  obs::Options options_;
  std::string scope_ = "global";
};

}  // namespace

std::unique_ptr<Pass> CreatePruneObs() { return std::make_unique<PruneObs>(); }

}  // namespace mcuc
