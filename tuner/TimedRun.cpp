#include "tuner/TimedRun.h"

#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

Result<TimedRun> TimedRun::create(std::unique_ptr<Executable> executable, const Problem &problem,
                                  const TensorMap &tensors, DevicePointer device) {
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(device, executable->workspaceBytes(problem));
  if (!workspace) return tl::unexpected(workspace.error());
  Result<Event> begin = Event::create(device), end = Event::create(device);
  if (!begin || !end) return tl::unexpected(begin ? end.error() : begin.error());
  return TimedRun(std::move(executable), problem, tensors, std::move(device), std::move(*workspace), std::move(*begin),
                  std::move(*end));
}

Result<void> TimedRun::once(const Stream &stream) const {
  return executable->launch(problem, tensors, workspace.data(), stream.handle()).and_then([&] {
    return stream.synchronize();
  });
}

Result<void> TimedRun::capture(const Stream &stream) {
  Result<LaunchGraph> recorded = LaunchGraph::record(device, stream, "a candidate's launches", [&] {
    return executable->launch(problem, tensors, workspace.data(), stream.handle());
  });
  if (!recorded) return tl::unexpected(recorded.error());
  graph = std::move(*recorded);
  return {};
}

Result<double> TimedRun::time(const Stream &stream, int calls) const {
  if (Result<void> ok = begin.record(stream); !ok) return tl::unexpected(ok.error());
  for (int k = 0; k < calls; ++k)
    if (Result<void> ok = graph->replay(stream); !ok) return tl::unexpected(ok.error());
  if (Result<void> ok = end.record(stream); !ok) return tl::unexpected(ok.error());
  Result<double> milliseconds = Event::milliseconds(begin, end);
  if (!milliseconds) return milliseconds;
  return 1000 * *milliseconds / calls;
}

/// A first replay pays for loading and cold caches; the second counts, and is repeated where it is too short to see.
Result<void> TimedRun::calibrate(const Stream &stream, double sample_us, double hopeless_us) {
  constexpr int kMost = 1000;
  constexpr double kShort = 100;
  if (!graph)
    if (Result<void> ok = capture(stream); !ok) return ok;
  for (int calls : {1, 1, 10}) {
    if (calls > 1 && estimate > kShort) break;
    Result<double> us = time(stream, calls);
    if (!us) return tl::unexpected(us.error());
    estimate = *us;
    if (estimate > hopeless_us) break;
  }
  batch = int(std::clamp(sample_us / std::max(estimate, 0.1), 1.0, double(kMost)));
  return {};
}
