// What a runtime asks when it prepares a program: the variant and the schedules to run it with.
#ifndef JVPGEN_DB_LOOKUP_H
#define JVPGEN_DB_LOOKUP_H

#include "db/Database.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"

namespace jvpgen {

struct TunedVariant {
  KernelVariant variant; ///< ready to be compiled: the bundle's, with the schedules that were found
  Match match = Match::Default;
  bool is_default = true; ///< also where tuning has found nothing better
  double ratio = 1;       ///< its time over the default's, as measured
  std::string notice;     ///< empty with an exact match; a warning with Match::Default, worth saying once
};

/// Looks the program up for a shape and a GPU, of which `device` has name, arch and multiprocessors. Schedules that are
/// not legal for this bundle and target are not used. `source` is what the user would give to `jvpgen tune`: the path
/// of the specification or of the bundle. An error only if the bundle lacks the program. Waits for nobody longer than
/// DatabaseLayers::read_wait.
Result<TunedVariant> tunedVariant(Database &database, const KernelBundle &bundle, const std::string &program,
                                  const Problem &shape, const TrialDevice &device, const Target &target,
                                  const std::string &source);

/// Every tuned variant that a look-up can answer with for a program on GPUs of an arch, each once: what machine code is
/// made of in advance. Trials of other templates or beside another default do not count.
Result<std::vector<KernelVariant>> tunedVariants(Database &database, const KernelBundle &bundle,
                                                 const std::string &program, const std::string &arch);

/// "jvpgen tune SOURCE --programs forward --shapes 2x4x1000x63".
std::string tuneCommand(const std::string &source, const std::string &program, const Problem &shape);

} // namespace jvpgen

#endif
