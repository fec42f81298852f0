// backend-suite: ONNX's own node tests. Each model is imported, canonicalized, emitted as C, compiled under the
// contract's flags, and run on the test's inputs; its outputs, and the interpreter's, must be the test's: floats within
// ONNX's tolerance, all else exactly. What is expected of each test is listed in a file (expected.txt says how); the
// program fails where a test does better or worse than that.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "Bindings.h"
#include "CLI/CLI.hpp"
#include "Programs.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/RunModel.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/Import/Onnx.h"
#include "mcuc/Passes/Pipeline.h"

namespace mcuc::backend {
namespace {

namespace fs = std::filesystem;

constexpr char kSuite[] = "/usr/share/libonnx-testdata/data/node";
constexpr double kRelative = 1e-3, kAbsolute = 1e-7;  // onnx.backend.test.runner
constexpr int kSkipped = 77;

struct Flags {
  std::string data = kSuite, expected, compiler = "cc -O1", folder;
  std::vector<std::string> tests;
  bool update = false;
};

struct Test {
  std::string name;
  std::unique_ptr<Graph> graph;
  std::vector<size_t> run_time_inputs;  // of input_N.pb
  bool bound = false;                   // some inputs became constants
  absl::Status status;                  // OK so far, or why it does not pass
};

std::vector<fs::path> DataSets(const fs::path& folder) {
  std::vector<fs::path> sets;
  for (int i = 0; fs::exists(folder / absl::StrCat("test_data_set_", i)); ++i) {
    sets.push_back(folder / absl::StrCat("test_data_set_", i));
  }
  return sets;
}

absl::Status Plan(Graph& graph) {
  auto pipeline = Pipeline::Parse("canonicalize,fuse,prune-channels,csc-encode,plan-buffers");
  const auto target = Target::ByName(Target::All().front()->name);
  Diagnostics diagnostics;
  PassContext context;
  context.diagnostics = &diagnostics;
  context.target = &*target;
  return pipeline->Run(graph, context);
}

// As it is; or, where that fails, with the inputs that decide shapes as constants.
void Import(Test& test, const fs::path& folder, const std::string& scratch) {
  const std::string model = (folder / "model.onnx").string();
  const auto names = InputNames(model);
  const auto shapes = ShapeInputs(model);
  if (!names.ok() || !shapes.ok()) {
    test.status = names.ok() ? shapes.status() : names.status();
    return;
  }
  Diagnostics diagnostics;
  test.graph = ImportOnnx(model, {}, diagnostics);
  if (!test.graph && !shapes->empty()) {
    const std::string bound = absl::StrCat(scratch, "/", test.name, ".onnx");
    test.status = BindInputs(model, *shapes, (folder / "test_data_set_0").string(), bound);
    if (!test.status.ok()) return;
    diagnostics = Diagnostics();
    test.graph = ImportOnnx(bound, {}, diagnostics);
    test.bound = true;
  }
  if (!test.graph) {
    test.status = diagnostics.ToStatus();
    return;
  }
  for (size_t i = 0; i < names->size(); ++i) {
    if (!test.bound || !shapes->count((*names)[i])) test.run_time_inputs.push_back(i);
  }
  test.status = Plan(*test.graph);
}

// The first difference; empty: none.
std::string Difference(const Tensor& got, const Tensor& want) {
  if (got.type().element != want.type().element || got.shape() != want.shape()) {
    return absl::StrCat("is ", TypeText(got.type()), " instead of ", TypeText(want.type()));
  }
  for (int64_t i = 0; i < want.elements(); ++i) {
    if (!want.type().is_float()) {
      if (got.AsInt(i) == want.AsInt(i)) continue;
      return absl::StrFormat("element %d is %d instead of %d", i, got.AsInt(i), want.AsInt(i));
    }
    const double a = got.AsDouble(i), b = want.AsDouble(i);
    if (a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= kAbsolute + kRelative * std::fabs(b))
      continue;
    return absl::StrFormat("element %d is %.9g instead of %.9g", i, a, b);
  }
  return "";
}

// The suite's bfloat16 tensors are stored as their bits.
Tensor FromBfloat16(const Tensor& bits) {
  Tensor reals(Type{ElementType::f32, bits.shape()});
  for (int64_t i = 0; i < bits.elements(); ++i) {
    reals.data<float>()[static_cast<size_t>(i)] = std::bit_cast<float>(static_cast<uint32_t>(bits.AsInt(i)) << 16);
  }
  return reals;
}

// As the suite does it: the lower bits are cut off.
void CutToBfloat16(Tensor& reals) {
  for (float& x : reals.data<float>()) x = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xffff0000u);
}

bool IsBfloat16(const Tensor& stored, ElementType type) {
  return stored.type().element == ElementType::u16 && type == ElementType::f32;
}

absl::Status Compare(const char* what, const absl::StatusOr<std::vector<Tensor>>& got, const fs::path& set) {
  if (!got.ok()) return absl::Status(got.status().code(), absl::StrCat(what, ": ", got.status().ToString()));
  for (size_t i = 0; i < got->size(); ++i) {
    auto want = ReadTensorProto((set / absl::StrCat("output_", i, ".pb")).string());
    if (!want.ok()) return want.status();
    Tensor plain = (*got)[i];
    plain.mutable_type().quant.reset();
    if (IsBfloat16(*want, plain.type().element)) {
      want = FromBfloat16(*want);
      CutToBfloat16(plain);
    }
    if (const std::string difference = Difference(plain, *want); !difference.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(what, ": output ", i, " ", difference));
    }
  }
  return absl::OkStatus();
}

