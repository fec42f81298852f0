// The state of one emission (kernels, tables, statements, addresses) and the table of lowerings.
#include "Lowering.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "mcuc/Emit/RuntimeText.h"

namespace mcuc {
namespace {

constexpr size_t kColumns = 120;

// The literals in rows of at most kColumns columns, aligned in columns.
std::string TableRows(const std::vector<std::string>& literals) {
  size_t width = 0;
  for (const std::string& literal : literals) width = std::max(width, literal.size());
  const size_t per_row = std::max<size_t>(1, (kColumns - 1) / (width + 2));
  std::string text;
  for (size_t i = 0; i < literals.size(); ++i) {
    absl::StrAppend(&text, i % per_row == 0 ? (i == 0 ? "  " : ",\n  ") : ", ",
                    std::string(width - literals[i].size(), ' '), literals[i]);
  }
  return text;
}

bool IsWordPart(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// A kernel of float32 as one of double: the type, the suffix of its own names, the literals, and the mathematical
// functions it calls.
std::string DoubleKernel(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && (IsWordPart(text[end]) || (text[end] == '.' && absl::ascii_isdigit(text[i])))) ++end;
    if (end == i) {
      result += text[i++];
      continue;
    }
    std::string word = text.substr(i, end - i);
    const bool number = absl::ascii_isdigit(static_cast<unsigned char>(word[0]));
    if (word == "float") {
      word = "double";
    } else if (number && word.back() == 'f') {
      word.pop_back();
    } else if (word == "float32") {
      word = "float64";
    } else if (const size_t at = word.find("_f32"); at != std::string::npos) {
      word.replace(at, 4, "_f64");
    } else if (const size_t upper = word.find("_F32"); upper != std::string::npos) {
      word.replace(upper, 4, "_F64");
    } else if (word.back() == 'f' && end < text.size() && text[end] == '(' && word != "sizeof" && word != "if") {
      word.pop_back();
    }
    result += word;
    i = end;
  }
  return result;
}

// Replaces every `from` by `to`, in the case of identifiers and in that of macros.
void ReplaceNames(std::string& text, std::string from, std::string to) {
  for (int i = 0; i < 2; ++i) {
    absl::StrReplaceAll({{from, to}}, &text);
    absl::AsciiStrToUpper(&from);
    absl::AsciiStrToUpper(&to);
  }
}

// Where a line is broken that is too long: behind the last argument that fits, or the last word.
size_t BreakOf(const std::string& line, bool comment) {
  const size_t comma = comment ? std::string::npos : line.rfind(", ", kColumns - 1);
  return comma != std::string::npos && comma > kColumns / 2 ? comma + 1 : line.rfind(' ', kColumns);
}

// Makes lines of text whose names have become longer fit again: lists of parameters are aligned anew, statements are
// broken between arguments, and the words of a comment go on to its next line.
std::string Rewrapped(const std::string& text) {
  std::string result, carried;
  bool in_comment = false;  // at the line's beginning
  size_t parameters = 0;    // the column in which those of a function stand; 0: not within a list of them
  std::string list;
  for (absl::string_view rest : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    size_t indent = std::min(rest.find_first_not_of(' '), rest.size());
    std::string line(rest);
    if (!carried.empty()) line.insert(indent, carried + " ");
    carried.clear();
    const bool begins = absl::StartsWith(line.substr(indent), "/*");
    const bool goes_on = (begins || in_comment) && !absl::StrContains(line, "*/");
    if (parameters != 0) {
      line = absl::StrCat(list, " ", line.substr(indent));
      indent = 0;
    }
    const bool definition =
        !begins && !in_comment && indent == 0 && !line.empty() && line[0] != '#' && absl::StrContains(line, '(');
    if (definition && !absl::StrContains(line, ')')) {
      parameters = line.find('(') + 1;
      list = line;
      continue;
    }
    const size_t hang = parameters != 0 ? parameters : indent + (in_comment ? 0 : begins ? 3 : 4);
    parameters = 0;
    while (line.size() > kColumns) {
      const size_t at = BreakOf(line, begins || in_comment);
      absl::StrAppend(&result, line.substr(0, at), "\n");
      if (goes_on) {
        carried = line.substr(at + 1);
        break;
      }
      line = std::string(hang, ' ') + line.substr(at + 1);
    }
    if (carried.empty()) absl::StrAppend(&result, line, "\n");
    in_comment = goes_on;
  }
  return result;
}

// "fc_csc_rice_n4.h": fc_csc_u8_i8.h with the readers of csc<rice, n4>; "fc_csc_narrow_rice_n4_b16.h":
// fc_csc_narrow_u8_i8.h, biases of 16 bits besides; "conv_csc_list…": conv_csc_pairs… with the tiles of conv_list.h. ""
// where the name is of no such form.
std::string EncodedKernel(const std::string& name) {
  std::vector<std::string> words = absl::StrSplit(name.substr(0, name.rfind('.')), '_');
  if (std::find(words.begin(), words.end(), "csc") == words.end()) return "";
  std::string bias;
  if (words.back() == "b8" || words.back() == "b16" || words.back() == "b32") {
    bias = words.back();
    words.pop_back();
  }
  if (words.size() < 3) return "";
  const std::string gaps = words[words.size() - 2], values = words.back();
  words.resize(words.size() - 2);
  const std::string base = absl::StrCat(absl::StrJoin(words, "_"), "_u8_i8.h");
  if (!ParseGapCode(gaps) || base == name) return "";
  const bool list = absl::StartsWith(name, "conv_csc_list");
  std::string text = RuntimeFileText(list ? absl::StrReplaceAll(base, {{"_list", "_pairs"}}) : base);
  if (list) {
    ReplaceNames(text, "pairs", "list");
    ReplaceNames(text, " whose sums fit 16 bits", "");
  }
  ReplaceNames(text, "_u8_i8", absl::StrCat("_", gaps, "_", values, bias.empty() ? "" : "_", bias));
  ReplaceNames(text, "csc<u8> int8 weights", absl::StrCat("weights of gaps ", gaps, " and values ", values));
  for (const char* reader : {"gaps", "gap"})
    ReplaceNames(text, absl::StrCat(reader, "_u8"), absl::StrCat(reader, "_", gaps));
  for (const char* reader : {"values", "value"})
    ReplaceNames(text, absl::StrCat(reader, "_i8"), absl::StrCat(reader, "_", values));
  if (!bias.empty()) ReplaceNames(text, "bias_b32", absl::StrCat("bias_", bias));
  return text.empty() ? text : Rewrapped(text);
}

bool IsView(const Node& node) { return node.op() == Op::kReshape || node.op() == Op::kIdentity; }

}  // namespace

