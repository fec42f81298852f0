// Finds function bodies, in the model or in libonnx, and replaces references to the function's attributes by those of
// the calling node.
#include "Functions.h"

#include <algorithm>
#include <exception>
#include <map>

#include "Lowering.h"
#include "ModelFile.h"
#include "TensorData.h"
#include "onnx/defs/schema.h"

namespace mcuc::importer {

namespace {

using Attributes = std::map<std::string, onnx::AttributeProto>;

// Attributes that refer to one of the function's get its value; those it does not have go.
void Substitute(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const Attributes& given) {
  for (auto& node : nodes) {
    google::protobuf::RepeatedPtrField<onnx::AttributeProto> kept;
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.ref_attr_name().empty()) {
        if (attribute.has_g()) Substitute(*attribute.mutable_g()->mutable_node(), given);
        *kept.Add() = attribute;
        continue;
      }
      const auto found = given.find(attribute.ref_attr_name());
      if (found == given.end()) continue;
      onnx::AttributeProto value = found->second;
      value.set_name(attribute.name());
      *kept.Add() = std::move(value);
    }
    node.mutable_attribute()->Swap(&kept);
  }
}

FunctionBody BodyOf(const onnx::FunctionProto& function, const Attributes& attributes, int64_t opset) {
  FunctionBody body;
  body.opset = opset;
  for (const auto& import : function.opset_import()) {
    if (IsDefaultDomain(import.domain())) body.opset = import.version();
  }
  *body.graph.mutable_node() = function.node();
  Substitute(*body.graph.mutable_node(), attributes);
  for (const std::string& name : function.input()) body.graph.add_input()->set_name(name);
  for (const std::string& name : function.output()) body.graph.add_output()->set_name(name);
  return body;
}

onnx::TypeProto TypeProtoOf(const Symbol* symbol) {
  onnx::TypeProto type;
  if (!symbol) return type;
  auto* tensor = type.mutable_tensor_type();
  tensor->set_elem_type(DataTypeOf(symbol->type.element));
  for (int64_t dim : symbol->shape()) tensor->mutable_shape()->add_dim()->set_dim_value(dim);
  return type;
}

const onnx::FunctionProto* FunctionOf(const onnx::ModelProto& model, const onnx::NodeProto& node) {
  for (const auto& function : model.functions()) {
    const bool same_domain =
        function.domain() == node.domain() || (IsDefaultDomain(function.domain()) && IsDefaultDomain(node.domain()));
    if (same_domain && function.name() == node.op_type()) return &function;
  }
  return nullptr;
}

// The standard's operator with a function body; null: none.
const onnx::OpSchema* FunctionSchemaOf(const onnx::NodeProto& node, int64_t opset) {
  if (!IsDefaultDomain(node.domain())) return nullptr;
  const auto* schema = onnx::OpSchemaRegistry::Schema(node.op_type(), static_cast<int>(opset), "");
  return schema && (schema->HasFunction() || schema->HasContextDependentFunction()) ? schema : nullptr;
}

}  // namespace

bool IsFunction(const onnx::ModelProto& model, const onnx::NodeProto& node, int64_t opset) {
  return FunctionOf(model, node) || FunctionSchemaOf(node, opset);
}

absl::StatusOr<std::optional<FunctionBody>> FunctionBodyOf(const onnx::ModelProto& model, const onnx::NodeProto& node,
                                                           int64_t opset, const std::vector<Symbol*>& inputs) {
  Attributes attributes;
  for (const auto& attribute : node.attribute()) attributes[attribute.name()] = attribute;
  if (const auto* function = FunctionOf(model, node)) return BodyOf(*function, attributes, opset);
  const auto* schema = FunctionSchemaOf(node, opset);
  if (!schema) return std::nullopt;
  // Builders of libonnx read attributes that have a default without asking whether they are there.
  onnx::NodeProto complete = node;
  for (const auto& [name, attribute] : schema->attributes()) {
    if (attributes.count(name) || !attribute.default_value.has_name()) continue;
    attributes[name] = attribute.default_value;
    *complete.add_attribute() = attribute.default_value;
  }
  onnx::FunctionProto function;
  try {
    if (schema->HasFunction()) {
      schema->BuildFunction(function);
      *function.mutable_node() = schema->GetFunction()->node();
    } else {
      std::vector<onnx::TypeProto> types;
      for (const Symbol* input : inputs) types.push_back(TypeProtoOf(input));
      const onnx::FunctionBodyBuildContextImpl context(complete, types);
      if (!schema->BuildContextDependentFunction(context, function)) return std::nullopt;
    }
  } catch (const std::exception& e) {
    return Unsupported("has no function body: ", e.what());
  }
  // Formal inputs are the schema's; the call may leave out the last ones.
  function.clear_input();
  function.clear_output();
  for (const auto& input : schema->inputs()) function.add_input(input.GetName());
  for (const auto& output : schema->outputs()) function.add_output(output.GetName());
  return BodyOf(function, attributes, opset);
}

}  // namespace mcuc::importer
