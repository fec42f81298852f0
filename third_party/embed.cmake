# Writes OUT, a C++ file that holds each of FILES as text: mcuc::RuntimeFiles() in lib/Emit.
set(text "// Generated from runtime/ by third_party/embed.cmake.\n#include \"mcuc/Emit/RuntimeText.h\"\n\nnamespace mcuc {\n\nconst std::vector<RuntimeFile>& RuntimeFiles() {\n  static const std::vector<RuntimeFile> files = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  # String literals of at most 60,000 characters, the most every compiler takes.
  string(LENGTH "${content}" length)
  if(length GREATER 60000)
    message(FATAL_ERROR "${file} has ${length} characters; a kernel file has at most 60000")
  endif()
  string(APPEND text "      {\"${name}\", R\"__mcuc__(${content})__mcuc__\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace mcuc\n")
file(WRITE ${OUT} "${text}")
