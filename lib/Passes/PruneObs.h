// The parts of prune-obs: what a layer's weights see of the calibration set (PruneObsInputs.cpp), the order in which
// Optimal Brain Surgeon removes a row of them (PruneObsRows.cpp), and the choice among all layers (PruneObs.cpp).
//
// Frantar, Alistarh: "Optimal Brain Compression: A Framework for Accurate Post-Training Quantization and Pruning"
// (NeurIPS 2022), sections 3 and 4. With w a row of weights (one output channel), x its inputs and b free to follow,
// the squared error of the row's output over the samples is (w' - w) H (w' - w) / 2, H = 2 cov(x) + lambda I.
#ifndef MCUC_LIB_PASSES_PRUNE_OBS_H
#define MCUC_LIB_PASSES_PRUNE_OBS_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "absl/status/statusor.h"
#include "mcuc/IR/Graph.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc::obs {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

// --- One row of weights (PruneObsRows.cpp)

// Takes index p out of the leading n x n part of an inverse: what is left is the inverse of the matrix without row and
// column p (Optimal Brain Compression, lemma 1). Row and column n - 1 move to p; the caller goes on with n - 1.
void RemoveFromInverse(Matrix& inverse, Eigen::Index n, Eigen::Index p);

// The order in which a row's weights go, and by how much each one's removal adds to the loss; the weights that are left
// make up for it each time. inverse: H^-1.
struct Trace {
  std::vector<int32_t> order;
  std::vector<double> loss;  // >= 0, of order[i]
};
Trace RemovalTrace(Matrix inverse, Vector w);

// The least squares weights of `kept`, the others 0: argmin over v of v H v / 2 - target v, where target = H w gives
// the weights nearest w.
class RowSolver {
 public:
  explicit RowSolver(const Matrix& h) : h_(h) {}
  // Nothing where the matrix is singular in doubles.
  std::optional<Vector> Solve(const std::vector<int32_t>& kept, const Vector& target);

 private:
  struct Factor;
  const Matrix& h_;
  std::vector<int32_t> kept_;  // of the factor: rows often keep the same
  std::shared_ptr<Factor> factor_;
};

// --- A layer (PruneObsInputs.cpp)

// How a conv, conv_transpose or fc reads its operand: output channel m of group g is a row, its weights are the
// columns. Columns are looked at in blocks; inputs of different blocks count as uncorrelated.
struct Layer {
  Node* node = nullptr;
  Value* weights = nullptr;
  int64_t groups = 1;
  int64_t rows = 0;       // of a group
  int64_t columns = 0;    // of a row
  int64_t block = 0;      // columns in a block; the last may have fewer
  int64_t positions = 0;  // outputs of one channel in a sample
  int64_t stride = 1;     // every how many positions count: the work is bounded

  int64_t blocks() const { return (columns + block - 1) / block; }
  int64_t units() const { return groups * blocks(); }  // unit u: group u / blocks(), block u % blocks()
  int64_t first(int64_t unit) const { return unit % blocks() * block; }
  int64_t size(int64_t unit) const { return std::min(block, columns - first(unit)); }
  // The place of a weight in the tensor.
  int64_t Index(int64_t group, int64_t row, int64_t column) const {
    const int64_t channel = column / taps, tap = column % taps;
    if (!transposed) return (group * rows + row) * columns + column;
    return ((group * (columns / taps) + channel) * rows + row) * taps + tap;
  }

  int64_t taps = 1;             // of the kernel
  int64_t channel_stride = 1;   // elements between two channels of the operand
  bool transposed = false;      // conv_transpose: weights lie input channel first
  std::vector<int64_t> offset;  // positions x taps: the element of the group's first channel, or -1 for padding
};

// Bounds of the work on one layer, in multiplications, so that a wide layer takes seconds. Exposed for tests.
struct Limits {
  double rows_work = 4e10;     // rows * columns * block^2 / 3: the traces
  double moments_work = 2e10;  // samples * positions * columns * block: the moments
  int64_t block = 1024;
};
// samples: of the calibration set.
Layer LayerOf(Node* node, int64_t samples, const Limits& limits);

// Sums over samples and positions, for one unit. `x` is the operand in the graph being pruned, `d` in the dense graph.
struct Moments {
  Matrix xx, xd;  // E[x x'] - E[x] E[x]', E[x d'] - E[x] E[d]', times 2 * positions
  Vector x, d;    // E[x], E[d]
};
// x and d hold the operand's value for each sample; the same pointer where they are the same.
std::vector<Moments> MomentsOf(const Layer& layer, const std::vector<Tensor>& x, const std::vector<Tensor>& d,
                               int threads);

// Runs the graph node by node on all samples, keeping only the values still to be read.
class Stream {
 public:
  using Samples = std::shared_ptr<const std::vector<Tensor>>;
  // How many samples of all may be held in memory at once.
  static int64_t SamplesThatFit(const Graph& graph, int64_t samples);

  Stream(const Graph& graph, const Dataset& data, int64_t samples, int threads);
  Samples Of(const Value* value) const;
  // The same input samples for a clone of the graph.
  Stream ForClone(const Graph& clone) const;
  // `same`: another stream whose values are taken where this node is `twin` there with equal operands and constants.
  absl::Status Run(const Node& node, const Stream* same = nullptr, const Node* twin = nullptr);
  void Release(const Node& node);  // values that no later node reads

 private:
  const Graph* graph_;
  int64_t samples_;
  int threads_;
  std::vector<std::pair<const Value*, Samples>> live_;
};

// --- All layers (PruneObs.cpp)

struct Options {
  double sparsity = 0.5;
  bool global = true;
  int64_t samples = 512;
  double damping = 0.01;
  std::vector<std::string> skip;
  Limits limits;
};

// The traces of every layer, made once; then any number of graphs pruned to any sparsity (for a search).
class Surgeon {
 public:
  // Needs context.calibrate. The graph must outlive the surgeon unchanged.
  static absl::StatusOr<std::unique_ptr<Surgeon>> Create(Graph& graph, PassContext& context, const Options& options);
  ~Surgeon();
  // A clone of the graph with this fraction of zeros, refitted.
  absl::StatusOr<std::unique_ptr<Graph>> Prune(double sparsity);

 private:
  Surgeon();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcuc::obs

#endif  // MCUC_LIB_PASSES_PRUNE_OBS_H
