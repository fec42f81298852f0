// Tree ensembles of ai.onnx.ml as the operation trees: nodes of all trees in one table, each node behind those that
// lead to it, every comparison as "feature <= threshold".
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "Classical.h"

namespace mcuc::importer {

namespace {

constexpr size_t kMaxNodes = 1 << 20;  // of the model; the operation takes fewer

struct Entry {
  int64_t target;
  float weight;
};

// The trees as the model lists them.
struct Forest {
  Ints trees, ids, features, yes, no, missing;
  std::vector<std::string> modes;
  Floats values;
  std::map<std::pair<int64_t, int64_t>, size_t> index;                // of (tree, node)
  std::map<std::pair<int64_t, int64_t>, std::vector<Entry>> entries;  // of leaves
};

// Attributes `prefix`_treeids and so on: what the leaves add.
absl::Status ReadEntries(const Lowering& l, const std::string& prefix, Forest& forest) {
  const auto ints = [&](const char* name) { return l.IntList((prefix + name).c_str()); };
  const Ints trees = ints("_treeids"), nodes = ints("_nodeids"), ids = ints("_ids");
  const Floats weights = l.FloatList((prefix + "_weights").c_str());
  if (nodes.size() != trees.size() || ids.size() != trees.size() || weights.size() != trees.size()) {
    return Unsupported("the attributes ", prefix, "_… have different lengths");
  }
  for (size_t i = 0; i < trees.size(); ++i) forest.entries[{trees[i], nodes[i]}].push_back({ids[i], weights[i]});
  return absl::OkStatus();
}

absl::Status ReadNodes(const Lowering& l, Forest& f) {
  f.trees = l.IntList("nodes_treeids");
  f.ids = l.IntList("nodes_nodeids");
  f.features = l.IntList("nodes_featureids");
  f.yes = l.IntList("nodes_truenodeids");
  f.no = l.IntList("nodes_falsenodeids");
  f.modes = l.StringList("nodes_modes");
  f.values = l.FloatList("nodes_values");
  const size_t n = f.trees.size();
  for (size_t size : {f.ids.size(), f.features.size(), f.yes.size(), f.no.size(), f.modes.size(), f.values.size()}) {
    if (size != n) return Unsupported("the attributes nodes_… have different lengths");
  }
  if (n == 0 || n > kMaxNodes) return Unsupported("has ", n, " nodes; supported: 1 to ", kMaxNodes);
  for (size_t i = 0; i < n; ++i) {
    if (f.features[i] < 0 || f.features[i] > INT16_MAX) {
      return Unsupported("node ", f.ids[i], " of tree ", f.trees[i], " reads feature ", f.features[i]);
    }
    if (!f.index.emplace(std::pair(f.trees[i], f.ids[i]), i).second) {
      return Unsupported("node ", f.ids[i], " of tree ", f.trees[i], " is listed twice");
    }
  }
  f.missing = l.IntList("nodes_missing_value_tracks_true");
  if (f.missing.empty()) f.missing.assign(n, 0);
  if (f.missing.size() != n) return Unsupported("the attributes nodes_… have different lengths");
  return absl::OkStatus();
}

// The tables of the operation.
class Tables {
 public:
  explicit Tables(const Forest& forest) : forest_(forest), placed_(forest.trees.size(), false) {}

  absl::Status Build() {
    starts_.push_back(0);
    std::map<int64_t, bool> seen;
    for (size_t i = 0; i < forest_.trees.size(); ++i) {
      if (seen.emplace(forest_.trees[i], true).second) {  // a tree's first node is its root
        MCUC_RETURN_IF_ERROR(AddTree(i));
      }
    }
    if (thresholds_.empty()) {  // trees of one leaf each: tables are not empty
      nodes_ = {0, -1, -1};
      thresholds_ = {0};
    }
    if (targets_.empty()) {
      targets_ = {0};
      weights_ = {0};
    }
    return absl::OkStatus();
  }

  std::vector<Symbol*> Symbols(Lowering& l) const {
    const auto ints = [&](const Ints& values, Shape shape) {
      return l.Constant(Tensor::Of(Type{ElementType::i32, std::move(shape)}, values));
    };
    const auto reals = [&](const Floats& values) {
      return l.Constant(Tensor::Of(Type{ElementType::f32, {static_cast<int64_t>(values.size())}}, values));
    };
    const auto size = [](const auto& list) { return static_cast<int64_t>(list.size()); };
    return {ints(nodes_, {size(thresholds_), 3}), reals(thresholds_),
            ints(roots_, {size(roots_)}),         ints(starts_, {size(starts_)}),
            ints(targets_, {size(targets_)}),     reals(weights_)};
  }

 private:
  // Places in the tables where the index of a node or leaf belongs.
  struct Pending {
    size_t node;               // of the model
    std::ptrdiff_t place;      // in nodes_; negative: -1 - place in roots_
    std::ptrdiff_t other = 0;  // another one in nodes_; 0: none
  };

