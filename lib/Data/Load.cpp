// Loads a data set: reads each file of the spec, joins them, takes the range and the samples asked for, checks labels
// and expected outputs against the graph, and fits the samples to its inputs.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <new>
#include <numeric>

#include "Formats.h"
#include "Input.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {

namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// `train_1.png+train_2.png` is two files where no file has that name; a folder of CIFAR-10 is its training batches.
std::vector<std::string> FilesOf(const std::string& path) {
  if (!Exists(path)) {
    std::vector<std::string> parts = absl::StrSplit(path, '+', absl::SkipEmpty());
    return parts.empty() ? std::vector<std::string>{path} : parts;
  }
  std::vector<std::string> batches;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (absl::StartsWith(name, "data_batch") && absl::EndsWith(name, ".bin")) batches.push_back(it->path().string());
  }
  std::sort(batches.begin(), batches.end());
  return batches.empty() ? std::vector<std::string>{path} : batches;
}

Shape RestOf(const Shape& shape) { return shape.empty() ? Shape{} : Shape(shape.begin() + 1, shape.end()); }

Shape WithCount(int64_t count, const Shape& sample) {
  Shape shape = {count};
  shape.insert(shape.end(), sample.begin(), sample.end());
  return shape;
}

Tensor Reshaped(const Tensor& tensor, const Shape& shape) {
  return Tensor::FromBytes(Type{tensor.type().element, shape}, {tensor.bytes().begin(), tensor.bytes().end()});
}

// The rows of a sprite as samples: shape= says how, else the graph's height and width, else the row is a square. An
// image of just the graph's size is one sample.
absl::StatusOr<RawSet> SplitSprite(const std::string& path, const DatasetSpec& spec, const Graph& graph) {
  absl::StatusOr<Tensor> image = ReadPng(path);
  if (!image.ok()) return image.status();
  const int64_t height = image->shape()[0], width = image->shape()[1], channels = image->shape()[2];
  Shape shape;
  if (!spec.shape.empty()) {
    if (Elements(spec.shape) != width * channels) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": shape=", ShapeText(spec.shape), " has ",
                                                     Elements(spec.shape), " elements, a row of the image ",
                                                     width * channels, " (", width, " pixels of ", channels, ")"));
    }
    shape = WithCount(height, spec.shape);
  }
  const Shape input = graph.inputs().empty() ? Shape{} : graph.inputs()[0]->type().shape;
  for (size_t back : {2, 3}) {
    const size_t channel = back == 2 ? input.size() - 3 : input.size() - 1;
    if (!shape.empty() || input.size() < 3) break;
    if (input[channel] != channels) continue;
    const int64_t h = input[input.size() - back], w = input[input.size() - back + 1];
    if (h * w == width) shape = {height, h, w, channels};
    if (shape.empty() && h == height && w == width) shape = {1, h, w, channels};
  }
  const int64_t side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(width))));
  if (shape.empty() && side * side == width) shape = {height, side, side, channels};
  if (shape.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": how are the ", width, " pixels of a row an image? Say it with shape=HxWx", channels));
  }
  RawSet set;
  set.inputs.push_back(Reshaped(*image, shape));
  set.names.push_back(path);
  if (shape.size() == 4) set.layout = "nhwc";
  return set;
}

absl::StatusOr<RawSet> ReadOne(const std::string& path, const DatasetSpec& spec, const Graph& graph) {
  absl::StatusOr<Format> format = FormatOf(path);
  if (!format.ok()) return format.status();
  if (spec.dtype && *format != Format::kBin) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": dtype= is for raw .bin files; this one says it itself"));
  }
  switch (*format) {
    case Format::kNpz:
      return ReadNpz(path, graph);
    case Format::kPb:
    case Format::kFolder:
      return ReadTensorProtos(path, graph);
    case Format::kPng:
      return SplitSprite(path, spec, graph);
    case Format::kBin:
      if (!spec.dtype && spec.shape.empty()) return ReadCifar(path);
      if (!spec.dtype || spec.shape.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": a raw .bin file needs both dtype= and shape= (CIFAR-10's batches neither)"));
      }
      break;
    case Format::kNpy:
    case Format::kIdx:
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          path,
          ": is no data set; .npz, .npy, folders of TensorProto .pb, idx, CIFAR-10 .bin, raw .bin with dtype= and ",
          "shape=, and .png are"));
  }
  RawSet set;
  absl::StatusOr<Tensor> array = absl::InternalError("unread");
  if (*format == Format::kBin) {
    array = ReadRaw(path, *spec.dtype, spec.shape);
  } else {
    absl::StatusOr<std::unique_ptr<Reader>> reader = OpenFile(path);
    if (!reader.ok()) return reader.status();
    array = *format == Format::kNpy ? ReadNpy(**reader) : ReadIdx(**reader);
  }
  if (!array.ok()) return array.status();
  set.inputs.push_back(std::move(*array));
  set.names.push_back(path);
  if (*format == Format::kIdx && spec.labels.empty()) {
    if (const std::string sibling = SiblingLabels(path); !sibling.empty()) {
      absl::StatusOr<Tensor> labels = ReadLabels(sibling);
      if (!labels.ok()) return labels.status();
      set.labels = std::move(*labels);
    }
  }
  return set;
}

