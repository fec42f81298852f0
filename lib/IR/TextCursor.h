// Reads the tokens of a text and remembers where each stood, for Parse. Newlines are white space; `#` comments run to
// the end of their line. Every reader reports what is wrong at the place where it stands and returns false.
#ifndef MCUC_LIB_IR_TEXTCURSOR_H
#define MCUC_LIB_IR_TEXTCURSOR_H

#include <cstdint>
#include <string>
#include <vector>

#include "mcuc/Support/Diagnostic.h"

namespace mcuc {

class TextCursor {
 public:
  TextCursor(const std::string& text, const std::string& file, Diagnostics& diagnostics);

  // The position of the next token.
  size_t Here();
  bool AtEnd() { return Here() >= text_.size(); }
  // True where the next token stands on a later line than the last one taken (or nothing follows).
  bool AtLineStart();
  char Peek();  // the next token's first character; 0 at the end
  bool PeekWord(const char* word);

  bool Take(const char* punctuation);
  bool TakeWord(const char* word);
  bool Expect(const char* punctuation, const char* context);
  std::string Word();  // [A-Za-z_][A-Za-z0-9_]*, "" where none stands
  bool Name(char sigil, const char* what, std::string* name);
  bool String(const char* what, std::string* value);

  bool Digits(const char* what, int64_t* value);  // a nonnegative integer without what may follow it: `3` of `3x4`
  bool Integer(const char* what, int64_t least, int64_t most, int64_t* value);
  bool Unsigned64(const char* what, uint64_t* value);
  bool Float(const char* what, float* value);
  bool Float(const char* what, double* value);
  // The bytes of hex"…", at most `most` of them.
  bool HexBytes(int64_t most, std::vector<std::byte>* bytes);

  // "expected X, found Y" at the next token, or at the end of the last one where the line ends there.
  bool Expected(const std::string& what);
  bool Error(size_t position, const std::string& message);
  // After an error in a statement that began at `start`: goes to the next line that begins a statement or closes the
  // graph.
  void SkipToStatement(size_t start);

  Location LocationAt(size_t position) const;

 private:
  bool NumberToken(const char* what, std::string* token);
  template <typename T, typename Bits>
  bool ReadFloat(const char* what, T* value);
  bool LooksLikeStatement(size_t position) const;
  size_t AfterName(size_t position) const;

  const std::string& text_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  std::vector<size_t> line_starts_;
  size_t position_ = 0;
  size_t last_end_ = 0;  // just behind the last token taken
};

}  // namespace mcuc

#endif  // MCUC_LIB_IR_TEXTCURSOR_H