  void Put(const Pending& at, int64_t value) {
    (at.place < 0 ? roots_[static_cast<size_t>(-1 - at.place)] : nodes_[static_cast<size_t>(at.place)]) = value;
    if (at.other > 0) nodes_[static_cast<size_t>(at.other)] = value;
  }

  // Depth first, so that each node comes behind its parent. A second path to a node would be no tree.
  absl::Status AddTree(size_t root) {
    roots_.push_back(0);
    std::vector<Pending> pending = {{root, -static_cast<std::ptrdiff_t>(roots_.size())}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const size_t i = next.node;
      if (placed_[i]) return Unsupported("node ", forest_.ids[i], " of tree ", forest_.trees[i], " has two parents");
      placed_[i] = true;
      if (forest_.modes[i] == "LEAF") {
        Put(next, AddLeaf(i));
        continue;
      }
      const auto child = [&](int64_t id) { return forest_.index.find({forest_.trees[i], id}); };
      const auto yes = child(forest_.yes[i]), no = child(forest_.no[i]);
      if (yes == forest_.index.end() || no == forest_.index.end()) {
        return Unsupported("node ", forest_.ids[i], " of tree ", forest_.trees[i], " has no such child");
      }
      MCUC_RETURN_IF_ERROR(AddBranch(next, yes->second, no->second, pending));
    }
    return absl::OkStatus();
  }

  // The comparison of a node, as one "x <= threshold" or, of equality, two: x <= t and not x <= the number below t.
  // A NaN fails every comparison but !=, unless the node tells it to track true.
  absl::Status AddBranch(const Pending& branch, size_t yes, size_t no, std::vector<Pending>& pending) {
    const size_t i = branch.node;
    const std::string& mode = forest_.modes[i];
    const bool missing = forest_.missing[i] != 0;
    const float value = forest_.values[i];
    if (std::isnan(value)) return Unsupported("nodes_values holds NaN");
    // x < t: x <= below; nothing is below -infinity
    const float infinity = std::numeric_limits<float>::infinity();
    const float below =
        std::isinf(value) && value < 0 ? std::numeric_limits<float>::quiet_NaN() : std::nextafter(value, -infinity);
    if (mode == "BRANCH_LEQ" || mode == "BRANCH_LT") {
      const std::ptrdiff_t at = AddNode(branch, mode == "BRANCH_LT" ? below : value, missing);
      pending.push_back({no, at + 2});
      pending.push_back({yes, at + 1});
    } else if (mode == "BRANCH_GT" || mode == "BRANCH_GTE") {
      const std::ptrdiff_t at = AddNode(branch, mode == "BRANCH_GTE" ? below : value, !missing);
      pending.push_back({yes, at + 2});
      pending.push_back({no, at + 1});
    } else if (mode == "BRANCH_EQ" || mode == "BRANCH_NEQ") {
      const bool equal = mode == "BRANCH_EQ";
      const std::ptrdiff_t at = AddNode(branch, value, equal && missing);
      const std::ptrdiff_t next = AddNode({i, at + 1}, below, false);
      pending.push_back({equal ? no : yes, at + 2, next + 1});
      pending.push_back({equal ? yes : no, next + 2});
    } else {
      return Unsupported("nodes_modes holds \"", mode, "\"; supported: BRANCH_LEQ, BRANCH_LT, BRANCH_GT, BRANCH_GTE, ",
                         "BRANCH_EQ, BRANCH_NEQ, LEAF");
    }
    return absl::OkStatus();
  }

  // Its place in nodes_. `missing`: a NaN counts as below the threshold.
  std::ptrdiff_t AddNode(const Pending& place, float threshold, bool missing) {
    const auto at = static_cast<std::ptrdiff_t>(nodes_.size());
    const int64_t feature = forest_.features[place.node];
    Put(place, static_cast<int64_t>(thresholds_.size()));
    nodes_.insert(nodes_.end(), {missing ? -1 - feature : feature, 0, 0});
    thresholds_.push_back(threshold);
    return at;
  }

  int64_t AddLeaf(size_t i) {
    const auto found = forest_.entries.find({forest_.trees[i], forest_.ids[i]});
    if (found != forest_.entries.end()) {
      for (const Entry& entry : found->second) {
        targets_.push_back(entry.target);
        weights_.push_back(entry.weight);
      }
    }
    starts_.push_back(static_cast<int64_t>(targets_.size()));
    return -(static_cast<int64_t>(starts_.size()) - 1);  // -1 - leaf
  }

