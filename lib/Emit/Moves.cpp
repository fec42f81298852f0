// Operations that move elements without looking at them (N19): any element type, quantized ones as their integers.
#include <algorithm>

#include "Lowering.h"
#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc {

absl::Status LowerCopy(const Node& node, Emission& out) {
  const Value &operand = *node.operand(0), &result = *node.result();
  const std::optional<Placement>&from = operand.placement(), &to = result.placement();
  if (out.SamePlace(result, operand)) return absl::OkStatus();
  if (from && from->storage_of == &result) return absl::OkStatus();
  const std::string x = out.Read(operand), y = out.Write(result);
  const int64_t count = result.type().elements();
  out.Use("<string.h>");
  const std::string size = absl::StrCat(count, " * sizeof(", ElementTypeCName(result.type().element), ")");
  // The same bytes of the arena, unless the caller's output lies elsewhere.
  const bool same = from && to && from->arena_offset && from->arena_offset == to->arena_offset;
  if (same) out.Open(absl::StrCat("if (", y, " != ", x, ")"));
  out.Call("memcpy", {y, x, size});
  if (same) out.Close();
  return absl::OkStatus();
}

absl::Status LowerTranspose(const Node& node, Emission& out) {
  const Ints& perm = node.As<TransposeAttrs>().perm;
  const Type& type = node.result()->type();
  const std::vector<int64_t> strides = Strides(node.operand(0)->type().shape);
  Access from;
  for (const int64_t d : perm) from.strides.push_back(strides[static_cast<size_t>(d)]);
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  CopyLoops(out, type.element, y, x, type.shape, AccessOf(type.shape), from);
  return absl::OkStatus();
}

absl::Status LowerConcatMove(const Node& node, Emission& out) {
  const size_t axis = static_cast<size_t>(node.As<ConcatAttrs>().axis);
  const Type& type = node.result()->type();
  std::vector<std::string> xs;
  for (const Value* operand : node.operands()) xs.push_back(out.Read(*operand));
  const std::string y = out.Write(*node.result());
  Access to = AccessOf(type.shape);
  for (size_t i = 0; i < xs.size(); ++i) {
    const Shape& shape = node.operand(i)->type().shape;
    CopyLoops(out, type.element, y, xs[i], shape, to, AccessOf(shape));
    to.offset += shape[axis] * to.strides[axis];
  }
  return absl::OkStatus();
}

absl::Status LowerSlice(const Node& node, Emission& out) {
  const SliceAttrs& attrs = node.As<SliceAttrs>();
  const Type& type = node.result()->type();
  Access from = AccessOf(node.operand(0)->type().shape);
  for (size_t d = 0; d < attrs.starts.size(); ++d) {
    from.offset += attrs.starts[d] * from.strides[d];
    if (!attrs.steps.empty()) from.strides[d] *= attrs.steps[d];
  }
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  CopyLoops(out, type.element, y, x, type.shape, AccessOf(type.shape), from);
  return absl::OkStatus();
}

absl::Status LowerPad(const Node& node, Emission& out) {
  const PadAttrs& attrs = node.As<PadAttrs>();
  const Type& type = node.result()->type();
  const Shape& shape = node.operand(0)->type().shape;
  Access from = AccessOf(shape), to = AccessOf(type.shape);
  if (attrs.mode == PadMode::constant) {
    Tensor value(Type{ElementType::f64, {}});
    value.Set(0, attrs.value);
    const std::string fill = ElementLiteral(ConvertTensor(value, Type{type.element, {}, type.quant}), 0);
    const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
    Loops(out, 0, type.shape, {AccessOf(type.shape)}, [&](const std::vector<std::string>& index, int) {
      out.Line(absl::StrCat(y, "[", index[0], "] = ", fill, ";"));
    });
    for (size_t d = 0; d < shape.size(); ++d) to.offset += attrs.before[d] * to.strides[d];
    CopyLoops(out, type.element, y, x, shape, to, from);
    return absl::OkStatus();
  }
  // The other modes: along each padded dimension a table of where its elements come from.
  from.tables.resize(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (attrs.before[d] == 0 && attrs.after[d] == 0) continue;
    std::vector<int64_t> sources;
    const int64_t last = shape[d] - 1;
    for (int64_t i = -attrs.before[d]; i <= last + attrs.after[d]; ++i) {
      const int64_t source = attrs.mode == PadMode::edge ? std::clamp<int64_t>(i, 0, last)
                             : i < 0                     ? -i
                             : i > last                  ? 2 * last - i
                                                         : i;
      sources.push_back(source * from.strides[d]);
    }
    from.tables[d] = IndexTable(out, absl::StrCat(out.NodeName(), "_axis", d), sources, Elements(shape));
  }
  const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
  CopyLoops(out, type.element, y, x, type.shape, to, from);
  return absl::OkStatus();
}

absl::Status LowerGather(const Node& node, Emission& out) {
  const size_t axis = static_cast<size_t>(node.As<GatherAttrs>().axis);
  const Value& indices = *node.operand(1);
  const Type& type = node.result()->type();
  const Shape& shape = node.operand(0)->type().shape;
  const int64_t n = shape[axis], inner = Strides(shape)[axis], count = indices.type().elements();
  const Shape dims = {Elements(shape) / n / inner, count, inner};
  Access from = {0, {n * inner, 0, 1}, {"", "", ""}};
  if (indices.is_constant()) {
    std::vector<int64_t> starts;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = indices.tensor().AsInt(i);
      if (index < -n || index >= n) {
        return absl::InvalidArgumentError(absl::StrCat("node \"", out.NodeName(), "\" (gather): index ", index,
                                                       " (element ", i, " of ", indices.Text(), ") is outside [", -n,
                                                       ", ", n, ")"));
      }
      starts.push_back((index < 0 ? index + n : index) * inner);
    }
    from.tables[1] = IndexTable(out, out.NodeName() + "_starts", starts, Elements(shape));
    const std::string x = out.Read(*node.operand(0)), y = out.Write(*node.result());
    CopyLoops(out, type.element, y, x, dims, AccessOf(dims), from);
    return absl::OkStatus();
  }
  const std::string x = out.Read(*node.operand(0)), at = out.Read(indices), y = out.Write(*node.result());
  const std::string i = out.OpenLoop(0, count), index = out.Local("index");
  out.Line(absl::StrCat("int64_t ", index, " = (int64_t)", at, "[", i, "];"));
  out.Line(absl::StrCat("if (", index, " < 0) ", index, " += ", n, ";"));
  out.Line(absl::StrCat("if (", index, " < 0) ", index, " = 0; /* an index beyond x reads its border */"));
  out.Line(absl::StrCat("if (", index, " > ", n - 1, ") ", index, " = ", n - 1, ";"));
  Loops(out, 1, {dims[0], inner}, {{0, {count * inner, 1}, {}}, {0, {n * inner, 1}, {}}},
        [&](const std::vector<std::string>& position, int) {
          const auto plus = [](const std::string& a, const std::string& b) { return a == "0" ? b : a + " + " + b; };
          const auto times = [&](const std::string& factor) {
            return inner == 1 ? factor : absl::StrCat(factor, " * ", inner);
          };
          out.Line(absl::StrCat(y, "[", plus(position[0], times(i)), "] = ", x, "[",
                                plus(position[1], times("(int32_t)" + index)), "];"));
        });
  out.Close();
  return absl::OkStatus();
}

}  // namespace mcuc
