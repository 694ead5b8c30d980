# What is installed: the program, both libraries, their headers, and how CMake and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/jvpgen)
install(TARGETS jvpgen RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS jvpgen_runtime jvpgen_compiler EXPORT jvpgenTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY runtime/c/include/jvpgen compiler/c/include/jvpgen DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES third_party/dlpack/dlpack.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/jvpgen)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES third_party/dlpack/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.dlpack)

if(NOT JVPGEN_STATIC) # then they need the LLVM that they were built with
  set_property(TARGET jvpgen jvpgen_compiler APPEND PROPERTY INSTALL_RPATH ${LLVM_LIBRARY_DIR})
endif()

install(EXPORT jvpgenTargets NAMESPACE jvpgen:: DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/jvpgenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/jvpgenConfig.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/jvpgenTargets.cmake)\n")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/jvpgenConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/jvpgenConfigVersion.cmake
        DESTINATION ${package})

# The files say where they are themselves, so that an installation can be moved.
file(RELATIVE_PATH pkgconfig_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(name jvpgen jvpgen-compiler)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
