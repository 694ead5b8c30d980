// Everything that can be measured for one program: its variants, and the legal schedules of each one's sweeps.
#ifndef JVPGEN_TUNER_SEARCHSPACE_H
#define JVPGEN_TUNER_SEARCHSPACE_H

#include "runtime/abi/Problem.h"
#include "runtime/abi/Target.h"
#include "tuner/Candidate.h"

namespace jvpgen::tuner {

/// The schedules of one sweep, the cheapest by the model first.
struct Axis {
  size_t launch = 0;
  std::vector<Schedule> schedules;
  std::vector<double> clocks; ///< of the model, one for each
};

struct VariantSpace {
  Candidate standard; ///< with the schedules that were emitted
  std::vector<Axis> axes;
};

/// The launches of a variant run one after the other, so that each one's schedule can be chosen by itself: the points
/// of a variant are its axes' schedules with the other axes held, and not their products.
class SearchSpace {
public:
  static Result<SearchSpace> create(const KernelBundle &bundle, const std::string &program, const Target &target,
                                    const Problem &problem);

  /// The program's default: the first variant as it was emitted.
  const Candidate &standard() const { return variants.front().standard; }

  const VariantSpace *find(const std::string &variant) const;

  /// Points, each axis by itself.
  size_t size() const;

  /// The model's clocks of all sweeps together.
  double clocks(const Candidate &candidate) const;

  std::vector<VariantSpace> variants;
};

/// The same candidate with another schedule on one axis.
Candidate replaced(Candidate candidate, const Axis &axis, const Schedule &schedule);

} // namespace jvpgen::tuner

#endif
