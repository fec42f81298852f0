// C identifiers from the model's names: made of legal characters, and unique among those already given out.
#ifndef MCUC_LIB_EMIT_NAMES_H
#define MCUC_LIB_EMIT_NAMES_H

#include <cstdint>
#include <set>
#include <string>

namespace mcuc {

// Characters outside [A-Za-z0-9_] become `_`; `digit_prefix` goes before a leading digit and before an empty name.
std::string CIdentifier(const std::string& name, const std::string& digit_prefix);
std::string UpperCase(const std::string& name);

// A word that no identifier of the emitted file may be: keywords of C and C++ (the header is included from both), the
// types, macros and functions of the standard headers that the file includes, and the kernels' own prefix.
bool IsReservedName(const std::string& name);

// A function of C's library (compilers know them unseen): nothing at file scope may be called so.
bool IsLibraryName(const std::string& name);

class Namer {
 public:
  // `name`, made a C identifier; where it is reserved or taken, with _2, _3, … behind it. Parameters: taken means taken
  // in any case, because their names become macros. Others avoid the library's names too,
  // and are cut to 56 characters.
  enum class Kind : uint8_t { kParameter, kOther };
  std::string Unique(const std::string& name, const std::string& digit_prefix, Kind kind = Kind::kOther);
  void Reserve(const std::string& name);

 private:
  std::set<std::string> taken_;
  std::set<std::string> taken_upper_;
};

}  // namespace mcuc

#endif  // MCUC_LIB_EMIT_NAMES_H
