// Samples of a loaded data set, as tensors of a graph's input types.
#include "mcuc/Data/Dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "Input.h"
#include "mcuc/Exec/Numerics.h"

namespace mcuc {

namespace {

// A real number as an element of a type that is not quantized: rounded to the nearest and kept in range for integers.
void StoreReal(double value, int64_t i, Tensor* tensor) {
  const ElementType element = tensor->type().element;
  if (IsFloat(element)) {
    tensor->Set(i, value);
  } else if (element == ElementType::b8) {
    tensor->SetInt(i, value != 0 ? 1 : 0);
  } else if (ElementTypeBytes(element) < 8) {
    const double rounded = std::isnan(value) ? 0 : std::nearbyint(value);
    tensor->Set(
        i, std::clamp(rounded, static_cast<double>(IntegerMin(element)), static_cast<double>(IntegerMax(element))));
  } else {
    // The largest doubles below 2^63 and 2^64.
    const double most = element == ElementType::i64 ? 0x1.fffffffffffffp62 : 0x1.fffffffffffffp63;
    const double rounded = std::isnan(value) ? 0 : std::nearbyint(value);
    tensor->Set(i, std::clamp(rounded, element == ElementType::i64 ? -0x1p63 : 0.0, most));
  }
}

}  // namespace

Dataset Dataset::FromTensors(std::vector<Tensor> inputs, std::vector<int32_t> labels) {
  Dataset data;
  data.name_ = "memory";
  data.labels_ = std::move(labels);
  for (Tensor& tensor : inputs) {
    auto input = std::make_shared<Input>();
    data.size_ = tensor.shape().empty() ? 0 : tensor.shape()[0];
    input->map.size = data.size_ == 0 ? 0 : tensor.elements() / data.size_;
    input->map.in_w = input->map.out_w = input->map.out_size = input->map.size;
    if (tensor.type().is_quantized()) {
      input->codes = tensor.type();
      tensor.mutable_type().quant.reset();
    }
    input->raw = std::move(tensor);
    data.inputs_.push_back(std::move(input));
  }
  return data;
}

Dataset Dataset::Thinned(int64_t n) const {
  Dataset some = *this;
  const int64_t step = n < 1 || n >= size_ ? 1 : (size_ + n - 1) / n;
  some.stride_ = stride_ * step;
  some.size_ = (size_ + step - 1) / step;
  some.targets_.clear();
  some.labels_.clear();
  for (size_t i = 0; i < labels_.size(); i += static_cast<size_t>(step)) some.labels_.push_back(labels_[i]);
  return some;
}

std::vector<Tensor> Dataset::Sample(int64_t at, const Graph& graph) const {
  const int64_t i = at * stride_;
  std::vector<Tensor> sample;
  for (size_t k = 0; k < std::min(inputs_.size(), graph.inputs().size()); ++k) {
    const Input& input = *inputs_[k];
    const SampleMap& map = input.map;
    Type type = graph.inputs()[k]->type();
    // A graph of other shapes than the data set was loaded for: the tensor shows it to whoever runs it.
    if (type.elements() != map.out_size) type.shape = {map.out_size};
    Tensor tensor(type);
    const bool same_meaning =
        input.codes ? type.quant == input.codes->quant && type.element == input.codes->element : !type.is_quantized();
    if (map.identity() && same_meaning && input.raw.type().element == type.element) {
      const size_t bytes = tensor.bytes().size();
      std::memcpy(tensor.bytes().data(), input.raw.bytes().data() + static_cast<size_t>(i) * bytes, bytes);
    } else if (map.identity() && !input.codes && !type.is_quantized() && type.element != ElementType::f32) {
      // By value and without passing through f32: 64-bit integers and doubles keep their digits.
      const bool integers =
          IsInteger(type.element) && IsInteger(input.raw.type().element) && ElementTypeBytes(type.element) == 8;
      for (int64_t j = 0; j < map.out_size; ++j) {
        const int64_t from = i * map.size + j;
        if (integers) {
          tensor.SetInt(j, input.raw.AsInt(from));
        } else {
          StoreReal(input.raw.AsDouble(from), j, &tensor);
        }
      }
    } else {
      std::vector<float> values = map.Values(input.raw, i);
      for (int64_t j = 0; j < map.out_size; ++j) {
        float value = values[static_cast<size_t>(j)];
        if (input.codes && same_meaning) {
          tensor.SetInt(j, static_cast<int64_t>(value));
          continue;
        }
        if (input.codes) value = DequantizeValue(static_cast<int32_t>(value), *input.codes);
        if (type.is_quantized()) {
          tensor.SetInt(j, QuantizeReal(value, type));
        } else {
          StoreReal(static_cast<double>(value), j, &tensor);
        }
      }
    }
    sample.push_back(std::move(tensor));
  }
  return sample;
}

int64_t SharedSamples(const Dataset& data, const Dataset& other, const Graph& graph) {
  const auto hash = [&](const Dataset& of, int64_t i) {
    size_t all = 0;
    for (const Tensor& tensor : of.Sample(i, graph)) {
      const auto bytes = tensor.bytes();
      all = all * 31 + std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    return all;
  };
  std::unordered_set<size_t> known;
  for (int64_t i = 0; i < other.size(); ++i) known.insert(hash(other, i));
  int64_t shared = 0;
  for (int64_t i = 0; i < data.size(); ++i) shared += static_cast<int64_t>(known.count(hash(data, i)));
  return shared;
}

}  // namespace mcuc
