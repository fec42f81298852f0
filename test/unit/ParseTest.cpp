// What prints parses to an equal graph; and hostile texts, mutated from valid ones, never crash the parser and are
// never accepted as something that prints differently when read back.
#include "mcuc/IR/Parse.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mcuc/IR/Print.h"

namespace mcuc {
namespace {

using testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(std::string(MCUC_SOURCE_DIR) + path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

// The text of the graph parsed, or the errors, a line each without carets.
std::string Reprint(const std::string& text) {
  Diagnostics diagnostics;
  const auto graph = ParseGraph(text, "t", diagnostics);
  if (graph) {
    EXPECT_FALSE(diagnostics.has_errors());
    PrintOptions options;
    options.comments = false;
    return PrintGraph(*graph, options);
  }
  EXPECT_TRUE(diagnostics.has_errors());
  std::string errors;
  for (const Diagnostic& d : diagnostics.all()) {
    errors += std::to_string(d.where.line) + ":" + std::to_string(d.where.column) + ": " + d.message + "\n";
  }
  return errors;
}

// A graph with one constant, for the forms of data.
std::string WithConstant(const std::string& constant) {
  return "graph @g(%x: f32[1]) -> (%y: f32[1]) {\n  %y: f32[1] = unary %x\n  const @c: " + constant + "\n}\n";
}

TEST(Parse, EqualGraph) {
  const std::string text = ReadFile("/test/IR/every-op.mcu");
  Diagnostics diagnostics;
  const auto first = ParseGraph(text, "every-op.mcu", diagnostics);
  ASSERT_TRUE(first) << diagnostics.ToStatus();
  EXPECT_EQ(first->source(), "every-op.mcu");
  const auto second = ParseGraph(PrintGraph(*first), "printed", diagnostics);
  ASSERT_TRUE(second) << diagnostics.ToStatus();
  // Constants are created in the order of the text, so they are compared by name.
  std::map<std::string, const Value*> constants;
  for (const Value* constant : second->constants()) constants[constant->name()] = constant;
  ASSERT_EQ(constants.size(), first->constants().size());
  for (const Value* constant : first->constants()) {
    EXPECT_EQ(constant->tensor(), constants.at(constant->name())->tensor()) << constant->name();
  }
  const auto a = first->node_vector(), b = second->node_vector();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i]->result()->name(), b[i]->result()->name());
    EXPECT_EQ(a[i]->result()->type(), b[i]->result()->type());
    EXPECT_EQ(a[i]->loc(), b[i]->loc());
    if (a[i]->result()->name() == "bits") continue;  // its value is a NaN, which does not equal itself
    EXPECT_EQ(a[i]->attrs(), b[i]->attrs()) << a[i]->result()->name();
  }
  EXPECT_EQ(PrintGraph(*first), PrintGraph(*second));
}

TEST(Parse, FloatBits) {
  Diagnostics diagnostics;
  const auto graph = ParseGraph(
      WithConstant("f32[8] = {-0, nan, bits(0x7fa00001), bits(0xff800000), 1e-45, 1.17549435e-38, 16777217, .5}"), "t",
      diagnostics);
  ASSERT_TRUE(graph) << diagnostics.ToStatus();
  const auto values = graph->constants()[0]->tensor().data<float>();
  const uint32_t expected[] = {0x80000000, 0x7fc00000, 0x7fa00001, 0xff800000, 1, 0x00800000, 0x4b800000, 0x3f000000};
  for (size_t i = 0; i < 8; ++i) {
    uint32_t bits;
    std::memcpy(&bits, &values[i], 4);
    EXPECT_EQ(bits, expected[i]) << i;
  }
  EXPECT_THAT(PrintGraph(*graph), HasSubstr("{-0, nan, bits(0x7fa00001), -inf, 1e-45, 1.1754944e-38, 16777216, 0.5}"));
}

