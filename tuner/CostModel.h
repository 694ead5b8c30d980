// How long a launch would take by the resource model alone: an order in which to try schedules, no prediction.
#ifndef JVPGEN_TUNER_COSTMODEL_H
#define JVPGEN_TUNER_COSTMODEL_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/abi/Target.h"

namespace jvpgen::tuner {

/// Clocks, in units of its own: compare only what one launch takes with different schedules.
double estimateClocks(const Launch &launch, const Schedule &schedule, const Target &target, const Problem &problem);

} // namespace jvpgen::tuner

#endif
