// Schedules pinned for training that has to be reproducible: what is not exactly as pinned is an error.
#ifndef JVPGEN_DB_FROZEN_H
#define JVPGEN_DB_FROZEN_H

#include "db/Trial.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "schedule/Division.h"
#include "support/Result.h"

#include <string_view>

namespace jvpgen {

struct FrozenKernel {
  TrialKernel kernel;
  Division division;        ///< which of its blocks are divided for this shape, and into how many parts
  std::string cubin_sha256; ///< of the machine code that it was compiled to
  bool operator==(const FrozenKernel &) const = default;
};

/// One program, shape and GPU model, and how it runs: the variant (which sweeps there are), the schedule of each
/// kernel, the division of its blocks, its machine code. A file of these takes the database's place.
struct FrozenProgram {
  TrialProblem problem;
  TrialDevice device;
  std::string variant;
  std::vector<FrozenKernel> kernels;
  bool operator==(const FrozenProgram &) const = default;
};

using FrozenSchedules = std::vector<FrozenProgram>;

/// JSON text.
std::string printFrozen(const FrozenSchedules &frozen);
Result<FrozenSchedules> parseFrozen(std::string_view text);

/// Replaces the entry of the same problem and GPU model, or adds one.
void pin(FrozenSchedules &frozen, FrozenProgram program);

/// The entry for a shape on a GPU (name, arch and multiprocessors); an error where there is none.
Result<const FrozenProgram *> findFrozen(const FrozenSchedules &frozen, const TrialProblem &problem,
                                         const TrialDevice &device);

/// The bundle's variant with the pinned schedules; an error where they are not legal or are another bundle's.
Result<KernelVariant> frozenVariant(const FrozenProgram &pinned, const KernelBundle &bundle, const Target &target);

/// Whether machine code of a launch is the pinned one, byte by byte.
Result<void> checkFrozenCode(const FrozenProgram &pinned, size_t launch, std::string_view cubin);

/// Whether a launch divides its blocks as pinned: sums of parts round otherwise than those of whole blocks.
Result<void> checkFrozenDivision(const FrozenProgram &pinned, size_t launch, const Division &division);

} // namespace jvpgen

#endif