TEST(Parse, Integers) {
  EXPECT_THAT(Reprint(WithConstant("i64[2] = {-9223372036854775808, 9223372036854775807}")),
              HasSubstr("{-9223372036854775808, 9223372036854775807}"));
  EXPECT_THAT(Reprint(WithConstant("i64[1] = {9223372036854775808}")), HasSubstr("is outside [-9223372036854775808,"));
  EXPECT_THAT(Reprint(WithConstant("u64[1] = {18446744073709551616}")),
              HasSubstr("in [0, 18446744073709551615], found"));
  EXPECT_THAT(Reprint(WithConstant("u8[2] = {0, 255}")), HasSubstr("{0, 255}"));
  EXPECT_THAT(Reprint(WithConstant("u8[1] = {256}")), HasSubstr("256 is outside [0, 255]"));
  EXPECT_THAT(Reprint(WithConstant("u8[1] = {-1}")), HasSubstr("-1 is outside [0, 255]"));
  EXPECT_THAT(Reprint(WithConstant("b8[1] = {2}")), HasSubstr("2 is outside [0, 1]"));
  EXPECT_THAT(Reprint(WithConstant("b8[2] = hex\"0102\"")), HasSubstr("an element of type b8 is 0 or 1"));
  EXPECT_THAT(Reprint(WithConstant("i8[1] = {1.5}")), HasSubstr("expected an element of type i8, found '1.5'"));
  EXPECT_THAT(Reprint(WithConstant("f32[1] = {0x10}")), HasSubstr("expected an element of type f32, found '0x10'"));
  EXPECT_THAT(Reprint(WithConstant("f32[1] = {--1}")), HasSubstr("found"));
  EXPECT_THAT(Reprint(WithConstant("f64[1] = {1e999}")), HasSubstr("1e999 is outside the range of f64"));
}

TEST(Parse, HexIsLittleEndian) {
  EXPECT_THAT(Reprint(WithConstant("i32[2] = hex\"01020304\n    FFffFFff\"")), HasSubstr("= {67305985, -1}\n"));
  EXPECT_THAT(Reprint(WithConstant("u8[3] = hex\"A9Fa0f\"")), HasSubstr("= {169, 250, 15}\n"));
  EXPECT_THAT(Reprint(WithConstant("f32[1] = hex\"0000803f\"")), HasSubstr("= {1}\n"));
  EXPECT_THAT(Reprint(WithConstant("f32[2] = hex\"0000803f\"")), HasSubstr("found 1 elements for the 2 of f32[2]"));
  EXPECT_THAT(Reprint(WithConstant("f32[1] = hex\"0000803f")), HasSubstr("4:1: hex data holds hexadecimal"));
  EXPECT_EQ(
      Reprint("graph @g() -> () {\n  const @c: i8[1] = hex\"01"),
      "2:21: hex data is not closed by a quote\n2:25: expected '}' after the graph's last statement, found the end of "
      "the text\n");
}

TEST(Parse, EncodedAsHexOrList) {
  const std::string list = "i8<0.5:0>[2x300] csc<u8> = {delta: {255, 1, 43, 7, 255, 36}, val: {-1, 2, 3}}";
  const std::string hex = "i8<0.5:0>[2x300] csc<u8> = {val: hex\"ff0203\", delta: hex\"ff012b07ff24\"}";
  EXPECT_THAT(Reprint(WithConstant(list)), HasSubstr(list));
  EXPECT_EQ(Reprint(WithConstant(hex)), Reprint(WithConstant(list)));
  EXPECT_THAT(Reprint(WithConstant("i8[2] csc<u8> = {1, 2}")), HasSubstr("expected a name, found '1'"));
  EXPECT_THAT(Reprint(WithConstant("i8[2] csc<u8> = {deltas: {1}}")),
              HasSubstr("has no 'deltas'; did you mean 'delta'?"));
  EXPECT_THAT(Reprint(WithConstant("i8[2] csc<u8> = {delta: {256}}")), HasSubstr("256 is outside [0, 255]"));
  std::string many = "{0";
  for (int i = 0; i < 18; ++i) many += ", 0";
  EXPECT_THAT(Reprint(WithConstant("i8[2] csc<u8> = {val: " + many + "}}")), HasSubstr("more elements than the 18"));
}

