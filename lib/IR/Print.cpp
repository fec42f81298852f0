// The text of a graph. A constant stands just before the node that uses it first, unused ones stand at the end. An
// attribute prints where its text differs from that of its default, so that a new attribute of Ops.def needs no code
// here.
#include "mcuc/IR/Print.h"

#include <cstring>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/IR/Infer.h"

namespace mcuc {

namespace {

bool IsPlainIdentifier(const std::string& name) {
  if (name.empty()) return false;
  for (char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                       c == '.' || c == '/' || c == '-';
    if (!plain) return false;
  }
  return true;
}

// Texts of attribute values.
std::string Text(int64_t value) { return absl::StrCat(value); }
std::string Text(int32_t value) { return absl::StrCat(value); }
std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(float value) { return FloatText(value); }
std::string Text(double value) { return DoubleText(value); }

template <typename List>
std::string ListText(const List& list) {
  return absl::StrCat("{", absl::StrJoin(list, ", ", [](std::string* out, const auto& value) { *out += Text(value); }),
                      "}");
}
std::string Text(const Pair& value) { return ListText(value); }
std::string Text(const Pads& value) { return ListText(value); }
std::string Text(const Ints& value) { return ListText(value); }
std::string Text(const Floats& value) { return ListText(value); }
std::string Text(const Multipliers& value) { return value.size() == 1 ? Text(value[0]) : ListText(value); }

#define X(Enum, LIST) \
  std::string Text(Enum value) { return EnumName(value); }
MCUC_ATTRIBUTE_ENUMS(X)
#undef X

std::string Text(const Act& act) {
  if (act.kind != ActKind::clip) return Text(act.kind);
  return absl::StrCat("clip(", Text(act.lo), ", ", Text(act.hi), ")");
}

std::string Text(const Pool& pool) {
  if (pool.kind == PoolKind::none) return Text(pool.kind);
  const Pool none;
  std::vector<std::string> fields;
  if (pool.kernel != none.kernel) fields.push_back("kernel = " + Text(pool.kernel));
  if (pool.strides != none.strides) fields.push_back("strides = " + Text(pool.strides));
  if (pool.pads != none.pads) fields.push_back("pads = " + Text(pool.pads));
  if (pool.ceil != none.ceil) fields.push_back("ceil = " + Text(pool.ceil));
  return absl::StrCat(Text(pool.kind), "{", absl::StrJoin(fields, ", "), "}");
}

// " {act = relu}", or nothing where every attribute has its default.
template <typename T>
std::string AttributesText(const T& attrs) {
  std::vector<std::string> defaults, fields;
  VisitAttributes(T{}, [&](const char*, const char*, const auto& field) { defaults.push_back(Text(field)); });
  size_t i = 0;
  VisitAttributes(attrs, [&](const char* name, const char*, const auto& field) {
    const std::string text = Text(field);
    if (text != defaults[i++]) fields.push_back(absl::StrCat(name, " = ", text));
  });
  return fields.empty() ? "" : absl::StrCat(" {", absl::StrJoin(fields, ", "), "}");
}
std::string AttributesText(const std::monostate&) { return ""; }

std::string LayoutText(const Layout& layout) {
  if (!layout.row_planar) return "";
  if (layout.window == 0) return " row_planar";
  return absl::StrCat(" row_planar window ", layout.window, " halo ", layout.left, " ", layout.right);
}

// Where and how the value lies.
std::string PlacementText(const Value& value) {
  const std::string layout = LayoutText(value.layout());
  if (!value.placement()) return layout;
  const Placement& placement = *value.placement();
  if (placement.storage_of) return absl::StrCat(layout, " in ", placement.storage_of->Text());
  std::string text = absl::StrCat(layout, " in arena+", placement.arena_offset.value_or(0));
  if (value.stripes().rows > 0) absl::StrAppend(&text, " rows ", value.stripes().rows);
  if (value.stripes().slots > 0) absl::StrAppend(&text, " slots ", value.stripes().slots);
  return text;
}

std::string DeclarationText(const Value& value) { return absl::StrCat(value.Text(), ": ", TypeText(value.type())); }

// hex"…": the bytes in memory order (elements little-endian), 64 a line.
std::string HexText(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kLine = 64;
  std::string text = "hex\"";
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % kLine == 0) text += "\n    ";
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text + '"';
}

// The elements as a list, or as hex where there are more than `most`.
std::string ElementsText(std::span<const std::byte> bytes, ElementType type, int64_t most) {
  const size_t width = static_cast<size_t>(ElementTypeBytes(type));
  if (static_cast<int64_t>(bytes.size() / width) > most) return HexText(bytes);
  return Dispatch(type, [&](auto zero) {
    using T = decltype(zero);
    std::vector<std::string> texts;
    for (size_t i = 0; i + width <= bytes.size(); i += width) {
      if constexpr (std::is_same_v<T, bool>) {
        texts.push_back(absl::StrCat(std::to_integer<int>(bytes[i])));
      } else {
        T value;
        std::memcpy(&value, bytes.data() + i, sizeof(T));
        if constexpr (std::is_floating_point_v<T>) {
          texts.push_back(Text(value));
        } else if constexpr (sizeof(T) == 1) {
          texts.push_back(absl::StrCat(static_cast<int>(value)));
        } else {
          texts.push_back(absl::StrCat(value));
        }
      }
    }
    return absl::StrCat("{", absl::StrJoin(texts, ", "), "}");
  });
}

bool IsElided(const Value& constant, const PrintOptions& options) {
  return options.elide_constants >= 0 && constant.type().elements() > options.elide_constants;
}

std::string DataText(const Value& constant, const PrintOptions& options) {
  if (IsElided(constant, options)) return "elided";
  const Tensor& tensor = constant.tensor();
  const ElementType type = tensor.type().element;
  if (!tensor.encoded()) return ElementsText(tensor.bytes(), type, options.hex_constants);
  std::vector<std::string> streams;
  for (const EncodedStream& stream : StreamsOf(tensor.type())) {
    streams.push_back(absl::StrCat(
        stream.name, ": ", ElementsText(tensor.encoded_data().*stream.bytes, stream.element, options.hex_constants)));
  }
  return absl::StrCat("{", absl::StrJoin(streams, ", "), "}");
}

std::string ConstantComment(const Tensor& tensor) {
  return absl::StrCat("  # nnz ", tensor.nonzeros(), "/", tensor.type().elements(), ", ", tensor.storage_bytes(),
                      " bytes");
}

// The multiply-accumulates, and how many of them the nonzero weights take.
std::string NodeComment(const Node& node) {
  std::vector<const Type*> types;
  for (const Value* operand : node.operands()) types.push_back(operand ? &operand->type() : nullptr);
  if (!InferShape(node.attrs(), types, &node.result()->type().shape).ok()) return "";
  const int64_t macs = MacsOf(node), executed = MacsOf(node, true);
  if (macs == 0) return "";
  return absl::StrCat("  # ", macs, " MACs",
                      executed == macs ? "" : absl::StrCat(", ", executed, " with a nonzero weight"));
}

std::string HeaderText(const Graph& graph) {
  std::string text = absl::StrCat("graph ", NameText('@', graph.name()), "(");
  text += absl::StrJoin(graph.inputs(), ", ", [](std::string* out, const Value* value) {
    absl::StrAppend(out, DeclarationText(*value), PlacementText(*value));
  });
  text += ") -> (";
  text += absl::StrJoin(graph.outputs(), ", ",
                        [](std::string* out, const Value* value) { *out += DeclarationText(*value); });
  text += ")";
  if (graph.arena_bytes()) absl::StrAppend(&text, " {arena = ", *graph.arena_bytes(), "}");
  return text + " {\n";
}

}  // namespace

