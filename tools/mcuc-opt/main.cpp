// mcuc-opt: reads a graph as text, runs passes over it and prints it. For looking at passes one at a time, and for
// tests.
#include <iostream>

#include "common/PipelineFlags.h"
#include "mcuc/IR/Parse.h"
#include "mcuc/IR/Print.h"
#include "mcuc/Import/Onnx.h"

namespace mcuc {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("Reads a graph (.mcu text), runs passes over it, verifies it and prints it.", "mcuc-opt");
  std::string input = "-", output = "-", docs;
  PipelineFlags flags;
  app.add_option("input", input, "the graph's file, or - for standard input");
  app.add_option("-o,--output", output, "where the graph goes, or - for standard output");
  app.add_option("--docs", docs, "print generated documentation instead: passes, ops or operators")
      ->check(CLI::IsMember({"passes", "ops", "operators"}));
  flags.AddTo(app);
  app.footer([] { return "Passes and their options (defaults in parentheses):\n" + PassHelp(); });
  if (const std::optional<int> status = ParseArguments(app, argc, argv)) return *status;

  if (!docs.empty()) {
    std::cout << (docs == "passes" ? PassDocs() : docs == "ops" ? OpDocs() : OperatorDocs());
    return 0;
  }
  absl::StatusOr<Pipeline> pipeline = Pipeline::Parse(flags.passes == "none" ? "" : flags.passes);
  if (!pipeline.ok()) return Fail(pipeline.status());
  const absl::StatusOr<std::string> text = ReadText(input);
  if (!text.ok()) return Fail(text.status());
  Diagnostics diagnostics;
  const std::unique_ptr<Graph> graph = ParseGraph(*text, input == "-" ? "<stdin>" : input, diagnostics);
  if (!graph) {
    diagnostics.Print(std::cerr);
    return 1;
  }
  const absl::StatusOr<PipelineData> data = LoadData(flags, *graph);
  if (!data.ok()) return Fail(data.status());
  if (absl::Status status = RunPipeline(flags, *data, *pipeline, *graph, diagnostics); !status.ok())
    return Fail(status);
  PrintOptions print;
  print.elide_constants = flags.elide_constants.value_or(-1);
  if (absl::Status status = WriteText(output, PrintGraph(*graph, print)); !status.ok()) return Fail(status);
  return 0;
}

}  // namespace
}  // namespace mcuc

int main(int argc, char** argv) { return mcuc::Main(argc, argv); }
