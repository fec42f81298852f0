// How each node walks over memory, and the trace of a graph that follows from it. A trace is kept in cells, the rows of
// each channel of a value: when a cell is written, and when it is read last.
#include "mcuc/IR/Walk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "mcuc/IR/Infer.h"
#include "mcuc/IR/Kernels.h"

namespace mcuc {

namespace {

template <typename... Args>
absl::Status No(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

bool IsStriped(const Value& value) { return value.stripes().rows > 0 || value.layout().row_planar; }

bool HasWindow(const Value& value) { return value.layout().window > 0; }

// Its parts are overwritten by later ones.
bool IsRing(const Value& value) { return value.stripes().slots > 0 || HasWindow(value); }

// The rows that are computed at a time.
int64_t StepRows(const Value& value) { return value.stripes().rows > 0 ? value.stripes().rows : value.type().shape[2]; }

bool IsOneImage(const Type& type) { return type.rank() == 4 && type.shape[0] == 1; }

// The conv kernels that run channel by channel: conv_depthwise_i8.h.
bool IsDepthwise(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  if (!conv || conv->group == 1 || conv->kernel != LayerKernel::plain || conv->pool.kind != PoolKind::none)
    return false;
  const Type &x = node.operand(0)->type(), &w = node.operand(1)->type();
  return x.element == ElementType::i8 && w.element == ElementType::i8 && w.encoding == Encoding::kDense &&
         w.rank() == 4 && w.shape[1] == 1 && IsOneImage(x) && x.shape[1] == conv->group &&
         node.operand(1)->is_constant();
}

bool IsPool(const Node& node) { return node.If<MaxPoolAttrs>() || node.If<AvgPoolAttrs>(); }

bool IsView(const Node& node) { return node.If<ReshapeAttrs>() || node.If<IdentityAttrs>(); }

bool IsChannelwise(const Node& node) {
  if (!IsDepthwise(node) && !IsPool(node)) return false;
  const Type &x = node.operand(0)->type(), &y = node.result()->type();
  return IsOneImage(x) && IsOneImage(y) && y.shape[1] % x.shape[1] == 0;
}

bool ReadsStripes(const Node& node) {
  return std::any_of(node.operands().begin(), node.operands().end(),
                     [](const Value* operand) { return !operand->is_constant() && IsStriped(*operand); });
}

int64_t ElementBytes(const Value& value) { return ElementTypeBytes(value.type().element); }

// Where the copy of a step's part of x is not needed: its rows lie as the kernel reads them.
bool IsInPlace(const Node& node, const ConvAttrs& conv, int64_t rows) {
  const Value& x = *node.operand(0);
  if (HasWindow(x)) return true;  // the padding is part of it
  if (conv.pads != Pads{}) return false;
  if (x.layout().row_planar && ReadsByPitch(node)) return true;
  const Shape& shape = x.type().shape;
  const RowRange first = RowsBehind(node, {0, rows}), second = RowsBehind(node, {rows, 2 * rows});
  const int64_t height = node.result()->type().shape[2], steps = (height + rows - 1) / rows;
  if (!IsStriped(x)) return shape[1] == 1 || (steps == 1 && first.end == shape[2]);
  if (x.layout().row_planar || height % rows != 0) return false;
  const int64_t stripe = x.stripes().rows;
  return first.end == stripe && (steps == 1 || second.first == stripe) && steps * stripe <= shape[2];
}

Walk StripesOf(const Node& node) {
  const Value &result = *node.result(), &x = *node.operand(0);
  Walk walk;
  walk.kind = WalkKind::kStripes;
  walk.rows = StepRows(result);
  walk.steps = (result.type().shape[2] + walk.rows - 1) / walk.rows;
  const auto* conv = node.If<ConvAttrs>();
  if (!conv) return walk;
  const RowRange rows = RowsBehind(node, {0, walk.rows});
  const Shape& shape = x.type().shape;
  walk.copies = !IsInPlace(node, *conv, walk.rows);
  walk.copy_channels = shape[1];
  walk.copy_rows = rows.end - rows.first;
  walk.copy_width = shape[3] + conv->pads[1] + conv->pads[3];
  if (walk.copies) walk.copy_bytes = walk.copy_channels * walk.copy_rows * walk.copy_width * ElementBytes(x);
  return walk;
}

Walk ChannelsOf(const Node& node) {
  const Value &result = *node.result(), &x = *node.operand(0);
  Walk walk;
  walk.kind = WalkKind::kChannels;
  walk.steps = x.type().shape[1];
  walk.copies = IsStriped(x);
  walk.copy_channels = 1;
  walk.copy_rows = x.type().shape[2];
  walk.copy_width = x.type().shape[3];
  if (walk.copies) walk.copy_bytes = walk.copy_rows * walk.copy_width * ElementBytes(x);
  if (IsStriped(result)) walk.result_bytes = result.type().bytes() / walk.steps;
  return walk;
}

absl::Status CheckStripes(const Value& value) {
  const Stripes& stripes = value.stripes();
  if (const Layout& layout = value.layout(); layout != Layout{}) {
    if (!layout.row_planar || !IsOneImage(value.type())) {
      return No(value.Text(), " is no 1 x C x H x W, and can't lie row-planar");
    }
    constexpr int64_t kMost = 65535;
    if (layout.window < 0 || layout.window > kMost || layout.left < 0 || layout.left > kMost || layout.right < 0 ||
        layout.right > kMost || (layout.window == 0 && layout.left + layout.right > 0)) {
      return No(value.Text(), " has a window of ", layout.window, " rows with ", layout.left, " and ", layout.right,
                " columns of padding; each must be within [0, ", kMost, "], and there is no padding without a window");
    }
    if (stripes.slots != 0) return No(value.Text(), " lies row-planar, and has no slots");
    if (stripes.rows < 0 || stripes.rows > value.type().shape[2]) {
      return No(value.Text(), " has ", value.type().shape[2], " rows, of which ", stripes.rows,
                " can't be computed at a time");
    }
    return absl::OkStatus();
  }
  if (stripes.rows == 0) return stripes.slots == 0 ? absl::OkStatus() : No(value.Text(), " has slots but no rows");
  if (!IsOneImage(value.type())) return No(value.Text(), " is no 1 x C x H x W, and can't lie in stripes");
  const int64_t height = value.type().shape[2];
  if (stripes.rows < 0 || stripes.rows > height || height % stripes.rows != 0) {
    return No(value.Text(), " has ", height, " rows, which are no stripes of ", stripes.rows);
  }
  if (stripes.slots < 0 || stripes.slots > height / stripes.rows) {
    return No(value.Text(), " has ", height / stripes.rows, " stripes, which need no ", stripes.slots, " slots");
  }
  return absl::OkStatus();
}

absl::Status CheckElementwise(const Node& node) {
  const Value& result = *node.result();
  if (result.layout().row_planar) return No(result.Text(), " is computed element by element, and not row-planar");
  for (const Value* operand : node.operands()) {
    const Shape& shape = operand->type().shape;
    if (operand->is_constant()) {
      if (node.op() == Op::kBinary && shape.size() >= 2 && shape[shape.size() - 2] != 1) {
        return No("constant ", operand->Text(), " has rows of its own");
      }
    } else if (shape != result.type().shape || operand->stripes().rows != result.stripes().rows ||
               operand->layout().row_planar) {
      return No(operand->Text(), " does not lie in stripes like those of ", result.Text());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckConv(const Node& node) {
  const ConvAttrs& conv = node.As<ConvAttrs>();
  const Value &x = *node.operand(0), &w = *node.operand(1), &y = *node.result();
  if (!IsOneImage(x.type()) || !IsOneImage(y.type())) return No("x must be one image");
  if (!w.is_constant()) return No("its weights must be constant");
  const auto shape = InferShape(node.attrs(), {&x.type(), &w.type()});
  if (!shape.ok() || *shape != y.type().shape) return No("its shapes do not fit");
  if (conv.pool.kind != PoolKind::none && (conv.pool.pads != Pads{} || conv.pool.ceil)) {
    return No("a pool with padding is not computed by stripes");
  }
  const Walk walk = StripesOf(node);
  if (const Layout& layout = x.layout(); HasWindow(x)) {
    if (!ReadsByPitch(node)) return No("its kernel does not read the window of ", x.Text(), " in place");
    if (y.type().shape[2] % walk.rows != 0) return No("reads a window, but not by whole stripes");
    if (layout.window < walk.copy_rows || layout.left != conv.pads[1] || layout.right != conv.pads[3]) {
      return No("reads ", walk.copy_rows, " rows at a time, with ", conv.pads[1], " and ", conv.pads[3],
                " columns of padding, but the window of ", x.Text(), " has ", layout.window, " rows with ", layout.left,
                " and ", layout.right);
    }
  }
  if (const Layout& layout = y.layout(); layout.row_planar) {
    if (layout.left + layout.right > 0 && !ReadsByPitch(node)) return No("its kernel does not write between padding");
    if (walk.rows > 1 && !WritesByPitch(node)) return No("its kernel writes only one row at a time row-planar");
  }
  const StepNode step = StepNodeOf(node, walk);
  if (const absl::Status status = CheckKernel(*step.node, conv.kernel); !status.ok()) {
    return No("a stripe can't be run by kernel ", EnumName(conv.kernel), ": ", status.message());
  }
  return absl::OkStatus();
}

// The cells of a value: channels x rows of an image, else one.
struct Cells {
  int64_t channels = 1, rows = 1, bytes = 0;  // bytes of a cell
  std::vector<int64_t> first, last;
};

class Tracer {
 public:
  explicit Tracer(const Graph& graph) : graph_(graph), nodes_(graph.node_vector()) {}

  Trace Run() {
    for (const Value* input : graph_.inputs()) {
      CellsOf(input);
      Write(input, AllChannels(input), AllRows(input), -1);
    }
    for (const Node* node : nodes_) {
      CellsOf(node->result());
      walks_[node] = WalkOf(*node);
      memory_[node] = MemoryOf(*node).bytes();
    }
    for (size_t i = 0; i < nodes_.size();) {
      const size_t last = LastOfTurn(i);
      RunTurn(i, last);
      i = last + 1;
    }
    const int64_t end = 2 * static_cast<int64_t>(trace_.events.size());
    for (const Value* output : graph_.outputs()) Read(output, AllChannels(output), AllRows(output), end);
    for (auto& [value, cells] : cells_) trace_.values[value] = SpansOf(*value, cells);
    return std::move(trace_);
  }

 private:
  Cells& CellsOf(const Value* value) {
    Cells& cells = cells_[value];
    if (cells.bytes == 0) {
      if (IsOneImage(value->type())) {
        cells.channels = value->type().shape[1];
        cells.rows = value->type().shape[2];
      }
      cells.bytes = value->type().bytes() / (cells.channels * cells.rows);
      cells.first.assign(static_cast<size_t>(cells.channels * cells.rows), -1);
      cells.last = cells.first;
    }
    return cells;
  }

  RowRange AllChannels(const Value* value) { return {0, CellsOf(value).channels}; }
  RowRange AllRows(const Value* value) { return {0, CellsOf(value).rows}; }

  template <typename F>
  void EachCell(const Value* value, RowRange channels, RowRange rows, F&& f) {
    Cells& cells = CellsOf(value);
    for (int64_t c = channels.first; c < channels.end; ++c) {
      for (int64_t r = std::max<int64_t>(rows.first, 0); r < std::min(rows.end, cells.rows); ++r) {
        const auto i = static_cast<size_t>(c * cells.rows + r);
        f(cells.first[i], cells.last[i]);
      }
    }
  }
  // What is written again is in use in between.
  void Write(const Value* value, RowRange channels, RowRange rows, int64_t moment) {
    EachCell(value, channels, rows, [&](int64_t& first, int64_t& last) {
      if (first < 0) first = moment;
      last = moment;
    });
  }
  void Read(const Value* value, RowRange channels, RowRange rows, int64_t moment) {
    EachCell(value, channels, rows, [&](int64_t&, int64_t& last) { last = std::max(last, moment); });
  }

  // The last node up to which the nodes from i on share rings of stripes.
  size_t LastOfTurn(size_t i) const {
    size_t last = i;
    for (size_t j = i; j <= last; ++j) {
      const Value* result = nodes_[j]->result();
      if (!IsRing(*result)) continue;
      for (size_t user = j + 1; user < nodes_.size(); ++user) {
        const auto& operands = nodes_[user]->operands();
        if (std::count(operands.begin(), operands.end(), result)) last = std::max(last, user);
      }
    }
    return last;
  }

  void RunTurn(size_t first, size_t last) {
    Trace::Turn turn{first, last, 2 * static_cast<int64_t>(trace_.events.size()), 0};
    const std::vector<Node*> nodes(nodes_.begin() + static_cast<std::ptrdiff_t>(first),
                                   nodes_.begin() + static_cast<std::ptrdiff_t>(last + 1));
    std::vector<int64_t> steps(nodes.size(), 0);
    absl::Status status;
    for (const Node* node : nodes) {
      if (HasWindow(*node->result())) OpenWindow(*node->result(), turn.begin);
    }
    for (const size_t i : TurnOrder(nodes, &status)) Step(*nodes[i], steps[i]++);
    if (!status.ok()) Fail(status);
    turn.end = 2 * static_cast<int64_t>(trace_.events.size());
    trace_.turns.push_back(turn);
  }

  void Fail(absl::Status status) {
    if (trace_.status.ok()) trace_.status = std::move(status);
  }

  // Filled with padding before the first step of the nodes that take turns.
  void OpenWindow(const Value& value, int64_t moment) {
    const std::vector<Node*> users = graph_.Users(&value);
    if (users.size() != 1 || users[0]->operand(0) != &value || walks_.at(users[0]).kind != WalkKind::kStripes) {
      return Fail(
          No(value.Text(), " has a window, which one conv must read, but there are ", users.size(), " readers"));
    }
    windows_[&value] = {moment, RowsBehind(*users[0], RowsOfStep(*users[0], walks_.at(users[0]), 0)).first};
  }

  // What the node's step writes must lie in the window of its result, and its step moves on the window of x.
  void StepWindows(const Node& node, const Walk& walk, int64_t step, RowRange rows) {
    if (const auto window = windows_.find(node.result()); window != windows_.end()) {
      const int64_t first = window->second.first, end = first + node.result()->layout().window;
      if (rows.first < first || rows.end > end) {
        Fail(No("rows ", rows.first, " to ", rows.end - 1, " of ", node.result()->Text(),
                " are computed while its window has rows ", first, " to ", end - 1));
      }
    }
    const auto window = windows_.find(node.operand(0));
    if (window == windows_.end() || step + 1 == walk.steps) return;
    window->second.first = RowsBehind(node, RowsOfStep(node, walk, step + 1)).first;
  }

  void Step(const Node& node, int64_t step) {
    const Walk& walk = walks_.at(&node);
    const int64_t copies = 2 * static_cast<int64_t>(trace_.events.size()), runs = copies + 1;
    trace_.events.push_back({&node, step});
    const Value* result = node.result();
    RowRange channels = AllChannels(result), rows = AllRows(result);
    if (walk.kind == WalkKind::kChannels) {
      const int64_t each = channels.end / walk.steps;
      channels = {step * each, (step + 1) * each};
    } else if (walk.kind == WalkKind::kStripes) {
      rows = RowsOfStep(node, walk, step);
      StepWindows(node, walk, step, rows);
    }
    for (size_t i = 0; i < node.operands().size(); ++i) {
      const Value* operand = node.operand(i);
      if (operand->is_constant()) continue;
      const int64_t moment = walk.copies && i == 0 ? copies : runs;
      if (walk.kind == WalkKind::kWhole) {
        Read(operand, AllChannels(operand), AllRows(operand), moment);
      } else if (walk.kind == WalkKind::kChannels) {
        Read(operand, {step, step + 1}, AllRows(operand), moment);
      } else {
        Read(operand, AllChannels(operand), RowsBehind(node, rows), moment);
      }
    }
    Write(result, channels, rows, runs);
    const int64_t bytes = memory_.at(&node);
    if (bytes > 0) trace_.memory[&node].push_back({0, bytes, copies, runs});
  }

  static int64_t AddressOf(const Value& value, const Cells& cells, int64_t channel, int64_t row) {
    int64_t stripe = value.stripes().rows > 0 ? value.stripes().rows : cells.rows;
    if (value.layout().row_planar) stripe = 1;
    const int64_t slots = value.stripes().slots > 0 ? value.stripes().slots : cells.rows / stripe;
    return ((row / stripe % slots * cells.channels + channel) * stripe + row % stripe) * cells.bytes;
  }

  // What moves is in use as a whole.
  std::vector<Span> SpansOf(const Value& value, const Cells& cells) const {
    std::vector<Span> spans;
    if (const auto window = windows_.find(&value); window != windows_.end()) {
      const int64_t last = *std::max_element(cells.last.begin(), cells.last.end());
      return {{0, StoredBytes(value), window->second.begin, last}};
    }
    for (int64_t c = 0; c < cells.channels; ++c) {
      for (int64_t r = 0; r < cells.rows; ++r) {
        const auto i = static_cast<size_t>(c * cells.rows + r);
        const int64_t begin = AddressOf(value, cells, c, r);
        spans.push_back({begin, begin + cells.bytes, cells.first[i], cells.last[i]});
      }
    }
    std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
      if (a.first != b.first) return a.first < b.first;
      return a.last != b.last ? a.last < b.last : a.begin < b.begin;
    });
    std::vector<Span> merged;
    for (const Span& span : spans) {
      if (!merged.empty() && merged.back().end == span.begin && merged.back().first == span.first &&
          merged.back().last == span.last) {
        merged.back().end = span.end;
      } else {
        merged.push_back(span);
      }
    }
    return merged;
  }

  const Graph& graph_;
  std::vector<Node*> nodes_;
  std::map<const Node*, Walk> walks_;
  std::map<const Node*, int64_t> memory_;
  std::map<const Value*, Cells> cells_;
  struct Window {
    int64_t begin = 0;  // moment from which it is in use
    int64_t first = 0;  // the row of the value, or of the padding above it, that is its first one
  };
  std::map<const Value*, Window> windows_;
  Trace trace_;
};

}  // namespace

bool IsElementwise(const Node& node) {
  return node.If<UnaryAttrs>() || node.If<BinaryAttrs>() || node.If<LutAttrs>() || node.If<RequantizeAttrs>();
}

RowRange RowsOfStep(const Node& node, const Walk& walk, int64_t i) {
  const int64_t first = std::min(i * walk.rows, node.result()->type().shape[2] - walk.rows);
  return {first, first + walk.rows};
}

Pitch PitchOf(const Value& image) {
  const Shape& shape = image.type().shape;
  if (!image.layout().row_planar) return {shape[3], shape[2] * shape[3]};
  const int64_t width = image.layout().left + shape[3] + image.layout().right;
  return {shape[1] * width, width};
}

bool ReadsByPitch(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  if (!conv || node.operand(0)->type().element != ElementType::i8) return false;
  const Type& w = node.operand(1)->type();
  const bool depthwise = conv->group > 1 && w.rank() == 4 && w.shape[1] == 1 && conv->pool.kind == PoolKind::none;
  return conv->kernel != LayerKernel::plain || w.encoding != Encoding::kDense || !depthwise;
}

bool WritesByPitch(const Node& node) {
  const auto* conv = node.If<ConvAttrs>();
  return conv && conv->kernel != LayerKernel::plain;
}

RowRange RowsBehind(const Node& node, RowRange of_result) {
  const auto* conv = node.If<ConvAttrs>();
  if (!conv) return of_result;
  if (conv->pool.kind != PoolKind::none) {
    of_result = {of_result.first * conv->pool.strides[0],
                 (of_result.end - 1) * conv->pool.strides[0] + conv->pool.kernel[0]};
  }
  const int64_t reach = (node.operand(1)->type().shape[2] - 1) * conv->dilations[0];
  return {of_result.first * conv->strides[0] - conv->pads[0],
          (of_result.end - 1) * conv->strides[0] - conv->pads[0] + reach + 1};
}

Walk WalkOf(const Node& node) {
  const Value& result = *node.result();
  const bool stripes = IsStriped(result) || ReadsStripes(node);
  if (stripes && (!CheckWalk(node).ok() || IsView(node))) return {};
  const bool rings = IsRing(result) || (stripes && IsRing(*node.operand(0)));
  if (IsChannelwise(node) && !rings) return ChannelsOf(node);
  return stripes ? StripesOf(node) : Walk{};
}

absl::Status CheckWalk(const Node& node) {
  const Value& result = *node.result();
  if (const absl::Status status = CheckStripes(result); !status.ok()) return status;
  for (const Value* operand : node.operands()) {
    if (const absl::Status status = CheckStripes(*operand); !status.ok()) return status;
  }
  if (!IsStriped(result) && !ReadsStripes(node)) return absl::OkStatus();
  if (IsElementwise(node)) return CheckElementwise(node);
  const bool rings = IsRing(result) || IsRing(*node.operand(0));
  if (IsView(node) && !IsStriped(result) && !rings) return absl::OkStatus();  // a copy
  if (IsChannelwise(node) && !rings) return absl::OkStatus();
  if (node.If<ConvAttrs>()) return CheckConv(node);
  return No(node.op_name(), " neither reads nor writes stripes");
}

StepNode StepNodeOf(const Node& node, const Walk& walk) {
  StepNode step;
  step.graph = std::make_unique<Graph>("step");
  Attributes attrs = node.attrs();
  std::vector<Value*> operands = node.operands();
  const Value& result = *node.result();
  Shape shape = result.type().shape;
  const auto input = [&](size_t i, Shape of) {
    operands[i] = step.graph->AddInput(node.operand(i)->name(), WithShape(node.operand(i)->type(), std::move(of)));
  };
  if (walk.kind == WalkKind::kChannels) {
    const Shape& x = node.operand(0)->type().shape;
    const int64_t each = shape[1] / walk.steps;
    input(0, {1, 1, x[2], x[3]});
    shape[1] = each;
    if (auto* conv = std::get_if<ConvAttrs>(&attrs)) {
      conv->group = 1;
      conv->scratch = -1;
      for (size_t i = 1; i < operands.size(); ++i) {
        Type type = operands[i]->type();
        type.shape[0] = each;
        if (type.quant && type.quant->axis == 0) {
          type.quant->scales.resize(static_cast<size_t>(each));
          if (type.quant->zero_points.size() > 1) type.quant->zero_points.resize(static_cast<size_t>(each));
        }
        const std::span<const std::byte> bytes = node.operand(i)->tensor().bytes();
        operands[i] = step.graph->AddConstant(
            operands[i]->name(),
            Tensor::FromBytes(type, std::vector<std::byte>(bytes.begin(), bytes.begin() + type.bytes())));
      }
    }
  } else {
    shape[2] = walk.rows;
    const Shape& x = node.operand(0)->type().shape;
    if (auto* conv = std::get_if<ConvAttrs>(&attrs)) {
      const Layout& layout = node.operand(0)->layout();
      input(0, {1, x[1], walk.copy_rows, walk.copies || layout.window > 0 ? walk.copy_width : x[3]});
      if (!walk.copies && layout.row_planar) operands[0]->set_layout({.row_planar = true});
      conv->pads = {};
      conv->band = 0;
    } else {
      for (size_t i = 0; i < operands.size(); ++i) {
        if (!operands[i]->is_constant()) input(i, {1, x[1], walk.rows, x[3]});
      }
    }
  }
  step.node = step.graph->AddNode(std::move(attrs), std::move(operands), result.name(),
                                  WithShape(result.type(), std::move(shape)), node.loc());
  if (const Layout& layout = result.layout(); walk.kind == WalkKind::kStripes && layout.row_planar) {
    step.node->result()->set_layout({.row_planar = true, .left = layout.left, .right = layout.right});
  }
  return step;
}

int64_t StoredBytes(const Value& value) {
  const int64_t bytes = value.type().bytes();
  if (HasWindow(value)) return value.layout().window * PitchOf(value).row * ElementBytes(value);
  if (value.stripes().slots == 0) return bytes;
  return bytes / (value.type().shape[2] / value.stripes().rows) * value.stripes().slots;
}

Trace TraceOf(const Graph& graph) { return Tracer(graph).Run(); }

std::vector<size_t> TurnOrder(const std::vector<Node*>& nodes, absl::Status* status) {
  std::vector<Walk> walks;
  std::vector<int64_t> done(nodes.size(), 0);
  int64_t left = 0;
  for (const Node* node : nodes) {
    walks.push_back(WalkOf(*node));
    left += walks.back().steps;
  }
  // The stripes that node i reads next have been computed.
  const auto is_ready = [&](size_t i) {
    if (done[i] == walks[i].steps) return false;
    for (size_t j = 0; j < i; ++j) {
      const Value* result = nodes[j]->result();
      const auto& operands = nodes[i]->operands();
      if (!std::count(operands.begin(), operands.end(), result)) continue;
      if (done[j] == walks[j].steps) continue;
      if (walks[i].kind != WalkKind::kStripes || walks[j].kind != WalkKind::kStripes) return false;
      const RowRange rows = RowsBehind(*nodes[i], RowsOfStep(*nodes[i], walks[i], done[i]));
      if (std::min(rows.end, result->type().shape[2]) > done[j] * walks[j].rows) return false;
    }
    return true;
  };
  std::vector<size_t> order;
  for (; left > 0; --left) {
    size_t next = nodes.size();
    for (size_t i = nodes.size(); i-- > 0 && next == nodes.size();) {
      if (is_ready(i)) next = i;
    }
    // The first node waits for none of the others, and each only for those before it.
    if (next == nodes.size()) {
      *status = absl::InternalError("nodes wait for each other");
      return order;
    }
    order.push_back(next);
    ++done[next];
  }
  return order;
}

}  // namespace mcuc
