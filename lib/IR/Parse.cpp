// The parser of the text form: recursive descent over docs/ir.md's grammar. After an error in a statement it goes on
// with the next one; the name that the broken statement would have defined is kept as known, so that its uses are no
// errors of their own. Nothing is allocated for a size that the text claims: data grows as it is read.
#include "mcuc/IR/Parse.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <unordered_map>

#include "TextCursor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mcuc/IR/Verify.h"

namespace mcuc {

namespace {

// Beyond this many values a text is refused: edits of graphs are linear in their size.
constexpr size_t kMaxValues = 16384;
constexpr int kMaxErrors = 20;

constexpr int64_t kInt64Min = std::numeric_limits<int64_t>::min();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

// Levenshtein's distance, for "did you mean".
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// "; did you mean 'conv'? known: …": the nearest of the known words, if near, and all of them.
std::string Known(const std::string& word, const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  size_t least = word.size() <= 40 ? 3 : 0;  // at most two edits
  for (const std::string& candidate : known) {
    const size_t distance = least > 0 ? EditDistance(word, candidate) : 1;
    if (distance >= least || distance >= candidate.size()) continue;
    least = distance;
    nearest = &candidate;
  }
  return absl::StrCat(nearest ? absl::StrCat("; did you mean '", *nearest, "'?") : ";",
                      " known: ", known.empty() ? "none" : absl::StrJoin(known, ", "));
}

// A field of braces: `name = value, …`.
struct Field {
  std::string name;
  size_t position;
};

// `row_planar`, then `in arena+16`, `in arena+16 rows 4 slots 3` or `in %x`; or none of it.
struct PlacementText {
  Layout layout;
  std::optional<int64_t> arena_offset;
  Stripes stripes;
  std::optional<std::string> storage;
  size_t position = 0;
};

class Parser {
 public:
  Parser(const std::string& text, const std::string& file, Diagnostics& diagnostics)
      : cursor_(text, file, diagnostics), file_(file), diagnostics_(diagnostics) {}

  std::unique_ptr<Graph> Parse();

 private:
  bool TooMany() const { return diagnostics_.errors() >= first_errors_ + kMaxErrors; }

  bool TooManyValues();  // reports it

  bool ParseHeader();
  bool ParseInputs();
  bool ParseOutputs();
  void ParseBody();
  bool ParseConstant();
  bool ParseNode();
  void Place(Value* value, const PlacementText& placement);
  void ResolveOutputs();
  void ResolvePlacements();
  void VerifyParsed();

  bool ParseType(Type* type);
  bool ParseQuantization(const Type& type, Quantization* quant);
  bool ParseShape(Shape* shape);
  bool ParseLayout(Layout* layout);
  bool ParsePlacement(PlacementText* placement);
  bool ParseData(const Type& type, Tensor* tensor);
  bool ParseElements(ElementType type, int64_t most, std::vector<std::byte>* bytes);
  bool ParseElement(ElementType type, std::vector<std::byte>* bytes);
  bool ParseEncoding(Encoding* encoding);
  bool ParseEncoded(const Type& type, Tensor* tensor);
  bool ParseOperands(std::vector<Value*>* operands, bool* known);
  bool ParseAttributes(Attributes* attrs);

  // Calls item() for each element of {a, b, …}.
  template <typename F>
  bool ParseList(const char* what, F&& item);
  // Calls value(field) behind each `name =` of {…}; a name may come once.
  template <typename F>
  bool ParseFields(const char* separator, F&& value);

  bool ParseField(int64_t& value) { return cursor_.Integer("an integer", kInt64Min, kInt64Max, &value); }
  bool ParseField(float& value) { return cursor_.Float("a number", &value); }
  bool ParseField(double& value) { return cursor_.Float("a number", &value); }
  bool ParseField(int32_t& value);
  bool ParseField(bool& value);
  bool ParseField(Multipliers& value);
  bool ParseField(Act& value);
  bool ParseField(Pool& value);
  template <size_t N>
  bool ParseField(std::array<int64_t, N>& value);
  template <typename T>
  bool ParseField(std::vector<T>& value);
  template <typename Enum>
  bool ParseField(Enum& value);

  // Takes note of a name and where it stands; an error where it is taken.
  bool Define(char sigil, const std::string& name, size_t position);
  Value* Find(char sigil, const std::string& name, size_t position, bool* known);

