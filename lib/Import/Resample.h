// Resampling as products with constant matrices, for what the IR's resize does not do: cubic interpolation, cropping,
// more than two dimensions.
#ifndef MCUC_LIB_IMPORT_RESAMPLE_H
#define MCUC_LIB_IMPORT_RESAMPLE_H

#include <string>
#include <vector>

#include "Compose.h"

namespace mcuc::importer {

struct ResampleOptions {
  std::string mode = "nearest", transform = "half_pixel", round = "round_prefer_floor";
  float cubic_a = -0.75f;
  bool exclude_outside = false;
  double extrapolation_value = 0;
  // Of the whole input, for tf_crop_and_resize: where the part begins and ends in each dimension.
  std::vector<double> begin, end;
};

// Input 0 with each dimension scaled; an error names an option that is not known.
absl::Status Resample(Lowering& l, const ResampleOptions& options, const Floats& scales, const Shape& shape);

}  // namespace mcuc::importer

#endif  // MCUC_LIB_IMPORT_RESAMPLE_H
