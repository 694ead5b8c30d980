// Schedules of kernels whose warpgroups have roles (Hopper): what fits into registers and shared memory.
#ifndef JVPGEN_SCHEDULE_WARPGROUPS_H
#define JVPGEN_SCHEDULE_WARPGROUPS_H

#include "runtime/abi/Target.h"
#include "schedule/Schedule.h"
#include "support/Result.h"
#include <vector>

namespace jvpgen {

/// Dynamic shared memory: HopperPlacement of templates/hopper_sweep.cuh.
int warpgroupSharedBytes(const ResourceModel &model, const Schedule &schedule);
Result<void> warpgroupLegal(const ResourceModel &model, const Schedule &schedule, int shared_limit);
/// The longest tile that leaves registers to spare, and as many slots as fit; no schedule if none is legal.
Schedule warpgroupSchedule(const ResourceModel &model, int shared_limit);
/// Every legal schedule: the default, then shorter tiles, which take fewer registers, then longer ones.
std::vector<Schedule> warpgroupSchedules(const ResourceModel &model, int shared_limit);

} // namespace jvpgen

#endif