  struct Definition {
    size_t position;
    Value* value = nullptr;  // stays null where the statement was broken
  };
  struct Output {
    std::string name;
    Type type;
    size_t position;
  };
  TextCursor cursor_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  int first_errors_ = diagnostics_.errors();
  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>();
  std::map<std::string, Definition> definitions_;  // by sigil and name
  std::vector<Output> outputs_;
  std::vector<std::pair<Value*, PlacementText>> storage_placements_;  // may name values defined further down
  std::unordered_map<const Value*, size_t> value_positions_;
};

bool Parser::Define(char sigil, const std::string& name, size_t position) {
  if (name.empty()) return cursor_.Error(position, "a value's name must not be empty");
  const auto [found, is_new] = definitions_.try_emplace(sigil + name, Definition{position});
  if (is_new) return true;
  return cursor_.Error(position, absl::StrCat(std::string(1, sigil), name, " is defined twice; first in line ",
                                              cursor_.LocationAt(found->second.position).line));
}

Value* Parser::Find(char sigil, const std::string& name, size_t position, bool* known) {
  const auto found = definitions_.find(sigil + name);
  if (found != definitions_.end()) {
    *known &= found->second.value != nullptr;
    return found->second.value;
  }
  *known = false;
  const char other = sigil == '%' ? '@' : '%';
  const bool mistaken = definitions_.count(other + name) > 0;
  cursor_.Error(position,
                absl::StrCat(std::string(1, sigil), name, " is not defined above",
                             mistaken ? absl::StrCat("; did you mean ", std::string(1, other), name, "?") : ""));
  return nullptr;
}

template <typename F>
bool Parser::ParseList(const char* what, F&& item) {
  if (!cursor_.Expect("{", absl::StrCat("before ", what).c_str())) return false;
  if (cursor_.Take("}")) return true;
  do {
    if (!item()) return false;
  } while (cursor_.Take(","));
  return cursor_.Take("}") || cursor_.Expected(absl::StrCat("',' or '}' in ", what));
}

template <typename F>
bool Parser::ParseFields(const char* separator, F&& value) {
  std::vector<std::string> seen;
  return ParseList("a list of fields", [&] {
    Field field{"", cursor_.Here()};
    field.name = cursor_.Word();
    if (field.name.empty()) return cursor_.Expected("a name");
    if (std::find(seen.begin(), seen.end(), field.name) != seen.end()) {
      return cursor_.Error(field.position, absl::StrCat("'", field.name, "' is given twice"));
    }
    seen.push_back(field.name);
    return cursor_.Expect(separator, absl::StrCat("after '", field.name, "'").c_str()) && value(field);
  });
}

bool Parser::ParseField(int32_t& value) {
  int64_t wide = 0;
  if (!cursor_.Integer("a 32-bit integer", IntegerMin(ElementType::i32), IntegerMax(ElementType::i32), &wide))
    return false;
  value = static_cast<int32_t>(wide);
  return true;
}

bool Parser::ParseField(bool& value) {
  value = cursor_.PeekWord("true");
  return cursor_.TakeWord("true") || cursor_.TakeWord("false") || cursor_.Expected("true or false");
}

template <size_t N>
bool Parser::ParseField(std::array<int64_t, N>& value) {
  const size_t begin = cursor_.Here();
  Ints values;
  if (!ParseField(values)) return false;
  if (values.size() != N) return cursor_.Error(begin, absl::StrCat("expected ", N, " integers, found ", values.size()));
  std::copy(values.begin(), values.end(), value.begin());
  return true;
}

template <typename T>
bool Parser::ParseField(std::vector<T>& value) {
  value.clear();
  return ParseList("a list of numbers", [&] {
    value.emplace_back();
    return ParseField(value.back());
  });
}

bool Parser::ParseField(Multipliers& value) {
  if (cursor_.Peek() == '{') return ParseField<int32_t>(value);
  value.assign(1, 0);
  return ParseField(value[0]);
}

template <typename Enum>
bool Parser::ParseField(Enum& value) {
  const size_t begin = cursor_.Here();
  const std::string word = cursor_.Word();
  if (word.empty()) return cursor_.Expected(absl::StrCat("one of ", absl::StrJoin(EnumNames(Enum{}), ", ")));
  if (ParseEnum(word, &value)) return true;
  return cursor_.Error(begin,
                       absl::StrCat("'", word, "' is no value of this attribute", Known(word, EnumNames(Enum{}))));
}

bool Parser::ParseField(Act& act) {
  if (!ParseField(act.kind)) return false;
  if (act.kind != ActKind::clip) return true;
  return cursor_.Expect("(", "and the bounds of clip") && ParseField(act.lo) &&
         cursor_.Expect(",", "between the bounds") && ParseField(act.hi) && cursor_.Expect(")", "after the bounds");
}

bool Parser::ParseField(Pool& pool) {
  if (!ParseField(pool.kind)) return false;
  if (pool.kind == PoolKind::none) return true;
  return ParseFields("=", [&](const Field& field) {
    if (field.name == "kernel") return ParseField(pool.kernel);
    if (field.name == "strides") return ParseField(pool.strides);
    if (field.name == "pads") return ParseField(pool.pads);
    if (field.name == "ceil") return ParseField(pool.ceil);
    return cursor_.Error(field.position, absl::StrCat("a fused pool has no '", field.name, "'",
                                                      Known(field.name, {"kernel", "strides", "pads", "ceil"})));
  });
}

bool Parser::ParseAttributes(Attributes* attrs) {
  const char* op = OpName(OpOf(*attrs));
  return ParseFields("=", [&](const Field& field) {
    return std::visit(
        [&](auto& a) {
          if constexpr (std::is_same_v<decltype(a), std::monostate&>) {
            return false;
          } else {
            bool found = false, good = false;
            std::vector<std::string> names;
            VisitAttributes(a, [&](const char* name, const char*, auto& value) {
              names.push_back(name);
              if (field.name != name) return;
              found = true;
              good = ParseField(value);
            });
            if (found) return good;
            return cursor_.Error(field.position,
                                 absl::StrCat(op, " has no attribute '", field.name, "'", Known(field.name, names)));
          }
        },
        *attrs);
  });
}

bool Parser::ParseShape(Shape* shape) {
  const size_t begin = cursor_.Here();
  if (!cursor_.Expect("[", "and the shape")) return false;
  if (!cursor_.Take("]")) {
    do {
      shape->emplace_back();
      if (!cursor_.Digits("a dimension", &shape->back())) return false;
    } while (cursor_.Take("x"));
    if (!cursor_.Expect("]", "after the shape")) return false;
  }
  const auto elements = CheckedElements(*shape);
  return elements.ok() || cursor_.Error(begin, std::string(elements.status().message()));
}

// Behind `<`: `0.5:3>`, `{0.5, 0.25}:0 axis=0>`, `{0.5, 0.25}:{1, 2} axis=1>`.
bool Parser::ParseQuantization(const Type& type, Quantization* quant) {
  if (IsFloat(type.element) || type.element == ElementType::b8 || ElementTypeBytes(type.element) > 4) {
    return cursor_.Error(
        cursor_.Here(),
        absl::StrCat(ElementTypeName(type.element), " can't be quantized; quantized are integers of at most 32 bits"));
  }
  if (cursor_.Peek() == '{') {
    if (!ParseField(quant->scales)) return false;
  } else {
    quant->scales.emplace_back();
    if (!cursor_.Float("a scale", &quant->scales.back())) return false;
  }
  if (!cursor_.Expect(":", "between scale and zero point")) return false;
  // Zero points are 32 bits wide; those of u32 are bounded by that too.
  const int64_t least = IntegerMin(type.element);
  const int64_t most = std::min(IntegerMax(type.element), IntegerMax(ElementType::i32));
  const auto zero_point = [&] {
    int64_t value = 0;
    if (!cursor_.Integer("a zero point of this type", least, most, &value)) return false;
    quant->zero_points.push_back(static_cast<int32_t>(value));
    return true;
  };
  if (!(cursor_.Peek() == '{' ? ParseList("the zero points", zero_point) : zero_point())) return false;
  if (cursor_.TakeWord("axis")) {
    int64_t axis = 0;
    if (!cursor_.Expect("=", "after 'axis'") || !cursor_.Integer("an axis", 0, 1000, &axis)) return false;
    quant->axis = static_cast<int>(axis);
  }
  return cursor_.Expect(">", "after the quantization");
}

bool Parser::ParseType(Type* type) {
  const size_t begin = cursor_.Here();
  const std::string word = cursor_.Word();
  if (word.empty()) return cursor_.Expected("a type such as f32[3x4]");
  const auto element = ParseElementType(word);
  if (!element) {
    static const std::vector<std::string> known = {
#define X(name, cpp, c) #name,
        MCUC_ELEMENT_TYPES(X)
#undef X
    };
    return cursor_.Error(begin, absl::StrCat("'", word, "' is no element type", Known(word, known)));
  }
  type->element = *element;
  if (cursor_.Take("<")) {
    Quantization quant;
    if (!ParseQuantization(*type, &quant)) return false;
    type->quant = std::move(quant);
  }
  if (!ParseShape(&type->shape)) return false;
  return ParseEncoding(&type->encoding);
}

// csc<u4>, csc<u4, n4>, dense<i4>, or nothing.
bool Parser::ParseEncoding(Encoding* encoding) {
  const size_t begin = cursor_.Here();
  const bool csc = cursor_.TakeWord("csc");
  if (!csc && !cursor_.TakeWord("dense")) return true;
  if (!cursor_.Expect("<", "and the form of the encoding")) return false;
  const auto code = [&](const auto& parse, const auto& known, auto* result) {
    const size_t at = cursor_.Here();
    const std::string word = cursor_.Word();
    if (word.empty()) return cursor_.Expected("the name of a code");
    std::vector<std::string> names;
    for (const auto& info : known) names.push_back(info.name);
    const auto found = parse(word);
    if (!found) return cursor_.Error(at, absl::StrCat("there is no code '", word, "'", Known(word, names)));
    *result = *found;
    return true;
  };
  if (csc && !code(ParseGapCode, GapCodes(), &encoding->gaps)) return false;
  if ((!csc || cursor_.Take(",")) && !code(ParseValueCode, ValueCodes(), &encoding->values)) return false;
  if (!cursor_.Expect(">", "after the form of the encoding")) return false;
  // `csc<all, …>` and `dense<element>` have other names.
  const bool plain = csc ? encoding->gaps == GapCode::all : *encoding == Encoding::kDense;
  if (!plain && IsEncoding(*encoding)) return true;
  return cursor_.Error(begin, "there is no such encoding; `i` values are for dense, `n` values for csc");
}

bool Parser::ParseLayout(Layout* layout) {
  layout->row_planar = cursor_.TakeWord("row_planar");
  if (!layout->row_planar || !cursor_.TakeWord("window")) return true;
  if (!cursor_.Digits("the rows of the window", &layout->window)) return false;
  if (!cursor_.TakeWord("halo")) return cursor_.Expected("'halo' and the columns of padding");
  return cursor_.Digits("columns on the left", &layout->left) && cursor_.Digits("columns on the right", &layout->right);
}

bool Parser::ParsePlacement(PlacementText* placement) {
  placement->position = cursor_.Here();
  if (!ParseLayout(&placement->layout)) return false;
  if (!cursor_.TakeWord("in")) return true;
  if (cursor_.TakeWord("arena")) {
    int64_t offset = 0;
    if (!cursor_.Expect("+", "and the offset in the arena") || !cursor_.Digits("an offset", &offset)) return false;
    placement->arena_offset = offset;
    if (!cursor_.TakeWord("rows")) return true;
    if (!cursor_.Digits("the rows of a stripe", &placement->stripes.rows)) return false;
    return !cursor_.TakeWord("slots") || cursor_.Digits("a number of stripes", &placement->stripes.slots);
  }
  if (cursor_.Peek() != '%') return cursor_.Expected("arena+OFFSET or the input or output (%name) to lie in");
  return cursor_.Name('%', "an input or output", &placement->storage.emplace());
}

bool Parser::ParseElement(ElementType type, std::vector<std::byte>* bytes) {
  return Dispatch(type, [&](auto zero) {
    using T = decltype(zero);
    std::conditional_t<std::is_same_v<T, bool>, uint8_t, T> value{};
    const std::string what = absl::StrCat("an element of type ", ElementTypeName(type));
    if constexpr (std::is_floating_point_v<T>) {
      if (!cursor_.Float(what.c_str(), &value)) return false;
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      if (!cursor_.Unsigned64(what.c_str(), &value)) return false;
    } else {
      int64_t wide = 0;
      using Limits = std::numeric_limits<T>;
      if (!cursor_.Integer(what.c_str(), int64_t{Limits::min()}, int64_t{Limits::max()}, &wide)) return false;
      value = static_cast<decltype(value)>(wide);
    }
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    bytes->insert(bytes->end(), raw, raw + sizeof(value));
    return true;
  });
}

// {1, 2, …} or hex"…": at most `most` elements.
bool Parser::ParseElements(ElementType type, int64_t most, std::vector<std::byte>* bytes) {
  const int64_t width = ElementTypeBytes(type);
  if (!cursor_.PeekWord("hex")) {
    return ParseList("the elements", [&] {
      if (static_cast<int64_t>(bytes->size()) >= most * width) {
        return cursor_.Error(cursor_.Here(), absl::StrCat("more elements than the ", most, " of the type"));
      }
      return ParseElement(type, bytes);
    });
  }
  const size_t begin = cursor_.Here();
  if (!cursor_.HexBytes(most * width, bytes)) return false;
  if (static_cast<int64_t>(bytes->size()) % width != 0) {
    return cursor_.Error(begin,
                         absl::StrCat(bytes->size(), " bytes are no whole number of elements of ", width, " bytes"));
  }
  const bool good = type != ElementType::b8 || std::all_of(bytes->begin(), bytes->end(), [](std::byte b) {
                      return b == std::byte{0} || b == std::byte{1};
                    });
  return good || cursor_.Error(begin, "an element of type b8 is 0 or 1");
}

// {delta: …, val: …}; whether the streams fit the shape is for the verifier.
bool Parser::ParseEncoded(const Type& type, Tensor* tensor) {
  EncodedData data;
  const size_t begin = cursor_.Here();
  const std::vector<EncodedStream> streams = StreamsOf(type);
  std::vector<std::string> names;
  for (const EncodedStream& stream : streams) names.push_back(stream.name);
  const std::string encoding = EncodingText(type.encoding);
  size_t fields = 0;
  const bool good = ParseFields(":", [&](const Field& field) {
    ++fields;
    for (const EncodedStream& stream : streams) {
      if (field.name != stream.name) continue;
      // No code takes more than two bytes a gap, and a bit more for each zero.
      const bool gaps = stream.bytes == &EncodedData::gaps;
      return ParseElements(stream.element, gaps ? 3 * type.elements() + 16 : type.elements() + 16,
                           &(data.*stream.bytes));
    }
    return cursor_.Error(field.position,
                         absl::StrCat(encoding, " has no '", field.name, "'", Known(field.name, names)));
  });
  if (!good) return false;
  if (fields != streams.size()) {
    return cursor_.Error(begin, absl::StrCat(encoding, " must give ", absl::StrJoin(names, " and ")));
  }
  *tensor = Tensor::FromEncoded(type, std::move(data));
  return true;
}

bool Parser::ParseData(const Type& type, Tensor* tensor) {
  const size_t begin = cursor_.Here();
  if (cursor_.TakeWord("elided")) {
    return cursor_.Error(begin, "this text can't be parsed back: the constant's data was elided when it was printed");
  }
  if (type.encoding != Encoding::kDense) return ParseEncoded(type, tensor);
  std::vector<std::byte> bytes;
  if (!ParseElements(type.element, type.elements(), &bytes)) return false;
  const int64_t given = static_cast<int64_t>(bytes.size()) / ElementTypeBytes(type.element);
  if (given != type.elements()) {
    return cursor_.Error(begin, absl::StrCat("found ", given, " elements for the ", type.elements(), " of ",
                                             ElementTypeName(type.element), "[", ShapeText(type.shape), "]"));
  }
  *tensor = Tensor::FromBytes(type, std::move(bytes));
  return true;
}

// const @w: f32[2] = {0, 1}
bool Parser::ParseConstant() {
  const size_t begin = cursor_.Here();
  std::string name;
  Type type;
  Tensor tensor;
  if (!cursor_.Name('@', "a constant", &name) || !Define('@', name, begin)) return false;
  if (!cursor_.Expect(":", "and the type") || !ParseType(&type)) return false;
  if (!cursor_.Expect("=", "and the data") || !ParseData(type, &tensor)) return false;
  Value* value = graph_->AddConstant(name, std::move(tensor));
  definitions_['@' + name].value = value;
  value_positions_[value] = begin;
  return true;
}

bool Parser::ParseOperands(std::vector<Value*>* operands, bool* known) {
  if (cursor_.Peek() != '%' && cursor_.Peek() != '@') return true;  // none: left to the verifier
  do {
    const size_t begin = cursor_.Here();
    const char sigil = cursor_.Peek();
    if (sigil != '%' && sigil != '@') return cursor_.Expected("an operand (%name or @name)");
    std::string name;
    if (!cursor_.Name(sigil, "an operand", &name)) return false;
    operands->push_back(Find(sigil, name, begin, known));
  } while (cursor_.Take(","));
  return true;
}

// %h: f32[3] in arena+16 = fc %x, @w, @b {act = relu} loc("fc1")
bool Parser::ParseNode() {
  const size_t begin = cursor_.Here();
  std::string name, loc;
  Type type;
  PlacementText placement;
  if (!cursor_.Name('%', "a result", &name)) return false;
  const bool is_new = Define('%', name, begin);
  if (!cursor_.Expect(":", "and the type") || !ParseType(&type) || !ParsePlacement(&placement)) return false;
  if (!cursor_.Expect("=", "and the operation")) return false;
  const size_t op_position = cursor_.Here();
  const std::string op = cursor_.Word();
  Attributes attrs;
  if (op.empty()) return cursor_.Expected("an operation");
  if (!AttributesByName(op, &attrs)) {
    std::vector<std::string> known;
    for (int i = 0; i < OpCount(); ++i) known.push_back(OpName(static_cast<Op>(i)));
    return cursor_.Error(op_position, absl::StrCat("'", op, "' is no operation", Known(op, known)));
  }
  std::vector<Value*> operands;
  bool known = true;
  if (!ParseOperands(&operands, &known)) return false;
  if (cursor_.Peek() == '{' && !ParseAttributes(&attrs)) return false;
  if (cursor_.TakeWord("loc")) {
    if (!cursor_.Expect("(", "after 'loc'") || !cursor_.String("the model's name of the node", &loc) ||
        !cursor_.Expect(")", "after the location")) {
      return false;
    }
  }
  if (!is_new || !known) return true;  // reported above, and this line is read to its end
  Value* value = graph_->AddNode(std::move(attrs), std::move(operands), name, std::move(type), loc)->result();
  definitions_['%' + name].value = value;
  value_positions_[value] = begin;
  Place(value, placement);
  return true;
}

void Parser::Place(Value* value, const PlacementText& placement) {
  if (placement.arena_offset) value->set_placement(Placement{placement.arena_offset, nullptr});
  value->set_stripes(placement.stripes);
  value->set_layout(placement.layout);
  if (placement.storage) storage_placements_.push_back({value, placement});
}

// graph @name(%x: f32[4]) -> (%y: f32[2]) {arena = 16} {
bool Parser::ParseHeader() {
  std::string name;
  if (!cursor_.TakeWord("graph")) return cursor_.Expected("'graph'");
  if (!cursor_.Name('@', "the graph's name", &name) || !cursor_.Expect("(", "and the inputs")) return false;
  graph_->set_name(name);
  if (!ParseInputs() || !cursor_.Expect("->", "and the outputs") || !ParseOutputs()) return false;
  if (!cursor_.Expect("{", "and the body")) return false;
  // Attributes of the graph: no statement begins with this word and an equals sign.
  if (!cursor_.PeekWord("arena")) return true;
  int64_t bytes = 0;
  if (!cursor_.TakeWord("arena") || !cursor_.Expect("=", "after 'arena'") ||
      !cursor_.Digits("a number of bytes", &bytes)) {
    return false;
  }
  graph_->set_arena_bytes(bytes);
  return cursor_.Expect("}", "after the graph's attributes") && cursor_.Expect("{", "and the body");
}

bool Parser::ParseInputs() {
  if (cursor_.Take(")")) return true;
  do {
    const size_t begin = cursor_.Here();
    std::string name;
    Type type;
    PlacementText placement;
    if (!cursor_.Name('%', "an input", &name) || !Define('%', name, begin)) return false;
    if (!cursor_.Expect(":", "and the type") || !ParseType(&type) || !ParsePlacement(&placement)) return false;
    Value* value = graph_->AddInput(name, std::move(type));
    definitions_['%' + name].value = value;
    value_positions_[value] = begin;
    Place(value, placement);
  } while (cursor_.Take(",") && !TooManyValues());
  return cursor_.Expect(")", "after the inputs");
}

bool Parser::ParseOutputs() {
  if (!cursor_.Expect("(", "and the outputs")) return false;
  if (cursor_.Take(")")) return true;
  do {
    Output output;
    output.position = cursor_.Here();
    if (!cursor_.Name('%', "an output", &output.name)) return false;
    if (!cursor_.Expect(":", "and the type") || !ParseType(&output.type)) return false;
    outputs_.push_back(std::move(output));
  } while (cursor_.Take(","));
  return cursor_.Expect(")", "after the outputs");
}

bool Parser::TooManyValues() {
  if (definitions_.size() < kMaxValues) return false;
  cursor_.Error(cursor_.Here(), absl::StrCat("a graph has at most ", kMaxValues, " values"));
  return true;
}

void Parser::ParseBody() {
  while (!TooMany()) {
    if (cursor_.Take("}")) {
      if (!cursor_.AtEnd()) cursor_.Error(cursor_.Here(), "nothing may follow the graph");
      return;
    }
    if (cursor_.AtEnd()) {
      cursor_.Expected("'}' after the graph's last statement");
      return;
    }
    if (TooManyValues()) return;
    const size_t start = cursor_.Here();
    bool good = false;
    if (cursor_.Peek() == '%') {
      good = ParseNode();
    } else if (cursor_.TakeWord("const")) {
      good = ParseConstant();
    } else {
      cursor_.Expected("a statement: `%name: type = operation …`, `const @name: type = …` or '}'");
    }
    if (good && !cursor_.AtLineStart() && cursor_.Peek() != '}') good = cursor_.Expected("the end of the line");
    if (!good) cursor_.SkipToStatement(start);
  }
  cursor_.Error(cursor_.Here(), "too many errors; the rest of the text is not read");
}

void Parser::ResolveOutputs() {
  for (const Output& output : outputs_) {
    const auto found = definitions_.find('%' + output.name);
    if (found == definitions_.end()) {
      cursor_.Error(output.position, absl::StrCat("output %", output.name, " is never computed"));
      continue;
    }
    Value* value = found->second.value;
    if (!value) continue;
    if (value->type() != output.type) {
      cursor_.Error(output.position, absl::StrCat("output %", output.name, " is declared ", TypeText(output.type),
                                                  " but computed as ", TypeText(value->type())));
    }
    graph_->AddOutput(value);
  }
}

void Parser::ResolvePlacements() {
  for (const auto& [value, placement] : storage_placements_) {
    const auto found = definitions_.find('%' + *placement.storage);
    if (found == definitions_.end()) {
      cursor_.Error(placement.position, absl::StrCat("%", *placement.storage, " is not defined"));
    } else if (found->second.value) {
      value->set_placement(Placement{std::nullopt, found->second.value});
    }
  }
}

void Parser::VerifyParsed() {
  VerifyOptions options;
  options.locate_value = [&](const Value& value) {
    const auto found = value_positions_.find(&value);
    return found == value_positions_.end() ? Location{file_, 0, 0, "", "", ""} : cursor_.LocationAt(found->second);
  };
  options.locate_node = [&](const Node& node) { return options.locate_value(*node.result()); };
  VerifyGraph(*graph_, diagnostics_, options);
}

std::unique_ptr<Graph> Parser::Parse() {
  graph_->set_source(file_);
  if (!ParseHeader()) return nullptr;  // without inputs every statement would be an error
  ParseBody();
  if (TooMany()) return nullptr;
  ResolveOutputs();
  ResolvePlacements();
  if (diagnostics_.errors() == first_errors_) VerifyParsed();
  return diagnostics_.errors() == first_errors_ ? std::move(graph_) : nullptr;
}

}  // namespace

std::unique_ptr<Graph> ParseGraph(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  return Parser(text, file, diagnostics).Parse();
}

}  // namespace mcuc
