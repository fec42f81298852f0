// Tokens of the text form, character by character.
#include "TextCursor.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace mcuc {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameChar(char c) { return IsLetter(c) || IsDigit(c) || c == '.' || c == '/' || c == '-'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

TextCursor::TextCursor(const std::string& text, const std::string& file, Diagnostics& diagnostics)
    : text_(text), file_(file), diagnostics_(diagnostics), line_starts_{0} {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
}

size_t TextCursor::Here() {
  while (position_ < text_.size()) {
    if (IsSpace(text_[position_])) {
      ++position_;
    } else if (text_[position_] == '#') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else {
      break;
    }
  }
  return position_;
}

bool TextCursor::AtLineStart() {
  const size_t here = Here();
  return here >= text_.size() ||
         std::find(text_.begin() + static_cast<ptrdiff_t>(last_end_), text_.begin() + static_cast<ptrdiff_t>(here),
                   '\n') != text_.begin() + static_cast<ptrdiff_t>(here);
}

char TextCursor::Peek() { return AtEnd() ? '\0' : text_[position_]; }

bool TextCursor::PeekWord(const char* word) {
  const size_t here = Here(), length = std::strlen(word);
  if (text_.compare(here, length, word) != 0) return false;
  const size_t end = here + length;
  return end >= text_.size() || (!IsLetter(text_[end]) && !IsDigit(text_[end]));
}

bool TextCursor::Take(const char* punctuation) {
  const size_t here = Here(), length = std::strlen(punctuation);
  if (text_.compare(here, length, punctuation) != 0) return false;
  last_end_ = position_ = here + length;
  return true;
}

bool TextCursor::TakeWord(const char* word) { return PeekWord(word) && Take(word); }

bool TextCursor::Expect(const char* punctuation, const char* context) {
  return Take(punctuation) || Expected(absl::StrCat("'", punctuation, "' ", context));
}

std::string TextCursor::Word() {
  const size_t here = Here();
  if (here >= text_.size() || !IsLetter(text_[here])) return "";
  while (position_ < text_.size() && (IsLetter(text_[position_]) || IsDigit(text_[position_]))) ++position_;
  last_end_ = position_;
  return text_.substr(here, position_ - here);
}

bool TextCursor::Name(char sigil, const char* what, std::string* name) {
  if (Peek() != sigil) return Expected(absl::StrCat(what, " (", std::string(1, sigil), "name)"));
  ++position_;
  if (position_ < text_.size() && text_[position_] == '"') return String(what, name);
  const size_t begin = position_;
  while (position_ < text_.size() && IsNameChar(text_[position_])) ++position_;
  *name = text_.substr(begin, position_ - begin);
  last_end_ = position_;
  if (name->empty()) return Error(begin, absl::StrCat("a name must follow '", std::string(1, sigil), "'"));
  return true;
}

