# Compiler options that every target of the project shares.
add_library(osb_options INTERFACE)
target_include_directories(osb_options INTERFACE ${PROJECT_SOURCE_DIR})
# No fuse, no implicit narrowing, no shadowing: see CONTRIBUTING.md.
target_compile_options(osb_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                             -Wnon-virtual-dtor -Woverloaded-virtual)
# g++ 12 takes a designated initializer that leaves a member at its default for a mistake.
target_compile_options(osb_options INTERFACE -Wno-missing-field-initializers)
# Its optimiser takes moves inside std::string for writes beyond the end (GCC bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(osb_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overread)
endif()
if(OSB_WERROR)
  target_compile_options(osb_options INTERFACE -Werror)
endif()
# 64-bit file offsets also on 32-bit machines.
target_compile_definitions(osb_options INTERFACE _FILE_OFFSET_BITS=64 OSB_VERSION="${PROJECT_VERSION}")

if(OSB_SANITIZE)
  target_compile_options(osb_options INTERFACE -fsanitize=${OSB_SANITIZE} -fno-omit-frame-pointer)
  if(OSB_SANITIZE MATCHES "undefined")
    target_compile_options(osb_options INTERFACE -fno-sanitize-recover=all)
  endif()
  target_link_options(osb_options INTERFACE -fsanitize=${OSB_SANITIZE})
endif()

# The hardening that distributions build with, in every optimised build: the package of Debian is then the program that was tested.
# (Without optimisation there is no _FORTIFY_SOURCE. A compiler may set it to another number, hence -U.) Its cost is in docs/performance.md.
# The sources are named relative to the project, so that two builds in two places are the same.
if(OSB_HARDEN AND NOT OSB_SANITIZE)
  set(OSB_OPTIMISED "$<CONFIG:Release,RelWithDebInfo,MinSizeRel>")
  target_compile_options(osb_options INTERFACE
    "$<${OSB_OPTIMISED}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2;-fstack-protector-strong;-fPIE;-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.>")
  target_link_options(osb_options INTERFACE "$<${OSB_OPTIMISED}:-pie;-Wl,-z,relro,-z,now>")
endif()

find_program(OSB_CCACHE ccache)
if(OSB_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without the two, ccache leaves every unit with a precompiled header alone (its manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${OSB_CCACHE})
endif()

# osb_precompile(TARGET HEADER): reads HEADER once for all units of the target.
function(osb_precompile TARGET HEADER)
  if(OSB_PRECOMPILE)
    target_precompile_headers(${TARGET} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${HEADER}>")
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # The time of a header is not part of what ccache compares.
      target_compile_options(${TARGET} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    else()
      target_compile_options(${TARGET} PRIVATE -fpch-preprocess)
    endif()
  endif()
endfunction()

# osb_unite(TARGET): with OSB_UNITY, compiles the target's sources sixteen at a time. Most of a source's time goes into the headers and
# templates that it shares with its neighbours. Processor time of a build with sanitizers: 450 s by fours, 400 s by eights, 325 s by
# sixteens; of a release build: 475 s one by one, 265 s by sixteens. A source then sees the unnamed namespaces of those before it: no two
# files of a module may define the same name there. Off in `debug`: there each source has to include what it uses, and the compiler warns
# of a function in an unnamed namespace that nobody calls, as it does in a main file only.
function(osb_unite TARGET)
  if(OSB_UNITY)
    set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # It takes all but the main file for headers, in which a class must not hold what an unnamed namespace has.
      target_compile_options(${TARGET} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
endfunction()

# Programs of 100 MB are linked, with sanitizers: a fast linker halves the time that takes.
if(OSB_BUILD_TESTS OR OSB_BUILD_FUZZERS)
  find_program(OSB_MOLD mold)
  if(OSB_MOLD)
    target_link_options(osb_options INTERFACE -fuse-ld=mold)
  endif()
endif()

# musl gives threads 128 KiB of stack unless the program says more; trees are walked by recursion (kMaxDepth).
# (mold of Debian 12 does not know the option, and glibc does not need it.)
if(NOT OSB_MOLD)
  target_link_options(osb_options INTERFACE -Wl,-z,stack-size=2097152)
endif()

# osb_optimise(TARGET): some optimisation in builds with sanitizers, for the modules that work on every byte. Their tests take half of
# the time.
function(osb_optimise TARGET)
  if(OSB_SANITIZE)
    target_compile_options(${TARGET} PRIVATE -O1)
  endif()
endfunction()

# osb_add_library(NAME SOURCES... LIBS...): one module, its public headers beside its sources.
function(osb_add_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(${NAME} PUBLIC osb_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  osb_precompile(${NAME} "${PROJECT_SOURCE_DIR}/base/precompiled.hh")
  osb_unite(${NAME})
endfunction()
