// compare-compiled: emits the C of a planned graph, builds a program of it with each given compiler command, runs that
// on every sample of a data set (or on random ones) and compares each output with the interpreter's: integers must be
// equal, floats within 1e-4 relative + 1e-5. The program is a process of its own, so that a sanitizer or an emulator
// may be part of the command; every buffer is a heap block of exactly its size, so that AddressSanitizer sees each
// access beyond one.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/PipelineFlags.h"
#include "common/RunModel.h"
#include "mcuc/Emit/C.h"
#include "mcuc/Exec/Interpreter.h"
#include "mcuc/IR/Parse.h"

namespace mcuc {
namespace {

constexpr char kContractFlags[] = "-std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror";

struct Flags {
  std::string graph, data, runner;
  std::vector<std::string> compilers = {"cc -O2"};
  int64_t samples = 100;
  int threads = 0;
};

struct Sample {
  std::vector<Tensor> inputs, outputs;
};

// A program that reads every sample's inputs from standard input, one after another, and writes the outputs. With
// IN_ARENA, inputs and outputs lie at their offsets within the arena.
std::string DriverSource(const Graph& graph, const std::string& name, int64_t samples) {
  const std::vector<std::string> parameters = ParameterNames(graph);
  const std::string upper = absl::AsciiStrToUpper(name);
  std::vector<const Value*> values(graph.inputs().begin(), graph.inputs().end());
  values.insert(values.end(), graph.outputs().begin(), graph.outputs().end());
  std::string text = absl::StrCat("#include \"", name, ".h\"\n\n#include <stdio.h>\n#include <stdlib.h>\n\n",
                                  "int main(void) {\n  char *arena = ", upper, "_ARENA_BYTES ? malloc(", upper,
                                  "_ARENA_BYTES) : NULL;\n");
  for (size_t i = 0; i < values.size(); ++i) {
    const bool placed = values[i]->placement() && values[i]->placement()->arena_offset;
    const std::string fresh = absl::StrCat("malloc(", values[i]->type().bytes(), ")");
    if (placed) {
      absl::StrAppend(&text, "#ifdef IN_ARENA\n  void *p", i, " = arena + ", upper, "_",
                      absl::AsciiStrToUpper(parameters[i]), "_OFFSET;\n#else\n  void *p", i, " = ", fresh,
                      ";\n#endif\n");
    } else {
      absl::StrAppend(&text, "  void *p", i, " = ", fresh, ";\n");
    }
  }
  absl::StrAppend(&text, "  for (long sample = 0; sample < ", samples, "; ++sample) {\n");
  std::string arguments;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i < graph.inputs().size()) {
      absl::StrAppend(&text, "    if (fread(p", i, ", ", values[i]->type().bytes(), ", 1, stdin) != 1) return 2;\n");
    }
    absl::StrAppend(&arguments, "p", i, ", ");
  }
  absl::StrAppend(&text, "    ", name, "_run(", arguments, "arena);\n");
  for (size_t i = graph.inputs().size(); i < values.size(); ++i) {
    absl::StrAppend(&text, "    if (fwrite(p", i, ", ", values[i]->type().bytes(), ", 1, stdout) != 1) return 3;\n");
  }
  text += "  }\n";
  for (size_t i = 0; i < values.size(); ++i) {
    const bool placed = values[i]->placement() && values[i]->placement()->arena_offset;
    if (placed) text += "#ifndef IN_ARENA\n";
    absl::StrAppend(&text, "  free(p", i, ");\n");
    if (placed) text += "#endif\n";
  }
  return text + "  free(arena);\n  return fflush(stdout) == 0 ? 0 : 4;\n}\n";
}

absl::Status RunCommand(const std::string& command) {
  const int status = std::system(command.c_str());
  if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("failed (status ", status, "): ", command));
}

// The first difference; empty: none. `worst`: the largest difference of floats as a fraction of what is allowed.
std::string Difference(const Tensor& got, const Tensor& want, double* worst) {
  for (int64_t i = 0; i < want.elements(); ++i) {
    bool equal;
    if (want.type().is_float()) {
      const double a = got.AsDouble(i), b = want.AsDouble(i);
      const double allowed = 1e-4 * std::fabs(b) + 1e-5;
      equal = a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= allowed;
      if (equal && a != b && !std::isnan(a)) *worst = std::max(*worst, std::fabs(a - b) / allowed);
    } else {
      equal = got.AsInt(i) == want.AsInt(i);
    }
    if (!equal) {
      return absl::StrFormat("element %d is %.9g, the interpreter's is %.9g", i, got.AsDouble(i), want.AsDouble(i));
    }
  }
  return "";
}

