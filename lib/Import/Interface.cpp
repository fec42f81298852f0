// Sizes of symbolic dimensions: --input-shape first, then 1 for the first dimension, the batch (unless its symbol is
// also another dimension's); the others that share a symbol with one of these follow it.
#include "Interface.h"

#include <map>

#include "Lowering.h"
#include "ReadFile.h"
#include "TensorData.h"
#include "absl/strings/str_join.h"
#include "onnx/onnx_pb.h"

namespace mcuc::importer {

namespace {

// A dimension below 1 is how some exporters write an unknown one.
bool IsFixed(const onnx::TensorShapeProto::Dimension& dim) { return dim.has_dim_value() && dim.dim_value() >= 1; }

std::string DimText(const onnx::TensorShapeProto::Dimension& dim) {
  if (IsFixed(dim)) return absl::StrCat(dim.dim_value());
  return dim.has_dim_param() && !dim.dim_param().empty() ? Printable(dim.dim_param()) : "?";
}

std::string DeclaredShape(const onnx::TensorShapeProto& shape) {
  return absl::StrJoin(shape.dim(), "x", [](std::string* out, const auto& dim) { *out += DimText(dim); });
}

struct Input {
  const onnx::ValueInfoProto* info;
  InputType* result;
  std::string text;  // `input "x"`
};

class InputShapes {
 public:
  InputShapes(const ImportOptions& options, const std::string& path, Diagnostics& diagnostics)
      : options_(options), path_(path), diagnostics_(diagnostics) {}

  // Binds the symbols of what --input-shape gives, then of first dimensions; then all shapes follow.
  void Resolve(const std::vector<Input>& inputs) {
    for (const Input& input : inputs) {
      const auto* declared = DeclaredOf(input);
      for (int d = 1; declared && d < declared->dim_size(); ++d) inner_.insert(declared->dim(d).dim_param());
    }
    for (const Input& input : inputs) BindOption(input);
    for (const Input& input : inputs) BindBatch(input);
    for (const Input& input : inputs) Fix(input);
  }

 private:
  void Error(const Input& input, const std::string& message) {
    diagnostics_.Error(InFile(path_), absl::StrCat(input.text, ": ", message));
    input.result->valid = false;
  }

  const Shape* OptionOf(const Input& input) const {
    const auto found = options_.input_shapes.find(input.info->name());
    return found == options_.input_shapes.end() ? nullptr : &found->second;
  }

  static const onnx::TensorShapeProto* DeclaredOf(const Input& input) {
    const auto& tensor = input.info->type().tensor_type();
    return tensor.has_shape() ? &tensor.shape() : nullptr;
  }

  void BindOption(const Input& input) {
    const Shape* shape = OptionOf(input);
    if (!shape) return;
    if (auto elements = CheckedElements(*shape); !elements.ok()) {
      return Error(input, absl::StrCat("--input-shape: ", elements.status().message()));
    }
    const auto* declared = DeclaredOf(input);
    if (!declared) return;
    bool fits = declared->dim_size() == static_cast<int>(shape->size());
    for (int d = 0; fits && d < declared->dim_size(); ++d) {
      const auto& dim = declared->dim(d);
      const int64_t size = (*shape)[static_cast<size_t>(d)];
      fits = !IsFixed(dim) || dim.dim_value() == size;
      if (!IsFixed(dim) && !dim.dim_param().empty()) Bind(input, dim.dim_param(), size);
    }
    if (!fits) {
      Error(input, absl::StrCat("--input-shape gives ", ShapeText(*shape), ", but the model declares ",
                                DeclaredShape(*declared), "; only symbolic dimensions can be chosen"));
    }
  }

  void Bind(const Input& input, const std::string& symbol, int64_t size) {
    const auto [bound, added] = symbols_.emplace(symbol, size);
    if (!added && bound->second != size) {
      Error(input, absl::StrCat("dimension \"", Printable(symbol), "\" is ", size, " here and ", bound->second,
                                " elsewhere; give equal sizes with --input-shape"));
    }
  }

  void BindBatch(const Input& input) {
    const auto* declared = DeclaredOf(input);
    if (OptionOf(input) || !declared || declared->dim_size() == 0 || IsFixed(declared->dim(0))) return;
    const std::string& symbol = declared->dim(0).dim_param();
    if (!symbol.empty() && inner_.count(symbol)) return;  // a length, not a batch
    if (symbol.empty() || symbols_.emplace(symbol, 1).second) {
      diagnostics_.Remark(InFile(path_), absl::StrCat(input.text, ": dimension 0 (", DimText(declared->dim(0)),
                                                      ") is fixed to 1; --input-shape=NAME:SHAPE chooses another"));
    }
  }

