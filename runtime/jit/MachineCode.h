// Kernels that were compiled ahead of time and travel in a bundle: which of them fits, and how they get there.
#ifndef JVPGEN_RUNTIME_JIT_MACHINECODE_H
#define JVPGEN_RUNTIME_JIT_MACHINECODE_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "runtime/jit/TranslationUnit.h"
#include <string>
#include <vector>

namespace jvpgen {

/// SHA-256 over the texts and options that machine code was made from, whichever compiler made it.
std::string machineCodeKey(const TranslationUnit &unit, const Launch &launch, const Schedule &schedule,
                           const std::string &arch);

/// Whether machine code for one arch runs on another: the same one, or a later one of the same major version. What is
/// named with an "a" runs on that one alone.
bool runsOn(std::string_view code_arch, std::string_view arch);

/// The bundle's machine code of these very texts for this launch, schedule and target; null if it has none.
const MachineCode *findMachineCode(const KernelBundle &bundle, const TranslationUnit &unit, const Launch &launch,
                                   const Schedule &schedule, const Target &target);

} // namespace jvpgen

#endif
