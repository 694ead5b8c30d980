// What a trial says of a bundle: names and digests that do not depend on how its specification is called.
#ifndef JVPGEN_DB_BUNDLETRIALS_H
#define JVPGEN_DB_BUNDLETRIALS_H

#include "db/Trial.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "support/Result.h"

namespace jvpgen {

/// The kernel's name behind that of the bundle: "forward_row_row".
std::string launchName(const KernelBundle &bundle, const Launch &launch);

/// The launches of a variant with the schedules that stand in it.
std::vector<TrialKernel> kernelsOf(const KernelBundle &bundle, const KernelVariant &variant);

/// SHA-256 over names and texts of the templates, which are the same for every specification: the headers (*.cuh) but
/// for those that bear the name of a launch's source.
std::string templateDigest(const KernelBundle &bundle);

/// candidateDigest of the program's first variant; empty if the bundle does not have the program.
std::string defaultDigest(const KernelBundle &bundle, const std::string &program);

/// The bundle's variant with a trial's schedules, each found legal again; the reason in words if they do not fit.
Result<KernelVariant> applied(const KernelBundle &bundle, const std::string &program, const std::string &variant,
                              const std::vector<TrialKernel> &kernels, const Target &target);

} // namespace jvpgen

#endif