// `more` behind `all`, both with the number of samples first.
absl::Status Join(const Tensor& more, const std::string& file, Tensor* all) {
  if (more.type().element != all->type().element || more.shape().empty() || all->shape().empty() ||
      RestOf(more.shape()) != RestOf(all->shape())) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": holds ", TypeText(more.type()), ", the files before it ",
                                                   TypeText(all->type()), "; they can't be joined"));
  }
  std::vector<std::byte> bytes(all->bytes().begin(), all->bytes().end());
  bytes.insert(bytes.end(), more.bytes().begin(), more.bytes().end());
  if (static_cast<int64_t>(bytes.size()) > kMaxDataBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": more than ", kMaxDataBytes, " bytes of samples"));
  }
  const Shape shape = WithCount(all->shape()[0] + more.shape()[0], RestOf(all->shape()));
  *all = Tensor::FromBytes(Type{all->type().element, shape}, std::move(bytes));
  return absl::OkStatus();
}

absl::Status JoinSets(RawSet more, const std::string& file, RawSet* all) {
  if (more.inputs.size() != all->inputs.size() || more.labels.has_value() != all->labels.has_value() ||
      more.targets.size() != all->targets.size() || more.layout != all->layout) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": holds other arrays, labels or expected outputs than the files before it"));
  }
  for (size_t i = 0; i < all->inputs.size(); ++i) {
    if (absl::Status status = Join(more.inputs[i], file, &all->inputs[i]); !status.ok()) return status;
  }
  for (size_t i = 0; i < all->targets.size(); ++i) {
    if (absl::Status status = Join(more.targets[i], file, &all->targets[i]); !status.ok()) return status;
  }
  return all->labels ? Join(*more.labels, file, &*all->labels) : absl::OkStatus();
}

// shape= gives the samples of any file another shape of as many elements.
absl::Status Reshape(const DatasetSpec& spec, RawSet* set) {
  for (size_t i = 0; i < set->inputs.size(); ++i) {
    Tensor& tensor = set->inputs[i];
    if (set->inputs.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(spec.path, ": shape= needs a model of one input"));
    }
    const Shape sample = RestOf(tensor.shape());
    if (tensor.shape().empty() || Elements(sample) != Elements(spec.shape)) {
      return absl::InvalidArgumentError(absl::StrCat(set->names[i], ": shape=", ShapeText(spec.shape), " has ",
                                                     Elements(spec.shape), " elements, a sample of ", ShapeText(sample),
                                                     " has ", Elements(sample)));
    }
    if (sample != spec.shape) tensor = Reshaped(tensor, WithCount(tensor.shape()[0], spec.shape));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int32_t>> LabelsOf(const Tensor& tensor, const std::string& what, const Graph& graph) {
  const auto error = [&](const std::string& message) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", message));
  };
  const Shape& shape = tensor.shape();
  if (tensor.type().is_float()) return error(absl::StrCat("labels are integers, not ", TypeText(tensor.type())));
  if (shape.size() != 1 && !(shape.size() == 2 && shape[1] == 1)) {
    return error(absl::StrCat("labels are one integer a sample, not an array of [", ShapeText(shape), "]"));
  }
  int64_t classes = int64_t{1} << 31;  // unknown
  if (!graph.outputs().empty()) {
    const Type& output = graph.outputs()[0]->type();
    if (output.elements() > 1) {
      classes = output.elements();
    } else if (output.is_float() || output.is_quantized()) {
      return error(absl::StrCat("labels need a model with at least 2 outputs; \"", graph.outputs()[0]->name(), "\" is ",
                                TypeText(output), "; give the expected values as y in an .npz"));
    }
  }
  std::vector<int32_t> labels(static_cast<size_t>(shape[0]));
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t label = tensor.AsInt(static_cast<int64_t>(i));
    if (label < 0 || label >= classes) {
      return error(absl::StrCat("label ", label, " of sample ", i, " is outside of the model's ", classes,
                                " classes, 0 to ", classes - 1, label == classes ? "; labels start at 0" : ""));
    }
    labels[i] = static_cast<int32_t>(label);
  }
  return labels;
}

