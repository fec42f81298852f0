// Sources in batches of one shared object each; calls by fork, with the outputs in shared memory.
#include "Programs.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "mcuc/Emit/C.h"
#include "mcuc/Exec/Interpreter.h"

namespace mcuc::backend {

namespace {

constexpr char kContractFlags[] = "-std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror";
constexpr size_t kBatch = 40;
constexpr unsigned kSeconds = 10;  // that a call may take

// void mcuc_entry_NAME(void **params, void *arena): run() with its parameters from an array.
std::string EntrySource(const Graph& graph, const std::string& name) {
  std::string arguments;
  size_t i = 0;
  for (const Value* input : graph.inputs()) {
    absl::StrAppend(&arguments, "(const ", ElementTypeCName(input->type().element), " *)params[", i++, "], ");
  }
  for (const Value* output : graph.outputs()) {
    absl::StrAppend(&arguments, "(", ElementTypeCName(output->type().element), " *)params[", i++, "], ");
  }
  const std::string prototype = absl::StrCat("void mcuc_entry_", name, "(void **params, void *arena)");
  return absl::StrCat("\n", prototype, ";\n", prototype, " { (void)params, ", name, "_run(", arguments, "arena); }\n");
}

std::string ReadText(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void CompileBatch(std::vector<Program>& programs, size_t first, size_t last, const std::string& folder,
                  const std::string& compiler) {
  const std::string batch = absl::StrCat(folder, "/batch", first);
  std::filesystem::create_directories(batch);
  std::string sources;
  for (size_t i = first; i < last; ++i) {
    Program& program = programs[i];
    EmitCOptions options;
    options.name = program.name;
    const absl::StatusOr<CFiles> files = EmitC(*program.graph, options);
    program.status = files.status();
    if (!files.ok()) continue;
    std::ofstream(absl::StrCat(batch, "/", program.name, ".h")) << files->header;
    std::ofstream(absl::StrCat(batch, "/", program.name, ".c"))
        << files->source << EntrySource(*program.graph, program.name);
    absl::StrAppend(&sources, " ", program.name, ".c");
  }
  const auto run = [&](const std::string& command) {
    return std::system(absl::StrCat("cd '", batch, "' && ( ", command, " ) > log 2>&1 < /dev/null").c_str());
  };
  // The compiler goes on with the other files where one has errors.
  static_cast<void>(run(absl::StrCat(compiler, " ", kContractFlags, " -fPIC -c", sources)));
  const std::string log = ReadText(batch + "/log");
  std::string objects;
  for (size_t i = first; i < last; ++i) {
    Program& program = programs[i];
    if (!program.status.ok()) continue;
    if (std::filesystem::exists(absl::StrCat(batch, "/", program.name, ".o"))) {
      absl::StrAppend(&objects, " ", program.name, ".o");
      continue;
    }
    const size_t error = log.find(" error: ", log.find(program.name + ".c:"));
    program.status = absl::FailedPreconditionError(absl::StrCat(
        "the C compiler failed", error == std::string::npos ? "" : log.substr(error, log.find('\n', error) - error)));
  }
  const int linked = run(absl::StrCat(compiler, " -shared -o batch.so", objects, " -lm"));
  void* library = linked == 0 ? dlopen((batch + "/batch.so").c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  for (size_t i = first; i < last; ++i) {
    Program& program = programs[i];
    if (!program.status.ok()) continue;
    if (library != nullptr) {
      program.entry =
          reinterpret_cast<void (*)(void**, void*)>(dlsym(library, absl::StrCat("mcuc_entry_", program.name).c_str()));
    }
    if (program.entry == nullptr) program.status = absl::InternalError("linking failed: " + ReadText(batch + "/log"));
  }
}

}  // namespace

void Compile(std::vector<Program>& programs, const std::string& folder, const std::string& compiler) {
  const size_t batches = (programs.size() + kBatch - 1) / kBatch;
  ParallelFor(static_cast<int64_t>(batches), 0, [&](int64_t b) {
    const size_t first = static_cast<size_t>(b) * kBatch;
    CompileBatch(programs, first, std::min(first + kBatch, programs.size()), folder, compiler);
  });
}

absl::StatusOr<std::vector<Tensor>> Run(const Program& program, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs;
  size_t bytes = 0;
  for (const Value* output : program.graph->outputs()) {
    outputs.emplace_back(output->type());
    bytes += (outputs.back().bytes().size() + 63) / 64 * 64;
  }
  void* shared = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return absl::ResourceExhaustedError("mmap failed");
  std::vector<void*> params;
  for (const Tensor& input : inputs) params.push_back(const_cast<std::byte*>(input.bytes().data()));
  char* at = static_cast<char*>(shared);
  for (const Tensor& output : outputs) {
    params.push_back(at);
    at += (output.bytes().size() + 63) / 64 * 64;
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSeconds);
    std::vector<uint64_t> arena(static_cast<size_t>((*program.graph->arena_bytes() + 7) / 8 + 1));
    program.entry(params.data(), arena.data());
    _exit(0);
  }
  int status = -1;
  if (child > 0) waitpid(child, &status, 0);
  at = static_cast<char*>(shared);
  for (Tensor& output : outputs) {
    std::memcpy(output.bytes().data(), at, output.bytes().size());
    at += (output.bytes().size() + 63) / 64 * 64;
  }
  munmap(shared, bytes);
  if (status != 0) return absl::InternalError(absl::StrCat("the compiled C ended with status ", status));
  return outputs;
}

}  // namespace mcuc::backend
