// Where a program's variant and schedules for one shape come from: the bundle itself, or what was measured.
#ifndef JVPGEN_RUNTIME_LAUNCH_SCHEDULESOURCE_H
#define JVPGEN_RUNTIME_LAUNCH_SCHEDULESOURCE_H

#include "db/Frozen.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/launch/Device.h"
#include <functional>
#include <memory>
#include <string>

namespace jvpgen {

/// How well a choice fits the shape that was asked for.
enum class ScheduleMatch { Exact, Neighbour, Architecture, Default, Pinned };
constexpr const char *name(ScheduleMatch match) {
  constexpr const char *names[] = {"exact", "neighbour", "architecture", "default", "pinned"};
  return names[static_cast<int>(match)];
}

struct ScheduleChoice {
  KernelVariant variant; ///< of the bundle, with the schedules that its launches shall run with; all of them legal
  ScheduleMatch match = ScheduleMatch::Default;
  std::string warning;                         ///< what the user should know of this choice; empty if nothing
  std::shared_ptr<const FrozenProgram> pinned; ///< whose machine code it has to become; null if that is free
};

/// Asked once for each shape that is prepared, never by a launch. May be asked by many threads at once. `variant` is
/// empty unless the caller insists on one.
using ScheduleSource = std::function<Result<ScheduleChoice>(const KernelBundle &bundle, const std::string &program,
                                                            const std::string &variant, const Problem &problem,
                                                            const DeviceFacts &device)>;

/// The bundle's own variants and schedules, whatever the shape.
ScheduleSource bundledSchedules();

} // namespace jvpgen

#endif
