// onnx-mcuc: compiles an ONNX model (or a graph's text) to C. Reads the model, chooses the pipeline that the flags
// mean, runs it, and emits; everything is computed before the first file is written.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/CheckModel.h"
#include "common/CompareLayers.h"
#include "common/PipelineFlags.h"
#include "common/RunModel.h"
#include "mcuc/Emit/C.h"
#include "mcuc/Emit/Compiled.h"
#include "mcuc/Emit/Dot.h"
#include "mcuc/Emit/Example.h"
#include "mcuc/Emit/Report.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/Import/Onnx.h"

namespace mcuc {
namespace {

// Each vector is a table in the C source.
constexpr int64_t kMaxSelfTest = 10000;

struct Flags {
  std::string model, emit, output = ".", name, report, test, check, io = "native";
  std::vector<std::string> input_shapes, run, run_output;
  std::optional<double> max_drop, sparsity, search_time;
  std::string self_test_text, flash_text, ram_text, optimize;
  int64_t flash = 0, ram = 0;
  int64_t self_test = 0;
  std::optional<int64_t> epochs;
  bool io_in_arena = false, compare_layers = false, example = false, print_pipeline = false, quiet = false;
  PipelineFlags pipeline;

  void AddTo(CLI::App& app) {
    app.add_option("model", model, "the model: .onnx, .onnxtxt, or a graph's text .mcu");
    app.add_option("--emit", emit,
                   "what to write: c (NAME.h and NAME.c), ir, dot, or none; default c, and none with --run")
        ->check(CLI::IsMember({"c", "ir", "dot", "none"}));
    app.add_option("-o,--output", output, "folder for the C files; a file, or - for standard output, for ir and dot");
    app.add_option("--name", name, "prefix of every C identifier and the files' name; default the model file's stem");
    app.add_option("--io", io, "parameters of the emitted function: native (quantized as in the graph) or float")
        ->check(CLI::IsMember({"native", "float"}));
    app.add_flag("--io-in-arena", io_in_arena,
                 "inputs and outputs may lie in the arena, at NAME_PARAMETER_OFFSET, and their bytes are reused");
    app.add_option("--input-shape", input_shapes, "an input's shape, name:1x3x32x32 (may be repeated)")
        ->allow_extra_args(false);
    app.add_flag("--self-test{1}", self_test_text,
                 "=N: add a main() under #ifdef NAME_SELF_TEST that runs N samples (1) of --test, --validate or "
                 "--calibrate, else random ones, and compares with the interpreter");
    app.add_flag("--example", example,
                 "also write NAME_example.c, a program that runs the model on one sample and prints the prediction");
    app.add_option("--report", report, "write the report as JSON to this file, or - for standard output");
    app.add_flag("--quiet", quiet, "print no report");
    const std::string group = "Compression";
    app.add_option("--max-drop", max_drop,
                   "prune as far as the validation score (--validate) drops by at most this, e.g. 0.01")
        ->group(group);
    app.add_option(
           "--sparsity", sparsity,
           "prune to this fraction of zeros: with --calibrate= by Optimal Brain Surgeon, else each layer by magnitude")
        ->group(group);
    app.add_option("--flash", flash_text,
                   "prune until the estimated flash (tables and code) is within this size, e.g. 64K")
        ->group(group);
    app.add_option("--ram", ram_text,
                   "the arena must fit into this size, e.g. 16K: layers run a few rows at a time where it would not")
        ->group(group);
    app.add_option("--optimize", optimize,
                   "what encodings and pruning save first: size, balanced or speed; default size where --max-drop or "
                   "--flash asks for the smallest, else balanced")
        ->check(CLI::IsMember({"size", "balanced", "speed"}))
        ->group(group);
    app.add_option("--search-time", search_time, "end the search of --max-drop within about this many seconds")
        ->check(CLI::Range(1.0, 1e7))
        ->group(group);
    app.add_option(
           "--epochs", epochs,
           "train the weights for this many epochs first: a random initialisation, or what was trained too little")
        ->check(CLI::Range(1, 100000))
        ->group(group);
    app.add_flag("--print-pipeline", print_pipeline, "print the passes that these flags mean, and end")
        ->group("Passes");
    app.add_option("--run", run, "run the graph, behind all passes, on this input (.npy or .pb; once for each input)")
        ->allow_extra_args(false)
        ->group("Running");
    app.add_option(
           "--run-output", run_output,
           "write an output to this .npy instead of printing it (once for each output); quantized ones as floats")
        ->allow_extra_args(false)
        ->group("Running");
    app.add_flag("--compare-layers", compare_layers,
                 "print how far each layer's result is from the float model's, worst first (on samples of --test, "
                 "--validate or --calibrate)")
        ->group("Running");
    app.add_option("--check", check,
                   "compile the emitted C, run it on a folder's test_data_set_*/input_N.pb, and print for each output "
                   "the largest errors against output_N.pb and how often the argmax agrees")
        ->group("Running");
    pipeline.AddTo(app);
    app.add_option("--test", test, "samples that only report the emitted C's accuracy, once, at the end")
        ->group("Data sets (PATH[:key=value,…], see docs/data.md)");
  }
};

absl::Status Conflict(const std::string& message) { return absl::InvalidArgumentError(message); }

// Flags that would say nothing are refused: one who gives them expects something of them.
absl::Status CheckOutputFlags(const Flags& flags, const std::string& emit) {
  if (emit != "c") {
    const std::pair<const char*, bool> given[] = {
        {"--test", !flags.test.empty()},       {"--report", !flags.report.empty()},
        {"--check", !flags.check.empty()},     {"--compare-layers", flags.compare_layers && emit != "none"},
        {"--self-test", flags.self_test != 0}, {"--example", flags.example}};
    for (const auto& [name, present] : given) {
      if (present) {
        return Conflict(absl::StrCat(name, " is about the emitted C, but with --emit=", emit,
                                     " none is emitted; add --emit=c or leave it out"));
      }
    }
  } else if (flags.output == "-") {
    return Conflict("-o -: --emit=c writes two files; give a folder");
  }
  if (flags.run.empty() && !flags.run_output.empty()) {
    return Conflict("--run-output: nothing is run; give the input with --run=FILE");
  }
  return absl::OkStatus();
}

// The pipeline that the flags mean for a graph in this state (docs/architecture.md, "what data means").
absl::StatusOr<std::string> DefaultPipeline(const Flags& flags, const GraphState& state) {
  const bool prune = flags.max_drop || flags.sparsity || flags.flash > 0;
  const bool float_io = flags.io == "float";
  const bool train = !flags.pipeline.train.empty();
  // Retraining is quantization-aware at its end, and says the scales.
  const bool scales = train && prune;
  const bool calibrated = !flags.pipeline.calibrate.empty() || scales;
  if (train && !prune && !flags.epochs) {
    return Conflict(
        "--train retrains what is pruned; give --max-drop= and --validate=PATH, or --sparsity=; or --epochs= to train "
        "the whole model");
  }
  if (flags.epochs && !train) return Conflict("--epochs trains the model; give --train=PATH, the samples to train on");
  if (flags.epochs && (state.quantized || state.encoded || state.placed)) {
    return Conflict("--epochs trains float weights; this model is quantized, encoded or placed already");
  }
  if (flags.search_time && !flags.max_drop && !flags.flash) {
    return Conflict("--search-time limits the search of --max-drop= or --flash=, neither of which is given");
  }
  if (flags.flash > 0 && (flags.max_drop || flags.sparsity)) {
    return Conflict("--flash says how far to prune, and so do --max-drop and --sparsity; give one of them");
  }
  if (flags.max_drop && flags.sparsity) {
    return Conflict("--max-drop and --sparsity exclude each other: one searches the sparsity, the other fixes it");
  }
  if (flags.max_drop && flags.pipeline.validate.empty()) {
    return Conflict("--max-drop needs --validate=PATH: the samples on which the drop is measured");
  }
  if (state.placed) {
    if (prune || float_io || flags.io_in_arena || calibrated) {
      return Conflict("this graph has its buffers planned already; pruning, quantizing and --io come before that");
    }
    return "";
  }
  if (state.encoded && (prune || calibrated)) {
    return Conflict("this graph has encoded weights already; pruning and quantizing come before that");
  }
  std::string text = state.encoded ? "" : "canonicalize,fuse,";
  if (flags.epochs) absl::StrAppend(&text, "train{epochs=", *flags.epochs, "},");
  // Float weights are pruned on the samples where there are some.
  const bool surgical = calibrated && !state.quantized;
  std::string search = train ? "prune-search{method=gradual " : surgical ? "prune-search{method=obs " : "prune-search{";
  if (train && !flags.optimize.empty() && flags.optimize != "balanced") {
    absl::StrAppend(&search, "objective=", flags.optimize, " ");
  }
  if (flags.max_drop) {
    absl::StrAppend(&text, search, "max-drop=", DoubleText(*flags.max_drop));
    if (flags.search_time) absl::StrAppend(&text, " search-time=", DoubleText(*flags.search_time));
    text += "},";
  }
  if (flags.flash > 0) {
    absl::StrAppend(&text, search, "flash=", flags.flash);
    if (flags.search_time) absl::StrAppend(&text, " search-time=", DoubleText(*flags.search_time));
    text += "},";
  }
  const char* fixed = surgical ? "prune-obs{" : "prune{";
  if (flags.sparsity) {
    absl::StrAppend(&text, train ? search : std::string(fixed), "sparsity=", DoubleText(*flags.sparsity), "},");
  }
  if (!state.encoded && !scales) text += "prune-channels,";
  // A model that is quantized says its scales itself; what it joins can be fused once it is integer.
  const bool quantized = state.quantized && state.floating && !state.encoded;
  if (calibrated || quantized) text += "quantize,";
  if (quantized) text += "canonicalize,fuse,";
  if (calibrated || quantized) text += "prune-channels,";
  // Whoever says how much may be lost wants the least bytes for it.
  const bool smallest = flags.max_drop || flags.flash > 0;
  const std::string objective = !flags.optimize.empty() ? flags.optimize : smallest ? "size" : "balanced";
  if (!state.encoded) {
    absl::StrAppend(&text, "csc-encode", objective == "balanced" ? "" : absl::StrCat("{objective=", objective, "}"),
                    ",");
  }
  text += objective == "size" ? "select-kernels{band=2048}," : "select-kernels,";
  if (float_io) text += "float-io,";
  std::vector<std::string> plan;
  if (flags.io_in_arena) plan.push_back("io=true");
  if (flags.ram > 0) plan.push_back(absl::StrCat("ram=", flags.ram));
  if (flags.ram == 0 && flags.optimize == "size") plan.push_back("slower=10");
  return absl::StrCat(text, "plan-buffers", plan.empty() ? "" : absl::StrCat("{", absl::StrJoin(plan, " "), "}"));
}

// "64K", "1M", "900": bytes.
absl::StatusOr<int64_t> ParseSize(const char* flag, const std::string& text) {
  if (text.empty()) return 0;
  std::string digits = text;
  int64_t unit = 1, size = 0;
  if (digits.back() == 'K' || digits.back() == 'k') unit = 1024;
  if (digits.back() == 'M' || digits.back() == 'm') unit = 1024 * 1024;
  if (unit > 1) digits.pop_back();
  if (!absl::SimpleAtoi(digits, &size) || size < 1 || size > (int64_t{1} << 40)) {
    return Conflict(
        absl::StrCat(flag, "=", text, ": write a number of bytes, with K or M behind it for 1024 or 1048576"));
  }
  return size * unit;
}

absl::StatusOr<std::map<std::string, Shape>> ParseInputShapes(const std::vector<std::string>& texts) {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    const size_t colon = text.rfind(':');
    Shape shape;
    bool good = colon != std::string::npos && colon > 0;
    if (good) {
      for (absl::string_view word : absl::StrSplit(text.substr(colon + 1), 'x')) {
        int64_t dim = 0;
        good = good && absl::SimpleAtoi(word, &dim) && dim >= 1;
        shape.push_back(dim);
      }
    }
    if (!good) {
      return Conflict(absl::StrCat("--input-shape=", text, ": write name:1x3x32x32, every dimension at least 1"));
    }
    if (absl::StatusOr<int64_t> elements = CheckedElements(shape); !elements.ok()) {
      return Conflict(absl::StrCat("--input-shape=", text, ": ", std::string(elements.status().message())));
    }
    shapes[text.substr(0, colon)] = shape;
  }
  return shapes;
}

absl::StatusOr<std::unique_ptr<Graph>> ReadModel(const Flags& flags, Diagnostics& diagnostics) {
  std::unique_ptr<Graph> graph;
  if (absl::EndsWith(flags.model, ".mcu")) {
    if (!flags.input_shapes.empty()) return Conflict("--input-shape: a graph's text has its shapes already");
    const absl::StatusOr<std::string> text = ReadText(flags.model);
    if (!text.ok()) return text.status();
    graph = ParseGraph(*text, flags.model, diagnostics);
  } else if (absl::EndsWith(flags.model, ".onnx") || absl::EndsWith(flags.model, ".onnxtxt")) {
    ImportOptions options;
    absl::StatusOr<std::map<std::string, Shape>> shapes = ParseInputShapes(flags.input_shapes);
    if (!shapes.ok()) return shapes.status();
    options.input_shapes = *std::move(shapes);
    graph = ImportOnnx(flags.model, options, diagnostics);
  } else {
    return Conflict(absl::StrCat(flags.model, ": the file's name must end in .onnx, .onnxtxt or .mcu"));
  }
  if (graph) graph->set_source(flags.model);
  return graph;
}

// Compiles the emitted C and scores it, and the imported model by the interpreter, on the test set.
absl::Status ScoreOnTest(const Flags& flags, const Graph& imported, const Graph& graph, const Dataset& test,
                         const EmitCOptions& options, std::vector<Accuracy>& accuracies, double* microseconds) {
  const absl::StatusOr<Outputs> reference = RunGraph(imported, test, flags.pipeline.threads);
  if (!reference.ok()) return reference.status();
  const absl::StatusOr<std::unique_ptr<CompiledModel>> compiled = CompiledModel::Build(graph, options);
  if (!compiled.ok()) return compiled.status();
  const absl::StatusOr<Outputs> outputs = (*compiled)->RunAll(test, flags.pipeline.threads);
  if (!outputs.ok()) return outputs.status();
  const absl::StatusOr<double> time = (*compiled)->MicrosecondsPerRun(test.Sample(0, graph));
  if (!time.ok()) return time.status();
  *microseconds = *time;
  const auto add = [&](const char* what, const Outputs& of) {
    const absl::StatusOr<Score> score = ScoreOf(of, test, &*reference);
    if (!score.ok()) return score.status();
    accuracies.push_back({what, test.name(), score->ToString()});
    return absl::OkStatus();
  };
  if (test.has_labels() || test.has_targets()) {
    if (absl::Status status = add("test, imported model", *reference); !status.ok()) return status;
  }
  return add("test, emitted C", *outputs);
}

absl::Status Compile(const Flags& flags) {
  Diagnostics diagnostics;
  absl::StatusOr<std::unique_ptr<Graph>> read = ReadModel(flags, diagnostics);
  if (!read.ok()) return read.status();
  if (!*read) return diagnostics.ToStatus();
  Graph& graph = **read;
  const std::unique_ptr<Graph> imported = graph.Clone();

  std::string text = flags.pipeline.passes;
  if (text.empty()) {
    absl::StatusOr<std::string> chosen = DefaultPipeline(flags, StateOf(graph));
    if (!chosen.ok()) return chosen.status();
    text = *chosen;
  } else if (flags.max_drop || flags.sparsity || flags.flash > 0 || flags.ram > 0 || flags.search_time ||
             flags.epochs || !flags.optimize.empty() || flags.io != "native" || flags.io_in_arena) {
    return Conflict(
        "--passes says every pass; put --max-drop, --sparsity, --flash, --ram, --optimize, --epochs, --io and "
        "--io-in-arena into it (prune-search, prune, train, float-io, plan-buffers{io=true})");
  }
  if (text == "none") text.clear();
  const std::string emit = !flags.emit.empty() ? flags.emit : flags.run.empty() ? "c" : "none";
  if (absl::Status status = CheckOutputFlags(flags, emit); !status.ok()) return status;
  absl::StatusOr<Pipeline> pipeline = Pipeline::Parse(text);
  if (!pipeline.ok()) return pipeline.status();
  if (flags.print_pipeline) {
    std::cout << pipeline->Text() << '\n';
    return absl::OkStatus();
  }
  if (emit == "c" && !graph.arena_bytes() && !pipeline->Has("plan-buffers")) {
    return Conflict("--emit=c needs planned buffers; end --passes with plan-buffers");
  }
  if (std::filesystem::exists(flags.output) && !std::filesystem::is_directory(flags.output) && emit == "c") {
    return Conflict(absl::StrCat("-o ", flags.output, ": not a folder"));
  }
  const absl::StatusOr<Target> target = Target::ByName(flags.pipeline.target);
  if (!target.ok()) return target.status();

  absl::StatusOr<PipelineData> data = LoadData(flags.pipeline, graph);
  if (!data.ok()) return data.status();
  std::optional<Dataset> test;
  if (!flags.test.empty()) {
    absl::StatusOr<Dataset> set = Dataset::Load(flags.test, graph);
    if (!set.ok()) return absl::InvalidArgumentError(absl::StrCat("--test: ", std::string(set.status().message())));
    test = *std::move(set);
  }
  PipelineFlags pipeline_flags = flags.pipeline;
  if (emit == "c" && !flags.quiet && flags.report != "-") pipeline_flags.remarks = false;  // the report lists them
  std::vector<Candidate> candidates;
  if (absl::Status status = RunPipeline(pipeline_flags, *data, *pipeline, graph, diagnostics, &candidates);
      !status.ok()) {
    return status;
  }

  if (!flags.run.empty()) {
    if (absl::Status status = RunModel(graph, flags.run, flags.run_output); !status.ok()) return status;
  }
  const std::string graph_file = flags.output == "." ? "-" : flags.output;
  if (emit == "dot") return WriteText(graph_file, EmitDot(graph));
  if (emit == "ir") {
    PrintOptions print;
    print.elide_constants = flags.pipeline.elide_constants.value_or(-1);
    return WriteText(graph_file, PrintGraph(graph, print));
  }
  std::string compared;
  if (flags.compare_layers) {
    const Dataset* samples = test              ? &*test
                             : data->validate  ? &*data->validate
                             : data->calibrate ? &*data->calibrate
                                               : nullptr;
    if (!samples) return Conflict("--compare-layers needs samples; give --test=, --validate= or --calibrate=");
    // Layers as they are when quantize sees them: with what is fused into them.
    const std::unique_ptr<Graph> reference = imported->Clone();
    Diagnostics quiet;
    PassContext context;
    context.diagnostics = &quiet;
    context.target = &*target;
    if (absl::Status status = Pipeline::Parse("canonicalize,fuse")->Run(*reference, context); !status.ok())
      return status;
    absl::StatusOr<std::string> table = CompareLayers(*reference, graph, *samples, flags.pipeline.threads);
    if (!table.ok()) return table.status();
    compared = *std::move(table);
  }
  if (emit == "none") {
    std::cout << compared << std::flush;
    return absl::OkStatus();
  }

  if (!graph.arena_bytes()) return Conflict("--emit=c needs planned buffers; end --passes with plan-buffers");
  EmitCOptions options;
  options.name = flags.name.empty() ? std::filesystem::path(flags.model).stem().string() : flags.name;
  std::vector<Tensor> example_inputs;
  if (flags.self_test > 0 || flags.example) {
    const Dataset* samples = test              ? &*test
                             : data->validate  ? &*data->validate
                             : data->calibrate ? &*data->calibrate
                                               : nullptr;
    absl::StatusOr<std::vector<EmitCOptions::TestVector>> made =
        MakeTestVectors(graph, samples, std::max<int64_t>(1, flags.self_test));
    if (!made.ok()) return made.status();
    example_inputs = made->front().inputs;
    if (flags.self_test > 0) options.self_test = *std::move(made);
  }
  const absl::StatusOr<CFiles> files = EmitC(graph, options);
  if (!files.ok()) return files.status();
  ReportInput report;
  report.imported = imported.get();
  report.graph = &graph;
  report.target = &*target;
  report.pipeline = pipeline->Text();
  report.diagnostics = &diagnostics;
  report.candidates = candidates;
  report.data = {{"calibration", flags.pipeline.calibrate},
                 {"training", flags.pipeline.train},
                 {"validation", flags.pipeline.validate}};
  double microseconds = 0;
  if (test) {
    absl::Status status = ScoreOnTest(flags, *imported, graph, *test, options, report.accuracies, &microseconds);
    if (!status.ok()) return status;
  }
  std::string checked;
  if (!flags.check.empty()) {
    absl::StatusOr<std::string> errors = CheckModel(graph, options, flags.check);
    if (!errors.ok()) return errors.status();
    checked = *std::move(errors);
  }

  std::error_code error;
  const bool new_folder = std::filesystem::create_directories(flags.output, error);
  if (error) return absl::DataLossError(absl::StrCat("-o ", flags.output, ": cannot be made: ", error.message()));
  const std::string stem = absl::StrCat(flags.output, "/", files->name);
  std::vector<OutputFile> written = {{stem + ".h", files->header}, {stem + ".c", files->source}};
  if (flags.example) written.push_back({stem + "_example.c", EmitExample(graph, files->name, example_inputs)});
  if (!flags.report.empty()) written.push_back({flags.report, ReportJson(report)});
  if (absl::Status status = WriteFiles(written); !status.ok()) {
    if (new_folder) std::filesystem::remove(flags.output, error);
    return status;
  }
  std::cout << compared << checked << std::flush;  // it was asked for: --quiet is about the report
  if (!flags.quiet && flags.report != "-") {
    std::cout << ReportText(report);
    // Not in the report, which is the same for the same input.
    if (test) {
      std::cout << absl::StrFormat("time on this machine: %.2f us an inference (one thread, $CC or cc -O2)\n",
                                   microseconds);
    }
    std::cout << std::flush;
    if (!std::cout) return absl::DataLossError("standard output cannot be written; --quiet prints no report");
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Compiles a neural network (ONNX) to self-contained C99 for microcontrollers.", "onnx-mcuc");
  app.set_version_flag("--version", "onnx-mcuc " MCUC_VERSION);
  Flags flags;
  flags.AddTo(app);
  app.footer([] { return "Passes and their options (defaults in parentheses):\n" + PassHelp(); });
  if (const std::optional<int> status = ParseArguments(app, argc, argv)) return *status;
  if (!flags.self_test_text.empty() && (!absl::SimpleAtoi(flags.self_test_text, &flags.self_test) ||
                                        flags.self_test < 1 || flags.self_test > kMaxSelfTest)) {
    return Fail(Conflict(absl::StrCat("--self-test=", flags.self_test_text, ": write a number of samples from 1 to ",
                                      kMaxSelfTest, "; each is a table in the C file")));
  }
  if (flags.model.empty()) return Fail(Conflict("no model given; onnx-mcuc --help shows the flags"));
  for (const auto& [flag, given, size] :
       {std::tuple{"--flash", &flags.flash_text, &flags.flash}, std::tuple{"--ram", &flags.ram_text, &flags.ram}}) {
    const absl::StatusOr<int64_t> bytes = ParseSize(flag, *given);
    if (!bytes.ok()) return Fail(bytes.status());
    *size = *bytes;
  }
  const absl::Status status = Compile(flags);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace mcuc

int main(int argc, char** argv) { return mcuc::Main(argc, argv); }
