# Compiles ISLE rules into a target:
#   gantry_add_isle(TARGET NAME x64_lower CONTEXT gantry::isa::x64::LowerContext NAMESPACE gantry::isa::x64::rules
#     SOURCES rules/alu.isle … [SHARDS n] [PREFIX X64_LOWER] [INCLUDES "gantry/isa/x64/lower_inl.h" …]
#     [HEADER_INCLUDES "gantry/isa/x64/types.h" …] [FAILURE function] [MULTI_CAPACITY n] [COVERAGE] [SHAPES] [COUNTED])
# Makes ${GANTRY_GEN_DIR}/gantry/gen/isle/NAME/{rules.h,rules.N.cpp} at build time; rules.h is included as
# "gantry/gen/isle/NAME/rules.h". SOURCES may be generated files. COVERAGE adds rules_table.cpp, SHAPES makes shapes.inc (isle/shapes.h).
# COUNTED rules count how often they fire if the build has GANTRY_RULE_COVERAGE (at most one such set a namespace).
# docs/reference/isle-cpp-contract.md says what the context must have.
function(gantry_add_isle target)
  cmake_parse_arguments(ARG "COVERAGE;SHAPES;COUNTED" "NAME;SHARDS;CONTEXT;NAMESPACE;PREFIX;FAILURE;MULTI_CAPACITY"
    "INCLUDES;HEADER_INCLUDES;INHERITED;SOURCES" ${ARGN})
  if(NOT ARG_NAME OR NOT ARG_SOURCES)
    message(FATAL_ERROR "gantry_add_isle needs NAME and SOURCES")
  endif()
  if(NOT ARG_SHARDS)
    set(ARG_SHARDS 1)
  endif()
  set(dir ${GANTRY_GEN_DIR}/gantry/gen/isle/${ARG_NAME})
  set(sources)
  foreach(source ${ARG_SOURCES})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    list(APPEND sources ${source})
  endforeach()
  set(shards)
  if(ARG_SHARDS EQUAL 1)
    set(shards ${dir}/rules.cpp)
  else()
    math(EXPR last "${ARG_SHARDS} - 1")
    foreach(i RANGE ${last})
      list(APPEND shards ${dir}/rules.${i}.cpp)
    endforeach()
  endif()
  set(options --shards ${ARG_SHARDS} --header ${dir}/rules.h --header-as gantry/gen/isle/${ARG_NAME}/rules.h
    --strip-prefix ${PROJECT_SOURCE_DIR}/src/gantry/ --strip-prefix ${PROJECT_SOURCE_DIR}/ --strip-prefix ${GANTRY_GEN_DIR}/)
  foreach(option CONTEXT NAMESPACE PREFIX FAILURE MULTI_CAPACITY)
    if(ARG_${option})
      string(TOLOWER ${option} name)
      string(REPLACE _ - name ${name})
      list(APPEND options --${name} ${ARG_${option}})
    endif()
  endforeach()
  if(GANTRY_LEAVES_APART)
    list(APPEND options --leaves-apart)
  endif()
  set(counting)
  if(ARG_COUNTED AND GANTRY_RULE_COVERAGE)
    set(ARG_COVERAGE TRUE)
    set(ISLE_NAME ${ARG_NAME})
    set(ISLE_NAMESPACE ${ARG_NAMESPACE})
    configure_file(${PROJECT_SOURCE_DIR}/cmake/rule_counts.h.in ${dir}/rule_counts.h @ONLY)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/rule_counts.cpp.in ${dir}/rule_counts.cpp @ONLY)
    set(counting ${dir}/rule_counts.cpp)
    list(PREPEND ARG_INCLUDES gantry/gen/isle/${ARG_NAME}/rule_counts.h)
  endif()
  foreach(include ${ARG_INCLUDES})
    list(APPEND options --include ${include})
  endforeach()
  foreach(include ${ARG_HEADER_INCLUDES})
    list(APPEND options --header-include ${include})
  endforeach()
  foreach(suffix ${ARG_INHERITED})
    list(APPEND options --inherited ${suffix})
  endforeach()
  set(table)
  if(ARG_COVERAGE)
    set(table ${dir}/rules_table.cpp)
    list(APPEND options --coverage-table ${table})
  endif()
  set(shapes)
  if(ARG_SHAPES)
    set(shapes ${dir}/shapes.inc)
    list(APPEND options --shapes ${shapes})
  endif()
  # islec leaves unchanged files alone; the stamp tells the build that it has run.
  add_custom_command(OUTPUT ${dir}/rules.stamp
    BYPRODUCTS ${dir}/rules.h ${shards} ${table} ${shapes}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
    COMMAND islec -o ${dir}/rules.cpp ${options} ${sources}
    COMMAND ${CMAKE_COMMAND} -E touch ${dir}/rules.stamp
    DEPENDS islec ${sources}
    COMMENT "islec ${ARG_NAME}"
    VERBATIM)
  add_custom_target(isle_${ARG_NAME} DEPENDS ${dir}/rules.stamp)
  add_dependencies(${target} isle_${ARG_NAME})
  set_source_files_properties(${shards} ${table} ${dir}/rules.h PROPERTIES GENERATED TRUE)
  if(counting)  # it includes the table
    set_source_files_properties(${counting} PROPERTIES OBJECT_DEPENDS ${dir}/rules.stamp)
    set(table ${counting})
  endif()
  set_source_files_properties(${shards} ${table} PROPERTIES SKIP_UNITY_BUILD_INCLUSION TRUE
    COMPILE_OPTIONS "-O2;-g0;-Wno-maybe-uninitialized;-Wno-unused-variable;-Wno-unused-but-set-variable;-Wno-unused-parameter;-Wno-unused-function;-Wno-unknown-warning-option")
  target_sources(${target} PRIVATE ${shards} ${table})
endfunction()
