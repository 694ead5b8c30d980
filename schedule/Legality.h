// Which schedules a kernel can run with on a target, and why not; the one that it runs with unless told otherwise.
#ifndef JVPGEN_SCHEDULE_LEGALITY_H
#define JVPGEN_SCHEDULE_LEGALITY_H

#include "runtime/abi/Target.h"
#include "schedule/Schedule.h"
#include "support/Result.h"
#include <vector>

namespace jvpgen {

/// Dynamic shared memory of one block.
int sharedBytes(const ResourceModel &model, const Schedule &schedule);

/// Nothing, or the reason in words: what was asked, what stands in the way, what to do.
Result<void> legal(const ResourceModel &model, const Schedule &schedule, const Target &target);

/// Whether a legal schedule's sums and scores are no more than a thread's registers hold: the smallest tiles are legal
/// even where they are more.
bool fitsRegisters(const ResourceModel &model, const Schedule &schedule);

/// The schedule without measurements: a pure function of the kernel and the target.
Schedule defaultSchedule(const ResourceModel &model, const Target &target);

/// Legal schedules that differ from this one by fewer streamed rows; the most rows first. None of a kernel for
/// warpgroups.
std::vector<Schedule> shorterSchedules(const ResourceModel &model, const Schedule &schedule, const Target &target);

/// Whether ptxas is expected to spill unless it leaves loads where they stand.
bool isCrowded(const ResourceModel &model, const Schedule &schedule);

/// Every legal schedule, the default first.
std::vector<Schedule> legalSchedules(const ResourceModel &model, const Target &target);

} // namespace jvpgen

#endif