std::string RuntimeFileText(const std::string& name) {
  for (const RuntimeFile& file : RuntimeFiles()) {
    if (file.name == name) return file.text;
  }
  constexpr char kDouble[] = "_f64.h";
  const size_t stem = name.size() - std::min(name.size(), sizeof(kDouble) - 1);
  if (name.substr(stem) != kDouble) return EncodedKernel(name);
  const std::string single = RuntimeFileText(name.substr(0, stem) + "_f32.h");
  return DoubleKernel(single);
}

std::string FloatLiteral(float value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value < 0 ? "-INFINITY" : "INFINITY";
  std::string text = FloatText(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string DoubleLiteral(double value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value < 0 ? "-INFINITY" : "INFINITY";
  std::string text = DoubleText(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string IntLiteral(int64_t value) {
  if (value == INT64_MIN) return "INT64_MIN";
  if (value == INT32_MIN) return "INT32_MIN";
  if (value > INT32_MAX || value < INT32_MIN)
    return absl::StrCat(value < 0 ? "-" : "", "INT64_C(", std::abs(value), ")");
  return absl::StrCat(value);
}

std::string ElementLiteral(const Tensor& tensor, int64_t index) {
  const size_t i = static_cast<size_t>(index);
  switch (tensor.type().element) {
    case ElementType::f32:
      return FloatLiteral(tensor.data<float>()[i]);
    case ElementType::f64:
      return DoubleLiteral(tensor.data<double>()[i]);
    case ElementType::u32:
      return absl::StrCat(tensor.data<uint32_t>()[i], "u");
    case ElementType::u64:
      return absl::StrCat("UINT64_C(", tensor.data<uint64_t>()[i], ")");
    default:
      return IntLiteral(tensor.AsInt(index));
  }
}

std::string Thousands(int64_t value) {
  std::string text = absl::StrCat(value);
  for (size_t end = text.size(); end > (value < 0 ? 4u : 3u); end -= 3) text.insert(end - 3, ",");
  return text;
}

std::string CommentText(const std::string& text) {
  std::string clean;
  for (const char c : text) clean += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?';
  // Twice: "??" in "???" overlaps itself.
  for (int i = 0; i < 2; ++i) clean = absl::StrReplaceAll(clean, {{"*/", "* /"}, {"/*", "/ *"}, {"??", "? ?"}});
  return clean;
}

Emission::Emission(const Graph& graph, Namer names, std::map<const Value*, std::string> parameters, std::string arena)
    : graph_(graph), names_(std::move(names)), parameters_(std::move(parameters)), arena_(std::move(arena)) {}

void Emission::Fail(const std::string& message) {
  if (!status_.ok()) return;
  const Node* node = texts_.empty() ? nullptr : texts_.back().node;
  status_ = absl::InternalError(
      node == nullptr ? message : absl::StrCat("emit: node \"", NodeName(), "\" (", node->op_name(), "): ", message));
}

void Emission::Use(const std::string& runtime_file) {
  if (!runtime_seen_.insert(runtime_file).second) return;
  if (runtime_file[0] == '<') {
    runtime_files_.push_back(runtime_file);
    return;
  }
  const std::string text = RuntimeFileText(runtime_file);
  if (text.empty()) return Fail(absl::StrCat("there is no runtime/", runtime_file));
  // #include "other.h" at a line's start: that file first.
  constexpr char kInclude[] = "#include \"";
  for (size_t at = 0; (at = text.find(kInclude, at)) != std::string::npos; ++at) {
    if (at > 0 && text[at - 1] != '\n') continue;
    const size_t begin = at + sizeof(kInclude) - 1;
    Use(text.substr(begin, text.find('"', begin) - begin));
  }
  runtime_files_.push_back(runtime_file);
}

std::string Emission::AddTable(const std::string& hint, const std::string& c_type, int64_t bytes_each,
                               const std::vector<std::string>& literals) {
  const std::string name = names_.Unique(hint, "t_");
  const std::string head = absl::StrCat("static const ", c_type, " ", name, "[", literals.size(), "] = {");
  const std::string line = absl::StrCat(head, absl::StrJoin(literals, ", "), "};");
  current().tables.push_back(line.size() <= kColumns ? line : absl::StrCat(head, "\n", TableRows(literals), "};"));
  current().table_bytes += bytes_each * static_cast<int64_t>(literals.size());
  return name;
}

std::string Emission::Constant(const Value& constant) {
  const auto known = locals_.find(&constant);
  if (known != locals_.end()) return known->second;
  const Tensor& tensor = constant.tensor();
  if (tensor.encoded()) {
    Fail(absl::StrCat("constant ", constant.Text(), " is encoded, and this kernel reads dense weights"));
    return "0";
  }
  std::vector<std::string> literals;
  literals.reserve(static_cast<size_t>(tensor.elements()));
  for (int64_t i = 0; i < tensor.elements(); ++i) literals.push_back(ElementLiteral(tensor, i));
  const ElementType element = tensor.type().element;
  const std::string name = AddTable(constant.name(), ElementTypeCName(element), ElementTypeBytes(element), literals);
  locals_[&constant] = name;
  return name;
}

std::string Emission::Table(const std::string& hint, const std::string& c_type, int64_t bytes_each,
                            const std::vector<std::string>& literals) {
  return AddTable(hint, c_type, bytes_each, literals);
}

namespace {

template <typename T>
std::vector<std::string> IntLiterals(std::span<const T> values) {
  std::vector<std::string> literals;
  for (const T value : values) literals.push_back(IntLiteral(value));
  return literals;
}

}  // namespace

std::string Emission::Table(const std::string& hint, std::span<const int8_t> values) {
  return AddTable(hint, "int8_t", 1, IntLiterals(values));
}
std::string Emission::Table(const std::string& hint, std::span<const uint8_t> values) {
  return AddTable(hint, "uint8_t", 1, IntLiterals(values));
}
std::string Emission::Table(const std::string& hint, std::span<const int16_t> values) {
  return AddTable(hint, "int16_t", 2, IntLiterals(values));
}
std::string Emission::Table(const std::string& hint, std::span<const uint16_t> values) {
  return AddTable(hint, "uint16_t", 2, IntLiterals(values));
}
std::string Emission::Table(const std::string& hint, std::span<const int32_t> values) {
  return AddTable(hint, "int32_t", 4, IntLiterals(values));
}
std::string Emission::Table(const std::string& hint, std::span<const float> values) {
  std::vector<std::string> literals;
  for (const float value : values) literals.push_back(FloatLiteral(value));
  return AddTable(hint, "float", 4, literals);
}

std::string Emission::Struct(const std::string& hint, const std::string& c_type, const Fields& fields) {
  const std::string name = names_.Unique(hint, "t_");
  std::string text = absl::StrCat("static const ", c_type, " ", name, " = {");
  size_t column = text.size();
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string item =
        absl::StrCat(".", fields[i].first, " = ", fields[i].second, i + 1 < fields.size() ? "," : "};");
    if (i > 0 && column + 1 + item.size() > kColumns) {
      text += "\n    ";
      column = 4;
    } else if (i > 0) {
      text += " ";
      ++column;
    }
    text += item;
    column += item.size();
  }
  current().tables.push_back(text);
  return "&" + name;
}

std::string Emission::NodeName() const {
  const Node& node = *texts_.back().node;
  return node.loc().empty() ? node.result()->name() : node.loc();
}

// A view at its operand's own place has no storage of its own: reads go to the operand (an input's reads to the
// parameter, which the caller may have placed outside of the arena).
const Value* Emission::RootOf(const Value& value) const {
  const Value* root = &value;
  while (root->def() != nullptr && IsView(*root->def()) && parameters_.count(root) == 0) {
    const Value* operand = root->def()->operand(0);
    if (!root->placement() || operand->is_constant()) break;
    const Placement& place = *root->placement();
    const bool in_operand = place.storage_of == operand || (operand->placement() && place == *operand->placement()) ||
                            (place.storage_of != nullptr && place.storage_of == RootOf(*operand));
    if (!in_operand) break;
    root = operand;
  }
  return root;
}

std::string Emission::Read(const Value& value) {
  if (value.is_constant()) return Constant(value);
  const Value* root = RootOf(value);
  const auto parameter = parameters_.find(root);
  if (parameter != parameters_.end()) return parameter->second;
  const auto local = locals_.find(root);
  if (local != locals_.end()) return local->second;
  Fail(absl::StrCat("value ", value.Text(), " is read before it is computed"));
  return "0";
}

std::string Emission::Write(const Value& value) {
  const auto parameter = parameters_.find(&value);
  if (parameter != parameters_.end()) return parameter->second;
  const auto known = locals_.find(&value);
  if (known != locals_.end()) return known->second;
  const std::string c_type = ElementTypeCName(value.type().element);
  std::string address;
  if (!value.placement()) {
    Fail(absl::StrCat("value ", value.Text(), " has no placement; run plan-buffers first"));
  } else if (const Value* storage = value.placement()->storage_of; storage != nullptr) {
    if (storage->is_input()) {
      Fail(absl::StrCat("value ", value.Text(), " is placed in the input ", storage->Text(), ", which is read-only"));
    }
    const auto place = parameters_.find(storage);
    if (place == parameters_.end()) {
      Fail(absl::StrCat("value ", value.Text(), " is placed in ", storage->Text(), ", which is no parameter"));
    } else if (storage->type().element == value.type().element) {
      address = place->second;
    } else {
      address = absl::StrCat("(", c_type, " *)(void *)", place->second);
    }
  } else {
    uses_arena_ = true;
    address = absl::StrCat("(", c_type, " *)(void *)(", arena_, " + ", *value.placement()->arena_offset, ")");
  }
  const std::string name = names_.Unique(value.name(), "v_");
  locals_[&value] = name;
  Line(absl::StrCat(c_type, " *const ", name, " = ", address, ";"));
  return name;
}

bool Emission::SamePlace(const Value& a, const Value& b) const { return RootOf(a) == RootOf(b); }

void Emission::Line(const std::string& text) {
  const size_t indent = 2 * static_cast<size_t>(depth_);
  std::string rest = text, lines(indent, ' ');
  // A long line goes on, indented by four more, behind the last space that fits.
  while (rest.find('\n') == std::string::npos) {
    const size_t room = kColumns - indent - (lines.size() > indent ? 4 : 0);
    const size_t space = rest.rfind(' ', room);
    if (rest.size() <= room || space == std::string::npos || space == 0) break;
    absl::StrAppend(&lines, rest.substr(0, space), "\n", std::string(indent + 4, ' '));
    rest = rest.substr(space + 1);
  }
  current().lines.push_back(lines + rest);
}

void Emission::Open(const std::string& text) {
  Line(text + " {");
  ++depth_;
}

void Emission::Close() {
  --depth_;
  Line("}");
}

void Emission::Call(const std::string& function, const std::vector<std::string>& arguments) {
  const size_t indent = 2 * static_cast<size_t>(depth_);
  const std::string head = function + "(";
  std::string text = head;
  size_t column = indent + head.size();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string item = arguments[i] + (i + 1 < arguments.size() ? "," : ");");
    if (i > 0 && column + 1 + item.size() > kColumns) {
      column = indent + head.size();
      absl::StrAppend(&text, "\n", std::string(column, ' '));
    } else if (i > 0) {
      text += " ";
      ++column;
    }
    text += item;
    column += item.size();
  }
  Line(arguments.empty() ? text + ");" : text);
}

std::string Emission::LoopVariable(int depth) {
  static constexpr char kNames[] = "ijklmnpq";
  while (static_cast<int>(loop_variables_.size()) <= depth) {
    const size_t i = loop_variables_.size();
    loop_variables_.push_back(
        names_.Unique(i < sizeof(kNames) - 1 ? std::string(1, kNames[i]) : absl::StrCat("i", i), "i"));
  }
  return loop_variables_[static_cast<size_t>(depth)];
}

std::string Emission::OpenLoop(int depth, int64_t count) {
  const std::string i = LoopVariable(depth);
  Open(absl::StrCat("for (int32_t ", i, " = 0; ", i, " < ", count, "; ++", i, ")"));
  return i;
}

std::string Emission::Scratch(const std::string& c_type, int64_t elements) {
  ScratchArray& array = scratch_[c_type];
  if (array.name.empty()) array.name = names_.Unique("scratch", "v_");
  array.elements = std::max(array.elements, elements);
  return array.name;
}

std::string Emission::Arena(const std::string& c_type, int64_t offset) {
  uses_arena_ = true;
  return absl::StrCat("(", c_type, " *)(void *)(", arena_, " + ", offset, ")");
}

std::string Emission::ScratchDeclarations() const {
  std::string lines;
  for (const auto& [c_type, array] : scratch_) {
    absl::StrAppend(&lines, "  ", c_type, " ", array.name, "[", array.elements, "];\n");
  }
  return lines;
}

std::string Emission::Local(const std::string& hint) { return names_.Unique(hint, "v_"); }

void Emission::BeginNode(const Node& node, int depth) {
  texts_.push_back({});
  texts_.back().node = &node;
  texts_.back().depth = depth_ = depth;
}

LoweringKind LoweringKindOf(const Node& node) {
  bool quantized = node.result()->type().is_quantized();
  for (const Value* operand : node.operands()) {
    quantized |= operand->type().is_quantized() || operand->type().encoding != Encoding::kDense;
  }
  return quantized ? LoweringKind::kQuantized : LoweringKind::kPlain;
}

namespace {

struct Row {
  Op op;
  LowerFn plain;
  LowerFn quantized;  // null: the operation has no quantized form
};

constexpr Row kTable[] = {
    // op, plain, quantized
    {Op::kConv, LowerConvFloat, LowerConvQuantized},
    {Op::kConvTranspose, LowerConvTransposeFloat, nullptr},
    {Op::kFc, LowerFcFloat, LowerFcQuantized},
    {Op::kMatMul, LowerMatMulFloat, nullptr},
    {Op::kMaxPool, LowerPoolFloat, LowerPoolQuantized},
    {Op::kAvgPool, LowerPoolFloat, LowerPoolQuantized},
    {Op::kReduce, LowerReducePlain, LowerReduceQuantized},
    {Op::kUnary, LowerUnaryPlain, LowerUnaryQuantized},
    {Op::kBinary, LowerBinaryPlain, LowerBinaryQuantized},
    {Op::kCompare, LowerCompare, nullptr},
    {Op::kSelect, LowerSelect, LowerSelect},
    {Op::kSoftmax, LowerSoftmaxFloat, LowerSoftmaxQuantized},
    {Op::kLut, nullptr, LowerLut},
    {Op::kReshape, LowerCopy, LowerCopy},
    {Op::kTranspose, LowerTranspose, LowerTranspose},
    {Op::kConcat, LowerConcatMove, LowerConcatQuantized},
    {Op::kSlice, LowerSlice, LowerSlice},
    {Op::kPad, LowerPad, LowerPad},
    {Op::kGather, LowerGather, LowerGather},
    {Op::kExpand, LowerExpand, LowerExpand},
    {Op::kScatter, LowerScatter, LowerScatter},
    {Op::kCumSum, LowerCumSum, nullptr},
    {Op::kTrees, LowerTrees, nullptr},
    {Op::kRecurrent, LowerRecurrent, LowerRecurrent},
    {Op::kDistance, LowerDistance, nullptr},
    {Op::kCouple, LowerCouple, nullptr},
    {Op::kTopK, LowerTopK, LowerTopK},
    {Op::kArgReduce, LowerArgReduce, LowerArgReduce},
    {Op::kResize, LowerResizePlain, LowerResizeQuantized},
    {Op::kCast, LowerCast, nullptr},
    {Op::kIdentity, LowerCopy, LowerCopy},
    {Op::kQuantize, nullptr, LowerQuantize},
    {Op::kDequantize, nullptr, LowerDequantize},
    {Op::kRequantize, nullptr, LowerRequantize},
};

}  // namespace

absl::Status LowerNode(const Node& node, Emission& out) {
  out.BeginNode(node);
  return LowerBody(node, out);
}

absl::Status LowerBody(const Node& node, Emission& out) {
  for (const Row& row : kTable) {
    if (row.op != node.op()) continue;
    const bool quantized = LoweringKindOf(node) == LoweringKind::kQuantized;
    const LowerFn lower = quantized ? row.quantized : row.plain;
    if (lower == nullptr) break;
    if (absl::Status status = lower(node, out); !status.ok()) return status;
    return out.status();
  }
  return absl::InternalError(absl::StrCat("emit: node \"", out.NodeName(), "\" (", node.op_name(), ") has no ",
                                          LoweringKindOf(node) == LoweringKind::kQuantized ? "quantized" : "plain",
                                          " lowering"));
}

}  // namespace mcuc
