// Stores each weight tensor in its cheapest encoding: its zeros cost flash and time only where it stays dense.
//
//   const @w: i8<0.0079:0>[2x3] = {64, 0, 0, 0, 0, 95}
//   ──►
//   const @w: i8<0.0079:0>[2x3] csc<u8> = {count: {1, 1}, delta: {0, 2}, val: {64, 95}}
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

// Every encoding a weight tensor may take. A further encoding is a further row; dense stands first, so that it wins
// where bytes and instructions are equal: the plainest code.
struct EncodingRow {
  const char* name;
  Encoding encoding;
  absl::StatusOr<Tensor> (*encode)(const Tensor& dense);
};
constexpr EncodingRow kEncodings[] = {
    {"dense", Encoding::kDense, [](const Tensor& dense) { return absl::StatusOr<Tensor>(dense); }},
    {"csc", Encoding::kCsc, EncodeCsc},
};

// What a tensor costs in an encoding: exact bytes of flash, and modelled instructions of all layers that read it.
struct Cost {
  double bytes = 0;
  double instructions = 0;
};

// Whether `a` is better than `b`. Ties are settled by the other measure.
bool Better(const Cost& a, const Cost& b, const std::string& objective) {
  const auto key = [&](const Cost& cost) {
    if (objective == "size") return std::pair(cost.bytes, cost.instructions);
    if (objective == "speed") return std::pair(cost.instructions, cost.bytes);
    return std::pair(cost.bytes * cost.instructions, cost.bytes);
  };
  return key(a) < key(b);
}

// The layers that read a constant as their weights; empty where anything else reads it too, which needs it dense.
std::vector<const Node*> LayersOf(const Graph& graph, const Value* weights) {
  std::vector<const Node*> layers;
  for (const Node* node : graph.Users(weights)) {
    const auto& operands = node->operands();
    const bool layer = node->If<ConvAttrs>() || node->If<FcAttrs>();
    if (!layer || std::count(operands.begin(), operands.end(), weights) != 1 || operands[1] != weights) return {};
    layers.push_back(node);
  }
  return layers;
}

class CscEncode : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    if (absl::Status status = CheckSkip(graph); !status.ok()) return status;
    bool changed = false;
    for (Value* weights : WeightsOf(graph)) {
      const Type& type = weights->type();
      if (weights->tensor().encoded() || IsSkipped(weights, graph)) continue;
      if (type.element != ElementType::f32 && type.element != ElementType::i8) continue;
      const std::vector<const Node*> layers = LayersOf(graph, weights);
      if (layers.empty()) continue;
      Tensor best;
      Cost least;
      for (const EncodingRow& row : kEncodings) {
        absl::StatusOr<Tensor> encoded = row.encode(weights->tensor());
        if (!encoded.ok()) {
          context.Remark(graph, layers[0],
                         absl::StrCat(weights->Text(), " not stored as ", row.name, ": ",
                                      std::string(encoded.status().message())));
          continue;
        }
        Cost cost{static_cast<double>(encoded->storage_bytes()), 0};
        for (const Node* layer : layers) cost.instructions += context.target->Instructions(*layer, row.encoding);
        if (&row != kEncodings && !Better(cost, least, objective_)) continue;
        best = *std::move(encoded);
        least = cost;
      }
      if (!best.encoded()) continue;
      weights->set_tensor(std::move(best));
      changed = true;
    }
    return changed;
  }

  void Options(PassOptions& options) override {
    options.AddChoice("objective", "what to choose by: bytes of flash, modelled instructions, or their product",
                      &objective_, {"size", "speed", "balanced"});
    options.Add("skip", "weights that stay dense, by their own name or their layer's", &skip_);
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return "Each weight tensor of a `conv` or `fc`, float or int8, is stored dense or as `csc<u8>`: for each output a "
           "count of nonzeros, and for each nonzero an 8-bit gap (255 escapes to further gaps) and its value. The "
           "choice is made a tensor at a time, by its exact bytes and by the instructions that the target models for "
           "the layers that read it; equal bytes are settled by instructions. Weights of `conv_transpose` stay dense, "
           "and so does a tensor "
           "that something else reads too. Tensors that are encoded already are left as they are.";
  }

 private:
  static bool Names(const std::string& name, const Value* weights, const Graph& graph) {
    if (weights->name() == name) return true;
    for (const Node* node : graph.Users(weights)) {
      if (node->loc() == name || node->result()->name() == name) return true;
    }
    return false;
  }

  bool IsSkipped(const Value* weights, const Graph& graph) const {
    return std::any_of(skip_.begin(), skip_.end(),
                       [&](const std::string& name) { return Names(name, weights, graph); });
  }

  absl::Status CheckSkip(const Graph& graph) const {
    const std::vector<Value*> all = WeightsOf(graph);
    for (const std::string& name : skip_) {
      if (std::none_of(all.begin(), all.end(), [&](const Value* w) { return Names(name, w, graph); })) {
        return absl::InvalidArgumentError(absl::StrCat("skip=", name, ": no weights and no layer of that name"));
      }
    }
    return absl::OkStatus();
  }

  std::string objective_ = "size";
  std::vector<std::string> skip_;
};

}  // namespace

std::unique_ptr<Pass> CreateCscEncode() { return std::make_unique<CscEncode>(); }

}  // namespace mcuc
