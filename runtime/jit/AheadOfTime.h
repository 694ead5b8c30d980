// Machine code for named archs into a bundle, so that whoever loads it needs no compiler.
#ifndef JVPGEN_RUNTIME_JIT_AHEADOFTIME_H
#define JVPGEN_RUNTIME_JIT_AHEADOFTIME_H

#include "runtime/jit/CompiledVariant.h"

namespace jvpgen {

/// Compiles what preparing the variant on an arch will ask for, and puts it into the bundle in the place of what it may
/// have of the same. Of a kernel that is rejected for its machine code, that one is there too: who prepares comes to
/// the same verdict. Machine code that the bundle has already is not taken for an answer.
Result<void> addMachineCode(KernelBundle &bundle, const KernelVariant &variant, const std::string &arch,
                            KernelCompiler &compiler, unsigned threads = 0);

/// Names of files with machine code that compiling the bundle's texts here does not give; an error where this machine's
/// NVRTC is not the one that made them.
Result<std::vector<std::string>> differingMachineCode(const KernelBundle &bundle, KernelCompiler &compiler);

} // namespace jvpgen

#endif