  void Fix(const Input& input) {
    if (!input.result->valid) return;
    const auto* declared = DeclaredOf(input);
    Shape& shape = input.result->type.shape;
    if (const Shape* option = OptionOf(input)) {
      shape = *option;
    } else if (!declared) {
      return Error(input, absl::StrCat("has no shape; give one with --input-shape=", Printable(input.info->name()),
                                       ":1x3x32x32, for example"));
    } else {
      for (int d = 0; d < declared->dim_size(); ++d) {
        const auto& dim = declared->dim(d);
        const auto bound = symbols_.find(dim.dim_param());
        if (IsFixed(dim)) {
          shape.push_back(dim.dim_value());
        } else if (!dim.dim_param().empty() && bound != symbols_.end()) {
          shape.push_back(bound->second);
        } else if (d == 0 && dim.dim_param().empty()) {
          shape.push_back(1);
        } else {
          return Error(input, absl::StrCat("dimension ", d, " of ", DeclaredShape(*declared),
                                           " is symbolic; give its size with --input-shape=",
                                           Printable(input.info->name()), ":SHAPE"));
        }
      }
    }
    auto elements = CheckedElements(shape);
    if (elements.ok()) elements = CheckedHostElements(shape);  // the rank
    if (!elements.ok()) Error(input, std::string(elements.status().message()));
  }

  const ImportOptions& options_;
  const std::string& path_;
  Diagnostics& diagnostics_;
  std::set<std::string> inner_;  // symbols of dimensions other than the first
  std::map<std::string, int64_t> symbols_;
};

}  // namespace

std::vector<InputType> InputTypesOf(const onnx::GraphProto& graph, const std::set<std::string>& initializers,
                                    const ImportOptions& options, const std::string& path, Diagnostics& diagnostics) {
  std::vector<const onnx::ValueInfoProto*> infos;
  for (const auto& info : graph.input()) {
    if (!initializers.count(info.name())) infos.push_back(&info);
  }
  std::vector<InputType> types(infos.size());
  std::vector<Input> inputs;
  std::set<std::string> names;
  for (size_t i = 0; i < infos.size(); ++i) {
    const onnx::ValueInfoProto& info = *infos[i];
    types[i].name = info.name();
    const Input input{&info, &types[i], absl::StrCat("input \"", Printable(info.name()), "\"")};
    const auto report = [&](const std::string& message) {
      diagnostics.Error(InFile(path), absl::StrCat(input.text, ": ", message));
      types[i].valid = false;
    };
    if (info.name().empty()) {
      report(absl::StrCat("number ", i, " has no name"));
    } else if (!names.insert(info.name()).second) {
      report("is listed twice");
    } else if (!info.type().has_tensor_type()) {
      report("is no tensor; only tensors are supported");
    } else {
      const int data_type = info.type().tensor_type().elem_type();
      const auto element = ElementTypeOf(data_type);
      if (!element) {
        report(absl::StrCat("element type ", DataTypeName(data_type),
                            " is not supported; supported: ", SupportedDataTypes()));
        continue;
      }
      if (IsHalf(data_type)) {
        diagnostics.Remark(InFile(path),
                           absl::StrCat(input.text, ": ", DataTypeName(data_type), " is computed as f32"));
      }
      types[i].type.element = *element;
      inputs.push_back(input);
    }
  }
  for (const auto& [name, shape] : options.input_shapes) {
    if (names.count(name)) continue;
    diagnostics.Error(InFile(path), absl::StrCat("--input-shape: there is no input \"", Printable(name), "\"; there ",
                                                 names.empty() ? "is none" : "are: ", absl::StrJoin(names, ", ")));
  }
  InputShapes(options, path, diagnostics).Resolve(inputs);
  return types;
}

std::string Contradiction(const onnx::ValueInfoProto& declared, const Type& type) {
  if (!declared.type().has_tensor_type()) return "";
  const auto& tensor = declared.type().tensor_type();
  const auto element = ElementTypeOf(tensor.elem_type());
  bool agrees = !element || *element == type.element;
  if (tensor.has_shape()) {
    agrees &= tensor.shape().dim_size() == static_cast<int>(type.shape.size());
    for (int d = 0; agrees && d < tensor.shape().dim_size(); ++d) {
      const auto& dim = tensor.shape().dim(d);
      agrees = !IsFixed(dim) || dim.dim_value() == type.shape[static_cast<size_t>(d)];
    }
  }
  if (agrees) return "";
  return absl::StrCat("is declared ", element ? ElementTypeName(*element) : DataTypeName(tensor.elem_type()),
                      tensor.has_shape() ? absl::StrCat("[", DeclaredShape(tensor.shape()), "]") : "", " but is ",
                      TypeText(type));
}

}  // namespace mcuc::importer
