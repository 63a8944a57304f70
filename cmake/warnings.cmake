# Flags every target of the project is compiled with. The libraries are built without exceptions and
# RTTI (docs/adr/0001-error-model.md); tools and tests link libraries that throw and keep both.
add_library(gantry_flags INTERFACE)
target_compile_options(gantry_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wno-missing-field-initializers
  # Clang sees that stable_sort of libstdc++ 12 calls a function which that library calls deprecated.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  $<$<BOOL:${GANTRY_WERROR}>:-Werror>)
target_compile_definitions(gantry_flags INTERFACE $<$<BOOL:${GANTRY_CHECKED}>:GANTRY_CHECKED=1>)
if(GANTRY_SANITIZE)
  target_compile_options(gantry_flags INTERFACE -fsanitize=${GANTRY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    -fno-sanitize=vptr)  # it needs RTTI, which the libraries are built without
  target_link_options(gantry_flags INTERFACE -fsanitize=${GANTRY_SANITIZE})
endif()

add_library(gantry_library_flags INTERFACE)
target_link_libraries(gantry_library_flags INTERFACE gantry_flags)
target_compile_options(gantry_library_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
