# Fails when FILE is not what `GANTRY reference PAGE` prints.
execute_process(COMMAND ${GANTRY} reference ${PAGE} OUTPUT_VARIABLE actual RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "gantry reference ${PAGE} failed")
endif()
file(READ ${FILE} expected)
if(NOT actual STREQUAL expected)
  message(FATAL_ERROR "${FILE} is stale: write it with `gantry reference ${PAGE} > ${FILE}`")
endif()
