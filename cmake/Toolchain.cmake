# Compiler flags, and the packages that the project builds on.
find_program(JVPGEN_CCACHE ccache)
if(JVPGEN_CCACHE)
  # A precompiled header is cached only if its time stamp is ignored.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${JVPGEN_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections $<$<CONFIG:MinSizeRel>:-s>)
if(JVPGEN_SANITIZE)
  add_compile_options(-fsanitize=${JVPGEN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${JVPGEN_SANITIZE})
endif()

# Debian keeps several LLVM versions side by side; 22.1 is the one whose interface this project uses.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS}) # what mlir_tablegen searches
separate_arguments(JVPGEN_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# The compiler's headers for MLIR, and nothing to link: a program links mlir_link once, at the end.
add_library(mlir_headers INTERFACE)
target_include_directories(mlir_headers SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
target_compile_definitions(mlir_headers INTERFACE ${JVPGEN_LLVM_DEFINITIONS})
target_compile_options(mlir_headers INTERFACE -Wno-deprecated-declarations)

add_library(mlir_link INTERFACE)
if(JVPGEN_STATIC)
  # The exported static targets all name the shared libraries, so the archives are named here; lld takes what is used.
  file(GLOB JVPGEN_ARCHIVES ${LLVM_LIBRARY_DIR}/libMLIR*.a ${LLVM_LIBRARY_DIR}/libLLVM*.a)
  list(FILTER JVPGEN_ARCHIVES EXCLUDE REGEX "libMLIR(CAPI|Test|[A-Za-z]*LspServer)|libLLVM(BOLT|Exegesis|FuzzerCLI)")
  find_library(JVPGEN_ZSTD NAMES libzstd.a REQUIRED)
  find_library(JVPGEN_Z NAMES libz.a REQUIRED)
  target_link_libraries(mlir_link INTERFACE ${JVPGEN_ARCHIVES} ${JVPGEN_ZSTD} ${JVPGEN_Z} pthread dl m)
  target_link_options(mlir_link INTERFACE -static-libstdc++ -static-libgcc)
else()
  target_link_libraries(mlir_link INTERFACE MLIR LLVM pthread dl)
endif()

# Tests link the shared libraries: the objects are the same, and many static links of MLIR cost minutes.
add_library(mlir_link_shared INTERFACE)
target_link_libraries(mlir_link_shared INTERFACE MLIR LLVM pthread dl)