TEST(Parse, EveryEncoding) {
  for (const Encoding& encoding : AllEncodings()) {
    const Tensor dense = Tensor::Of(Type{ElementType::i8, {2, 5}, Quantization{{0.5f}, {0}}},
                                    std::vector<int>{0, 3, 0, 0, -2, 0, 0, 0, 1, 0});
    Graph graph("g");
    graph.AddConstant("c", *Encode(dense, encoding));
    const std::string printed = PrintGraph(graph);
    const size_t begin = printed.find("i8<"), end = printed.find("  #");
    const std::string text = WithConstant(printed.substr(begin, end - begin));
    EXPECT_THAT(text, HasSubstr(EncodingText(encoding)));
    Diagnostics diagnostics;
    const auto again = ParseGraph(text, "t", diagnostics);
    ASSERT_TRUE(again) << text << diagnostics.ToStatus();
    EXPECT_EQ(again->constants()[0]->tensor(), graph.constants()[0]->tensor()) << text;
  }
  const auto refused = [](const std::string& encoding) { return Reprint(WithConstant("i8[2] " + encoding + " = {}")); };
  EXPECT_THAT(refused("csc<u5>"),
              HasSubstr("there is no code 'u5'; did you mean 'u8'? known: all, u8, u4, bitmap, rice"));
  EXPECT_THAT(refused("csc<u4, m4>"), HasSubstr("there is no code 'm4'"));
  EXPECT_THAT(refused("csc<u4, i4>"), HasSubstr("there is no such encoding; `i` values are for dense"));
  EXPECT_THAT(refused("csc<all, i4>"), HasSubstr("there is no such encoding"));
  EXPECT_THAT(refused("csc<all>"), HasSubstr("there is no such encoding"));
  EXPECT_THAT(refused("dense<element>"), HasSubstr("there is no such encoding"));
  EXPECT_THAT(refused("dense<n4>"), HasSubstr("there is no such encoding"));
  EXPECT_THAT(refused("csc"), HasSubstr("expected '<' and the form of the encoding"));
  EXPECT_THAT(refused("csc<"), HasSubstr("expected the name of a code"));
  EXPECT_THAT(refused("csc<u8"), HasSubstr("expected '>' after the form of the encoding"));
  EXPECT_THAT(refused("csc<u8,>"), HasSubstr("expected the name of a code"));
}

TEST(Parse, HugeClaimsCostNothing) {
  // 2^28 elements are a legal type; nothing is allocated for them before they are there.
  EXPECT_THAT(Reprint(WithConstant("f64[268435456] = {1}")), HasSubstr("found 1 elements for the 268435456"));
  EXPECT_THAT(Reprint(WithConstant("f64[268435457] = {1}")), HasSubstr("more than 268435456 elements"));
  EXPECT_THAT(Reprint(WithConstant("i8[268435456] csc<u8> = {delta: {0}, val: {1}}")),
              HasSubstr("the gaps end at position 1 of 268435456, behind 1 values"));
  // A value at the first element; 2^28 - 1 zeros are 8191 ones, a zero and 15 ones behind k = 15 and the gap of 0.
  std::string delta = "0f0000";
  for (int i = 0; i < 1023; ++i) delta += "ff";
  const std::string rice = "i8[1x268435456] csc<rice> = {delta: hex\"" + delta + "7fff7f\", val: {1}}";
  EXPECT_THAT(Reprint(WithConstant(rice)), HasSubstr("7fff7f\", val: {1}}"));
}