// The expected values of an output as real numbers of its shape.
absl::StatusOr<Tensor> TargetOf(const Tensor& raw, const Value& output, int64_t count, const std::string& path) {
  const Type& type = output.type();
  const Shape sample = RestOf(raw.shape());
  if (raw.shape().empty() || raw.shape()[0] != count) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", count, " samples, but ",
                                                   raw.shape().empty() ? 1 : raw.shape()[0], " expected outputs \"",
                                                   output.name(), "\"; each sample needs one"));
  }
  if (Elements(sample) != type.elements()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected outputs of [", ShapeText(sample),
                                                   "] for output \"", output.name(), "\" of [", ShapeText(type.shape),
                                                   "]; their elements must be as many"));
  }
  Tensor target(Type{ElementType::f32, WithCount(count, type.shape)});
  const bool codes = type.is_quantized() && raw.type().element == type.element;
  for (int64_t i = 0; i < target.elements(); ++i) {
    target.Set(
        i, codes ? static_cast<double>(DequantizeValue(static_cast<int32_t>(raw.AsInt(i)), type)) : raw.AsDouble(i));
  }
  return target;
}

// Which samples are taken, in order.
absl::StatusOr<std::vector<int64_t>> TakenOf(const DatasetSpec& spec, int64_t count) {
  const int64_t last = spec.last < 0 ? count : spec.last;
  if (last > count || spec.first >= last) {
    return absl::InvalidArgumentError(absl::StrCat(spec.path, ": range=", spec.first, "..",
                                                   spec.last < 0 ? "" : absl::StrCat(spec.last), " of ", count,
                                                   " samples; it must lie within 0..", count));
  }
  std::vector<int64_t> taken(static_cast<size_t>(last - spec.first));
  std::iota(taken.begin(), taken.end(), spec.first);
  if (spec.seed != 0) {
    // Fisher and Yates, with splitmix64: the same order on every machine.
    uint64_t state = spec.seed;
    for (size_t i = taken.size(); i > 1; --i) {
      state += 0x9E3779B97F4A7C15u;
      uint64_t z = state;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      std::swap(taken[i - 1], taken[(z ^ (z >> 31)) % i]);
    }
  }
  if (spec.samples > static_cast<int64_t>(taken.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": samples=", spec.samples, ", but there are ", taken.size()));
  }
  if (spec.samples > 0) taken.resize(static_cast<size_t>(spec.samples));
  return taken;
}

Tensor TakeRows(Tensor tensor, const std::vector<int64_t>& rows) {
  if (static_cast<int64_t>(rows.size()) == tensor.shape()[0] && std::is_sorted(rows.begin(), rows.end())) return tensor;
  Type type = tensor.type();
  const size_t width = tensor.bytes().size() / static_cast<size_t>(type.shape[0]);
  type.shape[0] = static_cast<int64_t>(rows.size());
  std::vector<std::byte> bytes(width * rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(bytes.data() + i * width, tensor.bytes().data() + static_cast<size_t>(rows[i]) * width, width);
  }
  return Tensor::FromBytes(std::move(type), std::move(bytes));
}

absl::StatusOr<RawSet> ReadAll(const DatasetSpec& spec, const Graph& graph) {
  std::optional<RawSet> all;
  for (const std::string& file : FilesOf(spec.path)) {
    absl::StatusOr<RawSet> set = ReadOne(file, spec, graph);
    if (!set.ok()) return set.status();
    if (!all) {
      all = std::move(*set);
    } else if (absl::Status status = JoinSets(std::move(*set), file, &*all); !status.ok()) {
      return status;
    }
  }
  if (!spec.labels.empty()) {
    absl::StatusOr<Tensor> labels = ReadLabels(spec.labels);
    if (!labels.ok()) return labels.status();
    all->labels = std::move(*labels);
  }
  if (!spec.shape.empty()) {
    if (absl::Status status = Reshape(spec, &*all); !status.ok()) return status;
  }
  if (all->inputs.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat(spec.path, ": holds one input, the model has ",
                                                   graph.inputs().size(),
                                                   "; use an .npz with an array for each, or a folder of input_N.pb"));
  }
  const bool transformed = spec.scale != 1 || spec.divisor != 1 || !spec.mean.empty() || !spec.std_dev.empty() ||
                           !spec.resize.empty() || !spec.layout.empty();
  if (transformed && all->inputs.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        spec.path, ": scale=, mean=, std=, resize= and layout= need a model of one input, not ", all->inputs.size()));
  }
  return std::move(*all);
}

