// A candidate on a GPU with its workspace, replayed from a CUDA graph and timed by events.
#ifndef JVPGEN_TUNER_TIMEDRUN_H
#define JVPGEN_TUNER_TIMEDRUN_H

#include "runtime/abi/Executable.h"
#include "runtime/launch/LaunchGraph.h"
#include <memory>
#include <optional>

namespace jvpgen::tuner {

class TimedRun {
public:
  /// Allocates the workspace.
  static Result<TimedRun> create(std::unique_ptr<Executable> executable, const Problem &problem,
                                 const TensorMap &tensors, DevicePointer device);

  const Executable &program() const { return *executable; }
  int64_t workspaceBytes() const { return int64_t(workspace.size()); }

  /// Queues one call and waits for it.
  Result<void> once(const Stream &stream) const;

  /// Records the graph of one call.
  Result<void> capture(const Stream &stream);

  /// Microseconds that one of `calls` replays takes, all queued at once.
  Result<double> time(const Stream &stream, int calls) const;

  /// How many calls make a sample of `sample_us`, from a first few; from one alone if that takes `hopeless_us`.
  Result<void> calibrate(const Stream &stream, double sample_us, double hopeless_us = 1e300);
  int calls() const { return batch; }
  double estimateUs() const { return estimate; }

private:
  TimedRun(std::unique_ptr<Executable> executable, const Problem &problem, const TensorMap &tensors,
           DevicePointer device, DeviceBuffer workspace, Event begin, Event end)
      : executable(std::move(executable)), problem(problem), tensors(tensors), device(std::move(device)),
        workspace(std::move(workspace)), begin(std::move(begin)), end(std::move(end)) {}
  std::unique_ptr<Executable> executable;
  Problem problem;
  TensorMap tensors;
  DevicePointer device;
  DeviceBuffer workspace;
  Event begin, end;
  std::optional<LaunchGraph> graph;
  int batch = 1;
  double estimate = 0;
};

} // namespace jvpgen::tuner

#endif
