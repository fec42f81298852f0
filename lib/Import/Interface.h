// The graph's inputs as the model declares them, made static: symbolic dimensions get sizes.
#ifndef MCUC_LIB_IMPORT_INTERFACE_H
#define MCUC_LIB_IMPORT_INTERFACE_H

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mcuc/IR/Type.h"
#include "mcuc/Import/Onnx.h"

namespace onnx {
class GraphProto;
class ValueInfoProto;
}  // namespace onnx

namespace mcuc::importer {

// The inputs that are no initializers, with their static types; a float16 input is f32. What has no static shape or no
// supported type is reported, and listed with the shape [] so that import can go on.
struct InputType {
  std::string name;
  Type type;
  bool valid = true;
};
std::vector<InputType> InputTypesOf(const onnx::GraphProto& graph, const std::set<std::string>& initializers,
                                    const ImportOptions& options, const std::string& path, Diagnostics& diagnostics);

// Where a declaration contradicts a type: "is declared f32[1x10] but is f32[1x12]"; empty: it does not. Symbolic and
// missing dimensions agree with every size.
std::string Contradiction(const onnx::ValueInfoProto& declared, const Type& type);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_INTERFACE_H
