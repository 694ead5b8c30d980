// Schedules from a file that pins them, for runs that have to be reproducible.
#ifndef JVPGEN_RUNTIME_LAUNCH_PINNEDSCHEDULES_H
#define JVPGEN_RUNTIME_LAUNCH_PINNEDSCHEDULES_H

#include "runtime/launch/ScheduleSource.h"

namespace jvpgen {

/// The file that JVPGEN_FROZEN names, read once; null where it is unset. An error if it cannot be read or its path is
/// not absolute.
const Result<std::shared_ptr<const FrozenSchedules>> &pinnedByProcess();

/// What is pinned for the shape and the GPU; an error where nothing is, or another variant than the caller's.
ScheduleSource pinnedSchedules(std::shared_ptr<const FrozenSchedules> pinned);

} // namespace jvpgen

#endif
