// The kernel files of runtime/ as text, embedded at build time.
#ifndef MCUC_EMIT_RUNTIME_TEXT_H
#define MCUC_EMIT_RUNTIME_TEXT_H

#include <string>
#include <vector>

namespace mcuc {

struct RuntimeFile {
  std::string name;  // "conv_f32.h"
  std::string text;
};

const std::vector<RuntimeFile>& RuntimeFiles();

}  // namespace mcuc

#endif  // MCUC_EMIT_RUNTIME_TEXT_H
