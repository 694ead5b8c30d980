// A variant of a program with a schedule for each of its launches: what is measured.
#ifndef JVPGEN_TUNER_CANDIDATE_H
#define JVPGEN_TUNER_CANDIDATE_H

#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include <string>
#include <vector>

namespace jvpgen::tuner {

struct Candidate {
  std::string variant;
  std::vector<Schedule> schedules; ///< in the order of the variant's launches, passes included
  bool operator==(const Candidate &) const = default;
};

/// The variant with the schedules that stand in it.
Candidate candidateOf(const KernelVariant &variant);

/// The bundle's variant with the candidate's schedules; their legality is not asked again.
Result<KernelVariant> variantOf(const KernelBundle &bundle, const std::string &program, const Candidate &candidate);

/// "row+col: tile_m 64, tile_n 32, warps 4, stages 2; tile_m 32, ...": the variant and the schedules of its sweeps.
std::string candidateName(const KernelVariant &variant);

} // namespace jvpgen::tuner

#endif
