// Tensors of ONNX files as tensors of the IR. Every length is checked against the shape before anything is allocated.
#ifndef MCUC_LIB_IMPORT_TENSORDATA_H
#define MCUC_LIB_IMPORT_TENSORDATA_H

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "mcuc/IR/Tensor.h"

namespace onnx {
class TensorProto;
class SparseTensorProto;
}  // namespace onnx

namespace mcuc::importer {

// The IR's element type for a TensorProto::DataType (float16 and bfloat16 are widened to f32); none: not supported.
std::optional<ElementType> ElementTypeOf(int data_type);
bool IsHalf(int data_type);  // float16, bfloat16
int DataTypeOf(ElementType element);
// "float16", "string", "type 42".
std::string DataTypeName(int data_type);
// The element types a model may use, for messages.
const char* SupportedDataTypes();

// Dimensions of the result may be 0. `folder`: where external data may lie; empty: nowhere.
absl::StatusOr<Tensor> TensorOfProto(const onnx::TensorProto& proto, const std::string& folder);
// Of a tensor of strings: the places 0, 1, … of its elements; none for other tensors, and those that are too large.
std::optional<Tensor> IndicesOfStrings(const onnx::TensorProto& proto);
// The dense form of a sparse tensor.
absl::StatusOr<Tensor> TensorOfProto(const onnx::SparseTensorProto& proto, const std::string& folder);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_TENSORDATA_H
