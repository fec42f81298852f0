// The emitted C of small models on this machine, dense and sparse, float and int8, beside the plain float loops of
// lenet5_plain.c, in one run: build/bin/host-kernels --benchmark_filter=lenet5. models.h is made by CMake.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "models.h"

extern "C" {
#include "lenet5_plain.h"
}

namespace {

// Numbers that are not all alike, small ones for floats.
template <typename T>
std::vector<T> Filled(size_t size) {
  std::vector<T> values(size);
  uint32_t state = 1;
  for (T& value : values) {
    state = state * 1664525 + 1013904223;
    value =
        static_cast<T>(sizeof(T) == 1 ? (state >> 24) % 100 : (state >> 24)) / static_cast<T>(sizeof(T) == 1 ? 1 : 256);
  }
  return values;
}

template <typename In, typename Out>
void Run(benchmark::State& state, void (*run)(const In*, Out*, void*), size_t inputs, size_t outputs, size_t arena) {
  const std::vector<In> x = Filled<In>(inputs);
  std::vector<Out> y(outputs);
  std::vector<uint64_t> memory(arena / 8 + 1);
  for (auto _ : state) {
    run(x.data(), y.data(), memory.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
}

void Plain(benchmark::State& state) {
  lenet5_plain_weights();
  const std::vector<float> x = Filled<float>(32 * 32);
  std::vector<float> y(10);
  for (auto _ : state) {
    lenet5_plain(x.data(), y.data());
    benchmark::DoNotOptimize(y.data());
  }
}
BENCHMARK(Plain)->Name("lenet5_plain");

#define MODEL(name, NAME, INPUT, OUTPUT)                                                       \
  void name##_benchmark(benchmark::State& state) {                                             \
    Run(state, name##_run, NAME##_##INPUT##_SIZE, NAME##_##OUTPUT##_SIZE, NAME##_ARENA_BYTES); \
  }                                                                                            \
  BENCHMARK(name##_benchmark)->Name(#name);
MCUC_MODELS
#undef MODEL

}  // namespace

BENCHMARK_MAIN();
