# Fails with clang-format's findings where a source file is not formatted.
file(GLOB_RECURSE sources ${ROOT}/include/*.h ${ROOT}/lib/*.cpp ${ROOT}/lib/*.h ${ROOT}/tools/*.cpp ${ROOT}/tools/*.h
     ${ROOT}/runtime/*.h ${ROOT}/runtime/*.c ${ROOT}/test/*.cpp ${ROOT}/test/*.h ${ROOT}/test/*.c)
execute_process(COMMAND ${CLANG_FORMAT} --dry-run --Werror ${sources} RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "run clang-format -i on the files above")
endif()
