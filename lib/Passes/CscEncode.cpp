// Stores each weight tensor in its cheapest encoding: its zeros cost flash and time only where it stays dense.
//
//   const @w: i8<0.0079:0>[2x3] = {64, 0, 0, 0, 0, 95}
//   ──►
//   const @w: i8<0.0079:0>[2x3] csc<u8> = {delta: {0, 4, 0}, val: {64, 95}}
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/Passes/Pass.h"

namespace mcuc {

namespace {

// What an encoding of one tensor costs: exact bytes of flash, modelled instructions of all layers that read it, and the
// kernels that they call.
struct Candidate {
  Tensor tensor;
  double bytes = 0, instructions = 0;
  std::vector<Target::Kernel> kernels;
};

struct Choice {
  Value* weights;
  std::vector<Candidate> candidates;  // the first is dense, if dense is allowed
};
using Chosen = std::vector<size_t>;  // a candidate of each choice

// What all tensors cost together: a kernel's code counts once, however many layers call it.
struct Cost {
  double bytes = 0, instructions = 0;
};

Cost CostOf(const std::vector<Choice>& choices, const Chosen& chosen) {
  Cost cost;
  std::map<std::string, double> kernels;
  for (size_t i = 0; i < choices.size(); ++i) {
    const Candidate& candidate = choices[i].candidates[chosen[i]];
    cost.bytes += candidate.bytes;
    cost.instructions += candidate.instructions;
    for (const Target::Kernel& kernel : candidate.kernels) kernels[kernel.name] = kernel.bytes;
  }
  for (const auto& [name, bytes] : kernels) cost.bytes += bytes;
  return cost;
}

// Whether `a` is better than `b`. Ties are settled by the other measure.
bool Better(const Cost& a, const Cost& b, const std::string& objective) {
  const auto key = [&](const Cost& cost) {
    if (objective == "size") return std::pair(cost.bytes, cost.instructions);
    if (objective == "speed") return std::pair(cost.instructions, cost.bytes);
    return std::pair(cost.bytes * cost.instructions, cost.bytes);
  };
  return key(a) < key(b);
}

// Changes one choice at a time for the better until none can be. Of equals the first candidate stays: the plainest.
void Descend(const std::vector<Choice>& choices, const std::string& objective, Chosen& chosen) {
  Cost least = CostOf(choices, chosen);
  for (bool improved = true; improved;) {
    improved = false;
    for (size_t i = 0; i < choices.size(); ++i) {
      size_t best = chosen[i];
      for (size_t c = 0; c < choices[i].candidates.size(); ++c) {
        chosen[i] = c;
        const Cost cost = CostOf(choices, chosen);
        if (!Better(cost, least, objective)) continue;
        least = cost;
        best = c;
        improved = true;
      }
      chosen[i] = best;
    }
  }
}

// Descends from every uniform start, so that several layers may change to a shared kernel together.
Chosen Choose(const std::vector<Choice>& choices, const std::string& objective) {
  Chosen best;
  for (const Encoding start : AllEncodings()) {
    Chosen chosen(choices.size(), 0);
    for (size_t i = 0; i < choices.size(); ++i) {
      for (size_t c = 0; c < choices[i].candidates.size(); ++c) {
        if (choices[i].candidates[c].tensor.type().encoding == start) chosen[i] = c;
      }
    }
    Descend(choices, objective, chosen);
    if (best.empty() || Better(CostOf(choices, chosen), CostOf(choices, best), objective)) best = std::move(chosen);
  }
  return best;
}

// The layers that read a constant as their weights; empty where anything else reads it too, which needs it dense.
std::vector<const Node*> LayersOf(const Graph& graph, const Value* weights) {
  std::vector<const Node*> layers;
  for (const Node* node : graph.Users(weights)) {
    const auto& operands = node->operands();
    const auto at = static_cast<size_t>(std::find(operands.begin(), operands.end(), weights) - operands.begin());
    if (std::count(operands.begin(), operands.end(), weights) != 1) return {};
    if (!ReadsAsWeights(*node, at) || node->If<ConvTransposeAttrs>()) return {};
    layers.push_back(node);
  }
  return layers;
}

class CscEncode : public Pass {
 public:
  absl::StatusOr<bool> Run(Graph& graph, PassContext& context) override {
    if (absl::Status status = CheckSkip(graph); !status.ok()) return status;
    if (absl::Status status = CheckCodes(); !status.ok()) return status;
    std::vector<Choice> choices;
    for (Value* weights : WeightsOf(graph)) {
      const Type& type = weights->type();
      if (weights->tensor().encoded() || IsSkipped(weights, graph)) continue;
      if (type.element != ElementType::f32 && type.element != ElementType::i8) continue;
      const std::vector<const Node*> layers = LayersOf(graph, weights);
      if (layers.empty()) continue;
      Choice choice{weights, {}};
      for (const Encoding encoding : AllEncodings()) {
        if (!IsAllowed(encoding)) continue;
        absl::StatusOr<Tensor> encoded = Encode(weights->tensor(), encoding);
        if (!encoded.ok()) continue;  // its values do not fit
        Candidate candidate;
        candidate.tensor = *std::move(encoded);
        candidate.bytes = static_cast<double>(candidate.tensor.storage_bytes());
        for (const Node* layer : layers) {
          candidate.instructions += context.target->Instructions(*layer, encoding);
          if (code_) candidate.kernels.push_back(context.target->KernelOf(*layer, encoding));
        }
        choice.candidates.push_back(std::move(candidate));
      }
      if (!choice.candidates.empty()) choices.push_back(std::move(choice));
    }
    const Chosen chosen = Choose(choices, objective_);
    bool changed = false;
    for (size_t i = 0; i < choices.size(); ++i) {
      Tensor& tensor = choices[i].candidates[chosen[i]].tensor;
      if (!tensor.encoded()) continue;
      choices[i].weights->set_tensor(std::move(tensor));
      changed = true;
    }
    return changed;
  }

