// TfIdfVectorizer of integers: how often each n-gram of a pool occurs. All n-grams of one length are compared at once
// with the sequence and itself shifted, B x places x n-grams, and the counts go to their outputs by a constant matrix.
#include <algorithm>

#include "Compose.h"

namespace mcuc::importer {

namespace {

constexpr int64_t kMaxGram = 64;

// The n-grams of one length: where they start in the pool, and how many there are.
struct Grams {
  int64_t length, first, count;
};

// B x n-grams, float: at how many places each n-gram is found with `skip` integers left out between its parts.
Symbol* Counts(Compose& c, Symbol* x, const Ints& pool, const Grams& grams, int64_t skip) {
  const int64_t batch = x->shape()[0], reach = (grams.length - 1) * (skip + 1), places = x->shape()[1] - reach;
  Symbol* found = nullptr;
  for (int64_t k = 0; k < grams.length; ++k) {
    Ints parts;
    for (int64_t i = 0; i < grams.count; ++i)
      parts.push_back(pool[static_cast<size_t>(grams.first + i * grams.length + k)]);
    Symbol* shifted = c.Reshape(c.Part(x, 1, k * (skip + 1), places), {batch, places, 1});
    Symbol* equal = c.Compare(CompareFn::equal, shifted, c.Integers(parts, {grams.count}));
    found = found ? c.Binary(BinaryFn::bit_and, found, equal) : equal;
  }
  return c.Reduce(ReduceFn::sum, c.Cast(found, ElementType::f32), {1}, false);
}

absl::Status LowerTfIdfVectorizer(Lowering& l) {
  MCUC_RETURN_IF_ERROR(l.CheckNotEmpty());
  MCUC_RETURN_IF_ERROR(l.CheckRank(0, 1, 2));
  const std::string mode = l.String("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return Unsupported("mode = \"", mode, "\"; supported: TF, IDF, TFIDF");
  const Ints pool = l.IntList("pool_int64s"), starts = l.IntList("ngram_counts"), outputs = l.IntList("ngram_indexes");
  const Floats weights = l.FloatList("weights");
  const int64_t shortest = l.Int("min_gram_length", 1), longest = l.Int("max_gram_length", 1);
  const int64_t skips = l.Int("max_skip_count", 0);
  if (pool.empty()) return Unsupported("strings are not supported; supported: pool_int64s");
  if (shortest < 1 || longest < shortest || longest > kMaxGram || skips < 0 || skips > kMaxGram) {
    return Unsupported("n-grams of ", shortest, " to ", longest, " with up to ", skips, " skipped; supported: up to ",
                       kMaxGram);
  }
  if (outputs.empty() || (!weights.empty() && weights.size() != outputs.size())) {
    return Unsupported("ngram_indexes and weights must be as many");
  }
  int64_t size = 0;
  for (int64_t output : outputs) {
    if (output < 0 || output >= kMaxElements) return Unsupported("ngram_indexes holds ", output);
    size = std::max(size, output + 1);
  }
  Compose c(l);
  const bool one = l.input(0)->rank() == 1;
  Symbol* x = c.Cast(one ? c.Reshape(l.input(0), {1, l.shape(0)[0]}) : l.input(0), ElementType::i64);
  if (!x) return c.status();
  Symbol* y = nullptr;
  int64_t gram = 0;  // of all lengths, in the pool's order
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t length = static_cast<int64_t>(i) + 1;
    const int64_t end = i + 1 < starts.size() ? starts[i + 1] : static_cast<int64_t>(pool.size());
    if (starts[i] < 0 || end < starts[i] || end > static_cast<int64_t>(pool.size()) ||
        (end - starts[i]) % length != 0) {
      return Unsupported("ngram_counts [", ShapeText(starts), "] does not divide the pool of ", pool.size());
    }
    const Grams grams = {length, starts[i], (end - starts[i]) / length};
    const int64_t first = gram;
    gram += grams.count;
    if (gram > static_cast<int64_t>(outputs.size())) return Unsupported("ngram_indexes has too few entries");
    if (grams.count == 0 || length < shortest || length > longest) continue;
    Symbol* counts = nullptr;
    for (int64_t skip = 0; skip <= (length == 1 ? 0 : skips); ++skip) {
      if (x->shape()[1] <= (length - 1) * (skip + 1)) break;
      Symbol* more = Counts(c, x, pool, grams, skip);
      counts = counts ? c.Add(counts, more) : more;
    }
    if (!counts) {
      if (!c.ok()) return c.status();
      continue;  // the sequence is too short
    }
    if (mode == "IDF") counts = c.Binary(BinaryFn::min, counts, c.Scalar(1, counts));
    MCUC_RETURN_IF_ERROR(CheckedElements({size, grams.count}).status());
    MCUC_RETURN_IF_ERROR(l.Reserve(Type{ElementType::f32, {size, grams.count}}));
    Tensor matrix(Type{ElementType::f32, {size, grams.count}});
    for (int64_t k = 0; k < grams.count; ++k) {
      const auto at = static_cast<size_t>(first + k);
      const bool weighted = mode != "TF" && !weights.empty();
      matrix.Set(outputs[at] * grams.count + k, weighted ? static_cast<double>(weights[at]) : 1);
    }
    Symbol* part = c.Linear(counts, std::move(matrix));
    y = y ? c.Add(y, part) : part;
  }
  if (!c.ok()) return c.status();
  if (!y) return Unsupported("no n-gram of the pool can occur in the input");
  return c.Return(one ? c.Reshape(y, {size}) : y);
}

const Operator kOperators[] = {
    {"TfIdfVectorizer", 9, kMaxOpset, 1, 1, 1,
     "max_gram_length:i max_skip_count:i min_gram_length:i mode:s ngram_counts:I ngram_indexes:I pool_int64s:I "
     "pool_strings:S weights:F",
     LowerTfIdfVectorizer},
};

}  // namespace

std::span<const Operator> TextOperators() { return kOperators; }

}  // namespace mcuc::importer
