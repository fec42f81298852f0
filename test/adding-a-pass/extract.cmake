# Takes the three files out of docs/adding-a-pass.md: each is the fenced block behind a line `path`: of its own. The
# table's block is added to the table there is.
file(READ ${PAGE} page)

function(block_of path result)
  set(head "\n`${path}`:\n\n```")
  string(FIND "${page}" "${head}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${PAGE} has no block for ${path}")
  endif()
  string(SUBSTRING "${page}" ${at} -1 rest)
  string(LENGTH "${head}" length)
  string(SUBSTRING "${rest}" ${length} -1 rest)
  string(FIND "${rest}" "\n" begin)  # behind the language
  math(EXPR begin "${begin} + 1")
  string(SUBSTRING "${rest}" ${begin} -1 rest)
  string(FIND "${rest}" "\n```" end)
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${rest}" 0 ${end} text)
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

block_of(lib/Passes/DropZeroBias.cpp pass)
file(WRITE ${OUT}/DropZeroBias.cpp "${pass}")
block_of(test/Passes/drop-zero-bias.mcu test)
file(WRITE ${OUT}/drop-zero-bias.mcu "${test}")
block_of(include/mcuc/Passes/Passes.def row)
file(READ ${PASSES} table)
file(WRITE ${OUT}/include/mcuc/Passes/Passes.def "${table}${row}")