bool TextCursor::String(const char* what, std::string* value) {
  if (Peek() != '"') return Expected(absl::StrCat(what, " in quotes"));
  const size_t begin = position_++;
  value->clear();
  while (position_ < text_.size() && text_[position_] != '\n') {
    const char c = text_[position_++];
    if (c == '"') {
      last_end_ = position_;
      return true;
    }
    if (c != '\\') {
      *value += c;
      continue;
    }
    const char escape = position_ < text_.size() ? text_[position_] : '\0';
    if (escape == '"' || escape == '\\') {
      *value += escape;
      ++position_;
      continue;
    }
    const int high = escape == 'x' && position_ + 2 < text_.size() ? HexDigit(text_[position_ + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text_[position_ + 2]) : -1;
    if (low < 0) return Error(position_ - 1, "an escape must be \\\", \\\\ or \\x and two hexadecimal digits");
    *value += static_cast<char>(high * 16 + low);
    position_ += 3;
  }
  return Error(begin, "the quote is not closed on its line");
}

bool TextCursor::NumberToken(const char* what, std::string* token) {
  const size_t here = Here();
  size_t end = here;
  if (end < text_.size() && text_[end] == '-') ++end;
  while (end < text_.size()) {
    const char c = text_[end];
    const bool exponent_sign = (c == '-' || c == '+') && end > here && (text_[end - 1] == 'e' || text_[end - 1] == 'E');
    if (!IsLetter(c) && !IsDigit(c) && c != '.' && !exponent_sign) break;
    ++end;
  }
  if (end == here) return Expected(what);
  *token = text_.substr(here, end - here);
  last_end_ = position_ = end;
  return true;
}

bool TextCursor::Digits(const char* what, int64_t* value) {
  const size_t here = Here();
  while (position_ < text_.size() && IsDigit(text_[position_])) ++position_;
  if (position_ == here) return Expected(what);
  last_end_ = position_;
  if (std::from_chars(text_.data() + here, text_.data() + position_, *value).ec != std::errc()) {
    return Error(here,
                 absl::StrCat(text_.substr(here, std::min<size_t>(position_ - here, 40)), " is too large for ", what));
  }
  return true;
}

bool TextCursor::Integer(const char* what, int64_t least, int64_t most, int64_t* value) {
  const size_t here = Here();
  std::string token;
  if (!NumberToken(what, &token)) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), *value);
  if (error == std::errc::invalid_argument || end != token.data() + token.size()) {
    return Error(here, absl::StrCat("expected ", what, ", found '", token.substr(0, 40), "'"));
  }
  if (error != std::errc() || *value < least || *value > most) {
    return Error(here, absl::StrCat(token.substr(0, 40), " is outside [", least, ", ", most, "], the range of ", what));
  }
  return true;
}

bool TextCursor::Unsigned64(const char* what, uint64_t* value) {
  const size_t here = Here();
  std::string token;
  if (!NumberToken(what, &token)) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), *value);
  if (error == std::errc() && end == token.data() + token.size()) return true;
  return Error(here, absl::StrCat("expected ", what, " in [0, ", std::numeric_limits<uint64_t>::max(), "], found '",
                                  token.substr(0, 40), "'"));
}

template <typename T, typename Bits>
bool TextCursor::ReadFloat(const char* what, T* value) {
  const size_t here = Here();
  std::string token;
  if (!NumberToken(what, &token)) return false;
  const auto set = [&](T special) {
    *value = special;
    return true;
  };
  if (token == "nan") return set(std::numeric_limits<T>::quiet_NaN());
  if (token == "inf") return set(std::numeric_limits<T>::infinity());
  if (token == "-inf") return set(-std::numeric_limits<T>::infinity());
  if (token == "bits") {
    if (!Expect("(", "after 'bits'")) return false;
    const size_t digits = Here();
    std::string hex;
    if (!NumberToken("0x and the number's bits", &hex)) return false;
    Bits bits = 0;
    const bool prefixed = hex.size() > 2 && hex.compare(0, 2, "0x") == 0;
    const char* first = hex.data() + (prefixed ? 2 : 0);
    const auto [end, error] = std::from_chars(first, hex.data() + hex.size(), bits, 16);
    if (!prefixed || error != std::errc() || end != hex.data() + hex.size()) {
      return Error(digits, absl::StrCat("expected 0x and at most ", sizeof(T) * 2, " hexadecimal digits, found '",
                                        hex.substr(0, 40), "'"));
    }
    *value = std::bit_cast<T>(bits);
    return Expect(")", "after the bits");
  }
  const size_t lead = token[0] == '-' ? 1 : 0;
  if (lead < token.size() && (IsDigit(token[lead]) || token[lead] == '.')) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), *value);
    if (end == token.data() + token.size() && error != std::errc::invalid_argument) {
      if (error == std::errc() && std::isfinite(*value)) return true;
      return Error(here,
                   absl::StrCat(token.substr(0, 40), " is outside the range of ", sizeof(T) == 4 ? "f32" : "f64"));
    }
  }
  return Error(here, absl::StrCat("expected ", what, ", found '", token.substr(0, 40), "'"));
}

bool TextCursor::Float(const char* what, float* value) { return ReadFloat<float, uint32_t>(what, value); }
bool TextCursor::Float(const char* what, double* value) { return ReadFloat<double, uint64_t>(what, value); }

