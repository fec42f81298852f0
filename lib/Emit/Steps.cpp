// Nodes that run step by step (mcuc/IR/Walk.h): loops around the lowering of one step's node, which reads a copy of its
// part of x, or the stripe itself, and writes a stripe of the result. Nodes that take turns are the cases of a switch,
// in the order that a table has.
#include <map>

#include "Lowering.h"
#include "absl/strings/str_cat.h"
#include "mcuc/IR/Kernels.h"
#include "mcuc/IR/Walk.h"

namespace mcuc {

namespace {

std::string N(int64_t value) { return IntLiteral(value); }

bool IsStriped(const Value& value) { return value.stripes().rows > 0 || value.layout().row_planar; }

bool HasWindow(const Value& value) { return value.layout().window > 0; }

// Of an image: the rows of a planar block, one behind the other.
int64_t BlockRows(const Value& value) {
  if (value.layout().row_planar) return 1;
  return value.stripes().rows > 0 ? value.stripes().rows : value.type().shape[2];
}

// "12", "row * 3 - 1": row times a factor.
std::string Linear(const std::string& row, int64_t factor, int64_t offset) {
  if (row == "0") return N(offset);
  const std::string product = factor == 1 ? row : absl::StrCat(row, " * ", factor);
  return offset == 0 ? product : absl::StrCat(product, offset < 0 ? " - " : " + ", std::abs(offset));
}

bool ReadsStripes(const Node& node) { return !node.operand(0)->is_constant() && IsStriped(*node.operand(0)); }

// A node that native kernels run in one call, whatever their order, needs no steps.
bool RunsBySteps(const Walk& walk) {
  return walk.kind == WalkKind::kStripes || (walk.kind == WalkKind::kChannels && walk.copies) || walk.result_bytes > 0;
}

// "y + i * 64", "y + i % 3 * 64": stripe i of the value.
std::string StripeText(const std::string& pointer, const std::string& i, const Value& value) {
  const Stripes& stripes = value.stripes();
  const Shape& shape = value.type().shape;
  const int64_t elements = shape[1] * stripes.rows * shape[3];
  if (stripes.slots == 1 || stripes.rows == shape[2]) return pointer;
  return absl::StrCat(pointer, " + ", i, stripes.slots > 0 ? absl::StrCat(" % ", stripes.slots) : "", " * ", elements);
}

// struct mcuc_rows for an image, from which `channels` are moved at a time, and of x for its copies in front of a
// conv.
std::string RowsStruct(const Value& value, int64_t channels, const Walk* copy, const Pads& pads, Emission& out) {
  const Shape& shape = value.type().shape;
  const Stripes& stripes = value.stripes();
  const int64_t each = ElementTypeBytes(value.type().element);
  const int64_t rows = BlockRows(value);
  const int64_t fill = value.type().quant ? value.type().quant->zero_point() : 0;
  return out.Struct(out.NodeName() + "_rows", "struct mcuc_rows",
                    {{"channels", N(shape[1])},
                     {"height", N(shape[2])},
                     {"width", N(shape[3] * each)},
                     {"stripe", N(rows)},
                     {"slots", N(stripes.slots > 0 ? stripes.slots : shape[2] / rows)},
                     {"copied", N(channels)},
                     {"rows", N(copy ? copy->copy_rows : shape[2])},
                     {"left", N(pads[1] * each)},
                     {"right", N(pads[3] * each)},
                     {"fill", N(fill)}});
}

std::string Declare(const Value& value, const std::string& hint, const std::string& address, bool read, Emission& out) {
  const std::string name = out.Local(hint);
  out.Line(absl::StrCat(read ? "const " : "", ElementTypeCName(value.type().element), " *const ", name, " = ", address,
                        ";"));
  return name;
}

// Which row of its image is the first one of each window, a local variable.
using Windows = std::map<const Value*, std::string>;

// The window moves up by as many rows as the next step of the conv that has read it does not need, and padding comes in
// below. Rows that the layer before computes next are written over it.
void MoveWindow(const Value& x, int64_t rows, const std::string& first, Emission& out) {
  const int64_t each = PitchOf(x).row, window = x.layout().window, kept = std::max<int64_t>(window - rows, 0);
  out.Use("move_rows.h");
  out.Call("mcuc_move_rows",
           {out.Read(x), N(rows * each), N(kept * each), N(window * each), N(x.type().quant->zero_point())});
  out.Line(absl::StrCat(first, " += ", rows, ";"));
}

// Where the rows of x lie that a conv's step reads; base * factor: the first row of the step's result.
std::string RowsOfX(const Node& node, const Walk& walk, const std::string& i, const std::string& base, int64_t factor,
                    int64_t unit, Emission& out) {
  const Value& x = *node.operand(0);
  const std::string at = out.Read(x);
  const int64_t above = RowsBehind(node, {0, walk.rows}).first;
  if (walk.copies) {
    const int64_t memory = ScratchOf(node) + MemoryOf(node).list_bytes;
    out.Use("copy_rows.h");
    const std::string copy = Declare(x, "rows", out.Arena(ElementTypeCName(x.type().element), memory), false, out);
    out.Call("mcuc_copy_rows", {RowsStruct(x, x.type().shape[1], &walk, node.As<ConvAttrs>().pads, out), at,
                                Linear(base, factor * unit, above), copy});
    return copy;
  }
  std::string from = at;
  if (IsStriped(x) && !x.layout().row_planar) {
    from = StripeText(at, i, x);
  } else if (!HasWindow(x) && base != "0") {
    const int64_t row = x.layout().row_planar ? PitchOf(x).row : x.type().shape[3];
    from = absl::StrCat(at, " + ", Linear(base, factor * unit * row, 0));
  }
  return Declare(x, "rows", from, true, out);
}

// The body of one step of a node of kStripes; i: its index.
absl::Status LowerStripe(const Node& node, const Walk& walk, const std::string& i, const Windows& windows,
                         Emission& out) {
  StepNode step = StepNodeOf(node, walk);
  const Value &x = *node.operand(0), &y = *node.result();
  std::string base = i;
  int64_t factor = walk.rows;
  if (const int64_t last = y.type().shape[2] - walk.rows; y.type().shape[2] % walk.rows != 0) {
    base = out.Local("row");
    factor = 1;
    const std::string row = Linear(i, walk.rows, 0);
    out.Line(absl::StrCat("const int32_t ", base, " = ", row, " < ", last, " ? ", row, " : ", last, ";"));
  }
  const int64_t unit = RowsBehind(node, {1, 2}).first - RowsBehind(node, {0, 1}).first;
  if (node.If<ConvAttrs>()) {
    out.Bind(*step.node->operand(0), RowsOfX(node, walk, i, base, factor, unit, out));
  } else {
    for (size_t k = 0; k < node.operands().size(); ++k) {
      const Value& operand = *node.operand(k);
      if (operand.is_constant()) continue;
      out.Bind(*step.node->operand(k), Declare(operand, "rows", StripeText(out.Read(operand), i, operand), true, out));
    }
  }
  std::string to = out.Write(y);
  if (HasWindow(y)) {
    absl::StrAppend(&to, " + (", Linear(base, factor, 0), " - ", windows.at(&y), ") * ", PitchOf(y).row);
    if (y.layout().left > 0) absl::StrAppend(&to, " + ", y.layout().left);
  } else if (y.layout().row_planar) {
    if (base != "0") absl::StrAppend(&to, " + ", Linear(base, factor * PitchOf(y).row, 0));
  } else if (IsStriped(y)) {
    to = StripeText(to, i, y);
  }
  out.Bind(*step.node->result(), Declare(y, "rows", to, false, out));
  const absl::Status status = LowerBody(*step.node, out);
  if (HasWindow(x) && walk.steps > 1) MoveWindow(x, walk.rows * unit, windows.at(&x), out);
  out.Keep(std::move(step.graph));
  return status;
}

// The body of one step of a node of kChannels, which reads stripes or writes them; c: its index.
absl::Status LowerChannel(const Node& node, const Walk& walk, const std::string& c, Emission& out) {
  StepNode step = StepNodeOf(node, walk);
  const Value &x = *node.operand(0), &y = *node.result();
  const int64_t each = y.type().shape[1] / walk.steps, memory = ScratchOf(node);
  const auto at_channel = [&](const Value& value, int64_t channels) {  // in the first stripe
    return absl::StrCat(" + ", c, " * ", channels * BlockRows(value) * value.type().shape[3]);
  };
  std::string from = absl::StrCat(out.Read(x), at_channel(x, 1));
  if (walk.copies) {
    out.Use("copy_rows.h");
    const std::string copy = Declare(x, "channel", out.Arena(ElementTypeCName(x.type().element), memory), false, out);
    out.Call("mcuc_copy_rows", {RowsStruct(x, 1, nullptr, {}, out), from, "0", copy});
    from = copy;
  } else {
    from = Declare(x, "channel", from, true, out);
  }
  out.Bind(*step.node->operand(0), from);
  for (size_t k = 1; k < node.operands().size(); ++k) {
    const Value& constant = *step.node->operand(k);
    out.Bind(constant, absl::StrCat(out.Read(*node.operand(k)), " + ", c, " * ", constant.type().elements()));
  }
  std::string to = absl::StrCat(out.Write(y), at_channel(y, each));
  if (walk.result_bytes > 0) {
    to = out.Arena(ElementTypeCName(y.type().element), memory + walk.copy_bytes);
  }
  const std::string result = Declare(y, "channel", to, false, out);
  out.Bind(*step.node->result(), result);
  out.set_channel(each == 1 ? c : absl::StrCat(c, " * ", each));
  const absl::Status status = LowerBody(*step.node, out);
  out.set_channel("");
  if (walk.result_bytes > 0) {
    out.Use("store_rows.h");
    out.Call("mcuc_store_rows",
             {RowsStruct(y, each, nullptr, {}, out), result, absl::StrCat(out.Write(y), at_channel(y, each))});
  }
  out.Keep(std::move(step.graph));
  return status;
}

absl::Status LowerStepOf(const Node& node, const Walk& walk, const std::string& i, const Windows& windows,
                         Emission& out) {
  return walk.kind == WalkKind::kStripes ? LowerStripe(node, walk, i, windows, out) : LowerChannel(node, walk, i, out);
}

// Padding everywhere, and the first row that the reader needs first.
void OpenWindow(const Value& value, const Graph& graph, Windows& windows, Emission& out) {
  const std::string at = out.Write(value);
  out.Use("<string.h>");
  out.Call("memset", {at, N(value.type().quant->zero_point()), N(StoredBytes(value))});
  const Node& reader = *graph.Users(&value)[0];
  windows[&value] = out.Local("first_row");
  out.Line(absl::StrCat("int32_t ", windows[&value], " = ", RowsBehind(reader, {0, 1}).first, ";"));
}

// An image in stripes, row-major: what a reshape or an identity of it is.
void LowerUnstripe(const Node& node, Emission& out) {
  const Value& x = *node.operand(0);
  out.Use("copy_rows.h");
  const std::string from = out.Read(x);
  out.Call("mcuc_copy_rows",
           {RowsStruct(x, x.type().shape[1], nullptr, {}, out), from, "0", out.Write(*node.result())});
}

// Why the result may lie over its operand, where it does: by the trace, which the verifier has checked.
std::string OverlapText(const Node& node, const Walk& walk, const Trace& trace) {
  const Value &x = *node.operand(0), &y = *node.result();
  if (walk.kind == WalkKind::kWhole || x.is_constant() || !x.placement() || !y.placement()) return "";
  if (!x.placement()->arena_offset || !y.placement()->arena_offset) return "";
  const int64_t at_x = *x.placement()->arena_offset, at_y = *y.placement()->arena_offset;
  const int64_t shared = std::min(at_x + StoredBytes(x), at_y + StoredBytes(y)) - std::max(at_x, at_y);
  if (shared <= 0) return "";
  int64_t apart = INT64_MAX;
  for (const Span& s : trace.values.at(&x)) {
    for (const Span& t : trace.values.at(&y)) {
      if (s.first > t.last || t.first > s.last) continue;
      apart = std::min(apart, std::max(at_x + s.begin - (at_y + t.end), at_y + t.begin - (at_x + s.end)));
    }
  }
  const char* unit = walk.kind == WalkKind::kChannels ? "channel" : "stripe";
  if (apart < 0) {
    return absl::StrCat("/* In place: each ", unit,
                        " of the result is written where one lay that is not read again. */");
  }
  return absl::StrCat("/* The result shares ", shared, " bytes with its operand: each ", unit,
                      " of it is written only when the operand's bytes there are not read again; what still is read "
                      "lies ",
                      apart, " bytes or more beside it. */");
}

// The overlap's reason, in lines that fit.
void CommentOn(const Node& node, const Walk& walk, const Trace& trace, Emission& out) {
  if (const std::string text = OverlapText(node, walk, trace); !text.empty()) out.Line(text);
}

}  // namespace

absl::Status LowerTurn(const std::vector<Node*>& nodes, const Trace& trace, Emission& out) {
  if (nodes.size() == 1) {
    const Node& node = *nodes[0];
    const Walk walk = WalkOf(node);
    const bool unstripe = walk.kind == WalkKind::kWhole && ReadsStripes(node);
    out.BeginNode(node);
    CommentOn(node, walk, trace, out);
    if (!unstripe && !RunsBySteps(walk)) return LowerBody(node, out);
    if (unstripe) {
      LowerUnstripe(node, out);
      return out.status();
    }
    (void)out.Write(*node.result());  // declared before the loop
    const std::string i = out.Local(walk.kind == WalkKind::kChannels ? "channel" : "stripe");
    if (walk.steps > 1) out.Open(absl::StrCat("for (int32_t ", i, " = 0; ", i, " < ", walk.steps, "; ++", i, ")"));
    if (walk.steps == 1) out.Open("");
    if (const absl::Status status = LowerStepOf(node, walk, walk.steps == 1 ? "0" : i, {}, out); !status.ok()) {
      return status;
    }
    out.Close();
    return out.status();
  }
  absl::Status status;
  std::vector<uint8_t> order;
  for (const size_t i : TurnOrder(nodes, &status)) order.push_back(static_cast<uint8_t>(i));
  if (!status.ok()) return status;
  std::vector<std::string> counters;
  Windows windows;
  for (size_t k = 0; k < nodes.size(); ++k) {
    const Node& node = *nodes[k];
    out.BeginNode(node, k == 0 ? 1 : 3);
    if (k == 0) {
      out.Line(absl::StrCat("/* This layer and the ", nodes.size() - 1,
                            " behind it take turns, each a stripe of rows at a time, in the order of the table. */"));
      for (const Node* each : nodes) {
        (void)out.Write(*each->result());
        counters.push_back(out.Local("stripe"));
        out.Line(absl::StrCat("int32_t ", counters.back(), " = 0;"));
        if (HasWindow(*each->result())) OpenWindow(*each->result(), out.graph(), windows, out);
      }
      const std::string table = out.Table(out.NodeName() + "_turns", std::span<const uint8_t>(order));
      const std::string turn = out.Local("turn");
      out.Open(absl::StrCat("for (int32_t ", turn, " = 0; ", turn, " < ", order.size(), "; ++", turn, ")"));
      out.Open(absl::StrCat("switch (", table, "[", turn, "])"));
    }
    out.Open(k + 1 < nodes.size() ? absl::StrCat("case ", k, ":") : "default:");
    const Walk walk = WalkOf(node);
    CommentOn(node, walk, trace, out);
    status = RunsBySteps(walk) ? LowerStepOf(node, walk, counters[k], windows, out) : LowerBody(node, out);
    if (!status.ok()) return status;
    out.Line(absl::StrCat("++", counters[k], ";"));
    out.Line("break;");
    out.Close();
  }
  out.Close();
  out.Close();
  return out.status();
}

}  // namespace mcuc
