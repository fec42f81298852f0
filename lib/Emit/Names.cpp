// C identifiers from the model's names, and the words that they may not be.
#include "Names.h"

#include <algorithm>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mcuc {
namespace {

// C99, C11, C23 and C++20; then what the included headers define that a name could meet.
const std::set<std::string>& ReservedWords() {
  static const std::set<std::string> words = {
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
      "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
      "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
      "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "fortran", "friend",
      "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
      "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires",
      "restrict", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch",
      "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof",
      "typeof_unqual", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
      "_Alignas", "_Alignof", "_Atomic", "_Bool", "_Complex", "_Generic", "_Imaginary", "_Noreturn", "_Static_assert",
      "_Thread_local", "__func__", "__asm__", "__attribute__", "__extension__", "__inline__", "__restrict__",
      // Predefined without -std=c99.
      "linux", "unix",
      // <stdint.h>, <stddef.h>, <string.h>, <math.h>: types and macros
      "NULL", "offsetof", "size_t", "ptrdiff_t", "float_t", "double_t", "SIZE_MAX", "PTRDIFF_MIN", "PTRDIFF_MAX",
      "INFINITY", "NAN", "HUGE_VAL", "HUGE_VALF", "HUGE_VALL", "FP_NAN", "FP_INFINITE", "FP_ZERO", "FP_SUBNORMAL",
      "FP_NORMAL", "FP_ILOGB0", "FP_ILOGBNAN", "MATH_ERRNO", "MATH_ERREXCEPT", "math_errhandling", "M_E", "M_LOG2E",
      "M_LOG10E", "M_LN2", "M_LN10", "M_PI", "M_PI_2", "M_PI_4", "M_1_PI", "M_2_PI", "M_2_SQRTPI", "M_SQRT2",
      "M_SQRT1_2", "isnan", "isinf", "isfinite", "isnormal", "signbit", "fpclassify", "isgreater", "isgreaterequal",
      "isless", "islessequal", "islessgreater", "isunordered",
      // What run() itself calls.
      "memcpy", "main"};
  return words;
}

// C99 compilers need to tell identifiers apart by their first 63 characters only (5.2.4.1): room for a suffix is left.
constexpr size_t kLongestName = 56;

}  // namespace

std::string CIdentifier(const std::string& name, const std::string& digit_prefix) {
  std::string id;
  for (const char c : name) id += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (id.empty() || absl::ascii_isdigit(static_cast<unsigned char>(id[0]))) id = digit_prefix + id;
  return id;
}

std::string UpperCase(const std::string& name) { return absl::AsciiStrToUpper(name); }

bool IsLibraryName(const std::string& name) {
  static const std::set<std::string> functions = {
      // <math.h>, each also with f and l behind it
      "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "drem",
      "erf", "erfc", "exp", "exp10", "exp2", "expm1", "fabs", "fdim", "finite", "floor", "fma", "fmax", "fmin", "fmod",
      "frexp", "gamma", "gamma_r", "hypot", "ilogb", "j0", "j1", "jn", "ldexp", "lgamma", "lgamma_r", "llrint",
      "llround", "log", "log10", "log1p", "log2", "logb", "lrint", "lround", "modf", "nan", "nearbyint", "nextafter",
      "nexttoward", "pow", "pow10", "remainder", "remquo", "rint", "round", "scalb", "scalbln", "scalbn", "significand",
      "sin", "sincos", "sinh", "sqrt", "tan", "tanh", "tgamma", "trunc", "y0", "y1", "yn", "signgam",
      // <complex.h>, alike
      "cabs", "cacos", "cacosh", "carg", "casin", "casinh", "catan", "catanh", "ccos", "ccosh", "cexp", "cimag", "clog",
      "conj", "cpow", "cproj", "creal", "csin", "csinh", "csqrt", "ctan", "ctanh",
      // <stdlib.h>, <string.h>, <ctype.h>, <stdio.h>, <time.h>, <setjmp.h>, <fenv.h> and POSIX
      "_exit", "abort", "abs", "alloca", "atexit", "atof", "atoi", "atol", "atoll", "bcmp", "bcopy", "bsearch", "bzero",
      "calloc", "clock", "div", "errno", "exit", "feclearexcept", "fegetround", "feraiseexcept", "fesetround", "ffs",
      "ffsl", "ffsll", "fork", "fprintf", "fputc", "fputs", "free", "fscanf", "fwrite", "getenv", "gettext", "imaxabs",
      "index", "isalnum", "isalpha", "isascii", "isblank", "iscntrl", "isdigit", "isgraph", "islower", "isprint",
      "ispunct", "isspace", "isupper", "isxdigit", "labs", "ldiv", "llabs", "lldiv", "longjmp", "malloc", "memccpy",
      "memmem", "mempcpy", "printf", "putc", "putchar", "puts", "qsort", "raise", "rand", "read", "realloc", "rindex",
      "scanf", "setjmp", "signal", "snprintf", "sprintf", "srand", "sscanf", "stdin", "stdout", "stderr", "stpcpy",
      "stpncpy", "strcasecmp", "strcat", "strchr", "strcmp", "strcoll", "strcpy", "strcspn", "strdup", "strerror",
      "strfmon", "strftime", "strlen", "strncasecmp", "strncat", "strncmp", "strncpy", "strndup", "strpbrk", "strrchr",
      "strspn", "strstr", "strtod", "strtof", "strtok", "strtol", "strtold", "strtoll", "strtoul", "strtoull",
      "strxfrm", "system", "time", "toascii", "tolower", "toupper", "vprintf", "vscanf", "vsnprintf", "vsprintf",
      "vsscanf", "vfprintf", "vfscanf", "write", "log1pf", "execl", "execlp", "execle", "execv", "execvp", "execve"};
  if (functions.count(name) > 0) return true;
  const bool variant = !name.empty() && (name.back() == 'f' || name.back() == 'l');
  return variant && functions.count(name.substr(0, name.size() - 1)) > 0;
}

bool IsReservedName(const std::string& name) {
  if (ReservedWords().count(name) > 0) return true;
  if (absl::StartsWith(name, "mcuc_") || absl::StartsWith(name, "MCUC_")) return true;  // the kernels
  static const std::regex integers(
      "u?int((_least|_fast)?(8|16|32|64)|ptr|max)_t|U?INT((_LEAST|_FAST)?(8|16|32|64)|PTR|MAX)_(MIN|MAX|C)");
  return std::regex_match(name, integers);
}

std::string Namer::Unique(const std::string& name, const std::string& digit_prefix, Kind kind) {
  std::string base = CIdentifier(name, digit_prefix);
  if (kind == Kind::kOther) {  // at file scope a leading underscore is the implementation's
    base = CIdentifier(base.substr(std::min(base.find_first_not_of('_'), base.size())), digit_prefix);
    base.resize(std::min(base.size(), kLongestName));
  }
  const auto free = [&](const std::string& id) {
    if (IsReservedName(id) || taken_.count(id) > 0) return false;
    return kind == Kind::kParameter ? taken_upper_.count(UpperCase(id)) == 0 : !IsLibraryName(id);
  };
  std::string id = base;
  for (int n = 2; !free(id); ++n) {
    id = absl::StrCat(base, "_", n);
    // What is reserved by its beginning stays so with any end.
    if (IsReservedName(id)) id = absl::StrCat(digit_prefix, id);
  }
  Reserve(id);
  return id;
}

void Namer::Reserve(const std::string& name) {
  taken_.insert(name);
  taken_upper_.insert(UpperCase(name));
}

}  // namespace mcuc