bool TextCursor::HexBytes(int64_t most, std::vector<std::byte>* bytes) {
  const size_t begin = Here();
  if (!Expect("hex\"", "before hexadecimal bytes")) return false;
  int high = -1;
  for (; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (IsSpace(c)) continue;
    if (c == '"') {
      if (high >= 0) return Error(position_, "hex data has half a byte: an odd number of digits");
      last_end_ = ++position_;
      return true;
    }
    const int digit = HexDigit(c);
    if (digit < 0) return Error(position_, "hex data holds hexadecimal digits and white space only");
    if (high < 0) {
      high = digit;
      continue;
    }
    if (static_cast<int64_t>(bytes->size()) >= most) {
      return Error(position_ - 1, absl::StrCat("hex data has more than the ", most, " bytes of the type"));
    }
    bytes->push_back(static_cast<std::byte>(high * 16 + digit));
    high = -1;
  }
  return Error(begin, "hex data is not closed by a quote");
}

bool TextCursor::Expected(const std::string& what) {
  if (AtLineStart()) {
    return Error(last_end_, absl::StrCat("expected ", what, ", found the end of the ", AtEnd() ? "text" : "line"));
  }
  const size_t here = Here();
  size_t end = here;
  while (end < text_.size() && end - here < 40 && IsNameChar(text_[end])) ++end;
  if (end > here) return Error(here, absl::StrCat("expected ", what, ", found '", text_.substr(here, end - here), "'"));
  const auto byte = static_cast<unsigned char>(text_[here]);
  if (byte < 0x20 || byte >= 0x7f) {
    return Error(here, absl::StrCat("expected ", what, ", found the byte 0x", absl::Hex(byte, absl::kZeroPad2)));
  }
  return Error(here, absl::StrCat("expected ", what, ", found '", text_.substr(here, 1), "'"));
}

bool TextCursor::Error(size_t position, const std::string& message) {
  diagnostics_.Error(LocationAt(position), message);
  return false;
}

size_t TextCursor::AfterName(size_t position) const {
  if (position < text_.size() && text_[position] == '"') {
    for (++position; position < text_.size() && text_[position] != '\n'; ++position) {
      if (text_[position] == '\\') {
        ++position;
      } else if (text_[position] == '"') {
        return position + 1;
      }
    }
    return position;
  }
  while (position < text_.size() && IsNameChar(text_[position])) ++position;
  return position;
}

// `%name:` or `const @`. An operand at the start of a continued line has no colon behind it.
bool TextCursor::LooksLikeStatement(size_t position) const {
  size_t next;
  char mark;
  if (text_[position] == '%') {
    next = AfterName(position + 1);
    mark = ':';
  } else if (text_.compare(position, 5, "const") == 0) {
    next = position + 5;
    mark = '@';
  } else {
    return false;
  }
  while (next < text_.size() && (text_[next] == ' ' || text_[next] == '\t')) ++next;
  return next < text_.size() && text_[next] == mark;
}

void TextCursor::SkipToStatement(size_t start) {
  const size_t error = position_;
  int64_t depth = 0;  // of braces opened by the statement: a line's `}` may close one of them instead of the graph
  bool first_on_line = false;
  for (size_t i = start; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '\n') {
      first_on_line = true;
      continue;
    }
    if (IsSpace(c)) continue;
    if (first_on_line && i >= error && (LooksLikeStatement(i) || (c == '}' && depth <= 0))) {
      position_ = i;
      return;
    }
    first_on_line = false;
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (c == '#') i = std::min(text_.find('\n', i), text_.size()) - 1;
    if (c == '"') i = AfterName(i) - 1;
  }
  position_ = text_.size();
}

Location TextCursor::LocationAt(size_t position) const {
  constexpr size_t kLongestLine = 500;  // longer ones (a constant's data) are not worth a caret
  const auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), position) - 1;
  Location where;
  where.file = file_;
  where.line = static_cast<int>(line - line_starts_.begin()) + 1;
  where.column = static_cast<int>(position - *line) + 1;
  size_t end = std::min(text_.find('\n', *line), text_.size());
  if (end > *line && text_[end - 1] == '\r') --end;
  if (end - *line <= kLongestLine) where.line_text = text_.substr(*line, end - *line);
  return where;
}

}  // namespace mcuc
