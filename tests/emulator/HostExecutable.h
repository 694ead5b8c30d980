// An emitted variant compiled by the host's compiler and run by the emulator, behind the interface that the GPU's has.
#ifndef JVPGEN_TESTS_EMULATOR_HOSTEXECUTABLE_H
#define JVPGEN_TESTS_EMULATOR_HOSTEXECUTABLE_H

#include "runtime/abi/Executable.h"
#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace jvpgen {

struct HostBuild {
  std::filesystem::path folder; ///< where texts and libraries are kept; equal texts are compiled once
  std::string compiler = "clang++-22";
  bool eager_copies = false;                  ///< of the machine
  int multiprocessors = 3;                    ///< that grids are made for
  std::vector<std::string> options = {"-O1"}; ///< with sanitizers, those that the test itself is built with
};

/// What this program itself was built with, for kernels that it loads.
HostBuild hostBuild(std::filesystem::path folder);

/// Compiles the variant's kernels with the schedules that stand in it. The result runs on the calling thread.
Result<std::unique_ptr<Executable>> prepareOnHost(const KernelBundle &bundle, const KernelVariant &variant,
                                                  const HostBuild &build);

} // namespace jvpgen

#endif