std::string QuotedText(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string NameText(char sigil, const std::string& name) {
  return sigil + (IsPlainIdentifier(name) ? name : QuotedText(name));
}

std::string PrintNode(const Node& node) {
  std::string text =
      absl::StrCat(DeclarationText(*node.result()), PlacementText(*node.result()), " = ", node.op_name());
  const char* separator = " ";
  for (const Value* operand : node.operands()) {
    absl::StrAppend(&text, separator, operand ? operand->Text() : "absent");
    separator = ", ";
  }
  text += std::visit([](const auto& attrs) { return AttributesText(attrs); }, node.attrs());
  if (!node.loc().empty()) absl::StrAppend(&text, " loc(", QuotedText(node.loc()), ")");
  return text;
}

std::string PrintGraph(const Graph& graph, const PrintOptions& options) {
  std::string body;
  bool any_elided = false;
  std::unordered_set<const Value*> printed;
  const auto print_constant = [&](const Value& constant) {
    if (!printed.insert(&constant).second) return;
    any_elided |= IsElided(constant, options);
    absl::StrAppend(&body, "  const ", DeclarationText(constant), " = ", DataText(constant, options),
                    options.comments ? ConstantComment(constant.tensor()) : "", "\n");
  };
  for (const auto& node : graph.nodes()) {
    for (const Value* operand : node->operands()) {
      if (operand && operand->is_constant()) print_constant(*operand);
    }
    absl::StrAppend(&body, "  ", PrintNode(*node), options.comments ? NodeComment(*node) : "", "\n");
  }
  for (const Value* constant : graph.constants()) print_constant(*constant);
  return absl::StrCat(any_elided ? "# Constants are elided: this text can't be parsed back.\n" : "", HeaderText(graph),
                      body, "}\n");
}

namespace {

// What an attribute's value looks like, for the docs.
std::string KindText(int64_t) { return "integer"; }
std::string KindText(bool) { return "`true` or `false`"; }
std::string KindText(float) { return "f32"; }
std::string KindText(double) { return "f64"; }
std::string KindText(const Pair&) { return "2 integers"; }
std::string KindText(const Pads&) { return "4 integers"; }
std::string KindText(const Ints&) { return "integers"; }
std::string KindText(const Floats&) { return "f32 numbers"; }
std::string KindText(const Multipliers&) { return "i32, or a list of them"; }
std::string KindText(const Act&) { return "`none`, `relu`, `clip(lo, hi)`"; }
std::string KindText(const Pool&) { return "`none`, `max{…}`, `avg{…}`"; }
template <typename Enum>
std::string KindText(Enum) {
  return absl::StrJoin(EnumNames(Enum{}), ", ",
                       [](std::string* out, const std::string& name) { absl::StrAppend(out, "`", name, "`"); });
}

template <typename T>
std::string AttributeRows() {
  std::string rows;
  VisitAttributes(T{}, [&](const char* name, const char* doc, const auto& field) {
    absl::StrAppend(&rows, "| `", name, "` | ", KindText(field), " | `", Text(field), "` | ", doc, " |\n");
  });
  if (rows.empty()) return rows;
  return absl::StrCat("| attribute | value | default | meaning |\n|---|---|---|---|\n", rows, "\n");
}

std::string OpHeading(Op op) {
  const OpInfo& info = InfoOf(op);
  std::string text = absl::StrCat("### `", info.name, "`");
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const bool optional = static_cast<int>(i) >= info.min_operands;
    absl::StrAppend(&text, i == 0 ? " " : ", ", info.operands[i], optional ? "?" : "",
                    info.max_operands < 0 ? "…" : "");
  }
  return absl::StrCat(text, "\n\n", info.summary, "\n\n");
}

}  // namespace

std::string OpDocs() {
  std::string docs;
#define ATTR(...)
#define OP(Name, ...) absl::StrAppend(&docs, OpHeading(Op::k##Name), AttributeRows<Name##Attrs>());
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR
  return docs;
}

}  // namespace mcuc
