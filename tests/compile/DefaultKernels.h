// What is asked of every kernel with its default schedule, on any arch: registers suffice, compiling is quick, it can
// be launched.
#ifndef JVPGEN_TESTS_COMPILE_DEFAULTKERNELS_H
#define JVPGEN_TESTS_COMPILE_DEFAULTKERNELS_H

#include "compiler/spec/AttentionSpec.h"
#include <string>

namespace jvpgen {

/// Compiles the default variant of each program of `spec` for `arch`, without a cache, one kernel after another. None
/// spills or takes 3 seconds of a processor. Without NVRTC this is a failure.
void expectDefaultKernels(const AttentionSpec &spec, const std::string &arch);

/// The same of the references of one program: each text compiles for `arch` in 6 seconds of a processor.
void expectReferences(const AttentionSpec &spec, const std::string &program, const std::string &arch);

} // namespace jvpgen

#endif