// A single array may be one whole sample of a model without a batch dimension.
void TakeWholeSample(const DatasetSpec& spec, const Graph& graph, RawSet* set) {
  if (!spec.resize.empty()) return;  // resizing would make too much fit
  const auto fits = [&](size_t i, const Shape& sample) {
    const Value& input = *graph.inputs()[i];
    const std::string layout = spec.layout.empty() ? set->layout : spec.layout;
    return std::find(sample.begin(), sample.end(), 0) == sample.end() &&
           FitSample(sample, layout, spec, input.type().shape, "", "").ok();
  };
  for (size_t i = 0; i < set->inputs.size(); ++i) {
    const Shape& shape = set->inputs[i].shape();
    if (!fits(i, shape) || (!shape.empty() && fits(i, RestOf(shape)))) return;
  }
  for (Tensor& input : set->inputs) input = Reshaped(input, WithCount(1, input.shape()));
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Load(const std::string& text, const Graph& graph) try {
  absl::StatusOr<DatasetSpec> spec = ParseDatasetSpec(text);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<RawSet> set = ReadAll(*spec, graph);
  if (!set.ok()) return set.status();
  TakeWholeSample(*spec, graph, &*set);

  int64_t count = -1;
  for (size_t i = 0; i < set->inputs.size(); ++i) {
    const Shape& shape = set->inputs[i].shape();
    if (shape.empty() || std::find(shape.begin(), shape.end(), 0) != shape.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(set->names[i], ": holds no samples: an array of [", ShapeText(shape), "]"));
    }
    if (count >= 0 && shape[0] != count) {
      return absl::InvalidArgumentError(
          absl::StrCat(set->names[i], ": ", shape[0], " samples, but ", set->names[0], " has ", count));
    }
    count = shape[0];
  }
  if (count < 0) return absl::InvalidArgumentError(absl::StrCat(spec->path, ": the model has no inputs"));

  Dataset data;
  data.name_ = text;
  absl::StatusOr<std::vector<int64_t>> taken = TakenOf(*spec, count);
  if (!taken.ok()) return taken.status();
  data.size_ = static_cast<int64_t>(taken->size());
  if (set->labels) {
    const std::string what = spec->labels.empty() ? spec->path : spec->labels;
    absl::StatusOr<std::vector<int32_t>> labels = LabelsOf(*set->labels, what, graph);
    if (!labels.ok()) return labels.status();
    if (static_cast<int64_t>(labels->size()) != count) {
      return absl::InvalidArgumentError(
          absl::StrCat(spec->path, ": ", count, " samples, but ", labels->size(), " labels in ", what));
    }
    for (int64_t i : *taken) data.labels_.push_back((*labels)[static_cast<size_t>(i)]);
  }
  for (size_t i = 0; i < set->targets.size() && i < graph.outputs().size(); ++i) {
    absl::StatusOr<Tensor> target = TargetOf(set->targets[i], *graph.outputs()[i], count, spec->path);
    if (!target.ok()) return target.status();
    data.targets_.push_back(TakeRows(std::move(*target), *taken));
  }
  for (size_t i = 0; i < set->inputs.size(); ++i) {
    const Value& value = *graph.inputs()[i];
    auto input = std::make_shared<Input>();
    absl::StatusOr<SampleMap> map =
        FitSample(RestOf(set->inputs[i].shape()), spec->layout.empty() ? set->layout : spec->layout, *spec,
                  value.type().shape, set->names[i], value.name());
    if (!map.ok()) return map.status();
    input->map = std::move(*map);
    input->raw = TakeRows(std::move(set->inputs[i]), *taken);
    const bool same = value.type().is_quantized() && input->raw.type().element == value.type().element;
    if (same && input->map.keeps_values()) input->codes = value.type();
    data.inputs_.push_back(std::move(input));
  }
  return data;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(text, ": too large for this machine's memory"));
}

}  // namespace mcuc
