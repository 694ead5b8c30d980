// How long a program takes on a GPU: in turns with the ceiling, kernel by kernel, and without the host's part.
#ifndef JVPGEN_TOOLS_JVPGEN_CUDATIMING_H
#define JVPGEN_TOOLS_JVPGEN_CUDATIMING_H

#include "runtime/launch/Ceiling.h"
#include "runtime/launch/CudaExecutable.h"
#include "tools/jvpgen/Timing.h"

namespace jvpgen {

/// A launch that is ready to be repeated.
struct TimedCall {
  DevicePointer gpu;
  const CudaExecutable &executable;
  const Problem &problem;
  const TensorMap &views;
  void *workspace;
};

/// Everything that was asked for; `ceiling` may be null.
Result<Timing> timeCall(const TimedCall &call, const TimingOptions &how, const Ceiling *ceiling);

/// Each kernel between two events of its own. An event takes about a microsecond, and no kernel starts before the one
/// in front of it has ended: the sum is a little more than the program takes.
Result<std::vector<LaunchTime>> timeByLaunch(const TimedCall &call, int rounds);

/// Microseconds of the GPU's time: what 200 calls in a graph take longer than 100, for each of these 100.
Result<double> graphSlope(const TimedCall &call, int rounds);

} // namespace jvpgen

#endif
