// The rules of a graph's structure and of its values on their own: names, schedule, outputs, types, quantization,
// encodings. A rule runs only where those that it relies on hold.
#include "mcuc/IR/Verify.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "Verifier.h"
#include "absl/strings/str_cat.h"

namespace mcuc {

void Verifier::Report(Location where, const std::string& message) {
  ++errors_;
  if (errors_ > kMaxErrors) return;
  diagnostics_.Error(std::move(where), errors_ < kMaxErrors ? message : message + "; further errors are not listed");
}

Location Verifier::Where(const Node& node) const {
  Location where;
  if (options_.locate_node) where = options_.locate_node(node);
  if (where.file.empty()) where.file = graph_.source();
  where.node = node.loc().empty() && node.result() ? node.result()->Text() : node.loc();
  where.op = node.op_name();
  return where;
}

Location Verifier::Where(const Value& value) const {
  if (value.def()) return Where(*value.def());
  Location where;
  if (options_.locate_value) where = options_.locate_value(value);
  if (where.file.empty()) where.file = graph_.source();
  return where;
}

void Verifier::CheckNames() {
  std::unordered_set<std::string> names;
  for (const Value* value : graph_.values()) {
    if (value->name().empty()) Error(*value, "the name is empty");
    if (!names.insert(value->Text()).second) Error(*value, "another value has the same name");
  }
}

void Verifier::CheckOutputs() {
  if (graph_.outputs().empty()) {
    Report(Location{graph_.source(), 0, 0, "", "", ""}, absl::StrCat("graph @", graph_.name(), " has no output"));
  }
  std::unordered_set<const Value*> seen;
  for (const Value* output : graph_.outputs()) {
    if (output->kind() != ValueKind::kResult) {
      Error(*output, "an output must be the result of a node; copy it with identity");
    }
    if (!seen.insert(output).second) Error(*output, "is listed as an output twice");
  }
}

bool Verifier::CheckSchedule() {
  bool good = true;
  std::unordered_set<const Value*> defined(graph_.inputs().begin(), graph_.inputs().end());
  for (const Value* constant : graph_.constants()) defined.insert(constant);
  for (const auto& node : graph_.nodes()) {
    for (size_t i = 0; i < node->operands().size(); ++i) {
      const Value* operand = node->operand(i);
      if (!operand) {
        Error(*node, "operand ", i, " is absent");
      } else if (!defined.count(operand)) {
        Error(*node, "operand ", operand->Text(), " is not computed before this node");
      } else {
        continue;
      }
      good = false;
    }
    defined.insert(node->result());
  }
  for (const Value* output : graph_.outputs()) {
    if (defined.count(output)) continue;
    Error(*output, "the output is no value of the graph");
    good = false;
  }
  return good;
}

bool Verifier::CheckType(const Value& value) {
  const Type& type = value.type();
  const int before = errors_;
  if (const auto elements = CheckedElements(type.shape); !elements.ok()) {
    Error(value, elements.status().message());
    return false;
  }
  if (type.encoding != Encoding::kDense && !value.is_constant()) Error(value, "only a constant can be encoded");
  if (type.encoding != Encoding::kDense && type.rank() < 1) Error(value, "a scalar can't be encoded");
  if (type.encoding.values != ValueCode::element && type.element != ElementType::i8) {
    Error(value, "is encoded as ", EncodingText(type.encoding), ", which holds values of type i8, not ",
          ElementTypeName(type.element));
  }
  if (!type.quant) return errors_ == before;

  const Quantization& quant = *type.quant;
  if (!IsInteger(type.element) || ElementTypeBytes(type.element) > 4) {
    Error(value, ElementTypeName(type.element), " can't be quantized; quantized are integers of at most 32 bits");
    return false;
  }
  for (float scale : quant.scales) {
    if (!std::isfinite(scale) || scale <= 0) {
      Error(value, "scale ", FloatText(scale), " must be finite and over 0 [N1]");
      break;
    }
  }
  for (int32_t zero_point : quant.zero_points) {
    if (zero_point < IntegerMin(type.element) || zero_point > IntegerMax(type.element)) {
      Error(value, "zero point ", zero_point, " is outside [", IntegerMin(type.element), ", ", IntegerMax(type.element),
            "], the range of ", ElementTypeName(type.element), " [N1]");
      break;
    }
  }
  const int64_t scales = static_cast<int64_t>(quant.scales.size());
  const int64_t zero_points = static_cast<int64_t>(quant.zero_points.size());
  if (quant.axis < 0) {
    if (scales != 1 || zero_points != 1) {
      Error(value, "has ", scales, " scales and ", zero_points, " zero points, but no axis; one of each is a tensor's");
    }
  } else if (quant.axis >= type.rank()) {
    Error(value, "is quantized along axis ", quant.axis, " of a rank of ", type.rank());
  } else {
    const int64_t slices = type.shape[static_cast<size_t>(quant.axis)];
    if (scales != slices || (zero_points != slices && zero_points != 1)) {
      Error(value, "has ", scales, " scales and ", zero_points, " zero points for the ", slices, " slices of axis ",
            quant.axis);
    }
    if (!value.is_constant()) Error(value, "only a constant can be quantized along an axis [N1]");
  }
  return errors_ == before;
}

void Verifier::CheckTensor(const Value& constant) {
  const Tensor& tensor = constant.tensor();
  const Type& type = tensor.type();
  if (tensor.encoded()) {
    if (absl::Status s = CheckEncoding(tensor); !s.ok()) Error(constant, s.message());
    return;
  }
  if (static_cast<int64_t>(tensor.bytes().size()) != type.bytes()) {
    Error(constant, "holds ", tensor.bytes().size(), " bytes for the ", type.bytes(), " of its type");
    return;
  }
  const bool is_bool = type.element == ElementType::b8;
  if (is_bool &&
      std::any_of(tensor.bytes().begin(), tensor.bytes().end(), [](std::byte b) { return b > std::byte{1}; })) {
    Error(constant, "an element of type b8 must be 0 or 1");
  }
}

void Verifier::CheckEncodingUses(const Node& node) {
  const bool transposed = node.op() == Op::kConvTranspose;
  for (size_t i = 0; i < node.operands().size(); ++i) {
    const Value* operand = node.operand(i);
    if (operand->type().encoding == Encoding::kDense || (ReadsAsWeights(node, i) && !transposed)) continue;
    Error(node, "operand ", operand->Text(), " is encoded; only the weights of conv, fc and recurrent can be");
  }
}

void Verifier::Run() {
  CheckNames();
  CheckOutputs();
  if (!CheckSchedule()) return;
  // An operation's rules rely on sound values.
  std::unordered_set<const Value*> unsound;
  for (const Value* value : graph_.values()) {
    const int before = errors_;
    if (CheckType(*value) && value->is_constant()) CheckTensor(*value);
    if (errors_ > before) unsound.insert(value);
  }
  const auto is_unsound = [&](const Value* value) { return unsound.count(value) > 0; };
  for (const auto& node : graph_.nodes()) {
    const auto& operands = node->operands();
    if (is_unsound(node->result()) || std::any_of(operands.begin(), operands.end(), is_unsound)) continue;
    CheckEncodingUses(*node);
    CheckNode(*node);
  }
  if (unsound.empty()) CheckPlacements();
}

void VerifyGraph(const Graph& graph, Diagnostics& diagnostics, const VerifyOptions& options) {
  Verifier(graph, diagnostics, options).Run();
}

absl::Status VerifyGraph(const Graph& graph) {
  Diagnostics diagnostics;
  VerifyGraph(graph, diagnostics);
  return diagnostics.ToStatus();
}

}  // namespace mcuc