absl::Status CompareOne(const Graph& graph, const std::vector<Sample>& samples, const std::string& folder,
                        const std::string& compiler, const std::string& runner, bool in_arena) {
  const std::string program = folder + "/program";
  absl::Status status =
      RunCommand(absl::StrCat(compiler, " ", kContractFlags, " -c '", folder, "/model.c' -o '", folder, "/model.o'"));
  if (!status.ok()) return status;
  status = RunCommand(absl::StrCat(compiler, " -std=c99", in_arena ? " -DIN_ARENA" : "", " '", folder, "/main.c' '",
                                   folder, "/model.o' -o '", program, "' -lm"));
  if (!status.ok()) return status;
  status = RunCommand(absl::StrCat(runner, " '", program, "' < '", folder, "/in' > '", folder, "/out'"));
  if (!status.ok()) return status;

  std::ifstream out(folder + "/out", std::ios::binary);
  double worst = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    for (size_t k = 0; k < samples[i].outputs.size(); ++k) {
      const Tensor& want = samples[i].outputs[k];
      Tensor got(want.type());
      out.read(reinterpret_cast<char*>(got.bytes().data()), static_cast<std::streamsize>(got.bytes().size()));
      if (!out) return absl::DataLossError(absl::StrCat(compiler, ": the program's output ends at sample ", i));
      if (const std::string difference = Difference(got, want, &worst); !difference.empty()) {
        return absl::FailedPreconditionError(absl::StrCat(compiler, in_arena ? " (in the arena)" : "", ": sample ", i,
                                                          ", output ", graph.outputs()[k]->Text(), ": ", difference));
      }
    }
  }
  std::cout << compiler << (in_arena ? " (in the arena)" : "") << ": " << samples.size() << " samples equal";
  if (worst > 0) std::cout << absl::StrFormat(", floats within %.2g of what is allowed", worst);
  std::cout << std::endl;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Sample>> MakeSamples(const Graph& graph, const Flags& flags) {
  std::optional<Dataset> data;
  if (!flags.data.empty()) {
    absl::StatusOr<Dataset> set = Dataset::Load(flags.data, graph);
    if (!set.ok()) return set.status();
    data = *std::move(set);
  }
  const absl::StatusOr<std::unique_ptr<Interpreter>> interpreter = Interpreter::Create(graph);
  if (!interpreter.ok()) return interpreter.status();
  std::vector<Sample> samples(static_cast<size_t>(data ? data->size() : flags.samples));
  const auto inputs = [&](int64_t i) {
    std::vector<Tensor> made = data ? data->Sample(i, graph) : RandomInputs(graph, static_cast<uint32_t>(i + 1));
    return samples[static_cast<size_t>(i)].inputs = std::move(made);
  };
  const auto outputs = [&](int64_t i, std::vector<Tensor> results) {
    samples[static_cast<size_t>(i)].outputs = std::move(results);
  };
  const absl::Status status =
      (*interpreter)->RunMany(static_cast<int64_t>(samples.size()), inputs, outputs, flags.threads);
  if (!status.ok()) return status;
  return samples;
}

absl::Status Compare(const Flags& flags, const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadText(flags.graph);
  if (!text.ok()) return text.status();
  Diagnostics diagnostics;
  const std::unique_ptr<Graph> graph = ParseGraph(*text, flags.graph, diagnostics);
  if (!graph) return diagnostics.ToStatus();
  if (!graph->arena_bytes()) return absl::InvalidArgumentError("the graph has no plan; run plan-buffers on it");
  const absl::StatusOr<std::vector<Sample>> samples = MakeSamples(*graph, flags);
  if (!samples.ok()) return samples.status();
  EmitCOptions options;
  options.name = "model";
  const absl::StatusOr<CFiles> files = EmitC(*graph, options);
  if (!files.ok()) return files.status();
  std::string in;
  for (const Sample& sample : *samples) {
    for (const Tensor& input : sample.inputs) {
      in.append(reinterpret_cast<const char*>(input.bytes().data()), input.bytes().size());
    }
  }
  const std::string driver = DriverSource(*graph, files->name, static_cast<int64_t>(samples->size()));
  const absl::Status written = WriteFiles({{folder + "/model.h", files->header},
                                           {folder + "/model.c", files->source},
                                           {folder + "/main.c", driver},
                                           {folder + "/in", in}});
  if (!written.ok()) return written;
  const auto placed = [](const Value* value) { return value->placement() && value->placement()->arena_offset; };
  const bool arena_too = std::any_of(graph->inputs().begin(), graph->inputs().end(), placed);
  for (const std::string& compiler : flags.compilers) {
    for (int in_arena = 0; in_arena <= (arena_too ? 1 : 0); ++in_arena) {
      absl::Status status = CompareOne(*graph, *samples, folder, compiler, flags.runner, in_arena != 0);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Compares a planned graph's emitted C, compiled, with the interpreter on every sample.",
               "compare-compiled");
  Flags flags;
  app.add_option("graph", flags.graph, "the planned graph (.mcu), or - for standard input")->required();
  app.add_option("--data", flags.data, "samples: PATH[:key=value,…]; without it, random ones");
  app.add_option("--samples", flags.samples, "how many random samples (100)")->check(CLI::Range(1, 1000000));
  app.add_option("--compiler", flags.compilers, "a compiler command with flags (cc -O2); may be repeated")
      ->allow_extra_args(false);
  app.add_option("--runner", flags.runner, "a command put before the program, e.g. an emulator");
  app.add_option("--threads", flags.threads, "threads of the interpreter; 0: one a core")->check(CLI::Range(0, 1024));
  if (const std::optional<int> status = ParseArguments(app, argc, argv)) return *status;
  std::string folder = (std::filesystem::temp_directory_path() / "mcuc-compare-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return Fail(absl::UnavailableError("cannot make a temporary folder"));
  const absl::Status status = Compare(flags, folder);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace mcuc

int main(int argc, char** argv) { return mcuc::Main(argc, argv); }
