// Row sweeps for the skeleton of Hopper: whether it runs one, and the policy that it then takes.
#ifndef JVPGEN_COMPILER_EMIT_HOPPERTEXT_H
#define JVPGEN_COMPILER_EMIT_HOPPERTEXT_H

#include "compiler/emit/SweepText.h"

namespace jvpgen {

/// As sweepText, for templates/hopper_sweep.cuh: the sweep, and behind it the kernel that joins divided blocks, if they
/// can be. An error of kind Unsupported says why the portable skeleton has to take over.
Result<std::vector<KernelText>> hopperText(const SweepProgram &program, const std::string &kernel,
                                           const std::string &title, llvm::ArrayRef<TensorInfo> kept);

} // namespace jvpgen

#endif