TEST(Parse, Headers) {
  const std::string body = "{\n  %y: f32[1] = unary %x\n}\n";
  EXPECT_EQ(Reprint("graph @\"a b\"(%x: f32[1]) -> (%y: f32[1]) " + body),
            "graph @\"a b\"(%x: f32[1]) -> (%y: f32[1]) " + body);
  EXPECT_EQ(Reprint("graph @\"\"(%x: f32[1]) -> (%y: f32[1]) " + body),
            "graph @\"\"(%x: f32[1]) -> (%y: f32[1]) " + body);
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {arena = 0} " + body),
            "graph @g(%x: f32[1]) -> (%y: f32[1]) {arena = 0} " + body);
  EXPECT_EQ(Reprint("graph@g(%x:f32[1])->(%y:f32[1]){%y:f32[1]=unary%x}"),
            "graph @g(%x: f32[1]) -> (%y: f32[1]) " + body);
  EXPECT_EQ(Reprint(""), "1:1: expected 'graph', found the end of the text\n");
  EXPECT_EQ(Reprint("grap @g"), "1:1: expected 'graph', found 'grap'\n");
  EXPECT_EQ(Reprint("graph g"), "1:7: expected the graph's name (@name), found 'g'\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]"), "1:20: expected ')' after the inputs, found the end of the text\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1], %x: f32[1])"), "1:22: %x is defined twice; first in line 1\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) (%y: f32[1]) " + body), "1:22: expected '->' and the outputs, found '('\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {arena = 1 " + body),
            "1:49: expected '}' after the graph's attributes, found '{'\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) " + body + "graph"), "4:1: nothing may follow the graph\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[2]) " + body),
            "1:26: output %y is declared f32[2] but computed as f32[1]\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> () {}"), "0:0: graph @g has no output\n");
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {\n  %y: f32[1] = unary %x"),
            "2:24: expected '}' after the graph's last statement, found the end of the text\n");
}

TEST(Parse, RecoversWithinTheGraph) {
  // A brace on a line of its own within a broken statement does not end the graph.
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {\n"
                    "  const @c: f32[2] = {\n    1,\n    oops\n  }\n"
                    "  %z: f32[1] = unary %nope\n"
                    "  %y: f32[1] = binary %x, @c\n"
                    "}\n"),
            "4:5: expected an element of type f32, found 'oops'\n6:22: %nope is not defined above\n");
  // A statement that lacks its closing brace ends where the next one begins.
  EXPECT_EQ(
      Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {\n"
              "  %a: f32[1] = unary %x {fn = relu\n"
              "  %y: f32[1] = unary %nope\n"
              "}\n"),
      "2:35: expected ',' or '}' in a list of fields, found the end of the line\n3:22: %nope is not defined above\n");
  // Operands may stand on lines of their own.
  EXPECT_EQ(Reprint("graph @g(%x: f32[1]) -> (%y: f32[1]) {\n  %y: f32[1] = binary oops\n    %x, %x\n}\n"),
            "2:23: expected the end of the line, found 'oops'\n");
}

TEST(Parse, StopsAfterTwentyErrors) {
  std::string text = "graph @g(%x: f32[1]) -> (%y: f32[1]) {\n";
  for (int i = 0; i < 50; ++i) text += "  %a" + std::to_string(i) + ": f32[1] = unary %nope\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(ParseGraph(text + "}\n", "t", diagnostics));
  EXPECT_EQ(diagnostics.errors(), 21);
  EXPECT_EQ(diagnostics.all().back().message, "too many errors; the rest of the text is not read");
  EXPECT_EQ(diagnostics.all().back().where.line, 22);
}

TEST(Parse, RefusesTooManyValues) {
  std::string text = "graph @g(%x: f32[1]) -> (%y: f32[1]) {\n";
  for (int i = 0; i < 16384; ++i) text += "const @c" + std::to_string(i) + ": i8[1] = {1}\n";
  EXPECT_THAT(Reprint(text + "}\n"), HasSubstr("16385:1: a graph has at most 16384 values"));
}

TEST(Parse, ErrorsKeepEarlierDiagnostics) {
  Diagnostics diagnostics;
  diagnostics.Error({}, "before");
  EXPECT_TRUE(ParseGraph(WithConstant("i8[1] = {1}"), "t", diagnostics)) << diagnostics.ToStatus();
  EXPECT_EQ(diagnostics.errors(), 1);
}

TEST(Parse, LongLinesHaveNoCaret) {
  Diagnostics diagnostics;
  ParseGraph(WithConstant("i8[1] = {" + std::string(600, ' ') + "x}"), "t", diagnostics);
  ASSERT_EQ(diagnostics.errors(), 1);
  EXPECT_EQ(diagnostics.all()[0].where.column, 622);
  EXPECT_EQ(diagnostics.all()[0].where.line_text, "");
}

