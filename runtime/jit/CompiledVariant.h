// A variant as it will run: each kernel compiled, with the schedule that the machine code decided for.
#ifndef JVPGEN_RUNTIME_JIT_COMPILEDVARIANT_H
#define JVPGEN_RUNTIME_JIT_COMPILEDVARIANT_H

#include "runtime/jit/Compile.h"

namespace jvpgen {

struct CompiledVariant {
  KernelVariant variant;               ///< with the schedules that were taken
  std::vector<CompiledKernel> kernels; ///< one for each launch, in their order
};

/// Compiles every launch. A kernel that is rejected gives way to the next schedule's that is to be tried; where all
/// are, the first stays: slow, not wrong.
Result<CompiledVariant> compileVariant(const KernelBundle &bundle, const KernelVariant &variant, const Target &target,
                                       KernelCompiler &compiler, unsigned threads = 0);

/// Why a kernel gives way to another schedule's, in words; empty if it does not.
std::string rejection(const Launch &launch, const CompiledKernel &kernel);

/// The launch's own schedule, then those that may take its place, in their order: of a kernel for warpgroups the other
/// legal ones, of another those with fewer streamed rows.
std::vector<Schedule> schedulesToTry(const Launch &launch, const Target &target);

/// One legal schedule of a launch, what became of it, and what is thought of that.
struct ScheduleReport {
  Schedule schedule;
  CompiledKernel kernel;
  bool is_taken = false;
  std::string verdict; ///< "default", "legal", "rejected because ...", "taken in the default's place", ...
};

/// Every legal schedule of a launch, its own first.
Result<std::vector<ScheduleReport>> compileSchedules(const KernelBundle &bundle, const Launch &launch,
                                                     const Target &target, KernelCompiler &compiler,
                                                     unsigned threads = 0);

} // namespace jvpgen

#endif
