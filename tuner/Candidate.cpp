#include "tuner/Candidate.h"

#include "schedule/ScheduleFields.h"

using namespace jvpgen;
using namespace jvpgen::tuner;

Candidate tuner::candidateOf(const KernelVariant &variant) {
  Candidate out{variant.variant, {}};
  for (const Launch &launch : variant.launches) out.schedules.push_back(launch.schedule);
  return out;
}

Result<KernelVariant> tuner::variantOf(const KernelBundle &bundle, const std::string &program,
                                       const Candidate &candidate) {
  for (const KernelVariant &variant : bundle.variants) {
    if (variant.program != program || variant.variant != candidate.variant) continue;
    if (variant.launches.size() != candidate.schedules.size()) break;
    KernelVariant out = variant;
    for (size_t k = 0; k < out.launches.size(); ++k) {
      if (variant.launches[k].schedule == variant.schedule) out.schedule = candidate.schedules[k];
      out.launches[k].schedule = candidate.schedules[k];
    }
    return out;
  }
  return fail(ErrorKind::Invalid, "the program " + program + " of the bundle '" + bundle.name +
                                      "' was asked for with the variant '" + candidate.variant + "' and " +
                                      std::to_string(candidate.schedules.size()) +
                                      " schedules; it has none of this form; emit the bundle again");
}

std::string tuner::candidateName(const KernelVariant &variant) {
  std::string out;
  for (const Launch &launch : variant.launches)
    if (launch.resources.is_sweep) out += (out.empty() ? "" : "; ") + scheduleName(launch.schedule);
  return variant.variant + ": " + out;
}
