// Parses PATH[:key=value,…] into a DatasetSpec. `cifar/test_batch.png:labels=cifar/test.json,scale=1/255` becomes a
// path, a labels path and a division; nothing is read yet.
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "mcuc/Data/Dataset.h"

namespace mcuc {

namespace {

// A value is right or the key's error says what it takes.
using Setter = std::function<bool(const std::string& value)>;

struct Key {
  const char* name;
  const char* takes;
  Setter set;
};

bool ParseFloat(const std::string& text, float* value) {
  return absl::SimpleAtof(text, value) && std::isfinite(*value);
}

bool ParseFloats(const std::string& text, std::vector<float>* values) {
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ';'))) {
    float value = 0;
    if (!ParseFloat(part, &value)) return false;
    values->push_back(value);
  }
  return true;
}

bool ParseShape(const std::string& text, Shape* shape) {
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, 'x'))) {
    int64_t dim = 0;
    if (!absl::SimpleAtoi(part, &dim) || dim < 1) return false;
    shape->push_back(dim);
  }
  return CheckedElements(*shape).ok();
}

bool ParseRange(const std::string& text, DatasetSpec* spec) {
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  const std::string first = text.substr(0, dots), last = text.substr(dots + 2);
  if (!first.empty() && (!absl::SimpleAtoi(first, &spec->first) || spec->first < 0)) return false;
  if (last.empty()) return true;
  return absl::SimpleAtoi(last, &spec->last) && spec->last > spec->first;
}

bool ParseScale(const std::string& text, DatasetSpec* spec) {
  const size_t slash = text.find('/');
  if (!ParseFloat(text.substr(0, slash), &spec->scale) || spec->scale == 0) return false;
  if (slash == std::string::npos) return true;
  return ParseFloat(text.substr(slash + 1), &spec->divisor) && spec->divisor != 0;
}

std::vector<Key> KeysOf(DatasetSpec* spec) {
  return {
      {"labels", "a file", [=](const std::string& v) { return spec->labels = v, !v.empty(); }},
      {"range", "first..last, last exclusive (0..55000)", [=](const std::string& v) { return ParseRange(v, spec); }},
      {"resize", "HxW (32x32)",
       [=](const std::string& v) { return ParseShape(v, &spec->resize) && spec->resize.size() == 2; }},
      {"scale", "a number or a fraction other than 0 (1/255)",
       [=](const std::string& v) { return ParseScale(v, spec); }},
      {"mean", "a number, or one a channel with ; between",
       [=](const std::string& v) { return ParseFloats(v, &spec->mean); }},
      {"std", "a number above 0, or one a channel with ; between",
       [=](const std::string& v) {
         if (!ParseFloats(v, &spec->std_dev)) return false;
         for (float s : spec->std_dev) {
           if (!(s > 0)) return false;
         }
         return true;
       }},
      {"layout", "nchw or nhwc", [=](const std::string& v) { return spec->layout = v, v == "nchw" || v == "nhwc"; }},
      {"seed", "an integer of at least 0", [=](const std::string& v) { return absl::SimpleAtoi(v, &spec->seed); }},
      {"samples", "an integer above 0",
       [=](const std::string& v) { return absl::SimpleAtoi(v, &spec->samples) && spec->samples > 0; }},
      {"dtype", "an element type (u8, i8, i16, f32, …)",
       [=](const std::string& v) { return (spec->dtype = ParseElementType(v)).has_value(); }},
      {"shape", "a sample's shape (32x32x3)", [=](const std::string& v) { return ParseShape(v, &spec->shape); }},
  };
}

// Where the keys begin: the first `:` that a word and `=` follow, so that a path may hold colons.
size_t KeysBegin(const std::string& text) {
  for (size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', colon + 1)) {
    size_t end = colon + 1;
    while (end < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    if (end > colon + 1 && end < text.size() && text[end] == '=') return colon;
  }
  return std::string::npos;
}

}  // namespace

absl::StatusOr<DatasetSpec> ParseDatasetSpec(const std::string& text) {
  DatasetSpec spec;
  const auto error = [&](const std::string& message) {
    return absl::InvalidArgumentError(absl::StrCat("data set \"", text, "\": ", message));
  };
  const size_t colon = KeysBegin(text);
  spec.path = text.substr(0, colon);
  if (spec.path.empty()) return error("a path is missing; PATH[:key=value,…]");
  if (colon == std::string::npos) return spec;

  const std::vector<Key> keys = KeysOf(&spec);
  std::set<std::string> seen;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text.substr(colon + 1), ','))) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos) return error(absl::StrCat("\"", part, "\" is not key=value"));
    const std::string name = part.substr(0, equals), value = part.substr(equals + 1);
    const Key* key = nullptr;
    for (const Key& candidate : keys) {
      if (name == candidate.name) key = &candidate;
    }
    if (!key) {
      return error(absl::StrCat("no key \"", name, "\"; there are ",
                                absl::StrJoin(keys, ", ", [](std::string* out, const Key& k) { *out += k.name; })));
    }
    if (!seen.insert(name).second) return error(absl::StrCat("key \"", name, "\" is given twice"));
    if (!key->set(value)) return error(absl::StrCat(name, "= takes ", key->takes, ", not \"", value, "\""));
  }
  return spec;
}

}  // namespace mcuc
