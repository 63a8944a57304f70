# Fails when FILE is not what metagen writes; OUT is a file to write to.
execute_process(COMMAND ${METAGEN} --reference ${OUT} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "metagen --reference failed")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${OUT} ${FILE} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${FILE} is stale: build the target update_reference")
endif()