absl::Status RunTest(const Test& test, const Program& program, const fs::path& folder) {
  const auto interpreter = Interpreter::Create(*test.graph);
  if (!interpreter.ok()) return interpreter.status();
  for (const fs::path& set : DataSets(folder)) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < test.run_time_inputs.size(); ++i) {
      auto input = ReadTensorProto((set / absl::StrCat("input_", test.run_time_inputs[i], ".pb")).string());
      if (!input.ok()) return input.status();
      const Type& type = test.graph->inputs()[i]->type();
      if (test.graph->Users(test.graph->inputs()[i]).empty()) input = Tensor(type);  // of the wrong shape in some tests
      if (IsBfloat16(*input, type.element)) input = FromBfloat16(*input);
      input->mutable_type().quant = type.quant;
      if (input->type().element != type.element || input->shape() != type.shape) {
        return absl::FailedPreconditionError(
            absl::StrCat("input ", i, " is ", TypeText(input->type()), " for ", TypeText(type)));
      }
      inputs.push_back(*std::move(input));
    }
    if (absl::Status s = Compare("interpreter", (*interpreter)->Run(inputs), set); !s.ok()) return s;
    if (absl::Status s = Compare("compiled C", Run(program, inputs), set); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// --- The list of what is expected.

struct List {
  std::string header;  // the comment that it begins with
  std::map<std::string, std::string> expected;
};

List ReadList(const std::string& path) {
  List list;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (absl::StartsWith(line, "#")) {
      absl::StrAppend(&list.header, line, "\n");
      continue;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (!parts.first.empty()) list.expected[parts.first] = parts.second;
  }
  return list;
}

constexpr char kPass[] = "pass", kPassBound[] = "pass-bound";

std::string ResultOf(const Test& test) { return !test.status.ok() ? "" : test.bound ? kPassBound : kPass; }

// One line of why a test does not pass.
std::string WhyNot(const Test& test) {
  std::string message(test.status.message());
  if (const size_t path = message.find(".onnx: "); path != std::string::npos) message = message.substr(path + 7);
  return message.substr(0, message.find('\n')).substr(0, 160);
}

int Report(const std::vector<Test>& tests, const Flags& flags) {
  List list = ReadList(flags.expected);
  int wrong = 0;
  std::map<std::string, int> totals;
  for (const Test& test : tests) {
    const std::string result = ResultOf(test);
    ++totals[result];
    const auto found = list.expected.find(test.name);
    const std::string expected = found == list.expected.end() ? "" : found->second;
    const bool expected_pass = expected == kPass || expected == kPassBound;
    if (flags.update) {
      if (!result.empty() || expected_pass || expected.empty() || absl::StartsWith(expected, "not yet:")) {
        list.expected[test.name] = result.empty() ? absl::StrCat("not yet: ", WhyNot(test)) : result;
      }
      continue;
    }
    if (result.empty() && (expected_pass || !flags.tests.empty())) {
      std::cout << test.name << ": FAILS: " << test.status.message() << "\n";
    }
    if (expected.empty()) {
      std::cout << test.name << ": is not in the list; it is: " << (result.empty() ? "not yet" : result) << "\n";
    } else if (!result.empty() && !expected_pass) {
      std::cout << test.name << ": passes (" << result << "), but is listed as \"" << expected << "\"\n";
    } else if (!result.empty() && result != expected) {
      std::cout << test.name << ": is " << result << ", but listed as " << expected << "\n";
    } else if (!result.empty() || !expected_pass) {
      continue;
    }
    ++wrong;
  }
  if (flags.update) {
    std::ofstream out(flags.expected);
    out << list.header;
    for (const auto& [name, expected] : list.expected) out << name << " " << expected << "\n";
  }
  std::cout << tests.size() << " tests: " << totals[kPass] + totals[kPassBound] << " pass, " << totals[kPassBound]
            << " of them with inputs that decide shapes as constants; " << totals[""] << " do not\n";
  if (wrong > 0) std::cout << wrong << " are not as listed in " << flags.expected << " (--update writes it anew)\n";
  return wrong > 0 ? 1 : 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Runs ONNX's node tests on compiled C and compares the results with a list.", "backend-suite");
  Flags flags;
  app.add_option("tests", flags.tests, "names of tests; none: all of them");
  app.add_option("--data", flags.data, "the folder of the tests");
  app.add_option("--expected", flags.expected, "the list of what is expected")->required();
  app.add_option("--compiler", flags.compiler, "the C compiler with flags (cc -O1)");
  app.add_option("--keep", flags.folder, "a folder where the emitted C is kept");
  app.add_flag("--update", flags.update, "write the list anew; reasons given by hand stay");
  CLI11_PARSE(app, argc, argv);
  if (!fs::exists(flags.data)) {
    std::cout << flags.data << " is not there; it comes with the package libonnx-testdata\n";
    return kSkipped;
  }
  std::string scratch = flags.folder;
  if (scratch.empty()) {
    scratch = (fs::temp_directory_path() / "mcuc-backend-XXXXXX").string();
    if (mkdtemp(scratch.data()) == nullptr) return 1;
  }
  fs::create_directories(scratch);

  std::vector<Test> tests;
  for (const auto& entry : fs::directory_iterator(flags.data)) {
    const std::string name = entry.path().filename().string();
    if (!flags.tests.empty() && std::find(flags.tests.begin(), flags.tests.end(), name) == flags.tests.end()) continue;
    tests.emplace_back().name = name;
  }
  std::sort(tests.begin(), tests.end(), [](const Test& a, const Test& b) { return a.name < b.name; });
  ParallelFor(static_cast<int64_t>(tests.size()), 0, [&](int64_t i) {
    Test& test = tests[static_cast<size_t>(i)];
    Import(test, fs::path(flags.data) / test.name, scratch);
  });
  std::vector<Program> programs;
  for (const Test& test : tests) {
    if (test.status.ok()) programs.push_back({test.name, test.graph.get(), {}, nullptr});
  }
  Compile(programs, scratch, flags.compiler);
  size_t p = 0;
  for (Test& test : tests) {
    if (!test.status.ok()) continue;
    const Program& program = programs[p++];
    test.status = program.status.ok() ? RunTest(test, program, fs::path(flags.data) / test.name) : program.status;
  }
  std::error_code ignored;
  if (flags.folder.empty()) fs::remove_all(scratch, ignored);
  return Report(tests, flags);
}

}  // namespace
}  // namespace mcuc::backend

int main(int argc, char** argv) { return mcuc::backend::Main(argc, argv); }
