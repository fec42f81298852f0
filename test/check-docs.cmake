# Fails where docs/passes.md is not what the compiler prints. To bring it up to date: mcuc-opt --docs=passes > docs/passes.md
execute_process(COMMAND ${MCUC_OPT} --docs=passes OUTPUT_VARIABLE printed RESULT_VARIABLE result)
file(READ ${DOCS}/passes.md kept)
if(result OR NOT printed STREQUAL kept)
  message(FATAL_ERROR "docs/passes.md is out of date: mcuc-opt --docs=passes > docs/passes.md")
endif()
