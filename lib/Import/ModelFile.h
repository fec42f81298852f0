// Model files as ModelProtos, and the checks on a model as a whole.
#ifndef MCUC_LIB_IMPORT_MODELFILE_H
#define MCUC_LIB_IMPORT_MODELFILE_H

#include <string>

#include "mcuc/Support/Diagnostic.h"

namespace onnx {
class ModelProto;
}

namespace mcuc::importer {

bool IsDefaultDomain(const std::string& domain);

// Reads .onnxtxt as ONNX text and anything else as protobuf; false: reported.
bool LoadModel(const std::string& path, onnx::ModelProto& model, Diagnostics& diagnostics);

// Checks IR version and opsets; the opset of the default domain, or 0: reported.
int64_t OpsetOf(const onnx::ModelProto& model, const std::string& path, Diagnostics& diagnostics);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_MODELFILE_H
