// The emitted C as a function in this process: written to a private folder, compiled to a shared object, loaded.
#include "mcuc/Emit/Compiled.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc {
namespace {

// A folder of our own that goes away with everything in it.
class PrivateFolder {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Make() {
    std::error_code error;
    std::filesystem::path base = std::filesystem::temp_directory_path(error);
    if (error) return absl::UnavailableError(absl::StrCat("no folder for temporary files: ", error.message()));
    std::string name = (base / "mcuc-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot make a folder in ", base.string(), ": ", strerror(errno)));
    }
    return std::unique_ptr<PrivateFolder>(new PrivateFolder(name));
  }
  ~PrivateFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

// A word of a shell command.
std::string Quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

// Runs a shell command; its output, both streams, goes into `output`. False: it did not end with 0.
bool RunCommand(const std::string& command, std::string& output) {
  FILE* pipe = popen(absl::StrCat("( ", command, " ) 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) {
    output = strerror(errno);
    return false;
  }
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  const int status = pclose(pipe);
  return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// void mcuc_entry(void **params, void *arena): run() with its parameters from an array.
std::string EntrySource(const Graph& graph, const CFiles& files) {
  std::string arguments;
  size_t i = 0;
  for (const Value* input : graph.inputs()) {
    absl::StrAppend(&arguments, "(const ", ElementTypeCName(input->type().element), " *)params[", i++, "], ");
  }
  for (const Value* output : graph.outputs()) {
    absl::StrAppend(&arguments, "(", ElementTypeCName(output->type().element), " *)params[", i++, "], ");
  }
  return absl::StrCat("#include \"", files.name, ".h\"\n\nvoid mcuc_entry(void **params, void *arena);\n",
                      "void mcuc_entry(void **params, void *arena) {\n  (void)params;\n  ", files.name, "_run(",
                      arguments, "arena);\n}\n");
}

}  // namespace

struct CompiledModel::Impl {
  std::vector<Type> inputs, outputs;
  std::vector<std::optional<int64_t>> offsets;  // in the arena, of inputs and then outputs
  int64_t arena_bytes = 0;
  void* library = nullptr;
  void (*entry)(void** params, void* arena) = nullptr;

  ~Impl() {
    if (library != nullptr) dlclose(library);
  }
};

CompiledModel::CompiledModel() : impl_(std::make_unique<Impl>()) {}
CompiledModel::~CompiledModel() = default;

absl::StatusOr<std::unique_ptr<CompiledModel>> CompiledModel::Build(const Graph& graph, const EmitCOptions& options,
                                                                    const std::string& compiler) {
  EmitCOptions without_test = options;
  without_test.self_test.clear();
  const absl::StatusOr<CFiles> files = EmitC(graph, without_test);
  if (!files.ok()) return files.status();
  const absl::StatusOr<std::unique_ptr<PrivateFolder>> folder = PrivateFolder::Make();
  if (!folder.ok()) return folder.status();

  const std::string source = (*folder)->File(files->name + ".c"), entry = (*folder)->File("mcuc-entry.c");
  const std::string object = (*folder)->File("mcuc-model.so");
  for (const auto& [path, text] : {std::pair(source, files->source), std::pair(entry, EntrySource(graph, *files)),
                                   std::pair((*folder)->File(files->name + ".h"), files->header)}) {
    if (absl::Status status = WriteFile(path, text); !status.ok()) return status;
  }
  std::string command = compiler;
  if (command.empty()) {
    const char* cc = getenv("CC");
    command = absl::StrCat(cc != nullptr && *cc != '\0' ? cc : "cc", " -O2");
  }
  absl::StrAppend(&command, " -std=c99 -shared -fPIC -o ", Quoted(object), " ", Quoted(source), " ", Quoted(entry),
                  " -lm");
  std::string output;
  if (!RunCommand(command, output)) {
    return absl::FailedPreconditionError(absl::StrCat("the C compiler failed: ", command, "\n", output));
  }

  std::unique_ptr<CompiledModel> model(new CompiledModel);
  Impl& impl = *model->impl_;
  for (const Value* input : graph.inputs()) impl.inputs.push_back(input->type());
  for (const Value* result : graph.outputs()) impl.outputs.push_back(result->type());
  for (const auto* values : {&graph.inputs(), &graph.outputs()}) {
    for (const Value* value : *values) {
      impl.offsets.push_back(value->placement() ? value->placement()->arena_offset : std::nullopt);
    }
  }
  impl.arena_bytes = *graph.arena_bytes();
  impl.library = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (impl.library == nullptr) return absl::InternalError(absl::StrCat("cannot load the compiled model: ", dlerror()));
  impl.entry = reinterpret_cast<void (*)(void**, void*)>(dlsym(impl.library, "mcuc_entry"));
  if (impl.entry == nullptr) return absl::InternalError(absl::StrCat("the compiled model has no entry: ", dlerror()));
  return model;
}

absl::StatusOr<std::vector<Tensor>> CompiledModel::Run(const std::vector<Tensor>& inputs) const {
  return RunAt(inputs, false);
}

absl::StatusOr<std::vector<Tensor>> CompiledModel::RunInArena(const std::vector<Tensor>& inputs) const {
  return RunAt(inputs, true);
}

absl::StatusOr<std::vector<Tensor>> CompiledModel::RunAt(const std::vector<Tensor>& inputs, bool in_arena) const {
  if (inputs.size() != impl_->inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", impl_->inputs.size(), " inputs, not ", inputs.size()));
  }
  std::vector<void*> params;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Type &type = impl_->inputs[i], &given = inputs[i].type();
    if (given.element != type.element || given.shape != type.shape) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " is ", TypeText(given), "; the model takes ", TypeText(type)));
    }
    // run() reads it only.
    params.push_back(const_cast<std::byte*>(inputs[i].bytes().data()));
  }
  std::vector<Tensor> outputs;
  for (const Type& type : impl_->outputs) outputs.emplace_back(type);
  for (Tensor& output : outputs) params.push_back(output.bytes().data());
  // One arena a thread, grown to the largest model it has run.
  thread_local std::vector<uint64_t> arena;
  const size_t words = static_cast<size_t>((impl_->arena_bytes + 7) / 8);
  if (arena.size() < words) arena.resize(words);
  char* const base = reinterpret_cast<char*>(arena.data());
  const auto place = [&](size_t i) { return in_arena && impl_->offsets[i] ? base + *impl_->offsets[i] : nullptr; };
  for (size_t i = 0; i < params.size(); ++i) {
    char* const at = place(i);
    if (at != nullptr && i < inputs.size()) std::memcpy(at, params[i], inputs[i].bytes().size());
    if (at != nullptr) params[i] = at;
  }
  impl_->entry(params.data(), words > 0 ? arena.data() : nullptr);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const char* const at = place(inputs.size() + i);
    if (at != nullptr) std::memcpy(outputs[i].bytes().data(), at, outputs[i].bytes().size());
  }
  return outputs;
}