// One random edit of the text.
std::string Mutate(std::string text, std::mt19937& random) {
  static const std::string tokens[] = {"{",
                                       "}",
                                       "[",
                                       "]",
                                       "(",
                                       ")",
                                       ",",
                                       ":",
                                       "=",
                                       "<",
                                       ">",
                                       "\"",
                                       "\\",
                                       "%",
                                       "@",
                                       "#",
                                       "\n",
                                       "-",
                                       "x",
                                       "0",
                                       "255",
                                       "-1",
                                       "nan",
                                       "-inf",
                                       "1e",
                                       "in ",
                                       "arena",
                                       "const ",
                                       "hex\"",
                                       "bits(",
                                       "9999999999999999999",
                                       "268435456",
                                       "f32",
                                       "i8<",
                                       "csc<u8>",
                                       "csc<rice, n4>",
                                       "delta",
                                       "elided",
                                       "clip(",
                                       "max{",
                                       "axis",
                                       "loc(",
                                       std::string(1, '\0'),
                                       "\xff",
                                       "\r"};
  const auto below = [&](size_t n) { return static_cast<size_t>(random()) % std::max<size_t>(n, 1); };
  const size_t at = below(text.size()), length = 1 + below(below(4) == 0 ? 40 : 4);
  const std::string piece = text.substr(at, length);
  switch (below(6)) {
    case 0:
      return text.erase(at, length);
    case 1:
      return text.insert(at, tokens[below(std::size(tokens))]);
    case 2:
      return text.replace(at, length, tokens[below(std::size(tokens))]);
    case 3:
      return text.insert(below(text.size()), piece);
    case 4:
      text[at] = static_cast<char>(random());
      return text;
    default:
      return text.replace(at, 1, std::to_string(static_cast<int>(below(10))));
  }
}

TEST(Parse, MutatedTextsNeitherCrashNorChangeOnTheWay) {
  std::vector<std::string> seeds;
  // Lines of the large file make small graphs that parse fast: errors stop after twenty.
  for (const char* path : {"/test/IR/every-op.mcu", "/test/IR/placements.mcu"}) {
    Diagnostics diagnostics;
    PrintOptions options;
    options.comments = false;
    options.hex_constants = 64;
    const auto graph = ParseGraph(ReadFile(path), path, diagnostics);
    ASSERT_TRUE(graph);
    seeds.push_back(PrintGraph(*graph, options));
  }
  seeds.push_back(WithConstant(
      "i8<{0.5, 0.25}:{0, 0} axis=0>[2x300] csc<u8> = {delta: {255, 1, 43, 7, 255, 36}, val: {-1, 2, 3}}"));
  seeds.push_back(
      "graph @g(%x: i8<0.5:0>[1x1x4x4] in arena+0) -> (%y: i8<0.25:-1>[1x1x2x2]) {arena = 16} {\n"
      "  const @w: i8<{0.1}:0 axis=0>[1x1x2x2] csc<u8> = {delta: {0, 1, 0, 0}, val: {-127, 2, 3}}\n"
      "  const @b: i32[1] = {2147450000}\n"
      "  %y: i8<0.25:-1>[1x1x2x2] = conv %x, @w, @b {pads = {0, 0, 1, 1}, act = relu, pool = max{kernel = {2, 2}, "
      "strides = {2, 2}}, mul = 1073741824, shift = -2} loc(\"c\\\"\\x0a\")\n}\n");
  std::mt19937 random(20240611);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1000);
  int accepted = 0, refused = 0;
  // At least so many whatever the machine; then what a second takes.
  for (int i = 0; i < 2000 || std::chrono::steady_clock::now() < end; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (size_t edits = 1 + random() % 3; edits > 0; --edits) text = Mutate(std::move(text), random);
    Diagnostics diagnostics;
    const auto graph = ParseGraph(text, "t", diagnostics);
    ASSERT_NE(graph != nullptr, diagnostics.has_errors()) << text;
    if (!graph) {
      ++refused;
      continue;
    }
    ++accepted;
    const std::string printed = PrintGraph(*graph);
    const auto again = ParseGraph(printed, "t", diagnostics);
    ASSERT_TRUE(again) << text << "\nprinted as\n" << printed << diagnostics.ToStatus();
    ASSERT_EQ(PrintGraph(*again), printed) << text;
  }
  EXPECT_GT(accepted, 20);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace mcuc