  const Forest& forest_;
  std::vector<bool> placed_;
  Ints nodes_, roots_, starts_, targets_;
  Floats thresholds_, weights_;
};

absl::StatusOr<Symbol*> Sums(Lowering& l, const Forest& forest, int64_t outputs) {
  Tables tables(forest);
  MCUC_RETURN_IF_ERROR(tables.Build());
  MCUC_ASSIGN_OR_RETURN(Symbol * x, FeaturesOf(l));
  std::vector<Symbol*> operands = tables.Symbols(l);
  operands.insert(operands.begin(), x);
  return l.Add(TreesAttrs{outputs}, operands);
}

// y plus base_values, one or one an output.
Symbol* WithBase(Compose& c, Symbol* y, const Floats& base) {
  if (base.empty() || !y) return y;
  return c.Add(y, c.Floats({base.begin(), base.end()}, {static_cast<int64_t>(base.size())}));
}

absl::Status LowerTreeEnsembleRegressor(Lowering& l) {
  Forest forest;
  MCUC_RETURN_IF_ERROR(ReadNodes(l, forest));
  MCUC_RETURN_IF_ERROR(ReadEntries(l, "target", forest));
  const std::string aggregate = l.String("aggregate_function", "SUM");
  if (aggregate != "SUM" && aggregate != "AVERAGE") {
    return Unsupported("aggregate_function = \"", aggregate, "\"; supported: SUM, AVERAGE");
  }
  if (aggregate == "AVERAGE") {
    const std::set<int64_t> trees(forest.trees.begin(), forest.trees.end());
    for (auto& [node, entries] : forest.entries) {
      for (Entry& entry : entries) entry.weight /= static_cast<float>(trees.size());
    }
  }
  Compose c(l);
  Symbol* y = c.Take(Sums(l, forest, l.Int("n_targets", 1)));
  return c.Return(PostTransform(l, c, WithBase(c, y, l.FloatList("base_values"))));
}

absl::Status LowerTreeEnsembleClassifier(Lowering& l) {
  Forest forest;
  MCUC_RETURN_IF_ERROR(ReadNodes(l, forest));
  MCUC_RETURN_IF_ERROR(ReadEntries(l, "class", forest));
  MCUC_ASSIGN_OR_RETURN(const Ints labels, LabelsOf(l, "classlabels_int64s"));
  const Ints ids = l.IntList("class_ids");
  const Floats weights = l.FloatList("class_weights");
  const std::set<int64_t> used(ids.begin(), ids.end());
  Compose c(l);
  const Floats base = l.FloatList("base_values");
  if (labels.size() == 2 && used.size() == 1) {
    // One sum decides between two classes: a probability where no weight is negative, else a score around 0.
    const bool probability = std::all_of(weights.begin(), weights.end(), [](float w) { return w >= 0; });
    const double threshold = probability ? 0.5 : 0;
    if (base.size() > 1 || (base.size() == 1 && ids[0] != 0)) {
      return Unsupported("base_values has ", base.size(), " entries, but all weights are those of class ", ids[0]);
    }
    if (ids[0] == 0) {  // the only score is the second class's
      Symbol* sum = WithBase(c, c.Take(Sums(l, forest, 1)), base);
      MCUC_RETURN_IF_ERROR(ReturnBinary(l, c, sum, threshold, labels));
      const bool negated = !probability || l.String("post_transform", "NONE") == "LOGISTIC";
      return c.Return(BothScores(l, c, sum, negated ? OtherScore::negated : OtherScore::complement), 1);
    }
    Symbol* sums = c.Take(Sums(l, forest, 2));
    MCUC_RETURN_IF_ERROR(ReturnBinary(l, c, sums ? c.Part(sums, 1, ids[0], 1) : nullptr, threshold, labels));
    return c.Return(PostTransform(l, c, sums), 1);
  }
  const auto classes = static_cast<int64_t>(labels.size());
  Symbol* scores = WithBase(c, c.Take(Sums(l, forest, classes)), base);
  return ReturnClasses(l, c, scores, labels);
}

constexpr char kNodes[] =
    "base_values:F nodes_falsenodeids:I nodes_featureids:I nodes_hitrates:F nodes_missing_value_tracks_true:I "
    "nodes_modes:S nodes_nodeids:I nodes_treeids:I nodes_truenodeids:I nodes_values:F post_transform:s ";

const Operator* Rows() {
  static const std::string regressor =
      std::string(kNodes) +
      "aggregate_function:s n_targets:i target_ids:I target_nodeids:I target_treeids:I "
      "target_weights:F";
  static const std::string classifier =
      std::string(kNodes) +
      "class_ids:I class_nodeids:I class_treeids:I class_weights:F classlabels_int64s:I "
      "classlabels_strings:S";
  static const Operator rows[] = {
      {"ai.onnx.ml.TreeEnsembleRegressor", 1, kMaxOpset, 1, 1, 1, regressor.c_str(), LowerTreeEnsembleRegressor},
      {"ai.onnx.ml.TreeEnsembleClassifier", 1, kMaxOpset, 1, 1, 2, classifier.c_str(), LowerTreeEnsembleClassifier},
  };
  return rows;
}

}  // namespace

std::span<const Operator> TreeOperators() { return {Rows(), 2}; }

}  // namespace mcuc::importer
