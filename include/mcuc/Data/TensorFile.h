// Single tensors in files: an input or an output of a model as .npy or as a TensorProto (.pb).
#ifndef MCUC_DATA_TENSOR_FILE_H
#define MCUC_DATA_TENSOR_FILE_H

#include <string>

#include "absl/status/statusor.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc {

// Reads a .npy or .pb file, by its name's ending. The file is untrusted.
absl::StatusOr<Tensor> ReadTensorFile(const std::string& path);
// The bytes of a .npy file (format version 1.0) that holds a dense tensor.
std::string NpyBytes(const Tensor& tensor);

}  // namespace mcuc

#endif  // MCUC_DATA_TENSOR_FILE_H