  void Options(PassOptions& options) override {
    options.AddChoice("objective", "what to choose by: bytes of flash, modelled instructions, or their product",
                      &objective_, {"size", "speed", "balanced"});
    options.Add("code", "count the code of the kernels that an encoding needs, not only the tables", &code_);
    options.Add("gaps", "codes of gaps to choose from, all of them where none is given; `all`: no gaps", &gaps_);
    options.Add("values", "codes of values to choose from, all of them where none is given", &values_);
    options.Add("skip", "weights that stay dense, by their own name or their layer's", &skip_);
  }

  PassNeeds Needs() const override { return {.no_encodings = false, .no_placements = true}; }

  const char* Details() const override {
    return "Each weight tensor of a `conv`, `fc` or `recurrent`, float or int8, is stored dense or in one of the "
           "encodings of [ir.md](ir.md): gaps between nonzeros in 8 or 4 bits, as a bitmap or as Rice codes, or no "
           "gaps; values as they are or, where they fit, in 4 or 3 bits, as indices into a book of 16 or 8, or as "
           "Rice codes of indices into a book by falling frequency. What counts is the sum over all tensors: exact "
           "bytes of the tables, the code of each different kernel that they need, and the instructions that the "
           "target models for the layers that read them; equal bytes are settled by instructions. The search changes "
           "one tensor at a time, from several starts. Weights of `conv_transpose` stay dense, and so does a tensor "
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

  bool IsAllowed(Encoding encoding) const {
    const auto holds = [](const std::vector<std::string>& names, const char* name) {
      return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    };
    return holds(gaps_, InfoOf(encoding.gaps).name) && holds(values_, InfoOf(encoding.values).name);
  }

  absl::Status CheckCodes() const {
    for (const std::string& name : gaps_) {
      if (!ParseGapCode(name)) return UnknownCode("gaps", name, GapCodes());
    }
    for (const std::string& name : values_) {
      if (!ParseValueCode(name)) return UnknownCode("values", name, ValueCodes());
    }
    return absl::OkStatus();
  }

  template <typename Codes>
  static absl::Status UnknownCode(const char* option, const std::string& name, const Codes& codes) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, "=", name, ": no such code; there are: ",
                     absl::StrJoin(codes, ", ", [](std::string* out, const auto& info) { *out += info.name; })));
  }

  std::string objective_ = "balanced";
  bool code_ = true;
  std::vector<std::string> gaps_, values_;
  std::vector<std::string> skip_;
};

}  // namespace

std::unique_ptr<Pass> CreateCscEncode() { return std::make_unique<CscEncode>(); }

}  // namespace mcuc