absl::StatusOr<double> CompiledModel::MicrosecondsPerRun(const std::vector<Tensor>& inputs) const {
  using Clock = std::chrono::steady_clock;
  double least = std::numeric_limits<double>::infinity();
  const auto end = Clock::now() + std::chrono::milliseconds(300);
  do {
    const auto start = Clock::now();
    std::chrono::duration<double, std::micro> batch{0};
    int runs = 0;
    for (; batch < std::chrono::milliseconds(5); ++runs) {
      if (const auto outputs = Run(inputs); !outputs.ok()) return outputs.status();
      batch = Clock::now() - start;
    }
    least = std::min(least, batch.count() / runs);
  } while (Clock::now() < end);
  return least;
}

absl::StatusOr<Outputs> CompiledModel::RunAll(const Dataset& data, int threads) const {
  // The data set makes samples for a graph: one of these inputs serves.
  Graph graph;
  for (const Type& type : impl_->inputs) graph.AddInput("input", type);
  Outputs outputs(static_cast<size_t>(data.size()));
  std::vector<absl::Status> failures(outputs.size());
  ParallelFor(data.size(), threads, [&](int64_t i) {
    const absl::StatusOr<std::vector<Tensor>> result = Run(data.Sample(i, graph));
    if (!result.ok()) {
      failures[static_cast<size_t>(i)] = result.status();
      return;
    }
    const Tensor& first = result->front();
    const Tensor real = ConvertTensor(first, Type{ElementType::f32, first.shape()});
    outputs[static_cast<size_t>(i)].assign(real.data<float>().begin(), real.data<float>().end());
  });
  for (const absl::Status& failure : failures) {
    if (!failure.ok()) return failure;
  }
  return outputs;
}

}  // namespace mcuc
