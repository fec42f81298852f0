// The tables of Ops.def and of the attribute enumerations, as data.
#include "mcuc/IR/Ops.h"

#include "absl/strings/str_split.h"

namespace mcuc {

#define MCUC_NAME(name) #name,
#define X(Enum, LIST)                                                    \
  std::vector<std::string> EnumNames(Enum) { return {LIST(MCUC_NAME)}; } \
  const char* EnumName(Enum value) {                                     \
    static const char* const names[] = {LIST(MCUC_NAME)};                \
    return names[static_cast<size_t>(value)];                            \
  }                                                                      \
  bool ParseEnum(const std::string& name, Enum* value) {                 \
    const std::vector<std::string> names = EnumNames(Enum{});            \
    for (size_t i = 0; i < names.size(); ++i) {                          \
      if (names[i] == name) {                                            \
        *value = static_cast<Enum>(i);                                   \
        return true;                                                     \
      }                                                                  \
    }                                                                    \
    return false;                                                        \
  }
MCUC_ATTRIBUTE_ENUMS(X)
#undef X
#undef MCUC_NAME

namespace {

OpInfo MakeInfo(const char* name, const char* operands, const char* summary) {
  OpInfo info{name, summary, {}, 0, 0};
  for (absl::string_view word : absl::StrSplit(operands, ' ')) {
    const char mark = word.back();
    if (mark == '?' || mark == '*') word.remove_suffix(1);
    info.operands.emplace_back(word);
    if (mark != '?') ++info.min_operands;
    info.max_operands = mark == '*' ? -1 : info.max_operands + 1;
  }
  return info;
}

const std::vector<OpInfo>& Infos() {
  static const std::vector<OpInfo> infos = {
#define ATTR(...)
#define OP(Name, text, operands, summary, ...) MakeInfo(#text, operands, summary),
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR
  };
  return infos;
}

}  // namespace

const OpInfo& InfoOf(Op op) { return Infos()[static_cast<size_t>(op)]; }

int OpCount() { return static_cast<int>(Infos().size()); }

bool AttributesByName(const std::string& name, Attributes* attrs) {
#define ATTR(...)
#define OP(Name, text, ...) \
  if (name == #text) {      \
    *attrs = Name##Attrs{}; \
    return true;            \
  }
#include "mcuc/IR/Ops.def"
#undef OP
#undef ATTR
  return false;
}

}  // namespace mcuc
